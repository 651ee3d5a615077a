"""What the guest went through: errors by class, operations, and boots with what recovery did."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kit.page.folds import folds
from kit.page.language import Spoken, say, say_n
from kit.page.part import Part, render
from kit.page.signs import CLASSES, OUTCOMES, REQUESTORS, Sign
from kit.page.view import Row, View

SILENCE = Spoken({
    "benign_abort": "Yes, when I/O resumed for the same database before it and the run is a replication run",
    "genuine_failure": "No",
    "other_requestor": "No: it is another backup’s own failure or trace",
    "environment": "No: it names a cause to mend",
    "unexplained": "No: nothing explains it yet",
    "background_noise": "Yes",
    "normal": "Not an error",
})  # fmt: skip
READABLE = ("read", "partial")
MOST_OPERATIONS = 60  # operations of a machine that stand open
KINDS = 60  # kinds of unexplained records that a page lists
ERRORS = tuple(name for name in CLASSES if name != "normal")


@dataclass(frozen=True)
class ClassLine:
    """A class of events: how many records, from which sources, and whether monitoring may be silenced."""

    sign: Sign
    count: int
    what: str
    silence: str


def error_classes(view: View) -> Part:
    """The judged records by class, normal ones left out, with a sum."""
    judged = view.judged[view.judged["class"] != "normal"]
    lines = [_class_line(judged[judged["class"] == name], name) for name in ERRORS if (judged["class"] == name).any()]
    normal = int((view.judged["class"] == "normal").sum())
    html = render("classes.html.j2", lines=lines, total=len(judged), normal=normal)
    return Part(html, "\n".join(f"{line.sign.word}: {line.count}" for line in lines) or say("No error was judged."))


def _class_line(found: pd.DataFrame, name: str) -> ClassLine:
    pairs = found.groupby([found["provider"].fillna("?"), "event_id"], dropna=False, observed=True, sort=True).size()
    by_provider: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for (provider, event_id), count in pairs.sort_values(ascending=False, kind="stable").items():
        by_provider[str(provider)].append((event_id, count))
    said = [
        f"{provider} {', '.join(_id(event_id) for event_id, _ in ids[:6])}".strip()
        for provider, ids in by_provider.items()
    ]
    what = "; ".join(said[:6])
    if len(said) > 6:
        what = say("{first} and {count} more sources", first=what, count=len(said) - 6)
    return ClassLine(CLASSES[name], len(found), what, SILENCE[name])


def _id(event_id: Any) -> str:
    return say("(no id)") if event_id is None or event_id is pd.NA or event_id != event_id else str(int(event_id))


def operations(view: View) -> Part:
    """Every VSS operation: time, requestor and why, freeze, abort, outcome, databases.

    Of many those that are not as usual stand in front, all of them folded below.
    """
    found = [(fold, view.of(fold.vm, view.operations.values())) for fold in folds(view)]
    found = [(fold, rows) for fold, rows in found if rows]
    html = render(
        "operations.html.j2",
        machines=found,
        most=MOST_OPERATIONS,
        usual=("benign_abort", "clean"),
        when=view.when,
        outcomes=OUTCOMES,
        requestors=REQUESTORS,
    )
    counts = Counter(row["outcome"] for row in view.operations.values())
    told = "; ".join(f"{OUTCOMES.get(name, name)}: {count}" for name, count in counts.items())
    return Part(html, told or say("No operation."))


@dataclass(frozen=True)
class Unexplained:
    """Records of one kind that no rule explains: what, how many, when, in which files, and one of them as example."""

    origin: str
    count: int
    first: str
    last: str
    paths: list[str]
    record: Any
    text: str


def unexplained(view: View) -> Part:
    """The records that no rule explains, by kind with an example: the list to read before anything is silenced."""
    found = view.judged[view.judged["class"] == "unexplained"]
    kinds = found.groupby([found["provider"].fillna("?"), found["event_id"].astype("float")], dropna=False, sort=True)
    lines = sorted((_kind(view, str(key[0]), own) for key, own in kinds), key=lambda line: -line.count)
    html = render("unexplained.html.j2", lines=lines[:KINDS], total=len(found), more=len(lines[KINDS:]))
    return Part(html, say_n(len(found), "{count} unexplained record.", "{count} unexplained records."))


def _kind(view: View, provider: str, own: pd.DataFrame) -> Unexplained:
    times = own["time_utc"].dropna()
    first, last = (view.when.second(times.iloc[place].to_pydatetime()) if len(times) else "–" for place in (0, -1))
    example = next(iter(view.events(own["uid"].iloc[:1])), {})
    text = example.get("message") or " | ".join(example.get("strings") or []) or say("(no text in the record)")
    event_id = own["event_id"].iloc[0]
    paths = sorted({view.path(source) for source in own["source_id"].dropna().unique()})
    origin = provider if pd.isna(event_id) else f"{provider} {int(event_id)}"
    return Unexplained(origin, len(own), first, last, paths, example.get("record_id"), text)


def boots(view: View) -> Part:
    """Every boot: what it started from, what it proves, and whether the log covers it to the end of recovery."""
    found = list(view.boots.values())
    tests = [row for row in found if row["test_failover"]]
    html = render(
        "boots.html.j2",
        boots=tests,
        given=any(
            row["role"] == "test_failover_guest" and row["status"] in READABLE for row in view.rows("sources")
        ),
        others=len(found) - len(tests),
        when=view.when,
        point=view.point_by_id.get,
        methods=LINKED,
    )
    others = len(found) - len(tests)
    return Part(html, say("{count} boots of a test failover, {others} others.", count=len(tests), others=others))


LINKED = Spoken({
    "declared": "declared in case.toml",
    "export": "named in an export",
    "image_time": "time of the image",
    "latest": "latest state, no listed point",
    "none": "not linked",
})  # fmt: skip


STRENGTHS = Spoken({"strong": "strong", "weak": "weak"})


def recovered(view: View) -> Part:
    """What recovery did to each database in each test-failover boot; zero is a recorded zero, a dash is no record."""
    rows: list[tuple[Row, Row]] = []
    for row in view.rows("recoveries"):
        boot = view.boots.get(row["boot_id"])
        if boot and boot["test_failover"]:
            rows.append((boot, row))
    html = render("recovered.html.j2", rows=rows, strengths=STRENGTHS, when=view.when, point=view.point_by_id.get)
    return Part(html, say("{count} databases in test-failover boots.", count=len(rows)))
