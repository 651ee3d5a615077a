"""Rows of a reader out of dictionaries: batches of Arrow tables with the declared types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from kit import tables
from kit.sources.seam import Fact, Lost, Reading, Rows

BATCH = 10_000
MOST_TURNED = 1_000_000
LONGEST_MESSAGE = 1 << 16  # characters
APART = 10  # between running numbers of exports without record numbers: nobody knows what is missing in between
Made = tuple[str, dict[str, Any]]  # table and row

_LOCAL = pa.timestamp("us")


def rows(table: str, made: list[dict[str, Any]]) -> Rows:
    """Rows of a declared table; columns `X_local` are times without zone."""
    declared = tables.schema(table)
    names = list(dict.fromkeys(name for row in made for name in row))
    columns = {name: _array([row.get(name) for row in made], _kind(declared, name)) for name in names}
    return Rows(table, pa.table(columns))


def _kind(declared: pa.Schema, name: str) -> pa.DataType:
    if name.endswith("_local"):
        return _LOCAL
    kind = declared.field(name).type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
        return pa.array([_whole(value) for value in values], kind)


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def oldest_first(readings: Iterable[Reading], newest_first: bool) -> Iterator[Reading]:
    """The readings with their rows in the order of time, as far as they are local: what follows a step back of the
    clock in the night when daylight saving ends is told by the order.

    Recovery points are sorted, other tables turned round where the export begins with the newest. Up to a million rows
    are held for it; a longer export keeps its order.
    """
    held: list[Rows] = []
    count = 0
    for reading in readings:
        local = isinstance(reading, Rows) and "time_local" in reading.columns.column_names
        if not isinstance(reading, Rows) or not local or not (newest_first or reading.table == "recovery_points"):
            yield reading
            continue
        held.append(reading)
        count += len(reading.columns)
        if count > MOST_TURNED:
            yield from held
            yield Fact(note="newest first and too long to be turned: the hour that daylight saving repeats is not told")
            held, newest_first = [], False
    for reading in reversed(held):
        yield Rows(reading.table, _oldest_first(reading))


def _oldest_first(rows: Rows) -> pa.Table:
    if rows.table == "recovery_points":
        return rows.columns.sort_by("time_local")
    return rows.columns.take(pa.array(range(len(rows.columns) - 1, -1, -1)))


def append(row: dict[str, Any], line: str) -> None:
    """Adds a further line to the message of a row, up to a bound."""
    if len(row["message"]) < LONGEST_MESSAGE:
        row["message"] = f"{row['message']}\n{line}"[:LONGEST_MESSAGE]


def batches(items: Iterable[Made | Lost | Fact], size: int = BATCH) -> Iterator[Reading]:
    """Rows in batches, each of one table and with times of one kind; losses and facts where they stand among them."""
    held: list[dict[str, Any]] = []
    held_key = ("", False)
    for item in items:
        made = item if isinstance(item, tuple) else None
        key = (made[0], "time_local" in made[1]) if made else ("", False)
        if held and (key != held_key or len(held) >= size):
            yield rows(held_key[0], held)
            held = []
        if made:
            held_key = key
            held.append(made[1])
        elif not isinstance(item, tuple):
            yield item
    if held:
        yield rows(held_key[0], held)
