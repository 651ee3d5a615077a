"""What Windows needs and other systems do not: patience with files in use, names, paths beyond 260 signs."""

from __future__ import annotations

import ntpath
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

_PATIENCE_S = 3.0 if os.name == "nt" else 0.0
_PAUSE_S = 0.1
_LONG = 240  # of the 260 signs of an ordinary path some are kept for the name of a file
_PORTS = (f"{name}{number}" for name in ("com", "lpt") for number in range(10))
_DEVICES = frozenset({"con", "prn", "aux", "nul", *_PORTS})


def rename(what: Path, name: Path, patience_s: float = _PATIENCE_S) -> None:
    """Renames a file or folder; on Windows tries again while a virus scanner or an indexer holds what was just written.

    Raises the last PermissionError when that does not end.
    """
    _patiently(lambda: what.rename(name), patience_s)


def replace(what: Path, name: Path, patience_s: float = _PATIENCE_S) -> None:
    """Puts a file in the place of another, with the same patience."""
    _patiently(lambda: what.replace(name), patience_s)


def remove(what: Path, patience_s: float = _PATIENCE_S) -> None:
    """Removes a file, with the same patience; one that is not there is no error."""
    _patiently(lambda: what.unlink(missing_ok=True), patience_s)


def _patiently(action: Callable[[], object], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            action()
            return
        except PermissionError:
            if time.monotonic() >= until:
                raise
            time.sleep(_PAUSE_S)


def extended(path: str, system: str = os.name) -> str:
    """The path in the form in which Windows opens more than 260 signs; unchanged where it is short, or elsewhere."""
    if system != "nt" or len(path) < _LONG or path.startswith("\\\\?\\"):
        return path
    whole = ntpath.abspath(path) if os.name == "nt" else ntpath.normpath(path)
    return "\\\\?\\UNC\\" + whole[2:] if whole.startswith("\\\\") else "\\\\?\\" + whole


def folder_name(name: str, taken: Collection[str] = ()) -> str:
    """The name, changed where no folder can be called so: a device, blanks or dots at the end, or taken already."""
    made = name.rstrip(" .") or "case"
    if made.split(".")[0].rstrip().casefold() in _DEVICES:
        made = f"{made}-case"
    used = {one.casefold() for one in taken}
    number = 2
    while made.casefold() in used:
        made, number = f"{name.rstrip(' .')}-{number}", number + 1
    return made
