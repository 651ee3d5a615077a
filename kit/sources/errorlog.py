"""SQL Server ERRORLOG, 2005 to 2022: UTF-16 or single bytes, in any language.

    2014-05-19 22:00:03.43 spid52      I/O is frozen on database Sales. ...
    2014-05-19 22:00:09.87 Backup      Error: 18210, Severity: 16, State: 1.
    2014-05-19 22:00:09.87 Backup      BackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device ...

Time in the server's local zone (10 ms), the source in a field of twelve characters, the text, which may go on in lines
without a time. An error takes two records, a line of numbers and its text: they become one event. The list that
Management Studio exports is another format: see `errorlog_list`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from kit import powershell
from kit.code_pages import single_bytes
from kit.sources._errors import level, numbers_of
from kit.sources._results import is_around
from kit.sources.seam import Fact, Lost, Opened, Reading, Rows
from kit.text import HEAD, Line, decode, encoding_of, lines

NAME = "SQL Server ERRORLOG"
VERSION = "5"
TABLES = ("events",)
NUMBERED = False

_BATCH = 20_000
_ABOUT_LINES = 300
_LONGEST = 1 << 20  # characters of one message
_WAITS = 50  # records that may come between the numbers of an error and its text

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{2,7}"
_KNOWN = r"(?:spid\d+s?|Server|Backup|Logon|Cluster)"
_RECORD = re.compile(rf"({_TIME})[ \t]+(\S+)(?:[ \t]+(.*))?", re.ASCII | re.DOTALL)
_SECOND = re.compile(rf"(?<=.)(?={_TIME} {_KNOWN}\s)", re.ASCII | re.DOTALL)
_SURE = re.compile(rf"^{_TIME} +{_KNOWN}(?:\s|$)", re.ASCII | re.MULTILINE)
_ANY = re.compile(rf"^{_TIME} +\S+ +\S", re.ASCII | re.MULTILINE)
_DAMAGED_TIME = re.compile(r"[\d-]{0,10} ?\d\d:\d\d:\d\d\.\d\d\s|\d{4}-\d[\d-]* *[\d:.]*$", re.ASCII)

_SERVER_NAME = re.compile(
    r"(?:server name is|servername ist|nom du serveur est|nombre del servidor es|nome do servidor é|nome del server è"
    r"|имя сервера|サーバー名|服务器名称|伺服器名稱|서버 이름)\D{0,12}?['\"«„“‘「]\s*([^'\"»“”’」]+)",
    re.IGNORECASE,
)
_NODE_NAME = re.compile(r"NETBIOS\D{0,80}?['\"«„“‘「]\s*([^'\"»“”’」]+)", re.IGNORECASE)
_INSTANCE = re.compile(
    r"(?:\\MSSQL\d{1,2}(?:_\d\d)?\.|\bMSSQL\$|\\pipe\\SQLLocal\\)([A-Za-z_#][\w#$]{0,15})", re.IGNORECASE
)
_FOLDER_NAME = re.compile(r"(?:^|[^a-z])mssql\d{1,2}(?:_\d\d)?\.([a-z_#][\w#$]{0,15})", re.IGNORECASE)  # as collected
_UTC = re.compile(r"\bUTC\b(?:-[^\W\d]+)?[^\d+-]{0,30}([+-]?)(\d{1,2}):(\d\d)\s*\.?\s*", re.IGNORECASE)
_VERSION_LINE = re.compile(r"Microsoft SQL Server (?:20\d\d)?[^\n]{0,80}?- ([\d.]{5,20})[^\n]*")


@dataclass
class _Record:
    line: int
    offset: int
    time: datetime
    raw: str
    source: str
    text: str
    error: tuple[int, int, int] | None = None


@dataclass
class _About:
    """What the first lines say about the server."""

    computer: str | None = None
    node: str | None = None
    instance: str | None = None
    zone: str | None = None
    version: str | None = None

    def take(self, text: str) -> None:
        if not self.computer and (found := _SERVER_NAME.search(text)):
            self.computer, _, instance = found[1].strip().partition("\\")
            self.instance = instance or self.instance or "MSSQLSERVER"
        if not self.node and (found := _NODE_NAME.search(text)):
            self.node = found[1].strip()
        if not self.instance and (found := _INSTANCE.search(text)):
            self.instance = found[1]
        if not self.zone and len(text) < 120 and (found := _UTC.search(text)) and found.end() == len(text):
            self.zone = f"{found[1] or '+'}{int(found[2]):02d}:{found[3]}"
        if not self.version and (found := _VERSION_LINE.search(text)):
            self.version = found[0].strip()

    @property
    def provider(self) -> str:
        default = not self.instance or self.instance.upper() == "MSSQLSERVER"
        return "MSSQLSERVER" if default else f"MSSQL${self.instance}"


def recognise(head: bytes, name: str) -> int:
    """3 for records of the server's own sources, 2 for such a file of other sources, 1 for one without times, or for
    records within what a PowerShell session printed."""
    text, _ = decode(head)
    if found := _SURE.search(text):
        return 1 if powershell.is_session(text[: found.start()].encode()) else 3
    if "errorlog" not in name:
        return 0
    readable = sum(character.isprintable() or character in "\r\n\t" for character in text) >= 0.9 * len(text)
    return 2 if _ANY.search(text) else int(readable)


def read(opened: Opened) -> Iterator[Reading]:
    """Events with time_local, lines that belong to no record as losses, and what the file says about its server."""
    about = _about(opened)
    yield Fact(computer=about.node or about.computer, zone=about.zone, note=about.version)
    batch: list[_Record] = []
    for item in _paired(_records(opened)):
        if isinstance(item, _Record):
            batch.append(item)
        if batch and (len(batch) >= _BATCH or not isinstance(item, _Record)):
            yield _rows(batch, about.provider)
            batch = []
        if not isinstance(item, _Record):
            yield item
    if batch:
        yield _rows(batch, about.provider)
    if not about.instance:
        yield Fact(note="the file does not name its instance: taken for the default instance MSSQLSERVER")


def _about(opened: Opened) -> _About:
    about = _About()
    for line in lines(opened.file, opened.culture):
        found = _RECORD.match(line.text)
        about.take((found[3] or "") if found else line.text[:2000])
        if line.number >= _ABOUT_LINES:
            break
    if not about.instance and (found := _FOLDER_NAME.search(opened.name)):
        about.instance = found[1].upper()
    return about


def _records(opened: Opened) -> Iterator[_Record | Lost | Fact]:
    """Records with their continuation lines joined; lines that belong to none as losses, neighbours in one."""
    width = _width(opened)
    current: _Record | None = None
    lost: Lost | None = None
    for line in lines(opened.file, opened.culture):
        for piece in _pieces(line, width):
            made = _record(piece)
            if made is None and current and _continues(piece.text) and not is_around(piece.text):
                current.text = f"{current.text}\n{piece.text}"[:_LONGEST]
                continue
            if made is None and (not piece.text.strip() or is_around(piece.text)):
                continue
            if current:
                yield current
            current = made if isinstance(made, _Record) else None
            if lost and current:
                yield lost
            lost = None if current else _with_line(lost, piece, made if isinstance(made, str) else None)
        if line.cut:
            lost = _with_line(lost, line, f"{line.cut} bytes of a line of {line.cut + len(line.text)} were left out", 0)
    yield from (item for item in (current, lost) if item)
    if note := _end_note(opened, width == "utf-16-le"):
        yield note


def _width(opened: Opened) -> str:
    opened.file.seek(0)
    head = opened.file.read(HEAD)
    name, _ = encoding_of(head)
    return single_bytes(head, opened.culture) if name == "ansi" else name


def _pieces(line: Line, encoding: str) -> Iterator[Line]:
    """The line, or its parts where several records stand on it."""
    texts = _SECOND.split(line.text)
    if len(texts) == 1:
        yield line
        return
    offset = line.offset
    for text in texts:
        yield Line(line.number, offset, text)
        offset += len(text.encode(encoding, "replace"))


def _record(piece: Line) -> _Record | str | None:
    """A record, the reason why the line cannot be one, or None for a line without a time."""
    found = _RECORD.fullmatch(piece.text)
    if not found:
        return "begins with a damaged time" if _DAMAGED_TIME.match(piece.text) else None
    try:
        time = datetime.fromisoformat(found[1])
    except ValueError:
        return f"{found[1]} is no time"
    text = found[3] or ""
    return _Record(piece.number, piece.offset, time, found[1], found[2], text, numbers_of(text))


def _continues(text: str) -> bool:
    """Text that a person wrote, not a run of zero bytes or other rubbish."""
    strange = sum(not character.isprintable() and character != "\t" for character in text)
    return strange * 10 <= len(text) and text.count("\ufffd") * 10 <= len(text)


def _with_line(lost: Lost | None, line: Line, reason: str | None, count: int = 1) -> Lost:
    if lost:
        return Lost((lost.count or 0) + count, lost.reason, lost.first_id, line.number, lost.offset)
    if not reason:
        reason = "belongs to no record: it has no time"
        if not line.text.strip("\0\ufffd"):
            reason = f"{len(line.text)} zero characters in the place of text"
    return Lost(count, reason, line.number, line.number, line.offset)


def _end_note(opened: Opened, wide: bool) -> Fact | None:
    if wide and opened.size % 2:
        return Fact(partial=True, note="ends inside a character: the file is cut")
    width = 2 if wide else 1
    opened.file.seek(max(0, opened.size - width))
    if b"\n" not in opened.file.read(width):
        return Fact(note="the last line has no end: cut, or copied while it was written")
    return None


def _paired(items: Iterator[_Record | Lost | Fact]) -> Iterator[_Record | Lost | Fact]:
    """The numbers of an error joined with its text: the next record of the same source."""
    waiting: dict[str, tuple[_Record, int]] = {}
    for number, item in enumerate(items):
        if isinstance(item, _Record) and item.error:
            if earlier := waiting.pop(item.source, None):
                yield earlier[0]
            waiting[item.source] = (item, number)
        elif isinstance(item, _Record) and item.source in waiting:
            yield _joined(waiting.pop(item.source)[0], item)
        else:
            yield item
        for source in [source for source, (_, since) in waiting.items() if number - since > _WAITS]:
            yield waiting.pop(source)[0]
    yield from (record for record, _ in waiting.values())


def _joined(numbers: _Record, text: _Record) -> _Record:
    return _Record(numbers.line, numbers.offset, numbers.time, numbers.raw, numbers.source, text.text, numbers.error)


def _rows(batch: list[_Record], provider: str) -> Rows:
    """Rows in the order of the lines, with the numbers of an error at its first line."""
    batch.sort(key=lambda record: (record.line, record.offset))
    columns: dict[str, Any] = {
        "record_id": pa.array([record.line for record in batch], pa.int64()),
        "offset": pa.array([record.offset for record in batch], pa.int64()),
        "time_local": pa.array([record.time for record in batch], pa.timestamp("us")),
        "time_raw": pa.array([record.raw for record in batch], pa.string()),
        "precision_s": pa.array([10.0 ** -(len(record.raw) - 20) for record in batch], pa.float64()),
        "channel": pa.array(["ERRORLOG"] * len(batch)),
        "provider": pa.array([provider] * len(batch)),
        "event_id": pa.array([record.error[0] if record.error else None for record in batch], pa.int64()),
        "level": pa.array([_level(record) for record in batch], pa.int64()),
        "data": pa.array([_data(record.source, record.error) for record in batch], pa.string()),
        "message": pa.array([_plain(record.text) for record in batch], pa.string()),
    }
    return Rows("events", pa.table(columns))


def _level(record: _Record) -> int | None:
    """The level of an error; lines without numbers stay unknown."""
    return None if record.error is None else level(record.error[1])


@lru_cache(4096)
def _data(source: str, error: tuple[int, int, int] | None) -> str:
    said: dict[str, Any] = {"source": _plain(source)}
    if error:
        said |= {"severity": error[1], "state": error[2]}
    return json.dumps(said, ensure_ascii=False)


def _plain(text: str) -> str:
    """Text that UTF-8 can hold, without blanks and zero characters at its end."""
    return text.rstrip(" \t\r\n\0").encode("utf-8", "replace").decode("utf-8")
