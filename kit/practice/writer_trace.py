"""Writes SqlWriterLogger.txt, the trace of the SQL writer: lines as the documentation of SQL Server 2019 shows them.

Local time of one second, the offset from UTC once at the start of the service. The encoding is inferred (UTF-8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from kit.practice.errorlog_writer import adjustment

STARS = "*" * 64
PATH = r"C:\Program Files\Microsoft SQL Server\90\Shared\SqlWriterLogger.txt"


@dataclass(frozen=True)
class TraceLine:
    """One line: when (aware), the thread that wrote it, and its text."""

    time: datetime
    thread: int
    text: str

    def written(self, zone: tzinfo) -> str:
        """The line in server-local time."""
        return f"[{self.time.astimezone(zone):%m/%d/%Y %H:%M:%S}, TID {self.thread:x}] {self.text}"


def service_start(time: datetime, zone: tzinfo, version: str, thread: int = 0x61F8) -> list[TraceLine]:
    """What the service prints when it starts."""
    texts = (
        STARS,
        "**  SQLWRITER TRACING STARTED - ProcessId: 0x6f4",
        "**  Service is not running as WIDWriter.",
        f"**  SQL Writer version is {version}",
        f"**  MODERN LOGGER V2 ENABLED ON {PATH}",
        "**  With TraceLevel = DEFAULT, TraceFileSizeMb = 1, ForceFlush = False",
        f"**  Recording events in Server Local Time. UTC OFFSET: {adjustment(time, zone)}",
        STARS,
    )
    return [TraceLine(time, thread, text) for text in texts]


def identify(server: str, instances: Iterable[tuple[str, int]]) -> list[str]:
    """The texts of OnIdentify: every running instance with its major version."""
    texts = ["Entering SQL Writer OnIdentify."]
    for name, major in instances:
        full = server if name == "MSSQLSERVER" else f"{server}\\{name}"
        texts.append(f"Service: {name} Server: {full}. Version={major}")
        texts.append(f"Instance MSSQL{major}.{name} Edition: Standard Edition")
    return [*texts, "Skip User Instances Enumeration"]


def backup_begin(thread: int) -> list[str]:
    """The texts of OnPrepareBackup for a copy of whole volumes, as a host asks for it."""
    return [
        "Entering SQL Writer OnPrepareBackup.", STARS, f"**  VSS SQL BACKUP BEGIN - ID: {thread:x}", STARS,
        "Volume based (= NonComponent) backup selected.", "Backup type is VSS_BT_COPY",
    ]


def write_trace(path: Path, lines: Iterable[TraceLine], zone: tzinfo) -> None:
    """Writes the file."""
    path.write_bytes("".join(line.written(zone) + "\r\n" for line in lines).encode("utf-8"))
