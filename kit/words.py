"""Times, spans and lists as the sentences of a report write them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Words:
    """Writes times in the zone of the report (that of the guest)."""

    zone: tzinfo

    def moment(self, time: Any, seconds: bool = True) -> str:
        """'20 May 02:00:03', or 'an unknown time'."""
        if pd.isna(time):
            return "an unknown time"
        local = time.tz_convert(self.zone)
        return f"{local.day} {local:%b %H:%M:%S}" if seconds else f"{local.day} {local:%b %H:%M}"

    def days(self, first: Any, last: Any) -> str:
        """'18 to 20 May 2014', or one day, or nothing when no time is known."""
        if pd.isna(first) or pd.isna(last):
            return ""
        start, end = first.tz_convert(self.zone), last.tz_convert(self.zone)
        if start.date() == end.date():
            return f"{end.day} {end:%b %Y}"
        if (start.year, start.month) == (end.year, end.month):
            return f"{start.day} to {end.day} {end:%b %Y}"
        if start.year == end.year:
            return f"{start.day} {start:%b} to {end.day} {end:%b %Y}"
        return f"{start.day} {start:%b %Y} to {end.day} {end:%b %Y}"


def span(seconds: Any) -> str:
    """'0.4 s', '31 min 29 s', '4 h 31 min', '2 d 3 h'."""
    if pd.isna(seconds):
        return "an unknown time"
    value = abs(float(seconds))
    sign = "-" if float(seconds) < 0 else ""
    if value < 60:
        return f"{sign}{value:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{sign}{minutes} min {rest} s" if rest else f"{sign}{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{sign}{hours} h {minutes} min" if minutes else f"{sign}{hours} h"
    days, hours = divmod(hours, 24)
    return f"{sign}{days} d {hours} h" if hours else f"{sign}{days} d"


def spread(values: Iterable[float]) -> str:
    """'0.4 to 2.1 s', or one span when all are alike."""
    found = sorted(values)
    if not found:
        return "an unknown time"
    low, high = span(found[0]), span(found[-1])
    if low == high:
        return low
    return f"{low.removesuffix(' s')} to {high}" if low.endswith(" s") and high.endswith(" s") else f"{low} to {high}"


def listed(names: Iterable[str], most: int = 6) -> str:
    """'a, b and c'; beyond `most` names the rest is counted."""
    found = list(names)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most} more"
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} and {found[-1]}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """'1 point', '2 points'."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
