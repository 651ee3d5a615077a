"""One record at a time: what the columnar path leaves over (no template, deeper nesting, damage) and its yardstick.

`decode` gives the leaves of a record with their typed values; `shape` sorts them into System fields and event data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kit.errors import Unreadable
from kit.evtx import fields, values
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk, Leaf, Part, Slot, Walk, u16, u32
from kit.evtx.values import Kind, Value

MAX_VALUES = 0x4000  # substitutions of one record; Windows itself allows far fewer
MAX_LEAVES = 0x10000  # leaves of one record, all nesting included
MAX_NESTING = 16


class Definition(NamedTuple):
    """A template: its identifier, its leaves, and where in the buffer its data ended."""

    guid: bytes
    leaves: list[Leaf]
    end: int


class Datum(NamedTuple):
    """A value of the event data."""

    key: str
    named: bool
    inserted: bool
    value: Value


@dataclass(slots=True)
class Decoded:
    """A record as System fields (by the names of fields.SYSTEM) and event data in document order."""

    system: dict[str, Value] = field(default_factory=dict)
    data: list[Datum] = field(default_factory=list)
    message: str | None = None
    borrowed: bool = False


Borrow = Callable[[int, int], list[Leaf] | None]  # (first word of the GUID, number of values) -> leaves


class Decoder:
    """Decodes records of one chunk; definitions are compiled once. `borrow` finds a template the chunk has lost."""

    def __init__(self, chunk: Chunk, borrow: Borrow | None = None) -> None:
        self.chunk = chunk
        self.definitions: dict[int, Definition | None] = {}
        self.borrow = borrow
        self.borrowed = False
        self._leaves = 0

    def decode(self, at: int, end: int) -> Decoded:
        """The record whose binary XML stands between two positions. Raises Unreadable where it makes no sense."""
        self.borrowed = False
        self._leaves = 0
        decoded = Decoded()
        try:
            for leaf_path, name, plain, value in self._fragment(at, end, (), 0):
                _place(decoded, leaf_path, name, plain, value)
        except IndexError:
            raise Unreadable("the record ends inside its binary XML") from None
        decoded.borrowed = self.borrowed
        return decoded

    def _fragment(self, at: int, end: int, above: tuple[str, ...], depth: int) -> Iterator[_Valued]:
        if depth > MAX_NESTING:
            raise Unreadable("fragments are nested too deeply")
        data = self.chunk.data
        while at < end and data[at] == layout.FRAGMENT:
            at += 4
        if at < end and data[at] == layout.TEMPLATE_INSTANCE:
            leaves, raw = self._instance(at, end)
            yield from self._filled(leaves, raw, above, depth)
        elif at < end and data[at] & ~layout.MORE == layout.OPEN_ELEMENT:
            for leaf in Walk(self.chunk, at, end, definition=False).run():
                yield from self._filled([leaf], [], above, depth)
        elif at < end and data[at] != layout.END_OF_FRAGMENT:
            raise Unreadable(f"binary XML begins with the unknown token {data[at]:#04x}")

    def _instance(self, at: int, end: int) -> tuple[list[Leaf], list[tuple[int, int, int]]]:
        data = self.chunk.data
        first_word, offset = u32(data, at + 2), u32(data, at + 6)
        definition = self.definition(offset, first_word)
        at += 10
        if offset == at - self.chunk.start:
            at = definition.end if definition else self._inline_end(at)
        slots = _slots(data, at, end)
        if definition is not None:
            return definition.leaves, slots
        leaves = self.borrow(first_word, len(slots)) if self.borrow else None
        if leaves is None:
            raise Unreadable("the template of the record is damaged or missing")
        self.borrowed = True
        return leaves, slots

    def _inline_end(self, at: int) -> int:
        return at + layout.TEMPLATE_HEADER_SIZE + u32(self.chunk.data, at + 20)

    def definition(self, offset: int, first_word: int) -> Definition | None:
        """The template at an offset of the chunk, or None when what stands there is not the one the record means."""
        if offset not in self.definitions:
            try:
                self.definitions[offset] = read_definition(self.chunk, offset)
            except Unreadable:
                self.definitions[offset] = None
        known = self.definitions[offset]
        return known if known and u32(known.guid, 0) == first_word else None

    def _filled(
        self, leaves: list[Leaf], slots: list[tuple[int, int, int]], above: tuple[str, ...], depth: int
    ) -> Iterator[_Valued]:
        data = self.chunk.data
        for path, name, parts in leaves:
            self._leaves += 1
            if self._leaves > MAX_LEAVES:
                raise Unreadable("the record holds too many values")
            full = above + path if above else path
            label = _joined(name, data, slots) if name is not None else None
            if len(parts) == 1 and isinstance(parts[0], Slot):
                if parts[0].place >= len(slots):
                    yield _Valued(full, label, False, values.NOTHING)
                    continue
                start, stop, kind = slots[parts[0].place]
                if kind == layout.BINXML_TYPE:
                    yield from self._fragment(start, stop, full, depth + 1)
                else:
                    yield _Valued(full, label, False, values.decode(kind, data[start:stop]))
            elif parts:
                yield _Valued(full, label, not _has_slot(parts), (Kind.TEXT, _joined(parts, data, slots)))
            else:
                yield _Valued(full, label, True, values.NOTHING)


class _Valued(NamedTuple):
    path: tuple[str, ...]
    name: str | None
    plain: bool  # no substitution took part
    value: Value


def read_definition(chunk: Chunk, offset: int) -> Definition:
    """The template at an offset of a chunk. Raises Unreadable when it runs out of the chunk or makes no sense."""
    at = chunk.start + offset
    if offset < layout.CHUNK_HEADER_SIZE or at + layout.TEMPLATE_HEADER_SIZE > chunk.end:
        raise Unreadable("a template lies outside its chunk")
    start = at + layout.TEMPLATE_HEADER_SIZE
    end = start + u32(chunk.data, at + 20)
    if end > chunk.end:
        raise Unreadable("a template runs over the end of its chunk")
    leaves = Walk(chunk, start, end, definition=True).run()
    return Definition(chunk.data[at + 4 : at + 20], leaves, end)


def _slots(data: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """Start, end and type of each substitution of the instance whose count stands at a position."""
    count = u32(data, at)
    value_at = at + 4 + 4 * count
    if count > MAX_VALUES or value_at > end:
        raise Unreadable("the number of values is impossible")
    found = []
    for place in range(at + 4, value_at, 4):
        stop = value_at + u16(data, place)
        found.append((value_at, stop, data[place + 2]))
        value_at = stop
    if value_at > end:
        raise Unreadable("values run over the end of the record")
    return found


def _has_slot(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, Slot) for part in parts)


def _joined(parts: tuple[Part, ...], data: bytes, slots: list[tuple[int, int, int]]) -> str:
    pieces = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
        elif part.place < len(slots):
            start, stop, kind = slots[part.place]
            pieces.append(values.text(values.decode(kind, data[start:stop])) or "")
    return "".join(pieces)


def _place(decoded: Decoded, path: tuple[str, ...], name: str | None, plain: bool, value: Value) -> None:
    part, key, named, inserted = fields.meaning(path, name)
    if part == "system":
        decoded.system[key] = value
    elif part == "message":
        decoded.message = values.text(value)
    elif part == "data" and not (plain and value[0] == Kind.NULL and len(path) <= 2):
        attribute = path[-1].startswith("@")
        decoded.data.append(Datum(key, named, inserted and not (attribute and plain), value))


def number(value: Value | None) -> int | None:
    """The value as a whole number, also where the log holds it as text; None for anything else."""
    if value is None:
        return None
    kind, content = value
    if kind in (Kind.INT, Kind.UINT, Kind.FLAG, Kind.HEX, Kind.TIME):
        return int(content) if content is not None else None
    if kind == Kind.TEXT:
        return _parsed(content)
    return None


def _parsed(content: str) -> int | None:
    stripped = content.strip()
    if not stripped.isascii() or len(stripped) > 20:
        return None
    try:
        return int(stripped, 16) if stripped[:2].lower() == "0x" else int(stripped)
    except ValueError:
        return None


def label(value: Value | None) -> str | None:
    """The value as text; None where there is none."""
    return values.text(value) if value is not None else None


def system_row(decoded: Decoded) -> dict[str, Any]:
    """System fields with plain types: numbers, texts, and the time as written (`time_raw`) and in ticks."""
    system = decoded.system
    row: dict[str, Any] = {key: number(system.get(key)) for key in _NUMERIC}
    row |= {key: label(system.get(key)) or None for key in _TEXTUAL}
    row["time_created"], row["time_raw"] = moment(system.get("time_created"))
    return row


def moment(value: Value | None) -> tuple[int | None, str | None]:
    """Ticks and text of a time; text in the record is kept as it stands."""
    if value is None or value[1] is None:
        return None, None
    if value[0] == Kind.TIME:
        return int(value[1]), values.time_text(value[1])
    written = values.text(value)
    return (values.parse_time(written) if written else None), written


_NUMERIC = (
    "event_id", "qualifiers", "version", "level", "task", "opcode", "keywords", "event_record_id",
    "process_id", "thread_id",
)  # fmt: skip
_TEXTUAL = (
    "provider", "provider_guid", "event_source_name", "activity_id", "related_activity_id", "channel", "computer",
    "user_sid",
)  # fmt: skip
