"""Binary XML to leaves: every attribute and every element that holds text, with the path that leads to it.

The leaves of a template definition refer to substitutions by number. Compiled once, a definition serves all records
that use it. Fragments without a template are read in fragment.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kit.errors import Unreadable
from kit.evtx import format as layout
from kit.evtx.fields import LABELLED
from kit.evtx.values import wide_text

MAX_DEPTH = 64
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class Slot(NamedTuple):
    """A place in a definition that a record fills with its substitution of this number."""

    place: int
    kind: int
    optional: bool


Part = str | Slot


class Leaf(NamedTuple):
    """An attribute (last step of the path begins with `@`) or an element with text or without children."""

    path: tuple[str, ...]
    name: tuple[Part, ...] | None  # the Name attribute of a Data element
    parts: tuple[Part, ...]


class Chunk:
    """The 64 KiB that offsets refer to, inside a larger buffer, and the names already read from it."""

    __slots__ = ("data", "end", "names", "start", "strict")

    def __init__(self, data: bytes, start: int, end: int, *, strict: bool = True) -> None:
        self.data = data
        self.start = start
        self.end = min(end, len(data))
        self.names: dict[int, str] = {}
        self.strict = strict  # a name must fit the hash beside it

    def name(self, offset: int) -> str:
        """The name at an offset inside the chunk. Raises Unreadable when it does not lie in the chunk."""
        known = self.names.get(offset)
        if known is None:
            known = self.names[offset] = self._read_name(self.start + offset)
        return known

    def _read_name(self, at: int) -> str:
        if at + 8 > self.end:
            raise Unreadable("a name lies outside its chunk")
        stop = at + 8 + 2 * u16(self.data, at + 6)
        if stop > self.end:
            raise Unreadable("a name runs over the end of its chunk")
        name = wide_text(self.data[at + 8 : stop])
        if self.strict and name_hash(name) != u16(self.data, at + 4):
            raise Unreadable("a name does not fit its hash")
        return name


@lru_cache(maxsize=8192)
def name_hash(name: str) -> int:
    """The 16-bit hash that the format keeps beside a name."""
    value = 0
    raw = name.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(raw), 2):
        value = (value * 65599 + u16(raw, at)) & 0xFFFF
    return value


@dataclass(slots=True)
class _Element:
    path: tuple[str, ...]
    name: tuple[Part, ...] | None = None
    parts: list[Part] = field(default_factory=list)
    branched: bool = False
    attributes: list[tuple[str, list[Part]]] = field(default_factory=list)


def u16(data: bytes, at: int) -> int:
    """The unsigned 16-bit number at a position."""
    return data[at] | data[at + 1] << 8


def u32(data: bytes, at: int) -> int:
    """The unsigned 32-bit number at a position."""
    return int.from_bytes(data[at : at + 4], "little")


class Walk:
    """One pass over the tokens of a definition.

    `name_at` and `link_at` gather, relative to `start`, where name offsets and the links of names defined in place
    stand: these four-byte fields differ between chunks although the definition is the same.
    """

    def __init__(self, chunk: Chunk, start: int, end: int) -> None:
        self.chunk = chunk
        self.data = chunk.data
        self.start = start
        self.at = start
        self.end = min(end, chunk.end)
        self.leaves: list[Leaf] = []
        self.name_at: list[int] = []
        self.link_at: list[int] = []
        self._open: list[_Element] = []
        self._target: list[Part] = []

    def run(self) -> list[Leaf]:
        """The leaves in document order. Raises Unreadable where the tokens make no sense."""
        try:
            while self.at < self.end:
                token = self.data[self.at]
                if token == layout.END_OF_FRAGMENT:
                    self.at += 1
                    break
                step = _STEPS.get(token & ~layout.MORE)
                if step is None:
                    raise Unreadable(f"unknown token {token:#04x}")
                step(self)
        except IndexError:
            raise Unreadable("binary XML ends inside a token") from None
        if self._open or self.at > self.end:
            raise Unreadable("binary XML ends inside an element")
        return self.leaves

    def _name(self) -> str:
        """Reads a name reference at the current position; a name defined in place is stepped over."""
        offset = u32(self.data, self.at)
        self.name_at.append(self.at - self.start)
        self.at += 4
        if offset == self.at - self.chunk.start:
            self.link_at.append(self.at - self.start)
            self.at += 10 + 2 * u16(self.data, self.at + 6)
        return self.chunk.name(offset)

    def _fragment(self) -> None:
        self.at += 4

    def _open_element(self) -> None:
        attributes = self.data[self.at] & layout.MORE
        self.at += 7  # token, dependency, size of the element
        name = self._name()
        if attributes:
            self.at += 4  # size of the attribute list
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable("elements are nested too deeply")
        above = self._open[-1] if self._open else None
        if above:
            above.branched = True
        element = _Element((*above.path, name) if above else (name,))
        self._open.append(element)
        self._target = element.parts

    def _attribute(self) -> None:
        self.at += 1
        parts: list[Part] = []
        element = self._top()
        element.attributes.append((self._name(), parts))
        self._target = parts

    def _top(self) -> _Element:
        if not self._open:
            raise Unreadable("a token stands outside any element")
        return self._open[-1]

    def _close_start(self) -> None:
        self.at += 1
        element = self._top()
        is_data = element.path[-1] in LABELLED
        for name, parts in element.attributes:
            if is_data and name == "Name":
                element.name = tuple(parts)
            elif name != "xmlns" and not name.startswith("xmlns:"):
                self.leaves.append(Leaf((*element.path, "@" + name), element.name, tuple(parts)))
        element.attributes.clear()
        self._target = element.parts

    def _close_empty(self) -> None:
        self._close_start()
        self._finish()

    def _end_element(self) -> None:
        self.at += 1
        self._finish()

    def _finish(self) -> None:
        element = self._top()
        self._open.pop()
        if element.parts or not element.branched:
            self.leaves.append(Leaf(element.path, element.name, tuple(element.parts)))
        self._target = self._open[-1].parts if self._open else []

    def _text(self) -> None:
        if self.data[self.at + 1] != layout.STRING_TYPE:
            raise Unreadable("text of an unknown type")
        self._characters(self.at + 2)

    def _cdata(self) -> None:
        self._characters(self.at + 1)

    def _characters(self, at: int) -> None:
        stop = at + 2 + 2 * u16(self.data, at)
        if stop > self.end:
            raise Unreadable("text runs over the end of its record")
        self._target.append(wide_text(self.data[at + 2 : stop]))
        self.at = stop

    def _character(self) -> None:
        self._target.append(chr(u16(self.data, self.at + 1)))
        self.at += 3

    def _entity(self) -> None:
        self.at += 1
        name = self._name()
        self._target.append(ENTITIES.get(name, f"&{name};"))

    def _instruction_target(self) -> None:
        self.at += 1
        self._name()

    def _instruction_data(self) -> None:
        self.at += 3 + 2 * u16(self.data, self.at + 1)

    def _substitution(self) -> None:
        optional = self.data[self.at] & ~layout.MORE == layout.OPTIONAL_SUBSTITUTION
        self._target.append(Slot(u16(self.data, self.at + 1), self.data[self.at + 3], optional))
        self.at += 4


_STEPS = {
    layout.OPEN_ELEMENT: Walk._open_element,
    layout.CLOSE_START: Walk._close_start,
    layout.CLOSE_EMPTY: Walk._close_empty,
    layout.END_ELEMENT: Walk._end_element,
    layout.TEXT: Walk._text,
    layout.ATTRIBUTE: Walk._attribute,
    layout.CDATA: Walk._cdata,
    layout.CHARACTER: Walk._character,
    layout.ENTITY: Walk._entity,
    layout.INSTRUCTION_TARGET: Walk._instruction_target,
    layout.INSTRUCTION_DATA: Walk._instruction_data,
    layout.SUBSTITUTION: Walk._substitution,
    layout.OPTIONAL_SUBSTITUTION: Walk._substitution,
    layout.FRAGMENT: Walk._fragment,
}
