"""Frames as Python values, quickly: pandas hands out texts and lists of Arrow columns one scalar at a time."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def values(column: pd.Series) -> list[Any]:
    """The values of a column, the same as iterating it gives."""
    if not isinstance(column.dtype, (pd.StringDtype, pd.ArrowDtype)):
        return list(column)
    told: list[Any] = pa.array(column, from_pandas=True).to_pylist()
    if not column.hasnans:
        return told
    unknown = column.dtype.na_value
    return [unknown if value is None else value for value in told]


def tuples(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows as named tuples, the same as `DataFrame.itertuples()` gives."""
    row = namedtuple("Pandas", ["Index", *map(str, frame.columns)], rename=True)  # type: ignore[misc]
    return map(row._make, zip(frame.index, *(values(frame[name]) for name in frame.columns), strict=True))


def among(column: pd.Series, wanted: Collection[str]) -> np.ndarray:
    """Which of the texts are in the set; many times faster than `isin` for sets of many thousands."""
    found = pc.is_in(pa.array(column, from_pandas=True, type=pa.string()), pa.array(list(wanted), type=pa.string()))
    made: np.ndarray = found.to_numpy(zero_copy_only=False)
    return made
