"""The second opinion over a case: a guest's log of four records, written here, analysed, saved and read again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from kit import load_case, tables
from kit.audit.second_opinion import compare, sample
from kit.audit.verify import _second_opinion
from kit.errors import CaseError
from kit.judgement.analysis import Analysis
from kit.practice.evtx_writer import Event, write_evtx

TIME = datetime(2014, 5, 19, 12, 0, tzinfo=UTC)


def record(number, *strings):
    return Event(
        provider="SQLVDI", event_id=1, time=TIME + timedelta(seconds=number), channel="Application",
        computer="SQL01.example.test", level=2, strings=strings,
    )  # fmt: skip


@pytest.fixture
def evidence(tmp_path):
    """A case with one log of four records, and a text log that only the kit reads."""
    root = tmp_path / "case"
    (root / "guest").mkdir(parents=True)
    write_evtx(root / "guest" / "Application.evtx", [record(number, "letter", "abcd"[number]) for number in range(4)])
    (root / "guest" / "ERRORLOG").write_text(
        "2014-05-19 12:00:00.00 Server      Microsoft SQL Server 2012 - 11.0.2100.60 (X64)\n"
        "2014-05-19 12:00:01.00 Server      UTC adjustment: 0:00\n", "utf-8",
    )  # fmt: skip
    return root


@pytest.fixture
def saved(evidence, tmp_path):
    """The folder of an analysis that judges every record and cites the last one."""
    case = load_case(evidence, quiet=True)
    last = case.events.loc[case.events["channel"] == "Application", "uid"].iloc[-1]
    finding = {
        "finding_id": "F-1", "rule_id": "label", "class": "normal", "severity": "info", "status": "documented",
        "statement": "The record stands there.", "evidence": [last],
    }  # fmt: skip
    found = {
        "sources": case.sources, "events": case.events, "findings": tables.frame("findings", [finding]),
    }  # fmt: skip
    return Analysis({"case_id": "case", "kit_version": "1", "policy": "strict"}, found).save(tmp_path / "out")


def test_all_records_of_event_logs_are_read_again_and_no_other(saved, evidence):
    made = compare(saved, evidence, progress=False)
    assert (made.rows, made.checked, made.unchecked, made.unexplained) == ([], 4, 0, [])


def test_a_value_that_was_changed_in_the_tables_is_found(saved, evidence):
    path = saved / "tables" / "events.parquet"
    events = pd.read_parquet(path, dtype_backend="pyarrow")
    chosen = events["record_id"].eq(3) & events["channel"].eq("Application")
    events["computer"] = events["computer"].astype("string").mask(chosen, "SQL02")
    events = events.to_dict("records")
    _write(path, events)
    made = compare(saved, evidence, progress=False)
    assert [(row.field, row.ours, row.referee) for row in made.unexplained] == [
        ("computer", "SQL02", "SQL01.example.test")
    ]
    text, agreed = _second_opinion(saved, evidence)
    assert not agreed
    assert "4 cited records read again by the second parser, 1 differ; 0 records not checked" in text


def _write(path, rows):
    import pyarrow.parquet as pq

    plain = [{name: None if _null(value) else value for name, value in row.items()} for row in rows]
    pq.write_table(tables.to_arrow("events", tables.frame("events", plain)), path)


def _null(value):
    return not isinstance(value, list) and pd.api.types.is_scalar(value) and pd.isna(value)


def test_the_manifest_tells_where_the_evidence_lies(saved):
    (saved / "manifest.json").write_text(json.dumps({"evidence_root": "../case"}), "utf-8")
    assert compare(saved, progress=False).checked == 4


def test_without_a_place_of_the_evidence_it_asks_for_one(saved):
    with pytest.raises(CaseError, match="--case"):
        compare(saved, progress=False)


def test_the_same_evidence_in_an_archive_is_found(saved, evidence, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "moved"), "zip", evidence.parent, evidence.name)
    made = compare(saved, archive, progress=False)
    assert (made.rows, made.checked, made.unchecked) == ([], 4, 0)


def test_evidence_that_changed_is_not_read_but_named_and_counted(saved, evidence):
    log = evidence / "guest" / "Application.evtx"
    log.write_bytes(log.read_bytes() + b"\0")
    made = compare(saved, evidence, progress=False)
    assert (made.checked, made.unchecked) == (0, 4)
    assert [(row.uid, row.field) for row in made.rows] == [("guest/Application.evtx", "source")]
    assert "other bytes" in made.rows[0].explanation


def test_a_log_moved_to_another_folder_of_the_case_is_found(saved, evidence):
    (evidence / "elsewhere").mkdir()
    shutil.move(evidence / "guest" / "Application.evtx", evidence / "elsewhere" / "Application.evtx")
    assert compare(saved, evidence, progress=False).checked == 4


def test_cited_records_first_then_others(evidence):
    case = load_case(evidence, quiet=True)
    cited = case.events[case.events["channel"] == "Application"].head(1)
    made = sample(case, cited, 30.0)
    assert (len(made.frame), made.checked, made.unchecked) == (0, 4, 0)
    assert made.text.startswith("1 cited EVTX record and a sample of 3 others were read again by python-evtx ")
    assert made.text.endswith("; no difference")


def test_without_time_the_sentence_says_that_nothing_was_read(evidence, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_STORE", str(tmp_path / "own"))
    case = load_case(evidence, quiet=True)
    made = sample(case, case.events, 0.0)
    assert (len(made.frame), made.checked, made.unchecked) == (0, 0, 4)
    assert made.text.startswith("0 of 4 cited EVTX records were read again")
    assert "no difference" not in made.text


def test_a_case_without_cited_event_logs_says_so(evidence):
    (evidence / "guest" / "Application.evtx").unlink()
    case = load_case(evidence, quiet=True)
    assert sample(case, case.events, 5.0).text == "no EVTX record is cited, so none was read again by a second parser"


def test_a_record_that_it_cannot_read_is_not_counted_as_read(evidence, tmp_path):
    """Records of an event collector have no template; python-evtx cannot read them."""
    from dataclasses import replace

    root = tmp_path / "collected"
    root.mkdir()
    written = [record(0, "x"), replace(record(1, "y"), forwarded=True, message="rendered")]
    write_evtx(root / "ForwardedEvents.evtx", written)
    case = load_case(root, quiet=True)
    made = sample(case, case.events, 30.0)
    assert (made.checked, made.unchecked) == (1, 1)
    assert list(made.frame["field"]) == ["record"]
    assert made.text.startswith("1 of 2 cited EVTX records was read again")
    assert "1 record it could not read" in made.text
