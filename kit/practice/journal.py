"""Collects what the computers of a story write, and writes it into files: numbered, on each computer's own clock.

Every record carries a tag that the story sets: the class of the record, and the recovery point whose operation it
belongs to. The files and the truth about their records come out of the same pass, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from kit.practice import errorlog_writer
from kit.practice.damage import smash
from kit.practice.errorlog_writer import Line, header
from kit.practice.evt_writer import END, HEAD, record, ring_size, write_evt, write_wrapped
from kit.practice.evtx_writer import Event, EvtxWriter
from kit.practice.sql_messages import SqlMessage
from kit.practice.world import Computer, Instance
from kit.practice.writer_trace import TraceLine, write_trace

RING_SLACK = HEAD + END + 64  # header, end record, and room that holds no further record
LEGACY_FILES = {"Application": "AppEvent.Evt", "System": "SysEvent.Evt", "Directory Service": "NTDS.Evt"}


@dataclass(frozen=True)
class Tag:
    """What a record truly is: its class, and the key of the point whose operation it is part of.

    Where the records leave honest room, further classes follow after a bar.
    """

    kind: str
    point: str | None = None


NORMAL = Tag("normal")
NOISE = Tag("background_noise")


@dataclass(frozen=True)
class Entry:
    """A record before it has a file: true time, event, tag."""

    time: datetime
    order: int
    event: Event
    tag: Tag
    settled: bool = False  # the event's own time is what the clock showed; `time` only orders it


@dataclass(frozen=True)
class SqlEntry:
    """A message of an instance's error log."""

    time: datetime
    order: int
    line: Line
    tag: Tag
    settled: bool = False


@dataclass(frozen=True)
class TraceEntry:
    """A line of the SQL writer's trace."""

    time: datetime
    order: int
    line: TraceLine
    tag: Tag
    settled: bool = False


@dataclass
class Book:
    """Everything that one computer writes: event records and error-log messages, with the starts of its instances."""

    computer: Computer
    events: list[Entry] = field(default_factory=list)
    messages: dict[str, list[SqlEntry]] = field(default_factory=dict)
    traces: list[TraceEntry] = field(default_factory=list)
    starts: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    first_ids: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def log(self, time: datetime, event: Event, tag: Tag = NORMAL, settled: bool = False) -> None:
        """Notes a record at a true time."""
        self.count += 1
        self.events.append(Entry(time, self.count, event, tag, settled))

    def sql(
        self, instance: Instance, time: datetime, message: SqlMessage, tag: Tag = NORMAL, shown: datetime | None = None
    ) -> None:
        """Notes a message of SQL Server in both of its logs; `shown` is what the clock shows where it was just set."""
        server = instance.server(self.computer)
        self.log(time, message.event(server, shown or time), tag, shown is not None)
        entry = SqlEntry(time, self.count, message.line(shown or time), tag, shown is not None)
        self.messages.setdefault(instance.name, []).append(entry)

    def trace(
        self, time: datetime, thread: int, text: str, tag: Tag = NORMAL, shown: datetime | None = None
    ) -> None:
        """Notes a line of the SQL writer's trace."""
        self.count += 1
        line = TraceLine(shown or time, thread, text)
        self.traces.append(TraceEntry(time, self.count, line, tag, shown is not None))

    def started(self, instance: Instance, time: datetime, shown: datetime | None = None) -> None:
        """Notes a start of an instance, which begins a new error log."""
        self.starts.setdefault(instance.name, []).append((time, shown or self.computer.clock.shows(time)))

    def channels(self) -> list[str]:
        """The event logs that hold records, in order of their names."""
        return sorted({entry.event.channel for entry in self.events})

    def numbered(self, channel: str) -> list[tuple[int, Entry]]:
        """The records of a log in the order of writing, with their numbers."""
        chosen = [entry for entry in self.events if entry.event.channel == channel]
        chosen.sort(key=lambda entry: (entry.time, entry.order))
        return list(enumerate(chosen, self.first_ids.get(channel, 1)))

    def until(self, image: datetime) -> Book:
        """A copy of the book as a disk image of that moment holds it."""
        messages = {name: [m for m in rows if m.time <= image] for name, rows in self.messages.items()}
        starts = {name: [start for start in rows if start[0] <= image] for name, rows in self.starts.items()}
        events = [entry for entry in self.events if entry.time <= image]
        traces = [entry for entry in self.traces if entry.time <= image]
        return Book(self.computer, events, messages, traces, starts, dict(self.first_ids), self.count)


def first_ids(channels: Iterable[str], rng: Random) -> dict[str, int]:
    """Record numbers at which the logs begin: machines have a history."""
    return {channel: rng.randrange(2_000, 90_000) for channel in channels}


def dated(entry: Entry, computer: Computer) -> Event:
    """The event with the computer's name and the time that its clock showed, as coarse as its source writes it."""
    event = entry.event
    time = event.time if entry.settled else computer.clock.shows(entry.time)
    if event.classic and event.source_name is None and computer.windows.whole_seconds:
        time = time.replace(microsecond=0)
    return replace(event, time=time, computer=computer.name)


@dataclass(frozen=True)
class Labels:
    """Truth about the records of one file: number (text logs: line number), class, key of the point."""

    path: str
    rows: tuple[tuple[int, str, str | None], ...]


@dataclass(frozen=True)
class Kept:
    """What of a log survived: records before `since` were overwritten, it ends at `until`, `damage` was destroyed."""

    since: datetime | None = None
    until: datetime | None = None
    damage: tuple[tuple[datetime, datetime], ...] = ()

    def holds(self, time: datetime) -> bool:
        """Whether a record of that time stands in the file, damaged or not."""
        return (self.since is None or time >= self.since) and (self.until is None or time <= self.until)


WHOLE = Kept()


def write_log(folder: Path, root: Path, book: Book, channel: str, kept: Kept = WHOLE) -> Labels:
    """Writes one event log and returns what its records are; records that did not survive have no label."""
    everything = book.numbered(channel)
    rows = [row for row in everything if kept.holds(row[1].time)]
    legacy = not book.computer.windows.evtx
    name = LEGACY_FILES.get(channel, f"{channel}.Evt") if legacy else channel.replace("/", "%4") + ".evtx"
    path = folder / name
    lost: set[int] = set()
    if legacy:
        _write_evt(path, everything, rows, book.computer)
    else:
        lost = _write_evtx(path, rows, book.computer, kept.damage)
    labels = tuple((number, e.tag.kind, e.tag.point) for number, e in rows if number not in lost)
    return Labels(path.relative_to(root).as_posix(), labels)


def _write_evt(
    path: Path, everything: list[tuple[int, Entry]], rows: list[tuple[int, Entry]], computer: Computer
) -> None:
    """Writes a log that was never full, or the ring in which the older records were overwritten."""
    events = [dated(entry, computer) for _, entry in rows]
    if not rows or rows[0][0] == everything[0][0]:
        write_evt(path, events, rows[0][0] if rows else 1)
        return
    older = [dated(entry, computer) for number, entry in everything if number < rows[0][0]]
    least = RING_SLACK + sum(len(record(event, 1)) for event in events)
    whole = [*older, *events]
    write_wrapped(path, whole, ring_size(whole, least), everything[0][0])


def _write_evtx(
    path: Path, rows: list[tuple[int, Entry]], computer: Computer, damage: Sequence[tuple[datetime, datetime]]
) -> set[int]:
    """Writes the records; those inside a damaged interval get chunks of their own, which are then destroyed."""
    inside = False
    lost: set[int] = set()
    with EvtxWriter(path, rows[0][0] if rows else 1) as writer:
        for number, entry in rows:
            hit = any(begin <= entry.time <= end for begin, end in damage)
            writer.write(replace(dated(entry, computer), new_chunk=hit != inside), number)
            inside = hit
            if hit:
                lost.add(number)
    smash(path, lost)
    return lost


def write_errorlogs(
    folder: Path, root: Path, book: Book, instance: Instance, kept: Kept = WHOLE, most: int = 7
) -> list[Labels]:
    """Writes ERRORLOG, ERRORLOG.1 and so on, one for each start, and returns what their lines are."""
    starts = sorted(book.starts.get(instance.name, []))
    entries = sorted(book.messages.get(instance.name, []), key=lambda entry: (entry.time, entry.order))
    made = []
    for age, (start, shown) in enumerate(reversed(starts[-most:])):
        end = starts[len(starts) - age][0] if age else None
        chosen = [e for e in entries if start <= e.time and (end is None or e.time < end) and kept.holds(e.time)]
        path = folder / (f"ERRORLOG.{age}" if age else "ERRORLOG")
        head = header(instance.server(book.computer), shown, book.computer.zone)
        made.append(_write_errorlog(path, root, book.computer, head, chosen))
    return made


def _write_errorlog(path: Path, root: Path, computer: Computer, head: list[Line], entries: list[SqlEntry]) -> Labels:
    body = [e.line if e.settled else replace(e.line, time=computer.clock.shows(e.time)) for e in entries]
    numbers = errorlog_writer.write_errorlog(path, [*head, *body], computer.zone)[len(head) :]
    rows: list[tuple[int, str, str | None]] = []
    for number, entry in zip(numbers, entries, strict=True):
        lines = (number, number + 1) if entry.line.error else (number,)
        rows += [(line, entry.tag.kind, entry.tag.point) for line in lines]
    return Labels(path.relative_to(root).as_posix(), tuple(rows))


def write_writer_trace(folder: Path, root: Path, book: Book, kept: Kept = WHOLE) -> list[Labels]:
    """Writes SqlWriterLogger.txt where the computer has such a trace, and returns what its lines are."""
    entries = sorted((e for e in book.traces if kept.holds(e.time)), key=lambda entry: (entry.time, entry.order))
    if not entries:
        return []
    clock, path = book.computer.clock.shows, folder / "SqlWriterLogger.txt"
    lines = (e.line if e.settled else replace(e.line, time=clock(e.time)) for e in entries)
    write_trace(path, lines, book.computer.zone)
    tags = [entry.tag for entry in entries]
    rows = tuple((number, tag.kind, tag.point) for number, tag in enumerate(tags, 1))
    return [Labels(path.relative_to(root).as_posix(), rows)]


def seconds(amount: float) -> timedelta:
    """A span of so many seconds."""
    return timedelta(seconds=amount)
