"""SQL Server ERRORLOG as a list: what Management Studio exports from its Log File Viewer, newest first and in any
language, and results of sp_readerrorlog as CSV, without a severity and oldest first.

    Date,Source,Severity,Message
    05/19/2014 22:00:14,Backup,Unknown,BACKUP failed to complete the command BACKUP DATABASE Sales. ...
    05/19/2014 22:00:14,Backup,Unknown,Error: 3041<c/> Severity: 16<c/> State: 1.

Times are local and end at the second. Commas stand as `<c/>`, ends of lines as `<nl/>`. The numbers of an error are a
row of their own, below its text: they become one event. The list may be filtered and has no record numbers.

Results of sp_readerrorlog are read line by line, because Management Studio saves and copies them without a header and
without quotes around texts that hold the delimiter:

    2014-05-19 22:00:14.110,Backup,Error: 18210, Severity: 16, State: 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from kit.powershell import About, Damage, Item, Row, csvs
from kit.powershell.dates import Dates
from kit.sources._build import APART, Made, batches, oldest_first
from kit.sources._errors import level, numbers_of
from kit.sources._results import is_around
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import Line, decode, lines

NAME = "SQL Server log list (Management Studio)"
VERSION = "3"
TABLES = ("events",)

_SOURCE = re.compile(r"(?:spid\d+s?|Server|Backup|Logon|Cluster)$", re.IGNORECASE)
_WRITTEN = {"<c/>": ",", "<nl/>": "\n"}
_MARK = re.compile("<c/>|<nl/>")
_RESULT = re.compile(
    r'"?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{2,7})"?(?P<mark>[\t,;|])'
    r'"?(?P<source>[^\W\d]\w{2,11})"?(?P=mark)(?P<text>.*)',
    re.ASCII,
)
_LONGEST = 1 << 16  # characters of one text


def recognise(head: bytes, name: str) -> int:
    """3 for rows of a date, a source of the server, perhaps a severity, and a text, below a header or without."""
    text = decode(head)[0]
    given = [Line(number, 0, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1)]
    rows = [row for row in islice(_items(given), 20) if isinstance(row, Row)]
    return 3 if rows and 2 * sum(_fits(list(row.values())) for row in rows) > len(rows) else 0


def _fits(values: list[Any]) -> bool:
    known = len(values) >= 3 and values[0] and values[1] and _text(values)
    return bool(known and _SOURCE.match(values[1]) and Dates().read(values[0]).dated)


def _text(values: list[Any]) -> str | None:
    """The text: behind the severity, or in the third and last column; further columns name the log."""
    text: str | None = values[3] if len(values) > 3 else values[2]
    return text


def _items(given: Iterable[Line]) -> Iterator[Item]:
    """The rows of either form, told by the first line that holds anything, or the one behind it."""
    following = iter(given)
    first = list(islice(following, 4))
    filled = [line for line in first if line.text.strip("\ufeff\x00 \t")][:2]
    whole = chain(first, following)
    return _results(whole) if any(_RESULT.match(line.text.strip("\ufeff\x00")) for line in filled) else csvs.read(whole)


def _results(given: Iterator[Line]) -> Iterator[Item]:
    """Rows of sp_readerrorlog: each begins with a time and a source; a line without them goes on with the text."""
    held: list[str] = []
    number = 0
    for line in given:
        text = line.text.strip("\ufeff\x00")
        if found := _RESULT.match(text):
            if held:
                yield _result(held, number)
            number += 1
            held = [found["time"], found["source"], found["text"]]
        elif held and not is_around(text):
            held[2] = f"{held[2]}\n{text}"[:_LONGEST]
    if held:
        yield _result(held, number)


def _result(held: list[str], number: int) -> Row:
    time, source, text = held
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"')
    return Row({"time": time, "source": source, "text": text}, number)


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, damaged rows as losses, and how the rows were numbered."""
    dates, count = Dates(opened.culture), 0
    first, last = None, None
    for item in _items(lines(opened.file, opened.culture)):
        count += isinstance(item, Row | Damage)
        if isinstance(item, Row):
            written = next(iter(item.values()))
            dates.learn([written])
            last = dates.read(written).local or last
            first = first or last
    falling = first is not None and last is not None and first > last
    yield Fact(gaps=0, listed=True)
    yield Fact(note="the list does not name its instance: taken for the default instance MSSQLSERVER")
    if falling:
        yield Fact(note="newest first: numbered from the end of the file")
    if dates.note:
        yield Fact(note=dates.note)
    yield from oldest_first(batches(_made(opened, dates, count if falling else 0)), falling)


def _made(opened: Opened, dates: Dates, from_end: int) -> Iterator[Made | Lost | Fact]:
    """Events; the numbers of an error stand below its text (newest first) or above it, with its time and source."""
    before: dict[str, Any] | None = None
    for item in _items(lines(opened.file, opened.culture)):
        if isinstance(item, Damage):
            yield Lost(item.count, item.reason, item.row, item.row)
        elif isinstance(item, About):
            yield Fact(note=item.note, partial=item.partial)
        else:
            row = _row(item, dates, from_end)
            whole = _joined(before, row, bool(from_end)) if before else None
            if before and not whole:
                yield _event(before)
            before = whole or row
    if before:
        yield _event(before)


def _joined(before: dict[str, Any], row: dict[str, Any], newest_first: bool) -> dict[str, Any] | None:
    """The event that two neighbouring rows are together; None where they are two."""
    numbers, text = (row, before) if newest_first else (before, row)
    both = all(before[name] == row[name] for name in ("time_raw", "source"))
    if not both or numbers["error"] is None or text["error"] is not None or text["joined"]:
        return None
    return text | {name: numbers[name] for name in ("event_id", "level", "error")} | {"joined": True}


def _row(item: Row, dates: Dates, from_end: int) -> dict[str, Any]:
    values = list(item.values())
    moment = dates.read(values[0])
    text = _MARK.sub(lambda found: _WRITTEN[found[0]], _text(values) or "")
    error = numbers_of(text)
    return {
        "record_id": APART * (from_end - item.number + 1 if from_end else item.number),
        "time_raw": moment.raw,
        "time_local": moment.local,
        "time_basis": "assumed" if moment.ambiguous else None,
        "precision_s": moment.precision_s,
        "channel": "ERRORLOG",
        "provider": "MSSQLSERVER",
        "event_id": error[0] if error else None,
        "level": level(error[1]) if error else None,
        "message": text.rstrip(),
        "source": values[1],
        "error": error,
        "joined": False,
    }


def _event(row: dict[str, Any]) -> Made:
    """The row with its source, severity and state as data."""
    said = {"source": row.pop("source")}
    row.pop("joined")
    if error := row.pop("error"):
        said |= {"severity": error[1], "state": error[2]}
    return "events", row | {"data": json.dumps(said, ensure_ascii=False)}
