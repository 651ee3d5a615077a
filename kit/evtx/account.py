"""The account of a log: what each chunk promises, what was found, read, recovered and lost."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from kit.evtx import format as layout
from kit.evtx import walk
from kit.evtx.places import FileHead, Places
from kit.evtx.view import View

MOST_IN_CHUNK = layout.CHUNK_SIZE // layout.SMALLEST_RECORD
_HIGHEST_ID = 1 << 62  # a record number above this is damage
SCHEMA = pa.schema(
    [
        pa.field(name, kind, metadata={"meaning": meaning})
        for name, kind, meaning in (
            ("chunk", pa.int64(), "number of the place in the file, from 0"),
            ("offset", pa.int64(), "byte offset of the place"),
            ("state", pa.string(), "ok, damaged (its magic), cut (the file ends inside), empty (zeros) or no_chunk"),
            ("declared", pa.int64(), "records that the chunk's header promises; null when it makes no sense"),
            ("seen", pa.int64(), "records found: in the used part, behind it, and in slack if readable and no copy"),
            ("decoded", pa.int64(), "records that became rows"),
            ("lost", pa.int64(), "records found that could not be read, and records promised that were not found"),
            ("recovered", pa.int64(), "rows beyond what the chunk's or the file's header promises"),
            ("slack", pa.int64(), "rows from the free space of the chunk, left over from earlier use"),
            ("copies", pa.int64(), "records in slack that the log also holds live; not rows"),
            ("remnants", pa.int64(), "records in slack that cannot be read any more; not rows, not lost"),
            ("damaged", pa.int64(), "rows of which a part could not be read"),
            ("borrowed", pa.int64(), "rows read with a template from elsewhere because their own is damaged"),
            ("crc_ok", pa.bool_(), "both checksums fit; null where the writer kept none"),
            ("header_crc_ok", pa.bool_(), "the checksum of the header fits"),
            ("data_crc_ok", pa.bool_(), "the checksum of the records fits"),
            ("first_id", pa.int64(), "first record number found in the used part"),
            ("last_id", pa.int64(), "last record number found in the used part"),
        )
    ]
)


@dataclass(slots=True)
class Loss:
    """Records that were found or promised and could not be read; `found` tells which. `count` None: unknown."""

    count: int | None
    reason: str
    first_id: int | None
    last_id: int | None
    offset: int
    found: bool

    def continued_by(self, other: Loss) -> bool:
        """Whether another loss is of the same kind and goes on with the next record number."""
        same = (self.reason, self.found) == (other.reason, other.found)
        counted = self.count is not None and other.count is not None
        return same and counted and self.last_id is not None and other.first_id == self.last_id + 1


@dataclass(slots=True)
class Checked:
    """What is known of the chunks of a batch before any record is decoded. `checked`: their checksums were computed."""

    heads: np.ndarray
    free: np.ndarray
    number: np.ndarray
    offset: np.ndarray
    header_ok: np.ndarray
    data_ok: np.ndarray
    checked: np.ndarray
    state: list[str]
    unkept: bool  # the writer kept no checksums

    @property
    def trusted(self) -> np.ndarray:
        """Chunks whose checksums fit, or were never kept."""
        found: np.ndarray = (self.header_ok & self.data_ok) | self.unkept
        return found

    @property
    def crc(self) -> np.ndarray:
        """1 where both checksums fit, 0 where not, -1 where none were kept."""
        fits = self.header_ok & self.data_ok
        return np.where(fits, 1, -1 if self.unkept else 0).astype(np.int8)

    def verify(self, data: bytes, chosen: np.ndarray) -> None:
        """Computes the checksums of some chunks of the batch."""
        chosen = chosen[~self.checked[chosen]]
        header_ok, data_ok = walk.checksums(data, self.heads, chosen)
        self.header_ok |= header_ok
        self.data_ok |= data_ok
        self.checked[chosen] = True

    def select(self, chosen: np.ndarray) -> Checked:
        """The chosen chunks (positions)."""
        return Checked(
            self.heads[chosen], self.free[chosen], self.number[chosen], self.offset[chosen],
            self.header_ok[chosen], self.data_ok[chosen], self.checked[chosen],
            [self.state[one] for one in chosen.tolist()], self.unkept,
        )  # fmt: skip


def joined(some: list[Checked]) -> Checked:
    """Chunks of several batches as one."""
    names = ("free", "number", "offset", "header_ok", "data_ok", "checked")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in some]) for name in names}
    opaque = f"V{layout.CHUNK_HEADER.itemsize}"  # numpy joins structures field by field
    heads = np.concatenate([one.heads.view(opaque) for one in some]).view(layout.CHUNK_HEADER)
    return Checked(heads, **arrays, state=[state for one in some for state in one.state], unkept=some[0].unkept)


def check(places: Places, number: int, head: FileHead) -> tuple[View, Checked]:
    """Headers and states of the places of a batch, checksums still to be verified; `number` is that of the first."""
    view = View(places.data)
    heads = walk.headers(places.data, places.number)
    free = walk.used(view, heads)
    start = np.arange(places.number, dtype=np.int64)
    unknown = np.zeros(places.number, dtype=bool)
    checked = Checked(
        heads, free, start + number, start * layout.CHUNK_SIZE + places.offset, unknown, unknown.copy(), unknown.copy(),
        _states(places, heads, free), head.without_checksums,
    )  # fmt: skip
    return view, checked


def _states(places: Places, heads: np.ndarray, free: np.ndarray) -> list[str]:
    magic = heads["magic"] == layout.CHUNK_MAGIC_NUMBER
    states = np.where(magic, "ok", np.where(free > 0, "damaged", "no_chunk")).tolist()
    for place in np.flatnonzero(free == 0).tolist():
        start = place * layout.CHUNK_SIZE
        if not places.data[start : start + layout.CHUNK_SIZE].strip(b"\0"):
            states[place] = "empty"
    if places.length % layout.CHUNK_SIZE and states[-1] != "empty":
        states[-1] = "cut"
    return [str(state) for state in states]


@dataclass(slots=True)
class Account:
    """Gathers the rows of SCHEMA batch by batch."""

    columns: list[dict[str, np.ndarray]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    unkept: bool = False
    _starts: list[int] = field(default_factory=list)  # first chunk of each of `columns`

    def take(self, checked: Checked, walked: walk.Walked, record_id: np.ndarray) -> None:
        """Takes the chunks of a batch and the records that stand in them (live and beyond)."""
        chunk = walked.at >> layout.CHUNK_BITS
        count = len(checked.heads)
        seen = np.bincount(chunk, minlength=count)
        live = walked.state == walk.LIVE
        if live.all():
            used, (first, last) = seen.copy(), _ends(chunk, record_id, count)
        else:
            used = np.bincount(chunk[live], minlength=count)
            first, last = _ends(chunk[live], record_id[live], count)
        zero = np.zeros(count, dtype=np.int64)
        self.unkept = checked.unkept
        self.states.extend(checked.state)
        self._starts.append(int(checked.number[0]))
        self.columns.append(
            {
                "chunk": checked.number, "offset": checked.offset, "declared": declared(checked.heads, checked.free),
                "seen": seen, "decoded": zero.copy(), "lost": zero.copy(),
                "recovered": zero.copy(), "slack": zero.copy(), "copies": zero.copy(), "remnants": zero.copy(),
                "damaged": zero.copy(), "borrowed": zero.copy(), "header_crc_ok": checked.header_ok,
                "data_crc_ok": checked.data_ok, "checked": checked.checked, "first_id": first, "last_id": last,
                "used": used, "promised": _promised(checked, last),
            }
        )  # fmt: skip
        self._missing(checked, walked, record_id, chunk, used)

    def count(self, name: str, numbers: np.ndarray) -> None:
        """Adds one to a column for each chunk number given."""
        if not len(numbers):
            return
        first = bisect.bisect_right(self._starts, int(numbers.min())) - 1
        for columns in self.columns[first : bisect.bisect_right(self._starts, int(numbers.max()))]:
            start, length = int(columns["chunk"][0]), len(columns["chunk"])
            inside = numbers[(numbers >= start) & (numbers < start + length)] - start
            if len(inside):
                columns[name] += np.bincount(inside, minlength=length)

    def lose(self, loss: Loss, chunk: int) -> None:
        """Lists a loss in a chunk; one that continues the loss before it is joined to it."""
        self.count("lost", np.full(loss.count or 0, chunk))
        before = self.losses[-1] if self.losses else None
        if before is None or not before.continued_by(loss):
            self.losses.append(loss)
            return
        before.count = (before.count or 0) + (loss.count or 0)
        before.last_id = loss.last_id

    def _missing(
        self, checked: Checked, walked: walk.Walked, record_id: np.ndarray, chunk: np.ndarray, used: np.ndarray
    ) -> None:
        """Records that the header of a chunk promises and that do not stand in it, and gaps of unknown content."""
        promised = self.columns[-1]["declared"]
        short = set(np.flatnonzero(used < promised).tolist())
        gaps = {gap.start // layout.CHUNK_SIZE: gap for gap in reversed(walked.gaps)}
        for place in sorted(short | {place for place in gaps if promised[place] < 0}):
            here = record_id[(chunk == place) & (walked.state == walk.LIVE)]
            gap = gaps.get(place)
            offset = int(checked.offset[place]) + (gap.start % layout.CHUNK_SIZE if gap else 0)
            reason = "promised by the header of the chunk and not found" + ("; damage begins here" if gap else "")
            if promised[place] >= 0:
                head = checked.heads[place]
                count = int(promised[place] - used[place])
                runs = _absent(here, int(head["first_id"]), int(head["last_id"]))
                if sum(last - first + 1 for first, last in runs) != count:
                    runs = []  # the numbers in the header are not those of the records
                    self.lose(Loss(count, reason, None, None, offset, False), int(checked.number[place]))
                for first, last in runs:
                    self.lose(Loss(last - first + 1, reason, first, last, offset, False), int(checked.number[place]))
            elif gap:  # always, since the header says nothing
                reason = f"{gap.stop - gap.start} bytes hold no record; how many stood there is not known"
                self.losses.append(Loss(None, reason, None, None, offset, False))

    def last_promised(self) -> int:
        """The highest record number that was found or that the header of a chunk promises; 0 when there is none."""
        return max((int(columns["promised"].max(initial=0)) for columns in self.columns), default=0)

    def table(self) -> pa.Table:
        """One row for each place of the file (SCHEMA)."""
        if not self.columns:
            return SCHEMA.empty_table()
        found: dict[str, Any] = {
            name: np.concatenate([columns[name] for columns in self.columns]) for name in self.columns[0]
        }
        chunks = np.array([state in ("ok", "damaged", "cut") for state in self.states], dtype=bool) & found["checked"]
        crc_ok = found["header_crc_ok"] & found["data_crc_ok"]
        found["crc_ok"] = pa.array(crc_ok, mask=~chunks | (self.unkept & ~crc_ok))
        for name in ("header_crc_ok", "data_crc_ok"):
            found[name] = pa.array(found[name], mask=~chunks)
        found["declared"] = pa.array(found["declared"], mask=found["declared"] < 0)
        for name in ("first_id", "last_id"):
            found[name] = pa.array(found[name], mask=found["used"] == 0)
        found["state"] = self.states
        return pa.table([pa.array(found[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def declared(heads: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Records that each chunk's header promises; -1 where there is no chunk or the header makes no sense."""
    first, last = heads["first_id"].astype(np.int64), heads["last_id"].astype(np.int64)
    count = last - first + 1
    empty = free == layout.CHUNK_HEADER_SIZE
    sane = (free > 0) & (count >= 0) & (count <= MOST_IN_CHUNK) & (first >= 0)
    return np.where(empty, 0, np.where(sane, count, -1))


def _promised(checked: Checked, last: np.ndarray) -> np.ndarray:
    """The last record number of each chunk: what its header says where that makes sense, or what was found."""
    sane = declared(checked.heads, checked.free) > 0
    said = np.where(sane, checked.heads["last_id"].astype(np.int64), 0)
    return np.maximum(said, np.where(last < _HIGHEST_ID, last, 0))


def _ends(chunk: np.ndarray, record_id: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last record number of each chunk, the records in the order of the file; 0 where there is none."""
    first, last = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    if len(chunk):
        ends = np.append(np.flatnonzero(chunk[1:] != chunk[:-1]), len(chunk) - 1)
        starts = np.append(0, ends[:-1] + 1)
        last[chunk[ends]] = record_id[ends].astype(np.int64)
        first[chunk[starts]] = record_id[starts].astype(np.int64)
    return first, last


def _absent(present: np.ndarray, first: int, last: int) -> list[tuple[int, int]]:
    """Runs of numbers from first to last that are not present."""
    inside = np.unique(present[(present >= np.uint64(max(first, 0))) & (present <= np.uint64(last))]).astype(np.int64)
    edges = np.concatenate([[first - 1], inside, [last + 1]])
    holes = np.flatnonzero(np.diff(edges) > 1)
    return [(int(edges[hole]) + 1, int(edges[hole + 1]) - 1) for hole in holes]
