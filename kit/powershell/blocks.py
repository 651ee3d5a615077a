"""Text of a file in blocks, whatever its encoding, so that big exports never stand in memory as a whole."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from kit import text
from kit.code_pages import single_bytes

SIZE = 1 << 20


def blocks(file: BinaryIO, culture: str | None = None, size: int = SIZE) -> Iterator[str]:
    """The decoded text of a binary file in blocks of about `size` bytes; no character is split."""
    file.seek(0)
    head = file.read(text.HEAD)
    name, mark = text.encoding_of(head)
    errors = "replace"
    if name == "ansi":
        name, errors = single_bytes(head, culture), "kit-keep-byte"
    decoder = codecs.getincrementaldecoder(name)(errors)
    file.seek(mark)
    while raw := file.read(size):
        if block := decoder.decode(raw):
            yield block
    if block := decoder.decode(b"", final=True):
        yield block
