"""`kit diff`: what changed is listed, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from story import story

from kit import tables
from kit.audit.compare import NOTHING, compared, differences
from kit.case import load_case
from kit.errors import CaseError
from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from kit.practice import generate


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


def with_meta(analysis: Analysis, **meta: object) -> Analysis:
    return Analysis({**analysis.meta, **meta}, analysis.tables)


def changed_verdict(made: Analysis) -> Analysis:
    verdicts = made.verdicts.copy()
    row = verdicts.index[verdicts["database"].isna() & (verdicts["verdict"] == "supported")][0]
    verdicts.loc[row, "verdict"] = "inconclusive"
    return with_table(made, "verdicts", verdicts)


def why(before: Analysis, after: Analysis) -> str:
    text = "\n".join(map(str, differences(before, after)))
    return next(line for line in text.splitlines() if "why: " in line).partition("why: ")[2]


def test_a_verdict_that_changed_says_what_changed_it() -> None:
    """Nothing else changed, then the policy, then the rules, then the evidence: the nearest cause is named."""
    old, new = story(), changed_verdict(story())
    assert why(old, new).startswith("settings of the case")
    assert why(old, with_meta(new, kit_version="9")) == "the version of the kit changed: 0.1.0 -> 9"
    assert why(old, with_meta(new, kit_version="9", rules_version="ff")).startswith("the rules changed")
    assert why(old, with_meta(new, policy="refined")) == "policy strict -> refined; the evidence items are the same"
    fewer = new.sources[new.sources["path"] != "guest/System.evtx"].reset_index(drop=True)
    assert "removed: guest/System.evtx" in why(old, with_table(new, "sources", fewer))


def test_the_cause_is_the_source_that_the_lost_reasons_cite() -> None:
    old, new = story(), changed_verdict(story())
    verdicts = new.verdicts.copy()
    row = verdicts.index[(verdicts["verdict"] == "inconclusive") & (old.verdicts["verdict"] == "supported")][0]
    verdicts["because"] = [[] if place == row else list(because) for place, because in verdicts["because"].items()]
    sources = new.sources[~new.sources["path"].isin(["guest/Application.evtx", "primary/A_VMMS-Admin.evtx"])]
    new = with_table(with_table(new, "verdicts", verdicts), "sources", sources.reset_index(drop=True))
    cited = {uid.split(":")[0] for uid in old.findings.set_index("finding_id").loc[
        list(old.verdicts.at[row, "because"]), "evidence"].explode().dropna()}
    assert "aa00000001" in cited and "aa00000030" not in cited
    assert why(old, new) == "removed: guest/Application.evtx"


def test_classes_clocks_and_the_point_to_fail_over_to_are_compared() -> None:
    old = story()
    events, clocks, advice = old.judged_events.copy(), old.clocks.copy(), old.advice.copy()
    benign = events.index[events["class"] == "benign_abort"]
    events["class"] = events["class"].astype(object)
    events.loc[benign[:3], "class"] = "genuine_failure"
    row = clocks.index[clocks["offset_s"].notna() & (clocks["offset_s"] != 0)][0]
    clocks.loc[row, "offset_s"] += 60
    advice.loc[0, "fail_over_to"] = None
    new = with_table(with_table(with_table(old, "judged_events", events), "clocks", clocks), "advice", advice)
    text = "\n".join(map(str, differences(old, new)))
    assert "  3 records: benign abort -> genuine failure" in text
    assert "-> none can be advised" in text
    assert "Clocks\n" in text


def test_a_report_of_an_older_kit_can_be_compared(old: Path, tmp_path: Path) -> None:
    folder = story().save(tmp_path / "older")
    table = pq.read_table(folder / "tables" / "coverage.parquet")
    pq.write_table(table.drop_columns(table.column_names[-1:]), folder / "tables" / "coverage.parquet")
    (folder / "tables" / "referee.parquet").unlink()
    assert compared(folder, old) == NOTHING


def test_names_in_a_comparison_do_not_reach_the_terminal() -> None:
    made = story()
    sources = made.sources.copy()
    sources.loc[0, "path"] = "guest/\x1b[2J\u202e.evtx"
    text = "\n".join(map(str, differences(made, with_table(made, "sources", sources))))
    assert "guest/" in text and "\x1b" not in text and "\u202e" not in text


@pytest.mark.slow
def test_cases_that_were_really_changed(tmp_path: Path) -> None:
    """A practice case with a test failover: its logs removed, another policy, one more point in the list."""
    case = list(generate(tmp_path / "practice", seed=21, count=2))[1]
    full = tmp_path / "full"
    analyze(load_case(case)).save(full)

    bare = Path(shutil.copytree(case, tmp_path / "bare"))
    shutil.rmtree(bare / "test-failover-1")
    settings = (bare / "case.toml").read_text(encoding="utf-8")
    (bare / "case.toml").write_text(settings.split("[[test_failover]]")[0], encoding="utf-8")
    analyze(load_case(bare)).save(tmp_path / "bare-out")
    text = compared(full, tmp_path / "bare-out")
    assert "- test-failover-1/Application.evtx (was read" in text
    assert "why: removed: test-failover-1/" in text
    assert "B (a test-failover boot of this point is part of the case): true -> false" in text
    assert "+ test-failover-1/ERRORLOG" in compared(tmp_path / "bare-out", full)

    analyze(load_case(case), "refined").save(tmp_path / "refined-out")
    text = compared(full, tmp_path / "refined-out")
    assert text.startswith("Policy: strict -> refined")

    more = Path(shutil.copytree(case, tmp_path / "more"))
    points = next(more.glob("replica/*/recovery-points-*.csv"))
    raw = points.read_bytes().decode()
    last = raw.rstrip().splitlines()[-1]
    extra = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "11111111-2222-3333-4444-555555555555", last, count=1)
    moved = re.sub(r"(\d+):(\d\d):(\d\d) (AM|PM)\"", r'\1:59:\3 \4"', extra)
    points.write_bytes(f"{raw.rstrip()}\r\n{moved}\r\n".encode())
    analyze(load_case(more)).save(tmp_path / "more-out")
    text = compared(full, tmp_path / "more-out")
    assert "+ 1 point more: " in text and "other content" in text
