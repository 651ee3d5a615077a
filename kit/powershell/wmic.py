"""Text that `wmic` prints: a table without a rule below its heading, or `/format:list` with `Name=value`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from kit.powershell.values import Damage, Item, Row
from kit.text import Line

_ENTRY = re.compile(r"(\w{2,60})=(.*)$")
_HEADING = re.compile(r"[A-Z_]\w+ {2,}(?:[A-Z_]\w+ {2,}){2,}\s*(?:[A-Z_]\w+\s*)?$")
_LEAST = 3  # entries of a list
_APART = 2  # empty lines between two objects of a list


def looks_like(head: str) -> bool:
    """Whether the text is nothing but such a list, or begins with the heading of such a table."""
    lines = [line.rstrip("\r\x00 ") for line in head.split("\n")[:200]]
    filled = [line for line in lines if line]
    if len(filled) < 2:
        return False
    if _HEADING.match(f"{filled[0]}  "):
        return len(filled[0].split()) >= 4 and len(filled[1]) > len(filled[0].split()[0])
    return len(filled) >= _LEAST and all(map(_ENTRY.match, filled[:-1]))


def read(lines: Iterator[Line]) -> Iterator[Item]:
    """The objects in order."""
    first = next((line for line in lines if line.text.strip("\r\x00 ")), None)
    if first is None:
        return
    if _ENTRY.match(first.text):
        yield from _list(first, lines)
    else:
        yield from _table(first.text, lines)


def _list(first: Line, lines: Iterator[Line]) -> Iterator[Item]:
    held: dict[str, str | None] = {}
    number, blanks = 0, 0
    for line in chain([first], lines):
        text = line.text.strip("\x00").rstrip("\r ")
        found = _ENTRY.match(text)
        if found and held and (found[1] in held or blanks >= _APART):
            number += 1
            yield Row(held, number)
            held = {}
        if found:
            held[found[1]] = found[2].strip() or None
        elif text:
            number += 1
            yield Damage(number, f"line {line.number}: no name with a value")
        blanks = 0 if text else blanks + 1
    if held:
        yield Row(held, number + 1)


def _table(heading: str, lines: Iterator[Line]) -> Iterator[Item]:
    """Each column begins where its name does; the last goes to the end of the line."""
    found = list(re.finditer(r"\S+", heading.strip("\x00").rstrip("\r")))
    starts = [match.start() for match in found]
    bounds = list(zip(starts, [*starts[1:], None], strict=True))
    number = 0
    for line in lines:
        text = line.text.strip("\x00").rstrip("\r")
        if not text.strip():
            continue
        number += 1
        if any(text[start - 1 : start].strip() for start in starts[1:]):
            yield Damage(number, f"line {line.number}: a word goes over the edge of its column")
            continue
        cells = (text[begin:end].strip() or None for begin, end in bounds)
        yield Row(dict(zip((match[0] for match in found), cells, strict=True)), number)
