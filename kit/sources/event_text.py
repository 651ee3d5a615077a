"""Events as text: `wevtutil qe /f:text`, and what Event Viewer copies to the clipboard, in any language.

Both are a fixed run of `label: value` lines (log, source, date, event id, task, level, ...), then a label alone and the
text below it. The labels are localised, their order is not: the third value is a date, the fourth a number. Inserted
strings are not in such text. Where Event Viewer added the event's XML, that is read instead.

There are no record numbers, and a selection looks like a whole log: rows are numbered in the order of time, in tens,
and their intervals are marked as those of a list. Times are local; newer versions of wevtutil write a `Z` whose
meaning is not documented: such times are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException

from kit.powershell.dates import Dates
from kit.sources._build import APART, Made, batches, oldest_first
from kit.sources._event_xml import BEGIN, END, parsed, row_of
from kit.sources._levels import level_of
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "event text"
VERSION = "4"
TABLES = ("events",)

_MOST_LINES = 20_000  # of one event
_LABEL = re.compile(r"([ \t]*)([^\s:：\d][^:：]{1,40}?)[ \t\xa0]?[:：](.*)$")
_INDEX = re.compile(r"\s*\w+\[\d+\]:?\s*$")
_LEVEL_LAST = 5
_COPIED, _PRINTED = 9, 11  # values above the description: Event Viewer, wevtutil (which indents them)
_DESCRIPTION = {
    "description", "beschreibung", "説明", "описание", "opis", "descripción", "descrizione", "descrição",
    "beschrijving", "beskrivning", "描述", "说明", "설명", "popis", "kuvaus", "leírás", "açıklama",
}  # fmt: skip


@dataclass
class _Event:
    line: Line
    values: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    described: bool = False


def recognise(head: bytes, name: str) -> int:
    """3 for the head lines of wevtutil with an event below, 2 for those of Event Viewer."""
    text = [line.rstrip("\r\x00") for line in decode(head)[0].split("\n")[:400]]
    labels = [_LABEL.match(line) for line in text]
    place = next((place for place in range(len(text)) if _begins(labels[place : place + 6])), None)
    if place is None:
        return 0
    return 3 if place and _INDEX.match(text[place - 1]) else 2


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, broken events as losses, and how the rows were numbered."""
    dates, count, falling, zulu = Dates(opened.culture), 0, 0, False
    last = None
    for event in _events(opened):
        count += 1
        if isinstance(event, _Event):
            dates.learn(event.values[2:3])
            moment = dates.read(event.values[2])
            zulu |= moment.utc is not None and moment.raw.endswith("Z")
            now = (moment.utc.replace(tzinfo=None) if moment.utc else moment.local) or last
            falling += (now < last) - (now > last) if now and last else 0
            last = now
    yield Fact(gaps=0, listed=True)
    if falling > 0:
        yield Fact(note="newest first: numbered from the end of the file")
    if zulu:
        yield Fact(note="wevtutil text writes its times with Z; that they are UTC is assumed: export with /f:xml")
    if dates.note:
        yield Fact(note=dates.note)
    made = _made(opened, dates, count if falling > 0 else 0)
    yield from oldest_first(batches(made), falling > 0)


def _made(opened: Opened, dates: Dates, from_end: int) -> Iterator[Made | Lost | Fact]:
    for number, event in enumerate(_events(opened), 1):
        if isinstance(event, Lost):
            yield event
            continue
        row = _row(event, dates) | _of_xml(event)
        yield (
            "events",
            {"record_id": APART * (from_end - number + 1 if from_end else number), "offset": event.line.offset} | row,
        )


def _begins(labels: list[re.Match[str] | None]) -> bool:
    """Whether a run of labelled lines begins here: the third holds a date and none before it, the fourth a number.

    Colons below each other are those of a printed list of properties.
    """
    found = [match for match in labels if match]
    if len(found) < 6 or len({match.start(3) for match in found}) == 1:
        return False
    number = found[3][3].strip()
    if not number.isdigit() or len(number) > 5:
        return False
    return [Dates().read(match[3]).dated for match in found[:3]] == [False, False, True]


def _events(opened: Opened) -> Iterator[_Event | Lost]:
    """Events in order; what stands before the first one is no event."""
    event: _Event | None = None
    window: list[Line] = []
    label, before = "", ""
    for line in chain(lines(opened.file, opened.culture), [None] * 6):
        if line is not None:
            window.append(line)
        if not window or (line is not None and len(window) < 6):
            continue
        if begun := _begun(window, label, before):
            if event:
                yield _finished(event)
            label, event = begun
        elif event:
            _take(event, window[0].text.rstrip("\x00"))
        before = window.pop(0).text
    if event:
        yield _finished(event)


def _begun(window: list[Line], label: str, before: str) -> tuple[str, _Event] | None:
    """The label and event that begin on the first line of the window.

    Later events carry the label of the first; one that is cut by the end of the file may have fewer lines.
    """
    found = _LABEL.match(window[0].text.rstrip("\x00"))
    if not found or (label and found[2].strip() != label):
        return None
    labels = [_LABEL.match(line.text.rstrip("\x00")) for line in window]
    cut = bool(label) and (bool(_INDEX.match(before)) or (len(labels) < 6 and all(labels)))
    return (found[2].strip(), _Event(window[0], [found[3].strip()])) if cut or _begins(labels) else None


def _take(event: _Event, text: str) -> None:
    """A line of the event: one of its values, the label of its description, or a line of that."""
    found = None if event.described else _LABEL.match(text)
    if found is None:
        if text.strip() or event.text:
            event.described = True
        if event.described and len(event.text) < _MOST_LINES:
            event.text.append(text)
        return
    most = _PRINTED if event.line.text[:1] in " \t" else _COPIED
    if len(event.values) >= most or found[2].strip().casefold() in _DESCRIPTION:
        event.described = True
        event.text += [found[3].strip()] if found[3].strip() else []
    else:
        event.values.append(found[3].strip("\x00 \t\xa0"))


def _finished(event: _Event) -> _Event | Lost:
    if len(event.values) > _LEVEL_LAST:
        return event
    number = event.line.number
    return Lost(1, f"line {number}: the event breaks off after {len(event.values)} fields", number, number)


def _row(event: _Event, dates: Dates) -> dict[str, Any]:
    channel, provider, date, number, task, level, *more = event.values
    moment = dates.read(date)
    row: dict[str, Any] = {
        "time_raw": date,
        "precision_s": moment.precision_s,
        "computer": more[-1] if len(event.values) in (_COPIED, _PRINTED) and more[-1] not in ("", "N/A") else None,
        "channel": channel,
        "provider": provider,
        "event_id": int(number) if number.isdigit() else None,
        "level": level_of(level),
        "task": int(task) if task.isdigit() else None,
        "message": _message(event.text),
    }
    if moment.utc is not None:
        return row | {"time_utc": moment.utc, "time_basis": "assumed"}
    return row | {"time_local": moment.local, "time_basis": "assumed" if moment.ambiguous else None}


def _message(text: list[str]) -> str | None:
    """The text below its label, without the index line of the next event and the event's XML."""
    found = text
    place = next((place for place, line in enumerate(found) if BEGIN.match(line.lstrip())), len(found))
    found = found[: place - 1 if place < len(found) else place]
    while found and (not found[-1].strip() or _INDEX.match(found[-1])):
        found = found[:-1]
    message = "\n".join(found).strip("\n")
    return None if message in ("", "N/A") else message


def _of_xml(event: _Event) -> dict[str, Any]:
    """What the XML below the text says; nothing where there is none or it is broken."""
    whole = "\n".join(event.text)
    begin = BEGIN.search(whole)
    end = END.search(whole, begin.end()) if begin else None
    if not begin or not end:
        return {}
    try:
        row = row_of(parsed(whole[begin.start() : end.end()]))
    except (ParseError, DefusedXmlException, ValueError):
        return {}
    kept = {name: value for name, value in row.items() if value is not None and name != "record_id"}
    return kept | ({"time_local": None, "time_basis": None} if "time_utc" in kept else {})
