"""Characters that steer a terminal, turn the direction of writing or hide, written as numbers: `⟨U+202E⟩`."""

from __future__ import annotations

import re

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
# marks that turn the direction of what follows, and characters without width that hide text
_INVISIBLE = "\u061c\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff\ufff9-\ufffb"
HOSTILE = re.compile(f"[{_CONTROL}{_INVISIBLE}]")


def visible(text: str) -> str:
    """The text with control, direction and zero-width characters written as `⟨U+202E⟩`; tabs and line ends stay."""
    return HOSTILE.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def json_visible(text: str) -> str:
    """A JSON document with such characters escaped; its content is the same."""
    return HOSTILE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
