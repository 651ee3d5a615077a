"""Asks python-evtx, in a process of its own, chunk by chunk, within a time.

Each chunk is cut out and handed over by itself, so that a wrong header of the file costs nothing. The process is ended
when it does not answer, because on damaged records python-evtx may not come to an end.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 0x10000
_FIRST_CHUNK = 4096
_MAGIC = b"ElfChnk\0"
_RECORD = struct.Struct("<IIq")  # magic, size, number (signed, as in the table `events`)
_RECORD_MAGIC = 0x2A2A
_CONTENT = 28  # where the first token stands, after the heads of record and fragment
_TEMPLATE = b"\x0c"  # the token of a template instance
_LONGEST_RECORD_S = 10.0  # after which a record counts as one that python-evtx cannot finish
NO_RECORD = "no record begins at this offset"
STUCK, DIED = "does not come to an end", "the process of python-evtx ended without an answer"


@contextlib.contextmanager
def opened(path: Any) -> Iterator[BinaryIO]:
    if isinstance(path, (str, os.PathLike)):
        with Path(path).open("rb") as file:
            yield file
    else:
        yield BytesIO(path) if isinstance(path, bytes) else path


def asked(path: Any, offsets: Iterable[int], seconds: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """Offset and reading of each record, until the time is over."""
    until = time.monotonic() + seconds
    with opened(path) as file, _lent() as reader:
        for start, chunk, inside in _by_chunk(file, offsets):
            if time.monotonic() >= until:
                return
            heads = {offset: _head(chunk, offset - start) for offset in inside}
            whole = [offset for offset in inside if "error" not in heads[offset]]
            yield from ((offset, heads[offset]) for offset in inside if "error" in heads[offset])
            for offset, reading in _answers(reader, start, chunk, whole, until):
                yield offset, reading | heads[offset]


_IDLE: list[_Process] = []
_warm = False


def stay_warm() -> None:
    """From now on a process that answered everything waits for the next file: for programs that judge many cases."""
    global _warm
    _warm = True


@contextlib.contextmanager
def _lent() -> Iterator[_Process]:
    """A process to ask; it is ended afterwards unless it may wait for the next file."""
    reader = _IDLE.pop() if _IDLE else _Process()
    try:
        yield reader
    finally:
        if _warm and reader.alive and not reader.waiting:
            _IDLE.append(reader)
        else:
            reader.close()


@atexit.register
def end() -> None:
    """Ends the process that waits, if there is one."""
    while _IDLE:
        _IDLE.pop().close()


def _head(chunk: bytes, at: int) -> dict[str, Any]:
    """The record number at this place of the chunk, and an error where its mark is not that of a record."""
    if not 0 <= at <= len(chunk) - _RECORD.size:
        return {"error": NO_RECORD}
    magic, _, number = _RECORD.unpack_from(chunk, at)
    found: dict[str, Any] = {"record_id": number}
    if magic != _RECORD_MAGIC:
        found["error"] = NO_RECORD
    elif chunk[at + _CONTENT : at + _CONTENT + 1] != _TEMPLATE:
        found["template"] = False
    return found


def _answers(
    reader: _Process, start: int, chunk: bytes, inside: list[int], until: float
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Readings of records of one chunk; after one that does not answer, the process begins anew with the next."""
    while inside and time.monotonic() < until:
        reader.ask(chunk, [offset - start for offset in inside])
        while inside:
            reading = reader.answer(min(_LONGEST_RECORD_S, until - time.monotonic()))
            if reading is None and time.monotonic() >= until:
                return
            yield inside[0], reading or {"error": STUCK if reader.hung else DIED}
            inside = inside[1:]
            if not reader.alive:
                break


def _by_chunk(file: BinaryIO, offsets: Iterable[int]) -> Iterator[tuple[int, bytes, list[int]]]:
    """Start, content and wanted offsets of each chunk, in the order in which the chunks are first wanted."""
    chunks: dict[int, list[int]] = {}
    for offset in offsets:
        chunks.setdefault(_chunk_start(file, offset), []).append(offset)
    for start, inside in chunks.items():
        file.seek(start)
        yield start, file.read(CHUNK), inside


def _chunk_start(file: BinaryIO, offset: int) -> int:
    """Where the chunk of a record begins: on the grid of 64 KiB, or where its magic stands."""
    grid = offset - (offset - _FIRST_CHUNK) % CHUNK
    file.seek(grid)
    if file.read(len(_MAGIC)) == _MAGIC:
        return grid
    first = max(offset - CHUNK, 0)
    file.seek(first)
    at = file.read(offset - first).rfind(_MAGIC)
    return first + at if at >= 0 else grid


class _Process:
    """python-evtx in a process of its own; it is ended when it does not answer, and begun anew for the next chunk."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes] = queue.Queue()
        self.hung = False  # whether it was ended because it did not answer in time
        self.waiting = 0  # answers that are still to come

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process is not None

    def ask(self, chunk: bytes, offsets: list[int]) -> None:
        """Sends a chunk and the records wanted of it."""
        if self._process is None:
            self._begin()
        assert self._process is not None and self._process.stdin is not None
        self.waiting += len(offsets)
        request = json.dumps({"size": len(chunk), "records": offsets}).encode() + b"\n"
        with contextlib.suppress(OSError):  # a process that died gives no answer
            self._process.stdin.write(request + chunk)
            self._process.stdin.flush()

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """The next reading; None when none comes in time, after which the process is ended."""
        self.hung = False
        try:
            found: dict[str, Any] = json.loads(self._lines.get(timeout=max(seconds, 0.001)))
            self.waiting -= 1
            return found
        except queue.Empty:
            self.hung = True
        except ValueError:  # the empty line: it ended by itself
            pass
        self.close()
        return None

    def _begin(self) -> None:
        command = [sys.executable, "-m", "kit.referee.reader"]
        folder = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip
        self._lines = queue.Queue()
        threading.Thread(target=_drain, args=(self._process, self._lines), daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._process, self.waiting = None, 0


def _drain(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Moves answers from the pipe into a queue; an empty line says that there are no more."""
    with contextlib.suppress(OSError, ValueError):
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
    lines.put(b"")
