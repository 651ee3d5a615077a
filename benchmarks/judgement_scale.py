"""CPU time, wall time and memory of the judgement, from one machine to many, two weeks of hourly points each.

    python benchmarks/judgement_scale.py                                            1 and 3 machines, a few minutes
    python benchmarks/judgement_scale.py --machines 1 3 10 30 --events 5000000      the large case

The cases are made by the practice writer. `--events` are the other records (a Security log in each guest) of the
largest case; smaller cases have the same number a machine. Reading the files into the evidence store comes first and
is not counted. Then a fresh process for each size opens the case from the store and measures `kit.judgement.analyze`
alone. `--keep FOLDER` keeps cases and store there and uses them again. `--profile` slows down what it measures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import taken

LIBRARIES = ("pandas", "numpy", "pyarrow", "duckdb")


def main() -> None:
    options = _options()
    if options.measure:
        print(json.dumps(measured(options.measure, options.profile)))
    elif options.make:
        from kit.practice.scale import write_scale_case

        write_scale_case(options.make, options.machines[0], options.days, options.events)
    elif options.load:
        _loaded(options.load)
    else:
        with _folder(options.keep) as folder:
            rows = [_size(folder, options, machines) for machines in sorted(options.machines)]
        print(table(rows, options.days))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 3], help="numbers of VMs, one case each")
    parser.add_argument("--events", type=int, default=100_000, help="other records in the largest case")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--keep", type=Path, help="folder for cases and store, used again when it is there")
    parser.add_argument("--profile", type=Path, help="write the profile of the analysis (cProfile) to this file")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kit-judgement-scale-") as folder:
        yield Path(folder)


def _size(folder: Path, options: argparse.Namespace, machines: int) -> dict[str, Any]:
    """The measurement of one size; the case is made and read in processes of their own."""
    events = options.events * machines // max(options.machines)
    case = folder / f"case-{machines}-{options.days}-{events}"
    if not case.is_dir():
        _say(f"writing {machines} VMs, {events} other records")
        making = case.with_name(case.name + ".making")
        _run(folder, "--make", making, "--machines", machines, "--days", options.days, "--events", events)
        making.rename(case)
    _say(f"reading {machines} VMs")
    _run(folder, "--load", case)
    _say(f"judging {machines} VMs")
    more = ["--profile", options.profile] if options.profile else []
    made: dict[str, Any] = json.loads(_run(folder, "--measure", case, *more))
    _say(f"{made['cpu_s']:.1f} s CPU, {made['wall_s']:.1f} s wall, {taken.said(made['peak_mib'], 0)} MiB at most")
    return made


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(folder: Path, *given: object) -> str:
    environment = os.environ | {"KIT_STORE": str(folder / "store")}
    command = [sys.executable, __file__, *map(str, given)]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout


def _loaded(folder: Path) -> None:
    from kit.case import load_case

    load_case(folder, workers=os.cpu_count(), quiet=True)


def measured(folder: Path, profile: Path | None = None) -> dict[str, Any]:
    """Sizes of the case, seconds of CPU and wall, and the peak of the memory before and after the analysis."""
    from kit.case import load_case
    from kit.judgement import analyze

    case = load_case(folder, quiet=True)
    before = taken.peak_mib()
    with _profiled(profile):
        wall, cpu = time.perf_counter(), time.process_time()
        made = analyze(case)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "machines": made.recovery_points["vm_name"].nunique(),
        "points": len(made.recovery_points),
        "events": int(case.sources["kept"].sum()),
        "judged": len(made.judged_events),
        "wall_s": wall,
        "cpu_s": cpu,
        "before_mib": before,
        "peak_mib": taken.peak_mib(),
    }


@contextlib.contextmanager
def _profiled(path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    import cProfile

    with cProfile.Profile() as profile:
        yield
    profile.dump_stats(path)


def table(rows: list[dict[str, Any]], days: int) -> str:
    """The measurements as a Markdown table, the growth against the smallest case in the last column."""
    first = rows[0]
    lines = [
        f"{days} days of hourly points for each VM. {_machine()}",
        "",
        "| VMs | points | records | judged events | CPU s | wall s | peak MiB (before) | CPU s a VM | VMs : CPU |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        growth = f"{row['machines'] / first['machines']:.0f} : {row['cpu_s'] / first['cpu_s']:.1f}"
        lines.append(
            f"| {row['machines']} | {row['points']:,} | {row['events']:,} | {row['judged']:,} | {row['cpu_s']:.1f} "
            f"| {row['wall_s']:.1f} | {taken.said(row['peak_mib'], 0)} ({taken.said(row['before_mib'], 0)}) "
            f"| {row['cpu_s'] / row['machines']:.2f} | {growth} |"
        )
    return "\n".join(lines)


def _machine() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}, {versions}."


if __name__ == "__main__":
    main()
