"""Plays a scenario: fills the books of all computers and makes the recovery points, all in true time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from kit.practice import host_messages, os_messages, sql_messages, vss_messages, writer_trace
from kit.practice.boot_story import tell_boot
from kit.practice.journal import NOISE, NORMAL, Book, Tag, first_ids, seconds
from kit.practice.other_snapshots import tell_snapshots
from kit.practice.scenario import APP, STANDARD, Export, Failover, Image, Scenario, Stream
from kit.practice.vss_story import GENUINE, Trace, tell
from kit.practice.world import Guest

OTHER = Tag("other_requestor")
FEW_PAIRS = 12  # fewer pairs leave clocks and schedule open
BESIDE = 3  # so many operations on either side of a correction of the clock may stay open
CREATED = "2013/02/11(09:14:52)"
ORDINARY_SERVICES = (
    ("WinHTTP Web Proxy Auto-Discovery Service", "WinHttpAutoProxySvc"),
    ("Application Experience", "AeLookupSvc"),
    ("Windows Modules Installer", "TrustedInstaller"),
)


@dataclass(frozen=True)
class Point:
    """A recovery point: id, type, true time of creation, and the operation it comes from (None: none was scheduled)."""

    key: str
    kind: str
    time: datetime
    operation: int | None


@dataclass(frozen=True)
class Tested:
    """A test failover as played: the book of the test machine, and the true moment at which its image was cut."""

    failover: Failover
    book: Book
    image: datetime
    point: Point | None
    vm_id: UUID


@dataclass
class Story:
    """A scenario after it was played."""

    scenario: Scenario
    guest: Book
    hosts: list[Book]
    replica: Book
    points: list[Point] = field(default_factory=list)
    traces: dict[int, Trace] = field(default_factory=dict)
    tests: list[Tested] = field(default_factory=list)

    def listed(self, export: Export) -> list[Point]:
        """The points that an export lists: those of the history at that time, newest last."""
        return [point for point in self.points if point.time <= export.time][-export.keep :]

    def known(self) -> list[Point]:
        """The points that any export lists, in order; nobody can judge the others."""
        listed = {point.key for export in self.scenario.exports for point in self.listed(export)}
        return [point for point in self.points if point.key in listed]

    def point_of(self, operation: int) -> Point:
        """The point that an operation led to."""
        return next(point for point in self.points if point.operation == operation)


def play(scenario: Scenario) -> Story:
    """The story of a scenario; the same scenario gives the same story."""
    rng = Random(scenario.seed)
    channels = ("Application", "System", "Directory Service")
    host_channels = (host_messages.VMMS[2], host_messages.WORKER[2])
    hosts = [Book(host, first_ids=first_ids(host_channels, rng)) for host in scenario.primaries]
    replica = Book(scenario.replica, first_ids=first_ids(host_channels, rng))
    story = Story(scenario, Book(scenario.guest, first_ids=first_ids(channels, rng)), hosts, replica)
    _instances_start(story, rng)
    _ordinary_life(story, rng)
    for number in range(len(scenario.plans)):
        _operation(story, number, rng)
    if scenario.standard_between:
        _standard_points(story, rng)
    story.points.sort(key=lambda point: point.time)
    for stream in scenario.streams:
        _stream(story, stream, rng)
    if scenario.snapshots:
        own = Random(f"{scenario.seed}/snapshots")
        scheduled = sum(plan.kind == APP and bool(story.traces[n].thaw) for n, plan in enumerate(scenario.plans))
        tell_snapshots(scenario.snapshots, scenario.guest, story.guest, hosts[0], own, scheduled >= FEW_PAIRS)
    for failover in scenario.failovers:
        _test(story, failover, rng)
    _resynchronisation(story)
    return story


def _identifier(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _instances_start(story: Story, rng: Random) -> None:
    """The instances started days before; their error logs begin then, the event logs no longer reach back."""
    scenario = story.scenario
    if scenario.guest.traced:
        time = scenario.begin - scenario.lead - timedelta(days=3, hours=10)
        number = max(one.version.major for one in scenario.guest.instances)
        shown = scenario.guest.clock.shows(time)
        for line in writer_trace.service_start(shown, scenario.guest.zone, f"{number}.0.2000.5"):
            story.guest.trace(time, line.thread, line.text)
    for instance in scenario.guest.instances:
        time = scenario.begin - scenario.lead - timedelta(days=3, hours=rng.randrange(9), minutes=rng.randrange(60))
        story.guest.started(instance, time)
        time += seconds(0.4)
        story.guest.sql(instance, time, sql_messages.instance_start())
        for number, (database, _) in enumerate(instance.databases):
            time += seconds(rng.uniform(0.1, 0.9))
            story.guest.sql(instance, time, sql_messages.starting(database, f"spid{12 + number}s"))
        story.guest.sql(instance, time + seconds(1), sql_messages.instance_recovered())
        story.guest.sql(instance, time + seconds(1.2), sql_messages.ready())


def _ordinary_life(story: Story, rng: Random) -> None:
    """Records that have nothing to do with anything, at irregular times, on every computer."""
    scenario = story.scenario
    guest = scenario.guest
    time = scenario.begin - scenario.lead
    for when, by_s in guest.clock.corrections:
        if guest.windows.evtx:
            new = guest.clock.shows(when)
            story.guest.log(when, os_messages.time_changed(new, new - seconds(by_s)))
    for edge in _edges(scenario):
        story.guest.log(edge, os_messages.policy_applied())
        story.guest.log(edge, os_messages.service_state("Windows Update", "running", "wuauserv", guest.windows))
        if any(store.process == "NTDS" for store in guest.stores):
            story.guest.log(edge, vss_messages.directory_defragmented())
    while time < scenario.collected:
        time += timedelta(minutes=rng.uniform(6, 17))
        _ordinary_record(story, guest, time, rng)
        if rng.random() < 0.08:
            host = rng.choice([*story.hosts, story.replica])
            trace = host_messages.internal_trace(guest.vm_name, str(guest.vm_id), str(_identifier(rng)).upper())
            host.log(time, trace, NOISE)


def _edges(scenario: Scenario) -> list[datetime]:
    """Moments just inside of what survives of the logs: only a record proves that a log reaches there."""
    edges = {scenario.begin - scenario.lead + seconds(2), scenario.collected - seconds(3)}
    for kept in scenario.kept.values():
        edges |= {kept.since + seconds(9)} if kept.since else set()
        edges |= {kept.until - seconds(4)} if kept.until else set()
        for begin, end in kept.damage:
            edges |= {begin - seconds(20), end + seconds(20)}
    return sorted(edges)


def _ordinary_record(story: Story, guest: Guest, time: datetime, rng: Random) -> None:
    turn = rng.random()
    if turn < 0.55:
        name, short = rng.choice(ORDINARY_SERVICES)
        for state in ("running", "stopped"):
            story.guest.log(time, os_messages.service_state(name, state, short, guest.windows))
            time += seconds(rng.uniform(60, 400))
    elif turn < 0.8 or "login" not in guest.noise or not guest.instances:
        story.guest.log(time, os_messages.policy_applied())
    else:
        failed = sql_messages.login_failed("reporting", f"10.20.0.{rng.randrange(11, 90)}")
        story.guest.sql(rng.choice(guest.instances), time, failed, NOISE)


def _operation(story: Story, number: int, rng: Random) -> None:
    scenario, plan = story.scenario, story.scenario.plans[number]
    key = str(_identifier(rng))
    due = scenario.scheduled(number) + seconds(rng.uniform(1, 26) + (rng.uniform(0, 60) if rng.random() < 0.1 else 0))
    trace = tell(story.guest, scenario.guest, due, plan.fate, rng, key)
    story.traces[number] = trace
    failed = plan.fate in GENUINE
    if plan.kind == APP and trace.thaw:
        created = trace.thaw + seconds(rng.uniform(*scenario.lag_s))
    else:
        created = trace.end + seconds(rng.uniform(4, 25))
    story.points.append(Point(key, STANDARD if scenario.extended else plan.kind, created, number))
    if failed and plan.kind != APP:
        event = host_messages.vss_set_failed(scenario.guest.vm_name, str(scenario.guest.vm_id))
        host = story.hosts[plan.host % len(story.hosts)]
        host.log(trace.end + seconds(rng.uniform(0.5, 3)), event, Tag("genuine_failure", key))


def _standard_points(story: Story, rng: Random) -> None:
    """Hours between two operations have points without the claim."""
    scenario = story.scenario
    for number in range(len(scenario.plans)):
        for hour in range(1, scenario.interval_h):
            time = scenario.scheduled(number) + timedelta(hours=hour) + seconds(rng.uniform(2, 50))
            if time < scenario.collected - timedelta(minutes=20):
                story.points.append(Point(str(_identifier(rng)), STANDARD, time, None))


def _stream(story: Story, stream: Stream, rng: Random) -> None:
    """Another product backs databases up through virtual devices or to disk."""
    book, time = story.guest, stream.time
    for instance in story.scenario.guest.instances:
        for database in (name for name in instance.user_databases if name in stream.databases):
            time += seconds(rng.uniform(20, 90))
            if stream.failed:
                _stream_failure(story, time, database, rng)
                continue
            device = f"FILE=1, TYPE=DISK: {{'E:\\Backup\\{database}_{time:%Y%m%d}.bak'}}"
            lsn, pages = f"{time.day + 40}:{time.hour * 60 + time.minute}:53", 20_000 + rng.randrange(9000)
            book.sql(instance, time, sql_messages.backed_up(database, device, pages, lsn, CREATED), OTHER)


def _stream_failure(story: Story, time: datetime, database: str, rng: Random) -> None:
    instance = next(one for one in story.scenario.guest.instances if database in one.user_databases)
    device = f"VNBU0-{rng.randrange(1000, 9999)}-{rng.randrange(1000, 9999)}-{int(time.timestamp())}"
    abort = vss_messages.client_abort(device, instance.vdi_name, 5120, 6000 + rng.randrange(90))
    story.guest.log(time, abort, OTHER)
    words = sql_messages.NOT_FOUND if instance.version.major < 10 else sql_messages.ABORTED
    failure = sql_messages.device_failed("BackupIoRequest::ReportIoError", "write", device, words, "spid63")
    story.guest.sql(instance, time + seconds(0.05), failure, OTHER)
    story.guest.sql(instance, time + seconds(0.09), sql_messages.backup_failed(f"BACKUP DATABASE {database}"), OTHER)


def _test(story: Story, failover: Failover, rng: Random) -> None:
    """A test machine is made from an image, started, and leaves its logs; the replica host notes the machine."""
    scenario = story.scenario
    image = _cut(story, failover, rng)
    flushed = image - seconds(rng.uniform(4, 9)) if failover.image is Image.UNFLUSHED else image
    book = story.guest.until(flushed)
    alive = scenario.guest.clock.shows(image - seconds(rng.uniform(1, 55)))
    tell_boot(book, scenario.guest, failover.boot, scenario.replica, alive, rng)
    vm_id = _identifier(rng)
    name = f"{scenario.guest.vm_name} - Test"
    for offset, event in (
        (-40, host_messages.machine_created(name, str(vm_id))), (-9, host_messages.machine_started(name, str(vm_id))),
        (2400, host_messages.machine_off(name, str(vm_id))), (2460, host_messages.machine_deleted(name, str(vm_id))),
    ):
        story.replica.log(failover.boot.time + seconds(offset), event, NORMAL)
    point = None if failover.operation is None else story.point_of(failover.operation)
    story.tests.append(Tested(failover, book, image, point, vm_id))


def _cut(story: Story, failover: Failover, rng: Random) -> datetime:
    if failover.operation is None:
        return failover.boot.time - timedelta(minutes=rng.uniform(3, 6))
    trace = story.traces[failover.operation]
    assert trace.freeze and trace.thaw
    if failover.image is Image.LATE:
        return trace.thaw + timedelta(minutes=rng.uniform(11.5, 14))
    # all databases are frozen, none has resumed: the last freeze record is followed by at least 0.4 s of hold
    during = (e for e in story.guest.events if trace.freeze <= e.time < trace.thaw)
    frozen = max(e.time for e in during if e.event.event_id == 3197)
    return frozen + seconds(rng.uniform(0.05, 0.3))


def _resynchronisation(story: Story) -> None:
    """Resynchronisation deletes the points before it and begins a new history."""
    span = story.scenario.resynchronised
    if span is None:
        return
    guest = story.scenario.guest
    for time, begin in zip(span, (True, False), strict=True):
        story.hosts[0].log(time, host_messages.resynchronisation(guest.vm_name, str(guest.vm_id), begin))
    story.points = [point for point in story.points if point.time > span[1]]
