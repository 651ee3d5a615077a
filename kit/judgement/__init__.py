"""A case to its analysis: the whole chain, from records to verdicts and advice.

    records -> boots -> operations -> links -> evidence items -> decision list -> findings, classes, advice
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import kit
from kit import rules, tables, times
from kit.errors import ConfigError, ParameterError
from kit.judgement import advice, gate, issue, judged, zones_from_pairs
from kit.judgement.analysis import Analysis, is_saved, load_analysis
from kit.reasoning import (
    boots,
    clock_sets,
    clocks,
    correlate,
    counters,
    covered,
    evidence,
    expected,
    findings,
    host_backups,
    items,
    links_of_boots,
    operations,
    records,
    recoveries,
)
from kit.reasoning.verdicts import POLICIES
from kit.values import among, values
from kit.words import Words

if TYPE_CHECKING:
    from kit.case import Case

MOST_ROUNDS = 3  # a list of points whose zone one machine shows may show that of another machine's logs
HOSTS = ("primary_host", "replica_host")
LIBRARIES = ("jupyterlab", "pandas", "python-evtx", "plotly", "papermill", "numpy", "pyarrow", "duckdb", "nbconvert")


def open_analysis(
    path: str | Path, policy: str | None = None, vm: str | None = None, since: str | None = None,
    until: str | None = None, language: str | None = None,
) -> Analysis:
    """The analysis of a case, or the one that a folder holds already, restricted to a VM or period.

    path          folder or .zip of a case, or a folder that kit analyze or kit report wrote
    policy        strict or refined: how to read a rollback after a test boot
    vm            only this virtual machine
    since, until  ISO 8601, UTC without a zone; a date alone as `until` is the whole day

    A saved analysis keeps its policy: asking for another one raises ParameterError. `language` is that of the page
    parts and figures made from it.
    """
    from kit.case import load_case

    if not isinstance(path, (str, Path)) and path is not None:
        kind = type(path).__name__
        raise ParameterError(f"open_analysis takes a path, not {kind}; a loaded case goes to kit.analyze")
    if not str(path or "").strip():
        raise ParameterError("case is empty: write the folder or .zip of a case into the parameters cell")
    if is_saved(path):
        made = load_analysis(path)
        if policy and policy != made.meta["policy"]:
            used = made.meta["policy"]
            raise ParameterError(f"{path} was judged with policy {used}; analyse the case itself for {policy}")
    else:
        made = analyze(load_case(path).require(), policy)
    return made.only(vm, since, until).in_language(language)


def analyze(case: Case | str | Path, policy: str | None = None) -> Analysis:
    """The analysis of a case, loaded or by its path.

    `policy` is strict or refined; without it that of case.toml, else strict.
    """
    if isinstance(case, (str, Path)):
        from kit.case import load_case

        case = load_case(case).require()
    policy = policy or case.config.policy
    if policy not in POLICIES:
        raise ParameterError(f"policy={policy!r} is unknown; there are: {', '.join(POLICIES)}")
    known = rules.load()
    meanings = {rule_id: rule.meaning for rule_id, rule in known.by_id.items()}
    case, watched, matches, spoken = _spoken(case, known)
    chain = _chain(case, spoken)
    del spoken
    zone = _zone(case)
    words = Words(times.zone(zone))
    verdicts, said, failed_points, explained = _verdicts(chain.frames, case, words, policy, meanings)
    cited = set(said["evidence"].explode().dropna().unique())
    judged_events = judged.judged_events(
        chain.spoken, chain.frames.members, chain.frames.operations, chain.frames.databases, chain.frames.links,
        _claiming(case.recovery_points), failed_points, meanings, known.watched_providers, cited,
    )
    judged_events = judged.with_explained(judged_events, explained)
    others = _unwatched(case, cited - set(values(watched["uid"])))
    wanted = among(watched["uid"], set(values(judged_events["uid"])) | cited)
    kept = pd.concat([watched[wanted], others], ignore_index=True)
    del watched
    kept["vm_name"] = _machines_named(kept, chain.spoken)
    chain.forget()  # as the events above, hundreds of MiB in a large case
    matches = matches[among(matches["uid"], set(values(kept["uid"])))].reset_index(drop=True)
    judged_events = judged.with_cited(judged_events, others)
    made = _tables(case, chain, kept, matches, said, verdicts, judged_events, words)
    return gate.check(Analysis(_meta(case, made, policy, known, zone), made))


def _machines_named(kept: pd.DataFrame, spoken: pd.DataFrame) -> pd.Series:
    """The VM of each event: records of hosts get the one that they name."""
    hosts = spoken.loc[spoken["role"].isin(records.HOSTS) & spoken["vm_name"].notna(), ["uid", "vm_name"]]
    named = kept["uid"].astype(object).map(dict(hosts.itertuples(index=False, name=None)))
    made = kept["vm_name"].astype(object).where(named.isna(), named)
    return made.astype("str").where(made.notna())


def _verdicts(
    frames: evidence.Frames, case: Case, words: Words, policy: str, meanings: dict[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str], set[str]]:
    """Tables `verdicts` and `findings`, the point of each host record that reports its failure, and the uids of
    rollbacks that are explained.
    """
    found = evidence.facts(frames)
    statements = findings.Findings()
    holds = items.items(found, frames)
    made = issue.verdicts(found, holds, frames, statements, words, policy, meanings)
    findings.of_future(frames.records, case.sources, statements, words)
    findings.of_extended(frames.points, case.replication, statements)
    return made, statements.frame(), _failed_points(found), _explained(holds, frames.records)


def _explained(holds: pd.DataFrame, records: pd.DataFrame) -> set[str]:
    """The records of rollbacks in linked boots that E10 explains (domain reference, section 5)."""
    rows = holds.loc[holds["E7"].fillna(False) & holds["E10"].fillna(False), "recovery"]
    told = {uid for recovery in rows if recovery is not None for uid in recovery.evidence}
    return told & set(values(records.loc[records["phase"] == "undo", "uid"]))


def _machines(case: Case) -> dict[str, str]:
    """The name of each VM of the case, by its id and by its name, lower case."""
    made: dict[str, str] = {}
    for frame in (case.recovery_points, case.replication):
        for row in frame[["vm_id", "vm_name"]].dropna(subset=["vm_name"]).drop_duplicates().itertuples():
            made[row.vm_name.casefold()] = row.vm_name
            if isinstance(row.vm_id, str):
                made[row.vm_id.casefold()] = row.vm_name
    for name in case.sources["vm_name"].dropna().unique():
        made.setdefault(name.casefold(), name)
    return made


def clocks_of(case: Case) -> pd.DataFrame:
    """Table `clocks` of a case, declared or measured, without judging anything."""
    case, _, _, spoken = _spoken(case, rules.load())
    return _chain(case, spoken).frames.clocks


def _spoken(case: Case, known: rules.Rules) -> tuple[Case, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The case with every zone that can be found, its watched events, their matches, and both as records."""
    watched = case.watched(known.watched_providers)
    matches = rules.match(watched, known)  # by text and number: zones change nothing
    spoken = records.records(watched, matches, _machines(case))
    for _ in range(MOST_ROUNDS):
        zoned = zones_from_pairs.settled(case, spoken)
        if zoned is case:
            break
        case, watched = zoned, zoned.watched(known.watched_providers)
        spoken = records.records(watched, matches, _machines(case))
    return case, watched, matches, spoken


class _Chain:
    """The frames of the chain, and the records with their boots and roles."""

    def __init__(self, spoken: pd.DataFrame, frames: evidence.Frames, expected_points: pd.DataFrame) -> None:
        self.spoken, self.frames, self.expected_points = spoken, frames, expected_points

    def forget(self) -> None:
        """Lets go of the records, when all that is said of them has been said."""
        self.spoken = self.frames.records = self.spoken.head(0)


def _chain(case: Case, spoken: pd.DataFrame) -> _Chain:
    config, points = case.config, case.recovery_points
    ticks = _ticks(case)
    found = boots.boots(spoken, ticks, case.sources, config.test_failovers, points)
    spoken = recoveries.split(spoken, found.starts)
    recovered = recoveries.recoveries(spoken)
    started = recoveries.with_coverage(found.boots, spoken, case.coverage)
    cuts = recoveries.cut_in_freeze(spoken, started, found.starts)
    made = operations.operations(spoken)
    held = covered.covered(case.coverage, case.sources, started, found.starts)
    was_set = clock_sets.clock_sets(spoken)
    known = clocks.clocks(case.sources, points, config.clocks, made.operations, made.databases, held, was_set)
    near = evidence.point_coverage(points, held, _steps(points, case.replication), _guests(made.operations, known))
    links, schedules = correlate.links(
        points, made.operations, known, case.replication, near, config.tolerance_s
    )
    attributed = correlate.attribute(made.operations, links, schedules, known)
    attributed = host_backups.told(attributed, spoken, known)
    started = links_of_boots.link(started, links, attributed, cuts)
    frames = evidence.Frames(
        points, links, attributed, made.databases, spoken, made.members, started, recovered, cuts, known, held,
        _host_intervals(case), schedules,
        tuple(counters.unseen_failures(case.replication, attributed, spoken, known, held, points, schedules)),
        frozenset(boots.declared_points(config.test_failovers, points)),
    )
    return _Chain(spoken, frames, expected.expected_points(points, spoken, attributed, schedules, known))


def _claiming(points: pd.DataFrame) -> set[str]:
    return set(points.loc[points["claimed"] == "application_consistent", "vm_name"].dropna())


def _unwatched(case: Case, uids: set[str]) -> pd.DataFrame:
    """Cited events of providers that no rule names, such as the newest record of an image."""
    if not uids:
        return tables.empty("events")
    wanted = ", ".join("'" + uid.replace("'", "''") + "'" for uid in sorted(uids))
    return tables.check("events", case.sql(f"SELECT * FROM events WHERE uid IN ({wanted})"))


def _failed_points(found: list[evidence.PointFacts]) -> dict[str, str]:
    """The point of each host record that reports its failure, where it is one point."""
    made: dict[str, set[str]] = {}
    for facts in found:
        for row in facts.host_failures:
            made.setdefault(row.uid, set()).add(facts.point.recovery_point_id)
    return {uid: next(iter(points)) for uid, points in made.items() if len(points) == 1}


def _ticks(case: Case) -> pd.DataFrame:
    """uid, source_id, record_id and time_utc of every record of the test-failover machines."""
    there = case.sources["status"] != "absent"
    tests = case.sources.loc[there & (case.sources["role"] == "test_failover_guest"), "source_id"]
    return case.columns("events", ["uid", "source_id", "record_id", "time_utc"], set(tests))


def _steps(points: pd.DataFrame, replication: pd.DataFrame) -> dict[str, pd.Timedelta]:
    made = {}
    for vm_name, own in points.groupby(points["vm_name"].fillna("")):
        step = correlate.spacing(own, None) or correlate.spacing(
            own, correlate.configured_hours(replication, str(vm_name))
        )
        made[str(vm_name)] = step or correlate.HOUR
    return made


def _guests(operations: pd.DataFrame, known: pd.DataFrame) -> dict[str, clocks.Shift | None]:
    """The clock of each VM's guest; none where it is unknown, or where the VM changed its computer name."""
    made: dict[str, clocks.Shift | None] = {}
    for vm_name, own in operations.dropna(subset=["computer"]).groupby(operations["vm_name"].fillna("")):
        names = own["computer"].unique()
        made[str(vm_name)] = clocks.shift_of(names[0], known) if len(names) == 1 else None
    return made


def _host_intervals(case: Case) -> dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]]:
    hosts = set(case.sources.loc[case.sources["role"].isin(HOSTS), "source_id"])
    made: dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]] = {}
    for row in case.coverage[case.coverage["source_id"].isin(hosts)].itertuples():
        if isinstance(row.channel, str) and "vmms" in row.channel.casefold() and isinstance(row.computer, str):
            made.setdefault(row.computer, []).append((row.first_time, row.last_time))
    return made


def _zone(case: Case) -> str:
    """The zone of the guest, as its local logs show it; else UTC."""
    guest = case.sources[case.sources["role"] == "guest"]
    for zone in guest["zone"].dropna():
        try:
            times.zone(str(zone))
        except ConfigError:
            continue
        return str(zone)
    return "UTC"


def _tables(
    case: Case, chain: _Chain, kept: pd.DataFrame, matches: pd.DataFrame, said: pd.DataFrame, verdicts: pd.DataFrame,
    judged_events: pd.DataFrame, words: Words,
) -> dict[str, pd.DataFrame]:
    frames = chain.frames
    missing = tables.frame("missing", case.missing)
    collected = _collected(case)
    given = advice.advice(frames.points, verdicts, collected)
    failed = frames.operations[
        (frames.operations["requestor"] == judged.OWN)
        & frames.operations["outcome"].isin(["genuine_failure", "mixed"])
    ]
    host = clocks.reference(frames.points, case.sources)
    return {
        "sources": case.sources, "losses": case.losses, "coverage": case.coverage, "events": kept,
        "recovery_points": frames.points, "replication": case.replication, "writers": case.writers,
        "records": case.records, "matches": matches,
        "operations": frames.operations, "operation_databases": frames.databases, "links": frames.links,
        "boots": frames.boots, "recoveries": frames.recoveries, "clocks": frames.clocks, "findings": said,
        "judged_events": judged_events, "verdicts": verdicts, "expected_points": chain.expected_points,
        "advice": given, "missing": missing,
        "actions": advice.actions(frames.points, verdicts, given, missing, words, failed, host),
    }


def _collected(case: Case) -> pd.Timestamp | None:
    """When the evidence was collected: the newest time that any export or log shows."""
    points = case.recovery_points
    sure = points.loc[points["time_basis"] != "assumed", "time_utc"]
    told = pd.concat([case.sources["exported_utc"], case.coverage["last_time"], sure]).dropna()
    if told.empty:
        told = pd.concat([case.sources["last_time"], points["time_utc"]]).dropna()
    return told.max() if len(told) else None


def _meta(
    case: Case, made: Mapping[str, pd.DataFrame], policy: str, known: rules.Rules, zone: str
) -> dict[str, Any]:
    span = _period(made)
    fingerprint = rules.fingerprint()
    return {
        "case_id": case.case_id, "title": case.title, "examiner": case.examiner, "requester": case.requester,
        "question": case.question, "policy": policy, "tolerance_s": case.config.tolerance_s, "zone": zone,
        "first_time": times.iso_z(span[0]), "last_time": times.iso_z(span[1]),
        "collected": times.iso_z(_collected(case)), "kit_version": kit.__version__,
        "rules_version": fingerprint, "rules_run": len(known.rules), "referee": None,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "report_id": _report_id(case, policy, fingerprint, span[1]),
    }


@cache
def _version(library: str) -> str:
    return metadata.version(library)


def _period(made: Mapping[str, pd.DataFrame]) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    told = made["recovery_points"]["time_utc"].dropna()
    if told.empty:
        told = pd.concat([made["sources"]["first_time"], made["sources"]["last_time"]]).dropna()
    return (told.min(), told.max()) if len(told) else (None, None)


def _report_id(case: Case, policy: str, fingerprint: str, last: pd.Timestamp | None) -> str:
    """R-<date>-<case>-<hash of evidence, rules and policy>: the same evidence judged alike has the same id."""
    content = "|".join([policy, fingerprint, kit.__version__, *sorted(case.sources["sha256"].dropna())])
    name = "".join(sign for sign in str(case.case_id).upper() if sign.isalnum())[:12] or "CASE"
    date = f"{last:%Y-%m%d}" if last is not None else "0000-0000"
    return f"R-{date}-{name}-{hashlib.sha256(content.encode()).hexdigest()[:6]}"
