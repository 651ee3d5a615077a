"""The assessment of a set of explained events: an ordered list of rules, the first that holds wins.

Phase and reported state decide, never the age of the guest and never an abort record alone. Noise outweighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kit import codes
from kit.explain.host import Host, products_of, writer_of
from kit.reasoning import phases
from kit.rules import RootCause, Rules
from kit.rules.file import Rule
from kit.rules.matching import Match

ASSESSMENTS = (
    "label_contradicted", "environment_problem", "genuine_failure", "benign", "no_failure", "insufficient_evidence",
)
ERRORLOG = "MSSQLSERVER"  # the event source of lines of a SQL Server text log
_WHOLE_LIST = 4  # Windows alone has more writers than this
QUIET_S = 150.0  # a longer pause parts two operations
GENERAL = frozenset({"writer_failed", "host_checkpoint_failed"})  # causes that a code can name more closely
_OUTSIDE = frozenset({"recovery_failed", "not_recoverable"})


@dataclass(frozen=True, slots=True)
class Given:
    """An event as it was pasted or read."""

    provider: str | None = None
    event_id: int | None = None
    level: str | None = None
    channel: str | None = None
    time: datetime | None = None
    message: str | None = None
    strings: tuple[str | None, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    code_only: bool = False  # nothing but a code was given
    others: int = 0  # events of the same paste that were not understood


@dataclass(frozen=True, slots=True)
class Item:
    """An event with the rule that explains it, and the codes that it names."""

    given: Given
    match: Match | None
    codes: tuple[codes.Code, ...] = ()

    @property
    def error(self) -> bool:
        """Whether the event calls itself an error or a warning."""
        return (self.given.level or "").casefold() in ("critical", "error", "1", "2")


@dataclass
class Finding:
    """An assessment with its reasons."""

    assessment: str
    root_cause: str | None = None
    because: list[str] = field(default_factory=list)
    alternatives: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """What a set of events holds, sorted by what it says."""

    items: tuple[Item, ...]
    outcomes: tuple[phases.Outcome, ...]
    failures: tuple[Item, ...]
    environment: tuple[Item, ...]
    weak: tuple[Item, ...]
    undecided: tuple[Item, ...]
    others: tuple[Item, ...]  # other requestors with an error
    noise: tuple[Item, ...]
    healthy: tuple[Item, ...]
    unexplained: tuple[Item, ...]
    fallback: tuple[Item, ...]
    host: Host
    failed_places: frozenset[int] = frozenset()  # events of the operations in which a database failed
    products: tuple[str, ...] = ()  # backup products whose signs stand in the texts

    @property
    def aborts(self) -> list[Item]:
        """Undecided records of the operation itself: all but what recovery rolled back after a boot."""
        return [one for one in self.undecided if _phase(one) != "undo"]

    @property
    def failed_outcomes(self) -> list[phases.Outcome]:
        """Databases whose records show a failure."""
        return [one for one in self.outcomes if one.outcome == "genuine_failure"]

    @property
    def late(self) -> bool:
        """Whether the records themselves place every abort after the thaw, or in the stage after the snapshot."""
        aborted = [one for one in self.outcomes if one.outcome in ("benign_abort", "open") and one.abort_after_thaw]
        stage = any(_captured(one, "late") for one in self.undecided)
        after = any(_phase(one) in ("post_snapshot", "complete") for one in self.undecided)
        return bool(aborted) or stage or after


def gather(items: Sequence[Item], host: Host, rules: Rules) -> Evidence:
    """The evidence of a set of events, in their order."""
    sorts: dict[str, list[Item]] = {name: [] for name in _SORTS}
    for item in items:
        for name in _sorts_of(item, rules, host):
            sorts[name].append(item)
    judged = [(run, phases.judge(run)) for run in _runs(items)]
    outcomes = [one for _, found in judged for one in found]
    failed = frozenset(int(step.uid) for run, found in judged for step in run if any(map(_failed, found)))
    kinds = {name: tuple(found) for name, found in sorts.items()}
    named = products_of(f"{item.given.provider or ''} {item.given.message or ''}" for item in items)
    products = tuple(dict.fromkeys([*named, *host.products]))
    said = replace(host, requestor="other") if products and host.requestor == "unknown" else host
    return Evidence(tuple(items), tuple(outcomes), host=_with_reports(said, items), products=products,
                    failed_places=failed, **kinds)


_ENDED = frozenset({"abort", "writer", "post_snapshot", "complete", "provider", None})  # None: known by a code alone
_BEFORE = frozenset({"hold_timeout", "writer_timeout", "commit_timeout", "torn_database"})
_NOT_LATE = frozenset({"prepare", "freeze", "hold", "host_failure", "undo"})
_SORTS = (
    "failures", "environment", "weak", "undecided", "others", "noise", "healthy", "unexplained", "fallback",
)


def _sorts_of(item: Item, rules: Rules, host: Host) -> list[str]:
    if item.match is None:
        return _sorts_of_codes(item, rules)
    one = item.match.rule
    if one.harmless_on and one.harmless_on.search(host.host_os or "") and host.state != "replication_error":
        return ["noise"]
    if item.match.captured.get("fallback"):
        return ["fallback"]
    cause = cause_of(item, rules)
    environment = cause is not None and cause.kind == "environment"
    if one.class_ == "environment" or (one.class_ == "other_requestor" and environment):
        return ["weak" if cause is not None and cause.weak else "environment"]
    if one.class_ == "genuine_failure":
        by_code = one.root_cause in GENERAL and environment and one.phase == "host_failure"
        return ["environment" if by_code else "failures"]
    if one.class_ == "undecided":
        return _sorts_of_undecided(item, one, rules)
    if one.class_ == "other_requestor":
        return _sorts_of_other(item, one, rules)
    return ["noise" if one.class_ == "background_noise" else "healthy"]


def _sorts_of_undecided(item: Item, one: Rule, rules: Rules) -> list[str]:
    if one.phase == "writer" and _definite(item):
        return ["failures"]
    return ["undecided", *_sorts_of_codes(item, rules)] if _telling(item, rules) else ["undecided"]


def _sorts_of_other(item: Item, one: Rule, rules: Rules) -> list[str]:
    by_code = _sorts_of_codes(item, rules)
    if by_code != ["unexplained"]:
        return by_code
    return ["others" if item.error or one.severity != "info" else "healthy"]


def _telling(item: Item, rules: Rules) -> bool:
    """Whether a code inside an undecided record names an infrastructure cause by itself."""
    return any(_is_environment(code, rules) for code in item.codes) and not item.given.code_only


def _definite(item: Item) -> bool:
    """Whether a code names a failure that can only come before or at the thaw."""
    return any(code.root_cause in _BEFORE for code in item.codes) and not _captured(item, "status_only")


def _is_environment(code: codes.Code, rules: Rules) -> bool:
    cause = rules.root_causes.get(code.root_cause or "")
    return cause is not None and cause.kind == "environment" and not cause.weak


def _sorts_of_codes(item: Item, rules: Rules) -> list[str]:
    if item.given.code_only:
        return ["unexplained"]
    if any(_is_environment(code, rules) for code in item.codes):
        return ["environment"]
    if _definite(item):
        return ["failures"]
    if any(code.kind == "hresult" and code.root_cause for code in item.codes):
        return ["undecided"]
    return ["unexplained"]


def cause_of(item: Item, rules: Rules) -> RootCause | None:
    """The root cause that an event names: that of its rule, or a closer one that its code names."""
    named = item.match.rule.root_cause if item.match else None
    by_code = next((code.root_cause for code in item.codes if code.root_cause), None)
    if by_code and (named is None or (by_code not in GENERAL and named in GENERAL)):
        named = by_code
    return rules.root_causes.get(named) if named else None


def _captured(item: Item, name: str) -> Any:
    return item.match.captured.get(name) if item.match else None


def _phase(item: Item) -> str | None:
    return item.match.rule.phase if item.match else None


def _failed(outcome: phases.Outcome) -> bool:
    return outcome.outcome == "genuine_failure"


def _with_reports(host: Host, items: Iterable[Item]) -> Host:
    """The reported state, or where nothing was said, what a record of the host or the product itself reports."""
    if host.state != "unknown":
        return host
    said = [str(_captured(item, "reports")) for item in items if _captured(item, "reports")]
    return replace(host, state=said[-1]) if said else host


def _runs(items: Sequence[Item]) -> list[list[phases.Step]]:
    """The steps of the set, parted where time stands still or a database freezes a second time."""
    runs: list[list[phases.Step]] = [[]]
    thawed: set[str] = set()
    last: datetime | None = None
    for place, item in enumerate(items):
        if item.match is None or item.match.rule.phase in _OUTSIDE or item.match.captured.get("status_only"):
            continue
        step = _step(item, item.match, place)
        name = (step.database or "").casefold()
        again = step.phase == "freeze" and step.class_ == "normal" and name in thawed
        if runs[-1] and (again or _apart(last, step.time)):
            runs.append([])
            thawed = set()
        runs[-1].append(step)
        if step.phase == "thaw" and step.class_ == "normal":
            thawed.add(name)
        last = step.time or last
    return [run for run in runs if run]


def _apart(last: datetime | None, now: datetime | None) -> bool:
    if last is None or now is None or (last.tzinfo is None) != (now.tzinfo is None):
        return False
    return abs((now - last).total_seconds()) > QUIET_S


def _step(item: Item, match: Match, place: int) -> phases.Step:
    captured = match.captured
    return phases.step(
        str(place), match.rule.phase, match.rule.class_, place, source="pasted", record=place, time=item.given.time,
        captured=captured, precision_s=0.0, database=captured.get("database"), instance=captured.get("instance"),
        writer=captured.get("writer"),
    )


def assess(evidence: Evidence, rules: Rules) -> Finding:
    """The first assessment that holds, in the order of ASSESSMENTS."""
    judged = (rule(evidence, rules) for rule in (_contradicted, _environment, _genuine, _weak, _benign, _healthy))
    finding = next((found for found in judged if found is not None), None) or _insufficient(evidence)
    finding.because += [f"The text is of {name}, which asks for copies of its own." for name in evidence.products]
    finding.because += [_reason(item, rules) for item in evidence.weak]
    finding.because = list(dict.fromkeys(finding.because))
    return finding


def _contradicted(evidence: Evidence, rules: Rules) -> Finding | None:
    if not evidence.host.claims:
        return None
    reasons = [*_failure_reasons(evidence, rules), *_fallback_reasons(evidence)]
    if not reasons:
        return None
    claim = f"Yet {_claim(evidence.host)}: for this very copy that is wrong."
    return Finding("label_contradicted", _failure_cause(evidence, rules), [*reasons, claim])


def _claim(host: Host) -> str:
    listed = host.state == "app_consistent_listed"
    return "the host lists the copy as application-consistent" if listed else "the product reports success"


def _environment(evidence: Evidence, rules: Rules) -> Finding | None:
    if evidence.environment:
        return _named(evidence.environment, rules)
    if missing := _missing_writer(evidence):
        return Finding("environment_problem", "writer_missing", [f"{missing} is not in the list of writers."])
    return None


def _missing_writer(evidence: Evidence) -> str | None:
    """The writer of the application that a whole list of writers lacks."""
    wanted = writer_of(evidence.host.app)
    listed = [str(_captured(item, "writer")) for item in evidence.items if _captured(item, "state")]
    if not wanted or len(listed) < _WHOLE_LIST or len(listed) < len(evidence.items):
        return None
    return None if any(wanted.casefold() in name.casefold() for name in listed) else wanted


def _named(items: Sequence[Item], rules: Rules) -> Finding:
    cause = next((found for item in items if (found := cause_of(item, rules))), None)
    reasons = list(dict.fromkeys(_reason(item, rules) for item in items))
    readings = [text for item in items if item.match for text in item.match.rule.readings]
    return Finding("environment_problem", cause.id if cause else None, reasons, readings)


def _weak(evidence: Evidence, rules: Rules) -> Finding | None:
    if not evidence.weak or (evidence.undecided and evidence.late and evidence.host.claims):
        return None
    return _named(evidence.weak, rules)


def _genuine(evidence: Evidence, rules: Rules) -> Finding | None:
    reasons = [*_failure_reasons(evidence, rules), *_fallback_reasons(evidence)]
    if reasons:
        return Finding("genuine_failure", _failure_cause(evidence, rules), reasons)
    ended = [item for item in evidence.undecided if _phase(item) in _ENDED]
    if evidence.host.failed and ended and not (evidence.late and evidence.host.requestor == "hyper_v"):
        said = "the product" if evidence.host.state == "requestor_reports_failure" else "the host"
        reasons = [_reason(item, rules) for item in ended[:3]]
        reasons.append(f"Nothing claims success for this copy, and {said} reports it as failed.")
        return Finding("genuine_failure", _failure_cause(evidence, rules), reasons)
    return None


def _failure_reasons(evidence: Evidence, rules: Rules) -> list[str]:
    reasons = [_reason(item, rules) for item in evidence.failures]
    for one in evidence.failed_outcomes:
        if not one.reason.startswith("a failure record"):
            reasons.append(f"{_named_once(one, evidence)}: {_said(one)}.")
    return list(dict.fromkeys(reasons))


def _named_once(one: phases.Outcome, evidence: Evidence) -> str:
    """The database of an outcome, with the time of its first record where it takes part in several operations."""
    name = one.database or one.instance or "the writer"
    places = sorted(int(uid) for uid in one.evidence)
    time = next((found for place in places if (found := evidence.items[place].given.time)), None)
    several = sum(other.database == one.database for other in evidence.outcomes) > 1
    return f"{name} at {time:%Y-%m-%d %H:%M:%S}" if several and time else name


def _said(one: phases.Outcome) -> str:
    unseen = one.freeze_seen and not one.thaw_seen and one.abort_after_thaw is False
    return "it froze, no record shows its thaw, and the backup was aborted" if unseen else one.reason


def _fallback_reasons(evidence: Evidence) -> list[str]:
    return [item.match.rule.meaning for item in evidence.fallback[:1] if item.match]


def _failure_cause(evidence: Evidence, rules: Rules) -> str | None:
    found = [cause.id for item in evidence.failures if (cause := cause_of(item, rules))]
    closer = [name for name in found if name not in GENERAL]
    if closer or found:
        return (closer or found)[0]
    if evidence.fallback:
        return "silent_fallback"
    for one in evidence.failed_outcomes:
        return "freeze_timeout" if one.reason.startswith("frozen for") else "aborted_in_freeze"
    causes = [cause.id for item in evidence.undecided if (cause := cause_of(item, rules))]
    return causes[0] if causes else None


def _reason(item: Item, rules: Rules) -> str:
    label = label_of(item.given)
    if item.match is None:
        known = next((code for code in item.codes if code.root_cause), None)
        return f"{label}: {known.written} {known.symbol or ''}: {known.meaning}" if known else f"{label}: no rule"
    code = next((code for code in item.codes if code.kind in ("hresult", "win32")), None)
    kind = "Operating system error " if code and code.kind == "win32" else ""
    return f"{label}: {item.match.rule.meaning}" + (f" {kind}{code.written}: {code.meaning}" if code else "")


def label_of(given: Given) -> str:
    """Source and number of an event for a sentence, else the beginning of its text."""
    words = [given.provider or "", str(given.event_id) if given.event_id is not None else ""]
    named = " ".join(word for word in words if word)
    text = " ".join((given.message or "").split())
    return named or (f'"{text[:47]}..."' if len(text) > 50 else f'"{text}"')


def _benign(evidence: Evidence, rules: Rules) -> Finding | None:
    host = evidence.host
    if evidence.undecided:
        if not _is_late_abort(evidence):
            return None
        reasons = [f"{_ordered(evidence)}", f"The requestor is Hyper-V's and {_claim(host)}."]
        return Finding("benign", "hyperv_requestor_abort", reasons, [
            "An abort inside the freeze forces the same resume lines; the order of the records speaks against it.",
        ] if evidence.outcomes else ["Without freeze and resume lines the order of thaw and abort is not shown."])
    open_ = evidence.others or evidence.unexplained or host.failed or _open(evidence)
    if evidence.noise and not evidence.healthy and not open_:
        reasons = list(dict.fromkeys(_reason(item, rules) for item in evidence.noise))
        return Finding("benign", "background_noise", reasons)
    return None


def _is_late_abort(evidence: Evidence) -> bool:
    host = evidence.host
    if not host.claims or host.requestor == "other" or not evidence.late:
        return False
    if host.requestor == "unknown" and host.state != "app_consistent_listed":
        return False
    states = {one.outcome for one in evidence.outcomes if one.database}
    unplaced = [item for item in evidence.undecided if _phase(item) in _NOT_LATE]
    return not (states & {"genuine_failure"}) and not unplaced and not _open_freeze(evidence)


def _open_freeze(evidence: Evidence) -> bool:
    """Whether a database froze and no record shows its thaw, while others of the set did thaw."""
    return any(one.database and one.freeze_seen and not one.thaw_seen for one in evidence.outcomes)


def _open(evidence: Evidence) -> bool:
    return any(one.outcome == "open" for one in evidence.outcomes)


def _names(outcomes: Iterable[phases.Outcome]) -> list[str]:
    """The databases of the outcomes, each once."""
    return list(dict.fromkeys(one.database or one.instance or "the writer" for one in outcomes))


def _ordered(evidence: Evidence) -> str:
    names = _names(one for one in evidence.outcomes if one.abort_after_thaw)
    if names:
        return f"Every abort comes after the thaw ({', '.join(names[:6])})."
    return "The abort is of the stage after the snapshot (SendFileInfoBegin with 995, or after PostSnapshot)."


def _healthy(evidence: Evidence, rules: Rules) -> Finding | None:
    trouble = (evidence.undecided or evidence.others or evidence.unexplained or evidence.weak or evidence.host.failed)
    if not evidence.healthy or trouble or _open(evidence) or evidence.host.state == "replication_error":
        return None
    names = _names(one for one in evidence.outcomes if one.outcome == "clean")
    shown = [f"Freeze and thaw without an abort ({', '.join(names[:6])})."] if names else []
    return Finding("no_failure", None, shown or ["Only records of healthy operation."])


def _rollbacks(evidence: Evidence) -> Iterator[str]:
    for item in evidence.undecided:
        if _phase(item) == "undo":
            name, count = _captured(item, "database") or "a database", _captured(item, "count")
            yield f"{name}: {count if count is not None else 'some'} transactions were rolled back; it is not known "\
                  "whether they were open at the freeze."


def _insufficient(evidence: Evidence) -> Finding:
    reasons = [*_rollbacks(evidence)]
    if evidence.aborts:
        reasons.append("The records are alike in harmless and in real failures; only phase and reported state decide.")
    if evidence.aborts and not evidence.host.claims and not evidence.host.failed:
        reasons.append("It is not known what the host or the product reports about this copy.")
    if _open(evidence):
        named = [f"{one.database or one.instance or 'the writer'}: {one.reason}" for one in evidence.outcomes
                 if one.outcome == "open" and one.reason]
        reasons.append("; ".join(named[:4]) + "." if named else "An operation is open.")
    if evidence.others:
        reasons.append("A backup of another product is at fault here, which says nothing about a snapshot.")
    if any(item.given.code_only for item in evidence.items):
        reasons.append("A code alone says neither in which phase it came nor of which copy.")
    elif evidence.unexplained:
        reasons.append(f"{len(evidence.unexplained)} of {len(evidence.items)} events have no rule.")
    return Finding("insufficient_evidence", None, reasons or ["Nothing here speaks about a snapshot."])
