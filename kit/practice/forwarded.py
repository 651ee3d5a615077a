"""Records as an event collector stores them: no template, every value as text, and the rendered message beside it.

Shape read from a real collector log. python-evtx cannot read such records (it
fails on real ones as well), so the bundled case has none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from kit.practice import binxml
from kit.practice.binxml import Element, Part, Typed

if TYPE_CHECKING:
    from kit.practice.evtx_writer import Event

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
LEVELS = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information"}


def parts(event: Event, record_id: int) -> tuple[Part, ...]:
    """The compiled fragment of a forwarded record."""
    content = (_system(event, record_id), _body(event), _rendering(event))
    return tuple(binxml.element_parts(Element("Event", (("xmlns", NAMESPACE),), content), numbered=False))


def _system(event: Event, record_id: int) -> Element:
    provider = (("Name", event.provider), *((("Guid", _braced(event.provider_guid)),) if event.provider_guid else ()))
    qualifiers = (("Qualifiers", str(event.qualifiers)),) if event.classic else ()
    security = (("UserID", event.user_sid),) if event.user_sid else ()
    keywords = 0x80000000000000 if event.classic else 0x8000000000000000
    return Element("System", (), (
        Element("Provider", provider),
        Element("EventID", qualifiers, (str(event.event_id),)),
        *([] if event.classic else [Element("Version", (), (str(event.version),))]),
        Element("Level", (), (str(event.level),)),
        Element("Task", (), (str(event.task),)),
        Element("Keywords", (), (hex(keywords if event.keywords is None else event.keywords),)),
        Element("TimeCreated", (("SystemTime", as_text(event.time)),)),
        Element("EventRecordID", (), (str(record_id),)),
        Element("Channel", (), (event.channel,)),
        Element("Computer", (), (event.computer,)),
        Element("Security", security),
    ))


def _body(event: Event) -> Element:
    if event.user_data:
        fields = tuple(Element(name, (), _filled(value)) for name, value in event.user_data.fields)
        inside = Element(event.user_data.element, (("xmlns", event.user_data.namespace),), fields)
        return Element("UserData", (), (inside,))
    if event.strings is not None:
        return Element("EventData", (), tuple(Element("Data", (), _filled(text)) for text in event.strings))
    named = (Element("Data", (("Name", name),), _filled(value)) for name, value in event.data or ())
    return Element("EventData", (), tuple(named))


def _rendering(event: Event) -> Element:
    return Element("RenderingInfo", (("Culture", "en-US"),), (
        Element("Message", (), (event.message or "",)),
        Element("Level", (), (LEVELS.get(event.level, ""),)),
        Element("Channel", (), (event.channel,)),
        Element("Provider", (), (event.provider,)),
    ))


def _filled(value: Any) -> tuple[str, ...]:
    text = as_text(value)
    return (text,) if text else ()


def _braced(guid: str | None) -> str:
    return "{" + (guid or "").strip("{}").lower() + "}"


@singledispatch
def as_text(value: Any) -> str:
    """The value as a collector writes it."""
    return "" if value is None else str(value)


@as_text.register
def _(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


@as_text.register
def _(value: Typed) -> str:
    number = int.from_bytes(value.raw, "little")
    return f"0x{number:x}" if value.kind in (binxml.HEX32, binxml.HEX64) else str(number)
