"""Exports of other PowerShell commands (Get-VMHardDiskDrive, Get-Service, Get-VMHost ...) that name their types.

They carry no verdict, but they are evidence: each object is kept with all its properties as a record of the kind
`object`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources.seam import Opened, Reading

NAME = "other PowerShell export"
VERSION = "3"
TABLES = _mappers.TABLES


def recognise(head: bytes, name: str) -> int:
    """1 for objects that name their .NET type, so that every reader that knows the type comes first."""
    found = powershell.peek(head)
    return int(found.kind in ("clixml", "csv") and bool(found.types))


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kind object."""
    yield from _mappers.read(opened, "object with a type in it")
