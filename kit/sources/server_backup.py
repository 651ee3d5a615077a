"""Windows Server Backup: `wbadmin get versions`, and the text logs of a backup with the failures of writers.

    Backup time: 5/19/2014 9:00 PM                    Writer Failures
    Backup location: ...                              Writer Id: {GUID}
    Version identifier: 05/19/2014-19:00                 Writer Name: SqlServerWriter
    Can recover: Volume(s), ...                          Failure Result: 800423F4

The version identifier is MM/DD/YYYY-HH:MM in UTC in every language; the labels are translated and told by their order.
Each row says that another requestor was at work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kit.powershell.dates import Dates
from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "Windows Server Backup"
VERSION = "2"
TABLES = ("records",)

_LABELLED = re.compile(r"\s*(\S[^:：]{0,60}?)\s*[:：]\s*(.*)$")
_VERSION = re.compile(r"\d\d/\d\d/\d{4}-\d\d:\d\d$")
_GUID_VALUE = r"[^:：{]{0,40}[:：]\s*\{([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}\s*$"
_WRITER_ID = re.compile(r"\s*\S" + _GUID_VALUE)
_BEGINS = re.compile(r"\S" + _GUID_VALUE)  # not indented
_FAILURE = re.compile(r"^\s*(?:Failure Result|Application Result|Detailed Error|Writer State)\s*:", re.MULTILINE)
_RULE = re.compile(r"\s*\*[-*]{5,}\*?\s*$")
_TOOL = re.compile(r"^wbadmin \d\.\d - ", re.MULTILINE)
_MOST_LINES = 2000


def recognise(head: bytes, name: str) -> int:
    """3 for version identifiers of wbadmin or failures of writers, 2 for the tool's banner alone."""
    text = decode(head)[0].replace("\r", "")
    versions = sum(1 for line in text.split("\n") if (m := _LABELLED.match(line)) and _VERSION.match(m[2].strip()))
    failures = bool(_FAILURE.search(text)) and any(_WRITER_ID.match(line) for line in text.split("\n"))
    return 3 if versions or failures else 2 if _TOOL.search(text[:600]) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kinds backup_version and backup_writer_result."""
    dates = Dates(opened.culture)
    for block in _blocks(opened):
        dates.learn(value for _, value in _pairs(block)[:1])
    yield from batches(_made(opened, dates))


def _blocks(opened: Opened) -> Iterator[list[Line]]:
    """Lines between empty lines, or between the rules of a log."""
    held: list[Line] = []
    for line in lines(opened.file, opened.culture):
        text = line.text.strip("\x00").rstrip()
        again = bool(_BEGINS.match(text)) and any(_BEGINS.match(other.text) for other in held)
        if held and (not text or _RULE.match(text) or again or len(held) >= _MOST_LINES):
            yield held
            held = []
        if text and not _RULE.match(text):
            held.append(Line(line.number, line.offset, text))
    if held:
        yield held


def _pairs(block: list[Line]) -> list[tuple[str, str]]:
    return [(found[1].strip(), found[2].strip()) for line in block if (found := _LABELLED.match(line.text))]


def _made(opened: Opened, dates: Dates) -> Iterator[Made | Lost | Fact]:
    for block in _blocks(opened):
        pairs = _pairs(block)
        version = next((value for _, value in pairs if _VERSION.match(value)), None)
        if version:
            yield from _version(block, pairs, version, dates)
        elif _FAILURE.search("\n".join(line.text for line in block)):
            yield "records", _failure(pairs)


def _version(
    block: list[Line], pairs: list[tuple[str, str]], version: str, dates: Dates
) -> Iterator[Made | Lost | Fact]:
    try:
        time = datetime.strptime(version, "%m/%d/%Y-%H:%M").replace(tzinfo=UTC)
    except ValueError:
        number = block[0].number
        yield Lost(1, f"line {number}: version identifier {version} is no time", number, number)
        return
    local = dates.read(pairs[0][1]).local
    if local and (zone := _offset(local, time)):
        yield Fact(zone=zone)
    yield (
        "records",
        {
            "kind": "backup_version",
            "name": version,
            "time_utc": time,
            "time_raw": version,
            "data": json.dumps(dict(pairs), ensure_ascii=False),
        },
    )


def _offset(local: datetime, utc: datetime) -> str | None:
    """The offset between both times, where it is one that zones have."""
    minutes = round((local - utc.replace(tzinfo=None)).total_seconds() / 60)
    if minutes % 15 or abs(minutes) > 14 * 60:
        return None
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _failure(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    named = dict(pairs)
    name = named.get("Writer Name") or named.get("Component") or next((value for _, value in pairs if value), None)
    return {"kind": "backup_writer_result", "name": name, "data": json.dumps(named, ensure_ascii=False)}
