"""One event in XML to a row of `events`: namespaces dropped, forbidden characters replaced, entities refused."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from kit import times
from kit.sources._levels import level_of

BEGIN = re.compile(r"<(?:\w{1,20}:)?Event(?=[\s>])")
END = re.compile(r"</(?:\w{1,20}:)?Event\s*>")
_NAMESPACE = re.compile(r"\sxmlns(?::\w+)?\s*=\s*(\"[^\"]*\"|'[^']*')")
_PREFIX = re.compile(r"(</?)\w{1,20}:(?=\w)")
_FORBIDDEN = r"x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01])"
_NO_CHARACTER = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:{_FORBIDDEN});", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


def parsed(text: str) -> Element:
    """The event without namespaces, with the characters replaced that XML forbids but Windows writes.

    Raises ParseError for what is no XML, DefusedXmlException for document types and entities.
    """
    plain = _PREFIX.sub(r"\1", _NAMESPACE.sub("", text))
    plain = _BARE_AMPERSAND.sub("&amp;", _NO_CHARACTER.sub("\ufffd", plain))
    return fromstring(plain, forbid_dtd=True)


def row_of(event: Element) -> dict[str, Any]:
    """The row of `events` of a parsed event. Raises ValueError without a System element."""
    system = event.find("System")
    if system is None:
        raise ValueError("no System element")
    moment = times.parse_iso(_attribute(system, "TimeCreated", "SystemTime") or "")
    rendered = event.find("RenderingInfo")
    data = _data(event)
    provider = system.find("Provider")
    row: dict[str, Any] = {
        "record_id": _whole(system, "EventRecordID"),
        "time_raw": _attribute(system, "TimeCreated", "SystemTime"),
        "computer": _text(system, "Computer"),
        "channel": _text(system, "Channel"),
        "provider": provider.get("Name") or provider.get("EventSourceName") if provider is not None else None,
        "event_id": None if (number := _whole(system, "EventID")) is None else number & 0xFFFF,
        "version": _whole(system, "Version"),
        "level": _level(system, rendered),
        "task": _whole(system, "Task"),
        "strings": [text for _, text, inserted in data if inserted],
        "message": (_text(rendered, "Message") if rendered is not None else None),
        "precision_s": 1e-7,
    }
    if moment is not None and moment.year > 1601:
        row["time_utc"] = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return row | _named(provider, data)


def _level(system: Element, rendered: Element | None) -> int | None:
    number = _whole(system, "Level")
    return number if number is not None else level_of(_text(rendered, "Level") if rendered is not None else None)


def _data(event: Element) -> list[tuple[str | None, str, bool]]:
    """Name, text and whether it is an inserted string, of every value of EventData or UserData in order."""
    body = event.find("EventData")
    if body is not None:
        return [(child.get("Name") or _unnamed(child), _flat(child), child.tag != "Binary") for child in body]
    body = event.find("UserData")
    inner = list(body) if body is not None else []
    if len(inner) == 1 and len(inner[0]):
        inner = list(inner[0])
    return [(child.get("Name") or child.tag, _flat(child), True) for child in inner]


def _unnamed(child: Element) -> str | None:
    return None if child.tag == "Data" else child.tag


def _flat(element: Element) -> str:
    return "".join(element.itertext())


def _named(provider: Element | None, data: list[tuple[str | None, str, bool]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if provider is not None and provider.get("EventSourceName"):
        named["EventSourceName"] = provider.get("EventSourceName")
    for name, text, _ in data:
        if name:
            held = named.get(name)
            named[name] = [*held, text] if isinstance(held, list) else text if held is None else [held, text]
    folded = {name.casefold(): text for name, text in named.items() if isinstance(text, str)}
    found: dict[str, Any] = {"vm_name": folded.get("vmname"), "vm_id": (folded.get("vmid") or "").lower() or None}
    return found | ({"data": json.dumps(named, ensure_ascii=False)} if named else {})


def _text(element: Element, name: str) -> str | None:
    found = element.find(name)
    return (_flat(found).strip() or None) if found is not None else None


def _attribute(element: Element, name: str, attribute: str) -> str | None:
    found = element.find(name)
    return found.get(attribute) if found is not None else None


def _whole(element: Element, name: str) -> int | None:
    text = _text(element, name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
