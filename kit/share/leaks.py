"""Whether a name that was replaced survives anywhere in a package: page, notebook, tables, PDF, names of files."""

from __future__ import annotations

import html
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kit.report import notebooks
from kit.share.pseudonyms import Names

TOLD = (".parquet",)  # files that hold nothing but what the tables say; the others hold our own words as well
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Leak:
    """A name that survived, and the file that holds it."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.path} holds {self.name!r}"


def leaks(folder: Path, names: Names) -> list[Leak]:
    """Every replaced name that is still found in a file below the folder or in its name."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        label = path.relative_to(folder).as_posix()
        own_words = path.suffix not in TOLD and path.name != "verdicts.json"
        held = {name for text in _texts(path) for name in _names(text, names, own_words)}
        held |= set(_names(label, names, own_words=True))
        found += [Leak(label, name) for name in sorted(held)]
    return found


def _names(text: str, names: Names, own_words: bool) -> Iterator[str]:
    for match in names.pattern.finditer(text):
        name = match[0].lower()
        if not (own_words and set(_WORD.findall(name)) <= vocabulary()):
            yield match[0]


@cache
def vocabulary() -> frozenset[str]:
    """The words that pages and notebooks use themselves: a database called Backup cannot be told from them."""
    folder = resources.files("kit").joinpath("assets")
    texts = [one.read_text(encoding="utf-8") for one in folder.joinpath("parts").iterdir() if one.name.endswith(".j2")]
    texts += [
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "report.css", "page.js", "plotly-basic.min.js")
    ]
    package = resources.files("kit")
    texts += [one.read_text(encoding="utf-8") for one in package.joinpath("page").iterdir() if one.name.endswith(".py")]
    texts += [
        one.read_text(encoding="utf-8") for one in package.joinpath("plots").iterdir() if one.name.endswith(".py")
    ]
    texts += [path.read_text(encoding="utf-8") for path in sorted(notebooks.FOLDER.glob("*.ipynb"))]
    return frozenset(word for text in texts for word in _WORD.findall(text.lower()))


def _texts(path: Path) -> Iterator[str]:
    """What a file says, in every form in which a name could hide."""
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    raw = path.read_bytes()
    if path.suffix == ".pdf":
        yield from _pdf(raw)
        return
    text = raw.decode("utf-8", "replace")
    yield text
    yield html.unescape(text)
    if path.suffix in (".json", ".ipynb"):
        yield from _strings(json.loads(text))
    yield raw.decode("utf-16-le", "replace")


def _parquet(path: Path) -> Iterator[str]:
    table = pq.read_table(path)
    yield str(table.schema.metadata)
    for column in table.columns:
        flat = column.combine_chunks()
        while pa.types.is_list(flat.type):
            flat = flat.flatten()
        if pa.types.is_dictionary(flat.type):
            flat = flat.dictionary_decode()
        if pa.types.is_string(flat.type):
            yield "\n".join(value for value in flat.unique().to_pylist() if value)


def _pdf(raw: bytes) -> Iterator[str]:
    """The bytes and every stream unpacked; titles and links stand in them as text, glyphs do not."""
    yield raw.decode("latin-1")
    yield raw.decode("utf-16-be", "replace")
    for found in _STREAM.finditer(raw):
        try:
            yield zlib.decompress(found[1]).decode("latin-1")
        except zlib.error:
            continue


def _strings(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        yield html.unescape(content)
    elif isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)
