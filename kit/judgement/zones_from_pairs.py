"""Zones that nothing states, found from the pairs of thaw and recovery point.

A list of points printed on the host, or a list of events and an ERRORLOG from the guest, may hold local times of a zone
that no file names. Where thaws and points share their jitter at one shift only (kit/reasoning/calibrate.py), that shift
is the zone, in whole quarters of an hour, and the rest of it the clock. It is not taken where a zone that is known for
the machine says otherwise, nor where the rest is no small one: then the clock may be wrong by hours as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kit import times
from kit.case.zones import Zone, common, offset_text
from kit.errors import ConfigError
from kit.reasoning.calibrate import Measured, Side, measure
from kit.reasoning.clocks import seconds

if TYPE_CHECKING:
    from kit.case import Case

QUARTER_S = 900.0
SMALL_S = 120.0  # clocks that nobody set wrong, and the delay of a label, where no zone is known beside the pairs
LIKELY_S = 450.0  # the same where a known zone agrees
APART = pd.Timedelta(seconds=60)  # resume lines of one thaw follow each other closer
GUESTS = ("guest", "test_failover_guest")


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
    elif lists and not _other_clocks(sources):
        yield from _common(points, open_, lists, spoken)


def _of_points(points: pd.DataFrame, thaws: np.ndarray, named: list[tzinfo]) -> Zone | None:
    """The zone of a list of points, against thaws in UTC."""
    for zone in named:
        placed = points.assign(time_utc=times.to_utc(points["time_utc"].dt.tz_localize(None), zone))
        said = _measured(thaws, placed)
        if said is not None and abs(said.offset_s or 0.0) <= LIKELY_S:
            return _zone(zone, said)
    said = _measured(thaws, points)
    if named or said is None or said.offset_s is None:
        return None
    whole = round(said.offset_s / QUARTER_S) * QUARTER_S
    return _zone(timezone(timedelta(seconds=whole)), said) if abs(said.offset_s - whole) <= SMALL_S else None


def _of_guest(
    points: pd.DataFrame, open_: pd.DataFrame, named: list[tzinfo], spoken: pd.DataFrame
) -> Iterator[tuple[str, Zone]]:
    """The zones of a guest's logs, each by its own thaws; logs without any take the one that the others share."""
    made: dict[str, Zone] = {}
    for source_id in open_["source_id"]:
        said = _measured(_thaws(spoken, {source_id}), points)
        if said is None or said.offset_s is None:
            continue
        whole = -round(said.offset_s / QUARTER_S) * QUARTER_S
        zone = timezone(timedelta(seconds=whole))
        agrees = [one for one in named if _offset(one, points) == whole]
        if abs(said.offset_s + whole) <= (LIKELY_S if agrees else SMALL_S) and (agrees or not named):
            made[source_id] = _zone(agrees[0] if agrees else zone, said)
    yield from made.items()
    if len({one.text for one in made.values()}) == 1:
        yield from ((one, next(iter(made.values()))) for one in open_["source_id"] if one not in made)


def _common(
    points: pd.DataFrame, open_: pd.DataFrame, lists: set[str], spoken: pd.DataFrame
) -> Iterator[tuple[str, Zone]]:
    """Everything of the case is in local time: where it agrees as written, it is one zone, whichever that is."""
    said = {one: _measured(_thaws(spoken, {one}), points) for one in open_["source_id"]}
    fits = [one for one in said.values() if one is not None]
    if not fits or any(abs(one.offset_s or 0.0) > LIKELY_S for one in fits):
        return
    reason = f"{fits[0].pairs} pairs of thaw and recovery point agree as written: one local time, its zone is not known"
    zone = common(reason)
    yield from ((source_id, zone) for source_id in sorted({*lists, *open_["source_id"]}))


def _measured(thaws: np.ndarray, points: pd.DataFrame) -> Measured | None:
    claimed = points["claimed"] == "application_consistent"
    listed = points["time_utc"].notna()
    host = Side(seconds(points.loc[claimed & listed, "time_utc"]), seconds(points.loc[~claimed & listed, "time_utc"]))
    said = measure(Side(thaws, np.empty(0)), host) if len(thaws) else None
    return said if said is not None and said.offset_s is not None else None


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


def _offset(zone: tzinfo, points: pd.DataFrame) -> float | None:
    offset = zone.utcoffset(points["time_utc"].min().tz_localize(None).to_pydatetime())
    return offset.total_seconds() if offset is not None else None


def _other_clocks(sources: pd.DataFrame) -> bool:
    """Whether a log in UTC is part of the case: beside it, times of an unknown zone would be set against wrong ones."""
    return bool((sources["time_basis"] == "utc").any())


def _zone(zone: tzinfo, said: Measured) -> Zone:
    offset = zone.utcoffset(None)
    text = offset_text(int(offset.total_seconds())) if offset is not None else str(zone)
    return Zone(zone, text, "inferred", f"{said.pairs} pairs of thaw and recovery point fit no other: {said.why}")

