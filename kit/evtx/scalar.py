"""One record at a time: what the columnar path leaves over (no template, deeper nesting, damage) and its yardstick.

`decode` gives the leaves of a record with their typed values; `shape` sorts them into System fields and event data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kit.errors import Unreadable
from kit.evtx import fields, fragment, values
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk, Leaf, Part, Slot, Walk, u16, u32
from kit.evtx.fragment import Found, Tree
from kit.evtx.template import Template, slot_count
from kit.evtx.values import Kind, Value

MAX_VALUES = 0x4000  # substitutions of one record; Windows itself allows far fewer
MAX_NESTING = 16
NO_TEMPLATE = "the template of the record is damaged or missing"
SIZES_DAMAGED = "the size of a value is damaged"
NAMES_DAMAGED = "names in the template of the record are damaged"
_LEAVES_PER_CHUNK = 1 << 15
_BYTES_PER_CHUNK = 1 << 20  # bytes of values, each time they are used
_COMPILED_PER_CHUNK = 2 * layout.CHUNK_SIZE  # bytes of definitions; sound ones never overlap


class Definition(NamedTuple):
    """A template: its identifier and its leaves."""

    guid: bytes
    leaves: list[Leaf]


class Datum(NamedTuple):
    """A value of the event data."""

    key: str
    named: bool
    inserted: bool
    value: Value


@dataclass(slots=True)
class Decoded:
    """A record as System fields (by the names of fields.SYSTEM) and event data in document order.

    borrowed  a template was taken from elsewhere because the chunk's own is damaged
    damage    why the rest of the record could not be read; None when all of it was
    """

    system: dict[str, Value] = field(default_factory=dict)
    data: list[Datum] = field(default_factory=list)
    message: str | None = None
    borrowed: bool = False
    damage: str | None = None


Borrow = Callable[[int], Template | None]  # first word of the GUID -> template


class Decoder:
    """Decodes records of one chunk; definitions are compiled once. `borrow` finds a template the chunk has lost.

    What a chunk may cost is bounded, whatever it holds.
    """

    def __init__(self, chunk: Chunk, borrow: Borrow | None = None, tree: Tree | None = None) -> None:
        self.chunk = chunk
        self.tree = tree or Tree()
        self.borrow = borrow
        self._lenient = Chunk(chunk.data, chunk.start, chunk.end, strict=False)
        self._definitions: dict[tuple[int, bool], Definition | None] = {}
        self._current = Decoded()
        self._natural = False
        self._leaves = _LEAVES_PER_CHUNK
        self._bytes = _BYTES_PER_CHUNK
        self._compiled = _COMPILED_PER_CHUNK

    def decode(self, at: int, end: int, *, trusted: bool = True, natural: bool = False) -> Decoded:
        """The record whose binary XML stands between two positions.

        With `natural`, numbers, times and GUIDs are as wide as their types are, whatever the record says of their size.

        Where it breaks off after its System fields, what came before is kept and `damage` says why. A record that is
        not `trusted` (slack) is not given a definition whose names are damaged. Raises Unreadable when nothing is left.
        """
        decoded = self._current = Decoded()
        self._natural = natural
        try:
            for valued in self._fragment(at, end, (), 0, trusted):
                _place(decoded, *valued)
        except (Unreadable, IndexError) as error:
            damage = str(error) if isinstance(error, Unreadable) else "the record ends inside its binary XML"
            decoded.damage = damage
        if decoded.damage and number(decoded.system.get("event_id")) is None:
            raise Unreadable(decoded.damage)
        return decoded

    def _fragment(self, at: int, end: int, above: tuple[str, ...], depth: int, trusted: bool) -> Iterator[_Valued]:
        if depth > MAX_NESTING:
            raise Unreadable("fragments are nested too deeply")
        data = self.chunk.data
        while at < end and data[at] == layout.FRAGMENT:
            at += 4
        if at < end and data[at] == layout.TEMPLATE_INSTANCE:
            leaves, slots = self._instance(at, end, trusted)
            yield from self._filled(leaves, slots, above, depth, trusted)
        elif at < end and data[at] & ~layout.MORE == layout.OPEN_ELEMENT:
            self._elements(at, end, above, trusted)
        elif at < end and data[at] != layout.END_OF_FRAGMENT:
            raise Unreadable(f"binary XML begins with the unknown token {data[at]:#04x}")

    def _elements(self, at: int, end: int, above: tuple[str, ...], trusted: bool) -> None:
        """Takes a fragment without a template; what came before a damage is kept."""
        found: list[Found] = []
        try:
            fragment.read(self._lenient if trusted else self.chunk, at, end, self.tree.root(above), found)
        finally:
            self._bytes -= end - at
            self._leaves -= len(found)
            for meaning, value in found:
                _put(self._current, meaning, value)

    def _instance(self, at: int, end: int, trusted: bool) -> tuple[list[Leaf], list[_SlotAt]]:
        data = self.chunk.data
        first_word, offset = u32(data, at + 2), u32(data, at + 6)
        definition = self.definition(offset, first_word)
        at += 10
        if offset == at - self.chunk.start:
            at += layout.TEMPLATE_HEADER_SIZE + u32(data, at + 20)
        slots, whole = _slots(data, at, end, self._natural)
        if not whole:
            self._current.damage = "values run over the end of the record"
        if definition is not None:
            return definition.leaves, slots
        template = self.borrow(first_word) if self.borrow else None
        if template is not None and template.slot_count <= len(slots):
            self._current.borrowed = True
            return template.leaves, slots
        definition = self.definition(offset, first_word, strict=False) if trusted else None
        if definition is not None:
            self._current.damage = NAMES_DAMAGED
            return definition.leaves, slots
        definition = self._referred(offset, len(slots)) if trusted else None
        if definition is None:
            raise Unreadable(NO_TEMPLATE)
        self._current.damage = "the record names another template than the one that it refers to"
        return definition.leaves, slots

    def _referred(self, offset: int, values: int) -> Definition | None:
        """The sound template at an offset that takes as many values as a record brings, whatever its name."""
        self.definition(offset, 0)
        found = self._definitions[offset, True]
        return found if found and slot_count(found.leaves) == values else None

    def definition(self, offset: int, first_word: int, *, strict: bool = True) -> Definition | None:
        """The template at an offset of the chunk, or None when what stands there is not the one the record means."""
        key = (offset, strict)
        if key not in self._definitions:
            try:
                self._definitions[key] = self._compile(offset, self.chunk if strict else self._lenient)
            except Unreadable:
                self._definitions[key] = None
        known = self._definitions[key]
        return known if known and u32(known.guid, 0) == first_word else None

    def _compile(self, offset: int, chunk: Chunk) -> Definition:
        at = chunk.start + offset
        if offset < layout.CHUNK_HEADER_SIZE or at + layout.TEMPLATE_HEADER_SIZE > chunk.end:
            raise Unreadable("a template lies outside its chunk")
        start, size = at + layout.TEMPLATE_HEADER_SIZE, u32(chunk.data, at + 20)
        self._compiled -= size
        if start + size > chunk.end or self._compiled < 0:
            raise Unreadable("a template runs over the end of its chunk")
        leaves = Walk(chunk, start, start + size).run()
        if not leaves:
            raise Unreadable("a template says nothing")
        return Definition(chunk.data[at + 4 : at + 20], leaves)

    def _filled(
        self, leaves: list[Leaf], slots: list[_SlotAt], above: tuple[str, ...], depth: int, trusted: bool
    ) -> Iterator[_Valued]:
        data = self.chunk.data
        self._leaves -= len(leaves)
        for path, name, parts in leaves:
            if self._leaves < 0 or self._bytes < 0:
                raise Unreadable("the chunk holds more values than it can")
            full = above + path if above else path
            label = self._joined(name, slots) if name is not None else None
            if len(parts) != 1 or not isinstance(parts[0], Slot):
                value = (Kind.TEXT, self._joined(parts, slots)) if parts else values.NOTHING
                yield _Valued(full, label, not _has_slot(parts), value)
            elif parts[0].place >= len(slots):
                yield _Valued(full, label, False, values.NOTHING)
            else:
                start, stop, kind = slots[parts[0].place]
                if kind == layout.BINXML_TYPE:
                    yield from self._fragment(start, stop, full, depth + 1, trusted)
                else:
                    self._bytes -= stop - start
                    yield _Valued(full, label, False, values.decode(kind, bytes(data[start:stop])))

    def _joined(self, parts: tuple[Part, ...], slots: list[_SlotAt]) -> str:
        pieces = []
        for part in parts:
            if isinstance(part, str):
                pieces.append(part)
            elif part.place < len(slots):
                start, stop, kind = slots[part.place]
                self._bytes -= stop - start
                pieces.append(values.text(values.decode(kind, bytes(self.chunk.data[start:stop]))) or "")
        return "".join(pieces)


_SlotAt = tuple[int, int, int]  # begin, end, type


class _Valued(NamedTuple):
    path: tuple[str, ...]
    name: str | None
    plain: bool  # no substitution took part
    value: Value


def _slots(data: bytes, at: int, end: int, natural: bool) -> tuple[list[_SlotAt], bool]:
    """Start, end and type of each substitution of the instance whose count stands at a position, and whether all fit.

    A value that does not fit, and all after it, are null.
    """
    count = u32(data, at)
    value_at = at + 4 + 4 * count
    if count > MAX_VALUES or value_at > end:
        raise Unreadable("the number of values is impossible")
    found = []
    for place in range(at + 4, value_at, 4):
        size = u16(data, place)
        stop = value_at + (values.WIDTHS.get(data[place + 2], size) if natural else size)
        found.append((value_at, stop, data[place + 2]) if stop <= end else (end, end, layout.NULL_TYPE))
        value_at = stop
    return found, value_at <= end


def _has_slot(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, Slot) for part in parts)


def _place(decoded: Decoded, path: tuple[str, ...], name: str | None, plain: bool, value: Value) -> None:
    meaning = fields.meaning(path, name)
    if meaning.part == "data" and value[0] == Kind.NULL and _is_empty(path, plain):
        return
    if plain and path[-1].startswith("@"):
        meaning = meaning._replace(inserted=False)
    _put(decoded, meaning, value)


def _put(decoded: Decoded, meaning: fields.Meaning, value: Value) -> None:
    part, key, named, inserted = meaning
    if part == "system":
        decoded.system[key] = value
    elif part == "message":
        decoded.message = values.text(value)
    elif part == "data":
        decoded.data.append(Datum(key, named, inserted, value))


def _is_empty(path: tuple[str, ...], plain: bool) -> bool:
    return fields.is_container(path) or (plain and fields.is_wrapper(path))


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
