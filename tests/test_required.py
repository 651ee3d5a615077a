"""What a forensic report must contain: 26 items, each at the place that the report names, or marked as not given."""

from __future__ import annotations

import re

import nbformat
import pytest
from story import story, without
from test_page_cases import nothing, one_log

from kit import page
from kit.judgement.analysis import Analysis
from kit.page.required import ITEMS, NOT_GIVEN
from kit.report import export, notebooks

CASES = {"story": story, "one_log": one_log, "nothing": nothing}
SECTIONS = {
    export.slug(found[1])
    for cell in notebooks.load(notebooks.find()).cells
    if cell.cell_type == "markdown" and (found := re.match(r"## (.+)", cell.source))
}


def rows(analysis: Analysis) -> dict[str, str]:
    """Number and place of each item, as the page says them."""
    html = page.required_items(analysis).html
    return dict(re.findall(r'<tr><td class="num">(R\d+)</td><td>[^<]+</td><td>(.*?)</td></tr>', html))


def text(part: page.Part) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part.html))


def test_the_items_are_those_of_the_standards_in_order() -> None:
    assert [item.number for item in ITEMS] == [f"R{number}" for number in range(1, 27)]
    assert len({item.text for item in ITEMS}) == 26


@pytest.mark.parametrize("name", CASES)
def test_every_item_has_a_place_or_is_not_given(name: str) -> None:
    told = rows(CASES[name]())
    assert list(told) == [item.number for item in ITEMS]
    for number, place in told.items():
        assert place.strip(), number
        for href in re.findall(r'href="#([^"]+)"', place):
            assert href in SECTIONS, f"{number} leads to {href}"


def test_what_the_case_does_not_say_is_marked() -> None:
    bare = without(nothing(), requester=None)
    marked = {number for number, place in rows(bare).items() if NOT_GIVEN in place}
    assert {"R2", "R3", "R4", "R5", "R7", "R8", "R22"} <= marked
    said = rows(story())
    assert NOT_GIVEN not in said["R2"]
    assert "A. Examiner" in said["R2"]
    assert page.required_items(bare).text == "23 of 26 items present, 3 not given."


def test_each_part_holds_what_its_item_promises() -> None:
    made = story()
    verdicts, head = page.verdict_cards(made), text(page.head(made))
    assert str(made.meta["report_id"]) in head, "R1"
    assert str(made.meta["question"]) in head, "R4"
    sources = page.source_table(made).html
    for digest in made.sources["sha256"].dropna():
        assert digest in sources, "R6, R10: the whole hash of every input"
    for word in ("Because", "Against", "Other explanations tried", "Missing"):
        assert verdicts.html.count(f"<h4>{word}</h4>") == verdicts.html.count("<article"), "R13 to R16, in every card"
    method = text(page.method(made))
    for word in ("Policy", "Kit", "Libraries", "To repeat it", "Results relate only to the items examined."):
        assert word in method, "R9, R10, R11, R18"
    assert "Offset" in text(page.clock_table(made)), "R12"
    assert "<code>" in page.next_steps(made).html, "R20: actions with commands"
    rules = page.rule_list(made)
    assert "Status" in text(rules) or "No rule matched" in text(rules), "R23"
    assert "kit verify" in text(page.custody(made)), "R25"


def test_the_exported_page_names_report_and_scope_at_its_foot() -> None:
    html = export.to_html(nbformat.v4.new_notebook(cells=[]), "T", "R-1")
    foot = html[html.index("<footer>") : html.index("</footer>")]
    assert "Report R-1" in foot
    assert "Results relate only to the items examined." in foot
