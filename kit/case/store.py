"""The evidence store: each source parsed once into Parquet, found again by what it holds.

An entry is a folder that never changes once it has its name: `<table>.parquet` (zstd) for each table the reader filled
and `account.json`. Its name comes from the SHA-256 of the content, the reader with its version, the schema version and
the options that change what is read; anything new means reading again. Entries are written elsewhere and renamed as a
whole, so that a reader never sees half of one and two writers never disturb each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kit import parquet, tables, windows
from kit.errors import CaseError, IntegrityError
from kit.sources import Account
from kit.sources.seam import Rows

_ROW_GROUP = 65_536
_STALE_S = 86_400
_LARGE = 1 << 20  # smaller tables are read faster by one thread
_ACCOUNT = "account.json"
_SMALL, _KEPT_BYTES = 256 << 10, 64 << 20
_AROUND = 32 << 10  # what Arrow needs for a table beside its values


@dataclass(frozen=True)
class Entry:
    """One parsed source in the store."""

    folder: Path

    @property
    def _said(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.folder / _ACCOUNT).read_text(encoding="utf-8"))
        return made

    @property
    def account(self) -> Account:
        """The account as the reader left it, read anew."""
        return Account(**_with_times(self._said["account"]))

    @cached_property
    def files(self) -> dict[str, int]:
        """Every Parquet file of the entry and its size in bytes."""
        return dict(self._said["files"])

    def path(self, name: str) -> Path | None:
        """The Parquet file of a table; None when the source has no row of it."""
        return self.folder / f"{name}.parquet" if f"{name}.parquet" in self.files else None

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[pq.ParquetFile]:
        """The Parquet file of a table that is there, with its checksums verified while reading.

        Raises IntegrityError when the store is damaged.
        """
        path = self.folder / f"{name}.parquet"
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                yield file
        except (OSError, pa.ArrowInvalid) as error:
            raise IntegrityError(f"{path} in the evidence store is damaged: delete its folder, run again") from error

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table | None:
        """All rows of a table; None when the source has none."""
        if (whole := self.small(name)) is not None:
            return whole.select(columns) if columns else whole
        if self.path(name) is None:
            return None
        with self.opened(name) as file:
            return file.read(columns=columns, use_threads=self.files[f"{name}.parquet"] > _LARGE)

    def small(self, name: str) -> pa.Table | None:
        """The table of a small file, which is read once for all who ask; None for a large one, or none at all."""
        if self.files.get(f"{name}.parquet", _SMALL + 1) > _SMALL:
            return None
        table = _KEPT.get(self, name)
        if table is None:
            with self.opened(name) as file:
                table = file.read(use_threads=False)
            _KEPT.keep(self, name, table)
        return table

    def keep(self, written: Mapping[str, pa.Table]) -> None:
        """Keeps tables of this entry that were just written, where they are small."""
        for name, table in written.items():
            if self.files.get(f"{name}.parquet", _SMALL + 1) <= _SMALL:
                _KEPT.keep(self, name, table)


class _Kept:
    """Small tables of the entries in use, those asked for last, up to a bound."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._tables: OrderedDict[tuple[int, str], pa.Table] = OrderedDict()
        self._ends: dict[tuple[int, str], weakref.finalize[..., Entry]] = {}
        self._bytes = 0

    def get(self, entry: Entry, name: str) -> pa.Table | None:
        """The table of an entry, if it is kept."""
        key = (id(entry), name)
        if key in self._tables:
            self._tables.move_to_end(key)
        return self._tables.get(key)

    def keep(self, entry: Entry, name: str, table: pa.Table) -> None:
        """Keeps a table as long as its entry is used and there is room."""
        key = (id(entry), name)
        self._drop(key)
        self._tables[key] = table
        self._bytes += table.nbytes + _AROUND
        self._ends[key] = weakref.finalize(entry, self._drop, key)
        self._ends[key].atexit = False
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._tables)))

    def _drop(self, key: tuple[int, str]) -> None:
        table = self._tables.pop(key, None)
        self._bytes -= table.nbytes + _AROUND if table is not None else 0
        if end := self._ends.pop(key, None):
            end.detach()


_KEPT = _Kept(_KEPT_BYTES)


class Store:
    """A folder of entries, shared by any number of processes."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_folder()

    def key(self, sha256: str, reader: str, version: str, options: Mapping[str, Any] | None = None) -> str:
        """Name of the entry of this content, as this reader of this version reads it with these options."""
        said = json.dumps({**(options or {})}, sort_keys=True, default=str)
        extra = f"-{hashlib.sha256(said.encode()).hexdigest()[:8]}" if options else ""
        plain = re.sub(r"[^A-Za-z0-9.]+", "_", f"{reader}-{version}").strip("_").lower()
        return f"{sha256[:2]}/{sha256}-{plain}-t{tables.SCHEMA_VERSION}{extra}"

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None when there is none or when it is not whole."""
        entry = Entry(self.root / key)
        try:
            whole = all((entry.folder / name).stat().st_size == size for name, size in entry.files.items())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entry if whole else None

    def put(self, key: Callable[[], str], readings: Iterable[Rows | Account]) -> Entry:
        """Writes rows as they come, then the account, and gives the entry its name. Memory stays flat.

        `key` is asked when all is read, because what was read may turn out to be no longer what was hashed.
        Raises CaseError when the store cannot be written; then nothing of the entry is left.
        """
        place = self.root / "unfinished" / uuid.uuid4().hex
        try:
            place.mkdir(parents=True)
            self._sweep()
            written = _write(place, readings)
            entry = self._named(place, self.root / key())
        except OSError as error:
            raise CaseError(
                f"the evidence store {self.root} cannot be written ({error.strerror or error}): "
                "free some space, or name another folder in the environment variable KIT_STORE"
            ) from error
        finally:
            if place.exists():
                shutil.rmtree(place, ignore_errors=True)
        entry.keep(written)
        return entry

    def _named(self, place: Path, folder: Path) -> Entry:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            try:
                windows.rename(place, folder)
                return Entry(folder)
            except OSError:
                if existing := self.get(folder.relative_to(self.root).as_posix()):
                    return existing
                if not folder.exists():
                    raise
                broken = self.root / "unfinished" / uuid.uuid4().hex
                with contextlib.suppress(OSError):
                    folder.rename(broken)
        raise OSError(f"{folder} cannot be replaced")

    def _sweep(self) -> None:
        """Removes what writers that were killed have left, a day later."""
        for left in (self.root / "unfinished").iterdir():
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE_S:
                    shutil.rmtree(left, ignore_errors=True)


def default_folder() -> Path:
    """The folder of the store: KIT_STORE, else `hvr-forensic-kit/store` in the user's cache folder."""
    if named := os.environ.get("KIT_STORE"):
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "hvr-forensic-kit" / "store"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"hvr-forensic-kit-{getattr(os, 'getuid', lambda: 0)()}" / "store"
    return folder


class _Writer:
    """One Parquet file, fed in batches of any size, written in row groups of one size."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = pq.ParquetWriter(path, schema, write_page_checksum=True, **parquet.options(schema))
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self.only: pa.Table | None = None  # all that was written, where it is one row group
        self._groups = 0

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table.select(self._schema.names).cast(self._schema))
        self._rows += len(table)
        if self._rows >= _ROW_GROUP:
            self._write(self._rows - self._rows % _ROW_GROUP)

    def _write(self, rows: int) -> None:
        whole = pa.concat_tables(self._waiting).unify_dictionaries()
        self._file.write_table(whole.slice(0, rows), row_group_size=_ROW_GROUP)
        self.only = whole.combine_chunks() if rows == len(whole) and not self._groups else None
        self._groups += 1
        self._waiting, self._rows = [whole.slice(rows)], self._rows - rows

    def close(self) -> None:
        if self._rows:
            self._write(self._rows)
        self._file.close()


def _write(place: Path, readings: Iterable[Rows | Account]) -> dict[str, pa.Table]:
    """Writes the files of an entry; the tables of those that are one row group."""
    writers: dict[str, _Writer] = {}
    account: Account | None = None
    with contextlib.ExitStack() as closing:
        for item in readings:
            if isinstance(item, Account):
                account = item
                continue
            if item.table not in writers:
                writers[item.table] = _Writer(place / f"{item.table}.parquet", _stored(item.table))
                closing.callback(writers[item.table].close)
            writers[item.table].add(_with_all(item))
    files = {path.name: path.stat().st_size for path in sorted(place.glob("*.parquet"))}
    said = {"files": files, "account": asdict(account) if account else None}
    text = json.dumps(said, default=_as_text, ensure_ascii=False)
    (place / _ACCOUNT).write_text(text, encoding="utf-8", newline="\n")
    return {name: writer.only for name, writer in writers.items() if writer.only is not None}


@cache
def _stored(name: str) -> pa.Schema:
    """The declared columns, and one `X_local` for each `X_utc`: times that wait for their zone."""
    declared = tables.schema(name)
    waiting = [f"{column.removesuffix('_utc')}_local" for column in declared.names if column.endswith("_utc")]
    for column in waiting:
        declared = declared.append(pa.field(column, pa.timestamp("us")))
    return declared


def _with_all(rows: Rows) -> pa.Table:
    declared, table = _stored(rows.table), rows.columns
    given = set(table.column_names)
    columns = [
        table.column(field.name) if field.name in given else pa.nulls(len(table), field.type) for field in declared
    ]
    return pa.table(columns, names=declared.names)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


_TIMES = ("first_time", "last_time", "first_local", "last_local", "exported_utc", "exported_local")


def _with_times(account: dict[str, Any]) -> dict[str, Any]:
    for row in (account["source"], *account["losses"], *account["coverage"]):
        for name in _TIMES:
            if isinstance(row.get(name), str):
                row[name] = datetime.fromisoformat(row[name])
    return account
