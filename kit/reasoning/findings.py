"""Statements with their evidence: what records, operations, links and boots say, written once and cited everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning.correlate import CLOCK_SET
from kit.reasoning.covered import APPLICATION
from kit.reasoning.evidence import PointFacts
from kit.reasoning.operations import shown_name
from kit.words import Words, counted, listed, span, spread

MOST_EVIDENCE = 60


class Findings:
    """Findings of a case, each once; an id depends only on what is said of what, so that runs can be compared."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def add(
        self, rule_id: str, class_: str, severity: str, statement: str, evidence: Iterable[str] = (),
        status: str = "documented", **about: Any,
    ) -> str:
        """The finding's id. `about` names vm_name, operation_id, recovery_point_id, boot_id, instance or database."""
        key = "|".join([rule_id, statement, *(f"{name}={about[name]}" for name in sorted(about))])
        finding_id = "F-" + hashlib.sha256(key.encode()).hexdigest()[:8]
        uids = list(dict.fromkeys(evidence))[:MOST_EVIDENCE]
        self._rows.setdefault(
            finding_id,
            {"finding_id": finding_id, "rule_id": rule_id, "class": class_, "severity": severity, "status": status,
             "statement": statement, "evidence": uids, **about},
        )
        return finding_id

    def frame(self) -> pd.DataFrame:
        """Table `findings`."""
        return tables.frame("findings", self._rows.values())


def of_label(made: PointFacts, found: Findings) -> str:
    """The host's claim, which is the statement under test."""
    point = made.point
    said = point.snapshot_type if isinstance(point.snapshot_type, str) else "no type that could be read"
    meaning = {
        "application_consistent": "it claims application consistency",
        "crash_consistent": "it claims no application consistency",
    }.get(point.claimed, "what it claims stays open")
    return found.add(
        "label", "normal", "info", f"The host lists the point as {said}: {meaning}. The label is under test, no proof.",
        vm_name=_text(point.vm_name), recovery_point_id=point.recovery_point_id,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def of_link(made: PointFacts, found: Findings, words: Words) -> str:
    """How the point was linked to an operation, or why not."""
    link, operation = made.link, made.operation
    about = {"vm_name": _text(made.point.vm_name), "recovery_point_id": made.point.recovery_point_id}
    if operation is None:
        candidates = list(link.candidates) if link.candidates is not None and link.candidates is not pd.NA else []
        more = f" ({counted(len(candidates), 'candidate')})" if candidates else ""
        return found.add("link", "unexplained", "warning", f"No operation is linked: {link.method}{more}.", **about)
    return found.add(
        "link", "normal", "info",
        f"The point stands {span(link.offset_s)} after the thaw of {words.moment(_place(operation))}: {link.method}.",
        operation.evidence[:4], operation_id=operation.operation_id, **about,
    )


def _place(operation: Any) -> Any:
    return operation.thaw_utc if pd.notna(operation.thaw_utc) else operation.begin_utc


OUTCOMES = {
    "clean": ("normal", "info"), "benign_abort": ("benign_abort", "info"),
    "genuine_failure": ("genuine_failure", "error"), "open": ("unexplained", "warning"),
}


def of_operation(operation: Any, databases: Iterable[Any], found: Findings, words: Words) -> dict[str, str]:
    """Finding id for each outcome among the databases of an operation (rows of `operation_databases`)."""
    by_outcome: dict[str, list[Any]] = {}
    for row in databases:
        by_outcome.setdefault(str(row.outcome), []).append(row)
    made: dict[str, str] = {}
    for outcome, rows in sorted(by_outcome.items()):
        class_, severity = OUTCOMES[outcome]
        made[outcome] = found.add(
            f"operation-{outcome.replace('_', '-')}", class_, severity, _outcome_sentence(outcome, rows, words),
            [uid for row in rows for uid in row.evidence], vm_name=_text(operation.vm_name),
            operation_id=operation.operation_id,
        )
    return made


def _outcome_sentence(outcome: str, rows: list[Any], words: Words) -> str:
    names = listed([shown_name(row.instance, row.database) for row in rows])
    freezes = [float(row.freeze_s) for row in rows if pd.notna(row.freeze_s)]
    held = f"frozen for {spread(freezes)}" if freezes else "seen"
    if outcome == "clean":
        return f"{names}: {held} and resumed, no abort."
    if outcome == "benign_abort":
        return f"{names}: {held} and resumed; the abort follows the thaw{_gaps(rows)}."
    if outcome == "genuine_failure":
        return f"{names}: the operation failed before or at the thaw ({_when(rows, words)})."
    return f"{names}: frozen or aborted, but the records do not show how it ended ({_when(rows, words)})."


def _gaps(rows: list[Any]) -> str:
    gaps = [
        (row.abort_utc - row.thaw_utc).total_seconds() for row in rows
        if pd.notna(row.abort_utc) and pd.notna(row.thaw_utc) and row.abort_utc >= row.thaw_utc
    ]
    return f" by {spread(gaps)}" if gaps else " in the order of the records"


def _when(rows: list[Any], words: Words) -> str:
    times = [time for row in rows for time in (row.freeze_utc, row.abort_utc, row.thaw_utc) if pd.notna(time)]
    return words.moment(min(times)) if times else "time unknown"


def of_records(
    rows: Iterable[Any], found: Findings, words: Words, meanings: dict[str, str], **about: Any
) -> list[str]:
    """One finding for each rule among the records, citing all of its records."""
    by_rule: dict[str, list[Any]] = {}
    for row in rows:
        by_rule.setdefault(row.rule_id, []).append(row)
    made = []
    for rule_id, own in sorted(by_rule.items()):
        first = own[0]
        said = meanings.get(rule_id, rule_id)
        times = f"{words.moment(first.time_utc)}" + (f", {len(own)} records" if len(own) > 1 else "")
        made.append(
            found.add(
                rule_id, _text(first.kind) or "unexplained", _text(first.severity) or "error",
                f"{_label(first)}{_writers(own)}, {times}: {said}", [row.uid for row in own],
                status=_text(first.status) or "documented", **about,
            )
        )
    return made


def _writers(rows: list[Any]) -> str:
    """The writers that records name which are not their own, such as those of VSS."""
    names = {_text(row.writer) for row in rows if _text(row.instance) is None} - {None}
    return f" ({listed(sorted(map(str, names)))})" if names else ""


def _label(row: Any) -> str:
    number = "" if pd.isna(row.event_id) else f" {int(row.event_id)}"
    return f"{_text(row.provider) or _text(row.channel) or 'Record'}{number}"


def of_others(made: PointFacts, operations: dict[str, Any], found: Findings, words: Words) -> list[str]:
    """Other requestors that were at work within the operation."""
    ids = []
    for operation_id in made.others:
        other = operations[operation_id]
        ids.append(
            found.add(
                "other-requestor", "other_requestor", "warning",
                f"Another operation ran {words.moment(other.begin_utc)} to {words.moment(other.end_utc)} "
                f"({other.requestor.replace('_', ' ')}: {other.requestor_reason}).",
                other.evidence, vm_name=_text(other.vm_name), operation_id=operation_id,
            )
        )
    if made.other_records:
        ids.append(
            found.add(
                "other-requestor-records", "other_requestor", "warning",
                f"{counted(len(made.other_records), 'record')} of another requestor within the operation of "
                f"{words.moment(made.window[0])}.", made.other_records, vm_name=_text(made.point.vm_name),
            )
        )
    return ids


def of_absent(made: PointFacts, names: list[str], found: Findings, words: Words) -> str:
    """Which databases the linked operation did not freeze."""
    whose = "it" if len(names) == 1 else "them"
    return found.add(
        "not-frozen", "unexplained", "warning",
        f"{listed(names)}: not frozen in the operation of {words.moment(_place(made.operation))}, so nothing shows in "
        f"what state the point holds {whose}.",
        made.operation.evidence[:4], vm_name=_text(made.point.vm_name),
        recovery_point_id=made.point.recovery_point_id, operation_id=made.operation.operation_id,
    )


def of_coverage(made: PointFacts, found: Findings, words: Words) -> str:
    """Whether the guest's logs cover the time of the point."""
    point = made.point
    about = {"vm_name": _text(point.vm_name), "recovery_point_id": point.recovery_point_id}
    state = made.items["E11"]
    if state is True:
        text = "The guest's Application log covers the operation and 15 minutes on each side."
        return found.add("coverage", "normal", "info", text, **about)
    if state is False:
        text = f"The guest's logs have a gap or end around {words.moment(point.time_utc)}."
        return found.add("coverage", "unexplained", "warning", text, **about)
    if APPLICATION in made.channels:
        text = "The guest's logs cover the time of the point; no operation in them is linked to it."
        return found.add("coverage", "unexplained", "info", text, **about)
    text = f"No Application log of the guest is part of the case for {words.moment(point.time_utc)}."
    return found.add("coverage", "unexplained", "warning", text, **about)


def of_clock(made: PointFacts, found: Findings) -> str:
    """Whether guest and host clocks are known against each other."""
    about: dict[str, Any] = {"vm_name": _text(made.point.vm_name)}
    if made.items["E12"]:
        text = "The clocks of guest and host are known against each other."
        return found.add("clock", "normal", "info", text, **about)
    text = "The clock of the guest is not known against that of the host."
    if made.link.method == CLOCK_SET:
        text = "The clock of the guest was set around the time of the point; its offset is known before and after only."
    return found.add("clock", "unexplained", "warning", text, **about)


def of_future(records: pd.DataFrame, sources: pd.DataFrame, found: Findings, words: Words) -> None:
    """Records from the future: times that a log of sure times has only by a leap beyond the rest of the case."""
    sure = sources.loc[sources["time_basis"] == "utc", "source_id"]
    ahead = records[(records["time_basis"] == "assumed") & records["source_id"].isin(sure)]
    paths = dict(zip(sources["source_id"], sources["path"], strict=True))
    for source_id, own in ahead.groupby("source_id", sort=True):
        times = own["time_utc"]
        until = "" if len(own) == 1 else f" to {words.moment(times.max(), seconds=False)} {times.max():%Y}"
        found.add(
            "records-from-the-future", "unexplained", "warning",
            f"{paths[source_id]}: {counted(len(own), 'record')} of {words.moment(times.min(), seconds=False)} "
            f"{times.min():%Y}{until}, later than the rest of the case can vouch for. The clock leapt, or the "
            "time was changed; no verdict rests on them.", sorted(own["uid"]),
        )


def of_counter(made: PointFacts, found: Findings, words: Words) -> list[str]:
    """Failed sets that the host counts around the point and that no record shows."""
    return [
        found.add(
            "failure-counter", "unexplained", "warning",
            f"The host counts {counted(one.counted, 'failed snapshot set')} from {words.moment(one.first)} to "
            f"{words.moment(one.last)}, and the records show {one.seen}: any point of that time may be one of them.",
            vm_name=one.vm_name,
        )
        for one in made.counted
    ]


def of_extended(points: pd.DataFrame, replication: pd.DataFrame, found: Findings) -> None:
    """Points that claim what their host cannot have: it holds an extended replica (domain reference, section 2)."""
    extended = replication[replication["mode"] == "ExtendedReplica"].dropna(subset=["vm_name", "computer"])
    hosts = set(zip(extended["vm_name"].str.casefold(), extended["computer"].map(_short), strict=True))
    claiming = points[points["claimed"] == "application_consistent"].dropna(subset=["vm_name", "computer"])
    for (vm_name, computer), own in claiming.groupby(["vm_name", "computer"], sort=True):
        if (vm_name.casefold(), _short(computer)) in hosts:
            found.add(
                "extended-replica", "unexplained", "warning",
                f"{computer} holds the extended replica of {vm_name}, which has no application-consistent points, yet "
                f"its list claims it of {len(own)}: ask which host the list is from.", vm_name=vm_name,
            )


def _short(computer: str) -> str:
    return computer.casefold().split(".")[0]


def of_boot(made: PointFacts, recoveries: Iterable[Any], found: Findings, words: Words) -> dict[str, str]:
    """Findings on the linked boot: image, and rolled back, recovered or failed for the databases."""
    boot = made.boot
    about: dict[str, Any] = {
        "vm_name": _text(made.point.vm_name), "boot_id": boot.boot_id, "recovery_point_id": made.point.recovery_point_id
    }
    ids = {"boot": found.add("test-failover", "normal", "info", _boot_sentence(boot, words), boot.evidence, **about)}
    if made.items["X3"]:
        late = (boot.image_time_utc - made.operation.thaw_utc).total_seconds()
        ids["image"] = found.add(
            "image-later", "genuine_failure", "critical",
            f"The newest record inside the image is of {words.moment(boot.image_time_utc)}, {span(late)} after the "
            "thaw: the image is not from this freeze, or another point was started.", boot.image_evidence, **about,
        )
    for row in recoveries:
        ids[f"{row.instance}|{row.database}"] = _of_recovery(row, found, about)
    return ids


def _boot_sentence(boot: Any, words: Words) -> str:
    image = f", image of {words.moment(boot.image_time_utc)} or later" if pd.notna(boot.image_time_utc) else ""
    covered = "" if boot.covered is not pd.NA and boot.covered else "; its log does not reach the end of recovery"
    reason = boot.test_failover_reason or "boot of a test-failover machine"
    start = f"Test failover started {words.moment(boot.start_utc)}"
    return f"{start} ({reason}; linked: {boot.link_method}){image}{covered}."


def _of_recovery(row: Any, found: Findings, about: dict[str, Any]) -> str:
    name = shown_name(row.instance, row.database)
    about = about | {"instance": _text(row.instance), "database": _text(row.database)}
    if row.failed:
        text = f"{name}: recovery failed or corruption was reported in the test boot."
        return found.add("recovery-failed", "genuine_failure", "critical", text, row.evidence, **about)
    redone = row.rolled_forward
    forward = f", {counted(int(redone), 'transaction')} rolled forward" if pd.notna(redone) else ""
    if pd.notna(row.rolled_back) and int(row.rolled_back) > 0:
        text = f"{name}: {counted(int(row.rolled_back), 'transaction')} rolled back in the test boot{forward}."
        return found.add("recovery-rolled-back", "unexplained", "error", text, row.evidence, **about)
    if not row.completed:
        text = f"{name}: the test boot shows no completed recovery."
        return found.add("recovery-open", "unexplained", "warning", text, row.evidence, **about)
    back = "0 transactions rolled back" if pd.notna(row.rolled_back) else "started without a record of any rollback"
    text = f"{name}: recovered in the test boot, {back}{forward}."
    return found.add("recovery-clean", "normal", "info", text, row.evidence, **about)
