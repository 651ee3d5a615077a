"""What a forensic report must contain, and where this one has it: items R1 to R26, or `not given`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kit.page.part import Part, render
from kit.page.view import View

NOT_GIVEN = "not given"
METHODS, EVIDENCE, VERDICTS = "#methods-and-limits", "#evidence", "#verdicts-worst-first"


@dataclass(frozen=True)
class Item:
    """One item that a forensic report must contain, and where this one has it."""

    number: str
    text: str
    place: str
    href: str | None = None


ITEMS = (
    Item("R1", "Title, report id on every page, date of issue, version", "report_id"),
    Item("R2", "Who examined: organisation, name, role, signature", "examiner"),
    Item("R3", "For whom, and their case number", "requester"),
    Item("R4", "Question asked, scope, what was not examined", "question", EVIDENCE),
    Item("R5", "Items received, with condition", "evidence table; day and way of receipt are not given", EVIDENCE),
    Item("R6", "Hash at receipt, verified before and after",
         "SHA-256 in the evidence table; ledger.jsonl holds both readings", EVIDENCE),
    Item("R7", "Custody: who had access, when, why",
         "ledger.jsonl from opening to issue; earlier steps are not given", EVIDENCE),
    Item("R8", "Place and dates of the examination", "date of issue in the head line; place not given"),
    Item("R9", "Method, tools, versions, settings", "methods", METHODS),
    Item("R10", "Enough detail to repeat and to reproduce",
         "command and rule ids in methods; tables/ and manifest.json beside this page", METHODS),
    Item("R11", "Limits and validation of the tool", "limits; status of each rule", METHODS),
    Item("R12", "Time base: zone, offsets, precision", "clocks", "#clocks"),
    Item("R13", "Findings as facts, traceable to an item",
         "records cited in each card: file, record, offset, hash", VERDICTS),
    Item("R14", "Interpretation apart from fact", "verdicts and decision list", "#how-it-was-decided"),
    Item("R15", "Other explanations considered", "in each card", VERDICTS),
    Item("R16", "Uncertainty, limits, missing evidence",
         "verdict scale; what is missing, in each card and on the first page", "#what-could-not-be-read"),
    Item("R17", "Negative results and what absence proves",
         "coverage figure; absence only inside covered intervals", EVIDENCE),
    Item("R18", "Results relate only to the items examined", "foot of the page and limits", METHODS),
    Item("R19", "Summary for a manager, detail, appendix", "first screen; figures and cards; evidence and records"),
    Item("R20", "What to do next, what to collect", "actions with commands", "#what-to-do-next"),
    Item("R21", "Chronology of events", "timeline and table of all points", "#what-happened"),
    Item("R22", "Disposition of the evidence, what was handed over",
         "manifest.json lists what was handed over; disposition not given"),
    Item("R23", "Results from others marked", "status and reference of each rule", METHODS),
    Item("R24", "Changes after issue visible",
         "report id changes with evidence, rules and policy; kit diff shows what changed"),
    Item("R25", "Final form that cannot be edited unnoticed",
         "hashes in manifest.json; kit verify names a changed byte"),
    Item("R26", "Privacy: only what is needed, redaction listed", "redaction"),
)  # fmt: skip


def required(view: View) -> Part:
    """The items R1 to R26 of a forensic report, each with its place in this one or marked as not given."""
    items = [Item(item.number, item.text, _place(view, item), item.href) for item in ITEMS]
    absent = sum(item.place.startswith(NOT_GIVEN) for item in items)
    html = render("required.html.j2", items=items, absent=absent)
    return Part(html, f"{len(items) - absent} of {len(items)} items present, {absent} not given.")


def _place(view: View, item: Item) -> str:
    told = TOLD.get(item.place)
    return told(view) if told else item.place


def _given(name: str, where: str, otherwise: str = "set it in case.toml") -> Callable[[View], str]:
    """What the case says, with its place; else that it was not given."""

    def told(view: View) -> str:
        value = view.meta.get(name)
        return f"{where}: {value}" if value else f"{NOT_GIVEN}; {otherwise}"

    return told


def _clocks(view: View) -> str:
    known = "clocks, and the zone of each source"
    return known if view.rows("clocks") else "zone of each source; no clock could be compared"


def _redaction(view: View) -> str:
    replaced: Mapping[str, Any] | None = view.meta.get("redaction")
    if replaced is None:
        return "not redacted; kit share makes a redacted copy"
    told = ", ".join(f"{count} {kind.lower()}" for kind, count in replaced.items())
    return f"redacted copy; replaced: {told or 'nothing'}"


TOLD: dict[str, Callable[[View], str]] = {
    "report_id": _given("report_id", "head line and foot of every page"),
    "examiner": _given("examiner", "head line; signature by hand or detached"),
    "requester": _given("requester", "requester"),
    "question": _given("question", "question", "the scope is the evidence table"),
    "clocks": _clocks,
    "redaction": _redaction,
}
