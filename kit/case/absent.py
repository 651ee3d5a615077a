"""What a case lacks: sources that were to be expected, why they count, and the command that collects each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from kit import collect
from kit.case.config import Config, fits
from kit.sources import evt, source_id_of

POINTS = "replica/points.xml"
_VMMS = "microsoft-windows-hyper-v-vmms"


class Absent(NamedTuple):
    """A source that is not there: its row's label and note, and the row of `missing`."""

    path: str
    role: str
    vm_name: str | None
    what: str
    why: str
    command: str


class Held(NamedTuple):
    """What one source that was read holds."""

    role: str
    vm_name: str | None
    channels: frozenset[str]  # lower case
    tables: frozenset[str]
    providers: frozenset[str]  # lower case
    note: str | None = None
    reader: str | None = None


def expected(
    held: Sequence[Held], points: pd.DataFrame, replication: pd.DataFrame, errorlog_since: dict[str, pd.Timestamp]
) -> list[Absent]:
    """Sources that the questions of this case need and that no file provides, most useful first.

    `errorlog_since` gives for each VM the time from which its ERRORLOG reports.
    """
    vms = _vms(held, points, replication)
    made: list[Absent] = []
    guests: list[str | None] = [*vms] or [None]
    own: dict[str | None, list[Held]] = {}
    for one in held:
        if one.role == "guest":
            own.setdefault(one.vm_name, []).append(one)
    first = points.dropna(subset=["time_utc"]).groupby("vm_name")["time_utc"].min().to_dict()
    for vm_name in guests:
        folder = "guest" if len(vms) < 2 else f"guest/{vm_name}"
        made += _of_guest(vm_name, folder, own.get(vm_name, []), first.get(vm_name), errorlog_since)
    made += _of_hosts(held, points, replication, vms)
    return sorted(made, key=lambda one: one.path != POINTS)  # without them there is nothing to judge


def _vms(held: Sequence[Held], points: pd.DataFrame, replication: pd.DataFrame) -> list[str]:
    names = {name for column in (points["vm_name"], replication["vm_name"]) for name in column.dropna()}
    names |= {one.vm_name for one in held if one.vm_name and one.role in ("guest", "test_failover_guest")}
    return sorted(name for name in names if not name.casefold().rstrip().endswith("- test"))


def _of_guest(
    vm_name: str | None, folder: str, own: Sequence[Held], first_point: pd.Timestamp | None,
    errorlog_since: dict[str, pd.Timestamp],
) -> Iterator[Absent]:
    channels = frozenset().union(*(one.channels for one in own)) if own else frozenset()
    providers = frozenset().union(*(one.providers for one in own)) if own else frozenset()
    sql = not own or any(name.startswith("mssql") or name in ("sqlvdi", "sqlwriter") for name in providers)

    called = f"guest {vm_name}" if vm_name else "the guest"

    def lacking(file: str, what: str, why: str, command: str) -> Absent:
        return Absent(f"{folder}/{file}", "guest", vm_name, f"{what} of {called}", why, command)

    if "application" not in channels:
        yield lacking(
            "Application.evtx", "Application log",
            "shows freeze, resume and abort of each database", collect.event_log("Application"),
        )  # fmt: skip
    if sql and "errorlog" not in channels:
        yield lacking(
            "ERRORLOG", "SQL Server ERRORLOG",
            "gives the order of freeze, resume and abort to a hundredth of a second", collect.errorlogs(),
        )  # fmt: skip
    if "system" not in channels:
        yield lacking(
            "System.evtx", "System log",
            "shows boots, unexpected shutdowns and the volume snapshot driver", collect.event_log("System"),
        )  # fmt: skip
    if sql and not _too_old(own) and not any(name.startswith("sqlwriterlogger") for name in channels):
        yield lacking(
            "SqlWriterLogger.txt", "trace of the SQL writer",
            "places each abort before or after the thaw (SQL Server 2019 and newer write it)", collect.writer_trace(),
        )  # fmt: skip
    since = errorlog_since.get(vm_name) if vm_name else None
    if since is not None and first_point is not None and since > first_point:
        yield lacking(
            "ERRORLOG.1", "older SQL Server ERRORLOG files",
            f"those in the case begin at {since:%Y-%m-%d %H:%M} UTC, after the first listed recovery point",
            collect.errorlogs(),
        )  # fmt: skip


def _too_old(own: Sequence[Held]) -> bool:
    """Whether system (with logs of the old format) or SQL Server are older than the trace of the writer (2019)."""
    if any(one.reader == evt.NAME for one in own):
        return True
    years = [int(year) for one in own for year in re.findall(r"Microsoft SQL Server (20\d\d)", one.note or "")]
    return bool(years) and max(years) < 2019


def _of_hosts(
    held: Sequence[Held], points: pd.DataFrame, replication: pd.DataFrame, vms: Sequence[str]
) -> Iterator[Absent]:
    vm_name = vms[0] if len(vms) == 1 else None
    wanted = vm_name or "*"
    if points.empty:
        yield Absent(
            POINTS, "replica_host", vm_name, "list of recovery points of the replica host",
            "the points and what they claim are the statement under test", collect.points(wanted),
        )  # fmt: skip
    if replication.empty:
        yield Absent(
            "replica/replication.xml", "replica_host", vm_name, "replication state of both hosts",
            "tells the configured interval, failures and the last test failover", collect.replication(wanted),
        )  # fmt: skip
    for role, folder, why in (
        ("primary_host", "primary", "says whether the host saw each snapshot set fail"),
        ("replica_host", "replica", "shows test failovers and trouble with applying changes"),
    ):
        if not any(one.role == role and any(name.startswith(_VMMS) for name in one.channels) for one in held):
            what = f"Hyper-V log (VMMS) of the {role.replace('_', ' ')}"
            yield Absent(f"{folder}/VMMS-Admin.evtx", role, None, what, why, collect.event_log(collect.VMMS))
    if points.empty or any(one.role == "test_failover_guest" for one in held):
        return
    why = "only the boot of a point shows what recovery did to each database; nothing can be confirmed without it"
    command = collect.event_log("Application") + "; " + collect.event_log("System") + "; " + collect.errorlogs()
    yield Absent("testfailover/", "test_failover_guest", vm_name, "logs of a test-failover machine", why, command)


def unmatched(config: Config, paths: Sequence[str]) -> list[tuple[str, str]]:
    """Globs of case.toml that fit no file, with the role that they stand for."""
    said = [(setting.path, setting.role or "unknown") for setting in config.sources]
    said += [(str(entry["path"]), "test_failover_guest") for entry in config.test_failovers if entry.get("path")]
    return [(glob, role) for glob, role in dict.fromkeys(said) if not any(fits(path, glob) for path in paths)]


def row(path: str, role: str, vm_name: str | None, note: str) -> dict[str, Any]:
    """The row of `sources` of an absent file."""
    nothing = {"seen": 0, "kept": 0, "skipped": 0, "status": "absent"}
    return {"source_id": source_id_of(path), "path": path, "role": role, "vm_name": vm_name, "note": note} | nothing
