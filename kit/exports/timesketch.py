"""The judged events, recovery points, VSS operations and boots as a timeline for Timesketch.

Timesketch wants `message`, `datetime` (ISO 8601) and `timestamp_desc` in every row and keeps every further field; `tag`
is a list. Fields of an event log carry the names that Plaso gives them as well, so that searches written for Plaso's
timelines (`data_type:"windows:evtx:record" AND event_identifier:8224`) find them.
Format: Timesketch, "Create timeline from JSONL or CSV file"; Plaso, winevtx parser.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit.exports.plain import field, iso, json_line
from kit.judgement.analysis import Analysis
from kit.page.view import View, rows

Row = dict[str, Any]
FIELDS = (
    "message", "datetime", "timestamp", "timestamp_desc", "tag", "data_type", "verdict", "class", "severity",
    "computer", "vm_name", "instance", "database", "role", "source", "record_id", "offset", "uid", "provider",
    "event_id", "level", "channel", "time_basis", "time_raw", "rule_id", "meaning", "operation_id",
    "recovery_point_id", "computer_name", "source_name", "event_identifier", "event_level", "record_number",
    "strings",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVTX, OTHER = "windows:evtx:record", "hvr:log:record"
LONGEST = 32_000  # characters of a message; a search index takes no longer term


def timeline(analysis: Analysis) -> tuple[list[Row], int]:
    """The rows of the timeline by time, and how many records have no time and are left out."""
    view = View(analysis)
    made = [*_events(view), *_points(view), *_operations(view), *_boots(view)]
    timed = [row for row in made if row["datetime"] is not None]
    ordered = sorted(timed, key=lambda row: (row["datetime"], row["timestamp_desc"], row.get("uid") or ""))
    return [_finished(row) for row in ordered], len(made) - len(timed)


def _finished(row: Row) -> Row:
    moment: datetime = row["datetime"]
    return row | {
        "message": row["message"][:LONGEST], "datetime": iso(moment),
        "timestamp": (moment - _EPOCH) // timedelta(microseconds=1), "tag": sorted({tag for tag in row["tag"] if tag}),
    }  # fmt: skip


def write_jsonl(found: list[Row], target: Path) -> Path:
    """The timeline as JSON Lines; fields that a row does not know are left out."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for row in found:
            known = {name: row[name] for name in FIELDS if row.get(name) is not None}
            file.write(json_line(known) + "\n")
    return target


def write_csv(found: list[Row], target: Path) -> Path:
    """The timeline as CSV with one head line."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        for row in found:
            writer.writerow([field(row.get(name)) for name in FIELDS])
    return target


def _events(view: View) -> Iterator[Row]:
    judged = {row["uid"]: row for row in view.rows("judged_events")}
    matches = {row["uid"]: row for row in view.rows("matches")}
    for event in rows("events", view.analysis.events):
        found, matched = judged.get(event["uid"], {}), matches.get(event["uid"], {})
        point = view.point_by_id.get(found.get("recovery_point_id") or "")
        yield {
            "message": _message(event), "datetime": event["time_utc"], "timestamp_desc": "Event Logged",
            "tag": [found.get("class"), None if event["integrity"] == "ok" else event["integrity"]],
            "class": found.get("class"), "rule_id": found.get("rule_id"), "meaning": found.get("meaning"),
            "operation_id": found.get("operation_id"), "recovery_point_id": found.get("recovery_point_id"),
            "verdict": point.word if point else None, "source": view.path(event["source_id"]),
            **{name: matched.get(name) for name in ("severity", "instance", "database")},
            **{name: event[name] for name in (
                "uid", "record_id", "offset", "computer", "vm_name", "role", "provider", "event_id", "level", "channel",
                "time_basis", "time_raw", "strings",
            )},
            **_as_plaso(event, view),
        }  # fmt: skip


def _as_plaso(event: Row, view: View) -> Row:
    source = view.sources.get(event["source_id"]) or {}
    return {
        "data_type": EVTX if source.get("reader") == "evtx" else OTHER, "computer_name": event["computer"],
        "source_name": event["provider"], "event_identifier": event["event_id"], "event_level": event["level"],
        "record_number": event["record_id"],
    }  # fmt: skip


def _message(event: Row) -> str:
    """Provider, number and text; where the log holds no text, the inserted strings."""
    said = event["message"] or " | ".join(text for text in event["strings"] or [] if text) or "(no text)"
    number = "" if event["event_id"] is None else f" {event['event_id']}"
    return f"{event['provider'] or 'record'}{number}: {said}"


def _points(view: View) -> Iterator[Row]:
    for point in view.points:
        row = point.row
        yield {
            "message": f"Recovery point {row['name'] or row['recovery_point_id']} of {row['vm_name']}: "
                       f"{_words(row['claimed'])}, verdict {_words(point.word)}",
            "datetime": row["time_utc"], "timestamp_desc": "Recovery Point Created", "data_type": "hvr:recovery_point",
            "tag": ["recovery_point", point.word], "verdict": point.word, "vm_name": row["vm_name"],
            "computer": row["computer"], "recovery_point_id": row["recovery_point_id"],
            "operation_id": point.verdict["operation_id"], "time_basis": row["time_basis"], "time_raw": row["time_raw"],
        }  # fmt: skip


def _words(text: str | None) -> str:
    return (text or "unknown").replace("_", " ")


def _operations(view: View) -> Iterator[Row]:
    for row in view.operations.values():
        for name, what in (("freeze_utc", "Freeze"), ("thaw_utc", "Thaw"), ("abort_utc", "Abort")):
            if row[name] is None:
                continue
            yield {
                "message": f"VSS {what.lower()} in {row['vm_name'] or row['computer']} by {_words(row['requestor'])}: "
                           f"outcome {_words(row['outcome'])}; {', '.join(row['databases'] or [])}",
                "datetime": row[name], "timestamp_desc": f"VSS {what}", "data_type": "hvr:vss_operation",
                "tag": ["vss_operation", row["outcome"]], "class": row["outcome"], "vm_name": row["vm_name"],
                "computer": row["computer"], "operation_id": row["operation_id"], "time_basis": row["time_basis"],
            }  # fmt: skip


def _boots(view: View) -> Iterator[Row]:
    for row in view.boots.values():
        kind = "test failover" if row["test_failover"] else "machine"
        yield {
            "message": f"Boot of the {kind} {row['vm_name'] or row['computer']}"
                       f"{' after an unexpected shutdown' if row['unclean'] else ''}",
            "datetime": row["start_utc"], "timestamp_desc": "Boot Started", "data_type": "hvr:boot",
            "tag": ["boot", "test_failover" if row["test_failover"] else None], "vm_name": row["vm_name"],
            "computer": row["computer"], "recovery_point_id": row["recovery_point_id"],
        }  # fmt: skip
