"""A case as a user gives it: folders and archives, good and bad files, roles, zones, frames, and what is missing."""

import io
import json
import os
import re
import shutil
import socket
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from kit import case as cases
from kit import tables, terminal
from kit.case import intake, load_case, loading
from kit.case.store import Store
from kit.errors import CaseError, ConfigError, ParameterError, Unsupported
from kit.practice.evtx_writer import Event, write_evtx

START = datetime(2014, 5, 19, 20, 0, 3, 430000, tzinfo=UTC)
DEVICE = "{{5E9B3C1A-7D44-4E0B-9C77-2B1F0A6D8E{:02d}}}1"
HOURS = 5


def sql(number, moment, *strings, level=4):
    return Event("MSSQLSERVER", number, moment, "Application", "SQL01.corp.local", level, strings=strings)


def operation(hour):
    begin = START + timedelta(hours=hour, seconds=hour)
    routine = "BackupVirtualDeviceFile::SendFileInfoBegin"
    return [
        sql(3197, begin, "Sales"),
        sql(3198, begin + timedelta(seconds=6), "Sales"),
        sql(18210, begin + timedelta(seconds=6.3), routine, "failure", DEVICE.format(hour), "995", level=2),
    ]


def errorlog(offset_h, utc_line=False, hours=HOURS):
    def line(moment, source, text):
        local = moment.replace(tzinfo=None) + timedelta(hours=offset_h)
        return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 10000:02d} {source:<12}{text}\n"

    first = START - timedelta(hours=1)
    text = line(first, "Server", "Microsoft SQL Server 2008 R2 (SP2) - 10.50.4000.0 (X64)")
    text += line(first, "Server", f"UTC adjustment: {offset_h}:00") if utc_line else ""
    text += line(first, "spid7s", "Server name is 'SQL01'. This is an informational message only.")
    for hour in range(hours):
        begin = START + timedelta(hours=hour, seconds=hour)
        late = begin + timedelta(seconds=6.3)
        text += line(begin, "spid52", "I/O is frozen on database Sales. No user action is required.")
        text += line(begin + timedelta(seconds=6), "spid52", "I/O was resumed on database Sales.")
        text += line(late, "Backup", "Error: 18210, Severity: 16, State: 1.")
        text += line(
            late, "Backup",
            f"BackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device '{DEVICE.format(hour)}'. Error 995.",
        )  # fmt: skip
    return text.encode("utf-16")


def points(hours=HOURS, kind="AppConsistentReplica", vm_name="SQL01"):
    return json.dumps(
        [
            {
                "Name": f"SQL01 - {hour}",
                "Id": f"01A1B2C3-1111-4222-8333-4444555566{hour:02d}",
                "VMName": vm_name,
                "VMId": "0c0ffee0-1111-4222-8333-444455556666",
                "SnapshotType": kind,
                "CreationTime": f"{START + timedelta(hours=hour, seconds=20):%Y-%m-%dT%H:%M:%SZ}",
                "ComputerName": "HV2",
            }
            for hour in range(hours)
        ]
    )


@pytest.fixture
def folder(tmp_path):
    """Guest logs and the replica's list of points, five hours of the story."""
    root = tmp_path / "case"
    (root / "guest").mkdir(parents=True)
    (root / "replica").mkdir()
    write_evtx(root / "guest" / "Application.evtx", [event for hour in range(HOURS) for event in operation(hour)])
    (root / "guest" / "ERRORLOG").write_bytes(errorlog(2))
    (root / "replica" / "points.json").write_text(points(), encoding="utf-8")
    return root


def row(case, path):
    return case.sources.set_index("path").loc[path]


def status(case):
    return dict(zip(case.sources["path"], case.sources["status"], strict=True))


def given(case):
    return case.sources[case.sources["status"] != "absent"]


def test_a_folder_without_configuration(folder):
    case = load_case(folder)
    assert given(case)[["path", "role", "vm_name", "status"]].values.tolist() == [
        ["guest/Application.evtx", "guest", "SQL01", "read"],
        ["guest/ERRORLOG", "guest", "SQL01", "read"],
        ["replica/points.json", "replica_host", pytest.approx(float("nan"), nan_ok=True), "read"],
    ]
    assert (case.case_id, case.title, case.root) == ("case", "case", folder)
    assert len(case.events) == 15 + 17
    assert case.recovery_points["claimed"].tolist() == ["application_consistent"] * 5
    for name in ("sources", "losses", "coverage", "events", "recovery_points", "replication", "writers", "records"):
        assert list(getattr(case, name)) == tables.schema(name).names


def test_the_zone_of_the_errorlog_comes_from_messages_in_both_logs(folder):
    case = load_case(folder)
    log = case.events[case.events["channel"] == "ERRORLOG"]
    assert set(log["time_basis"]) == {"inferred"}
    freeze = log[log["message"].str.startswith("I/O is frozen", na=False)].iloc[0]
    assert freeze["time_utc"] == pd.Timestamp(START)
    assert freeze["time_raw"] == "2014-05-19 22:00:03.43"
    source = row(case, "guest/ERRORLOG")
    assert (source["zone"], source["time_basis"]) == ("+02:00", "inferred")
    assert "Application log" in source["note"]
    assert source["first_time"] == pd.Timestamp(START - timedelta(hours=1))


def test_the_utc_line_of_the_file_gives_the_zone_without_any_other_log(folder):
    (folder / "guest" / "Application.evtx").unlink()
    (folder / "guest" / "ERRORLOG").write_bytes(errorlog(2, utc_line=True))
    case = load_case(folder)
    assert "the file says UTC+02:00" in row(case, "guest/ERRORLOG")["note"]
    assert set(case.events["time_basis"]) == {"inferred"}


# +02:00 in May says nothing about December: Berlin is at +01:00 then, Johannesburg still at +02:00.
def test_an_offset_seen_once_does_not_hold_beyond_a_change_of_the_clocks(folder):
    (folder / "guest" / "Application.evtx").unlink()
    late = "2014-12-24 12:00:00.00 spid9s      late\n"
    text = errorlog(2, utc_line=True).decode("utf-16") + late
    (folder / "guest" / "ERRORLOG").write_bytes(text.encode("utf-16"))
    case = load_case(folder)
    basis = case.events.set_index("message")["time_basis"]
    assert (basis["late"], basis["I/O was resumed on database Sales."].iloc[0]) == ("assumed", "inferred")
    assert "only assumed: declare timezone" in row(case, "guest/ERRORLOG")["note"]


def test_without_any_hint_the_time_is_assumed_and_covers_nothing(folder):
    (folder / "guest" / "Application.evtx").unlink()
    case = load_case(folder)
    source = row(case, "guest/ERRORLOG")
    assert (source["zone"], source["time_basis"]) == ("UTC", "assumed")
    assert set(case.events["time_basis"]) == {"assumed"}
    assert case.coverage.empty


VIEWER = "Level,Date and Time,Source,Event ID,Task Category\n"
PAIR = """Information,2014-05-19 22:00:09,MSSQLSERVER,3198,Backup,I/O was resumed on database Sales.
Information,2014-05-19 22:00:03,MSSQLSERVER,3197,Backup,I/O is frozen on database Sales.
"""
ABORT = """Error,2014-05-19 22:00:10,MSSQLSERVER,3041,Backup,BACKUP failed to complete BACKUP DATABASE Sales.
"""
OTHERS = """Information,2014-05-19 23:30:00,Microsoft-Windows-Security-SPP,903,None,The service has stopped.
""", """Information,2014-05-19 21:00:00,Microsoft-Windows-Security-SPP,902,None,The service has started.
"""


def _viewer(folder, text):
    (folder / "guest" / "Application.evtx").unlink()
    (folder / "guest" / "Application.csv").write_text(VIEWER + text, "utf-8")
    (folder / "case.toml").write_text('[[source]]\npath = "guest/*"\ntimezone = "Europe/Berlin"\n')
    found = load_case(folder)
    source_id = row(found, "guest/Application.csv")["source_id"]
    return found.coverage[found.coverage["source_id"] == source_id]


def test_an_event_viewer_list_with_everyday_records_of_all_levels_covers_its_time(folder):
    """Saved whole, newest first: nobody who looks for backup errors chooses the licensing service as well."""
    covered = _viewer(folder, OTHERS[0] + ABORT + PAIR + OTHERS[1])
    assert [(one.first_time.hour, one.last_time.hour) for one in covered.itertuples()] == [(19, 21)]


@pytest.mark.parametrize(
    "chosen",
    [
        ABORT + PAIR,  # by source
        OTHERS[0] + PAIR + OTHERS[1],  # information only: where are the errors?
        "Error,2014-05-19 22:30:00,Application Error,1000,(100),Faulting application\n" + ABORT,  # errors only
    ],
)
def test_an_event_viewer_list_that_may_be_filtered_covers_nothing(folder, chosen):
    assert _viewer(folder, chosen).empty


def test_another_rotation_of_the_same_server_lends_its_zone(folder):
    (folder / "guest" / "Application.evtx").unlink()
    (folder / "guest" / "ERRORLOG.1").write_bytes(errorlog(2, utc_line=True, hours=1))
    case = load_case(folder)
    assert row(case, "guest/ERRORLOG")["time_basis"] == "inferred"
    assert "another log of SQL01" in row(case, "guest/ERRORLOG")["note"]


def test_a_zone_declared_for_one_log_serves_the_others_of_that_computer(folder):
    (folder / "guest" / "Application.evtx").unlink()
    (folder / "guest" / "ERRORLOG.1").write_bytes(errorlog(2, hours=1))
    (folder / "case.toml").write_text('[[source]]\npath = "guest/ERRORLOG.1"\ntimezone = "+02:00"\n', encoding="utf-8")
    case = load_case(folder)
    found = [tuple(row(case, f"guest/{name}")[["zone", "time_basis"]]) for name in ("ERRORLOG", "ERRORLOG.1")]
    assert found == [("+02:00", "inferred"), ("+02:00", "declared")]


def system(count, boot_at=None):
    """A System log: hourly uptime records, and from `boot_at` on those of a boot from a live image."""
    events = [
        Event(
            "EventLog", 6013, START + timedelta(hours=n), "System", "SQL01.corp.local", strings=("", "", "", "", str(n))
        )
        for n in range(count)
    ]
    if boot_at is not None:
        later = START + timedelta(hours=count, minutes=30)
        boot = [(6008, ("8:00:00 PM", "5/20/2014")), (6009, ("6.01.", "7601")), (6005, ())]
        events += [
            Event("EventLog", number, later + timedelta(seconds=n), "System", "SQL01.corp.local", strings=strings)
            for n, (number, strings) in enumerate(boot)
        ]
    return events


# The copy has the records 1 to 20 of the guest and goes on with 6008, 6009 and 6005; the guest goes on with 6013.
def test_logs_of_a_copied_machine_are_told_by_their_records(folder):
    (folder / "booted").mkdir()
    write_evtx(folder / "guest" / "System.evtx", system(40))
    write_evtx(folder / "booted" / "System.evtx", system(20, boot_at=20))
    (folder / "booted" / "ERRORLOG").write_bytes(errorlog(2, hours=1))
    case = load_case(folder)
    assert row(case, "booted/System.evtx")["role"] == "test_failover_guest"
    assert "before number 21, then a boot of its own" in row(case, "booted/System.evtx")["role_reason"]
    assert row(case, "booted/ERRORLOG")["role"] == "test_failover_guest"
    assert row(case, "guest/System.evtx")["role"] == "guest"
    assert set(case.events[case.events["source_id"] == row(case, "booted/System.evtx")["source_id"]]["role"]) == {
        "test_failover_guest"
    }


def test_a_later_export_of_the_same_log_is_no_copy_of_the_machine(folder):
    (folder / "later").mkdir()
    write_evtx(folder / "guest" / "System.evtx", system(20))
    write_evtx(folder / "later" / "System.evtx", system(20, boot_at=20))
    assert row(load_case(folder), "later/System.evtx")["role"] == "guest"


def test_case_toml_declares_and_overrules(folder):
    (folder / "case.toml").write_text(
        '[case]\nid = "2014-117"\ntitle = "Hourly errors"\nexaminer = "A"\n'
        '[[source]]\npath = "guest/ERRORLOG"\ntimezone = "America/New_York"\nvm = "PROD"\n',
        encoding="utf-8",
    )
    case = load_case(folder)
    assert (case.case_id, case.title, case.examiner) == ("2014-117", "Hourly errors", "A")
    source = row(case, "guest/ERRORLOG")
    assert (source["zone"], source["time_basis"], source["vm_name"]) == ("America/New_York", "declared", "PROD")
    assert "case.toml" not in status(case)


def test_a_slip_in_case_toml_is_an_error_that_names_it(folder):
    (folder / "case.toml").write_text("[case]\ntitel = 'x'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="titel"):
        load_case(folder)


def test_a_glob_that_fits_nothing_is_an_absent_source(folder):
    (folder / "case.toml").write_text("[[source]]\npath = 'gest/*'\nrole = 'guest'\n", encoding="utf-8")
    case = load_case(folder)
    assert row(case, "gest/*")["status"] == "absent"


def test_an_archive_of_the_folder_is_the_same_case(folder, tmp_path):
    (folder / "case.toml").write_text("[case]\nid = 'x'\n", encoding="utf-8")
    archive = shutil.make_archive(str(tmp_path / "case"), "zip", tmp_path, "case")
    one, other = load_case(folder), load_case(archive)
    pd.testing.assert_frame_equal(one.sources, other.sources)
    pd.testing.assert_frame_equal(one.events, other.events)
    assert one.case_id == other.case_id == "x"


def test_archives_in_a_folder_are_opened_once_and_no_deeper(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("x/ERRORLOG", errorlog(2))
    with zipfile.ZipFile(folder / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("testfailover/ERRORLOG", errorlog(2, hours=2))
        archive.writestr("deep.zip", (tmp_path / "inner.zip").read_bytes())
        archive.writestr("../../outside/ERRORLOG.2", errorlog(2, hours=3))
        archive.writestr("__MACOSX/._x", b"x")
    (folder / "other.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    case = load_case(folder)
    assert row(case, "more.zip!/testfailover/ERRORLOG")["role"] == "test_failover_guest"
    assert "inside an archive" in row(case, "more.zip!/deep.zip")["note"]
    assert row(case, "more.zip!/outside/ERRORLOG.2")["status"] == "read"
    assert not (tmp_path.parent / "outside").exists()
    assert (row(case, "other.7z")["status"], row(case, "other.7z")["note"][:13]) == ("unrecognised", "7-Zip archive")
    assert not [path for path in status(case) if "MACOSX" in path]


# A ZIP whose local and central headers carry the flag of encryption; no password is needed to see that.
def test_a_protected_archive_is_named(folder):
    with zipfile.ZipFile(folder / "secret.zip", "w") as archive:
        archive.writestr("System.evtx", b"ElfFile\0" + bytes(200))
    content = bytearray((folder / "secret.zip").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (folder / "secret.zip").write_bytes(content)
    source = row(load_case(folder), "secret.zip!/System.evtx")
    assert source["status"] == "unreadable"
    assert source["note"].startswith("protected by a password: extract it")


def test_zip_bombs_are_bounded(folder, monkeypatch):
    monkeypatch.setattr(intake, "_SUSPECT_BYTES", 1 << 20)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.evtx", bytes(4 << 20))
    source = row(load_case(folder), "bomb.zip!/zeros.evtx")
    assert source["status"] == "unreadable"
    assert "zip bomb" in source["note"]


def test_an_archive_that_says_less_than_it_holds_is_stopped(folder):
    with zipfile.ZipFile(folder / "liar.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ERRORLOG", errorlog(2))
    content = bytearray((folder / "liar.zip").read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (100).to_bytes(4, "little")
    (folder / "liar.zip").write_bytes(content)
    assert row(load_case(folder), "liar.zip!/ERRORLOG")["status"] == "unreadable"


def test_a_second_copy_counts_once(folder):
    shutil.copy(folder / "guest" / "ERRORLOG", folder / "guest" / "ERRORLOG copy")
    case = load_case(folder)
    copy = row(case, "guest/ERRORLOG copy")
    assert (copy["status"], copy["seen"], copy["kept"], copy["skipped"]) == ("read", 17, 0, 17)
    assert "same content as guest/ERRORLOG" in copy["note"]
    assert case.sources["source_id"].is_unique
    assert len(case.events) == 15 + 17
    assert case.losses[case.losses["source_id"] == copy["source_id"]]["count"].tolist() == [17]


def test_the_same_points_in_two_exports_are_one_row_each_and_contradictions_are_said(folder):
    (folder / "replica" / "again.json").write_text(points(3, "Replica"), encoding="utf-8")
    case = load_case(folder)
    assert len(case.recovery_points) == 5
    assert case.recovery_points["claimed"].tolist() == ["unknown"] * 3 + ["application_consistent"] * 2
    assert [len(ids) for ids in case.recovery_points["source_ids"]] == [2, 2, 2, 1, 1]
    assert "exports disagree on the type: " in case.recovery_points["note"][0]
    assert "replica/again.json" in case.recovery_points["note"][0]


def test_an_empty_folder_and_a_missing_one_are_errors_that_say_what_to_do(tmp_path):
    with pytest.raises(CaseError, match="holds no file; put the logs"):
        load_case(tmp_path)
    with pytest.raises(CaseError, match="give a folder of logs"):
        load_case(tmp_path / "none")


def test_only_unknown_files_are_listed_and_nothing_can_be_judged(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\x01\x02\x03 nothing known")
    (tmp_path / "empty.evtx").write_bytes(b"")
    case = load_case(tmp_path)
    assert status(case) == {"a.bin": "unrecognised", "empty.evtx": "empty"}
    (tmp_path / "empty.evtx").unlink()
    with pytest.raises(CaseError, match=r"holds no file that can be read: a\.bin \(unrecognised: no reader knows"):
        load_case(tmp_path).require()


def test_an_archive_inside_an_archive_is_refused_with_the_way_out(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("Application.evtx", b"x")
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as file:
        file.writestr("inner.zip", inner.getvalue())
    with pytest.raises(CaseError, match=r"inner\.zip \(unrecognised: an archive inside an archive: .* extract it"):
        load_case(tmp_path / "case.zip").require()


def test_a_single_file_is_a_case_of_one(folder):
    case = load_case(folder / "guest" / "ERRORLOG")
    assert given(case)["path"].tolist() == ["ERRORLOG"]


@pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and odd bytes in names are POSIX matters")
def test_links_pipes_and_strange_names_are_named_and_survived(folder):
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    server = socket.socket(socket.AF_UNIX)
    short = os.path.relpath(folder / "socket")
    server.bind(short if len(short) < 100 else str(folder / "socket"))
    strange = os.fsdecode(b"new\nline \xff\x1b[31m.log")
    (folder / strange).write_bytes(b"text")
    try:
        case = load_case(folder)
    finally:
        server.close()
    found = status(case)
    assert {found[name] for name in ("pipe", "link", "loop", "socket")} == {"unreadable"}
    assert "not followed" in row(case, "link")["note"]
    assert found["new\\nline \\xff\\x1b[31m.log"] == "unrecognised"


def test_a_folder_with_the_name_of_a_log_is_walked_and_named_when_it_is_empty(folder):
    (folder / "guest" / "Setup.evtx").mkdir()
    (folder / "guest" / "Security.evtx").mkdir()
    (folder / "guest" / "Security.evtx" / "ERRORLOG.1").write_bytes(errorlog(3))
    (folder / "guest" / "empty").mkdir()
    found = status(load_case(folder))
    assert found["guest/Setup.evtx"] == "unreadable"
    assert found["guest/Security.evtx/ERRORLOG.1"] == "read"
    assert "guest/empty" not in found


def test_a_copy_of_a_file_says_so_beside_its_numbers(folder):
    (folder / "guest" / "ERRORLOG.copy").write_bytes((folder / "guest" / "ERRORLOG").read_bytes())
    text = terminal.checked(load_case(folder)).text(folder)
    assert re.search(r"ERRORLOG\.copy +guest +read +\d+ +0\n    the same content as guest/ERRORLOG: counted once", text)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may open everything")
def test_files_and_folders_without_permission_are_named(folder):
    (folder / "guest" / "ERRORLOG").chmod(0)
    (folder / "replica").chmod(0)
    try:
        found = status(load_case(folder))
    finally:
        (folder / "replica").chmod(0o700)
    assert (found["guest/ERRORLOG"], found["replica"]) == ("unreadable", "unreadable")


def test_files_that_may_not_be_opened_are_named(folder, monkeypatch):
    real = intake.Path.open

    def refuse(path, *args, **options):
        if path.name == "ERRORLOG":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(intake.Path, "open", refuse)
    source = row(load_case(folder), "guest/ERRORLOG")
    assert (source["status"], source["note"]) == ("unreadable", "cannot be opened: Permission denied")


def test_a_file_that_changes_while_it_is_read_is_kept_apart_and_says_so(folder, tmp_path, monkeypatch):
    store, log = Store(tmp_path / "own"), folder / "guest" / "ERRORLOG"
    real = loading.sources.read_source

    def meddle(*args, **options):
        for item in real(*args, **options):
            log.write_bytes(log.read_bytes() + "more\r\n".encode("utf-16-le"))
            yield item

    monkeypatch.setattr(loading.sources, "read_source", meddle)
    case = load_case(log, store=store)
    source = row(case, "ERRORLOG")
    assert source["status"] == "partial"
    assert "changed while it was read" in source["note"]
    monkeypatch.undo()
    log.write_bytes(errorlog(2))
    assert row(load_case(log, store=store), "ERRORLOG")["status"] == "read"


def test_the_evidence_is_not_written_to(folder):
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
    load_case(folder)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")} == before
    with pytest.raises(CaseError, match="lies inside the case"):
        load_case(folder, store=Store(folder / "store"))


def test_a_report_of_the_kit_inside_the_folder_is_no_evidence(folder):
    (folder / "out").mkdir()
    for name in ("manifest.json", "ledger.jsonl", "report.html"):
        (folder / "out" / name).write_text("{}", encoding="utf-8")
    assert row(load_case(folder), "out")["status"] == "unrecognised"


def test_many_tiny_files_survive(tmp_path):
    for number in range(1500):
        (tmp_path / f"{number:05d}.txt").write_text(f"file {number % 700}\n", encoding="utf-8")
    (tmp_path / "ERRORLOG").write_bytes(errorlog(2))
    case = load_case(tmp_path)
    assert len(given(case)) == 1501
    assert (given(case)["status"] == "unrecognised").sum() == 1500
    assert len(case.events) == 17


def test_reading_again_takes_everything_from_the_store(folder, monkeypatch):
    first = load_case(folder)
    monkeypatch.setattr(loading, "_parse", lambda *args: pytest.fail("parsed again"))
    second = load_case(folder)
    pd.testing.assert_frame_equal(first.sources, second.sources)
    pd.testing.assert_frame_equal(first.events, second.events)


def test_several_processes_give_the_same_case(folder, tmp_path):
    one = load_case(folder, store=Store(tmp_path / "a"))
    two = load_case(folder, workers=2, store=Store(tmp_path / "b"))
    pd.testing.assert_frame_equal(one.sources, two.sources)
    pd.testing.assert_frame_equal(one.events, two.events)


def test_wrong_numbers_of_workers_are_refused(folder):
    with pytest.raises(ParameterError, match="at least 1"):
        load_case(folder, workers=0)
    with pytest.raises(ParameterError, match="many"):
        load_case(folder, workers="many")


def test_a_scheduler_without_the_package_is_said(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Unsupported, match="distributed"):
        load_case(folder, workers="tcp://127.0.0.1:1")


def test_threads_may_load_the_same_case_at_once(folder, tmp_path):
    store = Store(tmp_path / "shared")
    found, threads = (
        [],
        [threading.Thread(target=lambda: found.append(load_case(folder, store=store))) for _ in range(4)],
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0].events, other.events)


def test_watched_gives_chosen_providers_and_all_of_the_text_logs(folder):
    write_evtx(
        folder / "guest" / "Application.evtx",
        [*operation(0), Event("Noise", 1, START, "Application", "SQL01.corp.local", strings=("x",))],
    )
    case = load_case(folder)
    assert set(case.watched(["mssql*"])["provider"]) == {"MSSQLSERVER"}
    assert len(case.watched(["mssqlserver"])) == 3 + 17
    assert len(case.watched(["none"])) == 17
    assert len(case.watched(["NOISE"])) == 1 + 17
    whole = case.events.set_index("uid")
    chosen = case.watched(["mssql*"]).set_index("uid")
    pd.testing.assert_frame_equal(whole.loc[chosen.index], chosen)


def test_sql_sees_the_same_rows_as_the_frames(folder):
    case = load_case(folder)
    counted = case.sql(
        "SELECT role, channel, vm_name, count(*) AS n, min(time_utc) AS first FROM events GROUP BY ALL ORDER BY channel"
    )
    assert counted[["role", "channel", "vm_name", "n"]].values.tolist() == [
        ["guest", "Application", "SQL01", 15], ["guest", "ERRORLOG", "SQL01", 17],
    ]  # fmt: skip
    assert counted["first"][0] == pd.Timestamp(START)
    rows = case.sql("SELECT * FROM events")
    pd.testing.assert_frame_equal(rows[case.events.columns.tolist()], case.events)
    assert (
        case.sql("SELECT count(*) AS n FROM recovery_points JOIN sources ON list_contains(source_ids, source_id)")["n"][
            0
        ]
        == 5
    )
    assert case.sql("SELECT count(*) AS n FROM coverage")["n"][0] == len(case.coverage)
    with pytest.raises(CaseError, match="query failed"):
        case.sql("SELECT nothing FROM events")


def test_what_is_missing_is_named_with_its_command(folder):
    case = load_case(folder)
    found = {one["what"]: one["command"] for one in case.missing}
    assert found["System log of guest SQL01"] == "wevtutil epl System System.evtx"
    assert "Hyper-V log (VMMS) of the primary host" in found
    assert "logs of a test-failover machine" in found
    assert "Application log of guest SQL01" not in found
    assert row(case, "guest/System.evtx")["status"] == "absent"
    assert all(one["what"] and one["why"] and one["command"] for one in case.missing)


# The trace of the SQL writer exists since SQL Server 2019; asking a 2008 R2 guest for it would waste a visit.
def test_the_writers_trace_is_asked_only_of_servers_that_write_it(folder):
    def asked():
        return any("trace of the SQL writer" in one["what"] for one in load_case(folder).missing)

    assert not asked()
    text = errorlog(2).decode("utf-16").replace("2008 R2 (SP2) - 10.50.4000.0", "2022 (RTM) - 16.0.1000.6")
    (folder / "guest" / "ERRORLOG").write_bytes(text.encode("utf-16"))
    assert asked()


# The list of 22:00 Berlin time and the list in UTC name the same points by their ids.
def test_a_list_in_local_time_takes_its_zone_from_the_same_points_in_utc(folder):
    rows = ["Name,Id,VMName,SnapshotType,CreationTime,ComputerName"]
    rows += [
        f"SQL01 - {hour},01A1B2C3-1111-4222-8333-4444555566{hour:02d},SQL01,AppConsistentReplica,"
        f"{when:%d.%m.%Y %H:%M:%S},HV2"
        for hour in range(3)
        for when in [START + timedelta(hours=hour + 2, seconds=20)]
    ]
    (folder / "replica" / "points.csv").write_text("\n".join(rows), encoding="utf-8")
    case = load_case(folder)
    source = row(case, "replica/points.csv")
    assert (source["zone"], source["time_basis"]) == ("+02:00", "inferred")
    assert "3 points that another list gives in UTC" in source["note"]
    assert len(case.recovery_points) == 5
    assert case.recovery_points["note"].isna().all()


def test_an_errorlog_that_begins_after_the_first_point_asks_for_the_older_one(folder):
    assert "older" not in str(load_case(folder).missing)
    text = errorlog(2).decode("utf-16")
    (folder / "guest" / "ERRORLOG").write_bytes(text[text.index("2014-05-19 23:") :].encode("utf-16"))
    assert "older SQL Server ERRORLOG files of guest SQL01" in {one["what"] for one in load_case(folder).missing}


def test_one_file_can_be_read_alone(folder):
    frames = cases.read(folder / "guest" / "Application.evtx")
    assert set(frames) == {"events", "sources", "losses", "coverage"}
    assert len(frames["events"]) == 15
    assert frames["sources"]["status"].tolist() == ["read"]
    log = cases.read(folder / "guest" / "ERRORLOG")
    assert set(log["events"]["time_basis"]) == {"assumed"}
    with pytest.raises(CaseError, match="is a folder; for a folder use load_case"):
        cases.read(folder)


def test_losses_stand_between_times_in_utc(folder):
    log = folder / "guest" / "ERRORLOG"
    lines = log.read_bytes().decode("utf-16").splitlines(keepends=True)
    lines.insert(6, "4-05-19 22:00:09.00 spid1 overwritten\n")
    log.write_bytes("".join(lines).encode("utf-16"))
    case = load_case(folder)
    (loss,) = case.losses.to_dict("records")
    assert loss["first_time"] < loss["last_time"]
    assert loss["first_time"].tz is not None
    assert "lost because: begins with a damaged time" in row(case, "guest/ERRORLOG")["note"]
    assert len(case.coverage[case.coverage["channel"] == "ERRORLOG"]) == 2


@pytest.mark.corpus
def test_the_real_logs_as_one_case(corpus, tmp_path):
    for name in ("mdecrevoisier+EVTX-to-MITRE-Attack", "omerbenamram+evtx", "kotru21+evtx-viewer"):
        shutil.copytree(corpus / name, tmp_path / name)
    case = load_case(tmp_path)
    found = given(case)
    assert (found["seen"] == found["kept"] + found["skipped"]).all()
    assert not found["status"].isin(["unrecognised"]).any()
    assert case.sql("SELECT count(*) AS n FROM events")["n"][0] == found["kept"].sum()


def test_a_cut_archive_that_ends_inside_an_archive_it_holds_is_named(folder, tmp_path):
    # The directory of the inner archive is all that can be found; the files before it must not vanish in silence.
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("notes.txt", "hi")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        outer.writestr("System.evtx", b"x" * 500)
        outer.write(tmp_path / "inner.zip", "inner.zip")
    whole = (tmp_path / "outer.zip").read_bytes()
    end = whole.index(b"PK\x05\x06") + 22  # of the inner archive
    (folder / "half.zip").write_bytes(whole[:end])
    source = row(load_case(folder), "half.zip!/…")
    assert source["status"] == "unreadable"
    assert "the archive is damaged" in source["note"]


def test_an_archive_with_folders_in_its_directory_is_whole(folder):
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("logs/", "")
        archive.writestr("logs/notes.txt", "hi")
    assert "more.zip!/…" not in set(load_case(folder).sources["path"])
