"""Output of `w32tm /stripchart`, with `/dataonly` or without: the clock of one computer against another's.

Each sample is what must be added to the computer's time to get the other's. They hold for the minute in which they were
taken, so no verdict rests on them by itself: the note of the source says what to write into case.toml. Local time
without a date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from statistics import median

from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Opened, Reading
from kit.text import decode, lines

NAME = "clock samples"
VERSION = "1"
TABLES = ("records",)

_SAMPLE = re.compile(
    r"(?P<time>\d\d:\d\d:\d\d),?\s+"
    r"(?:(?:d:[+-]\d+\.\d+s\s+o:)?(?P<offset>[+-]\d+\.\d+)s\b|error: (?P<error>0x\w{8}))"
)
_OTHER = re.compile(r"Tracking (?P<name>\S+) \[")


def recognise(head: bytes, name: str) -> int:
    """3 for lines that are nothing but a time and an offset."""
    return 3 if any(_SAMPLE.match(line) for line in decode(head)[0].splitlines()[:20]) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kind clock_sample, named after the other computer."""
    yield from batches(_samples(opened))


def _samples(opened: Opened) -> Iterator[Made | Fact]:
    other: str | None = None
    offsets: list[float] = []
    for line in lines(opened.file, opened.culture):
        if found := _SAMPLE.match(line.text):
            offset = float(found["offset"]) if found["offset"] else None
            offsets += [] if offset is None else [offset]
            data = json.dumps({"error": found["error"]} if offset is None else {"offset_s": offset})
            yield "records", {"kind": "clock_sample", "name": other, "time_raw": found["time"], "data": data}
        elif head := _OTHER.match(line.text):
            other = head["name"]
    if offsets:
        against = f" against {other}" if other else ""
        yield Fact(note=f"{median(offsets):+.1f} s{against}: write it as offset_s of this computer under [[clock]]")
