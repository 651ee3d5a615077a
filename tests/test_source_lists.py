"""Windows Server Backup, msdb backup sets, installed updates; samples made up after the documented outputs."""

import json
from datetime import UTC, datetime

import pytest
from reading import read, sample

from kit.sources import backup_sets, hotfixes, recognise, server_backup


def records(path):
    tables, account = read(sample(path))
    return tables.get("records", []), account


@pytest.mark.parametrize("name", ["versions.txt", "versions-german.txt"])
def test_a_version_identifier_is_utc_and_gives_the_zone(name):
    # 23:00 local time is 21:00 in the identifier
    rows, account = records(f"server_backup/{name}")
    assert rows[0]["time_utc"] == datetime(2014, 5, 19, 21, 0, tzinfo=UTC)
    assert (rows[0]["kind"], rows[0]["name"]) == ("backup_version", "05/19/2014-21:00")
    assert account.source["zone"] == "+02:00"


def test_results_of_writers_in_the_log_of_a_backup():
    rows, _ = records("server_backup/Backup_Error-19-05-2014_23-00-00.log")
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("backup_writer_result", "SqlServerWriter"),
        ("backup_writer_result", "NTDS"),
    ]
    data = json.loads(rows[0]["data"])
    assert (data["Writer Id"], data["Failure Result"]) == ("{A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}", "800423F4")


def test_backup_sets_of_sqlcmd_and_of_a_query():
    rows, account = records("backup_sets/sqlcmd.csv")
    assert [(row["name"], row["time_local"].isoformat()) for row in rows] == [
        ("Sales", "2014-05-19T22:00:09"),
        ("Sales", "2014-05-19T23:04:09"),
    ]
    assert json.loads(rows[0]["data"])["device_type"] == "7"
    assert json.loads(rows[1]["data"])["physical_device_name"] is None
    assert (account.source["skipped"], account.source["computer"]) == (0, "SQL01")
    rows, account = records("backup_sets/query.json")
    assert len(rows) == 1
    assert [loss["reason"] for loss in account.losses] == ["row 2: column backup_finish_date: 'nothing' is no date"]


def test_updates_of_get_hotfix_and_of_systeminfo_in_german():
    rows, _ = records("hotfixes/get-hotfix.txt")
    assert [(row["name"], row["computer"]) for row in rows] == [("KB2919355", "SQL01"), ("KB3000850", "SQL01")]
    rows, account = records("hotfixes/systeminfo-german.txt")
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("system", "SQL01"),
        ("hotfix", "KB2919355"),
        ("hotfix", "KB976902"),
    ]
    assert json.loads(rows[0]["data"])["Betriebssystemversion"] == "6.1.7601 Service Pack 1 Build 7601"
    assert account.source["computer"] == "SQL01"


def test_systeminfo_as_csv():
    text = '"Host Name","OS Name","Hotfix(s)"\r\n"SQL01","Windows","2 Hotfix(s),[01]: KB2919355,[02]: KB976902"\r\n'
    tables, _ = read(text)
    assert [(row["kind"], row["name"]) for row in tables["records"]] == [("system", "SQL01")]


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("server_backup/versions-german.txt", server_backup),
        ("server_backup/Backup_Error-19-05-2014_23-00-00.log", server_backup),
        ("backup_sets/sqlcmd.csv", backup_sets),
        ("backup_sets/query.json", backup_sets),
        ("hotfixes/get-hotfix.txt", hotfixes),
        ("hotfixes/systeminfo-german.txt", hotfixes),
    ],
)
def test_recognised_by_content(path, reader):
    assert recognise(sample(path), "x") is reader


@pytest.mark.parametrize("reader", [server_backup, backup_sets, hotfixes])
@pytest.mark.parametrize("content", [b"", b"a,b\r\n1,2\r\n", b"Name: x\r\n" * 20, b"\0" * 99])
def test_other_content_is_not_taken(reader, content):
    assert reader.recognise(content, "x.txt") == 0


TOOL = (
    "wbadmin 1.0 - Backup command-line tool\r\n(C) Copyright 2013 Microsoft Corporation. All rights reserved.\r\n\r\n"
)


def test_items_of_a_backup():
    text = TOOL + (
        "Volume ID = {cd6a1b6a-0000-4f8e-8a8e-0a1b2c3d4e5f}\r\n"
        "Volume '', mounted at C: then\r\nCan recover = Full volume\r\n"
        "\r\nApplication = SqlServerWriter\r\nComponent = SQL01\\MSSQLSERVER\\Sales\r\n"
    )
    tables, _ = read(text)
    assert [(row["kind"], row["name"]) for row in tables["records"]] == [
        ("backup_item", "Full volume"),
        ("backup_item", "SQL01\\MSSQLSERVER\\Sales"),
    ]
    assert json.loads(tables["records"][1]["data"])["Application"] == "SqlServerWriter"


def test_output_of_a_backup_is_kept_as_text_and_said_to_have_no_time():
    text = TOOL + (
        "This will back up (C:) to E:.\r\nCreating a shadow copy ...\r\nSummary of the backup operation:\r\n"
        "------------------\r\n\r\nThe backup operation stopped before completing.\r\n"
        "C:\\Windows\\Logs\\WindowsServerBackup\\Backup_Error-19-05-2014_21-00-00.log\r\n"
    )
    tables, account = read(text)
    (row,) = tables["records"]
    assert (row["kind"], row["name"]) == ("backup_output", "Backup_Error-19-05-2014_21-00-00.log")
    assert "stopped before completing" in json.loads(row["data"])["text"]
    assert "without a time" in account.source["note"]


def test_results_of_components_go_on_behind_an_empty_line():
    text = (
        "Backup of volume C: has failed.\r\nApplication backup\r\nWriter Id: {A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}\r\n"
        "   Component: Sales\r\n   Error           : 8078010D\r\n\r\n   Detailed Error  : 800423F4\r\n"
        "   Detailed Error Message : (null)\r\n"
    )
    tables, _ = read(text, "Backup_Error-19-05-2014_21-00-02.log")
    (row,) = tables["records"]
    data = json.loads(row["data"])
    assert (row["name"], data["Writer Id"][:9], data["Detailed Error"]) == ("Sales", "{A65FAA63", "800423F4")


def test_a_list_of_files_that_were_backed_up_is_named():
    _, account = read("Backed up C:\\\r\nBacked up C:\\Boot\r\n", "Backup-19-05-2014_21-00-02.log")
    assert account.source["status"] == "empty"
    assert "not used" in account.source["note"]


def test_the_first_column_of_wmic_as_csv_is_the_computer():
    text = "\r\nNode,HotFixID,InstalledOn\r\nSQL01,KB2919355,5/19/2014\r\n"
    tables, account = read(text)
    assert [(row["name"], row["computer"]) for row in tables["records"]] == [("KB2919355", "SQL01")]
    assert account.source["computer"] == "SQL01"
