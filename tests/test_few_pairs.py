"""Clocks of cases with one to four pairs: known only where no other pairing is possible (domain.md, rule 8, W10)."""

from __future__ import annotations

import numpy as np
import pytest

from kit.judgement import analyze
from kit.reasoning.calibrate import REACH_S, Side
from kit.reasoning.few_pairs import few
from tests.test_worked_cases import verdict
from tests.world import World

HOUR = 3600.0
DAY = (-24 * HOUR, 24 * HOUR)


def side(*hours: float, bad: tuple[float, ...] = (), covered: tuple[float, float] = DAY) -> Side:
    return Side(np.array(hours) * HOUR, np.array(bad) * HOUR, (covered,))


def points(*hours: float, delay: float = 6.0) -> Side:
    return Side(np.array(hours) * HOUR + delay, np.empty(0))


def test_a_single_pair_in_a_log_of_a_whole_day_is_known() -> None:
    found = few(side(3.0), points(3.0))
    assert found is not None and not found.ambiguous
    assert found.offset_s == pytest.approx(6.0)


@pytest.mark.parametrize(
    "guest",
    [
        side(3.0, 7.4), side(3.0, bad=(2.0,)), side(3.0, -2.0, covered=DAY),
        side(3.0, covered=(2 * HOUR, 24 * HOUR)),
    ],
    ids=["another operation later", "a failed operation an hour before", "an earlier one", "log begins an hour before"],
)
def test_a_single_pair_with_another_way_to_read_it_is_ambiguous(guest: Side) -> None:
    found = few(Side(np.sort(guest.good), guest.bad, guest.covered), points(3.0))
    assert found is not None and found.ambiguous and found.offset_s is None


def test_pairs_that_recur_are_ambiguous_however_well_they_fit() -> None:
    found = few(side(3.0, 4.0, 5.0, 6.0), points(3.0, 4.0, 5.0, 6.0))
    assert found is not None and found.ambiguous


def test_two_pairs_an_hour_apart_are_ambiguous_a_zone_could_shift_them() -> None:
    found = few(side(3.0, 4.0), points(3.0, 4.0))
    assert found is not None and found.ambiguous


def test_pairs_at_times_that_no_shift_repeats_are_known() -> None:
    found = few(side(3.0, 4.13, 7.91), points(3.0, 4.13, 7.91))
    assert found is not None and not found.ambiguous and found.pairs == 3


@pytest.mark.parametrize("delay", [61.0, -61.0, 400.0, 3600.0])
def test_an_offset_beyond_the_writer_window_is_never_inferred(delay: float) -> None:
    assert few(side(3.0, 4.13, 7.91), points(3.0, 4.13, 7.91, delay=delay)) is None


def test_a_point_without_an_operation_near_it_leaves_the_clock_unknown() -> None:
    assert few(side(3.0, 4.13), points(3.0, 4.13, 7.91)) is None


def test_whatever_is_called_known_is_right_over_random_stories() -> None:
    """Operations at random or regular times on a clock that is off by whole hours: never a pairing of strangers.

    Operations whose points are not listed may have left no record; a listed point has its operation in the log.
    """
    rng = np.random.default_rng(5)
    known = 0
    for _ in range(3000):
        count = int(rng.integers(1, 9))
        start, step = rng.uniform(0, HOUR), float(rng.choice([HOUR, 2 * HOUR, 6 * HOUR]))
        regular = start + step * np.arange(count) + rng.uniform(0, 25, count)
        true = regular if rng.random() < 0.7 else np.sort(rng.uniform(0, 24 * HOUR, count))
        offset = float(rng.choice([0.0, 0.0, HOUR, -HOUR, 2 * HOUR, 5.5 * HOUR]))
        kept = np.sort(rng.choice(true, size=min(count, int(rng.integers(1, 5))), replace=False))
        logged = true[(rng.random(count) < 0.9) | np.isin(true, kept)]
        guest = Side(np.sort(logged - offset), np.empty(0), ((true[0] - REACH_S - offset, true[-1] + HOUR - offset),))
        found = few(guest, Side(kept + rng.uniform(3, 7, len(kept)), np.empty(0)))
        if found is not None and found.offset_s is not None:
            known += 1
            assert abs(found.offset_s - offset) < 8.0
    assert known > 100


def test_a_young_replica_with_one_point_gets_its_verdict() -> None:
    """One point, one operation in a log of the whole day, nothing declared: the link is the only one possible."""
    world = World(clocks=[{"computer": "HV-PRIM1", "offset_s": 0.0}])
    world.guest()
    made = world.hours([14])
    world.quiet_end()
    assert verdict(analyze(world.case()), made[14]) == "supported"


def test_four_hourly_points_without_a_declared_clock_stay_open() -> None:
    world = World(clocks=[{"computer": "HV-PRIM1", "offset_s": 0.0}])
    world.guest()
    made = world.hours([14, 15, 16, 17])
    world.quiet_end()
    found = analyze(world.case())
    assert verdict(found, made[15]) == "inconclusive"
    assert "by the interval" in str(found.clocks.loc[found.clocks["computer"] == "SQLVM", "note"].iloc[0])
