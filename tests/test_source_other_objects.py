"""Exports that hold the output of several commands, or of a command that no table is for."""

import json

from reading import read, sample

from kit.sources import other_objects, recognise

SESSION = (
    sample("recovery_points/transcript.txt").decode("utf-8-sig").replace("\r", "").split("PS C:\\> Stop")[0]
    + "PS C:\\> Get-VMReplication\n\n"
    "VMName State       Health  Mode    FrequencySec\n"
    "------ -----       ------  ----    ------------\n"
    "SQL01  Replicating Warning Replica          300\n\n\n"
    "PS C:\\> Get-Service vss, SQLWriter\n\n"
    "Status   Name               DisplayName\n"
    "------   ----               -----------\n"
    "Running  SQLWriter          SQL Server VSS Writer\n"
    "Stopped  vss                Volume Shadow Copy\n\n\n"
)


def test_a_session_with_three_commands_goes_to_three_tables():
    tables, account = read(SESSION, "session.txt")
    assert [row["snapshot_type"] for row in tables["recovery_points"]] == ["AppConsistentReplica", "Replica"]
    assert [(row["state"], row["health"], row["mode"]) for row in tables["replication"]] == [
        ("Replicating", "Warning", "Replica")
    ]
    assert [(row["kind"], row["name"]) for row in tables["records"]] == [("object", "SQLWriter"), ("object", "vss")]
    assert (account.source["kept"], account.source["skipped"], account.source["status"]) == (5, 0, "read")
    assert "2 printed" in account.source["note"]


def test_objects_of_an_unknown_type_are_kept_whole():
    text = '#TYPE Microsoft.HyperV.PowerShell.HardDiskDrive\r\n"VMName","Path"\r\n"SQL01","D:\\x.vhdx"\r\n'
    assert recognise(text.encode(), "x") is other_objects
    tables, account = read(text)
    (row,) = tables["records"]
    assert (row["kind"], row["vm_name"]) == ("object", "SQL01")
    assert json.loads(row["data"]) == {"type": "HardDiskDrive", "VMName": "SQL01", "Path": "D:\\x.vhdx"}
    assert "1 HardDiskDrive" in account.source["note"]


def test_a_list_without_types_that_fits_nowhere_is_not_taken():
    assert recognise(b'"Alpha","Beta"\r\n"1","2"\r\n', "x.csv") is None


def test_a_printed_list_of_a_command_that_no_table_is_for_is_kept():
    text = (
        "\r\nJobType   : Backup\r\nStartTime : 5/19/2014 9:00:02 PM\r\nJobState  : Completed\r\nHResult   : 0\r\n\r\n"
    )
    assert recognise(text.encode(), "job.txt") is other_objects
    tables, account = read(text)
    (row,) = tables["records"]
    assert json.loads(row["data"])["JobState"] == "Completed"
    assert account.source["status"] == "read"


def test_prose_with_a_few_colons_is_no_list():
    text = "Case : 12\nSteps we took so far:\n" + "We looked at the server and found nothing.\n" * 9 + "Owner : Ann\n"
    assert recognise(text.encode(), "notes.txt") is None
