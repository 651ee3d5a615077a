"""What a console printed, command by command: the transcript of a PowerShell session, or a window copied as text.

    PS C:\\> Get-VMReplication | fl                      the output of each command goes to the reader of its format,
    ...                                                 just as if it had been saved into a file of its own
    C:\\>wevtutil qe Application /f:text /c:20
    ...

Lists and tables of objects and what vssadmin printed are read together, because one shows how the dates of another are
meant. Record numbers that are line numbers, and offsets, are those of the whole file. What nobody reads is named.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import IO, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from kit import powershell, tables
from kit import sources as readers
from kit.errors import KitError
from kit.powershell import console
from kit.sources import _mappers
from kit.sources._event_objects import is_numbered, looks_like
from kit.sources.seam import Fact, Lost, Opened, Reading, Rows
from kit.text import HEAD, Line, decode, lines

NAME = "console session"
VERSION = "3"
TABLES = _mappers.TABLES
NUMBERED = False
FIRST = True

_IN_MEMORY = 16 << 20
_SURE = 2  # how sure a reader must be of a piece
_NAMED = 12  # pieces that are named one by one
_LINE = re.compile(r"\b(lines?) (\d{1,9})\b")


@dataclass
class _Piece:
    """The output of one command: where it begins, and its lines as UTF-8."""

    computer: str | None
    file: IO[bytes] = field(default_factory=partial(tempfile.SpooledTemporaryFile, _IN_MEMORY))
    first: int = 0  # number of its first line
    numbers: int = 0  # lines
    written: int = 0
    starts: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))

    def add(self, line: Line, text: str) -> None:
        """Adds a line; empty ones before the first are left out."""
        if not self.numbers and not text:
            return
        self.first = self.first or line.number
        self.starts.append(self.written)
        self.offsets.append(line.offset)
        self.written += self.file.write(text.encode("utf-8", "replace") + b"\n")
        self.numbers += 1

    def offset(self, own: int | None) -> int | None:
        """The place in the whole file of a place in the piece."""
        if own is None or not self.starts:
            return None
        line = max(0, bisect_right(self.starts, own) - 1)
        return self.offsets[line] + own - self.starts[line]


def recognise(head: bytes, name: str) -> int:
    """3 for prompts of PowerShell or cmd with output that is more than lists and tables."""
    if not powershell.is_session(head):
        return 0
    if len(head) >= HEAD:
        return 3
    given = (Line(number, 0, text.rstrip("\r")) for number, text in enumerate(decode(head)[0].split("\n"), 1))
    with contextlib.closing(_pieces(given)) as found:
        return 3 if any(_reader(piece) for piece in found) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of every piece that a reader knows, then of the lists, tables and vssadmin output of the whole session."""
    told: list[str] = []
    with contextlib.closing(_Rest()) as rest:
        for piece in _pieces(lines(opened.file, opened.culture), rest):
            reader = _reader(piece)
            if reader is None:
                rest.take(piece)
                continue
            told.append(f"lines {piece.first} to {piece.first + piece.numbers - 1} as {reader.NAME}")
            yield from _read(reader, piece, opened)
        if told:
            more = f" and {len(told) - _NAMED} more pieces" if len(told) > _NAMED else ""
            yield Fact(note=f"read piece by piece: {', '.join(told[:_NAMED])}{more}")
        for computer, remains in rest.of.items():
            yield from _read_rest(remains, computer, opened, bool(told) or len(rest.of) > 1)


@dataclass
class _Remains:
    """What was printed on one computer and no reader of its own takes; lines left out are one empty line."""

    file: IO[bytes] = field(default_factory=partial(tempfile.SpooledTemporaryFile, _IN_MEMORY))
    size: int = 0
    lines: int = 0
    last: int = 0  # number of the last line in the session
    begins: array[int] = field(default_factory=lambda: array("q"))  # own numbers at which an unbroken run begins
    numbers: array[int] = field(default_factory=lambda: array("q"))  # the numbers of the session there

    def add(self, number: int, text: str) -> None:
        """Adds a line of the session."""
        if number != self.last + 1 or not self.begins:
            self.size += self.file.write(b"\n")
            self.lines += 1
            self.begins.append(self.lines + 1)
            self.numbers.append(number)
        self.size += self.file.write(text.encode("utf-8", "replace") + b"\n")
        self.lines, self.last = self.lines + 1, number

    def number(self, own: int) -> int:
        """The number in the session of a line of the file."""
        run = max(0, bisect_right(self.begins, own) - 1)
        return self.numbers[run] + own - self.begins[run]

    def said(self, text: str) -> str:
        """A sentence with the numbers of the session where it names lines."""
        return _LINE.sub(lambda found: f"{found[1]} {self.number(int(found[2]))}", text)


class _Rest:
    """What no reader of its own takes, apart for each computer that it was printed on."""

    def __init__(self) -> None:
        self.of: dict[str | None, _Remains] = {}

    def add(self, number: int, text: str, computer: str | None) -> None:
        """Adds a line of the session."""
        if computer not in self.of:
            self.of[computer] = _Remains()
        self.of[computer].add(number, text)

    def take(self, piece: _Piece) -> None:
        """Adds the lines of a piece."""
        piece.file.seek(0)
        for number, raw in enumerate(piece.file, piece.first):
            self.add(number, raw.decode("utf-8").rstrip("\n"), piece.computer)

    def close(self) -> None:
        """Closes the files."""
        for one in self.of.values():
            one.file.close()


def _pieces(given: Iterator[Line], rest: _Rest | None = None) -> Generator[_Piece]:
    """The outputs one after the other; prompts and what stands before the first piece of output go to `rest`."""
    piece = _Piece(None)
    try:
        for line in given:
            text = console.plain(line.text)
            found = powershell.prompt(text)
            if found is None and not text.startswith("****") and (piece.numbers or text):
                piece.add(line, text)
                continue
            if piece.numbers:
                yield piece
            if text:
                piece.file.close()
                piece = _Piece(found[1] if found else None)
            if rest is not None and text:
                rest.add(line.number, text, piece.computer)
        if piece.numbers:
            yield piece
    finally:
        piece.file.close()


def _reader(piece: _Piece) -> ModuleType | None:
    """The reader of the output of one command; None for objects and vssadmin output, and for what nobody reads."""
    piece.file.seek(0)
    head = piece.file.read(HEAD)
    piece.file.seek(0, 2)
    found = readers.recognise(head, "")
    if found is None or found.NAME == NAME or getattr(found, "IN_SESSIONS", False):
        return None
    objects = powershell.peek(head)
    if found.TABLES is _mappers.TABLES and objects.kind == "console" and objects.rows:
        return None
    return found if int(found.recognise(head, "")) >= _SURE else None


def _read(reader: ModuleType, piece: _Piece, opened: Opened) -> Iterator[Reading]:
    """What the reader makes of the piece, with the places of the whole file."""
    piece.file.seek(0)
    inner = Opened(opened.path, cast(BinaryIO, piece.file), piece.written, opened.culture, opened.options)
    numbered = getattr(reader, "NUMBERED", True)
    try:
        for reading in reader.read(inner):
            if isinstance(reading, Rows):
                placed = Rows(reading.table, _placed(reading.columns, piece, 0 if numbered else piece.first - 1))
                yield Rows(placed.table, _of_computer(placed, piece.computer)) if piece.computer else placed
            elif isinstance(reading, Lost):
                yield _placed_loss(reading, piece, numbered)
            else:
                yield Fact(computer=reading.computer, zone=reading.zone, note=reading.note, partial=reading.partial,
                           listed=reading.listed)  # fmt: skip
    except (KitError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        yield Lost(None, f"lines from {piece.first} as {reader.NAME}: {error}", found=False)


def _placed(columns: pa.Table, piece: _Piece, shift: int) -> pa.Table:
    """Rows with the line numbers and offsets of the whole file."""
    names = columns.column_names
    if shift and "record_id" in names:
        made = pc.add(columns.column("record_id"), shift)
        columns = columns.set_column(names.index("record_id"), "record_id", made)
    if "offset" in names:
        moved = [piece.offset(own) for own in columns.column("offset").to_pylist()]
        columns = columns.set_column(names.index("offset"), "offset", pa.array(moved, pa.int64()))
    return columns


def _placed_loss(lost: Lost, piece: _Piece, numbered: bool) -> Lost:
    """A loss with the line numbers of the whole file, also where its reason names them."""
    shift = piece.first - 1

    def moved(found: re.Match[str]) -> str:
        return f"{found[1]} {int(found[2]) + shift}"

    ids = {} if numbered else {
        name: value + shift for name in ("first_id", "last_id") if (value := getattr(lost, name)) is not None
    }  # fmt: skip
    return replace(lost, reason=_LINE.sub(moved, lost.reason), offset=piece.offset(lost.offset), **ids)


def _read_rest(rest: _Remains, computer: str | None, opened: Opened, others: bool) -> Iterator[Reading]:
    """Lists, tables and vssadmin output; nothing among them is no failure where something else was read."""
    file = cast(BinaryIO, rest.file)
    inner = Opened(opened.path, file, rest.size, opened.culture, opened.options)
    events = [item for item in powershell.stream(file, opened.culture) if looks_like_event(item)]
    numbered = bool(events) and all(is_numbered(row) for row in events if isinstance(row, powershell.Row))
    try:
        for reading in _mappers.read(inner, "output of a known command in it", numbered):
            if isinstance(reading, Rows):
                yield Rows(reading.table, _of_computer(reading, computer)) if computer else reading
            elif isinstance(reading, Lost):
                yield replace(reading, reason=rest.said(reading.reason))
            else:
                note = rest.said(reading.note) if reading.note else None
                yield replace(reading, note=note, computer=None if computer else reading.computer)
    except KitError as error:
        if not others:
            raise
        yield Fact(note=str(error))
    yield from _unread(rest)


def _unread(rest: _Remains) -> Iterator[Fact]:
    """What no one read where nothing among it is a list or a table; else its reader has said so."""
    file = cast(BinaryIO, rest.file)
    file.seek(0)
    if powershell.kind_of(file.read(HEAD)) != "console":
        for item in console.read(lines(file)):
            if isinstance(item, powershell.About) and item.note:
                yield Fact(note=rest.said(item.note))


def _of_computer(rows: Rows, computer: str) -> pa.Table:
    """The rows with the computer of the remote session where they name none."""
    columns, names = rows.columns, rows.columns.column_names
    if "computer" in names:
        filled = pc.coalesce(columns.column("computer").cast(pa.string()), pa.scalar(computer))
        return columns.set_column(names.index("computer"), "computer", filled)
    if "computer" in tables.schema(rows.table).names:
        return columns.append_column("computer", pa.repeat(pa.scalar(computer), len(columns)))
    return columns


def looks_like_event(item: powershell.Item) -> bool:
    """Whether something printed is an event."""
    return isinstance(item, powershell.Row) and looks_like(item)
