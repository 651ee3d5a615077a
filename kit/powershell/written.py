"""The numbers of a date as a culture writes it: three numbers or a month's name, the time of day, morning or afternoon.

Which number is the day is not decided here: see `dates`. What no one can tell is `strange`: years of another calendar
than the Gregorian or Buddhist one (Hijri, Persian, those of an emperor or a republic), and a word beside the time that
may mean morning or afternoon and is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_NUMBER = re.compile(r"\d")
_DATE = re.compile(
    r"(?<![\d.:/-])(?P<a>\d{1,4})(?P<sep>[./-]) ?(?P<b>\d{1,2})[./-] ?(?P<c>\d{1,4})(?![\d/-])\.?,?"
    r"(?:[ T]*-? *(?P<rest>.{0,40}))?",
    re.DOTALL,
)
_DAY_NAME = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?\.?[ -](?:de )?(?P<m>[^\W\d_]{3,12})\.?,?[ -](?:de )?"
    r"(?P<y>\d{4}|\d{2}(?!\d))(?P<rest>.{0,40})"
    r"|(?P<m2>[^\W\d_]{3,12})\.? (?P<d2>\d{1,2}),? (?P<y2>\d{4})(?P<rest2>.{0,40})",
    re.DOTALL,
)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,9}))?)?(?!\d)")
_ZONE = re.compile(r"(?:^|\s|\d|UTC|GMT)(Z|[+-]\d{2}:?\d{2})$")
_UTC = re.compile(r"\b(?:UTC|GMT)\)?$")
_SIGNS = re.compile(r"[\s.,()\[\]'’-]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words for the two halves of the day, without dots and blanks; those of the second pair also stand in sentences.
_HALVES = (
    _words("am vorm πμ 午前 上午 오전 ص قظ पूर्वाह्न öö"),
    _words("pm nachm μμ 午後 下午 오후 م بظ अपराह्न ös"),
)
_SHORT_HALVES = (_words("de pd sa vm pg qn"), _words("du md ch nm ptg wn"))
_NO_HALF = _words("uhr h o um à alle kl klo ure óra год г v utc gmt z")
_MORNING, _AFTERNOON = 0, 1
_ARABIC = re.compile(r"[صم]\s*$")  # where a year of two digits is one of the Hijri calendar
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
_OLDEST = 1601
BUDDHIST = range(2481, 2640)  # years of that calendar, 543 more
_NO_YEAR = {0, 1, 544, 1600, _OLDEST}


@dataclass(frozen=True)
class Written:
    """First, second and third number of a date as they stand, and the time of day. `separator` is n beside a name."""

    first: int
    second: int
    third: int
    separator: str
    clock: timedelta
    precision_s: float
    zone: str | None
    short: bool = False  # the year may be the first or the third number: none has more than two digits
    strange: bool = False


def _in_ascii_signs(text: str) -> str:
    """The text without marks of direction, with plain spaces, and with slashes for the signs of year and month."""
    plain = re.sub(r"[\u200e\u200f\u202a-\u202e]", "", text).replace("\u202f", " ").replace("\xa0", " ")
    plain = re.sub(r"(\d) ?[年월月년] ?", r"\1/", plain)
    return re.sub(r"(\d) ?[日일]", r"\1 ", plain)


def written(text: str) -> Written | None:
    """The numbers of the first date of a culture in the text; None where there is none."""
    plain = text if text.isascii() else _in_ascii_signs(text)
    if not _NUMBER.search(plain):
        return None
    if found := _DATE.search(plain):
        first, third = _year(found["a"]), _year(found["c"])
        short = max(len(found["a"]), len(found["c"])) <= 2
        return _with_clock((first, int(found["b"]), third), found["sep"], found["rest"] or "", short)
    if found := _DAY_NAME.search(plain):
        month = _MONTH.get((found["m"] or found["m2"]).casefold())
        if month:
            numbers = (int(found["d"] or found["d2"]), month, int(found["y"] or found["y2"]))
            return _with_clock(numbers, "n", found["rest"] or found["rest2"] or "", False)
    return None


def _year(text: str) -> int:
    """The number; -1 for a year of four digits that stands for no date, such as 0001 and 1601."""
    number = int(text)
    return -1 if len(text) > 2 and number in _NO_YEAR else number


def _with_clock(numbers: tuple[int, int, int], separator: str, rest: str, short: bool) -> Written | None:
    found = _CLOCK.search(rest)
    if not found:
        return Written(*numbers, separator, timedelta(), 86400.0, None, short)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    half, doubtful = _half(rest[: found.start()], rest[found.end() :])
    if half == _AFTERNOON and hour < 12:
        hour += 12
    elif half == _MORNING and hour == 12:
        hour = 0
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = found[4] or ""
    clock = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=int((fraction + "000000")[:6]))
    precision = 10.0 ** -min(len(fraction), 6) if found[3] else 60.0
    year = numbers[0] if numbers[0] > 31 else numbers[2]
    strange = (
        (year > 31 and gregorian(year) is None) or (doubtful and hour <= 12) or (short and bool(_ARABIC.search(rest)))
    )
    return Written(*numbers, separator, clock, precision, _zone(rest.strip()), short, strange)


def _zone(rest: str) -> str | None:
    if found := _ZONE.search(rest):
        return found[1]
    return "Z" if _UTC.search(rest) else None


def _half(before: str, after: str) -> tuple[int | None, bool]:
    """Which half of the day the words beside a time name, and whether one stands there that is not known."""
    words = [word for part in after.split() if (word := _SIGNS.sub("", part).casefold())]
    lead = _SIGNS.sub("", before.split()[-1]).casefold() if before.split() else ""
    for half in (_MORNING, _AFTERNOON):
        pair = "".join(words[:2])
        if {lead, pair, *words[:1]} & _HALVES[half]:
            return half, False
        alone = len(words) == 1 or not any(word[0].isalpha() for word in words[1:])
        if words and alone and words[0] in _SHORT_HALVES[half]:
            return half, False
    told = [word for word in words if word[0].isalpha()]
    unknown = 0 < len(told) == len(words) <= 2 and after[:2].strip(" .")[:1].isalpha()
    return None, unknown and not set(told) & _NO_HALF and not after.strip().isupper()


def gregorian(year: int) -> int | None:
    """The year of the Gregorian calendar that two or four digits name, also those of the Buddhist calendar.

    Two digits are 1990 to 2034; others are years of no known calendar, as are those before 1602.
    """
    if year < 100:
        if year < 0:
            return None
        return 2000 + year if year < 35 else 1900 + year if year >= 90 else None
    if year in BUDDHIST:
        return year - 543
    return year if year > _OLDEST else None


def made(date: Written, order: str) -> datetime | None:
    """The moment that a date names when read with the `day`, the `month` or the `year` first; None where it is none."""
    if date.first > 31 or order == "year":
        number, month, day = date.first, date.second, date.third
    else:
        day, month = (date.first, date.second) if order == "day" else (date.second, date.first)
        number = date.third
    year = gregorian(number)
    try:
        return datetime(year, month, day) + date.clock if year else None  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
