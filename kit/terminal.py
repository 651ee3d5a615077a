"""What `kit check` and `kit analyze` print: one screen, the same sentence and signs as the report."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kit import tables
from kit.case.future import SAID
from kit.grouping import Group, alike, grouped
from kit.judgement.analysis import Analysis
from kit.judgement.verdicts_json import SOURCE_FIELDS, clock_rows, rows
from kit.words import Words, counted, listed, span

SIGNS = {"confirmed": "●", "supported": "◐", "inconclusive": "○", "contradicted": "✕", "no_claim": "·"}
ORDER = ("contradicted", "inconclusive", "supported", "confirmed", "no_claim")
LOST = ("partial", "unreadable")
MOST_LOSSES = 5  # sources named after an analysis; kit check names all
MOST_SOURCES, MOST_CLOCKS, MOST_MISSING = 60, 30, 30  # of more, kit check tells what is alike together
EVERY = "  Those that are alike stand together; each for itself: kit check --all, or --json"
MOST_MACHINES = 12
METHODS = {"point_minus_thaw": "points and thaws", "unknown": "nothing to compare it with"}
READ = ("read", "partial", "empty")
ROLES = {
    "guest": "guest",
    "primary_host": "primary host",
    "replica_host": "replica host",
    "test_failover_guest": "test failover",
    "unknown": "-",
}


def width() -> int:
    """Columns to write in: those of the terminal, 60 to 100."""
    return min(100, max(60, shutil.get_terminal_size((80, 24)).columns))


def has_losses(analysis: Analysis) -> bool:
    """Whether a source was read in part or not at all."""
    return bool(analysis.sources["status"].isin(LOST).any())


@dataclass(frozen=True)
class Checked:
    """What `kit check` found."""

    case: Any
    clocks: pd.DataFrame

    @property
    def losses(self) -> bool:
        """Whether a source was read in part or not at all."""
        return bool(self.case.sources["status"].isin(LOST).any())

    @property
    def judgeable(self) -> bool:
        """Whether any file could be read, if only in part."""
        return bool(self.case.sources["status"].isin(READ).any())

    def as_json(self) -> dict[str, Any]:
        """{ sources, clocks, missing } with the rows of verdicts.json."""
        return {
            "sources": rows(tables.to_arrow("sources", self.case.sources), SOURCE_FIELDS),
            "clocks": clock_rows(tables.to_arrow("clocks", self.clocks)),
            "missing": [{name: entry.get(name) for name in ("what", "why", "command")} for entry in self.case.missing],
        }

    def text(self, path: Path, every: bool = False) -> str:
        """The account of each source, the clocks, what is missing, and the next command.

        Very many sources are told in groups, unless `every` one is asked for.
        """
        parts = [_accounts(self.case.sources, every), _clocks(self.clocks, every), _missing(self.case, every)]
        if self.judgeable:
            parts.append(_lost(self.case.sources))
            parts.append(f"Ready for: kit analyze {_quoted(path)} --out OUT")
        return "\n\n".join(part for part in parts if part)


def checked(case: Any) -> Checked:
    """The check of a case: sources, clocks (declared, measured or unknown), missing evidence."""
    from kit.judgement import clocks_of

    return Checked(case, clocks_of(case))


def _accounts(sources: pd.DataFrame, every: bool) -> str:
    found = sources.to_dict("records")
    groups = grouped(found, most=len(found) if every else MOST_SOURCES)
    wide = max([len("Source"), *(min(len(_label(group)), width() - 52) for group in groups)])
    lines = [f"  {'Source':<{wide}}  {'Role':<13}  {'Status':<12} {'Seen':>8} {'Kept':>8}"]
    for group in groups:
        row = group.rows[0]
        mark = "!" if row["status"] in (*LOST, "absent", "unrecognised") else " "
        lines.append(
            f"{mark} {_short(_label(group), wide):<{wide}}  {ROLES.get(row['role'], '-'):<13}  "
            f"{row['status']:<12} {_number(group.sum('seen')):>8} {_number(group.sum('kept')):>8}"
        )
        lines += _notes(group)
    counts = sources["status"].value_counts()
    told = ", ".join(f"{counts[word]} {word}" for word in counts.index)
    whole = [f"  {counted(len(sources), 'source')}: {told}"]
    return "\n".join([*lines, "", *whole, *([EVERY] if len(groups) < len(found) else [])])


def _label(group: Group) -> str:
    """The path of a source; of several that are alike where they lie, and how many there are."""
    return group.label if group.alone else f"{group.label} ({len(group.rows)} files)"


def _notes(group: Group) -> list[str]:
    """Why sources were not read, or hold rows that count for nothing; of several the first paths and the first note."""
    told = [row for row in group.rows if _to_be_told(row)]
    if group.alone:
        return _note(str(told[0]["note"])) if told else []
    reader = group.rows[0]["reader"]
    names = [str(row["path"]) for row in told or group.rows]
    what = told[0]["note"] if told else reader if isinstance(reader, str) else None
    return _note(f"{listed(names, 3)}{f': {what}' if what else ''}")


def _to_be_told(source: Mapping[str, Any]) -> bool:
    unkept = source["status"] == "read" and source["kept"] == 0  # all of it stands in another source
    trouble = source["status"] in (*LOST, "unrecognised")
    return (unkept or trouble or SAID in str(source["note"])) and isinstance(source["note"], str)


def _note(text: str) -> list[str]:
    """At most three indented lines; what is cut off ends with an ellipsis."""
    return textwrap.wrap(
        text, width() - 2, initial_indent="    ", subsequent_indent="    ", max_lines=3, placeholder=" …"
    )


def _short(path: str, wide: int) -> str:
    return path if len(path) <= wide else "..." + path[-(wide - 3) :]


def _number(value: Any) -> str:
    return "-" if pd.isna(value) else str(int(value))


def _stretch(row: Any) -> str:
    """From when until when an offset holds, where the clock was set on the way."""
    ends = [
        f"{word} {value:%Y-%m-%d %H:%M}" for word, value in (("from", row.from_utc), ("until", row.until_utc))
        if pd.notna(value)
    ]
    return f"; {' '.join(ends)} of its own time" if ends else ""


def _clocks(found: pd.DataFrame, every: bool) -> str:
    if found.empty:
        return ""
    more = 0 if every else max(0, len(found) - MOST_CLOCKS)
    found = found.head(len(found) - more)
    reference = found["reference"].dropna()
    name = reference.iloc[0] if len(reference) else "the reference (no export names its computer)"
    lines = [f"  Clocks, seconds to add to reach {name}"]
    wide = max(24, *(len(computer) for computer in found["computer"]))
    for row in found.itertuples():
        offset = "unknown" if pd.isna(row.offset_s) else f"{row.offset_s:+.1f}"
        spread = (
            ""
            if pd.isna(row.spread_s) or not row.anchors
            else f"spread {row.spread_s:.1f}  {counted(row.anchors, 'anchor')}"
        )
        said = f"{METHODS.get(row.method, row.method)}{', ' + spread if spread else ''}{_stretch(row)}"
        lines.append(f"  {row.computer:<{wide}} {offset:>9}  {said}")
    return "\n".join([*lines, *([f"  and {counted(more, 'computer')} more"] if more else [])])


def _missing(case: Any, every: bool) -> str:
    if not case.missing:
        return ""
    lines = ["  Missing"]
    found = case.missing if every else alike(case.missing, MOST_MISSING)
    more = 0 if every else max(0, len(found) - MOST_MISSING)
    for entry in found[: len(found) - more]:
        said = f"{entry['what']}: {entry['why']}"
        lines += textwrap.wrap(said, width() - 4, initial_indent="  ", subsequent_indent="    ")
        if entry.get("command"):
            lines.append(f"    > {entry['command']}")
    return "\n".join([*lines, *([f"  and {more} more: kit check --all"] if more else [])])


def _lost(sources: pd.DataFrame) -> str:
    lost = sources[sources["status"].isin(LOST)]
    if lost.empty:
        return ""
    return f"Exit 3: {counted(len(lost), 'source')} could not be read completely."


def analysed(analysis: Analysis, case: Path, out: Path, page: Path | None = None) -> str:
    """The answer, the counts, the point to fail over to, the losses, and what was written."""
    from kit.page.answer import answer
    from kit.page.view import View

    view = View(analysis)
    parts = []
    shown = _worst(analysis)
    for vm_name in shown:
        parts.append(_wrapped([answer(view, vm_name)]))
        parts.append(_counts(analysis, vm_name))
        parts.append(_advice(analysis, vm_name))
    if not analysis.vm_names:
        parts.append(
            _wrapped(["No recovery point and no VSS operation was found in this case: nothing can be judged."])
        )
    if more := len(analysis.vm_names) - len(shown):
        parts.append(_wrapped([f"{counted(more, 'more machine')}, none of them worse: the report lists them all."]))
    parts += [_events(analysis), _losses(analysis), _written(case, out, page)]
    return "\n\n".join(part for part in parts if part)


def _worst(analysis: Analysis) -> list[str]:
    """The machines to tell of: all, or of very many those with the worst verdicts."""
    names = list(analysis.vm_names)
    if len(names) <= MOST_MACHINES:
        return names
    ranks = analysis.verdicts["verdict"].map({word: rank for rank, word in enumerate(ORDER)})
    places = {name: place for place, name in enumerate(names)}
    worst = ranks.groupby(analysis.verdicts["vm_name"]).min()
    return sorted(names, key=lambda name: (worst.get(name, len(ORDER)), places[name]))[:MOST_MACHINES]


def _wrapped(texts: Iterable[str]) -> str:
    return "\n".join(line for text in texts for line in textwrap.wrap(text, width()))


def _counts(analysis: Analysis, vm_name: str) -> str:
    rows_ = analysis.verdicts[analysis.verdicts["database"].isna() & (analysis.verdicts["vm_name"] == vm_name)]
    counts = rows_["verdict"].value_counts()
    return "\n".join(
        f"  {SIGNS[word]} {word.replace('_', ' '):<14}{counts[word]:>5}" for word in ORDER if word in counts
    )


def _advice(analysis: Analysis, vm_name: str) -> str:
    given = analysis.advice[analysis.advice["vm_name"] == vm_name]
    if given.empty:
        return ""
    row = next(given.itertuples())
    if not isinstance(row.fail_over_to, str):
        return _hanging(f"  Fail over to   none can be advised: {row.reason}", 17)
    lines = [f"  Fail over to   {_point(analysis, row.fail_over_to)}, loses {span(row.data_loss_s)}"]
    if isinstance(row.fallback, str):
        lines.append(f"  Fallback       {_point(analysis, row.fallback)}")
    return "\n".join(lines)


def _point(analysis: Analysis, recovery_point_id: str) -> str:
    """Time of a point; its id when a selection by VM or period left it out."""
    points = analysis.recovery_points.set_index("recovery_point_id")["time_utc"]
    if recovery_point_id not in points.index:
        return f"point {recovery_point_id} (outside the chosen period)"
    return words_of(analysis).moment(points[recovery_point_id], seconds=False)


def _hanging(text: str, indent: int) -> str:
    return "\n".join(textwrap.wrap(text, width(), subsequent_indent=" " * indent))


def words_of(analysis: Analysis) -> Words:
    """Words that write times in the zone of the analysis."""
    from kit import times

    return Words(times.zone(analysis.meta["zone"] or "UTC"))


def _events(analysis: Analysis) -> str:
    """Records by class, as the report's table counts them."""
    counts = analysis.judged_events["class"].value_counts()
    normal = int(counts.pop("normal")) if "normal" in counts else 0
    if counts.empty:
        return ""
    told = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in counts.items())
    return _hanging(f"  Records        {counts.sum()}: {told}; and {normal} of normal operation", 17)


def _losses(analysis: Analysis) -> str:
    entries = []
    future = analysis.sources["note"].str.contains(SAID, regex=False).fillna(False)
    for source in analysis.sources[analysis.sources["status"].isin([*LOST, "absent"]) | future].itertuples():
        note = f": {source.note}" if isinstance(source.note, str) else ""
        said = textwrap.wrap(
            f"! {source.path} {source.status}{note}", width() - 2, initial_indent="  ", subsequent_indent="    ",
            max_lines=3, placeholder=" …",
        )  # fmt: skip
        entries.append((source.status == "absent", "\n".join(said)))
    shown = [text for _, text in sorted(entries, key=lambda entry: entry[0])]
    more = len(shown) - MOST_LOSSES
    rest = [f"  ! and {counted(more, 'source')} more: kit check"] if more > 0 else []
    return "\n".join([*shown[:MOST_LOSSES], *rest])


def _written(case: Path, out: Path, page: Path | None) -> str:
    if page is not None:
        return f"Written: {page}"
    written = f"Written: {out / 'verdicts.json'} and the tables in {out / 'tables'}"
    return f"{written}\nNext:    kit report {_quoted(case)} --out REPORT"


def _quoted(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if any(sign.isspace() for sign in text) else text
