"""Events exported as objects without their record numbers, as `event_objects`.

Rows are numbered in the order of time, in tens, and their intervals are marked as those of a list: the case looks
whether it was filtered.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources._event_objects import EXPECTED, looks_like
from kit.sources.seam import Opened, Reading

NAME = "exported events without record numbers"
VERSION = "8"
TABLES = _mappers.TABLES


def recognise(head: bytes, name: str) -> int:
    """2 for objects that are events."""
    found = powershell.peek(head)
    return 2 if any(looks_like(row) for row in found.rows) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, damaged objects as losses, and what the export says about its times."""
    yield from _mappers.read(opened, EXPECTED, numbered=False)
