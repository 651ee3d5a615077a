"""Events and what the rules say of them, side by side: the input of operations, boots and recoveries.

A record is an event with its match. Copies of one record (history inside the log of a test-failover machine, a log
collected twice) share a `twin`, so that nothing is counted twice and every copy can still be cited.
"""

from __future__ import annotations

import pandas as pd

EVENT_COLUMNS = [
    "uid", "source_id", "record_id", "time_utc", "time_raw", "time_basis", "precision_s", "computer", "role",
    "vm_name", "channel", "provider", "event_id", "level", "message",
]
MATCH_COLUMNS = [
    "uid", "rule_id", "class", "phase", "severity", "status", "database", "instance", "count", "hresult", "os_error",
    "native_error", "routine", "operation", "writer", "volume", "backup_set", "captured",
]

# What the phases of a rule speak about. The words are those of the knowledge files.
SNAPSHOT_PHASES = (
    "identify", "prepare", "freeze", "hold", "thaw", "post_snapshot", "complete", "abort", "writer", "provider",
)
BOOT_PHASES = ("boot", "unexpected_shutdown")
RECOVERY_PHASES = (
    "instance_start", "database_start", "redo", "undo", "recovery_complete", "instance_recovered", "recovery_failed",
)


def records(events: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """Records in the order of their logs: the columns of `events` and `matches`, and `twin` (uid of the first copy).

    Order: computer, then time, then source and record number; within one source, the record number alone.
    """
    joined = events[EVENT_COLUMNS].merge(matches[MATCH_COLUMNS], on="uid", how="left", validate="1:1")
    joined = in_order(joined)
    joined["twin"] = _twins(joined)
    joined["kind"] = joined["class"]  # the same under a name that row tuples can carry
    return joined


def in_order(given: pd.DataFrame) -> pd.DataFrame:
    """The rows by time; where a clock was set back inside one log, its record numbers still rule."""
    ordered = given.sort_values(["source_id", "record_id", "uid"], kind="stable")
    ordered["ordered_time"] = ordered.groupby("source_id", sort=False, dropna=False)["time_utc"].transform(_never_back)
    by = ["ordered_time", "source_id", "record_id", "uid"]
    return ordered.sort_values(by, kind="stable").drop(columns="ordered_time").reset_index(drop=True)


def _never_back(times: pd.Series) -> pd.Series:
    """Times as they stand, but small steps back (out-of-order logging, up to a minute) are levelled."""
    filled = times.ffill()
    highest = filled.cummax()
    small = (highest - filled) <= pd.Timedelta(seconds=60)
    return filled.where(~small, highest)


def _twins(given: pd.DataFrame) -> pd.Series:
    key = pd.DataFrame(
        {
            "computer": given["computer"].str.casefold().fillna(""),
            "channel": given["channel"].str.casefold().fillna(""),
            "provider": given["provider"].str.casefold().fillna(""),
            "record_id": given["record_id"],
            "event_id": given["event_id"].fillna(-1),
            "time_raw": given["time_raw"].fillna(""),
            "text": given["message"].fillna(""),
        }
    )
    own_first = given.assign(is_copy=given["role"] == "test_failover_guest").sort_values("is_copy", kind="stable").index
    first = given.loc[own_first].groupby([key.loc[own_first, name] for name in key], sort=False, dropna=False)["uid"]
    return first.transform("first").reindex(given.index)


def of_guest(given: pd.DataFrame) -> pd.DataFrame:
    """The records of guests before any test-failover boot, each once (copies dropped)."""
    own = given["role"].isin(["guest", "unknown"])
    return given[own & (given["twin"] == given["uid"])]
