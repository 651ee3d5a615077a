"""Writes legacy event logs (.evt) of Windows Server 2003 and older: a 48-byte header, records, an end record.

The same events as for .evtx; what the old format has no place for is left out. Times are whole seconds. A log may be
wrapped: the newest records then begin at the start of the ring, and a record may be cut in two at its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from kit.practice import binxml
from kit.practice.binxml import sid
from kit.practice.evtx_writer import Event

SIGNATURE = b"LfLe"
HEAD, END, FIXED = 0x30, 0x28, 0x38
DIRTY, WRAPPED, FULL = 1, 2, 4
TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 0: 4, 5: 4}
FILLER = struct.pack("<I", 0x27)


def record(event: Event, number: int) -> bytes:
    """One record. Level becomes the event type; qualifiers are the upper half of the event identifier."""
    time = round((binxml.ticks(event.time) - binxml.EPOCH_TICKS) // 10_000_000)
    texts = event.strings if event.strings is not None else tuple(str(value) for _, value in event.data or ())
    names = _text(event.provider) + _text(event.computer)
    user = sid(event.user_sid).raw if event.user_sid else b""
    pad = b"\0" * (-(FIXED + len(names)) % 4)
    inserted = b"".join(map(_text, texts))
    blob = event.binary or b""
    sid_at = FIXED + len(names) + len(pad)
    strings_at = sid_at + len(user)
    blob_at = strings_at + len(inserted)
    tail = b"\0" * (-(blob_at + len(blob)) % 4)
    size = blob_at + len(blob) + len(tail) + 4
    identifier = event.qualifiers << 16 | event.event_id
    fixed = struct.pack(
        "<I4sIIIIHHHHIIIIII", size, SIGNATURE, number, time, time, identifier, TYPES[event.level], len(texts),
        event.task, 0, 0, strings_at, len(user), sid_at, len(blob), blob_at,
    )
    return fixed + names + pad + user + inserted + blob + tail + struct.pack("<I", size)


def _text(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass") + b"\0\0"


def write_evt(path: str | Path, events: Iterable[Event], first_id: int = 1, flags: int = 0) -> int:
    """The number of records written to a new log that was never full."""
    records = [record(event, number) for number, event in enumerate(events, first_id)]
    body = b"".join(records)
    next_id = first_id + len(records)
    end = HEAD + len(body)
    oldest = first_id if records else 0
    Path(path).write_bytes(
        _header(HEAD, end, next_id, oldest, end + END, flags) + body + _end(HEAD, end, next_id, oldest)
    )
    return len(records)


def write_wrapped(path: str | Path, events: Iterable[Event], size: int, first_id: int = 1, flags: int = 0) -> int:
    """The number of the oldest record that survived in a ring of `size` bytes; older ones were overwritten."""
    records = [record(event, number) for number, event in enumerate(events, first_id)]
    room = size - HEAD
    ring = bytearray(FILLER * (room // 4))
    starts: dict[int, tuple[int, int]] = {}
    at = 0
    for number, raw in enumerate(records, first_id):
        if room - at < FIXED:  # the fixed part of a record is never cut in two
            ring[at:] = FILLER * ((room - at) // 4)
            at = 0
        span = range(at, at + len(raw))
        for place in span:
            ring[place % room] = raw[place - at]
        starts = {n: s for n, s in starts.items() if not _touches(s, (at, len(raw) + END), room)}
        starts[number] = (at, len(raw))
        at = (at + len(raw)) % room
    oldest = min(starts)
    end = at if room - at >= END else 0
    ring[end : end + END] = _end(HEAD + starts[oldest][0], HEAD + end, first_id + len(records), oldest)
    wrapped = flags | (WRAPPED if oldest > first_id else 0)
    head = _header(HEAD + starts[oldest][0], HEAD + end, first_id + len(records), oldest, size, wrapped)
    Path(path).write_bytes(head + bytes(ring))
    return oldest


def ring_size(events: Iterable[Event], least: int) -> int:
    """The smallest ring from `least` bytes on that ends inside the body of a record, as large logs usually do.

    Where fewer than 56 bytes are left at the end they are filled, and the record begins anew; libevt stops there.
    """
    sizes = [len(record(event, 1)) for event in events]
    size = least + -least % 4
    while not _splits(sizes, size - HEAD):
        size += 4
    return size


def _splits(sizes: Iterable[int], room: int) -> bool:
    at = 0
    for size in sizes:
        if room - at < FIXED:
            return False
        at = (at + size) % room
    return True


def _touches(one: tuple[int, int], other: tuple[int, int], room: int) -> bool:
    ahead = (other[0] - one[0]) % room
    behind = (one[0] - other[0]) % room
    return ahead < one[1] or behind < other[1]


def _header(first: int, end: int, next_id: int, oldest: int, size: int, flags: int) -> bytes:
    return struct.pack("<I4sIIIIIIIIII", HEAD, SIGNATURE, 1, 1, first, end, next_id, oldest, size, flags, 0, HEAD)


def _end(first: int, end: int, next_id: int, oldest: int) -> bytes:
    marks = (0x11111111, 0x22222222, 0x33333333, 0x44444444)
    return struct.pack("<IIIIIIIIII", END, *marks, first, end, next_id, oldest, END)


def whole_second(time: datetime) -> datetime:
    """The time as the old interface stores it."""
    return time.replace(microsecond=0)
