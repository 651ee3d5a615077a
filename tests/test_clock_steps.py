"""A clock that was set on the way: each operation gets the offset of its own stretch, or none; never that of another.

Operations come every hour with a jitter that both sides share; labels follow with a small delay of their own. A step by
whole hours leaves every operation near a point, only that of another hour: nothing but the jitter tells.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.case import load_case
from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from kit.page.view import view_of
from kit.plots import clock_pairs
from kit.practice.evtx_writer import Event, write_evtx
from kit.reasoning.calibrate import Side, measure
from kit.reasoning.clock_steps import Stretch, stretches
from kit.reasoning.clocks import Offset, Shift

HOUR = 3600.0
DELAY = 5.0
BESIDE = 3  # operations next to a step that may belong to either side
TOLD = 60.0  # another operation is at least this far away


def stepped(count: int, at: int, step: float, seed: int, jitter: float, label: float) -> tuple[Side, Side, np.ndarray]:
    """Guest, host, and the true offset of each operation: `step` seconds more from operation `at` on."""
    rng = np.random.default_rng(seed)
    true = np.arange(count) * HOUR + rng.normal(0, jitter, count)
    points = true + DELAY + rng.normal(0, label, count)
    offsets = np.where(np.arange(count) >= at, step, 0.0)
    bad = rng.random(count) < 0.1
    guest = true - offsets
    return Side(np.sort(guest[~bad]), np.sort(guest[bad])), Side(points, np.empty(0)), np.column_stack([guest, offsets])


def offset_at(found: list[Stretch], time: float) -> float | None:
    return next((one.measured.offset_s for one in found if one.first_s <= time <= one.last_s), None)


@pytest.mark.parametrize("step", [HOUR, -HOUR, 2 * HOUR, -3 * HOUR, 420.0, -900.0, 5 * HOUR + 1800])
@pytest.mark.parametrize("seed", range(3))
def test_each_stretch_has_its_own_offset(step: float, seed: int) -> None:
    guest, host, truth = stepped(120, 80, step, seed, jitter=15, label=2)
    found = stretches(guest, host, measure(guest, host)) or []
    assert len(found) == 2
    early, late = offset_at(found, truth[5, 0]), offset_at(found, truth[115, 0])
    assert early == pytest.approx(DELAY, abs=3)
    assert late == pytest.approx(step + DELAY, abs=3)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    count=st.integers(60, 150), part=st.floats(0.25, 0.75), hours=st.sampled_from([-7, -2, -1, 1, 2, 3, 9]),
    seed=st.integers(0, 10_000), jitter=st.floats(10, 25), label=st.floats(0.3, 1.5),
)  # fmt: skip
def test_no_operation_away_from_the_step_gets_the_offset_of_the_other_stretch(
    count: int, part: float, hours: int, seed: int, jitter: float, label: float
) -> None:
    at = int(count * part)
    guest, host, truth = stepped(count, at, hours * HOUR, seed, jitter, label)
    said = measure(guest, host)
    found = stretches(guest, host, said)
    for number, (time, offset) in enumerate(truth):
        told = offset_at(found, time) if found is not None else said.offset_s if said is not None else None
        if abs(number - at) > BESIDE and told is not None:
            assert told - DELAY == pytest.approx(offset, abs=TOLD)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    count=st.integers(5, 150), seed=st.integers(0, 10_000), jitter=st.floats(0, 25), label=st.floats(0.3, 3),
    offset=st.sampled_from([0.0, 420.0, -HOUR, 5 * HOUR]),
)  # fmt: skip
def test_a_steady_clock_is_one_stretch(count: int, seed: int, jitter: float, label: float, offset: float) -> None:
    """At most its very last or first operations are left out, where a late label looks like a step."""
    guest, host, truth = stepped(count, 0, offset, seed, jitter, label)
    found = stretches(guest, host, measure(guest, host)) or []
    for one in found:
        assert one.measured.offset_s == pytest.approx(offset + DELAY, abs=TOLD)
    if found:
        assert sum(offset_at(found, time) is None for time in truth[:, 0]) <= BESIDE


def test_snapshots_of_an_agent_in_between_are_no_step() -> None:
    guest, host, _ = stepped(100, 0, 0.0, 7, jitter=12, label=2)
    agents = np.arange(100) * HOUR + 1500 + np.random.default_rng(1).normal(0, 200, 100)
    mixed = Side(np.sort(np.concatenate([guest.good, agents])), guest.bad)
    assert stretches(mixed, host, measure(mixed, host)) is None


def test_between_two_stretches_no_time_is_known() -> None:
    first, last = pd.Timestamp("2014-05-20T10:00Z"), pd.Timestamp("2014-05-20T12:00Z")
    clock = Shift(Offset(5.0, last=first), Offset(3605.0, first=last))
    assert clock.to_reference(first) == pd.Timestamp("2014-05-20T10:00:05Z")
    assert clock.to_reference(last) == pd.Timestamp("2014-05-20T13:00:05Z")
    assert clock.from_reference(pd.Timestamp("2014-05-20T15:00:05Z")) == pd.Timestamp("2014-05-20T14:00Z")
    assert clock.knows(first) and clock.knows(last)
    assert not clock.knows(pd.Timestamp("2014-05-20T11:00Z"))
    assert not clock.knows_reference(pd.Timestamp("2014-05-20T12:00Z"))
    assert clock.knows_reference(pd.Timestamp("2014-05-20T14:00Z"))


START = datetime(2014, 5, 18, tzinfo=UTC)
COUNT, STEP_AT, SILENT = 60, 40, 50


def written(folder: Path, step: timedelta, declared_s: float | None = None) -> Analysis:
    """Sixty hourly snapshots; the guest's clock is set by `step` after the fortieth; the fiftieth is not taken."""
    rng = np.random.default_rng(3)
    late = rng.integers(0, 40, COUNT)
    begins = [START + timedelta(hours=hour, seconds=float(late[hour])) for hour in range(COUNT)]

    def sql(number: int, moment: datetime, hour: int) -> Event:
        shown = moment - (step if hour >= STEP_AT else timedelta(0))
        return Event("MSSQLSERVER", number, shown, "Application", "SQL01.corp.local", 4, strings=("Sales",))

    events = [sql(17126, START - timedelta(minutes=40), 0)]
    rows = ["Name,Id,VMName,SnapshotType,CreationTime,ComputerName"]
    for hour, begin in enumerate(begins):
        if hour != SILENT:
            events += [sql(3197, begin, hour), sql(3198, begin + timedelta(seconds=3), hour)]
        when = begin + timedelta(seconds=6 + float(rng.integers(0, 2)))
        point = f"P{hour},01A1B2C3-1111-4222-8333-4444555566{hour:02d},SQL01,AppConsistentReplica"
        rows.append(f"{point},{when:%Y-%m-%dT%H:%M:%SZ},HV2")
    events.append(sql(17126, START + timedelta(hours=COUNT, minutes=30), COUNT))
    for name in ("guest", "replica"):
        (folder / name).mkdir()
    write_evtx(folder / "guest" / "Application.evtx", events)
    (folder / "replica" / "points.csv").write_text("\n".join(rows), encoding="utf-8")
    if declared_s is not None:
        (folder / "case.toml").write_text(f'[[clock]]\ncomputer = "SQL01"\noffset_s = {declared_s}\n', "utf-8")
    return analyze(load_case(folder))


def numbered(made: Analysis) -> dict[int, str]:
    """The verdict of each hour."""
    rows = made.verdicts[made.verdicts["database"].isna()].set_index("recovery_point_id")["verdict"]
    names = made.recovery_points.set_index("recovery_point_id")["name"]
    return {int(names[one][1:]): verdict for one, verdict in rows.items()}


def test_a_declared_offset_holds_where_the_pairs_allow_it(tmp_path: Path) -> None:
    """Declared as right, and right for the first forty hours only."""
    made = written(tmp_path, timedelta(hours=1), declared_s=0)
    verdicts = numbered(made)
    assert all(verdicts[hour] == "supported" for hour in range(STEP_AT - BESIDE - 1))
    assert {verdicts[hour] for hour in range(STEP_AT + BESIDE, COUNT)} == {"inconclusive"}


def test_a_declared_offset_that_the_pairs_refute_assures_nothing(tmp_path: Path) -> None:
    made = written(tmp_path, timedelta(0), declared_s=3600)
    assert set(numbered(made).values()) == {"inconclusive"}
    clock = made.clocks.set_index("role").loc["guest"]
    assert pd.isna(clock["offset_s"]) and clock["ambiguous"]
    assert "contradicts the pairs" in clock["note"]


def test_a_declared_offset_that_fits_stays_as_it_was_declared(tmp_path: Path) -> None:
    made = written(tmp_path, timedelta(0), declared_s=0)
    assert [*made.clocks.loc[made.clocks["role"] == "guest", "offset_s"]] == [0.0]
    assert {verdict for hour, verdict in numbered(made).items() if hour != SILENT} == {"supported"}


@pytest.mark.parametrize("hours", [1, -1])
def test_the_point_of_a_silent_hour_is_not_assured_by_the_snapshot_of_another_hour(tmp_path: Path, hours: int) -> None:
    """One offset for all would set each later snapshot beside the point of the hour before or after."""
    made = written(tmp_path, timedelta(hours=hours))
    rows = made.verdicts[made.verdicts["database"].isna()].set_index("recovery_point_id")
    names = made.recovery_points.set_index("recovery_point_id")["name"]
    verdicts = numbered(made)
    assert verdicts[SILENT] == "inconclusive"
    assert all(verdicts[hour] == "supported" for hour in range(STEP_AT - BESIDE - 1))
    assert all(verdicts[hour] == "supported" for hour in range(STEP_AT + BESIDE + 2, COUNT) if hour != SILENT)
    clock = made.clocks[made.clocks["role"] == "guest"].sort_values("from_utc", na_position="first")
    assert list(clock["offset_s"].round(-2)) == [0, hours * 3600]
    beside = [row for hour, row in zip(names[rows.index].str[1:].astype(int), rows.itertuples(), strict=True)
              if verdicts[hour] == "inconclusive" and hour != SILENT]
    assert all(any("when its clock was set" in text for text in row.missing) for row in beside)


def test_the_picture_of_the_clock_says_that_it_was_set(tmp_path: Path) -> None:
    made = written(tmp_path, timedelta(hours=1))
    said = [drawing.caption for drawing in clock_pairs.clock(view_of(made))]
    assert len(said) == 1
    assert "was set on the way" in said[0] and "at first" in said[0] and "3 60" in said[0].replace("\u202f", " ")
