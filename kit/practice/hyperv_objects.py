"""Objects of the Hyper-V cmdlets: checkpoints, replication, its statistics, machines, integration services.

Property names from the documentation; where it names none they are inferred. The numbers of SnapshotType follow a
public listing of the enumeration, those of the other enumerations the order of the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.practice.exports import Enum, PsObject

HYPERV = "Microsoft.HyperV.PowerShell"
SNAPSHOT_TYPES = {
    "Standard": 0, "Recovery": 1, "Planned": 2, "Missing": 5,
    "Replica": 6, "AppConsistentReplica": 7, "SyncedReplica": 8,
}
STATES = (
    "Disabled", "ReadyForInitialReplication", "InitialReplicationInProgress", "WaitingForInitialReplication",
    "Replicating", "PreparedForFailover", "FailedOverWaitingCompletion", "FailedOver", "Suspended", "Error",
    "WaitingForStartResynchronize", "Resynchronizing", "ResynchronizeSuspended", "RecoveryInProgress",
    "FailbackInProgress", "FailbackComplete", "WaitingForUpdateCompletion", "UpdateError",
    "WaitingForRepurposeCompletion", "PreparedForSyncReplication", "PreparedForGroupReverseReplication",
    "FiredrillInProgress",
)
HEALTH = ("NotApplicable", "Normal", "Warning", "Critical")
MODES = ("None", "Primary", "Replica", "TestReplica", "ExtendedReplica")
TYPES = ("Simple", "Extended")
WORDS = {
    "AppConsistentReplica": "Application-consistent Replica",
    "Replica": "Standard Replica",
    "Planned": "Planned Failover",
}


def enum(kind: str, name: str, values: tuple[str, ...]) -> Enum:
    """A value of an enumeration whose numbers are its order."""
    return Enum(name, values.index(name), f"{HYPERV}.{kind}")


def point_name(vm: str, kind: str, local: datetime) -> str:
    """The name of a recovery point as the manager shows it; the wording is documented, its layout is inferred."""
    half = "AM" if local.hour < 12 else "PM"
    clock = f"{(local.hour + 11) % 12 + 1}:{local:%M:%S} {half}"
    return f"{vm} - {WORDS.get(kind, kind)} - ({local.month}/{local.day}/{local.year} - {clock})"


def snapshot(
    vm: str, vm_id: UUID, point_id: UUID, kind: str, created: datetime, computer: str,
    parent: tuple[str, UUID] | None = None,
) -> PsObject:
    """A checkpoint as Get-VMSnapshot lists it. `created` in the zone of the exporting computer."""
    return PsObject(f"{HYPERV}.VMSnapshot", (
        ("VMName", vm),
        ("Name", point_name(vm, kind, created)),
        ("Id", point_id),
        ("VMId", vm_id),
        ("SnapshotType", Enum(kind, SNAPSHOT_TYPES[kind], f"{HYPERV}.SnapshotType")),
        ("CreationTime", created),
        ("ParentSnapshotName", parent[0] if parent else None),
        ("ParentSnapshotId", parent[1] if parent else None),
        ("State", Enum("Off", 3, f"{HYPERV}.VMState")),
        ("ComputerName", computer),
        ("Path", rf"D:\Hyper-V Replica\Hyper-V Replica\Virtual machines\{vm_id}".upper().replace("HYPER-V", "Hyper-V")),
    ))


def replication(facts: Mapping[str, Any]) -> PsObject:
    """A relationship as Get-VMReplication shows it, from facts with the names of its properties."""
    return PsObject(f"{HYPERV}.VMReplication", (
        ("VMName", facts["VMName"]),
        ("VMId", facts["VMId"]),
        ("State", enum("VMReplicationState", facts.get("State", "Replicating"), STATES)),
        ("Health", enum("VMReplicationHealthState", facts.get("Health", "Normal"), HEALTH)),
        ("Mode", enum("VMReplicationMode", facts["Mode"], MODES)),
        ("RelationshipType", enum("VMReplicationRelationshipType", facts.get("RelationshipType", "Simple"), TYPES)),
        ("FrequencySec", facts.get("FrequencySec", 300)),
        ("PrimaryServer", facts["PrimaryServer"]),
        ("ReplicaServer", facts["ReplicaServer"]),
        ("ReplicaPort", 80),
        ("AuthenticationType", Enum("Kerberos", 1, f"{HYPERV}.ReplicationAuthenticationType")),
        ("RecoveryHistory", facts.get("RecoveryHistory", 24)),
        ("VSSSnapshotFrequencyHour", facts["VSSSnapshotFrequencyHour"]),
        ("AutoResynchronizeEnabled", True),
        ("LastReplicationTime", facts.get("LastReplicationTime")),
        ("TestVirtualMachine", facts.get("TestVirtualMachine")),
        ("ComputerName", facts["ComputerName"]),
    ))


def statistics(facts: Mapping[str, Any]) -> PsObject:
    """Statistics as Measure-VMReplication shows them, with the counter that Msvm_ReplicationStatistics documents."""
    return PsObject(f"{HYPERV}.VMReplicationHealth", (
        ("VMName", facts["VMName"]),
        ("VMId", facts["VMId"]),
        ("State", enum("VMReplicationState", facts.get("State", "Replicating"), STATES)),
        ("Health", enum("VMReplicationHealthState", facts.get("Health", "Normal"), HEALTH)),
        ("Mode", enum("VMReplicationMode", facts["Mode"], MODES)),
        ("LReplTime", facts["LReplTime"]),
        ("PReplSize", 4_382_720),
        ("AvgLatency", timedelta(seconds=7)),
        ("AvgReplSize", 41_943_040),
        ("MaxReplSize", 612_368_384),
        ("SuccessfulReplicationCount", facts["Successes"]),
        ("ReplicationMissCount", facts.get("Misses", 0)),
        ("ReplicationFailureCount", facts.get("Failures", 0)),
        ("ApplicationConsistentSnapshotFailureCount", facts.get("SnapshotFailures", 0)),
        ("LastTestFailoverTime", facts.get("LastTestFailoverTime")),
        ("StartStatisticTime", facts["StartStatisticTime"]),
        ("EndStatisticTime", facts["EndStatisticTime"]),
        ("PrimaryServer", facts["PrimaryServer"]),
        ("ReplicaServer", facts["ReplicaServer"]),
        ("ComputerName", facts["ComputerName"]),
    ))


def machine(name: str, vm_id: UUID, computer: str, mode: str, integration: str = "6.3.9600.16384") -> PsObject:
    """A machine as Get-VM shows it."""
    return PsObject(f"{HYPERV}.VirtualMachine", (
        ("Name", name),
        ("Id", vm_id),
        ("State", Enum("Running", 2, f"{HYPERV}.VMState")),
        ("IntegrationServicesVersion", integration),
        ("IntegrationServicesState", "Up to date"),
        ("ReplicationMode", enum("VMReplicationMode", mode, MODES)),
        ("ReplicationState", enum("VMReplicationState", "Replicating", STATES)),
        ("ReplicationHealth", enum("VMReplicationHealthState", "Normal", HEALTH)),
        ("ComputerName", computer),
    ))


def integration_services(vm: str, vm_id: UUID, computer: str, vss: bool = True) -> list[PsObject]:
    """The integration services of a machine as Get-VMIntegrationService lists them."""
    names = (
        "Guest Service Interface", "Heartbeat", "Key-Value Pair Exchange", "Shutdown", "Time Synchronization", "VSS",
    )
    enabled = {"Guest Service Interface": False, "VSS": vss}
    return [
        PsObject(f"{HYPERV}.VMIntegrationComponent", (
            ("VMName", vm),
            ("VMId", vm_id),
            ("Name", name),
            ("Enabled", enabled.get(name, True)),
            ("PrimaryStatusDescription", "OK" if enabled.get(name, True) else ""),
            ("SecondaryStatusDescription", ""),
            ("ComputerName", computer),
        ))
        for name in names
    ]
