"""An executed notebook as one self-contained HTML page, and as a scrubbed notebook.

The page opens offline, forbids any network by its content-security policy, bundles plotly.js once, counts its figures,
and shows no code. This module must not import papermill: nbconvert and papermill load each other's entry points.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from nbconvert.exporters import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from kit.errors import ExportError
from kit.page.clean import clean, script_json, slug, visible
from kit.page.language import Language, current, marked, say, speaking
from kit.page.part import PLOTLY, asset, compact, style
from kit.page.signs import CLASSES, VERDICTS
from kit.page.when import MONTHS
from kit.plots.style import TOKENS

ANALYST = "analyst"  # cells with this tag stay in the notebook
TEMPLATES = Path(__file__).parent.parent / "assets" / "templates"
NO_SCRIPT = marked("The drawing needs scripts; its numbers stand in the table below.")
CAPTIONS = (marked("Table"), marked("Figure"))
_NUMBER = re.compile(r'<b class="fno" data-no="([A-Z][a-z]+)"></b>')
_HEADING = re.compile(r"\s*(#{1,2}) +(.+?)\s*(?:\n|$)")
_LINK = re.compile(r'href="(?!#|https?:|mailto:)[^"]*')  # links that lead elsewhere than to text
_STAMP = '<span class="issued"></span>'


@dataclass
class Section:
    """A section of the page: heading, anchor, content."""

    title: str
    slug: str
    html: str = ""


@dataclass
class Page:
    """What the template fills in."""

    title: str
    report_id: str
    language: str = "en"
    top: str = ""
    sections: list[Section] = field(default_factory=list)
    style: str = ""
    scripts: list[str] = field(default_factory=list)
    policy: str = ""

    @property
    def words(self) -> dict[str, str]:
        """What the frame of the page says, in the language spoken."""
        return {
            "skip": say("Skip to the content"), "contents": say("Contents"), "report": say("Report"),
            "only": say("Results relate only to the items examined."),
        }  # fmt: skip


class CaseExporter(TemplateExporter):
    """nbconvert exporter with the kit's own template; `to_html` is the front door."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self, **options: Any) -> None:
        super().__init__(template_name="case", extra_template_basedirs=[str(TEMPLATES)], **options)

    def page(self, page: Page) -> str:
        """The filled template."""
        return str(self.template.render(page=page))


def to_html(
    notebook: NotebookNode, title: str, report_id: str = "", issued: str | None = None,
    language: str | Language | None = None,
) -> str:
    """The executed notebook as one HTML page in a language.

    `issued` is the only text that differs between two runs on the same evidence; it stands in `<time id="issued">`.
    Raises ExportError for a failed cell, or when a figure of the notebook is not in the page.
    """
    with speaking(language) as spoken:
        top, sections, heights = _content(notebook)
        page = Page(visible(title), visible(report_id), spoken.code, top, sections)
        _number_captions(page)
        page.top = page.top.replace(_STAMP, _stamp(issued), 1)
        page.style = page_style(report_id) + _heights(heights)
        page.scripts = _scripts(bool(heights))
        page.policy = security_policy([page.style], page.scripts, bool(heights))
        html = with_symbols(_exporter().page(page))
    _check(notebook, html)
    return html


@cache
def _exporter() -> CaseExporter:
    """The exporter, whose template is compiled once."""
    return CaseExporter()


def with_symbols(html: str) -> str:
    """The page with each drawing of a sign written once and used wherever it stands: the cell of a point is short."""
    symbols = []
    for sign in (*VERDICTS.values(), *CLASSES.values()):
        drawn = str(sign.svg)
        if html.count(drawn) < 2:
            continue
        symbols.append(f'<symbol id="sign-{sign.token}" viewBox="0 0 16 16">{sign.shape}</symbol>')
        used = f'<svg class="s {sign.token}" aria-hidden="true"><use href="#sign-{sign.token}"/></svg>'
        html = html.replace(drawn, used)
    drawer = f'<svg class="symbols" width="0" height="0" aria-hidden="true"><defs>{"".join(symbols)}</defs></svg>'
    return html.replace('<body class="kit">', f'<body class="kit">\n{drawer}', 1) if symbols else html


def page_style(report_id: str) -> str:
    """The style sheet of a page; on paper each sheet carries the report's id and its number, in the language spoken."""
    sheet = say('"Page " counter(page) " of " counter(pages)')
    return compact(
        asset("page.css") + asset("report.css").replace("REPORT_ID", _css_text(report_id)).replace("SHEET", sheet)
    )


def _content(notebook: NotebookNode) -> tuple[str, list[Section], dict[str, int]]:
    """What stands above the first heading, the sections, and the height of every figure."""
    top = Section("", "")
    sections: list[Section] = []
    heights: dict[str, int] = {}
    taken: set[str] = set()
    for cell in notebook.cells:
        if ANALYST in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            title, prose = _markdown(cell.source)
            if title:
                sections.append(Section(say(title), _unique(slug(title), taken)))
            (sections[-1] if sections else top).html += prose
        elif cell.cell_type == "code":
            (sections[-1] if sections else top).html += "".join(_outputs(cell, heights))
    return top.html, [section for section in sections if section.html.strip()], heights


def _markdown(source: str) -> tuple[str, str]:
    """The heading of level two that begins a cell, and the rest as HTML; raw HTML in Markdown is escaped."""
    found = _HEADING.match(source)
    if found and len(found[1]) == 2:
        return found[2], _prose(say(source[found.end() :].strip()))
    return "", _prose(say(source.strip()))


def _prose(source: str) -> str:
    if not source.strip():
        return ""
    renderer = IPythonRenderer(escape=True, exclude_anchor_links=True)
    html = _LINK.sub('href="#', MarkdownWithMath(renderer=renderer).render(visible(source)))
    return f'<div class="prose">{html}</div>'


def _unique(name: str, taken: set[str]) -> str:
    made, count = name, 2
    while made in taken:
        made, count = f"{name}-{count}", count + 1
    taken.add(made)
    return made


def _outputs(cell: NotebookNode, heights: dict[str, int]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            raise ExportError(f"a cell failed with {output.ename}: {clean(output.evalue)}; nothing was exported")
        if output.output_type not in ("display_data", "execute_result"):
            continue
        if not output.metadata.get("kit", {}).get("notebook_only"):
            yield _output(output.data, output.metadata, heights)


def _output(data: NotebookNode, metadata: NotebookNode, heights: dict[str, int]) -> str:
    if PLOTLY in data:
        return _figure(data[PLOTLY], metadata.get("kit", {}), heights)
    html = data.get("text/html", "")
    if html.startswith(style()):
        return str(html.removeprefix(style()))
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{escape(str(data["image/png"]).replace(chr(10), ""))}">'
    return f'<pre class="out">{escape(visible(str(data.get("text/plain", ""))))}</pre>'


def _figure(spec: dict[str, Any], about: dict[str, str], heights: dict[str, int]) -> str:
    """A plotly figure with caption, room to draw in, numbers, and its data as inert JSON."""
    name = _unique(slug(about.get("name", "figure")), {key.removeprefix("plot-") for key in heights})
    box = f"plot-{name}"
    heights[box] = int(spec.get("layout", {}).get("height") or 360)
    content = {"data": spec.get("data", []), "layout": spec.get("layout", {})}
    heading = f"<h3>{escape(visible(about['heading']))}</h3>" if about.get("heading") else ""
    caption = about.get("caption") or '<b class="fno" data-no="Figure"></b>'
    numbers = about.get("numbers", "")
    if numbers:
        summary = _words("The numbers of this figure")
        numbers = f'<details class="numbers"><summary>{summary}</summary>{numbers}</details>'
    return (
        f'<figure id="{name}">{heading}<figcaption>{caption}</figcaption>{about.get("key", "")}'
        f'<p class="hint">{_words("Swipe the figure sideways.")}</p><div class="fw" tabindex="0" role="group" '
        f'aria-label="{_words("figure, scrolls sideways on small screens")}"><div class="plot" id="{box}" role="img" '
        f'aria-label="{escape(visible(about.get("alternative", "")))}"><noscript><p class="none">{_words(NO_SCRIPT)}'
        f"</p></noscript></div></div>"
        f'{numbers}<script type="application/json" data-for="{box}">{script_json(content)}</script></figure>'
    )


def _words(text: str) -> str:
    return escape(say(text))


def _number_captions(page: Page) -> None:
    """Numbers figures and tables in reading order."""
    counts: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        counts[found[1]] = counts.get(found[1], 0) + 1
        return f'<b class="fno">{say(found[1])} {counts[found[1]]}.</b>'

    page.top = _NUMBER.sub(numbered, page.top)
    for section in page.sections:
        section.html = _NUMBER.sub(numbered, section.html)


def _stamp(issued: str | None) -> str:
    if not issued:
        return ""
    return f'<span class="issued">{escape(say(", issued"))} <time id="issued">{escape(issued)}</time></span>'


def _css_text(text: str) -> str:
    """Text inside a CSS string: everything but plain characters as numbers."""
    return "".join(
        char if (char.isalnum() and char.isascii()) or char in "-_. :" else f"\\{ord(char):x} "
        for char in visible(text)
    )


def _heights(heights: dict[str, int]) -> str:
    """Room for every figure, so that nothing moves while the page draws; only where scripts run."""
    return "".join(f".js #{box}{{min-height:{height}px}}" for box, height in heights.items())


WORDS = (
    marked("Copy"), marked("Copied"), marked("Selected"),
    marked("This figure could not be drawn; its numbers stand below."),
)  # fmt: skip


def _scripts(with_figures: bool) -> list[str]:
    names = {colour: token for token, colour in TOKENS.items()}
    own = asset("page.js").replace("TOKENS", script_json(names), 1)
    own = own.replace("WORDS", script_json({word: say(word) for word in WORDS}), 1)
    own = own.replace("LOCALE", script_json(locale()), 1)
    return [asset("plotly-basic.min.js"), own] if with_figures else [own]


def locale() -> dict[str, Any]:
    """How plotly writes months and numbers in the language spoken."""
    months = [say(month) for month in MONTHS]
    names = {"months": months, "shortMonths": months}
    return {"separators": f"{current().decimal}{current().thousands}", "format": names}


def security_policy(styles: list[str], scripts: list[str], drawn: bool = False) -> str:
    """No network at all; only the scripts and the style sheets of this page take effect.

    Where figures are drawn, plotly needs an empty style sheet, which it fills by rule, and attributes `style` on what
    it draws; with no source allowed they can neither load nor run anything.
    """
    rules = ["default-src 'none'", f"script-src {_hashes(scripts)}"]
    if drawn:
        rules += [f"style-src-elem {_hashes([*styles, ''])}", "style-src-attr 'unsafe-inline'"]
    else:
        rules.append(f"style-src {_hashes(styles)}")
    return "; ".join([*rules, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hashes(texts: list[str]) -> str:
    return " ".join(script_hash(text) for text in texts)


def script_hash(text: str) -> str:
    """The source expression of a content-security policy that allows exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def figures(notebook: NotebookNode) -> int:
    """How many plotly figures the outputs of a notebook hold, in cells that belong to the page."""
    cells = [cell for cell in notebook.cells if ANALYST not in cell.metadata.get("tags", [])]
    return sum(PLOTLY in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))


def _check(notebook: NotebookNode, html: str) -> None:
    expected = figures(notebook)
    present = html.count('<div class="plot" id="'), html.count('<script type="application/json" data-for="')
    bundles = html.count("Plotly, Inc.")
    if present != (expected, expected) or bundles != bool(expected):
        raise ExportError(
            f"the notebook holds {expected} figures, the page {min(present)}, with plotly.js {bundles} times; "
            "nothing was exported"
        )


def translated(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its headings and prose in the language spoken now."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _translated(cell.source)
    return notebook


def _translated(source: str) -> str:
    """Markdown with its first heading and each paragraph below it said on their own."""
    found = _HEADING.match(source)
    if not found:
        return say(source.strip())
    rest = source[found.end() :].strip()
    heading = f"{found[1]} {say(found[2])}"
    return f"{heading}\n\n{say(rest)}" if rest else heading


def scrub(notebook: NotebookNode, parameters: dict[str, Any] | None = None) -> NotebookNode:
    """The executed notebook without paths, user names, durations and random ids.

    `parameters` replaces the values of the injected cell, so that the copy runs beside its tables.
    """
    clean_copy = NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=[])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    clean_copy.metadata = NotebookNode(kernelspec=NotebookNode(kernel), language_info=NotebookNode(name="python"))
    for number, cell in enumerate(notebook.cells):
        clean_copy.cells.append(_scrubbed(cell, number, parameters))
    return clean_copy


def _scrubbed(cell: NotebookNode, number: int, parameters: dict[str, Any] | None) -> NotebookNode:
    tags = list(cell.metadata.get("tags", []))
    made = NotebookNode(cell_type=cell.cell_type, id=f"cell-{number:02d}", metadata=NotebookNode(), source=cell.source)
    if tags:
        made.metadata["tags"] = tags
    if cell.cell_type == "code":
        made.execution_count = cell.get("execution_count")
        made.outputs = [output for output in cell.get("outputs", []) if output.output_type != "stream"]
    if "injected-parameters" in tags and parameters is not None:
        made.source = "\n".join(["# Parameters", *[f"{name} = {value!r}" for name, value in parameters.items()]])
    return made
