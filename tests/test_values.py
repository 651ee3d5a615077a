"""Values of frames read quickly are those that pandas gives when it is asked one by one."""

from __future__ import annotations

import pandas as pd

from kit import tables
from kit.values import among, tuples, values

ROWS = [
    {"operation_id": "O-1", "computer": "SQL01", "begin_utc": "2014-05-19T12:00:00Z", "freeze_s": 2.5,
     "databases": ["a", "b"], "evidence": []},
    {"operation_id": "O-2", "computer": None, "freeze_s": None, "databases": None, "evidence": ["x"]},
]


def operations() -> pd.DataFrame:
    rows = [row | {"begin_utc": pd.Timestamp(row["begin_utc"]) if "begin_utc" in row else None} for row in ROWS]
    return tables.frame("operations", rows)


def same(one: object, other: object) -> bool:
    if isinstance(one, list):
        return one == other
    return (pd.isna(one) and pd.isna(other) and type(one) is type(other)) or one == other


def test_every_value_of_every_column_is_the_same() -> None:
    frame = operations()
    for name in frame.columns:
        for quick, slow in zip(values(frame[name]), frame[name], strict=True):
            assert same(quick, slow), name


def test_rows_have_the_names_and_values_of_itertuples() -> None:
    frame = tables.frame("matches", [{"uid": "a:1", "class": "normal", "count": 3}, {"uid": "a:2"}])
    for quick, slow in zip(tuples(frame), frame.itertuples(), strict=True):
        assert quick._fields == slow._fields
        assert all(same(one, other) for one, other in zip(quick, slow, strict=True))


def test_membership_of_texts_with_unknown_ones_among_them() -> None:
    column = tables.frame("matches", [{"uid": "a:1"}, {"uid": None}, {"uid": "a:3"}])["uid"]
    assert list(among(column, {"a:3", "b:9"})) == [False, False, True]
    assert list(among(column, set())) == [False, False, False]
