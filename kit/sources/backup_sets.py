"""The history of backups: rows of msdb.dbo.backupset as CSV, JSON or Clixml, with or without backupmediafamily.

backup_start_date and backup_finish_date are local to the server, database_name, type (D full, I differential, L log),
is_snapshot, is_copy_only, device_type (7 is a virtual device) and the rest stay in `data`. Source: backupset.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources.seam import Opened, Reading

NAME = "msdb backup sets"
VERSION = "4"
TABLES = _mappers.TABLES

_EXPECTED = "backup set in it (backup_start_date or backup_finish_date, and database_name)"


def recognise(head: bytes, name: str) -> int:
    """3 for the columns of backupset."""
    found = powershell.peek(head)
    dated = found.names & {"backup_start_date", "backup_finish_date"}
    return 3 if dated and found.names & {"database_name", "name", "backup_set_id", "media_set_id"} else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kind backup_set; rows without a readable date as losses."""
    yield from _mappers.read(opened, _EXPECTED)
