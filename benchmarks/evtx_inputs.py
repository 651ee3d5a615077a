"""Input files for the EVTX benchmarks, made from real logs in the folder that KIT_CORPUS names.

    python benchmarks/evtx_inputs.py OUT        makes them all in OUT and lists them

Homogeneous logs: the used chunks of one real log repeated until the wanted size is reached, record numbers and
checksums renewed. The mix: every sound and well filled chunk of every log in the corpus once, shuffled with a fixed
seed, behind a new file header, so that it has far more templates than any single log.
"""

from __future__ import annotations

import os
import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

CHUNK = 0x10000
FILLED = 50_000  # bytes in use from which a chunk counts as well filled
HOMOGENEOUS = {  # name: a part of the path of the log it is made from
    "system": "log2timeline+plaso/test_data/evtx/System.evtx",
    "security": "omerbenamram+evtx/samples/security_bad_string_cache.evtx",
    "application": "derived/many-events-application.part-a.evtx",
    "sysmon": "omerbenamram+evtx/samples/sysmon.evtx",
}


def corpus() -> Path:
    """The folder of real logs; ends the program when there is none."""
    folder = os.environ.get("KIT_CORPUS")
    if not folder or not Path(folder).is_dir():
        sys.exit("set KIT_CORPUS to a folder with .evtx files")
    return Path(folder)


def chunks(path: Path) -> Iterator[bytes]:
    """The chunks of a log whose checksums are right."""
    data = path.read_bytes()
    for start in range(4096, len(data) - CHUNK + 1, CHUNK):
        chunk = data[start : start + CHUNK]
        free = int.from_bytes(chunk[48:52], "little")
        sound = chunk.startswith(b"ElfChnk\0") and 512 < free <= CHUNK
        if sound and zlib.crc32(chunk[512:free]) == int.from_bytes(chunk[52:56], "little"):
            yield chunk


def renumbered(chunk: bytes, first: int) -> tuple[bytes, int]:
    """The chunk with record numbers from `first` on and right checksums, and the number after its last record."""
    made = bytearray(chunk)
    free = int.from_bytes(made[48:52], "little")
    at, number = 512, first
    while at + 24 <= free and made[at : at + 4] == b"**\0\0":
        made[at + 8 : at + 16] = number.to_bytes(8, "little")
        at += int.from_bytes(made[at + 4 : at + 8], "little")
        number += 1
    for place, value in ((8, first), (16, number - 1), (24, first), (32, number - 1)):
        made[place : place + 8] = value.to_bytes(8, "little")
    made[52:56] = zlib.crc32(made[512:free]).to_bytes(4, "little")
    made[124:128] = zlib.crc32(made[128:512], zlib.crc32(made[:120])).to_bytes(4, "little")
    return bytes(made), number


def file_header(count: int, next_id: int) -> bytes:
    """A file header block for so many chunks."""
    head = bytearray(4096)
    head[:8] = b"ElfFile\0"
    for place, width, value in (
        (16, 8, count - 1), (24, 8, next_id), (32, 4, 128), (36, 2, 1), (38, 2, 3), (40, 2, 4096),
        (42, 2, count & 0xFFFF),
    ):  # fmt: skip
        head[place : place + width] = value.to_bytes(width, "little")
    head[124:128] = zlib.crc32(head[:120]).to_bytes(4, "little")
    return bytes(head)


def tiled(source: Path, target: Path, size: int) -> None:
    """Writes a log of at least `size` bytes that repeats the sound chunks of another."""
    seeds = list(chunks(source))
    count = -(-size // CHUNK)
    number = 1
    with target.open("wb") as out:
        out.write(bytes(4096))
        for place in range(count):
            made, number = renumbered(seeds[place % len(seeds)], number)
            out.write(made)
        out.seek(0)
        out.write(file_header(count, number))


def mix(target: Path, size: int | None = None, seed: int = 1) -> None:
    """Writes every distinct sound chunk of the corpus in random order; repeats them until `size` is reached."""
    paths = [path for path in sorted(corpus().rglob("*.evtx")) if "large-" not in path.name]
    every = (chunk for path in paths for chunk in chunks(path))
    distinct = {zlib.crc32(chunk): chunk for chunk in every if int.from_bytes(chunk[48:52], "little") >= FILLED}
    every = list(distinct.values())
    random.Random(seed).shuffle(every)
    wanted = max(-(-size // CHUNK), 1) if size else len(every)
    number = 1
    with target.open("wb") as out:
        out.write(bytes(4096))
        for place in range(wanted):
            made, number = renumbered(every[place % len(every)], number)
            out.write(made)
        out.seek(0)
        out.write(file_header(wanted, number))


def make(folder: Path, size: int = 17 << 20) -> dict[str, Path]:
    """All inputs by name; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, source in HOMOGENEOUS.items():
        made[name] = folder / f"{name}.evtx"
        if not made[name].exists():
            tiled(corpus() / source, made[name], size)
    for name, wanted in (("mix", None), ("mix-30mb", 30 << 20)):
        made[name] = folder / f"{name}.evtx"
        if not made[name].exists():
            mix(made[name], wanted)
    return made


if __name__ == "__main__":
    for name, path in make(Path(sys.argv[1] if len(sys.argv) > 1 else "evtx-inputs")).items():
        size = np.round(path.stat().st_size / 1e6, 1)
        print(f"{name:14s} {size:8.1f} MB  {path}")
