"""The answer as a sentence, generated from the verdicts: what a manager reads first and a ticket repeats."""

from __future__ import annotations

import itertools
from datetime import timedelta

from markupsafe import Markup

from kit.page.part import Part, render
from kit.page.signs import VERDICTS
from kit.page.view import NO_VM, Point, Row, View
from kit.page.when import listed, plural

ORDER = ("supported", "confirmed", "contradicted", "inconclusive")
ERROR = 2  # level of errors; 1 is critical
NAMED = 3  # exceptions that a sentence names; more are counted


def answer(view: View, vm: str) -> str:
    """The verdicts of one VM in a sentence.

    `Of 46 recovery points of SQLVM that claim application consistency (18 to 20 May 2014), 43 are supported, ...`
    """
    points = view.points_of(vm)
    of_vm = "" if vm == NO_VM else f" of {vm}"
    if not points:
        return _without_points(view, vm)
    claiming = [point for point in points if point.claims]
    if not claiming:
        all_points = f"{plural(len(points), 'recovery point')}{of_vm}{_days(view, points)}"
        return f"None of the {all_points} claims application consistency."
    noun = "recovery point" if len(claiming) == 1 else "recovery points"
    claim = "claims" if len(claiming) == 1 else "claim"
    counts = view.counts(claiming)
    said = [(counts[word], VERDICTS[word].phrase) for word in ORDER if counts[word]]
    what = f"{noun}{of_vm} that {claim} application consistency{_days(view, claiming)}"
    if len(said) == 1:
        return _alike(len(claiming), what, said[0][1])
    return f"Of {len(claiming)} {what}, {listed([f'{count} {_verb(count, phrase)}' for count, phrase in said])}."


def _alike(count: int, what: str, phrase: str) -> str:
    if phrase == "cannot be judged":
        return f"The one {what} cannot be judged." if count == 1 else f"None of the {count} {what} can be judged."
    return f"The one {what} is {phrase}." if count == 1 else f"All {count} {what} are {phrase}."


def _verb(count: int, phrase: str) -> str:
    if phrase.startswith("cannot"):
        return phrase
    return f"{'is' if count == 1 else 'are'} {phrase}"


def _days(view: View, points: list[Point]) -> str:
    moments = [point.time for point in points if point.time]
    return f" ({view.when.days(min(moments), max(moments))})" if moments else ""


def _without_points(view: View, vm: str) -> str:
    of_vm = "" if vm == NO_VM else f" of {vm}"
    operations = view.of(vm, view.operations.values())
    if operations:
        return (
            f"No recovery point{of_vm} is in the case, so none can be judged; "
            f"the guest’s logs show {plural(len(operations), 'VSS operation')}."
        )
    return f"The case holds no recovery point and no VSS operation{of_vm}: there is nothing to judge yet."


def errors(view: View, vm: str) -> Markup:
    """The guest's errors of one VM in a sentence, with links to the points that are exceptions."""
    operations = view.of(vm, view.operations.values())
    if not operations:
        return Markup(_no_operation(view, vm))
    benign = [row for row in operations if row["outcome"] == "benign_abort"]
    failed = [row for row in operations if row["outcome"] in ("genuine_failure", "mixed")]
    said = _benign(benign, failed) if benign else _no_benign(operations, failed)
    sentence = Markup(said)
    if failed:
        sentence += Markup(" ") if not benign else Markup("")
        sentence += _failures(view, vm, failed, bool(benign))
    return sentence + Markup(".") + _unexplained(view, vm)


def _benign(benign: list[Row], failed: list[Row]) -> str:
    how_often = _rhythm(benign)
    return f"The {how_often}errors in the guest are benign aborts after thaw" + (", except on " if failed else "")


def _no_benign(operations: list[Row], failed: list[Row]) -> str:
    if failed:
        return f"{plural(len(failed), 'snapshot')} failed in the guest, on"
    return f"In {plural(len(operations), 'VSS operation')} the guest logged no abort and no failure"


def _failures(view: View, vm: str, failed: list[Row], exception: bool) -> Markup:
    by_operation = {
        row["operation_id"]: point for point in view.points_of(vm) if (row := point.verdict)["operation_id"]
    }
    named = [_failure(view, row, by_operation.get(row["operation_id"])) for row in failed[:NAMED]]
    more = f" and {len(failed) - NAMED} more times" if len(failed) > NAMED else ""
    words = (
        Markup(", ").join(named)
        if more or len(named) < 2
        else Markup(" and ").join([Markup(", ").join(named[:-1]), named[-1]])
    )
    unclaimed = all(
        point is not None and not point.claims for row in failed for point in [by_operation.get(row["operation_id"])]
    )
    outcome = ", where the snapshot failed" if exception else ""
    return words + Markup(f"{more}{outcome}") + Markup(" and the host made no claim" if unclaimed and exception else "")


def _failure(view: View, operation: Row, point: Point | None) -> Markup:
    moment = operation["freeze_utc"] or operation["begin_utc"]
    label = point.label if point else view.when.minute(moment) if moment else "an unknown time"
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
    return "hourly " if abs(middle - timedelta(hours=1)) < timedelta(minutes=5) else "recurring "


def _no_operation(view: View, vm: str) -> str:
    roles = {row["role"] for row in view.of(vm, view.rows("sources")) if row["status"] in ("read", "partial")}
    if "guest" not in roles and "test_failover_guest" not in roles:
        return "No log of the guest is in the case, so what it went through is not known."
    return "The guest’s logs show no VSS operation in this period."


def _unexplained(view: View, vm: str) -> Markup:
    judged = view.judged
    is_error = (judged["level"] <= ERROR).fillna(False)
    own = judged[(judged["class"] == "unexplained") & is_error & (judged["vm_name"].map(view.owner) == vm)]
    if own.empty:
        return Markup("")
    copies = own["time_utc"].dt.floor("s")  # both logs of SQL Server hold the same message, and so do copies of a log
    count = len(own.assign(second=copies).drop_duplicates(["computer", "event_id", "second"]))
    verb = "is" if count == 1 else "are"
    return Markup(f" {plural(count, 'error')} {verb} unexplained.")


def overall(view: View) -> str:
    """The answer over all machines of the case; with one machine its own."""
    if len(view.vms) == 1:
        return answer(view, view.vms[0])
    bad = [vm for vm in view.vms if any(point.word == "contradicted" for point in view.points_of(vm))]
    claiming = [point for point in view.points if point.claims]
    counts = view.counts(claiming)
    said = [f"{counts[word]} {_verb(counts[word], VERDICTS[word].phrase)}" for word in ORDER if counts[word]]
    have = "has" if len(bad) < 2 else "have"
    machines = f"{len(bad) or 'None'} of {len(view.vms)} virtual machines {have} a contradicted recovery point"
    if not claiming:
        return f"{machines}."
    return f"{machines}. Of {plural(len(claiming), 'point')} that claim application consistency, {listed(said)}."


def head(view: View) -> Part:
    """The head line: case, report id, machines, period, who issued it, zone; and the question if one was asked."""
    meta = view.meta
    period = view.when.span(*view.period) if view.period else "no time in the evidence"
    values = {
        "title": meta.get("title") or meta.get("case_id") or "Untitled case",
        "report_id": meta.get("report_id"),
        "vms": [vm for vm in view.vms if vm != NO_VM],
        "period": period,
        "examiner": meta.get("examiner"),
        "zone": view.when.zone_name,
        "question": meta.get("question"),
    }
    text = f"{values['title']} | report {values['report_id']} | {period} | all times {view.when.zone_name}"
    return Part(render("head.html.j2", **values), text)
