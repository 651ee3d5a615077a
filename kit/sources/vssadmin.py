"""Output of `vssadmin list writers`, `shadows`, `shadowstorage` and `providers`, in any language.

Labels are translated; what is matched is their order, GUIDs, names in quotes and the number of a state in brackets:

    Writer name: 'SqlServerWriter'               Contents of shadow copy set ID: {GUID}
       Writer Id: {GUID}                            Contained 1 shadow copies at creation time: 5/19/2014 10:00:07 PM
       Writer Instance Id: {GUID}                      Shadow Copy ID: {GUID}
       State: [1] Stable                                  Original Volume: (C:)
       Last error: No error                               Shadow Copy Volume: HarddiskVolumeShadowCopy1 ...

The state that vssadmin shows may be that of an earlier session: it supports, it proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit import powershell
from kit.powershell.dates import Dates
from kit.sources import _mappers, _vss_blocks
from kit.sources._build import Made, batches
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import HEAD, Line, decode, lines

NAME = "vssadmin list"
VERSION = "5"
TABLES = _mappers.TABLES
IN_SESSIONS = True  # what it prints is read together with the objects of a session

_MOST_SAID = 200
_TOOL = re.compile(r"vssadmin\b.{0,20}? - ")


def recognise(head: bytes, name: str) -> int:
    """3 for writers with a state, or shadow copies or providers below the tool's banner; 2 for these without it."""
    text = decode(head)[0].replace("\r", "").split("\n")[:1000]
    blocks = _vss_blocks.blocks(Line(n, 0, line) for n, line in enumerate(text))
    found = {kind for block in blocks if (kind := _vss_blocks.kind(block))}
    tool = any(_TOOL.search(line) for line in text[:10])
    if "writer" in found or (tool and (found or len(text) > 1)):
        return 3
    return 2 if found & {"shadow_copies", "shadow_storage"} else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `writers`, and `records` of the kinds shadow_copy, shadow_storage and provider.

    In the transcript of a PowerShell session also what its other commands printed.
    """
    opened.file.seek(0)
    if powershell.is_session(opened.file.read(HEAD)):
        yield from _mappers.read(opened, "output of a known command in it")
        return
    dates = Dates(opened.culture)
    writers = found = False
    for block in _vss_blocks.blocks(lines(opened.file, opened.culture)):
        dates.learn(_vss_blocks.time_in(line.text) for line in block[1:2])
        writers |= _vss_blocks.kind(block) == "writer"
        found |= _vss_blocks.kind(block) is not None
    if not found:
        yield Fact(note=_no_list(opened))
    if dates.note:
        yield Fact(note=dates.note)
    yield from batches(_made(opened, dates, writers))


def _no_list(opened: Opened) -> str:
    """What stands in the place of a list, in any language: that nothing fits, or that it takes an administrator."""
    text = [stripped for line in lines(opened.file, opened.culture) if (stripped := line.text.strip("\x00 \t\ufeff"))]
    place = next((place for place, line in enumerate(text) if _TOOL.search(line)), -1)
    said = " ".join(text[place + 2 :])[:_MOST_SAID]  # behind the line of the copyright
    if not said:
        return "vssadmin printed nothing below its banner: it was stopped, or a writer did not answer; run it again"
    return f"vssadmin printed no list but {said!r}; if it was refused, run it as administrator"


def _made(opened: Opened, dates: Dates, writers: bool) -> Iterator[Made | Lost | Fact]:
    for block in _vss_blocks.blocks(lines(opened.file, opened.culture)):
        yield from _vss_blocks.made(block, dates, writers)
