"""Seconds from thaw to abort, one mark for each operation: the benign shape at a glance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kit.page.clean import label
from kit.page.language import say, say_n
from kit.page.part import Drawing
from kit.page.signs import OUTCOMES
from kit.page.view import NO_VM, Row, View
from kit.page.when import number
from kit.plots.style import MARKS, TOKENS, Interval, drawing, figure, note, time_axis, wider

FAILED = ("genuine_failure", "mixed")
FAR_S = 30.0  # gaps beyond this are drawn at the edge and named


def aborts(view: View) -> list[Drawing]:
    """One figure for each machine whose guest logged an abort."""
    made = [(vm, [row for row in view.of(vm, view.operations.values()) if row["abort_utc"]]) for vm in view.drawn_vms]
    return [_aborts(view, vm, rows, view.period) for vm, rows in made if rows and view.period]


def _aborts(view: View, vm: str, operations: list[Row], period: Interval) -> Drawing:
    measured = [(row, gap) for row in operations if (gap := view.gap_s(row)) is not None]
    ordered = [row for row in operations if view.gap_s(row) is None]
    top = max([2.0, *[min(gap, FAR_S) for _, gap in measured]]) * 1.18
    low = min([-0.5, *[max(gap, -FAR_S) for _, gap in measured]]) * 1.25
    traces = [
        _marks(view, [pair for pair in measured if _is_benign(pair[0]) is benign], benign) for benign in (True, False)
    ]
    traces += _ordered(view, ordered, top)
    layout = {
        "height": 250, "margin": {"l": 152, "r": 12, "t": 10, "b": 62},
        "xaxis": time_axis(view.when, *wider(period), say("guest clock, {zone}", zone=view.when.zone_name)),
        "yaxis": {
            "range": [low, top], "showgrid": True, "gridcolor": TOKENS["rule"], "zeroline": True, "nticks": 5,
            "zerolinecolor": TOKENS["ink2"], "zerolinewidth": 1, "fixedrange": True,
            "tickfont": {"size": 13, "color": TOKENS["ink2"]},
        },
        "annotations": [_axis_words(), *_words(view, operations, period, top), *_failed(view, measured)], "shapes": [],
    }
    rows = [[*_about(view, row), f"{number(gap, 2, True)} s"] for row, gap in measured]
    rows += [[*_about(view, row), say("order known, seconds not")] for row in ordered]
    return drawing(
        f"fig-aborts-{view.vms.index(vm) + 1}", figure([trace for trace in traces if trace["x"]], layout),
        _caption(measured, ordered), say("Seconds from thaw to the first abort, one mark for each VSS operation."),
        [say("Operation"), say("Outcome"), say("Abort minus thaw")], sorted(rows)[:300],
        vm if len(view.vms) > 1 and vm != NO_VM else "", total=len(rows),
    )


def _about(view: View, row: Row) -> list[str]:
    return [view.when.second(_moment(row)), OUTCOMES.get(row["outcome"] or "", say("not known"))]


def _is_benign(row: Row) -> bool:
    return row["outcome"] == "benign_abort"


def _moment(row: Row) -> datetime:
    moment: datetime = row["thaw_utc"] or row["abort_utc"]
    return moment


def _axis_words() -> dict[str, Any]:
    return note(
        0, 1, say("first abort<br>minus thaw,<br>seconds"), xref="paper", yref="paper", xshift=-150, yanchor="top",
        font={"size": 13, "color": TOKENS["ink"]},
    )


def _marks(view: View, pairs: list[tuple[Row, float]], benign: bool) -> dict[str, Any]:
    points = {p.verdict["operation_id"]: p for p in view.points if p.verdict["operation_id"]}
    return {
        "type": "scatter", "mode": "markers", "x": [view.when.axis(_moment(row)) for row, _ in pairs],
        "y": [max(-FAR_S, min(FAR_S, gap)) for _, gap in pairs],
        "marker": MARKS["benign_abort" if benign else "genuine_failure"], "hoverinfo": "text",
        "hovertext": [
            say("{time}<br>abort {seconds} s from thaw", time=view.when.second(_moment(row)),
                seconds=label(number(gap, 2, True)))
            for row, gap in pairs
        ],
        "customdata": [
            f"#{points[row['operation_id']].anchor}" if row["operation_id"] in points else "" for row, _ in pairs
        ],
    }


def _ordered(view: View, rows: list[Row], top: float) -> list[dict[str, Any]]:
    """Operations whose seconds are not known, as dotted lines above or below zero by the order of their records."""
    if not rows:
        return []
    x: list[str | None] = []
    y: list[float | None] = []
    for row in rows:
        moment = view.when.axis(_moment(row))
        x += [moment, moment, None]
        y += [0.0, top * 0.62 if _is_benign(row) else -top * 0.2, None]
    line = {"width": 1.2, "dash": "dot", "color": TOKENS["inc"]}
    return [{"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip", "line": line}]


def _words(view: View, operations: list[Row], period: Interval, top: float) -> list[dict[str, Any]]:
    """Says of the longest run of operations without seconds that only their order is known."""
    best: list[Row] = []
    run: list[Row] = []
    for row in operations:
        run = [*run, row] if view.gap_s(row) is None and _is_benign(row) else []
        best = max(best, run, key=len)
    if not best:
        return []
    late = _moment(best[0]) > period[0] + (period[1] - period[0]) * 0.72
    place = view.when.axis(_moment(best[-1] if late else best[0]))
    side = {"xanchor": "right", "xshift": 4} if late else {"xshift": -4}
    return [note(place, top * 0.76, say("order known, seconds not"), **side)]


def _failed(view: View, measured: list[tuple[Row, float]]) -> list[dict[str, Any]]:
    found = [(row, gap) for row, gap in measured if not _is_benign(row)]
    return [note(view.when.axis(_moment(row)), max(-FAR_S, min(FAR_S, gap)), _said(view, row, gap), xshift=10)
            for row, gap in found[:4]]  # fmt: skip


def _said(view: View, row: Row, gap: float) -> str:
    clock = f"{view.when.local(_moment(row)):%H:%M}"
    if gap < -0.05:
        return say("{time}: abort {seconds} s before I/O resumed", time=clock, seconds=number(-gap, 1))
    return say("{time}: genuine failure", time=clock)


def _caption(measured: list[tuple[Row, float]], ordered: list[Row]) -> str:
    after = [gap for row, gap in measured if _is_benign(row)]
    known = sum(map(_is_benign, ordered))
    differ = sum(row["outcome"] in FAILED for row in [*(row for row, _ in measured), *ordered])
    said = []
    if after:
        said.append(_timed(after, known))
    elif ordered:
        said.append(say_n(len(ordered), "In one run the records give the order of thaw and abort, but no seconds.",
                          "In {count} runs the records give the order of thaw and abort, but no seconds."))
    if differ:
        said.append(say_n(differ, "{count} run differs: the abort came before I/O resumed, or it failed.",
                          "{count} runs differ: the abort came before I/O resumed, or it failed."))
    return " ".join(said)


def _timed(after: list[float], known: int) -> str:
    """By how many seconds the aborts of the benign runs follow the thaw, and how many are known by order alone."""
    low, high = number(min(after), 1), number(max(after), 1)
    spread = low if low == high else say("{first} to {last}", first=low, last=high)
    if not known:
        return say_n(len(after), "In the one benign run the first abort stands {spread} s after the thaw.",
                     "In all {count} benign runs the first abort stands {spread} s after the thaw.", spread=spread)
    return say(
        "In all {total} benign runs the first abort stands after the thaw: by {spread} s in the {count} that can be "
        "timed, by record order in the {known} whose times are known only to the second.",
        total=number(len(after) + known), spread=spread, count=number(len(after)), known=number(known),
    )
