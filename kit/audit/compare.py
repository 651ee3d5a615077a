"""`kit diff`: which verdicts and which evidence changed between two reports, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis, load_analysis
from kit.page.clean import clean
from kit.reasoning.verdicts import ITEMS
from kit.terminal import SIGNS, words_of
from kit.words import Words, counted, listed

NOTHING = "No difference in verdicts, points or evidence."
SETTINGS = (
    ("case_id", "Case"), ("policy", "Policy"), ("zone", "Zone of times"), ("kit_version", "Version of the kit"),
    ("rules_version", "Rules"),
)  # fmt: skip
MOST = 4  # statements that are told of one verdict
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Section:
    """One kind of change: a heading, if it has one, and its lines."""

    title: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.title, *self.lines]) if self.title else "\n".join(self.lines)


@dataclass(frozen=True)
class Sides:
    """Both analyses with what their comparison needs again and again."""

    before: Analysis
    after: Analysis
    words: Words
    sources: Mapping[str, str] = field(default_factory=dict)  # path of each changed source, and how it changed

    def times(self) -> pd.Series:
        """Time of every point of both sides."""
        both = pd.concat([self.before.recovery_points, self.after.recovery_points])
        return both.drop_duplicates("recovery_point_id", keep="last").set_index("recovery_point_id")["time_utc"]


def compared(old: Path, new: Path) -> str:
    """The differences between two report folders as text; NOTHING when there is none."""
    made = differences(load_analysis(old, older=True), load_analysis(new, older=True))
    return "\n\n".join(map(str, made)) or NOTHING


def differences(before: Analysis, after: Analysis) -> list[Section]:
    """The differences between two analyses: settings, evidence, points, verdicts with their causes, events, advice."""
    sides = Sides(before, after, words_of(after), dict(_changed_sources(before, after)))
    made = [
        Section("", tuple(_settings(before, after))), Section("Evidence", tuple(_sources(sides))),
        Section("Clocks", tuple(_clocks(sides))), Section("Recovery points", tuple(_points(sides))),
        Section("Verdicts", tuple(_verdicts(sides))), Section("Events", tuple(_events(sides))),
        Section("Where to fail over to", tuple(_advice(sides))),
    ]  # fmt: skip
    return [section for section in made if section.lines]


def _settings(before: Analysis, after: Analysis) -> Iterator[str]:
    for name, text in SETTINGS:
        old, new = before.meta.get(name), after.meta.get(name)
        if old != new:
            yield f"{text}: {clean(old)} -> {clean(new)}"


def _changed_sources(before: Analysis, after: Analysis) -> Iterator[tuple[str, str]]:
    old, new = _by_path(before), _by_path(after)
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            yield path, "absent" if new[path]["status"] == "absent" else "added"
            continue
        if path not in new:
            yield path, "no longer expected" if old[path]["status"] == "absent" else "removed"
            continue
        one, other = old[path], new[path]
        if _differs(one["sha256"], other["sha256"]):
            came, went = one["status"] == "absent", other["status"] == "absent"
            yield path, "added" if came else "removed" if went else "changed"
        elif one["status"] != other["status"] or one["role"] != other["role"] or _differs(one["kept"], other["kept"]):
            yield path, "read differently"


def _by_path(made: Analysis) -> dict[str, Any]:
    return {str(row["path"]): row for row in made.sources.to_dict("records")}


def _sources(sides: Sides) -> Iterator[str]:
    old, new = _by_path(sides.before), _by_path(sides.after)
    for path, how in sides.sources.items():
        if how == "absent":
            yield f"  ? {clean(path)} is expected and absent"
        elif path not in old:
            yield f"  + {clean(path)} ({_account(new[path])})"
        elif path not in new:
            yield f"  - {clean(path)} (was {_account(old[path])})"
        else:
            yield f"  ~ {clean(path)}: {_account(old[path])} -> {_account(new[path])}{_how(how, old[path], new[path])}"


def _how(how: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if old["role"] != new["role"]:
        return f"; role {old['role']} -> {new['role']}"
    return "; other content" if how == "changed" else ""


def _account(row: Mapping[str, Any]) -> str:
    kept = "" if pd.isna(row["kept"]) else f", {counted(int(row['kept']), 'record')}"
    return f"{row['status']}{kept}"


def _differs(one: Any, other: Any) -> bool:
    return not (pd.isna(one) and pd.isna(other)) and bool(pd.isna(one) or pd.isna(other) or one != other)


def _clocks(sides: Sides) -> Iterator[str]:
    old, new = (
        {(row.computer, str(row.from_utc)): row for row in made.clocks.dropna(subset=["computer"]).itertuples()}
        for made in (sides.before, sides.after)
    )
    for key in sorted(old.keys() & new.keys()):
        one, other = old[key], new[key]
        if _differs(one.offset_s, other.offset_s) or one.method != other.method:
            yield f"  {clean(one.computer)}: {_offset(one)} -> {_offset(other)}"
    for key in sorted(old.keys() ^ new.keys()):
        said, row = ("before", old[key]) if key in old else ("now", new[key])
        if pd.notna(row.from_utc) or pd.notna(row.until_utc):
            yield f"  {clean(row.computer)}: {said} {_offset(row)} for a part of the time only"


def _offset(row: Any) -> str:
    return f"{'unknown' if pd.isna(row.offset_s) else f'{row.offset_s:+.1f} s'} ({row.method})"


def _points(sides: Sides) -> Iterator[str]:
    old = sides.before.recovery_points.set_index("recovery_point_id")
    new = sides.after.recovery_points.set_index("recovery_point_id")
    come, gone = new.loc[~new.index.isin(old.index)], old.loc[~old.index.isin(new.index)]
    for frame, sign, text, made in ((come, "+", "more", sides.after), (gone, "-", "fewer", sides.before)):
        if len(frame):
            ordered = frame.sort_values("time_utc")
            first, last = (sides.words.moment(ordered["time_utc"].iloc[place]) for place in (0, -1))
            span = first if len(frame) == 1 else f"{first} to {last}"
            yield f"  {sign} {counted(len(frame), 'point')} {text}: {span} ({_verdicts_of(made, frame.index)})"
    both = old.index.intersection(new.index)
    for column in ("claimed", "time_utc"):
        other = [point for point in both if _differs(old.at[point, column], new.at[point, column])]
        if other:
            what = "claim" if column == "claimed" else "time"
            yield f"  ~ {counted(len(other), 'point')} with another {what}"


def _verdicts_of(made: Analysis, points: pd.Index) -> str:
    own = made.verdicts[made.verdicts["database"].isna() & made.verdicts["recovery_point_id"].isin(points)]
    counts = own["verdict"].value_counts()
    return listed(f"{counts[word]} {word.replace('_', ' ')}" for word in SIGNS if word in counts)


def _verdicts(sides: Sides) -> Iterator[str]:
    old, new = _keyed(sides.before), _keyed(sides.after)
    times = sides.times()
    statements = {
        name: made.findings.set_index("finding_id") for name, made in (("old", sides.before), ("new", sides.after))
    }
    changed = [key for key in set(old) & set(new) if old[key].verdict != new[key].verdict]
    explained = {point for point, _, database in changed if database}
    for key in sorted(changed, key=lambda one: (times[one[0]], one)):
        yield f"  {sides.words.moment(times[key[0]], seconds=False)}{_name(key)}: {_signs(old[key], new[key])}"
        if key[2] or key[0] not in explained:
            yield from (f"      {line}" for line in _reasons(sides, old[key], new[key], statements))
    for key in sorted(set(old) ^ set(new)):
        point, _, database = key
        both = {one[0] for one in old} & {one[0] for one in new}
        if point in both and database:
            came = (new[key], "+", "is judged now") if key in new else None
            row, sign, said = came or (old[key], "-", "is judged no more")
            moment = sides.words.moment(times[point], seconds=False)
            yield f"  {sign} {moment}{_name(key)} {said}: {SIGNS[row.verdict]} {_plain(row.verdict)}"


def _keyed(made: Analysis) -> dict[Key, Any]:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else ""

    return {(row.recovery_point_id, text(row.instance), text(row.database)): row for row in made.verdicts.itertuples()}


def _name(key: Key) -> str:
    _, instance, database = key
    full = f"{instance}\\{database}" if instance else database
    return f" {clean(full)}" if full else ""


def _signs(old: Any, new: Any) -> str:
    return f"{SIGNS[old.verdict]} {_plain(old.verdict)} -> {SIGNS[new.verdict]} {_plain(new.verdict)}"


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _reasons(sides: Sides, old: Any, new: Any, statements: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Why a verdict changed: the cause, the items that changed, the statements it rests on now and rested on."""
    came = _only(new, old, statements["new"], statements["old"])
    went = _only(old, new, statements["old"], statements["new"])
    items = list(_items(old, new))
    yield f"why: {_cause(sides, came, went, items)}"
    yield from items
    yield from (f"now: {clean(text)}" for text in came["statement"][:MOST])
    yield from (f"was: {clean(text)}" for text in went["statement"][:MOST])


def _only(row: Any, other: Any, own: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Statements for or against one verdict that the other did not have."""
    known = set(others.loc[others.index.isin([*other.because, *other.against]), "statement"])
    used = own[own.index.isin([*row.because, *row.against])]
    return used[~used["statement"].isin(known)]


def _items(old: Any, new: Any) -> Iterator[str]:
    was, now = (json.loads(row.items) if isinstance(row.items, str) else {} for row in (old, new))
    for name, text in ITEMS.items():
        if was.get(name) is not now.get(name):
            yield f"{name} ({text}): {_truth(was.get(name))} -> {_truth(now.get(name))}"


def _truth(value: bool | None) -> str:
    return "unknown" if value is None else "true" if value else "false"


def _cause(sides: Sides, came: pd.DataFrame, went: pd.DataFrame, items: list[str]) -> str:
    """The evidence that the changed statements cite and that changed; else what else differs between the reports."""
    after = _cited(came, sides.after) & sides.sources.keys()
    before = _cited(went, sides.before) & sides.sources.keys()
    named = sorted(after | before)
    if named:
        return _grouped({path: sides.sources[path] for path in named})
    meta = [sides.before.meta, sides.after.meta]
    if meta[0].get("policy") != meta[1].get("policy") and not (items and sides.sources):
        same = "" if items else "; the evidence items are the same"
        return f"policy {meta[0].get('policy')} -> {meta[1].get('policy')}{same}"
    if sides.sources:
        return f"the evidence of the case changed ({_grouped(sides.sources)})"
    for name, text in (("rules_version", "the rules"), ("kit_version", "the version of the kit")):
        if meta[0].get(name) != meta[1].get(name):
            return f"{text} changed: {clean(meta[0].get(name))} -> {clean(meta[1].get(name))}"
    if _clocks_differ(sides):
        return "the clocks are declared or measured otherwise"
    return "settings of the case (case.toml) or the selection of the report changed"


def _clocks_differ(sides: Sides) -> bool:
    return any(True for _ in _clocks(sides))


def _cited(statements: pd.DataFrame, made: Analysis) -> set[str]:
    """Paths of the sources whose records the statements cite."""
    ids = {str(uid).split(":", 1)[0] for uid in statements["evidence"].explode().dropna()}
    return set(made.sources.loc[made.sources["source_id"].isin(ids), "path"])


def _grouped(changed: Mapping[str, str]) -> str:
    """'removed: a and b; other content: c'."""
    words = {"changed": "other content", "absent": "expected and absent"}
    kinds: dict[str, list[str]] = {}
    for path, how in changed.items():
        kinds.setdefault(words.get(how, how), []).append(clean(path))
    return "; ".join(f"{how}: {listed(paths, 4)}" for how, paths in kinds.items())


def _events(sides: Sides) -> Iterator[str]:
    """Records that both reports judge, by how their class changed; their id names the content of their file."""
    old, new = (made.judged_events.set_index("uid")["class"].astype(str) for made in (sides.before, sides.after))
    both = old.index.intersection(new.index)
    pairs = pd.DataFrame({"old": old[both], "new": new[both]})
    for (was, now), count in pairs[pairs["old"] != pairs["new"]].value_counts().items():
        yield f"  {counted(count, 'record')}: {_plain(was)} -> {_plain(now)}"


def _advice(sides: Sides) -> Iterator[str]:
    old, new = (_advised(made) for made in (sides.before, sides.after))
    times = sides.times()
    for vm_name in sorted(old.keys() | new.keys()):
        one, other = old.get(vm_name), new.get(vm_name)
        if one != other:
            yield f"  {clean(vm_name)}: {_moment(one, times, sides.words)} -> {_moment(other, times, sides.words)}"


def _advised(made: Analysis) -> dict[str, str | None]:
    rows: Iterable[Any] = made.advice.dropna(subset=["vm_name"]).itertuples()
    return {row.vm_name: row.fail_over_to if isinstance(row.fail_over_to, str) else None for row in rows}


def _moment(point: str | None, times: pd.Series, words: Words) -> str:
    if point is None:
        return "none can be advised"
    return words.moment(times[point], seconds=False) if point in times.index else f"point {point}"
