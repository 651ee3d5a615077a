"""Logs whose messages begin with a local time, in ISO or as a culture writes it: a line without one belongs to the
message before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from kit.powershell.dates import Dates
from kit.sources._build import Made, append
from kit.sources._results import is_around
from kit.sources.seam import Fact, Lost, Opened
from kit.text import decode, lines


def messages(
    opened: Opened, record: re.Pattern[str], columns: Callable[[re.Match[str]], dict[str, Any]]
) -> Iterator[Made | Lost | Fact]:
    """A row of `events` for each line that matches `record`; lines before the first one as losses, doubts as a fact.

    The first group of `record` is the time; `columns` gives what else the match says, `message` among it.
    """
    dates = Dates(opened.culture)
    dates.learn(found[1] for line in lines(opened.file, opened.culture) if (found := record.match(line.text)))
    if dates.note:
        yield Fact(note=dates.note)
    held: Made | None = None
    for line in lines(opened.file, opened.culture):
        found = record.match(line.text)
        moment = dates.read(found[1]) if found else None
        if found and moment and moment.local:
            if held:
                yield held
            place = {"record_id": line.number, "offset": line.offset, "time_raw": found[1], "time_local": moment.local}
            basis = {"time_basis": "assumed"} if moment.ambiguous else {}
            held = ("events", place | basis | columns(found))
        elif line.text.strip("\x00 ") and not is_around(line.text):
            if held:
                append(held[1], line.text)
            else:
                yield Lost(1, f"line {line.number}: no time", line.number, line.number, line.offset)
    if held:
        yield held


def stands_in(head: bytes, record: re.Pattern[str]) -> bool:
    """Whether a line in the beginning of a file matches `record`."""
    return re.search("^" + record.pattern, decode(head)[0], re.MULTILINE) is not None
