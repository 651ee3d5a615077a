"""Next steps: one test machine at a time, and every query goes to the instance that holds the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import kit
from kit import collect, tables
from kit.judgement import advice
from kit.words import Words

START = datetime(2014, 5, 20, tzinfo=UTC)
Told = tuple[pd.DataFrame, pd.DataFrame]


def told(*verdicts: str, instance: str = "MSSQLSERVER") -> Told:
    """Points of SQLVM an hour apart, each with its verdict; what is contradicted is so by database Sales."""
    points, judged = [], []
    for number, verdict in enumerate(verdicts):
        name = f"p{number}"
        points.append({"recovery_point_id": name, "vm_name": "SQLVM", "claimed": "application_consistent",
                       "time_utc": START + timedelta(hours=number)})  # fmt: skip
        judged.append({"recovery_point_id": name, "vm_name": "SQLVM", "verdict": verdict})
        judged.append({"recovery_point_id": name, "vm_name": "SQLVM", "verdict": verdict, "database": "Sales",
                       "instance": instance, "rolled_back": 7 if verdict == "contradicted" else None})  # fmt: skip
    return tables.frame("recovery_points", points), tables.frame("verdicts", judged)


def steps(made: Told) -> pd.DataFrame:
    """The steps that start a test machine."""
    points, verdicts = made
    given = advice.advice(points, verdicts, None)
    missing, failed = tables.empty("missing"), tables.empty("operations")
    found = advice.actions(points, verdicts, given, missing, Words(UTC), failed, "HV2")
    return found[found["command"].str.contains("-AsTest")]


def test_the_second_test_of_a_machine_ends_the_first_before_it_begins() -> None:
    first, second = steps(told("supported", "contradicted", "supported"))["command"]
    assert "'p2'" in first and "Stop-VMFailover" not in first
    assert second.splitlines()[0] == "Stop-VMFailover -VMName 'SQLVM'"
    assert second.index("Stop-VMFailover") < second.index("'p0'") < second.index("-AsTest")
    told_of_it = steps(told("supported", "contradicted", "supported"))["text"].iloc[1]
    assert "Only one test runs at a time" in told_of_it


def test_a_single_test_ends_no_other() -> None:
    (command,) = steps(told("confirmed", "contradicted", "confirmed"))["command"]
    assert "Stop-VMFailover" not in command and "'p0'" in command


def test_one_point_is_tested_once_and_its_databases_are_checked_then() -> None:
    (command,) = steps(told("supported", "contradicted"))["command"]
    assert command.count("-AsTest") == 1 and "DBCC CHECKDB (N''Sales'')" in command


@pytest.mark.parametrize(("instance", "server"), [("MSSQLSERVER", "-S . "), ("RADAR", "-S '.\\RADAR' ")])
def test_the_check_asks_the_instance_that_holds_the_database(instance: str, server: str) -> None:
    commands = steps(told("supported", "contradicted", "supported", instance=instance))["command"]
    assert f"sqlcmd {server}-Q " in commands.iloc[1]


def test_a_store_of_another_engine_is_not_checked_by_sql_server() -> None:
    commands = steps(told("supported", "contradicted", "supported", instance="ESE"))["command"]
    assert not commands.str.contains("sqlcmd").any()


def test_names_of_instances_cannot_break_out_of_the_command() -> None:
    assert collect.server("A'; Remove-Item x") == "'.\\A''; Remove-Item x'"


@pytest.mark.parametrize(("provider", "server"), [("MSSQLSERVER", "-S . "), ("MSSQL$RADAR", "-S '.\\RADAR' ")])
def test_explain_asks_the_instance_of_the_records(provider: str, server: str) -> None:
    event = {"provider": provider, "event_id": 824, "level": "error",
             "message": "SQL Server detected a logical consistency-based I/O error: incorrect checksum"}  # fmt: skip
    said = " ".join(kit.explain([event])["advice"])
    assert f"sqlcmd {server}-Q " in said
