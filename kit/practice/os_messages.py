"""What Windows writes around a boot, and the ordinary records between, in the shapes of real logs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from kit.practice import binxml
from kit.practice.evtx_writer import Event
from kit.practice.vss_messages import NEVER, draft

LTR = "\u200e"  # the mark that Windows puts into the dates of event 6008
KERNEL_GENERAL = "A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D"
KERNEL_POWER = "331C3B3A-2005-44C2-AC5E-77220C37D6B4"
KERNEL_BOOT = "15CA44FF-4D7A-4BAA-BBA5-0998955E531E"
TIME_SERVICE = "06EDCFEB-0FD0-4E53-ACCA-A6F8BBF81BCB"
NTFS = "3FF37A1C-A68D-4D6E-8C9B-F79E8B16C482"
SERVICE_CONTROL = "555908d1-a6d7-4695-8e1e-26931d2012f4"
SYSTEM = "S-1-5-18"


@dataclass(frozen=True)
class Windows:
    """A version of Windows Server as its records name it."""

    name: str
    major: int
    minor: int
    build: int
    service_pack: str
    sql_name: str

    @property
    def evtx(self) -> bool:
        """Whether it writes .evtx; 2003 writes .evt."""
        return self.major >= 6

    @property
    def whole_seconds(self) -> bool:
        """Whether classic sources get times of whole seconds (all before Windows 10)."""
        return self.major < 10

    @property
    def named_volsnap(self) -> bool:
        """Whether volsnap names its data (read on Windows 10)."""
        return self.major >= 10

    @property
    def kernel_boot(self) -> bool:
        """Whether Kernel-Boot reports the last shutdown."""
        return (self.major, self.minor) >= (6, 2)


WINDOWS = {
    version.name: version
    for version in (
        Windows("2003", 5, 2, 3790, "Service Pack 2", "Windows NT 5.2 (Build 3790: Service Pack 2)"),
        Windows("2008", 6, 0, 6002, "Service Pack 2", "Windows NT 6.0 <X64> (Build 6002: Service Pack 2) (VM)"),
        Windows(
            "2008 R2", 6, 1, 7601, "Service Pack 1", "Windows NT 6.1 <X64> (Build 7601: Service Pack 1) (Hypervisor)"
        ),
        Windows("2012", 6, 2, 9200, "", "Windows NT 6.2 <X64> (Build 9200: ) (Hypervisor)"),
        Windows("2012 R2", 6, 3, 9600, "", "Windows NT 6.3 <X64> (Build 9600: ) (Hypervisor)"),
        Windows("2016", 10, 0, 14393, "", "Windows Server 2016 Standard 10.0 <X64> (Build 14393: ) (Hypervisor)"),
        Windows("2019", 10, 0, 17763, "", "Windows Server 2019 Standard 10.0 <X64> (Build 17763: ) (Hypervisor)"),
        Windows("2022", 10, 0, 20348, "", "Windows Server 2022 Standard 10.0 <X64> (Build 20348: ) (Hypervisor)"),
    )
}


def _manifest(
    provider: str, guid: str, number: int, level: int, data: tuple[tuple[str, object], ...], **more: object
) -> Event:
    return Event(
        provider,
        number,
        NEVER,
        "System",
        "",
        level,
        data=data,
        provider_guid=guid,
        process_id=4,
        thread_id=8,
        **more,  # type: ignore[arg-type]
    )


def os_start(windows: Windows, started: datetime) -> Event:
    """Kernel-General 12: the operating system started."""
    pack = int(windows.service_pack.split()[-1]) if windows.service_pack else 0
    data = (
        ("MajorVersion", windows.major),
        ("MinorVersion", windows.minor),
        ("BuildVersion", windows.build),
        ("QfeVersion", 17514),
        ("ServiceVersion", binxml.u16(pack)),
        ("BootMode", 0),
        ("StartTime", started),
    )
    return _manifest("Microsoft-Windows-Kernel-General", KERNEL_GENERAL, 12, 4, data, user_sid=SYSTEM)


def os_stop(stopped: datetime) -> Event:
    """Kernel-General 13: the operating system shuts down."""
    return _manifest("Microsoft-Windows-Kernel-General", KERNEL_GENERAL, 13, 4, (("StopTime", stopped),))


def time_changed(new: datetime, before: datetime) -> Event:
    """Kernel-General 1: the clock was set."""
    data = (("NewTime", new), ("OldTime", before))
    return _manifest(
        "Microsoft-Windows-Kernel-General",
        KERNEL_GENERAL,
        1,
        4,
        data,
        keywords=0x8000000000000010,
        user_sid=SYSTEM,
    )


def last_shutdown(good: bool) -> Event:
    """Kernel-Boot 20: whether the last shutdown and the last boot were good."""
    data = (("LastShutdownGood", good), ("LastBootGood", True))
    return _manifest("Microsoft-Windows-Kernel-Boot", KERNEL_BOOT, 20, 4, data, task=31, user_sid=SYSTEM)


def power_lost() -> Event:
    """Kernel-Power 41: rebooted without a clean shutdown."""
    data = (
        ("BugcheckCode", 0),
        *((f"BugcheckParameter{n}", binxml.hex64(0)) for n in range(1, 5)),
        ("SleepInProgress", False),
        ("PowerButtonTimestamp", binxml.u64(0)),
    )
    return _manifest(
        "Microsoft-Windows-Kernel-Power",
        KERNEL_POWER,
        41,
        1,
        data,
        task=63,
        keywords=0x8000000000000002,
        version=2,
        user_sid=SYSTEM,
    )


def time_set(offset_s: int) -> Event:
    """Time-Service 52: the clock was set by an offset."""
    data = (("Offset", str(offset_s)),)
    return _manifest("Microsoft-Windows-Time-Service", TIME_SERVICE, 52, 3, data, user_sid="S-1-5-19")


def volume_healthy(drive: str) -> Event:
    """Ntfs 98: a volume needs no check."""
    data = (("DriveName", drive), ("DeviceName", "\\Device\\HarddiskVolume2"), ("CorruptionActionState", 0))
    return _manifest("Microsoft-Windows-Ntfs", NTFS, 98, 4, data, user_sid=SYSTEM)


def boot_version(windows: Windows) -> Event:
    """EventLog 6009: the version line of a boot."""
    number = f"{windows.major}.{windows.minor:02d}."
    strings = (number, str(windows.build), windows.service_pack, "Multiprocessor Free")
    return _log(6009, 4, (*strings, "17514") if windows.evtx else strings)


def log_started(local: datetime) -> Event:
    """EventLog 6005: the event log service started."""
    return _log(6005, 4, ("",), _systemtime(local) + bytes(8))


def log_stopped() -> Event:
    """EventLog 6006: the event log service stopped, as in an orderly shutdown."""
    return _log(6006, 4, ("",), bytes.fromhex("0100000000000000"))


def unexpected_shutdown(alive: datetime, zone: tzinfo, uptime_s: int, culture: str = "en-US") -> Event:
    """EventLog 6008: the shutdown before was unexpected; last sign of life as local text."""
    local = alive.astimezone(zone)
    if culture == "de-DE":
        clock, day = f"{local:%H:%M:%S}", f"{LTR}{local.day:02d}.{LTR}{local.month:02d}.{LTR}{local.year}"
    else:
        clock = f"{(local.hour + 11) % 12 + 1}:{local:%M:%S} {'AM' if local.hour < 12 else 'PM'}"
        day = f"{LTR}{local.month}/{LTR}{local.day}/{LTR}{local.year}"
    blob = _systemtime(local) + _systemtime(alive) + struct.pack("<II", 60, 60) + bytes(16) + struct.pack("<II", 1, 0)
    return _log(6008, 2, (clock, day, "", "", str(uptime_s), "", ""), blob)


def uptime(seconds: int, zone_text: str) -> Event:
    """EventLog 6013: the uptime in seconds."""
    return _log(6013, 4, ("", "", "", "", str(seconds), "60", zone_text))


def _log(number: int, level: int, strings: tuple[str, ...], blob: bytes | None = None) -> Event:
    return draft("EventLog", number, level, strings, "System", binary=blob, qualifiers=0x8000)


def _systemtime(time: datetime) -> bytes:
    weekday = (time.weekday() + 1) % 7
    return struct.pack(
        "<8H", time.year, time.month, weekday, time.day, time.hour, time.minute, time.second, time.microsecond // 1000
    )


def service_state(name: str, state: str, short: str, windows: Windows) -> Event:
    """Service Control Manager 7036: a service is running or stopped."""
    if not windows.evtx:
        return draft("Service Control Manager", 7036, 4, (name, state), "System", qualifiers=0x4000)
    blob = f"{short}/{4 if state == 'running' else 1}".encode("utf-16-le") + b"\0\0"
    return Event(
        "Service Control Manager",
        7036,
        NEVER,
        "System",
        "",
        4,
        data=(("param1", name), ("param2", state)),
        binary=blob,
        qualifiers=0x4000,
        source_name="Service Control Manager",
        provider_guid=SERVICE_CONTROL,
        process_id=448,
        thread_id=520,
        keywords=0x8080000000000000,
    )


def policy_applied() -> Event:
    """SceCli 1704: group policy was applied; an ordinary record between operations."""
    return draft("SceCli", 1704, 4, ("",), "Application", qualifiers=0x4000)


def shutdown_requested(computer: str, local_reason: str = "Operating System: Upgrade (Planned)") -> Event:
    """User32 1074: somebody asked for a restart."""
    strings = (
        f"C:\\Windows\\system32\\winlogon.exe ({computer})",
        computer,
        local_reason,
        "0x80020003",
        "restart",
        "",
        "NT AUTHORITY\\SYSTEM",
    )
    return draft("USER32", 1074, 4, strings, "System", qualifiers=0x8000, user_sid=SYSTEM)


def uptime_text(zone: tzinfo, time: datetime) -> str:
    """The zone as 6013 prints it: minutes west of UTC and a name."""
    offset = time.astimezone(zone).utcoffset() or timedelta()
    return f"{-int(offset.total_seconds()) // 60} {zone}"
