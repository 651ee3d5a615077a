"""The clock of each computer against the reference: the computer that exported the recovery points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kit import tables
from kit.reasoning.calibrate import FEWEST, Measured, Side, measure, nearest_s
from kit.reasoning.clock_jumps import parted
from kit.reasoning.clock_sets import ClockSet, cut, told
from kit.reasoning.clock_steps import Stretch, stretches
from kit.reasoning.covered import Covered
from kit.reasoning.few_pairs import few
from kit.values import values

SLACK_S = 60.0  # the writer window
NOTHING, SLACK = pd.Timedelta(0), pd.Timedelta(seconds=SLACK_S)


def reference(points: pd.DataFrame, sources: pd.DataFrame) -> str | None:
    """The computer that exported the recovery points; without its name, the only replica host; else none."""
    named = points["computer"].dropna()
    if len(named):
        return str(named.mode().iloc[0])
    hosts = sources.loc[sources["role"] == "replica_host", "computer"].dropna().unique()
    return str(hosts[0]) if len(hosts) == 1 else None


def clocks(
    sources: pd.DataFrame, points: pd.DataFrame, declared: Sequence[Mapping[str, Any]],
    operations: pd.DataFrame | None = None, databases: pd.DataFrame | None = None, held: Covered | None = None,
    known_sets: Mapping[str, list[ClockSet]] | None = None,
) -> pd.DataFrame:
    """Table `clocks`: a row for each computer that wrote a source; the offset is null where nobody knows it.

    A clock that was set on the way has a row for each stretch between, with `from_utc` and `until_utc`.

    `declared` are the [[clock]] entries of case.toml, offsets against the reference clock; they win. With `operations`
    the clocks of guests are measured from thaws and recovery points; those offsets include the delay with which the
    host labels a point, and their method says so. `known_sets` are the moments at which records say that a clock was
    set (`clock_sets.clock_sets`): beside them an offset holds only where operations show it.
    """
    base = reference(points, sources)
    said = {_short(str(entry["computer"])): float(entry["offset_s"]) for entry in declared}
    seen = sources.dropna(subset=["computer"]).drop_duplicates("computer")
    rows: dict[str, list[dict[str, Any]]] = {}
    for source in seen.to_dict("records"):
        name = _short(source["computer"])
        if name not in rows or source["role"] == "guest":
            rows[name] = [_row(source["computer"], source["role"], base, said)]
    if base is not None and _short(base) not in rows:
        rows[_short(base)] = [_row(base, "replica_host", base, said)]
    if operations is not None and databases is not None and held is not None:
        failed = set(databases.loc[databases["outcome"] == "genuine_failure", "operation_id"])
        failed |= set(operations.loc[operations["outcome"] == "genuine_failure", "operation_id"])
        for computer, own in operations.dropna(subset=["computer"]).groupby("computer"):
            known = rows.get(_short(str(computer)), [])
            if len(known) == 1 and known[0]["method"] in ("unknown", "declared"):
                was_set = (known_sets or {}).get(_short(str(computer)), [])
                rows[_short(str(computer))] = list(_of_guest(known[0], was_set, *_sides(own, failed, points, held)))
    every = sorted((row for own in rows.values() for row in own), key=lambda row: row["computer"].casefold())
    return tables.frame("clocks", every)


def _short(computer: str) -> str:
    return computer.casefold().split(".")[0]


def _row(computer: str, role: str, base: str | None, said: Mapping[str, float]) -> dict[str, Any]:
    row: dict[str, Any] = {"computer": computer, "role": role, "reference": base, "ambiguous": False}
    if base is not None and _short(computer) == _short(base):
        return row | {"offset_s": 0.0, "spread_s": 0.0, "anchors": 0, "method": "reference"}
    offset = said.get(_short(computer))
    if offset is not None:
        return row | {"offset_s": offset, "spread_s": 0.0, "anchors": 0, "method": "declared"}
    return row | {"offset_s": None, "spread_s": None, "anchors": 0, "method": "unknown"}


def _sides(own: pd.DataFrame, failed: set[str], points: pd.DataFrame, held: Covered) -> tuple[Side, Side]:
    """The operations of a guest and the points of its machine, as far as their times are sure."""
    names = own["vm_name"].dropna().unique()
    mine = points[points["vm_name"].isin(names) & points["time_utc"].notna() & (points["time_basis"] != "assumed")]
    whole = own[own["time_basis"] != "assumed"]
    broken = whole["operation_id"].isin(failed)
    good, bad = whole.loc[~broken, "thaw_utc"].dropna(), _placed(whole[broken])
    claimed = mine["claimed"] == "application_consistent"
    guest = Side(seconds(good), seconds(bad), _spans(names, held))
    return guest, Side(seconds(mine.loc[claimed, "time_utc"]), seconds(mine.loc[~claimed, "time_utc"]))


def _of_guest(row: dict[str, Any], was_set: list[ClockSet], guest: Side, host: Side) -> Iterator[dict[str, Any]]:
    """The rows of a guest's clock: as declared where the pairs do not speak against it, else as they show it."""
    if row["method"] == "declared":
        yield from _declared(row, was_set, guest, host)
        return
    found = measure(guest, host)
    parts = stretches(guest, host, found)
    if found is not None and parts == []:
        note = "the clock was set during the case, and no offset is sure for long enough"
        yield row | {"anchors": found.pairs, "ambiguous": True, "method": "point_minus_thaw", "note": note}
        return
    found = found or few(guest, host)
    always = Stretch(-np.inf, np.inf, found) if found is not None else None
    parts = parts or ([always] if always is not None else [])
    parts = cut([section for part in parts for section in parted(part, guest, host)], was_set, guest, host)
    for part in parts:
        yield row | _told(part.measured) | ({} if part == always else _ends(part, part.measured.why + told(was_set)))
    if not parts:
        yield row


def _declared(row: dict[str, Any], was_set: list[ClockSet], guest: Side, host: Side) -> Iterator[dict[str, Any]]:
    """A declared clock as far as the pairs allow it: it may be wrong, or hold for a part of the time only."""
    times, points = (np.sort(np.concatenate([side.good, side.bad])) for side in (guest, host))
    rest = nearest_s(times + row["offset_s"], points) if len(points) else np.empty(0)
    near = rest[np.abs(rest) <= SLACK_S]
    if len(near) < FEWEST:
        yield row
        return
    there = row["offset_s"] + float(np.median(near))
    found = measure(guest, host)
    if found is None or not found.shared:
        found = Measured(there, None, 0.0, float(np.median(times)), len(near), False, "declared")
    always = Stretch(-np.inf, np.inf, found)
    parts = cut(stretches(guest, host, found) or [always], was_set, guest, host)
    fitting = [part for part in parts if abs((part.measured.offset_s or 0.0) - there) <= SLACK_S]
    for part in fitting:
        yield row | ({} if part == always else _ends(part, "the declared offset fits" + told(was_set)))
    if not fitting:
        note = f"the declared offset of {row['offset_s']:g} s contradicts the pairs of thaw and recovery point"
        yield row | {"offset_s": None, "ambiguous": True, "note": note}


def _told(found: Measured) -> dict[str, Any]:
    row: dict[str, Any] = {
        "anchors": found.pairs, "ambiguous": found.ambiguous, "note": found.why, "method": "point_minus_thaw",
    }
    if found.offset_s is None:
        return row
    return row | {
        "offset_s": round(found.offset_s, 3), "spread_s": round(found.spread_s or 0.0, 3),
        "drift_s_per_day": round(found.drift_s_per_day, 4),
        "epoch_utc": pd.Timestamp(found.epoch_s, unit="s", tz="UTC").round("s"),
    }


def _ends(part: Stretch, why: str) -> dict[str, Any]:
    """What holds for a stretch only."""
    ends = {"from_utc": part.first_s, "until_utc": part.last_s}
    found = {name: _instant(value) for name, value in ends.items() if np.isfinite(value)}
    return found | {"note": f"the clock was set during the case; in this stretch {why}"}


def _instant(value_s: float) -> pd.Timestamp:
    return pd.Timestamp(round(value_s * 1e6), unit="us", tz="UTC")


def _placed(failed: pd.DataFrame) -> pd.Series:
    """When failed operations let go: their thaw where one is known, else their begin."""
    return failed["thaw_utc"].fillna(failed["begin_utc"]).dropna()


def seconds(times: pd.Series) -> np.ndarray:
    """Times as sorted seconds since 1970."""
    return np.sort(times.to_numpy(dtype="datetime64[us]").astype("int64") / 1e6)


def _spans(names: Sequence[str], held: Covered) -> tuple[tuple[float, float], ...]:
    found = [spans for (vm_name, _), spans in held.intervals.items() if vm_name in set(names)]
    return tuple((first / 1e9, last / 1e9) for spans in found for first, last in spans)


@dataclass(frozen=True)
class Offset:
    """How the times of one stretch of a computer's clock become those of the reference clock."""

    offset_s: float
    drift: float = 0.0  # seconds a second
    epoch: pd.Timestamp | None = None
    first: pd.Timestamp | None = None  # the stretch on the computer's own clock; open where none
    last: pd.Timestamp | None = None

    def to_reference(self, time: pd.Timestamp) -> pd.Timestamp:
        """The time on the reference clock."""
        more = self.drift * (time - self.epoch).total_seconds() if self.epoch is not None else 0.0
        return time + pd.Timedelta(seconds=round(self.offset_s + more, 6))

    def beside(self, time: pd.Timestamp) -> pd.Timedelta:
        """How far a time on the computer's own clock lies outside of the stretch."""
        return _outside(time, self.first, self.last)

    def beside_reference(self, time: pd.Timestamp) -> pd.Timedelta:
        """How far a time on the reference clock lies outside of the stretch."""
        first, last = (self.to_reference(end) if end is not None else None for end in (self.first, self.last))
        return _outside(time, first, last)


def _outside(time: pd.Timestamp, first: pd.Timestamp | None, last: pd.Timestamp | None) -> pd.Timedelta:
    if first is not None and time < first:
        return first - time
    return time - last if last is not None and time > last else NOTHING


class Shift:
    """How one computer's times become those of the reference clock, stretch by stretch."""

    def __init__(self, *offsets: Offset) -> None:
        self._offsets = offsets

    def to_reference(self, time: pd.Timestamp) -> pd.Timestamp:
        """The time on the reference clock; between two stretches by the nearer one."""
        return self._nearest(time).to_reference(time)

    def from_reference(self, time: pd.Timestamp) -> pd.Timestamp:
        """The time on the computer's own clock; between two stretches by the nearer one."""
        own = self._offsets[0]
        if len(self._offsets) > 1:
            own = min(self._offsets, key=lambda one: one.beside_reference(time))
        return time - (own.to_reference(time) - time)

    def knows(self, time: pd.Timestamp) -> bool:
        """Whether a time on the computer's own clock lies in a stretch whose offset is known."""
        return not self._nearest(time).beside(time)

    def knows_reference(self, time: pd.Timestamp) -> bool:
        """The same for a time on the reference clock, but for the writer window."""
        return any(one.beside_reference(time) <= SLACK for one in self._offsets)

    def _nearest(self, time: pd.Timestamp) -> Offset:
        if len(self._offsets) == 1:
            return self._offsets[0]
        return min(self._offsets, key=lambda one: one.beside(time))


UNSHIFTED = Shift(Offset(0.0))  # a clock that nobody knows, where it is taken as it stands


class Shifts:
    """The shifts of computers, each looked up once."""

    def __init__(self, known: pd.DataFrame) -> None:
        self._known = known
        self._found: dict[str, Shift | None] = {}

    def of(self, computer: Any) -> Shift | None:
        """The shift of a computer; none when its clock is not known."""
        if not isinstance(computer, str):
            return None
        if computer not in self._found:
            self._found[computer] = shift_of(computer, self._known)
        return self._found[computer]


def shift_of(computer: Any, known: pd.DataFrame) -> Shift | None:
    """The shift of a computer; none when its clock is not known. Names compare without case and domain."""
    if not isinstance(computer, str):
        return None
    wanted = _short(computer)
    same = [isinstance(name, str) and _short(name) == wanted for name in values(known["computer"])]
    hits = known[np.array(same, dtype=bool) & known["offset_s"].notna()]
    return Shift(*map(_offset, hits.itertuples())) if len(hits) else None


def _offset(row: Any) -> Offset:
    first, last = (None if pd.isna(end) else end for end in (row.from_utc, row.until_utc))
    if pd.isna(row.drift_s_per_day) or pd.isna(row.epoch_utc):
        return Offset(float(row.offset_s), first=first, last=last)
    return Offset(float(row.offset_s), float(row.drift_s_per_day) / 86400.0, row.epoch_utc, first, last)
