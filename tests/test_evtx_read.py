"""Reading event logs into frames: every value as it was written, whatever the form of the event."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from evtx_logs import GUID, START, Read, classic, collected, host, log_of, manifest, mixed
from hypothesis import given, settings
from hypothesis import strategies as st

import kit.evtx
from kit.errors import Unreadable
from kit.practice import binxml
from kit.practice.evtx_writer import Event, UserData, write_evtx


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("logs") / "mixed.evtx"
    write_evtx(made, mixed(400))
    return made


def test_a_frame_has_system_as_plain_columns(path):
    frame = kit.evtx.read(path)
    assert list(frame.columns) == [
        "record_id", "time_utc", "provider", "event_id", "level", "channel", "computer", "ticks", "written_utc",
        "chunk", "offset", "chunk_crc_ok", "state", "integrity", "data",
    ]  # fmt: skip
    assert frame["record_id"].tolist() == list(range(1, 401))
    first = frame.iloc[0]
    assert first["time_utc"] == pd.Timestamp(START)
    assert (first["provider"], first["event_id"], first["level"]) == ("MSSQLSERVER", 18210, 2)
    assert (first["channel"], first["computer"]) == ("Application", "SQLVM")
    assert first["offset"] == 4096 + 512 and first["chunk"] == 0
    assert bool(first["chunk_crc_ok"]) and first["state"] == "live" and first["integrity"] == "ok"
    assert first["ticks"] == ((START - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) * 10
    assert str(frame["time_utc"].dtype) == "datetime64[us, UTC]" and str(frame["event_id"].dtype) == "Int64"


def test_event_data_is_typed(path):
    frame = kit.evtx.read(path)
    assert frame["data"][0] == {"Data": ["SendFileInfoBegin", "", "995(0)"], "Binary": b"\x22\x47"}
    assert frame["data"][1] == {"MajorVersion": 6, "BootMode": 0, "StartTime": pd.Timestamp(START), "Text": "n1"}
    assert frame["data"][2] == {"VmName": "SQLVM", "VmId": "4C2F0A11", "ErrorCode": 0x800423F4}
    # without a template an empty element has no type
    assert frame["data"][3]["Data"] == ["SendFileInfoBegin", None, "995(3)"]
    assert frame["data"][3]["message"] == "Backup 3 failed."


def test_fields_are_typed_columns(path):
    frame = kit.evtx.read(path)
    kernel = frame[frame["event_id"] == 12]
    wide = kernel["data"].event.wide()
    assert {name: str(kind) for name, kind in wide.dtypes.items()} == {
        "MajorVersion": "Int64", "BootMode": "Int64", "StartTime": "datetime64[us, UTC]", "Text": "str",
    }  # fmt: skip
    assert wide.index.equals(kernel.index)
    assert wide["Text"].tolist()[:2] == ["n1", "n5"]
    assert frame["data"].event.field("VmName").dropna().unique().tolist() == ["SQLVM"]
    assert frame["data"].event.field("no such field").isna().all()


def test_the_long_table_has_a_row_for_each_value(path):
    frame = kit.evtx.read(path, event_ids=12)
    long = frame["data"].event.long()
    assert len(long) == 4 * len(frame)
    assert long.loc[0, "text"].tolist() == ["6", "0", "2014-05-18T10:00:00.2500000Z", "n1"]
    assert long.loc[0, "field"].tolist() == ["MajorVersion", "BootMode", "StartTime", "Text"]
    assert long.loc[0, "nth"].tolist() == [0, 1, 2, 3]


def test_json_text_of_event_data(path):
    frame = kit.evtx.read(path, providers="microsoft-windows-hyper-v-vmms")
    assert json.loads(frame["data"].event.json()[0]) == {
        "VmName": "SQLVM", "VmId": "4C2F0A11", "ErrorCode": "0x800423f4",
    }  # fmt: skip
    classic_events = kit.evtx.read(path, event_ids=18210)
    assert json.loads(classic_events["data"].event.json()[0]) == {
        "Data": ["SendFileInfoBegin", "", "995(0)"], "Binary": "2247",
    }  # fmt: skip


def test_more_lists_than_other_texts_in_a_batch(tmp_path):
    # named lists stand in an array of their own; a text that needs escaping made their places be looked up elsewhere
    events = [classic(number, strings=("a", f'"{number}"', ""), binary=None) for number in range(9)]
    path = tmp_path / "lists.evtx"
    write_evtx(path, [*events, manifest(9, data=(("Path", "C:\\x"),))])
    texts = kit.evtx.read(path)["data"].event.json()
    assert [json.loads(text) for text in texts][:9] == [
        {"Data": ["a", f'"{number}"', ""], "Binary": None} for number in range(9)
    ]
    assert json.loads(texts[9]) == {"Path": "C:\\x"}


def test_a_frame_goes_to_parquet(path, tmp_path):
    frame = kit.evtx.read(path)
    frame.to_parquet(tmp_path / "log.parquet")
    back = pd.read_parquet(tmp_path / "log.parquet")
    assert back["record_id"].tolist() == frame["record_id"].tolist()
    assert json.loads(back["data"][1])["Text"] == "n1"


def test_a_filter_gives_the_rows_of_the_whole(path):
    whole = kit.evtx.read(path)
    some = kit.evtx.read(path, providers=["mssqlserver", "Microsoft-Windows-Kernel-General"], event_ids=[12, 18304])
    expected = whole[(whole["provider"] == "Microsoft-Windows-Kernel-General") & (whole["event_id"] == 12)]
    assert some["record_id"].tolist() == expected["record_id"].tolist()
    assert some["data"].tolist() == expected["data"].tolist()
    assert len(kit.evtx.read(path, event_ids=[])) == 0
    nobody = kit.evtx.read(path, providers=["nobody"])
    assert len(nobody) == 0 and nobody.dtypes.map(str).equals(whole.dtypes.map(str))


def test_event_data_survives_what_pandas_does_with_columns(path):
    frame = kit.evtx.read(path)
    expected = frame["data"].tolist()
    assert frame.sort_values("record_id", ascending=False)["data"].tolist() == expected[::-1]
    assert pd.concat([frame.tail(3), frame.head(2)])["data"].tolist() == expected[-3:] + expected[:2]
    assert frame["data"].reindex([0, 1000]).tolist() == [expected[0], None]
    assert frame["data"].isna().sum() == 0 and len(frame["data"].copy()) == 400
    assert "SendFileInfoBegin" in repr(frame.head())
    mask = np.arange(400) % 100 == 0
    assert frame.loc[mask, "data"].tolist() == expected[::100]


def test_events_of_the_kit(tmp_path):
    rows = Read(log_of(tmp_path, mixed(8))).rows
    assert rows[0]["strings"] == ["SendFileInfoBegin", "", "995(0)"]
    assert json.loads(rows[0]["data"]) == {"Binary": "2247"}
    assert rows[1]["strings"] == ["6", "0", "2014-05-18T10:00:00.2500000Z", "n1"]
    assert rows[2]["strings"] == ["SQLVM", "4C2F0A11", "0x800423f4"]
    assert json.loads(rows[2]["data"])["VmName"] == "SQLVM"
    assert rows[3]["message"] == "Backup 3 failed." and rows[3]["strings"][2] == "995(3)"
    assert rows[0]["time_raw"] == "2014-05-18T10:00:00.2500000Z"
    assert rows[0]["time_utc"] == START and rows[0]["precision_s"] == 0.001
    assert [row["task"] for row in rows[:2]] == [2, 0]


def test_whole_seconds_are_the_precision_of_classic_sources_of_old_systems(tmp_path):
    # Windows 7 keeps whole seconds for sources of the old interface: TimeCreated ends in .0000000
    rows = Read(log_of(tmp_path, [classic(0, time=datetime(2013, 10, 23, 16, 16, 29, tzinfo=UTC))])).rows
    assert rows[0]["precision_s"] == 1.0


def test_the_name_of_the_event_source_is_kept_beside_the_data(tmp_path):
    event = manifest(0, source_name="EventLog", data=(("param1", "x"),))
    assert json.loads(Read(log_of(tmp_path, [event])).rows[0]["data"]) == {"EventSourceName": "EventLog", "param1": "x"}


def test_a_name_that_repeats_keeps_all_its_values(tmp_path):
    # event 4648 of Security has LogonGuid twice
    event = manifest(0, data=(("LogonGuid", "a"), ("Other", "b"), ("LogonGuid", "c")))
    path = tmp_path / "twice.evtx"
    write_evtx(path, [event])
    assert json.loads(Read(path.read_bytes()).rows[0]["data"]) == {"LogonGuid": ["a", "c"], "Other": "b"}
    frame = kit.evtx.read(path)
    assert frame["data"][0] == {"LogonGuid": ["a", "c"], "Other": "b"}
    assert len(frame["data"].event.long()) == 3


def test_embedded_zeros_and_halves_of_surrogates_survive(tmp_path):
    texts = ("a\0b", "ends in zero\0", "\ud83d\ude00 pair", "umlaut ü, 日本語")
    rows = Read(log_of(tmp_path, [manifest(0, data=tuple((f"p{n}", text) for n, text in enumerate(texts)))])).rows
    assert rows[0]["strings"] == ["a\0b", "ends in zero", "😀 pair", "umlaut ü, 日本語"]
    assert json.loads(rows[0]["data"])["p0"] == "a\0b"


def test_a_file_that_is_no_log_is_named(tmp_path):
    path = tmp_path / "letter.evtx"
    path.write_bytes(b"Dear Sir or Madam, " * 1000)
    with pytest.raises(Unreadable, match=r"letter\.evtx.*\.evtx"):
        kit.evtx.read(path)
    with pytest.raises(FileNotFoundError):
        kit.evtx.read(tmp_path / "absent.evtx")


def test_an_empty_log_is_an_empty_frame(tmp_path):
    path = tmp_path / "empty.evtx"
    write_evtx(path, [])
    assert len(kit.evtx.read(path)) == 0
    assert len(Read(path.read_bytes()).rows) == 0


# Characters that the format cannot tell from padding (zeros at the end) are left out.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
EARLIEST, LATEST = (datetime.fromisoformat(text) for text in ("1990-01-01", "2100-01-01"))
VALUES = st.one_of(
    TEXT, st.integers(-(2**31), 2**31 - 1), st.booleans(),
    st.integers(0, 2**32 - 1).map(binxml.hex32), st.integers(0, 255).map(binxml.u8),
    st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)),
)  # fmt: skip


def shown(value):
    """A value as the event XML shows it, from what the writer was given."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "0Z"
    if isinstance(value, binxml.Typed):
        number = int.from_bytes(value.raw, "little")
        return hex(number) if value.kind == binxml.HEX32 else str(number)
    return str(value)


PAIRS = st.tuples(st.text("abcdefgh_", min_size=1, max_size=8), VALUES)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(PAIRS, max_size=6, unique_by=lambda pair: pair[0]), min_size=1, max_size=12))
def test_named_values_come_back_as_written(tmp_path_factory, every):
    events = [manifest(number, data=tuple(pairs)) for number, pairs in enumerate(every)]
    rows = Read(log_of(tmp_path_factory.mktemp("named"), events)).rows
    assert [row["strings"] for row in rows] == [[shown(value) for _, value in pairs] for pairs in every]
    for row, pairs in zip(rows, every, strict=True):
        assert json.loads(row["data"] or "{}") == {name: shown(value) for name, value in pairs}


FORMS = st.tuples(st.sampled_from([classic, collected]), st.lists(TEXT, min_size=1, max_size=5))


@settings(deadline=None, max_examples=40)
@given(st.lists(FORMS, min_size=1, max_size=12))
def test_unnamed_strings_come_back_as_written(tmp_path_factory, every):
    events = [make(number, strings=tuple(texts), binary=None) for number, (make, texts) in enumerate(every)]
    rows = Read(log_of(tmp_path_factory.mktemp("unnamed"), events)).rows
    assert [row["strings"] for row in rows] == [texts for _, texts in every]


def test_a_log_in_many_batches_is_the_same_log(tmp_path, monkeypatch):
    from kit.evtx import places

    data = log_of(tmp_path, mixed(600))
    whole = Read(data)
    monkeypatch.setattr(places, "LARGEST_BATCH", 1)
    parts = Read(data)
    assert len(parts.batches) > len(whole.batches) == 1
    assert parts.rows == whole.rows and parts.account == whole.account


def test_the_forms_that_windows_knows_of_user_data(tmp_path):
    nested = UserData("Outer", "urn:o", (("A", "1"), ("B", "2")))
    event = Event("P", 1, START, "System", "C", user_data=nested, provider_guid=GUID)
    assert json.loads(Read(log_of(tmp_path, [event, host(1)])).rows[0]["data"]) == {"A": "1", "B": "2"}
