"""The lanes of the timeline, from cause to effect, and where each lane has no surviving record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from kit.page.language import Spoken, say, say_n
from kit.page.view import NO_VM, View
from kit.page.when import listed_some
from kit.plots.style import Interval

EXPORTED = ("evtx", "evt")  # readers of logs that are exported together: the newest record of one counts for all
HOSTS = Spoken({"primary_host": "Primary host", "replica_host": "Replica host"})
DEFAULT = "MSSQLSERVER"  # the instance without a name
LOOKED_AT = [
    "time_utc", "class", "computer", "role", "vm_name", "channel", "provider", "event_id", "instance", "operation_id",
    "meaning",
]  # columns of the judged events that lanes, marks and labels need
SQL_PARTS = ("sql", "mssql")  # event sources of SQL Server and of the parts that all instances share


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
    judged = view.judged[LOOKED_AT]
    own = judged[judged["time_utc"].notna() & _whose(view, judged, vm)]
    guest = own[~own["role"].isin([*HOSTS, "test_failover_guest"])]
    guest = guest.assign(instance=guest["instance"].mask(_called_like(guest, vm), DEFAULT))
    instances = sorted(set(guest["instance"].dropna()) | _instances(view, vm))
    guest = guest.assign(instance=_instance_of(guest, instances))
    sql = guest["instance"].notna()
    made = [
        _host(view, own, "primary_host"), Lane("vss", say("Guest VSS"), _guest(view, vm), "guest", records=guest[~sql]),
        *[
            Lane(f"sql:{name}", say("Guest SQL"), name, "guest", name, records=guest[sql & (guest["instance"] == name)])
            for name in instances or [say("no instance seen")]
        ],
        Lane("points", say("Recovery points"), _points_said(view, vm)), _host(view, own, "replica_host"),
        Lane("boots", say("Test failover"), _test_machine(view, vm), "test_failover_guest"),
    ]
    for number, lane in enumerate(reversed(made)):
        lane.y = float(number)
        _cover(view, vm, lane, period)
    return made


def _whose(view: View, judged: pd.DataFrame, vm: str) -> pd.Series:
    """Which records belong to a machine; what a host wrote without naming a machine is of all of them."""
    own = judged["vm_name"].map(view.owner, na_action=None) == vm
    if len(view.vms) < 2:
        return own
    named = judged["vm_name"].astype(object)
    return own.where(~judged["role"].isin([*HOSTS]), named.isna() | (named == vm))


def _called_like(guest: pd.DataFrame, vm: str) -> pd.Series:
    """Which records name the default instance by the name of its machine, as SQL Server does."""
    named = guest["instance"].str.lower()
    machine = guest["computer"].astype("str").str.lower().str.replace(r"\..*", "", regex=True)
    return (named.notna() & ((named == machine) | (named == vm.lower()))).fillna(False).astype(bool)


def _instance_of(guest: pd.DataFrame, instances: list[str]) -> pd.Series:
    """The instance of each record: as captured; what SQL Server's machine-wide parts wrote goes to the first one."""
    first = instances[0] if instances else "SQL Server"
    first = DEFAULT if DEFAULT in instances else first
    wide = guest["provider"].str.lower().str.startswith(SQL_PARTS, na=False)
    return guest["instance"].mask(guest["instance"].isna() & wide, first)


def _instances(view: View, vm: str) -> set[str]:
    operations = {row["operation_id"] for row in view.of(vm, view.operations.values())}
    return {row["instance"] for i in operations for row in view.operation_databases.get(i, []) if row["instance"]}


def _host(view: View, own: pd.DataFrame, role: str) -> Lane:
    given = [row["computer"] for row in view.sources.values() if row["role"] == role and row["computer"]]
    names = sorted({name.split(".")[0].upper(): name.split(".")[0] for name in given}.values())
    own_records = own[own["role"] == role]
    return Lane(role, HOSTS[role], listed_some(names, 1) or say("no log given"), role, records=own_records)


def _guest(view: View, vm: str) -> str:
    """The machine, else the computer whose logs were read as a guest's."""
    if vm != NO_VM:
        return vm
    names = {str(row["computer"]) for row in view.sources.values() if row["role"] == "guest" and row["computer"]}
    return min(names, default=say("no log given")).split(".")[0]


def _points_said(view: View, vm: str) -> str:
    there, expected = len(view.points_of(vm)), len(view.of(vm, view.rows("expected_points")))
    if expected:
        return say("{count} of {total} scheduled", count=there, total=there + expected)
    return say("{count} listed", count=there)


def _test_machine(view: View, vm: str) -> str:
    tests = [row for row in view.of(vm, view.boots.values()) if row["test_failover"]]
    return say_n(len(tests), "{count} boot", "{count} boots")


def _cover(view: View, vm: str, lane: Lane, period: Interval) -> None:
    """Fills the gaps of a lane: in the VSS lane every channel must hold its records, elsewhere one is enough."""
    if lane.role is None or lane.key == "boots":
        return
    readable = [
        row
        for row in view.sources.values()
        if row["role"] == lane.role and row["status"] in ("read", "partial")
        and (view.owner(row["vm_name"]) == vm or (row["vm_name"] is None and lane.role in HOSTS))
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
    """Covered intervals of the channels that the lane's records come from, or of all where it has none.

    SQL Server writes its own log as well, whether or not a judged record stands in it.
    """
    used = set(lane.records["channel"].dropna()) if len(lane.records) else set()
    own_logs = {i for i in source_ids if lane.instance and view.sources[i]["reader"] not in EXPORTED}
    found: dict[str, list[Interval]] = {}
    newest = _newest(view, source_ids)
    images = _images(view) if lane.role == "guest" else {}
    for row in view.rows("coverage"):
        if not row["first_time"] or not row["last_time"] or row["source_id"] not in {*source_ids, *images}:
            continue
        last = min(images.get(row["source_id"], row["last_time"]), row["last_time"])
        own = view.sources[row["source_id"]]
        if newest and row["source_id"] in source_ids and own["reader"] in EXPORTED and last == own["last_time"]:
            last = max(newest, last)
        found.setdefault(row["channel"] or "", []).append((row["first_time"], last))
        if used and row["source_id"] in own_logs:
            used.add(row["channel"] or "")
    return {name: intervals for name, intervals in found.items() if not used or name in used} or found


def _newest(view: View, source_ids: set[str]) -> datetime | None:
    """The newest time that any of these sources shows: a log that ends earlier was quiet until then, not lost."""
    told = [view.sources[i][name] for i in source_ids for name in ("last_time", "exported_utc")]
    return max((moment for moment in told if moment), default=None)


def _images(view: View) -> dict[str, datetime]:
    """Until when each log of a test failover holds the guest's own history: its first boot."""
    made: dict[str, datetime] = {}
    for boot in view.boots.values():
        for source_id in boot["source_ids"] or []:
            if boot["test_failover"] and boot["start_utc"]:
                made[source_id] = min(made.get(source_id, boot["start_utc"]), boot["start_utc"])
    return made


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
