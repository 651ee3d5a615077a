"""The log of a SQL LogScout collection (##SQLLOGSCOUT.LOG): when data was collected on which server.

    2021-04-01 12:00:55.800<tab>INFO<tab>Executing Collector: VSSAdmin_Providers

Local time. What LogScout collects (ERRORLOG, SQLAGENT, SqlWriterLogger, event logs, vssadmin lists, systeminfo) is read
by the readers of these formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from kit.sources._build import Made, append, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import decode, lines

NAME = "SQL LogScout log"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\t(INFO|WARN|ERROR|DEBUG\d?)\t(.*)", re.ASCII)
_LEVELS = {"ERROR": 2, "WARN": 3, "INFO": 4}
_SERVER = re.compile(r"(?:computer name|machine name|server name|host name)\W{1,6}([\w$-]{1,63})", re.IGNORECASE)


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the log that speak of collectors or of LogScout, 2 for lines of its form."""
    text = decode(head)[0]
    if not re.search(r"^" + _RECORD.pattern, text, re.MULTILINE | re.ASCII):
        return 0
    return 3 if re.search(r"logscout|Executing Collector", text, re.IGNORECASE) else 2


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, the server if the log names it, and the end of the collection as the time of the export."""
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
        if server := _SERVER.search(found[3]):
            yield Fact(computer=server[1])
        held = (
            "events",
            {
                "record_id": line.number,
                "offset": line.offset,
                "time_raw": found[1],
                "time_local": time,
                "precision_s": 0.001,
                "channel": "SQL LogScout",
                "provider": "SQL LogScout",
                "level": _LEVELS.get(found[2], 5),
                "message": found[3].strip(),
            },
        )
    if held:
        yield held
        yield Fact(exported=held[1]["time_local"])


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
