"""What python-evtx reads of a record; a process of its own, because on damaged chunks it may not come to an end.

`python -m kit.referee.reader` takes requests on its standard input and answers on its standard output: a line of JSON
`{"size": bytes of the chunk, "records": [offset inside the chunk, ...]}`, then the chunk; for each record one line of
JSON with what was read, or `{"error": text}`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO
from xml.etree.ElementTree import Element, ParseError

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ARRAY = re.compile(r"<string>(.*?)</string>\n?", re.DOTALL)  # an array stands in a value as text with its own marks
_SYSTEM = {"EventID": "event_id", "Version": "version", "Level": "level", "Task": "task"}
_TEXTS = {"Channel": "channel", "Computer": "computer"}


def serve(requests: BinaryIO, answers: TextIO) -> None:
    """Answers requests until there are no more."""
    while line := requests.readline():
        asked = json.loads(line)
        chunk = requests.read(asked["size"])
        for reading in readings(chunk, asked["records"]):
            answers.write(json.dumps(reading) + "\n")
            answers.flush()


def readings(chunk: bytes, offsets: list[int]) -> Iterator[dict[str, Any]]:
    """What python-evtx reads of the records at these offsets of a chunk, as fields of the kit's table `events`.

    The chunk is handed over directly: by itself python-evtx reads only as many chunks as the file's header counts.
    """
    from Evtx.Evtx import ChunkHeader, Record

    try:
        head = ChunkHeader(chunk, 0)
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        yield from ({"error": _named(error)} for _ in offsets)
        return
    for offset in offsets:
        try:
            record = Record(chunk, offset, head)
            yield {"record_id": record.record_num(), **fields(record.xml())}
        except Exception as error:  # noqa: BLE001
            yield {"error": _named(error)}


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def fields(text: str) -> dict[str, Any]:
    """The fields of an event from its XML. Raises ParseError for text that is no XML."""
    from defusedxml.ElementTree import fromstring

    root = fromstring(_FORBIDDEN.sub("", text))
    if root is None:
        raise ParseError("the record is empty")
    for element in root.iter():
        element.tag = _local(element.tag)
    found: dict[str, Any] = {}
    for part in root:
        if part.tag == "System":
            found |= _system(part)
        elif part.tag == "EventData":
            found |= _event_data(part)
        elif part.tag == "UserData":
            found["data"] = dict(_user_data(part))
        elif part.tag == "RenderingInfo":
            found["message"] = part.findtext("Message")
    return found


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _system(system: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in system:
        if part.tag in _SYSTEM:
            found[_SYSTEM[part.tag]] = part.text
        elif part.tag in _TEXTS:
            found[_TEXTS[part.tag]] = part.text
        elif part.tag == "Provider":
            found["provider"] = part.get("Name")
        elif part.tag == "TimeCreated":
            found["time"] = part.get("SystemTime")
    return found


def _event_data(body: Element) -> dict[str, Any]:
    if body.find("EventData") is not None or body.find("UserData") is not None:
        return _event_data(body[0])
    strings: list[str] = []
    named: dict[str, Any] = {}
    for part in body:
        array = _ARRAY.findall(part.text or "") if (part.text or "").startswith("<string>") else []
        values = array or [part.text or ""]
        if part.tag != "Binary":
            strings.extend(values)
        key = part.get("Name") if part.tag == "Data" else part.tag
        if key is not None:
            named.setdefault(key, []).append(array or values[0])
    merged = {key: values if len(values) > 1 else values[0] for key, values in named.items()}
    return {"strings": strings, "data": merged}


def _user_data(body: Element) -> Iterator[tuple[str, str]]:
    for wrapper in body:
        for part in wrapper:
            yield from _leaves(part, part.tag)


def _leaves(element: Element, path: str) -> Iterator[tuple[str, str]]:
    if not len(element):
        yield path, element.text or ""
    for child in element:
        yield from _leaves(child, f"{path}/{child.tag}")


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout)
