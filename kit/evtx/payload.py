"""Event data of a whole batch: every value typed, in a dozen Arrow arrays whatever the templates.

`Values` is what an Arrow dense union is made of: for each value its record, its field, its kind, and its place in the
array of that kind. The long table is these arrays as they are; a column of a wide table is a take of one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import format as layout
from kit.evtx import gather, values
from kit.evtx.collected import Data
from kit.evtx.columns import Vocabulary
from kit.evtx.level import Group, Run, merged
from kit.evtx.scalar import Datum
from kit.evtx.template import Keys, Layout
from kit.evtx.values import Kind
from kit.evtx.view import View

ARROW_TYPES = {
    Kind.NULL: pa.null(), Kind.TEXT: pa.string(), Kind.INT: pa.int64(), Kind.UINT: pa.uint64(), Kind.REAL: pa.float64(),
    Kind.FLAG: pa.uint32(), Kind.BINARY: pa.binary(), Kind.GUID: pa.binary(16), Kind.HEX: pa.uint64(),
    Kind.TIME: pa.int64(), Kind.SID: pa.dictionary(pa.int32(), pa.string()), Kind.TEXTS: pa.list_(pa.string()),
}  # fmt: skip
_EMPTY = {kind: pa.array([], type_of) for kind, type_of in ARROW_TYPES.items()}
_WIDE_STRINGS = layout.ARRAY | layout.STRING_TYPE
_FIXED = {
    layout.INT8_TYPE: (Kind.INT, "<i1"), layout.INT16_TYPE: (Kind.INT, "<i2"), layout.INT32_TYPE: (Kind.INT, "<i4"),
    layout.INT64_TYPE: (Kind.INT, "<i8"), layout.UINT8_TYPE: (Kind.UINT, "<u1"),
    layout.UINT16_TYPE: (Kind.UINT, "<u2"), layout.UINT32_TYPE: (Kind.UINT, "<u4"),
    layout.UINT64_TYPE: (Kind.UINT, "<u8"), layout.HEX32_TYPE: (Kind.HEX, "<u4"), layout.HEX64_TYPE: (Kind.HEX, "<u8"),
    layout.FILETIME_TYPE: (Kind.TIME, "<i8"), layout.BOOL_TYPE: (Kind.FLAG, "<u4"),
    layout.REAL32_TYPE: (Kind.REAL, "<f4"), layout.REAL64_TYPE: (Kind.REAL, "<f8"),
}  # fmt: skip


class Piece(NamedTuple):
    """Values of records that share a layout, record by record.

    record  the records; nth: place of the first value of each among the values of its record
    places  distance from there of the values of one record
    keys    their fields, for records up to each stop: (keys, stop)
    """

    record: np.ndarray
    nth: np.ndarray
    places: np.ndarray
    keys: list[tuple[np.ndarray, int]]

    def __len__(self) -> int:
        return len(self.record) * len(self.places)

    def key(self) -> np.ndarray:
        """The field of each value."""
        found = np.empty((len(self.record), len(self.places)), dtype=np.int32)
        start = 0
        for keys, stop in self.keys:
            found[start:stop] = keys
            start = stop
        return found.ravel()


class Values:
    """Event data of a batch.

    kind     Kind of each value
    index    its place in `children[kind]`
    row      its record (position in the batch)
    nth      its place among the values of that record
    key      its field, a number of `keys`
    """

    def __init__(self, pieces: list[Piece], typed: _Typed, keys: Keys) -> None:
        self._pieces = pieces
        self._sorted = typed.sorted
        self._length = typed.length
        self.children: dict[Kind, pa.Array] = typed.children()
        self.keys = keys

    def __len__(self) -> int:
        return self._length

    @cached_property
    def kind(self) -> np.ndarray:
        """The Kind of each value."""
        found = np.zeros(self._length, dtype=np.uint8)
        for kind, chosen, _ in self._sorted:
            found[chosen] = kind
        return found

    @cached_property
    def index(self) -> np.ndarray:
        """The place of each value in the array of its kind."""
        found = np.zeros(self._length, dtype=np.int32)
        for _, chosen, place in self._sorted:
            found[chosen] = place
        return found

    @cached_property
    def row(self) -> np.ndarray:
        """The record of each value."""
        return _joined([np.repeat(piece.record, len(piece.places)) for piece in self._pieces])

    @cached_property
    def nth(self) -> np.ndarray:
        """The place of each value in its record."""
        return _joined([(piece.nth[:, None] + piece.places).ravel() for piece in self._pieces])

    @cached_property
    def key(self) -> np.ndarray:
        """The field of each value."""
        return _joined([piece.key() for piece in self._pieces])

    def repeating(self, flags: np.ndarray) -> np.ndarray:
        """Records in which a field with a flag (by its number) stands more than once."""
        found, seen = [], np.zeros(0, dtype=np.int64)
        for piece in self._pieces:
            start = 0
            for keys, stop in piece.keys:
                flagged = keys[flags[keys]] if keys.ndim == 1 else keys[:0]
                if len(set(flagged.tolist())) < len(flagged):
                    found.append(piece.record[start:stop])
                start = stop
            counts = np.bincount(piece.record)
            seen = _added(seen, counts)
        several = np.flatnonzero(seen > 1)  # their fields come from several pieces
        if len(several):
            wanted = np.zeros(len(seen), dtype=bool)
            wanted[several] = True
            chosen = wanted[self.row] & flags[self.key]
            both = pa.array(self.row[chosen].astype(np.int64) << 32 | self.key[chosen]).value_counts()
            twice = both.filter(pc.greater(both.field("counts"), 1)).field("values").to_numpy()
            found.append(twice >> 32)
        return np.unique(_joined(found))


def _added(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The sum of two arrays of any lengths."""
    long, short = (one, other) if len(one) >= len(other) else (other, one)
    made = long.copy()
    made[: len(short)] += short
    return made


class Gathered:
    """Collects the event data of a batch, group by group and record by record, and makes `Values` of it."""

    def __init__(self, view: View, buffer: pa.Buffer, rows: int, keys: Keys) -> None:
        self._view = view
        self._buffer = buffer
        self._counts = np.zeros(rows, dtype=np.int32)
        self._keys = keys
        self._start: list[np.ndarray] = []
        self._desc: list[np.ndarray] = []
        self._pieces: list[Piece] = []
        self._constants: list[tuple[Piece, str | None]] = []
        self._loose: list[tuple[int, int, int, Kind, Any]] = []  # row, nth, key, kind, content

    def group(self, group: Group) -> None:
        """Takes the event data of a group of template instances."""
        for layout_of, start, stop in merged(group.runs, lambda run: run.plan.layout):
            if layout_of.width:
                record = group.record[start:stop].astype(np.int32)
                nth: np.ndarray = self._counts[record]
                self._counts[record] = nth + layout_of.width
                runs = [run for run in group.runs if start <= run.start < stop]
                self._data(group, layout_of, slice(start, stop), record, nth, runs)
                for run in runs:
                    inside = slice(run.start - start, run.stop - start)
                    self._constant(run, record[inside], nth[inside])

    def _data(
        self, group: Group, layout_of: Layout, rows: slice, record: np.ndarray, nth: np.ndarray, runs: list[Run]
    ) -> None:
        slots = layout_of.slots
        if not slots:
            return
        pick: Any = slice(0, -1) if slots == tuple(range(group.values)) else np.array(slots)
        self._start.append(group.at[rows, pick].ravel())
        self._desc.append(group.desc[rows, pick if isinstance(pick, np.ndarray) else slice(None)].ravel())
        keys = [(run.plan.keys, run.stop - rows.start) for run in runs]
        self._pieces.append(Piece(record, nth, np.array(layout_of.places, dtype=np.int32), keys))

    def _constant(self, run: Run, record: np.ndarray, nth: np.ndarray) -> None:
        for key, text, place in run.plan.constants:
            keys = [(np.array([key], dtype=np.int32), len(record))]
            self._constants.append((Piece(record, nth, np.array([place], dtype=np.int32), keys), text))

    def collected(self, data: Data) -> None:
        """Takes event data of fragments without a template."""
        if not len(data.record):
            return
        first = np.concatenate([[True], data.record[1:] != data.record[:-1]])
        run = np.cumsum(first) - 1
        begins = np.flatnonzero(first)
        within = np.arange(len(run)) - begins[run]
        record = data.record.astype(np.int32)
        nth = (self._counts[record] + within).astype(np.int32)
        self._counts[record[begins]] += np.bincount(run).astype(np.int32)
        self._start.append(data.start)
        self._desc.append(data.desc)
        self._pieces.append(Piece(record, nth, np.zeros(1, dtype=np.int32), [(data.key[:, None], len(record))]))

    def record(self, row: int, data: Iterable[Datum], message: str | None, message_key: int) -> None:
        """Takes the event data of a record that was decoded by itself."""
        for datum in data:
            self._loosely(row, self._keys.number(datum.key, datum.named, datum.inserted), *datum.value)
        if message is not None:
            self._loosely(row, message_key, Kind.TEXT, message)

    def _loosely(self, row: int, key: int, kind: Kind, content: Any) -> None:
        nth = int(self._counts[row])
        self._counts[row] = nth + 1
        self._loose.append((row, nth, key, Kind.NULL if content is None else kind, content))

    def values(self) -> Values:
        """Everything that was taken."""
        pieces = [*self._pieces, *(piece for piece, _ in self._constants), self._loose_piece()]
        typed = _Typed(self._view, self._buffer, _joined(self._start), _joined(self._desc), sum(map(len, pieces)))
        for piece, text in self._constants:
            typed.constant(len(piece), text)
        for _, _, _, kind, content in self._loose:
            typed.append(kind, content)
        return Values(pieces, typed, self._keys)

    def _loose_piece(self) -> Piece:
        """The values of single records as a piece with one value a row."""
        loose = np.array([one[:3] for one in self._loose], dtype=np.int32).reshape(len(self._loose), 3)
        keys = [(loose[:, 2:], len(loose))] if len(loose) else []
        return Piece(loose[:, 0], loose[:, 1], np.zeros(1, dtype=np.int32), keys)


def _joined(arrays: Iterable[np.ndarray]) -> np.ndarray:
    filled = [array for array in arrays if len(array)]
    return np.concatenate(filled) if len(filled) > 1 else filled[0] if filled else np.zeros(0, dtype=np.int32)


class _Typed:
    """Sorts values into arrays by kind; `sorted` says which values are where: (kind, values, places in its array)."""

    def __init__(self, view: View, buffer: pa.Buffer, start: np.ndarray, desc: np.ndarray, total: int) -> None:
        self._view = view
        self._buffer = buffer
        self.length = total
        self.sorted: list[tuple[Kind, np.ndarray, Any]] = []
        self._parts: dict[Kind, list[Any]] = {kind: [] for kind in Kind}
        self._lengths: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self._single: dict[Kind, list[tuple[int, Any]]] = {kind: [] for kind in Kind}
        self._sids = Vocabulary()
        self._filled = len(start)
        size = desc & 0xFFFF
        kinds = (desc >> 16).astype(np.uint8)
        present = np.zeros(256, dtype=bool)
        present[kinds] = True
        for kind in np.flatnonzero(present).tolist():
            chosen = np.flatnonzero(kinds == kind)
            self._of_type(kind, chosen, start[chosen], size[chosen])

    def _of_type(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        if kind == layout.STRING_TYPE:
            texts = gather.wide_texts(self._buffer, self._view.u1, start, size.astype(np.int32))
            self._put(Kind.TEXT, chosen, texts)
            return
        if kind == _WIDE_STRINGS:
            self._lists(kind, chosen, start, size)
            return
        filled = size > 0
        if kind == layout.NULL_TYPE or not filled.any():
            return
        if not filled.all() and kind != layout.ANSI_TYPE:
            chosen, start, size = chosen[filled], start[filled], size[filled]
        if kind in _FIXED:
            self._numbers(kind, chosen, start, size)
        elif kind == layout.BINARY_TYPE:
            self._put(Kind.BINARY, chosen, gather.pieces(self._buffer, start, start + size.astype(np.int32)))
        elif kind == layout.GUID_TYPE:
            self._guids(kind, chosen, start, size)
        elif kind == layout.SID_TYPE:
            self._of_sids(kind, chosen, start, size)
        else:
            self._each(kind, chosen, start, size)

    def _put(self, kind: Kind, chosen: np.ndarray, part: Any) -> None:
        places = np.arange(self._lengths[kind], self._lengths[kind] + len(chosen), dtype=np.int32)
        self.sorted.append((kind, chosen, places))
        self._parts[kind].append(part)
        self._lengths[kind] += len(chosen)

    def _numbers(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        made, dtype = _FIXED[kind]
        right = size == np.dtype(dtype).itemsize
        if not right.all():
            self._each(kind, chosen[~right], start[~right], size[~right])
            chosen, start = chosen[right], start[right]
        numbers = self._view.numbers(start, dtype)
        self._put(made, chosen, numbers.astype(ARROW_TYPES[made].to_pandas_dtype(), copy=False))

    def _guids(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        right = size == 16
        self._each(kind, chosen[~right], start[~right], size[~right])
        self._put(Kind.GUID, chosen[right], self._view.rows(start[right], 16))

    def _of_sids(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        coded = gather.pieces(self._buffer, start, start + size.astype(np.int32)).dictionary_encode()
        own = np.array([self._sids.code(values.sid_text(raw)) for raw in coded.dictionary.to_pylist()], dtype=np.int32)
        codes = own[coded.indices.to_numpy()]
        right = codes >= 0
        self._each(kind, chosen[~right], start[~right], size[~right])
        self._put(Kind.SID, chosen[right], codes[right])

    def _lists(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        """Arrays of strings that end in a zero each; others go one by one."""
        last = self._view.u2[np.maximum(start + size.astype(np.int32) - 2, 0)]
        right = (size >= 2) & (size & 1 == 0) & (last == 0)
        self._each(kind, chosen[~right], start[~right], size[~right])
        if right.any():
            begin, stop = start[right], (start + size.astype(np.int32))[right]
            joined = gather.utf8(gather.pieces(self._buffer, begin, stop))
            self._put(Kind.TEXTS, chosen[right], _split(joined))

    def _each(self, kind: int, chosen: np.ndarray, start: np.ndarray, size: np.ndarray) -> None:
        for one, at, length in zip(chosen.tolist(), start.tolist(), size.tolist(), strict=True):
            made, content = values.decode(kind, bytes(self._view.data[at : at + length]))
            self._set(one, Kind.NULL if content is None else made, content)

    def _set(self, place: int, kind: Kind, content: Any) -> None:
        if kind != Kind.NULL:
            self._single[kind].append((place, content))

    def constant(self, count: int, text: str | None) -> None:
        """Appends the same text, or null, for so many values."""
        places = np.arange(self._filled, self._filled + count)
        self._filled += count
        if text is None:
            return
        self.sorted.append((Kind.TEXT, places, self._lengths[Kind.TEXT]))
        self._parts[Kind.TEXT].append(pa.array([text], pa.string()))
        self._lengths[Kind.TEXT] += 1

    def append(self, kind: Kind, content: Any) -> None:
        """Appends a value that was decoded by itself."""
        self._set(self._filled, kind, content)
        self._filled += 1

    def children(self) -> dict[Kind, pa.Array]:
        """The arrays by kind."""
        for kind, single in self._single.items():
            if single:
                places = np.array([place for place, _ in single])
                self._put(kind, places, self._singles(kind, [content for _, content in single]))
        return {kind: self._child(kind) for kind in Kind}

    def _singles(self, kind: Kind, contents: list[Any]) -> Any:
        if kind == Kind.SID:
            return np.array([self._sids.code(text) for text in contents], dtype=np.int32)
        if kind == Kind.GUID:
            return np.frombuffer(b"".join(contents), dtype=np.uint8).reshape(-1, 16)
        return pa.array(contents, ARROW_TYPES[kind])

    def _child(self, kind: Kind) -> pa.Array:
        parts = self._parts[kind]
        if not parts:
            return _EMPTY[kind]
        if kind == Kind.SID:
            return pa.DictionaryArray.from_arrays(_joined(parts), pa.array(self._sids.texts, pa.string()))
        if kind == Kind.GUID:
            raw = np.ascontiguousarray(np.concatenate(parts))
            return pa.Array.from_buffers(pa.binary(16), len(raw), [None, pa.py_buffer(raw)])
        arrays = [part if isinstance(part, pa.Array) else pa.array(part, ARROW_TYPES[kind]) for part in parts]
        return pa.concat_arrays(arrays) if len(arrays) > 1 else arrays[0]


def _split(joined: pa.Array) -> pa.Array:
    """Lists of strings from texts in which each string ends with a zero."""
    offsets, data = gather.parts(joined)
    zeros = np.flatnonzero(data == 0)
    starts = np.concatenate([[0], zeros + 1]) - np.arange(len(zeros) + 1)
    lists = np.searchsorted(zeros, offsets).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(lists), gather.strings(starts, data[data != 0]))
