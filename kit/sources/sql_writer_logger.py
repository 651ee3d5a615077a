"""SqlWriterLogger.txt, the trace of the SQL writer (SQL Server 2019 and later, 2016 SP3, 2017 CU 27).

    [01/11/2021 02:33:38, TID 232c] Entering SQL Writer OnFreeze.

MM/DD/YYYY in every culture, local time, resolution one second. Each start of the service prints its offset from UTC
(`UTC OFFSET: -8:00`), which holds for the lines after it; lines before the first start take its offset. Nothing is
printed when daylight saving begins or ends while the service runs, so lines that may lie behind such a change are
marked as assumed. Source: the documentation of SQL Server VSS writer logging.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kit import times
from kit.sources._build import LONGEST_MESSAGE, Made, append, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "SqlWriterLogger"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(r"\[(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d), TID ([0-9a-fA-F]{1,8})\] ?(.*)")
_OFFSET = re.compile(r"UTC OFFSET: ([+-]?)(\d{1,2}):(\d\d)")
_SERVER = re.compile(r"Service: \S+ Server: ([^\s\\]+?)(?:\\\S+)?\. +Version=")
# Between these days (month, day) the clocks of no country change: the ends of the two quiet seasons of a year.
_SUMMER, _WINTER = ((4, 10), (9, 20)), ((11, 10), (3, 5))


@dataclass(frozen=True)
class _Start:
    """A start of the service: its line, its local time and its offset."""

    line: int
    time: datetime
    offset: str

    def holds(self, time: datetime) -> bool:
        """Whether no change of daylight saving can lie between the start and this time."""
        season = _season(self.time)
        near = abs(time - self.time) < timedelta(days=180)
        return abs(time - self.time) < timedelta(hours=12) or (near and season is not None and season == _season(time))


def _season(time: datetime) -> str | None:
    day = (time.month, time.day)
    if _SUMMER[0] <= day <= _SUMMER[1]:
        return "summer"
    return "winter" if day >= _WINTER[0] or day <= _WINTER[1] else None


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the trace."""
    return 3 if re.search(_RECORD.pattern, decode(head)[0]) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """One row of `events` for each line with a time; lines without one belong to the message before."""
    starts, computer = _survey(opened)
    offsets = list(dict.fromkeys(start.offset for start in starts))
    yield Fact(zone=offsets[-1] if len(offsets) == 1 else None, computer=computer)
    if not offsets:
        yield Fact(note="no start of the service in the file, so no UTC offset: collect SqlWriterLogger1.txt too")
    if len(offsets) > 1:
        yield Fact(note=f"the service states several UTC offsets ({', '.join(offsets)}): each holds from its start on")
    doubtful = sum(1 for line, found in _records(opened) if found and not _certain(starts, line.number, _time(found)))
    if doubtful and offsets:
        note = f"{doubtful} lines may lie behind a change of daylight saving that the trace does not show"
        yield Fact(note=f"{note}: declare timezone for this source in case.toml")
    yield from batches(_made(opened, starts, len(offsets) > 1))


def _records(opened: Opened) -> Iterator[tuple[Line, re.Match[str] | None]]:
    return ((line, _RECORD.match(line.text)) for line in lines(opened.file, opened.culture))


def _time(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.strptime(found[1], "%m/%d/%Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None


def _survey(opened: Opened) -> tuple[list[_Start], str | None]:
    """The starts of the service, and the server that the first list of instances names."""
    starts: list[_Start] = []
    computer: str | None = None
    begun = 0
    for line, found in _records(opened):
        if found and "TRACING STARTED" in found[3]:
            begun = line.number - 1  # the line of stars above it
        if found and (stated := _OFFSET.search(found[3])) and (time := _time(found)):
            offset = f"{stated[1] or '+'}{int(stated[2]):02d}:{stated[3]}"
            starts.append(_Start(begun or line.number, time, offset))
            begun = 0
        if computer is None and (server := _SERVER.search(line.text)):
            computer = server[1]
    return starts, computer


def _start_of(starts: list[_Start], line: int) -> _Start | None:
    """The start that governs a line: the last one before it, else the first."""
    place = bisect_right(starts, line, key=lambda start: start.line) - 1
    return starts[max(place, 0)] if starts else None


def _certain(starts: list[_Start], line: int, time: datetime | None) -> bool:
    start = _start_of(starts, line)
    return start is not None and time is not None and start.holds(time)


def _made(opened: Opened, starts: list[_Start], several: bool) -> Iterator[Made | Lost | Fact]:
    held: Made | None = None
    for line, found in _records(opened):
        time = _time(found) if found else None
        if time is None:
            reason = "no time, and no message before it" if found is None else f"{found[1]} is no time"
            if found is None and held:
                append(held[1], line.text)
            elif line.text.strip("\x00 "):
                yield Lost(1, f"line {line.number}: {reason}", line.number, line.number, line.offset)
        elif found:
            if held:
                yield _trimmed(held)
            held = "events", _row(line, found, time) | _placed(starts, line.number, time, several)
    if held:
        yield _trimmed(held)


def _trimmed(made: Made) -> Made:
    made[1]["message"] = made[1]["message"].rstrip()
    return made


def _row(line: Line, found: re.Match[str], time: datetime) -> dict[str, Any]:
    return {
        "record_id": line.number,
        "offset": line.offset,
        "time_raw": found[1],
        "precision_s": 1.0,
        "channel": "SqlWriterLogger",
        "provider": "SQLWRITER",
        "data": f'{{"thread": "{found[2]}"}}',
        "message": found[3][:LONGEST_MESSAGE],
    }


def _placed(starts: list[_Start], line: int, time: datetime, several: bool) -> dict[str, Any]:
    """The local time, or UTC where the trace states more than one offset; assumed where daylight saving may differ."""
    start = _start_of(starts, line)
    doubt = {"time_basis": "assumed"} if start and not start.holds(time) else {}
    if several and start:
        utc = time.replace(tzinfo=times.zone(start.offset)).astimezone(UTC)
        return {"time_utc": utc, "time_basis": "inferred"} | doubt
    return {"time_local": time} | doubt
