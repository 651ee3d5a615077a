"""Local times to UTC: which zone a computer's logs were written in, how that is known, and which rows stay open.

In this order: declared in case.toml; stated by the file; the messages that also stand in the Application log of the
same computer; the zone that its System log names; another log of the same computer; nobody knows (assumed: UTC is
written down, and such a row cannot carry a verdict). An offset that was seen once holds only as far as no change of
daylight saving can lie in between; a zone holds always, but for the hour that it repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd

from kit import times
from kit.case.windows_zones import WINDOWS_ZONES
from kit.case.zone_anchors import Point, commonest

# First and last day (month, day) of the periods in which clocks are changed somewhere.
_CHANGES = (((2, 15), (4, 30)), ((8, 31), (11, 10)))
_BIAS = re.compile(r"(-?\d{1,3}) (\D.{2,60})")
_PREFERRED = (
    "Europe/Berlin", "Europe/London", "Europe/Kyiv", "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Sao_Paulo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
_MOST_CANDIDATES = 16
LOCAL = "local time"  # what reports print for a zone that all files share and none names


@dataclass(frozen=True)
class Zone:
    """How a source's local times become UTC. `basis` is declared, inferred or assumed; `text` is what reports print."""

    zone: tzinfo
    text: str
    basis: str
    reason: str
    points: tuple[Point, ...] = ()
    others: tuple[tzinfo, ...] = ()  # zones that fit the same points
    against: tuple[Point, ...] = ()  # points that it does not fit: near them nothing is sure

    @property
    def unnamed(self) -> bool:
        """Whether times are printed as they were written, because nobody knows their zone."""
        return self.basis == "assumed" or self.text == LOCAL

    def convert(self, local: pd.Series) -> tuple[pd.Series, pd.Series]:
        """UTC times, and which of them are sure (boolean): the others count as assumed."""
        made, doubt = times.utc_and_doubt(local, self.zone)
        if self.basis == "assumed":
            return made, pd.Series(False, index=local.index)
        sure = ~doubt
        if self.points:
            near = self._near(local)
            sure &= near if near.all() else near | self._alike(local, made)
        return made, sure

    def moment(self, local: datetime) -> pd.Timestamp:
        """A single local time in UTC."""
        return times.moment_utc(local, self.zone)

    def _alike(self, local: pd.Series, made: pd.Series) -> pd.Series:
        """Where every zone that fits the points gives the same time; a mere offset has no such zones."""
        same = pd.Series(bool(self.others), index=local.index)
        for other in self.others:
            same &= times.to_utc(local, other) == made
        return same

    def _near(self, local: pd.Series) -> pd.Series:
        """Where a point of the same offset lies so near that no clock can have been changed in between."""
        days = local.to_numpy("M8[D]")
        found, places = np.unique(days, return_inverse=True)
        shown = [day is not None and self._near_day(datetime.combine(day, time())) for day in found.tolist()]
        return pd.Series(np.array(shown, dtype=bool)[places], index=local.index)

    def _near_day(self, day: datetime) -> bool:
        if any(abs(point.local - day) < timedelta(hours=36) for point in self.against):
            return False
        nearest = min(self.points, key=lambda point: abs(point.local - day))
        offset = self.zone.utcoffset(day)
        fits = offset is not None and int(offset.total_seconds()) == nearest.offset_s
        return fits and not change_between(day, nearest.local)


def change_between(one: datetime, other: datetime) -> bool:
    """Whether some country changes its clocks between two days (the same day never counts)."""
    first, last = sorted((one, other))
    if last - first < timedelta(hours=36):
        return False
    for year in range(first.year, last.year + 1):
        for begin, end in _CHANGES:
            if first < datetime(year, *end) + timedelta(days=1) and last > datetime(year, *begin):  # noqa: DTZ001
                return True
    return False


def declared(text: str, reason: str = "declared in case.toml") -> Zone:
    """The zone that case.toml declares. Raises ConfigError for an unknown one."""
    return Zone(times.zone(text), text, "declared", reason)


def common(reason: str) -> Zone:
    """One local time that all files share, whichever it is: read as if it were UTC."""
    return Zone(UTC, LOCAL, "inferred", reason)


def assumed() -> Zone:
    """Nobody knows: read as UTC, and no row can carry a verdict."""
    return Zone(UTC, "UTC", "assumed", "no zone is known: read as if it were UTC; declare timezone in case.toml")


def stated(zone: str, local: datetime) -> Point | None:
    """The point that a UTC line in a file gives; None when it says no fixed offset."""
    offset = times.zone(zone).utcoffset(None)
    if offset is None:
        return None
    return Point(local, int(offset.total_seconds()), f"the file says UTC{zone}")


def named(strings: Iterable[object]) -> str | None:
    """The IANA zone of a Windows zone as event logs write it ('-60 W. Europe Standard Time'); None if it is none."""
    for text in strings:
        found = _BIAS.fullmatch(text) if isinstance(text, str) else None
        name = WINDOWS_ZONES.get(found[2].casefold()) if found else None
        if found and name:
            winter = min(_zone(name).utcoffset(datetime(2014, month, 1)) or timedelta() for month in (1, 7))  # noqa: DTZ001
            if winter == -timedelta(minutes=int(found[1])):
                return name
    return None


def inferred(points: Sequence[Point], names: Sequence[str], reason: str) -> Zone | None:
    """The zone that points of known offset and names from event logs agree on; None when they say nothing certain."""
    fitting = [name for name in dict.fromkeys(names) if _fits(name, points)]
    if len(fitting) == 1:
        named_by = "named for this computer by its System log or case.toml"
        said = f"{named_by}; {points[0].reason}" if points else named_by
        return Zone(_zone(fitting[0]), fitting[0], "inferred", said)
    if not points:
        return None
    offsets = {point.offset_s for point in points}
    if len(offsets) == 1:
        return _fixed(points, offsets.pop(), reason)
    candidates = _candidates(_turns(points))
    if not candidates:
        most = commonest(points)
        own = tuple(point for point in points if point.offset_s == most)
        against = tuple(point for point in points if point.offset_s != most)
        made = _fixed(own, int(most or 0), reason)
        return replace(made, reason=f"{made.reason}; other offsets were seen that no zone explains", against=against)
    others = tuple(_zone(name) for name in candidates[1:_MOST_CANDIDATES]) or (_zone(candidates[0]),)
    said = f"{reason}; its offset changes as there"
    return Zone(_zone(candidates[0]), candidates[0], "inferred", said, tuple(points), others)


def _turns(points: Sequence[Point]) -> tuple[tuple[datetime, int], ...]:
    """The first and last moment of each stretch of one offset: what lies between tells nothing more."""
    ordered = sorted({(point.utc, point.offset_s) for point in points})
    kept = [
        moment
        for place, moment in enumerate(ordered)
        if place in (0, len(ordered) - 1) or not ordered[place - 1][1] == moment[1] == ordered[place + 1][1]
    ]
    return tuple(kept)


def _fixed(points: Sequence[Point], offset_s: int, reason: str) -> Zone:
    return Zone(timezone(timedelta(seconds=offset_s)), offset_text(offset_s), "inferred", reason, tuple(points))


def offset_text(offset_s: int) -> str:
    """An offset as +HH:MM."""
    sign, rest = "-" if offset_s < 0 else "+", abs(offset_s)
    return f"{sign}{rest // 3600:02d}:{rest % 3600 // 60:02d}"


def _fits(name: str, points: Iterable[Point]) -> bool:
    return all(_offset_at(name, point.utc) == point.offset_s for point in points)


def _offset_at(name: str, utc: datetime) -> int:
    offset = utc.replace(tzinfo=UTC).astimezone(_zone(name)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@cache
def _candidates(points: tuple[tuple[datetime, int], ...]) -> list[str]:
    """IANA zones that had these offsets at these moments, well-known ones first."""
    names = [name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right"))]
    fitting = [name for name in names if all(_offset_at(name, utc) == offset_s for utc, offset_s in points)]
    known = [name for name in _PREFERRED if name in fitting]
    return known + sorted(set(fitting) - set(known))


def basis(sure: pd.Series, given: str) -> np.ndarray:
    """The time_basis of each row: that of the zone where the row is sure, else assumed."""
    return np.where(sure, given, "assumed")
