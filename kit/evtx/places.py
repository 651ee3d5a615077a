"""The file as batches of places of 64 KiB, each of which ought to hold a chunk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from kit.evtx import format as layout
from kit.evtx.binxml import u32

LARGEST_BATCH = 320  # chunks; 20 MiB
_RECORD = layout.RECORD_MAGIC.to_bytes(4, "little")
_MOST_SHIFTS = 1000  # how often one file may leave the grid of 64 KiB


class FileHead(NamedTuple):
    """The header of the file; `sound` tells whether its magic and checksum are right."""

    present: bool
    sound: bool
    chunks: int
    next_record_id: int
    flags: int

    @property
    def dirty(self) -> bool:
        """The log was not closed: its header may be older than its chunks."""
        return bool(self.flags & layout.FLAG_DIRTY)

    @property
    def without_checksums(self) -> bool:
        """The writer kept no checksums."""
        return self.present and bool(self.flags & layout.FLAG_NO_CHECKSUMS)


class Places(NamedTuple):
    """Some neighbouring places: bytes (a multiple of 64 KiB), position in the file, bytes that the file really held."""

    data: bytes
    offset: int
    length: int

    @property
    def number(self) -> int:
        """How many places these are."""
        return len(self.data) // layout.CHUNK_SIZE


def file_head(raw: bytes) -> FileHead:
    """The file header from the first bytes of a file."""
    if len(raw) < layout.FILE_HEADER.itemsize or not raw.startswith(layout.FILE_MAGIC):
        return FileHead(False, False, 0, 0, 0)
    head = np.frombuffer(raw, dtype=layout.FILE_HEADER, count=1)[0]
    sound = zlib.crc32(raw[:120]) == int(head["checksum"])
    return FileHead(True, sound, int(head["chunks"]), int(head["next_record_id"]), int(head["flags"]))


def first_place(raw: bytes) -> int:
    """Where the first chunk stands, judged by the first bytes of the file."""
    if raw.startswith(layout.CHUNK_MAGIC):
        return 0
    at = raw.find(layout.CHUNK_MAGIC)
    headed = raw.startswith(layout.FILE_MAGIC)
    return at if 0 <= at < layout.FILE_HEADER_SIZE and not headed else layout.FILE_HEADER_SIZE


def read(file: BinaryIO, size: int) -> Iterator[Places]:
    """The places of a file from its first chunk to its end. The last one is filled up with zeros."""
    file.seek(0)
    offset = first_place(file.read(2 * layout.FILE_HEADER_SIZE))
    shifts = 0
    most = LARGEST_BATCH
    while True:
        file.seek(offset)
        data = file.read(min(_even(size - offset), most) * layout.CHUNK_SIZE)
        if not data:
            return
        shift = _shift(data) if shifts < _MOST_SHIFTS else None
        if shift is not None:
            data = data[:shift]
            shifts, most = shifts + 1, 1
        else:
            most = min(most * 2, LARGEST_BATCH)
        missing = -len(data) % layout.CHUNK_SIZE
        yield Places(data + bytes(missing) if missing else data, offset, len(data))
        offset += len(data)


def _even(left: int) -> int:
    """How many places to read at once, so that all batches are about equally large."""
    places = max(-(-left // layout.CHUNK_SIZE), 1)
    batches = -(-places // LARGEST_BATCH)
    return -(-places // batches)


def _shift(data: bytes) -> int | None:
    """Where a sound chunk begins beside the grid, behind a place that holds none; None when all is on the grid."""
    for start in range(0, len(data), layout.CHUNK_SIZE):
        if data.startswith(layout.CHUNK_MAGIC, start):
            continue
        at = data.find(layout.CHUNK_MAGIC, start + 1, start + layout.CHUNK_SIZE + 7)
        while at >= 0:
            if at % layout.CHUNK_SIZE and _sound(data, at):
                return at
            at = data.find(layout.CHUNK_MAGIC, at + 1, start + layout.CHUNK_SIZE + 7)
    return None


def _sound(data: bytes, at: int) -> bool:
    """Whether a chunk begins here: its header has the right checksum, or fits the record that stands behind it."""
    head = data[at : at + layout.CHUNK_HEADER_SIZE]
    if len(head) < layout.CHUNK_HEADER_SIZE:
        return False
    first = data[at + len(head) : at + len(head) + len(_RECORD)]
    fits = u32(head, 40) == 128 and layout.CHUNK_HEADER_SIZE < u32(head, 48) <= layout.CHUNK_SIZE
    return (fits and first == _RECORD) or zlib.crc32(head[128:], zlib.crc32(head[:120])) == u32(head, 124)
