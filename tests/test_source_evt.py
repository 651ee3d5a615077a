"""Legacy event logs: made by tests/legacy_log.py, and the real ones of the corpus against libevt."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from legacy_log import SID, plain, record, wrapped
from reading import events

from kit.sources import evt, recognise

TIME = 1_400_529_609  # 2014-05-19 20:00:09 UTC


def test_the_fields_of_a_record():
    made = record(7, TIME, 0xC0002019, 1, "VSS", "SQL01", ["0x80070005", "zweiter – Text"], b"\x01\xff", SID)
    (row,), account = events(plain([made], first=7), "SysEvent.Evt")
    assert (row["record_id"], row["event_id"], row["level"]) == (7, 0x2019, 2)
    assert (row["provider"], row["computer"], row["channel"]) == ("VSS", "SQL01", "System")
    assert row["time_utc"] == datetime(2014, 5, 19, 20, 0, 9, tzinfo=UTC)
    assert row["strings"] == ["0x80070005", "zweiter – Text"]
    assert row["data"] == '{"UserSid": "S-1-5-32-544", "Binary": "01FF"}'
    assert (account.source["declared"], account.source["status"]) == (1, "read")


@pytest.mark.parametrize(("kind", "level"), [(1, 2), (2, 3), (4, 4), (8, 0), (16, 0)])
def test_types_are_levels(kind, level):
    assert events(plain([record(1, TIME, kind=kind)]))[0][0]["level"] == level


def test_a_wrapped_and_dirty_log_with_remains_of_the_last_round():
    older, newer = [record(n, TIME + n) for n in (4, 5, 6)], [record(n, TIME + n) for n in (7, 8)]
    remains = record(2, TIME + 2)[60:] + record(3, TIME + 3)
    rows, account = events(wrapped(older, newer, remains, oldest=4), "AppEvent.Evt")
    assert sorted((row["record_id"], row["integrity"]) for row in rows) == [
        (3, "recovered"), (4, "ok"), (5, "ok"), (6, "ok"), (7, "ok"), (8, "ok"),
    ]  # fmt: skip
    assert (account.source["declared"], account.source["recovered"], account.source["gaps"]) == (5, 1, 0)
    assert "dirty and wrapped" in account.source["note"]
    assert account.source["status"] == "read"


def test_a_record_that_goes_on_behind_the_header():
    # The log reached the end of its file inside record 2: the rest of it stands behind the header.
    whole, split = record(1, TIME), record(2, TIME, strings=["x" * 40])
    rows, account = events(wrapped([whole, split[:-32]], [split[-32:]], oldest=1, count=2))
    assert {row["record_id"]: row["strings"] for row in rows} == {1: [], 2: ["x" * 40]}
    assert account.source["skipped"] == 0


def test_an_old_copy_of_a_record_is_told_and_not_counted_twice():
    older, newer = [record(1, TIME)], [record(2, TIME + 1)]
    rows, account = events(wrapped(older, newer, record(1, TIME), oldest=1))
    assert sorted(row["record_id"] for row in rows) == [1, 2]
    assert "1 old copies" in account.source["note"]


def test_a_destroyed_header_costs_nothing():
    raw = plain([record(n, TIME + n) for n in (1, 2, 3)])
    rows, _ = events(b"\0" * 48 + raw[48:])
    assert [row["record_id"] for row in rows] == [1, 2, 3]


def test_a_cut_log_says_what_it_lacks():
    raw = plain([record(n, TIME + n) for n in range(1, 11)])
    rows, account = events(raw[: len(raw) // 2])
    assert 3 <= len(rows) <= 5
    assert account.source["status"] == "partial"


def test_a_damaged_record_is_lost_with_its_offset():
    records = [record(n, TIME + n) for n in (1, 2, 3)]
    raw = bytearray(plain(records))
    raw[48 + len(records[0])] = 255  # the size of the second record
    rows, account = events(bytes(raw))
    assert [row["record_id"] for row in rows] == [1, 3]
    assert [loss["offset"] for loss in account.losses] == [48 + len(records[0])]


def test_an_empty_log():
    assert events(plain([]))[1].source["status"] == "empty"


def test_recognised_by_content():
    assert recognise(plain([record(1, TIME)]), "x") is evt
    assert evt.recognise(b"LfLe" * 100, "sysevent.evt") == 0
    assert evt.recognise(b"", "sysevent.evt") == 0


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_spoilt_logs_never_fail_and_lose_little(place, spoilt):
    raw = plain([record(n, TIME + n, strings=["a", "b"]) for n in range(1, 6)])
    place = 48 + place % (len(raw) - 48)
    rows, account = events(raw[:place] + spoilt + raw[place + len(spoilt) :])
    assert "stopped" not in (account.source["note"] or "")
    assert len(rows) >= 3


@pytest.mark.corpus
@pytest.mark.skipif("KIT_CORPUS" not in os.environ, reason="needs the real logs in KIT_CORPUS")
@pytest.mark.parametrize(("name", "kept", "recovered"), [("SysEvent.Evt", 6320, 257), ("TestLog.evt", 5, 0)])
def test_real_logs_against_libevt(name, kept, recovered):
    pyevt = pytest.importorskip("pyevt")
    (path,) = Path(os.environ["KIT_CORPUS"]).rglob(name)
    rows, account = events(path.read_bytes(), name)
    assert (account.source["kept"], account.source["recovered"], account.source["gaps"]) == (kept, recovered, 0)
    other = pyevt.file()
    other.open(str(path))
    live = {row["offset"]: row for row in rows if row["integrity"] == "ok"}
    assert len(live) == other.number_of_records
    for number in range(other.number_of_records):
        theirs = other.get_record(number)
        ours = live[theirs.offset]
        assert ours["record_id"] == theirs.identifier
        assert int(ours["time_utc"].timestamp()) == theirs.get_creation_time_as_integer()
        assert (ours["provider"], ours["computer"]) == (theirs.source_name, theirs.computer_name)
        assert ours["event_id"] == theirs.event_identifier & 0xFFFF
        assert ours["strings"] == [text or "" for text in theirs.strings]
