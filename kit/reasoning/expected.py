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
    failed = _failed(operations, clocks)
    rows: list[dict[str, Any]] = []
    hosts = records[records["role"].isin(HOSTS) & records["phase"].isin([*RESYNC, "host_failure", "replication"])]
    ends = records[(records["phase"] == "resynchronisation_end") & records["vm_name"].notna()]
    for vm_name, own in points.dropna(subset=["vm_name", "time_utc"]).groupby("vm_name", sort=True):
        schedule = schedules.get(str(vm_name))
        if schedule is None or len(own) < 3:
            continue
        for due in _due(own["time_utc"].sort_values().tolist(), schedule.listed):
            reason = _reason(str(vm_name), due, schedule.listed, hosts, failed)
            rows.append({"vm_name": vm_name, "time_utc": due, "reason": reason})
        rows += _after_the_last(str(vm_name), own["time_utc"].max() + schedule.listed / 2, failed)
        rows += _before_resync(str(vm_name), own, ends)
    return tables.frame("expected_points", rows)


def _failed(operations: pd.DataFrame, clocks: pd.DataFrame) -> pd.DataFrame:
    """Operations that failed for some database, with `at`: their begin on the reference clock."""
    own = operations[operations["outcome"].isin(["genuine_failure", "mixed"]) & operations["begin_utc"].notna()]
    shifts = Shifts(clocks)
    at = [
        shift.to_reference(begin) if (shift := shifts.of(computer)) is not None else begin
        for computer, begin in zip(own["computer"], own["begin_utc"], strict=True)
    ]
    return own.assign(at=pd.Series(at, index=own.index, dtype="datetime64[us, UTC]"))


def _after_the_last(vm_name: str, since: pd.Timestamp, failed: pd.DataFrame) -> list[dict[str, Any]]:
    """Failed sets of the host's schedule that came after the last listed point."""
    own = failed[(failed["vm_name"] == vm_name) & (failed["requestor"] == "hyper_v_replica") & (failed["at"] > since)]
    return [{"vm_name": vm_name, "time_utc": at, "reason": GUEST_FAILED} for at in own["at"].sort_values()]


def _due(times: list[pd.Timestamp], step: pd.Timedelta) -> list[pd.Timestamp]:
    made: list[pd.Timestamp] = []
    for earlier, later in pairwise(times):
        lacking = round((later - earlier) / step) - 1
        made += [earlier + step * (number + 1) for number in range(min(lacking, 1000))]
    return made


def _reason(
    vm_name: str, due: pd.Timestamp, step: pd.Timedelta, hosts: pd.DataFrame, failed: pd.DataFrame
) -> str:
    half = step / 2
    named = hosts["vm_name"].isna() | (hosts["vm_name"].str.casefold() == vm_name.casefold())
    near = hosts[named & (hosts["time_utc"] > due - half) & (hosts["time_utc"] <= due + half)]
    if near["phase"].isin(RESYNC).any():
        return "resynchronisation: it deletes every older point"
    if (near["phase"] == "host_failure").any():
        return "failed set: the host reports a failure at that time"
    if ((near["phase"] == "replication") & (near["kind"] != "background_noise")).any():
        return "replication was interrupted at that time"
    own = failed.loc[failed["vm_name"] == vm_name, "at"]
    if ((own > due - half) & (own <= due + half)).any():
        return GUEST_FAILED
    return "missing: no record tells why"


def _before_resync(vm_name: str, own: pd.DataFrame, ends: pd.DataFrame) -> list[dict[str, Any]]:
    """The history that a resynchronisation before the first listed point deleted, as one row."""
    told = ends[ends["vm_name"].str.casefold() == vm_name.casefold()]["time_utc"].dropna()
    first = own["time_utc"].min()
    earlier = told[told <= first]
    if earlier.empty:
        return []
    reason = "resynchronisation: it deleted every older point"
    return [{"vm_name": vm_name, "time_utc": earlier.max(), "reason": reason}]
