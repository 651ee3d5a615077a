"""Objects out of what PowerShell exports: CSV, JSON, Clixml, and text as the console prints it; also what wmic prints.

`stream` reads a file of any size, `objects` a few bytes, `peek` tells from the beginning of a file what it holds.
Whatever can be kept is kept; what cannot is a Damage with the number of its row.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import BinaryIO

from kit import text
from kit.powershell import clixml, console, csvs, jsons, wmic
from kit.powershell.blocks import blocks
from kit.powershell.console import prompt
from kit.powershell.values import (
    About,
    Damage,
    Enumerated,
    Item,
    Row,
    as_json,
    claim_of,
    number_of,
    plain,
    text_of,
)

__all__ = [
    "About", "Damage", "Enumerated", "Item", "Parsed", "Peek", "Row",
    "as_json", "claim_of", "is_session", "kind_of", "number_of", "objects", "peek", "plain", "prompt", "stream",
    "text_of",
]  # fmt: skip

_PEEKED = 20


@dataclass(frozen=True)
class Parsed:
    """The objects of one export: kind (csv, json, clixml, console, wmic or unknown), rows, notes, what was lost."""

    kind: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    computer: str | None = None


@dataclass(frozen=True)
class Peek:
    """What the beginning of a file shows: its kind, the types it names, the properties in small letters."""

    kind: str
    types: frozenset[str]
    names: frozenset[str]
    rows: tuple[Row, ...] = ()


def kind_of(head: bytes) -> str:
    """`csv`, `json`, `clixml`, `console`, `wmic`, or `unknown` for content that is no such export."""
    whole = text.decode(head)[0].lstrip("\ufeff\x00\r\n\x1e")
    start = whole.lstrip("\ufeff\x00 \t\r\n\x1e")
    if start.startswith("<"):
        return "clixml" if re.search(r"<Objs[\s>]", start[:2000]) else "unknown"
    if re.match(r'\{\s*["}]|\[\s*[\[{\]"]', start):
        return "json"
    if console.looks_like(whole):
        return "console"
    if _is_csv(start):
        return "csv"
    return "wmic" if wmic.looks_like(start) else "unknown"


def is_session(head: bytes) -> bool:
    """Whether the text is a transcript of a PowerShell session, or copied from its window."""
    return console.is_session(text.decode(head)[0])


def _is_csv(start: str) -> bool:
    lines = [line for line in start.split("\n", 12)[:12] if line.strip("\r\x00 ")]
    if lines and lines[0].startswith("#TYPE "):
        return True
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]
    if not lines or len(lines[0]) > 8000:
        return False
    header = lines[0].rstrip("\r")
    delimiter = csvs.delimiter_of(header)
    names = header.rstrip(delimiter).split(delimiter)  # a spreadsheet writes a name for the last column, or none
    if len(names) < 2 or not all(_is_name(name) for name in names):
        return len(names) == 1 and len(header) > 2 and header[0] == header[-1] == '"' and _is_name(header)
    return len(lines) == 1 or lines[1].count(delimiter) >= 1


def _is_name(name: str) -> bool:
    bare = name.strip().strip('"')
    return 0 < len(bare) <= 80 and not bare[0].isdigit() and not re.search(r"[\[\]{}<>=\\]|: ", bare)


def stream(file: BinaryIO, culture: str | None = None) -> Iterator[Item]:
    """The objects of an export in order (Row), what was lost (Damage), what the file says of itself (About)."""
    file.seek(0)
    kind = kind_of(file.read(text.HEAD))
    if kind == "clixml":
        return clixml.read(blocks(file, culture))
    if kind == "json":
        return jsons.read(blocks(file, culture))
    if kind == "console":
        return console.read(text.lines(file, culture))
    if kind == "wmic":
        return wmic.read(text.lines(file, culture))
    if kind == "csv":
        return csvs.read(text.lines(file, culture))
    return iter(())


def objects(raw: bytes, culture: str | None = None) -> Parsed:
    """Every object of an export that fits into memory.

    Properties are found without regard to case (`Row.pick`). Dates stay the text that the export holds:
    `kit.powershell.dates` reads them. Numbers, truth values, nested objects and lists keep their type;
    enumeration values are `Enumerated` where the format tells.
    """
    file = io.BytesIO(raw)
    items = list(stream(file, culture))
    about = [item for item in items if isinstance(item, About)]
    return Parsed(
        kind_of(raw[: text.HEAD]),
        [item for item in items if isinstance(item, Row)],
        [item.note for item in about if item.note],
        [item for item in items if isinstance(item, Damage)],
        next((item.computer for item in about if item.computer), None),
    )


@lru_cache(maxsize=4)
def peek(head: bytes) -> Peek:
    """What the first objects of a file are, from its first 64 KiB."""
    kind = kind_of(head)
    rows = tuple(islice(_rows(stream(io.BytesIO(head))), _PEEKED))
    types = {name.casefold() for row in rows for name in row.type_names}
    names = {name.casefold() for row in rows for name in row}
    return Peek(kind, frozenset(types), frozenset(names) or _header(kind, head), rows)


def _rows(items: Iterable[Item]) -> Iterator[Row]:
    return (item for item in items if isinstance(item, Row))


def _header(kind: str, head: bytes) -> frozenset[str]:
    """The columns of a CSV export without rows."""
    if kind != "csv":
        return frozenset()
    lines = [line for line in text.decode(head)[0].split("\n") if line.strip() and not line.startswith("#TYPE ")]
    first = lines[0].rstrip("\r") if lines else ""
    return frozenset(name.casefold() for name in csvs.names_of(first, csvs.delimiter_of(first)))
