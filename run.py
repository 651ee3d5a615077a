"""Sets the project up in .venv (once) and runs a part of it there. Needs Python 3.11 or newer, nothing else.

    python run.py demo            the bundled practice case, from logs to a report
    python run.py test [ARGS]     the test suite (arguments go to pytest)
    python run.py lab [CASE]      JupyterLab with the notebooks and a case
    python run.py kit ARGS        any command of the kit, e.g.  python run.py kit check FOLDER
    python run.py docs            the pages that are made from code and knowledge, again
    python run.py setup           set up only
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "kit-setup.txt"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
OLDEST = (3, 11)


def main(arguments: list[str]) -> int:
    """Exit status of the part that was asked for; 2 for wrong usage."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"This needs Python 3.11 or newer; {sys.executable} is {found}.", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in ("demo", "test", "lab", "kit", "docs", "setup"):
        print(__doc__, file=sys.stderr)
        if arguments and not arguments[0].startswith("-"):
            hint = f"a command of the kit is: python run.py kit {' '.join(arguments)}"
            print(f"There is no part {arguments[0]!r}; {hint}", file=sys.stderr)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    part, rest = arguments[0], arguments[1:]
    try:
        set_up("dev" if part == "test" else "run")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Setting up failed: {error}\nMend that, then run the same command again.", file=sys.stderr)
        return 1
    if part == "setup":
        return 0
    modules = {"test": ["-m", "pytest", *rest], "docs": ["-m", "kit.docs"], "kit": ["-m", "kit", *rest]}
    command = modules.get(part, ["-m", "kit", part, *rest])
    folder = ROOT if part == "test" else Path.cwd()
    try:
        return subprocess.call([str(PYTHON), *command], env=environment(), cwd=folder)
    except KeyboardInterrupt:
        return 130


def environment() -> dict[str, str]:
    """The environment of the project's Python: UTF-8 everywhere, and the package found whatever the path is called."""
    made = dict(os.environ, PYTHONUTF8="1", VIRTUAL_ENV=str(VENV))
    made["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    made["PATH"] = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")])
    return made


def set_up(kind: str) -> None:
    """Makes .venv with the locked packages unless it is there already; `dev` holds all that `run` holds."""
    wanted = {name: fingerprint(name) for name in LOCKS}
    have = STAMP.read_text(encoding="utf-8").split() if STAMP.exists() and PYTHON.exists() else []
    if wanted[kind] in have or wanted["dev"] in have:
        return
    started = time.monotonic()
    if not PYTHON.exists() or not have:
        print(f"Setting up {VENV} (once; takes some minutes)", file=sys.stderr, flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        venv.create(VENV, with_pip=True)
    install("--require-hashes", "--no-deps", "-r", str(ROOT / LOCKS[kind]), total=count(kind))
    install("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    STAMP.write_text(wanted[kind] + "\n", encoding="utf-8", newline="\n")
    print(f"Set up in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def fingerprint(kind: str) -> str:
    """What an environment of this kind is made from, as a hash."""
    made = hashlib.sha256(f"{kind} {sys.version_info[:2]}".encode())
    for name in (LOCKS[kind], "pyproject.toml"):
        made.update((ROOT / name).read_bytes())
    return made.hexdigest()


def count(kind: str) -> int:
    """How many packages the lock holds."""
    text = (ROOT / LOCKS[kind]).read_text(encoding="utf-8")
    return sum("==" in line and not line.startswith((" ", "#")) for line in text.splitlines())


def install(*arguments: str, total: int = 0) -> None:
    """Runs pip in .venv, showing how far it is. Raises CalledProcessError with pip's own words printed."""
    options = ["--disable-pip-version-check", "--no-input", "--no-compile"]
    command = [str(PYTHON), "-m", "pip", "install", *options, *arguments]
    said: list[str] = []
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", errors="replace",
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            done = sum(known.startswith("Collecting ") for known in said)
            if total and line.startswith("Collecting ") and done % 20 == 0:
                print(f"  {done} of up to {total} packages", file=sys.stderr, flush=True)
    if process.returncode:
        print("".join(said[-15:]), file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, "pip install")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
