"""What Hyper-V writes on the hosts: VmlEventLog with the machine's name and id, as VMMS and worker processes do.

Only few numbers are confirmed. The text of a failed VSS set is documented, its number is not (10150 is the one that a
vendor's test accepts), so the record carries its rendered text, as logs collected with their texts do.
"""

from __future__ import annotations

from kit.practice import binxml
from kit.practice.evtx_writer import Event, UserData
from kit.practice.vss_messages import NEVER

NAMESPACE = "http://www.microsoft.com/Windows/Virtualization/Events"
VMMS = (
    "Microsoft-Windows-Hyper-V-VMMS",
    "6066f867-7ca1-4418-85fd-36e3f9c0600c",
    "Microsoft-Windows-Hyper-V-VMMS-Admin",
)
WORKER = (
    "Microsoft-Windows-Hyper-V-Worker",
    "51ddfa29-d5c8-4803-be4b-2ecb715570fe",
    "Microsoft-Windows-Hyper-V-Worker-Admin",
)
NON_TRANSIENT = (
    0x800423F4,
    "The writer experienced a non-transient error. If the backup process is retried, the error is likely to reoccur.",
)
MORE_DATA = (0x800700EA, "More data is available.")


def _record(source: tuple[str, str, str], number: int, level: int, vm: str, vm_id: str, **more: object) -> Event:
    fields = (("VmName", vm), ("VmId", vm_id.upper()), *more.pop("fields", ()))  # type: ignore[misc]
    return Event(
        source[0],
        number,
        NEVER,
        source[2],
        "",
        level,
        user_data=UserData("VmlEventLog", NAMESPACE, fields),
        provider_guid=source[1],
        process_id=2748,
        thread_id=1160,
        user_sid="S-1-5-18",
        **more,  # type: ignore[arg-type]
    )


def vss_set_failed(vm: str, vm_id: str, cause: tuple[int, str] = NON_TRANSIENT) -> Event:
    """The host could not make the VSS snapshot set of a machine."""
    code, words = cause
    text = (
        f"Hyper-V failed to generate VSS snapshot set for virtual machine '{vm}': {words} (0x{code:08X}). "
        f"(Virtual machine ID {vm_id.upper()})"
    )
    fields = (("ErrorMessage", f"%%{code}"), ("ErrorCode", binxml.hex32(code)))
    return _record(VMMS, 10150, 2, vm, vm_id, fields=fields, message=text)


def replication_retry(vm: str, vm_id: str, primary: bool = True) -> Event:
    """A replication cycle failed and will be tried again: noise for the question of consistency."""
    text = (
        f"Hyper-V could not replicate changes for virtual machine '{vm}': The operation timed out (0x00002EE2). "
        f"(Virtual machine ID {vm_id.upper()})"
    )
    fields = (("ErrorMessage", "%%12002"), ("ErrorCode", binxml.hex32(0x2EE2)))
    return _record(VMMS, 32022 if primary else 32032, 2, vm, vm_id, fields=fields, message=text)


def resynchronisation(vm: str, vm_id: str, begin: bool) -> Event:
    """Resynchronisation begins (29242) or ends (29244)."""
    word = "initiated" if begin else "completed"
    text = f"Hyper-V {word} resynchronization of virtual machine '{vm}'. (Virtual machine ID {vm_id.upper()})"
    return _record(VMMS, 29242 if begin else 29244, 4, vm, vm_id, message=text)


def machine_created(vm: str, vm_id: str) -> Event:
    """A machine was created; on a replica host the name of a test failover ends in Test."""
    return _record(VMMS, 13002, 4, vm, vm_id)


def machine_deleted(vm: str, vm_id: str) -> Event:
    """A machine was deleted."""
    return _record(VMMS, 13003, 4, vm, vm_id)


def machine_started(vm: str, vm_id: str) -> Event:
    """A machine was started."""
    return _record(WORKER, 18500, 4, vm, vm_id)


def machine_off(vm: str, vm_id: str) -> Event:
    """A machine was turned off."""
    return _record(WORKER, 18502, 4, vm, vm_id)


def internal_trace(vm: str, vm_id: str, snapshot: str) -> Event:
    """A trace of the management service that means nothing."""
    fields = (("Parameter2", f"GetReplicaType: ReadUnsignedInteger failed for snapshot {snapshot}."),)
    return _record(VMMS, 1101, 3, vm, vm_id, fields=fields)
