"""The page in a real browser with the network off: it asks for nothing, logs nothing, and draws everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import story

from kit.page.clean import script_json
from kit.report import pdf

sync_api = pytest.importorskip("playwright.sync_api")
BROWSER = pdf.browser()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs Chromium, Chrome or Edge")]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from papermill.engines import papermill_engines

    from kit.report import report

    folder = tmp_path_factory.mktemp("browser")
    yield report(story().save(folder / "case"), folder / "report")
    papermill_engines.get_engine("warm").stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Seen:
    """A page that was opened offline, with every request and every message it made."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(offline=True, **({"viewport": {"width": 1280, "height": 1000}} | options))
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.goto(path.resolve().as_uri())
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-figures]")

    def width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))


@pytest.fixture(scope="module")
def seen(chromium: Any, page_path: Path) -> Seen:
    return Seen(chromium, page_path)


def test_the_page_asks_for_nothing_and_logs_nothing(seen: Seen, page_path: Path) -> None:
    assert seen.requests == [page_path.resolve().as_uri()]
    assert seen.messages == []


def test_every_figure_is_drawn(seen: Seen) -> None:
    drawn = seen.page.evaluate(
        "[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('.main-svg').length > 0)"
    )
    assert drawn == [True] * 5
    assert seen.page.locator("svg.f").count() == 3, "the phase diagrams"


def test_a_cell_of_the_strip_leads_to_its_card(seen: Seen) -> None:
    seen.page.locator("a.c.con").first.click()
    card = seen.page.locator("article.card.con").first
    assert seen.page.evaluate("location.hash.slice(1)") == card.get_attribute("id")
    sync_api.expect(card).to_be_in_viewport()


def test_a_supported_point_leads_to_its_folded_row_and_on_to_its_records(seen: Seen) -> None:
    seen.page.locator("a.c.sup").first.click()
    row = seen.page.locator("tr:target")
    sync_api.expect(row).to_be_visible()
    row.get_by_role("link", name="records").click()
    sync_api.expect(seen.page.locator("details:target table.recs")).to_be_visible()


def test_a_click_in_the_timeline_leads_to_the_card(seen: Seen) -> None:
    seen.page.evaluate("location.hash = ''")
    seen.page.locator("#plot-fig-timeline-1").scroll_into_view_if_needed()
    seen.page.evaluate(
        "document.getElementById('plot-fig-timeline-1').emit('plotly_click', {points: [{customdata: "
        + script_json("#" + str(seen.page.locator("article.card.cnf").get_attribute("id")))
        + "}]})"
    )
    sync_api.expect(seen.page.locator("article.card.cnf")).to_be_in_viewport()


def test_commands_can_be_copied(seen: Seen) -> None:
    assert seen.page.locator(".cmd button").count() == seen.page.locator(".cmd").count() > 3


@pytest.mark.parametrize("width", [1280, 860, 390])
def test_the_page_fits_its_window(chromium: Any, page_path: Path, width: int) -> None:
    made = Seen(chromium, page_path, viewport={"width": width, "height": 900})
    assert made.width() <= width
    assert made.messages == []


def test_dark_mode_recolours_page_and_figures(chromium: Any, page_path: Path) -> None:
    made = Seen(chromium, page_path, color_scheme="dark")
    background = made.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(20, 23, 27)"
    fill = made.page.evaluate("getComputedStyle(document.querySelector('#plot-fig-clock-1 .main-svg')).backgroundColor")
    assert fill == "rgb(20, 23, 27)"
    text = made.page.evaluate("getComputedStyle(document.querySelector('#plot-fig-clock-1 .annotation-text')).fill")
    assert text != "rgb(26, 29, 33)"


def test_without_scripts_the_page_still_tells_everything(chromium: Any, page_path: Path) -> None:
    made = Seen(chromium, page_path, java_script_enabled=False)
    assert made.page.locator("a.c").count() == 48
    assert made.page.locator(".plot noscript p").count() == 5
    made.page.locator("details.numbers summary").first.click()
    sync_api.expect(made.page.locator("details.numbers table").first).to_be_visible()


def test_print_opens_what_is_folded_and_shows_no_button(chromium: Any, page_path: Path) -> None:
    made = Seen(chromium, page_path)
    made.page.emulate_media(media="print")
    sync_api.expect(made.page.locator(".cmd button").first).to_be_hidden()
    sync_api.expect(made.page.locator("table.recs").first).to_be_visible()
    assert made.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_text_has_contrast_in_both_modes(chromium: Any, page_path: Path) -> None:
    """WCAG 2: 4.5 to 1 for text."""
    script = """() => {
      const part = x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
      const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => part(x / 255));
                           return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
      const paper = light(getComputedStyle(document.body).backgroundColor);
      const contrast = e => { const own = light(getComputedStyle(e).color);
                              return (Math.max(own, paper) + .05) / (Math.min(own, paper) + .05) };
      return [...document.querySelectorAll('p, td, th, li, a, summary, figcaption, h1, h2, h3, h4, dt, dd')]
        .filter(e => e.offsetParent && !e.closest('.c, .hit, .cmd'))
        .map(contrast).reduce((a, b) => Math.min(a, b), 99) }"""
    for scheme in ("light", "dark"):
        made = Seen(chromium, page_path, color_scheme=scheme)
        assert made.page.evaluate(script) >= 4.5, scheme
