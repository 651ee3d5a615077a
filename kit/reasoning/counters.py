"""What the host counts of failed application-consistent snapshots, against the failures that the records show.

Item E5 of the domain reference asks that the failure counter did not rise. A counter speaks of an interval: that of its
statistics, or the time between two exports. It counts against the points in it only where the guest's log covers the
whole interval and shows fewer failures: then a set failed of which nobody knows which it was. A claim that was due and
is not in the list is a failed set as well: the host counted it and listed nothing, or no claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from kit.reasoning.clocks import Shifts
from kit.reasoning.correlate import Schedule
from kit.reasoning.covered import APPLICATION, Covered
from kit.reasoning.expected import due_times
from kit.reasoning.records import HOSTS
from kit.values import tuples

FEWEST = 3  # claims that tell a spacing
FAILED = ("genuine_failure", "mixed", "open")


@dataclass(frozen=True)
class Counted:
    """Failed snapshots of a VM that its host counts from one time to another, and how many the records show."""

    vm_name: str
    first: pd.Timestamp
    last: pd.Timestamp
    counted: int
    seen: int

    def holds(self, vm_name: str, time: pd.Timestamp) -> bool:
        """Whether a point of this VM and time may be the one that failed."""
        return vm_name.casefold() == self.vm_name.casefold() and self.first <= time <= self.last


def unseen_failures(
    replication: pd.DataFrame, operations: pd.DataFrame, records: pd.DataFrame, clocks: pd.DataFrame,
    covered: Covered, points: pd.DataFrame, schedules: Mapping[str, Schedule],
) -> list[Counted]:
    """The intervals in which the host counts more failed sets than the guest's and the hosts' records show."""
    shifts = Shifts(clocks)
    failed = operations[operations["outcome"].isin(FAILED) & operations["begin_utc"].notna()]
    texts = records[records["role"].isin(HOSTS) & (records["phase"] == "host_failure") & records["time_utc"].notna()]
    made = []
    for vm_name, first, last, counted in _intervals(replication):
        own = [row for row in tuples(failed) if row.vm_name == vm_name]
        times = [shift.to_reference(row.begin_utc) for row in own if (shift := shifts.of(row.computer)) is not None]
        placed = len(times) == len(own)
        times += [row.time_utc for row in tuples(texts) if not isinstance(row.vm_name, str) or row.vm_name == vm_name]
        times += _lacking(points[points["vm_name"] == vm_name], schedules.get(vm_name), times)
        seen = sum(first <= time <= last for time in times)
        if counted > seen and placed and _covers(vm_name, first, last, operations, shifts, covered):
            made.append(Counted(vm_name, first, last, counted, seen))
    return made


def _lacking(points: pd.DataFrame, schedule: Schedule | None, failed: list[Any]) -> list[Any]:
    """When a claim was due and none is listed, where no failure stands that was counted already."""
    claimed = points.loc[points["claimed"] == "application_consistent", "time_utc"].dropna().sort_values()
    if schedule is None or len(claimed) < FEWEST:
        return []
    half = schedule.claimed / 2
    due = due_times(claimed.tolist(), schedule.claimed)
    return [time for time in due if not any(abs(time - one) <= half for one in failed)]


def _intervals(replication: pd.DataFrame) -> Iterator[tuple[str, Any, Any, int]]:
    """VM, begin, end and failures of every interval that a counter speaks of."""
    known = replication.dropna(subset=["vm_name", "app_consistent_failures"])
    for row in tuples(known.dropna(subset=["from_utc", "until_utc"])):
        yield row.vm_name, row.from_utc, row.until_utc, int(row.app_consistent_failures)
    for vm_name, own in known.dropna(subset=["exported_utc"]).groupby("vm_name", sort=True):
        for earlier, later in pairwise(tuples(own.sort_values("exported_utc"))):
            rise = int(later.app_consistent_failures) - int(earlier.app_consistent_failures)
            if rise > 0 and later.computer == earlier.computer:
                yield str(vm_name), earlier.exported_utc, later.exported_utc, rise


def _covers(
    vm_name: str, first: Any, last: Any, operations: pd.DataFrame, shifts: Shifts, covered: Covered
) -> bool:
    computers = operations.loc[operations["vm_name"] == vm_name, "computer"].dropna().unique()
    shift = shifts.of(computers[0]) if len(computers) == 1 else None
    if shift is None:
        return False
    return bool(covered.holds(vm_name, APPLICATION, shift.from_reference(first), shift.from_reference(last)))
