"""The index page over many cases: worst first, what can be failed over to, what is missing, what changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from kit.batch.summing import NEW, UNCHANGED
from kit.page.answer import judged
from kit.page.clean import script_json
from kit.page.evidence import STATUS_WORDS
from kit.page.language import Spoken, current, marked, say, say_n, speaking, stored
from kit.page.part import asset, compact, render
from kit.page.signs import VERDICTS
from kit.page.when import When, listed, listed_some, number
from kit.report.export import page_style, security_policy

COUNTED = ("contradicted", "inconclusive", "supported", "confirmed", "no_claim")
RANK = {"contradicted": 0, "not made": 1, "inconclusive": 2, "supported": 3, "confirmed": 4, "no_claim": 5}
BARS, STEP = 48, 5  # points drawn in a row, the newest; pixels for each
NOT_MADE = "not made"
WORDS = (marked("{count} of {total} rows"), marked("No row fits."))
CHIPS = (
    ("changed", marked("changed since the last run")), ("new", marked("new")),
    ("stuck", marked("no point to fail over to")), ("losses", marked("read with losses")),
)  # fmt: skip
HYPHENS = Spoken({
    "contradicted": "contra-<br>dicted",
    "inconclusive": "incon-<br>clusive",
    "supported": "sup-<br>ported",
    "confirmed": "con-<br>firmed",
    "no_claim": "no<br>claim",
})
STATUSES = Spoken({
    "done": "done",
    "done_with_losses": "done with losses",
    "failed": "failed",
    "timeout": "timeout",
    "skipped": "skipped",
})


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

    @property
    def marks(self) -> str:
        """What the filter knows of it beside the worst verdict."""
        made = self.counts is not None
        known = {
            "changed": made and self.changed not in (NEW, UNCHANGED),
            "new": made and self.changed == NEW,
            "stuck": made and bool(self.points) and self.fail_over_to is None,
            "losses": self.losses,
        }
        return " ".join(name for name, holds in known.items() if holds)

    @property
    def since(self) -> str:
        """What changed since the last run, in the language spoken."""
        return ", ".join(stored(part) for part in self.changed.split(", "))

    @property
    def told(self) -> str:
        """The bars in words."""
        return listed(
            [f"{number(count)} {VERDICTS[word].word}" for word, count in (self.counts or {}).items() if count]
        )


def page(
    results: Mapping[str, dict[str, Any]], former: Mapping[str, Any] | None = None, language: str | None = None
) -> str:
    """The index page over the results of a batch in a language, as one HTML file that needs no server.

    `former` holds what an earlier run said of cases, by name: a case that failed now still has that report.
    """
    with speaking(language):
        return _page(results, former)


def _page(results: Mapping[str, dict[str, Any]], former: Mapping[str, Any] | None) -> str:
    lines = sorted((line for name, one in results.items() for line in _lines(name, one, former or {})), key=_order)
    made = [line for line in lines if line.counts is not None]
    sums = {word: sum((line.counts or {}).get(word, 0) for line in made) for word in COUNTED}
    words = {text: say(text) for text in WORDS}
    script = asset("portfolio.js").replace("WORDS", script_json(words), 1)
    moment = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC)
    number_ = _number(results)
    style = page_style(number_) + compact(asset("portfolio.css"))
    policy = security_policy([style], [script])
    return str(
        render(
            "portfolio.html.j2", lines=lines, sums=sums, counted=COUNTED, hyphens=HYPHENS, step=STEP,
            answer=answer(results), lede=lede(results, sums), lacking=lacking(results), chips=_chips(lines),
            worst=_worst(lines),
            changes=any(line.changed not in (NEW, "") for line in made),
            cases=len(results), number=number_, policy=policy, style=style, script=script, statuses=_statuses(results),
            issued=f"{When().date(moment, year=True)} {moment:%H:%M} UTC", language=current().code,
        )
    )  # fmt: skip


def _lines(name: str, result: dict[str, Any], former: Mapping[str, Any]) -> list[Line]:
    about = result.get("summary")
    if not about:
        error = result.get("error") or result["status"]
        href = _href(name) if former.get(name) else None
        return [Line(name, href, None, NOT_MADE, [], 0, None, None, [], False, "", error)]
    return [_line(name, machine, about) for machine in about["machines"]]


def _href(folder: str) -> str:
    return f"{quote(os.fsencode(folder))}/report.html"


def _line(folder: str, machine: dict[str, Any], about: dict[str, Any]) -> Line:
    words = [word for word in machine["points"] if word != "no_claim"] or machine["points"]
    worst = min(words, key=lambda word: RANK[word], default="inconclusive")
    return Line(
        folder, _href(folder), machine["name"], worst,
        machine["points"][-BARS:], max(0, len(machine["points"]) - BARS),
        machine["counts"], machine["fail_over_to"], [_lost(text) for text in about["missing"]],
        bool(about.get("losses")), about["changed"], None,
    )  # fmt: skip


def _lost(text: str) -> str:
    """What is lost or missing; of a file the path is kept and its state said."""
    path, colon, state = text.rpartition(": ")
    return f"{path}: {STATUS_WORDS[state]}" if colon and state in STATUS_WORDS else stored(text)


def _order(line: Line) -> tuple[int, int, str, str]:
    bad = -(line.counts or {}).get(line.worst, 0)
    return RANK[line.worst], bad, line.case, line.vm or ""


def _chips(lines: list[Line]) -> list[tuple[str, str, int]]:
    """Name, words and count of each kind of line that can be chosen beside the verdicts."""
    found = Counter(mark for line in lines for mark in line.marks.split())
    if found["new"] == len([line for line in lines if line.counts is not None]):
        found["new"] = 0  # every case is new on a first run: nothing to choose
    return [(name, say(words), found[name]) for name, words in CHIPS if found[name]]


def _worst(lines: list[Line]) -> list[tuple[str, int]]:
    """Each worst verdict that there is, in the order of the table, with its lines."""
    found = Counter(line.worst for line in lines)
    return sorted(found.items(), key=lambda one: RANK[one[0]])


def answer(results: Mapping[str, dict[str, Any]]) -> str:
    """The state of all cases in a sentence."""
    made = [result for result in results.values() if result.get("summary")]
    machines = [machine for result in made for machine in result["summary"]["machines"]]
    bad = sum(any("contradicted" in machine["points"] for machine in result["summary"]["machines"]) for result in made)
    failed = len(results) - len(made)
    stuck = [machine["name"] or "?" for machine in machines if machine["points"] and not machine["fail_over_to"]]
    total = number(len(results))
    said = [
        say_n(bad, "{count} of {total} cases has a contradicted recovery point",
              "{count} of {total} cases have a contradicted recovery point", total=total)
        if bad
        else say("None of {total} cases has a contradicted recovery point", total=total)
    ]  # fmt: skip
    if failed:
        said.append(say_n(failed, "{count} case could not be analysed", "{count} cases could not be analysed"))
    if stuck:
        names = listed_some(stuck, 3)
        said.append(
            say_n(len(stuck), "{count} machine ({names}) has no point to recommend",
                  "{count} machines ({names}) have no point to recommend", names=names)
        )  # fmt: skip
    if len(said) < 3:
        return f"{listed(said)}."
    return say("{first}, and {last}.", first=", ".join(said[:-1]), last=said[-1])


def lede(results: Mapping[str, dict[str, Any]], sums: dict[str, int]) -> str:
    """The points of all cases, and how many cases changed since the last run if there was one."""
    about = [result["summary"] for result in results.values() if result.get("summary")]
    claiming = sum(machine["claiming"] for one in about for machine in one["machines"])
    said = []
    if claiming:
        said.append(
            say_n(claiming, "Of the one point that claims application consistency, {verdicts}.",
                  "Of {count} points that claim application consistency, {verdicts}.", verdicts=judged(sums))
        )  # fmt: skip
    changed = sum(one["changed"] not in (UNCHANGED, NEW) for one in about)
    new = sum(one["changed"] == NEW for one in about)
    if new < len(about):
        if changed or new:
            counts = {"changed": number(changed), "new": number(new)}
            said.append(say("Cases changed since the last run: {changed}; new ones: {new}.", **counts))
        else:
            said.append(say("Nothing changed since the last run."))
    return " ".join(said)


def lacking(results: Mapping[str, dict[str, Any]], most: int = 3) -> str:
    """What is missing most often, so that it can be collected everywhere in one go; empty when nothing is."""
    named = Counter(
        what
        for result in results.values()
        if result.get("summary")
        for what in set(result["summary"].get("lacking", []))
    )
    said = [
        say("{what} ({count} cases)", what=stored(what), count=number(count))
        for what, count in named.most_common(most)
        if count > 1
    ]
    return say("Missing most often: {what}.", what=listed(said)) if said else ""


def _statuses(results: Mapping[str, dict[str, Any]]) -> str:
    counts = Counter(result["status"] for result in results.values())
    return ", ".join(f"{count} {STATUSES.get(status, status)}" for status, count in sorted(counts.items()))


def _number(results: Mapping[str, dict[str, Any]]) -> str:
    """An id that changes with the reports of the batch."""
    ids = [str((result.get("summary") or {}).get("report_id") or name) for name, result in sorted(results.items())]
    return f"B-{hashlib.sha256('|'.join(ids).encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
