"""The records that a verdict rests on: file, record number, offset, time and text, reachable by a click."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from kit.page.language import say
from kit.page.part import Part, render
from kit.page.view import Point, Row, View

PER_POINT = 60  # records listed for one point; the rest stands in tables/findings.parquet and tables/events.parquet
ON_PAGE = 6000  # records listed on one page


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
    """The records as a table."""
    found, more = cited(view, uids)
    return render("records.html.j2", records=found, more=more, caption=caption)


def appendix(view: View, shown: Iterable[str] = ()) -> Part:
    """The records of every point that has no card of its own, folded; one entry a point."""
    left = ON_PAGE
    entries = []
    for point in view.points:
        uids = evidence_of(view, point)
        if point.anchor in set(shown) or not uids:
            continue
        entries.append((point, table(view, uids) if left > 0 else None, len(uids)))
        left -= min(len(uids), PER_POINT)
    html = render("appendix.html.j2", entries=entries, several=len(view.vms) > 1)
    return Part(html, say("Records of {count} further points.", count=len(entries)))
