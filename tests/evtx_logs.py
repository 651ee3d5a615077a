"""Small event logs for tests, made by the practice writer, and the means to damage them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from kit.evtx import Log
from kit.evtx.registry import Registry
from kit.practice import binxml
from kit.practice.evtx_writer import CHUNK, FILE_HEAD, Event, UserData, write_evtx

START = datetime(2014, 5, 18, 10, 0, 0, 250_000, tzinfo=UTC)
GUID = "A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D"


def classic(number, **changes):
    """An event of the old interface: unnamed strings (one of them empty) and binary data."""
    made = Event(
        "MSSQLSERVER", 18210, START + timedelta(seconds=number), "Application", "SQLVM", 2,
        strings=("SendFileInfoBegin", "", f"995({number})"), binary=b"\x22\x47", qualifiers=49_152, task=2,
    )  # fmt: skip
    return replace(made, **changes)


def manifest(number, **changes):
    """An event of a manifest provider: named values of several types."""
    data = (("MajorVersion", 6), ("BootMode", binxml.u8(0)), ("StartTime", START), ("Text", f"n{number}"))
    made = Event(
        "Microsoft-Windows-Kernel-General", 12, START + timedelta(seconds=number), "System", "SQLVM", data=data,
        provider_guid=GUID, user_sid="S-1-5-18", process_id=4, thread_id=8,
    )  # fmt: skip
    return replace(made, **changes)


def host(number, **changes):
    """An event with its own element in UserData, as Hyper-V writes them."""
    fields = (("VmName", "SQLVM"), ("VmId", "4C2F0A11"), ("ErrorCode", binxml.hex32(0x800423F4)))
    made = Event(
        "Microsoft-Windows-Hyper-V-VMMS", 18304, START + timedelta(seconds=number),
        "Microsoft-Windows-Hyper-V-VMMS-Admin", "HV-PRIMARY", 2, user_data=UserData("VmlEventLog", "urn:v", fields),
        provider_guid="6066f867-7ca1-4418-85fd-36e3f9c0600c",
    )  # fmt: skip
    return replace(made, **changes)


def collected(number, **changes):
    """An event as an event collector writes it: no template, rendered message beside the values."""
    made = classic(number, channel="ForwardedEvents", message=f"Backup {number} failed.", forwarded=True)
    return replace(made, **changes)


def mixed(count):
    """Events of all forms in turn."""
    return [(classic, manifest, host, collected)[number % 4](number) for number in range(count)]


def log_of(tmp_path, events, **options):
    """The bytes of a log of these events."""
    path = tmp_path / "made.evtx"
    write_evtx(path, events, **options)
    return path.read_bytes()


def spread(make, chunks, each=3):
    """Events that fill so many chunks with a few records each."""
    numbers = range(chunks * each)
    return [make(number, new_chunk=number > 0 and number % each == 0) for number in numbers]


def chunk(number):
    """Where a chunk begins in a file."""
    return FILE_HEAD + number * CHUNK


def records(data, number):
    """Position and size of each record of a chunk."""
    found, at = [], chunk(number) + 512
    while data[at : at + 4] == b"**\0\0":
        size = struct.unpack_from("<I", data, at + 4)[0]
        found.append((at, size))
        at += size
    return found


def signed(data):
    """The log with right checksums in all its chunks."""
    made = bytearray(data)
    for start in range(FILE_HEAD, len(made) - CHUNK + 1, CHUNK):
        free = struct.unpack_from("<I", made, start + 48)[0]
        struct.pack_into("<I", made, start + 52, zlib.crc32(made[start + 512 : start + free]))
        head = zlib.crc32(made[start + 128 : start + 512], zlib.crc32(made[start : start + 120]))
        struct.pack_into("<I", made, start + 124, head)
    return bytes(made)


class Read:
    """A log read to its end: events (pyarrow), account and losses."""

    def __init__(self, data, **options):
        self.log = Log(io.BytesIO(data), registry=options.pop("registry", None) or Registry(), **options)
        self.batches = list(self.log.batches())
        tables = [batch.events() for batch in self.batches]
        for table in tables:
            table.validate(full=True)
        self.rows = pa.concat_tables(tables).to_pylist() if tables else []
        self.account = self.log.account.table().to_pylist()
        self.losses = self.log.losses

    def column(self, name):
        """A column of the events."""
        return [row[name] for row in self.rows]

    def total(self, name):
        """The sum of a column of the account."""
        return sum(row[name] or 0 for row in self.account)

    def balanced(self):
        """Whether every record that was found is a row or a listed loss."""
        found = sum(loss.count for loss in self.losses if loss.found)
        return len(self.rows) == self.total("decoded") and self.total("seen") == len(self.rows) + found
