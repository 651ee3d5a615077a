"""JSON exports: arrays, single objects, `{value, Count}` wrappers, objects one after the other, JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kit.powershell.values import DEEPEST, About, Damage, Enumerated, Item, Row, flat

LONGEST = 1 << 26  # characters of one object
MOST_BROKEN = 1000  # objects, after which the rest of the file is given up
_NEAR = 4096
_BLANK = re.compile(r"[\s\ufeff\x00\x1e]*")
_WRAPPER = re.compile(r'\{\s*"value"\s*:\s*\[', re.IGNORECASE)
_LINE = re.compile(r"(?<=\n)\{")
_ANY = re.compile(r"(?<=[\n,\[])\s*\{")
_DECODER = json.JSONDecoder(strict=False)


class _Broken(Exception):
    """No JSON value stands here."""


class _Scanner:
    """JSON values out of blocks of text, one at a time."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks, self._more = blocks, True
        self.text, self.at = "", 0

    def fill(self) -> bool:
        """Read on until the buffer has doubled; False at the end."""
        parts = [self.text[self.at :]]
        wanted, size = 2 * len(parts[0]), len(parts[0])
        while self._more and size <= wanted:
            block = next(self._blocks, None)
            if block is None:
                self._more = False
                break
            parts.append(block)
            size += len(block)
        self.text, self.at = "".join(parts), 0
        return len(parts) > 1

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.fill():
                return ""

    def value(self) -> Any:
        """The value that begins here. Raises _Broken."""
        while True:
            try:
                found, self.at = _DECODER.raw_decode(self.text, self.at)
                return found
            except json.JSONDecodeError as error:
                if self._may_go_on(error) and self.fill():
                    continue
                cut = "the file ends inside it" if self._at_end(error) else f"no JSON ({error.msg})"
                raise _Broken(cut) from error
            except (ValueError, RecursionError) as error:
                raise _Broken("nested too deeply" if isinstance(error, RecursionError) else str(error)) from error

    def _at_end(self, error: json.JSONDecodeError) -> bool:
        return error.pos >= len(self.text) - 8 or error.msg.startswith("Unterminated string")

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        size = len(self.text) - self.at
        near = error.pos > len(self.text) - _NEAR or error.msg.startswith("Unterminated string")
        return self._more and near and size < LONGEST

    def take(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern stands here; if so it is passed."""
        while len(self.text) - self.at < _NEAR and self.fill():
            pass
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found is not None

    def resume(self, pattern: re.Pattern[str]) -> bool:
        """Go to the next place where an object seems to begin; False when there is none."""
        self.at += 1
        while True:
            found = pattern.search(self.text, self.at)
            if found:
                self.at = found.end() - len(found[0].lstrip())
                return True
            self.at = max(self.at, len(self.text) - _NEAR)
            if not self.fill():
                self.at = len(self.text)
                return False


def read(blocks: Iterator[str]) -> Iterator[Item]:
    """The objects of a JSON export in order; what is broken or cut as Damage with the number of the object."""
    scanner, number, key = _Scanner(blocks), 0, ""
    depth, wrapped, broken_objects = 0, False, 0
    while character := scanner.peek():
        if not depth and character == "{" and scanner.take(_WRAPPER):
            depth, wrapped = 1, True
        elif character == "[":
            depth, scanner.at = depth + 1, scanner.at + 1
        elif character in "],":
            depth, scanner.at = depth - (character == "]"), scanner.at + 1
            if wrapped and not depth:
                yield from _tail(scanner, number)
                wrapped = False
        else:
            try:
                found = scanner.value()
            except _Broken as broken:
                number += 1
                broken_objects += 1
                if broken_objects > MOST_BROKEN:
                    yield Damage(number, f"more than {MOST_BROKEN} broken objects: given up at object {number}", None)
                    return
                yield Damage(number, f"object {number}: {broken}")
                scanner.resume(_next_object(depth, key))
                continue
            for item in _objects(found):
                number += 1
                key = key or next(iter(item), "")
                yield Row(item, number)
            if not isinstance(found, dict):
                number += 1
                yield Damage(number, f"object {number}: {str(found)[:40]!r} is no object with properties")
    if depth > 0:
        yield About("the list is not closed: the file is cut and may lack objects", partial=True)


def _next_object(depth: int, key: str) -> re.Pattern[str]:
    if depth <= 0:
        return _LINE
    return re.compile(r'\{\s*"' + re.escape(key) + r'"\s*:') if key else _ANY


def _tail(scanner: _Scanner, number: int) -> Iterator[Item]:
    """What follows the list of a wrapper: its count, which must fit."""
    scanner.take(re.compile(r"\s*,?\s*"))
    found = re.compile(r'"Count"\s*:\s*(\d+)\s*', re.IGNORECASE).match(scanner.text, scanner.at)
    if found:
        scanner.at = found.end()
        if int(found[1]) != number:
            yield About(f"the wrapper counts {found[1]} objects, {number} are there", partial=True)
    if scanner.peek() == "}":
        scanner.at += 1


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        for item in flat(found):
            yield {name: normal(value) for name, value in item.items()}


def normal(value: Any, depth: int = 0) -> Any:
    """The value without PowerShell's wrappers: dates as their text, enumerations as Enumerated, lists as lists."""
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return [normal(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    folded = {name.casefold() for name in value}
    if folded == {"value"} and len(value) == 2:
        return _enumerated(list(value.values()))
    if "value" in folded and "datetime" in folded:
        return next(item for name, item in value.items() if name.casefold() == "value")
    if folded == {"value", "count"}:
        inner = next(item for name, item in value.items() if name.casefold() == "value")
        return normal(inner, depth + 1)
    return {name: normal(item, depth + 1) for name, item in value.items()}


def _enumerated(pair: list[Any]) -> Enumerated:
    numbers = [item for item in pair if isinstance(item, int)]
    words = [item for item in pair if isinstance(item, str)]
    return Enumerated(words[0] if words else None, numbers[0] if numbers else None)
