"""Seconds between thaw and abort, from records whose times are written finer than a second."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis

FINE_S = 1.0  # records written to a whole second have an order, but no distance
PHASES = {"freeze": "min", "thaw": "max", "abort": "min"}
Times = dict[str, datetime]
Key = tuple[str, str, str]  # operation, instance, database


def fine_times(analysis: Analysis) -> dict[Key, Times]:
    """Freeze, last thaw and first abort by operation and database, all of one source that writes parts of a second.

    A database that no such source times is left out; of several sources the one that tells most phases is taken.
    """
    wanted = ["operation_id", "instance", "database", "evidence"]
    cited = analysis.operation_databases[wanted].explode("evidence").dropna(subset=["database", "evidence"])
    cited = cited.fillna({"instance": ""}).rename(columns={"evidence": "uid"}).astype({"uid": "str"})
    events = analysis.events[analysis.events["precision_s"] < FINE_S][["uid", "source_id", "time_utc"]].dropna()
    spoken = analysis.matches[["uid", "database", "phase"]].dropna().drop_duplicates("uid")
    joined = cited.merge(events, on="uid").merge(spoken, on="uid", suffixes=("", "_said"))
    joined = joined[(joined["database"] == joined["database_said"]) & joined["phase"].isin(list(PHASES))]
    made: dict[Key, dict[str, Times]] = {}
    keys = ["operation_id", "instance", "database", "source_id", "phase"]
    ends = joined.groupby(keys, observed=True, sort=True)["time_utc"].agg(["min", "max"])
    for key, first, last in zip(ends.index, *(ends[end].dt.to_pydatetime() for end in ("min", "max")), strict=True):
        operation, instance, database, source, phase = map(str, key)
        own = made.setdefault((operation, instance, database), {}).setdefault(source, {})
        own[phase] = first if PHASES[phase] == "min" else last
    return {key: max(sources.values(), key=len) for key, sources in made.items()}


def key_of(operation: dict[str, Any], row: dict[str, Any]) -> Key:
    """The key of a database in an operation."""
    return operation["operation_id"], row["instance"] or "", row["database"] or ""


def abort_gap_s(
    operation: dict[str, Any], databases: list[dict[str, Any]], fine: dict[Key, Times]
) -> float | None:
    """Seconds from a database's thaw to its abort, the smallest of the operation; negative before the thaw.

    None where no source times both finer than a second: then only the order of the records is known.
    """
    timed = [fine.get(key_of(operation, row), {}) for row in databases]
    gaps = [(times["abort"] - times["thaw"]).total_seconds() for times in timed if {"abort", "thaw"} <= times.keys()]
    if not gaps and not pd.isna(operation["precision_s"]) and operation["precision_s"] < FINE_S:
        both = [row for row in [*databases, operation] if row["abort_utc"] and row["thaw_utc"]]
        gaps = [(row["abort_utc"] - row["thaw_utc"]).total_seconds() for row in both]
    return min(gaps) if gaps else None
