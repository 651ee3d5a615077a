"""Recovery points out of PowerShell exports: what a point claims is the export's word or stays unknown.

Types and numbers: Get-VMSnapshot (words), two numberings in circulation; WMI strings: Msvm_VirtualSystemSettingData.
"""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.sources import read_source, recognise, recovery_points
from kit.sources.seam import Rows

AT = "/Date(1400508000000)/"  # 2014-05-19 14:00 UTC


def read(objects, name="points.json", **options):
    raw = objects if isinstance(objects, bytes) else json.dumps(objects).encode()
    rows, account = [], None
    for reading in read_source(io.BytesIO(raw), name, **options):
        if isinstance(reading, Rows):
            rows += reading.columns.to_pylist()
        else:
            account = reading
    return rows, account


def points(*types, **more):
    return [
        {"VMName": "SQL01", "Name": f"p{n}", "SnapshotType": t, "CreationTime": AT, **more} for n, t in enumerate(types)
    ]


@pytest.mark.parametrize(
    ("word", "kind", "claimed"),
    [
        ("AppConsistentReplica", "AppConsistentReplica", "application_consistent"),
        ("appconsistentreplica", "AppConsistentReplica", "application_consistent"),
        ("Replica", "Replica", "crash_consistent"),
        ("SyncedReplica", "SyncedReplica", "crash_consistent"),
        ("Planned", "Planned", "crash_consistent"),
        ("Microsoft:Hyper-V:Snapshot:Replica:ApplicationConsistent", "AppConsistentReplica", "application_consistent"),
        ("Microsoft:Hyper-V:Snapshot:Replica:Standard", "Replica", "crash_consistent"),
        ("Microsoft:Hyper-V:Snapshot:Replica:PlannedFailover", "Planned", "crash_consistent"),
        ("Etwas Neues", "Etwas Neues", "unknown"),
    ],
)
def test_the_word_of_the_type_says_what_the_point_claims(word, kind, claimed):
    (row,), _ = read(points(word))
    assert (row["snapshot_type"], row["claimed"]) == (kind, claimed)


@pytest.mark.parametrize("word", ["Standard", "Recovery", "Missing", "Microsoft:Hyper-V:Snapshot:Realized"])
def test_snapshots_that_are_no_recovery_points_are_told_and_are_no_losses(word):
    rows, account = read(points(word, "Replica"))
    assert len(rows) == 1
    assert account.losses == []
    assert account.source["skipped"] == 0
    assert "no recovery points: 1 " in account.source["note"]


@pytest.mark.parametrize(
    ("numbers", "kinds"),
    [
        ((6, 7), ["Replica", "AppConsistentReplica"]),  # 7 exists in the published listing only
        ((6, 8), ["Replica", "SyncedReplica"]),
        ((4, 5), ["Replica", "AppConsistentReplica"]),  # 4 exists in the order of declaration only
        ((4, 6), ["Replica", "SyncedReplica"]),
        ((7,), ["AppConsistentReplica"]),
        ((2,), ["Planned"]),  # the same in both
        ((5,), [None]),
        ((6,), [None]),
        ((5, 6), [None, None]),
        ((4, 5, 7), [None, None, None]),  # no numbering has all three
        ((99,), [None]),
    ],
)
def test_bare_numbers_are_settled_by_the_set_of_numbers_or_stay_open(numbers, kinds):
    rows, _ = read(points(*numbers))
    assert [row["snapshot_type"] for row in rows] == kinds
    assert all((row["claimed"] == "unknown") == (row["snapshot_type"] is None) for row in rows)


def test_words_in_a_name_settle_its_number_for_all_points():
    exported = points(6, 6)
    exported[0]["Name"] = "SQL01 - Standard Replica - (5/19/2014)"
    rows, _ = read(exported)
    assert [row["snapshot_type"] for row in rows] == ["Replica", "Replica"]
    assert rows[1]["note"] == "type number 6 read as Replica from the names of other points"


def test_names_that_contradict_each_other_settle_nothing():
    exported = points(6, 6)
    exported[0]["Name"], exported[1]["Name"] = "Standard Replica", "Application-consistent Replica"
    rows, _ = read(exported)
    assert [row["claimed"] for row in rows] == ["unknown", "unknown"]
    assert "contradict each other" in rows[0]["note"]


def test_text_wins_over_the_name_and_the_contradiction_is_noted():
    exported = points("Replica")
    exported[0]["Name"] = "my Application-consistent Replica"
    (row,), _ = read(exported)
    assert row["claimed"] == "crash_consistent"
    assert "the type counts" in row["note"]


def test_a_wrong_word_never_claims_application_consistency():
    rows, _ = read(points("Application", "7x", None, ""))
    assert {row["claimed"] for row in rows} == {"unknown"}


def test_the_exporting_computer():
    rows, account = read(points("Replica", "Replica", ComputerName="HV-REPLICA"))
    assert account.source["computer"] == "HV-REPLICA"
    assert rows[0]["computer"] == "HV-REPLICA"
    assert read(points("Replica", ComputerName="localhost"))[1].source["computer"] is None


def test_a_list_with_other_columns_is_refused_in_one_line():
    rows, account = read(b'"SnapshotName","Owner"\r\n"a","b"\r\n', "points.csv")
    assert (rows, account.source["status"]) == ([], "unreadable")
    assert "the properties are: SnapshotName, Owner" in account.source["note"]
    assert "\n" not in account.source["note"]


def test_a_list_without_times_says_which_column_is_missing():
    rows, account = read(b'"VMName","Name","SnapshotType"\r\n"SQL01","b","Replica"\r\n', "points.csv")
    assert (rows, account.source["status"]) == ([], "unreadable")
    assert "no column CreationTime" in account.source["note"]
    assert "Get-VMSnapshot -VMName * | Export-Clixml" in account.source["note"]


def test_a_row_without_a_readable_time_is_lost_with_row_and_column():
    exported = points("Replica", "Replica")
    exported[1]["CreationTime"] = "soon"
    rows, account = read(exported)
    assert len(rows) == 1
    assert [(loss["first_id"], loss["reason"]) for loss in account.losses] == [
        (2, "row 2: column CreationTime: 'soon' is no date")
    ]


def test_local_times_stay_local_and_ambiguous_days_are_assumed():
    rows, account = read(
        b'"VMName","Name","SnapshotType","CreationTime"\n"A","b","Replica","12/05/2014 22:00"\n', "p.csv"
    )
    assert rows[0]["time_utc"] is None
    assert rows[0]["time_basis"] == "assumed"
    assert "declare culture" in account.source["note"]
    rows, _ = read(
        b'"VMName","Name","SnapshotType","CreationTime"\n"A","b","Replica","12/05/2014 22:00"\n',
        "p.csv",
        culture="de-DE",
    )
    assert (rows[0]["time_local"].month, rows[0]["time_basis"]) == (5, None)


def test_empty_list():
    rows, account = read(b'#TYPE Microsoft.HyperV.PowerShell.VMSnapshot\r\n"VMName","SnapshotType","CreationTime"\r\n')
    assert (rows, account.source["status"]) == ([], "empty")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Name": "x", "State": 1}',
        b'"Level","Source"\n"a","b"\n',
        b"SnapshotType CreationTime",
        b"\xff" * 99,
    ],
)
def test_other_content_is_not_taken(head):
    assert recovery_points.recognise(head, "points.csv") == 0


def test_recognised_by_content_whatever_the_name():
    raw = json.dumps(points("Replica")).encode("utf-16")
    assert recognise(raw, "something.txt") is recovery_points


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8]), min_size=1, max_size=6))
def test_a_number_is_only_read_where_no_other_reading_is_possible(numbers):
    listed = {
        0: "Standard",
        1: "Recovery",
        2: "Planned",
        5: "Missing",
        6: "Replica",
        7: "AppConsistentReplica",
        8: "SyncedReplica",
    }
    declared = dict(
        enumerate(["Standard", "Recovery", "Planned", "Missing", "Replica", "AppConsistentReplica", "SyncedReplica"])
    )
    possible = [known for known in (listed, declared) if set(numbers) <= set(known)]
    rows, _ = read(points(*numbers))
    for row in rows:
        if row["snapshot_type"] is not None:
            number = numbers[int(row["name"][1:])]
            readings = {known[number] for known in possible} or {listed.get(number), declared.get(number)}
            assert readings == {row["snapshot_type"]}


@pytest.mark.parametrize("date", ["19.05.2014", "2014-05-19"])
def test_a_point_without_a_time_of_day_is_lost_and_not_put_at_midnight(date):
    text = f'"Name","SnapshotType","CreationTime"\r\n"a","Replica","{date}"\r\n"b","Replica","{date} 22:00:07"\r\n'
    rows, account = read(text.encode())
    assert [row["name"] for row in rows] == ["b"]
    assert [loss["reason"] for loss in account.losses] == [f"row 1: column CreationTime: '{date}' has no time of day"]
