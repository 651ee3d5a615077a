"""The worked cases W1 to W14 of the domain reference: input as its table words it, verdict as its table states it."""

from __future__ import annotations

import pandas as pd
import pytest

from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from tests.world import World

HOURS = range(1, 11)
P = 5  # the hour of the point under test; its freeze is 05:00:03 to 05:00:05
CLEAN = {"master": (3, 0), "model": (0, 0), "Sales": (12, 0)}


def w1() -> tuple[World, dict[int, str]]:
    world = World()
    world.guest()
    points = world.hours(HOURS)
    world.quiet_end()
    return world, points


def verdict(made: Analysis, point_id: str, database: str | None = "Sales") -> str:
    rows = made.verdicts[made.verdicts["recovery_point_id"] == point_id]
    own = rows[rows["database"].isna()] if database is None else rows[rows["database"] == database]
    assert len(own) == 1, f"expected one row for {database}, found {len(own)}"
    return str(own["verdict"].iloc[0])


def missing(made: Analysis, point_id: str) -> str:
    rows = made.verdicts[(made.verdicts["recovery_point_id"] == point_id) & made.verdicts["database"].isna()]
    return " ".join(rows["missing"].iloc[0])


def test_w1_article_case_is_supported_and_asks_for_a_test_failover() -> None:
    world, points = w1()
    made = analyze(world.case())
    assert verdict(made, points[P]) == "supported"
    assert verdict(made, points[P], None) == "supported"
    assert "Start-VMFailover -AsTest" in missing(made, points[P])
    classes = made.judged_events.merge(made.events, on="uid")
    errors = classes[(classes["level"] == 2) & (classes["time_utc"].dt.hour == P)]
    assert len(errors) == 9
    assert set(errors["class"]) == {"benign_abort"}
    assert set(errors["recovery_point_id"]) == {points[P]}


def test_w2_linked_boot_without_rollback_confirms() -> None:
    world, points = w1()
    world.boot("15:00:00", CLEAN, history_until="05:00:04")
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "confirmed"
    assert verdict(made, points[P + 1]) == "supported"
    boot = made.boots[made.boots["test_failover"].fillna(False)]
    assert boot["recovery_point_id"].tolist() == [points[P]]


def test_w3_rollback_with_an_image_cut_inside_the_freeze_is_explained() -> None:
    world, points = w1()
    frozen = [
        (f"05:00:03.{number}0", f"I/O is frozen on database {name}. No user action is required.")
        for number, name in enumerate(CLEAN)
    ]
    world.boot("15:00:00", CLEAN | {"Sales": (12, 2)}, history_until="04:59:00", errorlog_tail=frozen)
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "confirmed"
    readings = made.verdicts.loc[
        (made.verdicts["recovery_point_id"] == points[P]) & (made.verdicts["database"] == "Sales"), "readings"
    ].iloc[0]
    assert len(readings) == 3


@pytest.mark.parametrize(("policy", "expected"), [("strict", "contradicted"), ("refined", "supported")])
def test_w4_unexplained_rollback_differs_by_policy(policy: str, expected: str) -> None:
    world, points = w1()
    world.boot("15:00:00", CLEAN | {"Sales": (12, 2)})
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P],
                                 "boot_after": "2014-05-19T14:00:00Z"})
    made = analyze(world.case(), policy)
    assert verdict(made, points[P]) == expected
    readings = " ".join(made.verdicts.loc[made.verdicts["database"] == "Sales", "readings"].explode().dropna())
    assert "contradicted" in readings
    assert "supported" in readings


def test_w5_another_database_never_clears_sales() -> None:
    world = World()
    world.guest()
    for hour in HOURS:
        databases = ("model",) if hour == P else ("master", "model", "Sales")
        world.freeze(f"{hour:02d}:00:03", databases=databases)
        world.abort(f"{hour:02d}:00:06", databases=databases)
    points = {hour: world.point(f"{hour:02d}:00:13") for hour in HOURS}
    world.quiet_end()
    made = analyze(world.case())
    assert verdict(made, points[P]) == "inconclusive"
    assert verdict(made, points[P], "model") == "supported"
    assert verdict(made, points[P], None) == "inconclusive"


def test_w5_model_alone_does_not_clear_an_instance_whose_other_databases_no_record_shows() -> None:
    """Every instance has master and msdb, and a snapshot freezes every database: here the others took no part."""
    world = World()
    world.guest()
    for hour in HOURS:
        world.freeze(f"{hour:02d}:00:03", databases=("model",))
        world.abort(f"{hour:02d}:00:06", databases=("model",))
    points = {hour: world.point(f"{hour:02d}:00:13") for hour in HOURS}
    world.quiet_end()
    made = analyze(world.case())
    assert verdict(made, points[P], "model") == "supported"
    assert verdict(made, points[P], "msdb") == "inconclusive"
    assert verdict(made, points[P], None) == "inconclusive"


def test_databases_of_one_set_that_end_differently_have_verdicts_and_errors_of_their_own() -> None:
    """At P Sales is stopped inside its freeze, the others after their thaw: each error is that of its database."""
    world = World()
    world.guest()
    for hour in HOURS:
        if hour != P:
            world.freeze(f"{hour:02d}:00:03", databases=("Sales", "HR"))
            world.abort(f"{hour:02d}:00:06", databases=("Sales", "HR"))
            continue
        log = "guest/Application.evtx"
        world.add(log, f"{hour:02d}:00:03", "MSSQLSERVER", 3197, ["Sales"])
        world.add(log, f"{hour:02d}:00:03", "MSSQLSERVER", 3197, ["HR"])
        world.abort(f"{hour:02d}:00:04", databases=("Sales",))
        world.add(log, f"{hour:02d}:00:04.5", "MSSQLSERVER", 3198, ["Sales"])
        world.add(log, f"{hour:02d}:00:05", "MSSQLSERVER", 3198, ["HR"])
        world.abort(f"{hour:02d}:00:06", databases=("HR",), first=2)
    points = {hour: world.point(f"{hour:02d}:00:13") for hour in HOURS}
    world.quiet_end()
    made = analyze(world.case())
    assert verdict(made, points[P], "Sales") == "contradicted"
    assert verdict(made, points[P], "HR") == "supported"
    assert verdict(made, points[P], None) == "contradicted"
    judged = made.tables["judged_events"].merge(made.tables["events"][["uid", "event_id", "record_id"]], on="uid")
    own = judged[(judged["recovery_point_id"] == points[P]) & judged["event_id"].isin([1, 3041, 18210])]
    errors = own.sort_values("record_id")
    assert errors["class"].tolist() == ["genuine_failure"] * 3 + ["benign_abort"] * 3


def test_w6_stream_backup_at_night_is_another_requestor() -> None:
    world, points = w1()
    for day in ("2014-05-19T02:30:00",):
        world.add("guest/Application.evtx", day, "MSSQLSERVER", 18210, [
            "BackupIoRequest::ReportIoError", " write failure on backup device",
            "{AA5D1A2B-63C4-4964-BA11-5DB600112233}1",
            "995(The I/O operation has been aborted because of either a thread exit or an application request.)",
        ], level=2)
    made = analyze(world.case())
    classes = made.judged_events.merge(made.events, on="uid")
    stream = classes[classes["time_utc"] == pd.Timestamp("2014-05-19T02:30:00Z")]
    assert stream["class"].tolist() == ["other_requestor"]
    assert stream["recovery_point_id"].isna().all()
    assert verdict(made, points[2]) == "supported"


def test_w6_a_stream_inside_the_freeze_of_a_snapshot_is_kept_apart_from_it() -> None:
    """The nightly stream fails in the very seconds of the hourly freeze: its device and what follows it are its own."""
    world = World()
    world.guest()
    log, device = "guest/Application.evtx", "{AA5D1A2B-63C4-4964-BA11-5DB600112233}1"
    for hour in HOURS:
        if hour != P:
            world.freeze(f"{hour:02d}:00:03", databases=("Sales",))
            world.abort(f"{hour:02d}:00:06", databases=("Sales",))
            continue
        start = f"{hour:02d}:00:04"
        world.add(log, f"{hour:02d}:00:03", "MSSQLSERVER", 3197, ["Sales"])
        world.add(log, start, "SQLVDI", 1, [f"SQLVDI: Loc=SignalAbort. Desc=Client initiates abort. ErrorCode=(0). "
                  f"Process=1. Thread=2. Client. Instance=. VD=Global\\{device}_SQLVDIMemoryName_0."], level=2)
        world.add(log, start, "MSSQLSERVER", 18210, [
            "BackupIoRequest::ReportIoError", " write failure on backup device", device, "995(Aborted.)"], level=2)
        world.add(log, start, "MSSQLSERVER", 3041, ["BACKUP DATABASE Sales"], level=2)
        world.add(log, f"{hour:02d}:00:05", "MSSQLSERVER", 3198, ["Sales"])
        world.abort(f"{hour:02d}:00:06", databases=("Sales",))
    points = {hour: world.point(f"{hour:02d}:00:13") for hour in HOURS}
    world.quiet_end()
    made = analyze(world.case())
    judged = made.judged_events.merge(made.tables["events"][["uid", "event_id", "time_utc"]], on="uid")
    own = judged[judged["time_utc"] == pd.Timestamp(f"2014-05-19T{P:02d}:00:04Z")]
    assert own["class"].tolist() == ["other_requestor"] * 3
    assert own["recovery_point_id"].isna().all()
    assert verdict(made, points[P]) == "inconclusive"


def w7(record: tuple[str, str, int, list[str]]) -> tuple[Analysis, dict[int, str]]:
    world = World()
    world.guest()
    for hour in HOURS:
        world.freeze(f"{hour:02d}:00:03")
        world.abort(f"{hour:02d}:00:06")
    points = {hour: world.point(f"{hour:02d}:00:13") for hour in HOURS}
    path, provider, event_id, strings = record
    world.add(path, "05:00:04.5", provider, event_id, strings, level=2)
    world.quiet_end()
    return analyze(world.case()), points


@pytest.mark.parametrize(
    "record",
    [
        ("guest/System.evtx", "volsnap", 8, ["\\Device\\HarddiskVolumeShadowCopy4", "C:"]),
        ("guest/Application.evtx", "VSS", 12298,
         ["\\\\?\\Volume{2a1f0c3e-0000-0000-0000-100000000000}\\", "1", "0x00000000", "0x00000000", "0x80042314",
          "0x00000000", "Operation:\n   Executing Asynchronous Operation"]),
    ],
)
def test_w7_a_failed_hold_contradicts_the_label(record: tuple[str, str, int, list[str]]) -> None:
    made, points = w7(record)
    assert verdict(made, points[P]) == "contradicted"
    assert verdict(made, points[P + 1]) == "supported"


def test_w8_ese_freeze_thaw_and_abort_alone_stay_open() -> None:
    world = World()
    world.guest()
    points = {}
    for hour in HOURS:
        for seconds, event_id in ((3, 2001), (5, 2003), (5, 2007)):
            world.add("guest/Application.evtx", f"{hour:02d}:00:{seconds:02d}", "ESE", event_id,
                      ["Information Store", "2040", "Exchange: ", "7"], level=2 if event_id == 2007 else 4)
        points[hour] = world.point(f"{hour:02d}:00:13")
    world.quiet_end()
    made = analyze(world.case())
    assert verdict(made, points[P], None) == "inconclusive"


def test_w9_a_test_of_the_latest_state_says_nothing_about_the_point() -> None:
    world, points = w1()
    world.boot("15:00:00", CLEAN, history_until="14:58:00")
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": "latest"})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "supported"
    boot = made.boots[made.boots["test_failover"].fillna(False)]
    assert boot["recovery_point_id"].isna().all()
    assert boot["link_method"].tolist() == ["latest"]


def test_w10_without_a_known_clock_nothing_is_assured() -> None:
    world, _ = w1()
    world.clocks = []
    for event in world.events:
        event["time_utc"] += pd.Timedelta(minutes=7)
    made = analyze(world.case())
    assert set(made.verdicts["verdict"]) <= {"inconclusive"}


def test_w11_a_resynchronisation_explains_a_missing_point() -> None:
    world, points = w1()
    world.points = [point for point in world.points if point["recovery_point_id"] != points[P]]
    world.source("primary/VMMS-Admin.evtx", "primary_host", "HV-PRIM1", "Microsoft-Windows-Hyper-V-VMMS-Admin", None)
    for time, event_id in (("05:10:00", 29242), ("05:15:00", 29244)):
        world.add("primary/VMMS-Admin.evtx", time, "Microsoft-Windows-Hyper-V-VMMS", event_id,
                  ["SQLVM", "11111111-2222-3333-4444-555555555555"], vm_name="SQLVM")
    made = analyze(world.case())
    due = made.expected_points[made.expected_points["time_utc"].dt.hour == P]
    assert len(due) == 1
    assert "resynchronisation" in due["reason"].iloc[0]
    assert points[P] not in set(made.verdicts["recovery_point_id"])


def test_w12_failed_recovery_in_the_boot_contradicts() -> None:
    world, points = w1()
    world.boot("15:00:00", CLEAN, failed=["Sales"], history_until="05:00:04")
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "contradicted"


def test_w13_a_planned_point_makes_no_claim() -> None:
    world, points = w1()
    planned = world.point("10:30:00", "Planned")
    made = analyze(world.case())
    assert verdict(made, planned, None) == "no_claim"
    assert verdict(made, points[10]) == "supported"


def test_w14_an_image_later_than_the_thaw_contradicts() -> None:
    world, points = w1()
    for minute in (4, 8, 12):
        world.add("guest/Application.evtx", f"05:{minute:02d}:05", "SecurityCenter", 1, ["Ledger"])
    world.events.sort(key=lambda event: (event["source_id"], event["time_utc"]))
    for source in world.sources.values():
        own = [event for event in world.events if event["source_id"] == source["source_id"]]
        for number, event in enumerate(own, start=1):
            event["record_id"], event["uid"] = number, f"{source['source_id']}:{number}"
    world.boot("15:00:00", CLEAN, history_until="05:12:10")
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "contradicted"
    image = made.boots.loc[made.boots["recovery_point_id"] == points[P], "image_time_utc"].iloc[0]
    assert image == pd.Timestamp("2014-05-19T05:12:05Z")


def test_a_declared_test_without_its_logs_leaves_the_point_open() -> None:
    world, points = w1()
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P]})
    made = analyze(world.case())
    assert verdict(made, points[P]) == "inconclusive"
    assert "case.toml declares" in missing(made, points[P])
    assert verdict(made, points[P + 1]) == "supported"


def _stopped(world: World, hour: int) -> None:
    """Sales is stopped inside its freeze."""
    log = "guest/Application.evtx"
    world.add(log, f"{hour:02d}:00:03", "MSSQLSERVER", 3197, ["Sales"])
    world.abort(f"{hour:02d}:00:04", databases=("Sales",))
    world.add(log, f"{hour:02d}:00:05", "MSSQLSERVER", 3198, ["Sales"])


def test_a_failed_set_is_the_reason_of_its_missing_point_on_the_clock_of_the_host() -> None:
    """The guest's clock is two hours behind: its 05:00 is the host's 07:00."""
    world = World()
    world.guest()
    world.clocks.append({"computer": "SQLVM", "offset_s": 7200.0})
    for hour in HOURS:
        if hour == P:
            _stopped(world, hour)
            continue
        world.freeze(f"{hour:02d}:00:03")
        world.abort(f"{hour:02d}:00:06")
        world.point(f"{hour + 2:02d}:00:13")
    world.quiet_end()
    made = analyze(world.case())
    due = made.expected_points
    assert due["time_utc"].dt.hour.tolist() == [P + 2]
    assert due["reason"].tolist() == ["failed set: the guest shows a genuine failure at that time"]


def test_a_failed_set_after_the_last_listed_point_is_named_as_well() -> None:
    world = World()
    world.guest()
    world.hours(HOURS)
    _stopped(world, max(HOURS) + 1)
    world.quiet_end()
    made = analyze(world.case())
    assert made.expected_points["time_utc"].dt.hour.tolist() == [max(HOURS) + 1]
    assert made.expected_points["reason"].iloc[0].startswith("failed set: the guest")
