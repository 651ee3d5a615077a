"""One case of a batch: made, judged worth reusing or failed, and summed up for the portfolio."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit import __version__, rules
from kit.batch.jobs import Result
from kit.batch.summing import LOST, UNCHANGED, former_of, now_of, summary
from kit.case import config, custody, intake
from kit.errors import CaseError, KitError
from kit.judgement.analysis import Analysis, is_saved, load_analysis
from kit.page.language import ENGLISH


def make(
    case: str, out: str, policy: str | None = None, resume: bool = False, timeout: float | None = None,
    language: str | None = None, known: dict[str, Any] | None = None,
) -> Result:
    """The result of one case: status, seconds, error, and its summary for the portfolio; never raises a KitError.

    Status is done, done_with_losses, failed, or skipped where `resume` found a report of the same evidence, rules and
    policy; `known` is the summary that the last run made of it.
    """
    start = time.monotonic()
    target = Path(out)
    try:
        if resume and unchanged(Path(case), target, policy, language):
            return _result("skipped", start, _still(target, known))
        former = former_of(target)
        analysis = _report(case, target, policy, timeout, language)
    except (KitError, OSError) as error:
        return _result("failed", start, None, _said(error, Path(case)))
    lost = bool(analysis.sources["status"].isin(LOST).any())
    return _result("done_with_losses" if lost else "done", start, summary(analysis, former, now_of(target, analysis)))


def _still(target: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The summary of a report that is left as it is: that of the last run, if it was of this very report."""
    if known and known.get("report_id") == _meta(target).get("report_id"):
        return {**known, "changed": UNCHANGED}
    former = former_of(target)
    return summary(load_analysis(target), former, former)


def _meta(target: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((target / "meta.json").read_text(encoding="utf-8"))
    return made


def _said(error: Exception, case: Path) -> str:
    """The error in a line; the case by its name, because the page may be read elsewhere."""
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename and error.strerror:
        words = f"{error.filename}: {error.strerror}"
    return words.replace(str(case.resolve()), case.name).replace(str(case), case.name)


def _report(
    case: str, target: Path, policy: str | None, timeout: float | None, language: str | None
) -> Analysis:
    from kit.report import report

    made: list[Analysis] = []

    def accept(analysis: Analysis) -> None:
        if not analysis.sources["reader"].notna().any():
            raise CaseError(f"{Path(case).name}: no file of a known format; see kit check")
        made.append(analysis)

    report(case, target, policy=policy, timeout=timeout, language=language, accept=accept)
    return made[0]


def _result(status: str, start: float, about: dict[str, Any] | None, error: str | None = None) -> Result:
    return {"status": status, "seconds": round(time.monotonic() - start, 2), "error": error, "summary": about}


def unchanged(case: Path, target: Path, policy: str | None, language: str | None = None) -> bool:
    """Whether the report in `target` is whole and rests on the bytes that the case has now, judged as it would be now.

    As now means: with this kit, its rules, and the policy asked for, else that of case.toml, else strict.
    """
    try:
        manifest = json.loads((target / custody.MANIFEST).read_text(encoding="utf-8"))
        meta = _meta(target)
        whole = all((target / item["path"]).stat().st_size == item["size"] for item in manifest["outputs"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    same_rules = meta.get("kit_version") == __version__ and meta.get("rules_version") == rules.fingerprint()
    same_language = (meta.get("language") or ENGLISH) == (language or ENGLISH)
    if not (whole and same_rules and same_language and meta.get("policy") == _policy(case, policy, meta)):
        return False
    return bool(manifest.get("evidence") == custody.evidence(case, quiet=True))


def _policy(case: Path, asked: str | None, meta: Mapping[str, Any]) -> str | None:
    """The policy that the case would be judged with; a saved analysis keeps its own."""
    if asked is not None:
        return asked
    if is_saved(case):
        return str(meta.get("policy"))
    settings = intake.look(case).settings
    return (config.parse(settings) if settings is not None else config.Config()).policy
