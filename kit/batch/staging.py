"""Cases and reports on object storage: fetched before the work, put in place after it, through fsspec."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from kit import windows
from kit.case import custody
from kit.errors import CaseError
from kit.report import publishing

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?!/)", re.IGNORECASE)  # two letters at least: C:/ is a drive
_FILE = re.compile(r"(?:file|local):/+([a-z]:)?", re.IGNORECASE)
LAST = ("report.html", custody.MANIFEST)  # written last: who sees a manifest sees a whole report


@dataclass(frozen=True)
class Place:
    """A folder on this machine or on object storage."""

    fs: Any
    path: str
    url: str | None  # None on this machine

    def child(self, name: str) -> Place:
        """The entry of this name."""
        path = str(PurePosixPath(self.path) / name) if self.url else str(Path(self.path) / name)
        return Place(self.fs, path, f"{self.url.rstrip('/')}/{name}" if self.url else None)

    def __str__(self) -> str:
        return self.url or self.path


def place(text: str | Path) -> Place:
    """The place that a path or URL names; `memory:/x` counts as `memory://x`, which is what a path makes of it."""
    if named := _FILE.match(str(text)):
        text = f"{named[1] or '/'}{str(text)[named.end() :]}"
    found = _URL.match(str(text))
    if not found:
        return Place(fsspec.filesystem("file"), str(Path(text).resolve()), None)
    url = f"{found[1]}://{str(text)[found.end() :]}"
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise CaseError(f"{url}: {error}") from error
    return Place(fs, path, url)


def cases(root: Place) -> tuple[list[str], list[str]]:
    """Names below a root, sorted: its cases (folders and .zip files), and links that would be cases if followed.

    A link is not followed: it may lead out of the root, to evidence of another customer. Raises CaseError if the root
    cannot be listed.
    """
    try:
        entries = root.fs.ls(root.path, detail=True)
    except (OSError, ValueError) as error:
        raise CaseError(f"{root}: cannot be listed: {getattr(error, 'strerror', None) or error}") from error
    found: dict[bool, list[str]] = {False: [], True: []}
    for entry in entries:
        name, link = PurePosixPath(entry["name"].replace(os.sep, "/")).name, bool(entry.get("islink"))
        folder = root.fs.isdir(entry["name"]) if link else entry["type"] == "directory"
        if not name.startswith(".") and (folder or name.lower().endswith(".zip")):
            found[link].append(name)
    return sorted(found[False]), sorted(found[True])


@contextmanager
def fetched(case: Place) -> Iterator[str]:
    """The path of a case on this machine."""
    if case.url is None:
        yield case.path
        return
    with tempfile.TemporaryDirectory(prefix="kit-case-") as folder:
        target = Path(folder) / PurePosixPath(case.path).name
        case.fs.get(case.path, str(target), recursive=case.fs.isdir(case.path))
        yield str(target)


@contextmanager
def returned(report: Place) -> Iterator[str]:
    """A path for a report; what lies there at the end is put in its place."""
    if report.url is None:
        yield report.path
        return
    with tempfile.TemporaryDirectory(prefix="kit-report-") as folder:
        target = Path(folder) / PurePosixPath(report.path).name
        if report.fs.exists(f"{report.path}/{custody.MANIFEST}"):
            report.fs.get(report.path, str(target), recursive=True)
        before = _state(target)
        yield str(target)
        if target.is_dir() and _state(target) != before:
            _put(target, report)


def _state(folder: Path) -> bytes | None:
    manifest = folder / custody.MANIFEST
    return manifest.read_bytes() if manifest.is_file() else None


def _put(folder: Path, report: Place) -> None:
    """Uploads a report; page and manifest come last, so that no half report looks whole."""
    if report.fs.exists(report.path):
        report.fs.rm(report.path, recursive=True)
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()),
        key=lambda path: (path.name in LAST, path.name == LAST[-1]),
    )
    for path in files:
        target = f"{report.path}/{path.relative_to(folder).as_posix()}"
        report.fs.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
        report.fs.put_file(str(path), target)


def write(target: Place, content: str) -> None:
    """Writes a text file whole: on this machine under another name first."""
    data = content.encode("utf-8", "backslashreplace")  # file names may hold what is no text
    if target.url is not None:
        target.fs.pipe_file(target.path, data)
        return
    path = Path(target.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    windows.replace(partial, path)


def read(target: Place) -> str | None:
    """The text of a file; None where there is none."""
    try:
        return str(target.fs.cat_file(target.path).decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def tidy(out: Place) -> None:
    """Clears what an ended worker left behind in a folder of reports."""
    if out.url is None and Path(out.path).is_dir():
        publishing.settle(Path(out.path))
