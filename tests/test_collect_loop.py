"""The promise of `missing`: run the command, put what it yields into the case, and the item is settled.

Each test takes evidence away, reads which command the kit names for it, lays down what that command would yield (under
the name that it gives), and looks again. The contents are those of the bundled practice case or made up here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

import kit
from kit import collect, rules
from kit.explain import advising

PRACTICE = Path(__file__).resolve().parent.parent / "data" / "practice"
VMMS = "Microsoft-Windows-Hyper-V-VMMS-Admin.evtx"
APPLICATION, SYSTEM = "guest/Application.evtx", "guest/System.evtx"
POINTS = "replica/HV-REPLICA/recovery-points-20140519-1805.xml"
EXPORTS = ["replica/HV-REPLICA/recovery-points-20140519-1140.csv", POINTS,
           "replica/HV-REPLICA/recovery-points-20140520-1230.json"]  # fmt: skip
STATES = ["primary/HV-PRIMARY/replication.json", "primary/HV-PRIMARY/replication-statistics.json",
          "replica/HV-REPLICA/replication-test-failover-1.xml", "replica/HV-REPLICA/replication-test-failover-2.xml",
          "replica/HV-REPLICA/replication.xml", "primary/HV-PRIMARY/integration-services.csv"]  # fmt: skip
ERRORLOG_FILE = "MSSQL10_50.MSSQLSERVER-ERRORLOG"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """The practice case without case.toml, as a customer would send it."""
    folder = tmp_path / "case"
    shutil.copytree(PRACTICE, folder)
    (folder / "case.toml").unlink()
    return folder


def lacking(folder: Path) -> dict[str, str]:
    """What is missing, and the command for it."""
    return {row["what"]: row["command"] for row in kit.load_case(folder).missing}


def take(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("taken", "what", "command", "made", "source"),
    [
        ([APPLICATION], "Application log of guest SQLVM", collect.event_log("Application"), APPLICATION, APPLICATION),
        ([SYSTEM], "System log of guest SQLVM", collect.event_log("System"), SYSTEM, SYSTEM),
        (["guest/ERRORLOG"], "SQL Server ERRORLOG of guest SQLVM", collect.errorlogs(), f"guest/{ERRORLOG_FILE}",
         "guest/ERRORLOG"),
        (EXPORTS, "list of recovery points of the replica host", collect.points("SQLVM"), "replica/points.xml", POINTS),
        (STATES, "replication state of both hosts", collect.replication("SQLVM"), "replica/replication.xml",
         "replica/HV-REPLICA/replication.xml"),
        ([f"primary/HV-PRIMARY/{VMMS}"], "Hyper-V log (VMMS) of the primary host", collect.event_log(collect.VMMS),
         f"primary/{VMMS}", f"primary/HV-PRIMARY/{VMMS}"),
        ([f"replica/HV-REPLICA/{VMMS}"], "Hyper-V log (VMMS) of the replica host", collect.event_log(collect.VMMS),
         f"replica/{VMMS}", f"replica/HV-REPLICA/{VMMS}"),
    ],
)  # fmt: skip
def test_what_a_command_yields_settles_the_item(
    case: Path, taken: list[str], what: str, command: str, made: str, source: str
) -> None:
    take(case, taken)
    assert lacking(case).get(what) == command
    shutil.copyfile(PRACTICE / source, case / made)
    assert what not in lacking(case)


def test_without_a_list_of_points_that_list_is_the_first_thing_to_collect(tmp_path: Path) -> None:
    """What the list claims is the statement under test: no other log can replace it."""
    (tmp_path / "case" / "guest").mkdir(parents=True)
    shutil.copyfile(PRACTICE / "guest/ERRORLOG", tmp_path / "case" / "guest" / "ERRORLOG")
    steps = kit.analyze(kit.load_case(tmp_path / "case")).actions
    assert list(steps["command"][:2]) == [collect.points("*"), collect.event_log("Application")]
    assert len(steps) == 5


def test_the_logs_of_a_test_machine_settle_the_test_failover(case: Path) -> None:
    for name in ("test-failover-1", "test-failover-2"):
        shutil.rmtree(case / name)
    what = "logs of a test-failover machine"
    command = lacking(case)[what]
    assert all(part in command for part in ("epl Application", "epl System", collect.errorlogs()))
    folder = case / "testfailover-2200"
    folder.mkdir()
    for name in ("Application.evtx", "System.evtx"):
        shutil.copyfile(PRACTICE / "test-failover-1" / name, folder / name)
    for name in ("ERRORLOG", "ERRORLOG.1"):
        shutil.copyfile(PRACTICE / "test-failover-1" / name, folder / f"MSSQL10_50.MSSQLSERVER-{name}")
    loaded = kit.load_case(case)
    assert what not in {row["what"] for row in loaded.missing}
    own = loaded.sources[loaded.sources["path"].str.startswith("testfailover-2200")]
    assert set(own["role"]) == {"test_failover_guest"} and len(own) == 4


NEW_LOG = """\
2022-05-19 22:00:00.00 Server      Microsoft SQL Server 2019 (RTM-CU16) - 15.0.4223.1 (X64)
2022-05-19 22:00:00.01 Server      UTC adjustment: 2:00
2022-05-19 22:00:03.43 spid52      I/O is frozen on database Orders. No user action is required.
2022-05-19 22:00:04.57 spid52      I/O was resumed on database Orders. No user action is required.
"""
TRACE = """\
[05/19/2022 21:00:00, TID 1a2c] ****************************************************************
[05/19/2022 21:00:00, TID 1a2c] Entering SQL Writer OnIdentify.
[05/19/2022 22:00:03, TID 1a2c] Entering SQL Writer OnFreeze.
[05/19/2022 22:00:04, TID 1a2c] Entering SQL Writer OnThaw.
[05/19/2022 22:00:05, TID 1a2c] Entering SQL Writer OnAbort.
"""


def test_the_trace_of_the_writer_settles_its_item(tmp_path: Path) -> None:
    guest = tmp_path / "case" / "guest"
    guest.mkdir(parents=True)
    (guest / "MSSQL15.SALES-ERRORLOG").write_bytes(NEW_LOG.encode("utf-16"))
    what = next(name for name in lacking(tmp_path / "case") if name.startswith("trace of the SQL writer"))
    assert lacking(tmp_path / "case")[what] == collect.writer_trace()
    (guest / "SqlWriterLogger.txt").write_text(TRACE, encoding="utf-8")
    assert what not in lacking(tmp_path / "case")


def test_a_case_without_any_name_asks_for_the_logs_of_the_guest(tmp_path: Path) -> None:
    guest = tmp_path / "case" / "guest"
    guest.mkdir(parents=True)
    shutil.copyfile(PRACTICE / "guest" / "ERRORLOG", guest / "ERRORLOG")
    named = lacking(tmp_path / "case")
    assert named["Application log of the guest"] == collect.event_log("Application")
    assert "System log of the guest" in named and "SQL Server ERRORLOG of the guest" not in named


def test_older_logs_of_the_server_settle_their_item(case: Path) -> None:
    whole = (PRACTICE / "guest" / "ERRORLOG").read_bytes()
    text = whole.decode("utf-16")
    lines = text.splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if line.startswith("2014-05-19 12:"))
    for name in ("test-failover-1", "test-failover-2"):  # their logs hold the same history
        shutil.rmtree(case / name)
    (case / "guest" / "ERRORLOG").write_bytes("".join(lines[cut:]).encode("utf-16"))
    what = "older SQL Server ERRORLOG files of guest SQLVM"
    assert lacking(case)[what] == collect.errorlogs()
    (case / "guest" / "ERRORLOG.1").write_bytes("".join(lines[:cut]).encode("utf-16"))
    assert what not in lacking(case)


CLIXML = (
    '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj RefId="0"><TN RefId="0">'
    "<T>{type}</T><T>System.Object</T></TN><Props>{properties}</Props></Obj></Objs>"
)


def clixml(kind: str, **values: str) -> bytes:
    """What Export-Clixml writes for one object: UTF-16 with a mark."""
    tags = {"Id": "I32", "TimeCreated": "DT", "RecordId": "I64", "Level": "By", "VMId": "G", "Enabled": "B"}
    parts = (f'<{tags.get(name, "S")} N="{name}">{value}</{tags.get(name, "S")}>' for name, value in values.items())
    return CLIXML.format(type=kind, properties="".join(parts)).encode("utf-16")


def test_who_asked_for_snapshots_is_read(tmp_path: Path) -> None:
    """Of collect.requestors()."""
    made = clixml(
        "System.Diagnostics.Eventing.Reader.EventLogRecord", Id="8222", RecordId="77", ProviderName="VSSAudit",
        LogName="Security", MachineName="SQLVM", Level="0", TimeCreated="2014-05-19T03:00:00.1234567+02:00",
        Message="Shadow copy has been created.",
    )  # fmt: skip
    (tmp_path / "requestors.xml").write_bytes(made)
    (event,) = kit.read(tmp_path / "requestors.xml")["events"].itertuples()
    assert (event.provider, event.event_id, event.time_utc.hour) == ("VSSAudit", 8222, 1)


def test_integration_services_are_read(tmp_path: Path) -> None:
    made = clixml(
        "Microsoft.HyperV.PowerShell.VMIntegrationComponent", Name="VSS", VMName="SQLVM", Enabled="false",
        PrimaryStatusDescription="OK",
    )
    (tmp_path / "integration.xml").write_bytes(made)
    frames = kit.read(tmp_path / "integration.xml")
    assert frames["sources"]["status"].tolist() == ["read"] and len(frames["replication"]) == 1


def test_the_list_of_writers_is_read_as_powershell_redirects_it(tmp_path: Path) -> None:
    text = (
        "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\r\n\r\n"
        "Writer name: 'SqlServerWriter'\r\n   Writer Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\r\n"
        "   Writer Instance Id: {1d1b2c3e-0000-4111-8222-333344445555}\r\n   State: [1] Stable\r\n"
        "   Last error: No error\r\n"
    )
    (tmp_path / "writers.txt").write_bytes(text.encode("utf-16"))
    assert kit.read(tmp_path / "writers.txt")["writers"]["name"].tolist() == ["SqlServerWriter"]


def test_samples_of_the_clock_say_what_to_write_into_case_toml(tmp_path: Path) -> None:
    text = "Tracking HV1 [192.0.2.10:123].\r\nCollecting 2 samples.\r\n12:31:05, +03.40s\r\n12:31:07, +03.42s\r\n"
    (tmp_path / "clock.txt").write_bytes(text.encode("utf-16"))
    frames = kit.read(tmp_path / "clock.txt")
    assert frames["sources"]["note"].tolist() == [
        "+3.4 s against HV1: write it as offset_s of this computer under [[clock]]"
    ]
    assert frames["records"]["name"].tolist() == ["HV1", "HV1"]


def commands() -> list[str]:
    """Every command that the kit names: what is missing, advice of causes, advice of explanations."""
    causes = rules.load().root_causes.values()
    named = [command for one in causes for _, command in one.advice if command]
    named += [
        pair[1] for name, pair in vars(advising).items()
        if name.startswith("_") and isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], str)
    ]  # fmt: skip
    own = [collect.event_log("Application"), collect.errorlogs(), collect.writer_trace(), collect.points("SQL 'VM'"),
           collect.replication("SQLVM"), collect.test_failover("SQLVM", "id"), collect.check_database("it's"),
           collect.clock("HV"), collect.requestors(), collect.machine("it's/*")]  # fmt: skip
    return sorted({*named, *own})


@pytest.mark.parametrize("command", commands())
def test_a_command_can_be_pasted_as_it_stands(command: str) -> None:
    """No placeholder that PowerShell takes for a redirection, quotes and brackets in pairs, one line."""
    assert not re.search(r"<[A-Za-z]", command)
    assert "\n" not in command and command == command.strip()
    outside = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "", command)
    assert "'" not in outside and '"' not in outside
    for pair in ("()", "{}"):
        assert outside.count(pair[0]) == outside.count(pair[1])


def test_copies_name_the_whole_path() -> None:
    """Windows PowerShell writes a file as its bare name, which Copy-Item would look for in the current folder."""
    assert "Copy-Item $_.FullName" in collect.errorlogs()


def test_a_test_machine_is_started_too() -> None:
    """Start-VMFailover -AsTest only makes the machine."""
    assert collect.test_failover("SQL'VM", "id").endswith("-AsTest; Start-VM -Name 'SQL''VM - Test'")
