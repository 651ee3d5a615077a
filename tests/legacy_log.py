"""A writer of legacy event logs (.evt), after the layout of EVENTLOGRECORD, EVENTLOGHEADER and EVENTLOGEOF."""

import struct

HEADER = 48
SID = bytes([1, 2, 0, 0, 0, 0, 0, 5]) + struct.pack("<2I", 32, 544)  # S-1-5-32-544


def record(number, time, event_id=6005, kind=4, source="EventLog", computer="SQL01", strings=(), data=b"", sid=b""):
    """The bytes of one record; its size is a multiple of four and stands at both ends."""
    names = f"{source}\0{computer}\0".encode("utf-16-le")
    sid_at = 56 + len(names)
    texts_at = sid_at + len(sid)
    texts = "".join(f"{text}\0" for text in strings).encode("utf-16-le")
    data_at = texts_at + len(texts)
    size = data_at + len(data) + 4
    padding = -size % 4
    size += padding
    head = struct.pack("<I4sIIIIHHHHI", size, b"LfLe", number, time, time, event_id, kind, len(strings), 0, 0, 0)
    head += struct.pack("<5I", texts_at, len(sid), sid_at, len(data), data_at)
    return head + names + sid + texts + data + b"\0" * padding + struct.pack("<I", size)


def end_record(begin, end, following, oldest):
    """The record that marks the end of the log."""
    marks = (0x11111111, 0x22222222, 0x33333333, 0x44444444)
    return struct.pack("<10I", 40, *marks, begin, end, following, oldest, 40)


def header(begin, end, following, oldest, size, flags=0):
    """The header of the file."""
    return struct.pack("<I4s10I", HEADER, b"LfLe", 1, 1, begin, end, following, oldest, size, flags, 0, HEADER)


def plain(records, first=1, flags=0):
    """A log that has not wrapped."""
    body = b"".join(records)
    end, following = HEADER + len(body), first + len(records)
    return header(HEADER, end, following, first, end + 40, flags) + body + end_record(HEADER, end, following, first)


def wrapped(older, newer, remains=b"", oldest=1, count=None):
    """A dirty log whose newest records stand behind the header, then the end, remains, and the oldest records.

    The header was never brought up to date: it still says what was true before the log wrapped.
    """
    front = b"".join(newer)
    end = HEADER + len(front)
    begin = end + 40 + len(remains)
    following = oldest + (count or len(older) + len(newer))
    body = front + end_record(begin, end, following, oldest) + remains + b"".join(older)
    return header(HEADER, HEADER + 8, following - len(newer), oldest, HEADER + len(body), 0b1011) + body
