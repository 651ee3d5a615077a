"""The log of SQL Server Agent (SQLAGENT.OUT, SQLAGENT.1 ...).

    2021-01-11 02:33:38 - ? [129] SQLSERVERAGENT starting under Windows NT service control

Local time, resolution one second, in ISO or as the server's culture writes it; `!` error, `+` warning, `?`
information; the number in brackets is the message number of the agent and becomes the event id. Lines without a time
belong to the message before. Texts are localised. As a result of `sp_readerrorlog 0, 2` it has a number instead of the
sign, with or without a header:

    2021-01-11 02:33:38.000,3,[129] SQLSERVERAGENT starting under Windows NT service control
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kit.sources._build import Made, batches
from kit.sources._dated import messages, stands_in
from kit.sources.seam import Fact, Lost, Opened, Reading

NAME = "SQL Server Agent log"
VERSION = "2"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(
    r'"?(\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}.{4,30}?(?!\d))(?: - |"?[\t,;| ]+"?)'
    r'([!?+]|[123](?="?[\t,;| ]))"?[\t,;| ]+"?\[(\w{1,6})\] ?(.*)'
)
_LEVELS = {"!": 2, "+": 3, "?": 4, "1": 2, "2": 3, "3": 4}
_SERVER = re.compile(r"SQL Server ([^\s\\]+)(?:\\\S+)? version \d")


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the agent."""
    return 3 if stands_in(head, _RECORD) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events` and the server that the agent names; lines before the first one with a time as losses."""
    yield from batches(_made(opened))


def _made(opened: Opened) -> Iterator[Made | Lost | Fact]:
    for made in messages(opened, _RECORD, _columns):
        yield made
        if isinstance(made, tuple) and (server := _SERVER.match(made[1]["message"])):
            yield Fact(computer=server[1])


def _columns(found: re.Match[str]) -> dict[str, Any]:
    number, text = found[3], found[4]
    return {
        "precision_s": 1.0,
        "channel": "SQL Server Agent",
        "provider": "SQLSERVERAGENT",
        "event_id": int(number) if number.isdigit() else None,
        "level": _LEVELS[found[2]],
        "message": text.removesuffix('"') if found[2].isdigit() else text,
    }
