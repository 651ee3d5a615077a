"""The table of all recovery points, and the decision list that judged them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from kit.page import alike, cards, records
from kit.page.folds import folds
from kit.page.language import Spoken, say, say_n, stored
from kit.page.part import Part, render
from kit.page.signs import CLAIMS, PATTERNS, WORST_FIRST
from kit.page.view import Point, Row, View, sortable, worst_first
from kit.reasoning import verdicts

VALUES = Spoken({verdicts.T: "true", verdicts.F: "false", verdicts.U: "unknown"})
CELLS = Spoken({"hit": "yes", "yes": "yes", "no": "no", "?": "?"})
KINDS = 8  # columns of the decision table; further kinds are counted below it


@dataclass(frozen=True)
class Line:
    """A row of the table of all points: a point, or a scheduled one that is in no list."""

    point: Point | None
    label: str
    claim: str = ""
    pattern: str = ""
    freeze_s: float | None = None
    abort_s: float | None = None
    offset_s: float | None = None
    card: bool = False
    reason: str = ""


def all_points(view: View) -> Part:
    """Every point of every machine with its verdict, the guest's pattern, measured seconds and the deciding row."""
    own_card = set(cards.shown(view))
    machines = [(fold, _lines(view, fold.vm, own_card)) for fold in folds(view)]
    machines = [(fold, lines) for fold, lines in machines if lines]
    values = {"machines": machines, "several": len(view.vms) > 1, "zone": view.when.zone_name, "many": view.many}
    if view.dense:
        kinds = [(fold, _gathered(view, lines)) for fold, lines in machines]
        html = render("points_by_kind.html.j2", kinds=kinds, total=len(view.points), **values)
    else:
        linked = {point.anchor for point in view.points if records.evidence_of(view, point)}
        html = render("points.html.j2", linked=linked, total=len(view.points), **values)
    return Part(html, say_n(len(view.points), "{count} recovery point.", "{count} recovery points."))


@dataclass(frozen=True)
class Alike:
    """Points of one machine that carry the same verdict, claim and pattern, decided by the same row."""

    first: Line
    lines: list[Line]
    records: list[list[records.Spread]]


def _gathered(view: View, lines: list[Line]) -> list[Alike]:
    """The lines by what was concluded, worst first; scheduled points that no list holds come last."""
    kinds = alike.gathered(lines, _concluded)
    kinds.sort(key=lambda kind: WORST_FIRST.index(kind[0].point.word) if kind[0].point else len(WORST_FIRST))
    return [Alike(kind[0], kind, [_spread(view, line) for line in kind]) for kind in kinds]


def _concluded(line: Line) -> tuple[str, ...]:
    point = line.point
    return (point.word, line.claim, line.pattern, str(point.verdict["row_id"])) if point else ()


def _spread(view: View, line: Line) -> list[records.Spread]:
    return records.spread(view, records.evidence_of(view, line.point)) if line.point and not line.card else []


def _lines(view: View, vm: str, own_card: set[str]) -> list[Line]:
    lines = [(point.time, _line(view, point, own_card)) for point in view.points_of(vm)]
    for row in view.of(vm, view.rows("expected_points")):
        reason = say("Scheduled, in no list: {reason}.", reason=stored(row["reason"]) or say("reason unknown"))
        label = view.when.minute(row["time_utc"]) if row["time_utc"] else say("time unknown")
        lines.append((row["time_utc"], Line(None, label, reason=reason)))
    return [line for _, line in sorted(lines, key=lambda pair: sortable(pair[0]))]


def _line(view: View, point: Point, own_card: set[str]) -> Line:
    operation = view.operations.get(point.verdict["operation_id"] or "")
    pattern = point.verdict["pattern"] or "–"
    return Line(
        point,
        view.when.second(point.time) if point.time else say("time unknown"),
        CLAIMS.get(point.row["claimed"], say("not known")),
        PATTERNS.get(pattern, pattern),
        operation["freeze_s"] if operation else None,
        view.gap_s(operation) if operation else None,
        point.verdict["offset_s"],
        point.anchor in own_card,
    )


@dataclass(frozen=True)
class Kind:
    """Points that the same row decided on the same items: a column of the decision table."""

    title: str
    href: str
    items: dict[str, bool | None]
    row_id: str
    count: int


def decisions(view: View) -> Part:
    """The decision list as data, a column for each kind of point: the first row that holds is filled."""
    kinds = _kinds(view)
    policy = str(view.meta.get("policy") or "strict")
    listed = [row for row in verdicts.DECISION_LIST if policy in row.policies]
    left_out = [row for row in verdicts.DECISION_LIST if policy not in row.policies]
    columns = _columns(kinds, listed)
    table = [(row, [cells[place] for _, cells in columns[:KINDS]]) for place, row in enumerate(listed)]
    html = render(
        "decisions.html.j2", columns=[kind for kind, _ in columns[:KINDS]], more_columns=len(columns[KINDS:]),
        table=table,
        kinds=kinds[:KINDS],
        more=len(kinds[KINDS:]),
        policy=policy,
        left_out=left_out,
        items=_items_used(kinds[:KINDS]),
        words=verdicts.ITEMS,
        conditions=_conditions,
        cells=CELLS,
    )
    return Part(html, say("Policy {policy}; decision list of {count} rows.", policy=policy, count=len(listed)))


def _columns(kinds: list[Kind], listed: list[verdicts.Row]) -> list[tuple[Kind, tuple[str, ...]]]:
    """A column for each different reading of the list; kinds that read alike share one."""
    made: dict[tuple[str, ...], list[Kind]] = {}
    for kind in kinds:
        made.setdefault(tuple(_cell(row, kind, listed) for row in listed), []).append(kind)
    return [(same[0] if len(same) == 1 else _together(same), cells) for cells, same in made.items()]


def _count(points: int) -> str:
    return say_n(points, "{count} point", "{count} points")


def _together(same: list[Kind]) -> Kind:
    count = sum(kind.count for kind in same)
    return Kind(_count(count), same[0].href, same[0].items, same[0].row_id, count)


def _kinds(view: View) -> list[Kind]:
    groups: dict[tuple[str, str], list[tuple[Point, Row]]] = {}
    for point in worst_first(view.points):
        row = _deciding(point)
        groups.setdefault((row["row_id"] or "", row["items"] or "{}"), []).append((point, row))
    kinds = [_kind(row_id, items, group) for (row_id, items), group in groups.items()]
    order = {row.row_id: number for number, row in enumerate(verdicts.DECISION_LIST)}
    return sorted(kinds, key=lambda kind: order.get(kind.row_id, len(order)))


def _deciding(point: Point) -> Row:
    """The database whose verdict became that of the VM, else the VM's own row."""
    same = [row for row in point.databases if row["verdict"] == point.word and row["row_id"] == point.verdict["row_id"]]
    return same[0] if same else point.verdict


def _kind(row_id: str, items: str, group: list[tuple[Point, Row]]) -> Kind:
    point, row = group[0]
    alone = row["database"] is not None and len({own["verdict"] for own in point.databases}) > 1
    title = f"{point.label}{' ' + row['shown'] if alone else ''}" if len(group) == 1 else _count(len(group))
    return Kind(title, f"#{point.anchor}", json.loads(items), row_id, len(group))


def _cell(row: verdicts.Row, kind: Kind, listed: list[verdicts.Row]) -> str:
    """`hit`, or what the row says of the kind: yes, no, ?; empty below the row that held."""
    ids = [one.row_id for one in listed]
    if row.row_id == kind.row_id:
        return "hit"
    if kind.row_id in ids and ids.index(row.row_id) > ids.index(kind.row_id):
        return ""
    held = [_holds(kind.items.get(item), allowed) for item, allowed in row.when.items()]
    if "no" in held:
        return "no"
    return "?" if "?" in held else "yes"


def _holds(value: bool | None, allowed: tuple[str, ...]) -> str:
    word = {True: verdicts.T, False: verdicts.F, None: verdicts.U}[value]
    if word in allowed:
        return "yes"
    return "?" if value is None else "no"


def _conditions(row: verdicts.Row) -> str:
    """The conditions of a row in short: `E1 E2 true; E9 false; E10 false or unknown`."""
    groups: dict[str, list[str]] = {}
    for item, allowed in row.when.items():
        said = say(" or ").join(VALUES[value] for value in allowed)
        groups.setdefault(said, []).append(item)
    return "; ".join(f"{' '.join(items)} {said}" for said, items in groups.items()) or say("always")


def _items_used(kinds: list[Kind]) -> list[tuple[str, str, list[str]]]:
    said = {True: "yes", False: "no", None: "?"}
    return [
        (item, stored(text), [CELLS[said[kind.items.get(item)]] for kind in kinds])
        for item, text in verdicts.ITEMS.items()
    ]
