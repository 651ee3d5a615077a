"""The measured clock of a guest: right within two seconds, or said to be ambiguous; never a wrong number.

Series are drawn: operations every hour with a jitter of some seconds that both sides share, labels some seconds later
with a delay of their own, hours that fail or are missing, offsets from seconds to half a day, drift.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.reasoning import calibrate
from kit.reasoning.calibrate import Side, measure

HOUR = 3600.0
DELAY = 5.0  # the label comes this much after the thaw; it cannot be told from the offset and is part of it


def sides(
    count: int, offset: float, jitter: float, seed: int, failed: tuple[int, ...] = (), drift_s_per_day: float = 0.0,
    label: float = 0.3, listed: int | None = None,
) -> tuple[Side, Side]:
    """Guest and host: the guest's clock shows `offset` seconds less than the host's."""
    rng = np.random.default_rng(seed)
    true = np.arange(count) * HOUR + rng.normal(0, jitter, count) if jitter else np.arange(count) * HOUR
    bad = np.isin(np.arange(count), failed)
    guest = true - offset - drift_s_per_day * true / 86400
    points = true + DELAY + rng.normal(0, label, count)
    shown = np.arange(count) >= count - (listed or count)
    covered = ((guest[0] - 600, guest[-1] + 600),)
    return Side(guest[~bad], guest[bad], covered), Side(np.sort(points[~bad & shown]), points[bad & shown])


@pytest.mark.parametrize("offset", [1.0, -1.0, 420.0, -420.0, HOUR, 2 * HOUR, -5 * HOUR, 12 * HOUR, 5000.0])
def test_jitter_that_both_sides_share_settles_the_offset(offset: float) -> None:
    found = measure(*sides(30, offset, jitter=8.0, seed=1))
    assert found is not None
    assert not found.ambiguous
    assert found.offset_s == pytest.approx(offset + DELAY, abs=1.0)
    assert "jitter" in found.why


@pytest.mark.parametrize("offset", [0.0, 420.0, -5 * HOUR])
def test_labels_that_do_not_hold_do_not_hide_the_offset(offset: float) -> None:
    """In eight of 24 hours the operation failed and the host labelled the point all the same; a bare hour contradicts
    such a label, the jitter that both sides share does not."""
    guest, host = sides(24, offset, jitter=12.0, seed=4, failed=(1, 2, 5, 9, 10, 14, 17, 21), label=2.0)
    labelled = Side(np.sort(np.concatenate([host.good, host.bad])), np.empty(0))
    found = measure(guest, labelled)
    assert found is not None
    assert found.offset_s == pytest.approx(offset + DELAY, abs=2.0)


@pytest.mark.parametrize("offset", [0.0, -5 * HOUR])
def test_claims_over_silent_hours_do_not_hide_the_offset(offset: float) -> None:
    """Every second hour the guest was never asked, and the host listed a point all the same."""
    guest, host = sides(40, offset, jitter=12.0, seed=4, label=3.0)
    quiet = np.random.default_rng(2).random(40) < 0.5
    found = measure(Side(guest.good[~quiet], guest.bad, guest.covered), host)
    assert found is not None
    assert found.offset_s == pytest.approx(offset + DELAY, abs=2.0)


def test_equal_orders_of_a_few_pairs_are_no_more_than_their_permutations_allow() -> None:
    """Nine pairs in the same order: one chance in 9!, whatever the correlation says."""
    assert calibrate._tail(1.0, 6, 9) == pytest.approx(1 / 362880)


@pytest.mark.parametrize("seed", range(12))
def test_points_of_another_machine_share_no_jitter(seed: int) -> None:
    guest, _ = sides(24, 0.0, jitter=12.0, seed=seed)
    _, other = sides(24, 700.0, jitter=12.0, seed=seed + 100)
    found = measure(guest, other)
    assert found is None or found.offset_s is None


@pytest.mark.parametrize("offset", [0.0, 420.0, 2 * HOUR])
def test_strictly_periodic_pairs_alone_are_ambiguous(offset: float) -> None:
    found = measure(*sides(30, offset, jitter=0.0, seed=1, label=0.1))
    assert found is not None
    assert found.ambiguous
    assert found.offset_s is None
    assert "whole intervals" in found.why


def test_a_failed_hour_settles_strictly_periodic_pairs_near_zero() -> None:
    found = measure(*sides(30, 420.0, jitter=0.0, seed=1, failed=(11,), label=0.1))
    assert found is not None
    assert found.offset_s == pytest.approx(425.0, abs=1.0)


def test_a_failed_hour_alone_does_not_carry_an_offset_of_hours() -> None:
    found = measure(*sides(30, 3 * HOUR, jitter=0.0, seed=1, failed=(11,), label=0.1))
    assert found is not None
    assert found.offset_s is None or found.offset_s == pytest.approx(3 * HOUR + DELAY, abs=1.0)


def test_too_few_pairs_measure_nothing() -> None:
    assert measure(*sides(4, 10.0, jitter=5.0, seed=1)) is None


def test_drift_is_measured_and_the_offset_holds_at_its_epoch() -> None:
    guest, host = sides(96, 60.0, jitter=5.0, seed=3, drift_s_per_day=4.0)
    found = measure(guest, host)
    assert found is not None
    assert found.drift_s_per_day == pytest.approx(4.0, abs=0.5)
    true = found.epoch_s + 60.0 + 4.0 * found.epoch_s / 86400
    assert found.offset_s == pytest.approx(true - found.epoch_s + DELAY, abs=1.0)


def test_a_second_series_of_operations_does_not_disturb() -> None:
    guest, host = sides(30, 90.0, jitter=6.0, seed=5)
    nightly = np.array([2.4 * HOUR, 26.4 * HOUR])
    found = measure(Side(np.sort(np.append(guest.good, nightly)), guest.bad, guest.covered), host)
    assert found is not None
    assert found.offset_s == pytest.approx(95.0, abs=1.0)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(5, 60), offset=st.floats(-12 * HOUR, 12 * HOUR), jitter=st.sampled_from([0.0, 0.5, 2.0, 10.0]),
    seed=st.integers(0, 10_000), failed=st.lists(st.integers(0, 59), max_size=3), listed=st.integers(8, 60),
)
def test_the_offset_is_right_or_ambiguous(
    count: int, offset: float, jitter: float, seed: int, failed: list[int], listed: int
) -> None:
    found = measure(*sides(count, offset, jitter, seed, tuple(failed), listed=listed))
    if found is not None and found.offset_s is not None:
        assert abs(found.offset_s - (offset + DELAY)) <= 2.0
