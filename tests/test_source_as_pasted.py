"""Exports as customers send them: wrapped tables, results of sqlcmd, whole sessions, lists of Management Studio."""

import json

from reading import read, sample

from kit.powershell import is_session, objects
from kit.sources import errorlog, errorlog_list, recognise


def told(path):
    return read(sample(path), path.rsplit("/", 1)[-1])


def test_a_wrapped_table_has_as_many_events_as_lines_with_a_time():
    tables, account = told("event_objects_unnumbered/table-wrapped-german.txt")
    events = sorted(tables["events"], key=lambda row: row["record_id"])
    assert [row["event_id"] for row in events] == [3041, 18210, 3041]
    assert events[1]["message"].endswith(
        "auf dem Sicherungsmedium '{6AB8A1F0-8A2B-4C51-9E1C-0D0E4F5E9A11}1'. Betriebssystemfehler 995(Der E/A-Vorgang "
        "wurde wegen eines Threadendes oder einer Anwendungsanforderung abgebrochen.)."
    )
    assert (account.source["status"], account.source["seen"]) == ("read", 3)


def test_a_row_with_an_empty_first_cell_is_a_row_of_its_own():
    # the cells are short, so nothing of them can have been wrapped
    text = "\r\nParent Name  State\r\n------ ----  -----\r\nP1     one   Off\r\n       two   Off\r\n       three\r\n"
    assert [row["Name"] for row in objects(text.encode()).rows] == ["one", "two", "three"]
    # the last snapshot has no parent; its type fills the column and is the same as above
    text = (
        "\r\nParentSnapshotName SnapshotType         VMName\r\n------------------ ------------         ------\r\n"
        "one                AppConsistentReplica SQLVM \r\n                   AppConsistentReplica       \r\n"
    )
    assert len(objects(text.encode()).rows) == 2


def test_a_word_longer_than_its_column_is_joined_without_a_blank():
    path = "C:\\ClusterStorage\\Volume1\\Replica\\SQLVM.vhdx"
    lines = [path[at : at + 16] for at in range(0, len(path), 16)]
    table = ["Name  Path            ", "----  ----            ", f"SQLVM {lines[0]}"]
    table += [f"      {line}" for line in lines[1:]]
    (row,) = objects("\r\n".join(["", *table, ""]).encode()).rows
    assert row["Path"] == path


def test_the_table_of_get_eventlog_has_numbers_and_no_year():
    tables, account = told("event_objects/get-eventlog-table.txt")
    events = tables["events"]
    assert [(row["record_id"], row["event_id"]) for row in events] == [(4001, 3041), (4000, 18210), (3999, 3134)]
    assert all(row["time_utc"] is None and row["time_raw"] == "May 19 22:00" for row in events)
    assert account.source["status"] == "partial" and "has no year" in account.source["note"]


def test_results_of_sqlcmd_end_with_a_count_that_is_no_row():
    for name in ("sqlcmd-columns.txt", "sqlcmd-pipe.txt"):
        tables, account = told(f"backup_sets/{name}")
        assert [row["name"] for row in tables["records"]] == ["Sales", "HR"], name
        assert (account.source["status"], account.source["skipped"]) == ("read", 0)


def test_a_backup_without_an_end_has_the_time_of_its_start():
    tables, _ = told("backup_sets/sqlcmd-pipe.txt")
    assert [row["time_raw"] for row in tables["records"]] == ["2014-05-19 22:00:10.000", "2014-05-19 22:00:07.000"]
    assert json.loads(tables["records"][1]["data"])["backup_finish_date"] is None


def test_a_system_without_updates_is_still_a_system():
    tables, _ = told("hotfixes/systeminfo-no-updates.txt")
    assert [(row["kind"], row["name"]) for row in tables["records"]] == [("system", "SQLVM")]


def test_recovery_points_in_the_words_of_management_tools():
    tables, _ = told("recovery_points/management-tool.json")
    points = sorted(tables["recovery_points"], key=lambda row: row["time_utc"])
    assert [row["claimed"] for row in points] == ["crash_consistent", "application_consistent"]
    assert points[1]["time_utc"].isoformat() == "2014-05-19T22:00:03+00:00"


def test_a_session_holds_objects_and_writers():
    tables, account = told("recovery_points/transcript-with-writers.txt")
    assert (len(tables["recovery_points"]), len(tables["replication"])) == (2, 1)
    assert [(row["name"], row["state"]) for row in tables["writers"]] == [("SqlServerWriter", 8)]
    assert account.source["computer"] == "HV2"


def test_prompts_and_banners_tell_a_session():
    assert is_session(b"\r\nPS C:\\> Get-VM\r\n") and is_session(b"**********************\r\nx")
    assert not is_session(b"2014-05-19 22:00:07.43 spid62      PS is no prompt\r\n")
    assert errorlog.recognise(b"2014-05-19 22:00:07.43 spid62      Text\r\nPS C:\\> \r\n", "x") == 3


def test_errors_in_a_list_of_management_studio_get_their_numbers():
    tables, account = told("errorlog_list/english.csv")
    events = tables["events"]
    assert [(row["event_id"], row["level"]) for row in events] == [(None, None), (None, None), (3041, 2)]
    assert "However, if I/O is not resumed promptly, you could cancel" in events[0]["message"]
    assert json.loads(events[2]["data"]) == {"source": "Backup", "severity": 16, "state": 1}
    assert (account.source["status"], account.source["seen"], account.source["gaps"]) == ("read", 3, 0)


def test_errors_in_a_list_that_begins_with_the_oldest():
    text = (
        "Datum,Quelle,Schweregrad,Meldung\r\n"
        "19.05.2014 22:00:14,Backup,Unbekannt,Fehler: 18210<c/> Schweregrad: 16<c/> Status: 1.\r\n"
        "19.05.2014 22:00:14,Backup,Unbekannt,BackupVirtualDeviceFile::SendFileInfoBegin: Fehler<nl/>auf dem Medium\r\n"
        "19.05.2014 22:00:15,spid51,Unbekannt,Fehler: 3041<c/> Schweregrad: 16<c/> Status: 1.\r\n"
        "19.05.2014 22:00:16,Backup,Unbekannt,Ein anderer Text\r\n"
    )
    assert recognise(text.encode(), "x") is errorlog_list
    tables, _ = read(text, "x.csv")
    assert [(row["event_id"], row["message"]) for row in tables["events"]] == [
        (18210, "BackupVirtualDeviceFile::SendFileInfoBegin: Fehler\nauf dem Medium"),
        (3041, "Fehler: 3041, Schweregrad: 16, Status: 1."),
        (None, "Ein anderer Text"),
    ]


def test_a_result_of_sp_readerrorlog_is_a_list_without_severity():
    tables, account = told("errorlog_list/sp_readerrorlog.csv")
    assert [row["event_id"] for row in tables["events"]] == [None, 18210]
    assert tables["events"][1]["message"].startswith("BackupVirtualDeviceFile::SendFileInfoBegin")
    assert account.source["skipped"] == 0


def test_headings_and_counts_around_an_errorlog_are_no_losses():
    tables, account = told("errorlog/result-of-sqlcmd")
    assert [row["event_id"] for row in tables["events"]] == [None, 18210]
    assert tables["events"][1]["message"] == "Error: 18210, Severity: 16, State: 1."
    assert (account.source["status"], account.source["skipped"]) == ("read", 0)


def test_a_list_that_a_spreadsheet_saved_again_keeps_the_order_of_event_viewer():
    # Excel cuts the seconds off; Event Viewer saves the newest first, so the resume came before the abort
    tables, account = told("event_viewer_csv/excel-german.csv")
    events = sorted(tables["events"], key=lambda row: row["record_id"])
    assert [row["event_id"] for row in events] == [3198, 3041]
    assert "taken as newest first as Event Viewer saves" in account.source["note"]


def test_writers_whose_indentation_a_mail_has_taken_away():
    tables, account = told("vssadmin/mail.txt")
    assert [(row["name"], row["state"]) for row in tables["writers"]] == [("SqlServerWriter", 8), ("System Writer", 1)]
    assert account.source["skipped"] == 0


def test_writers_without_indentation_and_without_empty_lines():
    text = sample("vssadmin/mail.txt").replace(b"\r\n\r\n", b"\r\n")
    tables, _ = read(text, "mail.txt")
    assert [row["state"] for row in tables["writers"]] == [8, 1]
