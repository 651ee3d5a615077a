"""Rows of a reader made complete: declared columns and types, the source's id, and a uid for every event."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit import tables
from kit.errors import TableError
from kit.sources._account import Keeper
from kit.sources.seam import Rows

LOCAL = pa.timestamp("us")


def complete(rows: Rows, keeper: Keeper, used: set[str]) -> pa.Table:
    """The rows in the declared columns and types, with source_id, uid, time_basis and integrity filled.

    Columns `X_local` (times without zone) stay beside `X_utc`. `used` holds the uids of repeated record numbers.
    Raises TableError where a reader's rows do not fit the table.
    """
    declared = tables.schema(rows.table)
    given = rows.columns
    local = _local_columns(rows, declared)
    columns = [_cast(rows.table, field, given) for field in declared]
    table = pa.table(columns, schema=declared)
    for name in local:
        table = table.append_column(pa.field(name, LOCAL), given.column(name).cast(LOCAL))
    table = _constants(table, keeper.source_id)
    return _with_uid(table, keeper, used) if rows.table == "events" else table


def _local_columns(rows: Rows, declared: pa.Schema) -> list[str]:
    extra = [name for name in rows.columns.column_names if name not in declared.names]
    wrong = [name for name in extra if f"{name.removesuffix('_local')}_utc" not in declared.names]
    if wrong:
        raise TableError(f"table {rows.table}: unknown column {wrong[0]!r}")
    return extra


def _cast(name: str, field: pa.Field, given: pa.Table) -> pa.Array | pa.ChunkedArray:
    if field.name not in given.column_names:
        return pa.nulls(len(given), field.type)
    column = given.column(field.name)
    if column.type == field.type:
        return column
    try:
        if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(column.type):
            return column.cast(pa.string()).dictionary_encode().cast(field.type)
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise TableError(f"table {name}, column {field.name}: {column.type} is no {field.type}: {error}") from error


def _constants(table: pa.Table, source_id: str) -> pa.Table:
    table = _filled(table, "source_id", source_id)
    if "source_ids" in table.column_names:
        table = _set(table, "source_ids", pa.array([[source_id]] * len(table), tables.TEXTS))
    if "time_basis" in table.column_names:
        missing = pc.and_(pc.is_null(table.column("time_basis")), pc.is_valid(table.column("time_utc")))
        table = _filled(table, "time_basis", "utc", missing)
    return _filled(table, "integrity", "ok") if "integrity" in table.column_names else table


def _filled(table: pa.Table, name: str, value: str, where: pa.ChunkedArray | None = None) -> pa.Table:
    """The table with nulls of a text column replaced by a value (only where a mask holds)."""
    if name not in table.column_names:
        return table
    column, kind = table.column(name), table.schema.field(name).type
    if column.null_count == len(column) and where is None:
        made: pa.Array | pa.ChunkedArray = _constant(value, len(table), kind)
    else:
        mask = pc.is_null(column) if where is None else where
        made = pc.if_else(mask, pa.scalar(value), column.cast(pa.string()))
        made = made.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else made
    return _set(table, name, made)


def _constant(value: str, length: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(np.zeros(length, np.int32), pa.array([value])).cast(kind)
    return pa.repeat(pa.scalar(value), length)


def _set(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)


def _with_uid(table: pa.Table, keeper: Keeper, used: set[str]) -> pa.Table:
    numbers = table.column("record_id").combine_chunks()
    valid = numbers.is_valid().to_numpy(zero_copy_only=False)
    again = ~valid
    again[valid] = keeper.repeated(numbers.drop_null().to_numpy())
    text = numbers.cast(pa.string()).fill_null("")
    uids = pc.binary_join_element_wise(keeper.source_id, text, ":")
    if again.any():
        uids = _told_apart(uids, table.column("offset"), np.flatnonzero(again), keeper.kept, used)
    return _set(table, "uid", uids)


def _told_apart(uids: pa.Array, offsets: pa.ChunkedArray, places: np.ndarray, before: int, used: set[str]) -> pa.Array:
    """Uids with '@offset' where a record number repeats or lacks; '@row' with the row's number as the last resort."""
    made = uids.to_pylist()
    for place in map(int, places):
        offset = offsets[place].as_py()
        uid = f"{made[place]}@{offset}" if offset is not None else f"{made[place]}@row{before + place + 1}"
        if uid in used:
            uid = f"{uid}@row{before + place + 1}"
        used.add(uid)
        made[place] = uid
    return pa.array(made, pa.string())
