"""Where the guest's logs provably hold their records: the ground on which absence may be claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MARGIN = pd.Timedelta(minutes=15)
QUIET_TAIL = pd.Timedelta(minutes=90)  # a log may be silent this long before its collection without being cut off
APPLICATION, SYSTEM, ERRORLOG = "application", "system", "errorlog"


@dataclass(frozen=True)
class Covered:
    """Merged intervals of each (VM, channel), and the newest record of each VM's guest logs."""

    intervals: dict[tuple[str, str], np.ndarray]
    newest: dict[str, pd.Timestamp]

    def holds(self, vm_name: str, channel: str, start: pd.Timestamp, end: pd.Timestamp) -> bool | None:
        """Whether the log covers the whole time; null when the case has no such log of this VM.

        The end is not asked for beyond the newest record of the guest's logs: nothing was collected after it. A log
        may be silent before that for up to 90 minutes.
        """
        spans = self.intervals.get((vm_name, channel))
        if spans is None:
            return None
        newest = self.newest.get(vm_name, end)
        first, last = start.value, min(end, max(newest, start)).value
        inside = (spans[:, 0] <= first) & (spans[:, 1] >= last)
        if inside.any():
            return True
        final = spans[-1]
        quiet = newest.value - final[1] <= QUIET_TAIL.value
        return bool(final[0] <= first <= final[1] and quiet)

    def channels(self, vm_name: str) -> frozenset[str]:
        """The logs that the case has of this VM's guest, lower case."""
        return frozenset(channel for name, channel in self.intervals if name == vm_name)

    def any_holds(self, vm_name: str, start: pd.Timestamp, end: pd.Timestamp) -> bool:
        """Whether the Application log or an ERRORLOG of the guest covers the whole time."""
        return any(self.holds(vm_name, channel, start, end) for channel in (APPLICATION, ERRORLOG))


def covered(coverage: pd.DataFrame, sources: pd.DataFrame, boots: pd.DataFrame, starts: pd.DataFrame) -> Covered:
    """What the guests' logs cover. Logs of a test-failover machine count for the time before its image only.

    Files of one log whose record numbers follow each other cover the time in between as well.

    `starts` (source_id, boot_id) says which sources cross a test boot; their coverage ends at the image of that boot.
    """
    guest = sources[sources["role"].isin(["guest", "test_failover_guest"])]
    vm_of = dict(zip(guest["source_id"], guest["vm_name"].fillna(guest["computer"]).fillna(""), strict=True))
    image = boots.set_index("boot_id")["image_time_utc"]
    ends = {row.source_id: image.get(row.boot_id, pd.NaT) for row in starts.itertuples()}
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    newest: dict[str, pd.Timestamp] = {}
    own = coverage[coverage["source_id"].isin(vm_of)]
    follows = _followers(own)
    for row in own.itertuples():
        last = max(row.last_time, follows.get(_number(row, row.last_id), row.last_time))
        if row.source_id in ends:
            if pd.isna(ends[row.source_id]) or row.first_time > ends[row.source_id]:
                continue
            last = min(last, ends[row.source_id])
        vm_name = vm_of[row.source_id]
        spans.setdefault((vm_name, _kind(row.channel)), []).append((row.first_time.value, last.value))
        newest[vm_name] = max(newest.get(vm_name, last), last)
    return Covered({key: _merged(found) for key, found in spans.items()}, newest)


def _followers(coverage: pd.DataFrame) -> dict[tuple[str, str, int], pd.Timestamp]:
    """When the record after each number was written, if an interval begins with it: a log in two files has no gap."""
    numbered = coverage.dropna(subset=["first_id"])
    return {_number(row, row.first_id - 1): row.first_time for row in numbered.itertuples()}


def _number(row: Any, number: Any) -> tuple[str, str, int]:
    computer = row.computer.casefold().split(".")[0] if isinstance(row.computer, str) else ""
    return computer, _kind(row.channel), int(number) if pd.notna(number) else -1


def _kind(channel: object) -> str:
    return str(channel).casefold() if isinstance(channel, str) else ""


def _merged(spans: list[tuple[int, int]]) -> np.ndarray:
    made: list[list[int]] = []
    for first, last in sorted(spans):
        if made and first <= made[-1][1]:
            made[-1][1] = max(made[-1][1], last)
        else:
            made.append([first, last])
    return np.array(made, dtype="int64")
