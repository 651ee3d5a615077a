"""WCAG 2.2 A and AA by axe-core over everything that opens in a browser, and the keyboard alone.

axe-core judges what a program can judge: names, roles, landmarks, order of headings, heads of tables, contrast, what
scrolls. Every rule of it counts here, its advice as well.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from story import joined, story
from test_batch import RESULTS

from kit.report import pdf

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
BROWSER = pdf.browser()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")]

SHOWN = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 390, "height": 844}}}
LOOKS = [
    *[(name, shown) for name in ("report", "portfolio") for shown in SHOWN],
    ("german", "phone"), ("shared", "light"), ("machines", "dark"),
]  # fmt: skip
ALIKE = ".appendix details:nth-of-type(n+4), details.machine:nth-of-type(n+3), tbody tr:nth-child(n+9)"
UNFOLD = f"""() => {{
  document.querySelectorAll('{ALIKE}').forEach(one => one.remove());
  document.querySelectorAll('details').forEach(fold => {{ fold.open = true }}) }}"""
FOCUSED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), look = getComputedStyle(at);
  const ring = getComputedStyle(at.closest('.chip') || at);
  return { place: [...document.querySelectorAll('*')].indexOf(at), tag: at.tagName,
           name: at.getAttribute('aria-label') || (at.labels && at.labels[0] || at).innerText || at.title || '',
           ring: ring.outlineStyle !== 'none' && parseFloat(ring.outlineWidth) >= 2,
           seen: box.bottom > 0 && box.top < innerHeight && look.visibility === 'visible' } }"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    from papermill.engines import papermill_engines

    from kit.batch import portfolio
    from kit.report import report
    from kit.share.package import share

    folder = tmp_path_factory.mktemp("accessible")
    case = story().save(folder / "one")
    several = joined(*(story(vm, 100_000 * n) for n, vm in enumerate(("SQL1", "SQL2", "SQL3", "SQL4"), 1)))
    made = {
        "report": report(case, folder / "report"),
        "german": report(case, folder / "german", language="de"),
        "machines": report(several.save(folder / "several"), folder / "machines"),
    }
    share(folder / "report", folder / "copy.zip")
    with zipfile.ZipFile(folder / "copy.zip") as packed:
        packed.extractall(folder / "copy")
    index = folder / "index.html"
    index.write_text(portfolio.page(RESULTS), encoding="utf-8")
    yield made | {"shared": folder / "copy" / "report.html", "portfolio": index}
    papermill_engines.get_engine("warm").stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield made
        made.close()


@pytest.fixture
def opened(browser: Any, pages: dict[str, Path]) -> Iterator[Callable[..., Any]]:
    contexts: list[Any] = []

    def opener(name: str, **options: Any) -> Any:
        contexts.append(browser.new_context(offline=True, **({"viewport": {"width": 1280, "height": 900}} | options)))
        page = contexts[-1].new_page()
        page.goto(pages[name].resolve().as_uri())
        return page

    yield opener
    for context in contexts:
        context.close()


def complaints(page: Any) -> list[str]:
    """What axe finds outside the drawings of figures, which are one picture each to it; of what repeats, a few."""
    found = axe.Axe().run(page, {"exclude": [[".plot"]]}, {"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize(("name", "shown"), LOOKS)
def test_axe_finds_nothing_with_every_fold_open(opened: Callable[..., Any], name: str, shown: str) -> None:
    page = opened(name, **SHOWN[shown])
    page.evaluate(UNFOLD)
    page.wait_for_timeout(200)
    assert complaints(page) == []


def test_axe_sees_a_table_that_the_keyboard_cannot_scroll(opened: Callable[..., Any]) -> None:
    """What the test above rests on: without what the page does for it, axe complains."""
    page = opened("report", **SHOWN["phone"])
    page.evaluate(UNFOLD)
    page.wait_for_timeout(200)
    page.evaluate("document.querySelectorAll('.tw[tabindex]').forEach(box => box.removeAttribute('tabindex'))")
    assert any(line.startswith("scrollable-region-focusable") for line in complaints(page))


@pytest.mark.parametrize(("name", "language"), [("report", "en"), ("german", "de"), ("portfolio", "en")])
def test_the_language_is_that_of_the_words(opened: Callable[..., Any], name: str, language: str) -> None:
    assert opened(name).locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("name", ["report", "machines", "portfolio"])
def test_every_control_is_reached_by_tab_in_order_with_a_ring_and_a_name(opened: Callable[..., Any], name: str) -> None:
    page = opened(name)
    controls = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')]"
        ".filter(one => one.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})).length"
    )
    met = []
    for _ in range(controls):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUSED))
    assert [at for at in met if not (at["ring"] and at["seen"] and at["name"].strip())] == []
    places = [at["place"] for at in met]
    assert places == sorted(set(places)), "each once, in the order of the page"


def test_from_a_cell_to_its_records_and_back_by_keyboard(opened: Callable[..., Any]) -> None:
    page = opened("report")
    cell = page.locator("a.c.sup").first
    cell.focus()
    page.keyboard.press("Enter")
    row = page.locator("tr:target")
    sync_api.expect(row).to_be_in_viewport()
    row.get_by_role("link", name="records").focus()
    page.keyboard.press("Enter")
    sync_api.expect(page.locator("details:target table.recs")).to_be_in_viewport()
    page.go_back()
    sync_api.expect(page.locator("tr:target")).to_be_in_viewport()
    page.go_back()
    sync_api.expect(cell).to_be_in_viewport()


def test_the_portfolio_is_filtered_by_keyboard_and_says_how_many_rows_are_left(opened: Callable[..., Any]) -> None:
    page = opened("portfolio")
    total = page.locator("table.pf tbody tr").count()
    page.locator("#words").focus()
    page.keyboard.type("FINE sqlvm")
    assert page.locator("table.pf tbody tr:visible").count() == 1
    assert page.locator("#left").inner_text() == f"1 of {total} rows"
    page.locator("#words").fill("")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert 0 < page.locator("table.pf tbody tr:visible").count() < total


@pytest.mark.parametrize("name", ["report", "portfolio"])
def test_nothing_moves_for_those_who_asked_for_less_motion(opened: Callable[..., Any], name: str) -> None:
    page = opened(name, reduced_motion="reduce")
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].map(one => getComputedStyle(one)).filter(look => "
        "look.animationName !== 'none' || parseFloat(look.transitionDuration) > 0 || look.scrollBehavior === 'smooth')"
        ".length"
    )
    assert moving == 0
    assert page.evaluate("document.getAnimations().length") == 0
