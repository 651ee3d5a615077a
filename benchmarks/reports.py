"""CPU seconds of one more report: warm kernel and own export against stock papermill and nbconvert, in the same run.

    python benchmarks/reports.py [CASE] [--more 4]

Each way runs in processes of its own, once with one report and once with more; the difference, divided by the number of
further reports, is what one more costs. CPU seconds count the kernels. Compare the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import taken

ROOT = Path(__file__).resolve().parent.parent
WARM = """
import sys
from kit.report import report
for number in range(int(sys.argv[3])):
    report(sys.argv[1], f"{sys.argv[2]}/warm-{number}")
from papermill.engines import papermill_engines
papermill_engines.get_engine("warm").stop()
"""
STOCK = """
import subprocess, sys
import kit, papermill
for number in range(int(sys.argv[3])):
    done = f"{sys.argv[2]}/stock-{number}.ipynb"
    papermill.execute_notebook(sys.argv[4], done, parameters={"case": sys.argv[1]}, progress_bar=False)
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", "--log-level=ERROR", done]
    subprocess.run(convert, check=True)
"""


def main() -> None:
    """Prints one line of JSON: CPU seconds of one more report each way, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", type=Path, default=ROOT / "data" / "practice")
    parser.add_argument("--more", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        analysis = Path(folder) / "analysis"
        _run("import sys, kit; kit.open_analysis(sys.argv[1]).save(sys.argv[2])", str(given.case), str(analysis))
        notebook = str(ROOT / "notebooks" / "05-case-report.ipynb")
        made = {
            name: (_run(code, str(analysis), folder, str(1 + given.more), notebook)
                   - _run(code, str(analysis), folder, "1", notebook)) / given.more
            for name, code in (("warm_cpu_s", WARM), ("stock_cpu_s", STOCK))
        }  # fmt: skip
    told = {name: round(seconds, 2) for name, seconds in made.items()}
    print(json.dumps(told | {"ratio": round(made["stock_cpu_s"] / made["warm_cpu_s"], 1), "more": given.more}))


def _run(code: str, *arguments: str) -> float:
    """CPU seconds of a process and all that it started."""
    before = taken.children_cpu_s()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    return taken.children_cpu_s() - before


if __name__ == "__main__":
    main()
