"""What holds for a recovery point as a whole: evidence items that are true, false or unknown.

The items are those of `verdicts.ITEMS`. The label never counts for itself, a missing export makes an item unknown and
never false, and a boot speaks only for the point it came from. kit/reasoning/items.py goes on from the facts of a
point to its databases.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kit.reasoning.clocks import UNSHIFTED, Shift, Shifts
from kit.reasoning.correlate import WINDOW_S, Schedule
from kit.reasoning.counters import Counted
from kit.reasoning.covered import APPLICATION, MARGIN, SYSTEM, Covered
from kit.reasoning.verdicts import ITEMS
from kit.values import tuples

HOLD_SAFE_S = 8.0  # flush-and-hold gives up after 10 s; a freeze clearly shorter cannot hide a hold that timed out
SQL_WRITER = "sql"
NETBIOS = 15  # letters of a computer name that every log shows
DOUBT = '"doubts": true'  # what the knowledge says of records that put the point in doubt without deciding it


@dataclass
class Frames:
    """What the items are read from; see the declared tables of these names."""

    points: pd.DataFrame
    links: pd.DataFrame
    operations: pd.DataFrame
    databases: pd.DataFrame  # operation_databases
    records: pd.DataFrame
    members: pd.DataFrame  # uid, operation_id
    boots: pd.DataFrame
    recoveries: pd.DataFrame
    cuts: pd.DataFrame  # boot_id, instance, database, uid
    clocks: pd.DataFrame
    covered: Covered
    host_covered: Mapping[str, list[tuple[pd.Timestamp, pd.Timestamp]]]  # computer of a host -> intervals of its log
    schedules: Mapping[str, Schedule]
    unseen: tuple[Counted, ...] = ()  # failed sets that a host counts and no record shows
    declared_tests: frozenset[str] = frozenset()  # points that case.toml says were tested


@dataclass
class PointFacts:
    """What holds for a point as a whole, with the uids behind it."""

    point: Any
    link: Any
    operation: Any  # row of `operations`, or None
    window: tuple[Any, Any]  # first and last record of the operation, guest clock; NaT without one
    items: dict[str, bool | None]
    pattern: str
    failures: list[Any] = field(default_factory=list)  # records of genuine failure inside the operation
    vetoes: list[Any] = field(default_factory=list)  # failures of writers that hold no database
    doubts: list[Any] = field(default_factory=list)  # records in the operation that leave open whether it succeeded
    host_failures: list[Any] = field(default_factory=list)
    host_open: list[Any] = field(default_factory=list)  # host failures that cannot be attributed
    counted: list[Counted] = field(default_factory=list)  # failed sets of the host's counter, this one perhaps
    others: list[str] = field(default_factory=list)  # operations of other requestors inside the window
    other_records: list[str] = field(default_factory=list)
    boot: Any = None
    rejected_boot: Any = None
    boot_of: str | None = None  # the other computer that a rejected boot is of
    system_lacks: bool = False  # no System log covers the operation, and its freeze is not short enough to do without
    channels: frozenset[str] = frozenset()  # the logs of the guest that the case has, where they hold the point's time
    zone_open: bool = False  # records of the guest stand in local time of a zone that nobody knows


def facts(frames: Frames) -> list[PointFacts]:
    """The facts of every point, in the order of `frames.points`."""
    links = {row.recovery_point_id: row for row in tuples(frames.links)}
    operations = {row.operation_id: row for row in tuples(frames.operations)}
    failing, doubting = _failing(frames), _doubting(frames)
    boots: dict[str, Any] = {}
    for row in frames.boots.itertuples():
        if isinstance(row.recovery_point_id, str):
            boots.setdefault(row.recovery_point_id, row)
    hosts = _Hosts(frames)
    near = _Near(frames)
    unplaced = frames.operations[frames.operations["time_basis"] == "assumed"]
    open_zones = set(unplaced["vm_name"].fillna(""))
    made = []
    for point in tuples(frames.points):
        link = links[point.recovery_point_id]
        operation = operations.get(link.operation_id) if isinstance(link.operation_id, str) else None
        facts_of = _facts_of(point, link, operation, operations, (failing, doubting), boots, hosts, near, frames)
        facts_of.zone_open = (point.vm_name if isinstance(point.vm_name, str) else "") in open_zones
        made.append(facts_of)
    return made


def _facts_of(
    point: Any, link: Any, operation: Any | None, operations: Mapping[str, Any],
    bad: tuple[Mapping[str, list[Any]], Mapping[str, list[Any]]], boots: Mapping[str, Any], hosts: _Hosts, near: _Near,
    frames: Frames,
) -> PointFacts:
    claimed = {"application_consistent": True, "crash_consistent": False}.get(point.claimed)
    vm_name = point.vm_name if isinstance(point.vm_name, str) else ""
    window = (operation.begin_utc, operation.end_utc) if operation is not None else (pd.NaT, pd.NaT)
    made = PointFacts(point, link, operation, window, dict.fromkeys(ITEMS), _pattern(link, operation, operations))
    items = made.items
    items["E1"] = claimed
    items["E12"] = None if link.clock_known is pd.NA or pd.isna(link.clock_known) else bool(link.clock_known)
    if operation is not None:
        _others(made, vm_name, near, frames.covered)
        made.failures, made.vetoes = _split_vetoes(bad[0].get(operation.operation_id, []))
        made.doubts, others = _split_vetoes(_until_thaw(bad[1].get(operation.operation_id, []), operation))
        made.vetoes = [*made.vetoes, *others]
        items["E11"] = frames.covered.holds(vm_name, APPLICATION, window[0] - MARGIN, window[1] + MARGIN)
        items["X1"] = _attributed(made)
        items["E4"] = _no_trace(made, vm_name, frames.covered)
    else:
        items["E11"] = None if bool(link.covered) else False
        made.channels = frames.covered.channels(vm_name) if bool(link.covered) else frozenset()
        items["X1"] = False
    _reported(made, vm_name, hosts)
    if claimed and pd.notna(point.time_utc) and items["X1"] is False:
        made.counted = [one for one in frames.unseen if one.holds(vm_name, point.time_utc)]
        items["E5"] = False if made.counted else items["E5"]
    _boot(made, boots.get(point.recovery_point_id), frames)
    return made


def _pattern(link: Any, operation: Any | None, operations: Mapping[str, Any]) -> str:
    found = [operation] if operation is not None else [operations[one] for one in (link.candidates or [])]
    if not found:
        return "none_seen" if link.covered is not pd.NA and bool(link.covered) else "not_covered"
    words = {_word(one.outcome, bool(link.covered) if link.covered is not pd.NA else False) for one in found}
    return words.pop() if len(words) == 1 else "mixed"


def _word(outcome: str, is_covered: bool) -> str:
    if outcome == "open":
        return "genuine_failure" if is_covered else "not_covered"
    return outcome


def _failing(frames: Frames) -> dict[str, list[Any]]:
    """Records of genuine failure of each operation."""
    bad = frames.records[frames.records["class"] == "genuine_failure"].merge(frames.members, on="uid")
    made: dict[str, list[Any]] = {}
    for row in tuples(bad):
        made.setdefault(row.operation_id, []).append(row)
    return made


def _doubting(frames: Frames) -> dict[str, list[Any]]:
    """Records of each operation that leave open whether it succeeded: trouble of its infrastructure, and doubts."""
    records = frames.records
    wrong = (records["class"] == "environment") & records["severity"].isin(["error", "critical"])
    doubts = records["captured"].str.contains(DOUBT, regex=False).fillna(False)
    made: dict[str, list[Any]] = {}
    for row in tuples(records[wrong | doubts].merge(frames.members, on="uid")):
        made.setdefault(row.operation_id, []).append(row)
    return made


def _until_thaw(found: list[Any], operation: Any) -> list[Any]:
    """Trouble that came before the thaw was through: what breaks later breaks no point in time. Doubts always count."""
    if pd.isna(operation.thaw_utc):
        return found
    last = operation.thaw_utc + pd.Timedelta(seconds=max(1.0, float(operation.precision_s or 0.0)))
    return [row for row in found if row.kind != "environment" or row.time_utc <= last]


def _split_vetoes(found: list[Any]) -> tuple[list[Any], list[Any]]:
    """Failures that count for SQL Server databases or for all, and those of a writer that holds none of them."""
    vetoes = [row for row in found if isinstance(row.writer, str) and SQL_WRITER not in row.writer.casefold()
              and not isinstance(row.database, str) and row.phase in ("prepare", "freeze", "thaw", "writer")]
    kept = [row for row in found if not any(row is veto for veto in vetoes)]
    return kept, vetoes


def _attributed(made: PointFacts) -> bool | None:
    """Whether a failure that names no database belongs to this operation; null when two requestors were at work."""
    general = [row for row in made.failures if not isinstance(row.database, str)]
    if not general:
        return False
    return None if made.others else True


def _no_trace(made: PointFacts, vm_name: str, held: Covered) -> bool | None:
    """E4 for the guest: no failure trace, where the logs that would hold one cover the operation.

    A hold that timed out leaves its record in the System log only; it takes 10 s, so without that log a freeze that is
    clearly shorter excludes it.
    """
    first, last = made.window
    short = made.operation is not None and pd.notna(made.operation.freeze_s) and made.operation.freeze_s < HOLD_SAFE_S
    made.system_lacks = not (short or held.holds(vm_name, SYSTEM, first, last))
    if [row for row in made.failures if not isinstance(row.database, str)]:
        return None if made.others else False
    if [row for row in made.doubts if not isinstance(row.database, str)]:
        return None
    return True if held.holds(vm_name, APPLICATION, first, last) and not made.system_lacks else None


class _Near:
    """Operations and records of other requestors of each VM, for look-ups by time."""

    def __init__(self, frames: Frames) -> None:
        operations = frames.operations[frames.operations["time_basis"] != "assumed"]
        self._operations = {
            str(vm_name): _Spans(own) for vm_name, own in operations.groupby(operations["vm_name"].fillna(""))
        }
        records = frames.records
        others = records[
            (records["class"] == "other_requestor") & (records["phase"] != "backup") & records["time_utc"].notna()
        ]
        self.records: dict[str, list[tuple[Any, str]]] = {}
        for uid, vm_name, time in zip(others["uid"], others["vm_name"].fillna(""), others["time_utc"], strict=True):
            self.records.setdefault(vm_name, []).append((time, uid))

    def touching(self, vm_name: str, first: Any, last: Any) -> list[str]:
        """The operations of a VM that have a part in the time."""
        spans = self._operations.get(vm_name)
        return spans.touching(first, last) if spans is not None else []


class _Spans:
    """Operations in the order of their begin."""

    def __init__(self, operations: pd.DataFrame) -> None:
        ordered = operations.sort_values("begin_utc", kind="stable")
        self._begins = ordered["begin_utc"].tolist()
        self._ends = ordered["end_utc"].tolist()
        self._latest = ordered["end_utc"].cummax().tolist()
        self._ids = ordered["operation_id"].tolist()

    def touching(self, first: Any, last: Any) -> list[str]:
        start, stop = bisect_left(self._latest, first), bisect_right(self._begins, last)
        return [self._ids[place] for place in range(start, stop) if self._ends[place] >= first]


def _others(made: PointFacts, vm_name: str, near: _Near, held: Covered) -> None:
    """E6: whether another requestor was at work in the window of the operation."""
    first = made.window[0] - pd.Timedelta(seconds=WINDOW_S)
    last = made.window[1] + pd.Timedelta(seconds=WINDOW_S)
    touching = near.touching(vm_name, first, last)
    made.others = [operation_id for operation_id in touching if operation_id != made.operation.operation_id]
    made.other_records = [uid for time, uid in near.records.get(vm_name, ()) if first <= time <= last]
    covered = held.any_holds(vm_name, *made.window)
    made.items["E6"] = False if made.others or made.other_records else True if covered else None


class _Hosts:
    """Failure texts of hosts and the intervals of their logs, on the reference clock, for look-ups by time."""

    def __init__(self, frames: Frames) -> None:
        self.shifts = Shifts(frames.clocks)
        hosts = frames.records["role"].isin(["primary_host", "replica_host", "unknown"])
        found = frames.records[hosts & (frames.records["phase"] == "host_failure")]
        rows = found[found["time_utc"].notna()].itertuples()
        placed = [(self._placed(row), number, row) for number, row in enumerate(rows)]
        self._failures = sorted(placed, key=lambda one: one[:2])
        self._spans = [
            (shift.to_reference(start), shift.to_reference(end))
            for computer, spans in frames.host_covered.items() if (shift := self.shifts.of(computer)) is not None
            for start, end in spans
        ]

    def _placed(self, row: Any) -> pd.Timestamp:
        shift = self.shifts.of(row.computer)
        return shift.to_reference(row.time_utc) if shift is not None else row.time_utc

    def failures(self, start: pd.Timestamp, end: pd.Timestamp) -> list[Any]:
        """The records after the start and until the end, in the order of the evidence."""
        first = bisect_right(self._failures, start, key=lambda one: one[0])
        last = bisect_right(self._failures, end, key=lambda one: one[0])
        return [row for _, _, row in sorted(self._failures[first:last], key=lambda one: one[1])]

    def holds(self, time: pd.Timestamp) -> bool:
        """Whether one log covers the time with the writer window to either side."""
        margin = pd.Timedelta(seconds=WINDOW_S)
        return any(start <= time - margin and end >= time + margin for start, end in self._spans)


def _reported(made: PointFacts, vm_name: str, hosts: _Hosts) -> None:
    """E5, and E4/X1 for the host: failure texts of this VM near the point, on the reference clock."""
    if pd.isna(made.point.time_utc):
        return
    start, end = made.link.interval_from, made.link.interval_until
    if pd.isna(start):
        return
    for row in hosts.failures(start, end):
        named = isinstance(row.vm_name, str)
        if named and row.vm_name.casefold() != vm_name.casefold():
            continue
        known = named and hosts.shifts.of(row.computer) is not None
        (made.host_failures if known else made.host_open).append(row)
    if made.host_failures:
        made.items["E5"] = False
        if _inside_operation(made, hosts.shifts):
            made.items["X1"], made.items["E4"] = (None, None) if made.others else (True, False)
    elif made.host_open:
        made.items["E4"] = None if made.items["E4"] is not False else False
    elif hosts.holds(made.point.time_utc):
        made.items["E5"] = True


def _inside_operation(made: PointFacts, shifts: Shifts) -> bool:
    if made.operation is None:
        return False
    guest = shifts.of(made.operation.computer)
    if guest is None:
        return False
    slack = pd.Timedelta(seconds=WINDOW_S)
    first, last = (guest.to_reference(time) for time in made.window)
    for row in made.host_failures:
        host = shifts.of(row.computer) or UNSHIFTED
        if first - slack <= host.to_reference(row.time_utc) <= last + slack:
            return True
    return False


def _boot(made: PointFacts, boot: Any | None, frames: Frames) -> None:
    """B, E7 and X3: whether a test-failover boot belongs to the point, on the guest's own clock."""
    items = made.items
    items["B"], items["X3"] = boot is not None, False
    if boot is None:
        untold = made.point.recovery_point_id in frames.declared_tests
        items["B"] = items["E7"] = None if untold else False  # a test whose logs are missing may have told anything
        return
    if _another_computer(made, boot):
        made.rejected_boot, made.boot_of = boot, str(boot.computer)
        items["B"] = items["E7"] = None  # the declaration or the logs are wrong: which, is open
        return
    made.boot = boot
    if made.operation is None or pd.isna(made.operation.thaw_utc) or pd.isna(boot.image_time_utc):
        items["E7"] = True
        return
    precision = pd.Timedelta(seconds=float(made.operation.precision_s or 0.0))
    later = boot.image_time_utc - made.operation.thaw_utc - precision
    if later > pd.Timedelta(seconds=WINDOW_S):
        items["X3"], items["E7"] = True, False
    elif later > pd.Timedelta(0):
        items["E7"] = None
    elif _earlier_image(made, boot, frames):
        made.boot, made.rejected_boot = None, boot
        declared = made.point.recovery_point_id in frames.declared_tests  # then one of the two is wrong: which, is open
        items["B"] = items["E7"] = None if declared else False
    else:
        items["E7"] = True


def _another_computer(made: PointFacts, boot: Any) -> bool:
    """Whether the booted image calls itself by another name than the guest did when the point was made.

    The image of a point bears the name of its time (domain reference, section 6: primary and test guest export the
    same computer name), so a boot under another name is that of another machine.
    """
    if made.operation is None:
        return False
    names = (made.operation.computer, boot.computer)
    return len({name.casefold().split(".")[0][:NETBIOS] for name in names if isinstance(name, str)}) == 2


def _earlier_image(made: PointFacts, boot: Any, frames: Frames) -> bool:
    """Whether the guest wrote records after the image and well before the freeze: the image is then an earlier one."""
    operation: Any = made.operation
    start = operation.freeze_utc if pd.notna(operation.freeze_utc) else operation.begin_utc
    slack = pd.Timedelta(seconds=WINDOW_S)
    vm_name = made.point.vm_name if isinstance(made.point.vm_name, str) else ""
    own = frames.records[
        (frames.records["role"] == "guest") & (frames.records["vm_name"].fillna("") == vm_name)
        & ~frames.records["source_id"].isin(list(boot.source_ids))
    ]
    between = (own["time_utc"] > boot.image_time_utc + slack) & (own["time_utc"] < start - slack)
    return bool(between.any())


def point_coverage(
    points: pd.DataFrame, held: Covered, step: Mapping[str, pd.Timedelta], shifts: Mapping[str, Shift | None]
) -> pd.DataFrame:
    """recovery_point_id and covered: whether a guest log covers 15 minutes (or half the spacing) around the point.

    `shifts` has the clock of each VM's guest; where it is unknown the guest is taken to run with the host.
    """
    rows: list[tuple[str, bool | None]] = []
    for point in tuples(points):
        vm_name = point.vm_name if isinstance(point.vm_name, str) else ""
        if pd.isna(point.time_utc):
            rows.append((point.recovery_point_id, None))
            continue
        margin = min(MARGIN, step.get(vm_name, MARGIN * 2) / 2)
        at = (shifts.get(vm_name) or UNSHIFTED).from_reference(point.time_utc)
        holds = held.any_holds(vm_name, at - margin, at + margin)
        rows.append((point.recovery_point_id, holds))
    made = pd.DataFrame(rows, columns=["recovery_point_id", "covered"])
    return made.astype({"covered": "boolean"})

