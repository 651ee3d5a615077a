"""An amended report says which report it replaces, why, and what changed; any other report says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import story

from kit import report as module
from kit import tables
from kit.audit.amendment import Former
from kit.case import custody
from kit.errors import ParameterError
from kit.judgement.analysis import Analysis, load_analysis
from kit.page.answer import head
from kit.page.view import View


def sealed(analysis: Analysis, folder: Path) -> Path:
    """A report folder as far as an amendment looks at it."""
    analysis.save(folder)
    custody.Ledger(folder).append("issued", report_id=analysis.meta["report_id"])
    custody.seal(folder, folder / "tables", custody.evidence(folder / "tables"))
    return folder


def without_a_log(**meta: Any) -> Analysis:
    made = story()
    sources = made.sources[made.sources["path"] != "guest/System.evtx"].reset_index(drop=True)
    verdicts = made.verdicts.copy()
    row = verdicts.index[verdicts["database"].isna() & (verdicts["verdict"] == "supported")][0]
    verdicts.loc[row, "verdict"] = "inconclusive"
    changed = {"sources": tables.check("sources", sources), "verdicts": tables.check("verdicts", verdicts)}
    return Analysis({**made.meta, "report_id": "R-2014-0521-SQLVM-000002"} | meta, {**made.tables, **changed})


def test_a_report_under_another_id_amends_that_in_its_folder(tmp_path: Path) -> None:
    former = sealed(story(), tmp_path / "report")
    entry = Former(former, "The System log was withdrawn.").amended(without_a_log()).meta["amends"]
    assert entry["report_id"] == "R-2014-0520-SQLVM-7c41e2"
    assert entry["reason"] == "The System log was withdrawn."
    assert entry["issued"].endswith("+00:00")
    assert len(entry["manifest_sha256"]) == 64
    assert any("- guest/System.evtx" in line for line in entry["changes"])
    assert any("supported -> ○ inconclusive" in line for line in entry["changes"])


def test_the_first_page_says_it_in_text_that_is_harmless(tmp_path: Path) -> None:
    former = sealed(story(), tmp_path / "report")
    amended = Former(former, "<script>alert(1)</script>\u202e").amended(without_a_log())
    html = head(View(amended)).html
    assert "Amended report." in html and "R-2014-0520-SQLVM-7c41e2" in html and "guest/System.evtx" in html
    assert "<script>" not in html and "\u202e" not in html
    assert "Amended report." not in head(View(story())).html


def test_the_same_report_made_again_amends_nothing(tmp_path: Path) -> None:
    former = sealed(story(), tmp_path / "report")
    assert "amends" not in Former(former).amended(story()).meta
    assert "amends" not in Former(tmp_path / "nothing").amended(story()).meta
    asked = Former(former, asked=True).amended(story()).meta["amends"]
    assert asked["changes"] == [] and asked["reason"] is None, "unless it is asked for"


def test_an_amendment_is_not_inherited(tmp_path: Path) -> None:
    """A report made from the tables of an amended one is no amendment itself."""
    old = story().meta | {"amends": {"report_id": "R-1"}}
    assert "amends" not in Former(tmp_path / "nothing").amended(Analysis(old, story().tables)).meta


def test_a_report_of_another_case_is_refused_where_it_was_named_and_else_left_alone(tmp_path: Path) -> None:
    former = sealed(story(), tmp_path / "report")
    other = without_a_log(case_id="another")
    assert "amends" not in Former(former).amended(other).meta
    with pytest.raises(ParameterError, match="is a report of case 'fabrikam-sqlvm', not of 'another'"):
        Former(former, asked=True).amended(other)
    with pytest.raises(ParameterError, match="no report there"):
        Former(tmp_path / "nothing", asked=True).amended(other)


@pytest.fixture
def kernel() -> Iterator[None]:
    from papermill.engines import papermill_engines

    yield
    papermill_engines.get_engine("warm").stop()


@pytest.mark.slow
def test_a_report_made_twice_in_one_folder(tmp_path: Path, kernel: None) -> None:
    first = story().save(tmp_path / "first")
    second = without_a_log().save(tmp_path / "second")
    out = tmp_path / "report"
    assert "Amended report." not in module.report(first, out).read_text(encoding="utf-8")
    page = module.report(second, out, because="A log was withdrawn.").read_text(encoding="utf-8")
    assert "Amended report." in page and "A log was withdrawn." in page
    assert load_analysis(out).meta["amends"]["report_id"] == "R-2014-0520-SQLVM-7c41e2"
    assert custody.verify(out) == []
