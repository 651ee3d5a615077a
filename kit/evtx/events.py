"""The records of a batch with the columns of the kit's table `events`."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import batch, texts, walk
from kit.evtx import format as layout
from kit.evtx.batch import Records
from kit.evtx.render import Members, Rendered

SECOND, MILLISECOND, TICK = 1.0, 0.001, 1e-7
INTEGRITY = ("ok", "bad_checksum", "borrowed_template", "damaged", "recovered")
_FROM_HEADER = " (record header; the record itself has no time)"


def events(records: Records, offset: np.ndarray, chunk_ok: np.ndarray) -> pa.Table:
    """Columns of `events` that a log knows, one row for each record that is wanted.

    `offset` is the position of each row in the file; `chunk_ok` tells for each chunk whether its checksums are right or
    none were kept. Times come from TimeCreated; where a record has none, from its header, which `time_raw` then says.
    """
    chosen = records.wanted
    system = records.system
    columns = _times(records)
    columns["record_id"] = _numbers(_signed(records.record_id), np.ones(len(records.walked), dtype=bool), chosen)
    columns["offset"] = pa.array(offset)
    for field in ("event_id", "version", "level", "task"):
        columns[field] = _numbers(*system.numbers(field), chosen)
    for field in ("computer", "channel", "provider"):
        columns[field] = _terms(system.texts(field)[chosen], system.vocabulary.texts)
    rendered = Rendered(records.values, len(records.walked), chosen)
    columns["strings"] = rendered.strings()
    columns["data"] = rendered.named(_sources(records))
    columns["message"] = rendered.message(records.message_key)
    columns["integrity"] = _integrity(integrity(records, chunk_ok))
    return pa.table(columns)


def integrity(records: Records, chunk_ok: np.ndarray) -> np.ndarray:
    """The worst that is known of each record that is wanted: 0 ok, 1 bad checksum, 2 borrowed template, 3 damaged,
    4 recovered."""
    chosen = records.wanted
    marks = records.marks[chosen]
    found = (~chunk_ok[records.walked.at[chosen] >> layout.CHUNK_BITS]).astype(np.int8)
    found[(marks & batch.BORROWED) > 0] = 2
    found[(marks & batch.DAMAGED) > 0] = 3
    found[records.walked.state[chosen] != walk.LIVE] = 4
    return found


def _integrity(codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(INTEGRITY))


def _times(records: Records) -> dict[str, pa.Array]:
    chosen = records.wanted
    ticks, known = records.system.times()
    written = records.system.time_texts()
    known = known & usable(ticks)
    header = _signed(records.written)
    fallback = ~known & usable(header) & ~np.isin(np.arange(len(known)), list(written))
    ticks = np.where(known, ticks, np.where(fallback, header, 0))
    raw = texts.time_texts(ticks[chosen])
    if fallback.any():
        raw = pc.if_else(pa.array(fallback[chosen]), pc.binary_join_element_wise(raw, pa.scalar(_FROM_HEADER), ""), raw)
    if written:
        raw = _with_written(raw, chosen, written)
    known |= fallback
    there = known[chosen] | np.isin(chosen, list(written))
    ticks = ticks[chosen]
    exact = np.where(ticks % 10_000_000 == 0, SECOND, np.where(ticks % 10_000 == 0, MILLISECOND, TICK))
    unknown = ~known[chosen]
    micros = (ticks - layout.EPOCH_TICKS) // 10
    return {
        "time_utc": pa.array(micros, mask=unknown).cast(pa.timestamp("us", "UTC")),
        "time_raw": pc.if_else(pa.array(there), raw, pa.scalar(None, pa.string())),
        "precision_s": pa.array(exact, mask=unknown),
    }


def _with_written(raw: pa.Array, chosen: np.ndarray, written: dict[int, str]) -> pa.Array:
    rows = [row for row in chosen.tolist() if row in written]
    mask = pa.array(np.isin(chosen, rows))
    return pc.replace_with_mask(raw, mask, pa.array([written[row] for row in rows], pa.string()))


def usable(ticks: np.ndarray) -> np.ndarray:
    """Which FILETIMEs are a time: not missing (1601) and in the calendar."""
    found: np.ndarray = (ticks >= layout.FIRST_TICKS) & (ticks <= layout.LAST_TICKS)
    return found


def _signed(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype(np.int64, copy=False)


def _numbers(found: np.ndarray, known: np.ndarray, chosen: np.ndarray) -> pa.Array:
    return pa.array(found[chosen], mask=~known[chosen])


def _terms(codes: np.ndarray, vocabulary: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(vocabulary, pa.string()))


def _sources(records: Records) -> Members:
    """The EventSourceName of each record as a JSON member."""
    codes = records.system.texts("event_source_name")[records.wanted]
    used = np.flatnonzero(np.bincount(codes[codes >= 0]))
    named = (records.system.vocabulary.texts[code] for code in used.tolist())
    own = np.full(int(used.max(initial=-1)) + 2, -1, dtype=np.int32)
    own[used] = np.arange(len(used))
    return Members(own[codes], [f'"EventSourceName": {json.dumps(text, ensure_ascii=False)}' for text in named])
