"""What stands in the lanes of recovery points and test failovers: verdict signs, claims, boots and their points."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kit.page.clean import label
from kit.page.language import say, say_n, stored
from kit.page.signs import VERDICTS
from kit.page.strip import reason
from kit.page.view import Point, Row, View
from kit.page.when import number
from kit.plots.lanes import Lane
from kit.plots.style import TOKENS, Interval, note

HALF_DISCS = 400  # supported points drawn with a filled half; more are drawn as rings
LOUD = ("contradicted", "confirmed")  # verdicts that keep their size however many points there are
BOOTS = 8  # boots drawn in one lane


def point_traces(view: View, vm: str, y: float) -> list[dict[str, Any]]:
    """Recovery points with verdict sign, claim tick above, and scheduled ones that no list holds."""
    points = [point for point in view.points_of(vm) if point.time]
    traces = [_claims(view, points, y)] if points else []
    for word, symbol, size, width in (
        ("supported", "circle-open", 11, 1.6), ("no_claim", "circle", 5, 0), ("inconclusive", "circle-open", 12, 2),
        ("confirmed", "circle", 13, 0), ("contradicted", "x-thin-open", 11, 3),
    ):
        found = [point for point in points if point.word == word]
        if found:
            scale = 1.0 if word in LOUD else small(len(points))
            traces.append(_signs(view, found, y, word, symbol, size * scale, width))
    expected = [row for row in view.of(vm, view.rows("expected_points")) if row["time_utc"]]
    if expected:
        traces.append(
            {
                "type": "scatter", "mode": "text", "x": [view.when.axis(row["time_utc"]) for row in expected],
                "y": [y] * len(expected), "text": "?", "textfont": {"size": 13, "color": TOKENS["ink2"]},
                "hoverinfo": "text",
                "hovertext": [
                    say("{time}<br>scheduled, not listed<br>{reason}", time=view.when.minute(row["time_utc"]),
                        reason=label(stored(row["reason"])))
                    for row in expected
                ],
            }
        )
    return traces


def small(count: int) -> float:
    """The factor by which signs shrink where many points share the lane."""
    return round(max(0.5, min(1.0, 70 / max(count, 1))), 2)


def _claims(view: View, points: list[Point], y: float) -> dict[str, Any]:
    claiming = [point for point in points if point.claims]
    return {
        "type": "scatter", "mode": "markers", "x": [view.when.axis(p.time) for p in claiming if p.time],
        "y": [y + 0.33] * len(claiming), "hoverinfo": "skip",
        "marker": {
            "symbol": "line-ns-open", "size": 7, "color": TOKENS["ink"],
            "line": {"width": 1.3, "color": TOKENS["ink"]},
        },
    }


def _signs(
    view: View, points: list[Point], y: float, word: str, symbol: str, size: float, width: float
) -> dict[str, Any]:
    colour = TOKENS[VERDICTS[word].token if word != "no_claim" else "non-ink"]
    return {
        "type": "scatter", "mode": "markers", "x": [view.when.axis(p.time) for p in points if p.time],
        "y": [y] * len(points),
        "marker": {
            "symbol": symbol, "size": size, "color": colour, "opacity": 1, "line": {"width": width, "color": colour},
        },
        "hoverinfo": "text", "hovertext": [f"{p.label}<br>{label(reason(p), 160)}" for p in points],
        "customdata": [f"#{p.anchor}" for p in points], "name": VERDICTS[word].word,
    }


def halves(view: View, vm: str, y: float) -> list[dict[str, Any]]:
    """The filled left half of each supported point, in pixels, so that the sign equals that of the tables."""
    points = [p for p in view.points_of(vm) if p.word == "supported" and p.time]
    r = 5.5 * small(len([p for p in view.points_of(vm) if p.time]))
    half = f"M0,{-r}C{-0.55 * r},{-r} {-r},{-0.55 * r} {-r},0C{-r},{0.55 * r} {-0.55 * r},{r} 0,{r}Z"
    if len(points) > HALF_DISCS:
        return []
    look = {"fillcolor": TOKENS["sup"], "line": {"width": 0}, "layer": "above"}
    place = {"type": "path", "path": half, "xsizemode": "pixel", "ysizemode": "pixel", "yanchor": y, **look}
    return [{**place, "xanchor": view.when.axis(p.time)} for p in points if p.time]


@dataclass
class Booted:
    """What the boots of a lane add to the drawing."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


def boot_marks(view: View, vm: str, lane: Lane, points: Lane, period: Interval) -> Booted:
    """The test-failover boots inside the period as bars, each tied to its point; a sentence where there is none."""
    tests = [row for row in view.of(vm, view.boots.values()) if row["test_failover"] and row["start_utc"]]
    inside = [row for row in tests if period[0] <= row["start_utc"] <= period[1]]
    made = Booted()
    if not inside:
        outside = say_n(len(tests), "no test failover in this period; {count} boot outside it",
                        "no test failover in this period; {count} boots outside it")  # fmt: skip
        words = outside if tests else say("no test failover collected")
        made.notes.append(note(view.when.axis(period[0]), lane.y, f"  {words}"))
    for place, row in enumerate(inside[:BOOTS]):
        _boot(view, row, lane.y + (0.2 if place % 2 == 0 else -0.22), points.y, period, made)
    return made


def _boot(view: View, row: Row, y: float, top: float, period: Interval, made: Booted) -> None:
    end = row["end_utc"] or row["start_utc"] + timedelta(minutes=5)
    point = view.point_by_id.get(row["recovery_point_id"] or "")
    text = _boot_words(view, row)
    made.traces.append(
        {
            "type": "bar", "orientation": "h", "base": [view.when.axis(row["start_utc"])], "y": [y], "width": 0.22,
            "x": [(end - row["start_utc"]).total_seconds() * 1000],
            "marker": {"color": TOKENS["ph2"], "line": {"width": 0}}, "hoverinfo": "text",
            "hovertext": [say("boot {span}<br>{outcome}", span=view.when.span(row["start_utc"], end), outcome=text)],
            "customdata": [f"#{point.anchor}" if point else ""],
        }
    )
    made.shapes += _from_point(view, point, row, y, top)
    late = end > period[0] + (period[1] - period[0]) * 0.84
    before = min(row["start_utc"], point.time) if point and point.time else row["start_utc"]
    side: Row = {"xanchor": "right", "xshift": -6} if late else {"xanchor": "left", "xshift": 6}
    font = {"size": 13, "color": TOKENS["ink"]}
    made.notes.append(note(view.when.axis(before if late else end), y, text, font=font, **side))


def _from_point(view: View, point: Point | None, boot: dict[str, Any], y: float, top: float) -> list[dict[str, Any]]:
    """The line from a point down to the boot that started from it."""
    if point is None or point.time is None:
        return []
    line = {"width": 1.3, "color": TOKENS["ph2"]}
    x = view.when.axis(point.time)
    return [
        {"type": "line", "x0": x, "x1": x, "y0": top - 0.2, "y1": y, "line": line, "layer": "below"},
        {
            "type": "line", "x0": x, "x1": view.when.axis(boot["start_utc"]), "y0": y, "y1": y, "line": line,
            "layer": "below",
        },
    ]


def _boot_words(view: View, boot: dict[str, Any]) -> str:
    rows = [row for row in view.rows("recoveries") if row["boot_id"] == boot["boot_id"]]
    if any(row["failed"] for row in rows):
        return say("recovery failed")
    known = [row["rolled_back"] for row in rows if row["rolled_back"] is not None]
    if not known:
        return say("rollback not recorded")
    if not sum(known):
        return say("0 rolled back")
    return say("<b>{count} rolled back</b>", count=number(sum(known)))
