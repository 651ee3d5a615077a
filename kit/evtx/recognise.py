"""Definitions in a log against templates that are known: equal byte by byte, names included, all at once.

Where a definition names an element it holds the offset of the name in its own chunk, so those offsets are left out of
the comparison and the names that they lead to are compared instead, each name of a chunk once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import format as layout
from kit.evtx import gather
from kit.evtx.template import Template
from kit.evtx.view import View

_LINK = 4  # bytes before the hash of a name
_BLOCK = 1 << 24  # bytes of definitions compared at once
_CELLS = 1 << 20  # of the table (chunk, name) -> place
MANY = 32  # definitions of a template from which on they are compared by themselves


class Names:
    """The names that templates use, numbered, as a chunk holds them: hash, length and characters."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def of(self, template: Template) -> np.ndarray:
        """The number of each name of a template, in the order of its use."""
        found = []
        for name in template.stored:
            number = self._numbers.setdefault(name, len(self.texts))
            if number == len(self.texts):
                self.texts.append(name)
            found.append(number)
        return np.array(found, dtype=np.int64)


def same(view: View, names: Names, templates: Sequence[Template], which: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which definitions (positions of their headers) are the template that `which`, ascending, supposes for each.

    Their lengths must be equal already, and they must end inside their chunks.
    """
    found = _whole(view, templates, which, at + layout.TEMPLATE_HEADER_SIZE)
    rest = np.flatnonzero(~found)
    if len(rest):
        found[rest] = _listed(view, names, templates, which[rest], at[rest])
    return found


def _whole(view: View, templates: Sequence[Template], which: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Definitions that are the template as it is: every byte equal, every name inside and nowhere else.

    Only templates with many definitions are looked at; of what is not found nothing is known.
    """
    found = np.zeros(len(which), dtype=bool)
    bounds = np.searchsorted(which, np.arange(len(templates) + 1)).tolist()
    for template, begin, stop in zip(templates, bounds, bounds[1:], strict=False):
        if stop - begin >= MANY and (stop - begin) * template.size <= _BLOCK and template.homes is not None:
            found[begin:stop] = _equal(view, template, template.homes, start[begin:stop])
    return found


def _equal(view: View, template: Template, homes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Eight bytes at a time, from a little before the start, so that the length is divisible by eight and nothing
    behind the definitions is read."""
    expected, compared = template.words
    words = view.rows(start - (-template.size & 7), len(expected), "<u8")
    words ^= expected
    words &= compared
    offset = view.u4[start[:, None] + template.name_places]
    inside = (start & (layout.CHUNK_SIZE - 1))[:, None] + homes
    if not words.max() and (offset == inside).all():
        return np.ones(len(start), dtype=bool)
    found: np.ndarray = (offset == inside).all(axis=1) & ~words.any(axis=1)
    return found


def _listed(view: View, names: Names, templates: Sequence[Template], which: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The same for definitions of any kind."""
    size = np.array([template.size for template in templates], dtype=np.int64)
    block = np.cumsum(size[which]) // _BLOCK
    bounds = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(at)]
    found = np.ones(len(at), dtype=bool)
    for begin, stop in itertools.pairwise(bounds):
        some, start = which[begin:stop], at[begin:stop] + layout.TEMPLATE_HEADER_SIZE
        found[begin + _other_bytes(view, templates, some, start)] = False
        found[begin + _other_names(view, names, templates, some, start)] = False
    return found


def _other_bytes(view: View, templates: Sequence[Template], which: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The definitions (as positions in `which`) whose bytes differ elsewhere than in offsets of names and in links."""
    size = np.array([template.size for template in templates], dtype=np.int64)
    offsets, content = gather.parts(gather.pieces(view.buffer, start, start + size[which]))
    taken = pa.array(which)
    _, expected = gather.parts(pa.array([template.data for template in templates], pa.binary()).take(taken))
    _, compared = gather.parts(pa.array([template.compared for template in templates], pa.binary()).take(taken))
    differs = content ^ expected
    differs &= compared
    if not differs.any():
        return np.zeros(0, dtype=np.int64)
    wrong: np.ndarray = np.unique(np.searchsorted(offsets, np.flatnonzero(differs), side="right") - 1)
    return wrong


def _other_names(
    view: View, every: Names, templates: Sequence[Template], which: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """The definitions (as positions in `which`) in which an offset leads to another name than that of the template.

    A chunk holds each name once as a rule. The last place at which each name is expected in each chunk is looked at for
    all definitions that expect it there; whatever else a definition refers to is looked at by itself.
    """
    own = np.concatenate([template.name_numbers for template in templates])
    if not len(own):
        return np.zeros(0, dtype=np.int64)
    present = np.zeros(own.max() + 1, dtype=np.int64)
    present[own] = 1
    used = np.flatnonzero(present)
    own = (np.cumsum(present) - 1)[own]
    names = pa.array([every.texts[number] for number in used.tolist()], pa.binary())
    place, name, definition = _uses(view, templates, which, start, own)
    chunk = (start // layout.CHUNK_SIZE)[definition]
    chunk -= chunk.min()
    key = chunk * len(names) + name
    cells = int(key.max()) + 1
    if cells > _CELLS:
        good = _once(view, place, name, names)
    else:
        usual = np.full(cells, -1, dtype=np.int64)
        usual[key] = place
        met = np.flatnonzero(usual >= 0)
        right = np.zeros(cells, dtype=bool)
        right[met] = _is_name(view, usual[met], met % len(names), names)
        good = right[key]
        other = np.flatnonzero(usual[key] != place)
        good[other] = _once(view, place[other], name[other], names)
    return np.zeros(0, dtype=np.int64) if good.all() else np.unique(definition[~good])


def _once(view: View, place: np.ndarray, name: np.ndarray, names: pa.Array) -> np.ndarray:
    """Whether each name stands at its place, looking once at what is asked several times."""
    distinct = pa.array(place * len(names) + name).dictionary_encode()
    at, expected = np.divmod(distinct.dictionary.to_numpy(), len(names))
    found: np.ndarray = _is_name(view, at, expected, names)[distinct.indices.to_numpy()]
    return found


def _is_name(view: View, at: np.ndarray, name: np.ndarray, names: pa.Array) -> np.ndarray:
    """Whether each name stands at its place (below 0: outside its chunk), as a whole and inside the chunk."""
    length = pc.binary_length(names).to_numpy()[name]
    inside = ((at & (layout.CHUNK_SIZE - 1)) <= layout.CHUNK_SIZE - length) & (at >= 0)
    begin = np.where(inside, at, 0)
    equal = pc.equal(gather.pieces(view.buffer, begin, begin + length), names.take(pa.array(name)))
    found: np.ndarray = equal.to_numpy(zero_copy_only=False) & inside
    return found


def _uses(
    view: View, templates: Sequence[Template], which: np.ndarray, start: np.ndarray, names: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each use of a name: where the name stands (-1: outside its chunk), which it ought to be, whose use it is.

    `names` are the numbers of the names of all templates, one after the other.
    """
    count = np.array([len(template.names) for template in templates], dtype=np.int64)
    first = np.cumsum(count) - count
    uses = count[which]
    definition = np.repeat(np.arange(len(which)), uses)
    flat = np.arange(len(definition)) + np.repeat(first[which] - (np.cumsum(uses) - uses), uses)
    relative = np.concatenate([template.name_places for template in templates])
    offset = view.u4[np.repeat(start, uses) + relative[flat]].astype(np.int64)
    base = np.repeat(start & ~(layout.CHUNK_SIZE - 1), uses)
    place = np.where(offset < layout.CHUNK_SIZE - _LINK, base + offset + _LINK, -1)
    return place, names[flat], definition
