"""The log of a SQL LogScout collection (##SQLLOGSCOUT.LOG): when data was collected on which server.

    2021-04-01 12:00:55.800<tab>INFO<tab>Executing Collector: VSSAdmin_Providers

Local time. What LogScout collects (ERRORLOG, SQLAGENT, SqlWriterLogger, event logs, vssadmin lists, systeminfo) is read
by the readers of these formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kit.sources._build import Made, batches
from kit.sources._dated import messages, stands_in
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import decode

NAME = "SQL LogScout log"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\t(INFO|WARN|ERROR|DEBUG\d?)\t(.*)", re.ASCII)
_LEVELS = {"ERROR": 2, "WARN": 3, "INFO": 4}
_SERVER = re.compile(r"(?:computer name|machine name|server name|host name)\W{1,6}([\w$-]{1,63})", re.IGNORECASE)


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the log that speak of collectors or of LogScout, 2 for lines of its form."""
    if not stands_in(head, _RECORD):
        return 0
    return 3 if re.search(r"logscout|Executing Collector", decode(head)[0], re.IGNORECASE) else 2


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, the server if the log names it, and the end of the collection as the time of the export."""
    yield from batches(_made(opened))


def _made(opened: Opened) -> Iterator[Made | Lost | Fact]:
    last = None
    for made in messages(opened, _RECORD, _columns):
        yield made
        if isinstance(made, tuple):
            last = made[1]["time_local"]
            if server := _SERVER.search(made[1]["message"]):
                yield Fact(computer=server[1])
    if last:
        yield Fact(exported=last)


def _columns(found: re.Match[str]) -> dict[str, Any]:
    return {
        "precision_s": 0.001, "channel": "SQL LogScout", "provider": "SQL LogScout",
        "level": _LEVELS.get(found[2], 5), "message": found[3].strip(),
    }  # fmt: skip
