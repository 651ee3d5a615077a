"""Events exported as objects with their record numbers: Get-WinEvent or Get-EventLog as JSON, CSV, Clixml or printed
by PowerShell; JSON lines of winlogbeat and NXLog; JSON and CSV of converters of EVTX files.

Times in UTC where the export says so (JSON, Clixml), else local. Inserted strings where the export has them; a printed
list of properties is not taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources._event_objects import EXPECTED, is_numbered, looks_like
from kit.sources.seam import Opened, Reading

NAME = "exported events"
VERSION = "7"
TABLES = _mappers.TABLES


def recognise(head: bytes, name: str) -> int:
    """3 for objects that are events and carry their record number."""
    found = powershell.peek(head)
    events = [row for row in found.rows if looks_like(row)]
    return 3 if events and all(is_numbered(row) for row in events) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, damaged objects as losses, and what the export says about its times."""
    yield from _mappers.read(opened, EXPECTED, numbered=True)
