"""Which record numbers a log holds, in four bytes a record, so that copies in slack can be told and gaps counted."""

from __future__ import annotations

import bisect
import itertools

import numpy as np

_NUMBERS = 1 << 64
_HIGHEST = 1 << 62  # a record number above this is damage


class Known:
    """Record numbers with the low half of their times."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._times: list[np.ndarray] = []
        self._order: list[int] | None = None
        self._sorted: list[int] = []
        self._longest = 0

    def add(self, record_id: np.ndarray, written: np.ndarray) -> None:
        """Takes records in the order of the file."""
        if not len(record_id):
            return
        self._order = None
        low = (written & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        breaks = np.flatnonzero(record_id[1:] != record_id[:-1] + np.uint64(1)) + 1
        starts = [0, *breaks.tolist()]
        for start, stop in zip(starts, [*starts[1:], len(low)], strict=True):
            self._first.append(int(record_id[start]))
            self._times.append(low[start:stop])

    def has(self, record_id: int, written: int) -> bool:
        """Whether a record of this number and time was taken."""
        if self._order is None:
            self._order = sorted(range(len(self._first)), key=self._first.__getitem__)
            self._sorted = [self._first[one] for one in self._order]
            self._longest = max(map(len, self._times), default=0)
        low = written & 0xFFFFFFFF
        place = bisect.bisect_right(self._sorted, record_id) - 1
        while place >= 0 and record_id - self._sorted[place] < self._longest:
            times = self._times[self._order[place]]
            within = record_id - self._sorted[place]
            if within < len(times) and int(times[within]) == low:
                return True
            place -= 1
        return False

    def runs(self, highest: int = _HIGHEST) -> list[tuple[int, int]]:
        """First and last number of each run without a hole, ascending, overlaps joined, without nonsense numbers."""
        joined: list[tuple[int, int]] = []
        every = ((first, first + len(times) - 1) for first, times in zip(self._first, self._times, strict=True))
        for first, last in sorted(every):
            if first > highest:
                break
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return joined

    def repeated(self) -> int:
        """How many records bear a number that another one bears too."""
        return sum(map(len, self._times)) - sum(last - first + 1 for first, last in self.runs(_NUMBERS))

    def holes(self) -> list[tuple[int, int]]:
        """First and last number of each run that is missing between the lowest and the highest."""
        runs = self.runs()
        return [(before[1] + 1, after[0] - 1) for before, after in itertools.pairwise(runs)]
