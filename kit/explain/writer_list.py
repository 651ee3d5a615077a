"""What `vssadmin list writers` prints, cut out of a paste: blank lines and indentation may be lost."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kit.explain.assess import Given
from kit.rules.wording import plain

_NAME = re.compile(r"[\s>*|-]*[^:'\"]{2,40}:\s*['\"].+['\"]\s*$")
_STATE = re.compile(r":\s*\[\d{1,2}\]")
_VALUE = re.compile(r"[\s>*|-]*[^:]{2,70}:\s*\S")
_FRAME = re.compile(r"vssadmin\b|\(C\)\s*Copyright|\[\.{3}\]|^[\s.…]*$", re.IGNORECASE)  # command, heading, left out
_MOST = 8  # lines of one writer


def cut_out(text: str) -> tuple[str, list[Given]]:
    """The text without the blocks of writers, and one event for each writer, in order."""
    if not _STATE.search(text):
        return text, []
    lines = [plain(line) for line in text.splitlines()]
    rest: list[str] = []
    found: list[Given] = []
    place = 0
    while place < len(lines):
        end = _end(lines, place)
        if end:
            found.append(Given(provider="vssadmin", message=_in_english(lines[place:end])))
        elif not found or not _FRAME.search(lines[place]):
            rest.append(lines[place])
        place = end or place + 1
    return "\n".join(line for line in rest if not _FRAME.search(line)) if found else text, found


def _in_english(block: Sequence[str]) -> str:
    """The lines of a writer, with the labels of its name and its state as English Windows writes them."""
    kept = [line for line in block if line.strip()]
    first = re.sub(r"^[^:]*:", "Writer name:", kept[0]) if _NAME.match(kept[0]) else kept[0]
    return "\n".join([first, *(re.sub(r"^[^:]*:(?=\s*\[\d{1,2}\])", "   State:", line) for line in kept[1:])])


def _end(lines: Sequence[str], start: int) -> int | None:
    """The line after the writer that begins here; None where none begins."""
    if not (_NAME.match(lines[start]) or (_STATE.search(lines[start]) and _VALUE.match(lines[start]))):
        return None
    stated = bool(_STATE.search(lines[start]))
    for place in range(start + 1, min(start + _MOST, len(lines))):
        line = lines[place]
        stopped = _NAME.match(line) or (stated and not line.strip()) or (line.strip() and not _VALUE.match(line))
        if stopped or (stated and _STATE.search(line)):
            return place if stated else None
        stated = stated or bool(_STATE.search(line))
    return min(start + _MOST, len(lines)) if stated else None
