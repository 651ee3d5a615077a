"""Writes a played story as an analyst would receive it: logs, exports and case.toml, in the folders of a case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from kit.practice import exports, hyperv_objects
from kit.practice.exports import PsObject
from kit.practice.journal import Kept, Labels, write_errorlogs, write_log
from kit.practice.scenario import APP, Export
from kit.practice.stage import Story, Tested
from kit.practice.world import Computer, Host

SUFFIX = {"csv": "csv", "json51": "json", "json7": "json", "clixml": "xml"}


def write_case(story: Story, folder: Path) -> list[Labels]:
    """What the records of each log are, after writing the whole case into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = [*_guest(story, folder), *_hosts(story, folder)]
    for test in story.tests:
        labels += _test(story, test, folder)
    for export in story.scenario.exports:
        _points(story, export, folder)
    _states(story, folder)
    (folder / "case.toml").write_text(case_toml(story), encoding="utf-8", newline="\n")
    return labels


def _made(*parts: Any) -> Path:
    folder = Path(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _guest(story: Story, root: Path) -> list[Labels]:
    scenario, book = story.scenario, story.guest
    place = root / "guest"
    labels = []
    for channel in book.channels():
        if channel not in scenario.missing:
            labels.append(write_log(_made(place), root, book, channel, scenario.survives(channel)))
    if "ERRORLOG" not in scenario.missing:
        kept = Kept(until=scenario.errorlog_until or scenario.collected)
        for instance in scenario.guest.instances:
            sub = place if instance.name == "MSSQLSERVER" else place / instance.name
            labels += write_errorlogs(_made(sub), root, book, instance, kept)
    return labels


def _hosts(story: Story, root: Path) -> list[Labels]:
    if "hosts" in story.scenario.missing:
        return []
    kept = Kept(until=story.scenario.collected)
    places = [(root / "primary" / book.computer.short, book) for book in story.hosts]
    places.append((root / "replica" / story.replica.computer.short, story.replica))
    return [
        write_log(_made(place), root, book, channel, kept) for place, book in places for channel in book.channels()
    ]


def _test(story: Story, test: Tested, root: Path) -> list[Labels]:
    """The logs of a test machine: the history of the guest up to the image, then the boot."""
    scenario = story.scenario
    place = root / test.failover.name
    since = scenario.begin - scenario.lead
    labels = [
        write_log(_made(place), root, test.book, channel, Kept(since=since))
        for channel in test.book.channels()
        if channel not in scenario.missing
    ]
    for instance in scenario.guest.instances:
        sub = place if instance.name == "MSSQLSERVER" else place / instance.name
        labels += write_errorlogs(_made(sub), root, test.book, instance)
    return labels


def _points(story: Story, export: Export, root: Path) -> None:
    """The list of points as the replica host shows it at that time: the newest ones, within the history."""
    scenario = story.scenario
    host, guest = scenario.replica, scenario.guest
    objects, parent = [], None
    for point in story.listed(export):
        created = _local(host, point.time)
        key, vm = UUID(point.key), guest.vm_name
        objects.append(hyperv_objects.snapshot(vm, guest.vm_id, key, point.kind, created, host.short, parent))
        parent = (hyperv_objects.point_name(vm, point.kind, created), key)
    place = _made(root, "replica", host.short)
    _write(place / f"recovery-points-{_stamp(host, export.time)}", export.form, objects, export.culture)


def _local(host: Computer, time: datetime) -> datetime:
    """A time as the host's clock shows it, in the host's zone."""
    return host.clock.shows(time).astimezone(host.zone)


def _stamp(host: Computer, time: datetime) -> str:
    return f"{_local(host, time):%Y%m%d-%H%M}"


def _write(path: Path, form: str, objects: Sequence[PsObject], culture: str = "en-US") -> None:
    """Writes objects in the encoding that the cmdlet uses by default."""
    target = path.with_name(f"{path.name}.{SUFFIX[form]}")
    if form == "csv":
        target.write_bytes(exports.to_csv(objects, culture).encode("ascii", "replace"))
    elif form == "json7":
        target.write_bytes(exports.to_json_7(objects).encode("utf-8"))
    else:
        text = exports.to_json_51(objects) if form == "json51" else exports.to_clixml(objects)
        target.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))


def _states(story: Story, root: Path) -> None:
    """Replication state and statistics of both sides, and the state while a test machine ran."""
    scenario = story.scenario
    if "replication" in scenario.missing:
        return
    for host in scenario.primaries[:1]:
        place = _made(root, "primary", host.short)
        _write(place / "replication", "json51", [_state(story, host, "Primary", scenario.collected)])
        _write(place / "replication-statistics", "json51", [_statistics(story, host)])
        services = hyperv_objects.integration_services(scenario.guest.vm_name, scenario.guest.vm_id, host.short)
        _write(place / "integration-services", "csv", services)
    mode = "ExtendedReplica" if scenario.extended else "Replica"
    place = _made(root, "replica", scenario.replica.short)
    _write(place / "replication", "clixml", [_state(story, scenario.replica, mode, scenario.collected)])
    for test in story.tests:
        if test.failover.exported:
            time = test.failover.boot.time + timedelta(minutes=11)
            rows = [_state(story, scenario.replica, mode, time), _test_state(story, test, time)]
            _write(place / f"replication-{test.failover.name}", "clixml", rows)


def _facts(story: Story, host: Host, mode: str, time: datetime) -> dict[str, Any]:
    scenario = story.scenario
    primary = scenario.primaries[0]
    return {
        "VMName": scenario.guest.vm_name, "VMId": scenario.guest.vm_id, "Mode": mode, "PrimaryServer": primary.name,
        "ReplicaServer": scenario.replica.name,
        "VSSSnapshotFrequencyHour": 0 if scenario.extended else scenario.interval_h,
        "RelationshipType": "Extended" if scenario.extended else "Simple", "ComputerName": host.short,
        "LastReplicationTime": _local(host, time - timedelta(minutes=3)),
    }


def _state(story: Story, host: Host, mode: str, time: datetime) -> PsObject:
    running = next((t for t in story.tests if 0 < (time - t.failover.boot.time).total_seconds() < 2400), None)
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
    failures = sum(plan.kind != APP for plan in scenario.plans)
    tested = max((test.failover.boot.time for test in story.tests), default=None)
    span = (scenario.begin - scenario.lead, scenario.collected)
    return hyperv_objects.statistics(_facts(story, host, "Primary", scenario.collected) | {
        "LReplTime": _local(host, scenario.collected - timedelta(minutes=3)), "SnapshotFailures": failures,
        "LastTestFailoverTime": None if tested is None else _local(host, tested),
        "Successes": int((span[1] - span[0]) / timedelta(minutes=5)),
        "StartStatisticTime": _local(host, span[0]), "EndStatisticTime": _local(host, span[1]),
    })


def case_toml(story: Story) -> str:
    """The text of case.toml: what the one who collected the evidence knew."""
    scenario = story.scenario
    lines = ["[case]", f"id = {json.dumps(scenario.case_id)}", f"title = {json.dumps(scenario.title)}"]
    lines += ['examiner = "Practice"', 'requester = "Contoso IT operations"']
    lines += [f"question = {json.dumps(scenario.question)}", ""]
    for export in scenario.exports:
        if export.form == "csv":
            name = f"replica/{scenario.replica.short}/recovery-points-{_stamp(scenario.replica, export.time)}.csv"
            zone = _zone_text(scenario.replica, export.time)
            lines += ["[[source]]", f'path = "{name}"', f'timezone = "{zone}"', f'culture = "{export.culture}"', ""]
    for test in story.tests:
        lines += _declaration(story, test)
    if scenario.clocks_declared:
        for computer in (scenario.guest, *scenario.primaries):
            offset = scenario.replica.clock.ahead_s - computer.clock.ahead_s
            lines += ["[[clock]]", f'computer = "{computer.name}"', f"offset_s = {offset:g}", ""]
    return "\n".join(lines)


def _zone_text(host: Host, time: datetime) -> str:
    key = getattr(host.zone, "key", None)
    return str(key) if key else exports.iso(_local(host, time))[-6:]


def _declaration(story: Story, test: Tested) -> list[str]:
    if not test.failover.declared:
        return []
    boot = test.failover.boot.time - timedelta(minutes=2)
    point = test.point.key if test.point else "latest"
    return [
        "[[test_failover]]", f'vm = "{story.scenario.guest.vm_name}"', f'path = "{test.failover.name}/*"',
        f'recovery_point = "{point}"', f'boot_after = "{boot:%Y-%m-%dT%H:%M:%SZ}"', "",
    ]
