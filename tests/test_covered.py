"""What the guests' logs cover: absence may be claimed only where records provably stand without a gap."""

import pandas as pd
import pytest

from kit import tables
from kit.reasoning.covered import APPLICATION, covered

SOURCES = [{"source_id": name, "path": name, "role": "guest", "vm_name": "SQL01"} for name in ("old", "new")]
BOOTS, STARTS = tables.empty("boots"), pd.DataFrame(columns=["source_id", "boot_id"])


def at(minute):
    return pd.Timestamp(f"2014-05-19T10:{minute:02d}:00Z")


def interval(source_id, first, last, first_id, last_id):
    return {
        "source_id": source_id, "computer": "SQL01.corp.local", "channel": "Application", "first_time": at(first),
        "last_time": at(last), "first_id": first_id, "last_id": last_id,
    }  # fmt: skip


def held(*rows):
    return covered(tables.frame("coverage", rows), tables.frame("sources", SOURCES), BOOTS, STARTS)


@pytest.mark.parametrize(("next_id", "whole"), [(101, True), (102, False), (100, False)])
def test_a_log_saved_in_two_files_covers_the_time_between_its_halves_only_if_no_record_is_missing(next_id, whole):
    """The first half ends with record 100 at 10:10, the second begins at 10:30."""
    found = held(interval("old", 0, 10, 1, 100), interval("new", 30, 50, next_id, next_id + 100))
    assert found.holds("SQL01", APPLICATION, at(5), at(40)) is whole


def test_lists_without_record_numbers_never_follow_each_other():
    found = held(interval("old", 0, 10, None, None), interval("new", 30, 50, None, None))
    assert found.holds("SQL01", APPLICATION, at(5), at(40)) is False
