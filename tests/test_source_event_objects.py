"""Events exported as objects, in made-up forms of Get-WinEvent, Get-EventLog, winlogbeat, NXLog and converters."""

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import events, sample

from kit.sources import event_objects, event_objects_unnumbered, recognise
from kit.sources._levels import level_of

WINEVENT = {
    "TimeCreated": "/Date(1400529609870)/",
    "ProviderName": "SQLVDI",
    "Id": 1,
    "RecordId": 5012,
    "LogName": "Application",
    "MachineName": "SQL01",
    "Level": 2,
    "Message": "SQLVDI: Loc=SignalAbort.",
    "Properties": [{"Value": "SignalAbort"}, {"Value": ""}],
}


def one(**changes):
    (row,), _ = events([{**WINEVENT, **changes}])
    return row


def test_every_field_of_get_winevent():
    row = one()
    assert (row["provider"], row["event_id"], row["record_id"], row["level"]) == ("SQLVDI", 1, 5012, 2)
    assert (row["channel"], row["computer"]) == ("Application", "SQL01")
    assert row["time_utc"] == datetime(2014, 5, 19, 20, 0, 9, 870000, tzinfo=UTC)
    assert row["time_basis"] == "utc"
    assert row["strings"] == ["SignalAbort", ""]
    assert row["message"] == "SQLVDI: Loc=SignalAbort."


def test_names_of_types_in_the_place_of_strings_are_no_strings():
    assert one(Properties="System.Collections.Generic.List`1[x]")["strings"] is None
    assert one(Properties=["System.Diagnostics.Eventing.Reader.EventProperty"])["strings"] is None


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"Level": 3}, 3),
        ({"Level": None, "LevelDisplayName": "Warnung"}, 3),
        ({"Level": None, "LevelDisplayName": "エラー"}, 2),
        ({"Level": None, "EntryType": 1}, 2),  # EventLogEntryType: 1 error, 2 warning, 4 information
        ({"Level": None, "EntryType": 2}, 3),
        ({"Level": None, "EntryType": "Information"}, 4),
        ({"Level": None, "EventType": "AUDIT_FAILURE"}, 0),
        ({"Level": None, "LevelDisplayName": "Etwas"}, None),
    ],
)
def test_levels_in_numbers_and_words(given, level):
    assert one(**given)["level"] == level


@pytest.mark.parametrize("word", ["Critical", "Kritisch", "Critique", "重大", "Критический", "Krytyczny"])
def test_critical_in_six_languages(word):
    assert level_of(word) == 1


def test_instance_ids_lose_their_qualifiers():
    # 0x80002025: qualifiers 0x8000, event 8229
    assert one(Id=None, InstanceId=0x80002025)["event_id"] == 8229


def test_values_of_a_virtual_machine_are_found_in_the_data():
    row = one(Properties=None, VmName="SQL01", VmId="7C3F2F0E-6B5B-4F5F-9D0A-1F2E3D4C5B6A")
    assert (row["vm_name"], row["vm_id"]) == ("SQL01", "7c3f2f0e-6b5b-4f5f-9d0a-1f2e3d4c5b6a")


def test_event_data_becomes_strings_and_named_data():
    row = one(Properties=None, event_data={"param1": "Sales", "param2": 5})
    assert row["strings"] == ["Sales", "5"]
    assert row["data"] == '{"param1": "Sales", "param2": 5}'


def test_times_without_zone_stay_local():
    row = one(TimeCreated="2014-05-19T22:00:00")
    assert (row["time_utc"], row["time_local"]) == (None, datetime.fromisoformat("2014-05-19T22:00:00"))


def test_a_converter_that_writes_utc_without_zone():
    row = one(TimeCreated="2014-05-19 20:00:00.1234567", PayloadData1="x", ChunkNumber=0)
    assert row["time_utc"] == datetime(2014, 5, 19, 20, 0, 0, 123456, tzinfo=UTC)


def test_the_zone_is_measured_where_a_receiver_wrote_utc_beside_local_time():
    _, account = events(sample("event_objects/local-times.jsonl"))
    assert account.source["zone"] == "+02:00"


def sysmon(*minutes, stated="07:00"):
    return [
        {"TimeCreated": f"2014-05-19T07:{minute:02}:00Z", "SourceName": "Sysmon", "EventID": 3, "RecordNumber": minute,
         "Channel": "Sysmon", "Message": "x", "UtcTime": f"2014-05-19 {stated[:2]}:{minute:02}:00.100"}
        for minute in minutes
    ]  # fmt: skip


def test_local_times_that_call_themselves_utc_are_unmasked_by_the_utc_in_the_text():
    rows, account = events(sysmon(1, 2, 3, stated="14:00"))
    assert rows[0]["time_utc"] == datetime(2014, 5, 19, 14, 1, tzinfo=UTC)
    assert rows[0]["time_basis"] == "inferred"
    assert "7 h behind" in account.source["note"]


def test_true_utc_is_left_alone():
    rows, account = events(sysmon(1, 2, 3))
    assert rows[0]["time_utc"] == datetime(2014, 5, 19, 7, 1, tzinfo=UTC)
    assert rows[0]["time_basis"] == "utc"
    assert account.source["note"] is None


def test_an_export_without_record_numbers_is_numbered_by_time():
    newest_first = [{**WINEVENT, "RecordId": None, "TimeCreated": f"2014-05-19T22:00:0{n}Z"} for n in (9, 7, 3)]
    rows, account = events(newest_first)
    assert [row["record_id"] for row in rows] == [30, 20, 10]
    assert "numbered from its end" in account.source["note"]
    rows, _ = events(newest_first[::-1])
    assert [row["record_id"] for row in rows] == [10, 20, 30]
    assert all(row["listed"] for row in events(newest_first[::-1])[1].coverage)


def test_numbered_and_unnumbered_exports_have_their_own_readers():
    assert recognise(sample("event_objects/get-winevent.json"), "x") is event_objects
    assert recognise(sample("event_objects_unnumbered/printed.txt"), "x") is event_objects_unnumbered


def test_objects_of_another_kind_are_named_losses():
    rows, account = events([WINEVENT, {"Name": "spooler", "Status": 4}])
    assert len(rows) == 1
    assert [loss["reason"] for loss in account.losses] == ["row 2: an object of another kind (Name, Status)"]


@settings(deadline=None, max_examples=40)
@given(st.permutations(list(WINEVENT)), st.booleans())
def test_order_and_case_of_the_properties_change_nothing(names, lower):
    row = {(name.lower() if lower else name): WINEVENT[name] for name in names}
    (found,), _ = events([row])
    (expected,), _ = events([WINEVENT])
    assert {**found, "uid": 0, "source_id": 0} == {**expected, "uid": 0, "source_id": 0}


@pytest.mark.corpus
@pytest.mark.skipif("KIT_CORPUS" not in os.environ, reason="needs the real logs in KIT_CORPUS")
def test_a_whole_shadow_copy_of_a_domain_controller():
    # A Server 2022 domain controller, 2023-07-19: ESENT freezes at 09:03:40.789 local time, UTC-7, for 5.4 s.
    (archive,) = Path(os.environ["KIT_CORPUS"]).glob("OTRF*/**/cmd_dumping_ntds_dit_file_ntdsutil.zip")
    with zipfile.ZipFile(archive) as opened:
        rows, account = events(opened.read(opened.namelist()[0]))
    cycle = {
        row["event_id"]: row
        for row in rows
        if row["provider"] == "ESENT" and row["event_id"] in (2001, 2003, 2005, 2006)
    }
    assert (account.source["kept"], account.source["skipped"]) == (11184, 0)
    assert cycle[2001]["time_utc"] == datetime(2023, 7, 19, 16, 3, 40, 789000, tzinfo=UTC)
    assert round((cycle[2003]["time_utc"] - cycle[2001]["time_utc"]).total_seconds(), 1) == 5.4
    assert cycle[2005]["record_id"] < cycle[2001]["record_id"] < cycle[2003]["record_id"] < cycle[2006]["record_id"]


def test_a_table_whose_columns_a_mail_has_moved_gives_no_wrong_time():
    # The time of day no longer stands below its heading: midnight would be a wrong time.
    text = (
        "TimeCreated          Id LevelDisplayName ProviderName Message\r\n"
        "-----------          -- ---------------- ------------ -------\r\n"
        "5/19/2014 10:00:09 PM 1 Error            SQLVDI       SignalAbort\r\n"
        "5/19/2014 9:59:59 PM 8224 Information      VSS          idle timeout\r\n"
    )
    rows, account = events(text)
    assert [(row["time_utc"], row.get("time_local")) for row in rows] == [(None, None)] * 2
    assert account.source["status"] == "partial"
    assert "2 events have no time that can be read" in account.source["note"]


def test_events_of_wmi_have_their_own_numbers_of_levels():
    # Win32_NTLogEvent: 1 error, 2 warning, 3 information, 4 and 5 audits.
    row = {"ComputerName": "SQL01", "EventCode": 1, "EventIdentifier": 3221225473, "Logfile": "Application",
           "Message": "m", "SourceName": "SQLVDI", "TimeGenerated": "20140519220009.000000+120",
           "InsertionStrings": ["SignalAbort"]}  # fmt: skip
    made = [row | {"RecordNumber": number, "EventType": number} for number in (1, 2, 3, 4, 5)]
    rows, _ = events([*made, row | {"RecordNumber": 6, "Type": "Error"}])
    assert [found["level"] for found in rows] == [2, 3, 4, 0, 0, 2]
    assert {(found["event_id"], found["channel"], found["strings"][0]) for found in rows} == {
        (1, "Application", "SignalAbort")
    }
