"""Evidence coverage: one bar for each log from first to last record, gaps and damage cut out, absent logs hatched."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import timedelta
from typing import Any

from kit.page import alike
from kit.page.clean import label
from kit.page.evidence import STATUS_WORDS
from kit.page.language import say, say_n, stored
from kit.page.part import Drawing
from kit.page.signs import ROLES
from kit.page.view import Row, View
from kit.page.when import listed_some, number
from kit.plots.style import HATCH, TOKENS, Interval, drawing, figure, note, time_axis, wider

MOST = 60  # bars; further sources stand in the table
LONGEST = 40  # letters of a path beside its bar
ROLE_ORDER = ("primary_host", "guest", "replica_host", "test_failover_guest", "unknown")


def coverage(view: View) -> list[Drawing]:
    """One figure over all sources; none where no source has a time."""
    if not view.period:
        return []
    drawn = [row for row in view.sources.values() if row["first_time"] or row["status"] == "absent"]
    total = len(drawn)
    if view.many:
        others = alike.any_of(set(view.vms) - set(view.drawn_vms))
        drawn = [row for row in drawn if row["vm_name"] in (None, *view.drawn_vms) and not others.search(row["path"])]
    drawn.sort(key=lambda row: (ROLE_ORDER.index(row["role"]) if row["role"] in ROLE_ORDER else 9, row["path"]))
    return [_figure(view, drawn[:MOST], total, wider(view.period))] if drawn else []


def _figure(view: View, sources: list[Row], total: int, period: Interval) -> Drawing:
    covered: dict[str, list[Interval]] = defaultdict(list)
    for row in view.rows("coverage"):
        if row["first_time"] and row["last_time"]:
            covered[row["source_id"]].append((row["first_time"], row["last_time"]))
    lost: dict[str, list[Row]] = defaultdict(list)
    for row in view.rows("losses"):
        lost[row["source_id"]].append(row)
    traces, notes = [], []
    for y, row in enumerate(sources):
        parts = sorted(covered[row["source_id"]]) or (
            [(row["first_time"], row["last_time"])] if row["first_time"] else []
        )
        traces += _bars(view, row, y, parts, lost[row["source_id"]], period)
        notes += _notes(view, row, y, parts, lost[row["source_id"]], period)
    longest = max(
        len(_name(row)) + (14 if row["first_time"] and row["first_time"] < period[0] else 0) for row in sources
    )
    layout = {
        "height": 70 + 23 * len(sources), "annotations": notes,
        "margin": {"l": min(380, 20 + round(longest * 7.8)), "r": 24, "t": 8, "b": 56},
        "xaxis": time_axis(view.when, *period, say("each log’s own clock, {zone}", zone=view.when.zone_name), 7),
        "yaxis": {
            "range": [len(sources) - 0.4, -0.6], "tickvals": list(range(len(sources))), "fixedrange": True,
            "ticklabelstandoff": 6, "ticktext": [_tick(view, row, period) for row in sources],
            "tickfont": {"size": 13, "color": TOKENS["ink"]},
        },
    }
    heads = [say("Source"), say("Role"), say("Status"), say("First record"), say("Last record"), say("Lost")]
    cells = [
        [
            row["path"], ROLES.get(row["role"] or "unknown", row["role"] or ""), _status(row),
            _moment(view, row["first_time"]), _moment(view, row["last_time"]),
            "; ".join(stored(loss["reason"]) for loss in lost[row["source_id"]][:3]),
        ]
        for row in sources
    ]
    return drawing(
        "fig-coverage", figure(traces, layout), _caption(view, sources, lost, total),
        say("One bar for each source from its first to its last record."), heads, cells, total=total,
    )


def _name(row: Row) -> str:
    path: str = row["path"]
    if len(path) <= LONGEST:
        return path
    folder = path.split("/", 1)[0][:14]
    return f"{folder}/…{path[len(folder) + 2 - LONGEST :]}"


def _tick(view: View, row: Row, period: Interval) -> str:
    """The name, bold where something is wrong, and since when a log runs that began before the period."""
    name = label(_name(row), 60)
    since = ""
    if row["first_time"] and row["first_time"] < period[0]:
        words = say("since {date}", date=view.when.date(row["first_time"]))
        since = f" <span style='color:{TOKENS['ink2']}'>{words}</span>"
    return (name if row["status"] == "read" else f"<b>{name}</b>") + since


def _status(row: Row) -> str:
    return STATUS_WORDS.get(row["status"], row["status"]) or ""


def _moment(view: View, moment: Any) -> str:
    return view.when.second(moment) if moment else "–"


def _bars(
    view: View, row: Row, y: int, parts: list[Interval], lost: list[Row], period: Interval
) -> list[dict[str, Any]]:
    """Solid bars for covered intervals, hatched ones for losses inside them and for absent sources."""
    traces = []
    shortest = (period[1] - period[0]) / 300
    shown = [
        (max(first, period[0]), min(max(last, first + shortest), period[1]))
        for first, last in parts
        if last >= period[0] and first <= period[1]
    ]
    said = f"{label(row['path'])}<br>{label(_status(row))}"
    if shown:
        traces.append(_bar(view, shown, y, 0.36, {"color": TOKENS["cover"], "line": {"width": 0}}, said))
    holes = [(loss["first_time"], loss["last_time"]) for loss in lost if loss["first_time"] and loss["last_time"]]
    holes += [(earlier[1], later[0]) for earlier, later in itertools.pairwise(parts)]
    clipped = [
        (max(first, period[0]), min(last, period[1])) for first, last in holes if last > period[0] and first < period[1]
    ]
    if row["status"] == "absent":
        clipped = [period]
    if clipped:
        outlined = {"color": TOKENS["paper"], "pattern": HATCH, "line": {"width": 1, "color": TOKENS["hatch"]}}
        traces.append(_bar(view, clipped, y, 0.56, outlined, f"{said}<br>{say('no record survives')}"))
    return traces


def _bar(
    view: View, intervals: list[Interval], y: int, width: float, marker: dict[str, Any], said: str
) -> dict[str, Any]:
    return {
        "type": "bar", "orientation": "h", "y": [y] * len(intervals), "width": width, "marker": marker,
        "base": [view.when.axis(first) for first, _ in intervals], "hoverinfo": "text",
        "hovertext": [said] * len(intervals),
        "x": [(last - first) / timedelta(milliseconds=1) for first, last in intervals],
    }


def _notes(
    view: View, row: Row, y: int, parts: list[Interval], lost: list[Row], period: Interval
) -> list[dict[str, Any]]:
    left = view.when.axis(period[0])
    if row["status"] == "absent":
        words = say("absent: {reason}", reason=label(stored(row["note"]), 48)) if row["note"] else say("absent")
        return [note(left, y, words, xshift=14)]
    if parts and parts[-1][1] < period[0]:
        return [note(left, y, say("ends before this period, {time}", time=view.when.minute(parts[-1][1])), xshift=2)]
    if parts and parts[0][0] > period[1]:
        return [note(left, y, say("begins after this period, {time}", time=view.when.minute(parts[0][0])), xshift=2)]
    made = []
    if row["status"] == "partial" and (worst := _worst(lost)):
        count = worst["count"]
        words = (
            say("records lost") if count is None else say_n(count, "{count} record lost", "{count} records lost")
        )
        made.append(
            note(
                view.when.axis(min(worst["last_time"], period[1])), y, words, xshift=4,
                bgcolor=TOKENS["cover"], font={"size": 12, "color": TOKENS["paper"]},
            )
        )
    return made


def _worst(lost: list[Row]) -> Row | None:
    timed = [row for row in lost if row["first_time"] and row["last_time"]]
    return max(timed, key=lambda row: row["last_time"] - row["first_time"], default=None)


def _caption(view: View, sources: list[Row], lost: dict[str, list[Row]], total: int) -> str:
    absent = [row["path"] for row in sources if row["status"] == "absent"]
    damaged = [row["path"] for row in sources if lost[row["source_id"]]]
    said = []
    if damaged:
        said.append(say("Records are lost in {sources} (hatched).", sources=listed_some(damaged, 3)))
    if absent:
        said.append(say("Not given: {sources}.", sources=listed_some(absent, 3)))
    if not said:
        said.append(say_n(len(sources), "The one source keeps every record from first to last.",
                          "All {count} sources keep every record from first to last."))
    if total > len(sources):
        words = (
            say("Of {total} sources those of the hosts and of {machines} are drawn; all stand in the table below.",
                total=number(total), machines=listed_some(view.drawn_vms, 3))
            if view.many
            else say("The first {shown} of {total} are drawn.", shown=len(sources), total=number(total))
        )  # fmt: skip
        said.append(words)
    return " ".join(said)
