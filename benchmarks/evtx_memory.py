"""Memory while a log is read in batches into a Parquet file: flat, whatever the size of the log.

    KIT_CORPUS=... python benchmarks/evtx_memory.py [--sizes 64 256 1024 2048] [--folder FOLDER]

For each size (MiB) a log is generated, read in a new process with kit.evtx.Log, its rows of `events` are written to a
Parquet file (zstd) batch by batch, and the peak of that process is printed beside the peak after importing alone.
The generated files are deleted.
"""

from __future__ import annotations

import argparse
import json
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


def measured(size: int, folder: Path) -> dict[str, float]:
    """What reading a log of so many MiB took."""
    source = evtx_inputs.corpus() / evtx_inputs.HOMOGENEOUS["system"]
    path, target = folder / "large.evtx", folder / "large.parquet"
    evtx_inputs.tiled(source, path, size << 20)
    try:
        command = [sys.executable, "-c", READ, str(path), str(target), str(Path(__file__).parent)]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        return {"mib": size, **json.loads(made.stdout), "parquet_mib": target.stat().st_size / (1 << 20)}
    finally:
        path.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024, 2048])
    options.add_argument("--folder", type=Path)
    given = options.parse_args()
    print("| MiB | records | imports alone, MiB | peak, MiB | CPU s | wall s | Parquet, MiB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for size in given.sizes:
            found = measured(size, Path(folder))
            print(
                f"| {size} | {found['rows']:,.0f} | {found['imports_mib']:.0f} | {found['peak_mib']:.0f} "
                f"| {found['cpu_s']:.1f} | {found['wall_s']:.1f} | {found['parquet_mib']:.0f} |"
            )


if __name__ == "__main__":
    main()
