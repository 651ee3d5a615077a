"""ERRORLOG: the layout is that of public SQL Server logs; all texts are made up."""

# ruff: noqa: DTZ001 - local times without zone are the subject

import io
import json
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.sources import Account, errorlog, read_source
from kit.sources.seam import Rows

HEADER = r"""2014-05-19 21:00:00.12 Server      Microsoft SQL Server 2008 R2 (SP2) - 10.50.4000.0 (X64)
	Jun 28 2012 08:36:30
	Enterprise Edition (64-bit) on Windows NT 6.1 <X64>

2014-05-19 21:00:00.12 Server      UTC adjustment: 2:00
2014-05-19 21:00:00.12 Server      Logging SQL Server messages in file 'D:\MSSQL10_50.SALES\MSSQL\Log\ERRORLOG'.
2014-05-19 21:00:01.12 Server      Server name is 'SQL01\SALES'. This is an informational message only.
"""
FREEZE = "2014-05-19 22:00:03.43 spid52      I/O is frozen on database Sales. No user action is required.\n"


def read(text, encoding="utf-16", name="ERRORLOG", culture=None):
    raw = text if isinstance(text, bytes) else text.encode(encoding)
    rows, account = [], None
    for item in read_source(io.BytesIO(raw), name, culture=culture):
        if isinstance(item, Rows):
            rows += item.columns.to_pylist()
        elif isinstance(item, Account):
            account = item
    return rows, account


def messages(rows):
    return [row["message"] for row in rows]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig", "cp1252"])
def test_every_encoding_gives_the_same_events(encoding):
    rows, account = read(HEADER + FREEZE, encoding)
    assert [row["record_id"] for row in rows] == [1, 5, 6, 7, 8]
    assert rows[0]["message"].startswith("Microsoft SQL Server 2008 R2 (SP2) - 10.50.4000.0 (X64)\n\tJun 28")
    assert rows[4]["message"] == "I/O is frozen on database Sales. No user action is required."
    assert (account.source["status"], account.source["seen"], account.source["kept"]) == ("read", 5, 5)


def test_times_are_local_as_written_with_a_hundredth_of_a_second():
    rows, account = read(HEADER + FREEZE)
    assert rows[4]["time_local"] == datetime(2014, 5, 19, 22, 0, 3, 430000)
    assert rows[4]["time_raw"] == "2014-05-19 22:00:03.43"
    assert rows[4]["precision_s"] == pytest.approx(0.01)
    assert rows[4]["time_utc"] is None
    assert account.source["first_local"] == datetime(2014, 5, 19, 21, 0, 0, 120000)


def test_the_file_names_its_server_instance_version_and_zone():
    rows, account = read(HEADER + FREEZE)
    assert {row["provider"] for row in rows} == {"MSSQL$SALES"}
    assert {row["channel"] for row in rows} == {"ERRORLOG"}
    assert account.source["computer"] == "SQL01"
    assert account.source["zone"] == "+02:00"
    assert "10.50.4000.0" in account.source["note"]


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("UTC adjustment: -7:00", "-07:00"),
        ("UTC adjustment: 5:30", "+05:30"),
        ("UTC-Anpassung: 2:00", "+02:00"),
        ("The backup was made at UTC 12:00 and more text follows", None),
    ],
)
def test_the_utc_line_gives_the_offset_east_of_greenwich(line, zone):
    _, account = read(f"2022-05-19 21:00:00.12 Server      {line}\n")
    assert account.source["zone"] == zone


# SQL Server 2005 does not write the instance into its paths (MSSQL.1); its local pipe names it.
@pytest.mark.parametrize(
    ("line", "provider"),
    [
        (r"Logging SQL Server messages in file 'C:\SQL\MSSQL15.INST_2\MSSQL\Log\ERRORLOG'.", "MSSQL$INST_2"),
        (r"Logging SQL Server messages in file 'C:\SQL\MSSQL15.MSSQLSERVER\MSSQL\Log\ERRORLOG'.", "MSSQLSERVER"),
        (r"Logging SQL Server messages in file 'C:\SQL\MSSQL.1\MSSQL\LOG\ERRORLOG'.", "MSSQLSERVER"),
        (
            r"Server local connection provider is ready to accept connection on [ \\.\pipe\SQLLocal\SHOP ].",
            "MSSQL$SHOP",
        ),
        (r"Server named pipe provider is ready on [ \\.\pipe\MSSQL$SHOP\sql\query ].", "MSSQL$SHOP"),
        (r"The service account is 'NT Service\MSSQL$SHOP'.", "MSSQL$SHOP"),
    ],
)
def test_the_instance_as_each_version_names_it(line, provider):
    rows, _ = read(f"2014-05-19 21:00:00.12 Server      {line}\n")
    assert rows[0]["provider"] == provider


def test_a_node_of_a_cluster_is_the_computer_not_the_virtual_server():
    node = (
        "2014-05-19 21:00:02.00 spid7s      The NETBIOS name of the local node that is running the server is 'NODE2'.\n"
    )
    assert read(HEADER + node)[1].source["computer"] == "NODE2"


def test_without_a_name_the_default_instance_is_taken_and_said():
    rows, account = read(FREEZE)
    assert rows[0]["provider"] == "MSSQLSERVER"
    assert "does not name its instance" in account.source["note"]


@pytest.mark.parametrize(
    ("name", "provider"),
    [("MSSQL15.PROD-ERRORLOG.1", "MSSQL$PROD"), ("MSSQL10_50.SQLEXPRESS-ERRORLOG", "MSSQL$SQLEXPRESS"),
     ("MSSQL16.MSSQLSERVER-ERRORLOG", "MSSQLSERVER"), ("ERRORLOG-PROD", "MSSQLSERVER")],
)  # fmt: skip
def test_the_name_that_the_collection_gives_tells_the_instance(name, provider):
    # docs/collect.md: copied as <folder of the instance>-ERRORLOG
    assert read(FREEZE, name=name)[0][0]["provider"] == provider
    named = "2014-05-19 21:00:01.12 Server      Server name is 'SQL01\\SHOP'. This is informational.\n"
    assert read(named, name=name)[0][0]["provider"] == "MSSQL$SHOP"


def test_the_server_of_a_default_instance():
    rows, account = read("2014-05-19 21:00:01.12 Server      Server name is 'SQL01'. This is informational.\n")
    assert (rows[0]["provider"], account.source["computer"]) == ("MSSQLSERVER", "SQL01")


# English, German, French, Russian, Japanese: three labelled numbers.
@pytest.mark.parametrize(
    "numbers",
    [
        "Error: 18210, Severity: 16, State: 1.",
        "Fehler: 18210, Schweregrad: 16, Status: 1.",
        "Erreur : 18210, Gravité : 16, État : 1.",
        "Ошибка: 18210, серьезность: 16, состояние: 1.",
        "エラー: 18210、重大度: 16、状態: 1。",
    ],
)
def test_the_two_lines_of_an_error_are_one_event(numbers):
    text = (
        f"2014-05-19 22:00:09.87 Backup      {numbers}\n"
        "2014-05-19 22:00:09.87 spid52      I/O was resumed on database Sales.\n"
        "2014-05-19 22:00:09.88 Backup      BackupVirtualDeviceFile::SendFileInfoBegin:  failure on backup device\n"
    )
    rows, account = read(text)
    assert [(row["record_id"], row["event_id"], row["level"]) for row in rows] == [(1, 18210, 2), (2, None, None)]
    assert rows[0]["message"].startswith("BackupVirtualDeviceFile::SendFileInfoBegin")
    assert json.loads(rows[0]["data"]) == {"source": "Backup", "severity": 16, "state": 1}
    assert account.source["seen"] == 2


def test_a_severity_up_to_10_is_information():
    text = (
        "2014-05-19 22:00:09.87 spid9       Error: 17177, Severity: 10, State: 1.\n"
        "2014-05-19 22:00:09.87 spid9       This instance has been using a process ID.\n"
    )
    assert read(text)[0][0]["level"] == 4


def test_the_numbers_of_an_error_whose_text_is_lost_stay_an_event():
    rows, _ = read("2014-05-19 22:00:09.87 Backup      Error: 3041, Severity: 16, State: 1.\n")
    assert [(row["event_id"], row["message"]) for row in rows] == [(3041, "Error: 3041, Severity: 16, State: 1.")]


def test_two_records_on_one_line_are_two_events_with_uids_of_their_own():
    raw = FREEZE.rstrip("\n") + "2014-05-19 22:00:09.87 spid52      I/O was resumed on database Sales.\n"
    rows, _ = read(raw, "utf-16-le")
    assert [row["record_id"] for row in rows] == [1, 1]
    assert len({row["uid"] for row in rows}) == 2
    assert raw.encode("utf-16-le")[rows[1]["offset"] :].decode("utf-16-le").startswith("2014-05-19 22:00:09.87")


def test_a_time_inside_a_message_does_not_break_it():
    text = "2014-05-19 22:00:03.43 spid52      Copied 2014-05-19 22:00:03.43 to the standby server\n"
    assert len(read(text)[0]) == 1


@pytest.mark.parametrize(
    "rubbish", ["4-05-19 22:00:09.87 Backup      cut at its beginning", "2014-13-45 22:00:09.87 spid5s      no month"]
)
def test_a_damaged_line_is_a_listed_loss_and_interrupts_the_coverage(rubbish):
    later = FREEZE.replace("22:00:03.43", "22:10:00.00") + FREEZE.replace("22:00:03.43", "22:20:00.00")
    rows, account = read(HEADER + FREEZE + rubbish + "\n" + later)
    assert len(rows) == 7
    assert (account.source["status"], account.source["seen"], account.source["skipped"]) == ("partial", 8, 1)
    (loss,) = account.losses
    assert (loss["first_id"], loss["last_id"], loss["count"]) == (9, 9, 1)
    assert loss["first_local"] == datetime(2014, 5, 19, 22, 0, 3, 430000)
    assert loss["last_local"] == datetime(2014, 5, 19, 22, 10)
    spans = [
        (span["first_local"].hour * 60 + span["first_local"].minute, span["last_local"].minute)
        for span in account.coverage
    ]
    assert spans == [(21 * 60, 0), (22 * 60 + 10, 20)]


def test_zero_bytes_at_the_end_are_named():
    _, account = read((HEADER + FREEZE).encode() + b"\0" * 512)
    assert account.source["status"] == "partial"
    assert account.losses[-1]["reason"] == "512 zero characters in the place of text"


def test_a_file_without_any_time_is_unreadable_and_says_why():
    rows, account = read("spid5s  Starting up database 'master'.\nspid5s  Starting up database 'model'.\n", "utf-8")
    assert rows == []
    assert account.source["status"] == "unreadable"
    assert [(loss["count"], loss["reason"]) for loss in account.losses] == [(2, "belongs to no record: it has no time")]


def test_a_file_cut_inside_a_character_is_partial():
    _, account = read((HEADER + FREEZE).encode("utf-16")[:-1])
    assert account.source["status"] == "partial"
    assert "cut" in account.source["note"]


def test_a_last_line_without_an_end_is_said():
    rows, account = read((HEADER + FREEZE)[:-20], "utf-8")
    assert len(rows) == 5
    assert account.source["status"] == "read"
    assert "last line has no end" in account.source["note"]


def test_a_declared_culture_reads_its_code_page():
    line = "2014-05-19 22:00:03.43 spid52      Операции ввода-вывода заморожены в базе данных Sales.\n"
    assert messages(read(line, "cp1251", culture="ru-RU")[0]) == [line[35:].rstrip("\n")]


def test_recognition_is_by_content():
    assert errorlog.recognise((HEADER + FREEZE).encode("utf-16"), "something.txt") == 3
    assert errorlog.recognise(b"2014-05-19 22:00:03.43 INFO the program has started\n", "app.log") == 0
    assert errorlog.recognise(b"2014-05-19 22:00:03.43 Sicherung   Text\n", "errorlog.3") == 2
    assert errorlog.recognise(b"ElfFile\0\0\0\0\0\0", "errorlog") == 0


WHOLE = HEADER + FREEZE + "2014-05-19 22:00:09.87 Backup      Error: 18210, Severity: 16, State: 1.\n"
WHOLE += "2014-05-19 22:00:09.87 Backup      BackupVirtualDeviceFile::SendFileInfoBegin:  failure\n"


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1600), st.sampled_from(["utf-16", "utf-8"]))
@example(91 + 1, "utf-8")  # one sign after the end of a line
def test_a_cut_file_keeps_every_record_before_the_cut_as_it_was(place, encoding):
    whole, _ = read(WHOLE, encoding)
    cut, account = read(WHOLE.encode(encoding)[:place], encoding)
    assert messages(cut[:-2]) == messages(whole)[: max(0, len(cut) - 2)]
    assert account.source["seen"] == account.source["kept"] + account.source["skipped"]
    if 0 < place < len(WHOLE.encode(encoding)) - 2 and cut:
        end = WHOLE.encode(encoding)[:place].endswith("\n".encode(encoding)[-1:] if encoding == "utf-8" else b"\n\0")
        assert end or "cut" in account.source["note"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=40)), min_size=1, max_size=4))
def test_overwritten_bytes_harm_no_other_line(spots):
    content = bytearray(WHOLE.encode())
    for place, junk in spots:
        content[place : place + len(junk)] = junk
    rows, account = read(bytes(content))
    assert account.source["kept"] == len(rows)
    said = "\n".join(messages(rows)) + "".join(f"Error: {row['event_id']}, Severity: 16, State: 1." for row in rows)
    untouched = set(WHOLE.split("\n")) & {line.decode("latin-1") for line in bytes(content).split(b"\n")}
    for line in untouched:
        if line.startswith("2014-"):
            assert line[35:].strip() in said
