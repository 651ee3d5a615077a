"""Writes played stories as an analyst would receive them: logs, lists and case.toml, in the folders of a case.

A case has one machine, or several machines of the same hosts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from kit.practice import exports, hyperv_objects
from kit.practice.exports import PsObject
from kit.practice.journal import Book, Kept, Labels, write_errorlogs, write_log, write_writer_trace
from kit.practice.scenario import Export, Scenario
from kit.practice.stage import Story, Tested
from kit.practice.state_files import local, states
from kit.practice.world import Computer, Host

SUFFIX = {"csv": "csv", "json51": "json", "json7": "json", "clixml": "xml"}


def write_case(stories: Sequence[Story], folder: Path) -> list[Labels]:
    """What the records of each log are, after writing the whole case into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = _hosts(stories, folder)
    for story in stories:
        labels += _guest(story, folder)
        for test in story.tests:
            labels += _test(story, test, folder)
        for export in story.scenario.exports:
            _points(story, export, folder)
        for name, form, objects in states(story):
            _write(_made(folder / name), form, objects)
    (folder / "case.toml").write_text(case_toml(stories), encoding="utf-8", newline="\n")
    return labels


def _made(path: Path) -> Path:
    """The path, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _guest(story: Story, root: Path) -> list[Labels]:
    scenario, book = story.scenario, story.guest
    place = root / scenario.folder
    place.mkdir(parents=True, exist_ok=True)
    labels = [
        write_log(place, root, book, channel, scenario.survives(channel))
        for channel in book.channels() if channel not in scenario.missing
    ]
    if "ERRORLOG" not in scenario.missing:
        kept = Kept(until=scenario.errorlog_until or scenario.collected)
        labels += _sql_logs(place, root, book, scenario, kept)
    if not any(place.iterdir()):
        place.rmdir()
    return labels


def _sql_logs(place: Path, root: Path, book: Book, scenario: Scenario, kept: Kept) -> list[Labels]:
    """Error logs of every instance, and the writer's trace."""
    labels = []
    for instance in scenario.guest.instances:
        sub = place if instance.name == "MSSQLSERVER" else place / instance.name
        sub.mkdir(parents=True, exist_ok=True)
        labels += write_errorlogs(sub, root, book, instance, kept)
    return labels + write_writer_trace(place, root, book, kept)


def _hosts(stories: Sequence[Story], root: Path) -> list[Labels]:
    """The logs of every host, with the records of all machines."""
    first = stories[0].scenario
    if "hosts" in first.missing:
        return []
    kept = Kept(until=max(story.scenario.collected for story in stories))
    places = [("primary", [story.hosts[n] for story in stories]) for n in range(len(first.primaries))]
    places.append(("replica", [story.replica for story in stories]))
    labels = []
    for role, books in places:
        events = [entry for book in books for entry in book.events]
        whole = Book(books[0].computer, events, first_ids=books[0].first_ids)
        place = root / role / whole.computer.short
        place.mkdir(parents=True, exist_ok=True)
        labels += [write_log(place, root, whole, channel, kept) for channel in whole.channels()]
    return labels


def _test(story: Story, test: Tested, root: Path) -> list[Labels]:
    """The logs of a test machine: the history of the guest up to the image, then the boot."""
    scenario = story.scenario
    place = root / test.failover.name
    place.mkdir(parents=True, exist_ok=True)
    kept = Kept(since=scenario.begin - scenario.lead)
    labels = [write_log(place, root, test.book, channel, kept) for channel in test.book.channels()]
    return labels + _sql_logs(place, root, test.book, scenario, Kept())


def _points(story: Story, export: Export, root: Path) -> None:
    """The list of points as the replica host shows it at that time: the newest ones, within the history."""
    scenario = story.scenario
    host, guest = scenario.replica, scenario.guest
    objects: list[PsObject] = []
    parent = None
    for point in story.listed(export):
        created, key, vm = local(host, point.time), UUID(point.key), guest.vm_name
        objects.append(hyperv_objects.snapshot(vm, guest.vm_id, key, point.kind, created, host.short, parent))
        parent = (hyperv_objects.point_name(vm, point.kind, created), key)
    _write(_made(root / _list_name(story, export)), export.form, objects, export.culture)


def _list_name(story: Story, export: Export) -> str:
    host = story.scenario.replica
    return f"replica/{host.short}/recovery-points{story.scenario.suffix}-{local(host, export.time):%Y%m%d-%H%M}"


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


def case_toml(stories: Sequence[Story]) -> str:
    """The text of case.toml: what the one who collected the evidence knew."""
    first = stories[0].scenario
    lines = ["[case]", f"id = {json.dumps(first.case_id)}", f"title = {json.dumps(first.title)}"]
    lines += ['examiner = "Practice"', 'requester = "Contoso IT operations"']
    lines += [f"question = {json.dumps(first.question)}", ""]
    for story in stories:
        for export in story.scenario.exports:
            lines += _source(story, export)
        for test in story.tests:
            lines += _declaration(story, test)
    clocked: dict[str, Computer] = {}
    for story in stories:
        if story.scenario.clocks_declared:
            clocked |= {one.name: one for one in (story.scenario.guest, *story.scenario.primaries)}
    for computer in clocked.values():
        offset = first.replica.clock.ahead_s - computer.clock.ahead_s
        lines += ["[[clock]]", f'computer = "{computer.name}"', f"offset_s = {offset:g}", ""]
    return "\n".join(lines)


def _source(story: Story, export: Export) -> list[str]:
    """A CSV list has local times without a zone, so its zone and culture are written down."""
    if export.form != "csv":
        return []
    zone = _zone_text(story.scenario.replica, export.time)
    name = f"{_list_name(story, export)}.csv"
    return ["[[source]]", f'path = "{name}"', f'timezone = "{zone}"', f'culture = "{export.culture}"', ""]


def _zone_text(host: Host, time: datetime) -> str:
    key = getattr(host.zone, "key", None)
    offset = local(host, time).strftime("%z")
    return str(key) if key else f"{offset[:3]}:{offset[3:]}"


def _declaration(story: Story, test: Tested) -> list[str]:
    if not test.failover.declared:
        return []
    boot = test.failover.boot.time - timedelta(minutes=2)
    mistaken = test.failover.mistaken_for
    named = test.point if mistaken is None else story.point_of(mistaken)
    point = named.key if named else "latest"
    return [
        "[[test_failover]]", f'vm = "{story.scenario.guest.vm_name}"', f'path = "{test.failover.name}/*"',
        f'recovery_point = "{point}"', f'boot_after = "{boot:%Y-%m-%dT%H:%M:%SZ}"', "",
    ]
