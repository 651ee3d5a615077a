"""CPU seconds of one more case, from logs to report: `kit batch` against papermill and nbconvert as they come.

    python benchmarks/batch.py [--cases 100] [--sample 12] [--workers 2]

Practice cases are made first. `kit batch` makes the reports of a few and of all of them, each time with an empty
evidence store; the difference, divided by the further cases, is what one more costs: hashing, reading, judging, second
parser, notebook, page, manifest, ledger, index. The other way runs the same notebook on a sample of the same cases with
papermill's own engine and converts it with nbconvert: it reads and judges, but hashes, checks and seals nothing.

The sample is spread over cases of every size: ordered by the bytes of their evidence, the middle one of each of so many
equal parts. Two ratios are told: that of the sample, with both ways on the same cases, and that against the mean of
all cases. CPU seconds are those of all processes; compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import taken

from kit.practice import generate

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "05-case-report.ipynb"
FEW = 2  # cases whose cost, with all that is paid once, is taken off
STOCK = """
import subprocess, sys
import kit, papermill
for number, case in enumerate(sys.argv[3:]):
    done = f"{sys.argv[1]}/{number}.ipynb"
    papermill.execute_notebook(sys.argv[2], done, parameters={"case": case}, progress_bar=False)
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", "--log-level=ERROR", done]
    subprocess.run(convert, check=True)
"""


def main() -> None:
    """Prints one line of JSON: CPU and wall seconds of one more case, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--sample", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as folder:
        place = Path(folder)
        cases = list(generate(place / "cases", seed=given.seed, count=given.cases))
        few, others = cases[:FEW], cases[FEW:]
        sample = _spread(others, given.sample)
        start = _batch(place, few, given.workers)
        every = _batch(place, cases, given.workers)
        some = _batch(place, [*few, *sample], given.workers)
        stock = [_stock(place, chosen) for chosen in (few, [*few, *sample])]
    batch_s, stock_s = (some[0] - start[0]) / len(sample), (stock[1][0] - stock[0][0]) / len(sample)
    told = {
        "cases": len(cases), "workers": given.workers,
        "cpu_s_one_more": (every[0] - start[0]) / len(others), "wall_s_one_more": (every[1] - start[1]) / len(others),
        "cpu_s_all": every[0], "wall_s_all": every[1],
        "sample": len(sample), "sample_cpu_s_one_more": batch_s, "stock_cpu_s_one_more": stock_s,
        "ratio": stock_s / batch_s, "ratio_to_all": stock_s * len(others) / (every[0] - start[0]),
    }  # fmt: skip
    print(json.dumps({name: round(value, 2) for name, value in told.items()}))


def _spread(cases: Sequence[Path], count: int) -> list[Path]:
    """As many cases, from small ones to large ones: the middle of each of `count` equal parts, by their size."""
    ordered = sorted(cases, key=lambda case: (sum(path.stat().st_size for path in case.rglob("*")), case.name))
    count = min(count, len(ordered))
    return [ordered[(2 * part + 1) * len(ordered) // (2 * count)] for part in range(count)]


def _batch(place: Path, cases: Sequence[Path], workers: int) -> tuple[float, float]:
    root, out = _emptied(place / "root"), _emptied(place / "out")
    for case in cases:
        shutil.copytree(case, root / case.name)
    command = [sys.executable, "-m", "kit", "batch", str(root), "--out", str(out), "--workers", str(workers)]
    return _run(place, command)


def _stock(place: Path, cases: Sequence[Path]) -> tuple[float, float]:
    out = _emptied(place / "stock")
    return _run(place, [sys.executable, "-c", STOCK, str(out), str(NOTEBOOK), *map(str, cases)])


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _run(place: Path, command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of a process and all that it started, and wall seconds; the evidence store is empty before."""
    own = os.environ | {"KIT_STORE": str(_emptied(place / "store"))}
    before, start = taken.children_cpu_s(), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):  # 3: some logs of the practice cases are damaged on purpose
        raise SystemExit(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return taken.children_cpu_s() - before, time.monotonic() - start


if __name__ == "__main__":
    main()
