"""Installed updates: Get-HotFix in every form of export, `wmic qfe`, and systeminfo (text in any language, or CSV).

systeminfo is a list of `label: value`, the first of them the computer's name, and `[01]: KB2919355` for each update:
told by the numbers in brackets, not by words, or by the number of the operating system's version and build.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from kit import powershell
from kit.sources import _mappers
from kit.sources._build import Made, batches
from kit.sources._lists import KB, Hotfixes
from kit.sources.seam import Fact, Opened, Reading
from kit.text import decode, lines

NAME = "installed updates"
VERSION = "4"
TABLES = _mappers.TABLES

_ENTRY = re.compile(r"\s*\[(\d{1,4})\]\s*[:：]\s*(.*\S)\s*$")
_LABELLED = re.compile(r"(\S[^:：]{0,60}?)\s*[:：]\s+(.*\S)\s*$")
_BUILD = re.compile(r"\d{1,2}\.\d\.\d{4,5} .{0,60}\b\d{4,5}$")  # 6.1.7601 Service Pack 1 Build 7601
_EXPECTED = "update in it (HotFixID)"


def recognise(head: bytes, name: str) -> int:
    """3 for Get-HotFix or systeminfo."""
    found = powershell.peek(head)
    if "hotfixid" in found.names or any(Hotfixes().fits(row) for row in found.rows):
        return 3
    return 3 if _is_systeminfo(head) else 0


def _is_systeminfo(head: bytes) -> bool:
    text = decode(head)[0].replace("\r", "").split("\n")[:600]
    entries = sum(1 for line in text if (m := _ENTRY.match(line)) and KB.match(m[2]))
    values = [found[2] for line in text if (found := _LABELLED.match(line))]
    whole = len(values) >= 8 and any(_BUILD.match(value) for value in values)
    return whole or (len(values) >= 2 and entries >= 1)


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `records` of the kinds hotfix and system."""
    opened.file.seek(0)
    if _is_systeminfo(opened.file.read(65536)):
        yield from batches(_systeminfo(opened))
    else:
        yield from _mappers.read(opened, _EXPECTED)


def _systeminfo(opened: Opened) -> Iterator[Made | Fact]:
    named: dict[str, str] = {}
    updates: list[str] = []
    for line in lines(opened.file, opened.culture):
        if found := _ENTRY.match(line.text):
            updates += [found[2]] if KB.match(found[2]) else []
        elif (found := _LABELLED.match(line.text)) and len(named) < 200:
            named.setdefault(found[1], found[2])
    computer = next(iter(named.values()), None)
    yield Fact(computer=computer)
    data = json.dumps(named, ensure_ascii=False)
    yield "records", {"kind": "system", "computer": computer, "name": computer, "data": data}
    for update in updates:
        yield "records", {"kind": "hotfix", "computer": computer, "name": update.upper().split()[0]}
