"""Writes SQL Server error logs: two-line errors, server-local times of 10 ms, one file for each start of the instance.

On Windows UTF-16LE with a byte order mark, on Linux UTF-8 without. The header of each version follows public logs;
the line with the UTC adjustment stands in newer versions only (which one brought it is not confirmed; here: 2012).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path


@dataclass(frozen=True)
class SqlVersion:
    """A version of SQL Server as its logs name it."""

    year: str
    number: str
    level: str
    edition: str = "Standard Edition (64-bit)"
    native_client: str = "Microsoft SQL Server Native Client 10.0"

    @property
    def major(self) -> int:
        """First part of the version number."""
        return int(self.number.split(".")[0])

    @property
    def adjustment(self) -> bool:
        """Whether the log states the UTC adjustment."""
        return self.major >= 11

    def database_id(self, number: int) -> str:
        """A database id as recovery messages print it."""
        return f"{number}:0" if self.major >= 12 else str(number)


VERSIONS = {
    version.year: version
    for version in (
        SqlVersion("2005", "9.00.5000.00", "SP4", "Standard Edition", "Microsoft SQL Native Client"),
        SqlVersion("2008", "10.0.5500.0", "SP3"),
        SqlVersion("2008 R2", "10.50.4000.0", "SP2"),
        SqlVersion("2012", "11.0.3000.0", "SP1", native_client="Microsoft SQL Server Native Client 11.0"),
        SqlVersion("2014", "12.0.5000.0", "SP2", native_client="Microsoft SQL Server Native Client 11.0"),
        SqlVersion("2016", "13.0.5026.0", "SP2", native_client="Microsoft SQL Server Native Client 11.0"),
        SqlVersion("2017", "14.0.3456.2", "RTM-CU31", native_client="Microsoft SQL Server Native Client 11.0"),
        SqlVersion("2019", "15.0.4335.1", "RTM-CU23", native_client="Microsoft OLE DB Driver for SQL Server"),
        SqlVersion("2022", "16.0.4085.2", "RTM-CU8", native_client="Microsoft OLE DB Driver for SQL Server"),
    )
}


@dataclass(frozen=True)
class Line:
    """A message of the log: when (aware), which process wrote it, its text, and the error it belongs to, if any."""

    time: datetime
    source: str
    text: str
    error: tuple[int, int, int] | None = None  # number, severity, state

    def written(self, zone: tzinfo) -> list[str]:
        """The one or two lines of the message in server-local time."""
        head = f"{stamp(self.time, zone)} {self.source:<12}"
        if self.error is None:
            return [head + self.text]
        number, severity, state = self.error
        return [f"{head}Error: {number}, Severity: {severity}, State: {state}.", head + self.text]


def stamp(time: datetime, zone: tzinfo) -> str:
    """Local time with two digits of the second's fraction, cut, not rounded."""
    local = time.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 10_000:02d}"


@dataclass(frozen=True)
class Server:
    """What the header of a log says about the instance."""

    version: SqlVersion
    computer: str
    instance: str = "MSSQLSERVER"
    windows: str = "Windows NT 6.1 <X64> (Build 7601: Service Pack 1) (Hypervisor)"
    process_id: int = 1480
    folder: str = r"C:\Program Files\Microsoft SQL Server\MSSQL10.MSSQLSERVER\MSSQL"

    @property
    def name(self) -> str:
        """Server name with the instance, as the log and connections show it."""
        return self.computer if self.instance == "MSSQLSERVER" else f"{self.computer}\\{self.instance}"


def header(server: Server, started: datetime, zone: tzinfo) -> list[Line]:
    """The first messages after a start of the instance."""
    version = server.version
    product = (
        f"Microsoft SQL Server {version.year} ({version.level}) - {version.number} (X64) \n"
        f"\tCopyright (c) Microsoft Corporation\n\t{version.edition} on {server.windows}\n"
    )
    texts = [product]
    if version.adjustment:
        texts.append(f"UTC adjustment: {adjustment(started, zone)}")
    texts += [
        "(c) Microsoft Corporation.",
        "All rights reserved.",
        f"Server process ID is {server.process_id}.",
        "Authentication mode is MIXED.",
        f"Logging SQL Server messages in file '{server.folder}\\Log\\ERRORLOG'.",
    ]
    return [Line(started + timedelta(milliseconds=10 * n), "Server", text) for n, text in enumerate(texts)]


def adjustment(time: datetime, zone: tzinfo) -> str:
    """The offset of local time from UTC as the log prints it: hours and minutes, e.g. 2:00 or -5:30."""
    offset = time.astimezone(zone).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else ""
    return f"{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02d}"


def written(lines: Iterable[Line], zone: tzinfo) -> list[str]:
    """The lines of the file; a message of several lines stays one entry per line."""
    return [part for line in lines for text in line.written(zone) for part in text.split("\n")]


def write_errorlog(path: str | Path, lines: Iterable[Line], zone: tzinfo, linux: bool = False) -> list[int]:
    """Line numbers (from 1) at which the messages begin, in their order, after writing the file."""
    numbers: list[int] = []
    texts: list[str] = []
    for line in lines:
        numbers.append(len(texts) + 1)
        texts += written([line], zone)
    if linux:
        Path(path).write_bytes("".join(text + "\n" for text in texts).encode("utf-8"))
    else:
        body = "".join(text + "\r\n" for text in texts)
        Path(path).write_bytes(b"\xff\xfe" + body.encode("utf-16-le"))
    return numbers


def fixed(hours: float) -> timezone:
    """A zone with a fixed offset."""
    return timezone(timedelta(hours=hours))
