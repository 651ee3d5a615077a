"""Damaged logs by the thousand: the EVTX reader must not hang, crash, lose track of a record or allocate without bound.

    python benchmarks/fuzz_evtx.py --cases 10000 [--seed 1] [--out results.json]

Each case takes a small log (made by the practice writer; with KIT_CORPUS also real ones), damages it in a way that its
seed decides, reads it, and checks: no error but Unreadable; the account adds up; time and memory stay in proportion to
the size. Seeds of cases that fail are printed and kept in the result file; `--only SEED` runs one again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import struct
import sys
import tempfile
import time
import tracemalloc
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from kit.errors import Unreadable
from kit.evtx import Log
from kit.evtx.notes import notes
from kit.evtx.registry import Registry
from kit.practice import binxml
from kit.practice.evtx_writer import Event, UserData, write_evtx

CHUNK = 0x10000
MOST_S = 20.0  # for a log of half a megabyte that normally takes some hundredths of a second
MOST_BYTES = 400 << 20
LARGEST_REAL = 1_200_000


def made() -> bytes:
    """A small log with all forms of records."""
    start = datetime(2024, 5, 18, 10, 0, tzinfo=UTC)
    events = []
    for number in range(400):
        when = start + timedelta(seconds=number)
        events.append([
            Event("MSSQLSERVER", 18210, when, "Application", "SQLVM", 2, strings=("a" * (number % 50), "", "995"),
                  binary=b"\x01\x02", qualifiers=49_152),
            Event("Microsoft-Windows-Kernel-General", 12, when, "System", "SQLVM",
                  data=(("MajorVersion", 6), ("BootMode", binxml.u8(0)), ("StartTime", when)),
                  provider_guid="A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D", user_sid="S-1-5-18", process_id=4),
            Event("Microsoft-Windows-Hyper-V-VMMS", 18304, when, "VMMS-Admin", "HV", 2, provider_guid=binxml_guid(),
                  user_data=UserData("VmlEventLog", "urn:v", (("VmName", f"vm{number}"), ("VmId", "4C2F")))),
            Event("Collected", 7, when, "ForwardedEvents", "WEC", strings=("x", "y"), message="text", forwarded=True),
        ][number % 4])  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.evtx"
        write_evtx(path, events)
        return path.read_bytes()


def binxml_guid() -> str:
    return "6066f867-7ca1-4418-85fd-36e3f9c0600c"


def seeds_of_logs() -> list[bytes]:
    """The logs to damage."""
    logs = [made()]
    if folder := os.environ.get("KIT_CORPUS"):
        paths = sorted(Path(folder).rglob("*.evtx"))
        logs.extend(path.read_bytes() for path in paths if path.stat().st_size <= LARGEST_REAL)
    return logs


def damaged(log: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """The log with one to four kinds of damage."""
    data = bytearray(log)
    for _ in range(dice.randint(1, 4)):
        dice.choice(DAMAGES)(data, dice, others)
    if dice.random() < 0.4:
        sign(data)
    return bytes(data)


def flip_bits(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    for _ in range(dice.choice((1, 3, 30, 300))):
        if data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def flip_in_structures(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    """Bits where they hurt: headers of chunks and records, templates, descriptors."""
    for _ in range(dice.choice((1, 5, 50))):
        if len(data) > 4096 + CHUNK:
            chunk = 4096 + dice.randrange((len(data) - 4096) // CHUNK) * CHUNK
            data[chunk + dice.randrange(dice.choice((128, 512, 1500, 4096)))] ^= 1 << dice.randrange(8)


def cut(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    del data[dice.randrange(len(data) + 1) :]


def cut_front(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    del data[: dice.choice((1, 512, 4096, 5000, CHUNK))]


def splice(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    """Part of another log in the place of part of this one."""
    other = dice.choice(others)
    size = dice.choice((512, 4096, CHUNK, 3 * CHUNK))
    start, at = dice.randrange(len(other)), dice.randrange(len(data) + 1)
    data[at : at + size] = other[start : start + size]


def insert(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.randbytes(dice.choice((1, 7, 512, 5000)))


def blank(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    at, size = dice.randrange(len(data) + 1), dice.choice((8, 512, 4096, CHUNK))
    size = max(min(size, len(data) - at), 0)
    data[at : at + size] = bytes([dice.choice((0, 0xFF, 0x41))]) * size


def shuffle_chunks(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    chunks = [data[start : start + CHUNK] for start in range(4096, len(data), CHUNK)]
    dice.shuffle(chunks)
    data[4096:] = b"".join([*chunks, *chunks[: dice.randint(0, 2)]])


def wild_numbers(data: bytearray, dice: random.Random, others: list[bytes]) -> None:
    """Extreme numbers in aligned places."""
    for _ in range(dice.choice((1, 5, 40))):
        if len(data) > 8:
            value = dice.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF, 0x10000, 512, 0x2A2A))
            struct.pack_into("<I", data, dice.randrange(len(data) // 4 - 1) * 4, value)


DAMAGES = (
    flip_bits, flip_in_structures, cut, cut_front, splice, insert, blank, shuffle_chunks, wild_numbers,
    flip_in_structures,
)  # fmt: skip


def sign(data: bytearray) -> None:
    """Makes the checksums right again, so that nothing warns the reader."""
    for start in range(4096, len(data) - CHUNK + 1, CHUNK):
        free = struct.unpack_from("<I", data, start + 48)[0]
        if 512 <= free <= CHUNK:
            struct.pack_into("<I", data, start + 52, zlib.crc32(data[start + 512 : start + free]))
        head = zlib.crc32(data[start + 128 : start + 512], zlib.crc32(data[start : start + 120]))
        struct.pack_into("<I", data, start + 124, head)


def problem(data: bytes) -> str | None:
    """What is wrong with how the log is read; None when nothing is."""
    begun = time.process_time()
    try:
        log = Log(BytesIO(data), registry=Registry())
        rows = 0
        for batch in log.batches():
            table = batch.events()
            table.validate(full=True)
            rows += table.num_rows
        account = log.account.table().to_pydict()
        notes(log)
    except Unreadable:
        return None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"
    found = sum(loss.count or 0 for loss in log.losses if loss.found)
    if rows != sum(account["decoded"]) or sum(account["seen"]) != rows + found:
        return f"account: {rows} rows, {sum(account['decoded'])} decoded, {sum(account['seen'])} seen, {found} lost"
    spent = time.process_time() - begun
    return f"took {spent:.1f} s for {len(data)} bytes" if spent > MOST_S else None


def case(seed: int, logs: list[bytes]) -> bytes:
    """The damaged log of a seed."""
    dice = random.Random(seed)
    return damaged(dice.choice(logs), dice, logs)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", type=int)
    options.add_argument("--memory", action="store_true", help="measure the peak of Python's allocations (slow)")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    logs = seeds_of_logs()
    seeds = [given.only] if given.only is not None else range(given.seed, given.seed + given.cases)
    failures: dict[int, str] = {}
    slowest = (0.0, 0)
    peak = 0
    begun = time.perf_counter()
    for number, seed in enumerate(seeds, 1):
        data = case(seed, logs)
        if given.memory:
            tracemalloc.start()
        spent = time.process_time()
        wrong = problem(data)
        slowest = max(slowest, (time.process_time() - spent, seed))
        if given.memory:
            peak = max(peak, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        if wrong:
            failures[seed] = wrong
            print(f"seed {seed}: {wrong}", file=sys.stderr)
        if number % 500 == 0:
            print(f"{number} cases, {len(failures)} failed, {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    result = {
        "cases": len(seeds), "first_seed": seeds[0], "logs": len(logs), "failed": failures,
        "slowest_s": round(slowest[0], 3), "slowest_seed": slowest[1], "peak_bytes": peak or None,
        "kinds": Counter(text.split(":")[0] for text in failures.values()),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if given.out:
        given.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
