"""The answer as a sentence, generated from the verdicts: what a manager reads first and a ticket repeats."""

from __future__ import annotations

import itertools
from datetime import timedelta

from markupsafe import Markup

from kit.page.amended import amended, redacted
from kit.page.asked import answered
from kit.page.language import say, say_n, stored
from kit.page.part import Part, render
from kit.page.signs import VERDICTS
from kit.page.view import NO_VM, Point, Row, View
from kit.page.when import listed, number

ORDER = ("supported", "confirmed", "contradicted", "inconclusive")
ERROR = 2  # level of errors; 1 is critical
NAMED = 3  # exceptions that a sentence names; more are counted


def answer(view: View, vm: str) -> str:
    """The verdicts of one VM in a sentence.

    `Of 46 recovery points of SQLVM that claim application consistency (18 to 20 May 2014), 43 are supported, ...`
    """
    points = view.points_of(vm)
    about = {"of_vm": "" if vm == NO_VM else say(" of {vm}", vm=vm)}
    if not points:
        return _without_points(view, vm, about["of_vm"])
    claiming = [point for point in points if point.claims]
    about["days"] = _days(view, claiming or points)
    if not claiming:
        return say_n(
            len(points),
            "The one recovery point{of_vm}{days} does not claim application consistency.",
            "None of the {count} recovery points{of_vm}{days} claims application consistency.", **about,
        )  # fmt: skip
    counts = view.counts(claiming)
    said = [word for word in ORDER if counts[word]]
    if len(said) == 1:
        return _alike(len(claiming), said[0], about)
    return say(
        "Of {count} recovery points{of_vm} that claim application consistency{days}, {verdicts}.",
        count=number(len(claiming)), verdicts=judged(counts), **about,
    )  # fmt: skip


def judged(counts: dict[str, int]) -> str:
    """`43 are supported, 1 is contradicted and 1 cannot be judged`: verdicts that no point has are left out."""
    return listed([_count(counts[word], word) for word in ORDER if counts[word]])


def _count(count: int, word: str) -> str:
    if word == "inconclusive":
        return say_n(count, "{count} cannot be judged", "{count} cannot be judged")
    return say_n(count, "{count} is {verdict}", "{count} are {verdict}", verdict=VERDICTS[word].word)


def _alike(count: int, word: str, about: dict[str, str]) -> str:
    if word == "inconclusive":
        return say_n(
            count,
            "The one recovery point{of_vm} that claims application consistency{days} cannot be judged.",
            "None of the {count} recovery points{of_vm} that claim application consistency{days} can be judged.",
            **about,
        )
    return say_n(
        count,
        "The one recovery point{of_vm} that claims application consistency{days} is {verdict}.",
        "All {count} recovery points{of_vm} that claim application consistency{days} are {verdict}.",
        verdict=VERDICTS[word].word, **about,
    )  # fmt: skip


def _days(view: View, points: list[Point]) -> str:
    moments = [point.time for point in points if point.time]
    return f" ({view.when.days(min(moments), max(moments))})" if moments else ""


def _without_points(view: View, vm: str, of_vm: str) -> str:
    operations = view.of(vm, view.operations.values())
    if operations:
        return say_n(
            len(operations),
            "No recovery point{of_vm} is in the case, so none can be judged; the guest’s logs show one VSS operation.",
            "No recovery point{of_vm} is in the case, so none can be judged; "
            "the guest’s logs show {count} VSS operations.", of_vm=of_vm,
        )  # fmt: skip
    return say("The case holds no recovery point and no VSS operation{of_vm}: there is nothing to judge yet.",
               of_vm=of_vm)  # fmt: skip


def errors(view: View, vm: str) -> Markup:
    """The guest's errors of one VM in a sentence, with links to the points that are exceptions."""
    operations = view.of(vm, view.operations.values())
    if not operations:
        return Markup(_no_operation(view, vm))
    benign = [row for row in operations if row["outcome"] == "benign_abort"]
    failed = [row for row in operations if row["outcome"] in ("genuine_failure", "mixed")]
    if failed:
        said = _with_failures(view, vm, operations, benign, failed)
    elif benign:
        said = Markup(say("The {often}errors in the guest are benign aborts after thaw.", often=_rhythm(benign)))
    else:
        said = Markup(say_n(
            len(operations), "In one VSS operation the guest logged no abort and no failure.",
            "In {count} VSS operations the guest logged no abort and no failure.",
        ))  # fmt: skip
    return said + _unexplained(view, vm)


def _with_failures(view: View, vm: str, operations: list[Row], benign: list[Row], failed: list[Row]) -> Markup:
    """The runs that failed, as exceptions where most others are benign."""
    by_operation = {point.verdict["operation_id"]: point for point in view.points_of(vm)}
    points = [by_operation.get(row["operation_id"]) for row in failed]
    named = dict.fromkeys(_failure(view, row, point) for row, point in zip(failed, points, strict=True))
    times = Markup(_some(list(named)))  # two of one minute are told once
    if not benign:
        text = say_n(
            len(failed), "{count} snapshot failed in the guest, on {times}.",
            "{count} snapshots failed in the guest, on {times}.", times="{times}",
        )  # fmt: skip
        return Markup(text).format(times=times)
    if len(benign) * 2 < len(operations):
        text = say(
            "Of {count} VSS operations in the guest, {benign} ended in a benign abort after the thaw and {failed} "
            "failed: {times}.", count=len(operations), benign=len(benign), failed=len(failed), times="{times}",
        )  # fmt: skip
        return Markup(text).format(times=times)
    unclaimed = all(point is not None and not point.claims for point in points)
    text = (
        say("The {often}errors in the guest are benign aborts after thaw, except on {times}, where the snapshot failed "
            "and the host made no claim.", often=_rhythm(benign), times="{times}")
        if unclaimed
        else say("The {often}errors in the guest are benign aborts after thaw, except on {times}, where the snapshot "
                 "failed.", often=_rhythm(benign), times="{times}")
    )  # fmt: skip
    return Markup(text).format(times=times)


def _some(named: list[Markup]) -> str:
    """The first of the names; the rest is counted."""
    if len(named) <= NAMED:
        return listed([str(one) for one in named])
    more = len(named) - NAMED
    return say_n(
        more, "{first} and one more time", "{first} and {count} more times",
        first=", ".join(str(one) for one in named[:NAMED]),
    )  # fmt: skip


def _failure(view: View, operation: Row, point: Point | None) -> Markup:
    moment = operation["freeze_utc"] or operation["begin_utc"]
    label = point.label if point else view.when.minute(moment) if moment else say("an unknown time")
    text = Markup('<span class="nw">{}</span>').format(label)
    return Markup('<a href="#{}">{}</a>').format(point.anchor, text) if point else text


def _rhythm(operations: list[Row]) -> str:
    moments = sorted(
        row["freeze_utc"] or row["begin_utc"] for row in operations if row["freeze_utc"] or row["begin_utc"]
    )
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(moments))
    if len(gaps) < 2:
        return ""
    middle = gaps[len(gaps) // 2]
    return say("hourly ") if abs(middle - timedelta(hours=1)) < timedelta(minutes=5) else say("recurring ")


def _no_operation(view: View, vm: str) -> str:
    roles = {row["role"] for row in view.of(vm, view.rows("sources")) if row["status"] in ("read", "partial")}
    if "guest" not in roles and "test_failover_guest" not in roles:
        return say("No log of the guest is in the case, so what it went through is not known.")
    return say("The guest’s logs show no VSS operation in this period.")


def _unexplained(view: View, vm: str) -> Markup:
    judged_events = view.judged
    is_error = (judged_events["level"] <= ERROR).fillna(False)
    mine = judged_events["vm_name"].map(view.owner) == vm
    own = judged_events[(judged_events["class"] == "unexplained") & is_error & mine]
    if own.empty:
        return Markup("")
    copies = own["time_utc"].dt.floor("s")  # both logs of SQL Server hold the same message, and so do copies of a log
    count = len(own.assign(second=copies).drop_duplicates(["computer", "event_id", "second"]))
    return Markup(" ") + say_n(count, "{count} error is unexplained.", "{count} errors are unexplained.")


def overall(view: View) -> str:
    """The answer over all machines of the case; with one machine its own."""
    if len(view.vms) == 1:
        return answer(view, view.vms[0])
    bad = sum(any(point.word == "contradicted" for point in view.points_of(vm)) for vm in view.vms)
    claiming = [point for point in view.points if point.claims]
    total = number(len(view.vms))
    machines = (
        say_n(bad, "{count} of {total} virtual machines has a contradicted recovery point.",
              "{count} of {total} virtual machines have a contradicted recovery point.", total=total)
        if bad
        else say("None of {total} virtual machines has a contradicted recovery point.", total=total)
    )  # fmt: skip
    if not claiming:
        return machines
    counts = view.counts(claiming)
    if len(claiming) > 1 and counts["supported"] == len(claiming):
        alike = say("All {count} points that claim application consistency are supported.", count=number(len(claiming)))
        return f"{machines} {alike}"
    said = say_n(
        len(claiming), "Of the one point that claims application consistency, {verdicts}.",
        "Of {count} points that claim application consistency, {verdicts}.", verdicts=judged(counts),
    )  # fmt: skip
    return f"{machines} {said}"


def head(view: View) -> Part:
    """The head line: case, report id, machines, period, who issued it, zone; the question, and what it amends."""
    meta = view.meta
    period = view.when.span(*view.period) if view.period else say("no time in the evidence")
    title = stored(meta.get("title")) if meta.get("redaction") else meta.get("title")
    values = {
        "title": title or meta.get("case_id") or say("Untitled case"),
        "report_id": meta.get("report_id"),
        "vms": [vm for vm in view.vms if vm != NO_VM],
        "period": period,
        "examiner": meta.get("examiner"),
        "zone": view.when.zone_name,
        "question": meta.get("question"),
        "answered": answered(meta.get("question")),
    }
    about = {"title": values["title"], "number": values["report_id"], "period": period, "zone": values["zone"]}
    text = say("{title} | report {number} | {period} | all times {zone}", **about)
    return Part(render("head.html.j2", **values) + redacted(view) + amended(view), text)
