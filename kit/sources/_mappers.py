"""All mappers of exported objects: one export may hold the output of several commands, and each goes to its table.

The transcript of a session may also hold what `vssadmin list` printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.powershell.dates import Dates
from kit.sources import _objects, _vss_blocks
from kit.sources._build import batches
from kit.sources._event_objects import Events
from kit.sources._lists import BackupSets, Hotfixes, Others
from kit.sources._replications import Replications
from kit.sources._snapshots import Snapshots
from kit.sources.seam import Opened, Reading
from kit.text import HEAD, lines

TABLES = ("recovery_points", "replication", "records", "events", "writers")


def read(opened: Opened, expected: str, numbered: bool = False) -> Iterator[Reading]:
    """Rows of every object of the export, whatever command it came from.

    Raises Unreadable naming what was `expected` when the export holds nothing that any mapper takes.
    """
    opened.file.seek(0)
    head = opened.file.read(HEAD)
    printed = powershell.kind_of(head) in ("console", "wmic")
    if printed or powershell.is_session(head):
        yield from _vssadmin(opened)
    mappers: list[_objects.Mapper] = [
        Snapshots(opened.path),
        Replications(),
        Events(numbered),
        BackupSets(),
        Hotfixes(),
        Others(printed),
    ]
    yield from _objects.read(opened, mappers, expected)


def _vssadmin(opened: Opened) -> Iterator[Reading]:
    """What vssadmin printed among the rest."""
    dates = Dates(opened.culture)
    found = _vss_blocks.within(lines(opened.file, opened.culture))
    dates.learn(_vss_blocks.time_in(line.text) for block in found for line in block[1:2])
    writers = any(_vss_blocks.kind(block) == "writer" for block in found)
    yield from batches(item for block in found for item in _vss_blocks.made(block, dates, writers))
