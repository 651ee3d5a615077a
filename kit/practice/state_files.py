"""What both sides say of the replication: state, statistics, integration services, and the test machines that ran."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from kit.practice import hyperv_objects
from kit.practice.exports import PsObject
from kit.practice.scenario import APP
from kit.practice.stage import Story, Tested
from kit.practice.world import Computer, Host

TEST_RUNS_S = 2_400  # how long a test machine runs


def local(host: Computer, time: datetime) -> datetime:
    """A time as the host's clock shows it, in the host's zone."""
    return host.clock.shows(time).astimezone(host.zone)


def states(story: Story) -> Iterator[tuple[str, str, list[PsObject]]]:
    """Path without ending, format and rows of every list of this kind."""
    scenario = story.scenario
    if "replication" in scenario.missing:
        return
    host, suffix = scenario.primaries[0], scenario.suffix
    place = f"primary/{host.short}"
    yield f"{place}/replication{suffix}", "json51", [_state(story, host, "Primary", scenario.collected)]
    yield f"{place}/replication-statistics{suffix}", "json51", [_statistics(story, host)]
    services = hyperv_objects.integration_services(scenario.guest.vm_name, scenario.guest.vm_id, host.short)
    yield f"{place}/integration-services{suffix}", "csv", services
    mode = "ExtendedReplica" if scenario.extended else "Replica"
    place = f"replica/{scenario.replica.short}"
    yield f"{place}/replication{suffix}", "clixml", [_state(story, scenario.replica, mode, scenario.collected)]
    for test in story.tests:
        if test.failover.exported:
            time = test.failover.boot.time + timedelta(minutes=11)
            rows = [_state(story, scenario.replica, mode, time), _test_state(story, test, time)]
            yield f"{place}/replication-{test.failover.name}", "clixml", rows


def _facts(story: Story, host: Host, mode: str, time: datetime) -> dict[str, Any]:
    scenario = story.scenario
    return {
        "VMName": scenario.guest.vm_name,
        "VMId": scenario.guest.vm_id,
        "Mode": mode,
        "PrimaryServer": scenario.primaries[0].name,
        "ReplicaServer": scenario.replica.name,
        "VSSSnapshotFrequencyHour": 0 if scenario.extended else scenario.interval_h,
        "RelationshipType": "Extended" if scenario.extended else "Simple",
        "ComputerName": host.short,
        "LastReplicationTime": local(host, time - timedelta(minutes=3)),
    }


def _state(story: Story, host: Host, mode: str, time: datetime) -> PsObject:
    running = any(0 < (time - test.failover.boot.time).total_seconds() < TEST_RUNS_S for test in story.tests)
    facts = _facts(story, host, mode, time)
    if running and mode != "Primary":
        facts["TestVirtualMachine"] = f"{story.scenario.guest.vm_name} - Test"
    return hyperv_objects.replication(facts)


def _test_state(story: Story, test: Tested, time: datetime) -> PsObject:
    """The row of the test machine, which is the direct proof of a test failover."""
    facts = _facts(story, story.scenario.replica, "TestReplica", time)
    name = f"{story.scenario.guest.vm_name} - Test"
    return hyperv_objects.replication(facts | {"VMName": name, "VMId": test.vm_id})


def _statistics(story: Story, host: Host) -> PsObject:
    scenario = story.scenario
    tested = max((test.failover.boot.time for test in story.tests), default=None)
    begin, end = scenario.begin - scenario.lead, scenario.collected
    return hyperv_objects.statistics(_facts(story, host, "Primary", end) | {
        "LReplTime": local(host, end - timedelta(minutes=3)),
        "SnapshotFailures": sum(plan.kind != APP for plan in scenario.plans),
        "LastTestFailoverTime": None if tested is None else local(host, tested),
        "Successes": int((end - begin) / timedelta(minutes=5)),
        "StartStatisticTime": local(host, begin),
        "EndStatisticTime": local(host, end),
    })
