"""Record numbers of damaged records: any 64-bit value fits the tables."""

from __future__ import annotations

from kit import tables
from kit.sources._account import signed


def test_numbers_beyond_the_signed_range_fit_and_small_ones_stay() -> None:
    assert signed(None) is None
    assert signed(7) == 7
    assert signed(2**64 - 1) == -1
    made = tables.frame("losses", [{"first_id": signed(15060037153926942522), "last_id": signed(2**63)}])
    assert made["first_id"].iloc[0] == 15060037153926942522 - 2**64
