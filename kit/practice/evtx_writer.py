"""Writes Windows event logs (.evtx, format 3.1) that healthy readers accept.

The same input gives the same bytes. A log is a file header and chunks of 64 KiB; each chunk has its own names
and templates, so it can be read alone. Records hold an outer template (System) whose last value is the embedded
template of EventData or UserData, in the three forms that Windows uses:

- classic sources (`strings`): provider and channel stand in the template, EventID carries Qualifiers, Data is unnamed;
- manifest providers (`data`): provider name and GUID are values, Data has names and types;
- manifest providers with their own element (`user_data`), as Hyper-V's VmlEventLog.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from kit.practice import binxml, forwarded
from kit.practice.binxml import BINXML, FRAGMENT, NULL, Element, Name, Part, Sub, Template, Typed

CHUNK = 65_536
CHUNK_HEAD = 512
CHUNK_FULL = CHUNK - 8  # real chunks never fill to the last byte, and libevtx loses the last record of one that does
FILE_HEAD = 4_096
RECORD_MAGIC = 0x2A2A
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
DIRTY, FULL, NO_CRC = 1, 2, 4
NOTHING = Typed(NULL, b"")


@dataclass(frozen=True)
class UserData:
    """Content of UserData: one element with a namespace and children in order."""

    element: str
    namespace: str
    fields: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Event:
    """A record to be written. Exactly one of `strings`, `data`, `user_data` says what form it has."""

    provider: str
    event_id: int
    time: datetime
    channel: str
    computer: str
    level: int = 4
    strings: tuple[str, ...] | None = None
    data: tuple[tuple[str, Any], ...] | None = None
    user_data: UserData | None = None
    binary: bytes | None = None
    qualifiers: int = 0
    task: int = 0
    opcode: int = 0
    version: int = 0
    keywords: int | None = None
    provider_guid: str | None = None
    source_name: str | None = None
    user_sid: str | None = None
    process_id: int | None = None
    thread_id: int | None = None
    activity_id: str | None = None
    message: str | None = None  # rendered text, as collected records hold it beside the values
    forwarded: bool = False  # written as an event collector does, without any template
    new_chunk: bool = False

    @property
    def classic(self) -> bool:
        """Whether the provider and channel stand in the template itself, as for sources of the old interface."""
        return self.strings is not None or self.source_name is not None


def _system(provider: Element, event: _Shape, numbers: tuple[int, str | Sub]) -> Element:
    related, channel = numbers
    full, qualified = event.full, event.qualified
    children = [
        provider,
        Element("EventID", (("Qualifiers", Sub(4, binxml.UINT16)),) if qualified else (), (Sub(3, binxml.UINT16),), 3),
        *([Element("Version", (), (Sub(11, binxml.UINT8),), 11)] if full else []),
        Element("Level", (), (Sub(0, binxml.UINT8),), 0),
        Element("Task", (), (Sub(2, binxml.UINT16),), 2),
        *([Element("Opcode", (), (Sub(1, binxml.UINT8),), 1)] if full else []),
        Element("Keywords", (), (Sub(5, binxml.HEX64),), 5),
        Element("TimeCreated", (("SystemTime", Sub(6, binxml.FILETIME)),)),
        Element("EventRecordID", (), (Sub(10, binxml.UINT64),), 10),
        *(_context(related) if full else []),
        Element("Channel", (), (channel,), channel.number if isinstance(channel, Sub) else binxml.NO_DEPENDENCY),
        Element("Computer", (), (event.computer,)),
        Element("Security", (("UserID", Sub(12, binxml.SID)),)),
    ]
    return Element("System", (), tuple(children))


def _context(related: int) -> list[Element]:
    activity = (("ActivityID", Sub(7, binxml.GUID)), ("RelatedActivityID", Sub(related, binxml.GUID)))
    execution = (("ProcessID", Sub(8, binxml.UINT32)), ("ThreadID", Sub(9, binxml.UINT32)))
    return [Element("Correlation", activity), Element("Execution", execution)]


@dataclass(frozen=True)
class _Shape:
    """What of an event decides its outer template."""

    classic: bool
    full: bool
    qualified: bool
    provider: str
    provider_guid: str | None
    source_name: str | None
    channel: str
    computer: str
    rendered: bool


def _shape(event: Event) -> _Shape:
    classic = event.classic
    return _Shape(
        classic, not classic or event.process_id is not None, classic, event.provider if classic else "",
        event.provider_guid if classic else None, event.source_name, event.channel if classic else "", event.computer,
        event.message is not None,
    )


@lru_cache(maxsize=4096)
def _outer(shape: _Shape) -> tuple[Template, int]:
    """The outer template of a shape and the number of its last value, the embedded content.

    A rendered message is the value before it.
    """
    if shape.classic:
        attributes: list[tuple[str, str | Sub]] = [("Name", shape.provider)]
        if shape.provider_guid:
            attributes.append(("Guid", "{" + shape.provider_guid.strip("{}").lower() + "}"))
        if shape.source_name:
            attributes.append(("EventSourceName", shape.source_name))
        last, related, channel = 19 + shape.rendered, 18, shape.channel
        return _whole(attributes, shape, last, related, channel), last
    attributes = [("Name", Sub(14, binxml.STRING)), ("Guid", Sub(15, binxml.GUID))]
    last = 17 + shape.rendered
    return _whole(attributes, shape, last, 13, Sub(16, binxml.STRING)), last


def _whole(
    provider: list[tuple[str, str | Sub]], shape: _Shape, last: int, related: int, channel: str | Sub
) -> Template:
    system = _system(Element("Provider", tuple(provider)), shape, (related, channel))
    content: list[Element | Sub] = [system, Sub(last, BINXML)]
    if shape.rendered:
        message = Element("Message", (), (Sub(last - 1, binxml.STRING),))
        content.append(Element("RenderingInfo", (("Culture", "en-US"),), (message,)))
    return binxml.template(Element("Event", (("xmlns", NAMESPACE),), tuple(content), last))


@lru_cache(maxsize=4096)
def _inner(kind: str, names: tuple[tuple[str, int], ...], element: str, namespace: str, binary: int) -> Template:
    if kind == "strings":
        data = [Element("Data", (), (Sub(0, binxml.STRINGS),), 0)]
    elif kind == "data":
        data = [Element("Data", (("Name", name),), (_place(i, code),)) for i, (name, code) in enumerate(names)]
    else:
        children = tuple(Element(name, (), (_place(i, code),)) for i, (name, code) in enumerate(names))
        inside = Element(element, (("xmlns", namespace),), children)
        return binxml.template(Element("UserData", (), (inside,)))
    if binary >= 0:
        data.append(Element("Binary", (), (Sub(binary, binxml.BINARY),), binary))
    return binxml.template(Element("EventData", (), tuple(data)))


def _place(number: int, kind: int) -> Sub:
    """The place of a named value; one that has no value must be optional, or strict readers refuse the record."""
    return Sub(number, kind or binxml.STRING, optional=not kind)


def _content(event: Event) -> tuple[Template, list[Typed]]:
    """Template and values of the embedded part."""
    if event.strings is not None:
        texts = binxml.typed(event.strings) if event.strings else NOTHING
        blob = binxml.typed(event.binary)
        return _inner("strings", (), "", "", 2), [texts, binxml.u32(len(blob.raw)), blob]
    pairs = event.user_data.fields if event.user_data else event.data or ()
    values = [binxml.typed(value) for _, value in pairs]
    names = tuple((name, value.kind) for (name, _), value in zip(pairs, values, strict=True))
    if event.user_data:
        return _inner("user", names, event.user_data.element, event.user_data.namespace, -1), values
    if event.binary is None:
        return _inner("data", names, "", "", -1), values
    blob = binxml.typed(event.binary)
    return _inner("data", names, "", "", len(values) + 1), [*values, binxml.u32(len(blob.raw)), blob]


def _values(event: Event, record_id: int, last: int) -> list[Typed]:
    """Values of the outer template but for the last, the embedded content."""
    keywords = event.keywords
    if keywords is None:
        keywords = 0x80000000000000 if event.classic else 0x8000000000000000
    values = [NOTHING] * last
    values[0], values[1], values[2] = binxml.u8(event.level), binxml.u8(event.opcode), binxml.u16(event.task)
    values[3], values[5] = binxml.u16(event.event_id), binxml.hex64(keywords)
    values[4] = binxml.u16(event.qualifiers) if event.classic else NOTHING
    values[6], values[10] = binxml.typed(event.time), binxml.u64(record_id)
    values[8], values[9] = binxml.u32(event.process_id or 0), binxml.u32(event.thread_id or 0)
    values[11] = binxml.u8(event.version)
    if event.activity_id:
        values[7] = binxml.guid(event.activity_id)
    if event.user_sid:
        values[12] = binxml.sid(event.user_sid)
    if not event.classic:
        values[14], values[16] = binxml.typed(event.provider), binxml.typed(event.channel)
        values[15] = binxml.guid(event.provider_guid) if event.provider_guid else NOTHING
    if event.message is not None:
        values[last - 1] = binxml.typed(event.message)
    return values


class Chunk:
    """A chunk under construction: records, names and templates, and where each record keeps its number and time."""

    def __init__(self) -> None:
        self.buffer = bytearray(CHUNK_HEAD)
        self.names: dict[str, int] = {}
        self.name_heads = [0] * 64
        self.templates: dict[bytes, int] = {}
        self.template_heads = [0] * 32
        self.ids: list[int] = []
        self.last_offset = 0
        self.id_places: list[int] = []
        self.time_places: list[int] = []

    def add(self, event: Event, record_id: int) -> bool:
        """Whether the record was added; False leaves the chunk as it was because the record does not fit."""
        start, undo = len(self.buffer), _Undo(self)
        self.buffer += struct.pack("<IIQQ", RECORD_MAGIC, 0, record_id, binxml.ticks(event.time)) + FRAGMENT
        places = self._forwarded(event, record_id) if event.forwarded else self._instances(event, record_id)
        self.buffer += b"\0" * (-(len(self.buffer) + 4 - start) % 8)
        size = len(self.buffer) + 4 - start
        if start + size > CHUNK_FULL:
            undo.apply()
            return False
        self.buffer += struct.pack("<I", size)
        struct.pack_into("<I", self.buffer, start + 4, size)
        self.ids.append(record_id)
        self.last_offset = start
        self.id_places += [start + 8, *places[:1]]
        self.time_places += [start + 16, *places[1:]]
        return True

    def _forwarded(self, event: Event, record_id: int) -> tuple[int, ...]:
        """Writes a record without template; its number and time are text, so there are no places."""
        self._parts(forwarded.parts(event, record_id))
        self.buffer += binxml.END
        return ()

    def _instances(self, event: Event, record_id: int) -> tuple[int, ...]:
        """Writes outer and embedded instance; returns where the outer values hold record number and time."""
        outer, last = _outer(_shape(event))
        inner, inner_values = _content(event)
        values = _values(event, record_id, last)
        self._refer(outer)
        heads = len(self.buffer)
        self.buffer += binxml.instance([*values, NOTHING])
        first = heads + 4 + 4 * (last + 1)
        inner_start = len(self.buffer)
        self.buffer += FRAGMENT if event.classic else b""
        self._refer(inner)
        self.buffer += binxml.instance(inner_values) + binxml.END
        struct.pack_into("<HB", self.buffer, heads + 4 + 4 * last, len(self.buffer) - inner_start, BINXML)
        self.buffer += binxml.END
        lengths = [len(value.raw) for value in values]
        return first + sum(lengths[:10]), first + sum(lengths[:6])

    def _refer(self, template: Template) -> None:
        """Writes the head of a template instance, with the definition at its first use in this chunk."""
        known = self.templates.get(template.guid)
        here = len(self.buffer) + 10
        self.buffer += struct.pack("<BBII", 0x0C, 1, template.number, here if known is None else known)
        if known is not None:
            return
        self.templates[template.guid] = here
        bucket = template.number % 32
        self.buffer += struct.pack("<I", self.template_heads[bucket]) + template.guid + b"\0\0\0\0"
        self.template_heads[bucket] = here
        body = len(self.buffer)
        self._parts(template.parts)
        struct.pack_into("<I", self.buffer, body - 4, len(self.buffer) - body)

    def _parts(self, parts: Iterable[Part]) -> None:
        open_sizes: list[int] = []
        for part in parts:
            if isinstance(part, bytes):
                self.buffer += part
            elif isinstance(part, Name):
                self._name(part.text)
            elif isinstance(part, binxml.Begin):
                open_sizes.append(len(self.buffer))
                self.buffer += b"\0\0\0\0"
            else:
                place = open_sizes.pop()
                struct.pack_into("<I", self.buffer, place, len(self.buffer) - place - 4)

    def _name(self, text: str) -> None:
        known = self.names.get(text)
        here = len(self.buffer) + 4
        self.buffer += struct.pack("<I", here if known is None else known)
        if known is not None:
            return
        value = binxml.name_hash(text)
        self.names[text] = here
        self.buffer += struct.pack("<IHH", self.name_heads[value % 64], value, len(text))
        self.buffer += text.encode("utf-16-le") + b"\0\0"
        self.name_heads[value % 64] = here

    def finished(self) -> bytearray:
        """The whole chunk, with tables and checksums."""
        free = len(self.buffer)
        first, last = self.ids[0], self.ids[-1]
        data = self.buffer + bytes(CHUNK - free)
        struct.pack_into("<8sQQQQIII", data, 0, b"ElfChnk\0", first, last, first, last, 128, self.last_offset, free)
        struct.pack_into("<64I32I", data, 128, *self.name_heads, *self.template_heads)
        struct.pack_into("<I", data, 120, 1)
        sign(data)
        return data


class _Undo:
    """What a chunk was before a record, so that a record that does not fit leaves no trace."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk, self.length = chunk, len(chunk.buffer)
        self.names, self.templates = len(chunk.names), len(chunk.templates)
        self.heads = (chunk.name_heads.copy(), chunk.template_heads.copy())

    def apply(self) -> None:
        chunk = self.chunk
        del chunk.buffer[self.length :]
        for table, size in ((chunk.names, self.names), (chunk.templates, self.templates)):
            while len(table) > size:
                table.popitem()
        chunk.name_heads, chunk.template_heads = self.heads


def sign(chunk: bytearray | memoryview) -> None:
    """Writes both checksums of a chunk: over the records, and over the header with its tables."""
    free = struct.unpack_from("<I", chunk, 48)[0]
    struct.pack_into("<I", chunk, 52, zlib.crc32(chunk[CHUNK_HEAD:free]))
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[128:CHUNK_HEAD], zlib.crc32(chunk[:120])))


def file_header(chunks: int, next_id: int, flags: int = 0) -> bytes:
    """The 4 KiB file header that promises this many chunks."""
    head = bytearray(FILE_HEAD)
    last = max(chunks - 1, 0)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, last, next_id, 128, 1, 3, FILE_HEAD, chunks)
    struct.pack_into("<I", head, 120, flags)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head)


class EvtxWriter:
    """Writes events to a file, one after the other; use it as a context manager.

    Record numbers run on from `first_id` unless `write` is given one. `flags` are those of the file header.
    """

    def __init__(self, path: str | Path, first_id: int = 1, flags: int = 0) -> None:
        self.path, self.flags = Path(path), flags
        self.next_id = first_id
        self.chunks = 0
        self._chunk = Chunk()
        self._file: BinaryIO | None = None

    def __enter__(self) -> EvtxWriter:
        self._file = self.path.open("wb")
        self._file.write(bytes(FILE_HEAD))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        if self._chunk.ids or not self.chunks:
            self._close_chunk()
        self._file.seek(0)
        self._file.write(file_header(self.chunks, self.next_id, self.flags))
        self._file.close()

    def write(self, event: Event, record_id: int | None = None) -> int:
        """The number given to the record. Raises ValueError for an event that fits no chunk."""
        number = self.next_id if record_id is None else record_id
        if event.new_chunk and self._chunk.ids:
            self._close_chunk()
        if not self._chunk.add(event, number):
            if self._chunk.ids:
                self._close_chunk()
            if not self._chunk.ids and not self._chunk.add(event, number):
                raise ValueError(f"{event.provider} {event.event_id}: larger than a chunk")
        self.next_id = number + 1
        return number

    def _close_chunk(self) -> None:
        assert self._file is not None
        self._file.write(self._chunk.finished() if self._chunk.ids else _empty_chunk())
        self.chunks += 1
        self._chunk = Chunk()


def _empty_chunk() -> bytes:
    """The chunk of a log without any record: numbers that say none, and no content."""
    chunk = bytearray(CHUNK)
    none = 0xFFFFFFFFFFFFFFFF
    struct.pack_into("<8sQQQQIII", chunk, 0, b"ElfChnk\0", 1, none, none, none, 128, 0, CHUNK_HEAD)
    struct.pack_into("<I", chunk, 120, 1)
    sign(chunk)
    return bytes(chunk)


def write_evtx(path: str | Path, events: Iterable[Event], first_id: int = 1, flags: int = 0) -> int:
    """The number of records written to a new log at `path`."""
    with EvtxWriter(path, first_id, flags) as writer:
        for event in events:
            writer.write(event)
    return writer.next_id - first_id


def at(event: Event, time: datetime, **changes: Any) -> Event:
    """The same event at another time, with other changes."""
    return replace(event, time=time, **changes)
