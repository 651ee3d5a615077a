"""What an analyst should know about a log before trusting it, as short sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from kit.evtx.log import Log

_MOST_RUNS = 3


def notes(log: Log) -> list[str]:
    """Sentences about a log that was read to its end: its header, its chunks, recovered records, missing numbers."""
    return [*_of_header(log), *_of_chunks(log), *_of_numbers(log)]


def _of_header(log: Log) -> Iterator[str]:
    head = log.head
    chunks = sum(state in ("ok", "damaged", "cut") for state in log.account.states)
    if not head.present:
        yield "the header of the file is missing or damaged; the chunks were read without it"
        return
    if head.dirty:
        yield "the log was not closed (copied while in use, or after a crash)"
    if not head.sound and not head.without_checksums:
        yield "the checksum of the file's header is wrong"
    if head.chunks != chunks:
        yield f"the header of the file counts {head.chunks} chunks, {chunks} were found"
    if head.without_checksums:
        yield "the writer kept no checksums"


def _of_chunks(log: Log) -> Iterator[str]:
    table = log.account.table()
    for state, text in (
        ("no_chunk", "places of 64 KiB hold no chunk"),
        ("damaged", "chunks with a damaged beginning"),
        ("cut", "chunk is cut off by the end of the file"),
    ):
        if number := log.account.states.count(state):
            yield f"{number} {text}"
    for column, text in (
        ("slack", "records recovered from free space, left over from earlier use"),
        ("remnants", "remnants in free space that cannot be read any more"),
        ("borrowed", "records read with a template from elsewhere because their own is damaged"),
        ("damaged", "records readable only in part"),
    ):
        if number := pc.sum(table[column]).as_py():
            yield f"{number} {text}"


def _of_numbers(log: Log) -> Iterator[str]:
    holes = log.known.holes()
    if holes:
        shown = ", ".join(f"{first} to {last}" if last > first else str(first) for first, last in holes[:_MOST_RUNS])
        more = f" and {len(holes) - _MOST_RUNS} further runs" if len(holes) > _MOST_RUNS else ""
        yield f"record numbers {shown}{more} are missing"
    if repeated := log.known.repeated():
        yield f"{repeated} record numbers stand more than once"
