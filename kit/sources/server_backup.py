"""Windows Server Backup: `wbadmin get versions` and `get items`, and the text logs of a backup with the failures of
writers.

    Backup time: 5/19/2014 9:00 PM          Writer Failures                        Application backup
    Backup location: ...                    Writer Id: {GUID}                      Writer Id: {GUID}
    Version identifier: 05/19/2014-19:00       Writer Name: SqlServerWriter           Component: Sales
    Can recover: Volume(s), ...                Failure Result: 800423F4               Detailed Error  : 800423F4

The version identifier is MM/DD/YYYY-HH:MM in UTC in every language; the labels are translated and told by their order.
Each version says that another requestor was at work. What `wbadmin start backup` printed has no times: it is kept as
one record of text. Lists of the files that were backed up say nothing about writers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from kit.powershell.dates import Dates
from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "Windows Server Backup"
VERSION = "3"
TABLES = ("records",)

_LABELLED = re.compile(r"\s*(\S[^:：]{0,60}?)\s*[:：]\s*(.*)$")
_VERSION = re.compile(r"\d\d/\d\d/\d{4}-\d\d:\d\d$")
_GUID_VALUE = r"[^:：{]{0,40}[:：]\s*\{([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}\s*$"
_WRITER_ID = re.compile(r"\s*\S" + _GUID_VALUE)
_BEGINS = re.compile(r"\S" + _GUID_VALUE)  # not indented
_FAILURE = re.compile(r"^\s*(?:Failure Result|Application Result|Detailed Error|Writer State)\s*:", re.MULTILINE)
_RULE = re.compile(r"\s*\*[-*]{5,}\*?\s*$")
_TOOL = re.compile(r"^wbadmin \d\.\d - ", re.MULTILINE)
_ITEM = re.compile(r"(\S[^=]{0,40}?) = (.*\S)\s*$")
_FILE_LIST = re.compile(r"backup-\d\d-\d\d-\d{4}_\d\d-\d\d-\d\d\.log")
_NULL = "(null)"
_MOST_LINES = 2000
_MOST_TEXT = 1 << 16  # characters of what a run printed
_LISTED = "a list of the files that were backed up: says nothing about writers, not used"
_PRINTED = (
    "output of a backup, kept as one record without a time: when it ran and how it ended stands in the log "
    "Microsoft-Windows-Backup and in the Application log"
)


def recognise(head: bytes, name: str) -> int:
    """3 for version identifiers of wbadmin or failures of writers, 2 for the tool's banner alone, 1 for the name of the
    list of files.
    """
    text = decode(head)[0].replace("\r", "")
    versions = sum(1 for line in text.split("\n") if (m := _LABELLED.match(line)) and _VERSION.match(m[2].strip()))
    failures = bool(_FAILURE.search(text)) and any(_WRITER_ID.match(line) for line in text.split("\n"))
    sure = 3 if versions or failures else 2 if _TOOL.search(text[:600]) else 0
    return sure or int(bool(_FILE_LIST.fullmatch(name)))


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kinds backup_version, backup_item, backup_writer_result and backup_output."""
    dates = Dates(opened.culture)
    for block in _blocks(opened):
        dates.learn(value for _, value in _pairs(block)[:1])
    if _FILE_LIST.fullmatch(opened.name) and next(_made(opened, dates), None) is None:
        yield Fact(note=_LISTED)
    yield from batches(_made(opened, dates))


def _blocks(opened: Opened) -> Iterator[list[Line]]:
    """Lines between empty lines, or between the rules of a log; a writer goes on behind an empty line as long as the
    lines are indented.
    """
    held: list[Line] = []
    apart = False
    for line in lines(opened.file, opened.culture):
        text = line.text.strip("\x00").rstrip()
        if not text:
            apart = True
            continue
        writer = any(_BEGINS.match(other.text) for other in held)
        again = bool(_BEGINS.match(text)) and (writer or not _is_version(held))
        ends = apart and not (text[:1].isspace() and writer)
        if held and (ends or _RULE.match(text) or again or len(held) >= _MOST_LINES):
            yield held
            held = []
        if not _RULE.match(text):
            held.append(Line(line.number, line.offset, text))
        apart = False
    if held:
        yield held


def _is_version(block: list[Line]) -> bool:
    return any(_VERSION.match(value) for _, value in _pairs(block))


def _pairs(block: list[Line]) -> list[tuple[str, str]]:
    return [(found[1].strip(), found[2].strip()) for line in block if (found := _LABELLED.match(line.text))]


def _made(opened: Opened, dates: Dates) -> Iterator[Made | Lost | Fact]:
    printed: list[str] = []
    size = 0
    known = False
    for block in _blocks(opened):
        pairs = _pairs(block)
        text = "\n".join(line.text for line in block)
        items = [(found[1], found[2]) for line in block if (found := _ITEM.match(line.text))]
        version = next((value for _, value in pairs if _VERSION.match(value)), None)
        if version:
            yield from _version(block, pairs, version, dates)
        elif _FAILURE.search(text):
            yield "records", _failure(pairs)
        elif items and 2 * len(items) >= len(block):
            yield "records", {"kind": "backup_item", "name": items[-1][1], "data": _json(items)}
        elif size < _MOST_TEXT:
            printed.append(text)
            size += len(text)
            continue
        known = True
    if printed and not known and _TOOL.search("\n".join(printed)[:600]):
        yield Fact(note=_PRINTED)
        yield "records", _output("\n".join(printed)[:_MOST_TEXT])


def _json(pairs: Iterable[tuple[str, str]]) -> str:
    return json.dumps(dict(pairs), ensure_ascii=False)


def _output(text: str) -> dict[str, Any]:
    """What a run printed, named after the log that it names."""
    found = re.search(r"Backup(?:_Error)?-\d\d-\d\d-\d{4}_\d\d-\d\d-\d\d\.log", text)
    data = json.dumps({"text": text}, ensure_ascii=False)
    return {"kind": "backup_output", "name": found[0] if found else None, "data": data}


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
            "data": _json(pairs),
        },
    )


def _offset(local: datetime, utc: datetime) -> str | None:
    """The offset between both times, where it is one that zones have."""
    minutes = round((local - utc.replace(tzinfo=None)).total_seconds() / 60)
    if minutes % 15 or abs(minutes) > 14 * 60:
        return None
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _failure(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The result of one writer, or of one of its components."""
    named = dict(pairs)
    values = (value for _, value in pairs if value not in ("", _NULL))
    name = named.get("Writer Name") or named.get("Component") or next(values, None)
    return {"kind": "backup_writer_result", "name": name, "data": _json(pairs)}
