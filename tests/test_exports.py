"""Exports for other tools: nothing is lost on the way, nothing is calculated, and Timesketch reads the timeline."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from story import Builder, at, story, told

from kit import tables
from kit.errors import ParameterError, TableError
from kit.exports import folder, plain, timesketch
from kit.judgement.analysis import Analysis

FORMULAS = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1,1)", "\t=1", "\r=1", "\n=1", "'=1", "''=1", "'", "'x", "＝1", "|x",
    "%x", '"', '""', "'\"", "a\r\nb", "a,b;c\t", "", " ", "\x1b[2J\x07", "\u202egpj.exe", "⟨U+001B⟩", "⟨U+", "\ufeffx",
    "\x00",
]  # fmt: skip


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return story()


@pytest.mark.parametrize("name", tables.SCHEMAS)
def test_every_table_comes_back_as_it_was(analysis: Analysis, tmp_path: Path, name: str) -> None:
    frame = getattr(analysis, name)
    assert_frame_equal(plain.read_csv(name, plain.write_csv(name, frame, tmp_path / "t.csv")), frame)
    assert_frame_equal(plain.read_json(name, plain.write_json(name, frame, tmp_path / "t.json")), frame)
    assert_frame_equal(plain.read_json(name, plain.write_jsonl(name, frame, tmp_path / "t.jsonl")), frame)


def losses(texts: list[str | None]) -> pd.DataFrame:
    return tables.frame("losses", [{"source_id": "aa", "count": 1, "reason": text} for text in texts])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.none() | st.sampled_from(FORMULAS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
        | st.text(st.sampled_from("'\"=+-@⟨U0123\t\r\n"), max_size=9),
        max_size=6,
    )
)  # fmt: skip
def test_any_text_comes_back_and_none_is_a_formula(tmp_path: Path, texts: list[str | None]) -> None:
    frame = losses(texts)
    path = plain.write_csv("losses", frame, tmp_path / "t.csv")
    assert_frame_equal(plain.read_csv("losses", path), frame)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            assert not row[-1].startswith(("=", "+", "-", "@", "\t", "\r", "\n")), row
            assert not any(ord(letter) < 32 and letter not in "\t\r\n" for letter in row[-1])
    assert_frame_equal(plain.read_json("losses", plain.write_jsonl("losses", frame, tmp_path / "t.jsonl")), frame)
    for line in (tmp_path / "t.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        assert line.isprintable() or any(letter.isspace() or ord(letter) > 127 for letter in line)
        assert not set(line) & set("\x1b\x9b\u202e\u2028\u0085")


def test_a_number_below_zero_is_no_text_to_guard(tmp_path: Path) -> None:
    frame = tables.frame("clocks", [{"computer": "A", "offset_s": -3.25, "anchors": 0, "ambiguous": False}])
    path = plain.write_csv("clocks", frame, tmp_path / "t.csv")
    assert ",-3.25," in path.read_text(encoding="utf-8-sig")
    assert_frame_equal(plain.read_csv("clocks", path), frame)


def test_another_file_is_no_export_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TableError, match="is no export of table losses"):
        plain.read_csv("losses", tmp_path / "t.csv")


def as_timesketch_reads(path: Path) -> pd.DataFrame:
    """As its importer does: mandatory columns, times by pandas, rows without a time dropped, tags from a list."""
    found = pd.read_csv(path)
    assert {"message", "datetime", "timestamp_desc"} <= set(found.columns)
    found["datetime"] = pd.to_datetime(found["datetime"], errors="coerce")
    found = found.dropna(subset=["datetime", "message", "timestamp_desc"])
    assert all(text.startswith("[") and text.endswith("]") for text in found["tag"])
    return found.assign(tag=[json.loads(text) for text in found["tag"]])


def test_timesketch_reads_every_row_of_the_timeline(analysis: Analysis, tmp_path: Path) -> None:
    found, untimed = timesketch.timeline(analysis)
    assert untimed == 0
    assert len(as_timesketch_reads(timesketch.write_csv(found, tmp_path / "t.csv"))) == len(found)
    lines = timesketch.write_jsonl(found, tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(found)
    for line in lines:
        row = json.loads(line)
        assert all(isinstance(row[name], str) and row[name] for name in ("message", "datetime", "timestamp_desc"))
        moment = datetime.fromisoformat(row["datetime"])
        assert row["datetime"].endswith("+00:00") and row["timestamp"] == round(moment.timestamp() * 1e6)
        assert isinstance(row["tag"], list)
        assert not {name for name in row if name.startswith("_")} and "label" not in row


def test_the_timeline_tells_the_story(analysis: Analysis) -> None:
    """47 points, one of them contradicted; a row for every thaw; events carry Plaso's names."""
    found, _ = timesketch.timeline(analysis)
    points = [row for row in found if row["timestamp_desc"] == "Recovery Point Created"]
    assert len(points) == 47
    assert sum("contradicted" in row["tag"] for row in points) == 1
    thawed = analysis.operations["thaw_utc"].notna().sum()
    assert sum(row["timestamp_desc"] == "VSS Thaw" for row in found) == thawed
    events = [row for row in found if row["timestamp_desc"] == "Event Logged"]
    assert len(events) == len(analysis.events)
    assert all(row["event_identifier"] == row["event_id"] and row["record_number"] for row in events)
    assert {row["data_type"] for row in events} == {"windows:evtx:record", "hvr:log:record"}
    assert [row["datetime"] for row in found] == sorted(row["datetime"] for row in found)


def test_records_without_a_time_are_counted_and_not_invented() -> None:
    b = Builder()
    told(b)
    b.event(at(1), "X", 1, "no time", "unexplained")
    b.rows["events"][-1]["time_utc"] = None
    found, untimed = timesketch.timeline(b.analysis())
    assert untimed == 1
    assert not any(row["message"] == "X 1: no time" for row in found)


def test_the_folder_lists_what_it_holds(analysis: Analysis, tmp_path: Path) -> None:
    saved = analysis.save(tmp_path / "report")
    said = folder.export(saved, tmp_path / "out", ["timesketch", "csv"])
    assert f"csv/: {len(tables.SCHEMAS)} tables" in said
    listed = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert {item["path"] for item in listed["files"]} == {
        "timesketch.csv", "timesketch.jsonl", *(f"csv/{name}.csv" for name in tables.SCHEMAS)
    }  # fmt: skip
    assert listed["report_id"] == "R-2014-0520-SQLVM-7c41e2"
    rows = {item["path"]: item["rows"] for item in listed["files"]}
    with (tmp_path / "out" / "csv" / "verdicts.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(StringIO(file.read())))) - 1 == rows["csv/verdicts.csv"] == len(analysis.verdicts)
    folder.export(saved, tmp_path / "out", ["json"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["export.json", "json"], "made anew"


def test_nothing_else_is_overwritten(analysis: Analysis, tmp_path: Path) -> None:
    saved = analysis.save(tmp_path / "report")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x", encoding="utf-8")
    for out in (tmp_path / "mine", saved, saved / "inside"):
        with pytest.raises(ParameterError, match="--out"):
            folder.export(saved, out)
