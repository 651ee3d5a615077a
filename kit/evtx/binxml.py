"""Binary XML to leaves: every attribute and every element that holds text, with the path that leads to it.

The leaves of a template definition refer to substitutions by number. Compiled once, a definition serves all records
that use it. Fragments without a template are read in fragment.py.
"""

from __future__ import annotations

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
        stored = self.data[at + 4 : stop]
        known = _NAMES.get(stored)
        if known is not None:
            return known
        name = wide_text(stored[4:])
        if name_hash(name) == u16(stored, 0):
            if len(_NAMES) < _MOST_NAMES:
                _NAMES[stored] = name
        elif self.strict:
            raise Unreadable("a name does not fit its hash")
        return name


_MOST_NAMES = 1 << 16
_NAMES: dict[bytes, str] = {}  # hash, length and characters as stored -> name, for those whose hash is right


@lru_cache(maxsize=8192)
def name_hash(name: str) -> int:
    """The 16-bit hash that the format keeps beside a name."""
    value = 0
    raw = name.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(raw), 2):
        value = (value * 65599 + u16(raw, at)) & 0xFFFF
    return value


class _Element:
    """An element that is being read."""

    __slots__ = ("attributes", "branched", "name", "parts", "path")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.name: tuple[Part, ...] | None = None
        self.parts: list[Part] = []
        self.branched = False
        self.attributes: list[tuple[str, list[Part]]] = []


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
        self._open: list[_Element] = [_Element(())]
        self._target: list[Part] = self._open[0].parts

    def run(self) -> list[Leaf]:
        """The leaves in document order. Raises Unreadable where the tokens make no sense."""
        try:
            self._tokens()
        except IndexError:
            raise Unreadable("binary XML ends inside a token") from None
        if len(self._open) > 1 or self.at > self.end:
            raise Unreadable("binary XML ends inside an element")
        return self.leaves

    def _tokens(self) -> None:
        data, end = self.data, self.end
        while self.at < end:
            at = self.at
            token = data[at] & layout.KIND
            if token == layout.OPEN_ELEMENT:
                self._open_element(at)
            elif token == layout.SUBSTITUTION or token == layout.OPTIONAL_SUBSTITUTION:
                optional = token == layout.OPTIONAL_SUBSTITUTION
                self._target.append(Slot(data[at + 1] | data[at + 2] << 8, data[at + 3], optional))
                self.at = at + 4
            elif token == layout.CLOSE_START:
                self.at = at + 1
                self._settle(self._open[-1])
            elif token == layout.END_ELEMENT or token == layout.CLOSE_EMPTY:
                self.at = at + 1
                self._finish()
            elif token == layout.ATTRIBUTE:
                self.at = at + 1
                parts: list[Part] = []
                self._open[-1].attributes.append((self._name(), parts))
                self._target = parts
            elif token == layout.TEXT:
                if data[at + 1] != layout.STRING_TYPE:
                    raise Unreadable("text of an unknown type")
                self._characters(at + 2)
            elif token == layout.END_OF_FRAGMENT:
                self.at = at + 1
                return
            else:
                self._rare(token, at)

    def _name(self) -> str:
        """Reads a name reference at the current position; a name defined in place is stepped over."""
        at = self.at
        offset = int.from_bytes(self.data[at : at + 4], "little")
        self.name_at.append(at - self.start)
        at += 4
        if offset == at - self.chunk.start:
            self.link_at.append(at - self.start)
            at += 10 + 2 * (self.data[at + 6] | self.data[at + 7] << 8)
        self.at = at
        name = self.chunk.names.get(offset)
        return self.chunk.name(offset) if name is None else name

    def _open_element(self, at: int) -> None:
        self.at = at + 7  # token, dependency, size of the element
        name = self._name()
        if self.data[at] & layout.MORE:
            self.at += 4  # size of the attribute list
        if len(self._open) > MAX_DEPTH:
            raise Unreadable("elements are nested too deeply")
        above = self._open[-1]
        above.branched = True
        element = _Element((*above.path, name))
        self._open.append(element)
        self._target = element.parts

    def _settle(self, element: _Element) -> None:
        """The start of an element is over: its attributes are known."""
        if element.attributes:
            is_data = element.path[-1] in LABELLED
            for name, parts in element.attributes:
                if is_data and name == "Name":
                    element.name = tuple(parts)
                elif name != "xmlns" and not name.startswith("xmlns:"):
                    self.leaves.append(Leaf((*element.path, "@" + name), element.name, tuple(parts)))
            element.attributes = []
        self._target = element.parts

    def _finish(self) -> None:
        element = self._open[-1]
        if len(self._open) == 1:
            raise Unreadable("a token stands outside any element")
        self._settle(element)
        self._open.pop()
        if element.parts or not element.branched:
            self.leaves.append(Leaf(element.path, element.name, tuple(element.parts)))
        self._target = self._open[-1].parts

    def _characters(self, at: int) -> None:
        stop = at + 2 + 2 * u16(self.data, at)
        if stop > self.end:
            raise Unreadable("text runs over the end of its record")
        self._target.append(wide_text(self.data[at + 2 : stop]))
        self.at = stop

    def _rare(self, token: int, at: int) -> None:
        if token == layout.FRAGMENT:
            self.at = at + 4
        elif token == layout.CDATA:
            self._characters(at + 1)
        elif token == layout.CHARACTER:
            self._target.append(chr(u16(self.data, at + 1)))
            self.at = at + 3
        elif token == layout.ENTITY:
            self.at = at + 1
            name = self._name()
            self._target.append(ENTITIES.get(name, f"&{name};"))
        elif token == layout.INSTRUCTION_TARGET:
            self.at = at + 1
            self._name()
        elif token == layout.INSTRUCTION_DATA:
            self.at = at + 3 + 2 * u16(self.data, at + 1)
        else:
            raise Unreadable(f"unknown token {token:#04x}")
