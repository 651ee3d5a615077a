"""Damage as it happens to logs: chunks overwritten with something else, files cut short."""

from __future__ import annotations

import struct
from collections.abc import Collection
from pathlib import Path

from kit.practice.evtx_writer import CHUNK, FILE_HEAD


def smash(path: Path, numbers: Collection[int]) -> int:
    """The number of chunks overwritten: those of an .evtx file whose first record is one of `numbers`.

    The content becomes zeros, as a sector range that could not be read does in many copying tools.
    """
    if not numbers:
        return 0
    raw = bytearray(path.read_bytes())
    count = 0
    for start in range(FILE_HEAD, len(raw), CHUNK):
        if struct.unpack_from("<Q", raw, start + 8)[0] in numbers:
            raw[start : start + CHUNK] = bytes(CHUNK)
            count += 1
    path.write_bytes(raw)
    return count


def cut(path: Path, share: float) -> int:
    """The size left after a copy that stopped at this share of the file."""
    raw = path.read_bytes()
    size = int(len(raw) * share)
    path.write_bytes(raw[:size])
    return size
