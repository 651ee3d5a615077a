"""The zone of every source with local times: declared, stated, measured against its neighbours, or unknown.

Neighbours are the event logs of the same computer, and where a file names none, those of its folder. They are found by
name, folder and time, so that the work grows with the number of files and not with that of their pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit import progress
from kit.case import zones
from kit.case.config import Config
from kit.case.source import Source, matching, path_of
from kit.case.zone_anchors import Point, Texts, Wordings, same_items
from kit.case.zone_anchors import points as anchor_points
from kit.case.zones import Zone
from kit.values import dicts

_EVENTLOG = "eventlog"
_ABOUT_MONTH = pd.Timedelta(days=40)
_FARTHEST = pd.Timedelta(hours=15)  # a local time is never farther from UTC
_MOST_BESIDE = 50  # logs that one source is compared with, fewer where very many sources ask
_MOST_COMPARED = 20_000
_MOST_KEPT = 8  # logs whose texts wait for the next source beside them
_MOST_POINTS = 500  # of one computer; of more, the first and last of each day tell the same


def with_zones(found: list[Source], config: Config, quiet: bool | None = None) -> list[Source]:
    """The sources, each that has local times with its zone."""
    asking = [one for one in found if one.local]
    if not asking:
        return found
    beside = _Beside(found, config, len(asking))
    measured = progress.over(asking, "time zones", path_of, quiet=quiet)
    points = {one.path: _own_points(one, beside) for one in measured}
    shared = _shared(asking, points)
    return [replace(one, zone=_zone(one, beside, config, points, shared)) if one.local else one for one in found]


def _shared(asking: Sequence[Source], points: dict[str, list[Point]]) -> dict[str, list[Point]]:
    """The points of each computer, from all its local logs."""
    made: dict[str, list[Point]] = {}
    for one in asking:
        if one.machine:
            made.setdefault(one.machine, []).extend(points[one.path])
    return {name: _thinned(own) for name, own in made.items()}


def _thinned(points: list[Point]) -> list[Point]:
    if len(points) <= _MOST_POINTS:
        return points
    ends: dict[tuple[Any, int], list[Point]] = {}
    for point in sorted(points, key=lambda one: one.local):
        day = ends.setdefault((point.local.date(), point.offset_s), [point, point])
        day[1] = point
    return list(dict.fromkeys(point for day in ends.values() for point in day))


class _Beside:
    """What lies beside a source: event logs in UTC, zones that logs name or case.toml declares, lists in UTC."""

    def __init__(self, found: Sequence[Source], config: Config, asking: int) -> None:
        self._found = found
        self._most = max(3, min(_MOST_BESIDE, _MOST_COMPARED // max(1, asking)))
        self._by_machine: dict[str, _Spans] = {}
        self._by_folder: dict[str, _Spans] = {}
        self._nameless: dict[str, _Spans] = {}
        self._names: dict[str, dict[str, list[Any]]] = {}
        self._wordings: OrderedDict[tuple[str, frozenset[str]], Wordings] = OrderedDict()
        self.declared: dict[str, list[str]] = {}
        for one in found:
            said = config.said_of(one.path).timezone
            if said:
                self.declared.setdefault(one.machine, []).append(said)
            if one.in_utc:
                for group, key in ((self._by_machine, one.machine), (self._by_folder, one.folder)):
                    group.setdefault(key, _Spans()).add(one, said)
                if not one.machine:
                    self._nameless.setdefault(one.folder, _Spans()).add(one, said)

    def logs(self, one: Source) -> list[Source]:
        """The event logs in UTC of the same computer, or of one in the same folder when the file names none."""
        span = _span(one)
        if not one.machine:
            return self._by_folder.get(one.folder, _Spans()).near(span)[: self._most]
        own = self._by_machine.get(one.machine, _Spans()).near(span)
        return [*own, *self._nameless.get(one.folder, _Spans()).near(span)][: self._most]

    def wordings(self, one: Source) -> list[Wordings]:
        """What the logs beside a source say that were written by its own providers; those asked for last are kept."""
        providers = {name.casefold() for name in one.read.account.inventory["provider"]}
        made = []
        for other in self.logs(one):
            key = (other.path, _written(other, providers))
            if key not in self._wordings and (table := _events_of(other, providers)) is not None:
                self._wordings[key] = Wordings(table)
            if key in self._wordings:
                self._wordings.move_to_end(key)
                made.append(self._wordings[key])
        while len(self._wordings) > _MOST_KEPT:
            self._wordings.popitem(last=False)
        return made

    def zones_named(self, one: Source) -> list[str]:
        """Zones that event logs of the same computer name near the time of this source; declared ones come first."""
        if not one.machine:
            return []
        if one.machine not in self._names:
            self._names[one.machine] = _names_by_time(self._by_machine.get(one.machine, _Spans()))
        first, last = _span(one)
        near = [
            name
            for name, times in self._names[one.machine].items()
            if first is not None and _any_between(times, first - _ABOUT_MONTH, last + _ABOUT_MONTH)
        ]
        return [name for name in [*dict.fromkeys(self.declared.get(one.machine, [])), *near] if "/" in name]

    @cached_property
    def _listed(self) -> dict[str, list[tuple[str, Any]]]:
        """Path and UTC time of each listing of a recovery point."""
        made: dict[str, list[tuple[str, Any]]] = {}
        for one in self._found:
            if one.entry is not None and one.entry.path("recovery_points"):
                for name, time in _listed(one, "time_utc").items():
                    made.setdefault(name, []).append((one.path, time))
        return made

    def listed_elsewhere(self, one: Source, names: Iterable[str]) -> dict[str, Any]:
        """The UTC times that other lists give for these points."""
        told = {name: [time for path, time in self._listed.get(name, []) if path != one.path] for name in names}
        return {name: times[-1] for name, times in told.items() if times}


class _Spans:
    """Sources with the time that each covers."""

    def __init__(self) -> None:
        self.sources: list[tuple[Source, str | None]] = []
        self._ends: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, one: Source, said: str | None) -> None:
        """Adds a source and the zone that case.toml declares for it."""
        self.sources.append((one, said))

    def near(self, span: tuple[Any, Any]) -> list[Source]:
        """The sources whose records may stand beside local times of this span, in their order."""
        if span[0] is None or not self.sources:
            return []
        if self._ends is None:
            rows = [one.read.account.source for one, _ in self.sources]
            self._ends = _stamps(rows, "first_time", "0001-01-01"), _stamps(rows, "last_time", "9999-12-31")
        first, last = (np.datetime64(end, "us") for end in span)
        reach = np.timedelta64(_FARTHEST.to_pytimedelta(), "us")
        hits = np.flatnonzero((self._ends[0] <= last + reach) & (self._ends[1] >= first - reach))
        return [self.sources[place][0] for place in hits]


def _stamps(rows: Sequence[dict[str, Any]], name: str, otherwise: str) -> np.ndarray:
    plain = [row[name].replace(tzinfo=None) if row.get(name) is not None else otherwise for row in rows]
    return np.array(plain, "M8[us]")


def _span(one: Source) -> tuple[Any, Any]:
    row = one.read.account.source
    exported = row.get("exported_local")
    return row.get("first_local") or exported, row.get("last_local") or exported


def _names_by_time(logs: _Spans) -> dict[str, list[Any]]:
    """The sorted local times, without zone, at which the event logs of a computer name each zone."""
    made: dict[str, list[Any]] = {}
    for one, said in logs.sources:
        table = None if said else _events_of(one, {_EVENTLOG})
        for row in dicts(table.select(["time_utc", "strings"])) if table is not None else ():
            if row["time_utc"] is not None and (name := zones.named(row["strings"] or ())):
                made.setdefault(name, []).append(row["time_utc"].replace(tzinfo=None))
    return {name: sorted(times) for name, times in made.items()}


def _any_between(times: list[Any], first: Any, last: Any) -> bool:
    place = bisect_left(times, first)
    return place < len(times) and bool(times[place] <= last)


def _zone(
    one: Source, beside: _Beside, config: Config, points: dict[str, list[Point]], shared: dict[str, list[Point]]
) -> Zone:
    said = config.said_of(one.path).timezone
    if said:
        return zones.declared(said)
    own = points[one.path]
    told = one.read.account.source.get("zone")
    if told and not own:
        return replace(zones.declared(told), basis="inferred", reason="the file names its zone")
    names = beside.zones_named(one)
    other = [point for point in shared.get(one.machine, []) if point not in own]
    reason = own[0].reason if own else f"another log of {one.role.computer}: {other[0].reason}" if other else ""
    made = zones.inferred([*own, *other], names, reason) or zones.inferred(own, names, reason)
    return made or _declared_beside(one, beside) or zones.assumed()


def _declared_beside(one: Source, beside: _Beside) -> Zone | None:
    """The zone that case.toml declares for other logs of the same computer, when it is one and the same."""
    known = set(beside.declared.get(one.machine, ())) if one.machine else set()
    if len(known) != 1:
        return None
    reason = f"declared in case.toml for another log of {one.role.computer}"
    return replace(zones.declared(known.pop(), reason), basis="inferred")


def _own_points(one: Source, beside: _Beside) -> list[Point]:
    """Points of known offset from the file itself: what it states, and messages that also stand in an event log."""
    told = one.read.account.source.get("zone")
    first = _first_sure(one) if told else None
    point = zones.stated(told, first) if told and first else None
    made = [point] if point else []
    if one.entry is None:
        return made
    if one.entry.path("recovery_points"):
        here = _listed(one, "time_local")
        made += same_items(here, beside.listed_elsewhere(one, here), "points that another list gives in UTC")
    return [*made, *_anchors(one, beside)]


def _anchors(one: Source, beside: _Beside) -> Iterator[Point]:
    if one.entry is None or one.entry.path("events") is None:
        return
    known = beside.wordings(one)
    local = one.entry.table("events", ["time_local", "event_id", "message"]) if known else None
    if local is not None:
        texts = Texts(local)
        for wordings in known:
            yield from anchor_points(texts, wordings)


def _first_sure(one: Source) -> Any:
    """The first local time that the reader does not doubt itself."""
    first = one.read.account.source.get("first_local")
    if one.entry is None or one.entry.path("events") is None:
        return first
    columns = ["time_local", "time_basis"]
    if (whole := one.entry.small("events")) is not None:
        return _sure(whole.select(columns).to_batches(), first)
    with one.entry.opened("events") as file:
        return _sure(file.iter_batches(columns=columns), first)


def _sure(batches: Iterable[pa.RecordBatch], first: Any) -> Any:
    for batch in batches:
        sure = pc.and_(pc.is_valid(batch.column(0)), pc.is_null(batch.column(1)))
        if len(found := batch.column(0).filter(sure)):
            return found[0].as_py()
    return first


def _listed(one: Source, column: str) -> dict[str, Any]:
    """Id and time of each recovery point of a list, but those whose date can be read in two ways."""
    table = one.entry.table("recovery_points", ["recovery_point_id", column, "time_basis"]) if one.entry else None
    rows = dicts(table) if table else []
    return {
        row["recovery_point_id"]: row[column]
        for row in rows
        if row["recovery_point_id"] and row[column] is not None and row["time_basis"] != "assumed"
    }


def _events_of(other: Source, providers: set[str]) -> pa.Table | None:
    written = _written(other, providers)
    if not written or other.entry is None:
        return None
    return matching(other.entry, set(written), ["time_utc", "event_id", "message", "strings"])


def _written(other: Source, providers: set[str]) -> frozenset[str]:
    """The names, as the log writes them, of those of the providers that wrote into it."""
    return frozenset(name for name in other.read.account.inventory["provider"] if name.casefold() in providers)
