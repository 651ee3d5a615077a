"""Recovery points from several exports made one row each; what the exports do not agree on is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from kit import tables
from kit.sources._snapshots import point_id

_BASES = ("utc", "declared", "inferred", "assumed")
_COMPARED = {"name": "name", "snapshot_type": "type", "claimed": "claim", "vm_name": "VM"}
_SAME_S = 1.0


def points(rows: pd.DataFrame, paths: Mapping[str, str]) -> pd.DataFrame:
    """Table `recovery_points` with one row for each id, from one row for each export that lists it.

    The row whose time is best known counts, blanks are filled from the others. Where exports claim different things
    the claim is unknown. `paths` names the source of each source_id for the notes.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows.assign(vm_name=_vm_names(rows)).to_dict("records"):
        groups.setdefault(_id(row), []).append(row)
    merged = [_merged(groups[key], paths) | {"recovery_point_id": key} for key in sorted(groups)]
    frame = tables.frame("recovery_points", merged)
    return frame.sort_values(["vm_name", "time_utc", "recovery_point_id"], ignore_index=True)


def _vm_names(rows: pd.DataFrame) -> list[str | None]:
    """The name of the VM, from another export by its id where one lacks it."""
    known: dict[str, Counter[str]] = {}
    for vm_id, name in zip(rows["vm_id"], rows["vm_name"], strict=True):
        if isinstance(vm_id, str) and isinstance(name, str):
            known.setdefault(vm_id, Counter())[name] += 1
    best = {vm_id: min(names, key=lambda name: (-names[name], name)) for vm_id, names in known.items()}
    return [
        name if isinstance(name, str) else best.get(vm_id) if isinstance(vm_id, str) else None
        for vm_id, name in zip(rows["vm_id"], rows["vm_name"], strict=True)
    ]


def _id(row: Mapping[str, Any]) -> str:
    given = row["recovery_point_id"]
    if isinstance(given, str) and given:
        return given.lower()
    vm_name, name = (row[key] if isinstance(row[key], str) else None for key in ("vm_name", "name"))
    moment = row["time_utc"].to_pydatetime() if _there(row["time_utc"]) else None
    return point_id(vm_name, name, moment) if moment else point_id(vm_name, name, datetime.min.replace(tzinfo=UTC))


def _merged(rows: Sequence[dict[str, Any]], paths: Mapping[str, str]) -> dict[str, Any]:
    ordered = sorted(rows, key=_order)
    made = {name: _first(row[name] for row in ordered) for name in tables.schema("recovery_points").names}
    made["source_ids"] = sorted({one for row in rows for one in row["source_ids"]})
    notes = list(dict.fromkeys(row["note"] for row in ordered if _there(row["note"])))
    notes += [said for name, word in _COMPARED.items() if (said := _disagreement(ordered, name, word, paths))]
    if _times_differ(ordered):
        notes.append("exports give different times: " + _said(ordered, "time_raw", paths))
    if len({row["claimed"] for row in rows if row["claimed"] in ("application_consistent", "crash_consistent")}) > 1:
        made["claimed"], made["snapshot_type"] = "unknown", None
    elif known := [row["claimed"] for row in ordered if _there(row["claimed"]) and row["claimed"] != "unknown"]:
        made["claimed"] = known[0]
    return made | {"note": "; ".join(notes) or None}


def _order(row: Mapping[str, Any]) -> tuple[int, int, str]:
    """The best known time first, then the row that tells most."""
    return _rank(row["time_basis"]), -sum(map(_there, row.values())), str(row["source_ids"])


def _rank(basis: Any) -> int:
    return _BASES.index(basis) if basis in _BASES else len(_BASES)


def _there(value: Any) -> bool:
    return isinstance(value, list) or (value is not None and not pd.isna(value))


def _first(values: Any) -> Any:
    return next((value for value in values if _there(value)), None)


def _disagreement(rows: Sequence[dict[str, Any]], name: str, word: str, paths: Mapping[str, str]) -> str | None:
    said = {row[name] for row in rows if _there(row[name]) and row[name] != "unknown"}
    return f"exports disagree on the {word}: {_said(rows, name, paths)}" if len(said) > 1 else None


def _times_differ(rows: Sequence[dict[str, Any]]) -> bool:
    sure = [row["time_utc"] for row in rows if _there(row["time_utc"]) and row["time_basis"] != "assumed"]
    return len(sure) > 1 and (max(sure) - min(sure)).total_seconds() > _SAME_S


def _said(rows: Sequence[dict[str, Any]], name: str, paths: Mapping[str, str]) -> str:
    told = [row for row in rows if _there(row[name]) and row[name] != "unknown"]
    return ", ".join(f"{row[name]} ({paths.get(row['source_ids'][0], '?')})" for row in told)
