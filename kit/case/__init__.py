"""A folder or archive of evidence as one case: every source with its account, and the tables over all of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from kit import collect, progress, rules, tables
from kit.case import absent, assembly, config, forks, future, intake, loading, merging, query, roles, spans
from kit.case.config import Config
from kit.case.intake import Given
from kit.case.loading import Task
from kit.case.source import Source, matching, path_of
from kit.case.store import Store
from kit.case.zones import Zone
from kit.errors import CaseError

_READ = ("read", "partial")
_EXPLAINED = 3  # files of a case without any log up to which each is told with its reason
_TROUBLE, _INFORMATION = {"1", "2", "3"}, {"0", "4"}  # levels of events


@dataclass(frozen=True)
class Case:
    """A case as it was found: a frame for each table, and `sql` for questions to all of them.

    .sources .losses .coverage                                     there at once
    .events .recovery_points .replication .writers .records        read when asked for
    .clocks                                                        as declared; the measured ones are of `kit.analyze`
    .missing                                                       what to collect, with why and command
    .sql(query) .watched(providers)                                without all events in memory

    Columns and units: docs/tables.md.
    """

    case_id: str
    title: str
    examiner: str | None
    requester: str | None
    question: str | None
    root: Path
    config: Config
    sources: pd.DataFrame
    losses: pd.DataFrame
    coverage: pd.DataFrame
    missing: list[dict[str, Any]]
    _found: tuple[Source, ...] = field(repr=False, default=())
    _quiet: bool | None = field(repr=False, default=None)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Table `events`, every record of the case. Large cases: `watched` and `sql` need far less memory."""
        return self._table("events")

    @cached_property
    def recovery_points(self) -> pd.DataFrame:
        """Table `recovery_points`, one row for each point whatever the number of exports."""
        paths = dict(zip(self.sources["source_id"], self.sources["path"], strict=True))
        return merging.points(self._table("recovery_points"), paths)

    @cached_property
    def replication(self) -> pd.DataFrame:
        """Table `replication`."""
        return self._table("replication")

    @cached_property
    def writers(self) -> pd.DataFrame:
        """Table `writers`."""
        return self._table("writers")

    @cached_property
    def records(self) -> pd.DataFrame:
        """Table `records`."""
        return self._table("records")

    @cached_property
    def clocks(self) -> pd.DataFrame:
        """Table `clocks` as far as case.toml declares it; measured clocks are part of the analysis."""
        return tables.frame("clocks", [dict(entry) | {"method": "declared"} for entry in self.config.clocks])

    def _table(self, name: str) -> pd.DataFrame:
        return tables.to_pandas(assembly.rows_of(self._found, name, self._quiet))

    def watched(self, providers: Iterable[str]) -> pd.DataFrame:
        """The events of these providers (any case, with wildcards), and every record of logs that are plain text."""
        patterns = [name.casefold() for name in providers]
        found = progress.over(self._found, "looking for records", path_of, quiet=self._quiet)
        parts = (table for one in found if (table := _watched(one, patterns)) is not None)
        return tables.to_pandas(assembly.joined("events", parts))

    def columns(self, name: str, columns: Sequence[str], source_ids: Collection[str]) -> pd.DataFrame:
        """Some columns of a table, of these sources."""
        own = [one for one in self._found if one.source_id in source_ids]
        return tables.to_pandas(assembly.rows_of(own, name, True, columns))

    def sql(self, statement: str) -> pd.DataFrame:
        """The rows of a SQL query (DuckDB) over the tables of the case; the events stay on disk.

        Tables: events, recovery_points, replication, writers, records, sources, losses, coverage. Raises CaseError
        with DuckDB's words for a wrong query.
        """
        small = {name: getattr(self, name) for name in ("sources", "losses", "coverage")}
        small["recovery_points"] = lambda: self.recovery_points
        return query.run(statement, self._found, small)

    def with_zones(self, found: Mapping[str, Zone]) -> Case:
        """The same case with the local times of these sources (source_id: zone) read in these zones."""
        own = [replace(one, zone=found.get(one.source_id, one.zone)) for one in self._found]
        return _case(intake.Folder(self.root, (), None), self.config, own, self._quiet)

    def require(self) -> Case:
        """The case itself. Raises CaseError when no file of it could be read, naming what was looked at."""
        if self.sources["status"].isin([*_READ, "empty"]).any():
            return self
        given = self.sources[self.sources["status"] != "absent"]
        first = zip(given["path"][:5], given["status"], given["note"], strict=False)
        few = len(given) <= _EXPLAINED
        named = ", ".join(
            f"{path} ({status}{f': {note}' if few and isinstance(note, str) else ''})" for path, status, note in first
        )
        more = f" and {len(given) - 5} more" if len(given) > 5 else ""
        raise CaseError(f"{self.root} holds no file that can be read: {named}{more}")


def _watched(one: Source, patterns: Sequence[str]) -> pa.Table | None:
    if one.entry is None or one.entry.path("events") is None:
        return None
    account = one.read.account
    if account.numbered:
        names = {
            name for name in account.inventory["provider"]
            if any(fnmatchcase(name.casefold(), pattern) for pattern in patterns)
        }  # fmt: skip
        table = matching(one.entry, names) if names else None
    else:
        table = one.entry.table("events")
    return assembly.finished(one, "events", table) if table is not None else None


def load_case(
    path: str | Path, workers: int | str | None = None, *, store: Store | None = None, quiet: bool | None = None
) -> Case:
    """The case in a folder, a .zip of one, or a single file; every file read once into the evidence store.

    path     on Windows best with r before the quotes: r"C:\\cases\\fabrikam"
    workers  number of processes, or the address of a Dask scheduler
    store    where the tables are kept; default the user's cache folder, see `kit doctor`
    quiet    True for no progress

        case = kit.load_case("data/practice")
        case.sources[["path", "role", "status", "kept"]]
        case.sql("SELECT provider, event_id, count(*) FROM events GROUP BY ALL ORDER BY 3 DESC")

    Raises CaseError when there is nothing to look at or the store cannot be written, ConfigError for a wrong case.toml.
    A damaged file is no error: `sources` says so.
    """
    folder = intake.look(path)
    store = store or Store()
    _outside(store, folder.root)
    settings = config.parse(folder.settings) if folder.settings is not None else Config()
    tasks = [Task(given, settings.said_of(given.path).culture) for given in folder.files]
    reads = loading.read_all(tasks, store, workers, quiet)
    return _case(folder, settings, future.marked(forks.marked(assembly.assemble(reads, settings, quiet))), quiet)


def _outside(store: Store, root: Path) -> None:
    """The evidence is never written to."""
    inside = store.root.resolve()
    if root.is_dir() and (inside == root.resolve() or root.resolve() in inside.parents):
        raise CaseError(f"the evidence store {store.root} lies inside the case {root}: set KIT_STORE to another folder")


def _case(folder: intake.Folder, settings: Config, found: list[Source], quiet: bool | None = None) -> Case:
    name = settings.case_id or _name(folder.root)
    rows: list[dict[str, Any]] = []
    losses: list[dict[str, Any]] = []
    coverage: list[dict[str, Any]] = []
    for one in progress.over(found, "accounts of the sources", path_of, quiet=quiet):
        rows.append(_source_row(one))
        losses += _losses(one)
        coverage += _coverage(one)
    points = assembly.rows_of(found, "recovery_points", quiet, ["vm_name", "time_utc"])
    replication = assembly.rows_of(found, "replication", quiet, ["vm_name"])
    lacking = _lacking(found, rows, tables.to_pandas(points), tables.to_pandas(replication))
    return Case(
        case_id=name,
        title=settings.title or name,
        examiner=settings.examiner,
        requester=settings.requester,
        question=settings.question,
        root=folder.root,
        config=settings,
        sources=tables.frame("sources", rows + _absent_rows(found, settings, lacking)),
        losses=tables.frame("losses", losses),
        coverage=tables.frame("coverage", coverage),
        missing=[
            *({"what": one.what, "why": one.why, "command": one.command, "vm_name": one.vm_name} for one in lacking),
            *_machines_lacking(found, rows, points),
            *_zones_lacking(found),
        ],
        _found=tuple(found),
        _quiet=quiet,
    )


def _name(root: Path) -> str:
    resolved = root.resolve()
    return intake.label(resolved.stem if resolved.is_file() else resolved.name) or "case"


def _source_row(one: Source) -> dict[str, Any]:
    given = dict(one.read.account.source)
    notes = [given.get("note"), _why_lost(one)]
    known = {name: given.get(name) for name in tables.schema("sources").names}
    made = known | {
        "source_id": one.source_id, "path": one.path, "computer": one.role.computer, "role": one.role.role,
        "vm_name": one.role.vm_name, "role_reason": one.role.reason, "zone": None,
        "time_basis": "utc" if given.get("first_time") else None,
    }  # fmt: skip
    if one.zone is not None:
        made |= spans.converted(one, given) | spans.repeated(one, given)
        made |= {"zone": one.zone.text, "time_basis": one.zone.basis}
        made["exported_utc"] = made["exported_utc"] or spans.utc(one, given.get("exported_local"))[0]
        notes.append(f"local times read as {one.zone.text} ({one.zone.reason}){_doubt(one.zone, given)}")
    if one.copy_of is not None:
        made |= {"kept": 0, "skipped": made["seen"]}
        notes.insert(0, f"the same content as {one.copy_of}: counted once, there")
    notes.append(future.said(one))
    return made | {"note": "; ".join(note for note in notes if note) or None}


def _doubt(zone: Zone, given: Mapping[str, Any]) -> str:
    if zone.basis == "assumed":
        return ""
    ends = pd.Series([given.get("first_local"), given.get("last_local")]).dropna().astype("datetime64[us]")
    if bool(zone.convert(ends)[1].all()):
        return ""
    if zone.basis == "declared":
        return "; times in the hour that daylight saving repeats or skips are only assumed"
    return "; times beyond a possible change of daylight saving are only assumed: declare timezone in case.toml"


def _why_lost(one: Source) -> str | None:
    """The most frequent reason of the losses, and how many other reasons there are."""
    counted = Counter({loss["reason"]: 0 for loss in one.read.account.losses})
    for loss in one.read.account.losses:
        counted[loss["reason"]] += loss["count"] or 1
    if not counted or not one.read.account.source.get("skipped"):
        return None
    (reason, _), *others = counted.most_common()
    more = f", and {len(others)} other reason{'s' if len(others) > 1 else ''}" if others else ""
    return f"lost because: {reason}{more}"


def _losses(one: Source) -> list[dict[str, Any]]:
    if one.copy_of is not None:
        seen = one.read.account.source["seen"]
        reason = f"a copy of {one.copy_of}: its records stand there"
        return [{"source_id": one.source_id, "count": seen, "reason": reason}] if seen else []
    names = tables.schema("losses").names
    return [
        {name: row.get(name) for name in names} | spans.converted(one, row) | {"source_id": one.source_id}
        for row in one.read.account.losses
    ]


def _coverage(one: Source) -> list[dict[str, Any]]:
    """Covered intervals; none where nobody knows what the times mean, or where a list may have been filtered."""
    if one.copy_of is not None or (one.zone is not None and one.zone.basis == "assumed"):
        return []
    made = [
        spans.converted(one, row)
        | spans.surely_from(one, row)
        | {"source_id": one.source_id, "channel": row["channel"], "computer": row["computer"] or one.role.computer}
        | {name: row.get(name) for name in ("first_id", "last_id")}
        for row in one.read.account.coverage
        if not row.get("listed") or _unfiltered(one)
    ]
    until = one.until
    if until is None:
        return made
    return [row | {"last_time": min(row["last_time"], until)} for row in made if row["first_time"] <= until]


def _unfiltered(one: Source) -> bool:
    """Whether a list without record numbers looks whole: it holds what nobody who looks for backup errors would have
    chosen, and both errors and information, so that no level was left out.
    """
    inventory = one.read.account.inventory
    levels = set(inventory.get("level", ()))
    if not (levels & _TROUBLE and levels & _INFORMATION):
        return False
    patterns = [name.casefold() for name in rules.load().watched_providers]
    names = {name.casefold() for name in inventory.get("provider", ())}
    return any(not any(fnmatchcase(name, pattern) for pattern in patterns) for name in names)


def _lacking(
    found: Sequence[Source], rows: Sequence[Mapping[str, Any]], points: pd.DataFrame, replication: pd.DataFrame
) -> list[absent.Absent]:
    held = [_held(one) for one, row in zip(found, rows, strict=True) if row["status"] in _READ]
    if not held:
        return []
    since: dict[str, pd.Timestamp] = {}
    for one, row in zip(found, rows, strict=True):
        inventory = one.read.account.inventory.get("channel", ())
        vm_name, first = one.role.vm_name, row["first_time"]
        if "ERRORLOG" in inventory and one.role.role in roles.GUESTS and vm_name and first is not None:
            first = pd.Timestamp(first)
            since[vm_name] = min(first, since.get(vm_name, first))
    return absent.expected(held, points, replication, since)


def _machines_lacking(
    found: Sequence[Source], rows: Sequence[Mapping[str, Any]], points: pa.Table
) -> Iterator[dict[str, Any]]:
    """Rows of `missing`: folders with logs of a guest that none of several machines can be given to."""
    names = sorted(set(points.column("vm_name").to_pylist()) - {None})
    folders: dict[str, Source] = {}
    for one, row in zip(found, rows, strict=True):
        if one.role.role == "guest" and one.role.vm_name is None and row["status"] in _READ:
            folders.setdefault(one.path.rpartition("/")[0], one)
    for folder, one in folders.items() if len(names) > 1 else ():
        yield {
            "what": f"machine of the logs in {folder or 'the case'}",
            "why": f"they show {one.role.computer or 'no computer'}, which may be any of {', '.join(names)}: they "
                   "judge no point until case.toml, or the name of the folder, says which",
            "command": collect.machine(f"{folder}/*" if folder else one.path), "vm_name": None,
        }  # fmt: skip


def _zones_lacking(found: Sequence[Source]) -> Iterator[dict[str, Any]]:
    """Rows of `missing`: the zones of computers whose local times are printed as they were written."""
    paths: dict[str, list[Source]] = {}
    for one in found:
        if one.zone is not None and one.zone.unnamed and one.copy_of is None:
            paths.setdefault(one.role.computer or f"the logs in {one.folder or 'the case'}", []).append(one)
    for name, own in paths.items():
        computer = own[0].path if len(own) == 1 and own[0].role.computer is None else name
        files = ", ".join(sorted(one.path for one in own)[:3]) + (" and others" if len(own) > 3 else "")
        why = f"the times of {files} are local and name no zone: they are printed as written, not in UTC"
        yield {
            "what": f"time zone of {computer}", "why": f"{why}; {collect.ZONE}", "command": collect.zone(),
            "vm_name": own[0].role.vm_name,
        }  # fmt: skip


def _held(one: Source) -> absent.Held:
    inventory = one.read.account.inventory
    files = one.read.entry.files if one.read.entry else {}
    return absent.Held(
        one.role.role,
        one.role.vm_name,
        frozenset(name.casefold() for name in inventory.get("channel", ())),
        frozenset(name.removesuffix(".parquet") for name in files),
        frozenset(name.casefold() for name in inventory.get("provider", ())),
        one.read.account.source.get("note"),
        one.read.account.source.get("reader"),
    )


def _absent_rows(found: Sequence[Source], settings: Config, lacking: Sequence[absent.Absent]) -> list[dict[str, Any]]:
    given = {one.path.casefold() for one in found}
    rows = [
        absent.row(one.path, one.role, one.vm_name, f"{one.what}: {one.why}")
        for one in lacking
        if one.path.casefold() not in given
    ]
    for glob, role in absent.unmatched(settings, [one.path for one in found]):
        rows.append(absent.row(glob, role, None, "case.toml names it, and no file of the case fits"))
    return list({row["path"]: row for row in rows}.values())


def read(path: str | Path, culture: str | None = None) -> dict[str, pd.DataFrame]:
    """One file of any known format as frames: each declared table that it fills, its row of `sources`, its losses.

        frames = kit.read(r"C:\\logs\\Application.evtx")
        frames["events"], frames["sources"], frames["losses"], frames["coverage"]

    `culture`, such as de-DE, is that of dates in CSV. Local times are UTC where the file itself states its zone, else
    assumed to be UTC and marked so. Nothing is kept in the evidence store. Raises CaseError when there is no such file.
    """
    place = intake.named_file(path)
    with tempfile.TemporaryDirectory(prefix="kit-read-") as folder:
        given = Given(intake.label(place.name), place, place.stat().st_size)
        reads = [loading.read_one(Task(given, culture), Store(Path(folder)))]
        found = assembly.assemble(reads, Config())
        case = _case(intake.Folder(place, (given,), None), Config(), found)
        filled = found[0].entry.files if found[0].entry else {}
        names = [name for name in tables.SCHEMAS if f"{name}.parquet" in filled]
        made = {name: getattr(case, name) for name in names}
    own = case.sources[case.sources["status"] != "absent"].reset_index(drop=True)
    return made | {"sources": own, "losses": case.losses, "coverage": case.coverage}
