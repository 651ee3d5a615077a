"""Verdict cards, worst first: what was concluded, why, what speaks against it, what else was tried, what is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from kit import words
from kit.page import records
from kit.page.folds import folds
from kit.page.language import Spoken, marked, say, say_n, stored
from kit.page.part import Part, render
from kit.page.signs import CLAIMS, PATTERNS, VERDICTS
from kit.page.strip import guilty_databases
from kit.page.view import Point, Row, View, worst_first
from kit.page.when import listed
from kit.reasoning.verdicts import DECISION_LIST
from kit.reasoning.verdicts import Row as DecisionRow

_COMMAND = re.compile(r"(.*?: )((?:[A-Z][a-z]+-[A-Z][A-Za-z]+|wevtutil|tzutil|w32tm|sqlcmd) \S.*)")
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
STATUSES = Spoken({"documented": "documented", "field-report": "from field reports", "inferred": "inferred"})
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
    missing: list[tuple[str, str]]  # what, and the command that collects it
    readings: list[str]
    databases: list[Row] = field(default_factory=list)
    records: Markup = field(default_factory=Markup)
    cited: int = 0


def cards(view: View) -> Part:
    """The cards of all points, worst first; points that rest on the same reasons share one, the newest in front."""
    made = [(fold, [_card(view, group) for group in groups(view, fold.vm)]) for fold in folds(view)]
    made = [(fold, found) for fold, found in made if found]
    html = render("cards.html.j2", machines=made, statuses=STATUSES)
    lines = [f"{card.point.label} {VERDICTS[card.point.word].word}: {card.says}" for _, found in made for card in found]
    return Part(html, "\n".join(lines) or say("No recovery point is in the case, so there is no verdict."))


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
        pattern=PATTERNS.get(row["pattern"], row["pattern"] or say("not known")),
        because=_statements(view, point, "because"),
        against=_statements(view, point, "against"),
        alternatives=[stored(text) for text in _distinct(row["alternatives"] or [])],
        missing=[_apart(stored(text)) for text in row["missing"] or []],
        readings=_readings(point),
        databases=point.databases,
        records=records.table(view, uids),
        cited=len(view.events(uids)),
    )


def _apart(text: str) -> tuple[str, str]:
    """What is missing, and the command at its end; an empty one where none stands there."""
    found = _COMMAND.fullmatch(text)
    return (found[1], found[2]) if found else (text, "")


def _claim(point: Point) -> str:
    claim = CLAIMS.get(point.row["claimed"], say("not known"))
    if point.claims:
        return say("labelled {claim}", claim=claim)
    return say("{claim}, type {type}", claim=claim, type=point.row["snapshot_type"] or say("not known"))


def _about(view: View, point: Point, alike: list[Point]) -> str:
    said = [", ".join(guilty_databases(point)), _claim(point)]
    if alike:
        said.append(say("example for {count}", count=len(alike) + 1))
    return "; ".join(word for word in said if word)


def _readings(point: Point) -> list[str]:
    cited = [point.verdict, *point.databases]
    return [stored(text) for text in dict.fromkeys(text for row in cited for text in row["readings"] or [])]


def _statements(view: View, point: Point, side: str) -> list[Reason]:
    """The findings of one side: those of the VM first, then what only a database adds."""
    found: dict[str, Reason] = {}
    for row in [point.verdict, *point.databases]:
        for finding_id in row[side] or []:
            finding = view.findings.get(finding_id)
            if finding and finding_id not in found:
                found[finding_id] = Reason(finding["statement"], finding_id, finding["status"], finding["database"])
    names = sorted({own["shown"] for own in point.databases})
    return [replace(reason, text=stored(reason.text, names)) for reason in _merged(list(found.values()))]


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
        text = f"{head.removesuffix(first.database)}{words.listed(names, len(names))}{colon}{rest}"
    else:
        text = f"{words.listed(names, len(names))}: {first.text}"
    shown_id = say("{first} and {count} more", first=first.finding_id, count=len(group) - 1)
    return Reason(text, shown_id, first.status, None)


def _distinct(texts: list[str]) -> list[str]:
    """The texts without those that differ from an earlier one only in a number; its range of numbers is said instead.

    `the freeze lasted 1.3 s` and `the freeze lasted 1.4 s` become `the freeze lasted 1.3 to 1.4 s`.
    """
    same: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        same[_NUMBERS.sub("#", text)].append(text)
    return [_ranged(group) for group in same.values()]


def _ranged(group: list[str]) -> str:
    """One text for several that differ only in numbers: each number that differs as the range of what is said."""
    numbers = [_NUMBERS.findall(text) for text in group]
    ranges = iter(_range(sorted(set(column), key=_value)) for column in zip(*numbers, strict=True))
    return _NUMBERS.sub(lambda _: next(ranges), group[0])


def _range(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}"


def _value(text: str) -> float:
    return float(text.replace(",", ""))


def says(point: Point) -> str:
    """The verdict of a point as one or two sentences."""
    guilty = guilty_databases(point)
    if point.word == "contradicted":
        said = say("The host labels this point application-consistent, but {reason}.", reason=_speaks_against(point))
        return f"{said} {say('Its other databases are judged better.')}" if guilty else said
    if point.word == "supported" and (counts := _unexplained_counts(point)):
        return say(
            "The guest froze and thawed every database, but the test failover of this point rolled back {counts}, "
            "which nothing explains: both readings stand below.", counts=counts,
        )  # fmt: skip
    said = say(_SAYS.get((point.word, point.verdict["pattern"])) or _SAYS[point.word, ""])
    if point.word == "inconclusive" and guilty:
        so = say("That is so for {databases}; the other databases are judged better.", databases=listed(guilty))
        return f"{said} {so}"
    return said


def _speaks_against(point: Point) -> str:
    """The deciding row in words; a rollback with its counts."""
    if counts := _unexplained_counts(point):
        return say("its test failover rolled back {counts}, which nothing explains", counts=counts)
    row = _row_of(point)
    return stored(row.text) if row is not None else say("the evidence speaks against it")


def _row_of(point: Point) -> DecisionRow | None:
    return next((row for row in DECISION_LIST if row.row_id == point.verdict["row_id"]), None)


def _unexplained_counts(point: Point) -> str:
    """The rollbacks of a point that a row on unexplained rollbacks decided: `7 transactions in Sales`."""
    row = _row_of(point)
    if row is None or "false" not in row.when.get("E9", ()):
        return ""
    return listed([_rolled_back(own) for own in point.databases if own["rolled_back"]])


def _rolled_back(row: Row) -> str:
    return say_n(
        row["rolled_back"], "{count} transaction in {database}", "{count} transactions in {database}",
        database=row["shown"],
    )  # fmt: skip


_SAYS: dict[tuple[str, str], str] = {
    ("inconclusive", ""): marked(
        "The host claims application consistency, but the evidence given cannot settle it. "
        "The label alone proves nothing."
    ),
    ("inconclusive", "not_covered"): marked(
        "The host claims application consistency, but no guest log of that time can be read. "
        "The label alone proves nothing."
    ),
    ("inconclusive", "none_seen"): marked(
        "The host claims application consistency, but the guest’s logs cover that time and show no operation."
    ),
    ("no_claim", ""): marked("The point claims no application consistency, so there is nothing to test."),
    ("no_claim", "genuine_failure"): marked(
        "The snapshot failed in the guest, and the host made a point that claims nothing: the list is correct here."
    ),
    ("no_claim", "mixed"): marked(
        "The snapshot failed for some databases, and the host made a point that claims nothing: the list is correct "
        "here."
    ),
    ("supported", ""): marked(
        "The guest froze and thawed every database, and nothing failed. Only a test failover of this point is missing."
    ),
    ("supported", "benign_abort"): marked(
        "The guest froze and thawed every database, and the abort came after the thaw. "
        "Only a test failover of this point is missing."
    ),
    ("confirmed", ""): marked(
        "Tested: the test failover of exactly this point recovered every database and rolled back nothing unexplained."
    ),
}
