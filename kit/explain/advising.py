"""What remains possible beside an assessment, and what to collect or do next, with the exact command."""

from __future__ import annotations

from typing import overload

from kit import collect
from kit.explain.assess import ERRORLOG, Evidence, Finding, Item
from kit.rules import Rules, wording

_LOGS = (
    "Export the guest's Application and System log around the time",
    f"{collect.event_log('Application')}; {collect.event_log('System')}",
)
_ERRORLOG = (
    "Add the ERRORLOG files of every instance: they show freeze and resume of each database in order",
    collect.errorlogs(),
)
_BEFORE_BOOT = (
    "Add the ERRORLOG files of before the boot (ERRORLOG.1): a last line of a frozen database shows that the image was "
    "cut inside the freeze",
    collect.errorlogs(),
)
_WRITER_LOG = ("Add the SQL writer's own trace: OnThaw before OnAbort settles it", collect.writer_trace())
_POINTS = ("On the replica host: list what it calls application-consistent", collect.points("*"))
_HOST = ("On the primary host: add its records of the same minute", collect.event_log(collect.VMMS))
_WRITERS = ("Right after the next failure, read the state and the last error of every writer", "vssadmin list writers")
_JOB = (
    "Read the log of the product or job that made this backup: it knows why it stopped. SQL Server itself knows only "
    "the finished ones",
    'sqlcmd -S . -Q "SELECT TOP (20) s.database_name, s.backup_finish_date, f.physical_device_name FROM '
    'msdb.dbo.backupset s JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id '
    'ORDER BY s.backup_finish_date DESC"',
)
_REQUESTORS = ("List who else asked for snapshots in these minutes", collect.requestors())
_TEST = (
    "On the replica host: test-failover this point, then its neighbour without the label (only one test runs at a "
    "time: Stop-VMFailover ends the first); compare what is rolled back",
    collect.test_failover("NAME OF THE VM", "ID OF THE POINT"),
)
_RULE = (
    "To teach the kit an event without a rule, add a [[rule]] with provider, event_id or text, phase, class, meaning "
    "and a sample to a file in kit/knowledge (docs/extend.md), then run the tests",
    "python run.py test tests/test_knowledge.py",
)

_ROLLED_BACK = (
    "Rolled back transactions: by the vendor's article the point is not application-consistent; by the SQL writer "
    "guide transactions that were open at the freeze are rolled back on a good point too."
)


def alternatives(evidence: Evidence, finding: Finding) -> list[str]:
    """Other explanations that the records leave open."""
    found = list(finding.alternatives)
    undecided = bool(evidence.aborts)
    if finding.assessment == "insufficient_evidence" and undecided:
        found.append("A harmless late abort, if it came after the thaw in a Hyper-V operation that the host lists.")
        found.append("A real failure, if the abort came before the thaw or the requestor itself gave up.")
    if finding.assessment == "genuine_failure" and not evidence.host.claims:
        found.append("If the host or the product lists this very copy as application-consistent, that label is wrong.")
    if _late_elsewhere(evidence):
        found.append("The other operations of the paste show their aborts after the thaw; only the named one failed.")
    if evidence.others or _snapshot_products(evidence):
        found.append("Another backup was at work in the same minutes; the two may have disturbed each other.")
    if finding.assessment == "benign" and finding.root_cause == "hyperv_requestor_abort":
        found.append("For other databases of the machine this says nothing.")
    for item in evidence.items:
        if item.match and item.match.rule.phase == "undo" and item.match.rule.class_ == "undecided":
            found.append(_ROLLED_BACK)
            break
    return list(dict.fromkeys(found))


def _late_elsewhere(evidence: Evidence) -> bool:
    """Whether operations other than those with a failed database show only late aborts."""
    places = evidence.failed_places
    others = [one for one in evidence.outcomes if places and places.isdisjoint(map(int, one.evidence))]
    return bool(others) and all(one.outcome == "benign_abort" for one in others)


def _snapshot_products(evidence: Evidence) -> bool:
    found = [item.match.rule for item in evidence.items if item.match]
    return any(one.component == "Backup products" and one.class_ == "other_requestor" for one in found)


def advice(evidence: Evidence, finding: Finding, rules: Rules) -> list[str]:
    """What to collect or do next, in order, each with its command."""
    steps: list[tuple[str, str | None]] = []
    for name in (finding.root_cause or "", *_causes_of_codes(evidence)):
        if name in rules.root_causes:
            steps += rules.root_causes[name].advice
    steps += _collect(evidence, finding)
    if finding.assessment in ("label_contradicted", "genuine_failure"):
        steps.append(("Do not rely on this copy as application-consistent; take the newest one that is", None))
    if any(_needs_rule(item) for item in evidence.items):
        steps.append(_RULE)
    instances = _instances(evidence)
    volume = _volume(evidence)
    return list(dict.fromkeys(_sentence(_on(text, volume), _on(_at(command, instances), volume))
                              for text, command in steps))


def _needs_rule(item: Item) -> bool:
    """Whether no rule knows the event; plain lines of an ERRORLOG, which has thousands of kinds, need none."""
    plain_line = item.given.event_id is None and item.given.provider == ERRORLOG
    return item.match is None and not item.codes and not plain_line


def _volume(evidence: Evidence) -> str | None:
    """The volume that the records name by a letter, where it is one."""
    named = {str(item.match.captured.get("volume") or "").upper() for item in evidence.items if item.match}
    letters = sorted(name for name in named if len(name) == 2 and name[0].isalpha() and name[1] == ":")
    return letters[0] if len(letters) == 1 else None


@overload
def _on(text: str, volume: str | None) -> str: ...
@overload
def _on(text: str | None, volume: str | None) -> str | None: ...
def _on(text: str | None, volume: str | None) -> str | None:
    """The text with the volume of the records in the place of C:."""
    if text is None or volume is None:
        return text
    return text.replace("/for=C: /on=C:", f"/for={volume} /on={volume}").replace("volume C:", f"volume {volume}")


def _instances(evidence: Evidence) -> list[str]:
    """The instances of SQL Server whose event sources stand in the evidence."""
    found = (wording.instance_of(item.given.provider) for item in evidence.items)
    return list(dict.fromkeys(name for name in found if name))


def _at(command: str | None, instances: list[str]) -> str | None:
    """The command; a query is asked of the instance that the records name, where it is one that is not the default."""
    if command is None or len(instances) != 1:
        return command
    return command.replace("sqlcmd -S . ", f"sqlcmd -S {collect.server(instances[0])} ")


def _causes_of_codes(evidence: Evidence) -> list[str]:
    """Root causes that bare codes name: what to look at when nothing but a code was given."""
    bare = [code for item in evidence.items if item.given.code_only for code in item.codes]
    return [code.root_cause for code in bare if code.root_cause]


def _sentence(text: str, command: str | None) -> str:
    said = text.rstrip(".") + "."
    return f"{said} Run: {command}" if command else said


def _of_sql(evidence: Evidence) -> bool:
    """Whether records of SQL Server or its writer are among those that need an explanation."""
    open_ = [*evidence.undecided, *evidence.others, *evidence.weak]
    return any(item.match and item.match.captured.get("writer") == "SqlServerWriter" for item in open_)


def _collect(evidence: Evidence, finding: Finding) -> list[tuple[str, str | None]]:
    if finding.assessment == "no_failure" or finding.root_cause == "background_noise":
        return []
    steps: list[tuple[str, str | None]] = []
    order_known = any(one.abort_after_thaw is not None for one in evidence.outcomes)
    foreign = bool(evidence.others or evidence.weak) and not evidence.undecided
    if finding.assessment == "insufficient_evidence" and foreign:
        return [_JOB if _of_sql(evidence) else _LOGS]
    if finding.assessment == "insufficient_evidence":
        asked = bool(evidence.aborts) and not order_known
        steps += ([_ERRORLOG, _WRITER_LOG] if _of_sql(evidence) else [_LOGS, _WRITERS]) if asked else []
        steps += [_BEFORE_BOOT, _TEST] if len(evidence.undecided) > len(evidence.aborts) else []
        steps += [_POINTS, _HOST] if evidence.host.state in ("unknown", "not_applicable") else []
        steps += [_REQUESTORS] if evidence.aborts else []
        steps += [_LOGS] if not evidence.undecided else []
    if finding.assessment == "genuine_failure" and finding.root_cause is None and _of_sql(evidence):
        steps += [_ERRORLOG, _WRITER_LOG]
    if finding.assessment == "benign":
        steps += [] if order_known else [_ERRORLOG]
    if finding.assessment == "label_contradicted":
        steps += [_HOST, _TEST]
    if finding.assessment == "genuine_failure" and evidence.host.state == "unknown":
        steps += [_POINTS]
    return steps
