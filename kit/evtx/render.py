"""Event data as the kit's table wants it: inserted strings in order, and named data as JSON text."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import gather
from kit.evtx.payload import Values
from kit.evtx.texts import texts
from kit.evtx.values import Kind

_BEFORE = ("", '", ', ", ")  # what stands before a member: first of its object, behind a text, behind a bare word
_END = ('"}', "}")  # behind a text, behind a bare word
_QUOTE, _BACKSLASH = b'"\\'
_ESCAPES = {sign: json.dumps(chr(sign))[1:-1].encode() for sign in (*range(0x20), _QUOTE, _BACKSLASH)}
_LONGER = np.array([len(_ESCAPES.get(sign, b" ")) - 1 for sign in range(256)], dtype=np.int32)
_json = json.JSONEncoder(ensure_ascii=False).encode


class Members(NamedTuple):
    """JSON members that objects begin with: one of the texts for each object; -1 for none."""

    codes: np.ndarray
    texts: list[str]


class Rendered:
    """Text forms of the event data of the chosen records (ascending positions in the batch)."""

    def __init__(self, data: Values, rows: int, chosen: np.ndarray) -> None:
        self._data = data
        self._rows = rows
        self._chosen = chosen
        self._children: dict[Kind, pa.Array] = {
            kind: texts(kind, child) for kind, child in data.children.items() if kind != Kind.TEXTS
        }
        self._order = in_order(data, rows)
        if len(chosen) < rows:
            wanted = np.zeros(rows, dtype=bool)
            wanted[chosen] = True
            self._order = self._order[wanted[data.row[self._order]]]

    def strings(self) -> pa.Array:
        """Inserted strings of each record, in order; what is null is an empty string, so that places count."""
        data = self._data
        found = self._flagged([inserted for _, _, inserted in data.keys.entries])
        lists = data.children[Kind.TEXTS]
        source, base = _source({**self._children, Kind.TEXTS: lists.flatten()}, "")
        kinds = data.kind[found]
        place = base.take(kinds) + data.index[found]  # that of null is the empty string at the end
        rows = data.row[found]
        several = kinds == Kind.TEXTS
        if several.any():
            bounds = lists.offsets.to_numpy().astype(np.int64)
            which = data.index[found][several]
            place[several] = base[Kind.TEXTS] + bounds[which] - bounds[0]
            lengths = np.ones(len(found), dtype=np.int64)
            lengths[several] = bounds[which + 1] - bounds[which]
            ends = np.cumsum(lengths)
            place = np.repeat(place - (ends - lengths), lengths) + np.arange(int(ends[-1]))
            rows = np.repeat(rows, lengths)
        made = source.take(pa.array(place))
        return pa.ListArray.from_arrays(pa.array(self._bounds(rows)), made)

    def named(self, first: Members, *, unnamed: bool = False) -> pa.Array:
        """Named data of each record as a JSON object, null where nothing has a name.

        `first` holds members to begin with. Where a name repeats, its values become a list. With `unnamed` values that
        have no name are there too, under `Data`.
        """
        data = self._data
        flags = [named or unnamed for _, named, _ in data.keys.entries]
        found = self._flagged(flags)
        bounds = self._bounds(data.row[found])
        starts, joined = self._objects(found, bounds, first)
        offsets, content = gather.parts(joined)
        made = gather.strings(offsets[starts], content)
        nothing = (bounds[1:] == bounds[:-1]) & (first.codes < 0)
        if nothing.any():
            made = gather.with_nulls(made, nothing)
        several = data.repeating(np.array(flags, dtype=bool))
        return _merged(made, self._chosen, several)

    def message(self, key: int) -> pa.Array:
        """The text of one field, per record; null where a record lacks it."""
        data = self._data
        found = np.flatnonzero(data.key == key)
        filled = found[(data.kind[found] != Kind.NULL) & (data.kind[found] != Kind.TEXTS)]
        if not len(filled):
            return pa.nulls(len(self._chosen), pa.string())
        source, base = _source(self._children, "")
        place = np.full(self._rows, -1, dtype=np.int32)
        place[data.row[filled]] = base[data.kind[filled]] + data.index[filled]
        place = place[self._chosen]
        return source.take(pa.array(np.maximum(place, 0), mask=place < 0))

    def _flagged(self, flags: list[bool]) -> np.ndarray:
        """The values in order whose field has its flag set."""
        if not len(self._order):
            return self._order
        flagged = np.array(flags, dtype=bool).take(self._data.key)
        return self._order if flagged.all() else self._order[flagged[self._order]]

    def _bounds(self, rows: np.ndarray) -> np.ndarray:
        """Where the values of each chosen record begin, and where the last ones end; `rows` is the record of each."""
        counts = np.bincount(rows, minlength=self._rows)
        bounds = np.zeros(len(self._chosen) + 1, dtype=np.int32)
        np.cumsum(counts if len(self._chosen) == self._rows else counts[self._chosen], out=bounds[1:])
        return bounds

    def _objects(self, found: np.ndarray, bounds: np.ndarray, first: Members) -> tuple[np.ndarray, pa.Array]:
        """The pieces of all objects in order, and the number of the first piece of each object (and of the end).

        A record without values is one piece. Any other is its beginning, for each value two pieces (the end of the
        value before it with its own key, and its text), and its end. All pieces are taken out of one array.
        """
        data = self._data
        kinds, index = data.kind[found], data.index[found]
        listed = kinds == Kind.TEXTS
        bare = listed | (kinds == Kind.NULL)
        source, base = _source({**self._children, Kind.TEXT: escaped(self._children[Kind.TEXT])}, "null")
        lists = [f"[{', '.join(map(_json, one))}]" for one in data.children[Kind.TEXTS].to_pylist()]
        joints, of_joint = _joints(data, found, bounds, bare)
        begun = ["{", *(f"{{{text}, " for text in first.texts)]
        alone = ["", *(f"{{{text}}}" for text in first.texts)]
        parts = [source, *(pa.array(texts, pa.string()) for texts in (lists, joints, begun, alone, _END))]
        at_lists, at_joints, at_begun, at_alone, at_end = np.cumsum([len(part) for part in parts[:-1]]).tolist()
        counts = np.diff(bounds)
        starts = np.zeros(len(bounds), dtype=np.int32)
        np.cumsum(np.where(counts > 0, 2 * counts + 2, 1), out=starts[1:])
        pieces = np.empty(int(starts[-1]), dtype=np.int32)
        pieces[starts[:-1]] = np.where(counts > 0, at_begun + 1, at_alone + 1) + first.codes
        joint = np.repeat((starts[:-1] + 1 - 2 * bounds[:-1]).astype(np.int64), counts)
        joint += np.arange(0, 2 * len(found), 2)
        pieces[joint] = of_joint + np.int32(at_joints)
        pieces[joint + 1] = base.take(kinds) + index
        if lists:
            pieces[joint[listed] + 1] = at_lists + index[listed]
        filled = np.flatnonzero(counts)
        pieces[starts[1:][filled] - 1] = at_end + bare[bounds[1:][filled] - 1]
        return starts, pa.concat_arrays(parts).take(pa.array(pieces))


def _joints(data: Values, found: np.ndarray, bounds: np.ndarray, bare: np.ndarray) -> tuple[list[str], np.ndarray]:
    """What can stand between two values, up to the quotation mark of the second, and which of it stands before each."""
    key = data.key[found]
    used = np.flatnonzero(np.bincount(key, minlength=len(data.keys.entries)))
    texts = [
        f"{before}{_json(data.keys.entries[one][0])}: {quote}"
        for one in used.tolist()
        for before in _BEFORE
        for quote in ('"', "")
    ]
    number = np.zeros(len(data.keys.entries), dtype=np.int32)
    number[used] = np.arange(0, len(texts), 6)
    chosen = number.take(key)
    chosen += bare
    behind = np.empty(len(found), dtype=np.int32)
    behind[1:] = np.where(bare[:-1], 4, 2)
    behind[bounds[:-1][bounds[1:] > bounds[:-1]]] = 0
    chosen += behind
    return texts, chosen


def in_order(data: Values, rows: int) -> np.ndarray:
    """The values by record, then by their place in it."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(data.row, minlength=rows))])
    order = np.empty(len(data), dtype=np.int64)
    order[starts.take(data.row) + data.nth] = np.arange(len(data))
    return order


def escaped(written: pa.Array) -> pa.Array:
    """The texts as JSON writes them inside quotation marks."""
    offsets, data = gather.parts(written)
    special = np.flatnonzero((data < 0x20) | (data == _QUOTE) | (data == _BACKSLASH))
    if not len(special):
        return written
    signs = data[special]
    longer = np.zeros(len(special) + 1, dtype=np.int32)
    np.cumsum(_LONGER[signs], out=longer[1:])
    made = data.tobytes()
    for sign in sorted(set(signs.tolist()), key=lambda one: one != _BACKSLASH):  # those that stand for others later
        made = made.replace(bytes([sign]), _ESCAPES[sign])
    return gather.strings(offsets + longer[np.searchsorted(special, offsets)], np.frombuffer(made, dtype=np.uint8))


def _source(children: dict[Kind, pa.Array], null: str) -> tuple[pa.Array, np.ndarray]:
    """All texts in one array, the one for null at its end, and where those of each kind begin."""
    base = np.zeros(len(Kind), dtype=np.int32)
    arrays = []
    total = 0
    for kind, child in children.items():
        if kind != Kind.NULL:
            base[kind] = total
            total += len(child)
            arrays.append(child)
    base[Kind.NULL] = total  # the index of a null is 0
    return pa.concat_arrays([*arrays, pa.array([null])]), base


def _merged(made: pa.Array, chosen: np.ndarray, rows: np.ndarray) -> pa.Array:
    """The JSON objects, those of the given records with repeated members joined into lists."""
    if not len(rows):
        return made
    mask = np.isin(chosen, rows)
    pairs = [json.loads(text, object_pairs_hook=_lists) for text in made.filter(pa.array(mask)).to_pylist()]
    again = [_json(one) for one in pairs]
    return pc.replace_with_mask(made, pa.array(mask), pa.array(again, pa.string()))


def _lists(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: same if len(same) > 1 else same[0] for key, same in found.items()}
