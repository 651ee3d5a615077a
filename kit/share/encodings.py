"""The forms in which a name can hide in a text: entities, percent signs, escapes, base64."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}={0,2}")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\\/\"nrt]))")
_DEEPEST = 2  # encodings inside each other


def views(text: str, depth: int = 0) -> Iterator[str]:
    """The text as it is, and with entities, percent signs, escapes and base64 undone."""
    yield text
    plain = html.unescape(text) if "&" in text else text
    if "%" in plain:
        yield unquote_plus(plain, errors="replace")
        plain = unquote(plain, errors="replace")
    plain = _ESCAPE.sub(_letter, plain) if "\\" in plain else plain
    if plain != text:
        yield plain
    if depth < _DEEPEST:
        for found in BASE64.finditer(plain):
            for inner in unpacked(found[0]):
                yield from views(inner, depth + 1)


def _letter(found: re.Match[str]) -> str:
    if found[3]:
        return found[3] if found[3] in "\\/\"" else " "
    return chr(int(found[1] or found[2], 16))


def unpacked(text: str) -> Iterator[str]:
    """What a run of base64 says, where it is text in UTF-8 or UTF-16."""
    whole = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(whole) % 4 == 1:
        return
    try:
        data = base64.b64decode(whole + "=" * (-len(whole) % 4))
    except (binascii.Error, ValueError):
        return
    yield from decoded(data)


def decoded(data: bytes) -> Iterator[str]:
    """The bytes as text, in every Unicode encoding in which they are mostly plain letters."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        try:
            made = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or len(made.encode("ascii", "ignore")) * 2 > len(made):
            yield made


def written(name: str) -> set[str]:
    """The name as it stands in a web address, a page, or a text in JSON, where that differs."""
    forms = {quote(name), quote(name, safe=""), quote_plus(name), html.escape(name), html.escape(name, quote=False),
             json.dumps(name)[1:-1]}
    return forms - {name}
