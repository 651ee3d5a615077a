"""One VSS operation as a diagram: prepare, freeze, thaw and abort of each database, with the documented limits.

Plain HTML and inline SVG: needs no script and survives print.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from kit.page.clean import clean
from kit.page.language import marked, say
from kit.page.part import Part, render
from kit.page.signs import OUTCOMES, REQUESTORS, VERDICTS
from kit.page.timing import key_of
from kit.page.view import Point, Row, View
from kit.page.when import number

LEFT, RIGHT, TOP, STEP = 130.0, 890.0, 26.0, 28.0
LIMITS = ((10.0, marked("hold limit 10 s")), (60.0, marked("writer limit 60 s")), (70.0, marked("store limit 70 s")))
LETTER = 7.5  # width of one of the note, in bold
FAR = 78.0  # seconds at the right edge
MOST = 24  # databases drawn


@dataclass(frozen=True)
class Scale:
    """Seconds after the first freeze to x: two linear parts, the near one wide, the far one narrow."""

    first: float
    near: float  # end of the near part in seconds

    @property
    def broken(self) -> bool:
        return self.near < 30

    def x(self, seconds: float) -> float:
        """The place of a second, clamped to the drawing."""
        seconds = min(max(seconds, self.first), FAR)
        knee = RIGHT - 240 if self.broken else RIGHT
        if seconds <= self.near:
            return LEFT + (seconds - self.first) / (self.near - self.first) * (knee - LEFT)
        return knee + 30 + (seconds - self.near) / (FAR - self.near) * (RIGHT - knee - 30)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels of the axis."""
        step = next(size for size in (1, 2, 5, 10, 20) if (self.near - self.first) / size <= 9)
        near = [
            value * step
            for value in range(int(self.first // step), int(self.near // step) + 1)
            if value * step >= self.first
        ]
        far = [value for value in (20, 40, 60) if self.broken and value >= self.near + 8]
        return [(self.x(value), "0" if value == 0 else number(value, 0, True)) for value in near + far]


@dataclass(frozen=True)
class Bar:
    """One database: begin, freeze, thaw and abort as places, the record ticks, and what it comes to."""

    name: str
    y: float
    prepare: tuple[float, float] | None
    frozen: tuple[float, float] | None
    open_end: bool  # frozen, and no thaw record
    abort: float | None
    abort_late: bool | None
    ticks: list[float]
    verdict: str | None


@dataclass(frozen=True)
class Diagram:
    """Everything that the drawing of one operation needs."""

    title: Markup
    label: str
    bars: list[Bar]
    more: int
    ticks: list[tuple[float, str]]
    limits: list[tuple[float, str]]
    height: float
    broken: float | None
    cut: tuple[float, str] | None
    clear: float  # right of every bar and abort
    note: str
    loud: bool  # the note tells of a failure
    facts: str


def phases(view: View, chosen: Iterable[str] | None = None) -> Part:
    """Diagrams of the chosen operations; without a choice of up to three that a reader should compare."""
    ids = list(chosen) if chosen is not None else compared(view)
    rows = [view.operations[i] for i in ids if i in view.operations]
    scales = _comparable([_scale(view, row) for row in rows])
    diagrams = [diagram(view, row, scale) for row, scale in zip(rows, scales, strict=True)]
    html = render("phases.html.j2", diagrams=diagrams, caption=_caption(view, ids), coarse=_coarse(view, ids))
    return Part(html, "\n".join(f"{one.label}: {one.facts}" for one in diagrams) or say("No VSS operation was seen."))


def compared(view: View) -> list[str]:
    """Operations worth comparing: of a confirmed point, of a contradicted one, of a failure; else the newest."""
    made: list[str] = []
    for word in ("confirmed", "contradicted"):
        made += [
            p.verdict["operation_id"] for p in reversed(view.points) if p.word == word and p.verdict["operation_id"]
        ][:1]
    for outcome in ("genuine_failure", "mixed", "open", "benign_abort", "clean"):
        same = [row["operation_id"] for row in reversed(view.operations.values()) if row["outcome"] == outcome]
        made += [i for i in same if i not in made][:1]
    return list(dict.fromkeys(made))[:3]


def _scale(view: View, operation: Row) -> Scale:
    """The scale that shows the whole of one operation."""
    databases = _databases(view, operation)
    zero = _zero(operation, databases)
    ends = [_after(zero, row[name]) for row in databases for name in ("thaw_utc", "abort_utc") if row[name]]
    last = max(ends, default=0.0)
    begin = min(_after(zero, operation["begin_utc"]), 0.0) if operation["begin_utc"] else 0.0
    return Scale(max(min(begin - 0.5, -1.0), -8.0), max(12.5, last + 1.5) if last < 24 else FAR)


def _comparable(scales: list[Scale]) -> list[Scale]:
    """One scale for all that end soon, so that bars of one length lasted as long; very long runs keep their own."""
    near = [scale for scale in scales if scale.broken]
    if not near:
        return scales
    common = Scale(min(scale.first for scale in near), max(scale.near for scale in near))
    return [common if scale.broken else scale for scale in scales]


def diagram(view: View, operation: Row, scale: Scale | None = None) -> Diagram:
    """The drawing of one operation; without a scale on the one that suits it best."""
    scale = scale or _scale(view, operation)
    databases = sorted(_databases(view, operation), key=_order)
    zero = _zero(operation, databases)
    point = next((p for p in view.points if p.verdict["operation_id"] == operation["operation_id"]), None)
    shown = databases[:MOST]
    bars = [_bar(view, operation, row, zero, scale, number, point) for number, row in enumerate(shown)]
    note = _note(view, operation, databases)
    fits = not bars or (bars[0].abort or 0) + LETTER * len(note) < RIGHT
    return Diagram(
        title=_title(view, operation, point),
        label=_moment(view, operation, point),
        bars=bars,
        more=len(databases) - len(shown),
        ticks=scale.ticks(),
        height=TOP + STEP * len(bars) + 30,
        limits=[(scale.x(seconds), say(text)) for seconds, text in LIMITS if seconds < 70 or _store(databases)],
        broken=scale.x(scale.near) + 15 if scale.broken else None,
        cut=_cut(view, point, zero, scale),
        clear=max([x for bar in bars for x in (*(bar.frozen or ()), bar.abort) if x is not None], default=LEFT),
        note=note if fits else "",
        loud=any(row["abort_after_thaw"] is False for row in databases[:MOST]),
        facts=_facts(operation) if fits else f"{_facts(operation)}; {note}",
    )


def _databases(view: View, operation: Row) -> list[Row]:
    """The databases of an operation; times finer than a second replace those of a coarser copy of the same records."""
    made = []
    for row in view.operation_databases.get(operation["operation_id"], []):
        fine = view.fine_times.get(key_of(operation, row), {})
        made.append(row | {f"{phase}_utc": moment for phase, moment in fine.items()})
    return made


def _store(databases: list[Row]) -> bool:
    return any((row["instance"] or "").upper().startswith(("ESE", "NTDS", "EXCHANGE")) for row in databases)


def _order(row: Row) -> tuple[datetime, str]:
    moments = [row[name] for name in ("freeze_utc", "thaw_utc", "abort_utc") if row[name]]
    return min(moments, default=datetime.max.replace(tzinfo=UTC)), row["database"] or ""


def _zero(operation: Row, databases: list[Row]) -> datetime:
    freezes = [row["freeze_utc"] for row in databases if row["freeze_utc"]]
    candidates = [
        *freezes,
        operation["freeze_utc"],
        operation["begin_utc"],
        operation["abort_utc"],
        operation["end_utc"],
    ]
    if freezes:
        return min(freezes)
    return next(moment for moment in candidates if moment is not None)


def _after(zero: datetime, moment: datetime) -> float:
    return (moment - zero).total_seconds()


def _bar(view: View, operation: Row, row: Row, zero: datetime, scale: Scale, number: int, point: Point | None) -> Bar:
    def place(moment: datetime | None) -> float | None:
        return None if moment is None else scale.x(_after(zero, moment))

    freeze, thaw, abort, begin = (place(row[name]) for name in ("freeze_utc", "thaw_utc", "abort_utc", "freeze_utc"))
    begin = place(operation["begin_utc"])
    end = thaw if thaw is not None else scale.x(FAR)
    verdict = (
        next((own["verdict"] for own in point.databases if own["shown"] == row["shown"]), None) if point else None
    )
    return Bar(
        name=row["shown"],
        y=TOP + STEP * number,
        prepare=(begin, freeze) if begin is not None and freeze is not None and freeze - begin > 1 else None,
        frozen=None if freeze is None else (freeze, end),
        open_end=freeze is not None and thaw is None,
        abort=abort,
        abort_late=row["abort_after_thaw"],
        verdict=verdict,
        ticks=[x for x in (freeze, thaw, abort) if x is not None],
    )


def _cut(view: View, point: Point | None, zero: datetime, scale: Scale) -> tuple[float, str] | None:
    boot = view.boots.get(point.verdict["boot_id"] or "") if point else None
    if not boot or not boot["image_time_utc"]:
        return None
    seconds = _after(zero, boot["image_time_utc"])
    words = (
        say("image cut inside the freeze")
        if boot["cut_in_freeze"]
        else say("image: newest record {seconds} s", seconds=number(seconds, 0, True))
    )
    return scale.x(seconds), words


def _moment(view: View, operation: Row, point: Point | None) -> str:
    moment = operation["freeze_utc"] or operation["begin_utc"]
    return point.label if point else view.when.minute(moment) if moment else say("time unknown")


def _title(view: View, operation: Row, point: Point | None) -> Markup:
    label = _moment(view, operation, point)
    if len(view.vms) > 1 and operation["vm_name"]:
        label = f"{clean(operation['vm_name'], 60)}: {label}"
    if point is None:
        return Markup("{}, {}").format(label, say("no point linked"))
    sign = VERDICTS[point.word]
    return Markup('{} <a href="#{}">{}</a>, {}').format(sign.svg, point.anchor, label, sign.word)


def _note(view: View, operation: Row, databases: list[Row]) -> str:
    """The words beside the first abort: how long after the thaw, or that it stands before it."""
    first = next((row for row in databases if row["abort_utc"]), None)
    if first is None:
        return say("no abort") if operation["outcome"] == "clean" else ""
    if first["abort_after_thaw"] is False:
        return say("abort before I/O resumed")
    if not first["thaw_utc"]:
        return say("abort, no thaw recorded")
    gap = view.gap_s(operation)
    if gap is None:
        return say("abort after thaw by record order")
    return say("abort {seconds} s after thaw", seconds=number(gap, 1))


def _facts(operation: Row) -> str:
    requestor = REQUESTORS.get(operation["requestor"] or "unknown", operation["requestor"])
    said = [OUTCOMES.get(operation["outcome"] or "", say("outcome not known"))]
    said.append(say("requestor: {requestor}", requestor=requestor))
    if operation["freeze_s"] is not None:
        said.append(say("longest freeze {seconds} s", seconds=number(operation["freeze_s"], 1)))
    return "; ".join(said)


def _coarse(view: View, ids: list[str]) -> bool:
    return any(view.gap_s(view.operations[i]) is None for i in ids if i in view.operations)


def _caption(view: View, ids: list[str]) -> str:
    shown = [view.operations[i] for i in ids if i in view.operations]
    words = {p.word for p in view.points if p.verdict["operation_id"] in ids}
    said = []
    if {"confirmed", "contradicted"} <= words:
        wrong = next(p for p in view.points if p.word == "contradicted" and p.verdict["operation_id"] in ids)
        if wrong.verdict["pattern"] in ("clean", "benign_abort"):
            alike = say("The confirmed and the contradicted point look alike in the guest; only the boots differ.")
            said.append(alike)
    if any(row["outcome"] == "genuine_failure" for row in shown):
        said.append(say("The failed run looks different: its abort stands before I/O resumed, or it never thawed."))
    if not said and shown:
        signs = say("A hollow diamond right of the strong bar is an abort after the thaw; a filled one is a failure.")
        said.append(signs)
    return " ".join(said)
