"""A log as batches of chunks: records, losses and the account of each chunk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import format as layout
from kit.evtx import scalar, values, walk
from kit.evtx.binxml import Chunk
from kit.evtx.view import View

BATCH_CHUNKS = 256


@dataclass(slots=True)
class Loss:
    """Records that were found or promised and could not be read; `found` tells which."""

    count: int | None
    reason: str
    first_id: int | None
    last_id: int | None
    offset: int
    found: bool


@dataclass(slots=True)
class Batch:
    """The records of some chunks."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    chunks: list[dict[str, Any]] = field(default_factory=list)

    def events(self) -> pa.Table:
        """The records with the columns of the kit's table `events`."""
        return pa.Table.from_pylist(self.rows, schema=EVENTS)


EVENTS = pa.schema(
    {
        "record_id": pa.int64(), "offset": pa.int64(), "time_utc": pa.timestamp("us", "UTC"), "time_raw": pa.string(),
        "precision_s": pa.float64(), "computer": pa.string(), "channel": pa.string(), "provider": pa.string(),
        "event_id": pa.int64(), "version": pa.int64(), "level": pa.int64(), "task": pa.int64(),
        "strings": pa.list_(pa.string()), "data": pa.string(), "message": pa.string(), "integrity": pa.string(),
    }
)  # fmt: skip


def stream(file: BinaryIO) -> Iterator[Batch]:
    """The log in batches, in the order of the file."""
    file.seek(0)
    head = file.read(layout.FILE_HEADER_SIZE)
    if not head.startswith(layout.FILE_MAGIC) and layout.CHUNK_MAGIC not in head:
        pass
    offset = layout.FILE_HEADER_SIZE
    while data := file.read(BATCH_CHUNKS * layout.CHUNK_SIZE):
        chunks = -(-len(data) // layout.CHUNK_SIZE)
        yield _batch(data + bytes(chunks * layout.CHUNK_SIZE - len(data)), chunks, offset)
        offset += len(data)


def _batch(data: bytes, chunks: int, offset: int) -> Batch:
    view = View(data)
    heads = walk.headers(data, chunks)
    free = walk.used(view, heads)
    found = walk.walk(view, free)
    _, data_ok = walk.checksums(data, heads)
    batch = Batch()
    decoders: dict[int, scalar.Decoder] = {}
    for at, size, state, sound in zip(
        found.at.tolist(), found.size.tolist(), found.state.tolist(), found.sound.tolist(), strict=True
    ):
        chunk = at // layout.CHUNK_SIZE
        if chunk not in decoders:
            start = chunk * layout.CHUNK_SIZE
            decoders[chunk] = scalar.Decoder(Chunk(data, start, start + layout.CHUNK_SIZE))
        record_id = int(view.u8[at + 8])
        try:
            decoded = decoders[chunk].decode(at + 24, at + size - 4)
            integrity = "recovered" if state else "damaged" if not sound else "ok" if data_ok[chunk] else "bad_checksum"
            batch.rows.append(_row(decoded, record_id, offset + at, int(view.u8[at + 16]), integrity))
        except Unreadable as error:
            batch.losses.append(Loss(1, str(error), record_id, record_id, offset + at, True))
    for gap in found.gaps:
        batch.losses.append(Loss(None, "no record can be found here", None, None, offset + gap.start, False))
    return batch


def _row(decoded: scalar.Decoded, record_id: int, offset: int, written: int, integrity: str) -> dict[str, Any]:
    row = scalar.system_row(decoded)
    ticks = row.pop("time_created")
    strings: list[str] = []
    data: dict[str, Any] = {}
    if row["event_source_name"]:
        data["EventSourceName"] = row["event_source_name"]
    for datum in decoded.data:
        texts = datum.value[1] if datum.value[0] == values.Kind.TEXTS else [values.text(datum.value)]
        if datum.inserted:
            strings.extend(text or "" for text in texts)
        if datum.named:
            content = texts if datum.value[0] == values.Kind.TEXTS else texts[0]
            if datum.key in data:
                data[datum.key] = [data[datum.key], content]
            else:
                data[datum.key] = content
    return row | {
        "record_id": record_id if record_id < 2**63 else None,
        "offset": offset,
        "time_utc": _us(ticks),
        "precision_s": 1e-7,
        "strings": strings,
        "data": json.dumps(data, ensure_ascii=False) if data else None,
        "message": decoded.message,
        "integrity": integrity,
    }


def _us(ticks: int | None) -> int | None:
    if ticks is None or not layout.FIRST_TICKS <= ticks <= layout.LAST_TICKS:
        return None
    return (ticks - layout.EPOCH_TICKS) // 10


