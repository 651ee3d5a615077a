"""What must hold for every case: order, copies and common shifts change nothing; less evidence never assures more.

Stories are drawn: which hours are benign, clean, failed or silent, which points are listed and what they claim.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from kit.reasoning.verdicts import WORST_FIRST
from tests.world import World

HOURS = range(1, 9)
RANK = {word: rank for rank, word in enumerate(WORST_FIRST)}
KINDS = st.lists(
    st.sampled_from(["benign", "benign", "clean", "failed", "silent", "failed_claimed"]),
    min_size=len(HOURS), max_size=len(HOURS),
)
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def story(kinds: Sequence[str]) -> World:
    world = World()
    world.guest()
    for hour, kind in zip(HOURS, kinds, strict=True):
        if kind in ("benign", "clean"):
            world.freeze(f"{hour:02d}:00:03")
        if kind == "benign":
            world.abort(f"{hour:02d}:00:06")
        if kind.startswith("failed"):
            for name in ("master", "model", "Sales"):
                world.add("guest/Application.evtx", f"{hour:02d}:00:03", "MSSQLSERVER", 3197, [name])
            world.abort(f"{hour:02d}:00:09")
        world.point(f"{hour:02d}:00:13", "Replica" if kind == "failed" else "AppConsistentReplica")
    world.quiet_end()
    return world


def machine(made: Analysis) -> dict[str, str]:
    rows = made.verdicts[made.verdicts["database"].isna()]
    return dict(zip(rows["recovery_point_id"], rows["verdict"], strict=True))


def classes(made: Analysis) -> dict[str, str]:
    return dict(zip(made.judged_events["uid"], made.judged_events["class"], strict=True))


@QUICK
@given(KINDS)
def test_verdicts_follow_the_story(kinds: list[str]) -> None:
    made = machine(analyze(story(kinds).case()))
    enough = sum(kind in ("benign", "clean") for kind in kinds) > 0
    for kind, verdict in zip(kinds, made.values(), strict=True):
        expected = {
            "benign": {"supported"}, "clean": {"supported"}, "failed": {"no_claim"}, "silent": {"inconclusive"},
            "failed_claimed": {"contradicted"},
        }[kind]
        assert verdict in expected or not enough, (kind, verdict)


@QUICK
@given(KINDS, st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(kinds: list[str], seed: int) -> None:
    case = story(kinds).case()
    before = analyze(case)
    rows = list(range(len(case.events)))
    random.Random(seed).shuffle(rows)
    case.events = case.events.iloc[rows].reset_index(drop=True)
    case.recovery_points = case.recovery_points.iloc[::-1].reset_index(drop=True)
    after = analyze(case)
    assert machine(after) == machine(before)
    assert classes(after) == classes(before)


@QUICK
@given(KINDS)
def test_a_log_split_in_two_files_changes_nothing(kinds: list[str]) -> None:
    whole = story(kinds)
    before = machine(analyze(whole.case()))
    parts = copy.deepcopy(whole)
    first = parts.sources["guest/Application.evtx"]
    second = dict(first, source_id="s99", path="guest/Application-2.evtx")
    parts.sources["guest/Application-2.evtx"] = second
    own = [event for event in parts.events if event["source_id"] == first["source_id"]]
    middle = pd.Timestamp("2014-05-19T04:30:00Z")
    for event in own:
        if event["time_utc"] > middle:
            event["source_id"], event["uid"] = "s99", f"s99:{event['record_id']}"
    case = parts.case()
    joined = case.coverage["channel"] == "Application"
    case.coverage.loc[joined, "first_time"] = case.coverage.loc[joined, "first_time"].min()
    case.coverage.loc[joined, "last_time"] = case.coverage.loc[joined, "last_time"].max()
    assert machine(analyze(case)) == before


@QUICK
@given(KINDS, st.integers(-400, 400))
def test_shifting_all_clocks_together_changes_nothing(kinds: list[str], minutes: int) -> None:
    world = story(kinds)
    before = machine(analyze(world.case()))
    shift = pd.Timedelta(minutes=minutes)
    for row in [*world.events, *world.points]:
        row["time_utc"] += shift
    assert machine(analyze(world.case())) == before


@QUICK
@given(KINDS, st.integers(1, 8))
def test_removing_records_leaves_a_gap_and_never_improves_a_verdict(kinds: list[str], hour: int) -> None:
    world = story(kinds)
    before = machine(analyze(world.case()))
    world.cut("guest/Application.evtx", f"{hour:02d}:00:00", f"{hour:02d}:30:00")
    after = machine(analyze(world.case()))
    for point, verdict in after.items():
        if before[point] != "no_claim":
            assert RANK[verdict] <= RANK[before[point]] or before[point] == "contradicted", (before[point], verdict)
            assert verdict not in ("supported", "confirmed") or before[point] == verdict


@QUICK
@given(KINDS, st.sampled_from(["volsnap", "abort inside the freeze"]), st.integers(1, 8))
def test_worse_errors_never_improve_a_verdict(kinds: list[str], error: str, hour: int) -> None:
    world = story(kinds)
    before = machine(analyze(world.case()))
    if error == "volsnap":
        world.add("guest/System.evtx", f"{hour:02d}:00:04", "volsnap", 8, ["\\Device\\X", "C:"], level=2)
    else:
        world.abort(f"{hour:02d}:00:04")
    ordered = sorted(world.events, key=lambda event: (event["source_id"], event["time_utc"]))
    numbers: dict[str, int] = {}
    for event in ordered:
        numbers[event["source_id"]] = event["record_id"] = numbers.get(event["source_id"], 0) + 1
        event["uid"] = f"{event['source_id']}:{event['record_id']}"
    after = machine(analyze(world.case()))
    for point, verdict in after.items():
        if before[point] != "no_claim":
            assert RANK[verdict] <= RANK[before[point]], (before[point], verdict)


@pytest.mark.parametrize("source", ["guest/System.evtx", "guest/Application.evtx"])
def test_removing_a_whole_source_gives_the_verdict_of_the_case_without_it_and_says_what_is_missing(source: str) -> None:
    world = story(["benign"] * len(HOURS))
    source_id = world.sources[source]["source_id"]
    world.events = [event for event in world.events if event["source_id"] != source_id]
    del world.sources[source]
    made = analyze(world.case())
    rows = made.verdicts[made.verdicts["database"].isna()]
    if "Application" in source:
        assert set(rows["verdict"]) == {"inconclusive"}
        assert all("wevtutil epl Application" in " ".join(texts) for texts in rows["missing"])
    else:
        assert set(rows["verdict"]) == {"supported"}


def test_every_cited_event_exists_and_every_point_has_one_verdict() -> None:
    made = analyze(story(["benign", "clean", "failed", "silent", "failed_claimed", "benign", "benign", "clean"]).case())
    assert set(made.findings["evidence"].explode().dropna()) <= set(made.events["uid"])
    rows = made.verdicts[made.verdicts["database"].isna()]
    assert sorted(rows["recovery_point_id"]) == sorted(made.recovery_points["recovery_point_id"])
