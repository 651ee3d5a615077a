"""docs/tables.md, made from the declared tables. `python -m kit.docs.tables` writes it again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from kit.tables import SCHEMAS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
HEAD = """# The declared tables

Made from `kit/tables.py` by `python -m kit.docs.tables`; do not edit. Every frame that the kit hands out is one of
these, and the Parquet files in `tables/` of a report hold the same columns. Unknown is null, never 0, False or an
empty text. Times are UTC with microseconds. `verdicts.json` holds the main ones as JSON.
"""
WORDS = {"string": "text", "int64": "whole number", "double": "number", "bool": "true or false"}


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD, "| table | one row is |\n|---|---|"]
    rows = (f"\n| [{name}](#{name}) | {_meta(one, 'row')} |" for name, one in SCHEMAS.items())
    parts[1] += "".join(rows)
    return "\n".join([*parts, *(_table(name, one) for name, one in SCHEMAS.items())]) + "\n"


def _table(name: str, declared: pa.Schema) -> str:
    head = ["| column | type | meaning |", "|---|---|---|"]
    lines = [f"\n## {name}\n", f"One row is {_meta(declared, 'row')}.\n", *head]
    lines += [f"| {field.name} | {_kind(field.type)} | {_meta(field, 'meaning')} |" for field in declared]
    return "\n".join(lines)


def _meta(given: pa.Schema | pa.Field, key: str) -> str:
    return given.metadata[key.encode()].decode().replace("|", "\\|")


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return "list of texts"
    if pa.types.is_timestamp(kind):
        return "time"
    if pa.types.is_dictionary(kind):
        return "text"
    return WORDS[str(kind)]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
