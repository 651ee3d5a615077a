"""The offset of a guest's clock, measured from pairs that repeat: thaw in the guest, recovery point on the host.

Points and thaws recur at one interval, so a shift by whole intervals fits almost as well as the right one. Three things
tell the shifts apart: irregular spacing, hours in which one side is missing or failed, and the jitter of the interval,
which both sides share only in the right pairing. Where they do not, the offset is ambiguous and no number is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

REACH_S = 13 * 3600.0  # wrong zones and clocks reach up to half a day
WIDE_S = 60.0  # pairs of one shift lie within the writer window of each other, drift removed
FEWEST = 5  # pairs
SURE = 8  # pairs that a far shift needs
ROUGH_S = 0.3  # jitter below this cannot be told from the resolution of the logs
CHANCE = {True: 1e-3, False: 1e-5}  # accidents that are put up with, over all shifts: a shift near zero, a far one
BEYOND_DOUBT = 1e-9  # accidents over all shifts, where one test alone decides
NEAR_S = 900.0  # clocks that nobody set wrong lie within this of each other
STRONG, WEAK = 4, 2  # contradicted hours by which a shift must win: a far one, and the one next to zero


@dataclass(frozen=True)
class Side:
    """Times in seconds on one clock, sorted; and those at which an operation or point failed or makes no claim."""

    good: np.ndarray
    bad: np.ndarray
    covered: tuple[tuple[float, float], ...] = ()  # where the absence of an operation may be claimed


@dataclass(frozen=True)
class Measured:
    """Seconds to add to the guest's clock at `epoch_s` (guest clock), and how sure that is."""

    offset_s: float | None
    spread_s: float | None
    drift_s_per_day: float
    epoch_s: float
    pairs: int
    ambiguous: bool
    why: str
    shared: bool = False  # both sides share their jitter: the strongest ground

    def to_reference(self, times: np.ndarray) -> np.ndarray:
        """Times of the guest's clock, in seconds, on the reference clock. The offset must be known."""
        assert self.offset_s is not None
        return times + self.offset_s + self.drift_s_per_day / 86400.0 * (times - self.epoch_s)


@dataclass(frozen=True)
class _Shift:
    offset: float  # at the epoch
    drift: float  # seconds a second
    epoch: float  # middle of its pairs, guest clock
    guest: np.ndarray  # indices into guest.good of the pairs
    host: np.ndarray
    residual: np.ndarray
    contradicted: int


_Agreement = Callable[[_Shift, np.ndarray], float]


def measure(guest: Side, host: Side) -> Measured | None:
    """The offset, or None where there are fewer than five points or operations to pair.

    `guest.good` are thaws, `guest.bad` failed operations; `host.good` points that claim application consistency,
    `host.bad` those that do not.
    """
    every = whole(guest), whole(host)
    if len(every[0].good) < FEWEST or len(every[1].good) < FEWEST:
        return None
    step = step_of(host.good if len(host.good) >= FEWEST else every[1].good)
    shifts = _shifts(guest, host, step) if min(len(guest.good), len(host.good)) >= FEWEST else []
    best, why = _by_jitter(shifts, guest.good, step)
    if best is None:
        best, why = _by_all_jitter(_shifts(*every, step), every[0].good, step)
    shared = best is not None
    if best is None:
        best, why = _by_hours(shifts, step) if shifts else (None, "no shift pairs five points")
    if best is None:
        return Measured(None, None, 0.0, 0.0, max((len(shift.guest) for shift in shifts), default=0), True, why)
    low, high = np.percentile(best.residual, [5, 95])
    spread, drift = float(high - low), best.drift * 86400.0
    return Measured(best.offset, spread, drift, best.epoch, len(best.guest), False, why, shared)


def decided(guest: Side, host: Side, chance: float) -> tuple[float, float, float] | None:
    """Middle (guest's clock), offset and usual rest of the one shift that fits a few operations; None if several do.

    Weaker than `measure`: a hint to be confirmed. `chance` is that of an accident, over all shifts.
    """
    best = _by_left_over(_shifts(guest, host, step_of(host.good)), chance)
    return (best.epoch, best.offset, float(np.median(np.abs(best.residual)))) if best else None


def nearest_s(placed: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Seconds from each operation to the nearest point, both on one clock and sorted."""
    return points[_nearest(points, placed)] - placed


def whole(side: Side) -> Side:
    """Every operation or point of a side, whatever became of it: a failed one happened at its time all the same."""
    return Side(np.sort(np.concatenate([side.good, side.bad])), np.empty(0), side.covered)


def _shifts(guest: Side, host: Side, step: float) -> list[_Shift]:
    """The shifts that pair at least five points and half as many as the best."""
    shifts = [_refined(guest, host, offset, step) for offset in _candidates(guest.good, host.good)]
    most = max((len(shift.guest) for shift in shifts), default=0)
    return _distinct([shift for shift in shifts if len(shift.guest) >= max(FEWEST, 0.5 * most)], step)


def step_of(times: np.ndarray) -> float:
    """The usual interval of sorted times, in seconds."""
    return float(np.median(np.diff(times)))


def _candidates(guest: np.ndarray, host: np.ndarray) -> list[float]:
    """Offsets at which many differences of both sides agree to within the writer window."""
    differences = np.sort((host[:, None] - guest[None, :]).ravel())
    differences = differences[np.abs(differences) <= REACH_S]
    if not len(differences):
        return []
    upper = np.searchsorted(differences, differences + 2 * WIDE_S, side="right")
    counts = upper - np.arange(len(differences))
    made: list[float] = []
    left = counts.astype(float)
    floor = max(FEWEST, 0.4 * counts.max())
    while left.max() >= floor and len(made) < 200:
        at = int(left.argmax())
        centre = float(np.median(differences[at : upper[at]]))
        made.append(centre)
        left[np.abs(differences - centre) <= 3 * WIDE_S] = 0
    return made


def _refined(guest: Side, host: Side, offset: float, step: float) -> _Shift:
    drift = 0.0
    epoch = float(np.median(guest.good))
    left = right = np.empty(0, dtype=int)
    for reach in (3 * WIDE_S, WIDE_S, WIDE_S):
        placed = guest.good + offset + drift * (guest.good - epoch)
        left, right = pairs(placed, host.good, reach)
        if len(left) < FEWEST:
            break
        rest = host.good[right] - guest.good[left]
        drift, epoch = slope(guest.good[left], rest), float(np.median(guest.good[left]))
        offset = float(np.median(rest - drift * (guest.good[left] - epoch)))
    residual = host.good[right] - (guest.good[left] + offset + drift * (guest.good[left] - epoch))
    found = _Shift(offset, drift, epoch, left, right, residual, 0)
    return replace(found, contradicted=_contradicted(found, guest, host, step))


def pairs(placed: np.ndarray, host: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Each point with the nearest operation, if they are nearest to each other."""
    near = _nearest(placed, host)
    back = _nearest(host, placed)
    index = np.arange(len(host))
    mutual = (back[near] == index) & (np.abs(placed[near] - host) <= reach)
    return near[mutual], index[mutual]


def _nearest(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place = np.clip(np.searchsorted(values, wanted), 1, max(1, len(values) - 1))
    if len(values) == 1:
        return np.zeros(len(wanted), dtype=int)
    before, after = values[place - 1], values[place]
    return np.where(wanted - before <= after - wanted, place - 1, place)


def slope(times: np.ndarray, rest: np.ndarray) -> float:
    """Robust drift (median of pairwise slopes); none over less than half a day, or where noise explains it."""
    span = times[-1] - times[0] if len(times) else 0.0
    if len(times) < FEWEST or span < 12 * 3600:
        return 0.0
    half = len(times) // 2
    early, late = np.arange(len(times) - half), np.arange(half, len(times))
    slopes = (rest[late] - rest[early[: len(late)]]) / (times[late] - times[early[: len(late)]])
    slope = float(np.median(slopes))
    left = rest - np.median(rest) - slope * (times - np.median(times))
    noise = 1.4826 * float(np.median(np.abs(left - np.median(left))))
    return slope if 3 * noise * math.sqrt(12 / len(times)) < abs(slope) * span < 1e-3 * span else 0.0


def _contradicted(shift: _Shift, guest: Side, host: Side, step: float) -> int:
    """Hours that speak against a shift: a claim over a failed or absent operation, a good operation without a claim."""
    def place(times: np.ndarray) -> np.ndarray:
        return times + shift.offset + shift.drift * (times - shift.epoch)

    near = 0.25 * step
    unpaired = np.delete(host.good, shift.host)
    over_failed = int(_close(unpaired, place(guest.bad), near).sum())
    spans = [tuple(place(np.array(span))) for span in guest.covered]
    silent = unpaired[~_close(unpaired, place(guest.bad), near)]
    absent = sum(any(first + near <= time <= last - near for first, last in spans) for time in silent)
    lone = place(np.delete(guest.good, shift.guest))
    listed = np.sort(np.concatenate([host.good, host.bad]))
    inside = lone[(lone > listed[0] - near) & (lone < listed[-1] + near)]
    beat = inside[np.abs((inside - host.good[0] + step / 2) % step - step / 2) <= WIDE_S]
    return over_failed + absent + len(beat)


def _close(times: np.ndarray, others: np.ndarray, reach: float) -> np.ndarray:
    if not len(others) or not len(times):
        return np.zeros(len(times), dtype=bool)
    ordered = np.sort(others)
    return np.abs(ordered[_nearest(ordered, times)] - times) <= reach


def _distinct(shifts: list[_Shift], step: float) -> list[_Shift]:
    made: list[_Shift] = []
    for shift in sorted(shifts, key=lambda one: (-len(one.guest), abs(one.offset))):
        if all(abs(shift.offset - other.offset) > min(3 * WIDE_S, step / 4) for other in made):
            made.append(shift)
    return made


def _by_jitter(shifts: list[_Shift], guest: np.ndarray, step: float) -> tuple[_Shift | None, str]:
    """The shift whose two sides share their jitter, if exactly one does and the hours do not speak against it."""
    found = _sharing(shifts, guest, step)
    if not found:
        return None, ""
    best, fewest = found[0], min(shift.contradicted for shift in shifts)
    most = max(len(shift.guest) for shift in shifts)
    if best.contradicted > fewest + WEAK or len(best.guest) < 0.75 * most:
        return None, ""
    return best, f"both sides share the jitter of {len(best.guest)} pairs"


def _by_all_jitter(shifts: list[_Shift], guest: np.ndarray, step: float) -> tuple[_Shift | None, str]:
    """The same over failed operations and points without a claim as well.

    Labels that do not hold contradict the right shift by their hours. So hours are not asked here, and two tests must
    find the same shift, or one beyond all doubt, among those that pair nearly as much as any.
    """
    found = _sharing(shifts, guest, step)
    if not found or len(found[0].guest) < 0.75 * max(len(shift.guest) for shift in shifts):
        return None, ""
    if len(found) < 2 and _phases(step, found[0], guest) * len(shifts) > BEYOND_DOUBT:
        return None, ""
    return found[0], f"both sides share the jitter of {len(found[0].guest)} pairs, failed operations included"


def _sharing(shifts: list[_Shift], guest: np.ndarray, step: float) -> list[_Shift]:
    """The shift whose two sides share their jitter, once for each test that finds it; empty where tests disagree.

    In the right pairing only the delay of the label is left over, in a wrong one the jitter of both sides as well; and
    only in the right one do both sides come early and late together, and do their intervals change alike.
    """
    if not shifts:
        return []
    tests = (
        _by_left_over(shifts), _fewest_accidents(shifts, guest, _changes),
        _fewest_accidents(shifts, guest, partial(_phases, step)),
    )  # fmt: skip
    found = [one for one in tests if one is not None]
    return found if all(one is found[0] for one in found) else []


def _by_left_over(shifts: list[_Shift], chance: float | None = None) -> _Shift | None:
    """The shift whose residuals are smaller than those of any other, and not by accident."""
    if len(shifts) < 2:
        return None
    scales = sorted(((_scale(shift.residual), shift) for shift in shifts), key=lambda pair: pair[0])
    (small, best), (next_, other) = scales[:2]
    if next_ < ROUGH_S:
        return None
    ratio = (next_ / max(small, ROUGH_S / 3)) ** 2
    accident = _exceeded(ratio, min(len(best.guest), len(other.guest)) - 2) * len(shifts)
    return best if accident <= (chance or CHANCE[abs(best.offset) <= NEAR_S]) else None


def _fewest_accidents(shifts: list[_Shift], guest: np.ndarray, agreement: _Agreement) -> _Shift | None:
    """The shift in which both sides agree most, if that is no accident and no other comes near it."""
    scored = sorted(((agreement(shift, guest) * len(shifts), shift) for shift in shifts), key=lambda pair: pair[0])
    chance, best = scored[0]
    rival = scored[1][0] if len(scored) > 1 else 1.0
    if chance > CHANCE[abs(best.offset) <= NEAR_S] / 10 or rival < min(1e-2, chance * 1e6):
        return None
    return best


def _phases(step: float, shift: _Shift, guest: np.ndarray) -> float:
    """The probability that two unrelated series are early and late together as well as in this pairing."""
    times = guest[shift.guest]
    left, right = (_phase(side, times, step) for side in (times, times + shift.residual))
    if len(left) < 7 or min(np.std(left), np.std(right)) < ROUGH_S:
        return 1.0
    return _tail(float(np.corrcoef(_ranks(left), _ranks(right))[0, 1]), len(left) - 3, len(left))


def _phase(side: np.ndarray, times: np.ndarray, step: float) -> np.ndarray:
    """How early or late each time is against the beat, a steady drift of the beat taken out."""
    middle = float(np.median((side - side[0] + step / 2) % step))
    phase = (side - side[0] + step - middle) % step - step / 2
    return phase - np.polyval(np.polyfit(times - times[0], phase, 1), times - times[0])


def _tail(rho: float, freedom: float, count: int) -> float:
    """The probability of a rank correlation at least this high by accident; no less than that of equal orders."""
    if not rho > 0.5:
        return 1.0
    z = math.atanh(min(rho, 0.999999)) * math.sqrt(max(1.0, freedom) / 1.06)
    return max(0.5 * math.erfc(z / math.sqrt(2)), 1 / math.factorial(min(count, 100)))


def _changes(shift: _Shift, guest: np.ndarray) -> float:
    """The probability that two unrelated series agree as well in the change of their intervals as this pairing does."""
    times = guest[shift.guest]
    host = times + shift.residual
    gaps = np.diff(times)
    regular = np.abs(gaps - np.median(gaps)) <= 3 * WIDE_S
    left, right = gaps[regular], np.diff(host)[regular]
    if len(left) < 7 or min(np.std(left), np.std(right)) < ROUGH_S:
        return 1.0
    return _tail(float(np.corrcoef(_ranks(left), _ranks(right))[0, 1]), 0.67 * len(left) - 3, len(left))


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)


def _scale(residual: np.ndarray) -> float:
    """The spread of what is left over, without the worst tenth."""
    left = np.sort(np.abs(residual - np.median(residual)))
    kept = left[: max(FEWEST - 1, math.ceil(0.9 * len(left)))]
    return float(np.sqrt(np.mean(kept**2)))


def _exceeded(ratio: float, freedom: int) -> float:
    """The probability that two samples of one normal distribution show at least this ratio of variances (F test)."""
    if freedom < 2 or ratio <= 1:
        return 1.0
    half, upper = freedom / 2, 1 / (1 + ratio)
    steps = np.linspace(0.0, upper, 4001)
    density = (steps * (1 - steps)) ** (half - 1)
    area = float(np.sum((density[1:] + density[:-1]) / 2) * (upper / 4000))
    return 2 * area * math.exp(math.lgamma(2 * half) - 2 * math.lgamma(half))


def _by_hours(shifts: list[_Shift], step: float) -> tuple[_Shift | None, str]:
    """The shift that the fewest hours contradict, if it wins clearly.

    A shift near zero need not win against far ones that pair clearly fewer points: those may only avoid the hour that
    would contradict them.
    """
    near = [shift for shift in shifts if abs(shift.offset) <= NEAR_S]
    most = max(len(shift.guest) for shift in near) if near else 0
    rivals = [shift for shift in shifts if len(shift.guest) >= 0.75 * most or any(shift is one for one in near)]
    ordered = sorted(rivals, key=lambda shift: (shift.contradicted, abs(shift.offset)))
    best = ordered[0]
    if len(best.guest) < SURE and abs(best.offset) > NEAR_S:
        return None, "too few pairs for an offset that large"
    if len(shifts) == 1:
        return best, f"only one shift pairs more than half of the points ({len(best.guest)} pairs)"
    margin = ordered[1].contradicted - best.contradicted if len(ordered) > 1 else 0
    if margin >= (WEAK if abs(best.offset) <= step / 2 else STRONG):
        return best, f"missing and failed hours fit this shift only ({len(best.guest)} pairs)"
    fit = f"{len(shifts)} shifts by whole intervals fit alike"
    return None, f"{fit}: no shared jitter, and too few missing hours to tell them apart"
