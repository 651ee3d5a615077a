"""What a forensic report must contain, and where this one has it: items R1 to R26, or `not given`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kit.page.language import marked, say, stored
from kit.page.part import Part, render
from kit.page.view import View

NOT_GIVEN = marked("not given")
METHODS, EVIDENCE, VERDICTS = "#methods-and-limits", "#evidence", "#verdicts-worst-first"


@dataclass(frozen=True)
class Item:
    """One item that a forensic report must contain, and where this one has it."""

    number: str
    text: str
    place: str
    href: str | None = None


ITEMS = (
    Item("R1", marked("Title, report id on every page, date of issue, version"), "report_id"),
    Item("R2", marked("Who examined: organisation, name, role, signature"), "examiner"),
    Item("R3", marked("For whom, and their case number"), "requester"),
    Item("R4", marked("Question asked, scope, what was not examined"), "question", EVIDENCE),
    Item("R5", marked("Items received, with condition"),
         marked("evidence table; day and way of receipt are not given"), EVIDENCE),
    Item("R6", marked("Hash at receipt, verified before and after"),
         marked("SHA-256 in the evidence table; ledger.jsonl holds both readings"), EVIDENCE),
    Item("R7", marked("Custody: who had access, when, why"),
         marked("ledger.jsonl from opening to issue; earlier steps are not given"), EVIDENCE),
    Item("R8", marked("Place and dates of the examination"), marked("date of issue in the head line; place not given")),
    Item("R9", marked("Method, tools, versions, settings"), marked("methods"), METHODS),
    Item("R10", marked("Enough detail to repeat and to reproduce"),
         marked("command and rule ids in methods; tables/ and manifest.json beside this page"), METHODS),
    Item("R11", marked("Limits and validation of the tool"), marked("limits; status of each rule"), METHODS),
    Item("R12", marked("Time base: zone, offsets, precision"), "clocks", "#clocks"),
    Item("R13", marked("Findings as facts, traceable to an item"),
         marked("records cited in each card: file, record, offset, hash"), VERDICTS),
    Item("R14", marked("Interpretation apart from fact"), marked("verdicts and decision list"), "#how-it-was-decided"),
    Item("R15", marked("Other explanations considered"), marked("in each card"), VERDICTS),
    Item("R16", marked("Uncertainty, limits, missing evidence"),
         marked("verdict scale; what is missing, in each card and on the first page"), "#what-could-not-be-read"),
    Item("R17", marked("Negative results and what absence proves"),
         marked("coverage figure; absence only inside covered intervals"), EVIDENCE),
    Item("R18", marked("Results relate only to the items examined"), marked("foot of the page and limits"), METHODS),
    Item("R19", marked("Summary for a manager, detail, appendix"),
         marked("first screen; figures and cards; evidence and records")),
    Item("R20", marked("What to do next, what to collect"), marked("actions with commands"), "#what-to-do-next"),
    Item("R21", marked("Chronology of events"), marked("timeline and table of all points"), "#what-happened"),
    Item("R22", marked("Disposition of the evidence, what was handed over"),
         marked("manifest.json lists what was handed over; disposition not given")),
    Item("R23", marked("Results from others marked"), marked("status and reference of each rule"), METHODS),
    Item("R24", marked("Changes after issue visible"),
         "amends"),
    Item("R25", marked("Final form that cannot be edited unnoticed"),
         marked("hashes in manifest.json; kit verify names a changed byte")),
    Item("R26", marked("Privacy: only what is needed, redaction listed"), "redaction"),
)  # fmt: skip


def required(view: View) -> Part:
    """The items R1 to R26 of a forensic report, each with its place in this one or marked as not given."""
    items = [Item(item.number, say(item.text), _place(view, item), item.href) for item in ITEMS]
    absent = sum(item.place.startswith(say(NOT_GIVEN)) for item in items)
    html = render("required.html.j2", items=items, absent=absent)
    about = {"present": len(items) - absent, "count": len(items), "absent": absent}
    return Part(html, say("{present} of {count} items present, {absent} not given.", **about))


def _place(view: View, item: Item) -> str:
    told = TOLD.get(item.place)
    return told(view) if told else say(item.place)


def _given(name: str, where: str, otherwise: str) -> Callable[[View], str]:
    """What the case says, with its place; else that it was not given."""

    def told(view: View) -> str:
        value = view.meta.get(name)
        return f"{say(where)}: {value}" if value else f"{say(NOT_GIVEN)}; {say(otherwise)}"

    return told


def _clocks(view: View) -> str:
    if view.rows("clocks"):
        return say("clocks, and the zone of each source")
    return say("zone of each source; no clock could be compared")


def _amends(view: View) -> str:
    entry: Mapping[str, Any] | None = view.meta.get("amends")
    if entry is None:
        return say("report id changes with evidence, rules and policy; kit diff shows what changed")
    return say("amends report {number}: note under the head line, with what changed", number=entry.get("report_id"))


def _redaction(view: View) -> str:
    replaced: Mapping[str, Any] | None = view.meta.get("redaction")
    if replaced is None:
        return say("not redacted; kit share makes a redacted copy")
    told = ", ".join(f"{count} {stored(kind.lower())}" for kind, count in replaced.items())
    return say("redacted copy; replaced: {kinds}", kinds=told or say("nothing"))


SET = marked("set it in case.toml")
TOLD: dict[str, Callable[[View], str]] = {
    "report_id": _given("report_id", marked("head line and foot of every page"), SET),
    "examiner": _given("examiner", marked("head line; signature by hand or detached"), SET),
    "requester": _given("requester", marked("requester"), SET),
    "question": _given("question", marked("question"), marked("the scope is the evidence table")),
    "clocks": _clocks,
    "amends": _amends,
    "redaction": _redaction,
}
