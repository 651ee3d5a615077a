"""Event data as the kit's table wants it: inserted strings in order, and named data as JSON text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import gather
from kit.evtx.payload import Values
from kit.evtx.texts import texts
from kit.evtx.values import Kind

_COMMA = pa.scalar(", ")
_PIECES = 4  # of the JSON text of a value
_CLOSINGS = ['"', "", '"}', "}"]  # behind a text, behind a bare word; the same at the end of the object


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
        source, base = _source({**self._children, Kind.TEXTS: lists.flatten()})
        place = base[data.kind[found]] + data.index[found]
        rows, null = data.row[found], data.kind[found] == Kind.NULL
        several = data.kind[found] == Kind.TEXTS
        if several.any():
            bounds = lists.offsets.to_numpy().astype(np.int64)
            which = data.index[found][several]
            place[several] = base[Kind.TEXTS] + bounds[which] - bounds[0]
            lengths = np.ones(len(found), dtype=np.int64)
            lengths[several] = bounds[which + 1] - bounds[which]
            ends = np.cumsum(lengths)
            place = np.repeat(place - (ends - lengths), lengths) + np.arange(int(ends[-1]))
            rows, null = np.repeat(rows, lengths), np.repeat(null, lengths)
        made = pc.fill_null(source.take(pa.array(place, mask=null)), "")
        return pa.ListArray.from_arrays(self._offsets(rows), made)

    def named(self, first: pa.Array, *, unnamed: bool = False) -> pa.Array:
        """Named data of each record as a JSON object, null where nothing has a name.

        `first` holds JSON members to begin with, or null. Where a name repeats, its values become a list. With
        `unnamed` values that have no name are there too, under `Data`.
        """
        data = self._data
        found = self._flagged([named or unnamed for _, named, _ in data.keys.entries])
        rows = data.row[found]
        bounds = self._offsets(rows).to_numpy()
        offsets, content = gather.parts(self._members(found, bounds, first))
        made = gather.strings(offsets[_PIECES * bounds], content)
        alone = pc.binary_join_element_wise(pa.scalar("{"), first, pa.scalar("}"), "")
        made = pc.if_else(pa.array(bounds[1:] > bounds[:-1]), made, alone)
        several = data.repeating(np.array([named or unnamed for _, named, _ in data.keys.entries], dtype=bool))
        return _merged(made, self._chosen, several)

    def message(self, key: int) -> pa.Array:
        """The text of one field, per record; null where a record lacks it."""
        data = self._data
        found = np.flatnonzero(data.key == key)
        source, base = _source(self._children)
        place = np.full(self._rows, -1, dtype=np.int64)
        filled = found[(data.kind[found] != Kind.NULL) & (data.kind[found] != Kind.TEXTS)]
        place[data.row[filled]] = base[data.kind[filled]] + data.index[filled]
        place = place[self._chosen]
        return source.take(pa.array(np.maximum(place, 0), mask=place < 0))

    def _flagged(self, flags: list[bool]) -> np.ndarray:
        """The values in order whose field has its flag set."""
        if not len(self._order):
            return self._order
        found: np.ndarray = self._order[np.array(flags, dtype=bool)[self._data.key[self._order]]]
        return found

    def _offsets(self, rows: np.ndarray) -> pa.Array:
        """Offsets of one list for each chosen record, given the record of each value."""
        counts = np.bincount(rows, minlength=self._rows)[self._chosen]
        return pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))

    def _members(self, found: np.ndarray, bounds: np.ndarray, first: pa.Array) -> pa.Array:
        """Four pieces for each value: what stands before it, its key, its text, what stands behind it.

        Joined, those of a record are its JSON object. All pieces are taken out of one array.
        """
        data = self._data
        kinds = data.kind[found]
        null, listed = kinds == Kind.NULL, kinds == Kind.TEXTS
        bare = null | listed
        plain, base = _source(self._children)
        special, replaced = escaped(plain)
        lists = [json.dumps(one, ensure_ascii=False) for one in data.children[Kind.TEXTS].to_pylist()]
        begun = pc.binary_join_element_wise(pa.scalar("{"), pc.binary_join_element_wise(first, _COMMA, ""), "")
        names = (json.dumps(key, ensure_ascii=False) for key, _, _ in data.keys.entries)
        keys = [f"{name}: {quote}" for name in names for quote in ('"', "")]
        parts = [
            plain, replaced, pa.array(lists, pa.string()), pa.array([", "]), pc.fill_null(begun, "{"),
            pa.array(keys, pa.string()), pa.array(_CLOSINGS),
        ]  # fmt: skip
        _, of_replaced, of_lists, of_comma, of_begun, of_keys, of_closings, _ = np.cumsum([0, *map(len, parts)])
        place = np.where(bare, of_replaced - 1, base[kinds] + data.index[found])
        if len(special):
            redirect = np.arange(len(plain))
            redirect[special] = of_replaced + np.arange(len(special))
            place = redirect[place]
        filled = np.flatnonzero(bounds[1:] > bounds[:-1])
        pieces = np.empty((len(found), _PIECES), dtype=np.int64)
        pieces[:, 0] = of_comma
        pieces[bounds[:-1][filled], 0] = of_begun + filled
        pieces[:, 1] = of_keys + 2 * data.key[found] + bare
        pieces[:, 2] = np.where(listed, of_lists + data.index[found], place)
        pieces[:, 3] = of_closings + bare
        pieces[bounds[1:][filled] - 1, 3] += 2
        return pa.concat_arrays(parts).take(pa.array(pieces.ravel()))


def in_order(data: Values, rows: int) -> np.ndarray:
    """The values by record, then by their place in it."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(data.row, minlength=rows))])
    order = np.empty(len(data), dtype=np.int64)
    order[starts[data.row] + data.nth] = np.arange(len(data))
    return order


def escaped(written: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Positions of the texts that JSON writes in another way, and how it writes them inside quotation marks."""
    offsets, data = gather.parts(written)
    special = np.flatnonzero(_ESCAPES[data] > 1)
    chosen = np.unique(np.searchsorted(offsets, special, side="right") - 1)
    return chosen, _escaped(written.take(pa.array(chosen)))


def _escaped(written: pa.Array) -> pa.Array:
    offsets, data = gather.parts(written)
    lengths = _ESCAPES[data]
    ends = np.cumsum(lengths, dtype=np.int64)
    made = np.repeat(data, lengths)
    for place in np.flatnonzero(lengths == 6).tolist():
        made[ends[place] - 6 : ends[place]] = np.frombuffer(b"\\u%04x" % data[place], dtype=np.uint8)
    short = np.flatnonzero(lengths == 2)
    made[ends[short] - 2] = ord("\\")
    made[ends[short] - 1] = _LETTERS[data[short]]
    return gather.strings(np.concatenate([[0], ends])[offsets], made)


def _escape_tables() -> tuple[np.ndarray, np.ndarray]:
    """How long each byte becomes in JSON, and the letter after the backslash of those that become two."""
    lengths, letters = np.ones(256, dtype=np.uint8), np.zeros(256, dtype=np.uint8)
    lengths[:32] = 6
    for sign, letter in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True):
        lengths[ord(sign)], letters[ord(sign)] = 2, ord(letter)
    return lengths, letters


_ESCAPES, _LETTERS = _escape_tables()


def _source(children: dict[Kind, pa.Array]) -> tuple[pa.Array, np.ndarray]:
    """All texts in one array, the word null at its end, and where those of each kind begin."""
    base = np.zeros(len(Kind), dtype=np.int64)
    arrays = []
    total = 0
    for kind, child in children.items():
        base[kind] = total
        total += len(child)
        arrays.append(child)
    return pa.concat_arrays([*arrays, pa.array(["null"])]), base


def _merged(made: pa.Array, chosen: np.ndarray, rows: np.ndarray) -> pa.Array:
    """The JSON objects, those of the given records with repeated members joined into lists."""
    if not len(rows):
        return made
    mask = np.isin(chosen, rows)
    pairs = [json.loads(text, object_pairs_hook=_lists) for text in made.filter(pa.array(mask)).to_pylist()]
    again = [json.dumps(one, ensure_ascii=False) for one in pairs]
    return pc.replace_with_mask(made, pa.array(mask), pa.array(again, pa.string()))


def _lists(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: same if len(same) > 1 else same[0] for key, same in found.items()}
