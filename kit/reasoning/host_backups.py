"""Backups of a virtual machine that its host takes, told apart from replication and from agents in the guest.

A backup on the host reaches the guest over the same integration service as Hyper-V Replica and leaves the same records
there (domain reference, sections 2 and 6: "another hypervisor-level backup of the same VM" is another requestor). What
tells it is that it stands off the known schedule of the points, and one of these:

- a backup product writes about its run on the machine's primary host at that time;
- the primary host's Hyper-V log names the machine in a record of a backup, a snapshot set or a checkpoint;
- the guest shows that the host asked: its Hyper-V requestor service starts or writes (`host_asks` in the knowledge).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning.clocks import UNSHIFTED, Shifts
from kit.reasoning.correlate import AFTER_REPORT, BEFORE_REPORT
from kit.values import tuples

WORD = "host_backup"
OFF_SCHEDULE = "guest_agent"  # what correlate.attribute says of a snapshot off a known schedule
ASKED = pd.Timedelta(seconds=60)
HOST_PHASES = ("host_failure", "host_request")
MARK = '"host_asks": true'


def told(operations: pd.DataFrame, records: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Table `operations` with the requestor `host_backup` where something on the host, or the guest, shows it.

    `known` is table `clocks`; a clock that nobody knows is taken as it stands. Where the schedule is not known nothing
    is said: replication asks in the same way, and its failures leave the same records on the host.
    """
    free = operations["requestor"] == OFF_SCHEDULE
    if not free.any():
        return operations
    shifts = Shifts(known)
    signs = [_products(records, shifts), _requests(records, shifts), _asked(records)]
    made = operations[["requestor", "requestor_reason"]].astype(object)
    for row in tuples(operations[free]):
        reason = next((said for sign in signs if (said := sign(row))), None)
        if reason:
            made.loc[row.Index] = [WORD, reason]
    named = made["requestor"].tolist()
    return tables.check("operations", operations.assign(requestor=named, requestor_reason=made["requestor_reason"]))


_Sign = Callable[[Any], str | None]


def _on_host(
    found: pd.DataFrame, shifts: Shifts, said: Callable[[Any], str], after: pd.Timedelta = AFTER_REPORT
) -> _Sign:
    """Looks for a record of the primary host from two minutes before an operation; products report at their end."""
    rows = [(_placed(row.time_utc, row.computer, shifts), row) for row in tuples(found.dropna(subset=["time_utc"]))]

    def sign(operation: Any) -> str | None:
        first = _placed(operation.begin_utc, operation.computer, shifts) - BEFORE_REPORT
        last = _placed(operation.end_utc, operation.computer, shifts) + after
        near = (row for time, row in rows if first <= time <= last and _concerns(row, operation))
        return next(map(said, near), None)

    return sign


def _placed(time: pd.Timestamp, computer: Any, shifts: Shifts) -> pd.Timestamp:
    return (shifts.of(computer) or UNSHIFTED).to_reference(time)


def _concerns(row: Any, operation: Any) -> bool:
    """Whether a host's record may speak of the machine: it names this one, or none."""
    return not isinstance(row.vm_name, str) or row.vm_name == operation.vm_name


def _products(records: pd.DataFrame, shifts: Shifts) -> _Sign:
    host = records["role"] == "primary_host"
    found = records[host & (records["class"] == "other_requestor") & (records["phase"] == "backup")]
    return _on_host(found, shifts, lambda row: f"{row.provider} reports a backup on its host {row.computer} then")


def _requests(records: pd.DataFrame, shifts: Shifts) -> _Sign:
    host = (records["role"] == "primary_host") & records["vm_name"].notna()
    found = records[host & records["phase"].isin(HOST_PHASES)]
    return _on_host(found, shifts, lambda row: f"the host {row.computer} writes of a backup of the machine then", ASKED)


def _asked(records: pd.DataFrame) -> _Sign:
    guest = records["role"].isin(["guest", "unknown"]) & records["time_utc"].notna()
    found = records[guest & records["captured"].str.contains(MARK, regex=False).fillna(False)]
    rows = list(tuples(found[["time_utc", "vm_name", "computer"]]))

    def sign(operation: Any) -> str | None:
        first, last = operation.begin_utc - ASKED, operation.end_utc + ASKED
        asked = any(first <= row.time_utc <= last and row.computer == operation.computer for row in rows)
        return "it stands off the schedule, and the guest's Hyper-V requestor was asked at that time" if asked else None

    return sign
