"""Event Viewer's own text: the general tab, the details tab, and the rows of its CSV exports, in several languages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from kit.explain.assess import Given
from kit.explain.headed import head
from kit.explain.records import from_mapping
from kit.explain.words import LABELS
from kit.rules.wording import plain

_LABEL = re.compile(
    r"^[\s>*|-]*(?P<label>" + "|".join(re.escape(word) for word in sorted(LABELS, key=len, reverse=True))
    + r")\s*(?:\([^():]{2,40}\)\s*)?[:=]\s*(?P<value>.*)$",
    re.IGNORECASE,
)
_INLINE = re.compile(  # labels that stand one after the other on a line
    r"(?<=\S)[ \t]+(?=(?:Log Name|Event Source|Event Category|Event ID|Task Category|Description|Ereignisquelle|"
    r"Ereigniskategorie|Ereigniskennung|Ereignis-ID|Aufgabenkategorie|Beschreibung)\s*(?:\([^():]{2,40}\)\s*)?:)"
)
_HEADS = frozenset({"log", "source", "level", "date", "id"})
_NEAR = 9  # lines in which the number of an event follows its first label
_PROVIDER = re.compile(r"\[\s*Name\s*\]\s*(?P<name>[^\n\[]+)")
_EVENT_ID = re.compile(r"\bEventID\b\s*[-:]?\s*(?P<id>\d{1,6})")
_TIME = re.compile(r"\[\s*SystemTime\s*\]\s*(?P<time>[^\n\[]+)")


def viewer_blocks(text: str) -> Iterator[Given]:
    """Events of the general tab: labels with a number among them, then the description to the next event."""
    lines, labels, starts = _read(text)
    if not starts:
        return
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _block(lines[start:end], labels[start:end])


def before_blocks(text: str) -> str:
    """The text before the first block of labels."""
    lines, _, starts = _read(text)
    return "\n".join(lines[: starts[0]]) if starts else ""


def _read(text: str) -> tuple[list[str], list[tuple[str, str] | None], list[int]]:
    """The lines, a label for each of them that has one, and where the blocks begin."""
    lines = [piece for line in text.splitlines() for piece in _pieces(plain(line))]
    labels = [_label(line) for line in lines]
    return lines, labels, _starts(lines, labels)


def _pieces(line: str) -> list[str]:
    """The line cut at its labels, where it holds at least three of them."""
    cut = _INLINE.split(line)
    return cut if len(cut) > 2 else [line]


def _label(line: str) -> tuple[str, str] | None:
    found = _LABEL.match(line) if len(line) < 4096 else None
    return (LABELS[found["label"].casefold()], found["value"].strip()) if found else None


def _starts(lines: list[str], labels: list[tuple[str, str] | None]) -> list[int]:
    """Lines at which an event begins: the first of the head labels that stand together around its number."""
    numbers = [place for place, one in enumerate(labels) if one and one[0] == "id" and re.search(r"\d", one[1])]
    starts = []
    floor = -1
    for number in numbers:
        start = number
        for place in range(number - 1, max(floor, number - _NEAR), -1):
            label = labels[place]
            if (label is None and lines[place].strip(" >")) or (label and label[0] == "description"):
                break
            if label and label[0] in _HEADS:
                start = place
        starts.append(start)
        floor = number
    return starts


def _block(lines: list[str], labels: list[tuple[str, str] | None]) -> Given:
    values: dict[str, Any] = {}
    body: list[str] = []
    described = False
    for line, label in zip(lines, labels, strict=True):
        name = label[0] if label else None
        if not described and label and name == "description":
            described = True
            body.append(label[1])
        elif not described and label and name not in values:
            values[str(name)] = label[1]
        elif described or not label:
            body.append(line)
    if "source" not in values and (named := head(values.get("id", ""))):
        values |= {"source": named.provider, "id": str(named.event_id)}
    message = "\n".join(body).strip()
    return from_mapping({
        "provider": values.get("source"), "event_id": values.get("id"), "level": values.get("level"),
        "channel": values.get("log"), "time": f"{values.get('date', '')} {values.get('time', '')}".strip(),
        "message": message or None,
    })


def details(text: str) -> Iterator[Given]:
    """Events of the details tab (friendly view): System and EventData as indented names and values."""
    if not (_PROVIDER.search(text) and _EVENT_ID.search(text)):
        return
    starts = [found.start() for found in _PROVIDER.finditer(text) if _EVENT_ID.search(text, found.start())]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        number, name, when = _EVENT_ID.search(part), _PROVIDER.search(part), _TIME.search(part)
        if number and name:
            yield from_mapping({
                "provider": name["name"].strip(), "event_id": number["id"], "time": when["time"] if when else None,
                "level": _after(part, "Level"), "channel": _after(part, "Channel"), **_event_data(part),
            })


def _after(part: str, name: str) -> str | None:
    found = re.search(rf"^[\s+-]*{name}\s+(\S.*)$", part, re.MULTILINE)
    return found[1].strip() if found else None


def _event_data(part: str) -> dict[str, Any]:
    found = re.search(r"\b(?:EventData|UserData)\b", part)
    lines = [line.strip(" \t+-") for line in part[found.end() :].splitlines()] if found else []
    values = [line for line in lines if line]
    named = {}
    for line in values:
        pair = re.match(r"(\w{3,40})\s{1,}(\S.*)$", line)
        if pair:
            named[pair[1]] = pair[2]
    return {"strings": values, "data": named if len(named) == len(values) else {}}


def csv_rows(text: str) -> Iterator[Given]:
    """Rows of a CSV export with a header that names the number; the column after the last label is the message."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#TYPE")]
    if len(lines) < 2:
        return
    separator = max(",;\t", key=lines[0].count)
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)
    try:
        head = [_column(name) for name in next(rows)]
    except (csv.Error, StopIteration):
        return
    if "id" not in head or len(set(head) & {"source", "level", "date", "description"}) == 0:
        return
    yield from _read_rows(rows, head)


def _column(name: str) -> str:
    bare = plain(name).strip().strip('"\ufeff').casefold()
    return "id" if bare == "id" else LABELS.get(bare, bare)


def _read_rows(rows: Iterator[list[str]], head: list[str]) -> Iterator[Given]:
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            return
        if row is None:
            return
        values = dict(zip(head, row, strict=False))
        rest = " ".join(row[len(head) :]).strip()
        if re.search(r"\d", values.get("id", "")):
            yield from_mapping({
                "provider": values.get("source"), "event_id": values["id"], "level": values.get("level"),
                "channel": values.get("log"), "time": values.get("date"),
                "message": plain(values.get("description") or rest or "") or None,
            })
