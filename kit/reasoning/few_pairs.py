"""Clocks of cases with fewer than five pairs: taken as they stand only where the records leave no other pairing.

Section 5 of the domain reference asks for exactly one operation in a point's interval after the clocks are aligned
(rule 8), refuses a spread beyond the writer window (rule 9), and calls pairs that merely recur ambiguous (W10). Few
pairs show neither jitter nor enough gaps. So:

- every point that claims consistency stands within the writer window of exactly one operation, on the clocks as they
  are, and
- no shift pairs two of the points with operations, failed ones included; and none pairs one of them if it is the only
  point, or if the shift is one that a wrong zone or daylight saving makes (whole quarters of an hour), and
- a single pair has a log that reaches half a day further back and holds no other operation.

Nothing is measured beyond that: an offset that is not already small is never inferred from so few.
"""

from __future__ import annotations

import numpy as np

from kit.reasoning.calibrate import FEWEST, REACH_S, WIDE_S, Measured, Side

QUARTER_S = 900.0  # zones differ by whole quarters of an hour


def few(guest: Side, host: Side) -> Measured | None:
    """The offset where up to four points pair in one way only, an ambiguous answer where in several; else None.

    `guest` and `host` as for `calibrate.measure`. None: no pairs, or enough of them to measure.
    """
    if not len(guest.good) or not 0 < len(host.good) < FEWEST:
        return None
    apart = host.good[:, None] - guest.good[None, :]
    near = np.abs(apart) <= WIDE_S
    if not (near.sum(axis=1) == 1).all() or near.sum(axis=0).max() > 1:
        return None
    delays = apart[near]
    spread, count = float(delays.max() - delays.min()), len(delays)
    if spread > WIDE_S:
        return None
    if why := _otherwise(guest, host, float(np.median(delays))):
        return Measured(None, None, 0.0, 0.0, count, True, why)
    words = "the only pair there is" if count == 1 else f"{count} pairs, and no shift makes others"
    middle = float(np.median(guest.good[near.any(axis=0)]))
    return Measured(float(np.median(delays)), spread, 0.0, middle, count, False, words)


def _otherwise(guest: Side, host: Side, delay: float) -> str:
    """Why the points could have come from other operations; empty where they could not."""
    operations = np.sort(np.concatenate([guest.good, guest.bad]))
    shifts = (host.good[:, None] - operations[None, :]).ravel()
    shifts = shifts[(np.abs(shifts - delay) > WIDE_S) & (np.abs(shifts) <= REACH_S)]
    meeting = [int((np.abs(host.good[:, None] - operations[None, :] - shift) <= WIDE_S).any(axis=1).sum())
               for shift in shifts]
    if len(host.good) == 1:
        if len(shifts):
            return "one pair, and other operations that the point could have come from"
        first, last = host.good[0] - REACH_S, guest.good.max()
        reached = any(start <= first and last <= end for start, end in guest.covered)
        return "" if reached else "one pair, and the log does not reach far enough back to exclude another operation"
    if max(meeting, default=0) > 1:
        return f"{len(host.good)} pairs, and a shift by the interval pairs points and operations as well"
    rest = np.abs((shifts - delay + QUARTER_S / 2) % QUARTER_S - QUARTER_S / 2)
    zone = "pairs, and a wrong zone could pair one of the points with another operation"
    return f"{len(host.good)} {zone}" if (rest <= WIDE_S).any() else ""
