"""A template definition: compiled once, recognised again by its bytes, and what its leaves mean where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from kit.evtx import fields
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk, Leaf, Slot, Walk, name_hash, u32

MAX_CONSTANTS = 16  # constant values of a template that the columnar path repeats for each record
MAX_REPEATS = 8  # how often a template may use substitutions again


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
    name_numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # of recognise.Names
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """Bytes of the definition without its header."""
        return len(self.data)

    @cached_property
    def slot_count(self) -> int:
        """The number of substitutions that a record must bring."""
        return slot_count(self.leaves)

    def plan(self, above: tuple[str, ...], keys: Keys) -> Plan:
        """What the template says when it stands below a path."""
        known = self.plans.get(above)
        if known is None:
            known = self.plans[above] = _plan(self, above, keys)
        return known

    @cached_property
    def compared(self) -> bytes:
        """A byte for each byte of `data`: 255 where every definition of the template has the same, else 0."""
        mask = bytearray(b"\xff" * self.size)
        for place in (*self.names_at, *self.links_at):
            mask[place : place + 4] = b"\0\0\0\0"
        return bytes(mask)

    @cached_property
    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """`data` and `compared` as 64-bit numbers; zeros in front make their length divisible by eight."""
        front = bytes(-self.size & 7)
        return np.frombuffer(front + self.data, dtype="<u8"), np.frombuffer(front + self.compared, dtype="<u8")

    @cached_property
    def homes(self) -> np.ndarray | None:
        """Where each name stands in the definition itself, all its bytes compared; None when one stands elsewhere."""
        known: dict[bytes, int] = {}
        for at in self.links_at:
            stop = at + 8 + 2 * int.from_bytes(self.data[at + 6 : at + 8], "little")
            if stop <= self.size and self.compared.find(b"\0", at + 4, stop) < 0:
                known.setdefault(self.data[at + 4 : stop], at)
        found = [known.get(name, -1) for name in self.stored]
        return None if -1 in found else np.array(found, dtype=np.int64)

    @cached_property
    def name_places(self) -> np.ndarray:
        """Where the offsets of names stand."""
        return np.array(self.names_at, dtype=np.int64)

    @cached_property
    def stored(self) -> tuple[bytes, ...]:
        """Each name as a chunk holds it, behind its link."""
        return tuple(_stored(name) for name in self.names)


def slot_count(leaves: list[Leaf]) -> int:
    """The number of substitutions that leaves refer to, counted to the highest."""
    parts = [part for leaf in leaves for part in (*leaf.parts, *(leaf.name or ()))]
    return max((part.place for part in parts if isinstance(part, Slot)), default=-1) + 1


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
