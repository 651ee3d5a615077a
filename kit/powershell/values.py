"""What PowerShell exports hold: objects with properties, enumeration values, and what was lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 24  # levels of nesting that are kept; PowerShell itself writes 2 to 4


@dataclass(frozen=True)
class Enumerated:
    """An enumeration value: its word where the export has one, its number where it has one."""

    text: str | None = None
    number: int | None = None

    def __str__(self) -> str:
        return self.text if self.text is not None else str(self.number)


@dataclass(frozen=True)
class Damage:
    """Rows that could not be read; `row` counts from 1, `count` is None where nobody can tell."""

    row: int | None
    reason: str
    count: int | None = 1


@dataclass(frozen=True)
class About:
    """What an export says about itself."""

    note: str | None = None
    computer: str | None = None
    partial: bool = False


class Row(dict[str, Any]):
    """The properties of one exported object: names as written, found without regard to case.

    `number` counts objects from 1, `type_names` are the .NET types that the export names, `cut` holds the
    names of properties whose value the console cut off.
    """

    __slots__ = ("cut", "number", "type_names")

    def __init__(
        self,
        properties: dict[str, Any],
        number: int = 0,
        type_names: tuple[str, ...] = (),
        cut: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(properties)
        self.number, self.type_names, self.cut = number, type_names, cut

    def pick(self, *names: str) -> Any:
        """The first of these properties that holds something; None when none does."""
        for name in names:
            value = self.get(name)
            if value is None:
                folded = name.casefold()
                value = next((v for key, v in self.items() if key.casefold() == folded), None)
            if value is not None and value != "" and value != []:
                return value
        return None

    def text(self, *names: str) -> str | None:
        """The first of these properties that holds something, as text."""
        return text_of(self.pick(*names))

    def whole(self, *names: str) -> int | None:
        """The first of these properties that holds something, as a whole number; None when it is none."""
        return number_of(self.pick(*names))

    def has_cut(self, *names: str) -> bool:
        """Whether the console cut the value of one of these properties."""
        return any(name.casefold() in self.cut for name in names)


Item = Row | Damage | About


def text_of(value: Any) -> str | None:
    """The value as PowerShell would print it; None for nothing."""
    if isinstance(value, dict):
        named = Row(value).pick("ToString", "Name", "value")
        return None if isinstance(named, dict) else text_of(named)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := text_of(item)) is not None) or None
    if value is None:
        return None
    return str(value).strip() or None


def number_of(value: Any) -> int | None:
    """The whole number that the value is or writes; None for words."""
    if isinstance(value, Enumerated):
        return value.number
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, int):
        return value
    text = str(value).strip()
    bare = text.removeprefix("-")
    return int(text) if bare.isascii() and bare.isdigit() and len(bare) < 20 else None


def claim_of(value: Any) -> bool | None:
    """True or False as exported, in words or as a number; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}.get((text_of(value) or "").lower())


def plain(value: Any, depth: int = 0) -> Any:
    """The value with nothing in it but what JSON holds."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Enumerated):
        return str(value)
    if isinstance(value, dict):
        return {str(name): plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    return value


def as_json(row: dict[str, Any]) -> str:
    """Every property as JSON text."""
    return json.dumps(plain(row), ensure_ascii=False, default=str)


def flat(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a top-level value: lists and tables of lists are opened, wrappers taken off."""
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    elif isinstance(value, dict):
        inner = _lists_in(value)
        if inner is None:
            yield value
        else:
            for item in inner:
                yield from flat(item)


def _lists_in(value: dict[str, Any]) -> list[Any] | None:
    """The lists of `{value: [...], Count: n}` and of tables that hold nothing but lists of objects."""
    names = {name.casefold(): item for name, item in value.items()}
    if set(names) == {"value", "count"} and isinstance(names["value"], list):
        return [names["value"]]
    lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
    if lists and len(lists) == len(value):
        return lists
    return None
