"""Typed columns and texts out of event data that is kept by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit.evtx import format as layout
from kit.evtx.payload import Values
from kit.evtx.render import Members, Rendered
from kit.evtx.texts import texts
from kit.evtx.values import Kind

if TYPE_CHECKING:
    from kit.evtx.data import EventData

_WHOLE = {Kind.INT, Kind.UINT, Kind.HEX}
_NULLABLE: dict[pa.DataType, Any] = {
    pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
    pa.float64(): pd.Float64Dtype(),
}  # fmt: skip
_SHIFT = 32
_LOW = 0xFFFFFFFF


def names(array: EventData) -> list[str]:
    """The fields that the records of an array have, in the order in which they were first met."""
    found: dict[str, None] = {}
    for part, _, rows in _by_part(array):
        here = part.key[np.isin(part.row, rows)] if len(rows) < _most(part) else part.key
        for key in pd.unique(here).tolist():
            found.setdefault(part.keys.entries[key][0])
    return list(found)


def field(array: EventData, name: str) -> Any:
    """One field of all records as a typed pandas array.

    Text, GUID and SID: str. Whole numbers: Int64, or UInt64 where one is too large for it. Truth values: boolean (Int64
    where a log holds another number than 0 and 1). Times: datetime64[us, UTC]. Real numbers: Float64. Binary and lists:
    Arrow types. A field that has several types is text. Of a name that a record has more than once the first is taken.
    """
    pieces = [_of_part(part, places, rows, name) for part, places, rows in _by_part(array)]
    kinds = {Kind(kind) for _, _, _, found in pieces for kind in np.unique(found).tolist()} - {Kind.NULL}
    if not kinds:
        return pd.array([None] * len(array), dtype="str")
    maker = _maker(kinds)
    made, places = [], []
    for part, place, index, kind in pieces:
        for one in sorted(kinds):
            chosen = kind == one
            if chosen.any():
                made.append(maker(one, part.children[one].take(pa.array(index[chosen]))))
                places.append(place[chosen])
    target = np.full(len(array), -1, dtype=np.int64)
    target[np.concatenate(places)] = np.arange(sum(map(len, places)))
    every = pa.concat_arrays(made) if len(made) > 1 else made[0]
    return _pandas(every.take(pa.array(np.maximum(target, 0), mask=target < 0)))


def _by_part(array: EventData) -> list[tuple[Values, np.ndarray, np.ndarray]]:
    """(values, positions in the array, records) for each part that the array refers to."""
    which = array.place >> _SHIFT
    found = []
    for number in np.unique(which[array.place >= 0]).tolist():
        places = np.flatnonzero(which == number)
        found.append((array.parts[number].values, places, array.place[places] & _LOW))
    return found


def _most(part: Values) -> int:
    return int(part.row.max()) + 1 if len(part) else 0


def _of_part(
    part: Values, places: np.ndarray, rows: np.ndarray, name: str
) -> tuple[Values, np.ndarray, np.ndarray, np.ndarray]:
    """Position in the array, place in its kind, and kind of the field in each record of a part that has it."""
    keys = [number for number, entry in enumerate(part.keys.entries) if entry[0] == name]
    found = np.flatnonzero(np.isin(part.key, keys))
    found = found[np.argsort(-part.nth[found], kind="stable")]  # the first of several is written last
    first = np.full(max(_most(part), int(rows.max(initial=-1)) + 1), -1, dtype=np.int64)
    first[part.row[found]] = found
    value = first[rows]
    there = value >= 0
    value = value[there]
    return part, places[there], part.index[value], part.kind[value]


def _maker(kinds: set[Kind]) -> Any:
    """How values of these kinds become one Arrow type."""
    if kinds <= _WHOLE:
        return lambda kind, child: child.cast(pa.decimal128(20)) if len(kinds) > 1 else child
    if len(kinds) > 1:
        return texts
    return {Kind.TIME: lambda _, child: _times(child), Kind.GUID: texts, Kind.SID: texts}.get(
        next(iter(kinds)), lambda _, child: child
    )


def _times(child: pa.Array) -> pa.Array:
    ticks = child.to_numpy()
    usable = (ticks >= layout.FIRST_TICKS) & (ticks <= layout.LAST_TICKS)
    micros = pa.array((ticks - layout.EPOCH_TICKS) // 10, mask=~usable)
    return micros.cast(pa.timestamp("us", "UTC"))


def _pandas(made: pa.Array) -> Any:
    kind = made.type
    if pa.types.is_decimal(kind) or kind == pa.uint64():
        most = pc.max(made).as_py()
        return _nullable(made.cast(pa.uint64() if most is not None and most >= 2**63 else pa.int64()))
    if kind == pa.uint32():
        flags = pc.max(made).as_py() or 0
        return _nullable(made.cast(pa.bool_()) if flags < 2 else made.cast(pa.int64()))
    if pa.types.is_timestamp(kind):
        return pd.Series(made.to_pandas()).array
    if pa.types.is_string(kind):
        return pd.array(made, dtype="str")
    return _nullable(made)


def _nullable(made: pa.Array) -> Any:
    known = _NULLABLE.get(made.type)
    return known.__from_arrow__(made) if known is not None else pd.arrays.ArrowExtensionArray(made)


def long(array: EventData, index: pd.Index) -> pd.DataFrame:
    """One row for each value: nth, field, kind, text; the index is that of its record."""
    frames = []
    for part, places, rows in _by_part(array):
        position = np.full(max(_most(part), int(rows.max(initial=-1)) + 1), -1, dtype=np.int64)
        position[rows] = places
        chosen = np.flatnonzero(position[part.row] >= 0)
        order = chosen[np.lexsort((part.nth[chosen], position[part.row[chosen]]))]
        frames.append(_long_of(part, order, index[position[part.row[order]]]))
    return pd.concat(frames) if frames else pd.DataFrame({"nth": [], "field": [], "kind": [], "text": []})


def _long_of(part: Values, order: np.ndarray, index: pd.Index) -> pd.DataFrame:
    written = pa.nulls(len(order), pa.string())
    for kind in Kind:
        chosen = part.kind[order] == kind
        if kind != Kind.NULL and chosen.any():
            those = texts(kind, part.children[kind]).take(pa.array(part.index[order][chosen]))
            written = pc.replace_with_mask(written, pa.array(chosen), those)
    entries = [entry[0] for entry in part.keys.entries]
    distinct = list(dict.fromkeys(entries))
    codes = np.array([distinct.index(entry) for entry in entries], dtype=np.int64)
    columns = {
        "nth": part.nth[order],
        "field": pd.Categorical.from_codes(codes[part.key[order]], distinct),
        "kind": pd.Categorical.from_codes(part.kind[order].astype(np.int64), [kind.name.lower() for kind in Kind]),
        "text": pd.array(written, dtype="str"),
    }
    return pd.DataFrame(columns, index=index)


def json_texts(array: EventData) -> pa.Array:
    """Event data of each record as JSON text; null where it has none."""
    made: list[pa.Array] = []
    target = np.full(len(array), -1, dtype=np.int64)
    for part, places, rows in _by_part(array):
        chosen, inverse = np.unique(rows, return_inverse=True)
        rendered = Rendered(part, max(_most(part), int(chosen[-1]) + 1), chosen)
        target[places] = sum(map(len, made)) + inverse
        made.append(rendered.named(Members(np.full(len(chosen), -1), []), unnamed=True))
    every = pa.concat_arrays(made) if made else pa.nulls(1, pa.string())
    return every.take(pa.array(np.maximum(target, 0), mask=target < 0))
