"""What follows from the verdicts: where to fail over to, what not to use, what to test and to collect next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from kit import collect, tables
from kit.words import Words, counted, span

GOOD = ("confirmed", "supported")
STORES = ("ESE", "NTDS", "EXCHANGE")  # engines of stores that are no databases of SQL Server


def advice(points: pd.DataFrame, verdicts: pd.DataFrame, collected: pd.Timestamp | None) -> pd.DataFrame:
    """Table `advice`: one row for each VM that has points.

    The point to take is the newest confirmed or supported one; the fallback is the newest confirmed one before it,
    else the newest supported one before it. The loss counts from the point to the collection of the evidence.
    """
    rows = []
    for vm_name, own in _machine(points, verdicts).groupby("vm_name", sort=True):
        good = own[own["verdict"].isin(GOOD)].sort_values("time_utc")
        if good.empty:
            rows.append({"vm_name": vm_name, "reason": "no point of this machine is confirmed or supported"})
            continue
        best = good.iloc[-1]
        older = good[good["time_utc"] < best["time_utc"]]
        sure = older[older["verdict"] == "confirmed"]
        fallback = (sure if len(sure) else older).iloc[-1]["recovery_point_id"] if len(older) else None
        loss = (collected - best["time_utc"]).total_seconds() if collected is not None else None
        rows.append(
            {"vm_name": vm_name, "fail_over_to": best["recovery_point_id"], "fallback": fallback,
             "data_loss_s": max(0.0, loss) if loss is not None else None, "reason": f"newest {best['verdict']} point"}
        )
    return tables.frame("advice", rows)


def _machine(points: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    machine = verdicts.loc[verdicts["database"].isna(), ["recovery_point_id", "verdict", "items"]]
    return points.dropna(subset=["vm_name"]).merge(machine, on="recovery_point_id")


def actions(
    points: pd.DataFrame, verdicts: pd.DataFrame, given: pd.DataFrame, missing: pd.DataFrame, words: Words,
    failed: pd.DataFrame, host: str | None, elsewhere: Collection[str] = (),
) -> pd.DataFrame:
    """Table `actions`: at most five next steps for each VM, in order, with what each settles and the command.

    `given` is table `advice`, `failed` the operations of the host's schedule that failed, `elsewhere` the VMs whose
    point to fail over to is not among `points`.
    """
    rows: list[dict[str, Any]] = []
    machine = _machine(points, verdicts)
    for row in given.itertuples():
        own = machine[machine["vm_name"] == row.vm_name]
        newest = [] if row.vm_name in elsewhere else _test_newest(row, own, host, words)
        steps = [
            *newest, *_test_neighbour(own, verdicts, host, words, newest),
            *_collect(row.vm_name, missing), *_look_at_failures(row.vm_name, failed, words),
        ]
        rows += steps[:5]
    named = set(given["vm_name"])
    rows += [] if named else _collect(None, missing, most=5)
    return tables.frame("actions", rows)


def _test_newest(row: Any, own: pd.DataFrame, host: str | None, words: Words) -> list[dict[str, Any]]:
    chosen = own[own["recovery_point_id"] == row.fail_over_to]
    if chosen.empty:
        claimed = own[own["claimed"] == "application_consistent"].sort_values("time_utc")
        if claimed.empty:
            return []
        which, point = "newest point that claims application consistency", claimed.iloc[-1]
        why = "Settles whether any point can be trusted"
    elif chosen.iloc[0]["verdict"] == "confirmed":
        return []
    else:
        which, point = "point to fail over to", chosen.iloc[0]
        why = "Settles whether it holds what it claims"
    when = words.moment(point["time_utc"], seconds=False)
    text = f"Test the {which}, {when}. {why}; then collect the test machine's logs."
    return [_step(row.vm_name, text, host, collect.test_failover(row.vm_name, point["recovery_point_id"]))]


def _test_neighbour(
    own: pd.DataFrame, verdicts: pd.DataFrame, host: str | None, words: Words, newest: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The test of the good point before the newest contradicted one; after another test, which it has to end first."""
    bad = own[own["verdict"] == "contradicted"].sort_values("time_utc")
    if bad.empty:
        return []
    worst = bad.iloc[-1]
    near = own[(own["time_utc"] < worst["time_utc"]) & own["verdict"].isin(GOOD)].sort_values("time_utc")
    if near.empty:
        return []
    point = near.iloc[-1]
    when = words.moment(point["time_utc"], seconds=False)
    text = (
        f"Test the neighbour of the contradicted point, {when}, and check its databases. Settles "
        "whether the fault belongs to that one point or to the workload."
    )
    check = _check(verdicts[verdicts["recovery_point_id"] == worst["recovery_point_id"]])
    command = collect.test_failover(point["vm_name"], point["recovery_point_id"])
    if newest and newest[0]["command"] == command:
        newest[0]["command"] += check  # one and the same point
        return []
    if newest:
        text += " Only one test runs at a time: end the other one first, when its logs are collected."
        command = f"{collect.end_test(point['vm_name'])}\n{command}"
    return [_step(point["vm_name"], text, host, command + check)]


def _check(rows: pd.DataFrame) -> str:
    """The check of the database of SQL Server that lost most in a point; nothing where none was contradicted."""
    sql = ~rows["instance"].fillna("").str.upper().str.startswith(STORES)
    rolled = rows[(rows["verdict"] == "contradicted") & rows["database"].notna() & sql]
    if rolled.empty:
        return ""
    worst = rolled.sort_values("rolled_back", ascending=False, kind="stable", na_position="last").iloc[0]
    return "\n# then in the test machine\n" + collect.check_database(str(worst["database"]), _text(worst["instance"]))


def _collect(vm_name: str | None, missing: pd.DataFrame, most: int = 2) -> list[dict[str, Any]]:
    own = missing if vm_name is None else missing[missing["vm_name"].isna() | (missing["vm_name"] == vm_name)]
    return [
        _step(vm_name, f"Collect: {row.what}. {_began(row.why)}.".replace("..", "."), None, _text(row.command))
        for row in own.itertuples() if _text(row.command)
    ][:most]


def _began(text: str) -> str:
    return text[:1].upper() + text[1:]


def _look_at_failures(vm_name: str, failed: pd.DataFrame, words: Words) -> list[dict[str, Any]]:
    own = failed[failed["vm_name"] == vm_name]
    if own.empty:
        return []
    times = ", ".join(words.moment(time, seconds=False) for time in own["begin_utc"].head(3))
    text = (
        f"Look into {counted(len(own), 'failed snapshot')} in the guest ({times} on its own clock): load of the "
        "disks, other backups at that time. Settles whether the failure will come back."
    )
    command = (
        "Get-WinEvent -FilterHashtable @{LogName='System','Application'; ProviderName='volsnap','VSS'; Level=2,3} "
        "-MaxEvents 50 | Format-List TimeCreated, ProviderName, Id, Message"
    )
    return [_step(vm_name, text, str(own.iloc[0]["computer"]), command)]


def _step(vm_name: str | None, text: str, where: str | None, command: str | None) -> dict[str, Any]:
    return {"vm_name": vm_name, "text": text, "where": where, "command": command}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def loss(row: Any) -> str:
    """How much data a fail-over loses, in words."""
    return span(row.data_loss_s)
