"""The lanes of the timeline, from cause to effect, and where each lane has no surviving record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pandas as pd

from kit.page.view import View
from kit.plots.style import Interval

HOSTS = {"primary_host": "Primary host", "replica_host": "Replica host"}
LONGEST_NAME = 20


@dataclass
class Lane:
    """One lane: what it is, whose records it shows, which rows of the judged events belong to it."""

    key: str
    title: str
    subtitle: str
    role: str | None = None
    instance: str | None = None
    y: float = 0.0
    records: pd.DataFrame = field(default_factory=pd.DataFrame)
    gaps: list[Interval] = field(default_factory=list)
    computer: str | None = None  # whose clock the gaps are on
    given: bool = True  # at least one source of this lane could be read


def lanes(view: View, vm: str, period: Interval) -> list[Lane]:
    """The lanes of one machine from top to bottom, with their records and gaps."""
    judged = view.judged
    own = judged[judged["time_utc"].notna() & (judged["vm_name"].map(view.owner, na_action=None) == vm)]
    guest = own[~own["role"].isin([*HOSTS, "test_failover_guest"])]
    sql = guest["instance"].notna()
    instances = sorted(set(guest.loc[sql, "instance"]) | _instances(view, vm))
    made = [
        _host(view, own, "primary_host"), Lane("vss", "Guest VSS", vm, "guest", records=guest[~sql]),
        *[
            Lane(f"sql:{name}", "Guest SQL", name, "guest", name, records=guest[sql & (guest["instance"] == name)])
            for name in instances or ["no instance seen"]
        ],
        Lane("points", "Recovery points", _points_said(view, vm)), _host(view, own, "replica_host"),
        Lane("boots", "Test failover", _test_machine(view, vm), "test_failover_guest"),
    ]
    for number, lane in enumerate(reversed(made)):
        lane.y = float(number)
        _cover(view, vm, lane, period)
    return made


def _instances(view: View, vm: str) -> set[str]:
    operations = {row["operation_id"] for row in view.of(vm, view.operations.values())}
    return {row["instance"] for i in operations for row in view.operation_databases.get(i, []) if row["instance"]}


def _host(view: View, own: pd.DataFrame, role: str) -> Lane:
    names = sorted({row["computer"] for row in view.sources.values() if row["role"] == role and row["computer"]})
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return Lane(
        role, HOSTS[role], (names[0] + more) if names else "no log given", role, records=own[own["role"] == role]
    )


def _points_said(view: View, vm: str) -> str:
    listed, expected = len(view.points_of(vm)), len(view.of(vm, view.rows("expected_points")))
    return f"{listed} of {listed + expected} scheduled" if expected else f"{listed} listed"


def _test_machine(view: View, vm: str) -> str:
    tests = [row for row in view.of(vm, view.boots.values()) if row["test_failover"]]
    return f"{len(tests)} boots" if len(tests) != 1 else "1 boot"


def _cover(view: View, vm: str, lane: Lane, period: Interval) -> None:
    """Fills the gaps of a lane: in the VSS lane every channel must hold its records, elsewhere one is enough."""
    if lane.role is None or lane.key == "boots":
        return
    readable = [
        row
        for row in view.of(vm, view.sources.values())
        if row["role"] == lane.role and row["status"] in ("read", "partial")
    ]
    channels = _channels(view, lane, {row["source_id"] for row in readable})
    lane.given = bool(readable)
    lane.computer = next((row["computer"] for row in readable if row["computer"]), None)
    holes = [_gaps(intervals, period) for intervals in channels.values()]
    if not channels:
        lane.gaps = [] if not readable else [period] if lane.key == "vss" else []
    elif lane.key == "vss":
        lane.gaps = _union([gap for own in holes for gap in own])
    else:
        lane.gaps = _common(holes)


def _channels(view: View, lane: Lane, source_ids: set[str]) -> dict[str, list[Interval]]:
    """Covered intervals of the channels that the lane's records come from, or of all where it has none."""
    used = set(lane.records["channel"].dropna()) if len(lane.records) else set()
    found: dict[str, list[Interval]] = {}
    for row in view.rows("coverage"):
        if row["source_id"] in source_ids and row["first_time"] and row["last_time"]:
            found.setdefault(row["channel"] or "", []).append((row["first_time"], row["last_time"]))
    return {name: intervals for name, intervals in found.items() if not used or name in used} or found


def _gaps(intervals: list[Interval], period: Interval) -> list[Interval]:
    """What the intervals leave open inside the period."""
    holes, reached = [], period[0]
    for first, last in sorted(intervals):
        if first > reached:
            holes.append((reached, min(first, period[1])))
        reached = max(reached, last)
    if reached < period[1]:
        holes.append((reached, period[1]))
    shortest = timedelta(seconds=max(1.0, (period[1] - period[0]).total_seconds() / 2000))
    return [(first, last) for first, last in holes if last - first > shortest and first < period[1]]


def _union(intervals: list[Interval]) -> list[Interval]:
    made: list[Interval] = []
    for first, last in sorted(intervals):
        if made and first <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made


def _common(holes: list[list[Interval]]) -> list[Interval]:
    """The parts of the gaps that all channels share."""
    shared = holes[0]
    for other in holes[1:]:
        shared = [(max(a, c), min(b, d)) for a, b in shared for c, d in other if max(a, c) < min(b, d)]
    return shared
