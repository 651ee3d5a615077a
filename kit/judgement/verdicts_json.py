"""verdicts.json: the analysis as one JSON document, checked against the schema that ships with the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from kit import times, values
from kit.errors import GateError
from kit.judgement.quick_schema import Fits, quick

if TYPE_CHECKING:
    from kit.judgement.analysis import Analysis

SCHEMA_VERSION = "1.0"
POINT_FIELDS = ("recovery_point_id", "vm_name", "vm_id", "name", "time_utc", "snapshot_type", "claimed")
SOURCE_FIELDS = (
    "path", "sha256", "reader", "role", "computer", "status", "declared", "seen", "kept", "skipped", "recovered",
    "gaps", "first_time", "last_time",
)
EVENT_FIELDS = ["source_id", "record_id", "time_utc", "computer", "provider", "event_id", "message", "strings"]
JUDGED = ["uid", "class", "rule_id", "operation_id", "recovery_point_id"]
STRETCH_FIELDS = ("from_utc", "until_utc")  # only of clocks that were set on the way
CLOCK_FIELDS = ("computer", "role", "reference", "offset_s", "spread_s", "anchors", "method", "ambiguous")


def document(analysis: Analysis) -> dict[str, Any]:
    """The document. Raises GateError naming the first place where it does not fit its schema."""
    made = {
        "schema_version": SCHEMA_VERSION, "kit_version": analysis.meta["kit_version"],
        "case_id": analysis.meta["case_id"], "policy": analysis.meta["policy"],
        "recovery_points": _points(analysis), "events": _events(analysis), "findings": _findings(analysis),
        "clocks": clock_rows(analysis.arrow("clocks")),
        "sources": rows(analysis.arrow("sources"), SOURCE_FIELDS),
        "operations": _operations(analysis), "advice": _advice(analysis),
        "expected_points": rows(analysis.arrow("expected_points"), ("vm_name", "time_utc", "reason")),
        "missing": rows(analysis.arrow("missing"), ("what", "why", "command")),
    }
    _check(made)
    return made


def _check(made: dict[str, Any]) -> None:
    """Raises GateError where the document does not fit; jsonschema decides whatever the quick look does not accept."""
    if _quick()(made):
        return
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema())
    for error in validator.iter_errors(made):
        place = "/".join(str(part) for part in error.absolute_path)
        raise GateError(f"verdicts.json does not fit its schema at {place or 'the top'}: {error.message[:200]}")


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of verdicts.json."""
    text = resources.files("kit").joinpath("schemas/verdicts.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _quick() -> Fits:
    return quick(schema())


def plain(value: Any) -> Any:
    """The value as JSON has it: null for unknown, ISO 8601 with Z for times, lists for lists."""
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, pd.Timestamp):
        return times.iso_z(value)
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def rows(table: pa.Table, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of a table as JSON objects with the given fields."""
    columns = [_values(table.column(field)) for field in fields]
    return [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]


def clock_rows(clocks: pa.Table) -> list[dict[str, Any]]:
    """The rows of `clocks`; a clock that was set on the way has a row for each stretch, with its ends."""
    made = rows(clocks, (*CLOCK_FIELDS, *STRETCH_FIELDS))
    return [
        {name: value for name, value in row.items() if name in CLOCK_FIELDS or value is not None} for row in made
    ]


def _values(column: pa.ChunkedArray) -> list[Any]:
    told = values.plain(column)
    return [times.iso_z(value) for value in told] if pa.types.is_timestamp(column.type) else told


def _points(analysis: Analysis) -> list[dict[str, Any]]:
    verdicts = analysis.verdicts
    machine = {row.recovery_point_id: row for row in verdicts[verdicts["database"].isna()].itertuples()}
    databases: dict[str, list[dict[str, Any]]] = {}
    for row in verdicts[verdicts["database"].notna()].itertuples():
        databases.setdefault(row.recovery_point_id, []).append(
            {"name": row.database, "instance": plain(row.instance), "verdict": row.verdict,
             "rolled_back": plain(row.rolled_back), "rolled_forward": plain(row.rolled_forward)}
        )
    made = []
    for point in rows(analysis.arrow("recovery_points"), POINT_FIELDS):
        row = machine[point["recovery_point_id"]]
        made.append(
            point | {
                "verdict": row.verdict, "pattern": row.pattern, "operation_id": plain(row.operation_id),
                "offset_s": plain(row.offset_s), "databases": databases.get(point["recovery_point_id"], []),
                "because": plain(list(row.because)), "against": plain(list(row.against)),
                "alternatives": plain(list(row.alternatives)), "missing": plain(list(row.missing)),
            }
        )
    return sorted(made, key=lambda point: (point["vm_name"] or "", point["time_utc"] or "", point["recovery_point_id"]))


def _events(analysis: Analysis) -> list[dict[str, Any]]:
    paths = dict(zip(analysis.sources["source_id"], analysis.sources["path"], strict=True))
    events, judged = analysis.arrow("events"), analysis.arrow("judged_events")
    places = {uid: place for place, uid in enumerate(values.plain(events.column("uid")))}
    uids = values.plain(judged.column("uid"))
    found = events.select(EVENT_FIELDS).take(pa.array([places.get(uid) for uid in uids], pa.int64()))
    told = {name: values.plain(judged.column(name)) for name in JUDGED}
    told |= {name: values.plain(found.column(name)) for name in EVENT_FIELDS}
    moments = told["time_utc"]
    order = sorted(range(len(uids)), key=lambda row: (moments[row] is None, moments[row] or 0, uids[row]))
    told["time_utc"] = list(map(times.iso_z, moments))
    told["source"] = list(map(paths.get, told.pop("source_id")))
    written = zip(told["message"], told.pop("strings"), strict=True)
    told["message"] = [message or _joined(strings) for message, strings in written]
    return [{name: column[row] for name, column in told.items()} for row in order]


def _joined(strings: Any) -> str | None:
    found = [text for text in strings or [] if text]
    return " | ".join(found) if found else None


def _findings(analysis: Analysis) -> list[dict[str, Any]]:
    made = rows(analysis.arrow("findings"), ("finding_id", "rule_id", "class", "severity", "statement", "evidence"))
    for finding in made:
        finding["evidence"] = finding["evidence"] or []
    return sorted(made, key=lambda finding: finding["finding_id"])


def _operations(analysis: Analysis) -> list[dict[str, Any]]:
    fields = ("operation_id", "computer", "vm_name", "requestor", "freeze_utc", "thaw_utc", "abort_utc", "outcome",
              "databases", "evidence")
    return rows(analysis.arrow("operations"), fields)


def _advice(analysis: Analysis) -> list[dict[str, Any]]:
    steps: dict[Any, list[Mapping[str, Any]]] = {}
    for step in rows(analysis.arrow("actions"), ("vm_name", "text", "command")):
        steps.setdefault(step["vm_name"], []).append({"text": step["text"], "command": step["command"]})
    made = rows(analysis.arrow("advice"), ("vm_name", "fail_over_to", "data_loss_s", "fallback"))
    return [row | {"next": steps.get(row["vm_name"], [])} for row in made]
