"""Sources of a case put together: each with its role and zone, its rows finished, one frame for each declared table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kit import sources, tables
from kit.case import roles, zones
from kit.case.config import Config
from kit.case.loading import Read
from kit.case.roles import Facts, Role
from kit.case.store import Entry
from kit.case.zone_anchors import Point, same_items
from kit.case.zone_anchors import points as anchor_points
from kit.case.zones import Zone

_EVENTLOG = "eventlog"
_ABOUT_MONTH = pd.Timedelta(days=40)


@dataclass(frozen=True)
class Source:
    """One given file with everything the case found out about it."""

    read: Read
    source_id: str
    role: Role
    zone: Zone | None = None  # only where it has local times
    copy_of: str | None = None  # path of the first file with the same content
    until: pd.Timestamp | None = None  # the last plausible time, where rows lie after it
    ahead: int = 0  # rows after it

    @property
    def path(self) -> str:
        """Path relative to the case."""
        return self.read.given.path

    @property
    def entry(self) -> Entry | None:
        """Its rows in the store; none for copies and for what could not be read."""
        return None if self.copy_of else self.read.entry

    @property
    def local(self) -> bool:
        """Whether it has times without a zone."""
        row = self.read.account.source
        return row.get("first_local") is not None or row.get("exported_local") is not None


def assemble(reads: Sequence[Read], config: Config) -> list[Source]:
    """Every file with its id, role and zone, in the order of the paths."""
    found = list(_identified(reads))
    facts = [_facts(one, config) for one in found]
    told = roles.exports(_exported(found, "recovery_points"), _exported(found, "replication"), facts)
    decided = roles.decide(facts, told, config)
    found = [replace(one, role=role) for one, role in zip(found, decided, strict=True)]
    return _with_zones(found, config)


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
        rows += [row | {"path": one.path} for row in table.to_pylist()] if table else []
    return rows


def _with_zones(found: list[Source], config: Config) -> list[Source]:
    if not any(one.local for one in found):
        return found
    points = {one.path: _own_points(one, found) for one in found if one.local}
    shared: dict[str, list[Point]] = {}
    for one in found:
        if one.path in points and (name := roles.short(one.role.computer)):
            shared.setdefault(name, []).extend(points[one.path])
    return [replace(one, zone=_zone(one, found, config, points, shared)) if one.local else one for one in found]


def _zone(
    one: Source, found: Sequence[Source], config: Config, points: dict[str, list[Point]], shared: dict[str, list[Point]]
) -> Zone:
    said = config.said_of(one.path).timezone
    if said:
        return zones.declared(said)
    own, name = points[one.path], roles.short(one.role.computer)
    told = one.read.account.source.get("zone")
    if told and not own:
        return replace(zones.declared(told), basis="inferred", reason="the file names its zone")
    names = _named(one, found, config) if name else []
    other = [point for point in shared.get(name, []) if point not in own]
    reason = own[0].reason if own else f"another log of {one.role.computer}: {other[0].reason}" if other else ""
    made = zones.inferred([*own, *other], names, reason) or zones.inferred(own, names, reason)
    return made or _declared_beside(one, found, config) or zones.assumed()


def _declared_beside(one: Source, found: Sequence[Source], config: Config) -> Zone | None:
    """The zone that case.toml declares for other logs of the same computer, when it is one and the same."""
    name = roles.short(one.role.computer)
    said = {config.said_of(other.path).timezone for other in found if name and roles.short(other.role.computer) == name}
    known = [zone for zone in said if zone]
    if len(known) != 1:
        return None
    reason = f"declared in case.toml for another log of {one.role.computer}"
    return replace(zones.declared(known[0], reason), basis="inferred")


def _own_points(one: Source, found: Sequence[Source]) -> list[Point]:
    """Points of known offset from the file itself: what it states, and messages that also stand in an event log."""
    told, first = one.read.account.source.get("zone"), _first_sure(one)
    point = zones.stated(told, first) if told and first else None
    made = [point] if point else []
    if one.entry is None:
        return made
    if one.entry.path("recovery_points"):
        elsewhere = _listed_in_utc(one, found)
        made += same_items(_listed(one, "time_local"), elsewhere, "points that another list gives in UTC")
    if one.entry.path("events") is None:
        return made
    providers = {name.casefold() for name in one.read.account.inventory["provider"]}
    beside = [utc for other in found if _beside(one, other) and (utc := _events_of(other, providers)) is not None]
    local = one.entry.table("events", ["time_local", "event_id", "message"]) if beside else None
    if local is not None:
        made += [point for utc in beside for point in anchor_points(local.to_pandas(), tables.to_pandas(utc))]
    return made


def _first_sure(one: Source) -> Any:
    """The first local time that the reader does not doubt itself."""
    first = one.read.account.source.get("first_local")
    if one.entry is None or one.entry.path("events") is None:
        return first
    with one.entry.opened("events") as file:
        for batch in file.iter_batches(columns=["time_local", "time_basis"]):
            sure = pc.and_(pc.is_valid(batch.column(0)), pc.is_null(batch.column(1)))
            if len(found := batch.column(0).filter(sure)):
                return found[0].as_py()
    return first


def _listed(one: Source, column: str) -> dict[str, Any]:
    """Id and time of each recovery point of a list, but those whose date can be read in two ways."""
    table = one.entry.table("recovery_points", ["recovery_point_id", column, "time_basis"]) if one.entry else None
    rows = table.to_pylist() if table else []
    return {
        row["recovery_point_id"]: row[column]
        for row in rows
        if row["recovery_point_id"] and row[column] is not None and row["time_basis"] != "assumed"
    }


def _listed_in_utc(one: Source, found: Sequence[Source]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for other in found:
        if other is not one and other.entry is not None and other.entry.path("recovery_points"):
            made |= _listed(other, "time_utc")
    return made


def _beside(one: Source, other: Source) -> bool:
    """An event log of the same computer, or of one in the same folder when the file names none."""
    if other.local or other.entry is None or other.entry.path("events") is None:
        return False
    names = roles.short(one.role.computer), roles.short(other.role.computer)
    if all(names):
        return names[0] == names[1]
    return one.path.rpartition("/")[0] == other.path.rpartition("/")[0]


def _events_of(other: Source, providers: set[str]) -> pa.Table | None:
    written = [name for name in other.read.account.inventory["provider"] if name.casefold() in providers]
    if not written or other.entry is None:
        return None
    return matching(other.entry, set(written), ["time_utc", "event_id", "message", "strings"])


def _named(one: Source, found: Sequence[Source], config: Config) -> list[str]:
    """Zones that the event logs of the same computer name near the time of this source; declared ones come first."""
    row = one.read.account.source
    span = (row.get("first_local") or row.get("exported_local"), row.get("last_local") or row.get("exported_local"))
    made: list[str] = []
    for other in found:
        if roles.short(other.role.computer) != roles.short(one.role.computer):
            continue
        if said := config.said_of(other.path).timezone:
            made.append(said)
        elif not other.local and other.entry is not None and other.entry.path("events"):
            made += _zone_names(other, span)
    return [name for name in made if "/" in name]


def _zone_names(other: Source, span: tuple[Any, Any]) -> list[str]:
    table = _events_of(other, {_EVENTLOG})
    if table is None or span[0] is None:
        return []
    rows = table.select(["time_utc", "strings"]).to_pylist()
    near = [
        row
        for row in rows
        if row["time_utc"] is not None
        and span[0] - _ABOUT_MONTH <= row["time_utc"].replace(tzinfo=None) <= span[1] + _ABOUT_MONTH
    ]
    return [name for row in near if (name := zones.named(row["strings"] or ()))]


def matching(entry: Entry, providers: set[str], columns: list[str] | None = None) -> pa.Table | None:
    """The events of these providers (as written), read row group by row group; None when there are none."""
    path = entry.path("events")
    if path is None:
        return None
    wanted = pa.array(sorted(providers))
    kept = []
    with entry.opened("events") as file:
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, ["provider"]).column("provider").cast(pa.string())
            mask = pc.is_in(column, wanted)
            if pc.any(mask).as_py():
                kept.append(file.read_row_group(group, columns).filter(mask))
    return pa.concat_tables(kept).unify_dictionaries() if kept else None


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
    if one.until is not None and "time_basis" in table.column_names:
        table = _without_future(one.until, table)
    return table.select(tables.schema(name).names)


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


def rows_of(found: Iterable[Source], name: str) -> pa.Table:
    """All rows of one declared table, finished, in the order of the paths."""
    parts = [
        finished(one, name, table)
        for one in found
        if one.entry is not None and (table := one.entry.table(name)) is not None
    ]
    if not parts:
        return tables.schema(name).empty_table()
    return pa.concat_tables(parts).unify_dictionaries().cast(tables.schema(name))
