"""The parts of the page against the story that tests/story.py tells; every number can be counted there by hand."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from story import (
    CONFIRMED,
    CONTRADICTED,
    DATABASES,
    FAILED,
    LOST,
    NEWEST,
    UNLISTED,
    at,
    joined,
    point_id,
    story,
    without,
)

from kit import page, tables
from kit.errors import GateError
from kit.judgement.analysis import Analysis
from kit.page import answer, cards, phases, points, steps
from kit.page.view import View


@pytest.fixture(scope="module")
def told() -> Analysis:
    return story()


@pytest.fixture(scope="module")
def view(told: Analysis) -> View:
    return View(told)


def every_part(analysis: Analysis) -> dict[str, page.Part]:
    names = [name for name in page.__all__ if name[0].islower()]
    return {name: getattr(page, name)(analysis) for name in names}


def test_the_answer_counts_the_claiming_points(view: View) -> None:
    assert answer.answer(view, "SQLVM") == (
        "Of 46 recovery points of SQLVM that claim application consistency (18 to 20 May 2014), "
        "43 are supported, 1 is confirmed, 1 is contradicted and 1 cannot be judged."
    )


def test_the_errors_are_told_with_a_link_to_the_exception(view: View) -> None:
    said = answer.errors(view, "SQLVM")
    assert said.striptags() == (
        "The hourly errors in the guest are benign aborts after thaw, except on 19 May 03:00, where the snapshot "
        "failed and the host made no claim. 1 error is unexplained."
    )
    assert f'href="#{view.point_by_id[point_id(FAILED)].anchor}"' in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["supported"],
            "The one recovery point of SQLVM that claims application consistency (20 May 2014) is supported.",
        ),
        (
            ["supported"] * 3,
            "All 3 recovery points of SQLVM that claim application consistency (20 May 2014) are supported.",
        ),
        (
            ["inconclusive"] * 2,
            "None of the 2 recovery points of SQLVM that claim application consistency (20 May 2014) can be judged.",
        ),
        (
            ["confirmed", "contradicted"],
            "Of 2 recovery points of SQLVM that claim application consistency (20 May 2014), "
            "1 is confirmed and 1 is contradicted.",
        ),
    ],
)
def test_the_answer_of_few_points_reads_well(told: Analysis, words: list[str], sentence: str) -> None:
    ids = [point_id(NEWEST - 1 - n) for n in range(len(words))]
    rows = dict(zip(ids, words, strict=True))
    found = told.tables["recovery_points"]
    verdicts = told.tables["verdicts"]
    kept = verdicts[verdicts["recovery_point_id"].isin(ids)].copy()
    kept["verdict"] = kept["recovery_point_id"].map(rows)
    changed = {
        "recovery_points": found[found["recovery_point_id"].isin(ids)],
        "verdicts": tables.check("verdicts", kept),
    }
    few = Analysis(told.meta, dict(told.tables) | changed)
    assert answer.answer(View(few), "SQLVM") == sentence


def test_a_point_without_a_verdict_of_its_machine_stops_the_page(told: Analysis) -> None:
    with pytest.raises(GateError, match=re.escape(point_id(0))):
        _ = View(without(told, "verdicts")).points


def test_the_strip_has_a_cell_for_each_point_and_each_scheduled_one(told: Analysis) -> None:
    html = page.strips(told).html
    cells = re.findall(r'<li class="h(\d+)"><a class="c ([a-z ]+)" href="#([^"]+)" title="([^"]+)"', html)
    assert len(cells) == 48
    assert sum("gone" in kind for _, kind, _, _ in cells) == 1
    contradicted = [(hour, title) for hour, kind, _, title in cells if kind.startswith("con")]
    assert contradicted == [
        ("2", "20 May 02:00: contradicted, application-consistent, guest: benign abort, because of Sales")
    ]
    assert sum(kind.endswith(" cl") for _, kind, _, _ in cells) == 46, "every cell but the standard point claims"


def test_many_points_in_one_hour_make_a_run_and_no_tower(told: Analysis) -> None:
    listed = told.tables["recovery_points"].copy()
    start = listed["time_utc"].min()
    listed["time_utc"] = [start + pd.Timedelta(minutes=n) for n in range(len(listed))]
    html = page.strips(Analysis(told.meta, dict(told.tables) | {"recovery_points": listed})).html
    assert 'class="h' not in html and "in order of time" in html
    assert html.count("<li><a") == len(listed) + len(told.tables["expected_points"])
    times = re.findall(r'title="\d+ May (\d\d:\d\d)', html)
    assert times[: len(listed)] == sorted(times[: len(listed)])


def test_every_cell_of_the_strip_leads_to_an_element(told: Analysis) -> None:
    parts = every_part(told)
    ids = set(re.findall(r'id="([^"]+)"', "".join(part.html for part in parts.values())))
    for name, part in parts.items():
        targets = set(re.findall(r'href="#([^"]+)"', part.html))
        sections = {
            "evidence",
            "clocks",
            "what-to-do-next",
            "what-happened",
            "methods-and-limits",
            "how-it-was-decided",
            "verdicts-worst-first",
            "what-could-not-be-read",
        }
        assert targets - ids - sections == set(), name


def test_no_two_elements_of_the_parts_share_an_id(told: Analysis) -> None:
    parts = every_part(told)
    del parts["strips"]  # part of the first screen
    ids = re.findall(r' id="([^"]+)"', "".join(part.html for part in parts.values()))
    assert len(ids) == len(set(ids))


def test_advice_names_the_point_the_loss_and_the_fallback(told: Analysis) -> None:
    text = " ".join(re.sub(r"<[^>]+>", "", page.first_screen(told).html).split())
    assert "Fail over to 20 May 11:00" in text
    assert "31 min 29 s at the time of collection" in text
    assert "Fallback: 20 May 07:00, confirmed; loses 4 h 31 min 29 s." in text
    assert "Do not use 20 May 02:00 for Sales" in text
    assert "rolled back 7 transactions in Sales" in text
    assert "Do not count on 18 May 19:00 either" in text


def test_actions_come_with_their_commands_in_order(told: Analysis) -> None:
    html = page.next_steps(told).html
    assert html.index("Test the newest point") < html.index("Test the neighbour") < html.index("Collect ERRORLOG.1")
    assert f"Where-Object Id -eq &#39;{point_id(NEWEST)}&#39;" in html
    assert html.count('<div class="cmd">') == 3


def test_what_could_not_be_read_is_listed_once(view: View) -> None:
    said = repr(steps.unread(view))
    assert (
        "guest/Application.evtx was read in part. 95 of 4\u202f352 records are lost, 18 May 18:20 to 18 May 19:39."
        in said
    )
    assert said.count("ERRORLOG.1") == 1
    assert "notes/handover.docx is of no known format." in said
    assert "No test failover for 44 of the 46 points that claim application consistency." in said


def test_cards_come_worst_first_and_points_with_the_same_reasons_share_one(view: View) -> None:
    made = cards.groups(view, "SQLVM")
    assert [group[0].word for group in made] == ["contradicted", "inconclusive", "no_claim", "supported", "confirmed"]
    assert [len(group) for group in made] == [1, 1, 1, 43, 1]
    assert made[3][0].id == point_id(NEWEST), "the newest stands in front"


def test_a_card_tells_both_sides_and_both_readings(told: Analysis) -> None:
    html = page.verdict_cards(told).html
    card = html[: html.index("</article>")]
    assert "Sales: 41 transactions rolled forward, 7 rolled back" in card
    assert "the guest’s own records have the benign shape" in card.replace("The guest", "the guest")
    assert card.count("<h4>") == 4
    assert "Strict, the vendor’s article" in card
    assert "Refined, ours" in card


def test_a_card_cites_file_number_offset_time_and_hash(told: Analysis) -> None:
    html = page.verdict_cards(told).html
    event = told.events[told.events["uid"].isin(told.findings.iloc[0]["evidence"])].iloc[0]
    source = told.sources.set_index("source_id").loc[event["source_id"]]
    html += page.cited_records(told).html
    at = html.index(f">{event['record_id']}</td>")
    row = html[at:][:700]
    assert f"0x{event['offset']:06X}" in row
    assert event["time_raw"] in row
    file = html[:at].rpartition('<th scope="colgroup"')[2]
    assert source["path"] in file and source["sha256"] in file, "the whole hash is printed with the file"


def test_every_judged_point_reaches_its_records_by_a_click(told: Analysis, view: View) -> None:
    table = page.all_points(told).html
    records = page.verdict_cards(told).html + page.cited_records(told).html
    for point in view.points:
        if point.id == point_id(LOST):
            continue  # nothing was recorded in the lost hour
        assert f'href="#{point.anchor}"' in table or f'href="#r-{point.anchor}"' in table
        assert f'id="{point.anchor}"' in records or f'id="r-{point.anchor}"' in records


def test_the_decision_list_fills_the_row_that_held(view: View) -> None:
    made = points._kinds(view)
    assert [(kind.title, kind.row_id) for kind in made] == [
        ("19 May 03:00", "D1"),
        ("20 May 02:00 Sales", "D5"),
        ("20 May 07:00", "D6"),
        ("43 points", "D8"),
        ("18 May 19:00", "D10"),
    ]
    html = points.decisions(view).html
    assert html.count(' hit"') == 5
    assert "Row D9 belongs to the other policy" in html


def test_a_row_above_the_one_that_held_says_no_or_leaves_open(view: View) -> None:
    from kit.reasoning.verdicts import DECISION_LIST

    strict = [row for row in DECISION_LIST if "strict" in row.policies]
    lost = next(kind for kind in points._kinds(view) if kind.row_id == "D10")
    cells = {row.row_id: points._cell(row, lost, strict) for row in strict}
    assert cells["D1"] == "no", "the point does claim"
    assert cells["D2"] == "?", "whether a failure belongs to it is not known"
    assert cells["D10"] == "hit"


def test_phase_diagrams_compare_a_confirmed_a_contradicted_and_a_failed_run(view: View) -> None:
    chosen = phases.compared(view)
    assert [i.rsplit("-", 1)[1] for i in chosen] == [str(CONFIRMED), str(CONTRADICTED), str(FAILED)]
    failed = phases.diagram(view, view.operations[chosen[2]])
    assert [bar.name for bar in failed.bars] == list(DATABASES)
    assert all(bar.abort_late is False for bar in failed.bars)
    assert failed.note == "abort before I/O resumed"
    hold = next(x for x, text in failed.limits if text == "hold limit 10 s")
    assert all(bar.frozen and bar.frozen[1] > hold for bar in failed.bars), "frozen for 11 s, beyond the limit"


def test_a_freeze_without_a_thaw_is_drawn_open(told: Analysis) -> None:
    cut = told.tables["operation_databases"].copy()
    cut[["thaw_utc", "abort_utc", "freeze_s", "abort_after_thaw"]] = None
    events = told.tables["matches"][~told.tables["matches"]["phase"].isin(["thaw", "abort"])]
    changed = {"operation_databases": tables.check("operation_databases", cut), "matches": events}
    view = View(Analysis(told.meta, dict(told.tables) | changed))
    bars = phases.diagram(view, next(iter(view.operations.values()))).bars
    assert all(bar.open_end and bar.abort is None for bar in bars)


def test_the_table_of_all_points_holds_the_scheduled_one_in_its_place(view: View) -> None:
    lines = points._lines(view, "SQLVM", set())
    assert len(lines) == 48
    assert lines[UNLISTED].point is None
    assert "Scheduled, in no list" in lines[UNLISTED].reason
    assert [line.abort_s for line in lines[:3]] == [None] * 3, "18 May is known only to the second"
    assert lines[12].abort_s == pytest.approx(0.4 + (12 * 7 % 16) / 10)


def test_clocks_and_sources_add_up(told: Analysis) -> None:
    table = page.source_table(told).html
    assert f"<b>{sum(told.sources['seen'].dropna()):,}</b>".replace(",", "\u202f") in table
    assert "+3.4" in page.clock_table(told).html


def test_required_items_are_all_there_and_what_was_not_given_says_so(told: Analysis) -> None:
    html = page.required_items(told).html
    assert [f"R{n}" in html for n in range(1, 27)] == [True] * 26
    bare = Analysis(dict(told.meta) | {"examiner": None, "question": None, "requester": None}, told.tables)
    assert page.required_items(bare).html.count(">not given") == 3


def test_two_machines_stand_apart(told: Analysis) -> None:
    both = joined(told, story("MAILVM", first=91000))
    view = View(both)
    assert view.vms == ["MAILVM", "SQLVM"]
    assert answer.overall(view) == (
        "2 of 2 virtual machines have a contradicted recovery point. Of 92 points that claim application consistency, "
        "86 are supported, 2 are confirmed, 2 are contradicted and 2 cannot be judged."
    )
    html = page.first_screen(both).html
    assert html.count('<section class="vm"') == 2
    assert html.index(">MAILVM<") < html.index(">SQLVM<")
    every_part(both)


def test_parts_look_the_same_wherever_they_are_shown(told: Analysis) -> None:
    part = page.first_screen(told)
    assert part._repr_html_().startswith("<style data-kit>")
    assert '<div class="kit mathjax_ignore' in part._repr_html_(), "a $ in a command is no formula"
    assert repr(part).startswith("Of 46 recovery points")
    assert (page.head(told) + part).html == page.head(told).html + part.html


def test_no_part_uses_inline_styles_handlers_or_the_network(told: Analysis) -> None:
    for name, part in every_part(told).items():
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|https?://|<script|<img", part.html), name


def test_times_are_the_guests(view: View) -> None:
    assert view.when.zone_name == "UTC+02:00"
    assert view.point_by_id[point_id(0)].label == "18 May 12:00"
    assert view.period == (at(0, 9), at(NEWEST, 9))


def test_few_benign_aborts_among_many_runs_are_counted_and_not_called_the_rule() -> None:
    whole = story()
    operations = whole.operations.copy()
    benign = operations.index[operations["outcome"] == "benign_abort"]
    operations.loc[benign[3:], "outcome"] = "clean"
    made = Analysis(whole.meta, {**whole.tables, "operations": operations})
    said = answer.errors(View(made), "SQLVM").striptags()
    assert said.startswith(f"Of {len(operations)} VSS operations in the guest, 3 ended in a benign abort after")
    assert "and 1 failed: 19 May 03:00." in said


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Which point can we fail over to?", "Answered here:"),
        ("Können wir der Sicherung trauen?", "Answered here:"),
        ("How long does it take?", "This question is not answered:"),
        ("Wer hat den Server neu gestartet?", "This question is not answered:"),
        ("Who over there failed to call back?", "This question is not answered:"),
    ],
)
def test_the_head_says_whether_the_question_of_the_case_is_answered(question: str, begins: str) -> None:
    told = story()
    html = page.head(Analysis(dict(told.meta) | {"question": question}, told.tables)).html
    assert re.search(rf"<p class=\"asked\">.*<span class=\"answered\">{begins}.*which one to fail over to", html)
    assert 'class="asked"' not in page.head(Analysis(dict(told.meta) | {"question": None}, told.tables)).html


def test_operations_that_are_compared_share_one_scale() -> None:
    """Ten seconds stand at the same place in every diagram, or bars of one length would not have lasted as long."""
    html = page.operation_phases(story()).html
    assert html.count("<svg class=\"f\"") == 3
    assert len(set(re.findall(r'<text[^>]* x="([\d.]+)"[^>]*>hold limit 10', html))) == 1


def test_a_note_that_has_no_room_in_its_drawing_stands_above_it() -> None:
    """An abort 65 s after the freeze ends at the right edge: words beside it would be cut."""
    view = View(story())
    operation = view.operations[phases.compared(view)[2]]
    wide = phases.diagram(view, operation, phases.Scale(-1.0, 12.5))
    assert wide.note and wide.note not in wide.facts
    narrow = phases.diagram(view, operation, phases.Scale(-60.0, 30.0))
    assert narrow.note == "" and narrow.facts.endswith(wide.note)
