"""Record numbers and times seen so far, kept as runs: memory grows with the gaps of a log, not with its records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

_NO_TIME = np.iinfo(np.int64).min


class Run(NamedTuple):
    """Consecutive record numbers, and the times (microseconds) of the first and last of them that have one."""

    first: int
    last: int
    begin: int | None
    end: int | None


class Numbers:
    """The record numbers of a source so far."""

    def __init__(self) -> None:
        self._starts = self._ends = np.zeros(0, np.int64)
        self.repeated = 0

    def add(self, numbers: np.ndarray) -> np.ndarray:
        """Which of these numbers were there before, in earlier batches or earlier in this one."""
        unique, first = np.unique(numbers, return_index=True)
        again = np.ones(len(numbers), bool)
        again[first] = self._known(unique)
        self.repeated += int(again.sum())
        self._merge(unique)
        return again

    def _known(self, numbers: np.ndarray) -> np.ndarray:
        if not len(self._starts):
            return np.zeros(len(numbers), bool)
        place = np.searchsorted(self._starts, numbers, "right") - 1
        inside = numbers <= self._ends[np.maximum(place, 0)]
        return np.asarray((place >= 0) & inside)

    def _merge(self, unique: np.ndarray) -> None:
        starts, ends = _breaks(unique)
        starts = np.concatenate([self._starts, starts])
        ends = np.concatenate([self._ends, ends])
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        begin = _fresh(starts, reach)
        self._starts, self._ends = starts[begin], reach[_last_of(begin)]


def _breaks(unique: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last number of each run of sorted distinct numbers."""
    begin = np.ones(len(unique), bool)
    begin[1:] = unique[1:] - 1 > unique[:-1]
    return unique[begin], unique[_last_of(begin)]


def _fresh(starts: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Where a new run begins among sorted starts with the farthest end so far."""
    begin = np.ones(len(starts), bool)
    begin[1:] = starts[1:] - 1 > reach[:-1]
    return begin


def _last_of(begin: np.ndarray) -> np.ndarray:
    last = np.ones(len(begin), bool)
    last[:-1] = begin[1:]
    return last


class Runs:
    """Runs of one log (one channel of one computer): by record number, or by order where rows have no numbers.

    A run lasts from the time of its first record to that of its last, not from the smallest to the largest: one record
    written under a wrong clock in between must not stretch what is covered.
    """

    def __init__(self, numbered: bool) -> None:
        self._numbered = numbered
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._next = 0

    def add(self, numbers: np.ndarray, times: np.ndarray, known: np.ndarray) -> None:
        """Takes records in; `known` says which times (microseconds) can be relied on."""
        if not self._numbered:
            numbers = np.arange(self._next, self._next + len(numbers), dtype=np.int64)
            self._next += len(numbers)
        timed = np.where(known, times, _NO_TIME)
        order = np.argsort(numbers, kind="stable")
        self._parts.append(_joined(numbers[order], numbers[order], timed[order], timed[order]))
        if len(self._parts) > 256:
            self._parts = [self._merged()]

    def cut(self) -> None:
        """The next record begins a new run, because something between them is lost."""
        self._next += 1

    def _merged(self) -> tuple[np.ndarray, ...]:
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return _joined(*(column[order] for column in columns))

    def __iter__(self) -> Iterator[Run]:
        if not self._parts:
            return
        self._parts = [self._merged()]
        for first, last, begin, end in zip(*self._parts[0], strict=True):
            yield Run(int(first), int(last), _time(begin), _time(end))

    def missing(self) -> int:
        """Numbers between the first and the last that no record has."""
        if not self._parts:
            return 0
        self._parts = [self._merged()]
        first, last, *_ = self._parts[0]
        return int((first[1:] - last[:-1] - 1).sum())


def _joined(first: np.ndarray, last: np.ndarray, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, ...]:
    """Runs sorted by their first number, those that touch or overlap made one."""
    reach = np.maximum.accumulate(last)
    fresh = _fresh(first, reach)
    places = np.flatnonzero(fresh)
    row = np.arange(len(first))
    earliest = np.minimum.reduceat(np.where(begin != _NO_TIME, row, len(first)), places)
    farthest = np.lexsort((last, end != _NO_TIME, np.cumsum(fresh)))[_last_of(fresh)]
    return (
        first[fresh],
        reach[_last_of(fresh)],
        np.where(earliest < len(first), begin[np.minimum(earliest, len(first) - 1)], _NO_TIME),
        end[farthest],
    )


def _time(value: Any) -> int | None:
    return None if value == _NO_TIME else int(value)
