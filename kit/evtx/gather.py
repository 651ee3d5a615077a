"""Bytes scattered over a buffer, gathered into one Arrow array, and UTF-16 turned into UTF-8 without Python strings.

`pieces` builds a binary array over the buffer whose even elements are the wanted pieces and whose odd ones are what
lies between them (a negative length where positions go backwards); taking the even elements gathers all pieces at once.
The odd elements are never read. A test pins this; `sorted_pieces` is the same without relying on it.
"""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_POOL = pa.system_memory_pool()  # the one that kit.evtx.memory looks after
_SURROGATES = 0xD800
_REPLACEMENT = 0xFFFD
_BLOCK = 1 << 19  # characters
_LONGEST = 3  # bytes of UTF-8 for a code unit of UTF-16


def pieces(buffer: pa.Buffer, start: np.ndarray, stop: np.ndarray) -> pa.Array:
    """A binary array of the bytes from each start to its stop."""
    count = len(start)
    if not count:
        return pa.array([], pa.binary())
    offsets = np.empty(2 * count + 1, dtype=np.int32)
    offsets[0:-1:2] = start
    offsets[1::2] = stop
    offsets[-1] = buffer.size
    over = pa.Array.from_buffers(pa.binary(), 2 * count, [None, pa.py_buffer(offsets), buffer])
    even = pa.array(np.arange(0, 2 * count, 2, dtype=np.int32))
    return pc.take(over, even, boundscheck=False, memory_pool=_POOL)


def sorted_pieces(buffer: pa.Buffer, start: np.ndarray, stop: np.ndarray) -> pa.Array:
    """The same by way of ascending positions, for pieces that do not overlap."""
    order = np.argsort(start, kind="stable")
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pieces(buffer, start[order], stop[order]).take(pa.array(back))


def wide_texts(buffer: pa.Buffer, content: np.ndarray, start: np.ndarray, size: np.ndarray) -> pa.Array:
    """Texts of UTF-16 values, without the zeros that end them; `content` is the buffer as bytes.

    They are gathered and turned into UTF-8 in blocks that stay in the processor's cache.
    """
    if not len(start):
        return pa.array([], pa.string())
    ends = np.cumsum(size >> 1)
    offsets = np.zeros(len(start) + 1, dtype=np.int32)
    made, filled = np.empty(int(ends[-1]), dtype=np.uint8), 0
    bounds = [0, *(np.flatnonzero(np.diff(ends // _BLOCK)) + 1).tolist(), len(start)]
    for begin, end in itertools.pairwise(bounds):
        first = start[begin:end]
        stop = trimmed(content, first, first + (size[begin:end] & ~1))
        within, encoded = _encoded(pieces(buffer, first, stop))
        left = int(ends[-1] - ends[end - 1])
        if filled + len(encoded) + left > len(made):
            made = np.concatenate([made[:filled], np.empty(len(encoded) + _LONGEST * left, dtype=np.uint8)])
        made[filled : filled + len(encoded)] = encoded
        np.add(within[1:], filled, out=offsets[begin + 1 : end + 1])
        filled += len(encoded)
    return strings(offsets, made[:filled])


def trimmed(content: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Where each text ends when the zeros at its end are left out."""
    found = stop.astype(np.int64)  # 64 bits: positions of the machine's own width are looked up several times faster
    zero = content.take(found - 2, mode="clip") == 0  # before an empty text: to no harm
    if 2 * np.count_nonzero(zero) > len(found):  # as a rule each text of a log ends in one zero, or none does
        zero &= content.take(found - 1, mode="clip") == 0
        zero &= found > start
        found -= zero * np.int64(2)
        zero &= content.take(found - 2, mode="clip") == 0
    waiting = np.flatnonzero(zero)
    while len(waiting):
        ends = found[waiting]
        zero = (content.take(ends - 1, mode="clip") == 0) & (ends > start[waiting])
        waiting = waiting[zero]
        ends = ends[zero] - 2
        found[waiting] = ends
        waiting = waiting[content.take(ends - 2, mode="clip") == 0]
    return found


def utf8(raw: pa.Array) -> pa.Array:
    """A string array from a binary array of UTF-16; halves of surrogate pairs become U+FFFD."""
    return strings(*_encoded(raw))


def _encoded(raw: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and UTF-8 bytes of a binary array of UTF-16."""
    offsets, data = parts(raw)
    units = data[: len(data) & ~1].view("<u2")
    halves = offsets >> 1
    if not len(units) or units.max() < 0x80:
        return halves, units.astype(np.uint8)
    surrogate = (units & 0xF800) == _SURROGATES
    if surrogate.any():
        units = _without_lone(units, surrogate, halves)
    width = 1 + (units >= 0x80) + ((units >= 0x800) & ((units & 0xF800) != _SURROGATES))
    ends = np.concatenate([[0], np.cumsum(width, dtype=np.int64)])
    encoded = units.tobytes().decode("utf-16-le").encode()
    return ends[halves], np.frombuffer(encoded, dtype=np.uint8)


def _without_lone(units: np.ndarray, surrogate: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The code units with U+FFFD for each surrogate that has no partner inside its own text."""
    high = surrogate & (units < 0xDC00)
    low = surrogate & ~high
    begins = np.zeros(len(units) + 1, dtype=bool)
    begins[bounds] = True
    paired = np.zeros(len(units), dtype=bool)
    first = np.flatnonzero(high[:-1] & low[1:] & ~begins[1:-1])
    paired[first] = True
    paired[first + 1] = True
    return np.where(surrogate & ~paired, _REPLACEMENT, units).astype("<u2")


def parts(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets, beginning with 0, and bytes of a binary or string array without nulls."""
    if not len(array):
        return np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32, count=len(array) + 1, offset=4 * array.offset)
    whole = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return bounds - bounds[0], whole[bounds[0] : bounds[-1]]


def with_nulls(array: pa.Array, nulls: np.ndarray) -> pa.Array:
    """A string array that has no nulls yet, with nulls where the mask says so; its texts are not copied."""
    _, offsets, data = array.buffers()
    valid = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(array.type, len(array), [valid, offsets, data], offset=array.offset)


def strings(offsets: np.ndarray, data: np.ndarray) -> pa.Array:
    """A string array from offsets and UTF-8 bytes that are known to be right."""
    bounds = pa.py_buffer(np.ascontiguousarray(offsets, dtype=np.int32))
    content = pa.py_buffer(np.ascontiguousarray(data))
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, [None, bounds, content])
