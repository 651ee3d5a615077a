"""When the records of a source begin and end, in UTC, from an account whose times may be local."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from kit import times
from kit.case import assembly
from kit.case.source import Source


def converted(one: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    """`first_time` and `last_time` of an account: the stated ones, or from local times by the zone of the source."""
    made = {}
    first, last = utc(one, row.get("first_local"), row.get("last_local"))
    for name, chosen, moment in (("first", min, first), ("last", max, last)):
        told = [row.get(f"{name}_time"), moment]
        known = [each for each in told if each is not None]
        made[f"{name}_time"] = chosen(known) if known else None
    return made


def repeated(one: Source, given: Mapping[str, Any]) -> dict[str, Any]:
    """`first_time` and `last_time` by the rows themselves, where an end lies in an hour that the clock showed twice.

    Empty elsewhere: the greatest local time is the last moment then.
    """
    ends = [moment for name in ("first_local", "last_local") if (moment := given.get(name)) is not None]
    if one.zone is None or one.entry is None or not any(times.twice(moment, one.zone.zone) for moment in ends):
        return {}
    told: list[Any] = []
    for name in (file.removesuffix(".parquet") for file in one.entry.files):
        table = one.entry.table(name)
        if table is not None and "time_local" in table.column_names:
            span = pc.min_max(assembly.finished(one, name, table).column("time_utc")).as_py()
            told += [moment for moment in span.values() if moment is not None]
    return {"first_time": min(told), "last_time": max(told)} if told else {}


def surely_from(one: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    """`first_time` where a local begin stands for two moments: the later one, from which the log surely reaches on.

    Empty elsewhere.
    """
    first = row.get("first_local")
    if first is None or one.zone is None or not times.twice(first, one.zone.zone):
        return {}
    return {"first_time": pd.Timestamp(first.replace(tzinfo=one.zone.zone, fold=1)).tz_convert("UTC")}


def utc(one: Source, *local: Any) -> list[Any]:
    """Local times in UTC by the zone of their source; None for those that are not known."""
    zone = one.zone
    return [None if zone is None or moment is None else zone.moment(moment) for moment in local]
