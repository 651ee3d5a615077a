"""Event XML as Event Viewer, wevtutil and Get-WinEvent give it: one event or a stream of them without a root."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from kit.errors import ParameterError
from kit.explain.assess import Given
from kit.explain.records import from_mapping

_EVENT = re.compile(r"<Event[\s>].*?</Event\s*>", re.DOTALL)
_OPEN = re.compile(r"<Event[\s>]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BAD_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)")


def xml_events(text: str) -> tuple[str, list[Given]]:
    """The text outside the events, and the events. Raises ParameterError for XML in which no event can be read."""
    parts = _EVENT.findall(text)
    outside = _EVENT.sub("\n", text)
    opened = _OPEN.search(outside)
    if opened and len(_OPEN.findall(outside)) > 0 and "</Events" not in outside:
        parts.append(outside[opened.start() :])
        outside = outside[: opened.start()]
    made = [given for part in parts if (given := _event(part)) is not None]
    if not made:
        raise ParameterError("the event XML is broken: neither a source nor an event number can be read from it")
    return re.sub(r"</?Events[^>]*>|<\?xml[^>]*\?>", "", outside), made


def _event(part: str) -> Given | None:
    try:
        root = fromstring(_CONTROL.sub("", _BAD_AMPERSAND.sub("&amp;", part)), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return _salvaged(part)
    return _from_tree(root)


def _name(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


def _from_tree(root: Element) -> Given | None:
    found: dict[str, Any] = {"strings": [], "data": {}}
    for element in root.iter():
        _take(element, found)
    if not str(found.get("event_id") or "").isdecimal() and not found.get("provider"):
        return None
    if not found["strings"]:
        del found["strings"]
    return from_mapping(found)


def _take(element: Element, found: dict[str, Any]) -> None:
    name, text = _name(element), (element.text or "").strip()
    if name == "Provider":
        found["provider"] = element.get("Name") or element.get("EventSourceName")
    elif name == "TimeCreated":
        found["time"] = element.get("SystemTime")
    elif name in ("EventID", "Level", "Channel", "Message"):
        found.setdefault({"EventID": "event_id"}.get(name, name.lower()), text or None)
    elif name == "Data":
        _take_data(element, text, found)
    elif name == "Binary":
        found["data"]["Binary"] = text
    elif text and not len(element) and name not in _SYSTEM:
        found["data"].setdefault(name, text)


_SYSTEM = frozenset({
    "Version", "Task", "Opcode", "Keywords", "EventRecordID", "Computer", "Keyword", "Provider", "Correlation",
    "Execution", "Security",
})


def _take_data(element: Element, text: str, found: dict[str, Any]) -> None:
    found["strings"].append(text)
    if key := element.get("Name"):
        found["data"][key] = text


def _salvaged(part: str) -> Given | None:
    """What can still be read of an event whose XML is cut or damaged."""
    provider = re.search(r"<Provider[^>]*?\bName=[\"']([^\"']+)", part)
    number = re.search(r"<EventID[^>]*>\s*(\d{1,6})", part)
    if not provider and not number:
        return None
    strings = re.findall(r"<Data(?:\s[^>]*)?>([^<]*)", part)
    message = re.search(r"<Message>([^<]*)", part)
    return from_mapping({
        "provider": provider[1] if provider else None, "event_id": number[1] if number else None,
        "strings": strings, "message": message[1] if message else None,
    })
