"""The verdict strip: a row for each day, a cell for each recovery point, in the zone of the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from markupsafe import Markup

from kit.page.language import say, stored
from kit.page.part import render
from kit.page.signs import CLAIMS, PATTERNS, VERDICTS, WORST_FIRST
from kit.page.view import Point, Row, View

MOST_AN_HOUR = 4  # cells below each other; of more a day is a run of cells without hours
READING = ("supported", "confirmed", "contradicted", "inconclusive", "no_claim")


@dataclass(frozen=True)
class Cell:
    """One cell: an hour of the day, a link, what it is, what it says when it is chosen."""

    hour: int
    href: str
    token: str  # colour token of the verdict, or `gone`
    claims: bool
    svg: Markup
    title: str


def strip(view: View, vm: str) -> Markup:
    """The strip of one VM with its key; a sentence where no point is listed."""
    points = [point for point in view.points_of(vm) if point.time]
    expected = [row for row in view.of(vm, view.rows("expected_points")) if row["time_utc"]]
    days: dict[str, list[Cell]] = defaultdict(list)
    moments = [point.time for point in points if point.time] + [row["time_utc"] for row in expected]
    for moment in sorted(moments):
        days.setdefault(_day(view, moment), [])
    for point in points:
        days[_day(view, point.time)].append(_cell(view, point))
    for row in expected:
        days[_day(view, row["time_utc"])].append(_gone(view, row))
    for cells in days.values():
        cells.sort(key=lambda cell: (cell.hour, cell.title))
    counts = view.counts(view.points_of(vm))
    key = [(VERDICTS[word], word, counts[word]) for word in READING if counts[word]]
    return render(
        "strip.html.j2",
        days=days,
        key=key,
        gone=len(expected),
        hourly=_hourly(points),
        flow=any(count > MOST_AN_HOUR for cells in days.values() for count in Counter(c.hour for c in cells).values()),
        hours=range(24),
        dense=view.dense,
        undated=sum(point.time is None for point in view.points_of(vm)),
    )


def _day(view: View, moment: datetime | None) -> str:
    assert moment is not None
    return view.when.date(moment)


def _cell(view: View, point: Point) -> Cell:
    assert point.time is not None
    sign = VERDICTS[point.word]
    return Cell(
        view.when.local(point.time).hour,
        f"#{point.anchor}",
        sign.token,
        point.claims,
        sign.svg,
        f"{point.label}: {reason(point)}",
    )


def _gone(view: View, row: Row) -> Cell:
    moment: datetime = row["time_utc"]
    why = stored(row["reason"]) or say("reason unknown")
    return Cell(
        view.when.local(moment).hour,
        "#points",
        "gone",
        False,
        Markup("?"),
        say("{time}: scheduled, not listed; {reason}", time=view.when.minute(moment), reason=why),
    )


def reason(point: Point) -> str:
    """Verdict, claim and the guest's pattern of a point, and the databases that are worse than the rest."""
    said = [VERDICTS[point.word].word, CLAIMS.get(point.row["claimed"], say("claim not known"))]
    if point.verdict["pattern"]:
        pattern = PATTERNS.get(point.verdict["pattern"], point.verdict["pattern"])
        said.append(say("guest: {pattern}", pattern=pattern))
    guilty = guilty_databases(point)
    if guilty:
        said.append(say("because of {databases}", databases=", ".join(guilty)))
    return ", ".join(said)


def guilty_databases(point: Point) -> list[str]:
    """Databases that carry the point's verdict while others are better; none where all are alike."""
    words = {row["verdict"] for row in point.databases}
    if len(words) < 2:
        return []
    lowest = min(words, key=WORST_FIRST.index)
    return [row["shown"] for row in point.databases if row["verdict"] == lowest]


def _hourly(points: list[Point]) -> bool:
    moments = sorted(point.time for point in points if point.time)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    return bool(gaps) and sorted(gaps)[len(gaps) // 2] < 4000
