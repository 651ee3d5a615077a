"""A log in local time that ends or begins in the hour which the end of daylight saving repeats.

In Berlin 26 October 2014 had 02:00 to 03:00 twice: first as UTC 00:00 to 01:00, then as UTC 01:00 to 02:00.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kit.case import Case, load_case
from kit.judgement import analyze

LINE = "2014-10-26 {time}.00 spid52      I/O is frozen on database Sales. No user action is required.\n"
TOML = '[[source]]\npath = "ERRORLOG"\ntimezone = "Europe/Berlin"\nrole = "guest"\nvm = "SQL01"\ncomputer = "SQL01"\n'


def case(folder: Path, *times: str) -> Path:
    (folder / "ERRORLOG").write_text("".join(LINE.format(time=time) for time in times), encoding="utf-8")
    (folder / "case.toml").write_text(TOML, encoding="utf-8")
    return folder


def ends(found: Case, table: str) -> list[str]:
    row = getattr(found, table).iloc[0]
    return [f"{pd.Timestamp(row[name]):%H:%M}" for name in ("first_time", "last_time")]


def test_the_last_time_is_that_of_the_second_pass_though_the_first_went_further(tmp_path: Path) -> None:
    found = load_case(case(tmp_path, "01:30:00", "02:55:00", "02:20:00"))
    assert ends(found, "sources") == ["23:30", "01:20"]
    assert not analyze(tmp_path).verdicts["verdict"].isin(["confirmed", "supported"]).any()


def test_what_is_covered_never_reaches_beyond_the_last_line(tmp_path: Path) -> None:
    found = load_case(case(tmp_path, "01:30:00", "02:55:00", "02:20:00"))
    assert ends(found, "coverage")[0] == "23:30"
    assert ends(found, "coverage")[1] <= "01:20"


def test_what_is_covered_begins_with_the_second_pass(tmp_path: Path) -> None:
    """One line at 02:20 stands for 00:20 or 01:20 UTC: only from the later one on the log is sure to reach."""
    assert ends(load_case(case(tmp_path, "02:20:00", "04:00:00")), "coverage") == ["01:20", "03:00"]


def test_other_hours_stay_as_they_are(tmp_path: Path) -> None:
    found = load_case(case(tmp_path, "00:30:00", "03:10:00"))
    assert ends(found, "sources") == ends(found, "coverage") == ["22:30", "02:10"]
