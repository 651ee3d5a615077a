"""The tables of an analysis restricted to one VM or period, so that every count is that of the selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kit import times
from kit.judgement import advice, judged
from kit.reasoning import clocks
from kit.words import Words

Tables = Mapping[str, pd.DataFrame]
Period = tuple[pd.Timestamp | None, pd.Timestamp | None]


def restrict(found: Tables, meta: Mapping[str, Any], vm: str | None, period: Period) -> dict[str, pd.DataFrame]:
    """The tables with the points, operations, findings and events of a VM and period; sources stay whole.

    Of the events stay those inside the period, and those that a finding of the selection cites.
    """
    kept = dict(found)
    points = _within(_of_vm(found["recovery_points"], vm), "time_utc", period)
    kept["recovery_points"] = points
    for name in ("links", "verdicts"):
        kept[name] = _where(found[name], "recovery_point_id", points["recovery_point_id"])
    for name in ("replication", "advice", "actions", "missing", "boots", "writers"):
        kept[name] = _of_vm(found[name], vm, and_unnamed=True)
    kept["operations"] = _within(_of_vm(found["operations"], vm), "begin_utc", period)
    kept["expected_points"] = _within(_of_vm(found["expected_points"], vm), "time_utc", period)
    kept["operation_databases"] = _where(
        found["operation_databases"], "operation_id", kept["operations"]["operation_id"]
    )
    if period != (None, None):
        kept["boots"] = _booted(kept["boots"], set(points["recovery_point_id"]), period)
    kept["recoveries"] = _where(found["recoveries"], "boot_id", kept["boots"]["boot_id"])
    kept |= _statements(kept, vm, period)
    return kept if period == (None, None) else kept | {"actions": _advised(kept, meta)}


def _booted(boots: pd.DataFrame, ids: set[str], period: Period) -> pd.DataFrame:
    """Boots of the points of the selection, and those inside the period that are of no listed point."""
    inside = set(_within(boots, "start_utc", period)["boot_id"])
    unlinked = boots["recovery_point_id"].isna() & boots["boot_id"].isin(inside)
    return boots[unlinked | boots["recovery_point_id"].isin(ids)].reset_index(drop=True)


def bounds(meta: Mapping[str, Any], period: Period) -> dict[str, Any]:
    """First and last time of the judged period once it is restricted, as the meta data say them."""
    made: dict[str, Any] = {}
    for name, moment, inner in (("first_time", period[0], max), ("last_time", period[1], min)):
        if moment is not None:
            told = [pd.Timestamp(meta[name])] if meta.get(name) else []
            made[name] = times.iso_z(inner([moment, *told]))
    return made


def _statements(kept: Tables, vm: str | None, period: Period) -> dict[str, pd.DataFrame]:
    """Findings of the selection, the events inside it or cited by them, and what was judged of those."""
    inside = set(_within(_of_vm(kept["events"], vm, and_unnamed=True), "time_utc", period)["uid"])
    findings = kept["findings"][_told(kept, vm, inside)].reset_index(drop=True)
    uids = inside | set(findings["evidence"].explode().dropna())
    events = _where(kept["events"], "uid", uids)
    return {
        "findings": findings, "events": events,
        "judged_events": _where(kept["judged_events"], "uid", events["uid"]),
        "matches": _where(kept["matches"], "uid", events["uid"]),
    }


def _told(kept: Tables, vm: str | None, inside: set[str]) -> pd.Series:
    """Which findings belong to the selection: cited by its verdicts, or about what is in it."""
    findings = kept["findings"]
    cited = set(kept["verdicts"]["because"].explode()) | set(kept["verdicts"]["against"].explode())
    own = pd.Series(True, index=findings.index) if vm is None else findings["vm_name"].isna() | (
        findings["vm_name"] == vm
    )
    for table, column in (("recovery_points", "recovery_point_id"), ("operations", "operation_id")):
        own &= findings[column].isna() | findings[column].isin(set(kept[table][column]))
    shown = findings["evidence"].map(lambda uids: uids is None or not len(uids) or not inside.isdisjoint(uids))
    return findings["finding_id"].isin(cited) | (own & shown.astype(bool))


def _advised(kept: Tables, meta: Mapping[str, Any]) -> pd.DataFrame:
    """Next steps for a period; the advice stays that of the case, even where its point lies outside the period."""
    given, operations = kept["advice"], kept["operations"]
    beyond = given["fail_over_to"].notna() & ~given["fail_over_to"].isin(kept["recovery_points"]["recovery_point_id"])
    failed = operations[
        (operations["requestor"] == judged.OWN) & operations["outcome"].isin(["genuine_failure", "mixed"])
    ]
    words = Words(times.zone(str(meta.get("zone") or "UTC")))
    host = clocks.reference(kept["recovery_points"], kept["sources"])
    points, verdicts, missing = (kept[name] for name in ("recovery_points", "verdicts", "missing"))
    elsewhere = set(given.loc[beyond, "vm_name"])
    return advice.actions(points, verdicts, given, missing, words, failed, host, elsewhere)


def _where(given: pd.DataFrame, column: str, wanted: Any) -> pd.DataFrame:
    return given[given[column].isin(set(wanted))].reset_index(drop=True)


def _of_vm(given: pd.DataFrame, vm: str | None, and_unnamed: bool = False) -> pd.DataFrame:
    if vm is None:
        return given
    own = given["vm_name"] == vm
    return given[own | given["vm_name"].isna() if and_unnamed else own].reset_index(drop=True)


def _within(given: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    first, last = period
    moments = given[column]
    outside = pd.Series(False, index=given.index)
    if first is not None:
        outside |= moments < first
    if last is not None:
        outside |= moments > last
    return given[~outside].reset_index(drop=True)
