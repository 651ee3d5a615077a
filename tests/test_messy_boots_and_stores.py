"""Test machines that set their clock while they start, SQL Server beside a store: domain.md, sections 3 and 6."""

from __future__ import annotations

import pandas as pd
import pytest

from kit.judgement import analyze
from tests.test_worked_cases import CLEAN, HOURS, P, verdict, w1
from tests.world import World


def _clock_set_in_the_boot(world: World, booted: str, set_at: str) -> None:
    """The machine starts with a clock that is wrong and sets it a moment later."""
    world.boot(booted, {}, history_until="05:00:04")
    system = "testfailover/System.evtx"
    world.add(system, set_at, "Microsoft-Windows-Kernel-General", 1, [set_at, booted])
    world._recovery("testfailover/Application.evtx", pd.Timestamp(f"2014-05-19T{set_at}Z"), CLEAN, ())


@pytest.mark.parametrize("hours_off", [1, 9])
def test_a_start_with_the_clock_still_wrong_is_the_start_that_case_toml_means(hours_off: int) -> None:
    """Pitfalls of section 6: records between start and sync carry old times; the record number rules inside one log."""
    world, points = w1()
    _clock_set_in_the_boot(world, f"{18 - hours_off}:52:30", "18:53:30")
    world.test_failovers.append(
        {"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P], "boot_after": "2014-05-19T18:52:00Z"}
    )
    made = analyze(world.case())
    boot = made.boots[made.boots["test_failover"].fillna(False)].iloc[0]
    assert boot["image_time_utc"] < pd.Timestamp("2014-05-19T05:00:05Z"), "the image ends before the start"
    assert verdict(made, points[P]) == "confirmed"


def test_a_start_of_the_guest_itself_is_never_taken_for_the_test() -> None:
    """The primary's own restart stands in the image's history too."""
    world, points = w1()
    world.add("guest/System.evtx", "03:30:00", "Microsoft-Windows-Kernel-General", 12, ["6", "1", "7601"])
    world.add("guest/System.evtx", "03:30:08", "EventLog", 6009, ["6.01.", "7601", "Service Pack 1"])
    world.events.sort(key=lambda event: (event["source_id"], event["time_utc"]))
    for source in world.sources.values():
        own = [event for event in world.events if event["source_id"] == source["source_id"]]
        for number, event in enumerate(own, start=1):
            event["record_id"], event["uid"] = number, f"{source['source_id']}:{number}"
    _clock_set_in_the_boot(world, "14:52:30", "15:53:30")
    world.test_failovers.append(
        {"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P], "boot_after": "2014-05-19T15:52:00Z"}
    )
    made = analyze(world.case())
    boot = made.boots[made.boots["test_failover"].fillna(False)].iloc[0]
    assert boot["start_utc"] == pd.Timestamp("2014-05-19T14:52:30Z")


def test_abort_records_of_sql_server_keep_their_class_beside_a_store_that_stays_open() -> None:
    """Section 3: ESE 2001, 2003, 2007 decide nothing; they do not take the order of SQL Server's own records away."""
    world = World()
    world.guest()
    for hour in HOURS:
        for seconds, event_id in ((3, 2001), (5, 2003), (6, 2007)):
            world.add("guest/Application.evtx", f"{hour:02d}:00:{seconds:02d}.9", "ESE", event_id,
                      ["Information Store", "2040", "Exchange: ", "7"], level=2 if event_id == 2007 else 4)
    points = world.hours(HOURS)
    world.events.sort(key=lambda event: (event["source_id"], event["time_utc"]))
    for source in world.sources.values():
        own = [event for event in world.events if event["source_id"] == source["source_id"]]
        for number, event in enumerate(own, start=1):
            event["record_id"], event["uid"] = number, f"{source['source_id']}:{number}"
    world.quiet_end()
    made = analyze(world.case())
    told = made.judged_events.merge(made.events, on="uid")
    errors = told[(told["level"] == 2) & (told["time_utc"].dt.hour == P)]
    assert set(errors.loc[errors["provider"] != "ESE", "class"]) == {"benign_abort"}
    assert set(errors.loc[errors["provider"] == "ESE", "class"]) == {"unexplained"}
    assert verdict(made, points[P]) == "supported"
    assert verdict(made, points[P], None) == "inconclusive"


def test_a_store_is_never_a_database_of_sql_server() -> None:
    """The echo of the SQL writer names a virtual device; the store's own abort record after it names no device."""
    world = World()
    world.guest()
    application = "guest/Application.evtx"
    for hour in HOURS:
        world.freeze(f"{hour:02d}:00:03")
        world.add(application, f"{hour:02d}:00:05.5", "ESE", 2003, ["Information Store", "2040", "Exchange: ", "7"])
        world.abort(f"{hour:02d}:00:06")
        device = "{0F5D1A2B-63C4-4964-BA11-5DB600112233}1"
        world.add(application, f"{hour:02d}:00:06.7", "SQLVDI", 1, [
            "SignalAbort", "Client initiates abort", "(0)", "2644", "7212", "Client", "",
            f"Global\\{device}_SQLVDIMemoryName_0"], level=2)
        world.add(application, f"{hour:02d}:00:06.9", "ESE", 2007,
                  ["Information Store", "2040", "Exchange: ", "7"], level=2)
        world.point(f"{hour:02d}:00:13")
    world.quiet_end()
    made = analyze(world.case())
    named = made.operation_databases
    stores = named[named["database"] == "Information Store"]
    assert set(stores["instance"]) == {"ESE"}
    assert set(named.loc[named["database"] == "Sales", "outcome"]) == {"benign_abort"}


def test_a_boot_whose_times_stand_just_before_those_of_its_image_begins_where_the_clock_steps_back() -> None:
    """The guest's clock was ahead: the host sets the test machine's clock to before the image's last records."""
    world, points = w1()
    world.boot("04:53:30", {"Sales": (12, 4)}, history_until="05:00:04")
    world.add("testfailover/System.evtx", "04:54:30", "Service Control Manager", 7036, ["Windows Update", "running"])
    world.test_failovers.append(
        {"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[P], "boot_after": "2014-05-19T04:53:00Z"}
    )
    made = analyze(world.case())
    boot = made.boots[made.boots["test_failover"].fillna(False)].iloc[0]
    assert boot["image_time_utc"] == pd.Timestamp("2014-05-19T05:00:03.2Z"), "the last frozen record, not one before it"
    assert boot["cut_in_freeze"]
    assert verdict(made, points[P]) == "confirmed"
