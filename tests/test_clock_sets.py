"""Records that say that a guest's clock was set: beside them an offset holds only where the operations show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.judgement import analyze
from kit.practice import write_practice
from kit.practice.bundled import scenario as bundled_scenario
from kit.reasoning.calibrate import Measured, Side
from kit.reasoning.clock_sets import ClockSet, clock_sets, cut, told
from kit.reasoning.clock_steps import Stretch

HOUR, DAY = 3600.0, pd.Timestamp("2014-05-19T00:00Z")
NEW_OLD = '{{"new_time": "2014-05-19T{new}.000Z", "old_time": "2014-05-19T{old}.000Z"}}'


def records(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    """Records of one guest: time, phase, what was captured."""
    made = pd.DataFrame(rows, columns=["time_utc", "phase", "captured"])
    return made.assign(role="guest", computer="SQL01", time_utc=DAY + pd.to_timedelta(made["time_utc"]))


def found(*rows: tuple[str, str, str | None]) -> list[float]:
    return [one.by_s for one in clock_sets(records(*rows)).get("sql01", [])]


def test_old_and_new_time_say_by_how_much() -> None:
    row = ("11:00:00", "clock", NEW_OLD.format(new="11:00:00", old="10:00:00"))
    assert found(row) == [3600.0]
    assert clock_sets(records(row))["sql01"][0].old_s == (DAY + pd.Timedelta("10:00:00")).timestamp()


def test_the_time_service_says_the_same_in_seconds_and_both_are_one() -> None:
    kernel = ("11:00:00", "clock", NEW_OLD.format(new="11:00:00", old="10:00:00"))
    service = ("11:00:01", "clock", '{"offset_s": "3600"}')
    assert found(service) == [3600.0]
    assert found(kernel, service) == [3600.0]


def test_a_log_may_name_the_domain_of_the_computer() -> None:
    row = ("11:00:00", "clock", NEW_OLD.format(new="11:00:00", old="10:00:00"))
    named = records(row).assign(computer="SQL01.contoso.example")
    assert list(clock_sets(named)) == ["sql01"]


def test_less_than_the_writer_window_is_nothing() -> None:
    assert found(("11:00:50", "clock", NEW_OLD.format(new="11:00:50", old="11:00:00"))) == []


def test_there_and_back_within_minutes_is_nothing() -> None:
    forward = ("11:00:00", "clock", NEW_OLD.format(new="11:00:00", old="10:00:00"))
    back = ("10:04:00", "clock", NEW_OLD.format(new="10:04:00", old="11:04:00"))
    assert found(forward, back) == []


def test_a_machine_that_just_started_had_a_wrong_clock_since_then_only() -> None:
    row = ("11:00:30", "clock", NEW_OLD.format(new="11:00:30", old="09:00:30"))
    assert found(("09:00:10", "boot", None), row) == []
    assert found(("05:00:10", "boot", None), row) == [7200.0]


def test_it_is_told_in_words() -> None:
    row = ("11:00:00", "clock", NEW_OLD.format(new="11:00:00", old="10:00:00"))
    said = "; its records say that it was put forward by 3,600 s at 2014-05-19 11:00 UTC of its own time"
    assert told(clock_sets(records(row))["sql01"]) == said
    assert told([]) == ""


@pytest.mark.parametrize("text", ['{"offset_s": "soon"}', '{"new_time": "yesterday", "old_time": "?"}', "{}"])
def test_what_cannot_be_read_is_nothing(text: str) -> None:
    assert found(("11:00:00", "clock", text)) == []


def case(count: int, at: int, by_s: float, jitter_s: float = 0.0, really: bool = True) -> tuple[list[Stretch], ...]:
    """What is left of one offset for all operations, where the clock is put forward before operation `at`."""
    rng = np.random.default_rng(7)
    true = np.arange(count) * HOUR + rng.uniform(0, jitter_s, count)
    guest = true + np.where((np.arange(count) >= at) & really, by_s, 0.0)
    host = Side(true + 6, np.empty(0))
    always = Stretch(-np.inf, np.inf, Measured(6.0, 2.0, 0.0, float(true[0]), count, False, ""))
    moment = true[at] - HOUR / 2
    known = [ClockSet(moment, moment + by_s)] if really else [ClockSet(moment - by_s, moment)]
    return [always], cut([always], known, Side(guest, np.empty(0)), host)


@pytest.mark.parametrize("by_s", [HOUR, -HOUR, 3 * HOUR])
def test_few_operations_after_a_step_by_whole_hours_have_no_offset(by_s: float) -> None:
    always, left = case(40, 38, by_s)
    assert left != always
    assert left[0].last_s < 37.6 * HOUR
    assert len(left) == 1


def test_where_only_the_old_offset_fits_the_clock_got_its_own_time_back() -> None:
    """A machine that was paused for five minutes: its operations stand near points as they did before."""
    always, left = case(40, 38, 300.0, really=False)
    assert left == always


def test_where_only_the_new_offset_fits_the_old_one_is_not_kept() -> None:
    always, left = case(40, 38, 300.0)
    assert left != always and left[0].last_s < 37.6 * HOUR


def test_jitter_confirms_a_long_side() -> None:
    """Put right by an hour after a pause of an hour: later operations share their jitter with the points."""
    always, left = case(60, 30, HOUR, jitter_s=40.0, really=False)
    assert left == always


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_points_of_the_last_two_operations_after_a_recorded_step_stay_open(tmp_path: Path, by_s: float) -> None:
    scenario = bundled_scenario()
    moment = scenario.scheduled(len(scenario.plans) - 3) + timedelta(minutes=30)
    clock = replace(scenario.guest.clock, corrections=((moment, by_s),))
    scenario = replace(scenario, guest=replace(scenario.guest, clock=clock), clocks_declared=False)
    truth = write_practice([scenario], tmp_path / "case", tmp_path / "truth.json")
    points = [row for row in truth["recovery_points"] if row["time_utc"] > f"{moment:%Y-%m-%dT%H:%M}"]
    after = [row["recovery_point_id"] for row in points]
    verdicts = analyze(tmp_path / "case").verdicts
    judged = verdicts[verdicts["recovery_point_id"].isin(after)]
    assert len(after) >= 2
    assert not judged["verdict"].isin(["confirmed", "supported"]).any()
