"""Moments at which a guest's own records say that its clock was set, and how far an offset holds beside them.

A clock that was set by whole intervals leaves every operation near a point, only that of another hour, and few
operations after it have no jitter to tell by. Kernel-General 1 and Time-Service 52 (section 8 of the domain reference
names both) say that it happened: beyond such a moment an offset holds only where the operations there show it.

Not every such record changes the offset: a machine that was paused, or that started, gets its own time back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kit import times
from kit.reasoning.calibrate import SURE, WIDE_S, Side, measure, nearest_s, whole
from kit.reasoning.clock_steps import Stretch
from kit.values import tuples

TOGETHER_S = 900.0  # records of one correction stand this close; so do those of a start
MOST, FEW = 0.75, 0.25  # of the operations of a side that stand near a point


@dataclass(frozen=True)
class ClockSet:
    """What a guest's clock showed, in seconds, before and after it was set."""

    old_s: float
    new_s: float

    @property
    def by_s(self) -> float:
        """How far it was put forward."""
        return self.new_s - self.old_s


def clock_sets(records: pd.DataFrame) -> dict[str, list[ClockSet]]:
    """By short name of the computer, lower case: how its clock was set by more than the writer window, but for starts.

    Logs of one computer name it with its domain or without.
    """
    own = records[(records["role"] == "guest") & records["computer"].notna() & records["time_utc"].notna()]
    told = own[(own["phase"] == "clock") & own["captured"].notna()]
    starts = own[own["phase"] == "boot"]
    started = _short(starts["computer"])
    made: dict[str, list[ClockSet]] = {}
    for computer, rows in told.groupby(_short(told["computer"])):
        booted = np.sort(_seconds(starts.loc[started == computer, "time_utc"]))
        found = [one for one in _together(filter(None, map(_read, tuples(rows)))) if not _at_start(one, booted)]
        if found:
            made[str(computer)] = found
    return made


def _short(computers: pd.Series) -> pd.Series:
    return computers.astype(str).str.casefold().str.split(".").str[0]


def _read(row: Any) -> ClockSet | None:
    captured: Mapping[str, Any] = json.loads(row.captured)
    at = row.time_utc.timestamp()
    old, new = (times.parse_iso(str(captured.get(name, ""))) for name in ("old_time", "new_time"))
    if old is not None and new is not None and (old.tzinfo is None) == (new.tzinfo is None):
        return ClockSet(at - (new - old).total_seconds(), at)
    try:
        return ClockSet(at - float(captured["offset_s"]), at)
    except (KeyError, ValueError):
        return None


def _seconds(moments: pd.Series) -> np.ndarray:
    return moments.to_numpy(dtype="datetime64[us]").astype("int64") / 1e6


def _together(read: Iterator[ClockSet]) -> list[ClockSet]:
    """What records that stand together come to: two of one correction are one, and there and back is none."""
    made: list[ClockSet] = []
    for one in sorted((each for each in read if abs(each.by_s) > WIDE_S), key=lambda each: each.new_s):
        before = made[-1] if made else None
        if before is not None and abs(before.by_s - one.by_s) <= 2 and abs(before.new_s - one.new_s) <= WIDE_S:
            continue
        if before is not None and abs(before.new_s - one.old_s) <= TOGETHER_S:
            made[-1] = ClockSet(before.old_s, before.new_s + one.by_s)
        else:
            made.append(one)
    return [one for one in made if abs(one.by_s) > WIDE_S]


def _at_start(one: ClockSet, booted: np.ndarray) -> bool:
    """Whether the machine had just started: then its clock was wrong since the start only."""
    return any(((booted >= end - TOGETHER_S) & (booted <= end + WIDE_S)).any() for end in (one.old_s, one.new_s))


def told(known: list[ClockSet], most: int = 3) -> str:
    """The first of these moments as the end of a sentence; empty without any."""
    said = [
        f"{'forward' if one.by_s > 0 else 'back'} by {abs(one.by_s):,.0f} s at "
        f"{pd.Timestamp(one.new_s, unit='s', tz='UTC'):%Y-%m-%d %H:%M} UTC of its own time"
        for one in known[:most]
    ]
    more = f" and {len(known) - most} more times" if len(known) > most else ""
    return f"; its records say that it was put {', '.join(said)}{more}" if said else ""


def cut(parts: list[Stretch], known: list[ClockSet], guest: Side, host: Side) -> list[Stretch]:
    """The same stretches as far as their offsets hold beside the moments at which the clock is known to have been set.

    `guest` and `host` as for `calibrate.measure`. Of a stretch that is cut the side with more operations stays.
    """
    for one in known:
        parts = [left for part in parts for left in _cut(part, one, guest, host)]
    return parts


def _cut(part: Stretch, one: ClockSet, guest: Side, host: Side) -> list[Stretch]:
    before = replace(part, last_s=min(one.old_s, one.new_s))
    after = replace(part, first_s=max(one.old_s, one.new_s))
    if part.measured.offset_s is None or before.first_s >= before.last_s or after.first_s >= after.last_s:
        return [part]
    points = whole(host).good
    placed = [_placed(side, guest, points, by_s) for side, by_s in ((before, one.by_s), (after, -one.by_s))]
    holds = [
        _shown(own, points, by_s) or (len(own) >= SURE and _measured_there(side, guest, host))
        for own, (side, by_s) in zip(placed, ((before, one.by_s), (after, -one.by_s)), strict=True)
    ]
    if all(holds):
        return [part]
    kept = [side for side, hold in zip((before, after), holds, strict=True) if hold]
    return kept or [before if len(placed[0]) >= len(placed[1]) else after]


def _placed(side: Stretch, guest: Side, points: np.ndarray, by_s: float) -> np.ndarray:
    """The operations of a side on the reference clock by its offset, as far as points were listed there."""
    every, reach = whole(guest).good, abs(by_s) + WIDE_S
    own = every[(every >= side.first_s) & (every <= side.last_s)]
    own = side.measured.to_reference(own)
    return own[(own >= points[0] - reach) & (own <= points[-1] + reach)] if len(points) else own[:0]


def _shown(placed: np.ndarray, points: np.ndarray, by_s: float) -> bool:
    """Whether operations stand near points, and would not had the clock been set; without any there is no doubt."""
    if not len(placed):
        return True
    same, other = (float((np.abs(nearest_s(where, points)) <= WIDE_S).mean()) for where in (placed, placed + by_s))
    return same >= MOST and other <= FEW


def _measured_there(side: Stretch, guest: Side, host: Side) -> bool:
    good, bad = (one[(one >= side.first_s) & (one <= side.last_s)] for one in (guest.good, guest.bad))
    said = measure(Side(good, bad), host)
    if said is None or said.offset_s is None:
        return False
    middle = np.array([said.epoch_s])
    return bool(np.abs(said.to_reference(middle) - side.measured.to_reference(middle)).max() <= WIDE_S)
