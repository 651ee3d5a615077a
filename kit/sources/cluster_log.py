"""cluster.log of Get-ClusterLog.

    00000f64.00001a2c::2014/05/19-20:00:09.870 INFO  [RES] Virtual Machine <Virtual Machine SQL01>: text

Process and thread, time with milliseconds, level, text. Times are UTC unless the log was made with -UseLocalTime; newer
logs say which, and name the node and the offset of its zone. Where nothing is said the times are assumed to be UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from kit.sources._build import LONGEST_MESSAGE, Made, append, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "cluster.log"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False

_RECORD = re.compile(
    r"(?:\[(?P<section>\w{1,20})\] )?(?P<ids>[0-9a-fA-F]{4,8}\.[0-9a-fA-F]{4,8})::"
    r"(?P<time>\d{4}/\d\d/\d\d-\d\d:\d\d:\d\d\.\d{3})\s+(?P<level>[A-Z]{2,5})?\s*(?P<text>.*)"
)
_LEVELS = {"CRIT": 1, "ERR": 2, "WARN": 3, "INFO": 4, "DBG": 5}
_LOCAL = "generated using local time"
_UTC = "generated using Coordinated Universal Time"
_NODE = re.compile(r"Current node: name \(([^)\s]+)\)")
_OFFSET = re.compile(r"time zone offset of this machine is (-?\d{1,3}) minutes")
_ABOUT_LINES = 5000


def recognise(head: bytes, name: str) -> int:
    """3 for lines of the log."""
    return 3 if _RECORD.search(decode(head)[0]) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`; lines of its other sections are no records."""
    about = [line.text for line in islice(lines(opened.file, opened.culture), _ABOUT_LINES)]
    local, stated = any(_LOCAL in text for text in about), any(_UTC in text for text in about)
    node = next((found[1] for text in about if (found := _NODE.search(text))), None)
    yield Fact(computer=node, zone=_zone(about) if local else None)
    if not local and not stated:
        yield Fact(note="the log does not say whether its times are UTC or local: UTC is assumed")
    yield from batches(_made(opened, "local" if local else "utc" if stated else "assumed"))


def _zone(about: list[str]) -> str | None:
    """The offset of the node's zone; the log writes what must be added to local time to get UTC."""
    found = next((match for text in about if (match := _OFFSET.search(text))), None)
    if found is None:
        return None
    minutes = -int(found[1])
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _made(opened: Opened, meaning: str) -> Iterator[Made | Lost | Fact]:
    held: Made | None = None
    for line in lines(opened.file, opened.culture):
        found = _RECORD.match(line.text.strip("\x00"))
        if found is None:
            if held and line.text[:1] in (" ", "\t"):
                append(held[1], line.text)
            continue
        if held:
            yield held
            held = None
        row = _row(line, found, meaning)
        if row is None:
            yield Lost(1, f"line {line.number}: {found['time']} is no time", line.number, line.number, line.offset)
        else:
            held = "events", row
    if held:
        yield held


def _row(line: Line, found: re.Match[str], meaning: str) -> dict[str, Any] | None:
    try:
        time = datetime.strptime(found["time"], "%Y/%m/%d-%H:%M:%S.%f")  # noqa: DTZ007
    except ValueError:
        return None
    level = found["level"] or ""
    row: dict[str, Any] = {
        "record_id": line.number,
        "offset": line.offset,
        "time_raw": found["time"],
        "precision_s": 0.001,
        "channel": "cluster.log",
        "provider": "cluster.log",
        "level": _LEVELS.get(level),
        "message": (found["text"] if level in _LEVELS else f"{level} {found['text']}").strip()[:LONGEST_MESSAGE],
    }
    if meaning == "local":
        return row | {"time_local": time}
    return row | {"time_utc": time.replace(tzinfo=UTC), "time_basis": meaning}
