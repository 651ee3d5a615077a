"""`kit lab`: JupyterLab on a working copy of the notebooks, with a case chosen in each of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kit.errors import CaseError, Unsupported

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def start(case: Path, port: int | None, browser: bool) -> int:
    """Exit status of JupyterLab, started in the working copy beside the caller."""
    if not case.exists():
        raise CaseError(f"{case} does not exist; give the folder or .zip of a case")
    folder = prepared(case, Path.cwd() / "kit-lab" / _safe(case.stem or case.name))
    sys.stderr.write(f"Working copy of the notebooks: {folder}\n")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", "--LabApp.news_url=''"]
    command += [f"--ServerApp.port={port}"] if port else []
    command += [] if browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return subprocess.call(command, env=_environment())
    except OSError as error:
        raise Unsupported(f"JupyterLab could not be started: {error}; run python run.py setup") from error


def prepared(case: Path, folder: Path, notebooks: Path = NOTEBOOKS) -> Path:
    """The folder with a copy of every notebook, each with the case as its parameter. What is there already is kept."""
    if not notebooks.is_dir():
        raise Unsupported(f"{notebooks} is missing; JupyterLab needs a checkout of the project")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(notebooks.glob("*.ipynb")):
        target = folder / source.name
        if target.exists():
            continue
        shutil.copyfile(source, target)
        _choose(target, case.resolve())
    return folder


def _choose(notebook: Path, case: Path) -> None:
    """Writes the case into the parameters cell."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", []):
            lines = "".join(cell["source"]).splitlines()
            made = [f"case: str = {str(case)!r}" if line.startswith("case:") else line for line in lines]
            cell["source"] = [line + "\n" for line in made[:-1]] + made[-1:]
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _environment() -> dict[str, str]:
    root = str(NOTEBOOKS.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths), PYTHONUTF8="1")


def _safe(name: str) -> str:
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name).strip("-.")
    return kept or "case"
