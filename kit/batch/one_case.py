"""One case of a batch: made, judged worth reusing or failed, and summed up for the portfolio."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kit import __version__
from kit.case import custody
from kit.errors import KitError
from kit.judgement.analysis import Analysis, load_analysis
from kit.page.signs import VERDICTS
from kit.page.view import NO_VM, View

LOST = ("partial", "unreadable")
Result = dict[str, Any]


def make(case: str, out: str, policy: str | None = None, resume: bool = False, timeout: float | None = None) -> Result:
    """The result of one case: status, seconds, error, and its summary for the portfolio; never raises a KitError.

    Status is done, done_with_losses, failed, or skipped where `resume` found a report of the same evidence, rules and
    policy.
    """
    start = time.monotonic()
    target = Path(out)
    former = points_of(target)
    try:
        if resume and unchanged(Path(case), target, policy):
            return _result("skipped", start, summary(load_analysis(target), former))
        analysis = _report(case, target, policy, timeout)
    except (KitError, OSError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        return _result("failed", start, None, words.replace(str(Path(case)), Path(case).name))
    if not analysis.sources["reader"].notna().any():
        shutil.rmtree(target, ignore_errors=True)
        return _result("failed", start, None, f"{Path(case).name}: no file of a known format; see kit check")
    lost = bool(analysis.sources["status"].isin(LOST).any())
    return _result("done_with_losses" if lost else "done", start, summary(analysis, former))


def _report(case: str, target: Path, policy: str | None, timeout: float | None) -> Analysis:
    from kit.report import report

    return load_analysis(report(case, target, policy=policy, timeout=timeout).parent)


def _result(status: str, start: float, about: dict[str, Any] | None, error: str | None = None) -> Result:
    return {"status": status, "seconds": round(time.monotonic() - start, 2), "error": error, "summary": about}


def unchanged(case: Path, target: Path, policy: str | None) -> bool:
    """Whether the report in `target` rests on the bytes that the case has now, with this kit, its rules and policy."""
    from kit.judgement import _fingerprint

    try:
        manifest = json.loads((target / custody.MANIFEST).read_text(encoding="utf-8"))
        meta = json.loads((target / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    same_rules = meta.get("kit_version") == __version__ and meta.get("rules_version") == _fingerprint()
    if not same_rules or (policy is not None and meta.get("policy") != policy):
        return False
    return bool(manifest.get("evidence") == custody.evidence(case, quiet=True))


def points_of(target: Path) -> dict[str, str] | None:
    """The verdict of each point of the report that lies there; None without one."""
    try:
        document = json.loads((target / "verdicts.json").read_text(encoding="utf-8"))
        return {point["recovery_point_id"]: point["verdict"] for point in document["recovery_points"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def summary(analysis: Analysis, former: dict[str, str] | None) -> dict[str, Any]:
    """What the portfolio says of a case: its machines with their points, and what changed since the former report."""
    view = View(analysis)
    return {
        "title": analysis.meta.get("title") or analysis.meta.get("case_id"),
        "report_id": analysis.meta.get("report_id"),
        "machines": [_machine(view, vm) for vm in view.vms],
        "missing": missing(view),
        "changed": changed(former, {point.id: point.word for point in view.points}),
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


def changed(former: dict[str, str] | None, now: dict[str, str]) -> str:
    """What a reader of the former report has to know, in one line."""
    if former is None:
        return "New case"
    moves = Counter((former[i], now[i]) for i in sorted(set(former) & set(now)) if former[i] != now[i])
    said = [
        f"{count} {'point' if count == 1 else 'points'} {_word(old)} → {_word(new)}"
        for (old, new), count in moves.items()
    ]
    for ids, words in ((set(now) - set(former), "more"), (set(former) - set(now), "fewer")):
        if ids:
            said.append(f"{len(ids)} {'point' if len(ids) == 1 else 'points'} {words}")
    return ", ".join(said) or "Unchanged"


def _word(verdict: str) -> str:
    return VERDICTS[verdict].word if verdict in VERDICTS else verdict
