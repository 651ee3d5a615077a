"""The records that a verdict rests on: file, record number, offset, time and text, reachable by a click."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from kit.page.language import say
from kit.page.part import Part, render
from kit.page.view import Point, Row, View

PER_POINT = 60  # records listed for one point; the rest stands in tables/findings.parquet and tables/events.parquet
ON_PAGE = 2500  # records that stand on one page in full; more are listed by number


@dataclass(frozen=True)
class Cited:
    """A record as it is printed."""

    path: str
    record: str
    offset: str
    time: str
    origin: str
    text: str
    sha256: str | None
    integrity: str | None


def cited(view: View, uids: Iterable[str], most: int = PER_POINT) -> tuple[list[Cited], int]:
    """The records with these uids in the order of file and number, and how many more there are."""
    found = view.events(uids)
    return [_cited(view, row) for row in found[:most]], max(0, len(found) - most)


def _cited(view: View, row: Row) -> Cited:
    source: dict[str, Any] = view.sources.get(row["source_id"]) or {}
    text_log = source.get("reader") not in (None, "evtx", "evt") and row["event_id"] is None
    number = "–" if row["record_id"] is None else str(row["record_id"])
    return Cited(
        path=view.path(row["source_id"]),
        record=say("line {number}", number=number) if text_log else number,
        offset="–" if row["offset"] is None else f"0x{row['offset']:06X}",
        time=row["time_raw"] or "–",
        origin=" ".join(str(word) for word in (row["provider"], row["event_id"]) if word is not None),
        text=row["message"] or " | ".join(row["strings"] or []) or say("(no text in the record)"),
        sha256=source.get("sha256"),
        integrity=None if row["integrity"] in (None, "ok") else row["integrity"],
    )


def evidence_of(view: View, point: Point) -> list[str]:
    """Uids of every finding for and against a point, each once; where none cites any, those of its operation."""
    findings = [view.findings[i] for i in point.finding_ids if i in view.findings]
    uids = list(dict.fromkeys(uid for finding in findings for uid in finding["evidence"] or []))
    operation = view.operations.get(point.verdict["operation_id"] or "")
    return uids or (list(operation["evidence"] or []) if operation else [])


def table(view: View, uids: Iterable[str], caption: str = "") -> Markup:
    """The records as a table, under the path and the hash of their file."""
    found, more = cited(view, uids)
    files = [(path, list(records)) for path, records in itertools.groupby(found, key=lambda record: record.path)]
    return render("records.html.j2", files=files, more=more, caption=caption)


def appendix(view: View, shown: Iterable[str] = ()) -> Part:
    """The records of every point that has no card of its own, folded; one entry a point.

    Up to ON_PAGE records stand in full, each with offset, text and hash; more are listed by file and number. Of very
    many points the records stand in the table of all points.
    """
    if view.dense:
        said = say("The records of each point stand beside it, in the table of all points of its machine.")
        return Part(render("words.html.j2", words=said), said)
    left_out = set(shown)
    points = [(point, evidence_of(view, point)) for point in view.points if point.anchor not in left_out]
    points = [(point, uids) for point, uids in points if uids]
    full = sum(min(len(uids), PER_POINT) for _, uids in points) <= ON_PAGE
    entries = [(point, table(view, uids) if full else spread(view, uids), len(uids)) for point, uids in points]
    machines = {vm: [entry for entry in entries if entry[0].vm_name == vm] for vm in view.vms}
    html = render("appendix.html.j2", machines={vm: own for vm, own in machines.items() if own}, full=full)
    return Part(html, say("Records of {count} further points.", count=len(entries)))


@dataclass(frozen=True)
class Spread:
    """Records of one file by their numbers, with the offset of the first one."""

    path: str
    numbers: str
    count: int
    offset: str


def spread(view: View, uids: Iterable[str]) -> list[Spread]:
    """The records with these uids by file, their numbers as ranges."""
    files: dict[str, list[Row]] = {}
    for row in view.events(uids):
        files.setdefault(row["source_id"], []).append(row)
    return [_spread(view, source_id, rows) for source_id, rows in files.items()]


def _spread(view: View, source_id: str, rows: list[Row]) -> Spread:
    numbers = sorted({row["record_id"] for row in rows if row["record_id"] is not None})
    offsets = [row["offset"] for row in rows if row["offset"] is not None]
    first = f"0x{min(offsets):06X}" if offsets else "–"
    return Spread(view.path(source_id), ranges(numbers) or "–", len(rows), first)


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as `1–3, 7`."""
    made: list[list[int]] = []
    for number in numbers:
        if made and number == made[-1][1] + 1:
            made[-1][1] = number
        else:
            made.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in made)
