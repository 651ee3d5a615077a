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

LONGEST = 1 << 20  # characters of one event
_LONGEST_TAG = 64


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
        for begin, end, reason in _pieces(text):
            yield base + begin, "" if reason else text[begin:end], reason
            done = end
        if not BEGIN.search(text, done):
            done = max(done, len(text) - _LONGEST_TAG)
        text, base = text[done:], base + done
    if begun := BEGIN.search(text):
        yield base + begun.start(), "", "cut: the file ends inside it"


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Beginning and end of each event that the text decides on, and why it is none."""
    begin, end = BEGIN.search(text), END.search(text)
    while begin:
        while end and end.start() < begin.end():
            end = END.search(text, end.end())
        following = BEGIN.search(text, begin.end())
        if following and (end is None or following.start() < end.start()):
            yield begin.start(), following.start(), "cut: the next one begins inside it"
        elif end:
            yield begin.start(), end.end(), ""
        elif len(text) - begin.start() > LONGEST:
            yield begin.start(), begin.end(), "longer than 1 MiB"
        else:
            return
        begin = following
