"""What the commands print: it fits the terminal and says what the tables say, of a selection as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from story import story

from kit import tables, terminal
from kit.judgement.analysis import Analysis


def changed(analysis: Analysis, **columns: object) -> Analysis:
    """The story with columns of `sources` replaced in every row."""
    sources = analysis.sources.assign(**columns)
    return Analysis(analysis.meta, {**analysis.tables, "sources": tables.check("sources", sources)})


@pytest.mark.parametrize(("columns", "used"), [("20", 60), ("72", 72), ("200", 100)])
def test_the_width_is_that_of_the_terminal_within_bounds(
    monkeypatch: pytest.MonkeyPatch, columns: str, used: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.width() == used


def test_the_counts_are_those_of_the_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    made = story()
    text = terminal.analysed(made, Path("case"), Path("out"))
    whole = made.verdicts[made.verdicts["database"].isna()]["verdict"].value_counts()
    for verdict, count in whole.items():
        line = next(one for one in text.splitlines() if one.strip().startswith(terminal.SIGNS[verdict]))
        assert int(line.split()[-1]) == count
    assert max(map(len, text.splitlines())) <= 80


def test_records_are_counted_by_class_as_in_the_table_of_the_report() -> None:
    made = story()
    text = " ".join(terminal.analysed(made, Path("case"), Path("out")).split())
    counts = made.judged_events["class"].value_counts()
    assert f"Records {counts.drop('normal', errors='ignore').sum()}:" in text
    for name, count in counts.drop("normal", errors="ignore").items():
        assert f"{count} {str(name).replace('_', ' ')}" in text


def test_advice_for_a_point_outside_the_chosen_period_names_its_id() -> None:
    made = story()
    (advised,) = made.advice["fail_over_to"].dropna()
    time = made.recovery_points.set_index("recovery_point_id")["time_utc"][advised]
    before = (time - (made.recovery_points["time_utc"].max() - made.recovery_points["time_utc"].min()) / 2).isoformat()
    text = terminal.analysed(made.only(until=before), Path("case"), Path("out"))
    assert f"point {advised} (outside the chosen period)" in text


def test_paths_with_blanks_can_be_copied_from_the_next_command() -> None:
    assert 'kit report "my case" --out REPORT' in terminal.analysed(story(), Path("my case"), Path("out"))


@pytest.mark.parametrize(
    ("status", "lost"), [("read", False), ("absent", False), ("partial", True), ("unreadable", True)]
)
def test_only_partial_and_unreadable_sources_are_losses(status: str, lost: bool) -> None:
    assert terminal.has_losses(changed(story(), status=status)) is lost
