"""The swim-lane timeline: from the primary host to the test failover, on one time axis, zoomable to milliseconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from kit.page.clean import label
from kit.page.language import say, say_n
from kit.page.part import Drawing, render
from kit.page.signs import CLASSES
from kit.page.view import NO_VM, Point, View
from kit.page.when import listed_some, number
from kit.plots.labels import RARE, Labels
from kit.plots.lane_marks import boot_marks, halves, point_traces
from kit.plots.lanes import Lane, lanes
from kit.plots.moves import Moves
from kit.plots.style import MARKS, TOKENS, Interval, drawing, figure, hatched, note, time_axis, wider
from kit.values import tuples, values

MOST_MARKS = 1500  # marks of records in one figure; more are gathered into bins
BINS = 240  # bins over the period, per lane and class
LANE = 62  # px
DRAWN = (
    "normal", "background_noise", "benign_abort", "environment", "unexplained", "other_requestor", "genuine_failure",
)  # last on top
RISE = {"normal": -0.34, "background_noise": -0.34, "unexplained": -0.18}  # place in the lane; others in the middle


def timelines(view: View) -> list[Drawing]:
    """One timeline for each machine that is drawn; none where the case holds no time at all."""
    return [timeline(view, vm, view.period) for vm in view.drawn_vms] if view.period else []


def timeline(view: View, vm: str, period: Interval) -> Drawing:
    """The timeline of one machine over a period."""
    made = lanes(view, vm, period)
    period = wider(period)
    shift = Moves(view)
    traces: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for lane in made:
        traces += _lane_traces(view, lane, period, shift)
        notes += _lane_notes(view, lane, period, shift)
    points = next(lane for lane in made if lane.key == "points")
    boots = next(lane for lane in made if lane.key == "boots")
    traces += point_traces(view, vm, points.y)
    booted = boot_marks(view, vm, boots, points, period)
    shapes = _rows(made) + _days(view, period) + _shaded(view, vm, points) + booted.shapes + halves(view, vm, points.y)
    clock = _clock(view, shift)
    foot = 62 + 16 * clock.count("\n")
    layout = {
        "height": 8 + foot + LANE * len(made), "shapes": shapes, "annotations": notes + booted.notes,
        "margin": {"l": 152, "r": 12, "t": 8, "b": foot}, "xaxis": time_axis(view.when, *period, clock),
        "yaxis": {
            "range": [-0.5, len(made) - 0.5], "tickvals": [lane.y for lane in made], "fixedrange": True,
            "ticktext": [f"<b>{lane.title}</b><br>{label(lane.subtitle, 16)}" for lane in made],
            "tickfont": {"size": 13, "color": TOKENS["ink"]}, "ticklabelposition": "outside", "ticklabelstandoff": 6,
        },
    }
    heads, rows, total = _numbers(view, vm, made)
    return drawing(
        f"fig-timeline-{view.vms.index(vm) + 1}", figure(traces + booted.traces, layout), caption(view, vm, made),
        _alternative(made), heads, rows, _heading(view, vm), _key(made), total,
    )


def _clock(view: View, shift: Moves) -> str:
    zone = view.when.zone_name
    reference = next((row["reference"] for row in view.rows("clocks") if row["reference"]), None)
    if not reference:
        return say("each computer’s own clock, {zone}", zone=zone)
    moved = [
        say("{computer} moved by {seconds} s", computer=label(name, 32), seconds=number(seconds, 1, True))
        for name, seconds in shift.told()
    ]
    clock = say("clock of {computer}, {zone}", computer=reference, zone=zone)
    return f"{clock}\n{listed_some(moved, 3)}" if moved else clock


def _heading(view: View, vm: str) -> str:
    return vm if len(view.vms) > 1 and vm != NO_VM else ""


def _lane_traces(view: View, lane: Lane, period: Interval, shift: Moves) -> list[dict[str, Any]]:
    traces = []
    if lane.gaps:
        words = say("{lane}: no record survives", lane=lane.title)
        traces.append(hatched(view.when, _holes(lane, shift), lane.y, 0.9, words))
    if lane.records.empty:
        return traces
    inside = lane.records[lane.records["time_utc"].between(*period)]
    marks: dict[str, list[Any]] = {}
    for mark in tuples(gather(inside, period, max(200, MOST_MARKS // 4)).rename(columns={"class": "kind"})):
        marks.setdefault(mark.kind, []).append(mark)
    return [*traces, *(_marks(view, lane, name, marks[name], shift) for name in DRAWN if name in marks)]


def gather(found: pd.DataFrame, period: Interval, most: int) -> pd.DataFrame:
    """Records as marks: each one of its own, or gathered by class and bin where there would be too many.

    Columns time_utc, class, count, computer, origin, operation_id. No class vanishes: each bin that holds a
    record of a class keeps a mark of it.
    """
    written = zip(*(values(found[name]) for name in ("provider", "event_id")), strict=True)
    origin = [_origin(provider, event_id) for provider, event_id in written]
    plain = found[["time_utc", "class", "computer", "operation_id"]].assign(count=1, origin=origin)
    columns = ["time_utc", "class", "count", "computer", "origin", "operation_id"]
    if len(plain) <= most:
        return plain[columns]
    width = (period[1] - period[0]) / BINS
    bins = (plain["time_utc"] - period[0]) // width
    keys = ["class", bins.rename("bin")]
    return plain.groupby(keys, observed=True, as_index=False, sort=True).agg(
        time_utc=("time_utc", "median"), count=("count", "sum"), computer=("computer", "first"),
        origin=("origin", lambda names: _several(names)), operation_id=("operation_id", "first"),
    )[columns]


def _origin(provider: Any, event_id: Any) -> str:
    name = provider if isinstance(provider, str) else "?"
    return (name if pd.isna(event_id) else f"{name} {event_id}").strip()


def _several(names: pd.Series) -> str:
    kinds = list(dict.fromkeys(names))
    if len(kinds) <= 3:
        return ", ".join(kinds)
    return say("{first} and {count} more kinds", first=", ".join(kinds[:3]), count=len(kinds) - 3)


def _marks(view: View, lane: Lane, name: str, found: list[Any], shift: Moves) -> dict[str, Any]:
    moments = [_moved(mark.time_utc, mark.computer, shift) for mark in found]
    by_operation = {p.verdict["operation_id"]: p for p in view.points if p.verdict["operation_id"]}
    linked = [by_operation.get(mark.operation_id) if isinstance(mark.operation_id, str) else None for mark in found]
    texts = [
        _hover(view, name, moment, mark.count, mark.origin, p)
        for moment, mark, p in zip(moments, found, linked, strict=True)
    ]
    return {
        "type": "scatter", "mode": "markers", "x": [view.when.axis(moment) for moment in moments],
        "y": [lane.y + RISE.get(name, 0.0)] * len(found), "marker": MARKS[name], "hovertext": texts,
        "hoverinfo": "text", "customdata": [f"#{p.anchor}" if p else "" for p in linked], "name": CLASSES[name].word,
    }


def _hover(view: View, name: str, moment: datetime, count: int, origin: str, point: Point | None) -> str:
    """What a mark says: time, class, how many records, where from, which point."""
    said = [label(view.when.exact(moment)), CLASSES[name].word, label(origin)]
    if count > 1:
        said[1] += say(", {count} records", count=count)
    if point:
        said.append(say("point {point}", point=point.label))
    return "<br>".join(said)


def _moved(moment: Any, computer: Any, shift: Moves) -> datetime:
    return shift.moved(moment.to_pydatetime(warn=False), computer)


def _lane_notes(view: View, lane: Lane, period: Interval, shift: Moves) -> list[dict[str, Any]]:
    """Direct labels of a lane: that no log was given, or each rare record and the longest gap."""
    if not lane.given and lane.records.empty:
        return [note(view.when.axis(period[0]), lane.y, f"  {say('no log given')}")]
    labels = Labels(view, period)
    if len(lane.records):
        rare = lane.records[lane.records["class"].isin(RARE)].head(MOST_MARKS)
        moments = [_moved(*pair, shift) for pair in zip(rare["time_utc"], rare["computer"], strict=True)]
        labels.rare(rare, moments, lane.y + 0.3)
    labels.hole(_holes(lane, shift), lane.y + 0.3)
    return labels.notes


def _holes(lane: Lane, shift: Moves) -> list[Interval]:
    """The gaps of a lane on the clock that its records are drawn on."""
    return [(shift.moved(first, lane.computer), shift.moved(last, lane.computer)) for first, last in lane.gaps]


def _rows(made: list[Lane]) -> list[dict[str, Any]]:
    line = {"width": 1, "color": TOKENS["rule"]}
    return [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": lane.y + 0.5, "y1": lane.y + 0.5, "line": line,
            "layer": "below",
        }
        for lane in made
    ]


def _days(view: View, period: Interval) -> list[dict[str, Any]]:
    """A darker line at each midnight of the report's zone, unless there would be too many."""
    first, last = view.when.local(period[0]), view.when.local(period[1])
    if (last - first).days > 40:
        return []
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    made = []
    while (midnight := midnight + timedelta(days=1)) < last:
        x = midnight.replace(tzinfo=None).isoformat()
        made.append(
            {
                "type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "layer": "below",
                "line": {"width": 1, "color": TOKENS["ink2"]},
            }
        )
    return made


def _shaded(view: View, vm: str, points: Lane) -> list[dict[str, Any]]:
    """The interval of each contradicted point."""
    found = [p.link for p in view.points_of(vm) if p.word == "contradicted" and p.link]
    return [
        {
            "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": view.when.axis(link["interval_from"]),
            "x1": view.when.axis(link["interval_until"]), "fillcolor": TOKENS["mark"], "line": {"width": 0},
            "layer": "below",
        }
        for link in found[:20]
        if link["interval_from"] and link["interval_until"]
    ]


def caption(view: View, vm: str, made: list[Lane]) -> str:
    """What the timeline shows, from the operations: how many ended how, and what hatching and shading mean."""
    operations = view.of(vm, view.operations.values())
    benign = sum(row["outcome"] == "benign_abort" for row in operations)
    failed = sum(row["outcome"] in ("genuine_failure", "mixed") for row in operations)
    said = [_runs(len(operations), benign, failed)]
    if any(lane.gaps for lane in made):
        said.append(say("Hatched: no record survives."))
    if any(point.word == "contradicted" for point in view.points_of(vm)):
        said.append(say("Shaded: the interval of a contradicted point."))
    return " ".join(said)


def _runs(runs: int, benign: int, failed: int) -> str:
    if not runs:
        return say("The logs given record no VSS operation in this period.")
    if benign and failed:
        return say_n(
            runs, "The one recorded run ends in an abort after the thaw (hollow diamond).",
            "{benign} of {count} recorded runs end in an abort after the thaw (hollow diamonds), {failed} in a genuine "
            "failure (filled).", benign=benign, failed=failed,
        )
    if benign:
        return say_n(
            runs, "The one recorded run ends in an abort after the thaw (hollow diamond).",
            "{benign} of {count} recorded runs end in an abort after the thaw (hollow diamonds).", benign=benign,
        )
    if failed:
        return say_n(runs, "The one recorded run is a genuine failure.",
                     "{failed} of {count} recorded runs are a genuine failure.", failed=failed)
    return say_n(runs, "The one recorded run is no genuine failure.",
                 "None of the {count} recorded runs is a genuine failure.")


def _alternative(made: list[Lane]) -> str:
    said = [
        say("{lane} ({of}): {records} records, {gaps} gaps", lane=lane.title, of=lane.subtitle,
            records=len(lane.records), gaps=len(lane.gaps))
        for lane in made
        if lane.role
    ]
    return say("Swim lanes from cause to effect. {lanes}.", lanes="; ".join(said))


def _key(made: list[Lane]) -> str:
    """The signs that occur, as a line below the caption."""
    found = {name for lane in made if len(lane.records) for name in lane.records["class"].unique()}
    return str(render("key.html.j2", signs=[CLASSES[name] for name in CLASSES if name in found]))


def _numbers(view: View, vm: str, made: list[Lane]) -> tuple[list[str], list[list[str]], int]:
    rows = []
    for lane in made:
        if lane.records.empty:
            continue
        for name, found in lane.records.groupby("class", observed=True, sort=True):
            rows.append(
                [
                    lane.title, lane.subtitle, CLASSES[str(name)].word, str(len(found)),
                    view.when.second(found["time_utc"].min()), view.when.second(found["time_utc"].max()),
                ]
            )
        rows += [
            [lane.title, lane.subtitle, say("no record survives"), "", view.when.second(first), view.when.second(last)]
            for first, last in lane.gaps
        ]
    heads = [say("Lane"), say("Of"), say("Class"), say("Records"), say("First"), say("Last")]
    return heads, rows[:200], len(rows)
