"""CSV exports: with or without `#TYPE`, any delimiter, quoted or not, several exports in one file."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from kit.powershell.values import About, Damage, Item, Row
from kit.text import Line

LONGEST_RECORD = 4000  # lines that one quoted record may span
MOST_CHARACTERS = 1 << 24  # of one record
_DELIMITERS = ",;\t|"
COUNT = re.compile(r"\(\d+ [^()\d]{3,60}\)$")  # below a result of sqlcmd: (2 rows affected), in any language


def delimiter_of(header: str) -> str:
    """The delimiter of a header line: what follows a closing quote, else the most frequent outside quotes."""
    for mark in _DELIMITERS:
        if f'"{mark}"' in header:
            return mark
    bare, inside = [], False
    for character in header:
        inside ^= character == '"'
        if not inside:
            bare.append(character)
    return max(_DELIMITERS, key=bare.count)


def fields(record: str, delimiter: str) -> list[str]:
    """The fields of one complete record, without the quotes around them."""
    if '"' not in record:
        return record.split(delimiter)
    found: list[str] = []
    held: list[str] = []
    for part in record.split(delimiter):
        held.append(part)
        if (part.count('"') % 2 == 1) == (len(held) > 1):
            found.append(_bare(delimiter.join(held)))
            held = []
    if held:
        found.append(_bare(delimiter.join(held)))
    return found


def _bare(field: str) -> str:
    if len(field) >= 2 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def names_of(line: str, delimiter: str) -> list[str]:
    """The names of a header line; a name that repeats or is empty gets its place, counted from 1."""
    names: list[str] = []
    for place, name in enumerate(fields(line, delimiter), 1):
        bare = name.strip().strip("\ufeff")
        names.append(bare if bare and bare not in names else f"{bare}#{place}")
    return names


def _too_long(held: list[Line], size: int) -> bool:
    return len(held) >= LONGEST_RECORD or size >= MOST_CHARACTERS


class _Records:
    """Records of a CSV text: lines joined while a quote is open, with a bound and a way back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines, self._back = lines, deque[Line]()
        self.header: list[str] = []
        self.delimiter = ","

    def _next(self) -> Line | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    def __iter__(self) -> Iterator[tuple[Line, str | None, str]]:
        """First line of each record, its text or None, and why it is None."""
        while first := self._next():
            held, quotes = [first], first.text.count('"')
            size = len(first.text)
            while quotes % 2 and not _too_long(held, size) and (line := self._next()):
                held.append(line)
                size += len(line.text)
                quotes += line.text.count('"')
            if any(line.cut for line in held):
                yield first, None, "a line of more than 1 MiB"
            elif quotes % 2:
                self._give_back(held)
                at_end = not _too_long(held, size)
                yield first, None, "the file ends inside a quoted value" if at_end else "a quote is never closed"
            else:
                yield first, "\n".join(line.text for line in held), ""

    def _give_back(self, held: list[Line]) -> None:
        """Read on at the first line that has all columns."""
        for place, line in enumerate(held[1:], 1):
            if line.text.count(self.delimiter) >= len(self.header) - 1 > 0:
                self._back.extendleft(reversed(held[place:]))
                return


def read(lines: Iterator[Line]) -> Iterator[Item]:
    """The rows of a CSV export; fields beyond the header are called `#6`, `#7` ... by their place."""
    records, types, number = _Records(lines), "", 0
    short: Damage | None = None
    for first, text, reason in records:
        if short:
            yield short
            short = None
        if text is None:
            number += 1
            yield Damage(number, f"row {number} (line {first.number}): {reason}")
        elif text.startswith("#TYPE "):
            records.header, types = [], text[6:].strip()
        elif not records.header:
            _take_header(records, text)
        elif text.strip("\x00 \t\r") and not COUNT.match(text.strip()):
            item = _row(records, text, number + 1, first.number, types)
            number += item is not None
            if isinstance(item, Damage):
                short = item
            elif item:
                yield item
    if short:
        yield Damage(short.row, short.reason + "; the file may be cut there")
    if records.header and not number:
        yield About(f"a header ({', '.join(records.header)[:200]}) without any row")


def _take_header(records: _Records, text: str) -> None:
    if text.strip("\x00 \t\r") and not text.lower().startswith("sep="):
        records.delimiter = delimiter_of(text)
        records.header = names_of(text, records.delimiter)


def _row(records: _Records, text: str, number: int, line: int, types: str) -> Row | Damage | None:
    """The row, or why it is none; nothing for a header that stands there once more."""
    header = records.header
    values = fields(text, records.delimiter)
    if values[: len(header)] == header:
        return None
    if len(values) < len(header):
        return Damage(number, f"row {number} (line {line}): {len(values)} of {len(header)} columns")
    named: dict[str, str | None] = {name: value or None for name, value in zip(header, values, strict=False)}
    for place in range(len(header), len(values)):
        named[f"#{place + 1}"] = values[place] or None
    return Row(named, number, (types,) if types else ())
