"""Typed values and templates of Windows binary XML, as the event log service writes them.

A template is compiled once into parts; a chunk turns the parts into bytes, because names are written out
at their first use in a chunk and referred to by offset afterwards, which also changes the sizes of the elements.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NULL, STRING, BINARY, GUID, FILETIME, SID, HEX32, HEX64 = 0x00, 0x01, 0x0E, 0x0F, 0x11, 0x13, 0x14, 0x15
UINT8, UINT16, INT32, UINT32, INT64, UINT64, DOUBLE, BOOLEAN = 0x04, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0C, 0x0D
BINXML, STRINGS = 0x21, 0x81
FRAGMENT = b"\x0f\x01\x01\x00"
END = b"\x00"
EPOCH_TICKS = 116_444_736_000_000_000
NO_DEPENDENCY = 0xFFFF
INDEPENDENT_OPEN, ATTRIBUTE_OPEN = 0x01, 0x41


@dataclass(frozen=True)
class Typed:
    """A value with its binary type, ready to be substituted into a template."""

    kind: int
    raw: bytes


def ticks(time: datetime) -> int:
    """The FILETIME (100 ns since 1601, UTC) of an aware datetime, exact to the microsecond."""
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return EPOCH_TICKS + (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def u8(value: int) -> Typed:
    """An unsigned 8-bit number."""
    return Typed(UINT8, struct.pack("<B", value))


def u16(value: int) -> Typed:
    """An unsigned 16-bit number."""
    return Typed(UINT16, struct.pack("<H", value))


def u32(value: int) -> Typed:
    """An unsigned 32-bit number."""
    return Typed(UINT32, struct.pack("<I", value))


def u64(value: int) -> Typed:
    """An unsigned 64-bit number."""
    return Typed(UINT64, struct.pack("<Q", value))


def i32(value: int) -> Typed:
    """A signed 32-bit number."""
    return Typed(INT32, struct.pack("<i", value))


def i64(value: int) -> Typed:
    """A signed 64-bit number."""
    return Typed(INT64, struct.pack("<q", value))


def hex32(value: int) -> Typed:
    """A 32-bit number that is shown in hexadecimal."""
    return Typed(HEX32, struct.pack("<I", value))


def hex64(value: int) -> Typed:
    """A 64-bit number that is shown in hexadecimal."""
    return Typed(HEX64, struct.pack("<Q", value))


def guid(text: str) -> Typed:
    """A GUID from its text form, with or without braces."""
    return Typed(GUID, uuid.UUID(text).bytes_le)


def sid(text: str) -> Typed:
    """A security identifier from its text form, e.g. S-1-5-18."""
    revision, authority, *parts = (int(part) for part in text.removeprefix("S-").split("-"))
    head = struct.pack("<BB", revision, len(parts)) + authority.to_bytes(6, "big")
    return Typed(SID, head + b"".join(struct.pack("<I", part) for part in parts))


def typed(value: Any) -> Typed:
    """The value with its binary type: text, truth, whole number (u32, u64 above), float, time, bytes, texts, None."""
    if isinstance(value, Typed):
        return value
    if value is None:
        return Typed(NULL, b"")
    if isinstance(value, str):
        return Typed(STRING, _utf16(value))
    if isinstance(value, bool):
        return Typed(BOOLEAN, struct.pack("<I", value))
    if isinstance(value, int):
        return i64(value) if value < 0 else u32(value) if value < 1 << 32 else u64(value)
    if isinstance(value, float):
        return Typed(DOUBLE, struct.pack("<d", value))
    if isinstance(value, datetime):
        return Typed(FILETIME, struct.pack("<Q", ticks(value)))
    if isinstance(value, bytes):
        return Typed(BINARY, value)
    if isinstance(value, (list, tuple)):
        return Typed(STRINGS, b"".join(_utf16(text) + b"\0\0" for text in value))
    raise TypeError(f"no binary XML type for {value!r}")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


@dataclass(frozen=True)
class Sub:
    """A place in a template that a record fills: number of the value, its type, and whether it may be left out."""

    number: int
    kind: int
    optional: bool = True


@dataclass(frozen=True)
class Element:
    """An element of a template. `depends` names the value whose absence drops the element."""

    name: str
    attributes: tuple[tuple[str, str | Sub], ...] = ()
    content: tuple[str | Sub | Element, ...] = ()
    depends: int = NO_DEPENDENCY


@dataclass(frozen=True)
class Name:
    """A part of a compiled template that is a name, written out or referred to."""

    text: str


@dataclass(frozen=True)
class Begin:
    """A part that begins a sized region."""


@dataclass(frozen=True)
class Finish:
    """A part that ends the region begun last."""


Part = bytes | Name | Begin | Finish


@dataclass(frozen=True)
class Template:
    """A compiled template: identity and parts."""

    guid: bytes
    parts: tuple[Part, ...]

    @property
    def number(self) -> int:
        """The template's number: the first four bytes of its GUID."""
        return int.from_bytes(self.guid[:4], "little")


def template(root: Element) -> Template:
    """The compiled template of an element. Its GUID is derived from its content, so equal content has one identity."""
    digest = hashlib.md5(repr(root).encode(), usedforsecurity=False).digest()
    return Template(digest, (FRAGMENT, *element_parts(root), END))


def element_parts(root: Element, numbered: bool = True) -> list[Part]:
    """The parts of an element; outside of a template elements carry no number of the value they depend on."""
    return list(_merged(_element(root, numbered)))


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    held = b""
    for part in parts:
        if isinstance(part, bytes):
            held += part
            continue
        if held:
            yield held
            held = b""
        yield part
    if held:
        yield held


def _element(element: Element, numbered: bool) -> Iterator[Part]:
    token = ATTRIBUTE_OPEN if element.attributes else INDEPENDENT_OPEN
    yield struct.pack("<BH", token, element.depends) if numbered else bytes([token])
    yield Begin()
    yield Name(element.name)
    if element.attributes:
        yield from _attributes(element.attributes)
    if element.content:
        yield b"\x02"
        for content in element.content:
            yield from _content(content, numbered)
        yield b"\x04"
    else:
        yield b"\x03"
    yield Finish()


def _attributes(attributes: Sequence[tuple[str, str | Sub]]) -> Iterator[Part]:
    yield Begin()
    for position, (name, value) in enumerate(attributes):
        yield b"\x06" if position == len(attributes) - 1 else b"\x46"
        yield Name(name)
        yield from _content(value, True)
    yield Finish()


def _content(content: str | Sub | Element, numbered: bool) -> Iterator[Part]:
    if isinstance(content, Element):
        yield from _element(content, numbered)
    elif isinstance(content, Sub):
        yield struct.pack("<BHB", 0x0E if content.optional else 0x0D, content.number, content.kind)
    else:
        yield struct.pack("<BBH", 0x05, STRING, len(_utf16(content)) // 2) + _utf16(content)


def name_hash(text: str) -> int:
    """The 16-bit hash that the format keeps beside a name."""
    value = 0
    for character in text:
        value = (value * 65599 + ord(character)) & 0xFFFFFFFF
    return value & 0xFFFF


def instance(values: Sequence[Typed]) -> bytes:
    """Descriptors and values of a template instance. Raises ValueError for a value beyond 65,535 bytes."""
    try:
        heads = b"".join(struct.pack("<HBB", len(value.raw), value.kind, 0) for value in values)
    except struct.error as error:
        raise ValueError("a value is larger than a chunk can hold") from error
    return struct.pack("<I", len(values)) + heads + b"".join(value.raw for value in values)
