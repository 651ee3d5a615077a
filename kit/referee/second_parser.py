"""The referee: python-evtx reads cited records again, and every difference is a row.

Two parsers that share no code seldom make the same mistake. python-evtx reads some fifty records a second, so the time
is bounded, and what was read once is kept per source. It runs in a process of its own that is ended when it does not
answer.

Its known errors are told apart from ours:
- it leaves out empty strings of arrays, as classic event sources write them, and begins some of the next ones too late:
  explained only where its answer is exactly what that error makes of our strings;
- it refuses text that is not well-formed;
- on some damaged records it comes to no end; such an answer is never kept;
- it has no name for values that are not 0 or 1 in a field of truth values;
- it cannot read records without a template (collected by an event collector), with binary XML inside a value that it
  takes for text, or with quotation marks inside an attribute;
- it knows nothing of borrowed templates and of records recovered from slack;
- it reads only as many chunks as the header of a dirty log counts; it is given each chunk by itself, so that this costs
  nothing.
Numbers, GUIDs, truth values, times and binary values are compared as what they mean, not as they are written. Times are
compared to ten microseconds, because it computes them in floating point. Whether a record begins at the offset, and
which number it has, is read here, by neither of the two parsers.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from kit import tables, windows
from kit.errors import Unsupported
from kit.referee.process import DIED, NO_RECORD, STUCK, asked, opened
from kit.times import parse_iso

_TOLERANCE_S = 1e-5
_NUMBERS = ("event_id", "version", "level", "task")
_TERMS = ("provider", "channel", "computer")
_OUTSIDE = ("System/", "RenderingInfo/", "ProcessingErrorData/", "DebugData/")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff]")
_HEX = re.compile(r"0x[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)
_GUID = re.compile(r"\{[0-9a-f-]{36}\}", re.ASCII | re.IGNORECASE)
_DIGITS = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_RUN = re.compile(rb"(?:[^\x00].)+")
_NO_TIME = ("0001-", "1601-")  # how the absence of a time is written
_NOT_KEPT = (STUCK, DIED)
_HARMED = ("bad_checksum", "borrowed_template", "damaged", "recovered")
_LAYOUT = 4  # of the kept readings
Source = str | os.PathLike[str] | bytes | BinaryIO
Progress = Callable[[int, int], None]  # records done, records in all


class Opinion(NamedTuple):
    """Rows of the table `referee`, how many records were checked, and how many were not for want of time."""

    frame: pd.DataFrame
    checked: int
    unchecked: int


def version() -> str:
    """The version of python-evtx. Raises Unsupported when it is not installed."""
    if importlib.util.find_spec("Evtx") is None:
        raise Unsupported("python-evtx is not installed, so no second parser can be asked: run python run.py setup")
    return version_of("python-evtx")


def reread(source: Source, wanted: Sequence[tuple[int, int]], deadline_s: float) -> list[dict[str, Any]]:
    """What python-evtx reads of records given as (record number, offset), in the order of the chunks.

    Each answer has `record_id` and `offset`, then provider, event_id, version, level, task, channel, computer, time,
    strings and data as far as they are there, or `error`; `template` is False where the record has none. Records for
    which the time was too short have no answer. Raises Unsupported without python-evtx.
    """
    version()
    numbers = {offset: record_id for record_id, offset in wanted}
    return [{"record_id": numbers[at], "offset": at} | reading for at, reading in asked(source, numbers, deadline_s)]


def check(
    path: Source,
    events: pd.DataFrame,
    seconds: float = 30.0,
    progress: Progress | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    sha256: str | None = None,
) -> Opinion:
    """What python-evtx says of these rows of `events` of one .evtx file.

    Rows are taken in the order given until the time is over: give the most important ones first. `cache` is a folder in
    which the readings are kept by the source's SHA-256 (computed when it is not given). Raises Unsupported without
    python-evtx.
    """
    known = _Readings(cache, path, sha256, version())
    rows = [row for row in events.to_dict("records") if not _missing(row.get("offset"))]
    wanted = list(dict.fromkeys(int(row["offset"]) for row in rows))
    todo = [offset for offset in wanted if offset not in known.found]
    kept = len(wanted) - len(todo)
    try:
        for done, (offset, reading) in enumerate(asked(path, todo, seconds), kept + 1):
            known.found[offset] = reading
            if progress:
                progress(done, len(wanted))
    finally:
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
    if _whole(row.get("record_id")) != _whole(reading.get("record_id")):
        yield _row(uid, "record_id", _whole(row.get("record_id")), reading.get("record_id"), None)
    if "error" in reading:
        yield _row(uid, "record", "read", reading["error"], _why_unread(row, reading))
        return
    for field in _NUMBERS:
        one, other = _whole(row.get(field)), _whole(reading.get(field))
        if one != other:
            yield _row(uid, field, one, reading.get(field), _why_other(row, other))
    for field in _TERMS:
        term, read = _text(row.get(field)), _text(reading.get(field))
        if _plain(term) != _plain(read):
            yield _row(uid, field, term, read, _why_other(row, read))
    if not _same_time(row, reading.get("time")):
        yield _row(uid, "time_utc", _moment_text(row), reading.get("time"), _why_other(row, reading.get("time")))
    yield from _of_strings(row, reading)
    yield from _of_data(row, reading)


def _of_strings(row: dict[str, Any], reading: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "strings" not in reading:
        return
    ours, theirs = _texts(row.get("strings")), reading["strings"]
    if len(ours) == len(theirs) and all(map(same, ours, theirs)):
        return
    why = _why_array(ours, theirs) or _why_other(row, theirs if len(ours) == len(theirs) else None)
    yield _row(row.get("uid"), "strings", " | ".join(ours), " | ".join(theirs), why)


def _why_array(ours: list[str], theirs: list[str]) -> str | None:
    """An explanation where the other's strings are exactly what its known error makes of ours."""
    expected = _as_misread(ours)
    if expected is None or list(map(_plain, expected)) != list(map(_plain, theirs)):
        return None
    return "python-evtx reads arrays with empty strings wrongly"


def _as_misread(texts: list[str]) -> list[str] | None:
    """What python-evtx makes of an array; None where it fails.

    It looks for the next run of characters wherever that begins, but moves on by the length of the run only, so that
    empty strings before it shift what follows.
    """
    rest = b"".join(text.encode("utf-16-le", "surrogatepass") + b"\0\0" for text in texts)
    found: list[str] = []
    while rest:
        run = _RUN.search(rest)
        if run:
            found.append(run[0].decode("utf-16-le", "replace"))
            rest = rest[len(run[0]) + 2 :]
        empty = len(rest) - len(rest.lstrip(b"\0"))
        if empty % 2 or not (run or empty):
            return None
        found += [""] * (empty // 2)
        rest = rest[empty:]
    return found


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
    """Whether two real numbers are the same; whole numbers are never compared as real ones, which round them."""
    with contextlib.suppress(ValueError):
        if _DIGITS.fullmatch(ours) and _DIGITS.fullmatch(theirs):
            return int(ours) == int(theirs)
        return float(ours) == float(theirs)
    return False


def _same_moment(ours: str, theirs: str) -> bool:
    one, other = parse_iso(ours), parse_iso(theirs)
    return one is not None and other is not None and _close(one, other)


def _close(one: datetime, other: datetime) -> bool:
    aware = [moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (one, other)]
    return abs((aware[0] - aware[1]).total_seconds()) <= _TOLERANCE_S


def _same_time(row: dict[str, Any], theirs: str | None) -> bool:
    """Whether TimeCreated is the same; where ours comes from the record header, the record itself must have none."""
    raw, utc = _text(row.get("time_raw")), row.get("time_utc")
    if (raw is None and _missing(utc)) or (raw or "").endswith("has no time)"):
        return not theirs or theirs.startswith(_NO_TIME)
    other = parse_iso(theirs) if theirs else None
    if other is None:
        return False
    return (raw is None or _same_moment(raw, str(theirs))) and (_missing(utc) or _close(pd.Timestamp(utc), other))


def _moment_text(row: dict[str, Any]) -> str | None:
    """Our time as it is shown beside the other's: as written, and as UTC."""
    told = [None if _missing(row.get(name)) else str(row[name]) for name in ("time_raw", "time_utc")]
    return " = ".join(text for text in told if text) or None


def _why_unread(row: dict[str, Any], reading: dict[str, Any]) -> str | None:
    error = reading["error"]
    if error == STUCK:
        return "python-evtx does not come to an end on this record"
    if error == DIED:
        return None
    if error == NO_RECORD:
        same_number = _whole(row.get("record_id")) == reading.get("record_id")
        found = same_number and _text(row.get("integrity")) in _HARMED
        return "the mark of the record is overwritten; the kit found it by its place and number" if found else None
    if reading.get("template") is False:
        return "python-evtx cannot read records without a template"
    if known := _why_other(row, None) or next((why for sign, why in _UNREADABLE if sign in error), None):
        return known
    damaged = _text(row.get("integrity")) == "bad_checksum"
    return "the checksum of the chunk is wrong, and python-evtx stops at what is damaged in it" if damaged else None


_UNREADABLE = (
    ("ParseError", "python-evtx writes text here that is no XML"),
    ("UnicodeDecodeError", "python-evtx refuses text that is not well-formed; here it is read with U+FFFD"),
    ("UnexpectedElement", "python-evtx cannot read binary XML in this place"),
    ("AttributeError", "python-evtx cannot read records without a template"),
    ("NotImplemented", "python-evtx does not know a type of value in this record"),
    ("uneven substring of NULLs", "python-evtx reads arrays with empty strings wrongly"),
    ("invalid xml name", "python-evtx refuses the name of an element"),
)


def _why_other(row: dict[str, Any], theirs: Any) -> str | None:
    """Why the other parser may lack something here; a recovered record explains no other value, only a missing one."""
    state = _text(row.get("integrity")) or ""
    if state == "recovered":
        why = "recovered from slack, where python-evtx meets overwritten names"
        return why if theirs is None or theirs == "" else None
    return {
        "borrowed_template": "the template of the record is damaged; python-evtx borrows none",
        "damaged": "the record is damaged and was read in part",
    }.get(state)


def _why_data(row: dict[str, Any], ours: Any, theirs: Any) -> str | None:
    if str(theirs) in ("True", "False") and str(ours).isdigit() and str(ours) not in ("0", "1"):
        return "a truth value that is neither 0 nor 1; python-evtx does not show the number"
    if isinstance(ours, list) and (why := _why_array(_texts(ours), _texts(theirs) or [str(theirs)])):
        return why
    return _why_other(row, theirs)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _text(value: Any) -> str | None:
    return None if _missing(value) or value == "" else str(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return []
    return ["" if one is None else str(one) for one in value]


def _whole(value: Any) -> int | None:
    if _missing(value) or value == "":
        return None
    with contextlib.suppress(ValueError):
        return int(str(value), 0) if isinstance(value, str) else int(value)
    return None


class _Readings:
    """What python-evtx read of a source: a file of JSON lines in a folder, named by the hash of the source."""

    def __init__(self, folder: str | os.PathLike[str] | None, source: Any, sha256: str | None, reader: str) -> None:
        self._path: Path | None = None
        if folder is not None:
            self._path = Path(folder) / f"{sha256 or _digest(source)}-python_evtx-{reader}-{_LAYOUT}.jsonl"
        self.found = self._on_disk()
        self._kept = set(self.found)

    def _on_disk(self) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        if self._path is None:
            return found
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in self._path.read_text("utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                    kept = json.loads(line)
                    found[int(kept.pop("offset"))] = kept
        return found

    def keep(self) -> None:
        """Writes what is new beside what others wrote meanwhile, in one step; a folder without room is left alone."""
        new = {
            offset: reading for offset, reading in self.found.items()
            if offset not in self._kept and reading.get("error") not in _NOT_KEPT
        }  # fmt: skip
        if self._path is None or not new:
            return
        draft = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        lines = [json.dumps({"offset": offset, **reading}) for offset, reading in (self._on_disk() | new).items()]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
            windows.replace(draft, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def _digest(path: Any) -> str:
    with opened(path) as file:
        file.seek(0)
        found = hashlib.sha256()
        while piece := file.read(1 << 20):
            found.update(piece)
        return found.hexdigest()
