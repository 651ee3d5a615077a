"""Typed values as text, whole arrays at a time, equal to what `values.text` writes for each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import format as layout
from kit.evtx import gather, values
from kit.evtx.values import Kind

_HEX = np.array([f"{byte:02X}".encode() for byte in range(256)], dtype="S2").view("u2")  # both digits of a byte
_GUID_ORDER = (3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15)
_GUID_PARTS = ((0, 8, 1), (8, 12, 10), (12, 16, 15), (16, 20, 20), (20, 32, 25))  # digits, and where they are written
_DAY = 864_000_000_000


def texts(kind: Kind, child: pa.Array) -> pa.Array:
    """The values of one kind as a string array; lists are joined by line feeds."""
    if not len(child):
        return pa.array([], pa.string())
    if kind == Kind.NULL:
        return pa.nulls(len(child), pa.string())
    if kind == Kind.TEXT:
        return child
    if kind == Kind.SID:
        return child.dictionary_decode() if len(child) else pa.array([], pa.string())
    if kind in (Kind.INT, Kind.UINT):
        return pc.cast(child, pa.string())
    if kind == Kind.BINARY:
        return hex_texts(child)
    if kind == Kind.GUID:
        return guid_texts(child)
    if kind == Kind.TIME:
        return time_texts(child.to_numpy())
    if kind == Kind.TEXTS:
        return pc.binary_join(child, "\n")
    return _by_distinct(kind, child)


def _by_distinct(kind: Kind, child: pa.Array) -> pa.Array:
    """Numbers that are written in their own way; each distinct one is written once."""
    coded = child.dictionary_encode()
    written = [values.text((kind, number)) for number in coded.dictionary.to_pylist()]
    return pa.array(written, pa.string()).take(coded.indices)


def hex_texts(child: pa.Array) -> pa.Array:
    """Binary values as hexadecimal digits."""
    offsets, data = gather.parts(child)
    return gather.strings(offsets.astype(np.int64) * 2, _HEX.take(data).view("u1"))


def guid_texts(child: pa.Array) -> pa.Array:
    """GUIDs as Windows writes them."""
    count = len(child)
    if not count:
        return pa.array([], pa.string())
    raw = np.frombuffer(child.buffers()[1], dtype=np.uint8, count=16 * count, offset=16 * child.offset).reshape(-1, 16)
    written = np.full((count, 38), ord("-"), dtype=np.uint8)
    written[:, 0], written[:, 37] = ord("{"), ord("}")
    digits = _HEX.take(raw.take(_GUID_ORDER, axis=1)).view("u1")
    for start, stop, place in _GUID_PARTS:
        written[:, place : place + stop - start] = digits[:, start:stop]
    return gather.strings(np.arange(count + 1) * 38, written.ravel())


def time_texts(ticks: np.ndarray) -> pa.Array:
    """FILETIMEs as ISO 8601 with seven digits of the fraction and `Z`."""
    usual = (ticks >= 0) & (ticks <= layout.LAST_TICKS)
    if not usual.all():
        return pa.array([values.time_text(one) for one in ticks.tolist()], pa.string())
    days, rest = np.divmod(ticks, _DAY)
    seconds, fraction = np.divmod(rest, 10_000_000)
    written = np.empty((len(ticks), 28), dtype=np.uint8)
    written[:, :11] = _dates(days)
    _digits(written, 11, 2, seconds // 3600)
    _digits(written, 14, 2, seconds // 60 % 60)
    _digits(written, 17, 2, seconds % 60)
    _digits(written, 20, 7, fraction)
    for place, sign in ((13, ":"), (16, ":"), (19, "."), (27, "Z")):
        written[:, place] = ord(sign)
    return gather.strings(np.arange(len(ticks) + 1, dtype=np.int64) * 28, written.ravel())


def parsed_times(chars: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """FILETIMEs of ISO 8601 texts of equal length in UTC (a row of characters each), and which rows are such texts."""
    length = chars.shape[1]
    digits = chars.astype(np.int64) - ord("0")
    if not 20 <= length <= 30 or length == 21:
        return np.zeros(len(chars), dtype=np.int64), np.zeros(len(chars), dtype=bool)
    places = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, *range(20, length - 1)]
    good = ((digits[:, places] >= 0) & (digits[:, places] <= 9)).all(axis=1)
    signs = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (length - 1, "Z")]
    for place, sign in [*signs, (19, ".")] if length > 20 else signs:
        good &= chars[:, place] == ord(sign)
    hour, minute, second = (_number(digits, place, 2) for place in (11, 14, 17))
    good &= (hour < 24) & (minute < 60) & (second < 60)
    fraction = _number(digits, 20, min(length - 21, 7)) * 10 ** max(28 - length, 0) if length > 20 else 0
    days, real = _days(_number(digits, 0, 4) * 10_000 + _number(digits, 5, 2) * 100 + _number(digits, 8, 2))
    return days * _DAY + ((hour * 60 + minute) * 60 + second) * 10_000_000 + fraction, good & real


def _number(digits: np.ndarray, place: int, count: int) -> np.ndarray:
    found = np.zeros(len(digits), dtype=np.int64)
    for column in range(place, place + count):
        found = found * 10 + digits[:, column]
    return found


def _days(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1601-01-01 of dates as numbers YYYYMMDD, and which of them exist."""
    distinct, which = np.unique(dates, return_inverse=True)
    written = (f"{date // 10_000:04d}-{date // 100 % 100:02d}-{date % 100:02d}T00:00:00Z" for date in distinct.tolist())
    ticks = [values.parse_time(text) for text in written]
    days = np.array([-1 if tick is None else tick // _DAY for tick in ticks], dtype=np.int64)[which]
    return days, days >= 0


def _dates(days: np.ndarray) -> np.ndarray:
    """`YYYY-MM-DDT` for each number of days since 1601-01-01."""
    coded = pa.array(days).dictionary_encode()
    written = [values.time_text(day * _DAY)[:11].encode() for day in coded.dictionary.to_pylist()]
    table = np.array(written, dtype="S11").view("u1").reshape(len(written), 11)
    found: np.ndarray = table[coded.indices.to_numpy()]
    return found


def _digits(written: np.ndarray, place: int, count: int, numbers: np.ndarray) -> None:
    rest = numbers.astype(np.int32)
    for column in range(place + count - 1, place - 1, -1):
        rest, digit = np.divmod(rest, 10)
        written[:, column] = digit + ord("0")
