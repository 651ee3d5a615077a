"""Events as XML: wevtutil /f:xml (a stream of `<Event>` without a root), Event Viewer's "Save as XML" in any language,
and the XML of single events as people paste it.

Each `<Event>...</Event>` is cut out of the text and parsed by itself, so one damaged event costs only itself; document
types and entities are refused. Times carry their zone. Insertion strings and named data are those of the record, the
message is that of RenderingInfo where it was exported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException

from kit.powershell.blocks import blocks
from kit.sources._build import APART, Made, batches
from kit.sources._event_xml import BEGIN, END, parsed, row_of
from kit.sources.seam import Fact, Lost, Opened, Reading
from kit.text import decode

NAME = "event XML"
VERSION = "1"
TABLES = ("events",)

LONGEST = 1 << 22  # characters of one event


def recognise(head: bytes, name: str) -> int:
    """3 for an event with the namespace of Windows events, 2 for an event with a System element."""
    text = decode(head)[0]
    found = BEGIN.search(text)
    if not found or text.lstrip("\ufeff\x00 \r\n\t")[:1] != "<":
        return 0
    if "schemas.microsoft.com/win/2004/08/events/event" in text[found.start() : found.start() + 400]:
        return 3
    return 2 if re.search(r"<(?:\w+:)?System[\s>]", text) else 0


def read(opened: Opened) -> Iterator[Reading]:
    """Rows of `events`, events that are no XML or are cut as losses."""
    yield from batches(_made(opened))


def _made(opened: Opened) -> Iterator[Made | Lost | Fact]:
    for number, (offset, text, reason) in enumerate(_events(blocks(opened.file, opened.culture)), 1):
        if reason:
            yield Lost(1, f"event {number}: {reason}", number, number)
            continue
        try:
            row = row_of(parsed(text))
        except (ParseError, DefusedXmlException, ValueError) as error:
            yield Lost(1, f"event {number}: {str(error)[:120] or type(error).__name__}", number, number)
            continue
        if row["record_id"] is None:
            row["record_id"] = APART * number
        yield "events", row | {"offset": offset}


def _events(text_blocks: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """Character offset and text of each event, and why it is none; a second beginning before the end cuts the first."""
    text, base = "", 0
    for block in text_blocks:
        text += block
        done = 0
        while begin := BEGIN.search(text, done):
            end = END.search(text, begin.end())
            again = BEGIN.search(text, begin.end(), end.start() if end else len(text))
            if again and (end is None or again.start() < end.start()):
                yield base + begin.start(), "", "cut: the next one begins inside it"
                done = again.start()
            elif end:
                yield base + begin.start(), text[begin.start() : end.end()], ""
                done = end.end()
            elif len(text) - begin.start() > LONGEST:
                yield base + begin.start(), "", "longer than 4 MiB"
                done = begin.end()
            else:
                break
        else:
            done = max(done, len(text) - 64)
        text, base = text[done:], base + done
    if begin := BEGIN.search(text):
        yield base + begin.start(), "", "cut: the file ends inside it"
