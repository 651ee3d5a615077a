"""Output of `vssadmin list writers`, `shadows`, `shadowstorage` and `providers`, in any language.

Labels are translated; what is matched is their order, GUIDs, names in quotes and the number of a state in brackets:

    Writer name: 'SqlServerWriter'               Contents of shadow copy set ID: {GUID}
       Writer Id: {GUID}                            Contained 1 shadow copies at creation time: 5/19/2014 10:00:07 PM
       Writer Instance Id: {GUID}                      Shadow Copy ID: {GUID}
       State: [1] Stable                                  Original Volume: (C:)
       Last error: No error                               Shadow Copy Volume: HarddiskVolumeShadowCopy1 ...

The state that vssadmin shows may be that of an earlier session: it supports, it proves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kit import codes
from kit.powershell.dates import Dates, Moment
from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "vssadmin list"
VERSION = "1"
TABLES = ("writers", "records")

_GUID = r"\{([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}"
_MOST_LINES = 5000  # of one block
_LABELLED = re.compile(r"(\s*)(\S[^:：]{0,70}?)\s?[:：]\s*(.*)$")
_QUOTED = re.compile(r"['\"‘’“”„«»「」『』](.+?)['\"‘’“”„«»「」『』]\s*$")
_STATE = re.compile(r"\[(\d{1,2})\]\s*(.*)")
_VOLUME = re.compile(r"[:：].*\\Volume\{[0-9a-fA-F-]{36}\}\\")
_TOOL = re.compile(r"vssadmin\b.{0,20}? - ")
_COPY_VALUES = (
    "original_volume", "shadow_copy_volume", "originating_machine", "service_machine", "provider", "type", "attributes",
)  # fmt: skip


def recognise(head: bytes, name: str) -> int:
    """3 for writers with a state, or shadow copies or providers below the tool's banner; 2 for these without it."""
    text = decode(head)[0].replace("\r", "").split("\n")[:1000]
    found = {kind for block in _blocks(Line(n, 0, line) for n, line in enumerate(text)) if (kind := _kind(block))}
    tool = any(_TOOL.search(line) for line in text[:10])
    if "writer" in found or (tool and (found or len(text) > 1)):
        return 3
    return 2 if found & {"shadow_copies", "shadow_storage"} else 0


def _kind(block: list[Line]) -> str | None:
    """`writer`, `provider`, `shadow_copies` or `shadow_storage`."""
    first, below = block[0].text, [line.text for line in block[1:8]]
    guids = sum(1 for line in below if re.search(_GUID, line))
    if _LABELLED.match(first) and _QUOTED.search(first):
        if guids and any(_STATE.search(line) for line in below):
            return "writer"
        return "provider" if guids == 1 and len(below) <= 3 else None
    if re.search(_GUID + r"\s*$", first) and guids and below and _time_in(below[0]):
        return "shadow_copies"
    volumes = [line for line in below[:2] if _VOLUME.search(line)]
    return "shadow_storage" if len(volumes) == 2 and len(below) >= 3 else None


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `writers`, and `records` of the kinds shadow_copy, shadow_storage and provider."""
    dates = Dates(opened.culture)
    writers = False
    for block in _blocks(lines(opened.file, opened.culture)):
        dates.learn(_time_in(line.text) for line in block[1:2])
        writers |= _kind(block) == "writer"
    if dates.note:
        yield Fact(note=dates.note)
    yield from batches(_made(opened, dates, writers))


def _blocks(given: Iterator[Line]) -> Iterator[list[Line]]:
    """Each line without indentation with the indented lines below it."""
    held: list[Line] = []
    for line in given:
        text = line.text.strip("\x00").rstrip()
        if not text.strip():
            continue
        if held and (not text[:1].isspace() or len(held) >= _MOST_LINES):
            yield held
            held = []
        held.append(Line(line.number, line.offset, text))
    if held:
        yield held


def _made(opened: Opened, dates: Dates, writers: bool) -> Iterator[Made | Lost | Fact]:
    for block in _blocks(lines(opened.file, opened.culture)):
        named = _QUOTED.search(block[0].text)
        if named and _LABELLED.match(block[0].text):
            yield from _named_block(block, named[1], writers)
        elif re.search(_GUID, block[0].text):
            yield from _shadow_copies(block, dates)
        elif _kind(block) == "shadow_storage":
            yield "records", _storage(block)


def _named_block(block: list[Line], name: str, writers: bool) -> Iterator[Made | Lost | Fact]:
    """A writer, which has a state, or a provider, which has none."""
    values = [found[3].strip() for line in block[1:] if (found := _LABELLED.match(line.text))]
    guids = [match[1].lower() for value in values if (match := re.search(_GUID, value))]
    state = next((found for value in values if (found := _STATE.match(value))), None)
    if state:
        yield (
            "writers",
            {
                "name": name,
                "writer_id": guids[0] if guids else None,
                "instance_id": guids[1] if len(guids) > 1 else None,
                "state": int(state[1]),
                "state_text": state[2].strip() or None,
                "last_error": _after(values, state[0]),
            },
        )
        if codes.word("writer_state", state[1]).startswith("unknown ("):
            yield Fact(note=f"writer {name!r} has state [{state[1]}], which VSS_WRITER_STATE does not know")
    elif writers or len(guids) != 1:
        number = block[0].number
        yield Lost(1, f"line {number}: writer {name!r} without a state: the list is cut there", number, number)
    else:
        data = json.dumps({"provider_id": guids[0], "values": values}, ensure_ascii=False)
        yield "records", {"kind": "provider", "name": name, "data": data}


def _storage(block: list[Line]) -> dict[str, Any]:
    """Shadow copy storage of one volume: the volume, where the storage is, used, allocated and maximum space."""
    values = [found[3].strip() for line in block[1:] if (found := _LABELLED.match(line.text))]
    names = ("volume", "storage_volume", "used", "allocated", "maximum")
    data = json.dumps(dict(zip(names, values, strict=False)), ensure_ascii=False)
    return {"kind": "shadow_storage", "name": values[0] if values else None, "data": data}


def _after(values: list[str], before: str) -> str | None:
    """The value behind this one."""
    place = values.index(before) + 1
    return values[place] or None if place < len(values) else None


def _shadow_copies(block: list[Line], dates: Dates) -> Iterator[Made | Lost | Fact]:
    """The shadow copies of one set; the time stands once for the set, and each copy begins with its id."""
    found = re.search(_GUID, block[0].text)
    time = dates.read(_time_in(block[1].text) if len(block) > 1 else None)
    copies: list[dict[str, str]] = []
    for line in block[2:]:
        match = _LABELLED.match(line.text)
        value = match[3].strip() if match else line.text.strip()
        if guid := re.fullmatch(_GUID, value):
            copies.append({"set_id": found[1].lower() if found else "", "shadow_copy_id": guid[1].lower()})
        elif copies and len(copies[-1]) - 2 < len(_COPY_VALUES):
            copies[-1][_COPY_VALUES[len(copies[-1]) - 2]] = value
    for copy in copies:
        if machine := copy.get("originating_machine"):
            yield Fact(computer=machine)
        yield "records", _copy_row(copy, time)
    if not copies:
        number = block[0].number
        yield Lost(1, f"line {number}: a shadow copy set without its shadow copies", number, number)


def _time_in(text: str) -> str | None:
    """The date in a sentence that may hold another number before it."""
    match = re.search(r"\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}.*|\d{4}年.*", text)
    return match[0] if match else None


def _copy_row(copy: dict[str, str], time: Moment) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "shadow_copy",
        "computer": copy.get("originating_machine"),
        "name": copy["shadow_copy_id"],
        "time_raw": time.raw or None,
        "time_basis": "assumed" if time.ambiguous else None,
        "data": json.dumps(copy, ensure_ascii=False),
    }
    return row | ({"time_local": time.local} if time.local else {"time_utc": time.utc} if time.utc else {})
