"""Logs whose messages begin with a local time: a line without one belongs to the message before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from kit.sources._build import Made, append
from kit.sources.seam import Lost, Opened
from kit.text import decode, lines


def messages(
    opened: Opened, record: re.Pattern[str], columns: Callable[[re.Match[str]], dict[str, Any]]
) -> Iterator[Made | Lost]:
    """A row of `events` for each line that matches `record`; lines before the first one as losses.

    The first group of `record` is the time; `columns` gives what else the match says, `message` among it.
    """
    held: Made | None = None
    for line in lines(opened.file, opened.culture):
        found = record.match(line.text)
        time = _time(found[1]) if found else None
        if found and time:
            if held:
                yield held
            place = {"record_id": line.number, "offset": line.offset, "time_raw": found[1], "time_local": time}
            held = ("events", place | columns(found))
        elif line.text.strip("\x00 "):
            if held:
                append(held[1], line.text)
            else:
                yield Lost(1, f"line {line.number}: no time", line.number, line.number, line.offset)
    if held:
        yield held


def stands_in(head: bytes, record: re.Pattern[str]) -> bool:
    """Whether a line in the beginning of a file matches `record`."""
    return re.search("^" + record.pattern, decode(head)[0], re.MULTILINE | re.ASCII) is not None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
