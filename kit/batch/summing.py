"""What the portfolio says of a case, and what changed since the report that lay there before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kit.case import custody
from kit.judgement.analysis import Analysis
from kit.page.signs import VERDICTS
from kit.page.view import NO_VM, View, view_of
from kit.page.when import plural

LOST = ("partial", "unreadable")
NEW, UNCHANGED = "New case", "Unchanged"


class Former(NamedTuple):
    """What a report says: the verdict of each point, and the SHA-256 of each file of its evidence where it is known."""

    points: Mapping[str, str]
    evidence: Mapping[str, str | None] | None


def former_of(target: Path) -> Former | None:
    """What the report says that lies in this folder now; None without one."""
    try:
        document = json.loads((target / "verdicts.json").read_text(encoding="utf-8"))
        points = {point["recovery_point_id"]: point["verdict"] for point in document["recovery_points"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Former(points, _evidence(target))


def _evidence(target: Path) -> dict[str, str | None] | None:
    try:
        manifest = json.loads((target / custody.MANIFEST).read_text(encoding="utf-8"))
        return {item["path"]: item["sha256"] for item in manifest["evidence"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def now_of(target: Path, analysis: Analysis) -> Former:
    """What the report says that was just made of an analysis: its verdicts need not be read back."""
    return Former({point.id: point.word for point in view_of(analysis).points}, _evidence(target))


def summary(analysis: Analysis, former: Former | None = None, now: Former | None = None) -> dict[str, Any]:
    """What the portfolio says of a case: its machines with their points, and what changed since the former report."""
    view = view_of(analysis)
    return {
        "title": analysis.meta.get("title") or analysis.meta.get("case_id"),
        "report_id": analysis.meta.get("report_id"),
        "machines": [_machine(view, vm) for vm in view.vms],
        "missing": missing(view),
        "lacking": sorted({str(row["what"]) for row in view.rows("missing")}),
        "losses": bool(analysis.sources["status"].isin(LOST).any()),
        "changed": changed(former, now or Former({point.id: point.word for point in view.points}, None)),
    }


def _machine(view: View, vm: str) -> dict[str, Any]:
    points = view.points_of(vm)
    claiming = [point for point in points if point.claims]
    advice = next((row for row in view.rows("advice") if view.owner(row["vm_name"]) == vm), None)
    target = view.point_by_id.get((advice or {}).get("fail_over_to") or "")
    return {
        "name": None if vm == NO_VM else vm,
        "points": [point.word for point in points],
        "counts": view.counts(points),
        "claiming": len(claiming),
        "fail_over_to": {"label": target.label, "verdict": target.word} if target else None,
    }


def missing(view: View, most: int = 3) -> list[str]:
    """The first things that are lost or missing, short."""
    lost = [f"{row['path']}: {row['status']}" for row in view.sources.values() if row["status"] in LOST]
    lacking = [str(row["what"]) for row in view.rows("missing")]
    found = lost + lacking
    if not found and view.points and not any(point.verdict["boot_id"] for point in view.points):
        found = ["test failover"]
    more = len(found) - most
    return found[:most] + ([f"{more} more"] if more > 0 else [])


def changed(former: Former | None, now: Former) -> str:
    """What a reader of the former report has to know, in one line."""
    if former is None:
        return NEW
    said = [*_moved(former.points, now.points), *_other_evidence(former.evidence, now.evidence)]
    return ", ".join(said) or UNCHANGED


def _moved(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Verdicts that changed, and points that came or went."""
    moves = Counter((old[i], new[i]) for i in sorted(old.keys() & new.keys()) if old[i] != new[i])
    for (before, after), count in moves.items():
        yield f"{plural(count, 'point')} {_word(before)} → {_word(after)}"
    for ids, words in ((new.keys() - old.keys(), "more"), (old.keys() - new.keys(), "fewer")):
        if ids:
            yield f"{plural(len(ids), 'point')} {words}"


def _other_evidence(old: Mapping[str, str | None] | None, new: Mapping[str, str | None] | None) -> Iterator[str]:
    """Files that came, changed or went; nothing where a manifest is missing."""
    if old is None or new is None:
        return
    other = {path for path in old.keys() & new.keys() if old[path] != new[path]}
    for paths, words in ((new.keys() - old.keys(), "added"), (other, "changed"), (old.keys() - new.keys(), "gone")):
        if paths:
            yield f"{plural(len(paths), 'file')} {words}"


def _word(verdict: str) -> str:
    return VERDICTS[verdict].word if verdict in VERDICTS else verdict
