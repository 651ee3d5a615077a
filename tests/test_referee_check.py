"""What the referee calls a difference, and what it may explain. The logs are written here, so it is known by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import case
from kit.errors import Unsupported
from kit.practice.evtx_writer import Event, write_evtx
from kit.referee import process, second_parser
from kit.referee.second_parser import check, differences

TIME = datetime(2014, 5, 19, 12, 0, 0, 123456, tzinfo=UTC)
COMPUTER = "SQL01.example.test"


def classic(*strings, **changes):
    plain = {"provider": "SQLVDI", "event_id": 1, "time": TIME, "channel": "Application", "computer": COMPUTER,
             "level": 2, "strings": strings}  # fmt: skip
    return Event(**(plain | changes))


@pytest.fixture
def log(tmp_path):
    """Three records: two of a classic source, one of a manifest provider."""
    path = tmp_path / "Application.evtx"
    named = (("Flag", True), ("Count", 7), ("Text", "a < b & c"))
    written = [
        classic("SignalAbort", "995", 'the "quoted" & <odd> text'),
        classic(provider="Microsoft-Windows-Kernel-General", event_id=12, strings=None, data=named, level=4,
                provider_guid="a68ca8b7-004f-d7b6-a698-07e2de0f1f5d"),
        classic("third"),
    ]  # fmt: skip
    write_evtx(path, written, first_id=500)
    return path


def events(path):
    return case.read(path)["events"]


def test_a_record_is_read_again_by_number_and_offset(log):
    wanted = [(int(row.record_id), int(row.offset)) for row in events(log).itertuples()]
    found = second_parser.reread(log, wanted[:1], 30)
    assert found == second_parser.reread(log.read_bytes(), wanted[:1], 30)
    assert [(one["record_id"], one["offset"]) for one in found] == wanted[:1]
    assert (found[0]["provider"], found[0]["event_id"], found[0]["level"]) == ("SQLVDI", "1", "2")
    assert (found[0]["channel"], found[0]["computer"]) == ("Application", COMPUTER)
    assert found[0]["strings"] == ["SignalAbort", "995", 'the "quoted" & <odd> text']
    assert second_parser.reread(log, wanted, 0) == []


def test_one_changed_letter_in_the_file_of_the_other_is_exactly_that_row(log):
    raw = log.read_bytes()
    before, after = ("995".encode("utf-16-le"), "996".encode("utf-16-le"))
    assert raw.count(before) == 1
    (found,) = check(raw.replace(before, after), events(log)).frame.to_dict("records")
    assert (found["field"], found["ours"].split(" | ")[1], found["referee"].split(" | ")[1]) == (
        "strings", "995", "996",
    )  # fmt: skip
    assert pd.isna(found["explanation"])


@pytest.mark.parametrize("shift_us", [400, -400])
def test_the_time_in_utc_is_compared_and_not_only_the_written_one(log, shift_us):
    row = events(log).to_dict("records")[0]
    row |= {"time_utc": row["time_utc"] + pd.Timedelta(microseconds=shift_us)}
    assert list(check(log, pd.DataFrame([row])).frame["field"]) == ["time_utc"]


def test_a_time_from_the_record_header_needs_a_record_without_time():
    ours = {"uid": "s:1", "record_id": 1, "time_utc": pd.Timestamp(TIME),
            "time_raw": "2014-05-19T12:00:00Z (record header; the record itself has no time)"}  # fmt: skip
    none = {"record_id": 1, "time": "0001-01-01 00:00:00"}
    assert not list(differences(ours, none))
    assert [row["field"] for row in differences(ours, none | {"time": "2014-05-19 12:00:00"})] == ["time_utc"]
    there = ours | {"time_raw": "2014-05-19T12:00:00.123456Z"}
    assert [row["field"] for row in differences(there, none)] == ["time_utc"]


def test_a_zeroed_file_header_loses_nothing(log):
    assert check(bytes(4096) + log.read_bytes()[4096:], events(log))[1:] == (3, 0)


def test_an_offset_where_no_record_begins_is_ours_to_explain(log):
    row = events(log).to_dict("records")[0]
    found = check(log, pd.DataFrame([row | {"offset": row["offset"] + 8, "integrity": "recovered"}])).frame
    assert set(found["field"]) == {"record_id", "record"}
    assert found["explanation"].isna().all()


def test_a_record_found_by_its_place_is_explained_only_where_damage_is_known(log):
    """The mark of the second record is overwritten in the file that python-evtx gets; its number is there."""
    row = events(log).to_dict("records")[1]
    raw = bytearray(log.read_bytes())
    raw[row["offset"] : row["offset"] + 4] = b"XXXX"
    for integrity, explained in (("ok", False), ("bad_checksum", True)):
        (found,) = check(bytes(raw), pd.DataFrame([row | {"integrity": integrity}])).frame.to_dict("records")
        assert (found["field"], isinstance(found["explanation"], str)) == ("record", explained)


def test_what_it_cannot_read_is_explained_by_damage_or_form_and_else_not():
    row = {"uid": "s:1", "record_id": 1, "integrity": "bad_checksum"}
    reading = {"record_id": 1, "error": "IndexError: list index out of range"}
    (found,) = differences(row, reading)
    assert (found["field"], "checksum" in found["explanation"]) == ("record", True)
    (found,) = differences(row | {"integrity": "ok"}, reading)
    assert found["explanation"] is None
    (found,) = differences(row | {"integrity": "ok"}, reading | {"template": False})
    assert "without a template" in found["explanation"]


@pytest.mark.parametrize("integrity", ["ok", "bad_checksum", "recovered"])
def test_damage_explains_what_is_missing_but_no_other_value(integrity):
    row = {"uid": "s:1", "record_id": 1, "provider": "VSS", "channel": "Application", "integrity": integrity}
    provider, channel = differences(row, {"record_id": 1, "provider": "VSX", "channel": None})
    assert (provider["field"], provider["explanation"]) == ("provider", None)
    assert (channel["field"], channel["explanation"] is not None) == ("channel", integrity == "recovered")


def test_empty_strings_of_arrays_are_explained_only_by_exactly_what_its_error_makes_of_them(tmp_path):
    """python-evtx 0.8.1 reads ("", "", "abc") as ("abc", "c"): it looks ahead but moves on by what it read."""
    path = tmp_path / "empty.evtx"
    write_evtx(path, [classic("", "", "abc")])
    row = events(path).to_dict("records")[0]
    (found,) = check(path, pd.DataFrame([row])).frame.to_dict("records")
    assert (found["field"], found["ours"], found["referee"]) == ("strings", " |  | abc", "abc | c")
    assert "empty strings" in found["explanation"]
    changed = pd.DataFrame([row | {"strings": ["", "", "abcd"]}])
    assert list(check(path, changed).frame["explanation"].isna()) == [True]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("9007199254740993", "9007199254740992"),  # the same as real numbers, which round them
        ("0xff", "254"),
        ("00ff10", "AP8R"),  # Base64 of 00 ff 11
        ("master", "Master"),
    ],
)
def test_notation_hides_no_difference(ours, theirs):
    assert not second_parser.same(ours, theirs)


def test_what_another_process_wrote_meanwhile_is_kept_beside_ours(log, tmp_path):
    kept = tmp_path / "kept"
    one, other = (second_parser._Readings(kept, log, "a" * 64, "1") for _ in range(2))
    one.found[10] = {"record_id": 1}
    other.found[20] = {"record_id": 2}
    one.keep()
    other.keep()
    assert set(second_parser._Readings(kept, log, "a" * 64, "1").found) == {10, 20}
    assert len(list(kept.iterdir())) == 1


def test_a_damaged_line_of_kept_readings_costs_that_line_only(log, tmp_path):
    kept = tmp_path / "kept"
    check(log, events(log), cache=kept)
    (file,) = kept.iterdir()
    lines = file.read_text("utf-8").splitlines()
    assert [json.loads(line)["record_id"] for line in lines] == [500, 501, 502]
    file.write_text("\n".join([lines[0][:20], *lines[1:]]), "utf-8")
    assert check(log, events(log), 0, cache=kept)[1:] == (2, 1)
    assert check(log, events(log), cache=kept)[1:] == (3, 0)


def test_a_process_that_dies_explains_nothing_and_is_not_kept(log, tmp_path, monkeypatch):
    monkeypatch.setattr(process._Process, "_begin", _dead)
    opinion = check(log, events(log), cache=tmp_path / "kept")
    assert list(opinion.frame["field"]) == ["record"] * 3
    assert opinion.frame["explanation"].isna().all()
    assert not (tmp_path / "kept").exists()


def _dead(process):
    """A process that answers nothing and ends."""
    process._process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process._lines.put(b"")


def test_without_python_evtx_it_says_what_to_do(log, monkeypatch):
    monkeypatch.setattr(second_parser.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Unsupported, match="python-evtx is not installed"):
        check(log, events(log))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=5), max_size=5))
def test_arrays_without_empty_strings_are_read_as_they_are(texts):
    assert second_parser._as_misread(texts) == texts


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=4), max_size=6))
def test_what_it_makes_of_arrays_always_ends(texts):
    found = second_parser._as_misread(texts)
    assert found is None or len(found) <= 2 * sum(len(text) + 1 for text in texts)
