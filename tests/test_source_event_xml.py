"""Event XML as wevtutil and Event Viewer write it; samples made up after the schema of Windows events."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import events, sample

from kit.sources import event_xml, recognise

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='VSS'/>"
    "<EventID Qualifiers='32768'>8229</EventID><Level>3</Level><TimeCreated SystemTime='2014-05-19T20:00:07.1234567Z'/>"
    "<EventRecordID>{}</EventRecordID><Channel>Application</Channel><Computer>SQL01</Computer></System>"
    "<EventData>{}</EventData></Event>"
)


def stream(*records):
    return "\r\n".join(EVENT.format(record, "<Data>Sales</Data>") for record in records)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "frame", ["{}", "<Events>{}</Events>", '<?xml version="1.0" encoding="utf-16"?>\n<Events>{}</Events>']
)
def test_with_and_without_a_root_in_every_encoding(encoding, frame):
    content = frame.format(stream(5, 6)).encode(encoding)
    assert recognise(content, "x") is event_xml
    rows, account = events(content)
    assert [row["record_id"] for row in rows] == [5, 6]
    assert rows[0]["time_utc"] == datetime(2014, 5, 19, 20, 0, 7, 123456, tzinfo=UTC)
    assert (rows[0]["provider"], rows[0]["event_id"], rows[0]["level"]) == ("VSS", 8229, 3)
    assert account.source["status"] == "read"


def test_one_damaged_event_costs_only_itself():
    whole = stream(1, 2, 3)
    rows, account = events(whole.replace("<EventRecordID>2</EventRecordID>", "<EventRecordID>2<"))
    assert [row["record_id"] for row in rows] == [1, 3]
    assert [loss["first_id"] for loss in account.losses] == [2]


def test_an_event_without_end_is_lost_and_the_next_one_is_read():
    rows, account = events(stream(1) + stream(2).replace("</Event>", "") + stream(3))
    assert [row["record_id"] for row in rows] == [1, 3]
    assert ["begins inside it" in loss["reason"] for loss in account.losses] == [True]


def test_a_file_that_ends_inside_an_event():
    rows, account = events(stream(1, 2)[:-30])
    assert [row["record_id"] for row in rows] == [1]
    assert account.losses[0]["reason"] == "event 2: cut: the file ends inside it"


def test_missing_numbers_are_gaps():
    assert events(stream(1, 2, 7))[1].source["gaps"] == 4


def test_values_of_hyper_v_events_name_the_machine():
    rows, _ = events(sample("event_xml/wevtutil-stream.xml"))
    host = rows[2]
    assert (host["vm_name"], host["vm_id"]) == ("SQL01", "7c3f2f0e-6b5b-4f5f-9d0a-1f2e3d4c5b6a")
    assert rows[0]["strings"] == [
        "BackupVirtualDeviceFile::SendFileInfoBegin",
        "995(The I/O operation has been aborted)",
    ]


def test_the_rendered_text_of_any_language_is_the_message():
    rows, _ = events(sample("event_xml/event-viewer-german.xml"))
    assert rows[0]["message"] == "E/A wurde für die Datenbank Sales eingefroren & mehr."


def test_names_that_repeat_keep_all_values():
    (row,), _ = events(EVENT.format(1, "<Data Name='a'>1</Data><Data Name='a'>2</Data><Data Name='a'>3</Data>"))
    assert row["strings"] == ["1", "2", "3"]
    assert row["data"] == '{"a": ["1", "2", "3"]}'


@pytest.mark.parametrize(
    "inside",
    [
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Data>&a;</Data>",
        "<Data>" * 2000 + "</Data>" * 1999,
        "<Data>\x00\x01</Data><Data",
    ],
)
def test_hostile_events_are_losses(inside):
    rows, account = events(stream(1) + EVENT.format(2, inside) + stream(3))
    assert [row["record_id"] for row in rows] == [1, 3]
    assert account.source["skipped"] == 1


def test_entities_are_never_expanded():
    bomb = "<!DOCTYPE x [<!ENTITY a 'AAAAAAAAAA'><!ENTITY b '&a;&a;&a;'>]>" + EVENT.format(1, "<Data>&b;</Data>")
    rows, _ = events(bomb)
    assert [row["strings"] for row in rows] in ([], [["&b;"]])


def test_deep_nesting_does_not_exhaust_the_stack():
    rows, _ = events(EVENT.format(1, "<a>" * 50_000 + "x" + "</a>" * 50_000))
    assert rows[0]["strings"] == ["x"]


VMMS = "Microsoft-Windows-Hyper-V-VMMS-Admin.evtx"


@pytest.mark.parametrize("name", ["guest/Application.evtx", f"replica/HV-REPLICA/{VMMS}"])
def test_a_log_reads_the_same_from_its_xml_as_from_its_binary(name):
    # libevtx turns the binary log into XML, as wevtutil would; XML has one kind of line end.
    pyevtx = pytest.importorskip("pyevtx")
    path = Path(__file__).parent.parent / "data" / "practice" / name
    log = pyevtx.file()
    log.open(str(path))
    count = min(200, log.number_of_records)
    texts = [log.get_record(number).get_xml_string().replace("\0", "").split("?>", 1)[-1] for number in range(count)]
    binary, _ = events(path.read_bytes(), name)
    rows, account = events("\n".join(texts))
    assert (len(rows), account.source["skipped"]) == (count, 0)
    known = {row["record_id"]: told(row) for row in binary}
    for row in rows:
        assert told(row) == known[row["record_id"]]


def told(row):
    columns = ("time_utc", "provider", "event_id", "level", "channel", "computer")
    return [row[column] for column in columns] + [text.replace("\r\n", "\n") for text in row["strings"]]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), max_size=5))
def test_strings_come_back_as_they_were(values):
    from xml.sax.saxutils import escape

    data = "".join(f"<Data>{escape(value)}</Data>" for value in values)
    (row,), _ = events(EVENT.format(1, data).encode())
    assert row["strings"] == [value.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd") for value in values]
