"""What the participants of a VSS operation write in the guest: VSS service, SQL writer and its device, volsnap, ESE.

Numbers and fields from message tables and documentation. Event times and computers are filled in by the journal.
Inferred: the layout of the context block for writers other than those seen in public logs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kit.practice.evtx_writer import Event

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
VSS_QUALIFIERS = 0
DONE = "0x00000000, The operation completed successfully.\r\n"
HOLD_TIMEOUT = (
    "0x80042314, The shadow copy provider timed out while holding writes to the volume being shadow copied. This is "
    "probably due to excessive activity on the volume by an application or a system service. Try again later when "
    "activity on the volume is reduced.\r\n"
)
NON_TRANSIENT = (
    "0x800423f4, The writer experienced a non-transient error.  If the backup process is retried,\nthe error is likely "
    "to reoccur.\n"
)
WRITER_TIMEOUT = "0x800423f2, The writer's timeout expired between the Freeze and Thaw events.\n"
INCONSISTENT = (
    "0x800423f0, The shadow-copy set only contains only a subset of the\nvolumes needed to correctly backup the "
    "selected components\nof the writer.\n"
)
SQL_WRITER = ("{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}", "SqlServerWriter")
EXCHANGE_WRITER = ("{76fe1ac4-15f7-4bcd-987e-8e1acb462fb7}", "Microsoft Exchange Writer")
NTDS_WRITER = ("{b2014c9e-8711-4c5c-a5a9-3cf384484757}", "NTDS")


def draft(
    provider: str, number: int, level: int, strings: tuple[str, ...], channel: str = "Application", **more: object
) -> Event:
    """An event without time and computer."""
    return Event(provider, number, NEVER, channel, "", level, strings=strings, **more)  # type: ignore[arg-type]


def _code(call: str, process: int, thread: int, command: str) -> bytes:
    """The trace that VSS keeps in Binary, as ASCII."""
    text = (
        f"- Code: {call}- Call: {call}- PID:  {process:08d}- TID:  {thread:08d}- CMD:  {command}  "
        "- User: Name: NT AUTHORITY\\SYSTEM, SID:S-1-5-18 "
    )
    return text.encode("ascii")


def callback_denied(instance: str, process: int = 1528) -> Event:
    """VSS 8194: a writer's callback interface could not be queried; noise at every run of some guests."""
    context = (
        "\n\nOperation:\n   Gathering Writer Data\n\nContext:\n"
        "   Writer Class Id: {e8132975-6f93-4464-a53e-1050253ae220}\n   Writer Name: System Writer\n"
        f"   Writer Instance ID: {instance}"
    )
    trace = _code("WRTWRTIC00000823", process, process + 52, "C:\\Windows\\system32\\vssvc.exe")
    return draft("VSS", 8194, 2, ("0x80070005, Access is denied.\r\n", context), binary=trace)


def idle_stop(process: int = 1528) -> Event:
    """VSS 8224: the service stops after being idle."""
    trace = _code("CORSVCC00000772", process, process + 20, "C:\\Windows\\system32\\vssvc.exe")
    return draft("VSS", 8224, 4, ("",), binary=trace)


def writer_rejected(
    error: str, operation: str, writer: tuple[str, str, str], instance: str, process: int, command: str
) -> Event:
    """VSS 8229: a writer refused an event; the context names the phase."""
    context = (
        f"\n\nOperation:\n   {operation} Event\n\nContext:\n   Execution Context: Writer\n"
        f"   Writer Class Id: {writer[0]}\n   Writer Name: {writer[1]}\n   Writer Instance Name: {writer[2]}\n"
        f"   Writer Instance ID: {instance}\n   Command Line: {command}\n   Process ID: {process}"
    )
    trace = _code("WRTWRTC00000770", process, process + 24, command)
    return draft("VSS", 8229, 3, (error, context), binary=trace)


def hold_failed(volume: str, index: int, set_id: str, process: int = 1528) -> Event:
    """VSS 12298: writes could not be held on a volume."""
    context = (
        "\n\nOperation:\n   Executing Asynchronous Operation\n\nContext:\n   Current State: DoSnapshotSet\n"
        f"   Snapshot Set ID: {set_id}"
    )
    trace = _code("SPRALLOC00000245", process, process + 8, "C:\\Windows\\System32\\svchost.exe -k swprv")
    strings = (volume, str(index), DONE, DONE, HOLD_TIMEOUT, DONE, context)
    return draft("VSS", 12298, 2, strings, binary=trace)


def commit_timed_out(context: str) -> Event:
    """VSS 12310: the shadow copy could not be committed in time."""
    return draft("VSS", 12310, 2, ("DeviceIoControl(\\\\?\\Volume{...} - VSS flush and hold)", context))


def hold_timed_out(volume: str, named: bool, old: bool) -> Event:
    """Volsnap 8: flush-and-hold timed out waiting for the release."""
    return _volsnap(8, 2, volume, named, old)


def hold_in_progress(volume: str, named: bool, old: bool) -> Event:
    """Volsnap 17: a second flush-and-hold while one was in progress."""
    return _volsnap(17, 2, volume, named, old)


def _volsnap(number: int, level: int, volume: str, named: bool, old: bool) -> Event:
    """Named data as in Windows 10 logs; two unnamed strings before; `old` is the source name of 2003."""
    device = "\\Device\\HarddiskVolume2"
    blob = (
        bytes.fromhex("0000000002003000000000000000") + number.to_bytes(2, "little") + bytes.fromhex("06c0") + bytes(22)
    )
    if named:
        return Event(
            "Volsnap",
            number,
            NEVER,
            "System",
            "",
            level,
            data=(("DeviceName", device), ("VolumeName", volume)),
            binary=blob,
            qualifiers=0xC006,
            source_name="volsnap",
            provider_guid="cb017cd2-1f37-4e65-82bc-3e91f6a37559",
            process_id=4,
            thread_id=104,
        )
    return draft(
        "VolSnap" if old else "volsnap", number, level, (device, volume), "System", binary=blob, qualifiers=0xC006
    )


def client_abort(device: str, instance: str, process: int, thread: int) -> Event:
    """SQLVDI 1 of the client: the writer's process stops the device."""
    return draft(
        "SQLVDI", 1, 2, (_vdi("SignalAbort", "Client initiates abort", process, thread, "Client", instance, device),)
    )


def server_abort(device: str, instance: str, process: int, thread: int) -> Event:
    """SQLVDI 1 of the server: SQL Server notices the stop."""
    return draft("SQLVDI", 1, 2, (_vdi("TriggerAbort", "invoked", process, thread, "Server", instance, device),))


def _vdi(where: str, what: str, process: int, thread: int, side: str, instance: str, device: str) -> str:
    return (
        f"SQLVDI: Loc={where}. Desc={what}. ErrorCode=(0). Process={process}. Thread={thread}. {side}. "
        f"Instance={instance}. VD=Global\\{device}_SQLVDIMemoryName_0."
    )


def sqllib_error(device: str, client: str, causes: tuple[tuple[int, int, str], ...] = ()) -> Event:
    """SQLWRITER 24583: the writer's BACKUP command failed. Without `causes` it is the echo of an abort."""
    device_error = (
        f'A nonrecoverable I/O error occurred on file "{device}:" 995(The I/O operation has been aborted because of '
        "either a thread exit or an application request.)."
    )
    chain = ((3013, 1, "BACKUP DATABASE is terminating abnormally."), *(causes or ((3271, 1, device_error),)))
    text = "Sqllib error: OLEDB Error encountered calling ICommandText::Execute. hr = 0x80040e14. "
    text += "\n".join(
        f"SQLSTATE: 42000, Native Error: {number}\nError state: {state}, Severity: 16\nSource: {client}\n"
        f"Error message: {message}"
        for number, state, message in chain
    )
    return draft("SQLWRITER", 24583, 2, (text + "\n",))


def torn_database(database: str, instance: str) -> Event:
    """SQLWRITER 24579: files of a database stand on volumes outside of the set. Order of the strings is inferred."""
    return draft("SQLWRITER", 24579, 2, (database, instance))


def ese(number: int, process: str, pid: str, prefix: str, session: int, level: int = 4, **more: str) -> Event:
    """A snapshot event of an ESE engine: process, pid, instance prefix, session, then what the number adds."""
    strings = (process, pid, prefix, str(session), *more.values())
    provider, channel = ("NTDS ISAM", "Directory Service") if process.upper() == "NTDS" else ("ESE", "Application")
    return draft(provider, number, level, strings, channel, task=16)


def directory_defragmented() -> Event:
    """NTDS ISAM 701: online defragmentation of the directory is done; an ordinary record."""
    strings = ("NTDS", "600", "NTDSA: ", "C:\\Windows\\NTDS\\ntds.dit")
    return draft("NTDS ISAM", 701, 4, strings, "Directory Service", task=7)


def ese_recovery(number: int, process: str, pid: str, prefix: str, *more: str) -> Event:
    """A recovery event of an ESE engine (300 begin, 301 log replayed, 302 done)."""
    provider, channel = ("NTDS ISAM", "Directory Service") if process.upper() == "NTDS" else ("ESE", "Application")
    return draft(provider, number, 4, (process, pid, prefix, *more), channel, task=3)
