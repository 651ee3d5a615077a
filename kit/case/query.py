"""SQL over a case: DuckDB reads the events where they lie, so that a question may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from kit import tables
from kit.case import assembly, roles
from kit.case.source import Source
from kit.errors import CaseError

_ON_DISK = ("events", "replication", "writers", "records")


def run(
    statement: str, found: Iterable[Source], small: Mapping[str, pd.DataFrame | Callable[[], pd.DataFrame]]
) -> pd.DataFrame:
    """The rows of a query, in the kit's types. `small` are tables that are in memory (or made when first needed).

    Raises CaseError with DuckDB's explanation when the query is wrong.
    """
    found = [one for one in found if one.entry is not None]
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET autoinstall_known_extensions = false")
        asked = _named(statement, [*_ON_DISK, *small])
        for name in _ON_DISK:
            if name in asked:
                _view(connection, name, found)
        for name, given in small.items():
            if not callable(given) or name in asked:
                made = given() if callable(given) else given
                connection.register(name, tables.to_arrow(name, made))
        try:
            found_rows = connection.sql(statement)
            result: Any = found_rows.to_arrow_table() if found_rows is not None else None
        except duckdb.Error as error:
            raise CaseError(f"the query failed: {error}") from error
    if result is None:
        raise CaseError("the query has no rows: write a SELECT")
    return tables.to_pandas(_microseconds(result))


def _named(statement: str, names: Sequence[str]) -> set[str]:
    """The tables that a query names; all where it names none, such as SHOW TABLES."""
    asked = {name for name in names if name in statement.casefold()}
    return asked or set(names)


def _view(connection: duckdb.DuckDBPyConnection, name: str, found: list[Source]) -> None:
    """A view of one table: Parquet files with what is constant for each source, and finished rows of local logs."""
    there = [one for one in found if one.entry is not None and one.entry.path(name)]
    on_disk = [one for one in there if not one.local]
    local = [one for one in there if one.local]
    connection.register(f"_{name}_local", assembly.rows_of(local, name))
    parts = [f"SELECT * FROM _{name}_local"]
    if on_disk:
        connection.register(f"_{name}_sources", _constants(on_disk))
        files = ", ".join("'" + str(one.entry.path(name)).replace("'", "''") + "'" for one in on_disk if one.entry)
        columns = ", ".join(_column(name, column) for column in tables.schema(name).names)
        parts.insert(
            0, f"SELECT {columns} FROM read_parquet([{files}]) AS r JOIN _{name}_sources AS s USING (source_id)"
        )  # fmt: skip
    connection.execute(f"CREATE VIEW {name} AS {' UNION ALL BY NAME '.join(parts)}")


def _column(name: str, column: str) -> str:
    if column in ("computer", "vm_name", "role") or (column == "exported_utc" and name == "replication"):
        return f"coalesce(r.{column}, s.{column}) AS {column}"
    return f"r.{column}"


def _constants(found: list[Source]) -> pa.Table:
    rows = [
        {
            "source_id": one.source_id,
            "role": one.role.role,
            "computer": one.role.computer,
            "vm_name": one.role.vm_name if one.role.role in roles.GUESTS else None,
            "exported_utc": one.read.account.source.get("exported_utc"),
        }
        for one in found
    ]
    kinds = [(name, tables.TEXT) for name in ("source_id", "role", "computer", "vm_name")]
    return pa.Table.from_pylist(rows, pa.schema([*kinds, ("exported_utc", tables.TIME)]))


def _microseconds(result: pa.Table) -> pa.Table:
    """Times in the kit's resolution, whatever the query made of them."""
    fields = [
        pa.field(one.name, pa.timestamp("us", one.type.tz)) if pa.types.is_timestamp(one.type) else one
        for one in result.schema
    ]
    return result.cast(pa.schema(fields))
