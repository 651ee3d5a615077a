"""EVTX to frames, beside other readers: ratios of CPU seconds, measured interleaved in one run.

    KIT_CORPUS=... python benchmarks/evtx_speed.py [--inputs FOLDER] [--repeats 9] [--only NAME ...] [--markdown FILE]

Every line of the result compares ways of reading the same file. CPU seconds of the process are measured (wall seconds
stand beside them); the ways take turns, and the median of the ratios of each turn is given, because the seconds
themselves depend on the machine and on its neighbours. The yardstick is iterating `records_json()` of the Rust package
`evtx`, which yields one JSON text a record and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import evtx
import evtx_inputs
import numpy as np
import pandas as pd
from Evtx.Evtx import ChunkHeader

from kit.evtx import batch, frame, places, walk
from kit.evtx.account import check
from kit.evtx.log import Log
from kit.evtx.registry import Registry

VERSIONS = ("evtx", "python-evtx", "numpy", "pandas", "pyarrow")
PYTHON_EVTX_RECORDS = 150
QUERIES: dict[str, tuple[str | None, list[int] | None]] = {  # provider, event ids
    "system": (None, [6005, 6006, 6008, 6009, 41, 12, 13]),  # starts, stops and crashes
    "application": ("VSS", None),
    "security": (None, [1100, 1101, 4616]),  # the log stopped; the clock was set
    "sysmon": (None, [3, 15, 16]),
    "mix": ("VSS", None),
    "mix-30mb": ("VSS", None),
}
LIST = [
    ("cold", "columnar, templates compiled anew"), ("warm", "columnar, templates known"),
    ("filter", "columnar, a few records wanted"), ("events", "columnar, the kit's table with texts and JSON"),
    ("rust", "Rust records_json(), iterated"), ("rust_frame", "Rust records_json(), json.loads, DataFrame"),
    ("integrity", "checksums and header walk alone"), ("sha256", "SHA-256 of the file"),
]  # fmt: skip


def rust(path: Path) -> int:
    return sum(1 for _ in evtx.PyEvtxParser(str(path)).records_json())


def rust_frame(path: Path) -> int:
    """The same columns as ours, event data as the dictionary that json gives."""
    rows = []
    for record in evtx.PyEvtxParser(str(path)).records_json():
        event = json.loads(record["data"])["Event"]
        system = event["System"]
        event_id, level = system["EventID"], system.get("Level")
        time_created = system["TimeCreated"]["#attributes"]["SystemTime"]
        provider = system["Provider"]["#attributes"].get("Name")
        number = event_id["#text"] if isinstance(event_id, dict) else event_id
        data = event.get("EventData") or event.get("UserData")
        places_of = (level, system.get("Channel"), system.get("Computer"))
        rows.append((record["event_record_id"], time_created, provider, number, *places_of, data))
    names = ["record_id", "time_utc", "provider", "event_id", "level", "channel", "computer", "data"]
    made = pd.DataFrame(rows, columns=names)
    made["time_utc"] = pd.to_datetime(made["time_utc"], format="ISO8601")
    return len(made)


def columnar(path: Path, registry: Registry, wanted: batch.Wanted | None = None) -> int:
    """What kit.evtx.read does, with a given registry."""
    gathered = frame._Gathered()
    with path.open("rb") as file:
        for batch in Log(file, registry=registry, wanted=wanted).batches():
            gathered.take(batch)
    return len(gathered.frame())


def events(path: Path, registry: Registry) -> int:
    with path.open("rb") as file:
        return sum(batch.events().num_rows for batch in Log(file, registry=registry).batches())


def integrity(path: Path) -> int:
    with path.open("rb") as file:
        log = Log(file)
        found = 0
        for some in places.read(file, log.size):
            view, checked = check(some, 0, log.head)
            checked.verify(some.data, np.arange(some.number))
            found += len(walk.walk(view, checked.free))
        return found


def sha256(path: Path) -> int:
    with path.open("rb") as file:
        return len(hashlib.file_digest(file, "sha256").hexdigest())


def wanted(path: Path) -> batch.Wanted | None:
    """The query of a file."""
    return frame.wanted(*QUERIES[path.stem])


def ways(path: Path) -> dict[str, Callable[[], object]]:
    """The ways of reading a file, by name."""
    known = Registry()
    columnar(path, known)
    few = wanted(path)
    return {
        "cold": lambda: columnar(path, Registry()), "warm": lambda: columnar(path, known),
        "filter": lambda: columnar(path, known, few), "events": lambda: events(path, known), "rust": lambda: rust(path),
        "rust_frame": lambda: rust_frame(path), "integrity": lambda: integrity(path), "sha256": lambda: sha256(path),
    }  # fmt: skip


def measured(every: dict[str, Callable[[], object]], repeats: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """CPU seconds of each turn and median wall seconds, by way."""
    cpu: dict[str, list[float]] = {name: [] for name in every}
    wall: dict[str, list[float]] = {name: [] for name in every}
    for turn in range(repeats + 1):
        for name, way in every.items():
            begun, watch = time.process_time(), time.perf_counter()
            way()
            if turn:
                cpu[name].append(time.process_time() - begun)
                wall[name].append(time.perf_counter() - watch)
    return cpu, {name: statistics.median(seconds) for name, seconds in wall.items()}


def ratio(cpu: dict[str, list[float]], one: str, other: str) -> float:
    """The median of the ratios of two ways, turn by turn."""
    return statistics.median(a / b for a, b in zip(cpu[one], cpu[other], strict=True))


def python_evtx(path: Path) -> tuple[float, int]:
    """CPU seconds per record of python-evtx xml(), over the first records of a file."""
    chunk = path.read_bytes()[4096 : 4096 + 0x10000]
    begun, count = time.process_time(), 0
    for record in ChunkHeader(chunk, 0).records():
        try:
            record.xml()
        except Exception:  # noqa: BLE001 - it fails on some records; they count like the others
            continue
        finally:
            count += 1
        if count >= PYTHON_EVTX_RECORDS:
            break
    return (time.process_time() - begun) / count, count


FRESH = """
import sys, time
path, cache = sys.argv[1:]
if cache == "rust":
    import evtx
    way = lambda: sum(1 for _ in evtx.PyEvtxParser(path).records_json())
else:
    import kit.evtx
    way = lambda: kit.evtx.read(path, cache=cache)
begun = time.process_time()
way()
print(time.process_time() - begun)
"""


def new_process(path: Path, cache: str) -> float:
    """CPU seconds of reading in a new process, imports not counted; `cache` is a folder of templates, or `rust`."""
    command = [sys.executable, "-c", FRESH, str(path), cache]
    made = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return float(made.stdout)


def fresh(path: Path, repeats: int) -> dict[str, float]:
    """Ratios of reading in new processes, with the templates of an earlier run on disk and with none."""
    with tempfile.TemporaryDirectory() as folder:
        new_process(path, f"{folder}/kept")
        turns = [
            tuple(new_process(path, cache) for cache in (f"{folder}/kept", f"{folder}/{turn}", "rust"))
            for turn in range(repeats)
        ]
    return {
        "fresh process, templates on disk / rust": statistics.median(kept / other for kept, _, other in turns),
        "fresh process, no templates / rust": statistics.median(none / other for _, none, other in turns),
    }


def compared(name: str, path: Path, repeats: int) -> dict[str, object]:
    """All figures of one file."""
    every = ways(path)
    cpu, wall = measured(every, repeats)
    records = rust(path)
    slow, sampled = python_evtx(path)
    medians = {way: statistics.median(seconds) for way, seconds in cpu.items()}
    return {
        "name": name, "megabytes": path.stat().st_size / 1e6, "records": records, "ours": columnar(path, Registry()),
        "cpu_s": medians, "wall_s": wall,
        "cold / rust": ratio(cpu, "cold", "rust"), "warm / rust": ratio(cpu, "warm", "rust"),
        **fresh(path, repeats), "share wanted": columnar(path, Registry(), wanted(path)) / records,
        "rust to frame / warm": ratio(cpu, "rust_frame", "warm"), "filter / warm": ratio(cpu, "filter", "warm"),
        "events / rust": ratio(cpu, "events", "rust"), "integrity / sha256": ratio(cpu, "integrity", "sha256"),
        "python-evtx xml() / warm": slow * records / medians["warm"], "python-evtx sampled": sampled,
    }  # fmt: skip


RATIOS = (
    "warm / rust", "cold / rust", "fresh process, templates on disk / rust", "fresh process, no templates / rust",
    "rust to frame / warm", "python-evtx xml() / warm", "filter / warm", "share wanted", "events / rust",
    "integrity / sha256",
)  # fmt: skip


def machine() -> str:
    """The machine and the versions, in a line."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    system = f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}"
    return f"{system}, Python {platform.python_version()}, {versions}"


def markdown(found: list[dict[str, object]]) -> str:
    """The figures as tables."""
    names = [str(one["name"]) for one in found]
    lines = [f"Machine: {machine()}.", "", line("ratio of CPU seconds", names), "|---|" + "---|" * len(found)]
    lines.append(line("megabytes / records", (f"{one['megabytes']:.1f} / {one['records']:,}" for one in found)))
    for name in RATIOS:
        digits = 0 if "xml" in name else 3 if name == "share wanted" else 2
        lines.append(line(name, (f"{one[name]:,.{digits}f}" for one in found)))
    lines += ["", line("CPU s (wall s)", names), "|---|" + "---|" * len(found)]
    for way, meaning in LIST:
        lines.append(line(meaning, (f"{one['cpu_s'][way]:.3f} ({one['wall_s'][way]:.3f})" for one in found)))
    return "\n".join(lines)


def line(first: str, cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {first} | {' | '.join(cells)} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--inputs", type=Path)
    options.add_argument("--repeats", type=int, default=9)
    options.add_argument("--only", nargs="*")
    options.add_argument("--markdown", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        inputs = evtx_inputs.make(given.inputs or Path(temporary))
        chosen = {name: path for name, path in inputs.items() if not given.only or name in given.only}
        found = []
        for name, path in chosen.items():
            print(f"{name} ...", file=sys.stderr)
            found.append(compared(name, path, given.repeats))
    text = markdown(found)
    print(text)
    if given.markdown:
        given.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
