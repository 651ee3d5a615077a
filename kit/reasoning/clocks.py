"""The clock of each computer against the reference: the computer that exported the recovery points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kit import tables
from kit.reasoning.calibrate import Side, measure
from kit.reasoning.covered import Covered
from kit.reasoning.few_pairs import few
from kit.values import values


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
) -> pd.DataFrame:
    """Table `clocks`: one row for each computer that wrote a source; the offset is null where nobody knows it.

    `declared` are the [[clock]] entries of case.toml, offsets against the reference clock; they win. With `operations`
    the clocks of guests are measured from thaws and recovery points; those offsets include the delay with which the
    host labels a point, and their method says so.
    """
    base = reference(points, sources)
    said = {_short(str(entry["computer"])): float(entry["offset_s"]) for entry in declared}
    seen = sources.dropna(subset=["computer"]).drop_duplicates("computer")
    rows = {}
    for source in seen.to_dict("records"):
        name = _short(source["computer"])
        if name not in rows or source["role"] == "guest":
            rows[name] = _row(source["computer"], source["role"], base, said)
    if base is not None and _short(base) not in rows:
        rows[_short(base)] = _row(base, "replica_host", base, said)
    if operations is not None and databases is not None and held is not None:
        failed = set(databases.loc[databases["outcome"] == "genuine_failure", "operation_id"])
        failed |= set(operations.loc[operations["outcome"] == "genuine_failure", "operation_id"])
        for computer, own in operations.dropna(subset=["computer"]).groupby("computer"):
            row = rows.get(_short(str(computer)))
            if row is not None and row["method"] == "unknown":
                row |= _measured(own, failed, points, held)
    return tables.frame("clocks", sorted(rows.values(), key=lambda row: row["computer"].casefold()))


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


def _measured(own: pd.DataFrame, failed: set[str], points: pd.DataFrame, held: Covered) -> dict[str, Any]:
    """The measured part of a row; nothing where there is too little to measure."""
    names = own["vm_name"].dropna().unique()
    mine = points[points["vm_name"].isin(names) & points["time_utc"].notna() & (points["time_basis"] != "assumed")]
    whole = own[own["time_basis"] != "assumed"]
    broken = whole["operation_id"].isin(failed)
    good, bad = whole.loc[~broken, "thaw_utc"].dropna(), _placed(whole[broken])
    claimed = mine["claimed"] == "application_consistent"
    guest = Side(seconds(good), seconds(bad), _spans(names, held))
    host = Side(seconds(mine.loc[claimed, "time_utc"]), seconds(mine.loc[~claimed, "time_utc"]))
    found = measure(guest, host) or few(guest, host)
    if found is None:
        return {}
    row: dict[str, Any] = {"anchors": found.pairs, "ambiguous": found.ambiguous, "note": found.why}
    if found.offset_s is None:
        return row | {"method": "point_minus_thaw"}
    return row | {
        "offset_s": round(found.offset_s, 3), "spread_s": round(found.spread_s or 0.0, 3), "method": "point_minus_thaw",
        "drift_s_per_day": round(found.drift_s_per_day, 4),
        "epoch_utc": pd.Timestamp(found.epoch_s, unit="s", tz="UTC").round("s"),
    }


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
class Shift:
    """How one computer's times become those of the reference clock."""

    offset_s: float
    drift: float = 0.0  # seconds a second
    epoch: pd.Timestamp | None = None

    def to_reference(self, time: pd.Timestamp) -> pd.Timestamp:
        """The time on the reference clock."""
        more = self.drift * (time - self.epoch).total_seconds() if self.epoch is not None else 0.0
        return time + pd.Timedelta(seconds=round(self.offset_s + more, 6))

    def from_reference(self, time: pd.Timestamp) -> pd.Timestamp:
        """The time on the computer's own clock."""
        return time - (self.to_reference(time) - time)


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
    hit = known[np.array(same, dtype=bool) & known["offset_s"].notna()]
    if hit.empty:
        return None
    row = hit.iloc[0]
    if pd.isna(row["drift_s_per_day"]) or pd.isna(row["epoch_utc"]):
        return Shift(float(row["offset_s"]))
    return Shift(float(row["offset_s"]), float(row["drift_s_per_day"]) / 86400.0, row["epoch_utc"])
