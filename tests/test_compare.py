"""`kit diff`: what changed is listed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from story import story

from kit import tables
from kit.audit.compare import compared
from kit.errors import CaseError
from kit.judgement.analysis import Analysis


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return story().save(tmp_path_factory.mktemp("old"))


def with_table(analysis: Analysis, name: str, frame: object) -> Analysis:
    return Analysis(analysis.meta, {**analysis.tables, name: tables.check(name, frame)})


def test_a_report_does_not_differ_from_itself(old: Path) -> None:
    assert compared(old, old) == "No difference in verdicts, points or evidence."


def test_a_changed_verdict_is_listed_in_the_direction_of_the_change(old: Path, tmp_path: Path) -> None:
    made = story()
    verdicts = made.verdicts.copy()
    row = verdicts.index[verdicts["database"].isna() & (verdicts["verdict"] == "supported")][0]
    verdicts.loc[row, "verdict"] = "inconclusive"
    new = with_table(made, "verdicts", verdicts).save(tmp_path)
    there, back = compared(old, new), compared(new, old)
    assert there.startswith("Verdicts\n") and there.count("->") == 1
    assert "◐ supported -> ○ inconclusive" in there
    assert "○ inconclusive -> ◐ supported" in back


def test_points_that_come_or_go_are_counted(old: Path, tmp_path: Path) -> None:
    made = story()
    kept = made.recovery_points.sort_values("time_utc").iloc[2:].reset_index(drop=True)
    ids = set(kept["recovery_point_id"])
    fewer = with_table(made, "recovery_points", kept)
    verdicts = made.verdicts[made.verdicts["recovery_point_id"].isin(ids)].reset_index(drop=True)
    new = with_table(fewer, "verdicts", verdicts).save(tmp_path)
    assert "- 2 points fewer" in compared(old, new)
    assert "+ 2 points more" in compared(new, old)


def test_evidence_that_is_gone_or_has_other_bytes_is_named(old: Path, tmp_path: Path) -> None:
    made = story()
    sources = made.sources.copy()
    gone, other = sources["path"].iloc[0], sources["path"].iloc[1]
    sources.loc[1, "sha256"] = "0" * 64
    new = with_table(made, "sources", sources.iloc[1:].reset_index(drop=True)).save(tmp_path)
    lines = compared(old, new).splitlines()
    assert any(line.startswith(f"  - {gone} ") for line in lines)
    assert any(line.startswith(f"  ~ {other}: ") for line in lines)


def test_another_policy_is_named(old: Path, tmp_path: Path) -> None:
    made = story()
    new = Analysis({**made.meta, "policy": "refined"}, made.tables).save(tmp_path)
    assert compared(old, new) == "Policy: strict -> refined"


def test_a_folder_without_analysis_is_named(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no report or analysis there"):
        compared(old, tmp_path)
