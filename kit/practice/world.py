"""The computers of a story: clocks that may be wrong, time zones, what runs on them, and where their logs go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import PureWindowsPath
from uuid import UUID

from kit.practice.errorlog_writer import Server, SqlVersion
from kit.practice.os_messages import Windows

NO_ID = UUID(int=0)
SYSTEM_DATABASES = (("master", 1), ("model", 3), ("msdb", 4))


@dataclass(frozen=True)
class Clock:
    """A computer's clock against true time: what it is ahead by at `since`, what it gains in a day, how it was set.

    `corrections` are true times and the seconds by which somebody, or the time service, put the clock forward.
    """

    ahead_s: float = 0.0
    gains_s_per_day: float = 0.0
    since: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    corrections: tuple[tuple[datetime, float], ...] = ()

    def shows(self, true: datetime) -> datetime:
        """What the clock shows, UTC, at a true time."""
        days = (true - self.since) / timedelta(days=1)
        corrected = sum(by_s for when, by_s in self.corrections if when <= true)
        return true + timedelta(seconds=self.ahead_s + self.gains_s_per_day * days + corrected)


@dataclass(frozen=True)
class Computer:
    """A computer: name as its records print it, system, zone of its local times, clock."""

    name: str
    windows: Windows
    zone: tzinfo
    clock: Clock = Clock()

    @property
    def short(self) -> str:
        """The name without its domain, upper case."""
        return self.name.split(".")[0].upper()


@dataclass(frozen=True)
class Host(Computer):
    """A Hyper-V host."""


@dataclass(frozen=True)
class Instance:
    """An instance of SQL Server and the user databases on it."""

    name: str
    version: SqlVersion
    user_databases: tuple[str, ...]
    idle: frozenset[str] = frozenset({"master", "model", "msdb"})

    @property
    def databases(self) -> list[tuple[str, int]]:
        """All databases that take part in a freeze, with their ids."""
        return [*SYSTEM_DATABASES, *((name, 5 + n) for n, name in enumerate(self.user_databases))]

    def server(self, computer: Computer, process_id: int = 1480) -> Server:
        """What the instance's logs say about it."""
        folder = f"MSSQL{self.version.major}.{self.name}"
        path = PureWindowsPath(r"C:\Program Files\Microsoft SQL Server") / folder / "MSSQL"
        return Server(self.version, computer.short, self.name, computer.windows.sql_name, process_id, str(path))

    @property
    def vdi_name(self) -> str:
        """The instance in SQLVDI records; empty for the default instance, as in the vendor's article."""
        return "" if self.name == "MSSQLSERVER" else self.name


@dataclass(frozen=True)
class Store:
    """A database of the Extensible Storage Engine: Exchange or Active Directory."""

    process: str
    prefix: str
    pid: str
    completes: bool  # whether its snapshots end with 2006, or with 2007 after the abort

    @property
    def name(self) -> str:
        """The store as reports would name it."""
        return self.prefix.strip(": ") or self.process


@dataclass(frozen=True)
class Guest(Computer):
    """A virtual machine that is replicated."""

    vm_name: str = ""
    vm_id: UUID = NO_ID
    instances: tuple[Instance, ...] = ()
    stores: tuple[Store, ...] = ()
    volumes: tuple[str, ...] = ("C:", "D:")
    noise: frozenset[str] = field(default_factory=lambda: frozenset({"8194", "policy", "login"}))

    @property
    def traced(self) -> bool:
        """Whether the SQL writer keeps a trace: one of the instances is SQL Server 2019 or newer."""
        return any(one.version.major >= 15 for one in self.instances)

    def databases(self) -> list[tuple[Instance, str, int]]:
        """Instance, database and id of every database."""
        return [(one, name, number) for one in self.instances for name, number in one.databases]
