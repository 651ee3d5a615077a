"""The databases and stores of a machine: all that the case shows for it (domain reference, section 5, rule 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from kit.values import tuples

if TYPE_CHECKING:
    from kit.reasoning.evidence import Frames

NO_DATABASE = {"tempdb", "mssqlsystemresource"}  # never part of a VSS freeze
SYSTEM_DATABASES = ("master", "model", "msdb")  # every instance has them, and a snapshot freezes them all
GUEST = ("guest", "unknown")
SHOWN = ("database_start", "backup")  # phases whose records, if no error, show that a database is there

_Key = tuple[str, str]
_Name = tuple[str | None, str]


def databases_of(vm_name: str, frames: Frames) -> list[tuple[str | None, str]]:
    """The databases and stores that the case shows for a VM: (instance, database), as first written.

    Without tempdb, mssqlsystemresource, and databases that the records show as offline or restoring. A name that only
    failures mention, under an instance of which nothing else is known, is the database of that name elsewhere. An
    instance of which only one or two system databases are shown has the others as well, and more than those. A database
    that is started or backed up and never frozen counts: the freeze may pass it by (auto-close, simple recovery).
    """
    own = frames.operations[frames.operations["vm_name"].fillna("") == vm_name]["operation_id"]
    tests = frames.boots[frames.boots["vm_name"].fillna("") == vm_name]["boot_id"]
    held = frames.databases[frames.databases["operation_id"].isin(own)]
    frozen = held[held["freeze_utc"].notna() | held["thaw_utc"].notna()]
    booted = frames.recoveries[frames.recoveries["boot_id"].isin(tests)]
    sure = {_key(row) for frame in (frozen, booted) for row in tuples(frame.dropna(subset=["database"]))}
    closed = _closed(vm_name, frames.records)
    made: dict[tuple[str, str], tuple[str | None, str]] = {}
    for row in tuples(pd.concat([booted, held]).dropna(subset=["database"])):
        key = _key(row)
        elsewhere = key not in sure and any(database == key[1] for _, database in sure)
        if key[1] not in NO_DATABASE and key not in closed and not elsewhere:
            made.setdefault(key, (row.instance if isinstance(row.instance, str) else None, row.database))
    for key, name in _shown(vm_name, frames.records, frames.operations).items():
        if key[1] not in NO_DATABASE and key not in closed:
            made.setdefault(key, name)
    made |= _unseen(made)
    return [made[key] for key in sorted(made)]


def _shown(vm_name: str, records: pd.DataFrame, operations: pd.DataFrame) -> dict[_Key, _Name]:
    """Databases that the guest's records show as started or backed up.

    What an instance showed before its last start that precedes every operation may be gone since, and is left out.
    """
    own = records[(records["vm_name"].fillna("") == vm_name) & records["role"].isin(GUEST) & records["boot_id"].isna()]
    own = own[own["time_utc"].notna()].assign(instance_key=own["instance"].fillna("").str.casefold())
    begun = operations.loc[operations["vm_name"].fillna("") == vm_name, "begin_utc"].min()
    starts = own[(own["phase"] == "instance_start") & (own["time_utc"] <= begun)]
    since = starts.groupby("instance_key")["time_utc"].max().to_dict()
    found = own[own["phase"].isin(SHOWN) & (own["severity"] == "info") & own["database"].notna()]
    found = found.groupby(["instance_key", "instance", "database"], dropna=False)["time_utc"].max().reset_index()
    return {
        _key(row): (row.instance if isinstance(row.instance, str) else None, row.database)
        for row in tuples(found) if row.time_utc >= since.get(row.instance_key, row.time_utc)
    }


def _unseen(made: Mapping[tuple[str, str], tuple[str | None, str]]) -> dict[tuple[str, str], tuple[str | None, str]]:
    """The system databases that no record shows, of instances of which nothing but system databases is shown."""
    found: dict[tuple[str, str], tuple[str | None, str]] = {}
    for instance in {instance for instance, _ in made}:
        own = {database for other, database in made if other == instance}
        if own < set(SYSTEM_DATABASES):
            spelled = next(said for (other, _), (said, _) in made.items() if other == instance)
            found |= {(instance, name): (spelled, name) for name in SYSTEM_DATABASES if name not in own}
    return found


def _key(row: Any) -> tuple[str, str]:
    return (row.instance if isinstance(row.instance, str) else "").casefold(), row.database.casefold()


def _closed(vm_name: str, records: pd.DataFrame) -> set[tuple[str, str]]:
    own = records[(records["vm_name"].fillna("") == vm_name) & (records["phase"] == "not_recoverable")]
    return {
        ((row.instance if isinstance(row.instance, str) else "").casefold(), row.database.casefold())
        for row in own.itertuples() if isinstance(row.database, str)
    }
