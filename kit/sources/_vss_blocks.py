"""Blocks of what `vssadmin list` prints, by their structure: see `vssadmin`, and transcripts that hold them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kit import codes
from kit.powershell.dates import Dates, Moment
from kit.sources._build import Made
from kit.sources.seam import Fact, Lost
from kit.text import Line

_GUID = r"\{([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}"
_MOST_LINES = 5000  # of one block
_LABELLED = re.compile(r"(\s*)(\S[^:：]{0,70}?)\s?[:：]\s*(.*)$")
_QUOTED = re.compile(r"(?:^|[:：]\s*)['\"‘’“”„«»「」『』](.+?)['\"‘’“”„«»「」『』]\s*$")
_STATE = re.compile(r"\[(\d{1,2})\]\s*(.*)")
_VOLUME = re.compile(r"[:：].*\\Volume\{[0-9a-fA-F-]{36}\}\\")
_COPY_VALUES = (
    "original_volume", "shadow_copy_volume", "originating_machine", "service_machine", "provider", "type", "attributes",
)  # fmt: skip


def kind(block: list[Line]) -> str | None:
    """`writer`, `provider`, `shadow_copies` or `shadow_storage`."""
    first, below = block[0].text, [line.text for line in block[1:8]]
    guids = sum(1 for line in below if re.search(_GUID, line))
    if _LABELLED.match(first) and _QUOTED.search(first):
        if guids and any(_STATE.search(line) for line in below):
            return "writer"
        return "provider" if guids == 1 and len(below) <= 3 else None
    if re.search(_GUID + r"\s*$", first) and guids and below and time_in(below[0]):
        return "shadow_copies"
    volumes = [line for line in below[:2] if _VOLUME.search(line)]
    return "shadow_storage" if len(volumes) == 2 and len(below) >= 3 else None


def is_row(values: Iterable[Any]) -> bool:
    """Whether a list of labels and values is such a block: a name in quotes, then an identifier."""
    first, *rest = [str(value) for value in values][:3]
    return bool(_QUOTED.fullmatch(first)) and any(re.fullmatch(_GUID, value) for value in rest)


def blocks(given: Iterator[Line]) -> Iterator[list[Line]]:
    """Each line without indentation with the indented lines below it; where a mail has taken the indentation away, the
    lines between empty ones, or from one name to the next."""
    held: list[Line] = []
    apart = True
    for line in given:
        text = line.text.strip("\x00").rstrip()
        if not text.strip():
            apart = True
            continue
        if held and (_begins(text, held, apart) or len(held) >= _MOST_LINES):
            yield held
            held = []
        held.append(Line(line.number, line.offset, text))
        apart = False
    if held:
        yield held


def _begins(text: str, held: list[Line], apart: bool) -> bool:
    """Whether a line begins a block; `apart` tells that an empty line stands before it."""
    if text[:1].isspace():
        return False
    if apart or any(line.text[:1].isspace() for line in held):
        return True
    named = bool(_LABELLED.match(text) and _QUOTED.search(text))
    of_a_set = bool(re.search(_GUID + r"\s*$", held[0].text))
    if of_a_set or (_LABELLED.match(held[0].text) and _QUOTED.search(held[0].text)):
        return named and not of_a_set
    return named or bool(re.search(_GUID + r"\s*$", text))


def made(block: list[Line], dates: Dates, writers: bool) -> Iterator[Made | Lost | Fact]:
    """The rows of a block, or its loss; `writers` tells that the list is one of writers, which have a state each."""
    named = _QUOTED.search(block[0].text)
    if named and _LABELLED.match(block[0].text):
        yield from _named_block(block, named[1], writers)
    elif re.search(_GUID, block[0].text):
        yield from _shadow_copies(block, dates)
    elif kind(block) == "shadow_storage":
        yield "records", _storage(block)


def within(given: Iterable[Line]) -> list[list[Line]]:
    """The blocks that stand in other text, such as the transcript of a session."""
    return [block for block in blocks(iter(given)) if kind(block)]


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
    time = dates.read(time_in(block[1].text) if len(block) > 1 else None)
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


def time_in(text: str) -> str | None:
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
