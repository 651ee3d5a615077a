"""A finished report folder into its place, in one step; what the user laid into the former one is kept.

A file of the former folder is the user's when the kit did not write it, or when its bytes are no longer those that the
manifest lists. The first kind keeps its name; the second is kept under a name of its own, because the new report has a
file of that name.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit import windows
from kit.case import custody, intake
from kit.errors import ExportError, ParameterError

META = "meta.json"
_STALE_S = 86_400
_OWN = ("meta.json", "verdicts.json", custody.MANIFEST, custody.LEDGER, f"{custody.LEDGER}.lock")


def target_of(out: Path, case: Path) -> Path:
    """The report folder. Raises ParameterError for one that holds something else, or the evidence itself."""
    target, evidence = out.resolve(), case.resolve()
    if target == evidence or target in evidence.parents or evidence in target.parents:
        raise ParameterError(f"--out {out} and the evidence lie in each other; choose another folder")
    if target.is_file():
        raise ParameterError(f"--out {out} is a file; name a folder")
    known = {custody.MANIFEST, META}
    if target.is_dir() and any(target.iterdir()) and not known & {path.name for path in target.iterdir()}:
        raise ParameterError(f"--out {out} is not empty and holds no report; choose another folder")
    return target


@contextmanager
def folder(target: Path) -> Iterator[Path]:
    """A working folder beside the target, removed unless it was published."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _tidy(target)
    work = _beside(target, "partial")
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _tidy(target: Path) -> None:
    """Clears what runs for this folder that were killed have left, a day later; a report that was about to be replaced
    returns at once.
    """
    for left in target.parent.iterdir():
        with contextlib.suppress(OSError):
            if left.name.startswith(f".{target.name}.old-") and not target.exists():
                left.rename(target)
            elif left.name.startswith(f".{target.name}.partial-") and time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


def _beside(target: Path, what: str) -> Path:
    """A name beside the target that nobody uses."""
    return target.with_name(f".{target.name}.{what}-{secrets.token_hex(4)}")


def users(target: Path) -> list[Path]:
    """Paths of the user's own files in a report folder, relative to it, sorted; none where there is no folder."""
    if not target.is_dir():
        return []
    listed = _listed(target)
    there = sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file() or path.is_symlink())
    return [path for path in there if not _kits(target, path, listed)]


def _listed(target: Path) -> Mapping[str, str] | None:
    """SHA-256 of each output by its path; None without a manifest that can be read."""
    try:
        outputs = json.loads((target / custody.MANIFEST).read_text(encoding="utf-8"))["outputs"]
        return {str(item["path"]): str(item["sha256"]) for item in outputs}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _kits(target: Path, path: Path, listed: Mapping[str, str] | None) -> bool:
    """Whether the kit wrote this file and nobody changed it since."""
    name = path.as_posix()
    if name in (custody.MANIFEST, custody.LEDGER, f"{custody.LEDGER}.lock", *custody.SIGNATURES):
        return True
    if listed is None:
        return name in _OWN or (path.parent.as_posix() == "tables" and path.suffix == ".parquet")
    return listed.get(name) == custody.sha256_of(target / path)


def publish(work: Path, target: Path) -> None:
    """Moves the finished folder to its place in one step, and the user's files of the former one into it.

    Raises ExportError when that is not possible; then the former folder is where it was.
    """
    former = None
    if target.exists():
        former = _beside(target, "old")
        _rename(target, former, target)
    try:
        _rename(work, target, target)
    except ExportError:
        if former is not None:
            former.rename(target)
        raise
    if former is not None:
        _carry(former, target, users(former))
        shutil.rmtree(former, ignore_errors=True)


def _rename(what: Path, name: Path, target: Path) -> None:
    """Raises ExportError: Windows renames no folder while a file in it is open."""
    try:
        windows.rename(what, name)
    except OSError as error:
        raise ExportError(
            f"{target} could not be put in place ({error.strerror or error}): close every program that shows a file "
            "of it (browser, PDF reader, a terminal in that folder), then run the command again"
        ) from error


def _carry(former: Path, target: Path, kept: list[Path]) -> None:
    for path in kept:
        place = free(target / path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            (former / path).rename(place)
        except OSError as error:
            raise ExportError(
                f"{target} holds the new report, but {path} of the former one could not be moved there ({error}); "
                f"it lies in {former}"
            ) from error


def free(place: Path) -> Path:
    """The path itself, or with `.kept`, `.kept-2` ... before its ending where it is taken."""
    made, count = place, 1
    while made.exists() or made.is_symlink():
        made = place.with_name(f"{place.stem}.kept{'' if count == 1 else f'-{count}'}{place.suffix}")
        count += 1
    return made


def settle(parent: Path) -> None:
    """Clears what runs that were killed left in a folder of reports; a report that was about to be replaced returns."""
    for left in parent.glob(".*.partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in parent.glob(".*.old-*"):
        target = left.with_name(left.name[1:].rpartition(".old-")[0])
        with contextlib.suppress(OSError, ExportError):
            if target.exists():
                _carry(left, target, users(left))
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.rename(target)


def told(kept: list[Path]) -> dict[str, Any]:
    """The detail of the ledger about files that were kept."""
    return {"kept": [intake.label(path.as_posix()) for path in kept]} if kept else {}
