"""The bundled practice case: what its files say, read by foreign parsers, against the story that it tells."""

import ast
import csv
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import defusedxml.ElementTree
import pytest
from Evtx.Evtx import Evtx

from kit.practice import write_bundled

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"
CASE = DATA / "practice"
TRUTH = json.loads((DATA / "practice-truth" / "truth.json").read_text("utf-8"))
EVENT = "{http://schemas.microsoft.com/win/2004/08/events/event}"
DATABASES = {"master", "model", "msdb", "Sales", "Ledger"}


@lru_cache
def records(path):
    """Record number, time, provider, event id and inserted strings, by python-evtx."""
    rows = []
    with Evtx(str(path)) as log:
        for record in log.records():
            root = defusedxml.ElementTree.fromstring(record.xml())
            system = root.find(f"{EVENT}System")
            time = datetime.fromisoformat(system.find(f"{EVENT}TimeCreated").get("SystemTime"))
            texts = [node.text or "" for node in root.iter(f"{EVENT}Data")]
            # python-evtx prints a list of strings as escaped elements in one node
            texts = [re.findall(r"<string>(.*?)</string>", t, re.S) if "<string>" in t else [t] for t in texts]
            provider = system.find(f"{EVENT}Provider").get("Name")
            number = int(system.find(f"{EVENT}EventID").text)
            rows.append((record.record_num(), time, provider, number, [part for text in texts for part in text]))
    return rows


@pytest.fixture(scope="module")
def application():
    return records(CASE / "guest" / "Application.evtx")


@pytest.fixture(scope="module")
def system():
    return records(CASE / "guest" / "System.evtx")


def berlin(day, hour):
    """A full hour of May 2014 in Berlin (summer time: two hours ahead) in UTC."""
    return datetime(2014, 5, day, hour, tzinfo=UTC) - timedelta(hours=2)


def operation(rows, hour):
    return [row for row in rows if hour <= row[1] < hour + timedelta(minutes=10)]


def test_writing_it_again_gives_the_same_bytes(tmp_path):
    write_bundled(tmp_path)
    made = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    kept = {
        path.relative_to(DATA).as_posix(): path
        for folder in ("practice", "practice-truth") for path in (DATA / folder).rglob("*") if path.is_file()
    }
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name].read_bytes() != kept[name].read_bytes()] == []


def test_it_is_small_and_its_names_are_plain():
    files = [path for path in CASE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", part) for path in files for part in path.relative_to(DATA).parts)


def test_the_truth_names_49_hourly_points_and_one_of_each_kind():
    points = TRUTH["recovery_points"]
    assert Counter(point["verdict"] for point in points) == {
        "supported": 45, "confirmed": 1, "contradicted": 1, "inconclusive": 1, "no_claim": 1,
    }
    times = [datetime.fromisoformat(point["time_utc"]) for point in points]
    assert times[0] - berlin(18, 12) < timedelta(minutes=3) and times[-1] - berlin(20, 12) < timedelta(minutes=3)
    by_hour = {point["time_utc"][5:13]: point for point in points}
    assert by_hour["05-18T23"]["verdict"] == "no_claim" and by_hour["05-18T23"]["pattern"] == "genuine_failure"
    assert by_hour["05-18T20"]["verdict"] == "confirmed"
    assert by_hour["05-19T06"]["verdict"] == "contradicted" and by_hour["05-19T06"]["rolled_back"] == {"Sales": 7}
    assert by_hour["05-19T06"]["consistent"] is False
    assert by_hour["05-20T01"]["verdict"] == "inconclusive" and by_hour["05-20T01"]["pattern"] == "not_covered"


def test_each_ordinary_hour_freezes_thaws_and_only_then_aborts(application):
    for hours in range(49):
        due = berlin(18, 12) + timedelta(hours=hours)
        if due in (berlin(19, 1), berlin(20, 3)):
            continue
        rows = operation(application, due)
        frozen = [row for row in rows if row[3] == 3197]
        resumed = [row for row in rows if row[3] == 3198]
        failed = [row for row in rows if row[3] == 18210]
        assert {row[4][0] for row in frozen} == {row[4][0] for row in resumed} == DATABASES
        assert len(frozen) == len(resumed) == len(failed) == 5
        assert max(row[0] for row in resumed) < min(row[0] for row in failed)
        assert {tuple(row[4][:2]) for row in failed} == {("BackupVirtualDeviceFile::SendFileInfoBegin", "")}
        assert all(row[4][3].startswith("995(") for row in failed)
        assert {row[4][0] for row in rows if row[3] == 3041} == {f"BACKUP DATABASE {name}" for name in DATABASES}
        sides = Counter(re.search(r"Loc=(\w+)", row[4][0]).group(1) for row in rows if row[2] == "SQLVDI")
        assert sides == {"SignalAbort": 5, "TriggerAbort": 5}
        assert sum(row[2:4] == ("SQLWRITER", 24583) for row in rows) == 1
        assert sum(row[2:4] == ("VSS", 8194) for row in rows) == 1


def test_the_failed_hour_fails_inside_the_hold(application, system):
    rows = operation(application, berlin(19, 1))
    first = next(row for row in rows if row[3] == 3197)
    volsnap = [row for row in operation(system, berlin(19, 1)) if row[2:4] == ("volsnap", 8)]
    hold = [row for row in rows if row[2:4] == ("VSS", 12298)]
    assert len(volsnap) == len(hold) == 1
    # flush-and-hold is cancelled after ten seconds; classic records have whole seconds
    assert timedelta(seconds=9) <= volsnap[0][1] - first[1] <= timedelta(seconds=13)
    for name in DATABASES:  # the device of each fails before it resumes
        device = next(r[0] for r in rows if r[3] == 3041 and r[4][0] == f"BACKUP DATABASE {name}")
        resumed = next(r[0] for r in rows if r[3] == 3198 and r[4][0] == name)
        assert hold[0][0] < resumed < device
    assert min(r[0] for r in rows if r[3] == 18210) < min(r[0] for r in rows if r[3] == 3198)
    assert not [row for row in operation(system, berlin(19, 2)) if row[3] == 8]


def test_the_unseen_hour_has_no_record_and_a_gap_in_the_numbers(application):
    assert not operation(application, berlin(20, 3))
    numbers = [row[0] for row in application]
    gaps = [(one, other) for one, other in pairwise(numbers) if other != one + 1]
    assert len(gaps) == 1
    before, after = (next(row[1] for row in application if row[0] == number) for number in gaps[0])
    assert before < berlin(20, 3) < after


def test_the_other_product_fails_by_itself_in_the_first_night(application):
    rows = [row for row in application if row[3] == 18210 and row[4][0] == "BackupIoRequest::ReportIoError"]
    assert [(row[1].strftime("%d %H"), row[4][1]) for row in rows] == [("18 23", "write")]
    done = [row for row in application if row[3] == 18264]
    assert [row[4][0] for row in done] == ["Sales", "Ledger"] and all("TYPE=DISK" in row[4][6] for row in done)


@pytest.mark.parametrize(("folder", "sales"), [("test-failover-1", "0"), ("test-failover-2", "7")])
def test_a_test_machine_holds_the_history_of_the_guest_and_then_a_boot(application, system, folder, sales):
    tested = records(CASE / folder / "System.evtx")
    start = next(i for i, row in enumerate(tested) if row[2:4] == ("Microsoft-Windows-Kernel-General", 12))
    assert tested[:start] == system[:start]
    assert [row[0] for row in tested] == list(range(tested[0][0], tested[0][0] + len(tested)))
    assert [row[3] for row in tested[start : start + 6]] == [12, 6008, 6009, 6005, 6013, 41]
    assert "\u200e" in tested[start + 1][4][1]
    after = records(CASE / folder / "Application.evtx")
    counts = {row[4][1]: row[4][0] for row in after if row[3] == 3407}
    assert counts == dict.fromkeys(DATABASES, "0") | {"Sales": sales}
    assert {row[4][1] for row in after if row[3] == 3406} == DATABASES
    assert sum(row[3] == 3408 for row in after) == 1
    boot = next(i for i, row in enumerate(after) if row[3] == 17162)
    assert after[:boot] == application[:boot]


def test_the_proven_image_ends_inside_the_freeze_and_the_mislabelled_one_minutes_later(application):
    for folder, hour, late in (("test-failover-1", berlin(18, 22), False), ("test-failover-2", berlin(19, 8), True)):
        rows = records(CASE / folder / "Application.evtx")
        newest = [row for row in rows if row[3] != 17162 and row[1] < berlin(19, 12)][-1]
        thaw = max(row[1] for row in operation(application, hour) if row[3] == 3198)
        if late:
            assert newest[1] > thaw + timedelta(seconds=60)
        else:
            assert newest[3] == 3197
            text = (CASE / folder / "ERRORLOG.1").read_bytes().decode("utf-16").splitlines()
            assert "I/O is frozen on database Ledger." in text[-1]


def test_error_logs_are_local_and_state_no_adjustment():
    text = (CASE / "guest" / "ERRORLOG").read_bytes().decode("utf-16")
    assert text.startswith("2014-05-15 ") and "Microsoft SQL Server 2008 (SP3) - 10.0.5500.0 (X64)" in text
    assert "UTC adjustment" not in text
    # 10:00 UTC is 12:00 on the server's clock
    assert re.search(r"^2014-05-18 12:0\d:\d\d\.\d\d spid52 +I/O is frozen on database master\.", text, re.M)


def test_three_exports_list_all_points_in_three_formats():
    place = CASE / "replica" / "HV-REPLICA"
    text = (place / "recovery-points-20140519-1140.csv").read_bytes().decode("ascii")
    assert text.startswith("#TYPE Selected.Microsoft.HyperV.PowerShell.VMSnapshot\r\n")
    first = [row["Id"] for row in csv.DictReader(text.splitlines()[1:])]
    text = (place / "recovery-points-20140519-1805.xml").read_bytes().decode("utf-16")
    guids = defusedxml.ElementTree.fromstring(text).iter("{http://schemas.microsoft.com/powershell/2004/04}G")
    second = [node.text for node in guids if node.get("N") == "Id"]
    rows = json.loads((place / "recovery-points-20140520-1230.json").read_bytes().decode("utf-16"))
    third = [row["Id"] for row in rows]
    assert len(first) == len(second) == len(third) == 24
    known = [point["recovery_point_id"] for point in TRUTH["recovery_points"]]
    assert set(first) | set(second) | set(third) == set(known)
    by_id = dict(zip(known, TRUTH["recovery_points"], strict=True))
    for row in rows:
        milliseconds = int(re.fullmatch(r"/Date\((\d+)\)/", row["CreationTime"]).group(1))
        told = datetime.fromisoformat(by_id[row["Id"]]["time_utc"])
        assert abs(milliseconds / 1000 - told.timestamp()) < 0.002
        assert row["SnapshotType"] == {"AppConsistentReplica": 7, "Replica": 6}[by_id[row["Id"]]["snapshot_type"]]


def test_the_host_says_so_for_the_failed_hour_only():
    with Evtx(str(next((CASE / "primary").rglob("*VMMS-Admin.evtx")))) as log:
        texts = [record.xml() for record in log.records()]
    failed = [text for text in texts if "failed to generate VSS snapshot set for virtual machine" in text]
    assert len(failed) == 1 and "0x800423F4" in failed[0] and "2014-05-18 23:0" in failed[0]


def test_every_complaint_of_the_guest_has_a_class(application):
    told = {}
    for first, count, kind, point in TRUTH["events"]["guest/Application.evtx"]:
        told.update(dict.fromkeys(range(first, first + count), (kind, point)))
    complaints = {row[0] for row in application if row[3] in (18210, 3041, 1, 24583, 12298, 8194)}
    assert complaints <= set(told)
    hour = {row[0] for row in operation(application, berlin(18, 15)) if row[0] in complaints and row[3] != 8194}
    point = next(p for p in TRUTH["recovery_points"] if p["time_utc"].startswith("2014-05-18T13:"))
    assert {told[number] for number in hour} == {("benign_abort", point["recovery_point_id"])}


def test_stories_and_judgement_know_nothing_of_each_other():
    for path in (ROOT / "kit" / "practice").glob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else
                         [alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        }
        foreign = {name for name in names if name.startswith("kit") and not name.startswith("kit.practice")}
        assert foreign <= {"kit", "kit.errors"}, path.name
    for path in (ROOT / "kit").rglob("*.py"):
        if not {"practice", "cli"} & set(path.parts) and path.name != "__init__.py":
            assert "kit.practice" not in path.read_text("utf-8"), path.name
