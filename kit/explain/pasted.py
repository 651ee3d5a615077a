"""Pasted text to events: what an analyst copies out of Event Viewer, logs, exports and tools, in any of its languages.

Recognised by content: event XML, JSON of Get-WinEvent or of an EVTX dump, CSV rows, Event Viewer's text (general or
details tab), ERRORLOG and SqlWriterLogger lines, `vssadmin list writers`, a bare code; anything else line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from typing import NamedTuple

import pyarrow as pa

from kit import codes, rules
from kit.errors import ParameterError
from kit.explain.assess import ERRORLOG, Given
from kit.explain.headed import Head, head
from kit.explain.records import from_mapping
from kit.explain.viewer import before_blocks, csv_rows, details, viewer_blocks
from kit.explain.writer_list import cut_out
from kit.explain.xml import xml_events
from kit.rules.matching import Record
from kit.rules.wording import plain

LONGEST = 8 << 20  # characters; more is no paste but a log, which belongs into a case
_MOST = 5_000  # events of one paste
_LINES = 40  # of one record in running text

_ERRORLOG = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{2,7})\s+(?P<source>\S+)\s+(?P<text>\S.*)")
_ERRORLOG_START = re.compile(r"(?<=\S)\s+(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d\s+\S+\s)")
_ERROR_NUMBERS = re.compile(
    r"\D{2,40}?:\s*(\d{1,9})[,、，]\s*\D{2,40}?:\s*(\d{1,2})[,、，]\s*\D{1,40}?:\s*\d{1,5}\s*[.。]?\s*"
)
_WRITER_LOG = re.compile(
    r"\[(?P<time>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d),\s*(?:TID\s*)?[0-9a-fx]+\]\s*(?P<text>\S.*)", re.IGNORECASE
)
_CODE = re.compile(
    r"^\W*(?P<label>(?:(?:hresult|hr|error(?: code)?|os[- ]?error|operating system error|win32|code|"
    r"betriebssystemfehler|fehler(?:code)?|erreur|ошибка|エラー|błąd|errno)\W*){0,3})"
    r"(?P<code>-?0x[0-9a-f]{1,8}|%%\d{1,10}|-?\d{1,10}|[0-9a-f]{8})(?P<words>\s*[(,].*)?\W*$",
    re.IGNORECASE,
)


def parse(text: str) -> list[Given]:
    """The events of a paste, in order. Raises ParameterError where there is nothing that could be an event."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    _refuse(text)
    found = list(islice(_parsed(text), _MOST))
    if not found:
        raise ParameterError(
            "no event was found in the text: paste event XML, JSON, CSV rows, Event Viewer's text, ERRORLOG or "
            "SqlWriterLogger lines, the output of `vssadmin list writers`, or a code such as 0x800423F4"
        )
    return found


def _refuse(text: str) -> None:
    if not text.strip():
        raise ParameterError("nothing to explain: the input is empty; give a file, or paste events on standard input")
    if len(text) > LONGEST:
        raise ParameterError(f"the input has {len(text)} characters; up to {LONGEST} can be explained; use `kit check`")
    sample = text[:4096]
    strange = sum((sign < " " and sign not in "\t\r\n\f") or sign == "\ufffd" for sign in sample)
    if strange > max(2, len(sample) // 50):
        raise ParameterError("the input is binary: give a log file to `kit check`, and text to `kit explain`")


def _parsed(text: str) -> Iterator[Given]:
    bare = text.strip()
    if code := _code(bare):
        yield code
    elif bare[0] in "[{" and (made := _json(bare)) is not None:
        yield from made
    elif "<Event" in bare:
        yield from _with_xml(bare)
    else:
        yield from _textual(bare)


def _textual(text: str) -> Iterator[Given]:
    rest, writers = cut_out(text)
    if rest.strip():
        made = list(_records(rest))
        unknown = len(made) == 1 and made[0].provider is None and made[0].event_id is None and not _known(made[0])
        yield from () if writers and unknown else made  # words around a list of writers are no event
    yield from writers


def _known(given: Given) -> bool:
    return bool(rules.load().index.match(Record(None, None, given.message)) or codes_of(given))


def _records(text: str) -> Iterator[Given]:
    for read in (details, viewer_blocks, csv_rows, _logs):
        made = list(read(text))
        if made:
            yield from _before(text) if read is viewer_blocks else ()
            yield from made
            return
    yield from _loose(text)


def _before(text: str) -> Iterator[Given]:
    """Events that stand, with source and number or known by their text, before the first block of labels."""
    front = before_blocks(text)
    yield from (one for one in _loose(front) if one.event_id is not None) if front.strip() else ()


def _code(text: str) -> Given | None:
    if symbol := codes.of_symbol(text) if len(text) < 80 else None:
        return Given(message=text, data={"code": symbol.written}, code_only=True)
    found = _CODE.match(text) if len(text) < 300 and "\n" not in text else None
    if found and found["words"] and not found["label"].strip():
        return None  # a sentence that begins with a number
    return Given(message=text, data={"code": found["code"]}, code_only=True) if found else None


def _json(text: str) -> list[Given] | None:
    """Events of a JSON text, one document or one object a line; None when it is no JSON at all."""
    try:
        content = json.loads(text)
    except ValueError:
        rows = [line for line in text.splitlines() if line.strip()]
        if not all(row.lstrip().startswith("{") for row in rows[:20]) or not _is_json(rows[0]):
            return None
        content = [json.loads(row) for row in rows if _is_json(row)]
    content = content if isinstance(content, list) else [content]
    if len(content) == 1 and isinstance(content[0], dict) and isinstance(content[0].get("events"), list):
        content = content[0]["events"]
    return [from_mapping(one) for one in content if isinstance(one, dict)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _with_xml(text: str) -> Iterator[Given]:
    """Events of XML; a text that Event Viewer copied before each of them gives its message."""
    before, made = xml_events(text)
    blocks = list(viewer_blocks(before)) if before.strip() else []
    if blocks and len(blocks) == len(made):
        for block, one in zip(blocks, made, strict=True):
            yield from_mapping({}, base=one, message=one.message or block.message)
        return
    yield from blocks
    yield from made


def _logs(text: str) -> Iterator[Given]:
    """ERRORLOG and SqlWriterLogger lines; lines between that are neither are read as loose text."""
    lines = [piece for line in text.splitlines() for piece in _ERRORLOG_START.split(line)]
    if not any(_ERRORLOG.search(line) or _WRITER_LOG.search(line) for line in lines):
        return
    lines = _oldest_first(lines)
    numbers: tuple[int, str] | None = None
    for line in lines:
        if found := _ERRORLOG.search(line):
            error = _ERROR_NUMBERS.fullmatch(plain(found["text"]))
            if error:
                numbers = (int(error[1]), found["source"])
                continue
            event_id = numbers[0] if numbers and numbers[1] == found["source"] else None
            numbers = None if event_id is not None else numbers
            yield from_mapping({"time": found["time"], "message": found["text"], "provider": ERRORLOG,
                                "event_id": event_id})
        elif found := _WRITER_LOG.search(line):
            yield from_mapping({"time": found["time"], "message": found["text"], "provider": "SqlWriterLogger"})
        elif line.strip():
            yield from _loose(line)


def _oldest_first(lines: list[str]) -> list[str]:
    """The lines, turned round record by record where the log viewer listed the newest first."""
    groups: list[list[str]] = []
    times: list[str] = []
    for line in lines:
        found = _ERRORLOG.search(line)
        if found:
            times.append(found["time"])
        if found or not groups:
            groups.append([])
        groups[-1].append(line)
    newest_first = len(times) > 1 and times[0] > times[-1] and all(a >= b for a, b in pairwise(times))
    return [line for group in groups[::-1] for line in group] if newest_first else lines


def _loose(text: str) -> Iterator[Given]:
    """Records in running text: each begins where a rule's text or a source with its number does, and holds the lines
    up to the next.

    A short text without any record is one event without a rule; a long one is nothing.
    """
    records: list[_Record] = []
    for line in filter(str.strip, text.splitlines()):
        named = head(plain(line))
        if named:
            records.append(_Record(named, [named.rest] if named.rest else []))
            continue
        for known, piece in _pieces(line):
            if known and not (records and records[-1].open):
                records.append(_Record(None, [piece]))
            elif records and len(records[-1].lines) < _LINES:
                records[-1].lines.append(piece)
    if records:
        yield from (one.given() for one in records)
    elif len(text) <= 4000:
        yield Given(message=plain(text.strip()))


class _Record(NamedTuple):
    """Lines of one record, and the source and number that stood before them."""

    head: Head | None
    lines: list[str]

    @property
    def open(self) -> bool:
        """Whether source and number were named, and their text is still to come."""
        return self.head is not None and not self.lines

    def given(self) -> Given:
        message = "\n".join(self.lines) or None
        return Given(self.head.provider, self.head.event_id, message=message) if self.head else Given(message=message)


def split(given: Given) -> list[Given]:
    """The records inside one event: several lines of a SQL Server text log may have been run together."""
    if given.event_id is not None or not given.message:
        return [given]
    text = plain(given.message)
    starts = rules.load().index.starts(text, only_logs=True)
    cuts = [0, *starts[1:], len(text)]
    return [replace(given, message=text[start:end].strip()) for start, end in pairwise(cuts)] if starts[1:] else [given]


def _pieces(line: str) -> list[tuple[bool, str]]:
    """The line cut where records of text logs begin, and whether a rule goes by the text of each piece."""
    line = plain(line)
    index = rules.load().index
    if not index.may_hold(pa.array([line])) or not index.starts(line):
        return [(False, line)]
    cuts = [0, *index.starts(line, only_logs=True)[1:], len(line)]
    return [(True, line[start:end].strip()) for start, end in pairwise(cuts)]


def codes_of(given: Given) -> tuple[codes.Code, ...]:
    """The codes that an event names, in order, those with a meaning first; a bare code gives all its readings."""
    if given.code_only:
        return tuple(codes.readings(str(given.data["code"])))
    text = given.message or " | ".join(part or "" for part in given.strings)
    found: dict[str, codes.Code] = {}
    for hit in _WRITTEN.finditer(text[:8192]):
        code = codes.of_symbol(hit[0]) if hit[0][-1].isalpha() and "_" in hit[0] else codes.meaning(hit[0])
        if code and code.known and code.written != "0x00000000":
            found.setdefault(code.written, code)
    return tuple(list(found.values())[:8])


_WRITTEN = re.compile(
    r"-?0x[0-9a-f]{8}\b|\b8(?:00[0-9a-f]|07[0-9a-f])[0-9a-f]{4}\b(?!-)|-21\d{8}\b|\b21[45]\d{7}\b|%%\d{4,10}|\bVSS_E_[A-Z_]{4,60}\b",
    re.IGNORECASE,
)
