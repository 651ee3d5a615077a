"""A page as PDF, printed by the browser that is on the machine: Chromium, Chrome or Edge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from kit.errors import ExportError, Unsupported
from kit.report.export import script_hash

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
MACOS = ("Google Chrome", "Chromium", "Microsoft Edge")
WIDTH = 718  # px of an A4 page between the margins; the page is laid out in it, so that no figure is cropped
TIMEOUT_S = 180
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_STAMP = re.compile(rb"\(D:\d{14}")  # dates of the document; replaced by as many bytes


def browser() -> Path | None:
    """The first browser found that can print: named in KIT_BROWSER, on the path, or where its installer puts it."""
    named = os.environ.get("KIT_BROWSER")
    candidates = [Path(named)] if named else []
    candidates += [Path(found) for name in NAMES if (found := shutil.which(name))]
    if sys.platform == "win32":
        roots = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        candidates += [Path(root) / place for root in roots if root for place in WINDOWS]
    elif sys.platform == "darwin":
        candidates += [Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in MACOS]
    return next((path for path in candidates if path.is_file()), None)


def write(page: Path, target: Path, moment: datetime, paper: str = "A4") -> Path:
    """The page as PDF with page numbers and the report's id on every sheet; `moment` is its date of issue.

    Raises Unsupported without a browser, ExportError when the browser fails.
    """
    found = browser()
    if found is None:
        raise Unsupported("a PDF needs Chromium, Chrome or Edge: install one, or name it in the variable KIT_BROWSER")
    with tempfile.TemporaryDirectory(prefix="kit-pdf-", ignore_cleanup_errors=True) as folder:
        sheet = Path(folder) / page.name
        sheet.write_text(_sized(page.read_text(encoding="utf-8"), paper), encoding="utf-8", newline="\n")
        done = _print(found, sheet, target, str(Path(folder) / "profile"))
    if done.returncode or not target.is_file() or not target.stat().st_size:
        words = (done.stderr or "").strip().splitlines()[-1:]
        raise ExportError(f"{found.name} could not print {page.name}: {words[0] if words else 'no reason given'}")
    stamp = f"(D:{moment.astimezone(UTC):%Y%m%d%H%M%S}".encode()
    target.write_bytes(_STAMP.sub(stamp, target.read_bytes()))
    return target


def _sized(html: str, paper: str) -> str:
    """The page with the size of its sheets; its policy then allows the style sheet that says so."""
    found = _STYLE.search(html)
    if found is None:
        return html
    style = found[1].replace("@page{", f"@page{{size:{paper};", 1)
    before, after = (style_hash.strip("'") for style_hash in (script_hash(found[1]), script_hash(style)))
    return (html[: found.start(1)] + style + html[found.end(1) :]).replace(before, after, 1)


def _print(found: Path, page: Path, target: Path, profile: str) -> subprocess.CompletedProcess[str]:
    options = [
        "--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--hide-scrollbars", f"--window-size={WIDTH},1000",
        "--virtual-time-budget=20000", "--no-pdf-header-footer", f"--user-data-dir={profile}",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses to run as root with it
    command = [str(found), *options, f"--print-to-pdf={target}", page.resolve().as_uri()]
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"{found.name} could not print {page.name}: {error}") from error
