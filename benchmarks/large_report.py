"""A report over a million records, or over many machines: CPU seconds, size of the page and its first paint.

    python benchmarks/large_report.py [--machines 1] [--days 14] [--events 1000000] [--keep FOLDER]

The case is made first (`kit.practice.scale`). The first paint is that of headless Chromium, where playwright and a
browser are there; the page is opened from disk, once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kit.practice.scale import write_scale_case
from kit.report import pdf

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="leave the report in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as folder:
        case, out = Path(folder) / "case", given.keep or Path(folder) / "report"
        write_scale_case(case, given.machines, given.days, given.events)
        cpu_s = _reported(case, out, Path(folder) / "store")
        verdicts = json.loads((out / "verdicts.json").read_text(encoding="utf-8"))
        page = out / "report.html"
        told = {
            "machines": given.machines, "records": sum(row["seen"] or 0 for row in verdicts["sources"]),
            "judged_events": len(verdicts["events"]), "points": len(verdicts["recovery_points"]),
            "points_on_page": _points_on(page), "cpu_s": round(cpu_s, 1),
            "html_mb": round(page.stat().st_size / 1e6, 2),
            **_painted(page),
        }  # fmt: skip
    print(json.dumps(told))


def _reported(case: Path, out: Path, store: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "kit", "report", str(case), "--out", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"KIT_STORE": str(store)}, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _points_on(page: Path) -> int:
    """Cells of the verdict strips: no point may be left out, however many there are."""
    return page.read_text(encoding="utf-8").count('<li class="h')


def _painted(page: Path) -> dict[str, Any]:
    """Milliseconds to the first paint and to the end of loading; empty without playwright or a browser."""
    found = pdf.browser()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if found is None:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(found), args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1280, "height": 860})
        view.goto(page.resolve().as_uri(), wait_until="load", timeout=120_000)
        paint = view.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        load = view.evaluate("performance.getEntriesByType('navigation')[0].loadEventStart")
        browser.close()
    return {"first_paint_ms": round(paint), "load_ms": round(load)}


if __name__ == "__main__":
    main()
