"""What an analysis found: the declared tables of a case after judgement, and how they are kept on disk.

Notebooks, reports, batch and customer copies read only an `Analysis`, so that their numbers agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from kit import parquet, tables, times
from kit.errors import CaseError, ParameterError
from kit.judgement import selection
from kit.visible import json_visible

META_FIELDS = {
    "case_id": "the case",
    "title": "title of the case",
    "examiner": "who examined",
    "requester": "who asked",
    "question": "what was asked",
    "policy": "strict or refined",
    "tolerance_s": "tolerance of pairs in seconds",
    "zone": "zone that reports show times in: that of the guest, else UTC",
    "report_id": "id that changes with evidence, rules and policy",
    "first_time": "first time of the judged period, ISO 8601",
    "last_time": "last time of the judged period, ISO 8601",
    "collected": "when the evidence was collected: the newest time any source shows, ISO 8601",
    "language": "language that reports are written in, where it is not English",
    "kit_version": "version of the kit",
    "rules_version": "fingerprint of the knowledge files",
    "rules_run": "number of rules that were run",
    "referee": "how many cited records the second parser checked, as text",
    "versions": "versions of Python and of the libraries that read, judged and drew",
}
AGAIN = "run kit analyze or kit report again on the case"


@dataclass(frozen=True)
class Analysis:
    """The result of `analyze`: `.meta` (see META_FIELDS) and the declared tables as attributes.

    .verdicts          recovery point x database, and one row for the machine (database missing)
    .recovery_points .findings .operations .operation_databases .links .boots .recoveries .clocks .advice .actions
    .judged_events     class, operation and point of each event; .events the events that are judged or cited
    .only(vm, since, until)  .save(folder)

    Columns and units: docs/tables.md.
    """

    meta: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    _arrow: dict[str, pa.Table] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in tables.SCHEMAS:
            raise AttributeError(f"an analysis has no {name!r}; its tables: {', '.join(tables.SCHEMAS)}")
        found: pd.DataFrame | None = self.tables.get(name)
        return tables.empty(name) if found is None else found

    def arrow(self, name: str) -> pa.Table:
        """A table as Arrow has it: as it was loaded, else from its frame, once."""
        if isinstance(self.tables, _Loaded):
            return self.tables.arrow[name]
        if name not in self._arrow:
            self._arrow[name] = tables.to_arrow(name, getattr(self, name))
        return self._arrow[name]

    @property
    def vm_names(self) -> list[str]:
        """The virtual machines of the case, in alphabetical order."""
        named = pd.concat([self.recovery_points["vm_name"], self.operations["vm_name"]])
        return sorted(named.dropna().unique())

    def only(self, vm: str | None = None, since: str | None = None, until: str | None = None) -> Analysis:
        """The same analysis with the points, verdicts and events of one VM or period; sources stay whole.

        `since` and `until` are ISO 8601 (UTC without a zone), inclusive; a date alone as `until` is the whole day.
        Raises ParameterError for an unknown VM, a time that cannot be read, or a period that holds nothing.
        """
        if vm is None and since is None and until is None:
            return self
        if vm is not None and vm not in self.vm_names:
            known = ", ".join(self.vm_names) or "none"
            raise ParameterError(f"vm={vm!r} is not in this case; it has: {known}")
        first, last = _time("since", since), _time("until", until, to_its_end=True)
        if first is not None and last is not None and last < first:
            raise ParameterError(f"until={until!r} is before since={since!r}")
        period = first, last
        made = replace(
            self, tables=selection.restrict(self.tables, self.meta, vm, period),
            meta={**self.meta, **selection.bounds(self.meta, period)},
        )
        if made.recovery_points.empty and made.operations.empty:
            self._refuse_empty(vm, since, until)
        return made

    def _refuse_empty(self, vm: str | None, since: str | None, until: str | None) -> None:
        """Raises ParameterError where the case has points or operations, and none of them in the chosen period."""
        moments = pd.concat([self.recovery_points["time_utc"], self.operations["begin_utc"]]).dropna()
        if len(moments) and not (since is until is None):
            given = {"vm": vm, "since": since, "until": until}
            chosen = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
            span = f"{moments.min():%Y-%m-%d %H:%M} to {moments.max():%Y-%m-%d %H:%M} UTC"
            raise ParameterError(f"{chosen}: no recovery point lies there; those of the case run from {span}")

    def in_language(self, code: str | None) -> Analysis:
        """The same analysis, whose reports are written in this language; the tables stay as they are."""
        return self if code is None else replace(self, meta={**self.meta, "language": code})

    def save(self, folder: str | Path) -> Path:
        """The folder, with `tables/<name>.parquet`, `meta.json` and `verdicts.json` written into it."""
        from kit.judgement.verdicts_json import document

        folder = Path(folder)
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        for name in tables.SCHEMAS:
            target = folder / "tables" / f"{name}.parquet"
            parquet.write(self.arrow(name), target)
        _write_json(folder / "meta.json", dict(self.meta))
        _write_json(folder / "verdicts.json", document(self))
        return folder


class _Loaded(Mapping[str, pd.DataFrame]):
    """Tables that were read, each made a frame when it is first asked for: the page needs most of them as rows."""

    def __init__(self, arrow: dict[str, pa.Table]) -> None:
        self.arrow = arrow
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = tables.to_pandas(self.arrow[name])
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrow)

    def __len__(self) -> int:
        return len(self.arrow)


def load_analysis(folder: str | Path, older: bool = False) -> Analysis:
    """The analysis that `Analysis.save` wrote into the folder. Raises CaseError if it is not there or damaged.

    With `older` also one that an older kit wrote: columns that it did not have are unknown.
    """
    folder = Path(folder)
    if not is_saved(folder):
        what = "no report or analysis there" if folder.is_dir() else "no such folder"
        raise CaseError(f"{folder}: {what}; name a folder that kit report or kit analyze wrote")
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        found = {
            name: _fitted(folder, name, parquet.read(path), older).cast(tables.schema(name))
            for name in tables.SCHEMAS
            if (path := folder / "tables" / f"{name}.parquet").exists()
        }
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CaseError(f"{folder}: no complete analysis there ({_short(error)}); {AGAIN}") from error
    if older:
        found = {name: tables.schema(name).empty_table() for name in tables.SCHEMAS} | found
    if lacking := sorted(set(tables.SCHEMAS) - set(found)):
        raise CaseError(f"{folder}: table {lacking[0]} is missing; {AGAIN}")
    return Analysis(meta, _Loaded(found))


def _fitted(folder: Path, name: str, table: pa.Table, older: bool) -> pa.Table:
    declared = tables.schema(name)
    if not older and table.schema.names != declared.names:
        raise CaseError(f"{folder}: written by another version of the kit ({_other(name, table.schema)}); {AGAIN}")
    for column in declared if older else ():
        if column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table.select(declared.names) if older else table


def _short(error: Exception) -> str:
    """The error's words in one line: a library may print whole tables."""
    said = " ".join(str(error).split())
    return said if len(said) <= 160 else f"{said[:159]}…"


def _other(name: str, found: pa.Schema) -> str:
    """How the columns of a table differ from those that this kit writes."""
    declared = tables.schema(name).names
    lacking = [column for column in declared if column not in found.names]
    unknown = [column for column in found.names if column not in declared]
    lacks = f"lacks the column {lacking[0]}" if lacking else "has its columns in another order"
    return f"its table {name} " + (f"has the unknown column {unknown[0]}" if unknown and not lacking else lacks)


def is_saved(path: str | Path) -> bool:
    """Whether the path is a folder that `Analysis.save` wrote."""
    return (Path(path) / "meta.json").is_file() and (Path(path) / "tables").is_dir()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(json_visible, laid_out(content)))
        file.write("\n")


def laid_out(content: Mapping[str, Any]) -> Iterator[str]:
    """The pieces of an object as JSON with a line for each key and for each row of a list.

    `indent` would take ten times as long, and one text of a large case some hundreds of MB.
    """
    encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
    for number, key in enumerate(sorted(content)):
        yield f"{',' if number else '{'}\n {encode(key)}: "
        value = content[key]
        if not isinstance(value, list) or not value:
            yield encode(value)
            continue
        for place, row in enumerate(value):
            yield f"{',' if place else '['}\n  {encode(row)}"
        yield "\n ]"
    yield "\n}"


def _time(name: str, text: str | None, to_its_end: bool = False) -> pd.Timestamp | None:
    """The moment that an ISO 8601 text names. Other spellings are refused: 05/06/2014 may be May or June."""
    if text is None:
        return None
    found = times.parse_iso(str(text))
    if found is None:
        raise ParameterError(
            f"{name}={text!r} is no ISO 8601 time: write 2014-05-19, 2014-05-19T12:00 (UTC) or 2014-05-19T12:00+02:00"
        )
    if to_its_end and len(str(text).strip()) == len("2014-05-19"):
        found += timedelta(days=1) - timedelta.resolution
    return pd.Timestamp(found).tz_localize("UTC") if found.tzinfo is None else pd.Timestamp(found).tz_convert("UTC")
