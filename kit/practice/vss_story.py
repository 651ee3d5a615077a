"""Tells one VSS operation in a guest: what each participant writes, in the order and with the delays of the real thing.

A requestor asks, writers prepare, freeze, the point in time is made, writers thaw, and then the requestor either
completes or, as Hyper-V Replica does, stops. What can go wrong goes wrong at its own stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from uuid import UUID

from kit.practice import os_messages, sql_messages, vss_messages, writer_trace
from kit.practice.journal import NOISE, NORMAL, Book, Tag, seconds
from kit.practice.sql_messages import SqlMessage
from kit.practice.world import Guest, Instance

SQL_WRITER_COMMAND = '"C:\\Program Files\\Microsoft SQL Server\\90\\Shared\\sqlwriter.exe"'
LATE = "BackupVirtualDeviceFile::SendFileInfoBegin"


class Fate(StrEnum):
    """What happens to an operation."""

    BENIGN = "stopped by the requestor after the thaw"
    CLEAN = "completed"
    HOLD_TIMEOUT = "writes could not be held until the shadow copy was made"
    WRITER_TIMEOUT = "the freeze outlived the writers' window"
    TORN = "a database stands on volumes outside of the set, its writer refuses"
    EARLY_ABORT = "stopped before the freeze"
    SILENT = "the guest was not reached"
    PARTIAL = "only the model database took part"
    COLLISION = "another requestor's snapshot ran in the same minute"


GENUINE = frozenset({Fate.HOLD_TIMEOUT, Fate.WRITER_TIMEOUT, Fate.TORN, Fate.EARLY_ABORT})


@dataclass(frozen=True)
class Trace:
    """When an operation froze and thawed, in true time; None where it did not."""

    begin: datetime
    freeze: datetime | None
    thaw: datetime | None
    end: datetime


@dataclass(frozen=True)
class Part:
    """One database in an operation: its instance, device, and the session that backs it up."""

    instance: Instance
    database: str
    device: str
    source: str


class Teller:
    """Writes one operation into a guest's book; keeps the running time."""

    def __init__(self, book: Book, guest: Guest, time: datetime, rng: Random, point: str | None) -> None:
        self.book, self.guest, self.rng = book, guest, rng
        self.time = self.begin = time
        self.benign, self.genuine = Tag("benign_abort", point), Tag("genuine_failure", point)
        # an ESE abort after a thaw is benign here, but its records are the same as those of an abort inside the freeze
        self.undecided = Tag("benign_abort|unexplained", point)
        self.writer_id = "{" + str(UUID(int=rng.getrandbits(128), version=4)) + "}"
        self.parts = self._parts()
        self.thread = 0x1000 + int(self.writer_id[1:5], 16) % 0x6000

    def _parts(self) -> list[Part]:
        """One device set for the whole operation, its devices numbered over all instances, as in public logs."""
        backup_set = str(UUID(int=self.rng.getrandbits(128), version=4)).upper()
        return [
            Part(instance, name, f"{{{backup_set}}}{number}", f"spid{51 + number}")
            for number, (instance, name, _) in enumerate(self.guest.databases(), 1)
        ]

    def wait(self, least: float, most: float) -> datetime:
        """Lets time pass."""
        self.time += seconds(self.rng.uniform(least, most))
        return self.time

    def trace(self, *texts: str, tag: Tag = NORMAL) -> None:
        """The SQL writer's trace, which exists where one of the instances is new enough."""
        if self.guest.traced:
            for text in texts:
                self.book.trace(self.time, self.thread, text, tag)

    def identify(self) -> None:
        """The writer lists the instances."""
        instances = [(one.name, one.version.major) for one in self.guest.instances]
        self.trace(*writer_trace.identify(self.guest.short, instances))

    def service(self, state: str) -> None:
        """The service control manager notes the shadow copy service."""
        event = os_messages.service_state("Volume Shadow Copy", state, "VSS", self.guest.windows)
        self.book.log(self.time, event)

    def prepare(self) -> None:
        """The service starts, writers report, stores prepare."""
        self.service("running")
        if "8194" in self.guest.noise and self.guest.windows.evtx:
            self.wait(1.5, 4)
            self.book.log(self.time, vss_messages.callback_denied(self.writer_id), NOISE)
        self.identify()
        self.wait(3, 8)
        self.trace(*writer_trace.backup_begin(self.thread))
        self.stores(2005)
        self.trace("Entering SQL Writer OnPrepareSnapshot.")
        self.identify()

    def stores(self, number: int, level: int = 4, tag: Tag = NORMAL, **more: str) -> None:
        """Every ESE store writes one of its snapshot events."""
        for store in self.guest.stores:
            session = 1 + int(self.begin.timestamp()) // 3600 % 9000
            event = vss_messages.ese(number, store.process, store.pid, store.prefix, session, level, **more)
            self.book.log(self.wait(0.02, 0.3), event, tag)

    def freeze(self, parts: Sequence[Part]) -> datetime:
        """Databases and stores stop writing; returns when the first did."""
        first = self.wait(0.5, 2)
        self.trace("Entering SQL Writer OnFreeze.")
        self.stores(2001)
        self.each(parts, lambda part: sql_messages.frozen(part.database, part.source))
        return first

    def thaw(self, parts: Sequence[Part]) -> datetime:
        """Databases and stores go on; returns when the last did."""
        self.trace("Entering SQL Writer OnThaw.")
        self.each(parts, lambda part: sql_messages.resumed(part.database, part.source))
        self.stores(2003)
        return self.time

    def each(self, parts: Sequence[Part], message: Callable[[Part], SqlMessage], tag: Tag = NORMAL) -> None:
        """Every database writes a message, one shortly after the other."""
        for part in parts:
            self.book.sql(part.instance, self.wait(0.02, 0.13), message(part), tag)

    def device_aborts(self, parts: Sequence[Part], routine: str, tag: Tag, resume: bool = False) -> None:
        """The requestor closes the virtual devices: both ends notice, the BACKUP of each database fails."""
        self.trace("Entering SQL Writer OnAbort.", tag=tag)
        for part in parts:
            pids = (2644, 7200 + self.rng.randrange(90)), (1480, 9400 + self.rng.randrange(90))
            name = part.instance.vdi_name
            self.book.log(self.wait(0.01, 0.06), vss_messages.client_abort(part.device, name, *pids[0]), tag)
            self.book.log(self.wait(0.0, 0.02), vss_messages.server_abort(part.device, name, *pids[1]), tag)
            words = sql_messages.NOT_FOUND if part.instance.version.major < 10 else sql_messages.ABORTED
            failure = sql_messages.device_failed(routine, "", part.device, words, part.source)
            self.book.sql(part.instance, self.wait(0.0, 0.03), failure, tag)
            if resume:
                going_on = sql_messages.resumed(part.database, part.source)
                self.book.sql(part.instance, self.wait(0.01, 0.05), going_on)
            command = f"BACKUP DATABASE {part.database}"
            self.book.sql(part.instance, self.wait(0.0, 0.03), sql_messages.backup_failed(command), tag)

    def echoes(self, parts: Sequence[Part], tag: Tag) -> None:
        """The SQL writer reports its failed commands, one per instance."""
        for instance in {part.instance.name: part.instance for part in parts}.values():
            device = next(part.device for part in parts if part.instance is instance)
            event = vss_messages.sqllib_error(device, instance.version.native_client)
            self.book.log(self.wait(0.05, 0.4), event, tag)

    def rejected(self, error: str, operation: str) -> None:
        """The SQL writer refuses an event; older systems have no such record."""
        if self.guest.windows.major >= 6:
            event = vss_messages.writer_rejected(
                error, operation, self._writer(), self.writer_id, 1780, SQL_WRITER_COMMAND,
            )
            self.book.log(self.wait(0.1, 0.5), event, self.genuine)

    def _writer(self) -> tuple[str, str, str]:
        newest = max(self.guest.instances, key=lambda one: one.version.major).version.year
        return (*vss_messages.SQL_WRITER, f"Microsoft SQL Server {newest}:SQLWriter")

    def stop(self) -> datetime:
        """The service goes idle; returns when the operation itself had ended."""
        end = self.time
        self.wait(176, 190)
        if self.guest.windows.evtx:
            self.book.log(self.time, vss_messages.idle_stop())
        self.service("stopped")
        return end


def tell(book: Book, guest: Guest, time: datetime, fate: Fate, rng: Random, point: str | None = None) -> Trace:
    """Writes an operation that begins at a true time; returns when it froze and thawed.

    `point` is the key of the recovery point whose operation it is.
    """
    teller = Teller(book, guest, time, rng, point)
    if fate is Fate.SILENT:
        return Trace(time, None, None, time)
    if fate is Fate.COLLISION:
        _foreign_snapshot(teller)
    return run(teller, fate)


def run(teller: Teller, fate: Fate) -> Trace:
    """Lets an operation run; returns when it froze and thawed."""
    teller.prepare()
    told = _TOLD.get(fate, _stopped)
    freeze, thaw = told(teller)
    return Trace(teller.begin, freeze, thaw, teller.stop())


def _stopped(teller: Teller) -> tuple[datetime | None, datetime | None]:
    """The shape of Hyper-V Replica: freeze, thaw, then the requestor stops."""
    freeze = teller.freeze(teller.parts)
    teller.wait(0.4, 2.2)
    thaw = teller.thaw(teller.parts)
    teller.wait(0.3, 1.6)
    teller.device_aborts(teller.parts, LATE, teller.benign)
    teller.echoes(teller.parts, teller.benign)
    _end_stores(teller)
    return freeze, thaw


def _end_stores(teller: Teller) -> None:
    for store in teller.guest.stores:
        number, level = (2006, 4) if store.completes else (2007, 2)
        session = 1 + int(teller.begin.timestamp()) // 3600 % 9000
        event = vss_messages.ese(number, store.process, store.pid, store.prefix, session, level)
        teller.book.log(teller.wait(0.05, 0.3), event, NORMAL if store.completes else teller.undecided)


def _completed(teller: Teller) -> tuple[datetime | None, datetime | None]:
    freeze = teller.freeze(teller.parts)
    teller.wait(0.4, 2.2)
    thaw = teller.thaw(teller.parts)
    teller.wait(0.3, 1.5)
    teller.trace("Entering SQL Writer OnPostSnapshot.")
    for part in teller.parts:
        teller.book.sql(part.instance, teller.wait(0.02, 0.2), _virtual_backup(part, teller.begin))
    teller.wait(0.2, 1)
    teller.trace("Entering SQL Writer OnBackupComplete.")
    teller.stores(2006)
    return freeze, thaw


def _virtual_backup(part: Part, begin: datetime) -> SqlMessage:
    device = f"FILE=1, TYPE=VIRTUAL_DEVICE: {{'{part.device}'}}"
    lsn = f"{begin.day + 30}:{begin.hour * 60 + begin.minute}:37"
    return sql_messages.backed_up(part.database, device, 177 + len(part.database) * 31, lsn, "2013/02/11(09:14:52)")


def _hold_failed(teller: Teller) -> tuple[datetime | None, datetime | None]:
    """Flush-and-hold lasts its full ten seconds and is cancelled; the freeze is broken off."""
    freeze = teller.freeze(teller.parts)
    teller.wait(10.0, 10.6)
    windows = teller.guest.windows
    volume = teller.guest.volumes[-1]
    teller.book.log(
        teller.time, vss_messages.hold_timed_out(volume, windows.named_volsnap, not windows.evtx), teller.genuine,
    )
    name = f"\\\\?\\Volume{{{UUID(int=teller.rng.getrandbits(128), version=4)}}}\\"
    event = vss_messages.hold_failed(name, len(teller.guest.volumes) - 1, teller.writer_id)
    teller.book.log(teller.wait(0.05, 0.3), event, teller.genuine)
    return freeze, _broken_off(teller, "BackupVirtualDeviceFile::TakeSnapshot")


def _window_expired(teller: Teller) -> tuple[datetime | None, datetime | None]:
    """The freeze lasts longer than the 60 seconds that VSS gives the writers."""
    freeze = teller.freeze(teller.parts)
    teller.wait(60.5, 68)
    teller.rejected(vss_messages.WRITER_TIMEOUT, "Freeze")
    return freeze, _broken_off(teller, "BackupVirtualDeviceFile::TakeSnapshot")


def _broken_off(teller: Teller, routine: str) -> datetime:
    """Devices are closed while databases are frozen; each resumes after its device failed."""
    teller.wait(0.1, 0.5)
    teller.device_aborts(teller.parts, routine, teller.genuine, resume=True)
    teller.echoes(teller.parts, teller.genuine)
    teller.stores(2003)
    teller.stores(2007, 2, teller.genuine)
    return teller.time


def _torn(teller: Teller) -> tuple[datetime | None, datetime | None]:
    part = next(p for p in teller.parts if p.database in p.instance.user_databases)
    torn = vss_messages.torn_database(part.database, part.instance.server(teller.guest).name)
    teller.book.log(teller.wait(0.2, 0.9), torn, teller.genuine)
    teller.trace("HRESULT EXCEPTION CAUGHT: hr: 0x80780002", "Entering SQL Writer OnAbort.", tag=teller.genuine)
    teller.rejected(vss_messages.INCONSISTENT, "PrepareForSnapshot")
    teller.stores(2007, 2, teller.genuine)
    return None, None


def _stopped_early(teller: Teller) -> tuple[datetime | None, datetime | None]:
    teller.wait(0.5, 2)
    teller.device_aborts(teller.parts, "BackupVirtualDeviceSet::PrepareToFreeze", teller.genuine)
    teller.echoes(teller.parts, teller.genuine)
    teller.rejected(vss_messages.NON_TRANSIENT, "PrepareForSnapshot")
    return None, None


def _model_only(teller: Teller) -> tuple[datetime | None, datetime | None]:
    teller.parts = [part for part in teller.parts if part.database == "model"]
    return _stopped(teller)


def _foreign_snapshot(teller: Teller) -> None:
    """A second requestor's own snapshot, completed less than a minute before."""
    agent = Teller(teller.book, teller.guest, teller.time - seconds(teller.rng.uniform(14, 22)), teller.rng, None)
    agent.freeze(agent.parts)
    agent.wait(0.5, 1.2)
    agent.thaw(agent.parts)
    for part in agent.parts:
        agent.book.sql(part.instance, agent.wait(0.02, 0.2), _virtual_backup(part, agent.begin))


_TOLD: dict[Fate, Callable[[Teller], tuple[datetime | None, datetime | None]]] = {
    Fate.CLEAN: _completed,
    Fate.HOLD_TIMEOUT: _hold_failed,
    Fate.WRITER_TIMEOUT: _window_expired,
    Fate.TORN: _torn,
    Fate.EARLY_ABORT: _stopped_early,
    Fate.PARTIAL: _model_only,
}
