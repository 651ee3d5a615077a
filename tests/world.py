"""A small made-up deployment, written record by record, so that a case can be read in the test that uses it.

Times are UTC; the guest SQLVM has the default instance with the databases master, model and Sales. Shapes of records
follow the domain reference: strings of classic providers in order, ERRORLOG lines as messages.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pandas as pd

from kit import tables
from kit.case.config import Config

DAY = "2014-05-19"
DATABASES = ("master", "model", "Sales")
REPLICA, PRIMARY, GUEST = "HV-REPL1", "HV-PRIM1", "SQLVM"


def at(text: str) -> pd.Timestamp:
    """'02:00:03.5' on the day of the story, or a whole ISO time."""
    return pd.Timestamp(text if "T" in text else f"{DAY}T{text}", tz="UTC")


@dataclass
class MemoryCase:
    """What `analyze` needs of a case, from frames in memory."""

    case_id: str
    config: Config
    sources: pd.DataFrame
    losses: pd.DataFrame
    coverage: pd.DataFrame
    events: pd.DataFrame
    recovery_points: pd.DataFrame
    replication: pd.DataFrame
    writers: pd.DataFrame
    records: pd.DataFrame
    missing: list[dict[str, Any]]
    title: str | None = None
    examiner: str | None = None
    requester: str | None = None
    question: str | None = None

    def watched(self, providers: Sequence[str]) -> pd.DataFrame:
        return self.events

    def columns(self, name: str, columns: Sequence[str], source_ids: Collection[str]) -> pd.DataFrame:
        whole: pd.DataFrame = getattr(self, name)
        return whole.loc[whole["source_id"].isin(list(source_ids)), list(columns)].reset_index(drop=True)

    def sql(self, query: str) -> pd.DataFrame:
        connection = duckdb.connect()
        connection.register("events", tables.to_arrow("events", self.events))
        return tables.to_pandas(connection.sql(query).to_arrow_table())


@dataclass
class World:
    """Records, points and settings; `case()` makes the case."""

    events: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    replication: list[dict[str, Any]] = field(default_factory=list)
    clocks: list[dict[str, Any]] = field(
        default_factory=lambda: [{"computer": GUEST, "offset_s": 0.0}, {"computer": PRIMARY, "offset_s": 0.0}]
    )
    test_failovers: list[dict[str, Any]] = field(default_factory=list)
    policy: str = "strict"
    gaps: list[tuple[str, str, str]] = field(default_factory=list)

    def source(self, path: str, role: str, computer: str, channel: str, vm_name: str | None = "SQLVM") -> str:
        source_id = f"s{len(self.sources):02d}"
        self.sources[path] = {
            "source_id": source_id, "path": path, "role": role, "computer": computer, "channel": channel,
            "vm_name": vm_name, "status": "read",
        }
        return path

    def add(
        self, path: str, time: str | pd.Timestamp, provider: str, event_id: int | None, strings: Sequence[str] = (),
        message: str | None = None, level: int = 4, vm_name: str | None = None, record_id: int | None = None,
    ) -> str:
        source = self.sources[path]
        number = record_id or 1 + sum(event["source_id"] == source["source_id"] for event in self.events)
        when = at(time) if isinstance(time, str) else time
        uid = f"{source['source_id']}:{number}"
        self.events.append(
            {
                "uid": uid, "source_id": source["source_id"], "record_id": number, "time_utc": when,
                "time_raw": when.isoformat(), "time_basis": "utc", "precision_s": 1e-7, "computer": source["computer"],
                "role": source["role"], "vm_name": vm_name or source["vm_name"], "channel": source["channel"],
                "provider": provider, "event_id": event_id, "level": level, "strings": list(strings),
                "message": message, "integrity": "ok",
            }
        )
        return uid

    def guest(self) -> None:
        """Application and System log of the guest, beginning at midnight, so that the day is covered."""
        for channel in ("Application", "System"):
            path = self.source(f"guest/{channel}.evtx", "guest", GUEST, channel)
            self.add(path, "00:00:00", "Service Control Manager", 7036, ["Windows Update", "running"])

    def quiet_end(self, time: str = "23:59:00") -> None:
        """An unrelated record that shows that the guest's logs go on to this time."""
        for channel in ("Application", "System"):
            self.add(f"guest/{channel}.evtx", time, "Service Control Manager", 7036, ["Windows Update", "stopped"])

    def freeze(self, time: str, seconds: float = 2.0, databases: Sequence[str] = DATABASES, path: str = "") -> None:
        """Frozen and resumed for each database."""
        path, start = path or "guest/Application.evtx", at(time)
        for number, name in enumerate(databases):
            self.add(path, start + pd.Timedelta(milliseconds=100 * number), "MSSQLSERVER", 3197, [name])
        for number, name in enumerate(databases):
            end = start + pd.Timedelta(seconds=seconds) + pd.Timedelta(milliseconds=100 * number)
            self.add(path, end, "MSSQLSERVER", 3198, [name])

    def abort(self, time: str, databases: Sequence[str] = DATABASES, path: str = "", first: int = 1) -> None:
        """The abort pattern of the article: SQLVDI, 18210 with 995, 3041 for each database."""
        path, start = path or "guest/Application.evtx", at(time)
        for number, name in enumerate(databases):
            device = f"{{0F5D1A2B-63C4-4964-BA11-5DB600112233}}{number + first}"
            when = start + pd.Timedelta(milliseconds=120 * number)
            self.add(path, when, "SQLVDI", 1, [
                "SignalAbort", "Client initiates abort", "(0)", "2644", "7212", "Client", "",
                f"Global\\{device}_SQLVDIMemoryName_0"], level=2)
            self.add(path, when, "MSSQLSERVER", 18210, [
                "BackupVirtualDeviceFile::SendFileInfoBegin", " failure on backup device", device,
                "995(The I/O operation has been aborted because of either a thread exit or an application request.)",
            ], level=2)
            self.add(path, when, "MSSQLSERVER", 3041, [f"BACKUP DATABASE {name}"], level=2)

    def point(self, time: str, kind: str = "AppConsistentReplica", name: str | None = None) -> str:
        when = at(time)
        point_id = f"00000000-0000-0000-0000-{len(self.points):012d}"
        claimed = {"AppConsistentReplica": "application_consistent", "Replica": "crash_consistent",
                   "Planned": "crash_consistent"}.get(kind, "unknown")
        self.points.append(
            {
                "recovery_point_id": point_id, "vm_name": "SQLVM", "name": name or f"point {time}", "time_utc": when,
                "time_basis": "utc", "snapshot_type": kind, "claimed": claimed, "computer": REPLICA,
            }
        )
        return point_id

    def hours(self, hours: Sequence[int], aborts: bool = True) -> dict[int, str]:
        """A point each hour, 8 s after the thaw, with the freeze and (usually) the abort before it."""
        made = {}
        for hour in hours:
            self.freeze(f"{hour:02d}:00:03")
            if aborts:
                self.abort(f"{hour:02d}:00:06")
            made[hour] = self.point(f"{hour:02d}:00:13")
        return made

    def boot(
        self, time: str, recovered: dict[str, tuple[int, int]], folder: str = "testfailover",
        failed: Sequence[str] = (), history_until: str | None = None, errorlog_tail: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Logs of a test-failover machine: the guest's history up to a time, then boot and recovery.

        `recovered` gives (rolled forward, rolled back) for each database.
        """
        application = self.source(f"{folder}/Application.evtx", "test_failover_guest", GUEST, "Application")
        system = self.source(f"{folder}/System.evtx", "test_failover_guest", GUEST, "System")
        self._history({"guest/Application.evtx": application, "guest/System.evtx": system}, history_until)
        if errorlog_tail:
            tail = self.source(f"{folder}/ERRORLOG.1", "test_failover_guest", GUEST, "ERRORLOG")
            for when, message in errorlog_tail:
                self.add(tail, when, "MSSQLSERVER", None, message=message)
        start = at(time)
        self.add(system, start, "Microsoft-Windows-Kernel-General", 12, ["6", "1", "7601", "18409", "1", "0", time])
        self.add(system, start + pd.Timedelta(seconds=8), "EventLog", 6008, ["01:00:05", "19.05.2014"], level=2)
        self.add(system, start + pd.Timedelta(seconds=8), "EventLog", 6009, ["6.01.", "7601", "Service Pack 1"])
        self.add(system, start + pd.Timedelta(seconds=9), "Microsoft-Windows-Kernel-Power", 41, ["0", "0x0"], level=1)
        self._recovery(application, start + pd.Timedelta(seconds=40), recovered, failed)

    def _history(self, copies: dict[str, str], until: str | None) -> None:
        if until is None:
            return
        for own, copy in copies.items():
            source_id = self.sources[own]["source_id"]
            for event in [event for event in self.events if event["source_id"] == source_id]:
                if event["time_utc"] <= at(until):
                    target = self.sources[copy]["source_id"]
                    self.events.append(
                        event | {"source_id": target, "uid": f"{target}:{event['record_id']}",
                                 "role": "test_failover_guest"}
                    )

    def _recovery(
        self, path: str, start: pd.Timestamp, recovered: dict[str, tuple[int, int]], failed: Sequence[str]
    ) -> None:
        source_id = self.sources[path]["source_id"]
        number = max((event["record_id"] for event in self.events if event["source_id"] == source_id), default=0)

        def add(seconds: float, event_id: int, strings: Sequence[str], level: int = 4) -> None:
            nonlocal number
            number += 1
            self.add(path, start + pd.Timedelta(seconds=seconds), "MSSQLSERVER", event_id, strings, level=level,
                     record_id=number)

        add(0, 17162, [])
        for position, (name, (forward, back)) in enumerate(recovered.items()):
            add(1 + position, 17137, [name])
            add(2 + position, 3406, [str(forward), name, str(position + 1)])
            add(2 + position, 3407, [str(back), name, str(position + 1)])
        for name in failed:
            add(9, 3414, [name, "7"], level=2)
        add(10, 3408, [])

    def cut(self, path: str, start: str, end: str) -> None:
        """Removes the records of a log in a time and leaves the gap visible in its coverage."""
        source_id = self.sources[path]["source_id"]
        self.events = [
            event for event in self.events
            if event["source_id"] != source_id or not at(start) <= event["time_utc"] <= at(end)
        ]
        self.gaps.append((path, start, end))

    def _coverage(self) -> list[dict[str, Any]]:
        rows = []
        for path, source in self.sources.items():
            own = sorted(
                (event for event in self.events if event["source_id"] == source["source_id"]),
                key=lambda event: event["record_id"],
            )
            if not own:
                continue
            times = [event["time_utc"] for event in own]
            cuts = [(at(start), at(end)) for gap, start, end in self.gaps if gap == path]
            edges = [min(times)]
            for start, end in sorted(cuts):
                edges += [max(time for time in times if time < start), min(time for time in times if time > end)]
            edges.append(max(times))
            for first, last in zip(edges[::2], edges[1::2], strict=True):
                rows.append({"source_id": source["source_id"], "computer": source["computer"],
                             "channel": source["channel"], "first_time": first, "last_time": last})
        return rows

    def case(self) -> MemoryCase:
        sources = [{name: value for name, value in source.items() if name != "channel"}
                   for source in self.sources.values()]
        config = Config(policy=self.policy, clocks=tuple(self.clocks), test_failovers=tuple(self.test_failovers))
        ordered = sorted(self.events, key=lambda event: (event["source_id"], event["record_id"]))
        return MemoryCase(
            "made-up", config, tables.frame("sources", sources), tables.empty("losses"),
            tables.frame("coverage", self._coverage()), tables.frame("events", ordered),
            tables.frame("recovery_points", self.points), tables.frame("replication", self.replication),
            tables.empty("writers"), tables.empty("records"), [],
        )
