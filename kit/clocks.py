"""The clock of each computer against the reference: the computer that exported the recovery points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kit import tables


def reference(points: pd.DataFrame, sources: pd.DataFrame) -> str | None:
    """The computer that exported the recovery points; without its name, the only replica host; else none."""
    named = points["computer"].dropna()
    if len(named):
        return str(named.mode().iloc[0])
    hosts = sources.loc[sources["role"] == "replica_host", "computer"].dropna().unique()
    return str(hosts[0]) if len(hosts) == 1 else None


def clocks(
    sources: pd.DataFrame, points: pd.DataFrame, declared: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Table `clocks`: one row for each computer that wrote a source; the offset is null where nobody knows it.

    `declared` are the [[clock]] entries of case.toml, offsets against the reference clock.
    """
    base = reference(points, sources)
    said = {str(entry["computer"]).casefold(): float(entry["offset_s"]) for entry in declared}
    seen = sources.dropna(subset=["computer"]).drop_duplicates("computer")
    rows = [_row(source["computer"], source["role"], base, said) for source in seen.to_dict("records")]
    if base is not None and base.casefold() not in {row["computer"].casefold() for row in rows}:
        rows.append(_row(base, "replica_host", base, said))
    return tables.frame("clocks", sorted(rows, key=lambda row: row["computer"].casefold()))


def _row(computer: str, role: str, base: str | None, said: Mapping[str, float]) -> dict[str, Any]:
    row: dict[str, Any] = {"computer": computer, "role": role, "reference": base, "ambiguous": False}
    if base is not None and computer.casefold() == base.casefold():
        return row | {"offset_s": 0.0, "spread_s": 0.0, "anchors": 0, "method": "reference"}
    offset = said.get(computer.casefold(), said.get(computer.casefold().split(".")[0]))
    if offset is not None:
        return row | {"offset_s": offset, "spread_s": 0.0, "anchors": 0, "method": "declared"}
    return row | {"offset_s": None, "spread_s": None, "anchors": 0, "method": "unknown"}


def offset_of(computer: str | None, known: pd.DataFrame) -> float | None:
    """Seconds to add to a computer's time to get the reference's; null when unknown. Names compare without domain."""
    if computer is None:
        return None
    short = known["computer"].str.casefold().str.split(".").str[0]
    hit = known[short == computer.casefold().split(".")[0]]["offset_s"].dropna()
    return float(hit.iloc[0]) if len(hit) else None
