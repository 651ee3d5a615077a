"""Exported objects to rows: every reader of PowerShell exports says which objects are its own, this walks the file.

A file is walked twice: first the dates and numbers are looked at, because one value can settle how others are
meant, then rows are made. Memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from kit import powershell
from kit.errors import Unreadable
from kit.powershell import About, Damage, Row
from kit.powershell.dates import Dates, Moment
from kit.sources._build import Made, batches, oldest_first
from kit.sources.seam import Fact, Lost, Opened, Reading

_LONGEST_DATE = 160  # characters of a text in which a date is looked for
_NO_COMPUTER = {"", ".", "localhost", "127.0.0.1", "::1"}


class Mapper(Protocol):
    """What a reader of objects knows: which are its own, and which rows they make."""

    def fits(self, row: Row) -> bool:
        """Whether the object is one of this kind."""

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at an object and its dates before rows are made."""

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of an object; None for one that is whole and no row."""

    def facts(self) -> Iterator[Fact]:
        """What the objects together say. Raises Unreadable where essential properties are missing."""


def read(opened: Opened, mappers: Sequence[Mapper], expected: str) -> Iterator[Reading]:
    """Rows of all objects that a mapper takes; other objects are losses with their number and properties."""
    dates = Dates(opened.culture)
    about = _learned(opened, mappers, dates)
    if about.rows and not about.taken:
        raise Unreadable(f"{opened.path}: no {expected}; the properties are: {', '.join(about.names)[:300]}")
    if about.computer:
        yield Fact(computer=about.computer)
    for mapper in mappers:
        yield from mapper.facts()
    if dates.note and about.taken:
        yield Fact(note=dates.note)
    newest_first = any(getattr(mapper, "newest_first", False) for mapper in mappers)
    yield from oldest_first(batches(_made(opened, mappers, dates)), newest_first)


class _Learned:
    def __init__(self) -> None:
        self.rows = self.taken = 0
        self.names: list[str] = []
        self.computers: dict[str, int] = {}

    @property
    def computer(self) -> str | None:
        return max(self.computers, key=lambda name: self.computers[name]) if self.computers else None

    def take(self, computer: str | None) -> None:
        if computer:
            self.computers[computer] = self.computers.get(computer, 0) + 1


def _learned(opened: Opened, mappers: Sequence[Mapper], dates: Dates) -> _Learned:
    about = _Learned()
    for item in powershell.stream(opened.file, opened.culture):
        if isinstance(item, Row):
            about.rows += 1
            about.names = about.names or list(item)
            if mapper := _taker(mappers, item):
                about.taken += 1
                mapper.learn(item, dates)
                about.take(computer_of(item))
        elif isinstance(item, About):
            about.take(item.computer)
    return about


def _taker(mappers: Sequence[Mapper], row: Row) -> Mapper | None:
    return next((mapper for mapper in mappers if mapper.fits(row)), None)


def _made(opened: Opened, mappers: Sequence[Mapper], dates: Dates) -> Iterator[Made | Lost | Fact]:
    for item in powershell.stream(opened.file, opened.culture):
        if isinstance(item, Damage):
            yield Lost(item.count, item.reason, item.row, item.row, found=item.count is not None)
        elif isinstance(item, About):
            if item.note:
                yield Fact(note=item.note, partial=item.partial)
        elif mapper := _taker(mappers, item):
            made = mapper.made(item, dates)
            if made is not None:
                yield made
        else:
            names = ", ".join(item)[:160]
            yield Lost(1, f"row {item.number}: an object of another kind ({names})", item.number, item.number)


def computer_of(row: Row) -> str | None:
    """The computer that an object was exported from; none for names of the own machine such as localhost."""
    name = row.text("PSComputerName", "ComputerName", "__SERVER", "PSServerName")
    if name is None and next(iter(row), "") == "Node":  # the first column that `wmic /format:csv` writes
        name = row.text("Node")
    return None if name is None or name.lower() in _NO_COMPUTER else name


def learn_all(row: Row, dates: Dates) -> None:
    """Every short text of an object as evidence for the order of day and month: names hold dates too."""
    dates.learn(value for value in row.values() if isinstance(value, str) and len(value) <= _LONGEST_DATE)


def lost(row: Row, reason: str) -> Lost:
    """The loss of one object."""
    return Lost(1, f"row {row.number}: {reason}", row.number, row.number)


def times(name: str, moment: Moment) -> dict[str, Any]:
    """Columns `<name>_utc` or `<name>_local` of a moment; nothing where it is unknown."""
    if moment.utc is not None:
        return {f"{name}_utc": moment.utc}
    return {f"{name}_local": moment.local} if moment.local is not None else {}
