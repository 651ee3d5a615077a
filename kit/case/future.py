"""Records from the future: times that nothing else in the case reaches, after a leap of the log's own clock.

A clock that ran wild, or a record that was put in, would stretch what a log seems to cover and when the evidence seems
to have been collected. Such records are kept and shown, but their times are `assumed`: they carry no verdict.

A log is vouched for by the other computers of the case and by the times of its exports, plus half a day and an hour,
because zones and clocks may be wrong by that much. Its records beyond may only be newer: as long as no record follows
the one before it by more than that, the log was merely collected later. What comes after such a leap is from the
future. A list of recovery points cannot name a point that is newer than the list itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from kit.case import roles
from kit.case.assembly import finished
from kit.case.source import Source

SAID = "from the future"
REACH = pd.Timedelta(hours=13)
WRITING = pd.Timedelta(minutes=15)  # between the newest point and the time that a list gives for itself


def marked(found: Sequence[Source]) -> list[Source]:
    """The sources; those with times from the future know the last plausible one and how many rows lie after it."""
    vouched = _Vouched(found)
    return [_marked(one, vouched.of(one)) for one in found]


def said(one: Source) -> str | None:
    """What the note of the source says of its times from the future; None without any."""
    if one.until is None:
        return None
    rows = "1 row is" if one.ahead == 1 else f"{one.ahead} rows are"
    last = f"{one.until:%Y-%m-%d %H:%M} UTC"
    return f"{rows} {SAID}, later than {last} and than the case can vouch for: no verdict rests on them"


def _newest(one: Source) -> pd.Timestamp | None:
    """The newest time that a source shows, its export included; a local time that nobody can place does not tell."""
    account = one.read.account.source
    told = [account.get("last_time"), account.get("exported_utc")]
    if one.zone is not None and one.zone.basis != "assumed":
        told += [_utc(one, account.get(name)) for name in ("last_local", "exported_local")]
    return max((pd.Timestamp(time) for time in told if time is not None), default=None)


def _utc(one: Source, local: datetime | None) -> pd.Timestamp | None:
    if local is None or one.zone is None:
        return None
    made = one.zone.moment(local)
    return made if pd.notna(made) else None


class _Vouched:
    """Until when others vouch for a source: the newest time of another computer, or of an export of its own."""

    def __init__(self, found: Sequence[Source]) -> None:
        self._newest: dict[str, pd.Timestamp] = {}
        exports = (one.read.account.source.get("exported_utc") for one in found)
        self._exported = max((pd.Timestamp(time) for time in exports if time), default=None)
        for one in found:
            if (time := _newest(one)) is not None:
                name = roles.short(one.role.computer)
                self._newest[name] = max(time, self._newest.get(name, time))
        self._latest = sorted(self._newest.items(), key=lambda pair: pair[1])[-2:]

    def of(self, one: Source) -> pd.Timestamp | None:
        """The time for one source; None where nobody vouches."""
        own = roles.short(one.role.computer)
        others = [time for name, time in self._latest if name != own]
        return max((time for time in (*others, self._exported) if time is not None), default=None)


def _marked(one: Source, vouched: pd.Timestamp | None) -> Source:
    exported = one.read.account.source.get("exported_utc")
    if one.entry is None:
        return one
    if one.entry.path("recovery_points") and exported is not None:
        times = _times(one, "recovery_points")
        last = pd.Timestamp(exported) + WRITING
        return replace(one, until=last, ahead=int((times > last).sum())) if (times > last).any() else one
    newest = _newest(one)
    if vouched is None or newest is None or newest <= vouched + REACH or not one.entry.path("events"):
        return one
    times = _times(one, "events")
    until = _before_leap(times, vouched + REACH)
    return replace(one, until=until, ahead=int((times > until).sum())) if until is not None else one


def _times(one: Source, name: str) -> pd.Series:
    table = one.entry.table(name) if one.entry else None
    made = finished(one, name, table).column("time_utc").to_pandas() if table is not None else pd.Series(dtype="object")
    return made.dropna().sort_values(ignore_index=True)


def _before_leap(times: Iterable[pd.Timestamp], bound: pd.Timestamp) -> pd.Timestamp | None:
    """The last time before the first leap that ends beyond the bound; none without a leap, or if nothing is before."""
    ordered = pd.Series(times)
    leaps = (ordered.diff() > REACH) & (ordered > bound)
    if not leaps.any():
        return None
    return ordered.iloc[int(np.flatnonzero(leaps)[0]) - 1]
