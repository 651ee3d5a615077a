"""Which files a case has: a folder, a .zip or one file, walked in sorted order without following or trusting anything.

Nothing is skipped in silence: what cannot be opened (links, devices, folders without permission, protected or nested
archives, zip bombs) is in the list with the reason. Only files of the operating system and case.toml are left out.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from kit import windows
from kit.case import config
from kit.errors import CaseError, Unreadable
from kit.sources._sniff import is_archive

MOST_MEMBERS = 200_000
MOST_BYTES = 64 << 30  # unpacked from one archive
_SUSPECT_BYTES, _SUSPECT_RATIO = 1 << 30, 200
_IN_MEMORY = 16 << 20
_DEEPEST = 64
_ESCAPED = frozenset("\a\b\f\n\r\t\v\0")  # what \a, \b, \f ... in a path become inside plain quotes
_JUNCTION = 0xA0000003
_OF_FILES = {".evtx", ".evt", ".log", ".txt", ".csv", ".xml", ".clixml", ".json", ".zip"}
_SYSTEM = {"desktop.ini", "thumbs.db", ".ds_store", "__macosx", "$recycle.bin", "system volume information"}


@dataclass(frozen=True)
class Given:
    """A file that was given: its label (path relative to the case), where it is, and why it cannot be opened if so."""

    path: str
    file: Path
    size: int = 0
    member: int | None = None  # place in the archive's directory
    problem: str | None = None
    status: str = "unreadable"


@dataclass(frozen=True)
class Folder:
    """What a case consists of: every file given, and the bytes of its case.toml if there is one."""

    root: Path
    files: tuple[Given, ...]
    settings: bytes | None


def look(path: Path | str) -> Folder:
    """Every file of a case in sorted order. Raises CaseError when there is nothing to look at."""
    root, mode = _present(path)
    if stat.S_ISDIR(mode):
        files = list(_walk(root, "", 0))
    elif stat.S_ISREG(mode):
        files = _one_file(root)
    else:
        raise CaseError(f"{root} is neither a folder nor a file; give a folder of logs, or a .zip of one")
    settings = next((given for given in files if given.path.casefold() == config.NAME), None)
    evidence = tuple(given for given in files if given is not settings)
    if not evidence:
        raise CaseError(f"{root} holds no file; put the logs of the case into it")
    return Folder(root, evidence, _bytes_of(settings) if settings else None)


def named_file(path: Path | str) -> Path:
    """The path of one file. Raises CaseError for a folder and for what is not there."""
    file, mode = _present(path)
    if stat.S_ISDIR(mode):
        raise CaseError(f"{file} is a folder; for a folder use load_case")
    return file


def _present(path: Path | str) -> tuple[Path, int]:
    """The path and its mode. Raises CaseError for an empty path and for what is not there."""
    if not str(path or "").strip():
        raise CaseError("the path is empty: name a folder of logs, or a .zip of one")
    root = Path(path)
    try:
        return root, root.stat().st_mode
    except (OSError, ValueError) as error:
        raise CaseError(_not_there(root, error)) from error


def _not_there(root: Path, error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or error
    if any(sign in _ESCAPED for sign in str(root)):
        wanted = "in Python write r'C:\\cases\\fabrikam', with r before the quotes, or use / instead"
        return f"{label(str(root))}: {reason}; the path holds a control character: {wanted}"
    return f"{label(str(root))}: {reason}; give a folder of logs, or a .zip of one"


def _one_file(path: Path) -> list[Given]:
    with path.open("rb") as file:
        if not is_archive(file):
            return [Given(label(path.name), path, path.stat().st_size)]
    return _without_common_folder(list(_members(path, "")))


def _without_common_folder(files: list[Given]) -> list[Given]:
    """The files of an archive that holds one folder, named as seen from that folder."""
    tops = {given.path.split("/", 1)[0] for given in files}
    if len(tops) != 1 or any("/" not in given.path for given in files):
        return files
    return [replace(given, path=given.path.split("/", 1)[1]) for given in files]


def _bytes_of(given: Given) -> bytes:
    with opened(given) as file:
        return file.read(1 << 20)


def label(name: str) -> str:
    """A name fit to be shown and stored: what is no character, or controls a terminal, is written as its number."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace") if os.name == "posix" else name
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "backslashreplace").decode("ascii") for one in text
    )


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[Given]:
    if depth > _DEEPEST:
        yield Given(prefix.rstrip("/"), folder, problem=f"more than {_DEEPEST} folders inside each other: not opened")
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield Given(prefix.rstrip("/") or ".", folder, problem=f"folder cannot be listed: {error.strerror or error}")
        return
    if prefix and {"manifest.json", "ledger.jsonl", "report.html"} <= {entry.name for entry in entries}:
        reason = "a report of the kit, no evidence: left out"
        yield Given(prefix.rstrip("/"), folder, problem=reason, status="unrecognised")
        return
    if not entries and PurePosixPath(prefix).suffix.casefold() in _OF_FILES:
        reason = "an empty folder with the name of a file: nothing was copied; copy the file itself"
        yield Given(prefix.rstrip("/"), folder, problem=reason)
    for entry in entries:
        if not _of_the_system(entry.name):
            yield from _entry(entry, prefix + label(entry.name), depth)


def _of_the_system(name: str) -> bool:
    return name.casefold() in _SYSTEM or name.startswith("._")


def _entry(entry: os.DirEntry[str], path: str, depth: int) -> Iterator[Given]:
    place = Path(windows.extended(entry.path))
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError as error:
        yield Given(path, place, problem=f"cannot be looked at: {error.strerror or error}")
        return
    if entry.is_symlink() or getattr(found, "st_reparse_tag", 0) == _JUNCTION:
        yield Given(path, place, problem="a link: not followed; copy what it points to into the case")
    elif stat.S_ISDIR(found.st_mode):
        yield from _walk(place, path + "/", depth + 1)
    elif not stat.S_ISREG(found.st_mode):
        yield Given(path, place, problem="a device, pipe or socket, no file: not opened")
    else:
        yield from _file(place, path, found.st_size)


def _file(place: Path, path: str, size: int) -> Iterator[Given]:
    try:
        with place.open("rb") as file:
            archive = is_archive(file)
    except OSError as error:
        yield Given(path, place, size, problem=f"cannot be opened: {error.strerror or error}")
        return
    if archive:
        yield from _members(place, path + "!/")
    else:
        yield Given(path, place, size)


def _members(archive: Path, prefix: str) -> Iterator[Given]:
    """The files in a ZIP archive; names are labels only and never become paths."""
    with zipfile.ZipFile(archive) as opened_archive:
        infos = [(place, info) for place, info in enumerate(opened_archive.infolist()) if not info.is_dir()]
        first = min((info.header_offset for info in opened_archive.infolist()), default=0)
    used: Counter[str] = Counter()
    total = 0
    for place, info in sorted(infos, key=lambda pair: (pair[1].filename, pair[0]))[:MOST_MEMBERS]:
        inner = _inner_name(info.filename)
        if any(_of_the_system(part) for part in inner.split("/")):
            continue
        used[inner] += 1
        name = inner if used[inner] == 1 else f"{inner}#{used[inner]}"
        total += info.file_size
        yield Given(prefix + name, archive, info.file_size, place, _refusal(info, total))
    if first and _begins_with_a_file(archive):
        reason = f"the archive is damaged: {first} bytes before its first file belong to none; copy it again"
        yield Given(prefix + "…", archive, first, problem=reason)
    if len(infos) > MOST_MEMBERS:
        reason = f"{len(infos) - MOST_MEMBERS} more files: not opened; extract the archive"
        yield Given(prefix + "…", archive, problem=reason)


def _begins_with_a_file(archive: Path) -> bool:
    """Whether a file stands at the beginning, not a program that unpacks itself.

    An archive that was cut may end inside an archive that it holds: then only the directory of that one is found.
    """
    with archive.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _inner_name(name: str) -> str:
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    return label("/".join(parts)) or "?"


def _refusal(info: zipfile.ZipInfo, total: int) -> str | None:
    if info.flag_bits & 1:
        return "protected by a password: extract it with the password and put the file into the case"
    if total > MOST_BYTES:
        return f"the archive unpacks to more than {MOST_BYTES >> 30} GB: not opened; extract it"
    ratio = info.file_size / max(1, info.compress_size)
    if info.file_size > _SUSPECT_BYTES and ratio > _SUSPECT_RATIO:
        return f"unpacks to {ratio:.0f} times its size: taken for a zip bomb, not opened"
    return None


class Archives(contextlib.ExitStack):
    """Archives that stay open while their members are read, so that each directory is read once."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[Path, zipfile.ZipFile] = {}

    def get(self, path: Path) -> zipfile.ZipFile:
        """The open archive."""
        if path not in self._found:
            self._found[path] = self.enter_context(zipfile.ZipFile(path))
        return self._found[path]


@contextmanager
def opened(given: Given, archives: Archives | None = None) -> Iterator[BinaryIO]:
    """The file, open for reading and seekable; a member of an archive is unpacked to memory or a temporary file.

    Raises Unreadable naming why it cannot be.
    """
    if given.problem:
        raise Unreadable(given.problem)
    if given.member is not None:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as unpacked, Archives() as own:
            _unpack(archives or own, given, cast(BinaryIO, unpacked))
            yield cast(BinaryIO, unpacked)
        return
    try:
        file = given.file.open("rb")
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror or error}") from error
    with file:
        yield file


def _unpack(archives: Archives, given: Given, target: BinaryIO) -> None:
    try:
        archive = archives.get(given.file)
        with archive.open(archive.infolist()[given.member or 0]) as member:
            while block := member.read(1 << 20):
                target.write(block)  # zipfile gives no more than the directory of the archive promises
    except NotImplementedError as error:
        raise Unreadable(f"packed in a way that Python cannot unpack ({error}): extract the archive") from error
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, IndexError) as error:
        raise Unreadable(f"damaged in the archive ({error}): extract what can be extracted") from error
    target.seek(0)
