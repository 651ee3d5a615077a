"""Compares what an analysis says of practice cases with the truth: points, records, clocks; false assurances first.

It is handed a function that analyses a case folder and returns the content of verdicts.json, so that it depends on no
analysis.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit.errors import CaseError, KitError

Analyse = Callable[[Path], Mapping[str, Any]]
VERDICTS = ("confirmed", "supported", "inconclusive", "contradicted", "no_claim", "missing")
CLASSES = (
    "benign_abort", "genuine_failure", "other_requestor", "environment", "background_noise", "normal", "unexplained",
    "not listed",
)
ASSURANCES = frozenset({"confirmed", "supported"})
CLOCK_TOLERANCE_S = 2.0
LABELLING_S = 8.0  # a clock measured from points alone includes the delay of the label
EARLIEST, LATEST = datetime(1601, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
UNSETTLED = frozenset({"no_claim", "inconclusive"})


@dataclass(frozen=True)
class Wrong:
    """One answer that differs from the truth."""

    case: str
    what: str
    truth: str
    found: str
    why: str
    alike: str = ""  # what wrong answers of one kind have in common; they are told together


@dataclass
class Score:
    """What came out of the comparison of all cases of a folder."""

    cases: list[str] = field(default_factory=list)
    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    patterns: Counter[tuple[str, str]] = field(default_factory=Counter)
    false_assurances: list[Wrong] = field(default_factory=list)
    wrong_points: list[Wrong] = field(default_factory=list)
    wrong_events: list[Wrong] = field(default_factory=list)
    wrong_clocks: list[Wrong] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    points_right: int = 0
    events_right: int = 0
    events_accepted: int = 0  # right by another answer than the truth names first
    events_judged: int = 0

    @property
    def point_share(self) -> float:
        """Share of points whose verdict is exactly right (or one that the truth accepts)."""
        return self.points_right / max(sum(self.points.values()), 1)

    @property
    def event_share(self) -> float:
        """Share of judged records whose class and point are exactly right."""
        return self.events_right / max(self.events_judged, 1)

    @property
    def passed(self) -> bool:
        """Whether the bar is met: no false assurance, no clock wrong, 95 % of points and records right, no failure."""
        clean = not (self.false_assurances or self.wrong_clocks or self.failures)
        return clean and bool(self.cases) and self.point_share >= 0.95 and self.event_share >= 0.95


def truths(folder: Path) -> list[tuple[Path, Path]]:
    """Case folder and truth file of every practice case below a folder. Raises CaseError when there is none."""
    files = sorted(folder.glob("*.truth.json"))
    found = [(path.with_name(path.name.removesuffix(".truth.json")), path) for path in files]
    bundled = folder / "practice-truth" / "truth.json"
    if bundled.is_file():
        found.append((folder / "practice", bundled))
    if not found:
        raise CaseError(f"{folder}: no practice case with its truth; make some with kit practice --out {folder}")
    return found


def score(folder: str | Path, analyse: Analyse) -> Score:
    """The comparison over every practice case below a folder; a case whose analysis fails is a failure, not an end."""
    total = Score()
    for case, path in truths(Path(folder)):
        truth = json.loads(path.read_text("utf-8"))
        total.cases.append(case.name)
        try:
            found = analyse(case)
        except KitError as error:
            total.failures[case.name] = str(error)
            continue
        compare(total, case.name, truth, found)
    return total


def compare(total: Score, case: str, truth: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Adds the comparison of one case to a score."""
    _points(total, case, truth["recovery_points"], found["recovery_points"])
    _events(total, case, truth, found["events"])
    _clocks(total, case, truth["clocks"], found["clocks"])


def _points(total: Score, case: str, truth: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> None:
    by_id = {row["recovery_point_id"]: row for row in found}
    for told in truth:
        row = by_id.pop(told["recovery_point_id"], {"verdict": "missing", "pattern": None})
        verdict = row["verdict"]
        total.points[told["verdict"], verdict] += 1
        name = f"point of {told['time_utc']}"
        wrong = Wrong(case, name, told["verdict"], verdict, told["why"])
        if told["consistent"] is False and verdict in ASSURANCES:
            total.false_assurances.append(wrong)
        if verdict == told["verdict"] or verdict in told["accepted"]:
            total.points_right += 1
        else:
            total.wrong_points.append(wrong)
        if told["pattern"]:
            total.patterns[told["pattern"], row["pattern"] or "none"] += 1
    for row in by_id.values():
        total.points["missing", row["verdict"]] += 1
        total.wrong_points.append(Wrong(case, f"point {row['name']}", "missing", row["verdict"], "not in the story"))


def _events(total: Score, case: str, truth: Mapping[str, Any], found: Iterable[Mapping[str, Any]]) -> None:
    told = {
        (path, number): (kind, point)
        for path, runs in truth["events"].items()
        for first, count, kind, point in runs
        for number in range(first, first + count)
    }
    unsettled = {
        row["recovery_point_id"] for row in truth["recovery_points"]
        if not UNSETTLED.isdisjoint([row["verdict"], *row["accepted"]])
    }  # where the truth leaves the link open, a record may lack its point
    listed = {row["recovery_point_id"] for row in truth["recovery_points"]}
    seen = set()
    for row in found:
        key = (row["source"], row["record_id"])
        seen.add(key)
        kind, point = told.get(key, ("normal", None))
        _event(total, case, row, kind, point if point in listed else None, unsettled)
    for key in told.keys() - seen:
        _not_listed(total, case, key, told[key][0], seen)


def _event(
    total: Score, case: str, row: Mapping[str, Any], kind: str, point: str | None, unsettled: set[str]
) -> None:
    kinds = kind.split("|")
    total.events[kinds[0], row["class"]] += 1
    total.events_judged += 1
    if kind == "normal":
        placed = True  # ordinary records of an operation may name its point or not
    else:
        placed = row["recovery_point_id"] == point or (point in unsettled and row["recovery_point_id"] is None)
        placed = placed or (kind == "genuine_failure" and point is None)
        placed = placed or (len(kinds) > 1 and row["recovery_point_id"] is None)
    alike = row["class"] in kinds or (kind == "normal" and row["class"] == "background_noise")
    if alike and placed:
        total.events_right += 1
        total.events_accepted += row["class"] != kinds[0]
        return
    name = f"{row['source']} {row['record_id']} {row['provider']} {row['event_id']}"
    said = f"{row['class']} of {row['recovery_point_id']}"
    alike = f"{row['provider']} {row['event_id'] or ''}".rstrip() + f": {row['class']}, in truth {kind}"
    total.wrong_events.append(Wrong(case, name, f"{kind} of {point}", said, "", alike))


def _not_listed(total: Score, case: str, key: tuple[str, int], kind: str, seen: set[tuple[str, int]]) -> None:
    """A complaint that the analysis does not mention; noise may be left out, and a text log's error has two lines."""
    path, number = key
    if kind == "background_noise" or ("ERRORLOG" in path and {(path, number - 1), (path, number + 1)} & seen):
        return
    total.events[kind.split("|")[0], "not listed"] += 1
    total.events_judged += 1
    total.wrong_events.append(Wrong(case, f"{path} {number}", kind, "not listed", "", f"not listed, in truth {kind}"))


def _clocks(total: Score, case: str, truth: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> None:
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for told in truth:
        by_name.setdefault(told["computer"].casefold(), []).append(told)
    for row in found:
        own = by_name.get(str(row["computer"]).casefold())
        if own is None or row["offset_s"] is None or row["ambiguous"]:
            continue
        told = max(own, key=lambda one: _shared_s(one, row))
        allowed = CLOCK_TOLERANCE_S + abs(told["drift_s_per_day"]) * 7
        allowed += LABELLING_S if row["method"] == "point_minus_thaw" else 0
        if abs(row["offset_s"] - told["offset_s"]) > allowed:
            numbers = f"{told['offset_s']:+.1f} s", f"{row['offset_s']:+.1f} s"
            total.wrong_clocks.append(Wrong(case, f"clock of {told['computer']}", *numbers, str(row["method"])))


def _shared_s(told: Mapping[str, Any], row: Mapping[str, Any]) -> float:
    """How many seconds two stretches of a clock have in common; an end that is not named is open."""
    first = max(_time(one.get("from_utc"), EARLIEST) for one in (told, row))
    last = min(_time(one.get("until_utc"), LATEST) for one in (told, row))
    return (last - first).total_seconds()


def _time(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise


def report(total: Score, most: int = 20) -> str:
    """The score as text: false assurances, then what failed, the matrices, the shares, and the first wrong answers."""
    points = sum(total.points.values())
    lines = [f"{len(total.cases)} practice cases, {points} points, {total.events_judged} records", ""]
    lines.append(f"False assurances: {len(total.false_assurances)}")
    lines += [f"  {_line(wrong)}" for wrong in total.false_assurances]
    lines += [f"  {case}: not analysed: {why}" for case, why in total.failures.items()]
    lines += ["", f"Points exactly right: {total.point_share:.1%}", *_matrix(total.points, VERDICTS)]
    other = total.events_accepted
    accepted = f", {other} of them by a second answer that the truth accepts" if other else ""
    lines += ["", f"Records exactly right: {total.event_share:.1%}{accepted}", *_matrix(total.events, CLASSES)]
    lines += ["", f"Clocks wrong: {len(total.wrong_clocks)}", *(f"  {_line(wrong)}" for wrong in total.wrong_clocks)]
    for title, wrongs in (("Points", total.wrong_points), ("Records", total.wrong_events)):
        if wrongs:
            told = _grouped(wrongs)
            lines += ["", f"{title} that differ ({len(wrongs)})", *told[:most]]
            lines += [f"  and {len(told) - most} more kinds"] if len(told) > most else []
    lines += ["", "Bar met." if total.passed else "Bar not met."]
    return "\n".join(lines) + "\n"


def _grouped(wrongs: Iterable[Wrong]) -> list[str]:
    """One line for each wrong point, and one for the records of a case that are wrong alike, with an example."""
    groups: dict[tuple[str, str], list[Wrong]] = {}
    for wrong in wrongs:
        groups.setdefault((wrong.case, wrong.alike or wrong.what), []).append(wrong)
    return [
        f"  {_line(own[0])}" if len(own) == 1 else f"  {case}: {len(own)} x {alike}, e.g. {_line(own[0])}"
        for (case, alike), own in groups.items()
    ]


def _line(wrong: Wrong) -> str:
    why = f" ({wrong.why})" if wrong.why else ""
    return f"{wrong.case}: {wrong.what}: {wrong.found}, in truth {wrong.truth}{why}"


def _matrix(counts: Counter[tuple[str, str]], names: tuple[str, ...]) -> list[str]:
    """Rows are the truth, columns what was found; empty rows and columns are left out."""
    rows = [name for name in names if any(truth == name for truth, _ in counts)]
    columns = [name for name in names if any(found == name for _, found in counts)]
    widths = [max(len(name), 6) for name in columns]
    head = " ".join(name.rjust(width) for name, width in zip(columns, widths, strict=True))
    lines = [f"  {'truth / found':<18}{head}"]
    for row in rows:
        cells = (str(counts[row, c] or ".").rjust(w) for c, w in zip(columns, widths, strict=True))
        lines.append(f"  {row:<18}{' '.join(cells)}")
    return lines
