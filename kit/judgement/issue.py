"""Items and findings to table `verdicts`: a row for each point and database, and one for the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pandas as pd

from kit import collect, tables
from kit.reasoning import findings as said
from kit.reasoning.correlate import CLOCK_SET
from kit.reasoning.covered import APPLICATION, ERRORLOG, SYSTEM
from kit.reasoning.evidence import Frames, PointFacts
from kit.reasoning.findings import Findings
from kit.reasoning.operations import database_name, shown_name
from kit.reasoning.verdicts import ITEMS, decide, worst
from kit.values import tuples
from kit.words import Words, span

POSITIVE = ("clean", "benign_abort")


def verdicts(
    found: list[PointFacts], items: pd.DataFrame, frames: Frames, statements: Findings, words: Words, policy: str,
    meanings: dict[str, str],
) -> pd.DataFrame:
    """Table `verdicts` for all points; the statements they rest on are added to `statements`."""
    decided = decide(items, policy)
    other = decide(items, "refined" if policy == "strict" else "strict")
    items = items.assign(row_id=decided["row_id"], verdict=decided["verdict"], other=other["verdict"])
    operations = {row.operation_id: row for row in tuples(frames.operations)}
    details, recoveries = _by(frames.databases, "operation_id"), _by(frames.recoveries, "boot_id")
    rows: list[dict[str, Any]] = []
    for number, own in groupby(items.sort_values("point", kind="stable").itertuples(), key=lambda row: row.point):
        made = found[int(number)]
        of_point = list(own)
        cited = _cited(made, details, recoveries, operations, statements, words, meanings)
        cited.absent = _absent(made, of_point, statements, words)
        databases = [_database_row(made, row, cited, policy) for row in of_point]
        rows.append(_machine_row(made, of_point, databases))
        rows += [row for row in databases if row["database"] is not None]
    return tables.frame("verdicts", rows)


def _by(frame: pd.DataFrame, column: str) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    for row in tuples(frame):
        made.setdefault(getattr(row, column), []).append(row)
    return made


class _Cited:
    """Finding ids of one point, by what they speak about."""

    def __init__(self) -> None:
        self.label = self.link = self.coverage = self.clock = self.absent = ""
        self.outcomes: dict[str, str] = {}
        self.failures: list[str] = []
        self.vetoes: list[str] = []
        self.doubts: list[str] = []
        self.hosts: list[str] = []
        self.others: list[str] = []
        self.boot: dict[str, str] = {}


def _cited(
    made: PointFacts, details: Mapping[str, list[Any]], recoveries: Mapping[str, list[Any]],
    operations: dict[str, Any], statements: Findings, words: Words, meanings: dict[str, str],
) -> _Cited:
    cited = _Cited()
    vm_name = made.point.vm_name if isinstance(made.point.vm_name, str) else None
    cited.label = said.of_label(made, statements)
    cited.link = said.of_link(made, statements, words)
    cited.coverage = said.of_coverage(made, statements, words)
    cited.clock = said.of_clock(made, statements)
    if made.operation is not None:
        operation_id = made.operation.operation_id
        cited.outcomes = said.of_operation(made.operation, details.get(operation_id, ()), statements, words)
        about = {"vm_name": vm_name, "operation_id": operation_id}
        cited.failures = said.of_records(made.failures, statements, words, meanings, **about)
        cited.vetoes = said.of_records(made.vetoes, statements, words, meanings, **about)
        cited.doubts = said.of_records(made.doubts, statements, words, meanings, **about)
        cited.others = said.of_others(made, operations, statements, words)
    hosts = [*made.host_failures, *made.host_open]
    cited.hosts = said.of_records(hosts, statements, words, meanings, vm_name=vm_name)
    cited.hosts += said.of_counter(made, statements, words)
    if made.boot is not None:
        cited.boot = said.of_boot(made, recoveries.get(made.boot.boot_id, ()), statements, words)
    return cited


def _absent(made: PointFacts, own: list[Any], statements: Findings, words: Words) -> str:
    """The finding on the databases that the linked operation did not freeze; empty where it froze all."""
    if made.operation is None or made.items["E1"] is not True:
        return ""
    names = [shown_name(row.instance, row.database) for row in own if row.database is not None and row.detail is None]
    return said.of_absent(made, names, statements, words) if names else ""


def _database_row(made: PointFacts, row: Any, cited: _Cited, policy: str) -> dict[str, Any]:
    outcome = row.detail.outcome if row.detail is not None else None
    because, against = _sides(row, outcome, cited)
    recovery = row.recovery
    return {
        "recovery_point_id": made.point.recovery_point_id, "vm_name": _text(made.point.vm_name),
        "instance": _text(row.instance), "database": _text(row.database), "verdict": row.verdict,
        "pattern": _pattern(made, outcome), "row_id": row.row_id, "items": _items(row),
        "operation_id": made.operation.operation_id if made.operation is not None else None,
        "boot_id": made.boot.boot_id if made.boot is not None else None, "offset_s": made.link.offset_s,
        "rolled_back": _count(recovery, "rolled_back"), "rolled_forward": _count(recovery, "rolled_forward"),
        "because": because, "against": against, "alternatives": _alternatives(made, row, _frozen([row])),
        "missing": _missing(made, row), "readings": _readings(row, policy),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(recovery: Any, name: str) -> int | None:
    value = getattr(recovery, name) if recovery is not None else pd.NA
    return None if pd.isna(value) else int(value)


def _items(row: Any) -> str:
    return json.dumps({name: None if pd.isna(getattr(row, name)) else bool(getattr(row, name)) for name in ITEMS})


def _pattern(made: PointFacts, outcome: str | None) -> str:
    if outcome is None:
        return made.pattern
    if outcome == "open":
        return "genuine_failure" if made.items["E11"] else "not_covered"
    return outcome


def _sides(row: Any, outcome: str | None, cited: _Cited) -> tuple[list[str], list[str]]:
    """The findings for the verdict and those against it."""
    good = [cited.outcomes[word] for word in POSITIVE if outcome == word and word in cited.outcomes]
    bad = [cited.outcomes[word] for word in ("genuine_failure",) if outcome == word and word in cited.outcomes]
    bad += cited.failures + cited.hosts
    boot_good, boot_bad = _boot_sides(row, cited)
    if row.verdict == "no_claim":
        return [cited.label, *bad], []
    if row.verdict == "contradicted":
        return [*bad, *boot_bad], [cited.label, *good, *boot_good]
    if row.verdict in ("supported", "confirmed"):
        return [*good, cited.link, cited.coverage, cited.clock, *boot_good], [*cited.vetoes, *bad, *boot_bad]
    unfrozen = cited.absent if row.detail is None and cited.absent else cited.link
    open_ = [
        finding for finding, item in ((unfrozen, row.E2), (cited.coverage, row.E11), (cited.clock, row.E12))
        if pd.isna(item) or not item
    ]
    reasons = [*open_, *cited.others, *bad, *cited.doubts, *cited.vetoes, *boot_bad]
    return reasons or [cited.link], [cited.label, *good, *boot_good]


def _boot_sides(row: Any, cited: _Cited) -> tuple[list[str], list[str]]:
    if not cited.boot:
        return [], []
    key = f"{row.instance}|{row.database}"
    own = [cited.boot[key]] if key in cited.boot else []
    bad = [cited.boot["image"]] if "image" in cited.boot else []
    failed = (not pd.isna(row.X2) and bool(row.X2)) or (not pd.isna(row.E9) and not row.E9)
    return ([cited.boot["boot"], *([] if failed else own)], [*bad, *(own if failed else [])])


def _frozen(rows: list[Any]) -> list[float]:
    """How long the databases of these rows were frozen whose abort came after the thaw; NaN where nobody knows."""
    aborted = (row.detail for row in rows if row.detail is not None and row.detail.outcome == "benign_abort")
    return [detail.freeze_s for detail in aborted]


def _alternatives(made: PointFacts, row: Any, frozen: list[float]) -> list[str]:
    """Other explanations that were tried, each once; `frozen` of the databases that are spoken of."""
    tried: list[str] = []
    if made.items["E1"] is False:
        return tried
    if made.operation is not None:
        tried.append(
            "Another requestor: " + (
                "not excluded, one was active in the operation." if made.items["E6"] is False
                else "excluded, no other requestor left a record within 60 s." if made.items["E6"] else "open."
            )
        )
    if frozen:
        tried.append(
            "The abort itself forced the thaw: " + (
                "open, the length of the freeze is not known." if any(map(pd.isna, frozen))
                else f"unlikely, the freeze lasted {span(max(frozen))} and the abort came after the resumed record."
            )
        )
    known = "excluded, the clocks are known." if made.items["E12"] else "open, the clocks are not known."
    tried.append("Clock error: " + known)
    if made.boot_of is not None:
        what = "The test failover said to be of this point is of another computer"
        tried.append(f"{what} ({made.boot_of}): it adds nothing here.")
    elif made.rejected_boot is not None:
        tried.append("The test failover said to be of this point started from an earlier image: it adds nothing here.")
    if made.boot is not None and row.recovery is not None and _count(row.recovery, "rolled_back") == 0:
        tried.append("An idle database: possible, it rolls nothing back from any image; the freeze is what counts.")
    return tried


def _readings(row: Any, policy: str) -> list[str]:
    """Both readings where a rollback in the linked boot makes the policies differ, or would without an explanation."""
    count = _count(row.recovery, "rolled_back")
    if not count:
        return []
    explained = not pd.isna(row.E10) and bool(row.E10)
    article = "Article reading (strict): a rollback after the boot means that the point is not application-consistent."
    refined = (
        "Refined reading (ours, after the SQL writer guide): transactions open at the freeze "
        "roll back on a good image too"
    )
    tail = (
        "; here the image was cut inside the freeze, which explains them." if explained
        else "; here nothing shows where the image was cut, so the count is unexplained."
    )
    other = "refined" if policy == "strict" else "strict"
    return [article, refined + tail, f"Policy {policy}: {row.verdict}; policy {other}: {row.other}."]


def _missing(made: PointFacts, row: Any) -> list[str]:
    """What would settle the verdict, with the command that collects it."""
    vm_name = _text(made.point.vm_name) or "VM"
    items, texts = made.items, []
    if made.point.time_basis == "assumed":
        what = "The time zone of the host that listed the points"
        texts.append(f"{what}; {collect.ZONE}. On the replica host: {collect.zone()}")
    if items["E1"] is None:
        texts.append(f"The type of the point as text. On the replica host: {collect.points(vm_name)}")
    if items["E1"] is False or row.verdict == "contradicted":
        return texts
    if made.operation is None and made.zone_open:
        texts.append(f"The time zone of the guest's logs in local time; {collect.ZONE}. In the guest: {collect.zone()}")
    elif items["E11"] is not True and APPLICATION not in made.channels:
        texts.append(f"The guest's Application log of that time. In the guest: {collect.event_log('Application')}")
    if row.database is None or (row.detail is None and made.operation is None and ERRORLOG not in made.channels):
        texts.append(f"Every ERRORLOG of the guest. In the guest: {collect.errorlogs()}")
    if items["E4"] is None and made.operation is not None and items["E11"] and made.system_lacks:
        texts.append(f"The guest's System log of that time. In the guest: {collect.event_log('System')}")
    if row.database is not None and row.detail is None and made.operation is not None:
        what = f"Why {shown_name(row.instance, row.database)} was not frozen"
        texts.append(f"{what}: sys.databases of its instance says whether it is auto-closed or offline.")
    if items["E12"] is not True:
        host = _text(made.point.computer)
        texts.append(f"The clock of the guest against the host; {collect.CLOCK}. In the guest: {collect.clock(host)}")
    if made.link.method == CLOCK_SET and SYSTEM not in made.channels:
        texts.append(
            f"The guest's System log, which says when its clock was set. In the guest: {collect.event_log('System')}"
        )
    if items["E5"] is None:
        texts.append(f"The VMMS log of the primary host. On it: {collect.event_log(collect.VMMS)}")
    if made.boot_of is not None:
        given = f"those given are of {made.boot_of}, the guest is {made.operation.computer}"
        texts.append(f"The logs of the test machine that was started from this point: {given}.")
    elif made.rejected_boot is not None and items["B"] is None:
        texts.append(
            "The point that the test machine was really started from: its newest record is older than this one."
        )
    elif made.boot is None and items["B"] is None:
        texts.append("The logs of the test failover that case.toml declares for this point; they are not in the case.")
    elif made.boot is None:
        command = collect.test_failover(vm_name, made.point.recovery_point_id)
        texts.append(f"A test failover of this point, then its logs. On the replica host: {command}")
    elif pd.isna(row.E8):
        texts.append(f"The test machine's logs to the end of recovery. In it: {collect.event_log('Application')}")
    return texts


def _machine_row(made: PointFacts, own: list[Any], databases: list[dict[str, Any]]) -> dict[str, Any]:
    verdict = worst([row["verdict"] for row in databases])
    deciding = [row for row in databases if row["verdict"] == verdict]
    of_verdict = [row for row in own if row.verdict == verdict]
    first, frozen = deciding[0], _frozen(of_verdict)
    named = [database_name(row["instance"], row["database"]) for row in deciding if row["database"]]
    because = _merged(row["because"] for row in deciding)
    against = _merged(row["against"] for row in deciding)
    return first | {
        "instance": None, "database": None, "verdict": verdict, "pattern": made.pattern,
        "rolled_back": _sum(databases, "rolled_back"), "rolled_forward": _sum(databases, "rolled_forward"),
        "because": because, "against": [one for one in against if one not in because],
        "alternatives": _merged(_alternatives(made, row, frozen) for row in of_verdict),
        "missing": _merged(row["missing"] for row in deciding),
        "readings": _merged(row["readings"] for row in databases)[:6] if named else [],
    }


def _merged(lists: Any) -> list[str]:
    return list(dict.fromkeys(text for texts in lists for text in texts if text))


def _sum(databases: list[dict[str, Any]], name: str) -> int | None:
    counts = [row[name] for row in databases if row[name] is not None]
    return sum(counts) if counts else None
