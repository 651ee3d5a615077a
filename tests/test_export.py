"""The exported page: offline, counted, escaped, without code, the same bytes every time but for one stamp."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from typing import Any

import nbformat.v4 as v4
import plotly.graph_objects as go
import pytest
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs_version

from kit.errors import ExportError
from kit.page.part import PLOTLY, Part, asset
from kit.report import export


def output(data: dict[str, Any], **metadata: Any) -> NotebookNode:
    return v4.new_output("display_data", data=data, metadata=metadata)


def drawn(name: str = "fig-a", **about: str) -> NotebookNode:
    spec = go.Figure({"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}], "layout": {"height": 300}}).to_dict()
    kit = {
        "name": name,
        "caption": '<b class="fno" data-no="Figure"></b> Two points.',
        "alternative": "Two points",
        "numbers": "<table></table>",
        "heading": "",
        "key": "",
    } | about
    return output({PLOTLY: spec, "text/plain": "Figure"}, kit=kit)


def cell(
    *outputs: NotebookNode, source: str = "secret_call('C:\\\\Users\\\\someone')", tags: tuple[str, ...] = ()
) -> NotebookNode:
    made = v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})
    made.execution_count = 1
    return made


def book(*cells: NotebookNode) -> NotebookNode:
    return v4.new_notebook(cells=list(cells))


def shown(html: str = "<p>Hello</p>") -> NotebookNode:
    return output({"text/html": Part(html, "Hello")._repr_html_(), "text/plain": "Hello"})


def test_parts_stand_in_sections_under_their_headings() -> None:
    html = export.to_html(
        book(cell(shown("<h1>Top</h1>")), v4.new_markdown_cell("## What happened"), cell(shown())), "T"
    )
    assert html.index("<h1>Top</h1>") < html.index('<section class="sec" id="what-happened"><h2>What happened</h2>')
    assert html.index("<h2>What happened") < html.index("<p>Hello</p>")


def test_a_section_without_content_is_left_out() -> None:
    html = export.to_html(book(v4.new_markdown_cell("## Empty"), v4.new_markdown_cell("## Full"), cell(shown())), "T")
    assert "Empty" not in html
    assert "Full" in html


def test_no_code_and_no_cell_for_the_analyst_reaches_the_page() -> None:
    note = v4.new_markdown_cell("Before you issue it", metadata={"tags": ["analyst"]})
    html = export.to_html(book(note, cell(shown())), "T")
    assert "secret_call" not in html
    assert "Before you issue it" not in html


def test_the_style_of_the_parts_stands_once() -> None:
    html = export.to_html(book(cell(shown(), shown())), "T")
    assert html.count(".kit .card{") == 1
    assert ".kit.kit" not in html
    assert "data-kit" not in html


def test_figures_are_counted_numbered_and_drawn_from_inert_data() -> None:
    html = export.to_html(book(cell(drawn("fig-a")), cell(drawn("fig-b"))), "T")
    assert html.count('<div class="plot"') == 2
    assert re.findall(r'<b class="fno">(Figure \d)\.</b>', html) == ["Figure 1", "Figure 2"]
    data = json.loads(re.findall(r'<script type="application/json" data-for="plot-fig-a">(.*?)</script>', html)[0])
    assert data["data"][0]["y"] == [3, 4]
    assert html.count("Plotly, Inc.") == 1


def test_two_figures_of_one_name_keep_apart() -> None:
    html = export.to_html(book(cell(drawn("fig-a"), drawn("fig-a"))), "T")
    assert 'id="plot-fig-a"' in html
    assert 'id="plot-fig-a-2"' in html


def test_a_figure_that_is_lost_stops_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_figure", lambda *_: "")
    with pytest.raises(ExportError, match="holds 1 figures, the page 0"):
        export.to_html(book(cell(drawn())), "T")


def test_a_page_without_figures_carries_no_plotly() -> None:
    assert len(export.to_html(book(cell(shown())), "T")) < 60_000


def test_a_failed_cell_stops_the_export() -> None:
    failed = v4.new_output("error", ename="ValueError", evalue="nothing there", traceback=[])
    with pytest.raises(ExportError, match="ValueError: nothing there"):
        export.to_html(book(cell(failed)), "T")


def test_foreign_output_is_shown_as_plain_text() -> None:
    foreign = output(
        {
            "text/html": "<script>alert(1)</script><table><tr><td>1</td></tr></table>",
            "text/plain": "a <b> table\x1b[31m",
        }
    )
    html = export.to_html(book(cell(foreign)), "T")
    assert "alert(1)" not in html
    assert "a &lt;b&gt; table⟨U+001B⟩[31m" in html


def test_what_only_the_notebook_needs_and_streams_are_left_out() -> None:
    only = output({"text/html": Part("<p>caption again</p>", "")._repr_html_()}, kit={"notebook_only": True})
    stream = v4.new_output("stream", name="stderr", text="C:\\Users\\someone")
    html = export.to_html(book(cell(only, stream, shown())), "T")
    assert "caption again" not in html
    assert "someone" not in html


def test_markdown_is_rendered_and_raw_html_in_it_escaped() -> None:
    html = export.to_html(
        book(
            v4.new_markdown_cell("## A\n\n**bold** <script>alert(1)</script> [x](javascript:alert(1))"), cell(shown())
        ),
        "T",
    )
    assert "<strong>bold</strong>" in html
    assert "<script>alert" not in html
    assert 'href="javascript' not in html


def test_hostile_title_and_report_id_stay_text() -> None:
    html = export.to_html(
        book(cell(shown())), "</title><script>alert(1)</script>", 'R"}</style><script>alert(2)</script>'
    )
    assert "<script>alert" not in html
    style = html[html.index("<style>") : html.index("</style>")]
    assert "\\22 \\7d \\3c \\2f style" in style


def test_the_policy_forbids_the_network_and_names_every_script() -> None:
    html = export.to_html(book(cell(drawn())), "T")
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)[0].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "connect-src" not in policy
    scripts = re.findall(r"<script>(.*?)</script>\n", html, flags=re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


def test_nothing_in_the_page_is_loaded_from_elsewhere() -> None:
    html = export.to_html(book(cell(drawn(), shown())), "T")
    html = html.replace(asset("plotly-basic.min.js"), "")
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//|@import|url\(""", html)


def test_the_same_notebook_gives_the_same_bytes_but_for_the_stamp() -> None:
    head = shown('<div class="head"><span class="issued"></span></div>')
    first, second = (
        export.to_html(book(cell(head, drawn())), "T", "R-1", stamp)
        for stamp in ("20 May 2014 17:05", "21 May 2014 09:00")
    )
    assert first != second
    assert first.replace("20 May 2014 17:05", "21 May 2014 09:00") == second
    assert first.count('<time id="issued">') == 1


def test_the_report_id_stands_on_every_printed_sheet() -> None:
    html = export.to_html(book(cell(shown())), "T", "R-2014-0520-SQLVM-7c41e2")
    assert '@bottom-left{content:"R-2014-0520-SQLVM-7c41e2"' in html
    assert "counter(pages)" in html


def test_scrubbing_removes_paths_names_durations_and_random_ids() -> None:
    notebook = book(
        v4.new_code_cell('case: str = ""', metadata={"tags": ["parameters"], "papermill": {"duration": 1.2}}),
        v4.new_code_cell("case = '/home/someone/case'", metadata={"tags": ["injected-parameters"]}),
        cell(shown(), v4.new_output("stream", name="stdout", text="/home/someone"), source="page.head(analysis)"),
    )
    notebook.metadata["papermill"] = {"input_path": "/home/someone/x.ipynb"}
    made = export.scrub(notebook, {"case": ".", "vm": None})
    text = json.dumps(made)
    assert "someone" not in text
    assert "duration" not in text
    assert [one.id for one in made.cells] == ["cell-00", "cell-01", "cell-02"]
    assert made.cells[1].source == "# Parameters\ncase = '.'\nvm = None"
    assert json.dumps(export.scrub(made, {"case": ".", "vm": None})) == text


def test_the_bundle_is_the_plotly_of_the_package_and_has_its_licence() -> None:
    bundle = asset("plotly-basic.min.js")
    assert f"v{get_plotlyjs_version()}" in bundle[:200]
    assert len(bundle) < 1_500_000
    assert "Permission is hereby granted, free of charge" in asset("plotly.js-LICENSE.txt")
    assert "</script" not in bundle.lower()


def test_the_exporter_does_not_load_papermill() -> None:
    code = "import sys, kit.report.export; sys.exit('papermill' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
