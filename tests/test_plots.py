"""Figures: what they draw can be counted in the story; nothing that carries a verdict is thinned away."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import APPLICATION, CONFIRMED, CONTRADICTED, START, at, joined, story

import kit
from kit import plots, tables
from kit.judgement.analysis import Analysis
from kit.page.part import PLOTLY, Drawing
from kit.page.view import View
from kit.plots import lanes, swimlanes
from kit.plots.style import TOKENS, template
from kit.practice.scale import write_scale_case
from kit.reasoning.records import HOSTS


@pytest.fixture(scope="module")
def told() -> Analysis:
    return story()


def spec(drawing: Any) -> dict[str, Any]:
    return drawing.figure.to_dict()


def named(figure: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace.get("name") == name]


def test_the_timeline_draws_each_point_with_its_verdict(told: Analysis) -> None:
    figure = spec(plots.timeline(told).parts[0])
    counts = {
        name: sum(len(trace["x"]) for trace in named(figure, name))
        for name in ("supported", "confirmed", "contradicted", "inconclusive", "no claim")
    }
    assert counts == {"supported": 43, "confirmed": 1, "contradicted": 1, "inconclusive": 1, "no claim": 1}
    halves = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "path"]
    assert len(halves) == 43, "supported is a half-filled disc"


def test_a_point_in_the_timeline_leads_to_its_card(told: Analysis) -> None:
    figure = spec(plots.timeline(told).parts[0])
    view = View(told)
    contradicted = next(point for point in view.points if point.word == "contradicted")
    assert named(figure, "contradicted")[0]["customdata"] == [f"#{contradicted.anchor}"]


def test_lanes_stand_from_cause_to_effect(told: Analysis) -> None:
    view = View(told)
    assert view.period
    made = lanes.lanes(view, "SQLVM", view.period)
    assert [lane.title for lane in made] == [
        "Primary host",
        "Guest VSS",
        "Guest SQL",
        "Recovery points",
        "Replica host",
        "Test failover",
    ]
    assert [lane.y for lane in made] == [5, 4, 3, 2, 1, 0]


def test_a_case_whose_guest_log_could_not_be_read_still_has_its_lanes(told: Analysis) -> None:
    emptied = {name: told.tables[name].head(0) for name in ("events", "judged_events", "matches")}
    view = View(Analysis(told.meta, {**told.tables, **emptied}))
    assert view.period
    assert len(lanes.lanes(view, "SQLVM", view.period)) == 6
    assert plots.timeline(view.analysis).parts


def test_the_lost_hour_is_hatched_in_the_lanes_that_lost_it(told: Analysis) -> None:
    view = View(told)
    assert view.period
    gaps = {lane.key: lane.gaps for lane in lanes.lanes(view, "SQLVM", view.period)}
    lost = [(at(6, 1210), at(7, 2395))]
    assert gaps["vss"] == lost
    assert gaps["sql:MSSQLSERVER"] == lost, "the ERRORLOG that was collected begins later"
    assert gaps["primary_host"] == gaps["replica_host"] == []


def test_a_gap_that_a_second_log_covers_is_no_gap_for_sql(told: Analysis) -> None:
    coverage = told.tables["coverage"].copy()
    errorlog = coverage["channel"] == "ERRORLOG"
    coverage.loc[errorlog & (coverage["first_time"] == at(12, 4)), "first_time"] = pd.Timestamp(at(-12))
    made = Analysis(told.meta, dict(told.tables) | {"coverage": tables.check("coverage", coverage)})
    view = View(made)
    assert view.period
    gaps = {lane.key: lane.gaps for lane in lanes.lanes(view, "SQLVM", view.period)}
    assert gaps["sql:MSSQLSERVER"] == []
    assert gaps["vss"], "VSS writes no ERRORLOG"


def test_a_test_failover_log_covers_the_guest_up_to_its_image(told: Analysis) -> None:
    coverage = told.tables["coverage"]
    extra = tables.frame(
        "coverage",
        [
            {
                "source_id": "aa00000005",
                "channel": "Application",
                "computer": "SQLVM",
                "first_time": at(-5),
                "last_time": at(44, 1990),
            }
        ],
    )
    both = tables.check("coverage", pd.concat([coverage, extra]))
    view = View(Analysis(told.meta, dict(told.tables) | {"coverage": both}))
    assert view.period
    gaps = {lane.key: lane.gaps for lane in lanes.lanes(view, "SQLVM", view.period)}
    assert gaps["vss"] == []


def test_records_stand_on_the_reference_clock(told: Analysis) -> None:
    figure = spec(plots.timeline(told).parts[0])
    failures = named(figure, "genuine failure")
    assert any(x.startswith("2014-05-19T03:00:16.8") for trace in failures for x in trace["x"]), "13.4 s + 3.4 s"
    assert "SQLVM moved by +3.4 s" in figure["layout"]["xaxis"]["title"]["text"]


def test_boots_are_tied_to_their_points(told: Analysis) -> None:
    figure = spec(plots.timeline(told).parts[0])
    said = [note["text"] for note in figure["layout"]["annotations"]]
    assert "<b>7 rolled back</b>" in said
    assert "0 rolled back" in said
    connectors = [
        shape
        for shape in figure["layout"]["shapes"]
        if shape["type"] == "line" and shape.get("xref") != "paper" and shape.get("yref") != "paper"
    ]
    assert len(connectors) == 4, "down from the point and across to the boot, twice"


def test_aborts_measure_the_seconds_after_the_thaw(told: Analysis) -> None:
    drawing = plots.aborts(told).parts[0]
    assert isinstance(drawing, Drawing)
    assert drawing.caption.endswith(
        "In all 45 benign runs the first abort stands after the thaw: by 0.4 to 1.9 s in the 34 that can be timed, by "
        "record order in the 11 whose times are known only to the second. 1 run differs: the abort came "
        "before I/O resumed, or it failed."
    )
    benign, failed = (trace for trace in spec(drawing)["data"] if trace["mode"] == "markers")
    assert len(benign["y"]) == 34
    assert min(benign["y"]) == pytest.approx(0.4)
    assert failed["y"] == [pytest.approx(-0.3)]


def test_recovery_draws_zero_as_a_number_and_the_unknown_as_unknown(told: Analysis) -> None:
    recoveries = told.tables["recoveries"].copy()
    first = recoveries[recoveries["database"] == "model"].index[0]
    recoveries.loc[first, "rolled_back"] = None
    made = Analysis(told.meta, dict(told.tables) | {"recoveries": tables.check("recoveries", recoveries)})
    texts = [
        text
        for trace in spec(plots.recovery(made).parts[0])["data"]
        if trace.get("mode") == "text"
        for text in trace["text"]
    ]
    assert "<b>7</b> " in texts
    assert texts.count("0 ") == 8
    assert "not recorded " in texts


def test_the_clock_figure_names_the_outlier(told: Analysis) -> None:
    drawing = plots.clock(told).parts[0]
    assert "1 point stands out: 20 May 02:00." in drawing.caption
    assert "20 May 02:00, +21.4 s" in [note["text"] for note in spec(drawing)["layout"]["annotations"]]


def test_coverage_cuts_out_the_damage_and_hatches_the_absent(told: Analysis) -> None:
    drawing = plots.coverage(told).parts[0]
    figure = spec(drawing)
    hatched = [trace for trace in figure["data"] if "pattern" in trace["marker"]]
    assert len(hatched) == 2, "the damaged chunk and the log that was not given"
    damage = next(trace for trace in hatched if "Application" in trace["hovertext"][0])
    assert damage["x"][0] == pytest.approx((at(7, 2395) - at(6, 1210)).total_seconds() * 1000)
    assert drawing.caption.endswith(
        "Records are lost in guest/Application.evtx (hatched). Not given: guest/ERRORLOG.1."
    )


def test_every_figure_has_caption_alternative_numbers_and_the_kits_look(told: Analysis) -> None:
    for name in plots.__all__:
        for drawing in getattr(plots, name)(told).parts:
            assert isinstance(drawing, Drawing)
            assert drawing.alternative
            assert "<table" in drawing.numbers
            layout = spec(drawing)["layout"]
            assert layout["template"] == template()
            colours = set(_colours(spec(drawing)))
            assert colours <= set(TOKENS.values()), f"{name} uses colours that dark mode cannot follow"


def test_plotly_finds_nothing_to_correct_in_a_figure(told: Analysis) -> None:
    for call in (plots.timeline, plots.aborts, plots.recovery, plots.clock, plots.coverage):
        for drawing in call(told).parts:
            if isinstance(drawing, Drawing):
                assert spec(drawing) == drawing.spec


def test_a_figure_that_the_analyst_changes_is_shown_changed(
    told: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda *given, **_: shown.extend(given))
    drawing = plots.timeline(told).parts[0]
    assert isinstance(drawing, Drawing)
    drawing.figure.update_layout(height=1234)
    drawing._ipython_display_()
    assert [one[PLOTLY]["layout"]["height"] for one in shown if isinstance(one, dict)] == [1234]


def _colours(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [colour for value in content.values() for colour in _colours(value)]
    if isinstance(content, list | tuple):
        return [colour for value in content for colour in _colours(value)]
    return [content] if isinstance(content, str) and content.startswith("#") and len(content) == 7 else []


def test_a_drawing_shows_caption_figure_and_numbers_in_a_notebook(
    told: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("IPython.display.display", lambda what, **more: shown.append((what, more)))
    plots.clock(told).parts[0]._ipython_display_()
    top, drawn, numbers = shown
    assert "figcaption" in top[0].html
    assert top[1]["metadata"]["kit"]["notebook_only"]
    assert drawn[0][PLOTLY]["layout"]["template"] == template()
    assert drawn[1]["metadata"]["kit"]["name"] == "fig-clock-1"
    assert "<table" in numbers[0].html


def test_each_machine_gets_its_own_figures(told: Analysis) -> None:
    both = joined(told, story("MAILVM", first=91000))
    assert [drawing.heading for drawing in plots.timeline(both).parts] == ["MAILVM", "SQLVM"]
    assert len({drawing.name for drawing in plots.timeline(both).parts}) == 2


def records(count: int, classes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time_utc": pd.to_datetime([START + timedelta(seconds=17 * n) for n in range(count)], utc=True),
            "class": [classes[n % len(classes)] for n in range(count)],
            "provider": "MSSQLSERVER",
            "event_id": pd.array([3041] * count, dtype="Int64"),
            "computer": "SQLVM",
            "operation_id": None,
        }
    )


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 3000),
    st.lists(st.sampled_from(["benign_abort", "genuine_failure", "unexplained"]), min_size=1, max_size=40),
)
def test_gathering_loses_no_record_and_no_class(count: int, classes: list[str]) -> None:
    found = records(count, classes)
    period = (START - timedelta(minutes=1), START + timedelta(seconds=17 * count))
    made = swimlanes.gather(found, period, most=200)
    assert made["count"].sum() == count
    assert set(made["class"]) == set(found["class"])
    assert len(made) <= max(200, 241 * len(set(classes)))


@pytest.mark.slow
def test_a_hundred_thousand_records_stay_a_small_figure(told: Analysis) -> None:
    count = 100_000
    uids = [f"{APPLICATION}:x{n}" for n in range(count)]
    events = tables.frame(
        "events",
        [
            {
                "uid": uid,
                "source_id": APPLICATION,
                "record_id": n,
                "time_utc": START + timedelta(seconds=1.6 * n),
                "computer": "SQLVM",
                "role": "guest",
                "vm_name": "SQLVM",
                "channel": "Application",
                "provider": "VSS",
                "event_id": 8194,
                "level": 2,
            }
            for n, uid in enumerate(uids)
        ],
    )
    judged = tables.frame("judged_events", [{"uid": uid, "class": "background_noise"} for uid in uids])
    changed = {"events": pd.concat([told.events, events]), "judged_events": pd.concat([told.judged_events, judged])}
    many = Analysis(told.meta, dict(told.tables) | {name: tables.check(name, frame) for name, frame in changed.items()})
    figure = plots.timeline(many).parts[0].figure
    assert len(figure.to_json()) < 400_000
    drawn = [trace for trace in figure.to_dict()["data"] if trace.get("name") in ("contradicted", "confirmed")]
    assert [len(trace["x"]) for trace in drawn] == [1, 1]
    assert CONFIRMED != CONTRADICTED


def test_the_lanes_of_a_host_show_each_machine_its_own_records(tmp_path: Path) -> None:
    """One log of the host serves several machines: its records name them, and none of them lacks the log."""
    write_scale_case(tmp_path / "case", 3, 3, 0)
    view = View(kit.analyze(kit.load_case(tmp_path / "case")))
    written = {row["uid"]: json.loads(row["data"])["VmName"] for row in view.rows("events") if row["role"] in HOSTS}
    assert set(written.values()) >= {"SQL01", "SQL02", "SQL03"}
    for vm in view.vms:
        made = {lane.key: lane for lane in lanes.lanes(view, vm, view.period)}
        for role in HOSTS:
            assert made[role].given, f"{vm} has no log of the {role}"
            named = view.judged.loc[made[role].records.index, "uid"].map(written)
            assert set(named) <= {vm}, f"{role} of {vm}"
    judged = view.judged[view.judged["role"].isin(HOSTS)]
    assert list(judged["vm_name"]) == [written[uid] for uid in judged["uid"]]
