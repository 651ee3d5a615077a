"""Writers of the practice cases other than EVTX: legacy .evt, ERRORLOG, PowerShell exports, read by foreign parsers."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import defusedxml.ElementTree
import pytest

from kit.practice import errorlog_writer, exports, hyperv_objects
from kit.practice.errorlog_writer import Line, Server, write_errorlog
from kit.practice.evt_writer import DIRTY, ring_size, write_evt, write_wrapped
from kit.practice.evtx_writer import Event

START = datetime(2014, 5, 18, 10, 0, 0, 250_000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def old(number: int) -> Event:
    return Event(
        "MSSQLSERVER", 18210, START + timedelta(seconds=number), "Application", "SQL2003", 2,
        strings=("BackupVirtualDeviceFile::SendFileInfoBegin", "", f"{{G}}{number}", "995(error not found)"),
        binary=b"\x22\x47\x00", qualifiers=0xC000, task=2, user_sid="S-1-5-18",
    )


def read_evt(path):
    log = pytest.importorskip("pyevt").file()
    log.open(str(path))
    rows = [
        (r.identifier, r.event_identifier, r.event_type, r.event_category, r.source_name, r.computer_name,
         r.written_time, list(r.strings), r.data, r.user_security_identifier)
        for r in log.records
    ]
    state = (log.is_corrupted(), log.number_of_recovered_records)
    log.close()
    return rows, state


def test_libevt_reads_the_legacy_log_as_written(tmp_path):
    path = tmp_path / "AppEvent.Evt"
    assert write_evt(path, [old(n) for n in range(50)], first_id=7) == 50
    rows, state = read_evt(path)
    assert state == (False, 0)
    assert [row[0] for row in rows] == list(range(7, 57))
    for number, row in enumerate(rows):
        assert row[1:6] == (0xC000 << 16 | 18210, 1, 2, "MSSQLSERVER", "SQL2003")
        # the old format keeps whole seconds
        assert row[6] == (START + timedelta(seconds=number)).replace(microsecond=0, tzinfo=None)
        assert row[7] == ["BackupVirtualDeviceFile::SendFileInfoBegin", "", f"{{G}}{number}", "995(error not found)"]
        assert row[8:] == (b"\x22\x47\x00", "S-1-5-18")


def test_an_empty_legacy_log_is_valid(tmp_path):
    path = tmp_path / "AppEvent.Evt"
    assert write_evt(path, []) == 0
    assert read_evt(path) == ([], (False, 0))


def test_a_wrapped_legacy_log_keeps_the_newest_records_in_order(tmp_path):
    path = tmp_path / "AppEvent.Evt"
    events = [old(n) for n in range(1000)]
    size = ring_size(events, 65_536)
    oldest = write_wrapped(path, events, size, flags=DIRTY)
    rows, _ = read_evt(path)
    assert 65_536 <= path.stat().st_size == size < 66_000
    assert 700 < oldest < 990
    assert sorted(row[0] for row in rows) == list(range(oldest, 1001))
    assert {row[7][2] for row in rows} == {f"{{G}}{n - 1}" for n in range(oldest, 1001)}


# 1400400000.25 s = 2014-05-18 08:00:00.25 UTC, 10:00:00.25 in Berlin (summer time)
MOMENT = datetime(2014, 5, 18, 8, 0, 0, 259_999, tzinfo=UTC)


def test_errors_take_two_lines_in_local_time_cut_to_ten_milliseconds(tmp_path):
    path = tmp_path / "ERRORLOG"
    lines = [
        Line(MOMENT, "spid55", "I/O is frozen on database Sales."),
        Line(MOMENT, "Backup", "BACKUP failed", (3041, 16, 1)),
        Line(MOMENT, "Server", "first\nsecond"),
        Line(MOMENT, "Logon", "last"),
    ]
    assert write_errorlog(path, lines, BERLIN) == [1, 2, 4, 6]
    raw = path.read_bytes()
    assert raw[:2] == b"\xff\xfe"
    assert raw[2:].decode("utf-16-le").split("\r\n") == [
        "2014-05-18 10:00:00.25 spid55      I/O is frozen on database Sales.",
        "2014-05-18 10:00:00.25 Backup      Error: 3041, Severity: 16, State: 1.",
        "2014-05-18 10:00:00.25 Backup      BACKUP failed",
        "2014-05-18 10:00:00.25 Server      first",
        "second",
        "2014-05-18 10:00:00.25 Logon       last",
        "",
    ]
    write_errorlog(path, lines, BERLIN, linux=True)
    assert path.read_bytes().startswith(b"2014-05-18 10:00:00.25 spid55") and b"\r" not in path.read_bytes()


@pytest.mark.parametrize(("year", "stated"), [("2005", False), ("2008", False), ("2012", True), ("2022", True)])
def test_only_newer_versions_state_the_adjustment(year, stated):
    server = Server(errorlog_writer.VERSIONS[year], "SQLVM")
    texts = [line.text for line in errorlog_writer.header(server, MOMENT, BERLIN)]
    assert texts[0].startswith(f"Microsoft SQL Server {year} ")
    assert ("UTC adjustment: 2:00" in texts) is stated


def test_adjustment_of_western_and_half_hour_zones():
    assert errorlog_writer.adjustment(MOMENT, timezone(timedelta(hours=-5))) == "-5:00"
    assert errorlog_writer.adjustment(MOMENT, timezone(timedelta(hours=5, minutes=30))) == "5:30"
    assert errorlog_writer.adjustment(MOMENT, timezone(-timedelta(hours=3, minutes=30))) == "-3:30"


VM, POINT = UUID("4c2f0a11-0000-4000-8000-0000000000aa"), UUID("4c2f0a11-0000-4000-8000-0000000000bb")
LOCAL = MOMENT.astimezone(BERLIN).replace(hour=13)


def points():
    one = hyperv_objects.snapshot("SQLVM", VM, POINT, "AppConsistentReplica", LOCAL, "HV2")
    two = hyperv_objects.snapshot("SQLVM", VM, POINT, "Replica", LOCAL + timedelta(hours=1), "HV2", ("<a & b>", POINT))
    return [one, two]


def test_csv_begins_with_the_type_and_prints_times_in_the_culture():
    text = exports.to_csv(points())
    head, rest = text.split("\r\n", 1)
    assert head == "#TYPE Selected.Microsoft.HyperV.PowerShell.VMSnapshot"
    rows = list(csv.DictReader(io.StringIO(rest)))
    assert rows[0]["CreationTime"] == "5/18/2014 1:00:00 PM" and rows[0]["SnapshotType"] == "AppConsistentReplica"
    assert rows[1]["Name"] == "SQLVM - Standard Replica - (5/18/2014 - 2:00:00 PM)"
    german = list(csv.DictReader(io.StringIO(exports.to_csv(points(), "de-DE", False, ";")), delimiter=";"))
    assert german[0]["CreationTime"] == "18.05.2014 13:00:00"
    assert exports.local_text(LOCAL.replace(hour=0), "en-US") == "5/18/2014 12:00:00 AM"


def test_json_of_both_generations():
    # 13:00:00.259999 in Berlin = 11:00:00.259999 UTC; 5.1 rounds to milliseconds
    old_rows = json.loads(exports.to_json_51(points()))
    assert old_rows[0]["CreationTime"] == "/Date(1400410800260)/" and old_rows[0]["SnapshotType"] == 7
    assert r'"CreationTime":  "\/Date(1400410800260)\/"' in exports.to_json_51(points())
    new_rows = json.loads(exports.to_json_7(points()))
    assert new_rows[0]["CreationTime"] == "2014-05-18T13:00:00.2599990+02:00"
    assert new_rows[1]["SnapshotType"] == 6 and new_rows[1]["ParentSnapshotName"] == "<a & b>"
    assert old_rows[1]["ParentSnapshotName"] == "<a & b>" and "<a" not in exports.to_json_51(points())
    assert isinstance(json.loads(exports.to_json_7(points()[:1])), dict)  # one object is no list, as PowerShell does


def test_clixml_is_well_formed_and_keeps_types():
    tree = defusedxml.ElementTree.fromstring(exports.to_clixml(points()))
    space = "{http://schemas.microsoft.com/powershell/2004/04}"
    objects = tree.findall(f"{space}Obj")
    assert len(objects) == 2
    fields = {field.get("N"): field for field in objects[1].find(f"{space}MS")}
    assert fields["CreationTime"].tag == f"{space}DT"
    assert fields["CreationTime"].text == "2014-05-18T14:00:00.2599990+02:00"
    assert fields["SnapshotType"].find(f"{space}ToString").text == "Replica"
    assert fields["SnapshotType"].find(f"{space}I32").text == "6"
    assert fields["ParentSnapshotName"].text == "<a & b>"
    assert {field.get("N"): field for field in objects[0].find(f"{space}MS")}["ParentSnapshotId"].tag == f"{space}Nil"
    ids = [node.get("RefId") for node in tree.iter(f"{space}Obj")]
    assert len(ids) == len(set(ids))


def test_a_test_replica_shows_its_mode():
    facts = {
        "VMName": "SQLVM - Test", "VMId": VM, "Mode": "TestReplica", "PrimaryServer": "HV1", "ReplicaServer": "HV2",
        "VSSSnapshotFrequencyHour": 1, "ComputerName": "HV2",
    }
    row = json.loads(exports.to_json_51([hyperv_objects.replication(facts)]))
    assert row["Mode"] == 3 and row["State"] == 4 and row["Health"] == 1
    text = next(csv.DictReader(io.StringIO(exports.to_csv([hyperv_objects.replication(facts)], type_line=False))))
    assert text["Mode"] == "TestReplica" and text["State"] == "Replicating"
