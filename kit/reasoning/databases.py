"""The databases and stores of a machine: all that the case shows for it (domain reference, section 5, rule 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from kit.values import known, tuples

if TYPE_CHECKING:
    from kit.reasoning.evidence import Frames

NO_DATABASE = {"tempdb", "mssqlsystemresource"}  # never part of a VSS freeze
SYSTEM_DATABASES = ("master", "model", "msdb")  # every instance has them, and a snapshot freezes them all
GUEST = ("guest", "unknown")
_LAST = "\U0010ffff"  # in place of no instance: spelled names come first
_TOLD = ["instance", "database", "time_utc", "phase", "severity"]
_ASKED = ["vm_name", "role", "boot_id", "time_utc", "instance", "database", "phase", "severity"]
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
    certain = {database for _, database in sure}
    made: dict[tuple[str, str], tuple[str | None, str]] = {}
    for row in tuples(pd.concat([booted, held]).dropna(subset=["database"])):
        key = _key(row)
        elsewhere = key not in sure and key[1] in certain
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
    own = records.loc[records["phase"].isin([*SHOWN, "instance_start"]), _ASKED]
    own = own[(own["vm_name"].fillna("") == vm_name) & own["role"].isin(GUEST) & own["boot_id"].isna()]
    own = own[own["time_utc"].notna()]
    begun = operations.loc[operations["vm_name"].fillna("") == vm_name, "begin_utc"].min()
    since: dict[str, Any] = {}
    newest: dict[tuple[str, str, str], Any] = {}
    for instance, database, time, phase, severity in zip(*(known(own[name]) for name in _TOLD), strict=True):
        key = (instance or "").casefold()
        if phase == "instance_start" and time <= begun:  # never where no operation begins
            since[key] = max(time, since.get(key, time))
        elif phase in SHOWN and severity == "info" and database is not None:
            name = (key, _LAST if instance is None else instance, database)
            newest[name] = max(time, newest.get(name, time))
    return {
        (key, database.casefold()): (None if instance is _LAST else instance, database)
        for key, instance, database in sorted(newest)
        if newest[key, instance, database] >= since.get(key, newest[key, instance, database])
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
    own = records.loc[records["phase"] == "not_recoverable", ["vm_name", "instance", "database"]]
    own = own[own["vm_name"].fillna("") == vm_name]
    return {_key(row) for row in tuples(own) if isinstance(row.database, str)}
