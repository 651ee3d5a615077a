"""Words and numbers of Hyper-V exports, beside the enumerations of knowledge/codes.toml.

Sources: Get-VMSnapshot, Msvm_VirtualSystemSettingData, Get-VMIntegrationService.
"""

from __future__ import annotations

from kit import codes

SNAPSHOT_TYPE = "powershell_snapshot_type"
VIRTUAL_SYSTEM_TYPES = {
    "microsoft:hyper-v:snapshot:replica:applicationconsistent": "AppConsistentReplica",
    "microsoft:hyper-v:snapshot:replica:standard": "Replica",
    "microsoft:hyper-v:snapshot:replica:plannedfailover": "Planned",
    "microsoft:hyper-v:snapshot:realized": "Standard",
    "microsoft:hyper-v:snapshot:recovery": "Recovery",
    "microsoft:hyper-v:snapshot:planned": "Planned",
    "microsoft:hyper-v:snapshot:missing": "Missing",
}
RECOVERY_POINT_TYPES = {  # as site recovery and management tools write them
    "applicationconsistent": "AppConsistentReplica",
    "application-consistent": "AppConsistentReplica",
    "appconsistent": "AppConsistentReplica",
    "crashconsistent": "Replica",
    "crash-consistent": "Replica",
}
SNAPSHOT_WORDS_IN_NAMES = (
    ("application-consistent replica", "AppConsistentReplica"),
    ("standard replica", "Replica"),
)
NO_RECOVERY_POINT = ("Standard", "Recovery", "Missing")
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


def words(enumeration: str) -> tuple[str, ...]:
    """The words of an enumeration in the order of declaration."""
    return tuple(codes.enumerations()[enumeration].values())


def snapshot_numberings() -> tuple[dict[int, str], dict[int, str]]:
    """The two numberings of SnapshotType that are in circulation: a published listing, and the order of declaration."""
    listed = {int(number): word for number, word in codes.enumerations()[SNAPSHOT_TYPE].items()}
    return listed, dict(enumerate(listed.values()))


def word(text: str | None, number: int | None, enumeration: str) -> str | None:
    """The word: the export's own, else that of the number, else `unknown (n)`; None where nothing is written."""
    if text and not text.lstrip("-").isdigit():
        return text
    return None if number is None else codes.word(enumeration, number)


def completed(text: str, enumeration: str) -> str | None:
    """The word that the console cut off, when only one of the enumeration begins so."""
    begin = text.rstrip(".…").casefold()
    fitting = [value for value in words(enumeration) if begin and value.casefold().startswith(begin)]
    return fitting[0] if len(fitting) == 1 else None
