"""Text out of logs made harmless before it is drawn: hostile characters become visible, length is bounded."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

from kit.visible import visible

__all__ = ["clean", "cut", "flowing", "label", "script_json", "short_name", "slug", "visible"]
MIN_INSTANCE = 3  # letters of an instance that are worth showing
LONGEST = 400  # characters of one log text on a page; the tables keep all of it

_BLANKS = re.compile(r"[ \t\r\n]+")
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d|%)(?!\w))")


def clean(text: object, longest: int | None = LONGEST) -> str:
    """One line of text in which control and direction characters are written as their numbers."""
    line = _BLANKS.sub(" ", str(text)).strip()
    if longest is not None and len(line) > longest:
        line = f"{line[:longest]}… (+{len(line) - longest} characters)"
    return visible(line)


def flowing(text: object, longest: int | None = LONGEST) -> str:
    """The cleaned text of a sentence, in which no line ends between a number and its unit."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", clean(text, longest))


def cut(text: object, longest: int) -> str:
    """The cleaned text in at most so many characters, where there is no room to say how many are left out."""
    line = clean(text, None)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def short_name(name: str, longest: int) -> str:
    """The name of a database in at most so many characters; its instance is shortened first."""
    line = clean(name, None)
    instance, slash, database = line.rpartition("\\")
    if len(line) <= longest or not slash:
        return cut(line, longest)
    room = longest - len(database) - 1
    return f"{cut(instance, room)}\\{database}" if room >= MIN_INSTANCE else cut(f"…\\{database}", longest)


def label(text: object, longest: int = 80) -> str:
    """Text for a figure: plotly reads a subset of HTML in labels, so its marks are written as entities."""
    line = clean(text, None)
    return escape(line if len(line) <= longest else f"{line[: longest - 1]}…", quote=False).replace("$", "&#36;")


def script_json(content: Any) -> str:
    """JSON that can stand inside a script element: no `<`, `>`, `&` and no line separators."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def slug(text: str) -> str:
    """The text as part of an element's id: lower-case ASCII letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"
