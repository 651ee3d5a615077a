"""A buffer as numbers of any width at any position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_FEW = 1000


class View:
    """Overlapping views of a buffer: `u4[at]` is the unsigned 32-bit number at each byte position of `at`."""

    __slots__ = ("_aligned", "buffer", "data", "size", "u1", "u2", "u4", "u8")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.buffer = pa.py_buffer(data)
        self.size = len(data)
        self.u1 = _overlapping(data, "u1")
        self.u2 = _overlapping(data, "<u2")
        self.u4 = _overlapping(data, "<u4")
        self.u8 = _overlapping(data, "<u8")
        self._aligned = np.frombuffer(data, dtype="<u8", count=len(data) // 8)

    def words(self, at: np.ndarray) -> np.ndarray:
        """The unsigned 64-bit number at each position; what would lie behind the end of the buffer is undefined.

        Put together from aligned words, which is several times faster than gathering from overlapping ones.
        """
        if at.size < _FEW:
            return self.u8[np.minimum(at, self.size - 8)]
        place, shift = at >> 3, ((at & 7) << 3).astype(np.uint64)
        low = self._aligned.take(place, mode="clip")
        if not shift.any():
            return low
        low >>= shift
        high = self._aligned.take(place + 1, mode="clip")
        high <<= np.uint64(64) - shift  # a shift by 64 gives 0
        low |= high
        return low

    def numbers(self, at: np.ndarray, dtype: str) -> np.ndarray:
        """The number of the type at each position."""
        kind = np.dtype(dtype)
        if kind.itemsize == 1:
            found: np.ndarray = self.u1[at].view(kind)
            return found
        words = self.words(at)
        return words.view(kind) if kind.itemsize == 8 else words.astype(f"<u{kind.itemsize}").view(kind)

    def records(self, at: np.ndarray, layout: np.dtype) -> np.ndarray:
        """The structures that stand at the positions."""
        return self._pieces(at, layout.itemsize).view(layout)

    def heads(self, at: np.ndarray, layout: np.dtype) -> np.ndarray:
        """The same where the last structures may run over the end of the buffer, as if zeros followed."""
        last = self.size - layout.itemsize
        if last < 0:
            return View(self.data + bytes(layout.itemsize)).records(at, layout)
        cut = np.flatnonzero(at > last)
        if not len(cut):
            return self.records(at, layout)
        found = self.records(np.minimum(at, last), layout)
        for one in cut.tolist():
            rest = self.data[int(at[one]) :].ljust(layout.itemsize, b"\0")
            found[one] = np.frombuffer(rest, dtype=layout)[0]
        return found

    def rows(self, at: np.ndarray, width: int, dtype: str = "u1") -> np.ndarray:
        """A matrix with `width` consecutive numbers from each position; positions must leave room for them."""
        size = np.dtype(dtype).itemsize * width
        if not size or not len(at):
            return np.zeros((len(at), width), dtype=dtype)
        return self._pieces(at, size).view(dtype).reshape(len(at), width)

    def _pieces(self, at: np.ndarray, size: int) -> np.ndarray:
        """So many bytes from each position, as one opaque element each: numpy copies those fastest."""
        every = np.ndarray((max(self.size - size + 1, 0),), dtype=f"V{size}", buffer=self.data, strides=(1,))
        found: np.ndarray = every[at]
        return found


def picked(structures: np.ndarray, chosen: Any) -> np.ndarray:
    """Some of an array of structures, which numpy would copy field by field."""
    found: np.ndarray = structures.view(f"V{structures.itemsize}")[chosen].view(structures.dtype)
    return found


def _overlapping(data: bytes, dtype: str) -> np.ndarray:
    kind = np.dtype(dtype)
    length = max(len(data) - kind.itemsize + 1, 0)
    return np.ndarray((length,), dtype=kind, buffer=data, strides=(1,))
