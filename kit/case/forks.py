"""Logs of a test-failover machine that nobody marked: records shared with the guest's log, then a boot of their own.

Two event logs of the same computer and channel fork when they agree on every record number up to some record and on
none after it. The one that goes on with a boot, while the other does not, is that of the copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from kit import rules, tables
from kit.case import roles
from kit.case.assembly import finished
from kit.case.source import Source

_ENOUGH = 10  # records in common
_LOOK_AT = 80  # records after the fork
_BOOT = ("boot", "unexpected_shutdown", "instance_start")


class Fork(NamedTuple):
    """A log of a copied machine, the log of the machine that it was copied from, and the first record of its own."""

    copy: Source
    original: Source
    first_id: int


def marked(found: Sequence[Source]) -> list[Source]:
    """The sources with the logs of copied machines, and what lies beside them, in the role test_failover_guest."""
    forks = list(_forks(found))
    reasons = {
        fork.copy.path: f"has the records of {fork.original.path} before number {fork.first_id}, then a boot of its own"
        for fork in forks
    }
    folders = {_place(one): one.path for one in found if one.path in reasons}
    originals = {_place(fork.original) for fork in forks}
    made = []
    for one in found:
        reason = reasons.get(one.path)
        if reason is None and one.role.role == "guest" and _place(one) in folders and _place(one) not in originals:
            reason = f"lies beside {folders[_place(one)]}, the log of a copied machine"
        made.append(_as_test(one, reason) if reason else one)
    return made


def _as_test(one: Source, reason: str) -> Source:
    return replace(one, role=replace(one.role, role="test_failover_guest", reason=reason))


def _place(one: Source) -> tuple[str, str]:
    return one.path.rpartition("/")[0], roles.short(one.role.computer)


def _forks(found: Sequence[Source]) -> Iterator[Fork]:
    logs: dict[tuple[str, str], list[Source]] = {}
    for one in found:
        inventory = one.read.account.inventory
        computer = roles.short(one.role.computer)
        log = one.entry is not None and one.read.account.numbered and not one.local and len(inventory["channel"]) == 1
        if log and computer and one.role.role == "guest" and one.role.reason != "case.toml":
            logs.setdefault((computer, next(iter(inventory["channel"])).casefold()), []).append(one)
    for same in logs.values():
        for pair in _overlapping(same):
            if fork := _fork(*pair):
                yield fork


def _overlapping(logs: Sequence[Source]) -> Iterator[tuple[Source, Source]]:
    """Pairs of logs whose record numbers may meet, in their order: archives that follow each other never do."""
    spans = sorted((*_numbers(one), place) for place, one in enumerate(logs))
    pairs: list[tuple[int, int]] = []
    open_: list[tuple[float, int]] = []  # last number and place of logs that may still meet one that begins later
    for first, last, place in spans:
        open_ = [(end, other) for end, other in open_ if end >= first]
        pairs += [(min(place, other), max(place, other)) for _, other in open_]
        open_.append((last, place))
    return ((logs[one], logs[other]) for one, other in sorted(pairs))


def _numbers(one: Source) -> tuple[float, float]:
    """The first and last record number of a log, from the statistics of its file; everything where they are lacking."""
    if one.entry is None or one.entry.path("events") is None:
        return -math.inf, math.inf
    with one.entry.opened("events") as file:
        place = file.schema_arrow.get_field_index("record_id")
        told = [file.metadata.row_group(group).column(place).statistics for group in range(file.num_row_groups)]
    if not told or not all(known is not None and known.has_min_max for known in told):
        return -math.inf, math.inf
    return min(known.min for known in told), max(known.max for known in told)


def _fork(one: Source, other: Source) -> Fork | None:
    first_id = _first_different(_times(one), _times(other))
    if first_id is None:
        return None
    boots = [_boots_after(log, first_id) for log in (one, other)]
    if boots[0] == boots[1]:
        return None
    return Fork(one, other, first_id) if boots[0] else Fork(other, one, first_id)


def _times(one: Source) -> pd.Series:
    table = one.entry.table("events", ["record_id", "time_utc"]) if one.entry else None
    frame = tables.to_pandas(table) if table is not None else tables.empty("events")[["record_id", "time_utc"]]
    return frame.dropna().drop_duplicates("record_id").set_index("record_id")["time_utc"]


def _first_different(one: pd.Series, other: pd.Series) -> int | None:
    """The first record number on which two logs differ, when they agree on all before it and on none after it."""
    both = pd.concat([one, other], axis=1, join="inner", keys=["one", "other"]).sort_index()
    same = both["one"] == both["other"]
    if int(same.sum()) < _ENOUGH or same.all():
        return None
    first = int(same[~same].index[0])
    return first if not same.loc[first:].any() else None


def _boots_after(one: Source, first_id: int) -> bool:
    if one.entry is None or (table := one.entry.table("events")) is None:
        return False
    ids = table.column("record_id")
    after = pc.and_(pc.greater_equal(ids, first_id), pc.less(ids, first_id + _LOOK_AT))
    events = finished(one, "events", table.filter(pc.fill_null(after, False)))
    return bool(rules.match(tables.to_pandas(events))["phase"].isin(_BOOT).any())
