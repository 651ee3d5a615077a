"""Log formats: which reader knows a file, and what it reads with its account.

Every module in this folder is a reader (see `seam`), but `seam` and names that begin with an underscore. A reader whose
`record_id` is a line number or a running number, not the log's own record number, says `NUMBERED = False`: then
missing numbers are no gaps, and only losses interrupt what the log covers. One that knows its files by their first
bytes says `BINARY = True` and is asked first; one whose files hold those of others says `FIRST = True` and comes next.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256 as _sha256
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from kit.errors import KitError, TableError
from kit.sources import _rows, _sniff
from kit.sources._account import Account, Keeper
from kit.sources.seam import Fact, Lost, Opened, Reading, Rows

__all__ = ["Account", "read_source", "readers", "recognise", "source_id_of", "unreadable"]

Advance = Callable[[int], None]
SUREST = 3  # what `recognise` of a reader says at most


@cache
def readers() -> tuple[ModuleType, ...]:
    """Every reader module of this folder, in the order of their names."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    chosen = [name for name in names if name != "seam" and not name.startswith("_")]
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in chosen)


def recognise(head: bytes, name: str) -> ModuleType | None:
    """The reader that is surest of content beginning with `head` (up to 64 KiB); None when all say no."""
    best, sure = None, 0
    for module in _asked():
        try:
            how_sure = int(module.recognise(head, name.lower().rsplit("/", 1)[-1]))
        except (ValueError, LookupError, ArithmeticError, RecursionError):
            continue
        if how_sure > sure:
            best, sure = module, how_sure
        if sure >= SUREST:
            break
    return best


@cache
def _asked() -> tuple[ModuleType, ...]:
    """The readers in the order in which they are asked: those first that know their files by the first bytes."""
    return tuple(sorted(readers(), key=_turn))


def _turn(module: ModuleType) -> int:
    return 0 if getattr(module, "BINARY", False) else 1 if getattr(module, "FIRST", False) else 2


def source_id_of(text: str) -> str:
    """First ten digits of a SHA-256: `text` is the SHA-256 of the content, or the path of what has no content."""
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:10] if is_digest else _sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def read_source(
    given: Path | str | BinaryIO,
    relative_path: str | None = None,
    *,
    culture: str | None = None,
    options: dict[str, Any] | None = None,
    sha256: str | None = None,
    reader: ModuleType | None = None,
    advance: Advance | None = None,
) -> Iterator[Rows | Account]:
    """Complete rows of one file in batches, and its Account at the end. Never fails on what a file holds.

    `Rows.columns` have the declared columns and types, with source_id, uid and integrity; columns `X_local` (times
    without zone) stand beside `X_utc` where the file's times are local. A reader that fails in the middle keeps what
    it has read: the source is then partial. `reader` and `sha256` save finding them again. `advance` is called with
    the number of bytes that are done.
    """
    path = relative_path or (str(given) if isinstance(given, (str, Path)) else "")
    if not isinstance(given, (str, Path)):
        yield from _read(given, path, culture, options or {}, sha256, reader, advance)
        return
    if Path(given).exists() and not Path(given).is_file():
        yield unreadable(path, "no file: a folder, device, pipe or socket")
        return
    try:
        with Path(given).open("rb") as file:
            yield from _read(file, path, culture, options or {}, sha256, reader, advance)
    except OSError as error:
        yield unreadable(path, f"{error.strerror or error}: cannot be opened")


def unreadable(path: str, reason: str, status: str = "unreadable", **known: Any) -> Account:
    """The account of a file of which nothing was read."""
    nothing = {"seen": 0, "kept": 0, "skipped": 0}
    row = {"source_id": source_id_of(path), "path": path, "status": status, "note": reason} | nothing | known
    return Account(row, [], [], {}, True)


def _read(
    file: BinaryIO,
    path: str,
    culture: str | None,
    options: dict[str, Any],
    sha256: str | None,
    reader: ModuleType | None,
    advance: Advance | None,
) -> Iterator[Rows | Account]:
    sha256 = sha256 or _sniff.digest(file)
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    head = file.read(_sniff.HEAD)
    file.seek(0)
    known = {"size": size, "sha256": sha256, "source_id": source_id_of(sha256)}
    reader = (reader or recognise(head, path)) if size else None
    if reader is None:
        yield _nothing_read(path, head, known)
        return
    opened = Opened(path=path, file=file, size=size, culture=culture, options=options)
    given = known | {"path": path, "reader": reader.NAME, "reader_version": str(reader.VERSION)}
    yield from _kept(reader, opened, given, advance)


def _nothing_read(path: str, head: bytes, known: dict[str, Any]) -> Account:
    if not head:
        return unreadable(path, "the file is empty (0 bytes)", "empty", **known)
    if _sniff.is_export_of_nothing(head):
        return unreadable(path, "an export without any object: the command found nothing", "empty", **known)
    return unreadable(path, _sniff.unknown_note(head), "unrecognised", **known)


def _kept(
    reader: ModuleType, opened: Opened, given: dict[str, Any], advance: Advance | None
) -> Iterator[Rows | Account]:
    keeper = Keeper(given["source_id"], getattr(reader, "NUMBERED", True))
    used: set[str] = set()
    done = 0
    for reading in _guarded(reader, opened, keeper):
        if isinstance(reading, Lost):
            keeper.add_lost(reading)
        elif isinstance(reading, Fact):
            keeper.add_fact(reading)
        elif len(reading.columns):
            try:
                whole = _rows.complete(reading, keeper, used)
            except TableError as error:
                keeper.failure = str(error)
                break
            keeper.add_rows(reading.table, whole)
            yield Rows(reading.table, whole)
        done = _advanced(opened, done, advance)
    if advance:
        advance(max(0, opened.size - done))
    yield keeper.account(given)


def _guarded(reader: ModuleType, opened: Opened, keeper: Keeper) -> Iterator[Reading]:
    """What the reader yields until it ends or fails; a failure is noted and ends this source only."""
    try:
        yield from reader.read(opened)
    except KitError as error:
        keeper.failure = str(error)
    except Exception as error:  # noqa: BLE001 - hostile content; the one place where a file's failure ends
        keeper.failure = f"{type(error).__name__}: {error}"


def _advanced(opened: Opened, done: int, advance: Advance | None) -> int:
    if not advance or opened.file.closed:
        return done
    place = max(done, min(opened.size, opened.file.tell()))
    advance(place - done)
    return place
