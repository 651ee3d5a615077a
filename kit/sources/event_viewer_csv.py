"""Events as Event Viewer saves them to CSV or tab-separated text, in any language.

Since Vista there is a header of five names (level or keywords, date and time, source, event id, task category) and a
sixth column, the description, without a name; the names are localised, their order is not. Before Vista there is no
header: date, time, source, type, category, event id, user, computer, description. Times are local. There is no record
number, and a filtered list looks like a whole one: rows are numbered in the order of time, in tens, and their
intervals are marked as those of a list, so that the case can look whether it was filtered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from kit import powershell
from kit.powershell import About, Damage, Row, csvs
from kit.powershell.dates import Dates
from kit.sources import _channels
from kit.sources._build import APART, Made, batches, oldest_first
from kit.sources._levels import knows, level_of
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import HEAD, Line, decode, lines

NAME = "Event Viewer list"
VERSION = "5"
TABLES = ("events",)

_HEADER = ["Level", "Date and Time", "Source", "Event ID", "Task Category"]
_OLD = "Date,Time,Source,Type,Category,Event,User,Computer,Description"


def recognise(head: bytes, name: str) -> int:
    """3 for a header and rows in the order of Event Viewer, 2 for rows of the old one."""
    text = decode(head)[0]
    if _is_new(text):
        return 3
    return 2 if _old_delimiter(text) else 0


def _is_new(text: str) -> bool:
    rows = [row for row in islice(csvs.read(_lines(text)), 20) if isinstance(row, Row)]
    header = next((line for line in text.split("\n") if line.strip()), "")
    names = csvs.names_of(header.rstrip("\r"), csvs.delimiter_of(header))
    if len(names) not in (5, 6) or powershell.kind_of(text[:2000].encode("utf-8", "replace")) != "csv":
        return False
    if not rows:
        return names == _HEADER
    return 2 * sum(_fits(list(row.values())) for row in rows) > len(rows)


def _fits(values: list[Any]) -> bool:
    """A level or keyword, a date, a source and a number: the columns of the list whatever their names."""
    if len(values) < 5 or not values[1] or not values[2]:
        return False
    return (
        str(values[3] or "").isdigit()
        and Dates().read(values[1]).dated
        and Dates().read(values[0]).raw == (values[0] or "")
    )


def _old_delimiter(text: str) -> str | None:
    """The delimiter of a list without header; None where the lines are no such list."""
    first = [line.rstrip("\r") for line in text.split("\n")[:3] if line.strip()][:1]
    for mark in ("\t", ",", ";"):
        values = csvs.fields(first[0], mark) if first else []
        if len(values) >= 8 and values[5].strip().isdigit() and Dates().read(f"{values[0]} {values[1]}").dated:
            return mark if knows(values[3]) or Dates().read(values[0]).dated else None
    return None


def _lines(text: str) -> Iterator[Line]:
    return (Line(number, 0, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1))


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, damaged rows as losses, and how the rows were numbered."""
    opened.file.seek(0)
    text = decode(opened.file.read(HEAD), opened.culture)[0]
    old = None if _is_new(text) else _old_delimiter(text)
    dates, count, falling = Dates(opened.culture), 0, 0
    last: datetime | None = None
    providers: set[str | None] = set()
    for item in _items(opened, old):
        count += isinstance(item, Row | Damage)
        if isinstance(item, Row):
            written = _written(item, old)
            dates.learn([written])
            now = dates.read(written).local or last
            providers.add(list(item.values())[2])
            falling += (now < last) - (now > last) if now and last else 0
            last = now
    yield Fact(gaps=0, listed=True)
    newest_first = falling > 0 or (falling == 0 and count > 1)
    if newest_first:
        why = "newest first" if falling else "no order in the times, taken as newest first as Event Viewer saves"
        yield Fact(note=f"{why}: numbered from the end of the file")
    if dates.note:
        yield Fact(note=dates.note)
    channel = _channels.named(opened.name) or _channels.written_by(providers)
    made = _made(opened, old, dates, count if newest_first else 0, channel)
    yield from oldest_first(batches(made), newest_first)


def _items(opened: Opened, old: str | None) -> Iterator[powershell.Item]:
    found = lines(opened.file, opened.culture)
    if old is None:
        return csvs.read(found)
    header = Line(0, 0, _OLD.replace(",", old))
    return csvs.read(_with(header, found))


def _with(header: Line, found: Iterator[Line]) -> Iterator[Line]:
    yield header
    yield from found


def _written(row: Row, old: str | None) -> str:
    values = list(row.values())
    return f"{values[0]} {values[1]}" if old else str(values[1] or "")


def _made(
    opened: Opened, old: str | None, dates: Dates, from_end: int, channel: str | None
) -> Iterator[Made | Lost | Fact]:
    for item in _items(opened, old):
        if isinstance(item, Damage):
            yield Lost(item.count, item.reason, item.row, item.row)
        elif isinstance(item, About):
            yield Fact(note=item.note, partial=item.partial)
        else:
            row = _old_row(item) if old else _new_row(item)
            moment = dates.read(_written(item, old))
            if not moment.known:
                yield Lost(1, f"row {item.number}: {moment.raw[:60]!r} is no date", item.number, item.number)
                continue
            yield (
                "events",
                row
                | {
                    "record_id": APART * (from_end - item.number + 1 if from_end else item.number),
                    "channel": channel,
                    "time_raw": moment.raw,
                    "time_local": moment.local or (moment.utc.replace(tzinfo=None) if moment.utc else None),
                    "time_basis": "assumed" if moment.ambiguous else None,
                    "precision_s": moment.precision_s,
                },
            )


def _new_row(row: Row) -> dict[str, Any]:
    values = [*row.values(), None]
    return {"level": level_of(values[0]), "provider": values[2], "event_id": _number(values[3]), "message": values[5]}


def _old_row(row: Row) -> dict[str, Any]:
    values = list(row.values())
    return {
        "level": level_of(values[3]),
        "provider": values[2],
        "event_id": _number(values[5]),
        "computer": values[7],
        "message": values[8] if len(values) > 8 else None,
    }


def _number(text: str | None) -> int | None:
    return int(text) & 0xFFFF if text and text.strip().isdigit() and len(text) < 12 else None
