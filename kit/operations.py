"""Guest records to VSS operations: what belongs together, and how each operation ended for each database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kit import phases, tables
from kit.records import SNAPSHOT_PHASES, of_guest

QUIET = pd.Timedelta(seconds=150)  # records of one operation follow closer; a writer may stay frozen for 60 s
BASIS = ("assumed", "inferred", "declared", "utc")  # weakest first


@dataclass(frozen=True)
class Operations:
    """Tables `operations` and `operation_databases`, and the operation of each record (uid, operation_id)."""

    operations: pd.DataFrame
    databases: pd.DataFrame
    members: pd.DataFrame


@dataclass
class _Open:
    """An operation while its records are gathered."""

    rows: list[int] = field(default_factory=list)  # positions
    thawed: set[tuple[str, str]] = field(default_factory=set)
    frozen: dict[tuple[str, str], pd.Timestamp] = field(default_factory=dict)
    last: pd.Timestamp | None = None


def operations(records: pd.DataFrame) -> Operations:
    """The VSS operations of every guest, with the backups of other products as operations of their own.

    A new operation begins after 150 s without a record of a VSS phase, or when a database freezes again after its thaw.
    """
    own = of_guest(records)
    own = own[own["time_utc"].notna() & own["class"].notna() & (own["class"] != "background_noise")]
    snapshots = own[own["phase"].isin(SNAPSHOT_PHASES)]
    streams = own[(own["phase"] == "backup") & (own["class"] == "other_requestor")]
    made: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    members: list[tuple[str, str]] = []
    for frame, stream in _all_groups(snapshots, streams):
        operation, databases = _operation(frame, stream)
        made.append(operation)
        if len(databases):
            parts.append(databases)
        members += [(uid, operation["operation_id"]) for uid in frame["uid"]]
    detail = pd.concat(parts, ignore_index=True) if parts else tables.empty("operation_databases")
    return Operations(
        tables.frame("operations", sorted(made, key=lambda row: (row["begin_utc"], row["operation_id"]))),
        tables.check("operation_databases", detail),
        pd.DataFrame(members, columns=["uid", "operation_id"]),
    )


def _all_groups(snapshots: pd.DataFrame, streams: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, bool]]:
    for given, stream in ((snapshots, False), (streams, True)):
        guest = given["vm_name"].fillna(given["computer"]).fillna("")
        for _, own in given.groupby(guest, sort=True):
            for gathered in _groups(own):
                yield own.iloc[gathered].reset_index(drop=True), stream


def _groups(own: pd.DataFrame) -> Iterator[list[int]]:
    current = _Open()
    for position, row in enumerate(own[["time_utc", "phase", "instance", "database"]].itertuples()):
        key = (str(row.instance or ""), str(row.database).casefold())
        again = row.phase == "freeze" and key in current.thawed and row.time_utc - current.frozen[key] > pd.Timedelta(
            seconds=5
        )
        if current.rows and (row.time_utc - current.last > QUIET or again):
            yield current.rows
            current = _Open()
        current.rows.append(position)
        current.last = row.time_utc if current.last is None else max(current.last, row.time_utc)
        if isinstance(row.database, str) and row.phase == "freeze":
            current.frozen.setdefault(key, row.time_utc)
        if isinstance(row.database, str) and row.phase == "thaw" and key in current.frozen:
            current.thawed.add(key)
    if current.rows:
        yield current.rows


def _operation(records: pd.DataFrame, stream: bool) -> tuple[dict[str, Any], pd.DataFrame]:
    guest = records["vm_name"].dropna()
    first = records.iloc[0]
    name = f"{first['vm_name']}|{first['computer']}|{records['time_utc'].min().isoformat()}|{stream}"
    operation_id = "O-" + hashlib.sha256(name.encode()).hexdigest()[:10]
    databases = tables.empty("operation_databases") if stream else phases.outcomes(records)
    databases = databases.assign(operation_id=operation_id)
    outcome = "open" if stream else outcome_of(records, databases)
    said = records[records["phase"].isin(["freeze", "thaw", "abort"])]
    row = {
        "operation_id": operation_id, "computer": first["computer"],
        "vm_name": guest.iloc[0] if len(guest) else None,
        "requestor": "sql_stream" if stream else "unknown",
        "requestor_reason": "the records themselves are those of a backup that is no snapshot" if stream else None,
        "begin_utc": records["time_utc"].min(), "end_utc": records["time_utc"].max(),
        "freeze_utc": _first(databases["freeze_utc"]), "thaw_utc": _last(databases["thaw_utc"]),
        "abort_utc": _first(said.loc[said["phase"] == "abort", "time_utc"]),
        "freeze_s": _largest(databases["freeze_s"]), "time_basis": _weakest(records["time_basis"]),
        "precision_s": _largest(records["precision_s"]), "last_phase": records["phase"].iloc[-1], "outcome": outcome,
        "databases": sorted({database_name(one.instance, one.database) for one in databases.itertuples()}),
        "evidence": list(records["uid"]),
    }
    return row, databases


def database_name(instance: Any, database: Any) -> str:
    """INSTANCE\\database, the way the tables name a database; only the database without an instance."""
    return f"{instance}\\{database}" if isinstance(instance, str) and instance else str(database)


def outcome_of(records: pd.DataFrame, databases: pd.DataFrame) -> str:
    """The outcome of an operation: that of its databases, mixed where they differ.

    Without any database: a failure record makes it a genuine failure, anything else leaves it open.
    """
    found = set(databases["outcome"].dropna())
    if not found:
        return "genuine_failure" if (records["class"] == "genuine_failure").any() else "open"
    if found <= {"clean", "benign_abort"}:
        return "benign_abort" if "benign_abort" in found else "clean"
    return found.pop() if len(found) == 1 else "mixed"


def _first(times: pd.Series) -> pd.Timestamp | None:
    return times.min() if times.notna().any() else None


def _last(times: pd.Series) -> pd.Timestamp | None:
    return times.max() if times.notna().any() else None


def _largest(values: pd.Series) -> float | None:
    return float(values.max()) if values.notna().any() else None


def _weakest(basis: pd.Series) -> str | None:
    present = set(basis.dropna())
    return next((word for word in BASIS if word in present), None)
