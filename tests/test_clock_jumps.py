"""A guest's clock set by less than the writer window, or little more: every pair is right, but not under one offset.

Operations come every hour; the host labels each some seconds later. A clock that gains steadily, or labels that come
late now and then, are no jump.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.reasoning.calibrate import Measured, Side, slope
from kit.reasoning.clock_jumps import parted
from kit.reasoning.clock_steps import Stretch

HOUR, DELAY = 3600.0, 6.0


def sides(count: int, jumps: dict[int, float], seed: int, drift_s_a_day: float = 0.0) -> tuple[Side, Side]:
    """Guest and host; `jumps` are the seconds by which the guest's clock is put back before an operation."""
    rng = np.random.default_rng(seed)
    true = np.arange(count) * HOUR + rng.uniform(0, 25, count)
    points = true + DELAY + rng.normal(0, 1.2, count)
    back = sum((np.where(np.arange(count) >= at, by, 0.0) for at, by in jumps.items()), np.zeros(count))
    guest = true - back + drift_s_a_day * true / 86400
    return Side(guest, np.empty(0)), Side(points, np.empty(0))


def whole(guest: Side, host: Side) -> Stretch:
    """One offset for all pairs, with the drift that makes the least of them."""
    rest, epoch = host.good - guest.good, float(np.median(guest.good))
    drift = slope(guest.good, rest)
    offset = float(np.median(rest - drift * (guest.good - epoch)))
    return Stretch(-np.inf, np.inf, Measured(offset, 60.0, drift * 86400, epoch, len(rest), False, "", True))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    count=st.integers(20, 120), part=st.floats(0.3, 0.7), by=st.floats(20, 110), back=st.booleans(),
    seed=st.integers(0, 10_000),
)  # fmt: skip
def test_either_side_of_a_jump_has_its_own_offset(count: int, part: float, by: float, back: bool, seed: int) -> None:
    at, by = int(count * part), by if back else -by
    guest, host = sides(count, {at: by}, seed)
    found = parted(whole(guest, host), guest, host)
    assert len(found) == 2
    assert found[0].measured.offset_s == pytest.approx(DELAY, abs=2)
    assert found[1].measured.offset_s == pytest.approx(DELAY + by, abs=2)
    assert found[0].last_s <= max(guest.good[at - 1 : at + 1])
    assert (found[0].first_s, found[1].last_s) == (-np.inf, np.inf)


def test_three_stretches() -> None:
    guest, host = sides(90, {30: 40.0, 60: -75.0}, seed=3)
    found = parted(whole(guest, host), guest, host)
    assert [one.measured.pairs for one in found] == [30, 30, 30]
    assert [one.measured.offset_s for one in found] == pytest.approx([DELAY, DELAY + 40, DELAY - 35], abs=2)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(count=st.integers(10, 150), drift=st.floats(-6, 6), late=st.floats(0, 0.2), seed=st.integers(0, 10_000))
def test_neither_drift_nor_late_labels_are_a_jump(count: int, drift: float, late: float, seed: int) -> None:
    guest, host = sides(count, {}, seed, drift)
    rng = np.random.default_rng(seed + 1)
    points = np.sort(host.good + np.where(rng.random(count) < late, rng.uniform(0, 50, count), 0.0))
    offset = Measured(DELAY, 3.0, -drift, float(np.median(guest.good)), count, False, "")
    one = Stretch(-np.inf, np.inf, offset)
    assert parted(one, guest, Side(points, host.bad)) == [one]


def test_a_record_between_two_parts_belongs_to_one_of_them_within_the_writer_window_and_to_none_beyond() -> None:
    near, far = (parted(whole(*made), *made) for made in (sides(60, {30: by}, seed=5) for by in (45.0, 100.0)))
    assert near[0].last_s == near[1].first_s
    assert far[1].first_s - far[0].last_s > HOUR - 200


def test_five_pairs_on_either_side_are_needed() -> None:
    guest, host = sides(40, {36: 60.0}, seed=1)
    assert len(parted(whole(guest, host), guest, host)) == 1
