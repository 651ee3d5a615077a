"""What is true of a story, point by point and record by record, told by the author and not by any analysis.

Two things are kept apart: `consistent`, whether the point really is application-consistent, and `verdict`, the most
that an analyst may say with the evidence that the story leaves behind. Where that leaves honest room, `accepted` has
more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from kit.practice.journal import Labels
from kit.practice.scenario import APP, Image, Scenario
from kit.practice.stage import BESIDE, FEW_PAIRS, Point, Story, Tested
from kit.practice.vss_story import GENUINE, Fate
from kit.practice.world import Clock

MARGIN = timedelta(minutes=15)
WORST = ("contradicted", "inconclusive", "supported", "confirmed")
PATTERNS = {
    Fate.BENIGN: "benign_abort",
    Fate.CLEAN: "clean",
    Fate.SILENT: "none_seen",
    **dict.fromkeys(GENUINE, "genuine_failure"),
}


@dataclass(frozen=True)
class PointTruth:
    """The truth about one recovery point."""

    point: Point
    verdict: str
    pattern: str | None
    consistent: bool | None
    why: str
    databases: dict[str, str] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    rolled_back: dict[str, int] = field(default_factory=dict)


def judge(story: Story) -> list[PointTruth]:
    """The truth about every point that an export lists."""
    return [_judge(story, point) for point in story.known()]


def _judge(story: Story, point: Point) -> PointTruth:
    pattern = _pattern(story, point)
    if point.kind != APP:
        return PointTruth(point, "no_claim", pattern, None, "the point does not claim application consistency")
    assert point.operation is not None
    fate = story.scenario.plans[point.operation].fate
    test = _test_of(story, point)
    if not covered(story, point):
        consistent = _consistent(fate, test)
        unknown = dict.fromkeys(_stores(story), "inconclusive")
        elsewhere = frozenset({"contradicted"}) if _seen_by_system(story, point) else frozenset()
        why = "no guest log covers the operation"
        return PointTruth(point, "inconclusive", pattern, consistent, why, unknown, elsewhere)
    databases = {name: _database(fate, name, kind, test) for name, kind in _stores(story).items()}
    verdict = min(databases.values(), key=WORST.index) if databases else "inconclusive"
    accepted = {"inconclusive"} if _room(story, verdict) or _beside_correction(story, point) else set()
    if fate is Fate.BENIGN and verdict == "inconclusive":
        # a store whose own records cannot date its abort, beside databases whose records show the thaw before it
        accepted |= {_database(fate, name, "sql", test) for name, kind in _stores(story).items() if kind == "sql"}
    if test and verdict == "confirmed" and (test.failover.boot.silent or not test.failover.declared):
        accepted.add("supported")  # a database without counts; a boot that only its image time ties to the point
    if verdict == "supported":
        accepted |= _confused(story, point)
    rolled = dict(test.failover.boot.rolled_back) if test else {}
    return PointTruth(
        point, verdict, pattern, _consistent(fate, test), _why(fate, test), databases, frozenset(accepted), rolled,
    )


def _seen_by_system(story: Story, point: Point) -> bool:
    """Whether the System log still holds the failure of flush-and-hold of an operation that else left nothing."""
    assert point.operation is not None
    scenario, trace = story.scenario, story.traces[point.operation]
    kept = scenario.survives("System")
    held = "System" not in scenario.missing and kept.holds(trace.begin) and kept.holds(trace.end)
    return held and scenario.plans[point.operation].fate is Fate.HOLD_TIMEOUT


def _room(story: Story, verdict: str) -> bool:
    """Whether too few pairs tell the clocks apart, or a log is missing that might speak against the point."""
    scenario = story.scenario
    unsettled = not scenario.clocks_declared and len(_pairs(story)) < FEW_PAIRS
    open_ = unsettled or _shifted_trace(story) or "System" in scenario.missing
    return (verdict in ("supported", "confirmed") and open_) or (verdict == "contradicted" and unsettled)


def _beside_correction(story: Story, point: Point) -> bool:
    """Whether the point's operation stands beside a correction of the guest's clock, or in a stretch with few pairs."""
    corrections = story.scenario.guest.clock.corrections
    own = [_stretch(corrections, thaw) for _, thaw in _pairs(story)]
    assert point.operation is not None
    stretch = _stretch(corrections, story.traces[point.operation].begin)
    if corrections and own.count(stretch) < FEW_PAIRS:
        return True
    number, plans = point.operation, len(story.scenario.plans)
    near = range(max(number - BESIDE, 0), min(number + BESIDE + 1, plans))
    return any(_stretch(corrections, story.traces[other].begin) != stretch for other in near)


def _stretch(corrections: Sequence[tuple[datetime, float]], time: datetime) -> int:
    """How many corrections of a clock came before a true time."""
    return sum(when <= time for when, _ in corrections)


def _pairs(story: Story) -> list[tuple[Point, datetime]]:
    """Points that make a claim with the thaw of their operation: what a clock can be measured by."""
    made = (point for point in story.known() if point.kind == APP and point.operation is not None)
    thaws = ((point, story.traces[point.operation or 0].thaw) for point in made)
    return [(point, thaw) for point, thaw in thaws if thaw is not None]


def _shifted_trace(story: Story) -> bool:
    """Whether daylight saving changed while the writer's service ran: its trace does not tell, and is an hour off."""
    scenario = story.scenario
    begin, end = scenario.begin - scenario.lead - timedelta(days=4), scenario.collected
    offsets = {time.astimezone(scenario.guest.zone).utcoffset() for time in (begin, end)}
    return scenario.guest.traced and "ERRORLOG" not in scenario.missing and len(offsets) > 1


def _stores(story: Story) -> dict[str, str]:
    guest = story.scenario.guest
    found = {name: "sql" for _, name, _ in guest.databases()}
    return found | {store.name: "completes" if store.completes else "aborts" for store in guest.stores}


def _database(fate: Fate, name: str, kind: str, test: Tested | None) -> str:
    """The verdict that the evidence allows for one database of a covered, labelled point."""
    boot = test.failover.boot if test else None
    if fate in GENUINE or (boot and name in boot.failed) or (test and test.failover.image is Image.LATE):
        return "contradicted"
    if boot and boot.rolled_back.get(name) and test and test.failover.image is Image.UNFLUSHED:
        return "contradicted"  # nothing shows that the image was cut inside the freeze
    if fate in (Fate.SILENT, Fate.COLLISION) or (fate is Fate.PARTIAL and name != "model"):
        return "inconclusive"
    if kind == "aborts" and fate is not Fate.CLEAN:
        return "inconclusive"  # 2003 then 2007 is written for a thaw as for an abort inside the freeze
    return "confirmed" if test else "supported"


def _consistent(fate: Fate, test: Tested | None) -> bool | None:
    if fate in GENUINE or fate in (Fate.SILENT, Fate.PARTIAL):
        return False
    return not (test and (test.failover.image is Image.LATE or test.failover.boot.failed))


def _test_of(story: Story, point: Point) -> Tested | None:
    right = (test for test in story.tests if test.failover.mistaken_for is None)
    return next((test for test in right if test.point is point), None)


def _confused(story: Story, point: Point) -> set[str]:
    """Verdicts to accept where a test booted this point while the notes name another, or the other way round."""
    accepted: set[str] = set()
    for test in story.tests:
        if test.failover.mistaken_for is not None and test.point is point:
            accepted |= {"confirmed", "inconclusive"}
        if test.failover.mistaken_for is not None and test.failover.mistaken_for == point.operation:
            accepted |= {"inconclusive"}
    return accepted


def _why(fate: Fate, test: Tested | None) -> str:
    words = f"operation: {fate.value}"
    if test is None:
        return words
    boot = test.failover.boot
    back = ", ".join(f"{name} {count}" for name, count in boot.rolled_back.items() if count) or "none"
    return f"{words}; test failover of an image cut {test.failover.image.value}, rolled back: {back}"


def _pattern(story: Story, point: Point) -> str | None:
    """What the guest's records show of the point's operation; None where the vocabulary leaves room."""
    if point.operation is None:
        return None
    if not covered(story, point):
        return "not_covered"
    if story.scenario.guest.stores:
        return None
    return PATTERNS.get(story.scenario.plans[point.operation].fate)


def covered(story: Story, point: Point) -> bool:
    """Whether the logs of the guest, or of a test machine cut from it later, hold everything around the operation."""
    assert point.operation is not None
    trace = story.traces[point.operation]
    begin, end = trace.begin - MARGIN, trace.end + MARGIN
    if "Application" not in story.scenario.missing:
        kept = story.scenario.survives("Application")
        whole = kept.holds(begin) and kept.holds(end)
        if whole and not any(first < end and last > begin for first, last in kept.damage):
            return True
    since = story.scenario.begin - story.scenario.lead
    return any(since <= begin and end <= test.image for test in story.tests)


def offsets(stories: Sequence[Story]) -> list[dict[str, Any]]:
    """What must be added to each computer's time to get the reference's, in the middle of the story, and its drift.

    A clock that was put on the way has a row for each stretch, with its ends on that clock.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for scenario in (story.scenario for story in stories):
        reference = scenario.replica.clock
        for computer in (scenario.guest, *scenario.primaries, scenario.replica):
            drift = reference.gains_s_per_day - computer.clock.gains_s_per_day
            told = {"computer": computer.name, "drift_s_per_day": round(drift, 3)}
            own = []
            for first, last in _between(scenario, computer.clock):
                middle = first + (last - first) / 2
                offset = (reference.shows(middle) - computer.clock.shows(middle)).total_seconds()
                ends = {}
                if computer.clock.corrections:
                    shown = computer.clock.shows(middle) - middle
                    ends = {"from_utc": _z(first + shown), "until_utc": _z(last + shown)}
                own.append(told | {"offset_s": round(offset, 3)} | ends)
            rows.setdefault(computer.name, own)
    return [row for own in rows.values() for row in own]


def _between(scenario: Scenario, clock: Clock) -> list[tuple[datetime, datetime]]:
    """The stretches, in true time, between which a clock was put."""
    ends = [scenario.begin, *(when for when, _ in clock.corrections), scenario.collected]
    return list(pairwise(ends))


def document(stories: Sequence[Story], labels: list[Labels]) -> dict[str, Any]:
    """The truth as one JSON object; `events` has runs: first record (or line) number, count, class, id of point."""
    first = stories[0].scenario
    return {
        "truth_version": 1,
        "case_id": first.case_id,
        "seed": first.seed,
        "story": " / ".join(story.scenario.story for story in stories),
        "recovery_points": [_row(story, known) for story in stories for known in judge(story)],
        "events": {one.path: _runs(one) for one in labels},
        "clocks": offsets(stories),
        "test_failovers": [
            {
                "path": test.failover.name,
                "image_time_utc": _z(test.image),
                "cut": test.failover.image.value,
                "recovery_point_id": test.point.key if test.point else None,
            }
            for story in stories for test in story.tests
        ],
    }


def _runs(labels: Labels) -> list[list[Any]]:
    """Neighbouring records of the same class and point as one run; ordinary records are left out."""
    runs: list[list[Any]] = []
    for number, kind, point in labels.rows:
        if kind == "normal":
            continue
        if runs and runs[-1][0] + runs[-1][1] == number and runs[-1][2:] == [kind, point]:
            runs[-1][1] += 1
        else:
            runs.append([number, 1, kind, point])
    return runs


def _row(story: Story, truth: PointTruth) -> dict[str, Any]:
    shown = story.scenario.replica.clock.shows(truth.point.time)
    return {
        "recovery_point_id": truth.point.key,
        "vm_name": story.scenario.guest.vm_name,
        "time_utc": _z(shown),
        "snapshot_type": truth.point.kind,
        "verdict": truth.verdict,
        "accepted": sorted(truth.accepted - {truth.verdict}),
        "pattern": truth.pattern,
        "consistent": truth.consistent,
        "why": truth.why,
        "databases": truth.databases,
        "rolled_back": truth.rolled_back,
    }


def _z(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
