"""Text out of logs made harmless before it is drawn: hostile characters become visible, length is bounded."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

LONGEST = 400  # characters of one log text on a page; the tables keep all of it

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# marks that turn the direction of what follows, and characters without width that hide text
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff\ufff9-\ufffb]")
_BLANKS = re.compile(r"[ \t\r\n]+")


def clean(text: object, longest: int | None = LONGEST) -> str:
    """One line of text in which control and direction characters are written as their numbers."""
    line = _BLANKS.sub(" ", str(text)).strip()
    if longest is not None and len(line) > longest:
        line = f"{line[:longest]}… (+{len(line) - longest} characters)"
    return visible(line)


def visible(text: str) -> str:
    """The text with control, direction and zero-width characters written as `⟨U+202E⟩`."""
    return _INVISIBLE.sub(_number, _CONTROL.sub(_number, text))


def _number(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


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
