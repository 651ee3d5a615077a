"""Lists of recovery points: Get-VMSnapshot or Get-VMCheckpoint, and the WMI class behind them, exported by PowerShell.

Properties read: Name, Id, VMId, VMName, SnapshotType (word or number), CreationTime, ComputerName; of WMI
InstanceID, ElementName, VirtualSystemIdentifier, VirtualSystemType, CreationTime; of other tools
RecoveryPointTime and RecoveryPointType. Snapshots that are no recovery points (Standard,
Recovery, Missing) are counted in a note. Source: Get-VMSnapshot, Msvm_VirtualSystemSettingData.
"""

from __future__ import annotations

from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources._snapshots import EXPORT, looks_like
from kit.sources.seam import Opened, Reading

NAME = "recovery points (PowerShell)"
VERSION = "5"
TABLES = _mappers.TABLES


def recognise(head: bytes, name: str) -> int:
    """3 for the type of the objects or of its property, 2 for objects like snapshots, 1 for a column so named."""
    found = powershell.peek(head)
    if found.kind == "unknown":
        return 0
    named = any(kind.endswith(("vmsnapshot", "vmcheckpoint")) for kind in found.types)
    if named or {"snapshottype", "creationtime"} <= found.names:
        return 3
    if any(looks_like(row) for row in found.rows) or found.names & {"snapshottype", "virtualsystemtype"}:
        return 2
    return int(any("snapshot" in column or "recoverypoint" in column for column in found.names))


def read(opened: Opened) -> Iterator[Reading]:
    """Recovery points; snapshots without a readable date as losses. Raises Unreadable without a CreationTime."""
    expected = f"recovery point in it (SnapshotType and CreationTime are needed; export again: {EXPORT})"
    yield from _mappers.read(opened, expected)
