"""The report's notebook is written with the bytes that nbformat would write."""

import nbformat
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from kit.report import ipynb

TEXTS = st.text(max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


def as_nbformat_writes(notebook):
    said = nbformat.writes(notebook)
    return said if said.endswith("\n") else f"{said}\n"


@given(st.dictionaries(TEXTS, VALUES, max_size=4), TEXTS, st.lists(st.floats(allow_nan=False), max_size=12))
def test_any_content_is_laid_out_as_nbformat_does(spec, words, numbers):
    data = {"application/vnd.plotly.v1+json": {"data": [{"x": numbers}], "layout": spec}, "text/plain": words}
    outputs = [v4.new_output("display_data", data), v4.new_output("execute_result", {"text/html": words})]
    cells = [
        v4.new_markdown_cell(words), v4.new_code_cell(words, outputs=[*outputs, v4.new_output("stream", text=words)]),
        v4.new_code_cell("1", execution_count=3),
    ]  # fmt: skip
    notebook = v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    assert ipynb.text(notebook) == as_nbformat_writes(notebook)
