"""A buffer as numbers of any width at any position."""

from __future__ import annotations

import numpy as np


class View:
    """Overlapping views of a buffer: `u4[at]` is the unsigned 32-bit number at each byte position of `at`."""

    __slots__ = ("aligned", "data", "size", "u1", "u2", "u4", "u8")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.u1 = _overlapping(data, "u1")
        self.u2 = _overlapping(data, "<u2")
        self.u4 = _overlapping(data, "<u4")
        self.u8 = _overlapping(data, "<u8")
        self.aligned = np.frombuffer(data, dtype="<u8", count=len(data) // 8)

    def words(self, at: np.ndarray) -> np.ndarray:
        """Unsigned 64-bit numbers at positions that are nearly always divisible by eight, which is faster then."""
        found: np.ndarray = self.u8[at] if (at & 7).any() else self.aligned[at >> 3]
        return found

    def records(self, at: np.ndarray, layout: np.dtype) -> np.ndarray:
        """The structures that stand at the positions."""
        length = max(self.size - layout.itemsize + 1, 0)
        found: np.ndarray = np.ndarray((length,), dtype=layout, buffer=self.data, strides=(1,))[at]
        return found

    def rows(self, at: np.ndarray, width: int, dtype: str = "u1") -> np.ndarray:
        """A matrix with `width` consecutive numbers from each position; positions must leave room for them."""
        item = np.dtype(dtype).itemsize
        length = max(self.size - item * width + 1, 0)
        sliding = np.ndarray((length, width), dtype=dtype, buffer=self.data, strides=(1, item))
        found: np.ndarray = sliding[at]
        return found


def _overlapping(data: bytes, dtype: str) -> np.ndarray:
    kind = np.dtype(dtype)
    length = max(len(data) - kind.itemsize + 1, 0)
    return np.ndarray((length,), dtype=kind, buffer=data, strides=(1,))
