"""A template definition: compiled once, recognised again by its bytes, and what its leaves mean where it stands."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from kit.evtx import fields
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk, Leaf, Slot, Walk, name_hash, u32
from kit.evtx.view import View

MAX_CONSTANTS = 16  # constant values of a template that the columnar path repeats for each record
MAX_REPEATS = 8  # how often a template may use substitutions again
_NAME_HEADER = 8  # link, hash and length stand before the characters of a name
_FEW = 4  # below this many definitions plain Python compares faster than arrays
_BLOCK = 1 << 23  # bytes compared at once


class Layout(NamedTuple):
    """Where the event data of a template stands: plans of equal layout can be gathered together.

    slots    substitutions that are event data, in the order of the document
    places   their places among all event data of the template, constants included
    width    how many event data there are
    """

    slots: tuple[int, ...]
    places: tuple[int, ...]
    width: int


class Constant(NamedTuple):
    """Event data that is the same in every record; `text` None is an empty element."""

    key: int
    text: str | None
    place: int


class Plan(NamedTuple):
    """What a template says where it stands.

    system     field of System -> number of the substitution, or the constant text
    layout     where the event data stands; keys: their keys in `Keys`
    constants  event data that stands in the template itself
    nested     (substitution, path that a fragment in it continues)
    regular    false where the columnar path cannot follow, so that records go one by one
    """

    template: Template
    system: dict[str, int | str]
    layout: Layout
    keys: np.ndarray
    constants: tuple[Constant, ...]
    nested: tuple[tuple[int, tuple[str, ...]], ...]
    regular: bool


class Keys:
    """The fields of event data that were met, numbered: name, whether the name is its own, whether it is inserted."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, bool, bool]] = []
        self._numbers: dict[tuple[str, bool, bool], int] = {}

    def number(self, key: str, named: bool, inserted: bool) -> int:
        """The number of a field; new ones get the next."""
        entry = (key, named, inserted)
        known = self._numbers.get(entry)
        if known is None:
            known = self._numbers[entry] = len(self.entries)
            self.entries.append(entry)
        return known


@dataclass(eq=False)
class Template:
    """A definition with all that its recognition needs.

    `data` are its bytes with zeros where name offsets and links stand; `names` are the texts those offsets lead to.
    """

    guid: bytes
    data: bytes
    names_at: tuple[int, ...]
    links_at: tuple[int, ...]
    names: tuple[str, ...]
    leaves: list[Leaf]
    number: int = -1
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """Bytes of the definition without its header."""
        return len(self.data)

    @cached_property
    def slot_count(self) -> int:
        """The number of substitutions that a record must bring."""
        parts = [part for leaf in self.leaves for part in (*leaf.parts, *(leaf.name or ()))]
        return max((part.place for part in parts if isinstance(part, Slot)), default=-1) + 1

    def plan(self, above: tuple[str, ...], keys: Keys) -> Plan:
        """What the template says when it stands below a path."""
        known = self.plans.get(above)
        if known is None:
            known = self.plans[above] = _plan(self, above, keys)
        return known

    def fits(self, view: View, at: np.ndarray) -> np.ndarray:
        """Which of the definitions (positions of their headers, lengths already equal) are this one, byte by byte."""
        if len(at) < _FEW:
            return np.fromiter((self._is(view.data, int(one)) for one in at), dtype=bool, count=len(at))
        step = max(_BLOCK // max(self.size, 1), 1)
        return np.concatenate([self._are(view, at[start : start + step]) for start in range(0, len(at), step)])

    @cached_property
    def _mask(self) -> bytes:
        mask = bytearray(b"\xff" * self.size)
        for place in (*self.names_at, *self.links_at):
            mask[place : place + 4] = b"\0\0\0\0"
        return bytes(mask)

    @cached_property
    def _numbers(self) -> tuple[int, int]:
        return int.from_bytes(self._mask, "little"), int.from_bytes(self.data, "little")

    @cached_property
    def _stored(self) -> list[bytes]:
        """Each name as a chunk holds it."""
        return [_stored(name) for name in self.names]

    @cached_property
    def _name_offsets(self) -> struct.Struct:
        """Reads the offsets of all names of a definition at once."""
        ends = [0, *(place + 4 for place in self.names_at)]
        return struct.Struct("<" + "".join(f"{place - end}xI" for place, end in zip(self.names_at, ends, strict=False)))

    def _is(self, data: bytes, at: int) -> bool:
        start = at + layout.TEMPLATE_HEADER_SIZE
        mask, own = self._numbers
        if int.from_bytes(data[start : start + self.size], "little") & mask != own:
            return False
        base = at & ~(layout.CHUNK_SIZE - 1)
        offsets = self._name_offsets.unpack_from(data, start)
        for offset, stored in zip(offsets, self._stored, strict=True):
            if offset >= layout.CHUNK_SIZE or not data.startswith(stored, base + offset + 4):
                return False
        return True

    @cached_property
    def _words(self) -> tuple[np.ndarray, np.ndarray, bytes, bytes]:
        whole = self.size & ~7
        return (
            np.frombuffer(self.data[:whole], dtype="<u8"),
            np.frombuffer(self._mask[:whole], dtype="<u8"),
            self.data[whole:],
            self._mask[whole:],
        )

    def _are(self, view: View, at: np.ndarray) -> np.ndarray:
        start = at + layout.TEMPLATE_HEADER_SIZE
        words, mask, tail, tail_mask = self._words
        same = np.ones(len(at), dtype=bool)
        if len(words):
            same &= ((view.rows(start, len(words), "<u8") & mask) == words).all(axis=1)
        if tail:
            rest = view.rows(start + 8 * len(words), len(tail))
            same &= ((rest & np.frombuffer(tail_mask, "u1")) == np.frombuffer(tail, "u1")).all(axis=1)
        return same & self._named(view, at, start)

    @cached_property
    def _name_words(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Which name, distance from its start, mask and content of each eight-byte word to compare.

        Words begin behind the link; the last one of a name ends where the name ends.
        """
        length = np.array([len(stored) for stored in self._stored], dtype=np.int64)
        begin = np.concatenate([[0], np.cumsum(length + 8)[:-1]])
        words = np.maximum((length + 7) // 8, 1)
        which = np.repeat(np.arange(len(length)), words)
        within = (np.arange(len(which)) - np.repeat(np.cumsum(words) - words, words)) * 8
        within = np.minimum(within, np.maximum(length[which] - 8, 0))
        raw = View(b"".join(stored + bytes(8) for stored in self._stored) + bytes(8))
        size = np.minimum(length[which], 8).astype(np.uint64)
        mask = np.where(size < 8, (np.uint64(1) << np.uint64(8) * size) - np.uint64(1), np.uint64(2**64 - 1))
        return which, within + 4, mask, raw.u8[begin[which] + within] & mask

    def _named(self, view: View, at: np.ndarray, start: np.ndarray) -> np.ndarray:
        if not self.names:
            return np.ones(len(at), dtype=bool)
        offset = view.u4[start[:, None] + np.array(self.names_at, dtype=np.int64)].astype(np.int64)
        longest = _NAME_HEADER + 2 * max(2, *map(len, self.names))
        inside = offset <= layout.CHUNK_SIZE - longest
        base = at & ~(layout.CHUNK_SIZE - 1)
        place = np.where(inside, offset, 0) + base[:, None]
        which, distance, mask, word = self._name_words
        same = (view.words(place[:, which] + distance) & mask) == word
        good: np.ndarray = same.all(axis=1) & inside.all(axis=1)
        return good


@lru_cache(maxsize=8192)
def _stored(name: str) -> bytes:
    """Hash, length and characters of a name as a chunk holds them."""
    raw = name.encode("utf-16-le", "surrogatepass")
    return name_hash(name).to_bytes(2, "little") + (len(raw) // 2).to_bytes(2, "little") + raw


def compile_definition(chunk: Chunk, at: int) -> Template:
    """The template at a position of the buffer. Raises Unreadable when it makes no sense or leaves its chunk."""
    start = at + layout.TEMPLATE_HEADER_SIZE
    size = u32(chunk.data, at + 20)
    walk = Walk(chunk, start, start + size)
    leaves = walk.run()
    data = bytearray(chunk.data[start : start + size])
    for place in (*walk.name_at, *walk.link_at):
        data[place : place + 4] = b"\0\0\0\0"
    names = tuple(chunk.name(u32(chunk.data, start + place)) for place in walk.name_at)
    return Template(chunk.data[at + 4 : at + 20], bytes(data), tuple(walk.name_at), tuple(walk.link_at), names, leaves)


def _plan(template: Template, above: tuple[str, ...], keys: Keys) -> Plan:
    made = _Planning()
    for leaf in template.leaves:
        made.leaf(above + leaf.path, leaf, keys)
    slots, numbers, places = zip(*made.data, strict=True) if made.data else ((), (), ())
    layout = Layout(slots, places, len(made.data) + len(made.constants))
    return Plan(
        template, made.system, layout, np.array(numbers, dtype=np.int32), tuple(made.constants), tuple(made.nested),
        made.regular(),
    )  # fmt: skip


class _Planning:
    """Sorts the leaves of a template."""

    def __init__(self) -> None:
        self.system: dict[str, int | str] = {}
        self.data: list[tuple[int, int, int]] = []
        self.constants: list[Constant] = []
        self.nested: list[tuple[int, tuple[str, ...]]] = []
        self._mixed = False
        self._inserted = False

    def leaf(self, path: tuple[str, ...], leaf: Leaf, keys: Keys) -> None:
        """Takes a leaf with its full path."""
        parts = leaf.parts
        slot = parts[0] if len(parts) == 1 and isinstance(parts[0], Slot) else None
        name = _constant(leaf.name) if leaf.name else None
        text = None if slot is not None else _constant(parts)
        if (leaf.name and name is None) or (slot is None and text is None):
            self._mixed = True
            return
        part, key, named, inserted = fields.meaning(path, name)
        if slot is not None and part == "data" and fields.is_container(path):
            self.nested.append((slot.place, path))
        elif part == "system":
            self.system[key] = slot.place if slot else text or ""
        elif part == "nothing" or (not leaf.parts and fields.is_wrapper(path)):
            return
        else:
            inserted = inserted and not (slot is None and path[-1].startswith("@"))
            self._inserted = self._inserted or inserted
            number, place = keys.number(key, named, inserted), len(self.data) + len(self.constants)
            if slot is not None:
                self.data.append((slot.place, number, place))
            else:
                self.constants.append(Constant(number, text if leaf.parts else None, place))

    def regular(self) -> bool:
        """Whether the columnar path can follow."""
        repeats = len(self.data) - len({slot for slot, _, _ in self.data})
        few = len(self.constants) <= MAX_CONSTANTS and repeats <= MAX_REPEATS
        return few and not self._mixed and not (self.nested and self._inserted)


def _constant(parts: tuple[str | Slot, ...] | None) -> str | None:
    """The text of parts without any substitution; None where one takes part."""
    if parts is None:
        return None
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if len(texts) == len(parts) else None
