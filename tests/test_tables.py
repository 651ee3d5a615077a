"""Declared tables: types survive, unknown stays unknown, and a frame that does not fit names table, column and row."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import tables
from kit.docs import tables as docs_tables
from kit.errors import TableError


@pytest.mark.parametrize("name", list(tables.SCHEMAS))
def test_an_empty_table_has_its_columns_and_types(name: str) -> None:
    made = tables.empty(name)
    assert list(made.columns) == tables.schema(name).names
    assert len(made) == 0
    assert tables.check(name, made).dtypes.equals(made.dtypes)


def test_unknown_is_null_and_not_zero_false_or_empty() -> None:
    made = tables.frame("recoveries", [{"boot_id": "B"}])
    assert made["rolled_back"].isna().all()
    assert made["failed"].isna().all()
    assert made["database"].isna().all()


def test_a_wrong_value_names_table_column_and_row() -> None:
    with pytest.raises(TableError, match=r"table recoveries, column rolled_back, row 1: 'many'"):
        tables.frame("recoveries", [{"rolled_back": 1}, {"rolled_back": "many"}])


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(TableError, match=r"table boots, row 0: unknown field 'colour'"):
        tables.frame("boots", [{"colour": "red"}])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(TableError, match="column 'uid' is missing"):
        tables.check("matches", tables.empty("matches").drop(columns="uid"))


def test_an_unknown_table_names_the_known_ones() -> None:
    with pytest.raises(TableError, match="events"):
        tables.empty("event")


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.none() | st.datetimes(
    min_value=pd.Timestamp("1980-01-01").to_pydatetime(), max_value=pd.Timestamp("2100-01-01").to_pydatetime()
).map(lambda value: pd.Timestamp(value, tz="UTC"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "uid": texts, "record_id": st.none() | st.integers(-(2**63), 2**63 - 1), "time_utc": moments,
                "strings": st.none() | st.lists(texts, max_size=3), "precision_s": st.none() | st.floats(0, 10),
                "provider": texts,
            }
        ),
        max_size=5,
    )
)
def test_what_goes_into_a_table_comes_out_of_it(rows: list[dict[str, object]]) -> None:
    made = tables.to_pandas(tables.to_arrow("events", tables.frame("events", rows)))
    for number, row in enumerate(rows):
        for name, value in row.items():
            found = made[name].iloc[number]
            if value is None:
                assert found is None or pd.isna(found)
            else:
                assert found == value


def test_the_page_of_the_tables_is_current() -> None:
    assert docs_tables.PAGE.read_text(encoding="utf-8") == docs_tables.page(), "run: python -m kit.docs.tables"
