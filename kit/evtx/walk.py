"""Chunks and record headers: where the records stand, and what says that something is wrong.

The walk looks at all chunks of a batch at once. A record is a magic number at a position divisible by eight whose size
is repeated at its end. Where the records of a chunk do not follow each other without a gap from the chunk's header to
its free space, that chunk is walked once more, carefully.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kit.evtx import format as layout
from kit.evtx.binxml import u32
from kit.evtx.view import View, picked

LIVE, BEYOND, SLACK = 0, 1, 2  # in the used part of a chunk; following it without a gap; left over from earlier use
STATES = ("live", "beyond_header", "slack")
_MAGIC = layout.RECORD_MAGIC.to_bytes(4, "little")
_STARTS = np.array([layout.FRAGMENT, layout.TEMPLATE_INSTANCE, layout.OPEN_ELEMENT, layout.OPEN_ELEMENT | layout.MORE])


@dataclass(slots=True)
class Gap:
    """Bytes in the used part of a chunk where records must have stood and none is found."""

    start: int
    stop: int


@dataclass(slots=True)
class Walked:
    """The records of a batch in the order of their positions; `at` counts bytes from the start of the batch.

    state    0 live, 1 beyond what the chunk's header says, 2 slack
    sound    magic, size and its copy are right
    """

    at: np.ndarray
    size: np.ndarray
    state: np.ndarray
    sound: np.ndarray
    gaps: list[Gap] = field(default_factory=list)
    _heads: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.at)

    def heads(self, view: View) -> np.ndarray:
        """The beginning of each record (layout.RECORD)."""
        if self._heads is None:
            self._heads = view.heads(self.at, layout.RECORD)
        return self._heads

    def select(self, chosen: np.ndarray) -> Walked:
        """The chosen records (mask or positions); the gaps stay."""
        heads = _of(self._heads, chosen)
        return Walked(self.at[chosen], self.size[chosen], self.state[chosen], self.sound[chosen], self.gaps, heads)


def _of(heads: np.ndarray | None, chosen: np.ndarray) -> np.ndarray | None:
    return None if heads is None else picked(heads, chosen)


def headers(data: bytes, chunks: int) -> np.ndarray:
    """The headers of the chunks of a batch that begins with a chunk (layout.CHUNK_HEADER)."""
    grid = np.frombuffer(data, dtype=np.uint8, count=chunks * layout.CHUNK_SIZE).reshape(chunks, layout.CHUNK_SIZE)
    return np.ascontiguousarray(grid[:, : layout.CHUNK_HEADER_SIZE]).view(layout.CHUNK_HEADER).reshape(chunks)


def checksums(data: bytes, heads: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether the stored checksums of some chunks (positions) fit: that of the header, that of the records."""
    view = memoryview(data)
    header_ok = np.zeros(len(heads), dtype=bool)
    data_ok = np.zeros(len(heads), dtype=bool)
    fields = ("free", "data_checksum", "header_checksum")
    stored = zip(*(heads[field][wanted].tolist() for field in fields), strict=True)
    for number, (free, of_data, of_header) in zip(wanted.tolist(), stored, strict=True):
        start = number * layout.CHUNK_SIZE
        first = zlib.crc32(view[start : start + 120])
        header_ok[number] = zlib.crc32(view[start + 128 : start + 512], first) == of_header
        if layout.CHUNK_HEADER_SIZE <= free <= layout.CHUNK_SIZE:
            data_ok[number] = zlib.crc32(view[start + 512 : start + free]) == of_data
    return header_ok, data_ok


def used(view: View, heads: np.ndarray) -> np.ndarray:
    """Where the free space of each chunk begins; 0 for what is no chunk, so that whatever stands there is slack.

    A place whose magic is damaged still counts as a chunk when its header fits a record that stands behind it. Where
    the beginning of the free space is no possible one, it is taken to follow the last record that the header names.
    """
    free = heads["free"].astype(np.int64)
    impossible = (free < layout.CHUNK_HEADER_SIZE) | (free > layout.CHUNK_SIZE)
    if impossible.any():
        free = np.where(impossible, _behind_last(view, heads), free)
    possible = (free >= layout.CHUNK_HEADER_SIZE) & (free <= layout.CHUNK_SIZE)
    first = np.arange(len(heads)) * layout.CHUNK_SIZE + layout.CHUNK_HEADER_SIZE
    follows = (view.u4[first] == layout.RECORD_MAGIC) & (heads["header_size"] == 128)
    follows &= free > layout.CHUNK_HEADER_SIZE
    return np.where(possible & ((heads["magic"] == layout.CHUNK_MAGIC_NUMBER) | follows), free, 0)


def _behind_last(view: View, heads: np.ndarray) -> np.ndarray:
    """Where the last record of each chunk ends, by the header's own word; 0 where there is none at that place."""
    last = heads["last_record"].astype(np.int64)
    room = (last >= layout.CHUNK_HEADER_SIZE) & (last <= layout.CHUNK_SIZE - layout.SMALLEST_RECORD)
    at = np.arange(len(heads)) * layout.CHUNK_SIZE + np.where(room, last, 0)
    end = last + view.u4[at + 4].astype(np.int64)
    found: np.ndarray = np.where(room & (view.u4[at] == layout.RECORD_MAGIC) & (end <= layout.CHUNK_SIZE), end, 0)
    return found


def walk(view: View, free: np.ndarray, length: int | None = None, *, headed: bool = False) -> Walked:
    """All records of a batch; `free` says where the free space of each chunk begins, `length` where the file ends.

    `headed` gathers the beginnings of the records at once, for those who go on to read them.
    """
    length = view.size if length is None else length
    at, size, heads = _candidates(view, len(free), headed)
    chunk = at // layout.CHUNK_SIZE
    inside = at & (layout.CHUNK_SIZE - 1)
    live = inside < free[chunk]
    some: Any = slice(None) if live.all() else live
    regular = _regular(inside[some], size[some], chunk[some], free)
    if not regular.all():
        keep = regular[chunk]
        at, size, live, heads = at[keep], size[keep], live[keep], _of(heads, keep)
    state = np.where(live, np.int8(LIVE), np.int8(SLACK))
    found = Walked(at, size, state, np.ones(len(at), dtype=bool), _heads=heads)
    if not live.all():
        found = found.select(_settle_slack(view, free, found))
    odd = np.flatnonzero(~regular)
    if not len(odd):
        return found
    return joined([found, *(careful(view, int(number), int(free[number]), length) for number in odd)])


def _candidates(view: View, chunks: int, headed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Positions divisible by eight with the magic of a record and its size at both ends, inside one chunk; the sizes;
    the beginnings of the records (layout.RECORD) where they are asked for."""
    words = np.frombuffer(view.data, dtype="<u4", count=chunks * layout.CHUNK_SIZE // 4)
    at = np.flatnonzero(words == layout.RECORD_MAGIC)
    if (at & 1).any():
        at = at[at & 1 == 0]
    heads = view.heads(at << 2, layout.RECORD) if headed else None
    size = (words.take(at + 1, mode="clip") if heads is None else heads["size"]).astype(np.int64)
    at <<= 2
    inside = at & (layout.CHUNK_SIZE - 1)
    fits = (size >= layout.SMALLEST_RECORD) & (inside + size <= layout.CHUNK_SIZE)
    fits &= inside >= layout.CHUNK_HEADER_SIZE
    if not fits.all():
        at, size, heads = at[fits], size[fits], _of(heads, fits)
    end = at + size
    copy = view.numbers(end - 4, "<u4") if (end & 3).any() else words.take((end >> 2) - 1)
    repeated = copy == size
    return (at, size, heads) if repeated.all() else (at[repeated], size[repeated], _of(heads, repeated))


def _regular(inside: np.ndarray, size: np.ndarray, chunk: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Chunks whose live records begin after the header, follow each other, and end where the free space begins."""
    regular = free >= layout.CHUNK_HEADER_SIZE
    reached = np.full(len(free), layout.CHUNK_HEADER_SIZE, dtype=np.int64)
    if len(inside):
        last = np.append(chunk[1:] != chunk[:-1], True)
        end = inside + size
        reached[chunk[last]] = end[last]
        end[last] = layout.CHUNK_HEADER_SIZE
        wrong = inside[1:] != end[:-1]
        regular[chunk[1:][wrong]] = False
        regular[chunk[0]] &= inside[0] == layout.CHUNK_HEADER_SIZE
    return regular & (reached == free)


def _settle_slack(view: View, free: np.ndarray, found: Walked) -> np.ndarray:
    """Which records to keep: all live ones, and slack that does not overlap; marks what only the header missed."""
    keep = found.state == LIVE
    chunk_before = -1
    reached = 0
    last_id: int | None = None
    places = np.flatnonzero(~keep)
    where = found.at[places]
    begun = np.isin(view.u1[where + layout.RECORD_HEADER_SIZE], _STARTS)
    numbers = view.words(where + 8)
    slack = zip(
        places.tolist(), where.tolist(), found.size[places].tolist(), begun.tolist(), numbers.tolist(), strict=True
    )
    for place, at, size, begins, record_id in slack:
        chunk = at // layout.CHUNK_SIZE
        if chunk != chunk_before:
            chunk_before, reached = chunk, chunk * layout.CHUNK_SIZE + int(free[chunk])
            last_id = _last_id(view, found, place, reached)
        if at < reached or not begins:
            continue
        keep[place] = True
        if at == reached and last_id in (None, record_id - 1):
            found.state[place] = BEYOND
            last_id = record_id
        else:
            last_id = -2
        reached = at + size
    return keep


def _last_id(view: View, found: Walked, place: int, end: int) -> int | None:
    """The number of the live record that ends at a position, if there is one."""
    before = place - 1
    if before < 0 or int(found.at[before] + found.size[before]) != end:
        return None
    return int(view.u8[found.at[before] + 8])


def joined(every: list[Walked]) -> Walked:
    """The records of several walks of one batch, in the order of their positions."""
    at = np.concatenate([one.at for one in every])
    order = np.argsort(at, kind="stable")
    return Walked(
        at[order],
        np.concatenate([one.size for one in every])[order],
        np.concatenate([one.state for one in every])[order],
        np.concatenate([one.sound for one in every])[order],
        [gap for one in every for gap in one.gaps],
    )


def careful(view: View, chunk: int, free: int, length: int) -> Walked:
    """The records of one chunk, step by step over whatever is damaged."""
    start = chunk * layout.CHUNK_SIZE
    steps = _Steps(view.data, start, min(start + layout.CHUNK_SIZE, length))
    steps.live(min(start + max(free, 0), length))
    steps.rest()
    return steps.walked()


def inside(view: View, at: int, size: int) -> Walked:
    """Sound records that begin inside the bytes of a record that cannot be read, as a torn write leaves them."""
    end = (at // layout.CHUNK_SIZE + 1) * layout.CHUNK_SIZE
    steps = _Steps(view.data, at // layout.CHUNK_SIZE * layout.CHUNK_SIZE, end)
    steps.at = at + 8
    steps.within(at + size)
    return steps.walked()


class _Steps:
    """A walk from record to record in one chunk."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data = data
        self.at = start + layout.CHUNK_HEADER_SIZE
        self.end = min(end, len(data))
        self.limit = start + layout.CHUNK_SIZE  # of sizes that can be true, also where the file ends before
        self.rows: list[tuple[int, int, int, bool]] = []
        self.gaps: list[Gap] = []

    def live(self, stop: int) -> None:
        """The used part of the chunk: every byte belongs to a record or to a gap."""
        while self.at + layout.SMALLEST_RECORD <= stop:
            size = self._size(self.at, self.limit)
            if self._sound(self.at, stop):
                self._take(size, LIVE, True)
                continue
            following = self._next(self.at + 8, stop)
            if self._headed(self.at) or (size and self.at + size == following):
                self._take(min(size or following - self.at, self.end - self.at), LIVE, False)
                self.at = following  # a torn write may have put it inside the record before
                continue
            self._gap(following)
        if self.at < stop:
            self._gap(stop)

    def rest(self) -> None:
        """The free part of the chunk: what follows the used part without a gap, and remains of earlier use."""
        state = BEYOND if self.rows else SLACK
        while (found := self._next(self.at, self.end)) < self.end:
            if found != self.at or (self.rows and self._id(found) != self._id(self.rows[-1][0]) + 1):
                state = SLACK
            self.at = found
            self._take(self._size(found, self.end), state, True)

    def within(self, stop: int) -> None:
        """Sound records that begin before a position, wherever they end in the chunk."""
        while (found := self._next(self.at, self.end)) < stop:
            self.at = found
            self._take(self._size(found, self.end), SLACK, True)

    def walked(self) -> Walked:
        """What was found."""
        rows = np.array(self.rows, dtype=np.int64).reshape(len(self.rows), 4)
        return Walked(rows[:, 0], rows[:, 1], rows[:, 2].astype(np.int8), rows[:, 3].astype(bool), self.gaps)

    def _take(self, size: int, state: int, sound: bool) -> None:
        self.rows.append((self.at, size, state, sound))
        self.at += size

    def _gap(self, stop: int) -> None:
        self.gaps.append(Gap(self.at, stop))
        self.at = stop

    def _headed(self, at: int) -> bool:
        return self.data[at : at + 4] == _MAGIC

    def _size(self, at: int, stop: int) -> int:
        """The size of the record at a position when it can be one, else 0."""
        size = u32(self.data, at + 4)
        return size if layout.SMALLEST_RECORD <= size <= stop - at else 0

    def _sound(self, at: int, stop: int) -> bool:
        size = self._size(at, stop)
        return bool(size) and self._headed(at) and u32(self.data, at + size - 4) == size

    def _next(self, at: int, stop: int) -> int:
        """The next position with a sound record, or the stop."""
        while True:
            at = self.data.find(_MAGIC, at, stop)
            if at < 0 or at + layout.SMALLEST_RECORD > stop:
                return stop
            if self._sound(at, stop) and self.data[at + layout.RECORD_HEADER_SIZE] in _STARTS:
                return at
            at += 1

    def _id(self, at: int) -> int:
        return int.from_bytes(self.data[at + 8 : at + 16], "little")
