"""The index page over many cases: worst first, what can be failed over to, what is missing, what changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.page.part import asset, compact, render
from kit.page.signs import VERDICTS
from kit.page.when import MONTHS, listed, plural
from kit.report.export import _hash

COUNTED = ("contradicted", "inconclusive", "supported", "confirmed", "no_claim")
RANK = {"contradicted": 0, "not made": 1, "inconclusive": 2, "supported": 3, "confirmed": 4, "no_claim": 5}
BARS, STEP = 48, 5  # points drawn in a row, the newest; pixels for each
HYPHENS = {
    "contradicted": "contra-<br>dicted",
    "inconclusive": "incon-<br>clusive",
    "supported": "sup-<br>ported",
    "confirmed": "con-<br>firmed",
    "no_claim": "no<br>claim",
}


@dataclass(frozen=True)
class Line:
    """A machine of a case in the table; of a case that was not made, the case."""

    case: str
    href: str | None
    vm: str | None
    worst: str
    points: list[str]
    more: int
    counts: dict[str, int] | None
    fail_over_to: dict[str, str] | None
    missing: list[str]
    losses: bool
    changed: str
    error: str | None


def page(results: dict[str, dict[str, Any]]) -> str:
    """The index page over the results of a batch, as one HTML file that needs no server."""
    lines = sorted((line for name, result in results.items() for line in _lines(name, result)), key=_order)
    made = [line for line in lines if line.counts is not None]
    sums = {word: sum((line.counts or {}).get(word, 0) for line in made) for word in COUNTED}
    script = asset("portfolio.js")
    moment = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    number = _number(results)
    style = compact(asset("page.css") + asset("report.css").replace("REPORT_ID", number) + asset("portfolio.css"))
    return str(
        render(
            "portfolio.html.j2", lines=lines, sums=sums, counted=COUNTED, hyphens=HYPHENS, step=STEP,
            answer=answer(results), lede=lede(results, sums),
            cases=len(results), number=number, policy=policy, style=style, script=script, statuses=_statuses(results),
            issued=f"{moment.day} {MONTHS[moment.month - 1]} {moment:%Y %H:%M} UTC",
        )
    )  # fmt: skip


def _lines(name: str, result: dict[str, Any]) -> list[Line]:
    about = result.get("summary")
    if not about:
        error = result.get("error") or result["status"]
        return [Line(name, None, None, "not made", [], 0, None, None, [], False, "", error)]
    losses = result["status"] == "done_with_losses"
    return [_line(name, machine, about, losses) for machine in about["machines"]]


def _line(folder: str, machine: dict[str, Any], about: dict[str, Any], losses: bool) -> Line:
    words = [word for word in machine["points"] if word != "no_claim"] or machine["points"]
    worst = min(words, key=lambda word: RANK[word], default="inconclusive")
    return Line(
        folder, f"{folder}/report.html", machine["name"], worst,
        machine["points"][-BARS:], max(0, len(machine["points"]) - BARS),
        machine["counts"], machine["fail_over_to"], about["missing"], losses, about["changed"], None,
    )  # fmt: skip


def _order(line: Line) -> tuple[int, int, str, str]:
    bad = -(line.counts or {}).get(line.worst, 0)
    return RANK[line.worst], bad, line.case, line.vm or ""


def answer(results: dict[str, dict[str, Any]]) -> str:
    """The state of all cases in a sentence."""
    made = [result for result in results.values() if result.get("summary")]
    machines = [machine for result in made for machine in result["summary"]["machines"]]
    bad = sum(any("contradicted" in machine["points"] for machine in result["summary"]["machines"]) for result in made)
    failed = len(results) - len(made)
    stuck = [machine["name"] or "?" for machine in machines if machine["points"] and not machine["fail_over_to"]]
    have = "has" if bad < 2 else "have"
    said = [f"{bad or 'None'} of {plural(len(results), 'case')} {have} a contradicted recovery point"]
    if failed:
        said.append(f"{plural(failed, 'case')} could not be analysed")
    if stuck:
        names = f"{listed(stuck[:3])}{' and others' if len(stuck) > 3 else ''}"
        said.append(f"{plural(len(stuck), 'machine')} ({names}) without a point that can be recommended")
    return "; ".join(said) + "."


def lede(results: dict[str, dict[str, Any]], sums: dict[str, int]) -> str:
    """The points of all cases, and how many cases changed since the last run if there was one."""
    about = [result["summary"] for result in results.values() if result.get("summary")]
    claiming = sum(machine["claiming"] for one in about for machine in one["machines"])
    words = ("supported", "confirmed", "contradicted", "inconclusive")
    said = listed([f"{sums[word]} {VERDICTS[word].phrase}" for word in words if sums[word]]) or "none judged"
    points = f"Of {plural(claiming, 'point')} that claim application consistency: {said}. " if claiming else ""
    changed = sum(one["changed"] not in ("Unchanged", "New case") for one in about)
    new = sum(one["changed"] == "New case" for one in about)
    if new == len(about):
        return points.strip()
    if not changed and not new:
        return f"{points}Nothing changed since the last run."
    return f"{points}Since the last run {plural(changed, 'case')} changed, {new} {'is' if new == 1 else 'are'} new."


def _statuses(results: dict[str, dict[str, Any]]) -> str:
    counts = Counter(result["status"] for result in results.values())
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(counts.items()))


def _number(results: dict[str, dict[str, Any]]) -> str:
    """An id that changes with the reports of the batch."""
    ids = [str((result.get("summary") or {}).get("report_id") or name) for name, result in sorted(results.items())]
    return f"B-{hashlib.sha256('|'.join(ids).encode()).hexdigest()[:8]}"
