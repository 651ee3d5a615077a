"""Enumerations of Hyper-V exports: what a bare number in JSON, Clixml or WMI means, and which words stand for what.

Sources: Get-VMSnapshot, Get-VMReplication (order of the documented values), Msvm_VirtualSystemSettingData,
Msvm_ReplicationRelationship, VSS_WRITER_STATE. PowerShell and WMI number the replication states differently.
"""

from __future__ import annotations

SNAPSHOT_TYPES = ("Standard", "Recovery", "Planned", "Missing", "Replica", "AppConsistentReplica", "SyncedReplica")
# Two numberings are in circulation: a published listing, and the order of declaration.
SNAPSHOT_LISTED = {
    0: "Standard",
    1: "Recovery",
    2: "Planned",
    5: "Missing",
    6: "Replica",
    7: "AppConsistentReplica",
    8: "SyncedReplica",
}
SNAPSHOT_DECLARED = dict(enumerate(SNAPSHOT_TYPES))
SNAPSHOT_WORDS_IN_NAMES = (
    ("application-consistent replica", "AppConsistentReplica"),
    ("standard replica", "Replica"),
)
VIRTUAL_SYSTEM_TYPES = {
    "microsoft:hyper-v:snapshot:replica:applicationconsistent": "AppConsistentReplica",
    "microsoft:hyper-v:snapshot:replica:standard": "Replica",
    "microsoft:hyper-v:snapshot:replica:plannedfailover": "Planned",
    "microsoft:hyper-v:snapshot:realized": "Standard",
    "microsoft:hyper-v:snapshot:recovery": "Recovery",
    "microsoft:hyper-v:snapshot:planned": "Planned",
    "microsoft:hyper-v:snapshot:missing": "Missing",
}
NO_RECOVERY_POINT = ("Standard", "Recovery", "Missing")
CLAIMS = {
    "AppConsistentReplica": "application_consistent",
    "Replica": "crash_consistent",
    "Planned": "crash_consistent",
    "SyncedReplica": "crash_consistent",
}

POWERSHELL_STATES = (
    "Disabled",
    "ReadyForInitialReplication",
    "InitialReplicationInProgress",
    "WaitingForInitialReplication",
    "Replicating",
    "PreparedForFailover",
    "FailedOverWaitingCompletion",
    "FailedOver",
    "Suspended",
    "Error",
    "WaitingForStartResynchronize",
    "Resynchronizing",
    "ResynchronizeSuspended",
    "RecoveryInProgress",
    "FailbackInProgress",
    "FailbackComplete",
    "WaitingForUpdateCompletion",
    "UpdateError",
    "WaitingForRepurposeCompletion",
    "PreparedForSyncReplication",
    "PreparedForGroupReverseReplication",
    "FiredrillInProgress",
)
WMI_STATES = (
    "Disabled",
    "Ready",
    "Waiting for initial replication",
    "Replicating",
    "Synced",
    "Recovered",
    "Committed",
    "Suspended",
    "Critical",
    "Waiting for resynchronization",
    "Resynchronizing",
    "Resynchronization suspended",
    "Failover in progress",
    "Failback in progress",
    "Failback complete",
    "Disk update in progress",
    "Disk update critical",
    "Unknown",
    "Repurpose in progress",
    "Prepared for synchronous replication",
    "Prepared for group reverse replication",
    "Firedrill in progress",
)
HEALTH = ("NotApplicable", "Normal", "Warning", "Critical")  # WMI calls 1 Ok
MODES = ("None", "Primary", "Replica", "TestReplica", "ExtendedReplica")
RELATIONSHIPS = ("Simple", "Extended")

OPERATIONAL_STATUS = {
    2: "Ok",
    3: "Degraded",
    6: "Error",
    7: "NonRecoverableError",
    12: "NoContact",
    13: "LostCommunication",
    15: "Dormant",
    32775: "ProtocolMismatch",
}
VSS_SERVICE_ID = "5ced1297-4598-4915-a5fc-ad21bb4d02a4"  # backup integration service, whatever its local name

WRITER_STATES = (
    "unknown",
    "stable",
    "waiting for freeze",
    "waiting for thaw",
    "waiting for post-snapshot",
    "waiting for backup complete",
    "failed at identify",
    "failed at prepare backup",
    "failed at prepare snapshot",
    "failed at freeze",
    "failed at thaw",
    "failed at post-snapshot",
    "failed at backup complete",
    "failed at pre-restore",
    "failed at post-restore",
    "failed at backup shutdown",
)


def word(text: str | None, number: int | None, values: tuple[str, ...]) -> str | None:
    """The word: the export's own, else that of the number, else `unknown (n)`; None where nothing is written."""
    if text and not text.lstrip("-").isdigit():
        return text
    if number is None:
        return None
    return values[number] if 0 <= number < len(values) else f"unknown ({number})"
