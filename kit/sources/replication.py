"""Replication as PowerShell exports it: Get-VMReplication, Measure-VMReplication, Get-VM, Get-VMIntegrationService, and
the WMI classes Msvm_ReplicationRelationship, Msvm_ReplicationStatistics and Msvm_ComputerSystem.

States of PowerShell and of WMI have the same words for some values and other numbers: the class decides which are
meant. Names of properties vary between versions and are read tolerantly. Source: the documentation of these
commands and classes.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources._replications import kind_of
from kit.sources.seam import Opened, Reading

NAME = "replication state (PowerShell)"
VERSION = "4"
TABLES = _mappers.TABLES

_EXPECTED = "replication state in it (export again: Get-VMReplication | Export-Clixml replication.xml)"


def recognise(head: bytes, name: str) -> int:
    """3 for the type of the objects, 2 for objects with such properties."""
    found = powershell.peek(head)
    if found.kind == "unknown":
        return 0
    if any(kind.endswith(("vmreplication", "virtualmachine")) or "msvm_replication" in kind for kind in found.types):
        return 3
    return 2 if any(kind_of(row) for row in found.rows) or "replicationhealth" in found.names else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `replication`; VMs without replication and other integration services as `records`."""
    yield from _mappers.read(opened, _EXPECTED)
