"""Templates with many definitions: all of one are compared at once, in a matrix with a row for each definition.

Only what is as usual is found here: every byte is that of the template, and each name stands either in the definition
itself, where its bytes are compared with the rest, or at the place where the whole chunk has it. Of whatever is not
found to be the same nothing is known; recognise.py looks at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import format as layout
from kit.evtx import gather
from kit.evtx.template import Template
from kit.evtx.view import View

LINK = 4  # bytes before the hash of a name
MANY = 32  # definitions of a template from which on they are compared at once
_MOST_BYTES = 1 << 24  # of the definitions of a template
_MOST_CELLS = 1 << 20  # of the table (chunk, name) -> offset
_UNSET = 0xFFFF_FFFF


class _Many(NamedTuple):
    """The definitions from `begin` to `stop` are supposed to be one template; columns of its names in the table."""

    template: Template
    begin: int
    stop: int
    columns: np.ndarray


def same(view: View, names: list[bytes], templates: Sequence[Template], which: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which definitions (positions of their headers) certainly are the template that `which`, ascending, supposes."""
    found = np.zeros(len(which), dtype=bool)
    bounds = np.searchsorted(which, np.arange(len(templates) + 1)).tolist()
    some = [
        one for one in zip(templates, bounds, bounds[1:], strict=False)
        if one[2] - one[1] >= MANY and (one[2] - one[1]) * one[0].size <= _MOST_BYTES
    ]  # fmt: skip
    if not some:
        return found
    numbers = [template.foreign_names[1] for template, _, _ in some]
    used, own = np.unique(np.concatenate(numbers), return_inverse=True)
    columns = np.split(own, np.cumsum([len(one) for one in numbers])[:-1])
    table = _Table(view, at, [names[number] for number in used.tolist()])
    if table.possible:
        for (template, begin, stop), column in zip(some, columns, strict=True):
            found[begin:stop] = table.holds(_Many(template, begin, stop, column))
        found &= table.right()
    return found


class _Table:
    """Where each name stands in each chunk, as the definitions that were looked at expect it."""

    def __init__(self, view: View, at: np.ndarray, names: list[bytes]) -> None:
        self._view = view
        self._start = at + layout.TEMPLATE_HEADER_SIZE
        self._names = names
        chunk = at >> layout.CHUNK_BITS
        self._first = int(chunk.min())
        self._row = (chunk - self._first) * len(names)
        self._chunks = int(chunk.max()) - self._first + 1
        self.possible = self._chunks * len(names) <= _MOST_CELLS
        self._offset = np.full(self._chunks * len(names) if self.possible else 0, _UNSET, dtype=np.uint32)

    def holds(self, many: _Many) -> np.ndarray:
        """Which definitions of a template have its bytes, and names where the table has them or had none yet."""
        template, start = many.template, self._start[many.begin : many.stop]
        front = -template.size & 7  # from a little before, so that the length is divisible by eight
        expected, compared = template.words
        words = self._view.rows(start - front, len(expected), "<u8")
        numbers = np.ndarray((len(words), words[0].nbytes - 3), "<u4", words, strides=(words[0].nbytes, 1))
        at, places = template.home_names
        inside = (start & (layout.CHUNK_SIZE - 1)).astype(np.uint32)
        found: np.ndarray = (numbers[:, at + front] == inside[:, None] + places).all(axis=1)
        found &= self._expected(many, numbers[:, template.foreign_names[0] + front])
        words ^= expected
        words &= compared
        if words.max():
            found &= ~words.any(axis=1)
        return found

    def _expected(self, many: _Many, offset: np.ndarray) -> np.ndarray:
        """Which rows of offsets are those of the table, after what it lacks was taken from them."""
        cell = self._row[many.begin : many.stop, None] + many.columns
        equal = self._offset[cell] == offset
        if not equal.all():
            new = ~equal & (self._offset[cell] == _UNSET)
            self._offset[cell[new]] = offset[new]
            equal = self._offset[cell] == offset
        found: np.ndarray = equal.all(axis=1)
        return found

    def right(self) -> np.ndarray:
        """Of which definitions all names that the table has in their chunk are the right ones."""
        met = np.flatnonzero(self._offset != _UNSET)
        chunk, name = np.divmod(met, max(len(self._names), 1))
        offset = self._offset[met].astype(np.int64)
        place = ((chunk + self._first) << layout.CHUNK_BITS) + offset + LINK
        place[offset >= layout.CHUNK_SIZE - LINK] = -1
        wrong = ~is_name(self._view, place, name, pa.array(self._names, pa.binary()))
        good = np.ones(self._chunks, dtype=bool)
        good[chunk[wrong]] = False
        found: np.ndarray = good[(self._start >> layout.CHUNK_BITS) - self._first]
        return found


def is_name(view: View, at: np.ndarray, name: np.ndarray, names: pa.Array) -> np.ndarray:
    """Whether each name stands at its place (below 0: outside its chunk), as a whole and inside the chunk."""
    length = pc.binary_length(names).to_numpy()[name]
    inside = ((at & (layout.CHUNK_SIZE - 1)) <= layout.CHUNK_SIZE - length) & (at >= 0)
    begin = np.where(inside, at, 0)
    equal = pc.equal(gather.pieces(view.buffer, begin, begin + length), names.take(pa.array(name)))
    found: np.ndarray = equal.to_numpy(zero_copy_only=False) & inside
    return found
