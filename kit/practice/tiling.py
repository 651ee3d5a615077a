"""Large logs for measurements: chunks made once and repeated with new record numbers, times and checksums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from kit.practice.evtx_writer import CHUNK, Chunk, Event, file_header, sign

MOST_CHUNKS = 65_535


def chunks_of(events: Iterable[Event], first_id: int = 1) -> list[Chunk]:
    """The events as chunks, none of them finished."""
    chunks = [Chunk()]
    for number, event in enumerate(events, first_id):
        if not chunks[-1].add(event, number):
            chunks.append(Chunk())
            if not chunks[-1].add(event, number):
                raise ValueError(f"{event.provider} {event.event_id}: larger than a chunk")
    return chunks


def tile(path: str | Path, events: Sequence[Event], size: int, step_s: float | None = None) -> int:
    """The number of records of a log of about `size` bytes made of `events` again and again.

    Record numbers run on; each repetition is later by `step_s` (default: the span of the events plus one second).
    At most 65,535 chunks, 4 GiB, which is what the file header can count.
    """
    if any(event.forwarded for event in events):
        raise ValueError("forwarded records hold their number as text and cannot be tiled")
    originals = chunks_of(events)
    span = (events[-1].time - events[0].time).total_seconds() + 1 if step_s is None else step_s
    count = min(max(size // CHUNK, 1), MOST_CHUNKS)
    tiles = [_Tile(chunk) for chunk in originals]
    records = 0
    with Path(path).open("wb") as file:
        file.write(file_header(count, 1))
        for number in range(count):
            turn, place = divmod(number, len(tiles))
            file.write(tiles[place].turned(turn * len(events), round(turn * span * 10_000_000)))
            records += len(originals[place].ids)
        file.seek(0)
        file.write(file_header(count, records + 1))
    return records


class _Tile:
    """A finished chunk that can be written again with shifted numbers and times."""

    def __init__(self, chunk: Chunk) -> None:
        self.bytes = np.frombuffer(bytes(chunk.finished()), dtype=np.uint8)
        self.first, self.last = chunk.ids[0], chunk.ids[-1]
        self.id_places = _places(chunk.id_places)
        self.time_places = _places(chunk.time_places)

    def turned(self, by: int, ticks: int) -> bytearray:
        copy = self.bytes.copy()
        for places, shift in ((self.id_places, by), (self.time_places, ticks)):
            values = copy[places].view("<u8") + np.uint64(shift)
            copy[places] = values.view(np.uint8).reshape(places.shape)
        ends = np.array([self.first + by, self.last + by] * 2, dtype="<u8")
        copy[8:40] = ends.view(np.uint8)
        made = bytearray(copy.tobytes())
        sign(made)
        return made


def _places(starts: Sequence[int]) -> np.ndarray:
    return np.asarray(starts)[:, None] + np.arange(8)
