"""Transcripts and copied console windows: the output of each command goes to the reader of its format."""

from __future__ import annotations

import json

import pytest
from reading import read, sample

from kit import powershell
from kit.case import load_case
from kit.case.store import Store
from kit.sources import recognise, session

ERRORLOG = "2014-05-19 22:00:07.43 spid62      I/O is frozen on database Sales. No user action is required.\r\n"


def told(name):
    return read(sample(f"session/{name}"), name)


def test_a_session_of_an_administrator_is_read_command_by_command():
    tables, account = told("transcript.txt")
    kinds = [row["kind"] for row in tables["records"]]
    assert kinds == ["system", "hotfix", "hotfix", "backup_version", "backup_set", "backup_set"]
    assert [row["event_id"] for row in tables["events"]] == [3198, 3041, None, None, 18210, 3041]
    assert [(row["name"], row["state"]) for row in tables["writers"]] == [("SqlServerWriter", 8)]
    assert (len(tables["replication"]), len(tables["recovery_points"])) == (1, 2)
    assert (account.source["status"], account.source["skipped"]) == ("read", 0)


def test_a_german_session_is_read_as_well():
    tables, account = told("transcript-german.txt")
    assert (len(tables["writers"]), len(tables["replication"]), len(tables["events"])) == (1, 1, 3)
    assert account.source["computer"] == "HV2"


@pytest.mark.parametrize(("name", "encoding"), [("transcript.txt", "utf-8"), ("cmd-window.txt", "utf-16-le")])
def test_line_numbers_and_offsets_are_those_of_the_file(name, encoding):
    raw = sample(f"session/{name}")
    lines = raw.decode("utf-8-sig" if encoding == "utf-8" else "utf-16").split("\r\n")
    events = [row for row in told(name)[0]["events"] if row["channel"] == "ERRORLOG"]
    assert len(events) >= 4
    for row in events:
        assert lines[row["record_id"] - 1].startswith(row["time_raw"])
        assert raw[row["offset"] :].decode(encoding, "replace").startswith(row["time_raw"])


def test_what_nobody_reads_is_named_with_its_line():
    note = told("transcript.txt")[1].source["note"]
    lines = sample("session/transcript.txt").decode("utf-8-sig").split("\r\n")
    place = lines.index("Ethernet adapter Ethernet:") + 1
    assert f"3 lines are no list and no table and were not read (from line {place}: 'Ethernet adapter" in note


def test_a_loss_in_a_piece_names_the_line_of_the_file():
    text = "PS C:\\> hostname\r\nSQLVM\r\nPS C:\\> type ERRORLOG\r\nno record\r\n" + ERRORLOG * 3
    _, account = read(text, "session.txt")
    (loss,) = account.losses
    assert (loss["first_id"], loss["last_id"]) == (4, 4)
    assert account.source["status"] == "partial" and text.split("\r\n")[3] == "no record"


def test_a_remote_prompt_names_the_computer():
    text = "[SQL02]: PS C:\\Users\\a\\Documents> gc ERRORLOG\r\n" + ERRORLOG * 3 + "[SQL02]: PS C:\\Users\\a> exit\r\n"
    tables, _ = read(text, "session.txt")
    assert {row["computer"] for row in tables["events"]} == {"SQL02"}
    assert powershell.prompt("[SQL02]: PS C:\\Users\\a> gc x") == ("gc x", "SQL02")


def test_a_piece_after_the_first_64_kib_is_read():
    table = "\r\nName  State\r\n----  -----\r\n" + "".join(f"VM{n:04} Off  \r\n" for n in range(6000))
    text = f"PS C:\\> Get-VM\r\n{table}\r\nPS C:\\> type ERRORLOG\r\n{ERRORLOG * 3}"
    tables, _ = read(text, "session.txt")
    events = tables["events"]
    assert [row["record_id"] for row in events] == [6007, 6008, 6009]
    assert text.split("\r\n")[6006].startswith("2014-05-19")


def test_a_table_after_a_long_piece_is_read():
    text = (
        f"PS C:\\> type ERRORLOG\r\n{ERRORLOG * 70_000}"
        "PS C:\\> Get-VM\r\n\r\nName  State\r\n----  -----\r\nVM1   Off  \r\n\r\n"
        "PS C:\\> ipconfig\r\na b\r\nc d\r\ne f\r\n"
    )
    tables, account = read(text, "session.txt")
    assert (len(tables["events"]), [row["name"] for row in tables["records"]]) == (70_000, ["VM1"])
    place = text.split("\r\n").index("a b") + 1
    assert f"(from line {place}: 'a b')" in account.source["note"]


def test_two_pieces_of_one_format_have_different_numbers():
    text = f"PS C:\\> type ERRORLOG.1\r\n{ERRORLOG * 3}PS C:\\> type ERRORLOG\r\n{ERRORLOG * 3}"
    tables, account = read(text, "session.txt")
    assert [row["record_id"] for row in tables["events"]] == [2, 3, 4, 6, 7, 8]
    assert len({row["uid"] for row in tables["events"]}) == 6 and account.source["seen"] == 6


@pytest.mark.parametrize("prompt", ["PS C:\\>", "PS>", "[HV1]: PS C:\\a b>", "C:\\Program Files (x86)>", "D:\\>"])
def test_prompts(prompt):
    assert powershell.prompt(f"{prompt} dir /b") == ("dir /b", "HV1" if "HV1" in prompt else None)


@pytest.mark.parametrize("line", ["PST is a time", "C:\\dir\\file.txt", "2014-05-19 22:00:07.43 spid62 x>y", "P>"])
def test_what_is_no_prompt(line):
    assert powershell.prompt(line) is None


def test_lists_and_tables_alone_stay_with_their_own_reader():
    text = b"PS C:\\> Get-VMReplication | fl\r\n\r\nVMName : SQLVM\r\nState  : Replicating\r\nMode   : Replica\r\n"
    assert recognise(text, "x") is not session


def test_columns_of_sqlcmd_without_padding_keep_date_and_time_together():
    text = (
        "database_name type backup_start_date backup_finish_date\r\n"
        "------------- ---- ----------------- ------------------\r\n"
        "Sales D 2014-05-19 22:00:07.000 2014-05-19 22:00:10.000\r\nHR D NULL 2014-05-19 22:00:11.000\r\n"
    )
    tables, account = read(text, "sets.txt")
    assert [(row["name"], row["time_raw"]) for row in tables["records"]] == [
        ("Sales", "2014-05-19 22:00:10.000"), ("HR", "2014-05-19 22:00:11.000")
    ]  # fmt: skip
    assert json.loads(tables["records"][0]["data"])["backup_start_date"] == "2014-05-19 22:00:07.000"
    assert account.source["skipped"] == 0


def test_an_excerpt_of_systeminfo_is_enough():
    text = "Host Name:                 SQLVM\r\nOS Version:           6.3.9600 N/A Build 9600\r\n[01]: KB2919355\r\n"
    tables, _ = read(text, "x.txt")
    assert [row["name"] for row in tables["records"]] == ["SQLVM", "KB2919355"]


def test_what_a_remote_session_printed_belongs_to_that_computer():
    tables, account = told("transcript.txt")
    assert [row["computer"] for row in tables["replication"]] == ["HV2"]
    assert {row["computer"] for row in tables["recovery_points"]} == {"HV2"}
    assert account.source["computer"] == "SQLVM"


def test_a_guest_whose_transcript_visits_the_host_stays_a_guest(tmp_path):
    (tmp_path / "session.txt").write_bytes(sample("session/transcript.txt"))
    (tmp_path / "ERRORLOG").write_text(
        "2014-05-19 21:00:02.11 Server      Server name is 'SQLVM'. This is an informational message only.\n" + ERRORLOG
    )
    sources = load_case(tmp_path, store=Store(tmp_path.parent / "store"), quiet=True).sources
    given = sources[sources["status"] == "read"].set_index("path")
    assert given["role"].to_dict() == {"ERRORLOG": "guest", "session.txt": "guest"}
    assert set(given["vm_name"]) == {"SQLVM"}


def test_what_is_printed_as_xml_json_or_by_wmic_is_read_as_such():
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='volsnap'/>"
        "<EventID>33</EventID><Level>4</Level><TimeCreated SystemTime='2014-05-19T20:00:07.000Z'/><EventRecordID>7001"
        "</EventRecordID><Channel>System</Channel><Computer>SQLVM</Computer></System></Event>"
    )
    points = json.dumps([{"VMName": "SQLVM", "SnapshotType": "Replica", "CreationTime": "2014-05-19T22:00:14Z"}])
    qfe = "Description  FixComments  HotFixID   InstalledOn  \r\nUpdate                    KB2919442  3/18/2014    "
    pieces = {"wevtutil qe System /f:xml /c:1": xml, "Get-VMSnapshot | ConvertTo-Json": points, "wmic qfe": qfe}
    text = "".join(f"PS C:\\> {command}\r\n{printed}\r\n" for command, printed in pieces.items())
    tables, account = read(text, "session.txt")
    assert [(row["record_id"], row["event_id"]) for row in tables["events"]] == [(7001, 33)]
    assert [row["claimed"] for row in tables["recovery_points"]] == ["crash_consistent"]
    assert [row["name"] for row in tables["records"]] == ["KB2919442"]
    assert (account.source["status"], account.source["skipped"]) == ("read", 0)


def test_a_single_long_line_that_nobody_reads_is_named():
    text = f"PS C:\\> type ERRORLOG\r\n{ERRORLOG * 3}PS C:\\> type x\r\n{'word ' * 60}\r\nPS C:\\> hostname\r\nX9\r\n"
    note = read(text, "session.txt")[1].source["note"]
    assert "(from line 6: 'word word" in note and "X9" not in note
