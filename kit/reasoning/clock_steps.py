"""Stretches of time between which a guest's clock was set, or a local time changed by daylight saving.

One offset for a whole log (calibrate.py) is wrong on one side of such a step; and where the step is a whole number of
intervals every operation still stands near a point, only that of another hour. What tells is the jitter that both sides
share at the right shift alone. Each operation is weighed against each shift that could hold there; a shift lasts until
the operations say otherwise (a hidden Markov chain, forward and backward). Operations that could belong to either side
of a step belong to none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from kit.reasoning.calibrate import (
    FEWEST,
    REACH_S,
    ROUGH_S,
    SURE,
    WIDE_S,
    Measured,
    Side,
    decided,
    measure,
    nearest_s,
    slope,
    step_of,
    whole,
)

WINDOW, STRIDE, MANY = 8, 4, 200  # operations whose own shift is looked for
STEPPED, ODD = 1e-3, 1e-6  # chance of a step from one operation to the next: to another shift, to none that fits
HOUR_SHARE = 0.4  # of the steps: by one hour, as zones and daylight saving do
OUTLIER, ALONE = 0.05, 0.25  # operations whose label came early or late; operations without a point
FEW_TOLD = 0.2  # share of operations below which a shift, or what tells it from others, counts as accident
TELLING = 2.0  # jitter over noise below which nothing tells shifts apart
MOST_QUARTERS = 52  # 13 hours
KNOWN = 0.9  # probability from which an operation belongs to a stretch
HINT = 0.02  # chance of an accident that a window's own shift may have: a hint, which whole stretches confirm
QUIET, QUIET_Z = 0.3, 0.3853  # share of operations that a step leaves alone; what a normal spread holds of them
HOUR_S, QUARTER_S = 3600.0, 900.0
NONE = np.empty(0)


@dataclass(frozen=True)
class Stretch:
    """A time on the guest's clock, in seconds, over which one offset holds; open ends are infinite."""

    first_s: float
    last_s: float
    measured: Measured


@dataclass(frozen=True)
class _State:
    offset: float
    drift: float
    epoch: float

    def at(self, times: np.ndarray) -> np.ndarray:
        return times + self.offset + self.drift * (times - self.epoch)


@dataclass(frozen=True)
class _Run:
    """A row of operations, first to last, that belong to one shift; or to none that was seen."""

    state: _State | None
    first: int
    last: int


def stretches(guest: Side, host: Side, found: Measured | None) -> list[Stretch] | None:
    """The stretches with their offsets; None where nothing says that one offset does not hold for all.

    Empty where no offset is sure for long enough.

    `guest` and `host` as for `calibrate.measure`, `found` what it says of them. A failed operation has no point of its
    own as often as not, so that the others tell, where there are enough of them.
    """
    every, points = guest.good if len(guest.good) >= WINDOW else whole(guest).good, whole(host).good
    if len(every) < WINDOW or len(points) < FEWEST:
        return None
    step = step_of(points)
    main = _main(found)
    if main is None:
        return _cut([], WIDE_S, guest, host, every, points, None) or None
    noise = _noise(main, every, points)
    if _one_holds(main, _listed(every, [main], points, step), points, step, noise):
        return None
    return _cut([main], noise, guest, host, every, points, found)


def _main(found: Measured | None) -> _State | None:
    if found is None or found.offset_s is None:
        return None
    return _State(found.offset_s, found.drift_s_per_day / 86400.0, found.epoch_s)


def _cut(
    states: list[_State], noise: float, guest: Side, host: Side, every: np.ndarray, points: np.ndarray,
    found: Measured | None,
) -> list[Stretch] | None:
    """The stretches of these shifts and of those that windows of operations show; None where one has them all."""
    step, mains = step_of(points), tuple(states)
    labels, own_noise = _labelled(every, points)
    states = [*mains, *(one for one in labels if all(abs(one.offset - other.offset) > WIDE_S for other in mains))]
    every, noise = _listed(every, states, points, step), min(noise, own_noise)
    if not len(every):
        return []
    runs = _runs(states, every, points, step, noise)
    if more := _of_the_rest(runs, guest, host, every):
        runs = _runs([*states, *more], every, points, step, noise)
    runs = [run for run in runs if run.state is not None]
    if len(runs) == 1 and (runs[0].first, runs[0].last) == (0, len(every) - 1):
        return None
    return list(_pieces(runs, guest, host, every, dict.fromkeys(mains, found)))


def _listed(times: np.ndarray, states: list[_State], points: np.ndarray, step: float) -> np.ndarray:
    """The operations that one of the shifts places where points were listed: others tell nothing of a shift."""
    kept = np.zeros(len(times), dtype=bool)
    for state in states:
        placed = state.at(times)
        kept |= (placed > points[0] - step / 2) & (placed < points[-1] + step / 2)
    return times[kept]


def _of_the_rest(runs: list[_Run], guest: Side, host: Side, every: np.ndarray) -> list[_State]:
    """Shifts of the runs that none of the shifts seen so far explains."""
    made = []
    for run in runs:
        if run.state is None and run.last - run.first + 1 >= SURE:
            said = measure(_between(guest, every[run.first], every[run.last]), host)
            if said is not None and said.offset_s is not None:
                made.append(_State(said.offset_s, said.drift_s_per_day / 86400.0, said.epoch_s))
    return made


def _noise(state: _State, times: np.ndarray, points: np.ndarray) -> float:
    rest = nearest_s(state.at(times), points)
    near = rest[np.abs(rest) <= WIDE_S]
    return max(ROUGH_S, float(np.quantile(np.abs(near), QUIET)) / QUIET_Z) if len(near) else WIDE_S


def _one_holds(main: _State, times: np.ndarray, points: np.ndarray, step: float, noise: float) -> bool:
    """Whether every operation belongs to one shift, or nothing tells shifts by whole intervals apart."""
    states = _family([main], times, points)
    if _spread(states[1:], times, points) < TELLING * noise:
        return True
    likely = _likely(states, times, points, step, noise)
    told = likely[:, 0] > 10 * np.median(likely[:, 1:-2], axis=1) if len(states) > 1 else np.ones(1)
    if told.mean() < FEW_TOLD:
        return True
    return bool((_belonging(likely, _moves(states))[:, 0] >= KNOWN).all())


def _spread(others: list[_State], times: np.ndarray, points: np.ndarray) -> float:
    """How far operations stand from points at the shifts next to the right one: the jitter of both sides."""
    rests = [nearest_s(state.at(times), points) for state in others]
    near = np.concatenate([rest[np.abs(rest) <= WIDE_S] for rest in rests]) if rests else np.empty(0)
    return 1.4826 * float(np.median(np.abs(near - np.median(near)))) if len(near) else WIDE_S


def _family(mains: list[_State], times: np.ndarray, points: np.ndarray) -> list[_State]:
    """Shifts that were seen, and those by whole quarters of an hour from them that pair operations with points."""
    made = list(mains)
    for main in mains:
        for quarters in sorted({*range(-MOST_QUARTERS, MOST_QUARTERS + 1)}, key=abs):
            one = _State(main.offset + quarters * QUARTER_S, main.drift, main.epoch)
            if any(abs(one.offset - other.offset) <= WIDE_S for other in made):
                continue
            if (np.abs(nearest_s(one.at(times), points)) <= WIDE_S).mean() >= FEW_TOLD:
                made.append(one)
    return made


def _likely(
    states: list[_State], times: np.ndarray, points: np.ndarray, step: float, noise: float
) -> np.ndarray:
    """The density of each operation (row) under each shift (column), then near points by accident, then nowhere."""
    made = np.empty((len(times), len(states) + 2))
    for column, state in enumerate(states):
        rest = nearest_s(state.at(times), points)
        bell = np.exp(-0.5 * (rest / noise) ** 2) / (noise * 2.5066)
        inside = (1 - OUTLIER - ALONE) * bell + OUTLIER / (2 * WIDE_S)
        made[:, column] = np.where(np.abs(rest) <= WIDE_S, inside, ALONE / step)
    near = np.abs(nearest_s(states[0].at(times), points)) <= WIDE_S
    made[:, -2] = np.where(near, (1 - ALONE) / (2 * WIDE_S), ALONE / step)
    made[:, -1] = 1 / step
    return made


def _moves(states: list[_State]) -> np.ndarray:
    """The chance of each state (row) to be followed by each (column), in the order of `_likely`."""
    count = len(states)
    made = np.full((count + 2, count + 2), ODD)
    made[:count, :count] = STEPPED * (1 - HOUR_SHARE) / max(1, count - 1)
    offsets = np.array([state.offset for state in states])
    hours = np.abs(np.abs(offsets[:, None] - offsets[None, :]) - HOUR_S) <= WIDE_S
    made[:count, :count] += np.where(hours, STEPPED * HOUR_SHARE / np.maximum(hours.sum(axis=1, keepdims=True), 1), 0)
    np.fill_diagonal(made, 0.0)
    np.fill_diagonal(made, 1 - made.sum(axis=1))
    return made


def _belonging(likely: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The probability of each state at each operation, given all operations."""
    count, states = likely.shape
    forward, backward = np.empty((count, states)), np.ones((count, states))
    before = np.full(states, 1 / states)
    for row in range(count):
        forward[row] = (before if row == 0 else forward[row - 1] @ moves) * likely[row]
        forward[row] /= forward[row].sum()
    for row in range(count - 2, -1, -1):
        backward[row] = moves @ (likely[row + 1] * backward[row + 1])
        backward[row] /= backward[row].sum()
    made = forward * backward
    return made / made.sum(axis=1, keepdims=True)


def _labelled(times: np.ndarray, points: np.ndarray) -> tuple[list[_State], float]:
    """Shifts that several windows of operations show by themselves, with the noise in those windows."""
    seen: list[tuple[float, float, float]] = []  # middle of the window, offset, spread
    for first in range(0, len(times) - WINDOW + 1, STRIDE if len(times) > MANY else STRIDE // 2):
        own = times[first : first + WINDOW]
        reach = points[(points >= own[0] - REACH_S) & (points <= own[-1] + REACH_S)]
        best = decided(Side(own, NONE), Side(reach, NONE), HINT) if len(reach) >= FEWEST else None
        if best is not None:
            seen.append(best)
    groups: list[list[tuple[float, float, float]]] = []
    for label in seen:
        fitting = [group for group in groups if abs(group[-1][1] - label[1]) <= WIDE_S]
        if fitting:
            fitting[0].append(label)
        else:
            groups.append([label])
    kept = [group for group in groups if len(group) >= 2]
    noise = [1.4826 * spread for group in kept for _, _, spread in group]
    return [_state(group) for group in kept], max(ROUGH_S, float(np.median(noise))) if noise else WIDE_S


def _state(group: list[tuple[float, float, float]]) -> _State:
    times, offsets = np.array([label[0] for label in group]), np.array([label[1] for label in group])
    epoch = float(np.median(times))
    drift = slope(times, offsets)
    return _State(float(np.median(offsets - drift * (times - epoch))), drift, epoch)


def _runs(states: list[_State], times: np.ndarray, points: np.ndarray, step: float, noise: float) -> list[_Run]:
    """The runs of operations that surely belong to one shift, or to none of these."""
    every = _family(states, times, points)
    belongs = _belonging(_likely(every, times, points, step, noise), _moves(every))
    belongs = np.column_stack([belongs[:, :-2], belongs[:, -2:].sum(axis=1)])
    best = belongs.argmax(axis=1)
    made: list[tuple[int, int, int]] = []
    for place in np.flatnonzero(belongs.max(axis=1) >= KNOWN):
        state, at = int(best[place]), int(place)
        first = made.pop()[1] if made and made[-1][0] == state else at
        made.append((state, first, at))
    return [_Run(every[state] if state < len(every) else None, first, last) for state, first, last in made]


def _pieces(
    runs: list[_Run], guest: Side, host: Side, every: np.ndarray, known: Mapping[_State, Measured | None]
) -> Iterator[Stretch]:
    """The runs that are long enough and whose offset `measure` finds as well, by themselves or (`known`) for all.

    Where a stretch is sure, one that differs from it by whole quarters of an hour is as near as zones and daylight
    saving make it, and needs no more than a shift near zero does.
    """
    spans = list(_apart([
        (run.state, every[run.first], every[run.last]) for run in runs
        if run.state is not None and run.last - run.first + 1 >= (FEWEST if run.state in known else SURE)
    ]))  # fmt: skip
    said = {
        first: _confirmed(state, 0.0, _between(guest, first, last), host) or known.get(state)
        for state, first, last in spans
    }
    sure = [state for state, first, _ in spans if said[first] is not None]
    for state, first, last in spans:
        if said[first] is None and any(_by_quarters(state, other) for other in sure):
            said[first] = _confirmed(state, state.offset, _between(guest, first, last), host)
        if found := said[first]:
            yield Stretch(-np.inf if first == every[0] else first, np.inf if last == every[-1] else last, found)


def _apart(spans: list[tuple[_State, float, float]]) -> Iterator[tuple[_State, float, float]]:
    """The same spans without the time that a clock which was set back ran through twice."""
    if not spans:
        return
    backs = [0.0, *(max(0.0, after.offset - before.offset) for (before, *_), (after, *_) in pairwise(spans)), 0.0]
    for (state, first, last), (before, after) in zip(spans, pairwise(backs), strict=True):
        if first + before < last - after:
            yield state, first + before, last - after


def _between(side: Side, first: float, last: float) -> Side:
    good, bad = (times[(times >= first) & (times <= last)] for times in (side.good, side.bad))
    return Side(good, bad)


def _by_quarters(state: _State, other: _State) -> bool:
    apart = abs(state.offset - other.offset)
    return abs(apart - round(apart / QUARTER_S) * QUARTER_S) <= WIDE_S


def _confirmed(state: _State, moved_s: float, own: Side, host: Side) -> Measured | None:
    """What `measure` says of a stretch whose times are moved first, if that is the shift of the state."""
    said = measure(Side(own.good + moved_s, own.bad + moved_s), host)
    if said is None or said.offset_s is None:
        return None
    made = replace(said, offset_s=said.offset_s + moved_s, epoch_s=said.epoch_s - moved_s)
    there = state.offset + state.drift * (made.epoch_s - state.epoch)
    return made if abs(said.offset_s + moved_s - there) <= WIDE_S else None
