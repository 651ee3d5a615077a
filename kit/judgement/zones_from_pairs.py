"""Zones that nothing states, found from the pairs of thaw and recovery point.

A list of points printed on the host, or a list of events and an ERRORLOG from the guest, may hold local times of a zone
that no file names. Where thaws and points share their jitter at one shift only (kit/reasoning/calibrate.py), that shift
is the zone, in whole quarters of an hour, and the rest of it the clock. Where the shift changes on the way, each
stretch says its own offset, and the zone is one that has them all. It is not taken where a zone that is known for the
machine says otherwise, nor where the rest is no small one: then the clock may be wrong by hours as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from kit import times
from kit.case.zone_anchors import OFFSETS_S, Point
from kit.case.zones import Zone, common, inferred, offset_text
from kit.errors import ConfigError
from kit.reasoning.calibrate import Measured, Side, measure
from kit.reasoning.clock_steps import Stretch, stretches
from kit.reasoning.clocks import seconds

if TYPE_CHECKING:
    from kit.case import Case

QUARTER_S = 900.0
SMALL_S = 120.0  # clocks that nobody set wrong, and the delay of a label, where no zone is known beside the pairs
LIKELY_S = 450.0  # the same where a known zone agrees
APART = pd.Timedelta(seconds=60)  # resume lines of one thaw follow each other closer
GUESTS = ("guest", "test_failover_guest")
HOSTS = ("primary_host", "replica_host")
BESIDE = ("normal", "background_noise")  # classes of records that say nothing against a point, whenever they were
TELLING = ("host_failure", "host_request", "backup", "test_failover", "replication")  # phases of records that may


def settled(case: Case, spoken: pd.DataFrame) -> Case:
    """The case itself, or the same with the zones that its pairs show. `spoken` are its records with their phases."""
    sources = case.sources
    if not (sources["time_basis"] == "assumed").any():
        return case
    found: dict[str, Zone] = {}
    for vm_name, points in case.recovery_points.groupby("vm_name"):
        found |= dict(_of_vm(str(vm_name), points, sources, spoken))
    return case.with_zones(found) if found else case


def _of_vm(
    vm_name: str, points: pd.DataFrame, sources: pd.DataFrame, spoken: pd.DataFrame
) -> Iterator[tuple[str, Zone]]:
    own = sources[sources["role"].isin(GUESTS) & (sources["vm_name"] == vm_name)]
    open_, known = own[own["time_basis"] == "assumed"], own[own["time_basis"] != "assumed"]
    lists = set(points["source_ids"].explode()) & set(sources.loc[sources["time_basis"] == "assumed", "source_id"])
    thaws = _thaws(spoken, set(known.loc[known["role"] == "guest", "source_id"]))
    sure = points[points["time_basis"] != "assumed"]
    if len(sure):
        yield from _of_guest(sure, open_, _named(known), spoken)
    elif lists and len(thaws):
        zone = _of_points(points, thaws, _named(known))
        yield from ((source_id, zone) for source_id in sorted(lists) if zone)
    elif lists and not _other_clocks(sources, spoken):
        yield from _common(points, open_, lists, spoken)


def _of_points(points: pd.DataFrame, thaws: np.ndarray, named: list[tzinfo]) -> Zone | None:
    """The zone of a list of points, against thaws in UTC."""
    for zone in named:
        placed = points.assign(time_utc=times.to_utc(points["time_utc"].dt.tz_localize(None), zone))
        said = _measured(thaws, placed)
        if said and all(abs(one.measured.offset_s or 0.0) <= LIKELY_S for one in said):
            return _known_zone(zone, said)
    if named:
        return None
    shown = [
        point
        for one in _measured(thaws, points)
        if (offset_s := _whole(one, 1, SMALL_S)) is not None
        for point in _daily(_within(points["time_utc"], one, moved_s=one.measured.offset_s or 0.0), offset_s, one)
    ]
    return inferred(shown, (), shown[0].reason) if shown else None


def _of_guest(
    points: pd.DataFrame, open_: pd.DataFrame, named: list[tzinfo], spoken: pd.DataFrame
) -> Iterator[tuple[str, Zone]]:
    """The zones of a guest's logs, each by its own thaws; logs without any take the one that the others share."""
    made: dict[str, Zone] = {}
    for source_id in open_["source_id"]:
        thaws = _thaws(spoken, {source_id})
        if zone := _of_log(thaws, _measured(thaws, points), named):
            made[source_id] = zone
    yield from made.items()
    if len({one.text for one in made.values()}) == 1:
        yield from ((one, next(iter(made.values()))) for one in open_["source_id"] if one not in made)


def _of_log(thaws: np.ndarray, said: Sequence[Stretch], named: list[tzinfo]) -> Zone | None:
    """The zone of local times, by the stretches in which their thaws stand at one distance from the points."""
    shown: list[_Shown] = []
    for one in said:
        offset_s = _whole(one, -1, LIKELY_S if named else SMALL_S)
        moments = _within(pd.Series(pd.to_datetime(thaws, unit="s", utc=True)), one)
        if offset_s is not None and len(moments):
            shown.append(_Shown(offset_s, moments, one))
    agrees = [zone for zone in named if all(_offset(zone, one.moments.min()) == one.offset_s for one in shown)]
    if shown and agrees:
        return _known_zone(agrees[0], said)
    points = [point for one in shown for point in _daily(one.moments, one.offset_s, one.stretch)]
    return inferred(points, (), points[0].reason) if points and not named else None


class _Shown(NamedTuple):
    """Seconds east of UTC that local times of one stretch show."""

    offset_s: int
    moments: pd.Series
    stretch: Stretch


def _whole(one: Stretch, sign: int, rest_s: float) -> int | None:
    """The offset of a stretch as zones have them; none where no zone has it or more than a small rest is left over."""
    offset = one.measured.offset_s or 0.0
    whole = round(offset / QUARTER_S) * QUARTER_S
    return int(sign * whole) if abs(offset - whole) <= rest_s and int(sign * whole) in OFFSETS_S else None


def _within(moments: pd.Series, one: Stretch, moved_s: float = 0.0) -> pd.Series:
    """The moments that lie in a stretch, whose ends are moved first."""
    values = moments.to_numpy(dtype="datetime64[us]").astype("int64") / 1e6
    return moments[(values >= one.first_s + moved_s - SMALL_S) & (values <= one.last_s + moved_s + SMALL_S)].dropna()


def _daily(moments: pd.Series, offset_s: int, one: Stretch) -> Iterator[Point]:
    """A point of known offset for the first and the last moment of each day."""
    reason = _reason(one.measured)
    local = moments.dt.tz_localize(None)
    for _, day in local.groupby(local.dt.normalize()):
        for moment in sorted({day.min(), day.max()}):
            yield Point(moment.to_pydatetime(), offset_s, reason)


def _common(
    points: pd.DataFrame, open_: pd.DataFrame, lists: set[str], spoken: pd.DataFrame
) -> Iterator[tuple[str, Zone]]:
    """Everything of the case is in local time: where it agrees as written, it is one zone, whichever that is."""
    fits = [part.measured for one in open_["source_id"] for part in _measured(_thaws(spoken, {one}), points)]
    if not fits or any(abs(one.offset_s or 0.0) > LIKELY_S for one in fits):
        return
    reason = f"{fits[0].pairs} pairs of thaw and recovery point agree as written: one local time, its zone is not known"
    zone = common(reason)
    yield from ((source_id, zone) for source_id in sorted({*lists, *open_["source_id"]}))


def _measured(thaws: np.ndarray, points: pd.DataFrame) -> list[Stretch]:
    """The stretches in which thaws and points stand at one distance; empty where that is open."""
    claimed = points["claimed"] == "application_consistent"
    listed = points["time_utc"].notna()
    guest = Side(thaws, np.empty(0))
    host = Side(seconds(points.loc[claimed & listed, "time_utc"]), seconds(points.loc[~claimed & listed, "time_utc"]))
    said = measure(guest, host) if len(thaws) else None
    parts = stretches(guest, host, said)
    if parts is not None:
        return parts
    return [Stretch(-np.inf, np.inf, said)] if said is not None and said.offset_s is not None else []


def _thaws(spoken: pd.DataFrame, source_ids: set[str]) -> np.ndarray:
    """When databases were resumed in these logs, in seconds, once for each operation."""
    own = spoken[spoken["source_id"].isin(source_ids) & (spoken["phase"] == "thaw") & spoken["time_utc"].notna()]
    found = own["time_utc"].sort_values()
    return seconds(found[(found.shift(-1) - found).isna() | (found.shift(-1) - found > APART)])


def _named(known: pd.DataFrame) -> list[tzinfo]:
    """The zones that are known for a guest's logs."""
    made: list[tzinfo] = []
    for text in known["zone"].dropna().unique():
        try:
            made.append(times.zone(str(text)))
        except ConfigError:
            continue
    return made


def _offset(zone: tzinfo, local: pd.Timestamp) -> float | None:
    offset = zone.utcoffset(local.tz_localize(None).to_pydatetime())
    return offset.total_seconds() if offset is not None else None


def _other_clocks(sources: pd.DataFrame, spoken: pd.DataFrame) -> bool:
    """Whether a log in UTC would be set against wrong times, if all others are read in one unknown zone.

    The log of a host that tells nothing about a backup or a point may stand beside them.
    """
    sure = sources[sources["time_basis"] == "utc"]
    own = spoken[spoken["source_id"].isin(sure["source_id"]) & spoken["rule_id"].notna()]
    return bool(
        (~sure["role"].isin(HOSTS)).any() or (~own["class"].isin(BESIDE)).any() or own["phase"].isin(TELLING).any()
    )


def _known_zone(zone: tzinfo, said: Iterable[Stretch]) -> Zone:
    offset = zone.utcoffset(None)
    text = offset_text(int(offset.total_seconds())) if offset is not None else str(zone)
    return Zone(zone, text, "inferred", _reason(next(iter(said)).measured))


def _reason(said: Measured) -> str:
    return f"{said.pairs} pairs of thaw and recovery point fit no other: {said.why}"
