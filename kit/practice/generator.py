"""Makes up scenarios: deployments of every kind from Windows Server 2003 to 2022, and what befalls them.

A seed and a number give one scenario, always the same. The guest systems take turns, so that a handful of cases already
differs; the rest is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from kit.practice.errorlog_writer import VERSIONS
from kit.practice.os_messages import WINDOWS, Windows
from kit.practice.scenario import Plan, Scenario
from kit.practice.troubles import corrected, exported, snapshotted, streamed, tested, told, troubled
from kit.practice.vss_story import GENUINE, Fate
from kit.practice.world import Clock, Guest, Host, Instance, Store

SYSTEMS = {  # guest system: versions of SQL Server on it, first and last year of a story
    "2003": (("2005",), 2012, 2015),
    "2008": (("2005", "2008"), 2012, 2017),
    "2008 R2": (("2005", "2008", "2008 R2", "2012"), 2012, 2019),
    "2012": (("2008 R2", "2012", "2014"), 2013, 2021),
    "2012 R2": (("2012", "2014", "2016"), 2014, 2022),
    "2016": (("2014", "2016", "2017"), 2017, 2024),
    "2019": (("2016", "2017", "2019"), 2019, 2025),
    "2022": (("2019", "2022"), 2022, 2025),
}
ZONES = (
    "Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata", "Australia/Sydney", "Europe/London", "Asia/Tokyo",
)
DATABASES = ("Sales", "Ledger", "Payroll", "ERP-Prod", "Stock 2", "Reporting", "CRM", "Archive_2013")
QUESTION = "Which of these recovery points can be trusted?"
MOST_OPERATIONS = 96
FATES = (
    (Fate.HOLD_TIMEOUT, 0.05), (Fate.WRITER_TIMEOUT, 0.03), (Fate.TORN, 0.02), (Fate.EARLY_ABORT, 0.03),
    (Fate.SILENT, 0.02), (Fate.PARTIAL, 0.02), (Fate.COLLISION, 0.03),
)


def scenario(seed: int | str, number: int) -> Scenario:
    """The scenario of a seed and a number."""
    rng = Random(f"{seed}/{number}")
    system = list(SYSTEMS)[number % len(SYSTEMS)]
    begin, interval, count = _calendar(rng, system)
    domain = rng.choice(("contoso.example", "fabrikam.example", "corp.example"))
    guest, primaries = _guest(rng, system, begin, domain), _primaries(rng, domain)
    made = Scenario(
        case_id=f"practice-{number:03d}", title=f"{guest.vm_name}: practice case {number}", question=QUESTION,
        story="", seed=f"{seed}/{number}/story", guest=guest, primaries=primaries,
        replica=Host(f"HVR{rng.randrange(1, 9)}.{domain}", _host_windows(rng), _zone(rng)),
        begin=begin, interval_h=interval, plans=_plans(rng, count, _usual(rng, system), len(primaries)),
        lead=timedelta(hours=rng.choice((1, 2, 3))),
        collected=begin + timedelta(hours=interval * (count - 1), minutes=rng.uniform(40, 170)),
        standard_between=interval > 1 and rng.random() < 0.6, extended=rng.random() < 0.06,
    )
    declared = guest.clock == Clock() and all(host.clock == Clock() for host in primaries) and rng.random() < 0.5
    for step in (exported, streamed, tested, troubled):
        made = step(replace(made, clocks_declared=declared), rng)
    made = snapshotted(made, Random(f"{seed}/{number}/snapshots"))
    made = corrected(made, Random(f"{seed}/{number}/clock"))
    return replace(made, story=told(made))


def scenarios(seed: int | str, number: int) -> list[Scenario]:
    """The scenarios of one case: one machine, or two or three that share hosts and calendar."""
    first = scenario(seed, number)
    rng = Random(f"{seed}/{number}/machines")
    if rng.random() > 0.15 or first.resynchronised or first.extended:
        return [first]
    machines = [first]
    for turn in range(1, rng.choice((2, 2, 3))):
        other = scenario(f"{seed}/{turn}", number)
        if other.guest.vm_name not in {one.guest.vm_name for one in machines}:
            machines.append(_neighbour(first, other))
    return [_placed(one) for one in machines] if len(machines) > 1 else machines


def _neighbour(first: Scenario, other: Scenario) -> Scenario:
    """Another machine of the same deployment: its own guest and mishaps, the hosts, calendar and lists of the first."""
    rng = Random(f"{other.seed}/neighbour")
    plans = _plans(rng, len(first.plans), _usual(rng, other.guest.windows.name), len(first.primaries))
    guest = replace(other.guest, clock=replace(other.guest.clock, corrections=()))
    made = replace(
        first, seed=f"{first.seed}/{other.guest.vm_name}", guest=guest, plans=plans, streams=(),
        snapshots=(), failovers=(), kept={},
        missing=first.missing & {"hosts", "replication"}, errorlog_until=None, story="",
        clocks_declared=first.clocks_declared and other.guest.clock == Clock(),
    )
    made = tested(streamed(made, rng), rng)
    made = snapshotted(made, Random(f"{other.seed}/snapshots"))
    made = corrected(made, Random(f"{other.seed}/clock"))
    return replace(made, story=told(made))


def _placed(one: Scenario) -> Scenario:
    """The scenario with folders of its own, so that machines do not overwrite each other."""
    name = one.guest.vm_name
    failovers = tuple(replace(f, name=f.name.replace("test-failover", f"test-failover-{name}")) for f in one.failovers)
    return replace(one, folder=f"guests/{name}", suffix=f"-{name}", failovers=failovers)


def _calendar(rng: Random, system: str) -> tuple[datetime, int, int]:
    """Begin, hours between operations, how many there are; some stories cross a change of daylight-saving time."""
    _, first, last = SYSTEMS[system]
    changing = rng.random() < 0.2
    month, day = rng.choice(((3, 28), (10, 24))) if changing else (rng.randint(1, 12), rng.randint(1, 28))
    minute = rng.choice((0, 0, 7, 23))
    begin = datetime(rng.randint(first, last), month, day, rng.randrange(24), minute, tzinfo=UTC)
    interval = rng.choice((1, 1, 2, 3, 4, 6, 8, 12))
    days = rng.choice((1, 1, 2, 2, 3, 5, 7, 14))
    return begin, interval, max(4, min(days * 24 // interval, MOST_OPERATIONS))


def _host_windows(rng: Random) -> Windows:
    return WINDOWS[rng.choice(("2012 R2", "2012 R2", "2016", "2019"))]


def _zone(rng: Random) -> tzinfo:
    return ZoneInfo(rng.choice(ZONES)) if rng.random() < 0.8 else timezone(timedelta(hours=rng.randint(-8, 9)))


def _usual(rng: Random, system: str) -> Fate:
    """What usually becomes of an operation in this guest."""
    return Fate.CLEAN if rng.random() < (0.1 if WINDOWS[system].major < 10 else 0.35) else Fate.BENIGN


def _plans(rng: Random, count: int, usual: Fate, hosts: int) -> tuple[Plan, ...]:
    """Fates of all operations; a genuine failure is mislabelled now and then; in a cluster the machine moves once."""
    moved = rng.randrange(1, count) if hosts > 1 else count
    plans = []
    for number in range(count):
        fate = _fate(rng, usual)
        false_label = (fate in GENUINE or fate is Fate.SILENT) and rng.random() < 0.35
        plans.append(Plan(fate, True if false_label else None, int(number >= moved)))
    return tuple(plans)


def _fate(rng: Random, usual: Fate) -> Fate:
    draw = rng.random()
    for fate, share in FATES:
        draw -= share
        if draw < 0:
            return fate
    return usual


def _primaries(rng: Random, domain: str) -> tuple[Host, ...]:
    windows, zone = _host_windows(rng), _zone(rng)
    clock = Clock() if rng.random() < 0.6 else Clock(rng.uniform(-20, 20))
    count = 2 if rng.random() < 0.25 else 1
    return tuple(Host(f"HVP{number}.{domain}", windows, zone, clock) for number in range(1, count + 1))


def _guest(rng: Random, system: str, begin: datetime, domain: str) -> Guest:
    name = f"{rng.choice(('SQL', 'APP', 'DB', 'ERP'))}{rng.randrange(10, 99)}"
    stores = _stores(rng, system)
    return Guest(
        f"{name}.{domain}", WINDOWS[system], _zone(rng), _guest_clock(rng, begin), vm_name=name,
        vm_id=UUID(int=rng.getrandbits(128), version=4), instances=_instances(rng, system), stores=stores,
        volumes=("C:", "D:", "E:")[: rng.choice((2, 2, 3))],
        noise=frozenset(noise for noise in ("8194", "login") if rng.random() < 0.7),
    )


def _guest_clock(rng: Random, begin: datetime) -> Clock:
    """A third of the guests keep time; the others are off by seconds, minutes or hours, some drift."""
    kind = rng.random()
    if kind < 0.35:
        return Clock()
    span = 30.0 if kind < 0.6 else 900.0 if kind < 0.85 else 43_200.0
    drift = rng.uniform(-3, 3) if rng.random() < 0.3 else 0.0
    return Clock(round(rng.choice((-1, 1)) * rng.uniform(1, span), 1), round(drift, 2), begin)


def _instances(rng: Random, system: str) -> tuple[Instance, ...]:
    versions = SYSTEMS[system][0]
    names = rng.choice((("MSSQLSERVER",), ("MSSQLSERVER",), ("PROD",), ("MSSQLSERVER", "SHOP")))
    chosen = rng.sample(DATABASES, rng.randint(len(names), 4))
    shares = [tuple(chosen[start :: len(names)]) for start in range(len(names))]
    return tuple(
        Instance(name, VERSIONS[rng.choice(versions)], share) for name, share in zip(names, shares, strict=True)
    )


def _stores(rng: Random, system: str) -> tuple[Store, ...]:
    """Exchange or Active Directory on some guests; their snapshots complete, or end in an abort as SQL Server's do."""
    draw = rng.random()
    completes = rng.random() < 0.6
    if draw < 0.12:
        return (Store("NTDS", "NTDSA: ", "600" if system in ("2003", "2008") else "600,D,0", completes),)
    if draw < 0.22:
        return (Store("Information Store", "First Storage Group: ", "4520", completes),)
    return ()
