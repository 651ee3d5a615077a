"""Guest records to VSS operations: what belongs together, and how each operation ended for each database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning import phases
from kit.reasoning.phases import Outcome, Step
from kit.reasoning.records import DEFAULT_INSTANCE, SNAPSHOT_PHASES, of_guest
from kit.values import among, known, values

QUIET = timedelta(seconds=150)  # records of one operation follow closer; a writer may stay frozen for 60 s
AGAIN = timedelta(seconds=5)  # two logs tell of one freeze within this time
CLOSE = pd.Timedelta(seconds=1)  # a failed backup is reported right behind its device
BESIDE = timedelta(seconds=10)  # the records of one failed backup follow each other within this time
PRODUCTS = {"microsoft-windows-backup": "windows_server_backup"}  # event source -> requestor
ASSUMED = "assumed"
BASIS = (ASSUMED, "inferred", "declared", "utc")  # weakest first


@dataclass(frozen=True)
class Operations:
    """Tables `operations` and `operation_databases`, and the operation of each record (uid, operation_id)."""

    operations: pd.DataFrame
    databases: pd.DataFrame
    members: pd.DataFrame


@dataclass(frozen=True)
class _Record:
    """A record as the grouping sees it."""

    step: Step
    time: datetime
    computer: str | None
    vm_name: str | None
    basis: str | None
    precision_s: float | None
    product: str | None  # what the knowledge says of a backup that is no snapshot of the host's


@dataclass
class _Open:
    """An operation while its records are gathered."""

    records: list[_Record] = field(default_factory=list)
    thawed: set[tuple[str | None, str]] = field(default_factory=set)
    frozen: dict[tuple[str | None, str], datetime] = field(default_factory=dict)
    last: datetime | None = None


def operations(records: pd.DataFrame) -> Operations:
    """The VSS operations of every guest, with the backups of other products as operations of their own.

    A new operation begins after 150 s without a record of a VSS phase, or when a database freezes again after its thaw.
    """
    own = of_guest(records)
    own = own[own["time_utc"].notna() & own["class"].notna() & (own["class"] != "background_noise")]
    stream = (own["phase"] == "backup") & (own["class"] == "other_requestor")
    left = among(own["uid"], _left_by_streams(own, stream))
    snapshots, streams = own[own["phase"].isin(SNAPSHOT_PHASES) & ~left], own[stream | left]
    made: list[dict[str, Any]] = []
    detail: list[dict[str, Any]] = []
    members: list[tuple[str, str]] = []
    for gathered, stream in _gathered(snapshots, streams):
        outcomes = [] if stream else phases.judge([one.step for one in gathered])
        operation = _operation(gathered, outcomes, stream)
        made.append(operation)
        detail += [_database(operation["operation_id"], one) for one in outcomes]
        members += [(one.step.uid, operation["operation_id"]) for one in gathered]
    return Operations(
        tables.frame("operations", sorted(made, key=lambda row: (row["begin_utc"], row["operation_id"]))),
        tables.frame("operation_databases", detail),
        pd.DataFrame(members, columns=["uid", "operation_id"]),
    )


def _left_by_streams(own: pd.DataFrame, stream: pd.Series) -> set[str]:
    """Abort records of other products' streams: those of their virtual devices, and the one behind each in its log.

    Beside a snapshot in the same minute they would look like aborts inside its freeze.
    """
    devices = [phases.device_of(one) for one in values(own["captured"])]
    streamed = {device for device, flag in zip(devices, stream, strict=True) if flag and device}
    if not streamed:
        return set()
    rows = own[["uid", "source_id", "record_id", "time_utc", "phase", "class", "database"]].assign(device=devices)
    rows = rows.assign(streamed=rows["device"].isin(streamed)).sort_values(["source_id", "record_id"], kind="stable")
    before = rows.groupby("source_id", observed=True)[["streamed", "time_utc", "record_id"]].shift()
    behind = (
        before["streamed"].eq(True) & rows["device"].isna() & rows["database"].notna()
        & ((rows["time_utc"] - before["time_utc"]).abs() <= CLOSE)
    )  # fmt: skip
    found = rows[(rows["phase"] == "abort") & (rows["class"] == "undecided") & (rows["streamed"] | behind)]
    return set(found["uid"])


def _gathered(snapshots: pd.DataFrame, streams: pd.DataFrame) -> Iterator[tuple[list[_Record], bool]]:
    """The records of each operation, and whether it is another product's backup; one guest after the other."""
    snapshot_guests, stream_guests = _guests(snapshots), _guests(streams)
    for name in sorted({*snapshot_guests, *stream_guests}):
        taken = _groups(_records(snapshots, snapshot_guests.get(name)))
        yield from _with_streams(list(taken), list(_groups(_records(streams, stream_guests.get(name)))))


def _guests(given: pd.DataFrame) -> dict[str, list[int]]:
    """The row numbers of each guest's records."""
    made: dict[str, list[int]] = {}
    for row, (vm_name, computer) in enumerate(zip(values(given["vm_name"]), values(given["computer"]), strict=True)):
        name = next((one for one in (vm_name, computer) if isinstance(one, str) and one), "")
        made.setdefault(name, []).append(row)
    return made


def _with_streams(
    snapshots: list[list[_Record]], streams: list[list[_Record]]
) -> Iterator[tuple[list[_Record], bool]]:
    """Snapshot operations, and backups of other products with the aborts that they left, of one guest.

    Abort records without any freeze, beside a stream backup of the same guest, are the stream's own.
    """
    for group in snapshots:
        only_aborts = all(one.step.phase == "abort" and one.step.class_ == "undecided" for one in group)
        stream = next((other for other in streams if _beside(group, other)), None) if only_aborts else None
        if stream is None:
            yield group, False
        else:
            stream += group
            stream.sort(key=lambda one: (one.time, one.step.place))
    yield from ((stream, True) for stream in streams)


def _beside(group: list[_Record], stream: list[_Record]) -> bool:
    first, last = min(one.time for one in stream), max(one.time for one in stream)
    return first - BESIDE <= group[0].time and group[-1].time <= last + BESIDE


def _records(records: pd.DataFrame, rows: list[int] | None) -> list[list[_Record]]:
    """The records of one guest, in order; those of an unknown zone apart: nobody knows beside what they stand."""
    if not rows:
        return []
    given = records.take(rows)
    product = [PRODUCTS.get((name or "").casefold()) for name in known(given["provider"])]
    columns = (known(given[name]) for name in ("computer", "vm_name", "time_basis", "precision_s"))
    sure: list[_Record] = []
    assumed: list[_Record] = []
    for step, *about in zip(phases.steps(given), *columns, product, strict=True):
        if step.time is not None:
            record = _Record(step, step.time, *about)
            (assumed if record.basis == ASSUMED else sure).append(record)
    return [sure, assumed]


def _groups(guest: Sequence[Sequence[_Record]]) -> Iterator[list[_Record]]:
    for own in guest:
        current = _Open()
        for record in own:
            if current.records and _begins(record, current):
                yield current.records
                current = _Open()
            _take(record, current)
        if current.records:
            yield current.records


def _begins(record: _Record, current: _Open) -> bool:
    if current.last is not None and record.time - current.last > QUIET:
        return True
    key = _key(record.step)
    return record.step.phase == "freeze" and key in current.thawed and record.time - current.frozen[key] > AGAIN


def _take(record: _Record, current: _Open) -> None:
    current.records.append(record)
    current.last = record.time if current.last is None else max(current.last, record.time)
    if record.step.database is None:
        return
    key = _key(record.step)
    if record.step.phase == "freeze":
        current.frozen.setdefault(key, record.time)
    elif record.step.phase == "thaw" and key in current.frozen:
        current.thawed.add(key)


def _key(step: Step) -> tuple[str | None, str]:
    return step.instance, (step.database or "").casefold()


def _operation(gathered: Sequence[_Record], outcomes: Sequence[Outcome], stream: bool) -> dict[str, Any]:
    begin, end = min(one.time for one in gathered), max(one.time for one in gathered)
    vm_name = next((one.vm_name for one in gathered if one.vm_name), None)
    computer = gathered[0].computer
    assumed = gathered[0].basis == ASSUMED
    name = f"{vm_name}|{computer}|{begin.isoformat()}|{stream}|{assumed}"
    return {
        "operation_id": "O-" + hashlib.sha256(name.encode()).hexdigest()[:10], "computer": computer, "vm_name": vm_name,
        "requestor": _product(gathered) if stream else "unknown",
        "requestor_reason": "the records themselves are those of another product's backup" if stream else None,
        "begin_utc": begin, "end_utc": end,
        "freeze_utc": min((one.freeze for one in outcomes if one.freeze), default=None),
        "thaw_utc": max((one.thaw for one in outcomes if one.thaw), default=None),
        "abort_utc": min((one.time for one in gathered if one.step.phase == "abort"), default=None),
        "freeze_s": max((one.freeze_s for one in outcomes if one.freeze_s is not None), default=None),
        "time_basis": next((word for word in BASIS if any(one.basis == word for one in gathered)), None),
        "precision_s": max((one.precision_s for one in gathered if one.precision_s is not None), default=None),
        "last_phase": gathered[-1].step.phase,
        "outcome": "open" if stream else outcome_of([one.step for one in gathered], outcomes),
        "databases": sorted({database_name(one.instance, one.database) for one in outcomes if one.database}),
        "evidence": [one.step.uid for one in gathered],
    }


def _product(gathered: Sequence[_Record]) -> str:
    return next((one.product for one in gathered if one.product), "sql_stream")


def _database(operation_id: str, one: Outcome) -> dict[str, Any]:
    return {
        "operation_id": operation_id, "instance": one.instance, "database": one.database, "freeze_utc": one.freeze,
        "thaw_utc": one.thaw, "abort_utc": one.abort, "freeze_s": one.freeze_s,
        "abort_after_thaw": one.abort_after_thaw, "outcome": one.outcome, "evidence": one.evidence,
    }


def database_name(instance: Any, database: Any) -> str:
    """INSTANCE\\database, the way the tables name a database; only the database without an instance."""
    return f"{instance}\\{database}" if isinstance(instance, str) and instance else str(database)


def shown_name(instance: Any, database: Any) -> str:
    """The database as sentences name it: with its instance unless that is the default one."""
    return str(database) if instance == DEFAULT_INSTANCE else database_name(instance, database)


def outcome_of(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> str:
    """The outcome of an operation: that of its databases, mixed where they differ.

    Without any database: a failure record makes it a genuine failure, anything else leaves it open.
    """
    found = {one.outcome for one in outcomes}
    if not found:
        return "genuine_failure" if any(one.class_ == "genuine_failure" for one in steps) else "open"
    if found <= {"clean", "benign_abort"}:
        return "benign_abort" if "benign_abort" in found else "clean"
    return found.pop() if len(found) == 1 else "mixed"
