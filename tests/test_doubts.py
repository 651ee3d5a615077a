"""What must not pass for an assurance, and whose work an operation is: expectations after the domain reference."""

from __future__ import annotations

import pandas as pd
import pytest

from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from kit.reasoning import beats
from tests.world import REPLICA, World, at

HOURS = range(1, 11)
P = 5  # the hour under test; freeze 05:00:03, thaw 05:00:05, aborts 05:00:06, point 05:00:13
APPLICATION, SYSTEM = "guest/Application.evtx", "guest/System.evtx"
ABORTS = (18210, 3041)


def benign(hours: range = HOURS) -> tuple[World, dict[int, str]]:
    world = World()
    world.guest()
    points = world.hours(hours)
    return world, points


def analysed(world: World) -> Analysis:
    world.quiet_end()
    return analyze(world.case())


def row(made: Analysis, point_id: str, database: str | None = None) -> pd.Series:
    rows = made.verdicts[made.verdicts["recovery_point_id"] == point_id]
    own = rows[rows["database"].isna()] if database is None else rows[rows["database"] == database]
    return own.iloc[0]


def said(made: Analysis, point_id: str) -> str:
    reasons = row(made, point_id)["because"]
    return " ".join(made.findings.set_index("finding_id").loc[list(reasons), "statement"])


def classes(made: Analysis, *event_ids: int, hour: int | None = None) -> set[str]:
    told = made.judged_events.merge(made.events, on="uid")
    told = told[told["event_id"].isin(event_ids)]
    return set(told["class"] if hour is None else told.loc[told["time_utc"].dt.hour == hour, "class"])


def requestor(made: Analysis, hour: int) -> str:
    return str(made.operations.loc[made.operations["begin_utc"].dt.hour == hour, "requestor"].iloc[0])


# ------------------------------------------------------------------------------------------- doubts in the operation


@pytest.mark.parametrize(
    ("writer", "verdict"), [("SqlServerWriter", "inconclusive"), ("WMI Writer", "supported")]
)
def test_a_writer_that_the_hyper_v_requestor_saw_failed_is_in_doubt(writer: str, verdict: str) -> None:
    """Section 3: IcSvc 23 is suspicious for the named writer; the point may be labelled all the same."""
    world, points = benign()
    world.add(SYSTEM, f"0{P}:00:07", "Microsoft-Windows-Hyper-V-Guest-Drivers-IcSvc", 23,
              [writer, "9", "0x800423F4"], level=3)
    world.events[-1] |= {"data": f'{{"Name": "{writer}", "Writerstatus": "9", "Status": "0x800423F4"}}'}
    made = analysed(world)
    assert row(made, points[P])["verdict"] == verdict
    assert row(made, points[P + 1])["verdict"] == "supported"
    assert classes(made, 23) == {"unexplained"}
    if verdict == "inconclusive":
        assert "IcSvc 23 (SqlServerWriter), " in said(made, points[P])
        assert "System log" not in " ".join(row(made, points[P])["missing"]), "that log is there"


@pytest.mark.parametrize(("time", "verdict"), [(f"0{P}:00:04", "inconclusive"), (f"0{P}:01:00", "supported")])
def test_shadow_copies_lost_inside_the_freeze_leave_the_point_open(time: str, verdict: str) -> None:
    """What breaks before the thaw may have broken the set; the point in time is taken when it breaks later."""
    world, points = benign()
    world.add(SYSTEM, time, "volsnap", 25, ["\\Device\\HarddiskVolumeShadowCopy4", "C:"], level=2)
    made = analysed(world)
    assert row(made, points[P])["verdict"] == verdict


# --------------------------------------------------------------------------------- databases that the freeze passes by


@pytest.mark.parametrize(
    ("event_id", "strings", "message"),
    [
        (17137, ["Web"], "Starting up database 'Web'."),
        (18265, ["Web"], "Log was backed up. Database: Web, creation date(time): 2014/02/11(10:12:33), first LSN: 3"
                         "4:101:37, last LSN: 34:120:1, number of dump devices: 1, device information: (FILE=1, TYPE="
                         "DISK: {'E:\\web.trn'})."),
    ],
)
def test_a_database_that_lives_but_is_never_frozen_is_not_cleared_by_the_others(
    event_id: int, strings: list[str], message: str
) -> None:
    """Section 6: auto-close databases are not frozen; rule 1: one clean database never clears another."""
    world, points = benign()
    world.add(APPLICATION, "02:30:00", "MSSQLSERVER", event_id, strings, message)
    made = analysed(world)
    assert row(made, points[P], "Web")["verdict"] == "inconclusive"
    assert row(made, points[P], "Sales")["verdict"] == "supported"
    assert row(made, points[P])["verdict"] == "inconclusive"
    assert "Web: not frozen in the operation of" in said(made, points[P])
    assert "Why Web was not frozen" in " ".join(row(made, points[P])["missing"])


def test_a_database_that_only_an_earlier_start_of_the_server_showed_may_be_gone() -> None:
    world = World()
    world.guest()
    world.add(APPLICATION, "00:01:00", "MSSQLSERVER", 17137, ["Old"])
    world.add(APPLICATION, "00:30:00", "MSSQLSERVER", 17162)
    world.add(APPLICATION, "00:30:01", "MSSQLSERVER", 17137, ["Sales"])
    points = world.hours(HOURS)
    made = analysed(world)
    assert "Old" not in set(made.verdicts["database"].dropna())
    assert row(made, points[P])["verdict"] == "supported"


def test_a_failed_backup_shows_no_database() -> None:
    """A job goes on failing for a database that was dropped long ago."""
    world, points = benign()
    world.add(APPLICATION, "02:30:00", "MSSQLSERVER", 3041, ["BACKUP LOG Gone"], level=2)
    made = analysed(world)
    assert row(made, points[P])["verdict"] == "supported"


# ------------------------------------------------------------------------------------------------ whose operation it is


def test_a_failed_set_of_a_schedule_with_wide_jitter_is_no_other_products_work() -> None:
    """The host asks at its own pace, here up to four minutes late; nothing then tells an hour without a point apart."""
    world = World()
    world.guest()
    late = {hour: (hour * 97) % 240 for hour in range(1, 15)}
    for hour, seconds in late.items():
        start = at(f"{hour:02d}:00:00") + pd.Timedelta(seconds=seconds)
        if hour == 7:
            world.add(APPLICATION, start, "MSSQLSERVER", 3197, ["Sales"])
            world.abort((start + pd.Timedelta(seconds=1)).strftime("%H:%M:%S"), databases=("Sales",))
            world.add(APPLICATION, start + pd.Timedelta(seconds=3), "MSSQLSERVER", 3198, ["Sales"])
            continue
        world.freeze(start.strftime("%H:%M:%S"))
        world.abort((start + pd.Timedelta(seconds=3)).strftime("%H:%M:%S"))
        world.point((start + pd.Timedelta(seconds=10)).strftime("%H:%M:%S"))
    made = analysed(world)
    assert requestor(made, 7) != "guest_agent"
    assert classes(made, *ABORTS, hour=7) == {"genuine_failure"}
    assert classes(made, *ABORTS, hour=8) == {"benign_abort"}


def test_operations_older_than_the_list_are_not_called_another_products() -> None:
    """Section 2: a resynchronisation deletes all points; before it the host may have asked at other minutes."""
    world = World()
    world.guest()
    for hour in range(1, 11):
        world.freeze(f"{hour:02d}:25:03")
        world.abort(f"{hour:02d}:25:06")
    world.hours(range(12, 20))
    made = analysed(world)
    assert "other_requestor" not in classes(made, *ABORTS)


def test_an_operation_off_the_beat_while_the_schedule_goes_on_is_another_requestors() -> None:
    """Rule 5: a single occurrence off the schedule suggests another requestor."""
    world, _ = benign()
    world.freeze("06:31:03")
    world.abort("06:31:06")
    made = analysed(world)
    told = made.operations.set_index("begin_utc")["requestor"]
    assert told[at("06:31:03")] == "guest_agent"
    assert set(told.drop(at("06:31:03"))) == {"hyper_v_replica"}


def times(*minutes: float) -> list[pd.Timestamp]:
    return [at("00:00:00") + pd.Timedelta(minutes=one) for one in minutes]


def test_a_beat_that_drifts_is_followed_beyond_the_operations_that_points_came_from() -> None:
    every = times(*(60.5 * number for number in range(40)))
    made = beats.beat(every, every[30:], pd.Timedelta(hours=1))
    assert made is not None
    assert all(made.place(one) == beats.ON for one in every)
    assert made.place(every[20] + pd.Timedelta(minutes=20)) == beats.OFF


def test_before_and_after_a_beat_nothing_is_off_it() -> None:
    anchors = times(*(600 + 60 * number for number in range(8)))
    made = beats.beat(anchors, anchors, pd.Timedelta(hours=1))
    assert made is not None
    assert made.place(times(100)[0]) == beats.OPEN
    assert made.place(times(1500)[0]) == beats.ON
    assert made.place(times(1520)[0]) == beats.OPEN
    assert made.place(times(680)[0]) == beats.OFF
    assert beats.beat(anchors, anchors[:4], pd.Timedelta(hours=1)) is None


# ------------------------------------------------------------------------------------------------ host and coverage


@pytest.mark.parametrize(("vm_name", "verdict"), [("SQLVM2", "supported"), (None, "inconclusive")])
def test_a_failure_text_of_a_machine_that_the_case_does_not_know_is_not_this_ones(
    vm_name: str | None, verdict: str
) -> None:
    """Section 5: only host text without VM leaves E4 open. The fields name the machine that a record is about."""
    world, points = benign()
    for point in world.points:
        point["vm_id"] = "11111111-2222-4333-8444-555555555555"
    log = world.source("replica/VMMS.evtx", "replica_host", REPLICA, "Microsoft-Windows-Hyper-V-VMMS-Admin", None)
    about = f"for virtual machine '{vm_name}'" if vm_name else "for a virtual machine"
    world.add(log, f"0{P}:00:06", "Microsoft-Windows-Hyper-V-VMMS", 10150, level=2,
              message=f"Hyper-V failed to generate VSS snapshot set {about}: (0x800423F4).")
    if vm_name:
        data = f'{{"VmName": "{vm_name}", "VmId": "99999999-2222-4333-8444-555555555555"}}'
        world.events[-1] |= {"data": data}
    made = analysed(world)
    assert row(made, points[P])["verdict"] == verdict


def test_a_point_without_a_known_clock_does_not_ask_for_logs_that_are_there() -> None:
    world = World(clocks=[])
    world.guest()
    points = world.hours(range(1, 4))
    made = analysed(world)
    told = row(made, points[2])
    assert told["verdict"] == "inconclusive"
    assert "No Application log" not in said(made, points[2])
    assert "Application.evtx" not in " ".join(told["missing"])
    assert "w32tm" in " ".join(told["missing"])


def test_the_usual_error_of_vss_before_the_freeze_is_listed_as_noise_of_the_operation() -> None:
    """Section 6b: 8194 is logged once in each run. Who asks about it each hour must find it in the list."""
    world, points = benign()
    early = f"0{P}:00:01"
    uid = world.add(APPLICATION, early, "VSS", 8194, message="Volume Shadow Copy Service error: Unexpected error "
                    "querying for the IVssWriterCallback interface. hr = 0x80070005, Access is denied.", level=2)
    quiet = world.add(APPLICATION, early, "VSS", 8224, level=4)
    made = analysed(world)
    told = made.judged_events.set_index("uid")
    assert told.loc[uid, "class"] == "background_noise"
    assert told.loc[uid, "operation_id"] == made.links.set_index("recovery_point_id").loc[points[P], "operation_id"]
    assert pd.isna(told.loc[uid, "recovery_point_id"])
    assert quiet not in told.index


def test_a_list_of_an_extended_replica_that_claims_consistency_is_remarked() -> None:
    """Section 2: the extended (third-site) replica has no application-consistent points."""
    world, _ = benign()
    world.replication.append({"source_id": "r", "computer": REPLICA, "vm_name": "SQLVM", "mode": "ExtendedReplica"})
    made = analysed(world)
    told = made.findings.set_index("rule_id")["statement"]
    assert "holds the extended replica of SQLVM" in told["extended-replica"]
    assert "claims it of 10" in told["extended-replica"]


@pytest.mark.parametrize(
    ("first", "failures", "verdict"),
    [("02:00:00", 1, "inconclusive"), ("02:00:00", 0, "supported"), ("2014-05-12T02:00:00", 1, "supported")],
)
def test_a_failed_set_that_the_host_counts_and_no_record_shows_may_be_any_point(
    first: str, failures: int, verdict: str
) -> None:
    """Section 5, E5: the counter did not rise. One that began before the guest's log may have risen before it."""
    world, points = benign()
    world.replication.append({
        "source_id": "r", "computer": REPLICA, "vm_name": "SQLVM", "mode": "Replica", "from_utc": at(first),
        "until_utc": at("08:30:00"), "app_consistent_failures": failures,
    })
    made = analysed(world)
    assert row(made, points[P])["verdict"] == verdict
    assert row(made, points[10])["verdict"] == "supported"
    assert ("The host counts 1 failed snapshot set" in said(made, points[P])) == (verdict == "inconclusive")


def test_a_failed_set_that_the_records_show_explains_the_counter() -> None:
    world = World()
    world.guest()
    points = world.hours([hour for hour in HOURS if hour != 3])
    world.add(APPLICATION, "03:00:03", "MSSQLSERVER", 3197, ["Sales"])
    world.abort("03:00:04", databases=("Sales",))
    world.add(APPLICATION, "03:00:05", "MSSQLSERVER", 3198, ["Sales"])
    world.replication.append({
        "source_id": "r", "computer": REPLICA, "vm_name": "SQLVM", "mode": "Replica", "from_utc": at("00:30:00"),
        "until_utc": at("08:30:00"), "app_consistent_failures": 1,
    })
    made = analysed(world)
    assert row(made, points[P])["verdict"] == "supported"


@pytest.mark.parametrize(("failures", "verdict"), [(1, "supported"), (2, "inconclusive")])
def test_a_claim_that_was_due_and_is_not_listed_is_the_set_that_the_host_counts(failures: int, verdict: str) -> None:
    """The guest was not reached at three: no record of it, no point; a second failure could be any point's."""
    world = World()
    world.guest()
    points = world.hours([hour for hour in HOURS if hour != 3])
    world.replication.append({
        "source_id": "r", "computer": REPLICA, "vm_name": "SQLVM", "mode": "Replica", "from_utc": at("00:30:00"),
        "until_utc": at("08:30:00"), "app_consistent_failures": failures,
    })
    assert row(analysed(world), points[P])["verdict"] == verdict


# ------------------------------------------------------------------------------------------------ instances


@pytest.mark.parametrize(("later_s", "instances"), [(0, {"PROD"}), (20, {"PROD", "MSSQLSERVER"})])
def test_an_errorlog_that_names_no_instance_is_of_the_one_that_froze_with_it(
    later_s: int, instances: set[str]
) -> None:
    """One server tells the same in both logs; freezes at other times are another server's."""
    world, points = benign()
    for event in world.events:
        if event["provider"] == "MSSQLSERVER":
            event["provider"] = "MSSQL$PROD"
    log = world.source("guest/ERRORLOG", "guest", "SQLVM", "ERRORLOG")
    for event in [event for event in world.events if event["event_id"] in (3197, 3198)]:
        frozen = "is frozen" if event["event_id"] == 3197 else "was resumed"
        world.add(log, event["time_utc"] + pd.Timedelta(seconds=later_s), "MSSQLSERVER", None,
                  message=f"I/O {frozen} on database {event['strings'][0]}. No user action is required.")
    made = analysed(world)
    assert set(made.verdicts["instance"].dropna()) == instances
    if not later_s:
        assert row(made, points[P])["verdict"] == "supported"


# ------------------------------------------------------------------------------------------------- rollbacks explained


@pytest.mark.parametrize(("history_until", "class_"), [(f"0{P}:00:04", "normal"), (f"0{P}:00:30", "unexplained")])
def test_a_rollback_of_a_booted_image_is_normal_where_the_image_was_cut_inside_the_freeze(
    history_until: str, class_: str
) -> None:
    """Section 1: a freeze stops writes, not transactions; E10 explains the count where the image shows the freeze."""
    world, points = benign()
    world.boot("15:00:00", {"master": (3, 0), "model": (0, 0), "Sales": (12, 2)}, history_until=history_until)
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analysed(world)
    counts = made.judged_events[made.judged_events["rule_id"] == "sql-3407-undo"]
    assert counts["class"].tolist() == [class_]
    assert row(made, points[P], "Sales")["verdict"] == ("confirmed" if class_ == "normal" else "inconclusive")


def test_the_boot_of_another_computer_confirms_no_point_of_this_one() -> None:
    """Section 6: primary and test guest export the same computer name; a point is confirmed by its own boot alone."""
    world, points = benign()
    world.boot("15:00:00", {"master": (3, 0), "model": (0, 0), "Sales": (12, 0)})
    for event in world.events:
        if event["role"] == "test_failover_guest":
            event["computer"] = "OTHER.fabrikam.local"
    for path in ("testfailover/Application.evtx", "testfailover/System.evtx"):
        world.sources[path]["computer"] = "OTHER.fabrikam.local"
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analysed(world)
    told = row(made, points[P])
    assert told["verdict"] == "inconclusive"
    assert "those given are of OTHER" in " ".join(told["missing"])
    assert row(made, points[P + 1])["verdict"] == "supported"


@pytest.mark.parametrize(
    ("image", "verdict"), [("Program Files\\Acme\\Agent.exe", "inconclusive"), ("Windows\\svchost.exe", "supported")]
)
def test_a_shadow_copy_of_another_process_in_the_operation_is_a_second_requestor(image: str, verdict: str) -> None:
    """Section 3: VSSAudit 8222 with another process, other requestor; E6 is then false."""
    world, points = benign()
    world.add(APPLICATION, f"0{P}:00:04", "VSSAudit", 8222, level=4,
              message=f"Shadow copy has been created. Process ID: 0xbb8 Process image name: C:\\{image}")
    made = analysed(world)
    assert row(made, points[P])["verdict"] == verdict
