"""Times and durations as a reader wants them: one zone, named once, no locale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from kit import times
from kit.page.language import current, marked, say, written

MONTHS = (
    marked("Jan"), marked("Feb"), marked("Mar"), marked("Apr"), marked("May"), marked("Jun"), marked("Jul"),
    marked("Aug"), marked("Sep"), marked("Oct"), marked("Nov"), marked("Dec"),
)  # fmt: skip
UNITS = ((86400, marked("d")), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class When:
    """Writes moments in one zone; the year is left out where the whole report lies in one."""

    zone: tzinfo = UTC
    zone_name: str = "UTC"
    with_year: bool = False

    @classmethod
    def of(cls, zone: str | None, moments: list[datetime]) -> When:
        """The writer for a zone (`+02:00` or an IANA name; none is UTC) and the moments that it will write."""
        zone = (zone or "UTC").removeprefix("UTC") or "Z"
        found = times.zone(zone)
        years = {moment.astimezone(found).year for moment in moments}
        return cls(found, _zone_name(zone, found, moments), len(years) > 1)

    def local(self, moment: datetime) -> datetime:
        """The moment on the clock of the zone."""
        return moment.astimezone(self.zone)

    def date(self, moment: datetime, year: bool | None = None) -> str:
        """`20 May`, with the year where the report spans several or it is asked for."""
        there = self.local(moment)
        shown = self.with_year if year is None else year
        month = say(MONTHS[there.month - 1])
        if shown:
            return say("{day} {month} {year}", day=there.day, month=month, year=there.year)
        return say("{day} {month}", day=there.day, month=month)

    def minute(self, moment: datetime) -> str:
        """`20 May 02:00`."""
        return f"{self.date(moment)} {self.local(moment):%H:%M}"

    def second(self, moment: datetime) -> str:
        """`20 May 02:00:30`."""
        return f"{self.date(moment)} {self.local(moment):%H:%M:%S}"

    def exact(self, moment: datetime, precision_s: float | None = None) -> str:
        """`20 May 02:00:30.25`, with the digits that the source wrote."""
        digits = _digits(moment, precision_s)
        if not digits:
            return self.second(moment)
        return f"{self.second(moment)}{current().decimal}{moment.microsecond:06d}"[: digits - 6]

    def days(self, first: datetime, last: datetime) -> str:
        """`18 to 20 May 2014`, or one day."""
        a, b = self.local(first), self.local(last)
        if a.date() == b.date():
            return self.date(last, year=True)
        if a.year != b.year:
            return say("{first} to {last}", first=self.date(first, year=True), last=self.date(last, year=True))
        if a.month != b.month:
            return say("{first} to {last}", first=self.date(first, year=False), last=self.date(last, year=True))
        return say("{day} to {last}", day=a.day, last=self.date(last, year=True))

    def span(self, first: datetime, last: datetime) -> str:
        """`18 May 12:00 to 20 May 2014 12:00`."""
        same = self.local(first).year == self.local(last).year
        begin = f"{self.date(first, year=not same)} {self.local(first):%H:%M}"
        end = f"{self.date(last, year=True)} {self.local(last):%H:%M}"
        return say("{first} to {last}", first=begin, last=end)

    def axis(self, moment: datetime) -> str:
        """The moment on the zone's clock as figures take it: ISO 8601 without a zone."""
        return self.local(moment).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _zone_name(text: str | None, zone: tzinfo, moments: list[datetime]) -> str:
    offsets = sorted({moment.astimezone(zone).utcoffset() or timedelta() for moment in moments})
    told = listed([_offset(offset) for offset in offsets]) or "UTC"
    is_name = text is not None and text[:1] not in "+-Zz"
    return f"{text} ({told})" if is_name else told


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _digits(moment: datetime, precision_s: float | None) -> int:
    if precision_s is None:
        return 3 if moment.microsecond else 0
    return sum(precision_s < limit for limit in (0.999, 0.099, 0.0099))


def duration(seconds: float) -> str:
    """`4 h 31 min 29 s`: the two or three largest units; below ten seconds with one digit."""
    if abs(seconds) < 9.95:
        return f"{number(seconds, 1)} s"
    left = round(abs(seconds))
    parts = []
    for size, name in UNITS:
        if left >= size:
            parts.append(f"{left // size} {say(name)}")
            left %= size
    return ("\N{MINUS SIGN}" if seconds < 0 else "") + " ".join(parts[:3])


def number(value: float, digits: int = 0, sign: bool = False) -> str:
    """A number with a thin space between thousands and a true minus sign; `sign` also writes the plus."""
    rounded = round(float(value), digits) + 0.0
    told = written(abs(rounded), digits)
    if rounded < 0:
        return "\N{MINUS SIGN}" + told
    return "+" + told if sign and rounded > 0 else told


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return say("{first} and {last}", first=", ".join(words[:-1]), last=words[-1])


def listed_some(words: list[str], most: int) -> str:
    """`a, b and c`; beyond `most` words the rest is counted: `a, b and 7 more`."""
    if len(words) <= most:
        return listed(words)
    return say("{first} and {count} more", first=", ".join(words[:most]), count=number(len(words) - most))


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 point`, `46 points`; English only."""
    return f"{number(count)} {noun if count == 1 else nouns or noun + 's'}"
