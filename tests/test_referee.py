"""The referee: python-evtx reads records again, its known errors are told apart, and the time is bounded."""

import time

import pandas as pd
import pytest
from evtx_logs import Read, chunk, classic, collected, host, log_of, manifest, records, spread

from kit import tables
from kit.practice.evtx_writer import write_evtx
from kit.referee import process, second_parser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("referee") / "log.evtx"
    write_evtx(made, [(manifest, host)[number % 2](number) for number in range(12)])
    return made


def events(path):
    """Rows of `events` as the kit has them."""
    rows = [row | {"uid": f"s:{row['record_id']}"} for row in Read(path.read_bytes()).rows]
    return tables.frame("events", rows)


def test_two_parsers_agree(path):
    seen = []
    opinion = second_parser.check(path, events(path), 60, progress=lambda done, every: seen.append((done, every)))
    assert (len(opinion.frame), opinion.checked, opinion.unchecked) == (0, 12, 0)
    assert seen[-1] == (12, 12)
    assert list(opinion.frame.columns) == tables.schema("referee").names


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("event_id", 99, "event_id"), ("provider", "Other", "provider"), ("level", 1, "level"),
        ("computer", "ELSEWHERE", "computer"), ("record_id", 77, "record_id"),
        ("time_raw", "2014-05-18T10:00:00.2600000Z", "time_utc"),
        ("strings", ["6", "0", "2014-05-18T10:00:00.2500000Z", "n9"], "strings"),
        ("data", '{"MajorVersion": "7", "BootMode": "0", "StartTime": "2014-05-18T10:00:00.25Z", "Text": "n0"}',
         "data/MajorVersion"),
    ],
)  # fmt: skip
def test_every_field_is_compared(path, column, value, field):
    row = events(path).to_dict("records")[0] | {column: value}
    reading = next(iter(second_parser.asked(path, [int(row["offset"])], 60)))[1]
    found = list(second_parser.differences(row, reading))
    assert [one["field"] for one in found] == [field] and found[0]["explanation"] is None


def test_known_errors_of_python_evtx_are_explained(tmp_path):
    path = tmp_path / "known.evtx"
    # an array that begins with empty strings, as EventLog 6013 writes it; a record of an event collector, which has
    # no template
    write_evtx(path, [classic(0, strings=("", "", "", "1361890", "60")), collected(1)])
    frame = second_parser.check(path, events(path), 60).frame
    assert frame["field"].tolist() == ["strings", "record"]
    assert frame["explanation"].str.contains("python-evtx").all()


def test_records_beyond_the_header_are_read_too(tmp_path):
    log = bytearray(log_of(tmp_path, spread(manifest, 3, 2)))
    log[42:44] = b"\x01\x00"  # the header counts one chunk of three; python-evtx by itself would stop there
    path = tmp_path / "dirty.evtx"
    path.write_bytes(log)
    opinion = second_parser.check(path, events(path), 60)
    assert opinion.checked == 6 and len(opinion.frame) == 0


def test_a_borrowed_template_is_told_from_an_error_of_ours(tmp_path):
    log = bytearray(log_of(tmp_path, spread(manifest, 2, 2)))
    guid = records(log, 1)[0][0] + 24 + 4 + 10 + 4
    log[guid : guid + 8] = b"\x11" * 8
    path = tmp_path / "hurt.evtx"
    path.write_bytes(log)
    frame = second_parser.check(path, events(path), 60).frame
    assert frame["explanation"].notna().all()


def test_readings_are_kept_per_source(path, tmp_path):
    wanted = events(path)
    first = second_parser.check(path, wanted, 60, cache=tmp_path)
    again = second_parser.check(path, wanted, 0, cache=tmp_path)  # no time: everything comes from the folder
    assert (again.checked, again.unchecked) == (first.checked, 0) == (12, 0)
    next(tmp_path.iterdir()).write_text("no JSON")
    assert second_parser.check(path, wanted, 0, cache=tmp_path).unchecked == 12


def test_no_time_means_nothing_checked_and_said(path):
    assert second_parser.check(path, events(path), 0)[1:] == (0, 12)


def test_a_chunk_on_which_python_evtx_does_not_end_costs_bounded_time(tmp_path, monkeypatch):
    # the table of names of the chunk leads back to itself
    log = bytearray(log_of(tmp_path, [manifest(n) for n in range(3)]))
    at = chunk(0) + int.from_bytes(log[chunk(0) + 128 : chunk(0) + 132], "little")
    slot = next(place for place in range(chunk(0) + 128, chunk(0) + 384, 4) if log[place : place + 4] != bytes(4))
    at = chunk(0) + int.from_bytes(log[slot : slot + 4], "little")
    log[at : at + 4] = log[slot : slot + 4]
    path = tmp_path / "loop.evtx"
    path.write_bytes(log)
    monkeypatch.setattr(process, "_LONGEST_RECORD_S", 1.5)
    begun = time.monotonic()
    opinion = second_parser.check(path, events(path), 4)
    assert time.monotonic() - begun < 30
    assert opinion.checked + opinion.unchecked == 3 and opinion.checked >= 1
    assert opinion.frame["explanation"].str.contains("does not come to an end").all()


def test_the_sample_is_the_same_whatever_the_order(path):
    whole = events(path)
    shuffled = whole.sample(frac=1, random_state=3)
    assert set(second_parser.sample(whole, 5)["uid"]) == set(second_parser.sample(shuffled, 5)["uid"])
    assert len(second_parser.sample(whole, 100)) == 12


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0x3e7", "0x00000000000003e7"), ("true", "True"), ("224700", "IkcA"), ("a\r\nb", "a\nb"), ("0x10", "16"),
        ("{A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D}", "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}"),
        ("2018-07-06T12:30:00.1234567Z", "2018-07-06 12:30:00.123456+00:00"), ("1.50", "1.5"),
    ],
)  # fmt: skip
def test_the_same_value_in_two_ways_of_writing(ours, theirs):
    assert second_parser.same(ours, theirs)


@pytest.mark.parametrize(("ours", "theirs"), [("0x3e7", "0x3e8"), ("a", "b"), ("true", "False"), ("", "x")])
def test_different_values_stay_different(ours, theirs):
    assert not second_parser.same(ours, theirs)


@pytest.mark.corpus
def test_a_real_log_holds_no_unexplained_difference(corpus):
    path = corpus / "Velocidex+evtx/testdata/Security.evtx"
    sample = second_parser.sample(events(path), 40)
    opinion = second_parser.check(path, sample, 60)
    assert opinion.checked == 40 and len(opinion.frame[opinion.frame["explanation"].isna()]) == 0


def test_frames_of_other_sources_are_left_out(path):
    wanted = events(path)
    wanted.loc[0, "offset"] = pd.NA
    assert second_parser.check(path, wanted.head(2), 60)[1:] == (1, 1)


def test_a_process_that_answered_all_waits_for_the_next_file_and_no_other(path, monkeypatch):
    monkeypatch.setattr(process, "_warm", True)
    offsets = [int(offset) for offset in events(path)["offset"]]
    try:
        assert len(list(process.asked(path, offsets[:2], 60))) == 2
        (kept,) = process._IDLE
        assert len(list(process.asked(path, offsets, 60))) == 12
        assert [kept] == process._IDLE
        halfway = process.asked(path, offsets, 60)
        next(halfway)
        halfway.close()
        assert process._IDLE == [], "answers are still to come"
        assert not kept.alive
    finally:
        process.end()


def test_a_process_is_ended_where_nobody_asked_to_keep_it(path):
    offsets = [int(offset) for offset in events(path)["offset"]]
    assert len(list(process.asked(path, offsets[:2], 60))) == 2
    assert process._IDLE == []
