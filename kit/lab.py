"""`kit lab`: JupyterLab on a working copy of the notebooks, with a case chosen in each of them."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from kit.errors import CaseError, Unsupported
from kit.folders import writable

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CONFIG = ".jupyter"
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
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
        return _waited(subprocess.Popen(command, env=_environment(folder)))
    except OSError as error:
        raise Unsupported(f"JupyterLab could not be started: {error}; run python run.py setup") from error


def _waited(server: subprocess.Popen[bytes]) -> int:
    """The exit status of the server, which ends when this process is told to end: it never stays behind.

    Ctrl-C reaches the server itself, which asks before it ends.
    """
    former = {number: signal.signal(number, lambda *_: server.terminate()) for number in ENDING}
    try:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return server.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if server.poll() is None:
            server.kill()


def _place(case: Path) -> Path:
    """Folder of the working copy: below the current folder, at home when that would lie in the evidence or cannot be
    written, and among the temporary files when home cannot be either.
    """
    here = Path.cwd().resolve()
    inside = case.is_dir() and (here == case or case in here.parents)
    places = [*([] if inside else [here]), *_home(), Path(tempfile.gettempdir()) / f"kit-{_user()}"]
    chosen = next((place for place in places if writable(place / "kit-lab")), places[0])
    return chosen / "kit-lab" / _safe(case.stem)


def _home() -> list[Path]:
    try:
        return [Path.home()]
    except RuntimeError:  # neither HOME nor an entry for the user
        return []


def _user() -> int:
    return getattr(os, "getuid", lambda: 0)()


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
    return dict(os.environ, **joined, **_own_folders(folder), PYTHONUTF8="1")


def _own_folders(folder: Path) -> dict[str, str]:
    """Places for what Jupyter writes, in the working copy, where it could not write at home."""
    if any(writable(home / ".jupyter") for home in _home()):
        return {}
    own = folder / CONFIG
    names = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
             "IPYTHONDIR": "ipython"}  # fmt: skip
    return {name: str(own / place) for name, place in names.items() if not os.environ.get(name)}


def _safe(name: str) -> str:
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name).strip("-.")
    return kept or "case"
