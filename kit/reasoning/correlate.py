"""Recovery points and VSS operations: which operation, if exactly one, each point came from.

Never by the nearest time alone. A point has an interval (half the spacing of its kind to either side); after the clocks
are aligned it must hold exactly one operation of the host's schedule. The schedule is measured: where most points, and
at least `ENOUGH`, share one delay (point minus thaw) within the writer window, an operation off that beat is somebody
else's.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning import beats
from kit.reasoning.clocks import Shift, Shifts, shift_of
from kit.values import tuples

WINDOW_S = beats.WINDOW_S  # pairs that differ by more share no schedule
ENOUGH = beats.ENOUGH
LONGEST_DELAY_S = 300.0  # a label that comes later than this after the thaw is not taken for granted
HOUR = beats.HOUR
CLOCK_UNKNOWN = "the clock of the guest is not known against the host"
CLOCK_SET = "the clock of the guest was set around this time"
BEFORE_REPORT, AFTER_REPORT = pd.Timedelta(minutes=2), pd.Timedelta(minutes=15)  # a backup reports at its end


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
    shifts = {computer: shift_of(computer, clocks) for computer in operations["computer"].dropna().unique()}
    placed = _placed(operations, shifts)
    known = _Known(tuple(shifts.values())) if len(operations) else None
    claimed = points[points["claimed"] == "application_consistent"]
    others = points[points["claimed"] != "application_consistent"]
    configured = configured_hours(replication, vm_name)
    listed = spacing(points) or spacing(claimed, configured) or HOUR
    step = pd.Timedelta(hours=configured) if configured else listed
    schedule = _schedule(step, listed, _delays(claimed, placed, step))
    rows = [_link(point, placed, step, schedule, tolerance_s, known) for point in tuples(claimed)]
    taken = {row["operation_id"] for row in rows if row["operation_id"]}
    left = [one for one in placed if one.operation_id not in taken]
    rows += [_link(point, left, min(listed, step), schedule, tolerance_s, known) for point in tuples(others)]
    return rows, schedule


@dataclass(frozen=True)
class _Placed:
    """An operation on the reference clock (the guest's own where that is not known).

    Operations whose logs have an unknown zone cannot be placed at all; they are as if their logs were absent.
    """

    at: pd.Timestamp
    operation_id: str
    known: bool


@dataclass(frozen=True)
class _Known:
    """The clocks of a VM's guest, one for each computer name that it had; none where a clock is not known."""

    shifts: tuple[Shift | None, ...]

    @property
    def set_on_the_way(self) -> bool:
        """Whether they are known, but not for all the time."""
        return all(self.shifts)

    def at(self, time: pd.Timestamp) -> bool:
        """Whether they are known at a time of the reference clock."""
        return all(shift is not None and shift.knows_reference(time) for shift in self.shifts)


def _placed(operations: pd.DataFrame, shifts: dict[str, Shift | None]) -> list[_Placed]:
    made = []
    for operation in tuples(operations[operations["time_basis"] != "assumed"]):
        shift, own = shifts.get(operation.computer), instant(operation)
        at = shift.to_reference(own) if shift is not None else own
        made.append(_Placed(at, operation.operation_id, shift is not None and shift.knows(own)))
    return sorted(made, key=lambda one: (one.at, one.operation_id))


def _inside(point: Any, placed: list[_Placed], step: pd.Timedelta) -> list[_Placed]:
    first = bisect_right(placed, point.time_utc - step / 2, key=lambda one: one.at)
    last = bisect_right(placed, point.time_utc + step / 2, key=lambda one: one.at)
    return placed[first:last]


def _delays(claimed: pd.DataFrame, placed: list[_Placed], step: pd.Timedelta) -> list[list[float]]:
    """For each point the delays of all operations in its interval whose clock is known."""
    made = []
    for point in tuples(claimed):
        found = _inside(point, placed, step) if pd.notna(point.time_utc) else []
        delays = [(point.time_utc - one.at).total_seconds() for one in found if one.known]
        if delays:
            made.append(delays)
    return made


def _schedule(step: pd.Timedelta, listed: pd.Timedelta, delays: list[list[float]]) -> Schedule:
    """The one delay that most points share within the writer window; none when no delay or more than one does."""
    unknown = Schedule(step, listed, None, None, len(delays))
    if len(delays) < ENOUGH:
        return unknown
    wanted = max(ENOUGH, 0.6 * len(delays))
    shared: list[list[float]] = []
    middles: list[float] = []
    for centre in sorted({delay for point in delays for delay in point}, key=abs):
        if abs(centre) > LONGEST_DELAY_S or any(abs(centre - one) <= 2 * WINDOW_S for one in middles):
            continue
        near = [min(fits) for point in delays if (fits := [one for one in point if abs(one - centre) <= WINDOW_S])]
        if len(near) >= wanted:
            shared.append(near)
            middles.append(_middle(near))
    if len(shared) != 1:
        return unknown
    middle = middles[0]
    near = [one for one in shared[0] if abs(one - middle) <= WINDOW_S]
    return Schedule(step, listed, _middle(near), max(near) - min(near), len(near))


def _middle(values: list[float]) -> float:
    return float(pd.Series(values).median())


def _link(
    point: Any, placed: list[_Placed], step: pd.Timedelta, schedule: Schedule, tolerance_s: float, clock: _Known | None
) -> dict[str, Any]:
    known = clock.at(point.time_utc) if clock is not None and pd.notna(point.time_utc) else None
    row: dict[str, Any] = {
        "recovery_point_id": point.recovery_point_id, "vm_name": point.vm_name, "operation_id": None,
        "candidates": [], "offset_s": None, "ambiguous": False, "clock_known": known,
    }
    if pd.isna(point.time_utc) or point.time_basis == "assumed":
        return row | {"method": "the time of the point is not known", "clock_known": False}
    row |= {"interval_from": point.time_utc - step / 2, "interval_until": point.time_utc + step / 2}
    found = _inside(point, placed, step)
    if known is False and clock is not None and clock.set_on_the_way:
        return row | {"candidates": [one.operation_id for one in found], "method": CLOCK_SET}
    if not found:
        return row | {"method": "no operation in the interval"}
    known = all(one.known for one in found)
    row |= {"candidates": [one.operation_id for one in found], "clock_known": known}
    if not known:
        method = CLOCK_SET if clock is not None and clock.set_on_the_way else CLOCK_UNKNOWN
        return row | {"method": method, "ambiguous": len(found) > 1}
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
        candidates = [one.operation_id for one, _ in on_beat]
        return {"method": "several operations on the host's schedule", "ambiguous": True, "candidates": candidates}
    return {"method": "no operation on the host's schedule in the interval", "candidates": []}


def _one(pair: tuple[_Placed, float], method: str) -> dict[str, Any]:
    return {"operation_id": pair[0].operation_id, "offset_s": pair[1], "method": method, "ambiguous": False}


def attribute(
    operations: pd.DataFrame, links: pd.DataFrame, schedules: dict[str, Schedule], clocks: pd.DataFrame
) -> pd.DataFrame:
    """Table `operations` with the requestor: Hyper-V Replica where a point is linked or the schedule fits.

    Where the schedule of a VM is known, a snapshot off it is that of an agent in the guest. It is known while the
    host's operations go on; before and after that nothing tells it: a list keeps few points, a resynchronisation
    deletes them, and a restarted host asks at other minutes. Where no point list tells the schedule, operations that
    recur every 1 to 12 whole hours are taken for the host's.
    """
    linked = set(links["operation_id"].dropna())
    ambiguous = set(links.loc[links["ambiguous"].fillna(False), "candidates"].explode().dropna())
    words: dict[str, tuple[str, str]] = {}
    for vm_name, own in operations[operations["requestor"] == "unknown"].groupby(operations["vm_name"].fillna("")):
        words |= _requestors(own, linked, ambiguous, schedules.get(str(vm_name)), Shifts(clocks))
    words |= _of_windows_backup(operations, words)
    said = [words.get(row.operation_id, (row.requestor, row.requestor_reason)) for row in tuples(operations)]
    return tables.check(
        "operations",
        operations.assign(requestor=[word for word, _ in said], requestor_reason=[reason for _, reason in said]),
    )


def _requestors(
    own: pd.DataFrame, linked: set[str], ambiguous: set[str], schedule: Schedule | None, shifts: Shifts
) -> dict[str, tuple[str, str]]:
    assumed = set(own.loc[own["time_basis"] == "assumed", "operation_id"])
    computers = dict(zip(own["operation_id"], own["computer"], strict=True))
    placed = {row.operation_id: instant(row) for row in tuples(own) if row.operation_id not in assumed}
    frozen = {row.operation_id: row.freeze_utc for row in tuples(own) if pd.notna(row.freeze_utc)}
    anchors = sorted(at for operation_id, at in placed.items() if operation_id in linked)
    step = schedule.claimed if schedule is not None else None
    reason = "it stands on the beat of the operations that recovery points came from"
    if len(anchors) < ENOUGH:
        anchors, step = beats.own_beat(sorted(placed.values()))
        reason = "it recurs every few whole hours, as the host asks; no list of points tells more"
    beat = beats.beat(sorted(placed.values()), anchors, step)
    made = dict.fromkeys(assumed, ("unknown", "the time of its records is only assumed"))
    for operation_id, at in placed.items():
        times = (at, frozen.get(operation_id, at))  # a freeze that outlived its window thaws off the beat
        place = beats.OPEN if beat is None else min(beat.place(time) for time in times)
        if operation_id in linked:
            made[operation_id] = ("hyper_v_replica", "a recovery point stands at the host's usual delay after it")
        elif operation_id in ambiguous:
            made[operation_id] = ("unknown", "one of several operations that a recovery point could come from")
        elif place == beats.ON:
            made[operation_id] = ("hyper_v_replica", reason)
        elif (shift := shifts.of(computers[operation_id])) is not None and not shift.knows(at):
            made[operation_id] = ("unknown", CLOCK_SET)
        elif place == beats.OFF and linked & set(placed):
            made[operation_id] = ("guest_agent", "it stands off the schedule on which the host asks")
        else:
            made[operation_id] = ("unknown", "no recovery point and no schedule fits it")
    return made


def _of_windows_backup(operations: pd.DataFrame, words: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The snapshot nearest to each report of Windows Server Backup, among those that are not the host's."""
    free = operations["operation_id"].map(lambda one: words.get(one, ("",))[0] in ("unknown", "guest_agent"))
    snapshots = {str(name): own for name, own in operations[free].groupby(operations["vm_name"].fillna(""))}
    made = {}
    for report in tuples(operations[operations["requestor"] == "windows_server_backup"]):
        own = snapshots.get(report.vm_name if isinstance(report.vm_name, str) else "")
        if own is None:
            continue
        begun, at = own["begin_utc"] - BEFORE_REPORT <= report.begin_utc, report.begin_utc
        near = own[begun & (at <= own["end_utc"] + AFTER_REPORT)]
        if len(near):
            apart = pd.concat([near["begin_utc"] - at, at - near["end_utc"]], axis=1).max(axis=1)
            chosen = near.loc[apart.idxmin(), "operation_id"]
            made[chosen] = ("windows_server_backup", "Windows Server Backup reports its run at that time")
    return made
