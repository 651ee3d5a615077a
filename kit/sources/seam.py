"""What a reader is given and what it yields: the seam between log formats and the rest of the kit.

A reader is one module in this folder with

    NAME       the format's name, as reports print it
    VERSION    raised whenever its rows change; part of the key of the store
    TABLES     the declared tables it fills
    recognise(head, name) -> int
               how sure it is that content beginning with these bytes (up to 64 KiB) is its format:
               0 no, 1 looks like it, 2 structure fits, 3 signature fits; the name (lower case, without folders) only
               breaks ties
    read(opened) -> iterator of Rows, Lost and Fact

It opens no paths, prints nothing and knows no event ids. `kit.sources` finds it, keeps the account
(seen = kept + skipped), numbers the rows and fills what is the same for the whole source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Opened:
    """A file as a reader sees it: an open, seekable, read-only binary file and what is known beforehand."""

    path: str  # relative to the case, for messages
    file: BinaryIO
    size: int
    culture: str | None = None  # declared culture of texts, e.g. de-DE
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file name in lower case, without folders."""
        return self.path.rsplit("/", 1)[-1].lower()


@dataclass(frozen=True)
class Rows:
    """Rows of a declared table. Columns may be any subset of the declared ones.

    Times that are local to the computer go to the extra column `time_local` (timestamp[us] without zone) with
    `time_raw`; the case turns them into `time_utc` when the zone is known. Rows of `events` need `record_id`.
    """

    table: str
    columns: pa.Table


@dataclass(frozen=True)
class Lost:
    """Records found or promised that could not become rows; `found` says whether they count as seen."""

    count: int | None
    reason: str
    first_id: int | None = None
    last_id: int | None = None
    offset: int | None = None
    found: bool = True


@dataclass(frozen=True)
class Fact:
    """What the file says about itself; later facts overwrite earlier ones, notes are gathered."""

    declared: int | None = None
    recovered: int | None = None
    gaps: int | None = None
    bad_checksums: int | None = None
    computer: str | None = None
    zone: str | None = None  # "+02:00" or an IANA name, when the file itself states it
    exported: datetime | None = None
    listed: bool = False  # records have no numbers: only their order tells that none is missing
    partial: bool = False  # something is missing that cannot be counted
    note: str | None = None


Reading = Rows | Lost | Fact


class Reader(Protocol):
    """What `kit.sources` expects of a module in its folder."""

    NAME: str
    VERSION: str
    TABLES: tuple[str, ...]

    @staticmethod
    def recognise(head: bytes, name: str) -> int: ...

    @staticmethod
    def read(opened: Opened) -> Iterator[Reading]: ...
