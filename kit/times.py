"""Times of every format as instants in UTC; doubt about a local time is reported and never hidden."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from kit.errors import ConfigError

_EPOCH_TICKS = 116_444_736_000_000_000  # FILETIME of 1970-01-01
_FIRST_TICKS = 365 * 864_000_000_000  # FILETIME of 1602-01-01: what lies before is "missing"
_LAST_TICKS = 2_650_467_743_999_999_999  # FILETIME of the end of year 9999
_MISSING_BEFORE = datetime(1602, 1, 1, tzinfo=UTC)

_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*([Zz]|[+-]\d\d(?::?\d\d)?)?\s*",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
_CIM = re.compile(r"\s*(\d{14})\.(\d{6}|\d{0,6}\*+)(?:([+-])(\d{3}|\*{3}))\s*", re.ASCII)
_DATE_MS = re.compile(r"\s*\\?/Date\((-?\d{1,17})([+-]\d{4})?\)\\?/\s*", re.ASCII)


def filetime_to_us(ticks: int) -> int | None:
    """Microseconds since 1970 (UTC) of a FILETIME; None for 0, the year 1601 and what no calendar holds."""
    if not _FIRST_TICKS <= ticks <= _LAST_TICKS:
        return None
    return (ticks - _EPOCH_TICKS) // 10


def parse_iso(text: str) -> datetime | None:
    """The moment an ISO 8601 text names, aware or naive as written; None when it is none.

    Any number of fraction digits (cut to microseconds), a blank or `T` between date and time; a date alone is
    midnight.
    """
    found = _ISO.fullmatch(text)
    if not found:
        return None
    *numbers, fraction, offset = found.groups()
    try:
        moment = datetime(*(int(number or 0) for number in numbers))  # type: ignore[arg-type]  # noqa: DTZ001
        moment += timedelta(microseconds=int(((fraction or "") + "000000")[:6]))
        return moment.replace(tzinfo=_offset(offset)) if offset else moment
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return UTC
    found = _OFFSET.fullmatch(text)
    if not found or int(found[2]) > 14 or int(found[3] or 0) > 59:
        raise ValueError(text)
    span = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-span if found[1] == "-" else span) if span else UTC


def zone(text: str) -> tzinfo:
    """The zone that `Z`, `+HH:MM` or an IANA name stands for. Raises ConfigError for anything else."""
    name = text.strip()
    try:
        if name[:1] in ("+", "-") or name in ("Z", "z"):
            return _offset(name)
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ConfigError(
            f"{text!r} is no time zone: write an IANA name such as Europe/Berlin, or an offset such as +02:00"
        ) from error


def to_utc(naive: pd.Series, zone: tzinfo) -> pd.Series:
    """The UTC times (datetime64[us, UTC]) of local times in the order in which they were written.

    The hour that daylight saving repeats is told apart by the order: what follows a jump back is the second
    pass.
    A time that the clock skipped is moved to the end of the gap. `doubtful` names the rows that stay open.
    """
    return utc_and_doubt(naive, zone)[0]


def doubtful(naive: pd.Series, zone: tzinfo) -> pd.Series:
    """Which local times do not name one instant (boolean, same index).

    They were skipped by the clock, or are repeated by it and not told apart by their order.
    """
    return utc_and_doubt(naive, zone)[1]


def utc_and_doubt(naive: pd.Series, zone: tzinfo) -> tuple[pd.Series, pd.Series]:
    """What `to_utc` and `doubtful` give, for the price of one."""
    local = pd.DatetimeIndex(naive.to_numpy("M8[us]"))
    if isinstance(zone, timezone):
        utc = local - np.timedelta64(int(zone.utcoffset(None).total_seconds()), "s")
        return _of_index(utc, naive), pd.Series(False, index=naive.index, dtype=bool)
    early, late = (_localised(local, zone, summer) for summer in (True, False))
    ambiguous = early.asi8 != late.asi8
    skipped = early.tz_convert(zone).tz_localize(None) != local
    open_ = skipped & local.notna()
    if ambiguous.any():
        rows = np.flatnonzero(ambiguous)
        second = np.zeros(len(local), bool)
        second[rows] = _after_jump_back(pd.Series(local[rows]))
        days = local.normalize()
        open_ |= ambiguous & ~days.isin(days[second])
        early = early.where(~second, late)
    return _of_index(early, naive), pd.Series(open_, index=naive.index)


def _of_index(utc: pd.DatetimeIndex, like: pd.Series) -> pd.Series:
    made = utc if utc.tz is not None else utc.tz_localize("UTC")
    return pd.Series(made, index=like.index, name=like.name)


def _localised(local: pd.DatetimeIndex, zone: tzinfo, summer: bool) -> pd.DatetimeIndex:
    flags = np.full(len(local), summer)
    return local.tz_localize(zone, ambiguous=flags, nonexistent="shift_forward").tz_convert("UTC").as_unit("us")


def twice(local: datetime, zone: tzinfo) -> bool:
    """Whether a clock of the zone showed this local time twice, as daylight saving ended."""
    summer, winter = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return summer > winter


@lru_cache(maxsize=4096)
def moment_utc(local: datetime, zone: tzinfo) -> pd.Timestamp:
    """A single local time in UTC, as `to_utc` gives it."""
    made: pd.Timestamp = to_utc(pd.Series([local]).astype("datetime64[us]"), zone).iloc[0]
    return made


def _after_jump_back(local: pd.Series) -> np.ndarray:
    """Per day: rows after the time went back by ten minutes, which unsorted lines of a log never do."""
    days = local.dt.normalize()
    fallen = local.groupby(days).cummax() - local >= np.timedelta64(10, "m")
    return fallen.groupby(days).cummax().to_numpy(dtype=bool)


def iso_z(moment: Any) -> str | None:
    """ISO 8601 text with `Z`, microseconds only when not zero; None for no time. Naive counts as UTC."""
    if moment is None or moment is pd.NaT or moment is pd.NA:
        return None
    plain = moment.to_pydatetime(warn=False) if isinstance(moment, pd.Timestamp) else moment
    if plain.tzinfo is not None and plain.tzinfo is not UTC:
        plain = plain.astimezone(UTC)
    return str(plain.replace(tzinfo=None).isoformat()) + "Z"


def cim_datetime(text: str) -> datetime | None:
    """The moment a CIM date-time (`yyyymmddHHMMSS.ffffff+OOO`) names; None for intervals and anything else.

    OOO is minutes east of UTC; `***` leaves the moment naive. Source: DSP0004, type datetime.
    """
    found = _CIM.fullmatch(text)
    if not found:
        return None
    seconds, fraction, sign, minutes = found.groups()
    try:
        moment = datetime.strptime(seconds, "%Y%m%d%H%M%S")  # noqa: DTZ007
        moment += timedelta(microseconds=int(fraction.replace("*", "0")[:6] or 0))
        if "*" in minutes:
            return moment
        span = timedelta(minutes=int(minutes))
        return _present(moment.replace(tzinfo=timezone(-span if sign == "-" else span)))
    except (ValueError, OverflowError):
        return None


def date_ms(text: str) -> datetime | None:
    """The moment (UTC) of `/Date(ms)/` as Windows PowerShell writes it into JSON; None for anything else.

    The number is UTC milliseconds also where a zone follows it. The year 1, .NET's "no date", is None.
    """
    found = _DATE_MS.fullmatch(text)
    if not found:
        return None
    try:
        return _present(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1])))
    except OverflowError:
        return None


def _present(moment: datetime) -> datetime | None:
    return moment if moment >= _MISSING_BEFORE else None
