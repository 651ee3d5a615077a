"""What the page parts read: the tables of an analysis as plain rows, joined and in reading order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit import tables, times
from kit.errors import GateError
from kit.judgement.analysis import Analysis
from kit.page.clean import slug
from kit.page.language import current, say
from kit.page.signs import VERDICTS, WORST_FIRST
from kit.page.timing import Key, Times, abort_gap_s, fine_times
from kit.page.when import When
from kit.values import dicts

Row = dict[str, Any]
DATABASES = ("verdicts", "operation_databases", "recoveries")  # tables with a row for each database
MOST_OPEN = 4  # machines whose parts all stand open; of more a list comes first, and most parts are folded
OPEN_OF_MANY = 2  # of many machines, the worst ones that stand open all the same
DRAWN_OF_MANY = 3  # of many machines, the worst ones that have figures of their own
NO_VM = "the case"  # heading for what belongs to no machine

MOST_IN_FULL = 2000  # points that have a row with every column; of more those that are alike share a heading


@dataclass(frozen=True)
class Point:
    """A recovery point with the verdicts of its VM and databases."""

    row: Row  # of recovery_points
    verdict: Row  # of verdicts, database null
    databases: list[Row] = field(default_factory=list)  # of verdicts, one a database
    link: Row | None = None
    anchor: str = ""
    label: str = ""  # 20 May 02:00, with seconds where two points share a minute

    @property
    def id(self) -> str:
        return str(self.row["recovery_point_id"])

    @property
    def vm_name(self) -> str:
        return self.row["vm_name"] or NO_VM

    @property
    def time(self) -> datetime | None:
        return self.row["time_utc"]

    @property
    def word(self) -> str:
        return str(self.verdict["verdict"])

    @property
    def claims(self) -> bool:
        return bool(self.row["claimed"] == "application_consistent")

    @property
    def finding_ids(self) -> list[str]:
        """Findings for and against, of the VM and of every database, each once, in order."""
        cited = [self.verdict, *self.databases]
        return list(dict.fromkeys(i for row in cited for key in ("because", "against") for i in row[key] or []))


class View:
    """An analysis in the form the page parts need. Everything is computed when it is first asked for."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.meta = analysis.meta
        self.language = current().code  # its labels are said in this language
        self._rows: dict[str, list[Row]] = {}

    def rows(self, name: str) -> list[Row]:
        """The rows of a declared table as dicts; null is None. Not to be changed."""
        if name not in self._rows:
            found: list[Row] = dicts(self.analysis.arrow(name))
            if name in DATABASES:
                found = [row | {"shown": self.shown(row)} for row in found]
            self._rows[name] = found
        return self._rows[name]

    @cached_property
    def _doubles(self) -> set[str]:
        """Names of databases that several instances have."""
        frames = [getattr(self.analysis, name)[["instance", "database"]] for name in DATABASES]
        known = pd.concat(frames).dropna().drop_duplicates()
        counts = known["database"].value_counts()
        return set(counts[counts > 1].index)

    def shown(self, row: Row) -> str:
        """The name of a database as it is shown: with its instance where several have one of this name."""
        name = row["database"] or row["instance"] or "?"
        return f"{row['instance']}\\{name}" if name in self._doubles and row["instance"] else name

    @cached_property
    def when(self) -> When:
        moments = [row["time_utc"] for row in self.rows("recovery_points")]
        moments += [row["begin_utc"] for row in self.operations.values()]
        moments += [moment for name in ("first_time", "last_time") if (moment := self._meta_time(name))]
        zone = self.meta.get("zone")
        return When.of(zone, [moment for moment in moments if moment is not None])

    def _meta_time(self, name: str) -> datetime | None:
        text = self.meta.get(name)
        return times.parse_iso(text) if text else None

    @cached_property
    def period(self) -> tuple[datetime, datetime] | None:
        """First and last time that the report is about: of its points, else as judged, else as covered; or None."""
        times_ = [point.time for point in self.points if point.time]
        if len(times_) > 1:
            return min(times_), max(times_)
        first, last = self._meta_time("first_time"), self._meta_time("last_time")
        if first and last:
            return first, last
        sources = self.rows("sources")
        starts = [row["first_time"] for row in sources if row["first_time"]]
        ends = [row["last_time"] for row in sources if row["last_time"]]
        return (min(starts), max(ends)) if starts and ends else None

    @cached_property
    def points(self) -> list[Point]:
        """Every recovery point by VM and time. Raises GateError for a point without a verdict of its VM."""
        verdicts: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows("verdicts"):
            verdicts[row["recovery_point_id"]].append(row)
        links = {row["recovery_point_id"]: row for row in self.rows("links")}
        listed = sorted(self.rows("recovery_points"), key=_reading_order)
        anchors = _anchors([row["recovery_point_id"] for row in listed])
        labels = self._labels(listed)
        return [
            _point(row, verdicts[row["recovery_point_id"]], links.get(row["recovery_point_id"]), anchor, label)
            for row, anchor, label in zip(listed, anchors, labels, strict=True)
        ]

    def _labels(self, listed: list[Row]) -> list[str]:
        minutes = [(row["vm_name"], self.when.minute(row["time_utc"]) if row["time_utc"] else "") for row in listed]
        taken = Counter(minutes)
        return [
            say("time unknown")
            if not minute
            else self.when.second(row["time_utc"])
            if taken[vm, minute] > 1
            else minute
            for row, (vm, minute) in zip(listed, minutes, strict=True)
        ]

    @cached_property
    def vms(self) -> list[str]:
        """The machines of the report in alphabetical order; one stand-in where no record names any."""
        names = {point.vm_name for point in self.points}
        names |= {row["vm_name"] or NO_VM for row in self.operations.values()}
        names |= {row["vm_name"] for row in self.rows("advice") if row["vm_name"]}
        if len(names) > 1:
            names.discard(NO_VM)
        return sorted(names) or [NO_VM]

    def points_of(self, vm: str) -> list[Point]:
        """The points of a VM by time; those that name none belong to the first."""
        return [point for point in self.points if self.owner(point.row["vm_name"]) == vm]

    def owner(self, vm_name: str | None) -> str:
        """The heading that a row of this VM stands under."""
        return vm_name if vm_name in self.vms else self.vms[0]

    def of(self, vm: str, found: Iterable[Row]) -> list[Row]:
        """The rows that belong to a VM."""
        return [row for row in found if self.owner(row.get("vm_name")) == vm]

    @cached_property
    def point_by_id(self) -> dict[str, Point]:
        return {point.id: point for point in self.points}

    @cached_property
    def operations(self) -> dict[str, Row]:
        """Operations by id, in order of time."""
        listed = sorted(self.rows("operations"), key=lambda row: (sortable(row["begin_utc"]), row["operation_id"]))
        return {row["operation_id"]: row for row in listed}

    @cached_property
    def operation_databases(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows("operation_databases"):
            found[row["operation_id"]].append(row)
        return found

    @cached_property
    def findings(self) -> dict[str, Row]:
        return {row["finding_id"]: row for row in self.rows("findings")}

    @cached_property
    def boots(self) -> dict[str, Row]:
        listed = sorted(self.rows("boots"), key=lambda row: (sortable(row["start_utc"]), row["boot_id"]))
        return {row["boot_id"]: row for row in listed}

    @cached_property
    def sources(self) -> dict[str, Row]:
        return {row["source_id"]: row for row in self.rows("sources")}

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Judged events with time, role and captures, in order of time; one row an event."""
        judged, events, matches = (self.analysis.arrow(name) for name in ("judged_events", "events", "matches"))
        about = ["source_id", "time_utc", "computer", "role", "vm_name", "channel", "provider", "event_id", "level"]
        found = _beside(_beside(judged, events, about), matches, ["instance", "database", "phase"])
        ordered = found.sort_by([("time_utc", "ascending"), ("uid", "ascending")])
        return tables.to_pandas(ordered)

    @cached_property
    def fine_times(self) -> dict[Key, Times]:
        """Freeze, thaw and abort of the databases that a source times finer than a second."""
        return fine_times(self.analysis)

    def gap_s(self, operation: Row) -> float | None:
        """Seconds from thaw to abort of an operation, negative before the thaw; None where only the order is known."""
        return abort_gap_s(operation, self.operation_databases.get(operation["operation_id"], []), self.fine_times)

    @cached_property
    def cited(self) -> dict[str, Row]:
        """Every event that a finding or an operation cites, by uid."""
        cited = [*self.findings.values(), *self.operations.values()]
        return self._events({uid for row in cited for uid in row["evidence"] or [] if uid})

    def _events(self, uids: Iterable[str]) -> dict[str, Row]:
        events = self.analysis.arrow("events")
        chosen = events.filter(pc.is_in(events.column("uid"), pa.array(sorted(uids), pa.string())))
        return {row["uid"]: row for row in dicts(chosen)}

    def events(self, uids: Iterable[str]) -> list[Row]:
        """The named events in the order of their files and record numbers; unknown uids are left out."""
        wanted = list(uids)
        if not all(uid in self.cited for uid in wanted):
            found = list(self._events(set(wanted)).values())
        else:
            found = [self.cited[uid] for uid in dict.fromkeys(wanted)]
        return sorted(found, key=lambda row: (self.path(row["source_id"]), row["record_id"] or 0, row["uid"]))

    def path(self, source_id: str | None) -> str:
        """The path of a source inside the case."""
        source = self.sources.get(source_id or "")
        return source["path"] if source else str(source_id)

    def counts(self, points: Iterable[Point]) -> dict[str, int]:
        """How many points carry each verdict, worst first; every verdict is a key."""
        found = Counter(point.word for point in points)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @cached_property
    def many(self) -> bool:
        """Whether there are so many machines that a list of them comes first and most of their parts are folded."""
        return len(self.vms) > MOST_OPEN

    @cached_property
    def dense(self) -> bool:
        """Whether there are so many points that each is written as short as it can be."""
        return len(self.points) > MOST_IN_FULL

    @cached_property
    def worst_vms(self) -> list[str]:
        """The machines by their contradicted, then inconclusive points; alike ones in alphabetical order."""
        counts = {vm: self.counts(self.points_of(vm)) for vm in self.vms}
        return sorted(self.vms, key=lambda vm: [-counts[vm][word] for word in WORST_FIRST[:2]])

    @cached_property
    def drawn_vms(self) -> list[str]:
        """The machines that have figures of their own, in alphabetical order: all, or of many the worst."""
        return [vm for vm in self.vms if not self.many or vm in self.worst_vms[:DRAWN_OF_MANY]]

    def spacing(self, vm: str) -> timedelta | None:
        """Median distance between the points of a VM."""
        moments = pd.Series([point.time for point in self.points_of(vm) if point.time])
        return moments.diff().median().to_pytimedelta() if len(moments) > 1 else None


def _beside(found: pa.Table, other: pa.Table, columns: list[str]) -> pa.Table:
    """The rows with columns of the first row of another table that has the same uid; null where none has."""
    names = other.column("uid").to_pylist()
    first = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
    places = pa.array([first.get(uid) for uid in found.column("uid").to_pylist()], pa.int64())
    taken = other.select(columns).take(places)
    for name in columns:
        found = found.append_column(taken.schema.field(name), taken.column(name))
    return found


_LAST: list[View] = []


def view_of(analysis: Analysis) -> View:
    """The view of an analysis. That of the analysis last asked for is kept, so that a page computes it once."""
    if not _LAST or _LAST[0].analysis is not analysis or _LAST[0].language != current().code:
        _LAST[:] = [View(analysis)]
    return _LAST[0]


def rows(name: str, frame: pd.DataFrame) -> list[Row]:
    """A frame of a declared table as dicts; null is None, lists are lists, times are aware."""
    return dicts(tables.to_arrow(name, frame))


def worst_first(points: Iterable[Point]) -> list[Point]:
    """Points by verdict, worst first; within a verdict the newest first."""
    newest = sorted(points, key=lambda point: sortable(point.time), reverse=True)
    return sorted(newest, key=lambda point: WORST_FIRST.index(point.word))


def _reading_order(row: Row) -> tuple[str, datetime, str]:
    return row["vm_name"] or "", sortable(row["time_utc"]), row["recovery_point_id"]


def sortable(moment: datetime | None) -> datetime:
    """The moment for sorting; unknown ones come last."""
    return moment or datetime.max.replace(tzinfo=times.zone("Z"))


def _anchors(ids: list[str]) -> list[str]:
    short = [slug(point_id)[:8].strip("-") for point_id in ids]
    taken = Counter(short)
    return [f"p-{text}" if taken[text] == 1 else f"p-{text}-{n}" for n, text in enumerate(short)]


def _point(row: Row, verdicts: list[Row], link: Row | None, anchor: str, label: str) -> Point:
    whole = [verdict for verdict in verdicts if verdict["database"] is None]
    if len(whole) != 1:
        raise GateError(
            f"recovery point {row['recovery_point_id']} has {len(whole)} verdicts of its VM, not one; "
            "run kit analyze again"
        )
    databases = [verdict for verdict in verdicts if verdict["database"] is not None]
    return Point(row, whole[0], databases, link, anchor, label)
