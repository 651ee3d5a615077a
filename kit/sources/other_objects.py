"""Exports of other PowerShell commands (Get-VMHardDiskDrive, Get-Service, Get-WBJob ...): objects that name their
types, and what Format-List and Format-Table printed.

They carry no verdict, but they are evidence: each object is kept with all its properties as a record of the kind
`object`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources.seam import Opened, Reading
from kit.text import decode

NAME = "other PowerShell export"
VERSION = "4"
TABLES = _mappers.TABLES


def recognise(head: bytes, name: str) -> int:
    """1 for objects that name their .NET type, and for lists and tables that the console printed with little else, so
    that every reader that knows the objects comes first.
    """
    found = powershell.peek(head)
    if found.kind == "console" and found.rows:
        return int(_is_little_else(head))
    return int(found.kind in ("clixml", "csv") and bool(found.types))


def _is_little_else(head: bytes) -> bool:
    """Whether most lines that begin at the edge are properties of a list, or rows of a table."""
    found = powershell.objects(head)
    begun = sum(1 for line in decode(head)[0].split("\n") if line[:1].strip("\ufeff\r\x00 \t"))
    return not found.notes and 2 * sum(map(len, found.rows)) >= begun


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kind object."""
    yield from _mappers.read(opened, "object with a type in it")
