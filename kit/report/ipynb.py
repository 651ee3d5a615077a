"""A notebook as the text of its file: the bytes that nbformat writes, without its copy and its slow indenting."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from json.encoder import encode_basestring
from typing import Any

from nbformat import NotebookNode

_SCALARS = frozenset({str, int, float, bool, type(None)})
_FEW = 4  # values of a list from which on the encoder is worth its start
_LINES = ("application/javascript", "image/svg+xml")  # with all of text/*: written line by line


def text(notebook: NotebookNode) -> str:
    """The text of an .ipynb file of format 4.5: keys sorted, one blank a level, long texts line by line."""
    content = dict(notebook) | {"cells": [_cell(cell) for cell in notebook.cells]}
    return _laid_out(content, "\n") + "\n"


def _cell(cell: NotebookNode) -> dict[str, Any]:
    made = dict(cell) | {"source": cell.source.splitlines(True)}
    if cell.cell_type == "code":
        made["outputs"] = [_output(output) for output in cell.outputs]
    return made


def _output(output: NotebookNode) -> dict[str, Any]:
    if output.output_type in ("execute_result", "display_data"):
        return dict(output) | {"data": {kind: _lines(kind, value) for kind, value in output.data.items()}}
    is_text = output.output_type == "stream" and isinstance(output.text, str)
    return dict(output) | {"text": output.text.splitlines(True)} if is_text else dict(output)


def _lines(kind: str, value: Any) -> Any:
    in_lines = isinstance(value, str) and (kind.startswith("text/") or kind in _LINES)
    return value.splitlines(True) if in_lines else value


def _laid_out(value: Any, end: str) -> str:
    """JSON with a line for each member, as `json.dumps(indent=1)` has it; `end` is the line end before its bracket."""
    if isinstance(value, str):
        return encode_basestring(value)
    inside = f"{end} "
    if isinstance(value, dict) and value:
        members = [f"{_key(key)}: {_laid_out(value[key], inside)}" for key in sorted(value)]
        return f"{{{inside}{f',{inside}'.join(members)}{end}}}"
    if type(value) is int:
        return str(value)
    if not isinstance(value, (list, tuple)) or not value:
        return _encoder(", ").encode(value)
    kinds = set(map(type, value))
    if kinds == {str}:
        return f"[{inside}{f',{inside}'.join(map(encode_basestring, value))}{end}]"
    if kinds <= _SCALARS and len(value) > _FEW:
        return f"[{inside}{_encoder(f',{inside}').encode(value)[1:-1]}{end}]"
    return f"[{inside}{f',{inside}'.join([_laid_out(one, inside) for one in value])}{end}]"


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    return encode_basestring(name)


@cache
def _encoder(separator: str) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, separators=(separator, ": "))
