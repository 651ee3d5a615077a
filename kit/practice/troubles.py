"""Steps that complete a made-up scenario: exports, other backups, test failovers, and what happens to the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from kit.practice.boot_story import Boot
from kit.practice.journal import Kept
from kit.practice.scenario import APP, By, Export, Failover, Image, Plan, Scenario, Snapshot, Stream
from kit.practice.vss_story import Fate

HISTORY = 24
FORMS = ("csv", "json51", "json7", "clixml")
CULTURES = ("en-US", "en-GB", "de-DE")
PUT_BY_S = (-7200.0, -3600.0, 3600.0, 7200.0)  # a clock put by whole hours: daylight saving done by hand, a wrong zone
TESTABLE = frozenset({Fate.BENIGN, Fate.CLEAN})


def exported(made: Scenario, rng: Random) -> Scenario:
    """Exports often enough that the history of 24 points loses none, in drawn formats, the last at the end."""
    step = timedelta(hours=(1 if made.standard_between else made.interval_h) * (HISTORY - 2))
    times = [made.collected - timedelta(minutes=rng.uniform(4, 9))]
    while times[-1] - step > made.begin:
        times.append(times[-1] - step)
    forms = [rng.choice(FORMS) for _ in times]
    exports = (Export(t, form, rng.choice(CULTURES)) for t, form in zip(reversed(times), forms, strict=True))
    return replace(made, exports=tuple(exports))


def streamed(made: Scenario, rng: Random) -> Scenario:
    """Another product backs up every night in some stories, half an hour from the operations, and fails at times."""
    if rng.random() > 0.4:
        return made
    names = [name for one in made.guest.instances for name in one.user_databases]
    every = max(1, 24 // made.interval_h)
    first = rng.randrange(every)
    streams = [
        Stream(made.scheduled(number) + timedelta(minutes=26), tuple(names[: rng.randint(1, 2)]), rng.random() < 0.4)
        for number in range(first, len(made.plans) - 1, every)
    ]
    return replace(made, streams=tuple(streams))


def snapshotted(made: Scenario, rng: Random) -> Scenario:
    """In some stories a second requestor takes a snapshot every night, off the schedule, and fails at times."""
    if rng.random() > 0.3:
        return made
    kinds = tuple(By) if made.guest.windows.evtx else (By.AGENT, By.HOST)  # 2003 has no Windows Server Backup
    by = rng.choice(kinds)
    every = max(1, 24 // made.interval_h)
    first = rng.randrange(min(every, len(made.plans) - 1))
    minutes = rng.choice((39, 41, 44))
    return replace(
        made,
        snapshots=tuple(
            Snapshot(made.scheduled(number) + timedelta(minutes=minutes), by, rng.random() < 0.25)
            for number in range(first, len(made.plans) - 1, every)
        ),
    )


def corrected(made: Scenario, rng: Random) -> Scenario:
    """In some stories the guest's clock is put right, or wrong, once or twice on the way, between two operations."""
    if made.clocks_declared or len(made.plans) < 4 or rng.random() > 0.12:
        return made
    numbers = sorted(rng.sample(range(1, len(made.plans) - 1), 1 if rng.random() < 0.75 else 2))
    corrections = tuple(
        (made.scheduled(number) + made.interval * rng.uniform(0.3, 0.8), _put_by(rng)) for number in numbers
    )
    clock = replace(made.guest.clock, corrections=corrections)
    return replace(made, guest=replace(made.guest, clock=clock))


def _put_by(rng: Random) -> float:
    if rng.random() < 0.4:
        return rng.choice(PUT_BY_S)
    return round(rng.choice((-1, 1)) * rng.uniform(30, 900), 1)


def tested(made: Scenario, rng: Random) -> Scenario:
    """Up to two test failovers: of the right point, of a mislabelled one, of the latest state."""
    if made.extended or rng.random() < 0.35:
        return made
    candidates = [
        n for n, plan in enumerate(made.plans[:-1]) if plan.fate in TESTABLE and plan.kind == APP and n
    ]
    chosen = sorted(rng.sample(candidates, min(len(candidates), rng.randint(1, 2))))
    failovers = [_failover(made, rng, index, number) for index, number in enumerate(chosen, 1)]
    later = [n for n in candidates if chosen and n > chosen[-1]]
    if later and rng.random() < 0.15:
        failovers[-1] = _mistaken(failovers[-1], chosen[-1], later[0])
    return replace(made, failovers=tuple(failovers))


def _mistaken(failover: Failover, booted: int, named: int) -> Failover:
    """The notes name a newer point than the one that was really booted."""
    boot = replace(failover.boot, rolled_back={}, failed=frozenset(), silent=frozenset(), explained=True)
    return replace(failover, operation=booted, image=Image.INSIDE, boot=boot, declared=True, mistaken_for=named)


def _failover(made: Scenario, rng: Random, index: int, number: int) -> Failover:
    time = _free_time(made, rng, number)
    databases = [name for one in made.guest.instances for name in one.user_databases]
    some = {rng.choice(databases): rng.randint(1, 9)}
    quirk = rng.random() < 0.2
    uptime = rng.randrange(90_000, 2_000_000)
    folder = f"test-failover-{index}"
    kind = rng.random()
    inside = Boot(time, uptime_s=uptime)
    back = replace(inside, rolled_back=some, explained=False)
    if kind < 0.35:
        return Failover(folder, number, Image.INSIDE, replace(inside, local_rtc=quirk), rng.random() < 0.75)
    if kind < 0.5:
        return Failover(folder, number, Image.INSIDE, replace(back, explained=True))
    if kind < 0.6:
        return Failover(folder, number, Image.UNFLUSHED, back)
    if kind < 0.68:
        return Failover(folder, number, Image.UNFLUSHED, replace(inside, silent=frozenset({"model"})))
    if kind < 0.8:
        return Failover(folder, number, Image.LATE, back)
    if kind < 0.88:
        return Failover(folder, number, Image.INSIDE, replace(inside, failed=frozenset(some)))
    return Failover(folder, None, Image.LATEST, replace(back, local_rtc=quirk))


def _free_time(made: Scenario, rng: Random, number: int) -> datetime:
    """A moment after the point exists and before it leaves the history."""
    earliest = made.scheduled(number) + timedelta(minutes=32)
    step = 1 if made.standard_between else made.interval_h
    latest = min(made.collected - timedelta(minutes=5), earliest + timedelta(hours=step * (HISTORY - 3)))
    return earliest + (latest - earliest) * rng.uniform(0.05, 0.9)


def troubled(made: Scenario, rng: Random) -> Scenario:
    """What happens to the evidence: nothing, a missing source, a wrapped log, a destroyed chunk, a new history."""
    draw = rng.random()
    if draw < 0.4:
        return made
    if draw < 0.62:
        source = rng.choice(("hosts", "ERRORLOG", "replication", "System", "Application"))
        gone = {source, "ERRORLOG"} if source == "Application" else {source}  # the writer's trace goes with it
        return replace(made, missing=frozenset(gone))
    if draw < 0.76:
        return _wrapped(made, rng)
    if draw < 0.9 and made.guest.windows.evtx:
        return _damaged(made, rng)
    return _resynchronised(made, rng)


def _between(made: Scenario, number: int) -> datetime:
    """A moment well between two operations."""
    return made.scheduled(number) + made.interval / 2


def _wrapped(made: Scenario, rng: Random) -> Scenario:
    """The guest's event logs no longer reach back to the beginning, and nobody kept the error log."""
    since = _between(made, rng.randrange(1, max(2, len(made.plans) * 2 // 3)))
    kept = Kept(since=since, until=made.collected)
    return replace(made, kept=dict.fromkeys(("Application", "System", "Directory Service"), kept),
                   missing=frozenset({"ERRORLOG"}))


def _damaged(made: Scenario, rng: Random) -> Scenario:
    """A stretch of the Application log is destroyed; the error log was collected before it."""
    first = rng.randrange(1, len(made.plans) - 1)
    begin, end = made.scheduled(first) - timedelta(minutes=24), made.scheduled(first) + timedelta(minutes=24)
    kept = Kept(made.begin - made.lead, made.collected, ((begin, end),))
    before = made.scheduled(first) - timedelta(minutes=26)
    return replace(made, kept={"Application": kept}, errorlog_until=before)


def _resynchronised(made: Scenario, rng: Random) -> Scenario:
    """The history begins anew in the middle; test failovers of deleted points did not happen."""
    number = rng.randrange(1, max(2, len(made.plans) // 2))
    start = _between(made, number) - timedelta(minutes=6)
    end = start + timedelta(minutes=rng.uniform(5, 11))
    failovers = tuple(one for one in made.failovers if one.operation is not None and one.operation > number)
    exports = tuple(one for one in made.exports if one.time > end)
    return replace(made, resynchronised=(start, end), failovers=failovers, exports=exports)


def told(made: Scenario) -> str:
    """The story in one sentence of facts."""
    guest = made.guest
    parts = [
        f"{guest.vm_name}: Windows Server {guest.windows.name}, SQL Server "
        + ", ".join(f"{one.version.year} ({one.name}: {', '.join(one.user_databases)})" for one in guest.instances),
        f"{len(made.plans)} operations every {made.interval_h} h",
        f"guest clock ahead by {guest.clock.ahead_s:g} s, gaining {guest.clock.gains_s_per_day:g} s a day",
    ]
    for when, by_s in guest.clock.corrections:
        put = "forward" if by_s > 0 else "back"
        parts.append(f"guest clock put {put} by {abs(by_s):g} s at {when:%Y-%m-%d %H:%M} UTC")
    parts += [f"store {store.name}" for store in guest.stores]
    parts += [f"{count} x {fate.value}" for fate, count in _odd(made.plans)]
    parts += [f"{one.name}: image cut {one.image.value}" for one in made.failovers]
    parts += [f"{one.name}: the notes name another point" for one in made.failovers if one.mistaken_for is not None]
    parts += [f"{len(made.snapshots)} x snapshot by {made.snapshots[0].by.value}"] if made.snapshots else []
    parts += [f"missing: {', '.join(sorted(made.missing))}"] if made.missing else []
    parts += ["log wrapped or damaged"] if made.kept else []
    parts += ["resynchronised"] if made.resynchronised else []
    parts += ["extended replica"] if made.extended else []
    return "; ".join(parts)


def _odd(plans: tuple[Plan, ...]) -> list[tuple[Fate, int]]:
    fates = [plan.fate for plan in plans]
    return [(fate, fates.count(fate)) for fate in Fate if fate in fates and fate not in TESTABLE]
