"""The text of a PDF in every form in which it stands there: strings of its objects, titles, and the drawn glyphs.

A small reader of what browsers print: streams packed with Flate, fonts with a table from glyphs to letters.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator

_OBJECT = re.compile(rb"(\d+) +\d+ +obj\b(.*?)\bendobj\b", re.DOTALL)
_STREAM = re.compile(rb"\bstream\r?\n(.*?)\r?\n?endstream\b", re.DOTALL)
_FONTS = re.compile(rb"/Font\s*<<(.*?)>>", re.DOTALL)
_NAMED = re.compile(rb"/([^\s/<>\[\]()]+)\s+(\d+)\s+\d+\s+R\b")
_TO_UNICODE = re.compile(rb"/ToUnicode\s+(\d+)\s+\d+\s+R\b")
_STRING = rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)|<[0-9A-Fa-f\s]+>"
_STRINGS = re.compile(_STRING, re.DOTALL)
_SHOWN = re.compile(rb"/([^\s/<>\[\]()]+)\s+[-\d.]+\s+Tf\b|\b(ET)\b|(" + _STRING + rb")", re.DOTALL)
_SECTION = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_ENTRY = re.compile(rb"<([0-9A-Fa-f]+)>|(\[[^\]]*\])")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
LONGEST = 1 << 28  # bytes of one unpacked stream

Glyphs = dict[int, str]


def pdf_texts(raw: bytes) -> Iterator[str]:
    """Every string of the file's objects, the unpacked streams as they are, and the drawn text of each page."""
    objects = {int(number): body for number, body in _OBJECT.findall(raw)}
    streams = {number: _unpacked(body) for number, body in objects.items()}
    streams[-1] = b"\n".join(_inflated(found) for found in _STREAM.findall(raw)) if not objects else b""
    outside = _STREAM.sub(b"", raw)
    packed = b"\n".join(stream for number, stream in streams.items() if b"/ObjStm" in objects.get(number, b""))
    for blob in (outside, packed):
        yield blob.decode("latin-1")
        yield from (_plain(found) for found in _STRINGS.findall(blob))
    fonts = _fonts(objects, streams, outside + packed)
    for stream in streams.values():
        yield stream.decode("latin-1")
        if b"Tf" in stream:
            yield from _drawn(stream, fonts)


def _unpacked(body: bytes) -> bytes:
    found = _STREAM.search(body)
    return _inflated(found[1]) if found else b""


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, LONGEST)
    except zlib.error:
        return data


def _bytes(written: bytes) -> bytes:
    if written.startswith(b"<"):
        digits = re.sub(rb"\s", b"", written[1:-1])
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return _ESCAPE.sub(_unescaped, written[1:-1])


def _unescaped(found: re.Match[bytes]) -> bytes:
    said = found[1]
    if said[:1].isdigit():
        return bytes([int(said, 8) & 255])
    return b"" if said.endswith(b"\n") else _ESCAPED.get(said, said)


def _plain(written: bytes) -> str:
    data = _bytes(written)
    return data.decode("utf-16", "replace") if data[:2] in (b"\xfe\xff", b"\xff\xfe") else data.decode("latin-1")


def _fonts(objects: dict[int, bytes], streams: dict[int, bytes], texts: bytes) -> dict[bytes, list[Glyphs]]:
    """The tables from glyphs to letters of every font, by the name that pages call it."""
    made: dict[bytes, list[Glyphs]] = defaultdict(list)
    for listed in _FONTS.findall(texts):
        for name, number in _NAMED.findall(listed):
            found = _TO_UNICODE.search(objects.get(int(number), b""))
            glyphs = _glyphs(streams.get(int(found[1]), b"")) if found else {}
            if glyphs and glyphs not in made[name]:
                made[name].append(glyphs)
    return made


def _glyphs(stream: bytes) -> Glyphs:
    made: Glyphs = {}
    for kind, content in _SECTION.findall(stream):
        entries = [hexed or listed for hexed, listed in _ENTRY.findall(content)]
        if kind == b"char":
            for code, letters in zip(entries[::2], entries[1::2], strict=False):
                made[int(code, 16)] = _letters(letters)
            continue
        for first, last, letters in zip(entries[::3], entries[1::3], entries[2::3], strict=False):
            made |= _range(int(first, 16), int(last, 16), letters)
    return made


def _range(first: int, last: int, letters: bytes) -> Glyphs:
    if letters.startswith(b"["):
        listed = re.findall(rb"<([0-9A-Fa-f]+)>", letters)
        return {first + place: _letters(one) for place, one in enumerate(listed)}
    start = int(letters, 16)
    return {code: chr(start + code - first) for code in range(first, min(last, first + 65535) + 1)
            if start + code - first < 0x110000}


def _letters(hexed: bytes) -> str:
    return bytes.fromhex(hexed.decode("ascii")).decode("utf-16-be", "replace")


def _drawn(stream: bytes, fonts: dict[bytes, list[Glyphs]]) -> Iterator[str]:
    """The letters of a page's content, a line for each block of text."""
    tables: list[Glyphs] = []
    blocks: list[str] = []
    pieces: list[str] = []
    for font, end, written in _SHOWN.findall(stream):
        if font:
            tables = fonts.get(font, [])
        elif end:
            blocks.append("".join(pieces))
            pieces = []
        elif written:
            pieces.append(_shown(_bytes(written), tables))
    yield "\n".join([*blocks, "".join(pieces)])


def _shown(data: bytes, tables: list[Glyphs]) -> str:
    if not tables:
        return data.decode("latin-1")
    codes = [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data) - 1, 2)]
    return "".join(tables[0].get(code, "") for code in codes)
