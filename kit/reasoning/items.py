"""Evidence items of each recovery point and database, from the facts of the point (kit/reasoning/evidence.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kit.reasoning.databases import databases_of
from kit.reasoning.evidence import Frames, PointFacts
from kit.reasoning.verdicts import ITEMS
from kit.values import tuples

NONE_KNOWN: list[tuple[str | None, str | None]] = [(None, None)]


def items(found: list[PointFacts], frames: Frames) -> pd.DataFrame:
    """One row for each point and database: point (index into `found`), instance, database, and a column for each item.

    A point of a VM without any known database has one row with database null.
    """
    of_vm: dict[str, list[tuple[str | None, str | None]]] = {}
    by_operation = _by(frames.databases, "operation_id")
    by_boot = _by(frames.recoveries, "boot_id")
    cuts = {(row.boot_id, row.instance.casefold(), row.database): row.uid for row in frames.cuts.itertuples()}
    rows = []
    for number, made in enumerate(found):
        vm_name = made.point.vm_name if isinstance(made.point.vm_name, str) else ""
        if vm_name not in of_vm:
            of_vm[vm_name] = [*databases_of(vm_name, frames)]
        for instance, database in of_vm[vm_name] or NONE_KNOWN:
            rows.append(
                {"point": number, "instance": instance, "database": database}
                | _of_database(made, instance, database, by_operation, by_boot, cuts)
            )
    frame = pd.DataFrame(rows, columns=["point", "instance", "database", *ITEMS, "detail", "recovery"])
    return frame.astype(dict.fromkeys(ITEMS, "boolean"))


def _by(frame: pd.DataFrame, column: str) -> dict[tuple[str, str, str], Any]:
    return {
        (getattr(row, column), (row.instance if isinstance(row.instance, str) else "").casefold(),
         row.database.casefold()): row
        for row in tuples(frame) if isinstance(row.database, str)
    }


def _of_database(
    made: PointFacts, instance: str | None, database: str | None, by_operation: Mapping[Any, Any],
    by_boot: Mapping[Any, Any], cuts: Mapping[Any, str],
) -> dict[str, Any]:
    own: dict[str, Any] = dict(made.items)
    key = ((instance or "").casefold(), (database or "").casefold())
    detail = by_operation.get((made.operation.operation_id, *key)) if made.operation is not None else None
    recovery = by_boot.get((made.boot.boot_id, *key)) if made.boot is not None else None
    own["E2"], own["E3"] = _frozen(made, detail, database)
    if detail is not None and detail.outcome == "genuine_failure":
        own["X1"], own["E4"] = (None, None) if made.others else (True, False)
    if database is not None and _named(made.failures, database):
        own["X1"], own["E4"] = (None, None) if made.others else (True, False)
    elif database is not None and own["E4"] and _named(made.doubts, database):
        own["E4"] = None
    if made.boot is not None:
        cut = (made.boot.boot_id, *key) in cuts
        own |= _recovered(made, detail, recovery, cut)
    return own | {"detail": detail, "recovery": recovery}


def _named(failures: list[Any], database: str) -> bool:
    return any(isinstance(row.database, str) and row.database.casefold() == database.casefold() for row in failures)


def _frozen(made: PointFacts, detail: Any | None, database: str | None) -> tuple[bool | None, bool | None]:
    """E2 and E3 of a database."""
    if database is None:
        return None, None
    if made.operation is None:
        return (False if made.pattern == "none_seen" else None), None
    if made.operation.time_basis == "assumed":
        return None, None
    if detail is None:
        return (False if made.items["E11"] else None), None
    paired = pd.notna(detail.freeze_utc) and pd.notna(detail.thaw_utc)
    after = {"clean": True, "benign_abort": True, "genuine_failure": False}.get(detail.outcome)
    return (True if paired else False if made.items["E11"] else None), after


def _recovered(made: PointFacts, detail: Any | None, recovery: Any | None, cut: bool) -> dict[str, bool | None]:
    """E8, E9, E10 and X2 of a database in the linked boot."""
    if recovery is None:
        return {"E8": None, "E9": None, "E10": None, "X2": False}
    failed = bool(recovery.failed)
    done = bool(recovery.completed) and bool(made.boot.covered)
    e8 = False if failed else True if done else None
    count = None if pd.isna(recovery.rolled_back) else int(recovery.rolled_back)
    e9 = (True if done else None) if count is None else count == 0
    known = None if pd.isna(recovery.open_at_freeze) else int(recovery.open_at_freeze)
    explained = cut or _cut_inside(made, detail) or (known is not None and count is not None and count <= known)
    return {"E8": e8, "E9": e9, "E10": True if explained else None if count else False, "X2": failed}


def _cut_inside(made: PointFacts, detail: Any | None) -> bool:
    """Whether the newest record of the image stands inside the freeze of the database, on the guest's clock."""
    image = made.boot.image_time_utc if made.boot is not None else pd.NaT
    if detail is None or pd.isna(image) or pd.isna(detail.freeze_utc) or pd.isna(detail.thaw_utc):
        return False
    precision = pd.Timedelta(seconds=float(made.operation.precision_s or 0.0))
    return bool(detail.freeze_utc - precision <= image <= detail.thaw_utc)
