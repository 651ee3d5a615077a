"""All mappers of exported objects: one export may hold the output of several commands, and each goes to its table."""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _objects
from kit.sources._event_objects import Events
from kit.sources._lists import BackupSets, Hotfixes, Others
from kit.sources._replications import Replications
from kit.sources._snapshots import Snapshots
from kit.sources.seam import Opened, Reading
from kit.text import HEAD

TABLES = ("recovery_points", "replication", "records", "events")


def read(opened: Opened, expected: str, numbered: bool = False) -> Iterator[Reading]:
    """Rows of every object of the export, whatever command it came from.

    Raises Unreadable naming what was `expected` when the export holds nothing that any mapper takes.
    """
    opened.file.seek(0)
    printed = powershell.kind_of(opened.file.read(HEAD)) == "console"
    mappers: list[_objects.Mapper] = [
        Snapshots(opened.path),
        Replications(),
        Events(numbered),
        BackupSets(),
        Hotfixes(),
        Others(printed),
    ]
    yield from _objects.read(opened, mappers, expected)
