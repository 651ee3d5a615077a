"""A report over many machines: a list first, the worst in front, the rest folded and one click away."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import joined, story
from test_language import HEX, bracketed, outside

from kit import page
from kit.judgement.analysis import Analysis
from kit.page import alike, steps
from kit.page import view as views
from kit.page.folds import folds
from kit.page.language import speaking
from kit.page.view import View
from kit.report import pdf

BAD, UNSURE, CALM = "SQL3", "SQL5", ("SQL1", "SQL2", "SQL4", "SQL6")


def machine(vm: str, first: int, *better: str) -> Analysis:
    """The story on another machine, where these verdicts are supported instead."""
    told = story(vm, first)
    verdicts = told.tables["verdicts"].copy()
    verdicts.loc[verdicts["verdict"].isin(better), "verdict"] = "supported"
    own = {name: frame.copy() for name, frame in told.tables.items()} | {"verdicts": verdicts}
    for frame in own.values():
        if "source_id" in frame:
            frame["source_id"] = f"{vm}-" + frame["source_id"]
    own["sources"]["path"] = f"{vm}/" + own["sources"]["path"]
    return Analysis(told.meta, own)


@pytest.fixture(scope="module")
def many() -> Analysis:
    """Six machines: one with a contradicted point, one with a point that cannot be judged, four with neither."""
    made = [machine(vm, 100_000 * n, "contradicted", "inconclusive") for n, vm in enumerate(CALM, 1)]
    return joined(*made, machine(BAD, 500_000), machine(UNSURE, 600_000, "contradicted"))


@pytest.fixture(scope="module")
def view(many: Analysis) -> View:
    return View(many)


@pytest.fixture
def dense(monkeypatch: pytest.MonkeyPatch, many: Analysis) -> Analysis:
    """The same analysis as one of so many points that each is written short."""
    monkeypatch.setattr(views, "MOST_IN_FULL", 10)
    return Analysis(many.meta, many.tables)


def named(analysis: Analysis) -> dict[str, str]:
    return {name: getattr(page, name)(analysis).html for name in page.__all__ if name[0].islower()}


def test_the_list_comes_first_and_names_the_worst_first(many: Analysis) -> None:
    html = page.first_screen(many).html
    listed = re.findall(r'<th scope="row".*?<a href="#(vm-\d)">(\w+)</a>', html)
    assert [vm for _, vm in listed] == [BAD, UNSURE, *CALM]
    assert html.index("<table class=\"machines\">") < html.index('class="strip')
    for anchor, vm in listed:
        assert re.search(rf'<details class="vm[^"]*" id="{anchor}"><summary><b>{vm}</b>', html)


def test_paper_shows_machines_with_a_contradicted_point_and_says_what_it_leaves_out(many: Analysis) -> None:
    assert [(fold.vm, fold.open, fold.paper) for fold in folds(View(many))] == [
        (BAD, True, True), (UNSURE, True, True), *[(vm, False, False) for vm in CALM],
    ]  # fmt: skip
    html = page.verdict_cards(many).html
    assert html.count('<details class="machine" open>') == 2
    assert html.count('<details class="machine folded">') == 4
    assert "The parts of 4 machines without a contradicted point are left out on paper" in html


def test_a_step_that_repeats_is_told_once_with_every_machine_that_needs_it(many: Analysis, view: View) -> None:
    rows = view.rows("actions")
    told = steps.repeated(view)
    assert sum(1 + len(step.others) for step in told) == len(rows), "no step is lost"
    assert len(told) == len(rows) / 6
    html = markup.unescape(page.next_steps(many).html)
    for row in rows:
        assert not row["command"] or row["command"] in html
    assert html.count("The same on 5 more machines: ") == len(told)


def test_only_what_differs_from_machine_to_machine_makes_steps_the_same(view: View) -> None:
    one = alike.masked(view, "Look into 2 failed snapshots in SQL3 (2 May 00:00): load of the disks.")
    assert one == alike.masked(view, "Look into 14 failed snapshots in SQL6 (5 Jun 11:00): load of the disks.")
    assert one != alike.masked(view, "Look into 2 failed snapshots in SQL33 (2 May 00:00): load of the disks.")
    assert one != alike.masked(view, "Look into 2 failed snapshots in SQL3 (2 May 00:00): load of the memory.")


def test_every_source_that_lost_records_is_told_of_its_own(many: Analysis, view: View) -> None:
    partial = [row["path"] for row in view.sources.values() if row["status"] in ("partial", "unreadable")]
    html = page.unread(many).html
    assert len(partial) == 6
    assert html.count(" was read in part.</b>") == sum(row["status"] == "partial" for row in view.sources.values())
    folded = "".join(re.findall(r'<details class="folded">.*?</details>', html, re.DOTALL))
    told = re.findall(r"points of (SQL\d)", folded) + re.findall(r"points of (SQL\d)", html.replace(folded, ""))
    assert set(told) >= {BAD, UNSURE, *CALM} and folded, "who has no test failover"


def test_every_link_of_a_page_with_many_machines_leads_to_an_element(many: Analysis) -> None:
    whole = "".join(named(many).values())
    ids = re.findall(r'\sid="([^"]+)"', whole)
    assert len(ids) == len(set(ids))
    sections = {"verdicts-worst-first", "what-to-do-next"}
    for target in set(re.findall(r'href="#([^"]+)"', page.first_screen(many).html + page.all_points(many).html)):
        assert target in ids or target in sections, target


def test_of_very_many_points_each_still_has_its_row_its_records_and_its_id(dense: Analysis) -> None:
    html, cards = page.all_points(dense).html, page.verdict_cards(dense).html
    seen = View(dense)
    assert seen.dense
    for point in seen.points:
        assert f"<td>{point.id}</td>" in html
        assert f'id="{point.anchor}"' in html or f'id="{point.anchor}"' in cards
    counted = [int(n) for n in re.findall(r"</a>: (\d+) points?</th>", html)]
    assert sum(counted) == len(seen.points)
    row = re.search(r'<tr id="p-[^"]+">.*?</tr>', html)
    assert row and re.search(r"\.evtx [\d–, ]+ \(0x[0-9A-F]+\)", row[0]), "file, numbers, offset"
    assert "stand beside it" in page.cited_records(dense).html


def test_operations_of_several_machines_say_whose_they_are(many: Analysis) -> None:
    titles = re.findall(r'<h3 class="op">(.*?)</h3>|<h3>(.*?)</h3>', page.operation_phases(many).html)
    assert titles and all(re.search(rf"{BAD}|{UNSURE}|{'|'.join(CALM)}", "".join(title)) for title in titles)


def test_what_is_missing_is_told_together_only_where_it_is_the_same_thing(many: Analysis) -> None:
    """Both notes hold brackets; what stands between two of them counts all the same."""
    log = "Log of guest {}: shows the freeze (also the thaw)"
    absent = [(f"guest/{vm}/ERRORLOG", log.format(vm)) for vm in (*CALM, BAD)]
    told = [steps.Gap(f"{path} was expected and not given.", note) for path, note in absent]
    other = steps.Gap("testfailover/ was expected and not given.", "Logs of a test: show the boot (also its end)")
    seen = View(many)
    groups = alike.gathered([*told, other], lambda gap: steps._kind_of_gap(seen, gap))
    assert [len(group) for group in groups] == [len(absent), 1]


@pytest.mark.parametrize(
    "name", ["first_screen", "next_steps", "unread", "verdict_cards", "all_points", "source_table", "cited_records"]
)
def test_the_words_for_many_machines_are_said_in_every_language(dense: Analysis, name: str) -> None:
    with speaking(bracketed()):
        made = getattr(page, name)(dense).html
    plain = re.sub(r"<code>.*?</code>", " ", re.sub(r'(?:aria-label|title)="([^"]*)"[^>]*>', r"> \1 ", made))
    left = HEX.sub("", outside(markup.unescape(re.sub(r"<[^>]+>", "\n", plain))).lower())
    evidence = " ".join(str(value) for frame in dense.tables.values() for value in frame.to_numpy().ravel()).lower()
    unknown = set(re.findall(r"[a-z]{3,}", left)) - set(re.findall(r"[a-z]{3,}", evidence + " utc documented"))
    assert unknown == set()


needs_browser = pytest.mark.skipif(pdf.browser() is None, reason="needs Chromium, Chrome or Edge")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(pdf.browser()), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_path(many: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from kit.report import report

    folder = tmp_path_factory.mktemp("many")
    return report(many.save(folder / "case"), folder / "report")


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_list_to_the_records_without_opening_anything_by_hand(
    chromium: Any, page_path: Path, scripts: bool
) -> None:
    opened = chromium.new_context(offline=True, java_script_enabled=scripts).new_page()
    opened.goto(page_path.resolve().as_uri())
    opened.get_by_role("link", name="SQL6", exact=True).first.click()
    cell = opened.locator("details.vm:target a.c.sup").nth(3)
    cell.click()
    row = opened.locator("tr:target")
    row.wait_for(state="visible")
    row.get_by_role("link", name="records").click()
    opened.locator("details:target table.recs").wait_for(state="visible")


@pytest.mark.slow
@needs_browser
def test_what_matters_is_seen_at_once_and_printed(chromium: Any, page_path: Path) -> None:
    opened = chromium.new_context(offline=True, viewport={"width": 1280, "height": 1000}).new_page()
    opened.goto(page_path.resolve().as_uri())
    top = opened.evaluate("document.getElementById('what-to-do-next').getBoundingClientRect().top")
    assert top < 1000, "list, folded strips and contents stand on the first screen"
    opened.emulate_media(media="print")
    visible = opened.evaluate(
        "[...document.querySelectorAll('details.machine')].map("
        "d => d.querySelector('.card').checkVisibility({contentVisibilityAuto: true}))"
    )
    assert visible == [True, True, False, False, False, False]


def test_of_many_operations_those_that_are_not_as_usual_stand_in_front(
    many: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kit.page import guest

    monkeypatch.setattr(guest, "MOST_OPERATIONS", 10)
    html = page.operation_list(Analysis(many.meta, many.tables)).html
    odd = ~many.operations["outcome"].isin(["benign_abort", "clean"])
    assert html.count('<tr><td class="nw">') == len(many.operations) + odd.sum(), "all of them once, the odd ones twice"
    first = html[: html.index("<details><summary>")]
    assert "genuine failure" in first and "<td>benign abort after thaw</td>" not in first
