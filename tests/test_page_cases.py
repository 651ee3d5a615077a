"""Honest pages for cases that lack most of the evidence: never empty, never an assurance."""

from __future__ import annotations

import pandas as pd
import pytest
from story import LOST, Builder, at, digest, point_id, story, without
from test_page import every_part

from kit import page, plots, tables
from kit.judgement.analysis import Analysis
from kit.page import answer
from kit.page.view import View

JUDGED = (
    "events",
    "judged_events",
    "matches",
    "operations",
    "operation_databases",
    "links",
    "boots",
    "recoveries",
    "findings",
    "clocks",
    "advice",
    "actions",
    "expected_points",
)


def nothing() -> Analysis:
    """A folder without a single readable file."""
    return Builder().analysis(zone=None, title=None, first_time=None, last_time=None, examiner=None, question=None)


def one_log() -> Analysis:
    """Only the System log of a machine, as a helpdesk sends it."""
    builder = Builder()
    builder.add(
        "sources",
        source_id="aa00000002",
        path="System.evtx",
        size=69632,
        sha256=digest("system"),
        reader="evtx",
        computer="SQLVM",
        role="guest",
        status="read",
        declared=10,
        seen=10,
        kept=10,
        skipped=0,
        recovered=0,
        gaps=0,
        first_time=at(0),
        last_time=at(5),
        time_basis="utc",
    )
    builder.add(
        "coverage", source_id="aa00000002", channel="System", computer="SQLVM", first_time=at(0), last_time=at(5)
    )
    return builder.analysis(zone="UTC", first_time="2014-05-18T10:00:00Z", last_time="2014-05-18T15:00:00Z")


def without_guest() -> Analysis:
    """The list of points alone: every point claims, none can be judged."""
    whole = story()
    kept = without(whole, *JUDGED, "coverage", "losses")
    sources = whole.tables["sources"]
    verdicts = whole.tables["verdicts"].copy()
    verdicts = verdicts[verdicts["database"].isna()]
    claims = whole.tables["recovery_points"]["recovery_point_id"][
        whole.tables["recovery_points"]["claimed"] != "crash_consistent"
    ]
    verdicts.loc[verdicts["recovery_point_id"].isin(claims), ["verdict", "pattern", "row_id"]] = [
        "inconclusive",
        "not_covered",
        "D10",
    ]
    empty = pd.Series([[]] * len(verdicts), index=verdicts.index)
    verdicts = verdicts.assign(because=empty, against=empty, operation_id=None, boot_id=None)
    changed = {"sources": sources[sources["role"] == "replica_host"], "verdicts": tables.check("verdicts", verdicts)}
    return Analysis(kept.meta, dict(kept.tables) | changed)


def without_points() -> Analysis:
    """The guest's logs, no list of points."""
    return without(story(), "recovery_points", "verdicts", "links", "expected_points", "advice", "boots", "recoveries")


CASES = {"nothing": nothing, "one log": one_log, "no guest log": without_guest, "no points": without_points}


@pytest.mark.parametrize("name", CASES)
def test_every_part_says_something(name: str) -> None:
    made = CASES[name]()
    for part_name, part in every_part(made).items():
        text = page.Part(part.html, "").html
        assert text.strip(), f"{part_name} of the case with {name} is empty"
        assert "None" not in part.html.replace("None of the", "").replace("None was open", ""), part_name
        assert "nan" not in part.html.lower().split(), part_name


@pytest.mark.parametrize("name", CASES)
def test_every_figure_is_drawn_or_explained(name: str) -> None:
    made = CASES[name]()
    for figure in plots.__all__:
        assert getattr(plots, figure)(made).parts, f"{figure} of the case with {name}"


def test_the_answers_promise_nothing() -> None:
    said = {name: answer.answer(View(make()), View(make()).vms[0]) for name, make in CASES.items()}
    assert said["nothing"] == "The case holds no recovery point and no VSS operation: there is nothing to judge yet."
    assert said["one log"] == said["nothing"]
    assert said["no guest log"].startswith("None of the 46 recovery points of SQLVM that claim application consistency")
    assert said["no points"] == (
        "No recovery point of SQLVM is in the case, so none can be judged; the guest’s logs show 46 VSS operations."
    )


def test_without_a_guest_log_no_point_is_recommended() -> None:
    html = page.first_screen(without_guest()).html
    assert "No point can be recommended" in html
    assert "That says nothing for or against them." in html or "cannot judge" in html
    assert "No log of the guest is in the case" in html


def test_a_point_without_a_time_is_listed_and_not_drawn() -> None:
    whole = story()
    points = whole.tables["recovery_points"].copy()
    points.loc[points["recovery_point_id"] == point_id(LOST), "time_utc"] = pd.NaT
    made = Analysis(whole.meta, dict(whole.tables) | {"recovery_points": tables.check("recovery_points", points)})
    assert "One point without a readable time cannot be drawn" in page.strips(made).html
    assert "time unknown" in page.all_points(made).html


def test_a_case_that_spans_two_years_writes_the_year() -> None:
    whole = story()
    points = whole.tables["recovery_points"].copy()
    points.loc[points.index[0], "time_utc"] -= pd.Timedelta(days=365)
    made = Analysis(whole.meta, dict(whole.tables) | {"recovery_points": tables.check("recovery_points", points)})
    assert View(made).points[-1].label == "20 May 2014 11:00"
