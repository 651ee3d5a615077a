"""Which operation a point came from, and who asked for an operation: never by the nearest time alone."""

from __future__ import annotations

import pandas as pd

from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from tests.world import World

HOURS = range(1, 11)


def hourly() -> tuple[World, dict[int, str]]:
    world = World()
    world.guest()
    return world, world.hours(HOURS)


def at(made: Analysis, hour: int, minute: int) -> pd.Series:
    begin = made.operations["begin_utc"]
    own = made.operations[(begin.dt.hour == hour) & (begin.dt.minute == minute)]
    assert len(own) == 1
    return own.iloc[0]


def verdicts(made: Analysis) -> dict[str, str]:
    rows = made.verdicts[made.verdicts["database"].isna()]
    return dict(zip(rows["recovery_point_id"], rows["verdict"], strict=True))


def resorted(world: World) -> World:
    """Record numbers in the order of time, as a log has them."""
    world.events.sort(key=lambda event: (event["source_id"], event["time_utc"]))
    numbers: dict[str, int] = {}
    for event in world.events:
        numbers[event["source_id"]] = event["record_id"] = numbers.get(event["source_id"], 0) + 1
        event["uid"] = f"{event['source_id']}:{event['record_id']}"
    return world


def test_a_snapshot_off_the_schedule_is_an_agents_and_leaves_the_points_alone() -> None:
    world, points = hourly()
    world.freeze("05:30:00")
    world.abort("05:30:04")
    world.quiet_end()
    made = analyze(resorted(world).case())
    assert at(made, 5, 30)["requestor"] == "guest_agent"
    assert at(made, 5, 0)["requestor"] == "hyper_v_replica"
    assert verdicts(made)[points[5]] == "supported"
    classes = made.judged_events.merge(made.events, on="uid")
    late = classes[(classes["time_utc"].dt.minute == 30) & (classes["level"] == 2)]
    assert set(late["class"]) == {"other_requestor"}
    assert late["recovery_point_id"].isna().all()


def test_of_two_snapshots_the_one_beside_the_report_is_that_of_windows_server_backup() -> None:
    """Three minutes apart, both off the schedule: the report stands eight seconds before the second."""
    world, _ = hourly()
    world.freeze("05:30:00")
    world.add("guest/Application.evtx", "05:32:52", "Microsoft-Windows-Backup", 1, [],
              message="The backup operation has started.")
    world.freeze("05:33:00")
    world.quiet_end()
    made = analyze(resorted(world).case())
    assert at(made, 5, 30)["requestor"] == "guest_agent"
    assert at(made, 5, 33)["requestor"] == "windows_server_backup"


def test_windows_server_backup_is_named_by_its_own_record() -> None:
    world, points = hourly()
    world.freeze("05:30:00")
    world.add("guest/Application.evtx", "05:33:00", "Microsoft-Windows-Backup", 4, [],
              message="The backup operation has finished successfully.")
    world.quiet_end()
    made = analyze(resorted(world).case())
    assert at(made, 5, 30)["requestor"] == "windows_server_backup"
    assert verdicts(made)[points[5]] == "supported"


def test_another_snapshot_within_the_operation_leaves_the_point_open() -> None:
    world, points = hourly()
    world.add("guest/Application.evtx", "05:00:04", "MSSQLSERVER", 18210, [
        "BackupIoRequest::ReportIoError", " write failure on backup device", "{AA5D1A2B-63C4-4964-BA11-5DB600112233}1",
        "995(aborted)"], level=2)
    world.quiet_end()
    made = analyze(resorted(world).case())
    assert verdicts(made)[points[5]] == "inconclusive"
    assert verdicts(made)[points[6]] == "supported"


def test_a_point_whose_own_operation_is_gone_is_not_given_another_ones() -> None:
    world = World()
    world.guest()
    points = {}
    for hour in HOURS:
        start = f"{hour:02d}:30:00" if hour == 5 else f"{hour:02d}:00:03"
        world.freeze(start)
        points[hour] = world.point(f"{hour:02d}:00:13")
    world.quiet_end()
    made = analyze(world.case())
    link = made.links[made.links["recovery_point_id"] == points[5]].iloc[0]
    assert pd.isna(link["operation_id"])
    rows = made.verdicts[(made.verdicts["recovery_point_id"] == points[5]) & made.verdicts["database"].isna()]
    assert rows["pattern"].tolist() == ["none_seen"]
    assert rows["verdict"].tolist() == ["inconclusive"]


def test_two_operations_on_the_schedule_are_ambiguous() -> None:
    world, points = hourly()
    world.freeze("04:59:30")
    world.abort("04:59:34")
    world.quiet_end()
    made = analyze(resorted(world).case())
    link = made.links[made.links["recovery_point_id"] == points[5]].iloc[0]
    assert bool(link["ambiguous"])
    assert len(link["candidates"]) == 2
    assert verdicts(made)[points[5]] == "inconclusive"
    assert verdicts(made)[points[6]] == "supported"


def test_without_a_list_operations_of_whole_hours_are_taken_for_the_hosts() -> None:
    world, _ = hourly()
    world.points = []
    world.quiet_end()
    made = analyze(world.case())
    assert set(made.operations["requestor"]) == {"hyper_v_replica"}
    assert "no list of points" in made.operations["requestor_reason"].iloc[0]
    classes = made.judged_events.merge(made.events, on="uid")
    assert set(classes.loc[classes["level"] == 2, "class"]) == {"benign_abort"}


def _afternoon_snapshot() -> World:
    """Hourly operations of the host's replication, and one snapshot at 05:30 that no point came from."""
    world, _ = hourly()
    world.freeze("05:30:00")
    world.abort("05:30:04")
    world.source("primary/VMMS.evtx", "primary_host", "HV-PRIM1", "Microsoft-Windows-Hyper-V-VMMS-Admin", vm_name=None)
    return world


def test_a_backup_product_on_the_host_asked_for_the_snapshot_off_the_schedule() -> None:
    """domain.md, section 6: another hypervisor-level backup of the same VM is another requestor."""
    world = _afternoon_snapshot()
    world.add("primary/VMMS.evtx", "05:36:00", "Veeam Agent", 190, ["Backup job finished"])
    world.quiet_end()
    made = analyze(resorted(world).case())
    found = at(made, 5, 30)
    assert found["requestor"] == "host_backup"
    assert "Veeam" in found["requestor_reason"] and "HV-PRIM1" in found["requestor_reason"]
    classes = made.judged_events.merge(made.events, on="uid")
    late = classes[(classes["time_utc"].dt.minute == 30) & (classes["level"] == 2)]
    assert set(late["class"]) == {"other_requestor"} and late["recovery_point_id"].isna().all()
    assert at(made, 5, 0)["requestor"] == "hyper_v_replica"


def test_the_hosts_own_record_of_a_checkpoint_of_this_machine_tells_it() -> None:
    world = _afternoon_snapshot()
    text = "Could not create backup checkpoint for virtual machine 'SQLVM' (Virtual machine ID X): 0x800423F2"
    world.add("primary/VMMS.evtx", "05:30:40", "Microsoft-Windows-Hyper-V-VMMS", 18012, [], message=text, level=2)
    world.quiet_end()
    found = at(analyze(resorted(world).case()), 5, 30)
    assert found["requestor"] == "host_backup" and "HV-PRIM1" in found["requestor_reason"]


def test_a_record_about_another_machine_of_the_host_tells_nothing() -> None:
    world = _afternoon_snapshot()
    world.points.append(world.points[0] | {"recovery_point_id": "other", "vm_name": "WEBVM", "name": "other"})
    text = "Could not create backup checkpoint for virtual machine 'WEBVM' (Virtual machine ID X): 0x800423F2"
    world.add("primary/VMMS.evtx", "05:30:40", "Microsoft-Windows-Hyper-V-VMMS", 18012, [], message=text, level=2)
    world.quiet_end()
    assert at(analyze(resorted(world).case()), 5, 30)["requestor"] == "guest_agent"


def test_the_guests_hyper_v_requestor_shows_that_the_host_asked() -> None:
    """domain.md, section 2, step 1: older systems note the state of vmicvss when the host asks."""
    world = _afternoon_snapshot()
    world.add("guest/System.evtx", "05:29:57", "Service Control Manager", 7036,
              ["Hyper-V Volume Shadow Copy Requestor", "running"])
    world.quiet_end()
    found = at(analyze(resorted(world).case()), 5, 30)
    assert found["requestor"] == "host_backup" and "was asked" in found["requestor_reason"]


def test_a_backup_on_the_replica_host_never_freezes_the_guest() -> None:
    """domain.md, section 2: a backup of the replica VM can only be crash-consistent; nothing is asked of the guest."""
    world = _afternoon_snapshot()
    world.source("replica/Application.evtx", "replica_host", "HV-REPL1", "Application", vm_name=None)
    world.add("replica/Application.evtx", "05:36:00", "Veeam Agent", 190, ["Backup job finished"])
    world.quiet_end()
    assert at(analyze(resorted(world).case()), 5, 30)["requestor"] == "guest_agent"


def test_a_scheduled_freeze_that_outlived_its_window_is_still_the_hosts() -> None:
    """Its thaw lies off the beat because the freeze was too long, which is the failure itself."""
    world, _ = hourly()
    world.freeze("11:00:03", seconds=75.0)
    world.abort("11:01:20")
    world.point("11:02:30", "Replica")
    world.quiet_end()
    made = analyze(resorted(world).case())
    assert at(made, 11, 0)["requestor"] == "hyper_v_replica"
    classes = made.judged_events.merge(made.events, on="uid")
    errors = classes[(classes["time_utc"].dt.hour == 11) & (classes["level"] == 2)]
    assert set(errors["class"]) == {"genuine_failure"}


def test_without_a_known_schedule_a_failed_set_of_the_host_is_never_called_a_backup() -> None:
    """Replication asks in the same way: with three points nobody can tell whose operation failed."""
    world = World()
    world.guest()
    world.hours([1, 2, 4])
    world.freeze("03:00:03", seconds=10.4)
    world.abort("03:00:10")
    world.source("primary/VMMS.evtx", "primary_host", "HV-PRIM1", "Microsoft-Windows-Hyper-V-VMMS-Admin", vm_name=None)
    text = "Hyper-V failed to generate VSS snapshot set for virtual machine 'SQLVM': (0x800423F4)."
    world.add("primary/VMMS.evtx", "03:00:16", "Microsoft-Windows-Hyper-V-VMMS", 10150, [], message=text, level=2)
    world.quiet_end()
    assert at(analyze(resorted(world).case()), 3, 0)["requestor"] != "host_backup"


def test_a_snapshot_off_the_beat_is_no_candidate_of_a_point_that_two_others_could_have_made() -> None:
    world, points = hourly()
    world.freeze("05:00:24")
    world.freeze("05:20:00")
    world.quiet_end()
    made = analyze(resorted(world).case())
    link = made.links.set_index("recovery_point_id").loc[points[5]]
    assert link["ambiguous"] and len(link["candidates"]) == 2
    assert at(made, 5, 20)["requestor"] == "guest_agent"
    assert verdicts(made)[points[5]] == "inconclusive"
