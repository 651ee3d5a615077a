"""Lines typed by hand, as people write in a forum: `VSS 12289: ...`, `event id 8 volsnap`, `Event 32315, Hyper-V-VMMS`.

A line counts only where it begins with an event source that the knowledge knows and one of that source's numbers, in
either order, with nothing before them but labels and a time.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from kit import rules

_TIME = re.compile(
    r"[\s>*#-]*(?:\d{1,4}[./-]\d{1,2}[./-]\d{2,4}[ T,]*)?"
    r"(?:\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?[\s,-]*)?"
)
_STAMP = re.compile(  # a date with a time somewhere among source and number
    r"(?<![\w.])\d{1,4}[./-]\d{1,2}[./-]\d{2,4}[ T,]+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\b\.?)?"
)
_WORD = re.compile(r"[\s:=,;()\"'|\[\]#*>\u2013\u2014-]*([^\s:=,;()\"'|\[\]#*>\u2013\u2014]+)")
_LABELS = frozenset({
    "event", "events", "eventid", "event-id", "id", "ids", "error", "errors", "fehler", "warning", "warnung",
    "source", "quelle", "from", "got", "see", "seeing", "also", "and", "ereignis", "ereignisse", "ereignis-id",
    "ereigniskennung", "warn", "information", "info", "critical", "kritisch", "erreur", "avertissement", "errore",
    "avviso", "advertencia", "erro", "aviso", "ошибка", "предупреждение", "błąd", "ostrzeżenie", "エラー", "警告",
    "错误", "錯誤", "none", "n/a", "nr", "no", "number", "code", "log", "level", "application", "system",
})
_FRONT = 120  # signs of a line among which date, source and number stand
_MOST = 10  # words in which source and number stand


class Head(NamedTuple):
    """The source and the number that a line begins with, and the rest of the line."""

    provider: str
    event_id: int
    rest: str


def head(line: str) -> Head | None:
    """Source, number and text of a line that begins with them; None for any other."""
    provider: str | None = None
    number: int | None = None
    line = _unstamped(line)
    place = _start(line)
    for _ in range(_MOST):
        found = _WORD.match(line, place)
        if found is None:
            return None
        word = found[1].rstrip(".")
        if number is None and word.isdecimal() and len(word) < 7:
            number = int(word)
        elif provider is None and (known := _source(word.lower())):
            provider = word if known == word.lower() else known
        elif word.lower() not in _LABELS:
            return None
        place = found.end()
        if provider and number is not None:
            known_number = _known(provider.lower(), number)
            return Head(provider, number, line[place:].lstrip(" :=,;)]|-\u2013\u2014\t")) if known_number else None
    return None


def _unstamped(line: str) -> str:
    """The line without the first date and time where words stand before it (`Error 5/19/2014 3:00:12 AM VSS 8229`)."""
    found = _STAMP.search(line[:_FRONT])
    return f"{line[: found.start()]} {line[found.end() :]}" if found and found.start() else line


def _start(line: str) -> int:
    found = _TIME.match(line)
    return found.end() if found else 0


@cache
def _source(word: str) -> str | None:
    """The full name of a source that is called so, or whose name ends so (Hyper-V-VMMS)."""
    if len(word) < 3:
        return None
    for name in rules.load().watched_providers:
        if name == word or (name.endswith(f"-{word}") and "-" in word):
            return name
    return word if re.fullmatch(r"mssql\$\w+", word) else None


@cache
def _known(provider: str, number: int) -> bool:
    return any(one.provider and number in one.event_id and one.of_provider(provider) for one in rules.load().rules)
