"""Dates as exports write them: ISO, `/Date(ms)/`, CIM, and the text of any culture, with the doubt that remains.

12/05/2014 is May in most cultures and December in some. What settles it, in this order: a number above 12
anywhere in the file, the declared culture, and whether only one reading gives a list without leaps. What
stays open is read as month/day and marked as ambiguous. With two digits the year may stand first too: the number that
stays the same over the file is the year. Dates of other calendars, and times beside a word for half of the day that is
not known, are named and not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from kit import times
from kit.powershell.written import BUDDHIST, Written, made, written

_KEPT = 20_000  # dates that the search for leaps looks at
_NEAR, _FAR = timedelta(days=3), timedelta(days=20)
_MONTH_FIRST = ("en-us", "en-ph", "fil", "es-pa", "es-pr", "es-us", "en-as", "en-gu")
_DAY_S = 86400.0
_YEAR_FIRST = ("ja", "zh", "ko", "hu", "sv", "lt", "mn", "eu")  # languages that write 14-05-19 for the 19th of May 2014


@dataclass(frozen=True)
class Moment:
    """A date as written, and what it means: UTC where the text says so, else local to some computer."""

    raw: str
    utc: datetime | None = None
    local: datetime | None = None
    ambiguous: bool = False
    precision_s: float = 1.0
    strange: bool = False

    @property
    def known(self) -> bool:
        """Whether the text named a moment at all."""
        return self.utc is not None or self.local is not None

    @property
    def dated(self) -> bool:
        """Whether the text is a date, be it one that nobody can place."""
        return self.known or self.strange


class Dates:
    """Reads the dates of one file; `learn` them all first, so that one settles the order of the others."""

    def __init__(self, culture: str | None = None) -> None:
        self.culture = culture
        self._day_first = self._month_first = False
        self._open: list[Written] = []
        self._ends: tuple[set[int], set[int]] = (set(), set())  # first and third numbers where the year has two digits
        self._open_year = False
        self._strange: str | None = None
        self._buddhist = False
        self._order: str | None = None

    def learn(self, texts: Iterable[Any]) -> None:
        """Take dates (or texts with dates in them) as evidence for the order of day, month and year."""
        for text in texts:
            if isinstance(text, str) and (found := written(text)):
                if found.strange:
                    self._strange = self._strange or text.strip()[:40]
                elif found.short:
                    self._ends[0].add(found.first)
                    self._ends[1].add(found.third)
                    self._open_year |= found.separator != "." and found.first <= 31 and made(found, "year") is not None
                self._buddhist |= found.precision_s < _DAY_S and max(found.first, found.third) in BUDDHIST
                if found.separator != "." and not found.strange:
                    self._weigh(found)
        self._order = None

    def _weigh(self, found: Written) -> None:
        if found.first > 31 or self._year_first:
            return
        self._day_first |= found.first > 12 >= found.second
        self._month_first |= found.second > 12 >= found.first
        if len(self._open) < _KEPT and found.separator == "/" and max(found.first, found.second) <= 12:
            self._open.append(found)

    @property
    def _year_first(self) -> bool | None:
        """Whether the first of three numbers of two digits is the year; None where nothing settles it."""
        first, third = map(len, self._ends)
        if min(first, third) == 1 < max(first, third) or 3 * min(first, third) <= max(first, third):
            return first < third
        return self.culture.lower().startswith(_YEAR_FIRST) if self.culture else None

    @property
    def order(self) -> str:
        """`day`, `month`, or `` where nothing settles which comes first."""
        if self._order is None:
            self._order = self._settle()
        return self._order

    def _settle(self) -> str:
        if self._day_first != self._month_first:
            return "day" if self._day_first else "month"
        if self._day_first and self._month_first:
            return ""
        if self.culture:
            return "month" if self.culture.lower().startswith(_MONTH_FIRST) else "day"
        return self._without_leaps()

    def _without_leaps(self) -> str:
        """The order under which the dates follow each other closely while the other scatters them over months."""
        leaps = {order: _widest_leap(self._open, order) for order in ("day", "month")}
        for order, other in (("day", "month"), ("month", "day")):
            near, far = leaps[order], leaps[other]
            if near is not None and near <= _NEAR and (far is None or far >= _FAR):
                return order
        return ""

    @property
    def note(self) -> str | None:
        """What is doubtful about the dates of the file; None where nothing is."""
        if self._day_first and self._month_first:
            return "dates in two orders (day/month and month/day): those that fit both are ambiguous"
        if self.culture and self._open and self.order and self._settled_otherwise():
            return f"the declared culture {self.culture} does not fit the dates: read as {self.order} first"
        if self._strange:
            return (
                f"dates such as {self._strange!r} are of another calendar, or have a word for half of the day that is "
                "not known: they are not read; export again as XML (Export-Clixml, wevtutil /f:xml)"
            )
        if self._open and not self.order:
            return (
                "it stays open whether 12/05 means May or December: read as month/day, no verdict rests on it; "
                "declare culture for this source in case.toml"
            )
        if self._open_year and self._year_first is None:
            return (
                "it stays open whether 14/05/19 means 2014 or 2019: read with the year last, no verdict rests on it; "
                "declare culture for this source in case.toml"
            )
        return "years of the Buddhist calendar are read as Gregorian ones, 543 less" if self._buddhist else None

    def _settled_otherwise(self) -> bool:
        declared = "month" if (self.culture or "").lower().startswith(_MONTH_FIRST) else "day"
        return declared != self.order

    def read(self, value: Any) -> Moment:
        """The moment that the text names; neither utc nor local where it names none, or is cut off."""
        raw = str(value if value is not None else "").strip()
        if raw.endswith(("...", "…")):
            return Moment(raw)
        if exact := _exact(raw):
            return _placed(raw, exact, 0.001 if "Date(" in raw else _iso_precision(raw))
        found = written(raw)
        if found is None or found.strange:
            return Moment(raw, strange=found is not None)
        moment, ambiguous = self._moment(found)
        if moment and found.zone:
            aware = times.parse_iso(moment.isoformat() + found.zone)
            return Moment(raw, aware.astimezone(UTC) if aware else None, None, ambiguous, found.precision_s)
        return Moment(raw, None, moment, ambiguous and moment is not None, found.precision_s)

    def _moment(self, found: Written) -> tuple[datetime | None, bool]:
        other_year = made(found, "year") if found.short and found.first <= 31 else None
        if other_year and self._year_first:
            return other_year, False
        moment, ambiguous = self._day_and_month(found)
        open_year = other_year is not None and self._year_first is None and found.separator != "."
        return moment or other_year, ambiguous or open_year

    def _day_and_month(self, found: Written) -> tuple[datetime | None, bool]:
        if found.first > 31 or found.separator in ".n":
            return made(found, "day"), False
        one, other = made(found, "day"), made(found, "month")
        if one is None or other is None or one == other:
            return one or other, False
        if found.separator == "-" and not self._month_first:
            return one, False
        if self.order:
            return (one if self.order == "day" else other), False
        return other, True


def _exact(raw: str) -> datetime | None:
    return times.parse_iso(raw) or times.date_ms(raw) or times.cim_datetime(raw)


def _placed(raw: str, moment: datetime, precision_s: float) -> Moment:
    if moment.year <= 1601:
        return Moment(raw)
    if moment.tzinfo is None:
        return Moment(raw, None, moment, False, precision_s)
    return Moment(raw, moment.astimezone(UTC), None, False, precision_s)


def _iso_precision(raw: str) -> float:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", raw):
        return _DAY_S
    fraction = re.search(r"\d[.,](\d+)", raw)
    return float(10 ** -min(len(fraction[1]), 6)) if fraction else 1.0


def _widest_leap(dates: list[Written], order: str) -> timedelta | None:
    """The widest distance between neighbours in time; None for fewer than three dates or one that is none."""
    moments = [made(one, order) for one in dates]
    known = sorted(moment for moment in moments if moment is not None)
    if len(known) < 3 or len(known) != len(moments):
        return None
    return max(later - earlier for earlier, later in pairwise(known))
