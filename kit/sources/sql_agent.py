"""The log of SQL Server Agent (SQLAGENT.OUT, SQLAGENT.1 ...).

    2021-01-11 02:33:38 - ? [129] SQLSERVERAGENT starting under Windows NT service control

Local time, resolution one second; `!` error, `+` warning, `?` information; the number in brackets is the message number
of the agent and becomes the event id. Lines without a time belong to the message before. Texts are localised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from kit.sources._build import Made, append, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import decode, lines

NAME = "SQL Server Agent log"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - ([!?+]) \[(\w{1,6})\] ?(.*)", re.ASCII)
_LEVELS = {"!": 2, "+": 3, "?": 4}
_SERVER = re.compile(r"SQL Server ([^\s\\]+)(?:\\\S+)? version \d")


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the agent."""
    return 3 if re.search(_RECORD.pattern, decode(head)[0], re.ASCII) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`; lines before the first one with a time as losses."""
    yield from batches(_made(opened))


def _made(opened: Opened) -> Iterator[Made | Lost | Fact]:
    held: Made | None = None
    for line in lines(opened.file, opened.culture):
        found = _RECORD.match(line.text)
        time = _time(found[1]) if found else None
        if found is None or time is None:
            if held and line.text.strip("\x00 "):
                append(held[1], line.text)
            elif line.text.strip("\x00 "):
                yield Lost(1, f"line {line.number}: no time", line.number, line.number, line.offset)
            continue
        if held:
            yield held
        if server := _SERVER.match(found[4]):
            yield Fact(computer=server[1])
        held = (
            "events",
            {
                "record_id": line.number,
                "offset": line.offset,
                "time_raw": found[1],
                "time_local": time,
                "precision_s": 1.0,
                "channel": "SQL Server Agent",
                "provider": "SQLSERVERAGENT",
                "event_id": int(found[3]) if found[3].isdigit() else None,
                "level": _LEVELS[found[2]],
                "message": found[4],
            },
        )
    if held:
        yield held


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
