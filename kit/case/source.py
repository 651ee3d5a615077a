"""One given file with everything that a case found out about it, and its rows in the evidence store."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit.case.loading import Read
from kit.case.roles import Role, short
from kit.case.store import Entry
from kit.case.zones import Zone


@dataclass(frozen=True)
class Source:
    """One given file with everything the case found out about it."""

    read: Read
    source_id: str
    role: Role
    zone: Zone | None = None  # only where it has local times
    copy_of: str | None = None  # path of the first file with the same content
    until: pd.Timestamp | None = None  # the last plausible time, where rows lie after it
    ahead: int = 0  # rows after it

    @property
    def path(self) -> str:
        """Path relative to the case."""
        return self.read.given.path

    @property
    def folder(self) -> str:
        """The folder it lies in, relative to the case."""
        return self.path.rpartition("/")[0]

    @property
    def machine(self) -> str:
        """The short name of its computer, to compare by; empty where none is known."""
        return short(self.role.computer)

    @property
    def entry(self) -> Entry | None:
        """Its rows in the store; none for copies and for what could not be read."""
        return None if self.copy_of else self.read.entry

    @property
    def local(self) -> bool:
        """Whether it has times without a zone."""
        row = self.read.account.source
        return row.get("first_local") is not None or row.get("exported_local") is not None

    @property
    def in_utc(self) -> bool:
        """Whether it is an event log whose times need no zone."""
        return not self.local and self.entry is not None and self.entry.path("events") is not None


def path_of(one: Source) -> str:
    """Its path, for the display of progress."""
    return one.path


def matching(entry: Entry, providers: set[str], columns: list[str] | None = None) -> pa.Table | None:
    """The events of these providers (as written), read row group by row group; None when there are none."""
    wanted = pa.array(sorted(providers))
    if (whole := entry.small("events")) is not None:
        mask = pc.is_in(whole.column("provider").cast(pa.string()), wanted)
        return (whole.select(columns) if columns else whole).filter(mask) if pc.any(mask).as_py() else None
    if entry.path("events") is None:
        return None
    kept = []
    with entry.opened("events") as file:
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, ["provider"]).column("provider").cast(pa.string())
            mask = pc.is_in(column, wanted)
            if pc.any(mask).as_py():
                kept.append(file.read_row_group(group, columns).filter(mask))
    return pa.concat_tables(kept).unify_dictionaries() if kept else None
