"""What recovery did to each database in each boot of a test-failover machine."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning.records import RECOVERY_PHASES

STRONG = ("redo", "undo", "recovery_complete")


def split(records: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """The records with `boot_id` set after a test-failover boot; the history before it gets the role `guest`.

    `starts` has source_id, record_id (first record after the boot) and boot_id. A test log without any boot is history.
    """
    first = starts.set_index("source_id")
    boundary = records["source_id"].map(first["record_id"])
    after = (records["record_id"] >= boundary).fillna(False)
    made = records.copy()
    made["boot_id"] = records["source_id"].map(first["boot_id"]).where(after)
    history = (records["role"] == "test_failover_guest") & ~after
    made["role"] = records["role"].where(~history, "guest")
    return made


def recoveries(records: pd.DataFrame) -> pd.DataFrame:
    """Table `recoveries` from records after a test-failover boot (those with a `boot_id`).

    The event log and the ERRORLOG tell the same story: counts are the largest that one of them shows, never their sum.
    Strong: a record of redo, undo or completion for the database. Weak: the database was started and its instance
    reported the end of recovery, while another database of the instance shows a strong record.
    """
    own = records[records["boot_id"].notna() & records["phase"].isin(RECOVERY_PHASES)]
    rows: list[dict[str, Any]] = []
    for (boot_id, instance), spoken in own.groupby(["boot_id", own["instance"].fillna("")], sort=True):
        rows += _instance(str(boot_id), str(instance), spoken)
    return tables.frame("recoveries", rows)


def _instance(boot_id: str, instance: str, spoken: pd.DataFrame) -> list[dict[str, Any]]:
    named = spoken[spoken["database"].notna()]
    general = spoken[spoken["database"].isna()]
    broken = general[general["phase"] == "recovery_failed"]
    finished = spoken[spoken["phase"] == "instance_recovered"]
    recovered = bool(named["phase"].isin(STRONG).any())
    rows = []
    for _, records in named.groupby(named["database"].str.casefold(), sort=True):
        rows.append(_database(boot_id, instance, records, finished, broken, recovered))
    if not rows and len(broken):
        rows.append(_database(boot_id, instance, general, finished, broken, recovered))
    return rows


def _database(
    boot_id: str, instance: str, records: pd.DataFrame, finished: pd.DataFrame, broken: pd.DataFrame, recovered: bool
) -> dict[str, Any]:
    strong = bool(records["phase"].isin(STRONG).any())
    weak = bool((records["phase"] == "database_start").any()) and len(finished) > 0 and recovered
    failed = len(broken) > 0 or bool((records["phase"] == "recovery_failed").any())
    evidence = [*records["uid"], *finished["uid"], *broken["uid"]]
    return {
        "boot_id": boot_id, "instance": instance or None, "database": _name(records),
        "rolled_forward": _largest(records, "redo"), "rolled_back": _largest(records, "undo"),
        "completed": (strong or weak) and not failed, "strength": "strong" if strong else "weak" if weak else None,
        "failed": failed, "evidence": sorted(set(evidence)),
    }


def _name(records: pd.DataFrame) -> str | None:
    names = records["database"].dropna()
    return str(names.iloc[0]) if len(names) else None


def _largest(records: pd.DataFrame, phase: str) -> int | None:
    counts = records.loc[records["phase"] == phase, "count"].dropna()
    return int(counts.max()) if len(counts) else None


def with_coverage(boots: pd.DataFrame, records: pd.DataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """Table `boots` with `covered`: each instance that started reports the end of its recovery, no gap before it."""
    made = boots.copy()
    own = records[records["boot_id"].notna()]
    made["covered"] = pd.array(
        [
            _covered(own[own["boot_id"] == row.boot_id], row.start_utc, coverage) if row.test_failover else None
            for row in boots.itertuples()
        ],
        dtype="boolean",
    )
    return tables.check("boots", made)


def _covered(own: pd.DataFrame, start: pd.Timestamp, coverage: pd.DataFrame) -> bool | None:
    spoken = own[own["phase"].isin(RECOVERY_PHASES)]
    if spoken.empty:
        return None
    for _, instance in spoken.groupby(spoken["instance"].fillna(""), sort=True):
        ends = instance[instance["phase"].isin(["instance_recovered", "recovery_failed"])]
        if ends.empty:
            ends = _store_ends(instance)
        if not any(_unbroken(end, instance, start, coverage) for end in ends.itertuples()):
            return False
    return True


def _store_ends(instance: pd.DataFrame) -> pd.DataFrame:
    """Stores without an instance-wide record end with their own completion."""
    sql = instance["phase"].isin(["instance_start", "undo", "database_start"]).any()
    return instance.head(0) if sql else instance[instance["phase"] == "recovery_complete"]


def _unbroken(end: Any, instance: pd.DataFrame, start: pd.Timestamp, coverage: pd.DataFrame) -> bool:
    same = instance[instance["source_id"] == end.source_id]
    first = max(start, same["time_utc"].min())
    held = coverage[coverage["source_id"] == end.source_id]
    return bool(((held["first_time"] <= first) & (held["last_time"] >= end.time_utc)).any())


def cut_in_freeze(records: pd.DataFrame, boots: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Databases whose last snapshot record before a test boot is a freeze: boot_id, instance, database, uid.

    Read from the logs of the test-failover machine themselves, before its boot: a frozen record that no resumed record
    follows says that the image was cut inside the freeze.
    """
    tests = boots[boots["test_failover"].fillna(False)]
    rows = []
    for boot in tests.itertuples():
        own = records[records["source_id"].isin(list(boot.source_ids)) & records["boot_id"].isna()]
        own = own[own["phase"].isin(["freeze", "thaw"]) & own["database"].notna() & (own["class"] == "normal")]
        for (instance, database), pair in own.groupby([own["instance"].fillna(""), own["database"].str.casefold()]):
            last = [log.sort_values("record_id").iloc[-1] for _, log in pair.groupby("source_id")]
            newest = max(last, key=lambda record: record["time_utc"])
            if newest["phase"] == "freeze" and all(
                record["phase"] == "freeze" for record in last
                if record["time_utc"] >= newest["time_utc"] - pd.Timedelta(seconds=2)
            ) and _at_end(newest, boot):
                rows.append((boot.boot_id, instance, database, newest["uid"]))
    return pd.DataFrame(rows, columns=["boot_id", "instance", "database", "uid"])


def _at_end(record: pd.Series, boot: Any) -> bool:
    """Whether the freeze stands at the end of the image: within the longest window that a writer may stay frozen."""
    return bool(boot.image_time_utc - record["time_utc"] <= pd.Timedelta(seconds=70))
