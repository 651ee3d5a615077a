"""Knowledge files to rules, and events to the rules that explain them.

`load()` reads every component in knowledge/*.toml; `match()` gives at most one rule for an event, the most specific
one: more conditions first, then the rule's own `order`, then its place in the file.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kit import tables
from kit.errors import RuleError
from kit.rules.file import Rule, rule
from kit.rules.matching import Index, Match, Record
from kit.values import plain, values

SLICE = 50_000  # records looked at in one go: bounds the memory that a large case takes
FOLDER = Path(__file__).parent.parent / "knowledge"
SHARED = frozenset({"references.toml", "codes.toml", "root_causes.toml", "words.toml"})  # no components

KINDS = ("environment", "failure", "benign", "label")
_TEXTS = (
    "database", "instance", "hresult", "routine", "operation", "writer", "volume", "backup_set",
)
_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_NUMBERS = ("count", "os_error", "native_error")


@dataclass(frozen=True)
class Component:
    """A knowledge file: its name, what it is about, and the name of its docs page."""

    file: str
    name: str
    about: str

    @property
    def page(self) -> str:
        """The docs page of the component, relative to the project."""
        return f"docs/rules/{self.file.removesuffix('.toml')}.md"


@dataclass(frozen=True)
class RootCause:
    """A root cause that an explanation may name."""

    id: str
    kind: str  # environment (explains a failure by itself), failure, benign or label
    title: str
    meaning: str
    weak: bool = False  # named only where nothing stronger was found
    advice: tuple[tuple[str, str | None], ...] = ()  # what to do, and the command where there is one


@dataclass(frozen=True)
class Rules:
    """Every rule, the components they come from, the root causes, and the index that finds the rule of a record."""

    rules: tuple[Rule, ...]
    components: tuple[Component, ...]
    root_causes: Mapping[str, RootCause] = field(repr=False)
    by_id: Mapping[str, Rule] = field(repr=False)
    index: Index = field(repr=False)

    @property
    def watched_providers(self) -> tuple[str, ...]:
        """Every event source that a rule names, lower case, with wildcards, sorted."""
        return tuple(sorted({name for one in self.rules for name in one.provider}))

    def page(self, one: Rule) -> str:
        """The docs page of a rule, relative to the project."""
        return f"docs/rules/{one.file.removesuffix('.toml')}.md#{one.id}"


@cache
def load(folder: Path = FOLDER) -> Rules:
    """All rules of a folder of knowledge files. Raises RuleError naming the file and the rule that is wrong."""
    shared = _toml(folder / "references.toml") if (folder / "references.toml").exists() else {}
    causes = dict(_root_causes(folder / "root_causes.toml")) if (folder / "root_causes.toml").exists() else {}
    found: list[Rule] = []
    components = []
    for path in sorted(folder.glob("*.toml")):
        if path.name in SHARED:
            continue
        component, made = _component(path, shared.get("references", {}), causes)
        components.append(component)
        found.extend(made)
    by_id: dict[str, Rule] = {}
    for one in found:
        if one.id in by_id:
            raise RuleError(f"{one.file}, rule {one.id}: the id is taken by a rule in {by_id[one.id].file}")
        by_id[one.id] = one
    return Rules(tuple(found), tuple(components), causes, by_id, Index(found))


def fingerprint(folder: Path = FOLDER) -> str:
    """A hash of all knowledge files: which rules were run."""
    made = hashlib.sha256()
    for path in sorted(folder.glob("*.toml")):
        made.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return made.hexdigest()[:12]


def _component(
    path: Path, shared: Mapping[str, str], causes: dict[str, RootCause]
) -> tuple[Component, list[Rule]]:
    content = _toml(path)
    causes.update(_causes(path.name, content.pop("root_cause", {})))
    if unknown := set(content) - {"component", "defaults", "references", "rule"}:
        raise RuleError(f"{path.name}: unknown table [{sorted(unknown)[0]}]")
    head = content.get("component", {})
    if not head.get("name") or not head.get("about"):
        raise RuleError(f"{path.name}: [component] needs name and about")
    keys = {**shared, **content.get("references", {})}
    defaults = content.get("defaults", {})
    made = [
        rule(path.name, head["name"], position, {**defaults, **one}, keys)
        for position, one in enumerate(content.get("rule", ()))
    ]
    for one in made:
        if one.root_cause and one.root_cause not in causes:
            raise RuleError(f"{path.name}, rule {one.id}: root_cause {one.root_cause!r} is not in root_causes.toml")
    return Component(path.name, head["name"], head["about"]), made


def _root_causes(path: Path) -> Iterable[tuple[str, RootCause]]:
    return _causes(path.name, _toml(path))


def _causes(file: str, given: Mapping[str, Any]) -> Iterable[tuple[str, RootCause]]:
    for name, one in given.items():
        if one.get("kind") not in KINDS or not one.get("title") or not one.get("meaning"):
            raise RuleError(f"{file}, root cause {name}: needs title, meaning and kind (one of {', '.join(KINDS)})")
        advice = tuple((step["text"], step.get("command")) for step in one.get("advice", ()))
        yield name, RootCause(name, one["kind"], one["title"], one["meaning"], bool(one.get("weak")), advice)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path.name}: not a TOML file: {error}") from error


def match(events: pd.DataFrame, rules: Rules | None = None) -> pd.DataFrame:
    """Table `matches`: each event that a rule explains, once, with what was captured.

    `events` is the table of that name. Order of rows is that of the events.
    """
    index = (rules or load()).index
    rows = index.candidates(_column(events, "provider"), _numbers(events), _texts(events))
    parts = [_matched(index, events.iloc[rows[start : start + SLICE]]) for start in range(0, len(rows), SLICE)]
    return pd.concat(parts, ignore_index=True) if parts else tables.empty("matches")


def _matched(index: Index, events: pd.DataFrame) -> pd.DataFrame:
    """Table `matches` of events that may fit a rule."""
    distinct, places = _distinct(index, values(events["uid"]), _records(events))
    hit = places >= 0
    made = tables.frame("matches", distinct).iloc[places[hit]].reset_index(drop=True)
    return made.assign(uid=events.loc[hit, "uid"].astype(made["uid"].dtype).reset_index(drop=True))


def _distinct(
    index: Index, uids: Sequence[str], records: Iterable[tuple[Any, ...]]
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """A row for each match of records that differ in more than time and place, and each record's row (-1: none)."""
    known: dict[tuple[Any, ...], int] = {}
    made: list[dict[str, Any]] = []
    places = np.full(len(uids), -1)
    for number, (uid, told) in enumerate(zip(uids, records, strict=True)):
        if told not in known:
            provider, event_id, message, data, strings = told
            found = index.match(Record(provider, event_id, message, strings, fields(data)))
            known[told] = len(made) if found else -1
            made += [row(uid, found)] if found else []
        places[number] = known[told]
    return made, places


def row(uid: str, found: Match) -> dict[str, Any]:
    """A row of table `matches` for a match."""
    captured = found.captured
    one = found.rule
    return {
        "uid": uid, "rule_id": one.id, "class": one.class_, "phase": one.phase, "severity": one.severity,
        "status": one.status,
        **{name: _text(captured.get(name)) for name in _TEXTS},
        **{name: captured[name] if isinstance(captured.get(name), int) else None for name in _NUMBERS},
        "captured": _as_json(captured),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _column(events: pd.DataFrame, name: str) -> pa.ChunkedArray | pa.Array:
    return pa.array(events[name], from_pandas=True)


def _numbers(events: pd.DataFrame) -> np.ndarray:
    return events["event_id"].to_numpy(dtype="int64", na_value=-1)


def _texts(events: pd.DataFrame) -> pa.ChunkedArray | pa.Array:
    return pa.array(events["message"], from_pandas=True)


def _records(events: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
    """Provider, event_id, message, data and strings of the events."""
    taken = {name: plain(_column(events, name)) for name in ("provider", "event_id", "message", "data", "strings")}
    for provider, event_id, message, data, strings in zip(*taken.values(), strict=True):
        yield provider, event_id, message, data, None if strings is None else tuple(strings)


def fields(data: str | None) -> Mapping[str, Any]:
    """Named event data out of its JSON text; empty for none and for anything else."""
    if not data:
        return {}
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

