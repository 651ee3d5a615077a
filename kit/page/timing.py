"""Seconds between thaw and abort, from records whose times are written finer than a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis
from kit.values import dicts

FINE_S = 1.0  # records written to a whole second have an order, but no distance
PHASES: dict[str, Callable[[datetime, datetime], datetime]] = {"freeze": min, "thaw": max, "abort": min}
Times = dict[str, datetime]
Key = tuple[str, str, str]  # operation, instance, database


def fine_times(analysis: Analysis) -> dict[Key, Times]:
    """Freeze, last thaw and first abort by operation and database, all of one source that writes parts of a second.

    A database that no such source times is left out; of several sources the one that tells most phases is taken.
    """
    timed = {
        row["uid"]: (row["source_id"], row["time_utc"])
        for row in _rows(analysis, "events", "uid", "source_id", "time_utc", "precision_s")
        if row["precision_s"] is not None and row["precision_s"] < FINE_S and row["time_utc"] is not None
    }
    spoken: dict[str, tuple[str, str]] = {}
    for row in _rows(analysis, "matches", "uid", "database", "phase"):
        if row["database"] is not None and row["phase"] in PHASES:
            spoken.setdefault(row["uid"], (row["database"], row["phase"]))
    made: dict[Key, dict[str, Times]] = {}
    for row in _rows(analysis, "operation_databases", "operation_id", "instance", "database", "evidence"):
        for uid in row["evidence"] or []:
            database, phase = spoken.get(uid, (None, ""))
            if database is not None and database == row["database"] and uid in timed:
                source, time = timed[uid]
                own = made.setdefault(key_of(row, row), {}).setdefault(source, {})
                own[phase] = PHASES[phase](time, own.get(phase, time))
    return {key: max((sources[name] for name in sorted(sources)), key=len) for key, sources in made.items()}


def _rows(analysis: Analysis, table: str, *columns: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dicts(analysis.arrow(table).select(list(columns)))
    return found


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
