"""Parts of a stretch between which the clock was set by less than the writer window, or little more.

Such a jump pairs every operation with the right point all the same, so that one offset seems to hold with a wide
spread, or a drift that nobody has. Here the pairs are cut where the time between operation and point changes at once.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from kit.reasoning.calibrate import FEWEST, ROUGH_S, WIDE_S, Measured, Side, pairs, slope
from kit.reasoning.clock_steps import Stretch

LEAST_S = 15.0  # hosts label some points by so much later than others
OVER_NOISE = 5.0  # a jump stands out of the noise of its sides by this factor
LEFT_OVER = 0.5  # of what a single line leaves over, two may leave at the most


def parted(stretch: Stretch, guest: Side, host: Side) -> list[Stretch]:
    """The stretch, or its parts with an offset each where its pairs show that the clock was set by up to two minutes.

    `guest` and `host` as for `calibrate.measure`. A part has at least five pairs.
    """
    found = stretch.measured
    if found.offset_s is None:
        return [stretch]
    own = guest.good[(guest.good >= stretch.first_s) & (guest.good <= stretch.last_s)]
    if min(len(own), len(host.good)) < 2 * FEWEST:
        return [stretch]
    left, right = pairs(found.to_reference(own), host.good, 2 * WIDE_S)
    times, rest = own[left], host.good[right] - own[left]
    breaks = _breaks(times, rest)
    if not breaks:
        return [stretch]
    ends = [0, *breaks, len(times)]
    sections = [slice(first, last) for first, last in pairwise(ends)]
    lines = [_line(times[one], rest[one]) for one in sections]
    made, first_s = [], stretch.first_s
    for number, (one, line) in enumerate(zip(sections, lines, strict=True)):
        last_s, next_s = stretch.last_s, 0.0
        if number + 1 < len(sections):
            last_s, next_s = _between(times[one.stop - 1], times[one.stop], abs(lines[number + 1][0] - line[0]))
        made.append(Stretch(first_s, last_s, _measured(found, times[one], rest[one], line)))
        first_s = next_s
    return made


def _between(before: float, after: float, jump_s: float) -> tuple[float, float]:
    """Where a part ends and the next begins: within the writer window it does not matter which one a record is of."""
    middle = (before + after) / 2
    return (middle, middle) if jump_s <= WIDE_S else (before, after)


def _measured(found: Measured, times: np.ndarray, rest: np.ndarray, line: tuple[float, float, float]) -> Measured:
    offset, drift, epoch = line
    low, high = np.percentile(_left(times, rest, line), [5, 95])
    return replace(
        found, offset_s=offset, spread_s=float(high - low), drift_s_per_day=drift * 86400.0, epoch_s=epoch,
        pairs=len(times),
    )


def _line(times: np.ndarray, rest: np.ndarray) -> tuple[float, float, float]:
    """Offset at the epoch, drift in seconds a second, and the epoch of pairs between which nothing was set."""
    drift, epoch = slope(times, rest), float(np.median(times))
    return float(np.median(rest - drift * (times - epoch))), drift, epoch


def _left(times: np.ndarray, rest: np.ndarray, line: tuple[float, float, float]) -> np.ndarray:
    offset, drift, epoch = line
    return rest - offset - drift * (times - epoch)


def _breaks(times: np.ndarray, rest: np.ndarray) -> list[int]:
    """The pairs before which the clock was set, in order."""
    best = min(_candidates(rest), key=lambda place: _cost(times, rest, place), default=0)
    if not best or not _stands_out(times, rest, best):
        return []
    if min((best - 1, best, best + 1), key=lambda place: _cost(times, rest, place)) != best:
        return []  # it lies nearer to an end than five pairs
    after = [best + place for place in _breaks(times[best:], rest[best:])]
    return [*_breaks(times[:best], rest[:best]), best, *after]


def _candidates(rest: np.ndarray) -> list[int]:
    """Places with five pairs on either side whose middles differ."""
    if len(rest) < 2 * FEWEST:
        return []
    middles = np.median(np.lib.stride_tricks.sliding_window_view(rest, FEWEST), axis=1)
    return [int(at) + FEWEST for at in np.flatnonzero(np.abs(middles[FEWEST:] - middles[:-FEWEST]) >= LEAST_S / 2)]


def _cost(times: np.ndarray, rest: np.ndarray, place: int) -> float:
    sides = (slice(None, place), slice(place, None))
    return sum(float(np.abs(_left(times[own], rest[own], _line(times[own], rest[own]))).sum()) for own in sides)


def _stands_out(times: np.ndarray, rest: np.ndarray, place: int) -> bool:
    single = float(np.abs(_left(times, rest, _line(times, rest))).sum())
    if _cost(times, rest, place) > LEFT_OVER * single:
        return False
    at, sides = (times[place - 1] + times[place]) / 2, (slice(None, place), slice(place, None))
    lines = [_line(times[own], rest[own]) for own in sides]
    before, after = (offset + drift * (at - epoch) for offset, drift, epoch in lines)
    left = np.concatenate([_left(times[own], rest[own], line) for own, line in zip(sides, lines, strict=True)])
    noise = max(ROUGH_S, 1.4826 * float(np.median(np.abs(left))))
    return bool(abs(after - before) >= max(LEAST_S, OVER_NOISE * noise))
