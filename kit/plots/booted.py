"""Recovery per database after a test boot: rolled back to the left, rolled forward to the right, zero as zero."""

from __future__ import annotations

import math
from typing import Any

from kit.page.clean import label, short_name
from kit.page.language import say, say_n
from kit.page.part import Drawing
from kit.page.signs import VERDICTS
from kit.page.view import Row, View
from kit.page.when import listed, listed_some, number
from kit.plots.style import TOKENS, drawing, figure, note

SIDE_BY_SIDE = 2
DATABASES = 20  # rows of a panel; the databases with rollbacks come first
BOOTS = 6


def recovery(view: View) -> list[Drawing]:
    """One figure over all test-failover boots that show a recovery; none without such a boot."""
    boots = [row for row in view.boots.values() if row["test_failover"]]
    found = [(boot, _rows(view, boot)) for boot in boots]
    found = [(boot, rows) for boot, rows in found if rows]
    return [_figure(view, found[:BOOTS], len(found))] if found else []


def _rows(view: View, boot: Row) -> list[Row]:
    rows = [row for row in view.rows("recoveries") if row["boot_id"] == boot["boot_id"]]
    worst = sorted(rows, key=lambda row: (-(row["rolled_back"] or 0), not row["failed"]))[:DATABASES]
    return [row for row in rows if row in worst]


def _figure(view: View, found: list[tuple[Row, list[Row]]], total: int) -> Drawing:
    columns = min(SIDE_BY_SIDE, len(found))
    lines = math.ceil(len(found) / columns)
    tallest = max(len(rows) for _, rows in found)
    most = max(
        [1] + [row[name] or 0 for _, rows in found for row in rows for name in ("rolled_forward", "rolled_back")]
    )
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": lines * (64 + 26 * tallest) + 20, "margin": {"l": 0, "r": 8, "t": 8, "b": 8}, "annotations": [],
        "shapes": [], "dragmode": False, "bargap": 0.35,
    }
    for place, (boot, rows) in enumerate(found):
        column, line = place % columns, place // columns
        _panel(view, boot, rows, place + 1, (column, columns), (line, lines, tallest), most, traces, layout)
    heads = [say("Boot"), say("Database"), say("Rolled back"), say("Rolled forward"), say("Recovery")]
    cells = [
        [
            view.when.second(boot["start_utc"]) if boot["start_utc"] else "", row["shown"],
            _said(row["rolled_back"]), _said(row["rolled_forward"]), _end(row),
        ]
        for boot, rows in found
        for row in rows
    ]
    return drawing(
        "fig-recovery", figure(traces, layout), _caption(view, found, total),
        say("Per database and boot, transactions rolled back to the left and rolled forward to the right."), heads,
        cells,
    )


def _panel(
    view: View, boot: Row, rows: list[Row], number_: int, column: tuple[int, int], line: tuple[int, int, int],
    most: int, traces: list[dict[str, Any]], layout: dict[str, Any],
) -> None:
    suffix = "" if number_ == 1 else str(number_)
    width = 1 / column[1]
    left = column[0] * width + (0.13 if column[1] > 1 else 0.1)
    right = (column[0] + 1) * width - 0.015
    top = 1 - line[0] / line[1]
    bottom = top - 1 / line[1]
    head = 50 / (line[1] * (64 + 26 * line[2]) + 20)
    back = max(most * 0.42, max((row["rolled_back"] or 0) for row in rows) * 1.6)
    names = [row["shown"] for row in rows]
    layout[f"xaxis{suffix}"] = {
        "domain": [left, right], "range": [-back, most * 1.3], "showticklabels": False, "fixedrange": True,
        "anchor": f"y{suffix}",
    }
    layout[f"yaxis{suffix}"] = {
        "domain": [max(0.0, bottom + 0.01), top - head], "range": [len(rows) - 0.5, -0.6],
        "tickvals": list(range(len(rows))), "fixedrange": True,
        "ticktext": [label(short_name(name, 16), 16) for name in names],
        "anchor": f"x{suffix}", "ticklabelstandoff": 4, "tickfont": {"size": 13, "color": TOKENS["ink"]},
    }
    traces += _bars(rows, suffix)
    layout["shapes"].append(
        {
            "type": "line", "xref": f"x{suffix}", "yref": f"y{suffix}", "x0": 0, "x1": 0, "y0": -0.6,
            "y1": len(rows) - 0.5, "line": {"width": 2, "color": TOKENS["ink"]},
        }
    )
    layout["annotations"] += _titles(view, boot, suffix, top, head, left)


def _bars(rows: list[Row], suffix: str) -> list[dict[str, Any]]:
    """Forward to the right and back to the left, each with its number; what is not recorded says so."""
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "y": list(range(len(rows))), "hoverinfo": "skip"}
    bar = {**axes, "type": "bar", "orientation": "h", "cliponaxis": False}
    words = {**axes, "type": "scatter", "mode": "text", "textfont": {"size": 13, "color": TOKENS["ink"]}}
    forward = [row["rolled_forward"] or 0 for row in rows]
    back = [-(row["rolled_back"] or 0) for row in rows]
    outline = {"color": TOKENS["ph1"], "line": {"width": 1, "color": TOKENS["ph2"]}}
    loud = {"color": TOKENS["con"], "line": {"width": 0}}
    ahead = [f" {_said(row['rolled_forward'])}" for row in rows]
    said = [f"<b>{row['rolled_back']}</b> " if row["rolled_back"] else f"{_said(row['rolled_back'])} " for row in rows]
    return [
        {**bar, "x": forward, "marker": outline},
        {**bar, "x": back, "marker": loud},
        {**words, "x": forward, "textposition": "middle right", "text": ahead},
        {**words, "x": back, "textposition": "middle left", "text": said},
    ]


def _titles(view: View, boot: Row, suffix: str, top: float, head: float, left: float) -> list[dict[str, Any]]:
    point = view.point_by_id.get(boot["recovery_point_id"] or "")
    sign = f"{VERDICTS[point.word].character} " if point else ""
    start = f"{view.when.local(boot['start_utc']):%H:%M:%S}" if boot["start_utc"] else "?"
    words = sign + (
        say("<b>Boot of {point}</b> started {time}", point=label(point.label), time=start)
        if point
        else say("<b>Boot of no listed point</b> started {time}", time=start)
    )
    about: dict[str, Any] = {"xref": f"x{suffix}", "yref": "paper", "yanchor": "bottom"}
    return [
        note(
            left - 0.09, top - 0.001, words, xref="paper", yref="paper", yanchor="top",
            font={"size": 13, "color": TOKENS["ink"]},
        ),
        note(0, top - head, f"{say('rolled back')} ", xanchor="right", xshift=-4, **about),
        note(0, top - head, say("rolled forward"), xshift=4, **about),
    ]


def _said(count: int | None) -> str:
    return say("not recorded") if count is None else number(count)


def _end(row: Row) -> str:
    return say("failed") if row["failed"] else say("complete") if row["completed"] else say("no end recorded")


def _caption(view: View, found: list[tuple[Row, list[Row]]], total: int) -> str:
    said = [_outcome(rows) for _, rows in found]
    if total > len(found):
        what = say("{count} boots with a recovery, the first {shown} drawn", count=number(total), shown=len(found))
    else:
        what = say_n(total, "{count} boot with a recovery", "{count} boots with a recovery")
    boots = [say("boot {number} {outcome}", number=n, outcome=words) for n, words in enumerate(said, 1)]
    told = "; ".join(boots) if len(said) > 1 else said[0]
    return f"{what}: {told}. {say('Zero is a recorded zero, not a missing record.')}"


def _outcome(rows: list[Row]) -> str:
    failed = [row["shown"] for row in rows if row["failed"]]
    if failed:
        return say("recovery failed for {databases}", databases=listed(failed))
    told = [
        say("{count} in {database}", count=number(row["rolled_back"]), database=row["shown"])
        for row in rows
        if row["rolled_back"]
    ]
    if told:
        return say("rolled back {counts}", counts=listed_some(told, 4))
    if all(row["rolled_back"] is not None for row in rows):
        return say("rolled back nothing anywhere")
    return say("shows no rollback, with counts missing")
