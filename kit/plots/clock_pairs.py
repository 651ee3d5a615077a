"""Clock alignment: what is left between a point's time and the guest's corrected thaw, pair by pair."""

from __future__ import annotations

import statistics
from typing import Any

from kit.page.clean import label
from kit.page.language import say, say_n
from kit.page.part import Drawing
from kit.page.view import NO_VM, Point, Row, View
from kit.page.when import listed, listed_some, number
from kit.plots.style import TOKENS, drawing, figure, note, time_axis, wider

OUTLIER_S = 5.0  # smallest distance from the middle that is named, in seconds


def clock(view: View) -> list[Drawing]:
    """One figure for each machine with linked points."""
    made = [
        (vm, [p for p in view.points_of(vm) if p.time and p.link and p.link["offset_s"] is not None])
        for vm in view.drawn_vms
    ]
    return [_clock(view, vm, points) for vm, points in made if points]


def _clock(view: View, vm: str, points: list[Point]) -> Drawing:
    assert view.period is not None
    values = [float(p.link["offset_s"]) for p in points if p.link]
    middle = statistics.median(values)
    guest = _guest(view, vm)
    usual = statistics.median([abs(value - middle) for value in values]) * 1.5
    spread = max((row["spread_s"] or 0.0 for row in guest), default=0.0) or usual
    band = max(0.5, 2 * spread)
    far = [
        (p, value) for p, value in zip(points, values, strict=True) if abs(value - middle) > max(OUTLIER_S, 2 * band)
    ]
    low, high = min([middle - band, *values]), max([middle + band, *values])
    pad = (high - low) * 0.14 + 0.4
    layout = {
        "height": 260, "margin": {"l": 152, "r": 12, "t": 10, "b": 62},
        "xaxis": time_axis(view.when, *wider(view.period), say("time of the point, {zone}", zone=view.when.zone_name)),
        "yaxis": {
            "range": [low - pad, high + pad], "nticks": 6, "showgrid": True, "gridcolor": TOKENS["rule"],
            "fixedrange": True, "zeroline": True, "zerolinecolor": TOKENS["ink2"], "zerolinewidth": 1,
            "tickfont": {"size": 13, "color": TOKENS["ink2"]},
        },
        "shapes": [
            {
                "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": middle - band, "y1": middle + band,
                "line": {"width": 0}, "fillcolor": TOKENS["soft"], "layer": "below",
            }
        ],
        "annotations": [_axis_words(), *_named(view, far)],
    }
    rows = [[p.label, f"{number(value, 1, True)} s"] for p, value in zip(points, values, strict=True)]
    return drawing(
        f"fig-clock-{view.vms.index(vm) + 1}", figure(_traces(view, points, values, far), layout),
        _caption(view, guest, values, middle, spread, far),
        say("Point time minus aligned thaw in seconds, one ring for each linked point; the band is twice the spread."),
        [say("Point"), say("Point time minus aligned thaw")], rows[:300],
        vm if len(view.vms) > 1 and vm != NO_VM else "",
        total=len(rows),
    )


def _guest(view: View, vm: str) -> list[Row]:
    """The rows of the clock of a machine's guest: one, or one for each stretch between which it was set."""
    guests = [row for row in view.rows("clocks") if row["role"] == "guest"]
    own = {row["computer"] for row in view.rows("sources") if row["role"] == "guest" and row["vm_name"] == vm}
    return [row for row in guests if row["computer"] in own] or (guests if len(view.vms) == 1 else [])


def _axis_words() -> dict[str, Any]:
    return note(
        0, 1, say("point time minus<br>aligned thaw,<br>seconds"), xref="paper", yref="paper", xshift=-150,
        yanchor="top", font={"size": 13, "color": TOKENS["ink"]},
    )


def _traces(
    view: View, points: list[Point], values: list[float], far: list[tuple[Point, float]]
) -> list[dict[str, Any]]:
    outside = {p.id for p, _ in far}
    made = []
    for is_far in (False, True):
        chosen = [(p, value) for p, value in zip(points, values, strict=True) if (p.id in outside) is is_far]
        colour = TOKENS["con" if is_far else "ph2"]
        made.append(
            {
                "type": "scatter", "mode": "markers", "x": [view.when.axis(p.time) for p, _ in chosen if p.time],
                "y": [value for _, value in chosen],
                "marker": {
                    "symbol": "circle-open", "size": 8 if is_far else 6, "line": {"width": 1.5, "color": colour},
                    "color": colour,
                },
                "hoverinfo": "text",
                "hovertext": [f"{label(p.label)}<br>{number(value, 1, True)} s" for p, value in chosen],
                "customdata": [f"#{p.anchor}" for p, _ in chosen],
            }
        )
    return [trace for trace in made if trace["x"]]


def _named(view: View, far: list[tuple[Point, float]]) -> list[dict[str, Any]]:
    worst = sorted(far, key=lambda pair: -abs(pair[1]))[:4]
    late = view.period[0] + (view.period[1] - view.period[0]) * 0.6 if view.period else None
    made = []
    for p, value in worst:
        left = bool(late and p.time and p.time > late)
        made.append(
            note(
                view.when.axis(p.time) if p.time else 0, value, f"{label(p.label)}, {number(value, 1, True)} s",
                xanchor="right" if left else "left", xshift=-9 if left else 9,
            )
        )
    return made


def _caption(
    view: View, rows: list[Row], values: list[float], middle: float, spread: float, far: list[tuple[Point, float]]
) -> str:
    several = len({row["computer"] for row in rows}) == 1 < len(rows)
    said = [_set(view, rows, spread) if several else _agreement(rows[0] if rows else None, values, middle, spread)]
    if far:
        points = listed_some([p.label for p, _ in far], 4)
        said.append(say_n(len(far), "{count} point stands out: {points}.", "{count} points stand out: {points}.",
                          points=points))
    elif len(values) > 2:
        said.append(say("No pair stands out."))
    return " ".join(said)


def _set(view: View, rows: list[Row], spread: float) -> str:
    parts = [
        say("{offset} s from {time}", offset=number(row["offset_s"], 1, True), time=view.when.minute(row["from_utc"]))
        if row["from_utc"]
        else say("{offset} s at first", offset=number(row["offset_s"], 1, True))
        for row in rows
    ]
    return say(
        "The clock of {guest} was set on the way. To reach {reference} add {parts} (its own time); then they agree "
        "with a spread of {spread} s.", guest=rows[0]["computer"], reference=rows[0]["reference"], parts=listed(parts),
        spread=number(spread, 1),
    )


def _agreement(row: Row | None, values: list[float], middle: float, spread: float) -> str:
    if row and row["offset_s"] is not None:
        about = {"guest": row["computer"], "reference": row["reference"], "spread": number(spread, 1)}
        if abs(row["offset_s"]) < 0.05:
            return say(
                "The clocks of {guest} and {reference} agree; points stand {middle} s after the thaw, with a spread of "
                "{spread} s.", middle=number(middle, 1), **about,
            )
        return say(
            "{guest} and {reference} agree with a spread of {spread} s once {offset} s are added to the guest’s time.",
            offset=number(row["offset_s"], 1, True), **about,
        )
    if row and row["ambiguous"]:
        return say("Several offsets fit the pairs equally, so the guest’s clock stays ambiguous.")
    return say_n(len(values), "{count} pair of point and thaw; the difference is {middle} s.",
                 "{count} pairs of point and thaw; the middle is {middle} s.", middle=number(middle, 1, True))
