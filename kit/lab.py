"""`kit lab`: JupyterLab on a working copy of the notebooks, with a case chosen in each of them."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kit.errors import CaseError, Unsupported

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CONFIG = ".jupyter"
OVERRIDES = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


def start(case: Path, port: int | None, browser: bool) -> int:
    """Exit status of JupyterLab, started in the working copy beside the caller."""
    if not case.exists():
        raise CaseError(f"{case} does not exist; give the folder or .zip of a case")
    folder = prepared(case, _place(case.resolve()))
    sys.stderr.write(f"Working copy of the notebooks: {folder}\n")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", "--LabApp.news_url=''"]
    command += [f"--ServerApp.port={port}"] if port else []
    command += [] if browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return subprocess.call(command, env=_environment(folder))
    except OSError as error:
        raise Unsupported(f"JupyterLab could not be started: {error}; run python run.py setup") from error


def _place(case: Path) -> Path:
    """Folder of the working copy: below the current folder, or at home when that would lie in the evidence."""
    here = Path.cwd().resolve()
    inside = case.is_dir() and (here == case or case in here.parents)
    return (Path.home() if inside else here) / "kit-lab" / _safe(case.stem)


def prepared(case: Path, folder: Path, notebooks: Path = NOTEBOOKS) -> Path:
    """The folder with a copy of every notebook, each with the case as its parameter.

    Notebooks that are there already keep all but that one line.
    """
    if not notebooks.is_dir():
        raise Unsupported(f"{notebooks} is missing; JupyterLab needs a checkout of the project")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(notebooks.glob("*.ipynb")):
        target = folder / source.name
        if not target.exists():
            shutil.copyfile(source, target)
        _choose(target, case.resolve())
    settings = folder / CONFIG / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(OVERRIDES, indent=1) + "\n", encoding="utf-8", newline="\n")
    return folder


def _choose(notebook: Path, case: Path) -> None:
    """Writes the case into the parameters cell. Raises CaseError for a file that is no notebook."""
    before = notebook.read_text(encoding="utf-8")
    try:
        content = json.loads(before)
        cells = content["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{notebook} is no notebook any more: move it away, then run kit lab again") from error
    for cell in cells:
        if "parameters" in cell.get("metadata", {}).get("tags", []):
            lines = "".join(cell["source"]).splitlines()
            made = [f"case: str = {_written(str(case))}" if line.startswith("case:") else line for line in lines]
            if made == lines:
                return
            cell["source"] = [line + "\n" for line in made[:-1]] + made[-1:]
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _written(path: str) -> str:
    """The path as Python, with r before the quotes where that can be: another path can then be pasted over it."""
    raw = f'r"{path}"'
    try:
        return raw if ast.literal_eval(raw) == path else repr(path)
    except (SyntaxError, ValueError):
        return repr(path)


def _environment(folder: Path) -> dict[str, str]:
    """The kit importable in every kernel, and settings that keep JupyterLab from asking about news of its own."""
    kit = [str(NOTEBOOKS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = [str(folder / CONFIG), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    joined = {"PYTHONPATH": os.pathsep.join(kit), "JUPYTER_CONFIG_PATH": os.pathsep.join(settings)}
    return dict(os.environ, **joined, PYTHONUTF8="1")


def _safe(name: str) -> str:
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name).strip("-.")
    return kept or "case"
