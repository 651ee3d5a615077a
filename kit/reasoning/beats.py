"""The beat of an operation that recurs: which of the others stand on it, which off it, and where nothing tells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

WINDOW_S = 60.0  # longest time a writer stays frozen by default
ENOUGH = 5
HOUR = pd.Timedelta(hours=1)
ON, OPEN, OFF = 0, 1, 2  # where an operation stands; the smaller the nearer


@dataclass(frozen=True)
class Beat:
    """Times known to be on a beat, its spacing, and how much later or earlier than the last one the next may come."""

    times: list[pd.Timestamp]
    step_s: float
    play_s: float

    def place(self, at: pd.Timestamp) -> int:
        """ON within the writer window of the beat, OFF beyond the play of the beat while it goes on, else OPEN."""
        rest = abs(self._rest(at))
        if rest <= WINDOW_S:
            return ON
        inside = self.times[0] <= at + self._step and at - self._step <= self.times[-1]
        return OFF if inside and rest > WINDOW_S + self.play_s else OPEN

    @property
    def _step(self) -> pd.Timedelta:
        return pd.Timedelta(seconds=self.step_s)

    def _rest(self, at: pd.Timestamp) -> float:
        """Seconds to the nearest whole number of spacings from the nearest time of the beat."""
        place = bisect_right(self.times, at)
        nearest = min(self.times[max(0, place - 1) : place + 1], key=lambda time: abs(time - at))
        return _rest((nearest - at).total_seconds(), self.step_s)


def _rest(distance_s: float, step_s: float) -> float:
    return (distance_s + step_s / 2) % step_s - step_s / 2


def beat(times: list[pd.Timestamp], anchors: list[pd.Timestamp], step: pd.Timedelta | None) -> Beat | None:
    """The beat of the anchors, followed from one operation to the next; None with too few of them or no spacing.

    A beat may drift: from the anchors on, an operation a few spacings away joins it if it is on the beat of its
    neighbour. The play is what two neighbours differ by among the anchors, a quarter of the spacing at most.
    """
    if len(anchors) < ENOUGH or step is None:
        return None
    step_s = step.total_seconds()
    play_s = max(abs(_rest((later - earlier).total_seconds(), step_s)) for earlier, later in pairwise(anchors))
    made = Beat(list(anchors), step_s, min(play_s, step_s / 4))
    first, last = bisect_left(times, anchors[0]), bisect_right(times, anchors[-1])
    for at in [*times[first:last], *times[last:], *reversed(times[:first])]:
        if made.place(at) == ON:
            insort(made.times, at)
    return made


def own_beat(times: list[pd.Timestamp]) -> tuple[list[pd.Timestamp], pd.Timedelta | None]:
    """Operations that follow each other by one whole number of hours, 1 to 12, and that number."""
    gaps = pd.Series(times).diff().dropna()
    if len(gaps) < ENOUGH - 1:
        return [], None
    hours = round(gaps.median() / HOUR)
    regular = (gaps - hours * HOUR).abs() <= pd.Timedelta(seconds=WINDOW_S)
    if not 1 <= hours <= 12 or regular.sum() < 0.6 * len(gaps):
        return [], None
    return [times[number] for number in gaps.index[regular]], hours * HOUR
