"""Fragments without a template, many at once: all take their next token at the same time.

Each fragment has a position and the element it is in. One step reads one token of every fragment, and the fragments
whose token is of the same kind go on together. Collected logs, in which no record has a template, are read many times
faster this way than one by one. What is unusual (text in several pieces, deep nesting, rare tokens, damage) is left to
fragment.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk
from kit.evtx.fragment import Node, Tree
from kit.evtx.view import View

FEW = 8  # fragments below this number go one by one
MOST_STEPS = 4000
_DEPTH = 24
_CELLS = 1 << 22  # of the table (element, name) -> element
_LARGEST_TEXT = 0xFFFF
_UNKNOWN, _NOTHING, _LABEL, _DONE = -1, -2, -3, -4
_CHUNK_MASK = ~(layout.CHUNK_SIZE - 1)


class Leaves(NamedTuple):
    """What stands in the fragments, in the order of each.

    fragment  number of the fragment; nth: place in it
    leaf      number of the element or attribute in `Elements`
    start, stop              its text; start -1 for an element without any
    label_start, label_stop  the Name attribute of its element; start -1 for none
    """

    fragment: np.ndarray
    nth: np.ndarray
    leaf: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    label_start: np.ndarray
    label_stop: np.ndarray


class Elements:
    """Elements and attributes by number, and which stands below which."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.leaves: list[tuple[Node, str | None]] = []  # element, name of the attribute or None
        self._numbers: dict[tuple[int, str | None], int] = {}
        self.names: dict[str, int] = {}
        self._texts: list[str] = []
        self._below = [np.full((64, 64), _UNKNOWN, dtype=np.int32) for _ in range(2)]

    def number(self, node: Node, attribute: str | None = None) -> int:
        """The number of an element, or of one of its attributes."""
        key = (id(node), attribute)
        if key not in self._numbers:
            self._numbers[key] = len(self.leaves)
            self.leaves.append((node, attribute))
        return self._numbers[key]

    def name(self, text: str) -> int:
        """The number of a name."""
        if text not in self.names:
            self.names[text] = len(self._texts)
            self._texts.append(text)
        return self.names[text]

    def below(self, above: np.ndarray, names: np.ndarray, attribute: bool) -> np.ndarray:
        """The element or attribute of this name in each element; _UNKNOWN where the table is full."""
        table = self._sized(attribute)
        found = table[above, names] if table is not None else np.full(len(above), _UNKNOWN, dtype=np.int32)
        new = np.flatnonzero(found == _UNKNOWN)
        if table is not None and self._texts and len(new):
            for one, name in set(zip(above[new].tolist(), names[new].tolist(), strict=True)):
                table[one, name] = self._made(one, self._texts[name], attribute)
            found = table[above, names]
        return found

    def _sized(self, attribute: bool) -> np.ndarray | None:
        table = self._below[attribute]
        rows, columns = table.shape
        if len(self.leaves) + 64 > rows or len(self._texts) > columns:
            larger = (max(2 * (len(self.leaves) + 64), rows), max(2 * len(self._texts), columns))
            if larger[0] * larger[1] > _CELLS:
                return None
            grown = np.full(larger, _UNKNOWN, dtype=np.int32)
            grown[:rows, :columns] = table
            self._below[attribute] = table = grown
        return table

    def _made(self, above: int, name: str, attribute: bool) -> int:
        node = self.leaves[above][0]
        if not attribute:
            return self.number(node.child(name)) if len(self.leaves) < len(self._below[0]) else _UNKNOWN
        if node.attribute(name, None) is None:
            return _NOTHING
        if node.labelled:
            return _LABEL if name == "Name" else _UNKNOWN  # the meaning of others depends on the label
        return self.number(node, name) if len(self.leaves) < len(self._below[0]) else _UNKNOWN


@dataclass(slots=True)
class _State:
    """Where each fragment is. `text` -1: the element has none yet; `pending`: an attribute that waits for its text."""

    fragment: np.ndarray
    at: np.ndarray
    end: np.ndarray
    node: np.ndarray
    depth: np.ndarray
    stack: np.ndarray
    branched: np.ndarray
    text: np.ndarray
    text_stop: np.ndarray
    label: np.ndarray
    label_stop: np.ndarray
    pending: np.ndarray
    nth: np.ndarray

    def keep(self, chosen: np.ndarray) -> None:
        """Goes on with some of the fragments."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[chosen])


@dataclass(slots=True)
class Steps:
    """The walk. After `run` every fragment is in `leaves` or in `odd`."""

    view: View
    elements: Elements
    odd: list[np.ndarray] = field(default_factory=list)
    _found: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    _names: dict[int, int] = field(default_factory=dict)
    _chunks: dict[int, Chunk] = field(default_factory=dict)

    def run(self, at: np.ndarray, end: np.ndarray, root: np.ndarray) -> Leaves:
        """Reads the fragments that begin at some positions, below elements given by number."""
        state = _begun(at, end, root)
        for _ in range(MOST_STEPS):
            if len(state.at) < FEW:
                break
            self._step(state)
        self.odd.append(state.fragment)
        return self._leaves(len(at))

    def _step(self, state: _State) -> None:
        over = state.at >= state.end
        token = np.where(over, layout.END_OF_FRAGMENT, self.view.u1[np.where(over, 0, state.at)] & layout.KIND)
        wrong = np.zeros(len(token), dtype=bool)
        settled = np.flatnonzero(token != layout.TEXT)
        self._emit_empty(state, settled[state.pending[settled] >= 0])
        state.pending[settled] = _UNKNOWN
        for kind, action in _ACTIONS.items():
            rows = np.flatnonzero(token == kind)
            if len(rows):
                action(self, state, rows, wrong)
        done = token == layout.END_OF_FRAGMENT
        wrong |= ~np.isin(token, _KNOWN) | (done & (state.depth > 0)) | (state.depth >= _DEPTH - 1) | (state.depth < 0)
        wrong |= state.at > np.maximum(state.end, 0)
        if wrong.any():
            self.odd.append(state.fragment[wrong])
        if (wrong | done).any():
            state.keep(np.flatnonzero(~(wrong | done)))

    def _emit(self, state: _State, rows: np.ndarray, leaf: np.ndarray, start: np.ndarray, stop: np.ndarray) -> None:
        labels = (state.label[rows], state.label_stop[rows])
        self._found.append((state.fragment[rows], state.nth[rows], leaf, start, stop, *labels))
        state.nth[rows] += 1

    def _emit_empty(self, state: _State, rows: np.ndarray) -> None:
        """Attributes that turned out to have no text."""
        if len(rows):
            self._emit(state, rows, state.pending[rows], state.at[rows], state.at[rows])

    def _name(self, rows: np.ndarray, at: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the names that stand or are referred to at some positions, and where it goes on."""
        offset = self._word(at) & 0xFFFFFFFF
        after = at + 4
        base = at & _CHUNK_MASK
        inline = offset == after - base
        after = after + np.where(inline, 10 + 2 * (self._word(after + 6) & 0xFFFF), 0)
        distinct = pa.array(np.where(offset < layout.CHUNK_SIZE, base + offset, 0)).dictionary_encode()
        numbers = np.array([self._name_at(place) for place in distinct.dictionary.to_pylist()], dtype=np.int64)
        found = numbers[distinct.indices.to_numpy()]
        wrong[rows] |= found < 0
        return np.maximum(found, 0), after

    def _word(self, at: np.ndarray) -> np.ndarray:
        return self.view.words(np.minimum(at, self.view.size - 8)).astype(np.int64)

    def _name_at(self, place: int) -> int:
        if place not in self._names:
            base = place & _CHUNK_MASK
            if base not in self._chunks:
                self._chunks[base] = Chunk(self.view.data, base, base + layout.CHUNK_SIZE)
            try:
                self._names[place] = self.elements.name(self._chunks[base].name(place - base))
            except Unreadable:
                self._names[place] = _UNKNOWN
        return self._names[place]

    def _open(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        at = state.at[rows]
        names, after = self._name(rows, at + 5, wrong)
        above, depth = state.node[rows], state.depth[rows]
        below = self.elements.below(above, names, attribute=False)
        wrong[rows] |= (below < 0) | (state.text[rows] >= 0) | (state.label[rows] >= 0)
        state.branched[rows, depth] = True
        state.stack[rows, depth] = above
        state.branched[rows, depth + 1] = False
        state.node[rows] = np.maximum(below, 0)
        state.depth[rows] = depth + 1
        state.at[rows] = after + np.where(self.view.u1[at] & layout.MORE, 4, 0)

    def _attribute(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        names, after = self._name(rows, state.at[rows] + 1, wrong)
        found = self.elements.below(state.node[rows], names, attribute=True)
        wrong[rows] |= found == _UNKNOWN
        state.pending[rows] = found
        state.at[rows] = after

    def _text(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        at = state.at[rows]
        head = self._word(at)
        start, size = at + 4, 2 * (head >> 16 & 0xFFFF)
        pending = state.pending[rows]
        wrong[rows] |= (head >> 8 & 0xFF != layout.STRING_TYPE) | (size > _LARGEST_TEXT) | (pending == _DONE)
        wrong[rows] |= start + size > state.end[rows]
        content = rows[pending == _UNKNOWN]
        wrong[content] |= state.text[content] >= 0
        state.text[content] = start[pending == _UNKNOWN]
        state.text_stop[content] = (start + size)[pending == _UNKNOWN]
        label = rows[pending == _LABEL]
        state.label[label] = start[pending == _LABEL]
        state.label_stop[label] = (start + size)[pending == _LABEL]
        named = pending >= 0
        self._emit(state, rows[named], pending[named], start[named], (start + size)[named])
        state.pending[rows[pending != _UNKNOWN]] = _DONE
        state.at[rows] = start + size

    def _end(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        depth = state.depth[rows]
        wrong[rows[depth < 1]] = True
        filled = (state.text[rows] >= 0) | ~state.branched[rows, depth]
        some = rows[filled]
        self._emit(state, some, state.node[some], state.text[some], state.text_stop[some])
        state.depth[rows] = depth - 1
        state.node[rows] = state.stack[rows, depth - 1]
        state.text[rows] = -1
        state.label[rows] = -1
        state.at[rows] += 1

    def _close_start(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        state.at[rows] += 1

    def _head(self, state: _State, rows: np.ndarray, wrong: np.ndarray) -> None:
        state.at[rows] += 4

    def _leaves(self, count: int) -> Leaves:
        failed = np.zeros(count, dtype=bool)
        for rows in self.odd:
            failed[rows] = True
        columns = [np.concatenate(column) for column in zip(*self._found, strict=True)] if self._found else []
        found = Leaves(*columns) if columns else Leaves(*(np.zeros(0, dtype=np.int64) for _ in range(7)))
        good = ~failed[found.fragment]
        order = np.flatnonzero(good)[np.lexsort((found.nth[good], found.fragment[good]))]
        return Leaves(*(column[order] for column in found))


def _begun(at: np.ndarray, end: np.ndarray, root: np.ndarray) -> _State:
    count = len(at)
    none = np.full(count, -1, dtype=np.int64)
    return _State(
        np.arange(count), at.astype(np.int64), end.astype(np.int64), root.astype(np.int64),
        np.zeros(count, dtype=np.int64), np.zeros((count, _DEPTH), dtype=np.int64),
        np.zeros((count, _DEPTH), dtype=bool), none, none.copy(), none.copy(), none.copy(), none.copy(),
        np.zeros(count, dtype=np.int64),
    )  # fmt: skip


_ACTIONS: dict[int, Callable[[Steps, _State, np.ndarray, np.ndarray], None]] = {
    layout.OPEN_ELEMENT: Steps._open,
    layout.CLOSE_START: Steps._close_start,
    layout.CLOSE_EMPTY: Steps._end,
    layout.END_ELEMENT: Steps._end,
    layout.TEXT: Steps._text,
    layout.ATTRIBUTE: Steps._attribute,
    layout.FRAGMENT: Steps._head,
}
_KNOWN = np.array([*_ACTIONS, layout.END_OF_FRAGMENT])
