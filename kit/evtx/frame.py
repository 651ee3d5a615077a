"""A log as a pandas frame: one row a record, System as plain columns, event data typed in the column `data`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import events, walk
from kit.evtx import format as layout
from kit.evtx.batch import Wanted
from kit.evtx.columns import System
from kit.evtx.data import EventData, Part
from kit.evtx.log import Batch, Log, Progress
from kit.evtx.notes import notes
from kit.evtx.store import Templates

_TERMS = ("provider", "channel", "computer")
_STATE = pd.CategoricalDtype(walk.STATES)
_INTEGRITY = pd.CategoricalDtype(events.INTEGRITY)
_UTC = pd.DatetimeTZDtype("us", "UTC")
_TEXT = pd.StringDtype(na_value=np.nan)
Source = str | os.PathLike[str]


def read(
    path: Source,
    providers: Iterable[str] | str | None = None,
    event_ids: Iterable[int] | int | None = None,
    *,
    progress: Progress | None = None,
    cache: Source | None = None,
) -> pd.DataFrame:
    """The records of an .evtx file, or those of some providers (in any case of letters) and event ids.

    Columns:
    record_id      number of the record (from its header; the log's own order)
    time_utc       TimeCreated; NaT where the record has none (1601)
    provider, event_id, level, channel, computer
    ticks          TimeCreated in full: 100 ns since 1601-01-01
    written_utc    time in the record's header, when it was written to the file
    chunk, offset  where it stands: number of the chunk, byte offset in the file
    chunk_crc_ok   the checksums of its chunk fit; null where the writer kept none
    state          live, beyond_header (behind what the chunk's header counts) or slack (left over from earlier use)
    integrity      ok, bad_checksum, borrowed_template, damaged or recovered
    data           event data, typed: see kit.evtx.data

    Rows stand in the order of the file; what was recovered from slack comes last. Which records are wanted is decided
    by System alone, before any event data is decoded. `cache` is a folder for compiled templates (default: the cache
    folder of the user). Raises Unreadable for a file that is no event log, OSError for one that cannot be opened.
    """
    templates = Templates(cache)
    gathered = _Gathered()
    with Path(path).open("rb") as file:
        log = Log(file, registry=templates.registry, wanted=wanted(providers, event_ids), progress=progress)
        for batch in _named(log, path):
            gathered.take(batch)
    templates.keep()
    return gathered.frame()


def account(path: Source, *, progress: Progress | None = None, cache: Source | None = None) -> pd.DataFrame:
    """The account of an .evtx file: one row for each place of 64 KiB, with the columns of kit.evtx.account.SCHEMA.

    `frame.attrs["losses"]` lists every loss, `frame.attrs["notes"]` says in sentences what is special about the log.
    """
    templates = Templates(cache)
    with Path(path).open("rb") as file:
        log = Log(file, registry=templates.registry, progress=progress)
        for _ in _named(log, path):
            pass
    templates.keep()
    made = log.account.table().to_pandas(types_mapper=_nullable)
    made.attrs["losses"] = list(log.losses)
    made.attrs["notes"] = notes(log)
    return made


def _named(log: Log, path: Source) -> Iterator[Batch]:
    """The batches of a log; errors name the file."""
    try:
        yield from log.batches()
    except Unreadable as error:
        raise Unreadable(f"{os.fspath(path)}: {error}; name a Windows event log (.evtx)") from error


def _nullable(kind: pa.DataType) -> Any:
    return {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)


class _Filter:
    """Records of some providers (in any case of letters) and event ids; None means any."""

    def __init__(self, providers: Iterable[str] | None, event_ids: Iterable[int] | None) -> None:
        self._names = None if providers is None else {name.casefold() for name in providers}
        self._numbers = None if event_ids is None else np.array(list(event_ids), dtype=np.int64)
        given = (("provider", providers), ("event_id", event_ids))
        self.fields = tuple(field for field, wanted in given if wanted is not None)

    def __call__(self, system: System) -> np.ndarray:
        keep = np.ones(system.rows, dtype=bool)
        if self._numbers is not None:
            found, known = system.numbers("event_id")
            keep &= known & np.isin(found, self._numbers)
        if self._names is not None:
            codes = system.texts("provider")
            named = np.array([*(text.casefold() in self._names for text in system.vocabulary.texts), False])
            keep &= named[codes]
        return keep


def wanted(providers: Iterable[str] | str | None, event_ids: Iterable[int] | int | None) -> Wanted | None:
    """A filter over System, or None when everything is wanted."""
    if providers is None and event_ids is None:
        return None
    return _Filter(
        [providers] if isinstance(providers, str) else providers,
        [event_ids] if isinstance(event_ids, int) else event_ids,
    )


class _Gathered:
    """Columns of the batches of a log, joined at the end."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._columns: list[dict[str, np.ndarray]] = []
        self._vocabulary: list[str] = []

    def take(self, batch: Batch) -> None:
        """Takes the records of a batch that are wanted."""
        records, checked = batch.records, batch.checked
        whole = len(records.wanted) == len(records.walked)
        chosen: Any = slice(None) if whole else records.wanted
        at = records.walked.at[chosen]
        chunk = at // layout.CHUNK_SIZE
        found: dict[str, np.ndarray] = {
            "record_id": records.record_id[chosen].astype(np.int64),
            "written": records.written[chosen].astype(np.int64),
            "chunk": checked.number[chunk],
            "offset": batch.offset,
            "crc": checked.crc[chunk],
            "state": records.walked.state[chosen],
            "integrity": events.integrity(records, checked.trusted),
            "place": (len(self._parts) << 32) + records.wanted,
        }
        for name in ("event_id", "level"):
            numbers, known = records.system.numbers(name)
            found[name], found[name + "?"] = numbers[chosen], known[chosen]
        ticks, known = records.system.times()
        found["ticks"], found["ticks?"] = ticks[chosen], known[chosen]
        for name in _TERMS:
            found[name] = records.system.texts(name)[chosen]
        self._vocabulary = records.system.vocabulary.texts
        self._columns.append(found)
        self._parts.append(Part(records.values, len(records.walked)))

    def frame(self) -> pd.DataFrame:
        """All records as one frame."""
        every = {name: np.concatenate([one[name] for one in self._columns]) for name in self._columns[0]}
        columns: dict[str, Any] = {
            "record_id": every["record_id"],
            "time_utc": _times(every["ticks"], every["ticks?"]),
            "provider": self._term(every["provider"]),
            "event_id": pd.arrays.IntegerArray(every["event_id"], ~every["event_id?"]),
            "level": pd.arrays.IntegerArray(every["level"], ~every["level?"]),
            "channel": self._term(every["channel"]),
            "computer": self._term(every["computer"]),
            "ticks": pd.arrays.IntegerArray(every["ticks"], ~every["ticks?"]),
            "written_utc": _times(every["written"], np.ones(len(every["written"]), dtype=bool)),
            "chunk": every["chunk"],
            "offset": every["offset"],
            "chunk_crc_ok": pd.arrays.BooleanArray(every["crc"] > 0, every["crc"] < 0),
            "state": pd.Categorical.from_codes(every["state"], dtype=_STATE, validate=False),
            "integrity": pd.Categorical.from_codes(every["integrity"], dtype=_INTEGRITY, validate=False),
            "data": EventData(self._parts, every["place"]),
        }
        return pd.DataFrame(columns, copy=False)

    def _term(self, codes: np.ndarray) -> pd.Categorical:
        """A column of repeating texts with the categories that it uses, in the order of their first appearance."""
        present = np.zeros(len(self._vocabulary) + 1, dtype=bool)
        present[codes] = True
        used = np.flatnonzero(present[:-1])
        own = np.full(len(present), -1, dtype=np.int32)
        own[used] = np.arange(len(used))
        texts = pa.array([self._vocabulary[code] for code in used.tolist()], pa.large_string())
        dtype = pd.CategoricalDtype(pd.Index(_TEXT.__from_arrow__(texts), copy=False))
        return pd.Categorical.from_codes(own[codes], dtype=dtype, validate=False)


def _times(ticks: np.ndarray, known: np.ndarray) -> Any:
    micros = (ticks - layout.EPOCH_TICKS) // 10
    micros = np.where(known & events.usable(ticks), micros, np.iinfo(np.int64).min)
    return pd.array(micros.view("M8[us]"), dtype=_UTC)
