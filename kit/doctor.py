"""`kit doctor`: whether this installation can do all that the kit does."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import kit
from kit.folders import writable
from kit.report import pdf

NEEDED = ("jupyterlab", "pandas", "python-evtx", "plotly", "papermill", "numpy", "pyarrow", "duckdb", "nbconvert")
OPTIONAL = {
    "distributed": "batches on a Dask cluster (--scheduler)",
    "cryptography": "signed reports (--sign, verify --key)",
}


def examined() -> tuple[str, bool]:
    """The text of `kit doctor`, and whether everything that is needed is there."""
    lines = [
        f"kit {kit.__version__}, Python {platform.python_version()} ({sys.executable})",
        f"{platform.system()} {platform.release()}, {os.cpu_count()} processors",
        "",
    ]
    sound = True
    for name in NEEDED:
        version = _version(name)
        sound &= version is not None
        lines.append(f"  {name:<14} {version or 'MISSING: run python run.py setup'}")
    lines.append("")
    for module, purpose in OPTIONAL.items():
        found = "present" if importlib.util.find_spec(module) else "absent"
        lines.append(f"  {module:<14} {found:<8} {purpose}")
    browser = pdf.browser()
    there = f"present  PDF reports ({browser})" if browser else "absent   PDF reports"
    lines.append(f"  {'browser':<14} {there}")
    lines.append("")
    for purpose, folder in _folders().items():
        fits = writable(folder)
        sound &= fits
        lines.append(f"  {purpose:<14} {'writable' if fits else 'NOT WRITABLE'} {folder}")
    return "\n".join(lines), sound


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _folders() -> dict[str, Path]:
    from kit.case.store import default_folder

    return {"evidence store": default_folder(), "temporary": Path(tempfile.gettempdir()), "here": Path.cwd()}
