"""The referee: python-evtx reads cited records again, and every difference is a row.

Two parsers that share no code seldom make the same mistake. python-evtx reads some fifty records a second, so the time
is bounded, and what was read once is kept per source. It runs in a process of its own that is ended when it does not
answer.

Its known errors are told apart from ours:
- it leaves out empty strings of arrays, as classic event sources write them, and begins some of the next ones too late;
- it refuses text that is not well-formed;
- it has no name for values that are not 0 or 1 in a field of truth values;
- it cannot read records without a template (collected by an event collector), with binary XML inside a value that it
  takes for text, or with quotation marks inside an attribute;
- it knows nothing of borrowed templates and of records recovered from slack.
Times are compared to ten microseconds, because it computes them in floating point.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from kit import tables
from kit.times import parse_iso

CHUNK = 0x10000
_FIRST_CHUNK = 4096
_MAGIC = b"ElfChnk\0"
_LONGEST_RECORD_S = 10.0  # after which a record counts as one that python-evtx cannot finish
_TOLERANCE_S = 1e-5
_NUMBERS = ("event_id", "version", "level", "task")
_TERMS = ("provider", "channel", "computer")
_OUTSIDE = ("System/", "RenderingInfo/", "ProcessingErrorData/", "DebugData/")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff]")
_HEX = re.compile(r"0x[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)
_GUID = re.compile(r"\{[0-9a-f-]{36}\}", re.ASCII | re.IGNORECASE)
Progress = Callable[[int, int], None]  # records done, records in all


class Opinion(NamedTuple):
    """Rows of the table `referee`, how many records were checked, and how many were not for want of time."""

    frame: pd.DataFrame
    checked: int
    unchecked: int


def check(
    path: str | os.PathLike[str] | BinaryIO,
    events: pd.DataFrame,
    seconds: float = 30.0,
    *,
    cache: str | os.PathLike[str] | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Opinion:
    """What python-evtx says of these rows of `events` of one .evtx file.

    Rows are taken in the order given until the time is over: give the most important ones first. `cache` is a folder in
    which the readings are kept by the source's SHA-256 (computed when it is not given).
    """
    known = _Readings(cache, path, sha256)
    rows = [row for row in events.to_dict("records") if not _missing(row.get("offset"))]
    wanted = [int(row["offset"]) for row in rows]
    todo = [offset for offset in dict.fromkeys(wanted) if offset not in known.found]
    done = len(set(wanted)) - len(todo)
    for offset, reading in _asked(path, todo, seconds):
        known.found[offset] = reading
        done += 1
        if progress:
            progress(done, len(set(wanted)))
    known.keep()
    judged = [(row, known.found[int(row["offset"])]) for row in rows if int(row["offset"]) in known.found]
    found = [difference for row, reading in judged for difference in differences(row, reading)]
    return Opinion(tables.frame("referee", found), len(judged), len(events) - len(judged))


def sample(events: pd.DataFrame, count: int) -> pd.DataFrame:
    """So many rows of `events`, chosen by their uid: the same ones whatever the order of the rows."""
    ranks = events["uid"].map(lambda uid: hashlib.sha256(str(uid).encode()).hexdigest())
    return events.loc[ranks.sort_values(kind="stable").index[:count]]


def differences(row: dict[str, Any], reading: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of the table `referee` for one event and what python-evtx read of it."""
    uid = row.get("uid")
    if "error" in reading:
        yield _row(uid, "record", "read", reading["error"], _why_unread(row, reading["error"]))
        return
    for field in ("record_id", *_NUMBERS):
        if _whole(row.get(field)) != _whole(reading.get(field)):
            yield _row(uid, field, _whole(row.get(field)), reading.get(field), _why_other(row))
    for field in _TERMS:
        if _plain(_text(row.get(field))) != _plain(_text(reading.get(field))):
            yield _row(uid, field, _text(row.get(field)), reading.get(field), _why_other(row))
    if not _same_time(row, reading.get("time")):
        yield _row(uid, "time_utc", row.get("time_raw"), reading.get("time"), _why_other(row))
    yield from _of_strings(row, reading)
    yield from _of_data(row, reading)


def _of_strings(row: dict[str, Any], reading: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "strings" not in reading:
        return
    ours, theirs = _texts(row.get("strings")), reading["strings"]
    if len(ours) == len(theirs) and all(map(same, ours, theirs)):
        return
    why = _why_array(ours, theirs) or _why_other(row)
    yield _row(row.get("uid"), "strings", " | ".join(ours), " | ".join(theirs), why)


def _why_array(ours: list[str], theirs: list[str]) -> str | None:
    """python-evtx leaves out empty strings of arrays, and begins some of the next ones too late."""
    filled, read = [text for text in ours if text], [text for text in theirs if text]
    if len(filled) == len(ours) or not all(any(_plain(one).endswith(_plain(text)) for one in filled) for text in read):
        return None
    return "python-evtx reads arrays with empty strings wrongly"


def _of_data(row: dict[str, Any], reading: dict[str, Any]) -> Iterator[dict[str, Any]]:
    theirs = reading.get("data")
    if theirs is None:
        return
    text = _text(row.get("data"))
    ours = json.loads(text) if text else {}
    for key in dict.fromkeys([*theirs, *(key for key in ours if _comparable(key))]):
        one, other = ours.get(key), theirs.get(key)
        if not _alike(one, other):
            yield _row(row.get("uid"), f"data/{key}", one, other, _why_data(row, one, other))


def _comparable(key: str) -> bool:
    """Whether the other side has this field of ours: no attributes, nothing from outside EventData and UserData."""
    return "@" not in key and key != "EventSourceName" and not key.startswith(_OUTSIDE)


def _row(uid: Any, field: str, ours: Any, theirs: Any, explanation: str | None) -> dict[str, Any]:
    return {"uid": uid, "field": field, "ours": _shown(ours), "referee": _shown(theirs), "explanation": explanation}


def _shown(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) or isinstance(theirs, list):
        one, other = (value if isinstance(value, list) else [value] for value in (ours, theirs))
        return len(one) == len(other) and all(map(_alike, one, other))
    return same("" if ours is None else str(ours), "" if theirs is None else str(theirs))


def same(ours: str, theirs: str) -> bool:
    """Whether two parsers wrote the same value, each in its own way: numbers, GUIDs, times, truth values, binary."""
    if ours == theirs or _plain(ours) == _plain(theirs):
        return True
    if _HEX.fullmatch(ours):
        return _whole(ours) == _whole(theirs)
    if _GUID.fullmatch(ours) or ours in ("true", "false"):
        return ours.casefold() == theirs.casefold()
    return _same_moment(ours, theirs) or _same_bytes(ours, theirs) or _same_real(ours, theirs)


def _plain(text: str | None) -> str:
    """Text as it survives XML: one kind of line end, no control characters."""
    return _CONTROLS.sub("", (text or "").replace("\r\n", "\n").replace("\r", "\n"))


def _same_bytes(ours: str, theirs: str) -> bool:
    with contextlib.suppress(binascii.Error, ValueError):
        return bytes.fromhex(ours) == base64.b64decode(theirs, validate=True)
    return False


def _same_real(ours: str, theirs: str) -> bool:
    with contextlib.suppress(ValueError):
        return float(ours) == float(theirs)
    return False


def _same_moment(ours: str, theirs: str) -> bool:
    one, other = parse_iso(ours), parse_iso(theirs)
    if one is None or other is None:
        return False
    return abs((one.replace(tzinfo=UTC) - other.replace(tzinfo=UTC)).total_seconds()) <= _TOLERANCE_S


def _same_time(row: dict[str, Any], theirs: str | None) -> bool:
    """Whether TimeCreated is the same; a time that we took from the record header has nothing to be compared with."""
    ours = _text(row.get("time_raw"))
    if not theirs or not ours or "header" in ours:
        return bool(theirs) == bool(ours) or not theirs or theirs.startswith(("0001-", "1601-"))
    return _same_moment(ours, theirs)


def _why_unread(row: dict[str, Any], error: str) -> str | None:
    if "end" in error and "does not" in error:
        return "python-evtx does not come to an end on this record"
    known = _why_other(row)
    return known or next((why for sign, why in _UNREADABLE if sign in error), None)


_UNREADABLE = (
    ("ParseError", "python-evtx writes text here that is no XML"),
    ("UnicodeDecodeError", "python-evtx refuses text that is not well-formed; here it is read with U+FFFD"),
    ("UnexpectedElement", "python-evtx cannot read binary XML in this place"),
    ("AttributeError", "python-evtx cannot read records without a template"),
    ("NotImplemented", "python-evtx does not know a type of value in this record"),
    ("invalid xml name", "python-evtx refuses the name of an element"),
)


def _why_other(row: dict[str, Any]) -> str | None:
    state = _text(row.get("integrity"))
    return {
        "borrowed_template": "the template of the record is damaged; python-evtx borrows none",
        "recovered": "recovered from slack, where python-evtx meets overwritten names",
        "damaged": "the record is damaged and was read in part",
    }.get(state or "")


def _why_data(row: dict[str, Any], ours: Any, theirs: Any) -> str | None:
    if str(theirs) in ("True", "False") and str(ours).isdigit():
        return "a truth value that is neither 0 nor 1; python-evtx does not show the number"
    if isinstance(ours, list) and (why := _why_array(_texts(ours), _texts(theirs) or [str(theirs)])):
        return why
    return _why_other(row)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _text(value: Any) -> str | None:
    return None if _missing(value) or value == "" else str(value)


def _texts(value: Any) -> list[str]:
    return ["" if one is None else str(one) for one in value] if isinstance(value, Sequence) else []


def _whole(value: Any) -> int | None:
    if _missing(value) or value == "":
        return None
    with contextlib.suppress(ValueError):
        return int(str(value), 0) if isinstance(value, str) else int(value)
    return None


class _Readings:
    """What python-evtx read of a source, kept in a folder by the hash of the source."""

    def __init__(self, folder: str | os.PathLike[str] | None, path: Any, sha256: str | None) -> None:
        self.found: dict[int, dict[str, Any]] = {}
        self._path: Path | None = None
        if folder is not None:
            digest = sha256 or _digest(path)
            self._path = Path(folder) / f"referee-{digest[:32]}-{version('python-evtx')}-{_LAYOUT}.json"
            with contextlib.suppress(OSError, ValueError, AttributeError):
                kept = json.loads(self._path.read_text("utf-8"))
                self.found = {int(offset): dict(reading) for offset, reading in kept.items()}
        self._kept = len(self.found)

    def keep(self) -> None:
        """Writes what is new, in one step; a folder that cannot be written to is left alone."""
        if self._path is None or len(self.found) == self._kept:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            draft.write_text(json.dumps(self.found), "utf-8")
            draft.replace(self._path)


_LAYOUT = 1  # of the kept readings


def _digest(path: Any) -> str:
    with _opened(path) as file:
        file.seek(0)
        found = hashlib.sha256()
        while piece := file.read(1 << 20):
            found.update(piece)
        return found.hexdigest()


@contextlib.contextmanager
def _opened(path: Any) -> Iterator[BinaryIO]:
    if isinstance(path, (str, os.PathLike)):
        with Path(path).open("rb") as file:
            yield file
    else:
        yield path


def _asked(path: Any, offsets: Iterable[int], seconds: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """Offset and reading of each record, until the time is over."""
    until = time.monotonic() + seconds
    reader = _Process()
    with _opened(path) as file, contextlib.closing(reader):
        for start, chunk, inside in _by_chunk(file, offsets):
            while inside and time.monotonic() < until:
                reader.ask(chunk, [offset - start for offset in inside])
                answered = 0
                for offset in inside:
                    reading = reader.answer(min(_LONGEST_RECORD_S, until - time.monotonic()))
                    if reading is None:
                        if time.monotonic() >= until:
                            return
                        reading = {"error": "does not come to an end"}
                    yield offset, reading
                    answered += 1
                    if not reader.alive:
                        break
                inside = inside[answered:]


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

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process is not None

    def ask(self, chunk: bytes, offsets: list[int]) -> None:
        """Sends a chunk and the records wanted of it."""
        if self._process is None:
            self._begin()
        assert self._process is not None and self._process.stdin is not None
        request = json.dumps({"size": len(chunk), "records": offsets}).encode() + b"\n"
        with contextlib.suppress(OSError):  # a process that died gives no answer
            self._process.stdin.write(request + chunk)
            self._process.stdin.flush()

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """The next reading; None when none comes in time, after which the process is ended."""
        with contextlib.suppress(queue.Empty, ValueError):
            found: dict[str, Any] = json.loads(self._lines.get(timeout=max(seconds, 0.001)))
            return found
        self.close()
        return None

    def _begin(self) -> None:
        command = [sys.executable, "-m", "kit.referee_reader"]
        folder = str(Path(__file__).resolve().parent.parent)
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
        self._process = None


def _drain(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Moves answers from the pipe into a queue; an empty line says that there are no more."""
    with contextlib.suppress(OSError, ValueError):
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
    lines.put(b"")
