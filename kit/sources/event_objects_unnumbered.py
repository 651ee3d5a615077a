"""Events exported as objects without their record numbers, as `event_objects`.

Rows are numbered in the order of time. Nobody can tell whether such an export is whole: it covers no interval.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _objects
from kit.sources._event_objects import Events, looks_like
from kit.sources.event_objects import EXPECTED
from kit.sources.seam import Opened, Reading

NAME = "exported events without record numbers"
VERSION = "1"
TABLES = ("events",)
NUMBERED = False
COVERS = False


def recognise(head: bytes, name: str) -> int:
    """2 for objects that are events."""
    found = powershell.peek(head)
    return 2 if any(looks_like(row) for row in found.rows) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, damaged objects as losses, and what the export says about its times."""
    yield from _objects.read(opened, [Events(numbered=False)], EXPECTED)
