"""Verdict cards, worst first: what was concluded, why, what speaks against it, what else was tried, what is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from markupsafe import Markup

from kit.page import records
from kit.page.part import Part, render
from kit.page.signs import CLAIMS, PATTERNS, VERDICTS
from kit.page.strip import guilty_databases
from kit.page.view import Point, Row, View, worst_first
from kit.page.when import listed
from kit.reasoning.verdicts import DECISION_LIST

_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
ALONE = ("contradicted", "confirmed")  # verdicts whose points get a card each
MOST_ALONE = 12  # after so many cards of one verdict in one VM the rest shares one


@dataclass(frozen=True)
class Reason:
    """A statement with the finding it stands in and how well its rule is established."""

    text: str
    finding_id: str
    status: str | None
    database: str | None


@dataclass(frozen=True)
class Card:
    """One point, or one of several that rest on the same reasons."""

    point: Point
    alike: list[Point]
    says: str
    about: str
    claim: str
    pattern: str
    because: list[Reason]
    against: list[Reason]
    alternatives: list[str]
    missing: list[str]
    readings: list[str]
    databases: list[Row] = field(default_factory=list)
    records: Markup = field(default_factory=Markup)
    cited: int = 0


def cards(view: View) -> Part:
    """The cards of all points, worst first; points that rest on the same reasons share one, the newest in front."""
    made = [(vm, [_card(view, group) for group in groups(view, vm)]) for vm in view.vms]
    made = [(vm, found) for vm, found in made if found]
    html = render("cards.html.j2", machines=made, several=len(view.vms) > 1)
    lines = [f"{card.point.label} {VERDICTS[card.point.word].word}: {card.says}" for _, found in made for card in found]
    return Part(html, "\n".join(lines) or "No recovery point is in the case, so there is no verdict.")


def shown(view: View) -> list[str]:
    """Anchors of the points that stand in front of a card."""
    return [group[0].anchor for vm in view.vms for group in groups(view, vm)]


def groups(view: View, vm: str) -> list[list[Point]]:
    """Points of a VM in cards, worst first: each contradicted or confirmed one alone, the others by their reasons."""
    made: dict[object, list[Point]] = defaultdict(list)
    alone: dict[str, int] = defaultdict(int)
    for point in sorted(worst_first(view.points_of(vm)), key=_rank):
        alone[point.word] += 1
        single = point.word in ALONE and alone[point.word] <= MOST_ALONE
        made[point.id if single else _reasons(view, point)].append(point)
    return list(made.values())


def _rank(point: Point) -> int:
    """Worst first; a point without a claim whose snapshot failed stands before the good ones, the others last."""
    order = ["contradicted", "inconclusive", "failed", "supported", "confirmed", "no_claim"]
    failed = point.word == "no_claim" and point.verdict["pattern"] in ("genuine_failure", "mixed")
    return order.index("failed" if failed else point.word)


def _reasons(view: View, point: Point) -> tuple[object, ...]:
    row = point.verdict
    rules = tuple(sorted({view.findings[i]["rule_id"] or "" for i in point.finding_ids if i in view.findings}))
    databases = tuple(sorted((str(own["database"]), str(own["verdict"])) for own in point.databases))
    return point.word, row["row_id"], row["pattern"], point.row["claimed"], rules, databases


def _card(view: View, group: list[Point]) -> Card:
    point, *alike = group
    row = point.verdict
    uids = records.evidence_of(view, point)
    return Card(
        point=point,
        alike=sorted(alike, key=lambda other: other.label and view.points.index(other)),
        says=says(point),
        about=_about(view, point, alike),
        claim=_claim(point),
        pattern=PATTERNS.get(row["pattern"], row["pattern"] or "not known"),
        because=_statements(view, point, "because"),
        against=_statements(view, point, "against"),
        alternatives=_distinct(row["alternatives"] or []),
        missing=row["missing"] or [],
        readings=_readings(point),
        databases=point.databases,
        records=records.table(view, uids),
        cited=len(view.events(uids)),
    )


def _claim(point: Point) -> str:
    kind = point.row["snapshot_type"]
    claim = CLAIMS.get(point.row["claimed"], "not known")
    return f"labelled {claim}" if point.claims else f"{claim}, type {kind or 'not known'}"


def _about(view: View, point: Point, alike: list[Point]) -> str:
    said = [", ".join(guilty_databases(point)), _claim(point)]
    if alike:
        said.append(f"example for {len(alike) + 1}")
    return "; ".join(word for word in said if word)


def _readings(point: Point) -> list[str]:
    cited = [point.verdict, *point.databases]
    return list(dict.fromkeys(text for row in cited for text in row["readings"] or []))


def _statements(view: View, point: Point, side: str) -> list[Reason]:
    """The findings of one side: those of the VM first, then what only a database adds."""
    found: dict[str, Reason] = {}
    for row in [point.verdict, *point.databases]:
        for finding_id in row[side] or []:
            finding = view.findings.get(finding_id)
            if finding and finding_id not in found:
                found[finding_id] = Reason(finding["statement"], finding_id, finding["status"], finding["database"])
    return _merged(list(found.values()))


def _merged(reasons: list[Reason]) -> list[Reason]:
    """Reasons that say the same of several databases as one, with the databases in front."""
    same: dict[str, list[Reason]] = defaultdict(list)
    for reason in reasons:
        key = reason.text.replace(reason.database, "\0") if reason.database else reason.text
        same[key].append(reason)
    return [group[0] if len(group) == 1 else _several(group) for group in same.values()]


def _several(group: list[Reason]) -> Reason:
    names = list(dict.fromkeys(reason.database for reason in group if reason.database))
    first = group[0]
    if not names or first.database is None:
        return first
    head, colon, rest = first.text.partition(":")
    if head.rsplit("\\", 1)[-1] == first.database:
        text = f"{head.removesuffix(first.database)}{listed(names)}{colon}{rest}"
    else:
        text = f"{listed(names)}: {first.text}"
    return Reason(text, f"{first.finding_id} and {len(group) - 1} more", first.status, None)


def _distinct(texts: list[str]) -> list[str]:
    """The texts without those that differ from an earlier one only in a number."""
    return list({_NUMBERS.sub("#", text): text for text in reversed(texts)}.values())[::-1]


def says(point: Point) -> str:
    """The verdict of a point as one or two sentences."""
    text = _SAYS.get((point.word, point.verdict["pattern"])) or _SAYS[point.word, ""]
    guilty = guilty_databases(point)
    if point.word == "contradicted":
        return f"{_LABEL}, but {_speaks_against(point)}.{' Its other databases are judged better.' if guilty else ''}"
    if point.word == "inconclusive" and guilty:
        return f"{text} That is so for {listed(guilty)}; the other databases are judged better."
    return text


def _speaks_against(point: Point) -> str:
    """The deciding row in words; a rollback with its counts."""
    row = next((row for row in DECISION_LIST if row.row_id == point.verdict["row_id"]), None)
    told = [f"{own['rolled_back']} transactions in {own['shown']}" for own in point.databases if own["rolled_back"]]
    if row is not None and "E9" in row.when and told:
        return f"its test failover rolled back {listed(told)}, which nothing explains"
    return row.text if row is not None else "the evidence speaks against it"


_LABEL = "The host labels this point application-consistent"
_CLAIM = "The host claims application consistency"
_FROZE = "The guest froze and thawed every database"
_UNTESTED = "Only a test failover of this point is missing."
_SAYS: dict[tuple[str, str], str] = {
    ("contradicted", ""): f"{_LABEL}, and the evidence speaks against it.",
    ("inconclusive", ""): f"{_CLAIM}, but the evidence given cannot settle it. The label alone proves nothing.",
    ("inconclusive", "not_covered"): (
        f"{_CLAIM}, but no guest log of that time can be read. The label alone proves nothing."
    ),
    ("inconclusive", "none_seen"): f"{_CLAIM}, but the guest’s logs cover that time and show no operation.",
    ("no_claim", ""): "The point claims no application consistency, so there is nothing to test.",
    ("no_claim", "genuine_failure"): (
        "The snapshot failed in the guest, and the host made a point that claims nothing: the list is correct here."
    ),
    ("supported", ""): f"{_FROZE}, and nothing failed. {_UNTESTED}",
    ("supported", "benign_abort"): f"{_FROZE}, and the abort came after the thaw. {_UNTESTED}",
    ("confirmed", ""): (
        "Tested: the test failover of exactly this point recovered every database and rolled back nothing unexplained."
    ),
}
