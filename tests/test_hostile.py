"""Hostile text is inert wherever it is shown: page, PDF, notebook, hover, exports, index page, terminal, files."""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hostile
import nbformat
import pytest
from click.testing import CliRunner

from kit import report as module
from kit.audit.compare import compared
from kit.audit.verify import verified
from kit.batch import portfolio
from kit.case import custody
from kit.cli import cli
from kit.errors import ParameterError
from kit.exports import folder as exports
from kit.report import pdf
from kit.visible import visible

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
TAGS = {
    "a", "abbr", "article", "aside", "b", "bdi", "br", "button", "caption", "circle", "code", "col", "colgroup",
    "dd", "defs", "details", "div", "dl", "dt", "em", "figcaption", "figure", "g", "h1", "h2", "h3", "h4", "header",
    "i", "kbd", "li", "line", "nav", "noscript", "ol", "p", "path", "pattern", "polygon", "polyline", "pre", "rect",
    "s", "section", "small", "span", "strong", "style", "sub", "summary", "sup", "svg", "symbol", "table", "tbody",
    "td", "text", "tfoot", "th", "thead", "time", "title", "tr", "tspan", "u", "ul", "use",
}  # fmt: skip


class Markup(HTMLParser):
    """Collects what could run or load: tags outside the list, handlers, links that lead out."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "style", "srcdoc", "formaction", "xlink:href"):
                self.wrong.append(f"{tag} {name}={value}")
            if name == "href" and not (value or "").startswith("#"):
                self.wrong.append(f"{tag} href={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def wrong(markup: str) -> list[str]:
    parser = Markup()
    parser.feed(markup)
    return parser.wrong


def test_the_scan_of_this_test_sees_what_is_wrong() -> None:
    """So that the tests below can fail: markup and steering characters of the corpus, unescaped, are found."""
    seen = [text for text in hostile.TEXTS if wrong(f"<p>{text}</p>") or STEERING.search(text)]
    assert len(seen) >= 9


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A report of hostile text, with a PDF where there is a browser."""
    from papermill.engines import papermill_engines

    folder = tmp_path_factory.mktemp("hostile")
    judged = hostile.analysis().save(folder / "judged")
    module.report(judged, folder / "report", pdf=pdf.browser() is not None)
    yield folder
    papermill_engines.get_engine("warm").stop()


@pytest.mark.slow
def test_the_page_holds_no_markup_of_a_log(made: Path) -> None:
    page = (made / "report" / "report.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    body = re.sub(r"<script[^>]*>.*?</script>", "", page[page.index("<body") :], flags=re.DOTALL)
    body = re.sub(r"</?(body|main|footer|html)\b[^>]*>", "", body)
    assert wrong(body) == []
    assert not STEERING.search(body)
    assert not any("<" in text for text in scripts if text.lstrip().startswith("{")), "data of figures"
    assert "default-src 'none'" in html.unescape(page) and "http-equiv" in page


@pytest.mark.slow
def test_the_notebook_shows_no_markup_of_a_log(made: Path) -> None:
    book = nbformat.read(made / "report" / "report.ipynb", as_version=4)
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert len(shown) > 10
    for output in shown:
        assert wrong(output.data.get("text/html", "")) == []
        assert not STEERING.search(output.data.get("text/plain", ""))
        assert "application/javascript" not in output.data
        for text in drawn(output.data.get("application/vnd.plotly.v1+json", {})):
            assert not re.search(r"<(?!/?(?:b|br|i|extra|span)\b)", text), text[:200]
            assert "$" not in text and not STEERING.search(text), text[:200]
    assert not any("window.pwned" in cell.source for cell in book.cells)


def drawn(content: Any) -> Iterator[str]:
    """Every text of a figure."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from drawn(value)
    elif isinstance(content, list):
        for value in content:
            yield from drawn(value)


@pytest.mark.slow
@pytest.mark.skipif(pdf.browser() is None, reason="needs Chromium, Chrome or Edge")
def test_opened_offline_it_asks_for_nothing_and_runs_nothing(made: Path) -> None:
    """The page with every fold opened and the pointer over the figures, and the index page of a batch."""
    sync_api = pytest.importorskip("playwright.sync_api")
    index = made / "index.html"
    index.write_text(portfolio.page(results()), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(pdf.browser()), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for path in (made / "report" / "report.html", index):
            assert_inert(browser, path)
        browser.close()


def assert_inert(browser: Any, path: Path) -> None:
    """Raises where a page makes a request, logs a message, opens a dialog or runs a text of the corpus."""
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(1500)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for plot in page.locator(".plot .main-svg").all()[:3]:
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box() or {"x": 0, "y": 0, "width": 1, "height": 1}
        for share in (0.2, 0.5, 0.8):
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.5)
            page.wait_for_timeout(80)
    assert seen == [path.resolve().as_uri()]
    assert page.evaluate("window.pwned === undefined")
    assert page.locator("img, iframe, object, embed, link, form, svg a").count() == 0
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href') || '')")
    assert not [link for link in links if re.match(r"(?i)\s*(javascript|data|https?|file|//)", link)]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280, "a long text does not widen the page"


def results() -> dict[str, Any]:
    """What a batch hands to its index page, with hostile names and errors."""
    texts = hostile.TEXTS
    return {
        f"case{place}{text}"[:120]: {"status": "failed", "seconds": 1.0, "error": text, "summary": None}
        for place, text in enumerate(texts)
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(pdf.browser() is None, reason="needs Chromium, Chrome or Edge")
def test_the_pdf_holds_no_action(made: Path) -> None:
    raw = (made / "report" / "report.pdf").read_bytes()
    assert raw.startswith(b"%PDF")
    for word in (b"/JavaScript", b"/JS ", b"/Launch", b"/EmbeddedFile", b"/URI(http://evil", b"/SubmitForm", b"/AA "):
        assert word not in raw, word


@pytest.mark.slow
def test_exports_calculate_nothing_and_steer_nothing(made: Path) -> None:
    exports.export(made / "report", made / "exported", ["csv", "jsonl", "timesketch"])
    for path in (made / "exported").rglob("*"):
        if path.suffix in (".csv", ".jsonl", ".json"):
            assert not STEERING.search(path.read_text(encoding="utf-8-sig").replace("\r", "")), path.name
    lines = (made / "exported" / "timesketch.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["message"] for line in lines)


@pytest.mark.slow
def test_the_terminal_is_not_steered(made: Path) -> None:
    from kit import terminal
    from kit.judgement.analysis import load_analysis
    from kit.report.summary import summary

    judged = load_analysis(made / "report")
    said = [
        terminal.analysed(judged, Path("case"), Path("out")), summary(judged),
        verified(made / "report", None, False)[0], compared(made / "judged", made / "report"),
    ]  # fmt: skip
    for text in said:
        assert not STEERING.search(text), repr(STEERING.search(text))


def run(*words: str) -> str:
    """What a command prints, on both streams."""
    done = CliRunner().invoke(cli, list(words), catch_exceptions=True)
    error = "" if done.exception is None or isinstance(done.exception, SystemExit) else str(done.exception)
    return done.output + error


@pytest.mark.parametrize("text", hostile.TEXTS, ids=range(len(hostile.TEXTS)))
def test_a_pasted_text_does_not_steer_the_terminal(text: str) -> None:
    from kit import explain

    for pasted in (text, f"Error: 18210, Severity: 16, State: 1. {text}", f"Event ID: 3041\nSource: {text}\n{text}"):
        try:
            said = explain.rendered(explain.explain_text(pasted.encode("utf-8", "surrogatepass"), None, {}))
        except ParameterError as error:  # no event in it, or binary
            said = str(error)
        assert not STEERING.search(visible(said))
        assert not STEERING.search(run("explain", pasted[:2000]))


def test_a_case_of_hostile_files_is_read_and_stays_inside(tmp_path: Path) -> None:
    """Names, lines, lists, settings and archives: every file is accounted for, nothing is written, nothing steers."""
    case = hostile.case(tmp_path / "inner" / "case")
    before = sorted(path for path in tmp_path.rglob("*"))
    said = run("check", str(case))
    assert "ERRORLOG" in said and not STEERING.search(said), repr(STEERING.search(said))
    for name in ("escaped.txt", "absolute.txt", "drive.txt", "back.txt"):
        assert f"evidence.zip!/{'C:/' if name == 'drive.txt' else ''}{name}" in said
    judged = run("analyze", str(case), "--out", str(tmp_path / "out"))
    assert "Written" in judged and not STEERING.search(judged), repr(STEERING.search(judged))
    assert sorted(path for path in tmp_path.rglob("*") if tmp_path / "out" not in [path, *path.parents]) == before
    text = (tmp_path / "out" / "verdicts.json").read_text(encoding="utf-8")
    assert html.unescape("window.pwned") in text, "the corpus really reached the tables"


@pytest.mark.slow
def test_a_redacted_copy_of_a_hostile_case_is_inert_and_holds_no_name(tmp_path: Path) -> None:
    """From files to the archive that a customer gets: names that are markup, file names that steer, in German."""
    case = hostile.case(tmp_path / "case")
    module.report(case, tmp_path / "report")
    run("share", str(tmp_path / "report"), "--out", str(tmp_path / "copy.zip"), "--lang", "de")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("/") or ".." in name or "\\" in name]
        archive.extractall(tmp_path / "customer")
    page = (tmp_path / "customer" / "report.html").read_text(encoding="utf-8")
    body = re.sub(r"<script[^>]*>.*?</script>", "", page[page.index("<body") :], flags=re.DOTALL)
    assert wrong(re.sub(r"</?(body|main|footer|html)\b[^>]*>", "", body)) == []
    assert not STEERING.search(body)
    assert "Wiederherstellungspunkte" in body and "recovery points" not in body
    whole = b"".join(path.read_bytes() for path in (tmp_path / "customer").rglob("*") if path.is_file())
    assert b"evil.example" not in whole
    assert b"onerror" not in body.encode(), "the name of the machine is markup; it is replaced as a whole"
    assert custody.verify(tmp_path / "customer") == []
