"""To which instance an ERRORLOG belongs that does not name it: the one whose freezes the Application log shows too."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pandas as pd

from kit.reasoning.covered import APPLICATION, ERRORLOG
from kit.values import tuples

SAME_S = 2.0  # the event log of classic sources writes whole seconds
_Times = dict[tuple[str, str, str], list[pd.Timestamp]]  # machine, instance, database


def told_apart(records: pd.DataFrame, default: str) -> pd.Series:
    """The instance of each record; those of an ERRORLOG taken for the default instance get the one they are of.

    Only where every freeze in the file stands in the Application log of the same machine under one other instance, and
    none under the default one: both logs then tell of the same server.
    """
    instance = records["instance"]
    freezes = records[(records["phase"] == "freeze") & records["database"].notna() & records["time_utc"].notna()]
    channel = freezes["channel"].str.casefold()
    application = _times(freezes[channel == APPLICATION])
    if not {name for _, name, _ in application} - {default}:
        return instance
    unnamed = freezes[(channel == ERRORLOG) & (freezes["instance"] == default)]
    for source_id, own in unnamed.groupby("source_id", observed=True):
        found = [name for name in sorted({name for _, name, _ in application}) if _all_in(own, name, application)]
        if len(found) == 1 and found[0] != default:
            instance = instance.mask((records["source_id"] == source_id) & (instance == default), found[0])
    return instance


def _times(freezes: pd.DataFrame) -> _Times:
    made: _Times = {}
    for row in tuples(freezes.dropna(subset=["instance"]).sort_values("time_utc")):
        made.setdefault((_machine(row), row.instance, row.database.casefold()), []).append(row.time_utc)
    return made


def _machine(row: Any) -> str:
    name = row.vm_name if isinstance(row.vm_name, str) else row.computer
    return name.casefold() if isinstance(name, str) else ""


def _all_in(own: pd.DataFrame, instance: str, application: _Times) -> bool:
    """Whether each of these freezes stands in the Application log under the instance, at the same time."""
    return all(
        _near(row.time_utc, application.get((_machine(row), instance, row.database.casefold()), []))
        for row in tuples(own)
    )


def _near(time: pd.Timestamp, times: list[pd.Timestamp]) -> bool:
    place = bisect_left(times, time)
    return any(abs((other - time).total_seconds()) <= SAME_S for other in times[max(0, place - 1) : place + 1])
