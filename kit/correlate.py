"""Recovery points and VSS operations: which operation, if exactly one, each point came from.

Never by the nearest time alone. A point has an interval (half the spacing of its kind to either side); after the clocks
are aligned it must hold exactly one operation of the host's schedule. The schedule is measured: where at least
`ENOUGH` points have one candidate and their delays (point minus thaw) agree within the writer window, an operation off
that beat is somebody else's.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kit import tables
from kit.clocks import shift_of

WINDOW_S = 60.0  # longest time a writer stays frozen by default; pairs that differ by more share no schedule
ENOUGH = 5
LONGEST_DELAY_S = 300.0  # a label that comes later than this after the thaw is not taken for granted
HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Schedule:
    """The beat of one VM: spacing of its points and the usual delay of a point after the thaw, reference clock."""

    claimed: pd.Timedelta
    listed: pd.Timedelta
    delay_s: float | None
    spread_s: float | None
    pairs: int


def spacing(points: pd.DataFrame, configured_h: float | None = None) -> pd.Timedelta | None:
    """The configured spacing, else the median spacing of at least three points; none when neither is known."""
    if configured_h:
        return pd.Timedelta(hours=float(configured_h))
    times = points["time_utc"].dropna().sort_values()
    return times.diff().median() if len(times) >= 3 else None


def configured_hours(replication: pd.DataFrame, vm_name: str) -> float | None:
    """VSSSnapshotFrequencyHour of a VM as exported; none when it is off, unknown or the exports differ."""
    own = replication.loc[replication["vm_name"] == vm_name, "app_consistent_interval_h"].dropna().unique()
    return float(own[0]) if len(own) == 1 and own[0] > 0 else None


def instant(operation: Any) -> pd.Timestamp:
    """The time an operation is placed at: its thaw, else its freeze, else its first record."""
    for value in (operation.thaw_utc, operation.freeze_utc):
        if pd.notna(value):
            return value
    return operation.begin_utc


def links(
    points: pd.DataFrame, operations: pd.DataFrame, clocks: pd.DataFrame, replication: pd.DataFrame,
    covered: pd.DataFrame, tolerance_s: float = WINDOW_S,
) -> tuple[pd.DataFrame, dict[str, Schedule]]:
    """Table `links` (one row for each point) and the schedule of each VM.

    `covered` has recovery_point_id and covered: whether a guest log covers the interval of the point.
    """
    rows: list[dict[str, Any]] = []
    schedules: dict[str, Schedule] = {}
    snapshots = operations[~operations["requestor"].isin(["sql_stream", "windows_server_backup", "native_backup"])]
    for vm_name, own in points.groupby(points["vm_name"].fillna(""), sort=True):
        mine = snapshots[snapshots["vm_name"].fillna("") == vm_name]
        made, schedule = _links_of_vm(str(vm_name), own, mine, clocks, replication, tolerance_s)
        rows += made
        schedules[str(vm_name)] = schedule
    held = covered.set_index("recovery_point_id")["covered"] if len(covered) else pd.Series(dtype="boolean")
    for row in rows:
        row["covered"] = held.get(row["recovery_point_id"])
    return tables.frame("links", rows), schedules


def _links_of_vm(
    vm_name: str, points: pd.DataFrame, operations: pd.DataFrame, clocks: pd.DataFrame, replication: pd.DataFrame,
    tolerance_s: float,
) -> tuple[list[dict[str, Any]], Schedule]:
    placed = _placed(operations, clocks)
    claimed = points[points["claimed"] == "application_consistent"]
    others = points[points["claimed"] != "application_consistent"]
    listed = spacing(points) or spacing(claimed, configured_hours(replication, vm_name)) or HOUR
    step = spacing(claimed, configured_hours(replication, vm_name)) or listed
    delays = _delays(claimed, placed, step)
    schedule = _schedule(step, listed, delays)
    rows = [_link(point, placed, step, schedule, tolerance_s) for point in claimed.itertuples()]
    taken = {row["operation_id"] for row in rows if row["operation_id"]}
    left = [one for one in placed if one.operation_id not in taken]
    rows += [_link(point, left, min(listed, step), schedule, tolerance_s) for point in others.itertuples()]
    return rows, schedule


@dataclass(frozen=True)
class _Placed:
    """An operation on the reference clock (the guest's own where that is not known)."""

    at: pd.Timestamp
    operation_id: str
    known: bool


def _placed(operations: pd.DataFrame, clocks: pd.DataFrame) -> list[_Placed]:
    shifts = {computer: shift_of(computer, clocks) for computer in operations["computer"].dropna().unique()}
    made = []
    for operation in operations.itertuples():
        shift = shifts.get(operation.computer)
        known = shift is not None and operation.time_basis != "assumed"
        at = shift.to_reference(instant(operation)) if shift is not None else instant(operation)
        made.append(_Placed(at, operation.operation_id, known))
    return sorted(made, key=lambda one: (one.at, one.operation_id))


def _inside(point: Any, placed: list[_Placed], step: pd.Timedelta) -> list[_Placed]:
    first = bisect_right(placed, point.time_utc - step / 2, key=lambda one: one.at)
    last = bisect_right(placed, point.time_utc + step / 2, key=lambda one: one.at)
    return placed[first:last]


def _delays(claimed: pd.DataFrame, placed: list[_Placed], step: pd.Timedelta) -> list[float]:
    made = []
    for point in claimed.itertuples():
        found = _inside(point, placed, step) if pd.notna(point.time_utc) else []
        if len(found) == 1 and found[0].known:
            made.append((point.time_utc - found[0].at).total_seconds())
    return made


def _schedule(step: pd.Timedelta, listed: pd.Timedelta, delays: list[float]) -> Schedule:
    if len(delays) < ENOUGH:
        return Schedule(step, listed, None, None, len(delays))
    series = pd.Series(delays)
    middle = float(series.median())
    near = series[(series - middle).abs() <= WINDOW_S]
    if len(near) < max(ENOUGH, 0.6 * len(series)) or abs(middle) > LONGEST_DELAY_S:
        return Schedule(step, listed, None, None, len(delays))
    return Schedule(step, listed, float(near.median()), float(near.max() - near.min()), len(near))


def _link(
    point: Any, placed: list[_Placed], step: pd.Timedelta, schedule: Schedule, tolerance_s: float
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "recovery_point_id": point.recovery_point_id, "vm_name": point.vm_name, "operation_id": None,
        "candidates": [], "offset_s": None, "ambiguous": False, "clock_known": None,
    }
    if pd.isna(point.time_utc) or point.time_basis == "assumed":
        return row | {"method": "the time of the point is not known", "clock_known": False}
    row |= {"interval_from": point.time_utc - step / 2, "interval_until": point.time_utc + step / 2}
    found = _inside(point, placed, step)
    if not found:
        return row | {"method": "no operation in the interval"}
    known = all(one.known for one in found)
    row |= {"candidates": [one.operation_id for one in found], "clock_known": known}
    if not known:
        return row | {"method": "the clock of the guest is not known against the host", "ambiguous": len(found) > 1}
    offsets = [(one, (point.time_utc - one.at).total_seconds()) for one in found]
    return row | _chosen(offsets, schedule, tolerance_s)


def _chosen(offsets: list[tuple[_Placed, float]], schedule: Schedule, tolerance_s: float) -> dict[str, Any]:
    usual, width = schedule.delay_s, max(tolerance_s, schedule.spread_s or 0.0)
    if usual is None:
        if len(offsets) == 1 and abs(offsets[0][1]) <= tolerance_s:
            return _one(offsets[0], f"the only operation in the interval, within {tolerance_s:g} s of the point")
        method = (
            "several operations in the interval and too few pairs to tell the schedule"
            if len(offsets) > 1 else f"the only operation in the interval is more than {tolerance_s:g} s away"
        )
        return {"method": method, "ambiguous": len(offsets) > 1}
    on_beat = [pair for pair in offsets if abs(pair[1] - usual) <= width]
    if len(on_beat) == 1:
        how = "the only operation in the interval" if len(offsets) == 1 else "the only operation on the host's schedule"
        return _one(on_beat[0], f"{how}; {schedule.pairs} pairs give a delay of {usual:.1f} s")
    if len(on_beat) > 1:
        return {"method": "several operations on the host's schedule", "ambiguous": True}
    return {"method": "no operation on the host's schedule in the interval", "candidates": []}


def _one(pair: tuple[_Placed, float], method: str) -> dict[str, Any]:
    return {"operation_id": pair[0].operation_id, "offset_s": pair[1], "method": method, "ambiguous": False}


def attribute(operations: pd.DataFrame, links: pd.DataFrame, schedules: dict[str, Schedule]) -> pd.DataFrame:
    """Table `operations` with the requestor: Hyper-V Replica where a point is linked or the schedule fits."""
    linked = set(links["operation_id"].dropna())
    ambiguous = set(links.loc[links["ambiguous"].fillna(False), "candidates"].explode().dropna())
    beats = _beats(operations, linked, schedules)
    requestor, reason = [], []
    for row in operations.itertuples():
        if row.requestor != "unknown":
            requestor.append(row.requestor)
            reason.append(row.requestor_reason)
            continue
        word, why = _requestor(row.operation_id, linked, ambiguous, beats)
        requestor.append(word)
        reason.append(why)
    return tables.check("operations", operations.assign(requestor=requestor, requestor_reason=reason))


def _requestor(operation_id: str, linked: set[str], ambiguous: set[str], beats: set[str]) -> tuple[str, str]:
    if operation_id in linked:
        return "hyper_v_replica", "a listed recovery point stands at the host's usual delay after it"
    if operation_id in ambiguous:
        return "unknown", "one of several operations that a recovery point could come from"
    if operation_id in beats:
        return "hyper_v_replica", "it stands on the beat of the operations that recovery points came from"
    return "unknown", "no recovery point and no schedule fits it"


def _beats(operations: pd.DataFrame, linked: set[str], schedules: dict[str, Schedule]) -> set[str]:
    """Operations whose distance to a linked one is a whole number of spacings, within the writer window."""
    found: set[str] = set()
    for vm_name, own in operations.groupby(operations["vm_name"].fillna("")):
        schedule = schedules.get(str(vm_name))
        anchors = own[own["operation_id"].isin(linked)]
        if schedule is None or len(anchors) < ENOUGH:
            continue
        step = schedule.claimed.total_seconds()
        anchor_times = pd.Series([instant(row) for row in anchors.itertuples()])
        for row in own[~own["operation_id"].isin(linked)].itertuples():
            distance = (anchor_times - instant(row)).dt.total_seconds()
            nearest = distance.loc[distance.abs().idxmin()]
            rest = (nearest + step / 2) % step - step / 2
            if abs(rest) <= WINDOW_S:
                found.add(row.operation_id)
    return found
