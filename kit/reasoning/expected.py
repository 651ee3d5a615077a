"""Scheduled points that the list lacks, and why, as far as the records tell."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning.clocks import Shifts
from kit.reasoning.correlate import Schedule
from kit.reasoning.records import HOSTS

GUEST_FAILED = "failed set: the guest shows a genuine failure at that time"
RESYNC = ("resynchronisation_start", "resynchronisation_end")


def expected_points(
    points: pd.DataFrame, records: pd.DataFrame, operations: pd.DataFrame, schedules: dict[str, Schedule],
    clocks: pd.DataFrame,
) -> pd.DataFrame:
    """Table `expected_points`: due times between the first and the last listed point at which no point stands, and
    failed sets of the schedule after the last.

    Reasons: a resynchronisation (it deletes every older point), a failed set, an interrupted replication, or missing.
    Operations are placed on the reference clock where the clock of their guest is known.
    """
    told = _Told(records, _failed(operations, clocks))
    rows: list[dict[str, Any]] = []
    for vm_name, own in points.dropna(subset=["vm_name", "time_utc"]).groupby("vm_name", sort=True):
        schedule = schedules.get(str(vm_name))
        if schedule is None or len(own) < 3:
            continue
        times = own["time_utc"].sort_values().tolist()
        for due in due_times(times, schedule.listed):
            reason = told.reason(str(vm_name), due, schedule.listed / 2)
            rows.append({"vm_name": vm_name, "time_utc": due, "reason": reason})
        rows += told.after_the_last(str(vm_name), times[-1] + schedule.listed / 2)
        rows += told.before_resync(str(vm_name), times[0])
    return tables.frame("expected_points", rows)


class _Told:
    """What records tell of each machine, in the order of time; machines are asked for by name, one after the other."""

    def __init__(self, records: pd.DataFrame, failed: pd.DataFrame) -> None:
        chosen = records["role"].isin(HOSTS) & records["phase"].isin([*RESYNC, "host_failure", "replication"])
        hosts = records[chosen & records["time_utc"].notna()]
        names = hosts["vm_name"].str.casefold()
        self._unnamed = _Times(hosts[names.isna()])
        self._hosts = {str(name): _Times(own) for name, own in hosts.groupby(names)}
        self._failed = {str(name): own.sort_values("at") for name, own in failed.groupby("vm_name")}
        ends = records[(records["phase"] == "resynchronisation_end") & records["time_utc"].notna()]
        self._ends = {str(name): own["time_utc"] for name, own in ends.groupby(ends["vm_name"].str.casefold())}

    def reason(self, vm_name: str, due: pd.Timestamp, half: pd.Timedelta) -> str:
        """Why no point stands at a due time, from what was recorded up to half a step around it."""
        own = self._hosts.get(vm_name.casefold())
        near = self._unnamed.around(due, half) | (own.around(due, half) if own else set())
        if any(phase in RESYNC for phase, _ in near):
            return "resynchronisation: it deletes every older point"
        if any(phase == "host_failure" for phase, _ in near):
            return "failed set: the host reports a failure at that time"
        if any(phase == "replication" and kind != "background_noise" for phase, kind in near):
            return "replication was interrupted at that time"
        failed = self._failed.get(vm_name)
        if failed is not None and ((failed["at"] > due - half) & (failed["at"] <= due + half)).any():
            return GUEST_FAILED
        return "missing: no record tells why"

    def after_the_last(self, vm_name: str, since: pd.Timestamp) -> list[dict[str, Any]]:
        """Failed sets of the host's schedule that came after the last listed point."""
        failed = self._failed.get(vm_name)
        if failed is None:
            return []
        own = failed.loc[(failed["requestor"] == "hyper_v_replica") & (failed["at"] > since), "at"]
        return [{"vm_name": vm_name, "time_utc": at, "reason": GUEST_FAILED} for at in own]

    def before_resync(self, vm_name: str, first: pd.Timestamp) -> list[dict[str, Any]]:
        """The history that a resynchronisation before the first listed point deleted, as one row."""
        told = self._ends.get(vm_name.casefold())
        earlier = told[told <= first] if told is not None else ()
        if not len(earlier):
            return []
        reason = "resynchronisation: it deleted every older point"
        return [{"vm_name": vm_name, "time_utc": max(earlier), "reason": reason}]


class _Times:
    """Host records in the order of time: phase and class of those around a moment."""

    def __init__(self, records: pd.DataFrame) -> None:
        ordered = records.sort_values("time_utc")
        self._times = ordered["time_utc"].reset_index(drop=True)
        self._said = list(zip(ordered["phase"], ordered["kind"], strict=True))

    def around(self, due: pd.Timestamp, half: pd.Timedelta) -> set[tuple[str, str]]:
        """Phase and class of the records in (due - half, due + half]."""
        first, last = (int(self._times.searchsorted(edge, side="right")) for edge in (due - half, due + half))
        return set(self._said[first:last])


def _failed(operations: pd.DataFrame, clocks: pd.DataFrame) -> pd.DataFrame:
    """Operations that failed for some database, with `at`: their begin on the reference clock."""
    own = operations[operations["outcome"].isin(["genuine_failure", "mixed"]) & operations["begin_utc"].notna()]
    shifts = Shifts(clocks)
    at = [
        shift.to_reference(begin) if (shift := shifts.of(computer)) is not None else begin
        for computer, begin in zip(own["computer"], own["begin_utc"], strict=True)
    ]
    return own.assign(at=pd.Series(at, index=own.index, dtype="datetime64[us, UTC]"))


def due_times(times: list[pd.Timestamp], step: pd.Timedelta) -> list[pd.Timestamp]:
    """The times at which a point was due between these, in order, one spacing after the other."""
    made: list[pd.Timestamp] = []
    for earlier, later in pairwise(times):
        lacking = round((later - earlier) / step) - 1
        made += [earlier + step * (number + 1) for number in range(min(lacking, 1000))]
    return made
