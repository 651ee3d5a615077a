"""Memory while a log is read: flat, whatever its size, in batches into a Parquet file and as a case into the store.

    KIT_CORPUS=... python benchmarks/evtx_memory.py [--sizes 64 256 1024 2048] [--folder FOLDER]

For each size (MiB) a log is generated and read in a new process, once with kit.evtx.Log, its rows of `events` written
to a Parquet file (zstd) batch by batch, and once with kit.case.load_case into an evidence store of its own, as
`kit check` does. The peak of the process is printed beside the peak after importing alone. The generated files are
deleted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import evtx_inputs

READ = """
import json, sys, time
sys.path.insert(0, sys.argv[3])
import pyarrow.parquet as pq
import kit.evtx
from taken import peak_mib as peak
imports = peak()
begun, cpu, rows = time.perf_counter(), time.process_time(), 0
writer = None
with open(sys.argv[1], "rb") as file:
    for batch in kit.evtx.Log(file).batches():
        table = batch.events()
        writer = writer or pq.ParquetWriter(sys.argv[2], table.schema, compression="zstd")
        writer.write_table(table)
        rows += table.num_rows
if writer:
    writer.close()
print(json.dumps({"rows": rows, "imports_mib": imports, "peak_mib": peak(), "cpu_s": time.process_time() - cpu,
                  "wall_s": time.perf_counter() - begun}))
"""


CASE = """
import json, os, sys, time
sys.path.insert(0, sys.argv[3])
import kit.case
from taken import peak_mib as peak
imports = peak()
begun, cpu = time.perf_counter(), time.process_time()
os.environ["KIT_STORE"] = sys.argv[2]
rows = int(kit.case.load_case(sys.argv[1]).sources["kept"].iloc[0])
print(json.dumps({"rows": rows, "imports_mib": imports, "peak_mib": peak(), "cpu_s": time.process_time() - cpu,
                  "wall_s": time.perf_counter() - begun}))
"""
WAYS = {"batches": READ, "case": CASE}


def measured(size: int, folder: Path) -> dict[str, dict[str, float]]:
    """What reading a log of so many MiB took, in batches and as a case."""
    source = evtx_inputs.corpus() / evtx_inputs.HOMOGENEOUS["system"]
    path = folder / "large.evtx"
    evtx_inputs.tiled(source, path, size << 20)
    try:
        return {way: _run(script, path, folder / way) for way, script in WAYS.items()}
    finally:
        path.unlink(missing_ok=True)


def _run(script: str, path: Path, target: Path) -> dict[str, float]:
    try:
        command = [sys.executable, "-c", script, str(path), str(target), str(Path(__file__).parent)]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(made.stdout)
        return found
    finally:
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024, 2048])
    options.add_argument("--folder", type=Path)
    given = options.parse_args()
    print("| MiB | records | way | imports alone, MiB | peak, MiB | CPU s | wall s |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for size in given.sizes:
            for way, found in measured(size, Path(folder)).items():
                print(
                    f"| {size} | {found['rows']:,.0f} | {way} | {found['imports_mib']:.0f} | {found['peak_mib']:.0f} "
                    f"| {found['cpu_s']:.1f} | {found['wall_s']:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
