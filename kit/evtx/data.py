"""Event data as a column of a pandas frame: a mapping of typed values for each record, made only when it is looked at.

    frame["data"][0]                        {"param1": "SQL Server (RADAR)", "param2": "stopped"}
    frame["data"].event.field("param1")     one field of all records as a typed column
    frame["data"].event.wide()              every field of these records as a typed column
    frame["data"].event.long()              one row for each value
    frame["data"].event.json()              the same mapping as JSON text, all values as text

Types: text, GUIDs and SIDs are str; whole numbers int (also those that Windows shows in hexadecimal); truth values bool
(int where a log holds another number than 0 and 1); FILETIME and SYSTEMTIME are UTC times; binary data is bytes; arrays
are lists of text; what is null is None. Values of EventData that have no name stand in a list under `Data`. A name that
repeats has a list of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype, register_series_accessor

from kit.evtx import fields, wide
from kit.evtx import format as layout
from kit.evtx.payload import Values
from kit.evtx.render import in_order
from kit.evtx.values import Kind, guid_text, time_text

_SHIFT = 32
_NONE = -1


@register_extension_dtype
class EventDataType(ExtensionDtype):
    """The type of a column of event data."""

    name = "event data"
    type = dict
    na_value = None

    @classmethod
    def construct_array_type(cls) -> Any:
        """The array of this type."""
        return EventData


class Part:
    """The event data of one batch, and where each record's values stand."""

    def __init__(self, values: Values, rows: int) -> None:
        self.values = values
        self._rows = rows
        self._order: np.ndarray | None = None
        self._starts: np.ndarray | None = None

    def of(self, row: int) -> list[tuple[str, bool, Kind, int]]:
        """(key, has a name, kind, place in the array of that kind) of each value of a record, in order."""
        if self._order is None or self._starts is None:
            self._order = in_order(self.values, self._rows)
            self._starts = np.concatenate([[0], np.cumsum(np.bincount(self.values.row, minlength=self._rows))])
        values, entries = self.values, self.values.keys.entries
        found = self._order[self._starts[row] : self._starts[row + 1]].tolist()
        return [
            (*entries[int(values.key[one])][:2], Kind(int(values.kind[one])), int(values.index[one])) for one in found
        ]


class EventData(ExtensionArray):
    """An array of event data. `place` holds part and record of each element; -1 stands for none."""

    def __init__(self, parts: Sequence[Part], place: np.ndarray) -> None:
        self.parts = list(parts)
        self.place = place

    @property
    def dtype(self) -> EventDataType:
        """The type of the array."""
        return EventDataType()

    @property
    def nbytes(self) -> int:
        """Bytes of the values behind the array; several arrays may share them."""
        arrays = (child for part in self.parts for child in part.values.children.values())
        return self.place.nbytes + sum(child.nbytes for child in arrays)

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, item: Any) -> Any:
        item = pd.api.indexers.check_array_indexer(self, item)
        found = self.place[item]
        return self._mapping(int(found)) if np.ndim(found) == 0 else EventData(self.parts, found)

    def _mapping(self, place: int) -> dict[str, Any] | None:
        if place == _NONE:
            return None
        part = self.parts[place >> _SHIFT]
        made: dict[str, Any] = {}
        several: set[str] = set()
        for key, named, kind, index in part.of(place & 0xFFFFFFFF):
            value = None if kind == Kind.NULL else plain(kind, part.values.children[kind][index].as_py())
            if not named and key == fields.UNNAMED:
                made.setdefault(key, []).extend(value if kind == Kind.TEXTS and value is not None else [value])
            elif key not in made:
                made[key] = value
            elif key in several:
                made[key].append(value)
            else:
                several.add(key)
                made[key] = [made[key], value]
        return made

    def isna(self) -> np.ndarray:
        """Which elements are missing altogether."""
        found: np.ndarray = self.place == _NONE
        return found

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """The elements at given positions; with `allow_fill` -1 stands for a missing one."""
        taken = pd.api.extensions.take(self.place, indices, fill_value=_NONE, allow_fill=allow_fill)
        return type(self)(self.parts, taken)

    def copy(self) -> Self:
        """The same array; what it holds is never changed."""
        return type(self)(self.parts, self.place.copy())

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, (pd.Series, pd.DataFrame, pd.Index)):
            return NotImplemented
        others = other if isinstance(other, (EventData, list)) else [other] * len(self)
        return np.array([one == two for one, two in zip(self, others, strict=True)], dtype=bool)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        parts: list[Part] = []
        places = []
        for array in to_concat:
            shift = len(parts) << _SHIFT
            parts.extend(array.parts)
            places.append(np.where(array.place == _NONE, _NONE, array.place + shift))
        return cls(parts, np.concatenate(places))

    @classmethod
    def _from_sequence(cls, scalars: Sequence[Any], *, dtype: Any = None, copy: bool = False) -> Self:
        if any(one is not None for one in scalars):
            raise TypeError("event data comes out of a log and cannot be made from other values")
        return cls([], np.full(len(scalars), _NONE, dtype=np.int64))

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:
        return str

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:
        return pa.array(wide.json_texts(self), pa.string())


def plain(kind: Kind, content: Any) -> Any:
    """A value as the Python object that a mapping of event data holds."""
    if kind == Kind.GUID:
        return guid_text(content)
    if kind == Kind.FLAG:
        return bool(content) if content < 2 else content
    if kind == Kind.TIME:
        return moment(content)
    return content


def moment(ticks: int) -> pd.Timestamp | str:
    """A FILETIME as a UTC time, to the 100 ns where the calendar of pandas allows it, else as text."""
    try:
        return pd.Timestamp((ticks - layout.EPOCH_TICKS) * 100, unit="ns", tz="UTC")
    except (OverflowError, ValueError):
        return time_text(ticks)


@register_series_accessor("event")
class EventAccessor:
    """Typed columns and texts from a column of event data."""

    def __init__(self, series: pd.Series) -> None:
        if not isinstance(series.array, EventData):
            raise AttributeError("only a column of event data has .event")
        self._index = series.index
        self._array = series.array

    def field(self, name: str) -> pd.Series:
        """One field as a typed column (see `wide`); null where a record lacks it."""
        return pd.Series(wide.field(self._array, name), index=self._index, name=name)

    def wide(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """The fields of these records, each as a typed column; all fields when none are named."""
        chosen = list(names) if names is not None else wide.names(self._array)
        made = {name: wide.field(self._array, name) for name in chosen}
        return pd.DataFrame(made, index=self._index)

    def long(self) -> pd.DataFrame:
        """One row for each value, with the index of its record: nth, field, kind, text."""
        return wide.long(self._array, self._index)

    def json(self) -> pd.Series:
        """Event data as JSON text, all values as text; null where a record has none."""
        return pd.Series(wide.json_texts(self._array), index=self._index, dtype="str")
