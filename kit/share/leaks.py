"""Whether a name that was replaced survives anywhere in a package: page, notebook, tables, PDF, names of files."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from kit import parquet, tables
from kit.page.part import asset
from kit.share.encodings import decoded, views
from kit.share.own_words import is_own
from kit.share.patterns import PATTERNS
from kit.share.pdf_text import pdf_texts
from kit.share.pseudonyms import LONG, TOKEN, Names
from kit.share.redact import PLAIN


@dataclass(frozen=True)
class Leak:
    """A name that survived, and the file that holds it."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.path} holds {self.name!r}"


@dataclass(frozen=True)
class Said:
    """A text of a file; `told` when it holds nothing but what the tables say, `squeezed` when its blanks are out."""

    text: str
    told: bool = False
    squeezed: bool = False


def leaks(folder: Path, names: Names) -> list[Leak]:
    """Every replaced name that is still found in a file below the folder or in its name."""
    found = []
    search = Search(names)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        label = path.relative_to(folder).as_posix()
        held = {name for said in (Said(label), *_said(path)) for name in search.held(said)}
        found += [Leak(label, name) for name in sorted(held)]
    return found


class Search:
    """Looks for all names of a copy in texts, first by plain comparison, then as each may be written."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._pseudonyms = {made.lower() for made in names.originals}
        self._forms = {name: re.compile("|".join(self._patterns(name))) for name in names.pseudonyms}
        self._short = {name: name.replace("-", "") for name in names.pseudonyms if PATTERNS["ID"].fullmatch(name)}
        self._letters = {name: {_bytes(name), _bytes(self._short.get(name, name))} for name in names.pseudonyms}
        self._own = {name for name in names.pseudonyms if is_own(name)}

    def _patterns(self, name: str) -> list[str]:
        kind = self._names.kinds[name]
        if kind == "ID":
            return [rf"(?i:{re.escape(text)})" for text in dict.fromkeys((name, name.replace("-", "")))]
        if kind in ("SID", "IP", "MAC"):
            return [rf"(?<![\w.:])(?i:{re.escape(name)})(?![\w:]|\.\d)"]
        return list(self._names.forms(name))

    def held(self, said: Said) -> Iterator[str]:
        """The names in a text, in whatever encoding."""
        if said.squeezed:
            low = TOKEN.sub(self._without, said.text).lower()
            short_forms = {name: re.sub(r"\s", "", name) for name in self._forms if name not in self._own}
            held = (name for name, short in short_forms.items() if len(short) > LONG and short in low)
            yield from map(self._original, held)
            return
        shown = [TOKEN.sub(self._without, text) for text in dict.fromkeys(views(said.text))]
        lows = [unicodedata.normalize("NFC", bare).lower() for bare in shown]
        every = _bytes("\n".join(lows))  # most names are in none of the views: one look at all of them says so
        for name, form in self._forms.items():
            if not any(letters in every for letters in self._letters[name]) or (name in self._own and not said.told):
                continue
            if any(self._near(name, low) and (form.search(bare) or form.search(low))
                   for bare, low in zip(shown, lows, strict=True)):  # fmt: skip
                yield self._original(name)

    def _near(self, name: str, low: str) -> bool:
        """Whether a text in lower case holds the letters of a name."""
        return name in low or self._short.get(name, name) in low

    def _original(self, name: str) -> str:
        return self._names.originals[self._names.pseudonyms[name]]

    def _without(self, found: re.Match[str]) -> str:
        return " " if found[0].lower() in self._pseudonyms else found[0]


def _bytes(text: str) -> bytes:
    """The text in UTF-8, in which it is searched several times faster; what is held in one is held in the other."""
    return text.encode("utf-8", "surrogatepass")


def _said(path: Path) -> Iterator[Said]:
    """What a file says, in every form in which a name could hide."""
    raw = path.read_bytes()
    if path.suffix == ".parquet":
        yield from _parquet(path)
    elif path.suffix == ".pdf":
        for text in pdf_texts(raw):
            letters = unicodedata.normalize("NFKC", text)  # ligatures apart
            yield Said(letters)
            yield Said(re.sub(r"\s+", "", letters), squeezed=True)
    else:
        yield from _text(path, raw)
    if b"\0" in raw and path.suffix not in (".parquet", ".pdf"):
        for data in (raw, raw[1:]):
            yield Said(data.decode("utf-16-le", "replace"))


def _text(path: Path, raw: bytes) -> Iterator[Said]:
    text = raw.decode("utf-8", "replace")
    for own in _assets():
        text = text.replace(own, "")
    yield Said(text)
    if path.suffix == ".json":
        told = path.name == "verdicts.json"
        try:
            yield Said("\n".join(_strings(json.loads(text))), told)
        except ValueError:
            return


@cache
def _assets() -> tuple[str, ...]:
    return tuple(asset(name) for name in ("plotly-basic.min.js",))


def _parquet(path: Path) -> Iterator[Said]:
    table = parquet.read(path)
    declared = tables.SCHEMAS.get(path.stem)
    if declared is None or not table.schema.equals(declared, check_metadata=True):
        yield Said(f"{table.schema.names} {table.schema.metadata} {[field.metadata for field in table.schema]}")
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if name not in PLAIN or declared is None:
            yield Said("\n".join(_values(column)), told=True)
        else:
            yield Said("\n".join(_values(column)))


def _values(column: pa.ChunkedArray) -> Iterator[str]:
    flat = column.combine_chunks()
    while pa.types.is_list(flat.type):
        flat = flat.flatten()
    if pa.types.is_dictionary(flat.type):
        flat = flat.dictionary_decode()
    if pa.types.is_string(flat.type) or pa.types.is_large_string(flat.type):
        yield from (value for value in flat.unique().to_pylist() if value)
    elif pa.types.is_binary(flat.type):
        for value in flat.unique().to_pylist():
            yield from decoded(value or b"")


def _strings(content: object) -> Iterator[str]:
    """Every text of a JSON document but the values of fields that hold our own words."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            if key not in PLAIN:
                yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)
