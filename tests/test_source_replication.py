"""Replication state: PowerShell and WMI number the same states differently, and what is unknown stays unknown.

Values: Get-VMReplication, Msvm_ReplicationRelationship, Msvm_ReplicationStatistics, Get-VMIntegrationService.
"""

import io
import json

import pytest

from kit.sources import read_source, recognise, replication
from kit.sources.seam import Rows


def read(objects, name="replication.json"):
    raw = objects if isinstance(objects, bytes) else json.dumps(objects).encode()
    tables, account = {}, None
    for reading in read_source(io.BytesIO(raw), name):
        if isinstance(reading, Rows):
            tables.setdefault(reading.table, []).extend(reading.columns.to_pylist())
        else:
            account = reading
    return tables, account


def one(row):
    (found,) = read([row])[0]["replication"]
    return found


@pytest.mark.parametrize(
    ("powershell", "wmi", "number"),
    [
        ("Disabled", "Disabled", 0),
        ("WaitingForInitialReplication", "Replicating", 3),
        ("Replicating", "Synced replication complete", 4),
        ("FailedOver", "Suspended", 7),
        ("Suspended", "Critical", 8),
        ("Error", "Waiting to start resynchronisation", 9),
        ("FiredrillInProgress", "Firedrill in progress", 21),
        ("unknown (22)", "unknown (22)", 22),
        ("unknown (-1)", "unknown (-1)", -1),
    ],
)
def test_the_class_decides_what_a_state_number_means(powershell, wmi, number):
    assert one({"VMName": "SQL01", "State": number, "Health": 1, "Mode": 2})["state"] == powershell
    assert one({"InstanceID": "Microsoft:x", "ReplicationState": number, "ReplicationHealth": 1})["state"] == wmi


def test_words_are_kept_as_exported():
    row = one({"VMName": "SQL01", "State": "Replicating", "Health": "Warning", "Mode": "TestReplica"})
    assert (row["state"], row["health"], row["mode"]) == ("Replicating", "Warning", "TestReplica")


def test_health_and_mode_outside_their_enumerations_are_unknown():
    row = one({"VMName": "SQL01", "State": 4, "Health": 9, "Mode": 7})
    assert (row["health"], row["mode"]) == ("unknown (9)", "unknown (7)")


def test_the_failure_counter_of_the_statistics():
    row = one(
        {
            "InstanceID": "Microsoft:x",
            "ApplicationConsistentSnapshotFailureCount": 3,
            "ReplicationMissCount": 2,
            "ReplicationFailureCount": 1,
            "NetworkFailureCount": 9,
            "LastTestFailoverTime": "20140519190000.000000-000",
        }
    )
    assert (row["app_consistent_failures"], row["replication_misses"], row["replication_failures"]) == (3, 2, 1)
    assert row["last_test_failover_utc"].isoformat() == "2014-05-19T19:00:00+00:00"


def test_a_failover_type_is_no_failure_counter():
    row = one({"InstanceID": "Microsoft:x", "ReplicationState": 3, "FailedOverReplicationType": 0})
    assert row["replication_failures"] is None


def test_application_consistent_points_switched_off():
    row = one({"VMName": "A", "State": 4, "Health": 1, "VSSSnapshotFrequencyHour": 0})
    assert row["app_consistent_interval_h"] == 0
    assert one({"VMName": "A", "State": 4, "Health": 1})["app_consistent_interval_h"] is None


@pytest.mark.parametrize(
    ("row", "enabled", "state"),
    [
        ({"Name": "VSS", "Enabled": False, "PrimaryOperationalStatus": 2}, False, "Ok"),
        ({"Name": "VSS", "Enabled": True, "SecondaryOperationalStatus": 32775}, True, "ProtocolMismatch"),
        (
            {
                "Name": "Sicherung (Volumeschattenkopie)",
                "Id": "Microsoft:7C3F2F0E-6B5B-4F5F-9D0A-1F2E3D4C5B6A\\5CED1297-4598-4915-A5FC-AD21BB4D02A4",
                "Enabled": "True",
                "PrimaryOperationalStatus": "Ok",
            },
            True,
            "Ok",
        ),
    ],
)
def test_the_backup_integration_service_whatever_its_name(row, enabled, state):
    found = one({"VMName": "SQL01", **row})
    assert (found["vss_service_enabled"], found["integration_state"]) == (enabled, state)


def test_other_integration_services_are_records():
    tables, _ = read([{"VMName": "SQL01", "Name": "Shutdown", "Enabled": True, "PrimaryOperationalStatus": 2}])
    assert [(row["kind"], row["name"], row["vm_name"]) for row in tables["records"]] == [
        ("integration_service", "Shutdown", "SQL01")
    ]


def test_the_state_of_a_machine_is_not_its_replication_state():
    tables, _ = read(
        [{"Name": "SQL01", "State": 2, "Uptime": "1.00:00:00", "ReplicationMode": 3, "ReplicationState": 4}]
    )
    assert [(row["state"], row["mode"]) for row in tables["replication"]] == [("Replicating", "TestReplica")]


def test_every_property_stays_in_data():
    row = {"VMName": "SQL01", "State": 4, "Health": 1, "Something": {"New": [1, 2]}}
    assert json.loads(one(row)["data"]) == row


def test_recognised_by_content():
    assert (
        recognise(b'"VMName","State","Health","Mode"\r\n"A","Replicating","Normal","Primary"\r\n', "x") is replication
    )
    assert replication.recognise(b'"Name","State"\r\n"A","Running"\r\n', "replication.csv") == 0
    assert replication.recognise(b"", "replication.csv") == 0
