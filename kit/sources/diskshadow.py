"""Output of diskshadow and vshadow: writers with their states, and shadow copies with the time of their creation.

    * WRITER "SqlServerWriter"                                  * Shadow copy ID = {GUID}          %VSS_SHADOW_1%
        - Status: 8 (VSS_WS_FAILED_AT_PREPARE_SNAPSHOT)             - Shadow copy set: {GUID}
        - Writer Failure code: 0x800423f4 (...)                     - Original volume name: \\\\?\\Volume{GUID}\\ [C:\\]
        - Writer ID: {GUID}                                         - Creation time: 5/19/2014 10:00:07 PM
        - Instance ID: {GUID}                                       - Originating machine: SQL01.contoso.com

A state is that of the moment in which it was listed: it supports, it proves nothing. Times are local. The labels of a
shadow copy are read by their order and values, so that a translation does no harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kit.powershell.dates import Dates
from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "diskshadow output"
VERSION = "1"
TABLES = ("writers", "records")

_GUID = r"\{([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}"
_WRITER = re.compile(r"\s*\* [^\W\d]+ [\"“„«]?(.{1,120}?)[\"”“»]?\s*$")
_COPY = re.compile(r"\s*\* [^={}]{3,60}[=:]\s*" + _GUID)
_VALUE = re.compile(r"\s*- ([^:={}]{2,60}?)\s*[:=]\s*(.*\S)\s*$")
_STATE = re.compile(r"(\d{1,2}) \((VSS_WS_\w+)\)")
_CODE = re.compile(r"0x[0-9a-fA-F]{8}\b.*")
_HEAD = re.compile(r"[^:]{4,30}:\s+([\w.-]{1,63}),\s+(\d.*\d.*)$")  # On computer:  SQL01,  5/19/2014 10:00:01 PM
_VOLUME = re.compile(r"\\\\\?\\Volume" + _GUID)
_MOST_LINES = 5000  # of one entry


def recognise(head: bytes, name: str) -> int:
    """3 for a writer with a state of VSS_WRITER_STATE, or for a shadow copy with its set and its volume."""
    given = (Line(number, 0, line.rstrip("\r")) for number, line in enumerate(decode(head)[0].split("\n"), 1))
    return 3 if any(_is_writer(entry) or _is_copy(entry) for entry in _entries(given)) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `writers`, and of `records` of the kind shadow_copy; cut entries as losses."""
    dates = Dates(opened.culture)
    for line in lines(opened.file, opened.culture):
        found = _HEAD.match(line.text) or _VALUE.match(line.text)
        dates.learn([found[2]] if found else [])
    if dates.note:
        yield Fact(note=dates.note)
    yield from batches(_made(opened, dates))


def _made(opened: Opened, dates: Dates) -> Iterator[Made | Lost | Fact]:
    given = lines(opened.file, opened.culture)
    for entry in _entries(given):
        number = entry[0].number
        if _is_writer(entry):
            yield "writers", _writer(entry)
        elif _is_copy(entry):
            row = _copy(entry, dates)
            yield Fact(computer=row["computer"])
            yield "records", row
        elif _COPY.match(entry[0].text) or " WRITER " in entry[0].text:
            yield Lost(1, f"line {number}: the entry is cut off", number, number, entry[0].offset)
        elif (found := _HEAD.match(entry[0].text)) and dates.read(found[2]).local:
            yield Fact(computer=found[1], exported=dates.read(found[2]).local)


def _entries(given: Iterable[Line]) -> Iterator[list[Line]]:
    """Each line that begins an entry with the lines of values below it; the head of the output as one of its own."""
    held: list[Line] = []
    for line in given:
        text = line.text.strip("\x00").rstrip()
        begins = text.lstrip().startswith("* ") or bool(_HEAD.match(text))
        if held and (begins or not _VALUE.match(text) or len(held) >= _MOST_LINES):
            if text.strip() and not begins and text.lstrip().startswith("- "):
                continue  # a remark without a value, such as `- Not exposed`
            yield held
            held = []
        if begins:
            held = [Line(line.number, line.offset, text)]
        elif held:
            held.append(Line(line.number, line.offset, text))
    if held:
        yield held


def _values(entry: list[Line]) -> list[str]:
    return [found[2] for line in entry[1:] if (found := _VALUE.match(line.text))]


def _is_writer(entry: list[Line]) -> bool:
    return bool(_WRITER.match(entry[0].text)) and any(_STATE.match(value) for value in _values(entry))


def _is_copy(entry: list[Line]) -> bool:
    values = _values(entry)
    dated = any(Dates().read(value).dated for value in values)
    return bool(_COPY.match(entry[0].text)) and dated and any(_VOLUME.match(value) for value in values)


def _first(values: Iterable[str], pattern: re.Pattern[str] | str) -> re.Match[str] | None:
    return next((found for value in values if (found := re.match(pattern, value))), None)


def _writer(entry: list[Line]) -> dict[str, Any]:
    named, values = _WRITER.match(entry[0].text), _values(entry)
    state, code = _first(values, _STATE), _first(values, _CODE)
    guids = [found[1].lower() for value in values if (found := re.match(_GUID, value))]
    return {
        "name": named[1] if named else None,
        "writer_id": guids[0] if guids else None,
        "instance_id": guids[1] if len(guids) > 1 else None,
        "state": int(state[1]) if state else None,
        "state_text": state[2] if state else None,
        "last_error": code[0] if code else None,
    }


def _copy(entry: list[Line], dates: Dates) -> dict[str, Any]:
    identity, values = _COPY.match(entry[0].text), _values(entry)
    labelled = {found[1]: found[2] for line in entry[1:] if (found := _VALUE.match(line.text))}
    written = next((value for value in values if Dates().read(value).dated), None)
    moment = dates.read(written)
    machine = next((labelled[label] for label in labelled if label.casefold() == "originating machine"), None)
    return {
        "kind": "shadow_copy",
        "computer": machine,
        "name": identity[1].lower() if identity else None,
        "time_raw": moment.raw or None,
        "time_local": moment.local,
        "time_basis": "assumed" if moment.ambiguous else None,
        "data": json.dumps(labelled, ensure_ascii=False),
    }
