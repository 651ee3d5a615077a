"""What recovery did to each database in each boot of a test-failover machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from kit import tables
from kit.reasoning.records import RECOVERY_PHASES
from kit.values import tuples

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
    columns = ["boot_id", "instance", "database", "phase", "uid", "count"]
    own = records.loc[records["boot_id"].notna() & records["phase"].isin(RECOVERY_PHASES), columns]
    spoken: dict[tuple[str, str], list[Any]] = {}
    for row in tuples(own):
        spoken.setdefault((row.boot_id, _text(row.instance) or ""), []).append(row)
    rows = [row for key in sorted(spoken) for row in _instance(*key, spoken[key])]
    return tables.frame("recoveries", rows)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _instance(boot_id: str, instance: str, spoken: list[Any]) -> list[dict[str, Any]]:
    general = [row for row in spoken if _text(row.database) is None]
    broken = [row for row in general if row.phase == "recovery_failed"]
    finished = [row for row in spoken if row.phase == "instance_recovered"]
    named: dict[str, list[Any]] = {}
    for row in spoken:
        if _text(row.database) is not None:
            named.setdefault(row.database.casefold(), []).append(row)
    recovered = any(row.phase in STRONG for own in named.values() for row in own)
    rows = [_database(boot_id, instance, named[name], finished, broken, recovered) for name in sorted(named)]
    if not rows and broken:
        rows.append(_database(boot_id, instance, general, finished, broken, recovered))
    return rows


def _database(
    boot_id: str, instance: str, records: list[Any], finished: list[Any], broken: list[Any], recovered: bool
) -> dict[str, Any]:
    said = {row.phase for row in records}
    strong = not said.isdisjoint(STRONG)
    weak = "database_start" in said and bool(finished) and recovered
    failed = bool(broken) or "recovery_failed" in said
    return {
        "boot_id": boot_id, "instance": instance or None, "database": _text(records[0].database),
        "rolled_forward": _largest(records, "redo"), "rolled_back": _largest(records, "undo"),
        "completed": (strong or weak) and not failed, "strength": "strong" if strong else "weak" if weak else None,
        "failed": failed, "evidence": sorted({row.uid for row in (*records, *finished, *broken)}),
    }


def _largest(records: list[Any], phase: str) -> int | None:
    return max((int(row.count) for row in records if row.phase == phase and not pd.isna(row.count)), default=None)


def with_coverage(boots: pd.DataFrame, records: pd.DataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """Table `boots` with `covered`: each instance that started reports the end of its recovery, no gap before it."""
    made = boots.copy()
    own = records.loc[records["boot_id"].notna(), ["boot_id", "phase", "instance", "source_id", "time_utc"]]
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
    wanted = records["boot_id"].isna() & records["phase"].isin(["freeze", "thaw"]) & (records["class"] == "normal")
    columns = ["uid", "source_id", "record_id", "time_utc", "phase", "instance", "database"]
    own = records.loc[wanted & records["database"].notna(), columns]
    rows = []
    for boot in tests.itertuples():
        for (instance, database), last in _last_of_logs(own[own["source_id"].isin(list(boot.source_ids))]):
            newest = max(last, key=lambda record: record.time_utc)
            near = newest.time_utc - pd.Timedelta(seconds=2)
            frozen = all(record.phase == "freeze" for record in last if record is newest or record.time_utc >= near)
            if frozen and _at_end(newest, boot):
                rows.append((boot.boot_id, instance, database, newest.uid))
    return pd.DataFrame(rows, columns=["boot_id", "instance", "database", "uid"])


def _last_of_logs(own: pd.DataFrame) -> Iterator[tuple[tuple[str, str], list[Any]]]:
    """The last record of each log, for each instance and database."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in tuples(own.sort_values("record_id", kind="stable")):
        key = (_text(row.instance) or "", row.database.casefold())
        last.setdefault(key, {})[row.source_id] = row
    for key in sorted(last):
        yield key, [row for _, row in sorted(last[key].items())]


def _at_end(record: Any, boot: Any) -> bool:
    """Whether the freeze stands at the end of the image: within the longest window that a writer may stay frozen."""
    return bool(boot.image_time_utc - record.time_utc <= pd.Timedelta(seconds=70))
