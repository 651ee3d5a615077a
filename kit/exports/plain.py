"""Tables as plain CSV, JSON and JSON Lines, and back without loss.

Text that a spreadsheet would take for a formula gets an apostrophe in front, and so does text that begins with
apostrophes before such a sign; taking one apostrophe off gives the original back. Characters that control a terminal or
turn the direction of writing are written as on the pages, `⟨U+001B⟩`. Unknown is an empty field, and an empty text is
written as `""`. Lists are JSON. Times are ISO 8601 in UTC with six digits. Line ends inside a text stay.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from kit import tables
from kit.errors import TableError
from kit.visible import json_visible, visible

EMPTY = '""'  # an empty text, which a plain empty field could not be told from unknown
_FORMULA = re.compile(r"'*[=+\-@\t\r\n|%＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n|%＝＋－＠\"]")
_ESCAPE = re.compile(r"⟨(?=U\+)")  # a text that holds such a number itself
_NUMBERED = re.compile(r"⟨U\+([0-9A-F]{4})⟩")
ROWS_AT_ONCE = 20_000


def write_csv(name: str, frame: pd.DataFrame, target: Path) -> Path:
    """The table as CSV (UTF-8 with a byte order mark, so that spreadsheets read it; commas; one head line)."""
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(tables.schema(name).names)
        for row in _rows(name, frame):
            writer.writerow([field(value) for value in row.values()])
    return target


def read_csv(name: str, source: Path) -> pd.DataFrame:
    """The table that `write_csv` wrote, equal to the frame that was given. Raises TableError for another file."""
    declared = tables.schema(name)
    csv.field_size_limit(1 << 30)
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        head = next(reader, None)
        if head != declared.names:
            raise TableError(f"{source}: is no export of table {name}: its first line names other columns")
        rows = [
            {column.name: _value(column.type, text) for column, text in zip(declared, row, strict=True)}
            for row in reader
        ]
    return tables.frame(name, rows)


def write_json(name: str, frame: pd.DataFrame, target: Path) -> Path:
    """The table as one JSON array of objects."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for number, line in enumerate(_lines(name, frame)):
            file.write(("," if number else "") + "\n" + line)
        file.write("\n]\n")
    return target


def write_jsonl(name: str, frame: pd.DataFrame, target: Path) -> Path:
    """The table as JSON Lines: one object a row."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in _lines(name, frame))
    return target


def read_json(name: str, source: Path) -> pd.DataFrame:
    """The table that `write_json` or `write_jsonl` wrote."""
    text = source.read_text(encoding="utf-8")
    found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return tables.frame(name, [_parsed(name, row) for row in found])


def _rows(name: str, frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for batch in tables.to_arrow(name, frame).to_batches(ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _lines(name: str, frame: pd.DataFrame) -> Iterator[str]:
    for row in _rows(name, frame):
        yield json_line({key: plain(value) for key, value in row.items()})


def json_line(content: dict[str, Any] | list[Any]) -> str:
    """JSON on one line; characters that end a line elsewhere or control how it is shown are escaped."""
    return json_visible(json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON knows it: times as ISO 8601 text, unknown and infinite numbers as null."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def iso(moment: datetime) -> str:
    """2014-05-19T22:00:03.430000+00:00: always six digits and a zone, so that all are alike."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def field(value: Any) -> str:
    """A value as a field of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json_line(value)
    if isinstance(value, str):
        return guarded(value)
    plain_value = plain(value)
    return "" if plain_value is None else str(plain_value)


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would calculate it, and controls as numbers."""
    if not text:
        return EMPTY
    text = visible(_ESCAPE.sub("⟨U+27E8⟩", text))
    return "'" + text if _FORMULA.match(text) or text.lstrip("'").startswith('"') else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    if text == EMPTY:
        return ""
    text = text[1:] if _GUARDED.match(text) else text
    return _NUMBERED.sub(lambda found: chr(int(found[1], 16)), text)


def _value(kind: pa.DataType, text: str) -> Any:
    if text == "":
        return None
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text)
    if pa.types.is_boolean(kind):
        return text == "true"
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    if pa.types.is_list(kind):
        return json.loads(text)
    return unguarded(text)


def _parsed(name: str, row: dict[str, Any]) -> dict[str, Any]:
    timed = {column.name for column in tables.schema(name) if pa.types.is_timestamp(column.type)}
    return {
        key: datetime.fromisoformat(value) if key in timed and value is not None else value
        for key, value in row.items()
    }
