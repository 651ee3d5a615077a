"""Methods, limits, rules used, and the list of what a forensic report must contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kit.errors import RuleError
from kit.page.part import Part, render
from kit.page.view import View
from kit.page.when import listed

NOT_GIVEN = "not given"
LIMITS = (
    (
        "Results relate only to the items examined.",
        "They say nothing about other machines, other days or points that no longer exist.",
    ),
    (
        "Facts and interpretation stand apart.",
        "Records, counts and times are facts. Verdicts and classes are interpretation: they follow from the decision "
        "list above and from nothing else.",
    ),
    ("The host’s label is the statement under test.", "It is never used as evidence for itself."),
    ("Absence is claimed only inside a covered interval.", "Where a log has a gap, silence means nothing."),
    (
        "Consistent per database is not consistent across databases.",
        "Transactions that span two databases may end differently in one image.",
    ),
    (
        "Success of a Hyper-V snapshot leaves no known record in the guest.",
        "Texts of the host are matched by words where no event number is confirmed.",
    ),
    (
        "A rollback count needs its context.",
        "A VSS copy of SQL Server may hold open transactions that recovery rolls back; both readings are printed "
        "wherever they differ.",
    ),
)
STATUS_WORDS = {
    "validated": "validated on real logs",
    "documented": "documented",
    "field-report": "from field reports",
    "inferred": "inferred",
}


def methods(view: View) -> Part:
    """Limits of the method, then versions, policy and counts of rules."""
    meta = view.meta
    counts = Counter(rule["status"] or "not known" for rule in _rules_used(view))
    said = listed([f"{count} {STATUS_WORDS.get(name, name)}" for name, count in counts.most_common()])
    html = render(
        "methods.html.j2",
        limits=LIMITS,
        meta=meta,
        used=sum(counts.values()),
        said=said,
        versions=_versions(meta.get("versions")),
    )
    return Part(
        html, f"Policy {meta.get('policy')}; kit {meta.get('kit_version')}; {sum(counts.values())} rules matched."
    )


def _versions(given: Any) -> str:
    if isinstance(given, dict):
        return ", ".join(f"{name} {version}" for name, version in sorted(given.items()))
    return str(given) if given else NOT_GIVEN


def rules_used(view: View) -> Part:
    """Every rule that matched a record of the report, with meaning, status, reference and number of records."""
    found = _rules_used(view)
    html = render("rules.html.j2", rules=found, statuses=STATUS_WORDS)
    return Part(html, f"{len(found)} rules matched.")


def _rules_used(view: View) -> list[dict[str, Any]]:
    matches = view.analysis.matches
    counts = matches["rule_id"].value_counts()
    known = _known_rules()
    statuses = matches.drop_duplicates("rule_id").set_index("rule_id")["status"]
    rows = []
    for rule_id, count in sorted(counts.items(), key=lambda pair: str(pair[0])):
        rule = known.get(str(rule_id))
        status = statuses.get(rule_id)
        rows.append(
            {
                "rule_id": str(rule_id),
                "count": int(count),
                "status": None if pd.isna(status) else str(status),
                "meaning": getattr(rule, "meaning", None),
                "reference": "; ".join(getattr(rule, "reference", ())),
            }
        )
    return rows


def _known_rules() -> dict[str, Any]:
    from kit import rules

    try:
        return dict(rules.load().by_id)
    except RuleError:
        return {}


@dataclass(frozen=True)
class Item:
    """One item that a forensic report must contain, and where this one has it."""

    number: str
    text: str
    place: str
    href: str | None = None


def required(view: View) -> Part:
    """The items R1 to R26 of a forensic report, each with its place in this one or marked as not given."""
    items = [Item(*row) for row in _required(view)]
    absent = sum(item.place.startswith(NOT_GIVEN) for item in items)
    html = render("required.html.j2", items=items, absent=absent)
    return Part(html, f"{len(items) - absent} of {len(items)} items present, {absent} not given.")


def _redaction(meta: Mapping[str, Any]) -> str:
    replaced = meta.get("redaction")
    if replaced is None:
        return "not redacted; kit share makes a redacted copy"
    told = ", ".join(f"{count} {kind.lower()}" for kind, count in replaced.items())
    return f"redacted copy; replaced: {told or 'nothing'}"


def _required(view: View) -> list[tuple[str, str, str, str | None]]:
    meta = view.meta

    def given(name: str, place: str) -> str:
        value = meta.get(name)
        return f"{place}: {value}" if value else f"{NOT_GIVEN}; set it in case.toml"

    clocks = bool(view.rows("clocks"))
    return [
        (
            "R1",
            "Title, report id on every page, date of issue, version",
            given("report_id", "head line and foot of every page"),
            None,
        ),
        (
            "R2",
            "Who examined: organisation, name, role, signature",
            given("examiner", "head line; signature by hand or detached"),
            None,
        ),
        ("R3", "For whom, and their case number", given("requester", "requester"), None),
        (
            "R4",
            "Question asked, scope, what was not examined",
            given("question", "question") if meta.get("question") else f"{NOT_GIVEN}; the scope is the evidence table",
            "#evidence",
        ),
        ("R5", "Items received, with condition", "evidence table; day and way of receipt are not given", "#evidence"),
        (
            "R6",
            "Hash at receipt, verified before and after",
            "SHA-256 in the evidence table; ledger.jsonl holds both readings",
            "#evidence",
        ),
        (
            "R7",
            "Custody: who had access, when, why",
            "ledger.jsonl from opening to issue; earlier steps are not given",
            "#evidence",
        ),
        ("R8", "Place and dates of the examination", "date of issue in the head line; place not given", None),
        ("R9", "Method, tools, versions, settings", "methods", "#methods-and-limits"),
        (
            "R10",
            "Enough detail to repeat and to reproduce",
            "command and rule ids in methods; tables/ and manifest.json beside this page",
            "#methods-and-limits",
        ),
        ("R11", "Limits and validation of the tool", "limits; status of each rule", "#methods-and-limits"),
        (
            "R12",
            "Time base: zone, offsets, precision",
            "clocks, and the zone of each source" if clocks else "zone of each source; no clock could be compared",
            "#clocks",
        ),
        (
            "R13",
            "Findings as facts, traceable to an item",
            "records cited in each card: file, record, offset, hash",
            "#verdicts-worst-first",
        ),
        ("R14", "Interpretation apart from fact", "verdicts and decision list", "#how-it-was-decided"),
        ("R15", "Other explanations considered", "in each card", "#verdicts-worst-first"),
        (
            "R16",
            "Uncertainty, limits, missing evidence",
            "verdict scale; what is missing, in each card and on the first page",
            "#what-could-not-be-read",
        ),
        (
            "R17",
            "Negative results and what absence proves",
            "coverage figure; absence only inside covered intervals",
            "#evidence",
        ),
        ("R18", "Results relate only to the items examined", "foot of the page and limits", "#methods-and-limits"),
        (
            "R19",
            "Summary for a manager, detail, appendix",
            "first screen; figures and cards; evidence and records",
            None,
        ),
        ("R20", "What to do next, what to collect", "actions with commands", "#what-to-do-next"),
        ("R21", "Chronology of events", "timeline and table of all points", "#what-happened"),
        (
            "R22",
            "Disposition of the evidence, what was handed over",
            "manifest.json lists what was handed over; disposition not given",
            None,
        ),
        ("R23", "Results from others marked", "status and reference of each rule", "#methods-and-limits"),
        (
            "R24",
            "Changes after issue visible",
            "report id changes with evidence, rules and policy; kit diff shows what changed",
            None,
        ),
        (
            "R25",
            "Final form that cannot be edited unnoticed",
            "hashes in manifest.json; kit verify names a changed byte",
            None,
        ),
        (
            "R26",
            "Privacy: only what is needed, redaction listed",
            _redaction(meta),
            None,
        ),
    ]
