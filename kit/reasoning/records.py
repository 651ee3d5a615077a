"""Events and what the rules say of them, side by side: the input of operations, boots and recoveries.

A record is an event with its match. Copies of one record (history inside the log of a test-failover machine, a log
collected twice) share a `twin`, so that nothing is counted twice and every copy can still be cited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kit.reasoning import instances
from kit.values import tuples

HOSTS = ("primary_host", "replica_host")
GUID_LENGTH = 36
DEFAULT_INSTANCE = "MSSQLSERVER"
EVENT_COLUMNS = [
    "uid", "source_id", "record_id", "time_utc", "time_basis", "precision_s", "computer", "role", "vm_name", "channel",
    "provider", "event_id", "level",
]
MATCH_COLUMNS = [
    "uid", "rule_id", "class", "phase", "severity", "status", "database", "instance", "count", "writer", "captured",
]  # only what the reasoning asks for: a large case has hundreds of thousands of records

# What the phases of a rule speak about. The words are those of the knowledge files.
SNAPSHOT_PHASES = (
    "identify", "prepare", "freeze", "hold", "thaw", "post_snapshot", "complete", "abort", "writer", "provider",
)
BOOT_PHASES = ("boot", "unexpected_shutdown")
RECOVERY_PHASES = (
    "instance_start", "database_start", "redo", "undo", "recovery_complete", "instance_recovered", "recovery_failed",
)


def records(events: pd.DataFrame, matches: pd.DataFrame, machines: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Records in the order of their logs: columns of events and matches, `kind`, and `twin` (uid of the first copy).

    Order: time, then source and record number; within one source, the record number alone. `machines` gives the name of
    each VM by id and by name, lower case: records of hosts get the VM that they name.
    """
    order = _order(events)
    joined = events[EVENT_COLUMNS].take(order).reset_index(drop=True)
    joined = joined.merge(matches[MATCH_COLUMNS], on="uid", how="left", validate="1:1")
    joined["vm_name"] = _machines(joined, events, order, machines or {})
    joined["instance"] = _instances(joined)
    joined["instance"] = instances.told_apart(joined, DEFAULT_INSTANCE)
    joined["twin"] = _twins(joined, *(events[name].take(order).fillna("").array for name in ("time_raw", "message")))
    joined["kind"] = joined["class"]  # the same under a name that row tuples can carry
    return joined


def _machines(
    joined: pd.DataFrame, events: pd.DataFrame, order: np.ndarray, machines: Mapping[str, str]
) -> pd.Series:
    """The VM of each record; matched records of hosts get the one that they name."""
    hosts = joined["role"].isin(HOSTS) & joined["vm_name"].isna() & joined["rule_id"].notna()
    rows = events[["strings", "data", "message"]].take(order[hosts.to_numpy()])
    named = [_machine(row.strings, row.data, row.message, machines) for row in tuples(rows)]
    names = joined["vm_name"].astype(object)
    names[hosts] = named
    return names.astype("str").where(names.notna())


def _machine(strings: Any, data: Any, message: Any, machines: Mapping[str, str]) -> str | None:
    """The VM that a host record names: by id, else by its name as a whole word; none when it names several or none.

    A record whose fields give the id of a machine that the case does not know is about that other machine, provided
    that the case knows the ids of its own.
    """
    ids = {one for one in machines if len(one) == GUID_LENGTH}
    fields = _fields(data)
    if ids and fields.get("vmname") and fields.get("vmid", "") not in {"", *ids}:
        return fields["vmname"]
    parts = [*(strings if isinstance(strings, list) else []), data, message]
    text = " | ".join(part for part in parts if isinstance(part, str)).casefold()
    for known in (one for one in machines if len(one) == GUID_LENGTH and one in text):
        return machines[known]
    found = {one for one in machines if len(one) != GUID_LENGTH and _word(one, text)}
    longest = [one for one in found if not any(one != other and one in other for other in found)]
    return machines[longest[0]] if len(longest) == 1 else None


def _fields(data: Any) -> dict[str, str]:
    """The fields of a record (JSON text) that are texts, by their names in small letters; ids in small letters too."""
    if not isinstance(data, str) or "vmid" not in data.casefold():
        return {}
    found = json.loads(data)
    made = {name.casefold(): value for name, value in found.items() if isinstance(value, str)}
    return made | {"vmid": made.get("vmid", "").strip("{}").casefold()}


def _word(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _instances(joined: pd.DataFrame) -> pd.Series:
    """Instance names alone: the SQL writer says COMPUTER for the default instance and COMPUTER\\NAME for another."""
    computer = joined["computer"].str.casefold().str.replace(r"\..*$", "", regex=True)
    last = joined["instance"].str.replace(r"^.*\\", "", regex=True)
    default = last.str.casefold() == computer
    return last.where(~default.fillna(False), DEFAULT_INSTANCE)


def _order(given: pd.DataFrame) -> np.ndarray:
    """The rows by time; where a clock was set back inside one log, its record numbers still rule."""
    narrow = given[["source_id", "record_id", "uid", "time_utc"]].assign(row=np.arange(len(given)))
    ordered = narrow.sort_values(["source_id", "record_id", "uid"], kind="stable")
    ordered["ordered_time"] = _never_back(ordered["time_utc"], ordered["source_id"])
    by = ["ordered_time", "source_id", "record_id", "uid"]
    return ordered.sort_values(by, kind="stable")["row"].to_numpy()


def _never_back(times: pd.Series, logs: pd.Series) -> pd.Series:
    """Times of each log as they stand, but small steps back (out-of-order logging, up to a minute) are levelled."""
    filled = times.groupby(logs, sort=False, dropna=False).ffill()
    highest = filled.groupby(logs, sort=False, dropna=False).cummax()
    small = (highest - filled) <= pd.Timedelta(seconds=60)
    return filled.where(~small, highest)


def _twins(given: pd.DataFrame, time_raw: Any, text: Any) -> pd.Series:
    key = pd.DataFrame(
        {
            "computer": given["computer"].str.casefold().fillna(""),
            "channel": given["channel"].str.casefold().fillna(""),
            "provider": given["provider"].str.casefold().fillna(""),
            "record_id": given["record_id"],
            "event_id": given["event_id"].fillna(-1),
            "time_raw": time_raw,
            "text": text,
        }
    )
    own_first = given.assign(is_copy=given["role"] == "test_failover_guest").sort_values("is_copy", kind="stable").index
    first = given.loc[own_first].groupby([key.loc[own_first, name] for name in key], sort=False, dropna=False)["uid"]
    return first.transform("first").reindex(given.index)


def of_guest(given: pd.DataFrame) -> pd.DataFrame:
    """The records of guests before any test-failover boot, each once (copies dropped)."""
    own = given["role"].isin(["guest", "unknown"])
    return given[own & (given["twin"] == given["uid"])]
