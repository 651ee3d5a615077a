"""Windows event logs (.evtx), from Windows Vista and Server 2008 on."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from kit.evtx.log import Log
from kit.evtx.notes import notes
from kit.evtx.store import Templates
from kit.sources.seam import Fact, Lost, Opened, Reading, Rows

NAME = "evtx"
VERSION = "3"
BINARY = True
TABLES = ("events",)


def recognise(head: bytes, name: str) -> int:
    """3 for the magic of the file, 2 for a chunk where the first one must stand, 1 for the name."""
    if head.startswith(b"ElfFile\x00"):
        return 3
    if head[4096:4104] == b"ElfChnk\x00" or head.startswith(b"ElfChnk\x00"):
        return 2
    return 1 if name.endswith(".evtx") else 0


def read(opened: Opened) -> Iterator[Reading]:
    """The records as rows of `events`, what was lost, and what the log says about itself.

    Compiled templates are kept in `opened.options["template_cache"]` (a folder) when it is given.
    """
    templates = Templates(opened.options.get("template_cache"))
    log = Log(opened.file, registry=templates.registry, progress=opened.options.get("progress"))
    for batch in log.batches():
        if len(batch):
            yield Rows("events", batch.events())
    templates.keep()
    for loss in log.losses:
        yield Lost(loss.count, loss.reason, loss.first_id, loss.last_id, loss.offset, loss.found)
    yield _fact(log)


def _fact(log: Log) -> Fact:
    account = log.account.table()
    computer = log.computers.most_common(1)
    return Fact(
        declared=pc.sum(account["declared"]).as_py() or 0,
        recovered=pc.sum(account["recovered"]).as_py() or 0,
        gaps=sum(last - first + 1 for first, last in log.known.holes()),
        bad_checksums=pc.sum(pc.equal(account["crc_ok"], False)).as_py() or 0,
        computer=computer[0][0] if computer else None,
        partial=any(not loss.found for loss in log.losses),
        note="; ".join(notes(log)) or None,
    )
