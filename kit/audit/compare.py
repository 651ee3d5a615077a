"""`kit diff`: which verdicts and which evidence changed between two reports, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis, load_analysis
from kit.terminal import SIGNS, words_of
from kit.words import Words, counted


def compared(old: Path, new: Path) -> str:
    """The differences between two report folders as text; 'no difference' when there is none."""
    before, after = load_analysis(old), load_analysis(new)
    words = words_of(after)
    parts = [
        _settings(before, after),
        _sources(before, after),
        _verdicts(before, after, words),
        _points(before, after, words),
    ]
    said = [part for part in parts if part]
    return "\n\n".join(said) if said else "No difference in verdicts, points or evidence."


def _settings(before: Analysis, after: Analysis) -> str:
    lines = []
    for name, text in (("policy", "Policy"), ("kit_version", "Version of the kit"), ("rules_version", "Rules")):
        if before.meta.get(name) != after.meta.get(name):
            lines.append(f"{text}: {before.meta.get(name)} -> {after.meta.get(name)}")
    return "\n".join(lines)


def _sources(before: Analysis, after: Analysis) -> str:
    old = before.sources.set_index("path")
    new = after.sources.set_index("path")
    lines = [f"  + {path} ({new.loc[path, 'status']})" for path in sorted(set(new.index) - set(old.index))]
    lines += [f"  - {path} (was {old.loc[path, 'status']})" for path in sorted(set(old.index) - set(new.index))]
    for path in sorted(set(old.index) & set(new.index)):
        one, other = old.loc[path], new.loc[path]
        if _differs(one["sha256"], other["sha256"]) or one["status"] != other["status"]:
            lines.append(f"  ~ {path}: {_account(one)} -> {_account(other)}")
    return "\n".join(["Evidence", *lines]) if lines else ""


def _account(row: pd.Series) -> str:
    kept = "" if pd.isna(row["kept"]) else f", {int(row['kept'])} records"
    return f"{row['status']}{kept}"


def _differs(one: Any, other: Any) -> bool:
    return not (pd.isna(one) and pd.isna(other)) and one != other


def _verdicts(before: Analysis, after: Analysis, words: Words) -> str:
    old, new = _keyed(before), _keyed(after)
    statements = {
        side: made.findings.set_index("finding_id")["statement"] for side, made in (("old", before), ("new", after))
    }
    times = after.recovery_points.set_index("recovery_point_id")["time_utc"]
    lines = []
    for key in sorted(set(old) & set(new), key=lambda one: (times[one[0]], one)):
        if old[key].verdict == new[key].verdict:
            continue
        point, instance, database = key
        name = f" {instance}\\{database}" if instance else f" {database}" if database else ""
        lines.append(
            f"  {words.moment(times[point], seconds=False)}{name}: {SIGNS[old[key].verdict]} {old[key].verdict} -> "
            f"{SIGNS[new[key].verdict]} {new[key].verdict}"
        )
        lines += [f"      now: {text}" for text in _only(new[key], old[key], statements["new"], statements["old"])]
        lines += [f"      was: {text}" for text in _only(old[key], new[key], statements["old"], statements["new"])]
    return "\n".join(["Verdicts", *lines]) if lines else ""


def _keyed(made: Analysis) -> dict[tuple[str, str, str], Any]:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else ""

    return {(row.recovery_point_id, text(row.instance), text(row.database)): row for row in made.verdicts.itertuples()}


def _only(row: Any, other: Any, own: pd.Series, others: pd.Series) -> list[str]:
    """Statements that one verdict rests on and the other did not."""
    known = {others.get(one) for one in [*other.because, *other.against]}
    return [str(own[one]) for one in row.because if own.get(one) is not None and own[one] not in known][:4]


def _points(before: Analysis, after: Analysis, words: Words) -> str:
    old = before.recovery_points.set_index("recovery_point_id")
    new = after.recovery_points.set_index("recovery_point_id")
    come, gone = new.loc[~new.index.isin(old.index)], old.loc[~old.index.isin(new.index)]
    lines = []
    for frame, sign, text in ((come, "+", "more"), (gone, "-", "fewer")):
        if len(frame):
            ordered = frame.sort_values("time_utc")
            first, last = words.moment(ordered["time_utc"].iloc[0]), words.moment(ordered["time_utc"].iloc[-1])
            lines.append(f"  {sign} {counted(len(frame), 'point')} {text}: {first} to {last}")
    return "\n".join(["Recovery points", *lines]) if lines else ""
