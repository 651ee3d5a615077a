"""Which class each guest error has: benign abort, genuine failure, another requestor's work, noise, or unexplained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kit import tables
from kit.reasoning.evidence import DOUBT
from kit.values import among, tuples, values

OUTCOME_CLASS = {"benign_abort": "benign_abort", "genuine_failure": "genuine_failure", "clean": "normal"}
OWN = "hyper_v_replica"
WARNING = 3  # the level of warnings; errors are lower
AROUND = pd.Timedelta(seconds=60)


def judged_events(
    records: pd.DataFrame, members: pd.DataFrame, operations: pd.DataFrame, databases: pd.DataFrame,
    links: pd.DataFrame, claiming: set[str], hosts: Mapping[str, str], meanings: Mapping[str, str],
    watched: Iterable[str], cited: set[str],
) -> pd.DataFrame:
    """Table `judged_events`: every event that a rule other than noise matched or that is cited, errors without a rule,
    and noise inside an operation.

    `members` (uid, operation_id) are the records of operations; copies of a record get its operation and class.
    `claiming` are VMs whose host lists points that claim application consistency: only there may the shape of an
    abort after the thaw be called benign where nobody knows who asked. `hosts` gives the point of each host record
    that reports its failure. `watched` are provider names, lower case. An event has the point of its operation only
    if that is the host's own.
    """
    made = records[["uid", "twin", "kind", "phase", "rule_id", "level", "provider", "time_utc", "vm_name", "boot_id",
                    "role", "database", "instance", "writer"]].copy()
    operation_of = dict(zip(values(members["uid"]), values(members["operation_id"]), strict=True))
    made["operation_id"] = made["twin"].map(operation_of)
    _noise_inside(made, operations)
    classes = _classes(made, operations, databases, claiming)
    doubtful = records["captured"].str.contains(DOUBT, regex=False).fillna(False)
    classes[doubtful & classes.isin(["benign_abort", "normal"])] = "unexplained"
    linked = links.dropna(subset=["operation_id"])
    points = dict(zip(linked["operation_id"], linked["recovery_point_id"], strict=True))
    own = set(operations.loc[operations["requestor"] == OWN, "operation_id"])
    noise = made["kind"] == "background_noise"
    known = made["provider"].str.casefold().isin(set(watched))
    wrong = made["kind"].isna() & (made["level"] <= 2).fillna(False) & known
    inside = made["operation_id"].notna()
    wanted = (made["kind"].notna() & ~noise) | (noise & inside) | wrong | among(made["uid"], cited)
    rows = made[wanted]
    of_point = rows["operation_id"].where(rows["operation_id"].isin(own) & ~noise[wanted]).map(points)
    of_point = of_point.where(~classes[wanted].isin(["other_requestor", "background_noise"]))
    of_host = rows["twin"].map(hosts)
    of_point = of_point.astype(object).where(of_point.notna(), of_host)
    frame = pd.DataFrame(
        {
            "uid": rows["uid"], "class": classes[wanted], "rule_id": rows["rule_id"],
            "operation_id": rows["operation_id"], "recovery_point_id": of_point,
            "meaning": rows["rule_id"].map(meanings),
        }
    )
    return tables.check("judged_events", frame.reset_index(drop=True))


def with_cited(judged: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Table `judged_events` with cited events that no rule knows, as normal records."""
    if events.empty:
        return judged
    more = tables.frame("judged_events", [{"uid": uid, "class": "normal"} for uid in events["uid"]])
    return pd.concat([judged, more], ignore_index=True)


def with_explained(judged: pd.DataFrame, uids: set[str]) -> pd.DataFrame:
    """Table `judged_events` where rollbacks that the evidence explains are part of a healthy recovery."""
    explained = among(judged["uid"], uids) & (judged["class"] == "unexplained")
    return judged.assign(**{"class": judged["class"].mask(explained, "normal")})


def _noise_inside(made: pd.DataFrame, operations: pd.DataFrame) -> None:
    """Gives noise the operation of the same machine in whose window it stands.

    Errors and warnings that mean nothing belong to it from a writer's window before to one after it: VSS writes its
    usual ones while it looks for writers, before the first freeze, and that is what people ask about.
    """
    noise = made[(made["kind"] == "background_noise") & made["operation_id"].isna() & made["time_utc"].notna()]
    loud = (noise["level"] <= WARNING).fillna(False)
    for vm_name, own in operations.groupby(operations["vm_name"].fillna("")):
        mine = noise["vm_name"].fillna("") == vm_name
        _give(made, noise[mine], own, pd.Timedelta(0))
        _give(made, noise[mine & loud & made.loc[noise.index, "operation_id"].isna()], own, AROUND)


def _give(made: pd.DataFrame, records: pd.DataFrame, operations: pd.DataFrame, margin: pd.Timedelta) -> None:
    """Gives records the operation that begins last before them, if it has not ended before; with a margin around."""
    spans = operations.sort_values("begin_utc")
    place = (spans["begin_utc"] - margin).searchsorted(records["time_utc"], side="right") - 1
    known = place >= 0
    after, before = records[known], place[known]
    inside = np.asarray(after["time_utc"].array <= (spans["end_utc"] + margin).array[before])
    made.loc[after.index[inside], "operation_id"] = spans["operation_id"].array[before[inside]]


def _classes(
    made: pd.DataFrame, operations: pd.DataFrame, databases: pd.DataFrame, claiming: set[str]
) -> pd.Series:
    requestor = dict(zip(operations["operation_id"], operations["requestor"], strict=True))
    outcome = dict(zip(operations["operation_id"], operations["outcome"], strict=True))
    per_database = _per_database(databases)
    classes = made["kind"].where(made["kind"] != "undecided").fillna("unexplained").astype(object)
    open_ = (made["kind"] == "undecided") | (
        (made["kind"] == "genuine_failure") & (made["operation_id"].map(requestor) != OWN)
    )
    held = open_ & made["operation_id"].notna()
    rows = made.loc[held, ["twin", "operation_id", "kind", "database", "instance", "writer", "vm_name"]]
    instances, of_record = _instances(made), _per_record(databases)
    decided = [
        _of_operation(row, requestor[row.operation_id], outcome, per_database, instances, of_record, claiming)
        for row in tuples(rows)
    ]
    classes.loc[rows.index] = decided
    return classes


def _per_database(databases: pd.DataFrame) -> dict[str, list[tuple[str, str, str]]]:
    """Instance, database (lower case) and outcome of every database of each operation."""
    made: dict[str, list[tuple[str, str, str]]] = {}
    for row in tuples(databases):
        if isinstance(row.database, str):
            instance = row.instance.casefold() if isinstance(row.instance, str) else ""
            made.setdefault(row.operation_id, []).append((instance, row.database.casefold(), str(row.outcome)))
    return made


def _per_record(databases: pd.DataFrame) -> dict[str, set[str]]:
    """The outcomes of the databases that a record speaks of, be it through its virtual device or for all of them."""
    made: dict[str, set[str]] = {}
    for uids, word in zip(databases["evidence"], databases["outcome"], strict=True):
        for uid in uids:
            made.setdefault(uid, set()).add(str(word))
    return made


def _instances(made: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    """The instances (lower case) that a writer holds databases of, in each operation."""
    named = made[made["operation_id"].notna() & made["database"].notna() & made["writer"].notna()]
    found: dict[tuple[str, str], set[str]] = {}
    for row in tuples(named[["operation_id", "writer", "instance"]].drop_duplicates()):
        instance = row.instance.casefold() if isinstance(row.instance, str) else ""
        found.setdefault((row.operation_id, row.writer), set()).add(instance)
    return found


def _outcomes(
    row: Any, databases: list[tuple[str, str, str]], instances: Mapping[tuple[str, str], set[str]]
) -> set[str]:
    """Outcomes of the databases that a record speaks of: its own, else those of its instance, else of its writer."""
    if isinstance(row.database, str):
        return {outcome for _, name, outcome in databases if name == row.database.casefold()}
    held = instances.get((row.operation_id, row.writer), set())
    if isinstance(row.instance, str) and row.instance.casefold() in held:
        held = {row.instance.casefold()}
    return {outcome for instance, _, outcome in databases if instance in held}


def _of_operation(
    row: Any, requestor: str, outcome: Mapping[str, str], databases: Mapping[str, list[tuple[str, str, str]]],
    instances: Mapping[tuple[str, str], set[str]], of_record: Mapping[str, set[str]], claiming: set[str],
) -> str:
    """The class of an abort record: that of the databases it speaks of, else that of the whole operation."""
    if requestor not in (OWN, "unknown"):
        return "other_requestor"
    if row.kind == "genuine_failure":
        return "genuine_failure"
    found = of_record.get(row.twin, set())
    if len(found) != 1:
        found = _outcomes(row, databases.get(row.operation_id, []), instances)
    word = next(iter(found)) if len(found) == 1 else outcome[row.operation_id]
    if requestor == "unknown" and word == "benign_abort" and row.vm_name not in claiming:
        return "unexplained"  # the shape alone does not say who asked
    return OUTCOME_CLASS.get(word, "unexplained") if word != "clean" else "unexplained"


