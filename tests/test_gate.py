"""Contradictions seeded one by one into a sound analysis: each stops the report and is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from kit.errors import GateError
from kit.judgement import analyze, gate
from kit.judgement.analysis import Analysis
from tests.world import World


@pytest.fixture(scope="module")
def sound() -> Analysis:
    world = World()
    world.guest()
    points = world.hours(range(1, 11))
    world.quiet_end()
    world.boot("15:00:00", {"master": (3, 0), "model": (0, 0), "Sales": (12, 0)}, history_until="05:00:04")
    world.test_failovers.append({"vm": "SQLVM", "path": "testfailover/*", "recovery_point": points[5]})
    return analyze(world.case())


def test_a_sound_analysis_passes(sound: Analysis) -> None:
    assert gate.contradictions(sound) == []
    assert gate.check(sound) is sound


def changed(
    made: Analysis, table: str, row: Callable[[pd.DataFrame], pd.Series], column: str, value: object
) -> Analysis:
    frame = made.tables[table].copy()
    index = frame.index[row(frame)][0]
    frame.at[index, column] = value
    return replace(made, tables={**made.tables, table: frame})


def machine(frame: pd.DataFrame) -> pd.Series:
    return frame["database"].isna()


def of_sales(frame: pd.DataFrame) -> pd.Series:
    return frame["database"] == "Sales"


def every(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(True, index=frame.index)


SEEDED: dict[str, tuple[Callable[[Analysis], Analysis], str]] = {
    "verdict of the machine better than its databases": (
        lambda made: changed(made, "verdicts", machine, "verdict", "confirmed"), "worst of its databases"),
    "verdict of a database that its evidence does not give": (
        lambda made: changed(made, "verdicts", of_sales, "verdict", "confirmed"), "its evidence gives"),
    "verdict that cites a finding that does not exist": (
        lambda made: changed(made, "verdicts", machine, "because", ["F-none"]), "cites finding"),
    "finding that cites an event that does not exist": (
        lambda made: changed(made, "findings", every, "evidence", ["s00:99999"]), "not part of the evidence"),
    "verdict without a point": (
        lambda made: changed(made, "verdicts", machine, "recovery_point_id", "nobody"), "has no verdict"),
    "support over an ambiguous link": (
        lambda made: changed(made, "links", every, "ambiguous", True), "without exactly one linked operation"),
    "support that rests on a failure": (
        lambda made: changed(
            made, "findings", lambda frame: frame["rule_id"] == "operation-benign-abort", "class", "genuine_failure"),
        "because of a genuine failure"),
    "event judged twice": (
        lambda made: replace(made, tables={**made.tables, "judged_events": pd.concat(
            [made.judged_events, made.judged_events.head(1)], ignore_index=True)}), "two classes"),
    "event outside the time of its source": (
        lambda made: replace(made, tables={**made.tables, "sources": made.sources.assign(
            first_time=pd.Timestamp("2015-01-01", tz="UTC"), last_time=pd.Timestamp("2015-01-02", tz="UTC"))}),
        "outside the time"),
    "account that does not add up": (
        lambda made: replace(made, tables={**made.tables, "sources": made.sources.assign(seen=5, kept=3, skipped=1)}),
        "records seen"),
    "advice to take a point that is not good": (
        lambda made: changed(made, "advice", every, "fail_over_to", "nobody"), "the advice for"),
    "verdict no_claim over a claim": (
        lambda made: changed(made, "verdicts", machine, "verdict", "no_claim"), "is judged no_claim"),
    "confirmation without a boot": (
        lambda made: changed(made, "verdicts", lambda frame: frame["verdict"] == "confirmed", "boot_id", None),
        "without a linked boot"),
}


@pytest.mark.parametrize("name", list(SEEDED))
def test_each_seeded_contradiction_stops_the_report_and_is_printed(sound: Analysis, name: str) -> None:
    seed, said = SEEDED[name]
    with pytest.raises(GateError) as caught:
        gate.check(seed(sound))
    assert any(said in text for text in gate.contradictions(seed(sound)))
    assert "nothing is issued" in str(caught.value)
