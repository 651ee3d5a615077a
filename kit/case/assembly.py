"""Sources of a case put together: each with its role and zone, its rows finished, one frame for each declared table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit import progress, sources, tables
from kit.case import roles, source_zones, zones
from kit.case.config import Config
from kit.case.loading import Read
from kit.case.roles import Facts, Role
from kit.case.source import Source, path_of
from kit.values import dicts

_HANDFUL = 256


def assemble(reads: Sequence[Read], config: Config, quiet: bool | None = None) -> list[Source]:
    """Every file with its id, role and zone, in the order of the paths."""
    found = list(_identified(reads))
    facts = [_facts(one, config) for one in progress.over(found, "whose logs these are", path_of, quiet=quiet)]
    told = roles.exports(_exported(found, "recovery_points"), _exported(found, "replication"), facts)
    decided = roles.decide(facts, told, config)
    found = [replace(one, role=role) for one, role in zip(found, decided, strict=True)]
    return source_zones.with_zones(found, config, quiet)


def _identified(reads: Iterable[Read]) -> Iterator[Source]:
    first: dict[str, str] = {}
    for read in sorted(reads, key=lambda one: one.given.path):
        row = read.account.source
        digest = row.get("sha256")
        copy_of = first.get(digest) if digest and row.get("size") else None
        if digest:
            first.setdefault(digest, read.given.path)
        alone = bool(digest and row.get("size") and copy_of is None)
        name = sources.source_id_of(str(digest) if alone else read.given.path)
        yield Source(read, name, Role(roles.UNKNOWN, ""), copy_of=copy_of)


def _facts(one: Source, config: Config) -> Facts:
    account = one.read.account
    inventory = account.inventory
    return Facts(
        path=one.path,
        computer=config.said_of(one.path).computer or account.source.get("computer"),
        channels=frozenset(inventory.get("channel", ())),
        providers=frozenset(inventory.get("provider", ())),
        tables=frozenset(name.removesuffix(".parquet") for name in (one.read.entry.files if one.read.entry else ())),
        vm_names=frozenset(inventory.get("vm_name", ())),
    )


def _exported(found: Iterable[Source], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in found:
        table = one.entry.table(name) if one.entry else None
        rows += [row | {"path": one.path} for row in dicts(table)] if table else []
    return rows


def finished(one: Source, name: str, table: pa.Table) -> pa.Table:
    """Rows with their role, computer, VM and UTC times, in the declared columns of their table."""
    for column in [column for column in table.column_names if column.endswith("_local")]:
        table = _in_utc(one, table, column)
    table = _filled(table, "computer", one.role.computer)
    if one.role.role in roles.GUESTS:
        table = _filled(table, "vm_name", one.role.vm_name)
    if "role" in table.column_names:
        table = _filled(table, "role", one.role.role)
    if "exported_utc" in table.column_names and name != "sources":
        table = _exported_time(one, table)
    if one.until is not None and {"time_utc", "time_basis"} <= set(table.column_names):
        table = _without_future(one.until, table)
    return table.select([column for column in tables.schema(name).names if column in table.column_names])


def _without_future(until: pd.Timestamp, table: pa.Table) -> pa.Table:
    """Times after the last plausible one are only assumed; no verdict rests on them."""
    place = table.schema.get_field_index("time_basis")
    kind = table.schema.field(place).type
    future = pc.fill_null(pc.greater(table.column("time_utc"), pa.scalar(until, tables.TIME)), False)
    basis = pc.if_else(future, pa.scalar("assumed"), table.column(place).cast(pa.string()))
    made = basis.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else basis
    return table.set_column(place, table.schema.field(place), made)


def _exported_time(one: Source, table: pa.Table) -> pa.Table:
    when = one.read.account.source.get("exported_utc")
    if when is None:
        return table
    place = table.schema.get_field_index("exported_utc")
    made = pc.fill_null(table.column("exported_utc"), pa.scalar(when, tables.TIME))
    return table.set_column(place, table.schema.field(place), made)


def _in_utc(one: Source, table: pa.Table, column: str) -> pa.Table:
    """`X_utc` filled from `X_local` by the zone of the source, and `time_basis` for the row's own time."""
    local = table.column(column)
    if local.null_count == len(local):
        return table
    zone = one.zone or zones.assumed()
    given = pd.Series(local.to_pandas())
    made, sure = zone.convert(given)
    place = table.schema.get_field_index(f"{column.removesuffix('_local')}_utc")
    utc = pc.coalesce(table.column(place), pa.chunked_array([pa.array(made, tables.TIME)]))
    table = table.set_column(place, table.schema.field(place), utc)
    if column != "time_local" or "time_basis" not in table.column_names:
        return table
    basis = pa.array(zones.basis(sure, zone.basis), pa.string(), mask=given.isna().to_numpy())
    return _filled_from(table, "time_basis", basis)


def _filled(table: pa.Table, name: str, value: str | None) -> pa.Table:
    if value is None or name not in table.column_names or table.column(name).null_count == 0:
        return table
    return _filled_from(table, name, pa.repeat(pa.scalar(value), len(table)))


def _filled_from(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    kind = table.schema.field(place).type
    made = pc.coalesce(table.column(place).cast(pa.string()), pa.chunked_array([values]))
    if pa.types.is_dictionary(kind):
        made = made.dictionary_encode().cast(kind)
    return table.set_column(place, table.schema.field(place), made)


def rows_of(
    found: Iterable[Source], name: str, quiet: bool | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """All rows of one declared table, finished, in the order of the paths; all its columns, or only some."""
    needed = _needed(tables.schema(name), columns) if columns else None
    there = [one for one in found if one.entry is not None and one.entry.path(name) is not None]
    shown = progress.over(there, f"table {name}", path_of, quiet=quiet)
    read = ((one, one.entry.table(name, needed)) for one in shown if one.entry is not None)
    return joined(name, (finished(one, name, table) for one, table in read if table is not None), columns)


def _needed(declared: pa.Schema, columns: Sequence[str]) -> list[str]:
    """The columns that finishing some of them takes: times wait for their zone under another name."""
    waiting = [f"{column.removesuffix('_utc')}_local" for column in columns if column.endswith("_utc")]
    basis = ["time_basis"] if waiting and "time_basis" in declared.names else []
    return list(dict.fromkeys([*columns, *waiting, *basis]))


def joined(name: str, parts: Iterable[pa.Table], columns: Sequence[str] | None = None) -> pa.Table:
    """The parts of a declared table as one; very many small ones are put together by handfuls, to save memory."""
    wanted = pa.schema([tables.schema(name).field(column) for column in columns or tables.schema(name).names])
    whole: list[pa.Table] = []
    small: list[pa.Table] = []
    for part in parts:
        small.append(part.select(wanted.names))
        if len(small) >= _HANDFUL:
            whole.append(_compact(small))
            small = []
    whole += [_compact(small)] if whole and small else small
    if not whole:
        return wanted.empty_table()
    return pa.concat_tables(whole).unify_dictionaries().cast(wanted)


def _compact(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()
