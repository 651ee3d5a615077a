"""Windows event logs (.evtx)."""

from __future__ import annotations

from collections.abc import Iterator

from kit import evtx
from kit.sources.seam import Fact, Lost, Opened, Reading, Rows

NAME = "evtx"
VERSION = "1"
TABLES = ("events",)


def recognise(head: bytes, name: str) -> int:
    """3 for the magic of the file, 2 for a chunk where the first one must stand, 1 for the name."""
    if head.startswith(b"ElfFile\x00"):
        return 3
    if head[4096:4104] == b"ElfChnk\x00" or head.startswith(b"ElfChnk\x00"):
        return 2
    return 1 if name.endswith(".evtx") else 0


def read(opened: Opened) -> Iterator[Reading]:
    """The records as rows of `events`, what was lost, and what the log says about itself."""
    recovered = 0
    for batch in evtx.stream(opened.file):
        events = batch.events()
        recovered += sum(row["integrity"] == "recovered" for row in batch.rows)
        if events.num_rows:
            yield Rows("events", events)
        for loss in batch.losses:
            yield Lost(loss.count, loss.reason, loss.first_id, loss.last_id, loss.offset, loss.found)
    yield Fact(recovered=recovered)
