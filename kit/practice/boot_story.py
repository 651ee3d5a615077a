"""Tells the boot of a machine from an image of a running one: what Windows, SQL Server and ESE write meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from kit.practice import os_messages, sql_messages, vss_messages, writer_trace
from kit.practice.evtx_writer import Event
from kit.practice.journal import NORMAL, Book, Tag, seconds
from kit.practice.world import Computer, Guest, Instance

FAILED = Tag("genuine_failure")
UNEXPLAINED = Tag("unexplained")


@dataclass(frozen=True)
class Boot:
    """How a boot goes: transactions rolled back by database, databases that cannot be recovered, clock."""

    time: datetime
    rolled_back: Mapping[str, int] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()  # databases that only write that they are started
    explained: bool = True  # whether the logs show that what was rolled back was open at the freeze
    local_rtc: bool = False  # the clock shows local time as UTC until it is synchronised
    uptime_s: int = 260_000


class BootTeller:
    """Writes a boot into the book of an image. Its clock is that of the machine that runs it."""

    def __init__(self, book: Book, guest: Guest, boot: Boot, host: Computer, rng: Random) -> None:
        self.book, self.guest, self.boot, self.host, self.rng = book, guest, boot, host, rng
        self.time = boot.time
        self.synchronised = not boot.local_rtc

    def wait(self, least: float, most: float) -> datetime:
        """Lets time pass; returns the true time."""
        self.time += seconds(self.rng.uniform(least, most))
        return self.time

    def shown(self) -> datetime:
        """What the machine's clock shows."""
        time = self.host.clock.shows(self.time)
        if self.synchronised:
            return time
        return time + (time.astimezone(self.host.zone).utcoffset() or timedelta())

    def log(self, event: Event, tag: Tag = NORMAL) -> None:
        """Notes a record at the shown time."""
        self.book.log(self.time, replace(event, time=self.shown()), tag, settled=True)

    def sql(self, instance: Instance, message: sql_messages.SqlMessage, tag: Tag = NORMAL) -> None:
        """Notes a message of SQL Server at the shown time."""
        self.book.sql(instance, self.time, message, tag, shown=self.shown())


def tell_boot(book: Book, guest: Guest, boot: Boot, host: Computer, alive: datetime, rng: Random) -> None:
    """Writes a boot from an image of a running machine; `alive` is its last sign of life on its own clock."""
    teller = BootTeller(book, guest, boot, host, rng)
    _windows(teller, alive)
    for instance in guest.instances:
        teller.wait(2, 9)
        _sql(teller, instance)
    for store in guest.stores:
        for number, more in ((300, ()), (301, (f"C:\\Logs\\{store.prefix.strip(': ')}0000A1.log",)), (302, ())):
            teller.wait(0.3, 2)
            teller.log(vss_messages.ese_recovery(number, store.process, store.pid, store.prefix, *more))
    teller.wait(20, 60)
    teller.log(os_messages.service_state("Windows Update", "running", "wuauserv", guest.windows))
    teller.log(os_messages.policy_applied())


def _windows(teller: BootTeller, alive: datetime) -> None:
    guest, windows = teller.guest, teller.guest.windows
    if windows.evtx:
        teller.log(os_messages.os_start(windows, teller.shown()))
    if windows.kernel_boot:
        teller.wait(0.01, 0.1)
        teller.log(os_messages.last_shutdown(False))
    teller.wait(9, 17)
    _event_log_service(teller, alive)
    if (windows.major, windows.minor) >= (6, 1):
        teller.wait(0.5, 2)
        teller.log(os_messages.power_lost())
    if windows.kernel_boot:
        for drive in guest.volumes:
            teller.wait(0.1, 0.5)
            teller.log(os_messages.volume_healthy(drive))
    _synchronise(teller)
    if guest.traced:
        number = max(one.version.major for one in guest.instances)
        for line in writer_trace.service_start(teller.shown(), guest.zone, f"{number}.0.2000.5"):
            teller.book.trace(teller.time, line.thread, line.text, shown=line.time)
    for name, short in (("SQL Server VSS Writer", "SQLWriter"), ("Hyper-V Volume Shadow Copy Requestor", "vmicvss")):
        teller.wait(0.2, 2)
        teller.log(os_messages.service_state(name, "running", short, windows))


def _event_log_service(teller: BootTeller, alive: datetime) -> None:
    """The event log service starts; its own records are written with the time of its start."""
    guest = teller.guest
    teller.log(os_messages.unexpected_shutdown(alive, guest.zone, teller.boot.uptime_s))
    teller.log(os_messages.boot_version(guest.windows))
    teller.log(os_messages.log_started(teller.shown().astimezone(guest.zone)))
    teller.log(os_messages.uptime(21, os_messages.uptime_text(guest.zone, teller.time)))


def _synchronise(teller: BootTeller) -> None:
    """The integration services set the clock; Kernel-General notes the jump."""
    teller.wait(2, 5)
    before = teller.shown()
    teller.synchronised = True
    if teller.guest.windows.evtx:
        teller.log(os_messages.time_changed(teller.shown(), before))


def _sql(teller: BootTeller, instance: Instance) -> None:
    teller.book.started(instance, teller.time, teller.shown())
    teller.wait(0.2, 0.6)
    teller.sql(instance, sql_messages.instance_start())
    for number, (database, identifier) in enumerate(instance.databases):
        _database(teller, instance, database, identifier, f"spid{5 if identifier == 1 else 12 + number}s")
    teller.wait(0.5, 3)
    teller.sql(instance, sql_messages.instance_recovered())
    teller.sql(instance, sql_messages.ready())


def _database(teller: BootTeller, instance: Instance, database: str, identifier: int, source: str) -> None:
    version = instance.version
    number = version.database_id(identifier)
    teller.wait(0.1, 0.5)
    teller.sql(instance, sql_messages.starting(database, source))
    if database in teller.boot.silent:
        return
    teller.wait(0.1, 1.5)
    if database in teller.boot.failed:
        position = f"({31 + identifier}:{teller.rng.randrange(900)}:2)"
        teller.sql(instance, sql_messages.redo_failed(database, position, source), FAILED)
        teller.sql(instance, sql_messages.recovery_failed(database, number, source), FAILED)
        return
    busy = database in instance.user_databases
    forward = teller.rng.randrange(3, 240) if busy else teller.rng.randrange(1, 4)
    teller.sql(instance, sql_messages.rolled_forward(forward, database, number, source))
    teller.wait(0.05, 0.6)
    back = teller.boot.rolled_back.get(database, 0)
    tag = UNEXPLAINED if back and not teller.boot.explained else NORMAL
    teller.sql(instance, sql_messages.rolled_back(back, database, number, source), tag)
    teller.sql(instance, sql_messages.checkpoint(database, number, source))
    if busy and version.major >= 11:
        phases = (teller.rng.randrange(8, 60), teller.rng.randrange(60, 900), teller.rng.randrange(1, 40))
        teller.sql(instance, sql_messages.database_recovered(database, number, 1, phases, source))
