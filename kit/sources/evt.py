"""Legacy event logs (.evt) of Windows 2000, XP and Server 2003.

    file header   48 bytes: size, `LfLe`, 1, 1, first offset, end offset, next number, oldest number, size, flags ...
    record        size, `LfLe`, number, time generated, time written, id, type, strings, category ... source,
                  computer, user SID, strings, data, size once more
    end record    40 bytes: 0x11111111 .. 0x44444444, begin offset, end offset, next number, oldest number

A wrapped log goes on behind the header; in a dirty one only the end record tells where it ends. Records outside that
range are remains of earlier rounds: kept and flagged as recovered. Times are seconds in UTC. The log's name is not in
the file. Every record is found by its signature, so a destroyed header costs nothing. The layout is that of
EVENTLOGRECORD, EVENTLOGHEADER and EVENTLOGEOF.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from kit.sources._build import Made, batches
from kit.sources._levels import ENTRY_TYPE
from kit.sources.seam import Fact, Lost, Opened, Reading

NAME = "evt"
VERSION = "1"
BINARY = True
TABLES = ("events",)

SIGNATURE = b"LfLe"
_HEADER = struct.Struct("<12I")
_RECORD = struct.Struct("<IIIIIIHHHHIIIIII")
_END_MARK = struct.pack("<4I", 0x11111111, 0x22222222, 0x33333333, 0x44444444)
_END = struct.Struct("<4I")
_BLOCK, _LONGEST = 1 << 22, 1 << 18
_DIRTY, _WRAPPED = 1, 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANNELS = (("sys", "System"), ("app", "Application"), ("sec", "Security"))
_SYSTEM_SOURCES = {"eventlog", "service control manager", "save dump", "user32"}
_MOST_BINARY = 4096


@dataclass(frozen=True)
class _Frame:
    """Which part of the file is the log: offsets of its oldest record and of its end, and its record numbers."""

    begin: int
    end: int
    oldest: int
    following: int
    certain: bool
    flags: int

    def holds(self, offset: int) -> bool:
        """Whether a record at this offset belongs to the log's present round."""
        if self.begin <= self.end:
            return self.begin <= offset < self.end
        return offset >= self.begin or offset < self.end


def recognise(head: bytes, name: str) -> int:
    """3 for the file header, 2 for records whose sizes fit without it."""
    if head[4:8] == SIGNATURE and head[:4] == b"\x30\x00\x00\x00":
        return 3
    return 2 if sum(_fits(head, found.start() - 4) for found in re.finditer(SIGNATURE, head)) >= 2 else 0


def _fits(raw: bytes, offset: int) -> bool:
    """Whether a record begins here: its size stands at both of its ends."""
    if offset < 0 or offset + 4 > len(raw):
        return False
    (size,) = struct.unpack_from("<I", raw, offset)
    return 56 <= size <= _LONGEST and raw[offset + size - 4 : offset + size] == raw[offset : offset + 4]


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, broken records as losses, and what header and end record say."""
    offsets, ends = _places(opened.file)
    frame = _frame(opened.file, opened.size, ends)
    if frame:
        flags = [word for bit, word in ((_DIRTY, "dirty"), (_WRAPPED, "wrapped")) if frame.flags & bit]
        yield Fact(
            declared=max(0, frame.following - frame.oldest) if frame.certain else None,
            note=f"the log is {' and '.join(flags)}" if flags else None,
        )
    else:
        yield Fact(note="neither header nor end record tell what belongs to the log: every record found is kept")
    yield from batches(_made(opened, offsets, frame))


def _places(file: BinaryIO) -> tuple[list[int], list[int]]:
    """Offsets of everything that carries the signature of a record, and of end records."""
    records: list[int] = []
    ends: list[int] = []
    file.seek(0)
    base, raw = 0, b""
    while block := file.read(_BLOCK):
        raw += block
        records += [base + found.start() - 4 for found in re.finditer(SIGNATURE, raw) if base + found.start() > 4]
        ends += [base + found.start() - 4 for found in re.finditer(re.escape(_END_MARK), raw)]
        keep = min(len(raw), len(_END_MARK) - 1)
        base, raw = base + len(raw) - keep, raw[len(raw) - keep :]
    return sorted({offset for offset in records if offset % 4 == 0}), sorted(set(ends))


def _frame(file: BinaryIO, size: int, ends: list[int]) -> _Frame | None:
    file.seek(0)
    raw = file.read(_HEADER.size)
    header = _HEADER.unpack(raw) if len(raw) == _HEADER.size and raw[4:8] == SIGNATURE else None
    flags = header[9] if header else 0
    for offset in ends:
        file.seek(offset + 4 + len(_END_MARK))
        rest = file.read(_END.size)
        if len(rest) == _END.size:
            begin, end, following, oldest = _END.unpack(rest)
            if end == offset and begin < size:
                return _Frame(begin, end, oldest, following, True, flags)
    if header and header[4] < size:
        return _Frame(header[4], header[5], header[7], header[6], not flags & _DIRTY, flags)
    return None


def _made(opened: Opened, offsets: list[int], frame: _Frame | None) -> Iterator[Made | Lost | Fact]:
    channel = _channel_of_name(opened.name) or _channel_of_sources(opened, offsets)
    recovered = remains = copies = 0
    kept: set[tuple[int, int, int]] = set()
    inside = [offset for offset in offsets if frame is None or frame.holds(offset)]
    outside = [offset for offset in offsets if frame is not None and not frame.holds(offset)]
    for offset in inside + outside:
        live = frame is None or frame.holds(offset)
        raw = _raw(opened, offset)
        row = _row(raw) if raw else None
        if row is None:
            remains += not live
            if live:
                yield Lost(1, f"record at offset {offset}: its sizes do not fit", offset=offset)
            continue
        identity = (row["record_id"], hash(row["time_utc"]), hash(raw))
        if not live and identity in kept:
            copies += 1
            continue
        kept.add(identity)
        recovered += not live
        yield (
            "events",
            row
            | {
                "offset": offset,
                "channel": channel,
                "integrity": "ok" if live else "recovered",
            },
        )
    yield Fact(recovered=recovered, note=_remains_note(recovered, copies, remains))


def _remains_note(recovered: int, copies: int, remains: int) -> str | None:
    parts = [
        f"{recovered} older records recovered from behind the end of the log" if recovered else "",
        f"{copies} old copies of records that are there anyway" if copies else "",
        f"{remains} remains of overwritten records" if remains else "",
    ]
    return ", ".join(part for part in parts if part) or None


def _raw(opened: Opened, offset: int) -> bytes | None:
    """The bytes of a record, continued behind the file header where the log wraps; None when its sizes do not fit."""
    opened.file.seek(offset)
    first = opened.file.read(4)
    size = int.from_bytes(first, "little")
    if not _RECORD.size <= size <= _LONGEST:
        return None
    raw = first + opened.file.read(size - 4)
    if len(raw) < size:
        opened.file.seek(_HEADER.size)
        raw += opened.file.read(size - len(raw))
    return raw if len(raw) == size and raw[-4:] == first else None


def _row(raw: bytes) -> dict[str, Any] | None:
    """The row of one record; None where its offsets point outside of it."""
    (_, _, number, generated, _, event_id, kind, strings, category, _, _, at, sid_size, sid_at, data_size, data_at) = (
        _RECORD.unpack_from(raw)
    )
    if at > len(raw) or sid_at + sid_size > len(raw) or data_at + data_size > len(raw):
        return None
    texts = _texts(raw, at, strings)
    names = _texts(raw, _RECORD.size, 2)
    if len(names) < 2 or len(texts) < strings:
        return None
    time = _EPOCH + timedelta(seconds=generated)
    return {
        "record_id": number,
        "time_utc": time if generated else None,
        "time_raw": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "precision_s": 1.0,
        "computer": names[1] or None,
        "provider": names[0] or None,
        "event_id": event_id & 0xFFFF,
        "level": ENTRY_TYPE.get(kind, 4 if kind == 0 else None),
        "task": category,
        "strings": texts,
        "data": _data(raw[sid_at : sid_at + sid_size], raw[data_at : data_at + data_size]),
    }


def _texts(raw: bytes, at: int, count: int) -> list[str]:
    """So many texts in UTF-16, each ended by a zero."""
    found: list[str] = []
    while len(found) < count:
        end = at
        while (end := raw.find(b"\0\0", end)) >= 0 and (end - at) % 2:
            end += 1
        if end < 0:
            break
        found.append(raw[at:end].decode("utf-16-le", "replace"))
        at = end + 2
    return found


def _data(sid: bytes, binary: bytes) -> str | None:
    named: dict[str, str] = {}
    if text := _sid(sid):
        named["UserSid"] = text
    if binary:
        named["Binary"] = binary[:_MOST_BINARY].hex().upper()
    return json.dumps(named) if named else None


def _sid(raw: bytes) -> str | None:
    if len(raw) < 8 or len(raw) < 8 + 4 * raw[1]:
        return None
    authority = int.from_bytes(raw[2:8], "big")
    parts = struct.unpack_from(f"<{raw[1]}I", raw, 8)
    return "-".join(["S", str(raw[0]), str(authority), *map(str, parts)])


def _channel_of_name(name: str) -> str | None:
    return next((channel for begin, channel in _CHANNELS if name.startswith(begin)), None)


def _channel_of_sources(opened: Opened, offsets: list[int]) -> str | None:
    """System where one of the first records comes from a source that writes nowhere else; else unknown."""
    for offset in offsets[:200]:
        raw = _raw(opened, offset)
        row = _row(raw) if raw else None
        if row and (row["provider"] or "").casefold() in _SYSTEM_SOURCES:
            return "System"
    return None
