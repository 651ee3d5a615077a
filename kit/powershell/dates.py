"""Dates as exports write them: ISO, `/Date(ms)/`, CIM, and the text of any culture, with the doubt that remains.

12/05/2014 is May in most cultures and December in some. What settles it, in this order: a number above 12
anywhere in the file, the declared culture, and whether only one reading gives a list without leaps. What
stays open is read as month/day and marked as ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from kit import times

_KEPT = 20_000  # dates that the search for leaps looks at
_NEAR, _FAR = timedelta(days=3), timedelta(days=20)
_MONTH_FIRST = ("en-us", "en-ph", "fil", "es-pa", "es-pr", "es-us", "en-as", "en-gu")
_DATE = re.compile(
    r"(?<![\d.:/-])(?P<a>\d{1,4})(?P<sep>[./-]) ?(?P<b>\d{1,2})[./-] ?(?P<c>\d{1,4})(?![\d/-])\.?,?"
    r"(?:[ T]*-? *(?P<rest>.{0,40}))?",
    re.DOTALL,
)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,9}))?)?(?!\d)")
_ZONE = re.compile(r"(?:^|\s|\d)(Z|[+-]\d{2}:?\d{2})$")
_BEFORE_NOON = re.compile(
    r"(?:^|[\s\d])(?:a\.? ?m\.?|vorm\.?|de\.?|πμ|π\.μ\.|午前|上午|오전|ص)(?=$|[\s\d)])", re.IGNORECASE
)
_AFTER_NOON = re.compile(
    r"(?:^|[\s\d])(?:p\.? ?m\.?|nachm\.?|du\.?|μμ|μ\.μ\.|午後|下午|오후|م)(?=$|[\s\d)])", re.IGNORECASE
)
_DAY_NAME = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?\.?[ -](?:de )?(?P<m>[^\W\d_]{3,12})\.?,?[ -](?:de )?"
    r"(?P<y>\d{4}|\d{2}(?!\d))(?P<rest>.{0,40})"
    r"|(?P<m2>[^\W\d_]{3,12})\.? (?P<d2>\d{1,2}),? (?P<y2>\d{4})(?P<rest2>.{0,40})",
    re.DOTALL,
)
_MONTHS = (
    "jan janv gen ene sty янв января stycznia januar january janvier gennaio enero janeiro januari",
    "feb févr fév fev feb lut фев февраля lutego februar february février febbraio febrero fevereiro februari",
    "mar mär mrz mrt mars märz march marzo março maart мар марта marca",
    "apr avr abr kwi апр апреля kwietnia april avril aprile abril",
    "may mai mei mag maj мая maja mayo maggio maio",
    "jun juin giu jun cze июн июня czerwca juni june giugno junio junho",
    "jul juil lug lip июл июля lipca juli july juillet luglio julio julho",
    "aug août aou ago sie авг августа sierpnia august agosto augustus",
    "sep sept set wrz сен сентября września september septembre settembre septiembre setembro",
    "oct okt ott out paź окт октября października oktober october octobre ottobre octubre outubro",
    "nov lis ноя ноября listopada november novembre noviembre novembro",
    "dec dez déc dic gru дек декабря grudnia dezember december décembre dicembre diciembre dezembro",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}


@dataclass(frozen=True)
class Moment:
    """A date as written, and what it means: UTC where the text says so, else local to some computer."""

    raw: str
    utc: datetime | None = None
    local: datetime | None = None
    ambiguous: bool = False
    precision_s: float = 1.0

    @property
    def known(self) -> bool:
        """Whether the text named a moment at all."""
        return self.utc is not None or self.local is not None


@dataclass(frozen=True)
class _Written:
    """The numbers of a culture's date: first, second, third as they stand, and the time of day."""

    first: int
    second: int
    third: int
    separator: str
    clock: timedelta
    precision_s: float
    zone: str | None


class Dates:
    """Reads the dates of one file; `learn` them all first, so that one settles the order of the others."""

    def __init__(self, culture: str | None = None) -> None:
        self.culture = culture
        self._day_first = self._month_first = False
        self._open: list[_Written] = []
        self._order: str | None = None

    def learn(self, texts: Iterable[Any]) -> None:
        """Take dates (or texts with dates in them) as evidence for the order of day and month."""
        for text in texts:
            if isinstance(text, str) and (written := _written(text)) and written.separator != ".":
                self._weigh(written)
        self._order = None

    def _weigh(self, written: _Written) -> None:
        if written.first > 31:
            return
        self._day_first |= written.first > 12 >= written.second
        self._month_first |= written.second > 12 >= written.first
        if len(self._open) < _KEPT and written.separator == "/" and max(written.first, written.second) <= 12:
            self._open.append(written)

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
        if self._open and not self.order:
            return (
                "it stays open whether 12/05 means May or December: read as month/day, no verdict rests on it; "
                "declare culture for this source in case.toml"
            )
        return None

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
        if written := _written(raw):
            moment, ambiguous = self._moment(written)
            if moment and written.zone:
                aware = times.parse_iso(moment.isoformat() + written.zone)
                return Moment(raw, aware.astimezone(UTC) if aware else None, None, ambiguous, written.precision_s)
            return Moment(raw, None, moment, ambiguous and moment is not None, written.precision_s)
        return Moment(raw)

    def _moment(self, written: _Written) -> tuple[datetime | None, bool]:
        if written.first > 31 or written.separator in ".n":
            return _made(written, "day"), False
        one, other = _made(written, "day"), _made(written, "month")
        if one is None or other is None or one == other:
            return one or other, False
        if written.separator == "-" and not self._month_first:
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
    fraction = re.search(r"\d[.,](\d+)", raw)
    return float(10 ** -min(len(fraction[1]), 6)) if fraction else 1.0


def _written(text: str) -> _Written | None:
    """The numbers of the first date of a culture in the text."""
    plain = re.sub(r"[\u200e\u200f\u202a-\u202e]", "", text).replace("\u202f", " ").replace("\xa0", " ")
    plain = re.sub(r"(\d) ?[年월月년] ?", r"\1/", plain)
    plain = re.sub(r"(\d) ?[日일]", r"\1 ", plain)
    if found := _DATE.search(plain):
        third = int(found["c"])
        numbers = (int(found["a"]), int(found["b"]), third if len(found["c"]) < 4 or third > 1601 else -1)
        return _with_clock(numbers, found["sep"], found["rest"] or "")
    if found := _DAY_NAME.search(plain):
        month = _MONTH.get((found["m"] or found["m2"]).casefold())
        if month:
            numbers = (int(found["d"] or found["d2"]), month, int(found["y"] or found["y2"]))
            return _with_clock(numbers, "n", found["rest"] or found["rest2"] or "")
    return None


def _with_clock(numbers: tuple[int, int, int], separator: str, rest: str) -> _Written | None:
    found = _CLOCK.search(rest)
    if not found:
        return _Written(*numbers, separator, timedelta(), 86400.0, None)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if _AFTER_NOON.search(rest) and hour < 12:
        hour += 12
    elif _BEFORE_NOON.search(rest) and hour == 12:
        hour = 0
    if hour > 23 or minute > 59 or second > 59:
        return None
    clock = timedelta(hours=hour, minutes=minute, seconds=second)
    fraction = found[4] or ""
    clock += timedelta(microseconds=int((fraction + "000000")[:6]))
    zone = _ZONE.search(rest.strip())
    precision = 10.0 ** -min(len(fraction), 6) if found[3] else 60.0
    return _Written(*numbers, separator, clock, precision, zone[1] if zone else None)


def _made(written: _Written, order: str) -> datetime | None:
    if written.first > 31:
        year, month, day = written.first, written.second, written.third
    else:
        day, month = (written.first, written.second) if order == "day" else (written.second, written.first)
        year = written.third
    year += 0 if year < 0 else 2000 if year < 70 else 1900 if year < 100 else -543 if 2480 < year < 2640 else 0
    try:
        return datetime(year, month, day) + written.clock if year > 1601 else None  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None


def _widest_leap(dates: list[_Written], order: str) -> timedelta | None:
    """The widest distance between neighbours in time; None for fewer than three dates or one that is none."""
    moments = [_made(written, order) for written in dates]
    known = sorted(moment for moment in moments if moment is not None)
    if len(known) < 3 or len(known) != len(moments):
        return None
    return max(later - earlier for earlier, later in pairwise(known))
