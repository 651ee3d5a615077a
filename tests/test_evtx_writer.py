"""The EVTX writer, checked by parsers that share no code with it: python-evtx, libevtx and the Rust reader."""

import json
import re
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from Evtx.Evtx import Evtx
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.practice import binxml, tiling
from kit.practice.evtx_writer import CHUNK, DIRTY, FILE_HEAD, Event, EvtxWriter, UserData, write_evtx

START = datetime(2014, 5, 18, 10, 0, 0, 250_000, tzinfo=UTC)
VIRTUALIZATION = "http://www.microsoft.com/Windows/Virtualization/Events"


# Shapes follow real logs: SQL Server (classic, Binary), Kernel-General 12 (typed, named), VMMS (VmlEventLog),
# Service Control Manager 7036 (named data of a classic source).
def abort(number: int) -> Event:
    return Event(
        "MSSQLSERVER", 18210, START + timedelta(seconds=number), "Application", "SQLVM.contoso.local", 2,
        strings=("BackupVirtualDeviceFile::SendFileInfoBegin", "", f"{{G}}{number}", "995(<s> & \u201eback\u201c)"),
        binary=b"\x22\x47\x00", qualifiers=49_152, task=2,
    )


def boot(number: int) -> Event:
    return Event(
        "Microsoft-Windows-Kernel-General", 12, START + timedelta(seconds=number), "System", "SQLVM",
        data=(("MajorVersion", 6), ("ServiceVersion", binxml.u16(1)), ("BootMode", binxml.u8(0)), ("StartTime", START)),
        provider_guid="A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D", process_id=4, thread_id=8, user_sid="S-1-5-18",
    )


def host(number: int) -> Event:
    fields = (("VmName", "SQLVM"), ("VmId", "4C2F0A11"), ("ErrorCode", binxml.hex32(0x800423F4)))
    return Event(
        "Microsoft-Windows-Hyper-V-VMMS", 18304, START + timedelta(seconds=number),
        "Microsoft-Windows-Hyper-V-VMMS-Admin", "HV-PRIMARY", 2,
        user_data=UserData("VmlEventLog", VIRTUALIZATION, fields),
        provider_guid="6066f867-7ca1-4418-85fd-36e3f9c0600c", process_id=2748, thread_id=1160, user_sid="S-1-5-18",
    )


def service(number: int) -> Event:
    return Event(
        "Service Control Manager", 7036, START + timedelta(seconds=number), "System", "SQLVM",
        data=(("param1", "Volume Shadow Copy"), ("param2", f"running {number}")), binary=b"V\0S\0S\0",
        qualifiers=16_384, source_name="Service Control Manager", process_id=448, thread_id=520,
        provider_guid="555908d1-a6d7-4695-8e1e-26931d2012f4",
    )


def mixed(count: int) -> list[Event]:
    return [(abort, boot, host, service)[number % 4](number) for number in range(count)]


def test_chunks_and_header_carry_right_checksums_and_counts(tmp_path):
    path = tmp_path / "a.evtx"
    assert write_evtx(path, mixed(500)) == 500
    with Evtx(str(path)) as log:
        header = log.get_file_header()
        assert header.verify() and not header.is_dirty() and not header.is_full()
        chunks = list(log.chunks())
        assert len(chunks) == header.chunk_count() >= 3
        assert header.next_record_number() == 501
        assert all(chunk.verify() for chunk in chunks)
        assert [chunk.file_first_record_number() for chunk in chunks][1:] == [
            chunk.file_last_record_number() + 1 for chunk in chunks
        ][:-1]
    # the same sums, computed here from the published layout
    raw = path.read_bytes()
    assert struct.unpack_from("<I", raw, 124)[0] == zlib.crc32(raw[:120])
    for start in range(FILE_HEAD, len(raw), CHUNK):
        free = struct.unpack_from("<I", raw, start + 48)[0]
        assert struct.unpack_from("<I", raw, start + 52)[0] == zlib.crc32(raw[start + 512 : start + free])


def test_python_evtx_reads_every_value_as_written(tmp_path):
    path = tmp_path / "a.evtx"
    write_evtx(path, mixed(120))
    with Evtx(str(path)) as log:
        records = [(record.record_num(), record.verify(), record.timestamp(), record.xml()) for record in log.records()]
    assert [number for number, *_ in records] == list(range(1, 121))
    for (number, verified, time, xml), event in zip(records, mixed(120), strict=True):
        assert verified
        assert abs(time.replace(tzinfo=UTC) - event.time) <= timedelta(microseconds=1)  # its float arithmetic rounds
        assert f"<EventRecordID>{number}</EventRecordID>" in xml
        assert f">{event.event_id}</EventID>" in xml and f"<Channel>{event.channel}</Channel>" in xml
        assert f"<Computer>{event.computer}</Computer>" in xml and f'<Provider Name="{event.provider}"' in xml
    assert re.search(r'<EventID Qualifiers="49152">18210</EventID>', records[0][3])
    assert "995(&lt;s&gt; &amp; &#8222;back&#8220;)" in records[0][3]
    assert '<Data Name="ServiceVersion">1</Data>' in records[1][3]
    assert '<Security UserID="S-1-5-18">' in records[1][3]
    assert f'<VmlEventLog xmlns="{VIRTUALIZATION}"><VmName>SQLVM</VmName>' in records[2][3]
    assert "<ErrorCode>0x800423f4</ErrorCode>" in records[2][3]
    assert '<Data Name="param2">running 3</Data>' in records[3][3]


def test_libevtx_reads_the_same_values(tmp_path):
    pyevtx = pytest.importorskip("pyevtx")
    path = tmp_path / "a.evtx"
    events = mixed(400)
    write_evtx(path, events)
    log = pyevtx.file()
    log.open(str(path))
    assert not log.is_corrupted() and log.number_of_recovered_records == 0
    assert log.number_of_records == 400
    for number, event in enumerate(events):
        record = log.get_record(number)
        assert record.identifier == number + 1
        assert record.event_identifier & 0xFFFF == event.event_id
        assert record.event_level == event.level
        assert record.source_name == event.provider
        assert record.computer_name == event.computer
        assert record.written_time == event.time.replace(tzinfo=None)
        if event.strings:
            # it counts Binary as one more string
            assert [record.get_string(i) or "" for i in range(record.number_of_strings)] == [*event.strings, "224700"]
    log.close()


def test_the_rust_reader_reads_the_same_values(tmp_path):
    evtx = pytest.importorskip("evtx")
    path = tmp_path / "a.evtx"
    events = mixed(400)
    write_evtx(path, events)
    records = list(evtx.PyEvtxParser(str(path)).records_json())
    assert [record["event_record_id"] for record in records] == list(range(1, 401))
    for record, event in zip(records, events, strict=True):
        body = json.loads(record["data"])["Event"]
        system = body["System"]
        assert system["TimeCreated"]["#attributes"]["SystemTime"] == event.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert system["Provider"]["#attributes"]["Name"] == event.provider
        assert system["Level"] == event.level
        if event.strings:
            assert body["EventData"]["Data"]["#text"] == list(event.strings)
            assert body["EventData"]["Binary"] == "224700"
            assert system["EventID"] == {"#attributes": {"Qualifiers": 49152}, "#text": 18210}
        elif event.user_data:
            assert body["UserData"]["VmlEventLog"]["ErrorCode"] == "0x800423f4"
        elif event.event_id == 12:
            assert body["EventData"]["StartTime"] == "2014-05-18T10:00:00.250000Z"
            assert body["EventData"]["MajorVersion"] == 6
            assert system["Execution"]["#attributes"] == {"ProcessID": 4, "ThreadID": 8}


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.lists(
            # no controls: NUL ends a text, XML cannot carry the others; lone surrogates are not text
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300), min_size=1, max_size=6,
        ),
        min_size=1, max_size=12,
    )
)
def test_any_text_comes_back_from_libevtx(tmp_path_factory, records):
    pyevtx = pytest.importorskip("pyevtx")
    path = tmp_path_factory.mktemp("any") / "a.evtx"
    write_evtx(path, (Event("Source", 1, START, "Application", "PC", strings=tuple(texts)) for texts in records))
    log = pyevtx.file()
    log.open(str(path))
    found = [[record.get_string(i) or "" for i in range(record.number_of_strings)] for record in log.records]
    log.close()
    assert found == records


def test_the_same_events_give_the_same_bytes(tmp_path):
    one, two = tmp_path / "1.evtx", tmp_path / "2.evtx"
    write_evtx(one, mixed(300), first_id=77, flags=DIRTY)
    write_evtx(two, mixed(300), first_id=77, flags=DIRTY)
    assert one.read_bytes() == two.read_bytes()
    with Evtx(str(one)) as log:
        assert log.get_file_header().is_dirty()
        assert next(log.records()).record_num() == 77


def test_a_log_without_records_is_a_valid_file(tmp_path):
    path = tmp_path / "empty.evtx"
    assert write_evtx(path, []) == 0
    assert path.stat().st_size == FILE_HEAD + CHUNK
    with Evtx(str(path)) as log:
        assert log.get_file_header().verify()
        assert list(log.records()) == []
    evtx = pytest.importorskip("evtx")
    assert list(evtx.PyEvtxParser(str(path)).records()) == []


def test_a_record_can_be_made_to_begin_a_chunk(tmp_path):
    path = tmp_path / "a.evtx"
    with EvtxWriter(path) as writer:
        writer.write(abort(1))
        writer.write(Event("Source", 2, START, "Application", "PC", strings=("first of its chunk",), new_chunk=True))
    with Evtx(str(path)) as log:
        assert [chunk.file_first_record_number() for chunk in log.chunks()] == [1, 2]


# The fullest chunk of the real logs at hand ends 8 bytes before its end; libevtx skips a record that ends at the very
# end.
def test_no_chunk_is_filled_to_its_last_byte(tmp_path):
    path = tmp_path / "a.evtx"
    first = Event("Source", 2, START, "Application", "PC", strings=("x",))

    def end(*events):
        write_evtx(path, events)
        return struct.unpack_from("<I", path.read_bytes(), FILE_HEAD + 48)[0]

    overhead = end(first, first, first) - end(first, first)  # a record whose text is "x"
    for spare in (0, 8, 16):  # bytes that a third record would leave of the chunk
        letters = (CHUNK - end(first, first) - overhead - spare) // 2
        exact = replace(first, strings=("x" * (1 + letters),))
        assert end(first, first, exact) == (CHUNK - spare if spare else end(first, first))


def test_a_record_larger_than_a_chunk_is_refused(tmp_path):
    with EvtxWriter(tmp_path / "a.evtx") as writer:
        writer.write(abort(1))
        with pytest.raises(ValueError, match="larger than a chunk"):
            writer.write(Event("Source", 9, START, "Application", "PC", strings=("x" * 40_000,)))


def test_tiles_repeat_the_events_with_running_numbers_and_later_times(tmp_path):
    path = tmp_path / "big.evtx"
    base = mixed(80)
    made = tiling.tile(path, base, 3 * CHUNK, step_s=3600)
    with Evtx(str(path)) as log:
        assert log.get_file_header().verify() and all(chunk.verify() for chunk in log.chunks())
        found = [(r.record_num(), r.timestamp(), r.xml()) for r in log.records()]
    assert made == len(found) and [number for number, *_ in found] == list(range(1, made + 1))
    _, time, xml = found[80]
    assert time.replace(tzinfo=UTC) == START + timedelta(hours=1)
    assert "<EventRecordID>81</EventRecordID>" in xml and "2014-05-18 11:00:00.25" in xml


TEXT = "Hyper-V failed to generate VSS snapshot set for virtual machine 'SQLVM': <writer> & error (0x800423F4)."


def test_a_record_may_hold_its_rendered_message(tmp_path):
    path = tmp_path / "a.evtx"
    write_evtx(path, [abort(1), replace(host(2), message=TEXT), replace(abort(3), message="short"), host(4)])
    with Evtx(str(path)) as log:
        assert all(chunk.verify() for chunk in log.chunks())
        xml = [record.xml() for record in log.records()]
    assert "&lt;writer&gt; &amp; error (0x800423F4).</Message>" in xml[1]
    assert "<EventRecordID>2</EventRecordID>" in xml[1] and "<VmName>SQLVM</VmName>" in xml[1]
    assert "<Message>short</Message>" in xml[2] and "SendFileInfoBegin" in xml[2]
    assert "RenderingInfo" not in xml[0] and "RenderingInfo" not in xml[3]


# A collector's records have no template. python-evtx fails on real ones too, so two other parsers are asked here.
def test_a_forwarded_record_is_text_throughout(tmp_path):
    evtx = pytest.importorskip("evtx")
    pyevtx = pytest.importorskip("pyevtx")
    path = tmp_path / "a.evtx"
    collected = [replace(host(2), message=TEXT, forwarded=True), replace(abort(3), message="short", forwarded=True)]
    write_evtx(path, [abort(1), *collected, host(4)])
    records = [json.loads(r["data"])["Event"] for r in evtx.PyEvtxParser(str(path)).records_json()]
    assert [r["System"]["EventRecordID"] for r in records] == [1, "2", "3", 4]
    assert records[1]["RenderingInfo"]["Message"] == TEXT
    assert records[1]["UserData"]["VmlEventLog"]["ErrorCode"] == "0x800423f4"
    assert records[2]["EventData"]["Data"]["#text"][0] == "BackupVirtualDeviceFile::SendFileInfoBegin"
    log = pyevtx.file()
    log.open(str(path))
    assert "(0x800423F4).</Message>" in log.get_record(1).get_xml_string()
    log.close()
    with pytest.raises(ValueError, match="forwarded"):
        tiling.tile(path, collected, CHUNK)
