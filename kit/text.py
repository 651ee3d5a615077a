"""Text files of unknown encoding: bytes to text without losing a character that can be kept."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

import numpy as np

from kit.code_pages import single_bytes

HEAD = 65536
LONGEST = 1 << 20  # bytes of one line; what is longer is cut and says so

_BOMS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
class Line(NamedTuple):
    """One line: number from 1, byte offset, text without line end, bytes that were cut off."""

    number: int
    offset: int
    text: str
    cut: int = 0


def _keep_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(map(chr, error.object[error.start : error.end])), error.end


codecs.register_error("kit-keep-byte", _keep_byte)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Encoding that the beginning of a file shows, and the length of its byte order mark.

    `utf-8` stands for every text in single bytes that does not contradict UTF-8.
    """
    for mark, name in _BOMS:
        if head.startswith(mark) and not (name == "utf-32-le" and _utf16_not_32(head)):
            return name, len(mark)
    if wide := _utf16(head):
        return wide, 0
    return ("utf-8" if _mostly_utf8(head) else "ansi"), 0


def decode(raw: bytes, culture: str | None = None) -> tuple[str, str]:
    """Text and the name of its encoding: byte order mark, UTF-16 without one, UTF-8, else the ANSI code page.

    Embedded NULs survive. Bytes that the encoding does not know become U+FFFD (UTF) or the character of
    their number (ANSI).
    """
    return _head_decoded(raw, culture) if len(raw) <= HEAD else _decoded(raw, culture)


def _decoded(raw: bytes, culture: str | None) -> tuple[str, str]:
    name, mark = encoding_of(raw)
    if name == "ansi":
        name = single_bytes(raw[:HEAD], culture)
        return raw.decode(name, "kit-keep-byte"), name
    return raw[mark:].decode(name, "replace"), name


_head_decoded = lru_cache(maxsize=4)(_decoded)  # every reader looks at the same head to see whether it knows the format


def _utf16_not_32(head: bytes) -> bool:
    """FF FE 00 00 is UTF-32 unless a UTF-16 file begins with a NUL: then every fourth byte is not 0."""
    return any(head[3:4096:4])


def _utf16(head: bytes) -> str | None:
    units = np.frombuffer(head[: len(head) // 2 * 2][:HEAD], np.uint8).reshape(-1, 2)
    first, second = units[:, 0] != 0, units[:, 1] != 0
    little = int(np.count_nonzero(first & ~second))
    big = int(np.count_nonzero(second & ~first))
    filled = int(np.count_nonzero(first | second))
    if max(little, big) * 10 < filled or max(little, big) < 2:
        return None
    if little > 4 * big:
        return "utf-16-le"
    return "utf-16-be" if big > 4 * little else None


def _mostly_utf8(raw: bytes) -> bool:
    """No byte contradicts UTF-8, or the characters beyond ASCII outnumber the wrong bytes."""
    if raw.isascii():
        return True
    kept = raw.decode("utf-8", "replace")
    wrong = kept.count("\ufffd")
    beyond_ascii = len(kept) - len(kept.encode("ascii", "ignore")) - wrong
    return beyond_ascii > wrong or (len(raw) == HEAD and wrong == 1 and kept.endswith("\ufffd"))


def lines(file: BinaryIO, culture: str | None = None, longest: int = LONGEST) -> Iterator[Line]:
    """Every line of a binary file with number and byte offset, read in blocks: memory stays flat.

    In files of single bytes each line that is no UTF-8 is read in the culture's ANSI code page, so that a
    file written by two programs keeps both. Files in UTF-32 are read as a whole.
    """
    file.seek(0)
    head = file.read(HEAD)
    name, mark = encoding_of(head)
    page = single_bytes(head, culture)
    if name.startswith("utf-32"):
        file.seek(0)
        yield from _wide_lines(file.read()[mark:].decode(name, "replace"), mark)
        return
    file.seek(mark)
    for number, (offset, raw, cut) in enumerate(_raw_lines(file, mark, name, longest), 1):
        yield Line(number, offset, _line_text(raw, name, page), cut)


def _wide_lines(text: str, offset: int) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        yield Line(number, offset, line.removesuffix("\r"))
        offset += 4 * (len(line) + 1)


def _line_text(raw: bytes, name: str, page: str) -> str:
    if name.startswith("utf-16"):
        return raw.decode(name, "replace").removesuffix("\r")
    try:
        return raw.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError:
        if name == "utf-8" and _mostly_utf8(raw):
            return raw.decode("utf-8", "replace").removesuffix("\r")
        return raw.decode(page, "kit-keep-byte").removesuffix("\r")


def _raw_lines(file: BinaryIO, offset: int, name: str, longest: int) -> Iterator[tuple[int, bytes, int]]:
    """Offset and bytes of each line without line end, and how many bytes beyond the longest were left out."""
    width = 2 if name.startswith("utf-16") else 1
    rest, cut = b"", 0
    while block := file.read(1 << 20):
        data, begin = rest + block, 0
        for end in _line_ends(data, name):
            yield offset, data[begin:end][:longest], cut + max(0, end - begin - longest)
            offset += cut + end - begin + width
            begin, cut = end + width, 0
        rest = data[begin:]
        if len(rest) > longest + width:
            half = rest[len(rest) // width * width :]
            cut += len(rest) - longest - len(half)
            rest = rest[:longest] + half
    if rest or cut:
        yield offset, rest[:longest], cut + max(0, len(rest) - longest)


def _line_ends(data: bytes, name: str) -> list[int]:
    if not name.startswith("utf-16"):
        found = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
        return list(map(int, found))
    units = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if name.endswith("le") else ">u2")
    return [2 * int(place) for place in np.flatnonzero(units == 10)]
