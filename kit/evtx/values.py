"""Typed values of substitutions, one at a time, and their text as the event XML shows it.

The same classes of values are used by the columnar path (see children.py), so that both agree.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from kit.evtx import format as layout


class Kind(IntEnum):
    """What a value is, whatever its width in the file."""

    NULL = 0
    TEXT = 1
    INT = 2
    UINT = 3
    REAL = 4
    FLAG = 5
    BINARY = 6
    GUID = 7
    HEX = 8
    TIME = 9
    SID = 10
    TEXTS = 11


Value = tuple[Kind, Any]
NOTHING: Value = (Kind.NULL, None)

_NUMBERS = {
    layout.INT8_TYPE: (Kind.INT, "<b"),
    layout.UINT8_TYPE: (Kind.UINT, "<B"),
    layout.INT16_TYPE: (Kind.INT, "<h"),
    layout.UINT16_TYPE: (Kind.UINT, "<H"),
    layout.INT32_TYPE: (Kind.INT, "<i"),
    layout.UINT32_TYPE: (Kind.UINT, "<I"),
    layout.INT64_TYPE: (Kind.INT, "<q"),
    layout.UINT64_TYPE: (Kind.UINT, "<Q"),
    layout.REAL32_TYPE: (Kind.REAL, "<f"),
    layout.REAL64_TYPE: (Kind.REAL, "<d"),
    layout.HEX32_TYPE: (Kind.HEX, "<I"),
    layout.HEX64_TYPE: (Kind.HEX, "<Q"),
    layout.FILETIME_TYPE: (Kind.TIME, "<q"),
}
_STRUCTS = {kind: (name, struct.Struct(pattern)) for kind, (name, pattern) in _NUMBERS.items()}
WIDTHS = {kind: made.size for kind, (_, made) in _STRUCTS.items()} | {
    layout.GUID_TYPE: 16,
    layout.SYSTEMTIME_TYPE: 16,
    layout.BOOL_TYPE: 4,
}
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|\+00:00)?", re.ASCII)
_GUID = struct.Struct("<IHH")


def decode(kind: int, raw: bytes) -> Value:
    """The value of a substitution: what it is and its content. A value shorter than its type is kept as binary."""
    if kind & layout.ARRAY:
        return Kind.TEXTS, _array(kind & ~layout.ARRAY, raw)
    if kind == layout.STRING_TYPE:
        return Kind.TEXT, wide_text(raw)
    if not raw:
        return (Kind.TEXT, "") if kind == layout.ANSI_TYPE else NOTHING
    known = _STRUCTS.get(kind)
    if known is not None:
        return (known[0], known[1].unpack_from(raw)[0]) if len(raw) >= known[1].size else (Kind.BINARY, raw)
    maker = _MAKERS.get(kind)
    return maker(raw) if maker else (NOTHING if kind == layout.NULL_TYPE else (Kind.BINARY, raw))


def wide_text(raw: bytes) -> str:
    """The text of UTF-16 bytes without the zeros that end it; halves of surrogate pairs become U+FFFD."""
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace").rstrip("\0")


def ansi_text(raw: bytes) -> str:
    """The text of single-byte characters (Windows-1252) without the zeros that end it."""
    return raw.decode("cp1252", "replace").rstrip("\0")


def guid_text(raw: bytes) -> str:
    """A GUID as Windows writes it: `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`."""
    first, second, third = _GUID.unpack_from(raw)
    rest = raw[8:16].hex()
    return f"{{{first:08x}-{second:04x}-{third:04x}-{rest[:4]}-{rest[4:]}}}".upper()


def sid_text(raw: bytes) -> str | None:
    """A security identifier as `S-1-...`; None when its length does not fit."""
    if len(raw) < 8 or len(raw) < 8 + 4 * raw[1]:
        return None
    parts = struct.unpack_from(f"<{raw[1]}I", raw, 8)
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])


def system_time(raw: bytes) -> int | None:
    """Ticks (FILETIME) of a SYSTEMTIME; None for a date that does not exist."""
    year, month, _, day, hour, minute, second, milli = struct.unpack_from("<8H", raw)
    if not (1601 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= _days(year, month)):
        return None
    if hour > 23 or minute > 59 or second > 59 or milli > 999:
        return None
    days = _ordinal(year, month, day)
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 10_000_000 + milli * 10_000


def time_text(ticks: int) -> str:
    """A FILETIME as ISO 8601 with all seven digits of its fraction and `Z`."""
    seconds, fraction = divmod(ticks, 10_000_000)
    days, second = divmod(seconds, 86400)
    year, month, day = _date(days)
    hour, minute, second = second // 3600, second // 60 % 60, second % 60
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{fraction:07d}Z"


def parse_time(written: str) -> int | None:
    """Ticks (FILETIME) of an ISO 8601 time in UTC with any number of digits; None for anything else."""
    found = _ISO.fullmatch(written.strip())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if year < 1601 or not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = ((_ordinal(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 10_000_000 + int(((found[7] or "") + "0000000")[:7])


def text(value: Value) -> str | None:
    """The value as the event XML shows it; None for null. A list is joined by line feeds."""
    kind, content = value
    if content is None:
        return None
    writer = _WRITERS.get(kind)
    return writer(content) if writer else str(content)


def _array(kind: int, raw: bytes) -> list[str]:
    if kind == layout.STRING_TYPE:
        return _split(wide_text_list(raw))
    if kind == layout.ANSI_TYPE:
        return _split(raw.decode("cp1252", "replace"))
    if kind == layout.SID_TYPE:
        return _sids(raw)
    width = WIDTHS.get(kind)
    if not width:
        return [raw.hex().upper()]
    pieces = (raw[start : start + width] for start in range(0, len(raw), width))
    return [text(decode(kind, piece)) or "" for piece in pieces]


def wide_text_list(raw: bytes) -> str:
    """The text of UTF-16 bytes with its zeros."""
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace")


def _split(joined: str) -> list[str]:
    """The strings of an array: each ends with a zero, the last one may lack it."""
    if not joined:
        return []
    return (joined[:-1] if joined.endswith("\0") else joined).split("\0")


def _sids(raw: bytes) -> list[str]:
    found = []
    start = 0
    while start + 8 <= len(raw):
        width = 8 + 4 * raw[start + 1]
        found.append(sid_text(raw[start : start + width]) or raw[start:].hex().upper())
        start += width
    return found


def _flag(raw: bytes) -> Value:
    return Kind.FLAG, int.from_bytes(raw[:4], "little", signed=False)


def _system_time(raw: bytes) -> Value:
    return (Kind.TIME, system_time(raw)) if len(raw) >= 16 else (Kind.BINARY, raw)


def _guid(raw: bytes) -> Value:
    return (Kind.GUID, bytes(raw[:16])) if len(raw) >= 16 else (Kind.BINARY, raw)


def _sid(raw: bytes) -> Value:
    made = sid_text(raw)
    return (Kind.SID, made) if made else (Kind.BINARY, raw)


def _pointer(raw: bytes) -> Value:
    return Kind.HEX, int.from_bytes(raw[:8], "little")


_MAKERS: dict[int, Callable[[bytes], Value]] = {
    layout.ANSI_TYPE: lambda raw: (Kind.TEXT, ansi_text(raw)),
    layout.BOOL_TYPE: _flag,
    layout.BINARY_TYPE: lambda raw: (Kind.BINARY, bytes(raw)),
    layout.GUID_TYPE: _guid,
    layout.SIZE_TYPE: _pointer,
    layout.SYSTEMTIME_TYPE: _system_time,
    layout.SID_TYPE: _sid,
}
_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.FLAG: lambda raw: ("false", "true")[raw] if raw < 2 else str(raw),
    Kind.BINARY: lambda raw: raw.hex().upper(),
    Kind.GUID: guid_text,
    Kind.HEX: lambda raw: f"0x{raw:x}",
    Kind.TIME: time_text,
    Kind.TEXTS: "\n".join,
}


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _ordinal(year: int, month: int, day: int) -> int:
    """Days since 1601-01-01."""
    past = year - 1601
    days = past * 365 + past // 4 - past // 100 + past // 400
    return days + sum(_days(year, before) for before in range(1, month)) + day - 1


def _date(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1601-01-01 (proleptic Gregorian)."""
    cycles, rest = divmod(days, 146_097)
    centuries = min(rest // 36_524, 3)
    rest -= centuries * 36_524
    leaps, rest = divmod(rest, 1_461)
    years = min(rest // 365, 3)
    rest -= years * 365
    year = 1601 + cycles * 400 + centuries * 100 + leaps * 4 + years
    month = 1
    while rest >= _days(year, month):
        rest -= _days(year, month)
        month += 1
    return year, month, rest + 1
