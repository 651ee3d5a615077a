"""The consistency gate: the parts of an analysis compared with each other before anything is issued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pandas as pd

from kit.errors import GateError
from kit.judgement.analysis import Analysis
from kit.reasoning.verdicts import ITEMS, decide, worst
from kit.values import tuples, values

GOOD = ("supported", "confirmed")


def check(analysis: Analysis) -> Analysis:
    """The analysis itself. Raises GateError that lists every contradiction between its parts."""
    found = contradictions(analysis)
    if found:
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise GateError(f"nothing is issued, the parts contradict each other: {'; '.join(found[:5])}{more}")
    return analysis


def contradictions(analysis: Analysis) -> list[str]:
    """Every contradiction between the parts of an analysis, as sentences."""
    return [text for part in PARTS for text in part(analysis)]


def _machine_rows(analysis: Analysis) -> Iterator[str]:
    """Each point has exactly one verdict of the machine, and each verdict a point."""
    points = set(analysis.recovery_points["recovery_point_id"])
    machine = analysis.verdicts[analysis.verdicts["database"].isna()]["recovery_point_id"]
    for one in machine[machine.duplicated()].unique():
        yield f"recovery point {one} has more than one verdict"
    for one in sorted(points - set(machine)):
        yield f"recovery point {one} has no verdict"
    for one in sorted(set(analysis.verdicts["recovery_point_id"]) - points):
        yield f"a verdict speaks of recovery point {one}, which is not listed"


def _worst_database(analysis: Analysis) -> Iterator[str]:
    """The verdict of the machine is the worst of its databases."""
    verdicts = analysis.verdicts
    named = verdicts[verdicts["database"].notna()].groupby("recovery_point_id", observed=True)["verdict"].agg(worst)
    machine = verdicts[verdicts["database"].isna()].set_index("recovery_point_id")["verdict"]
    for point, verdict in named.items():
        if point in machine.index and machine[point] != verdict:
            yield f"recovery point {point} is {machine[point]}, the worst of its databases is {verdict}"


def _decided(analysis: Analysis) -> Iterator[str]:
    """The decision list, applied again to the stored items, gives the stored verdict of each database."""
    rows = analysis.verdicts[analysis.verdicts["database"].notna()]
    if rows.empty:
        return
    items = pd.DataFrame([json.loads(text) for text in values(rows["items"])], columns=list(ITEMS)).astype("boolean")
    again = decide(items, str(analysis.meta["policy"]))
    rows = rows[["database", "recovery_point_id", "verdict", "row_id"]]
    for row, verdict, row_id in zip(tuples(rows), again["verdict"], again["row_id"], strict=True):
        if (row.verdict, row.row_id) != (verdict, row_id):
            yield (
                f"{row.database} at recovery point {row.recovery_point_id} is {row.verdict} by {row.row_id}, "
                f"its evidence gives {verdict} by {row_id}"
            )


def _citations(analysis: Analysis) -> Iterator[str]:
    """Every cited finding and event exists."""
    findings = set(analysis.findings["finding_id"])
    for side in ("because", "against"):
        cited = _flat(analysis.verdicts[side])
        for one in sorted(cited - findings):
            yield f"a verdict cites finding {one}, which does not exist"
    events = set(values(analysis.events["uid"]))
    for table in ("findings", "operations", "operation_databases", "boots", "recoveries"):
        for one in sorted(_flat(getattr(analysis, table)["evidence"]) - events)[:3]:
            yield f"{table} cite event {one}, which is not part of the evidence"


def _flat(lists: pd.Series) -> set[str]:
    """Every text of a column of lists."""
    return {one for told in values(lists.dropna()) for one in told if one is not None}


def _grounds(analysis: Analysis) -> Iterator[str]:
    """A good verdict rests on one linked operation and not on a failure; a contradicted one on something."""
    classes = dict(zip(analysis.findings["finding_id"], analysis.findings["class"], strict=True))
    sure = analysis.links["operation_id"].notna() & ~analysis.links["ambiguous"].fillna(False)
    linked = set(analysis.links.loc[sure, "recovery_point_id"])
    columns = ["recovery_point_id", "database", "verdict", "boot_id", "because"]
    for row in tuples(analysis.verdicts[columns]):
        database = f", {row.database}" if isinstance(row.database, str) else ""
        name = f"recovery point {row.recovery_point_id}{database}"
        if row.verdict in GOOD:
            if row.recovery_point_id not in linked:
                yield f"{name} is {row.verdict} without exactly one linked operation"
            if any(classes.get(one) == "genuine_failure" for one in row.because):
                yield f"{name} is {row.verdict} because of a genuine failure"
        if row.verdict == "confirmed" and not isinstance(row.boot_id, str):
            yield f"{name} is confirmed without a linked boot"
        if row.verdict == "contradicted" and not len(row.because):
            yield f"{name} is contradicted without a reason"


def _events(analysis: Analysis) -> Iterator[str]:
    """Each judged event exists once, and points and operations that it names exist."""
    judged = analysis.judged_events
    for one in judged.loc[judged["uid"].duplicated(), "uid"].unique()[:3]:
        yield f"event {one} has two classes"
    for one in sorted(set(values(judged["uid"])) - set(values(analysis.events["uid"])))[:3]:
        yield f"event {one} is judged but not part of the evidence"
    for column, table in (("recovery_point_id", "recovery_points"), ("operation_id", "operations")):
        for one in sorted(set(judged[column].dropna().unique()) - set(getattr(analysis, table)[column]))[:3]:
            yield f"an event names {column} {one}, which does not exist"


def _times(analysis: Analysis) -> Iterator[str]:
    """Each event lies within the time that the account of its source gives."""
    spans = analysis.sources.set_index("source_id")[["first_time", "last_time"]]
    joined = analysis.events.join(spans, on="source_id")
    outside = joined[(joined["time_utc"] < joined["first_time"]) | (joined["time_utc"] > joined["last_time"])]
    for row in outside.head(3).itertuples():
        yield f"event {row.uid} of {row.time_utc} lies outside the time of its source"


def _accounts(analysis: Analysis) -> Iterator[str]:
    """Every account adds up."""
    for row in analysis.sources.itertuples():
        if pd.notna(row.seen) and row.seen != row.kept + row.skipped:
            yield f"{row.path}: {row.seen} records seen are not {row.kept} kept and {row.skipped} skipped"


def _advice(analysis: Analysis) -> Iterator[str]:
    """Advice names only points that are confirmed or supported, and the fallback is the older one."""
    machine = analysis.verdicts[analysis.verdicts["database"].isna()].set_index("recovery_point_id")["verdict"]
    times = analysis.recovery_points.set_index("recovery_point_id")["time_utc"]
    for row in analysis.advice.itertuples():
        for one in (row.fail_over_to, row.fallback):
            if isinstance(one, str) and machine.get(one) not in GOOD:
                yield f"the advice for {row.vm_name} names recovery point {one}, which is {machine.get(one)}"
        both = row.fallback in times.index and row.fail_over_to in times.index
        if both and times[row.fallback] >= times[row.fail_over_to]:
            yield f"the fallback of {row.vm_name} is not older than the point to fail over to"


def _claims(analysis: Analysis) -> Iterator[str]:
    """Only points without the claim have no claim judged, and the other way round."""
    points = analysis.recovery_points
    claimed = dict(zip(points["recovery_point_id"], points["claimed"], strict=True))
    columns = ["recovery_point_id", "verdict"]
    for row in analysis.verdicts.loc[analysis.verdicts["database"].isna(), columns].itertuples():
        said = claimed.get(row.recovery_point_id)
        if (row.verdict == "no_claim") != (said == "crash_consistent"):
            yield f"recovery point {row.recovery_point_id} claims {said} and is judged {row.verdict}"


PARTS: tuple[Callable[[Analysis], Iterator[str]], ...] = (
    _machine_rows, _worst_database, _decided, _citations, _grounds, _events, _times, _accounts, _advice, _claims,
)
