"""Events from the future: a leap beyond everything that the case can vouch for is seen, said, and carries nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from kit import terminal
from kit.case import Case, load_case
from kit.judgement import analyze
from kit.practice.evtx_writer import Event, write_evtx
from tests.test_case import DEVICE, START, points, sql

HOURS = 8


def _operation(hour: int, shift: timedelta = timedelta()) -> list[Event]:
    begin = START + timedelta(hours=hour, seconds=7 * hour * hour % 23) + shift
    routine = "BackupVirtualDeviceFile::SendFileInfoBegin"
    return [
        sql(3197, begin, "Sales"), sql(3198, begin + timedelta(seconds=6), "Sales"),
        sql(18210, begin + timedelta(seconds=6.3), routine, "failure", DEVICE.format(hour), "995", level=2),
    ]


def _case(root: Path, more: list[Event], hours: int = HOURS, listed: int = HOURS, clocks: bool = True) -> Case:
    (root / "guest").mkdir(parents=True)
    (root / "replica").mkdir()
    own = [event for hour in range(hours) for event in _operation(hour)]
    write_evtx(root / "guest" / "Application.evtx", own + more)
    (root / "replica" / "points.json").write_text(points(listed), encoding="utf-8")
    if clocks:
        text = '[[clock]]\ncomputer = "SQL01"\noffset_s = 0\n'
        (root / "case.toml").write_text(text, encoding="utf-8")
    return load_case(root, quiet=True)


def _of(case: Case, path: str) -> pd.Series:
    return case.sources.set_index("path").loc[path]


def test_a_leap_by_years_is_said_in_check_and_in_the_findings(tmp_path: Path) -> None:
    case = _case(tmp_path / "case", _operation(9, timedelta(days=9000)))
    assert "3 rows are from the future" in _of(case, "guest/Application.evtx")["note"]
    assert "from the future" in terminal.checked(case).text(tmp_path / "case")
    made = analyze(case)
    told = made.findings[made.findings["rule_id"] == "records-from-the-future"]
    assert len(told) == 1 and len(told["evidence"].iloc[0]) == 3
    assert "2039" in told["statement"].iloc[0]


def test_the_future_stretches_neither_coverage_nor_the_time_of_collection(tmp_path: Path) -> None:
    """A log that ends two hours before the last points: a made-up record must not make it cover them."""
    late = [sql(17137, datetime(2031, 1, 1, tzinfo=UTC), "Sales")]
    with_it = analyze(_case(tmp_path / "with", late, hours=5))
    without = analyze(_case(tmp_path / "without", [], hours=5))
    assert with_it.verdicts[["recovery_point_id", "verdict", "pattern"]].equals(
        without.verdicts[["recovery_point_id", "verdict", "pattern"]]
    )
    assert "not_covered" in set(with_it.verdicts["pattern"])
    assert with_it.meta["collected"] == without.meta["collected"]
    assert with_it.advice["data_loss_s"].tolist() == without.advice["data_loss_s"].tolist()


def test_an_operation_from_the_future_is_linked_to_nothing(tmp_path: Path) -> None:
    made = analyze(_case(tmp_path / "case", _operation(9, timedelta(days=9000))))
    future = made.operations[made.operations["begin_utc"] > pd.Timestamp("2030-01-01", tz="UTC")]
    assert len(future) == 1 and future["requestor"].iloc[0] == "unknown"
    assert not made.links["operation_id"].isin(future["operation_id"]).any()
    without = analyze(_case(tmp_path / "without", []))
    assert made.verdicts["verdict"].tolist() == without.verdicts["verdict"].tolist()
    assert "supported" in set(made.verdicts["verdict"])


@pytest.mark.parametrize("days", [1, 3])
def test_a_log_that_was_merely_collected_later_is_not_from_the_future(tmp_path: Path, days: int) -> None:
    later = [sql(17137, START + timedelta(hours=HOURS + 6 * n), "Sales") for n in range(days * 4)]
    case = _case(tmp_path / "case", later)
    assert "future" not in str(_of(case, "guest/Application.evtx")["note"])
    assert set(case.events["time_basis"]) == {"utc"}


def test_a_clock_that_is_wrong_by_half_a_day_is_not_from_the_future(tmp_path: Path) -> None:
    root = tmp_path / "case"
    (root / "guest").mkdir(parents=True)
    (root / "replica").mkdir()
    own = [event for hour in range(HOURS) for event in _operation(hour, timedelta(hours=12))]
    write_evtx(root / "guest" / "Application.evtx", own)
    (root / "replica" / "points.json").write_text(points(HOURS), encoding="utf-8")
    assert "future" not in str(_of(load_case(root, quiet=True), "guest/Application.evtx")["note"])


def test_a_list_cannot_name_a_point_newer_than_itself(tmp_path: Path) -> None:
    """An export of WMI or PowerShell that says when it was made: a point an hour after that has no sure time."""
    root = tmp_path / "case"
    (root / "replica").mkdir(parents=True)
    rows = json.loads(points(HOURS))
    (root / "replica" / "points.json").write_text(json.dumps(rows), encoding="utf-8")
    case = load_case(root, quiet=True)
    exported = _of(case, "replica/points.json")["exported_utc"]
    assert pd.isna(exported), "this form says no time, so nothing is concluded from it"
    assert set(case.recovery_points["time_basis"]) == {"utc"}
