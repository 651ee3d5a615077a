"""The explanation as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WIDTH = 100
_MANY = 12  # events; a longer list is folded
RUN = ". Run: "
_SAYS = {
    "label_contradicted": "The label is wrong: the records show a failure of this very copy.",
    "environment_problem": "An infrastructure cause explains it.",
    "genuine_failure": "A genuine failure of the snapshot, a writer or a database.",
    "benign": "Harmless in this context.",
    "no_failure": "Only healthy records.",
    "insufficient_evidence": "Not enough evidence for a verdict.",
}


def rendered(explained: Mapping[str, Any]) -> str:
    """The explanation as lines of text: each event, then what the set supports, what remains open, what to do."""
    return "\n".join(_lines(explained)) + "\n"


def _lines(explained: Mapping[str, Any]) -> Iterator[str]:
    for numbers, events in _folded(explained["events"]):
        yield from _event(numbers, events)
    yield f"Assessment: {explained['assessment']}. {_SAYS[explained['assessment']]}"
    if explained["root_cause"]:
        yield f"Root cause: {explained['root_cause']}"
    for title, key in (("Because", "because"), ("Also possible", "alternatives"), ("Next", "advice")):
        if explained[key]:
            yield ""
            yield f"{title}:"
            for text in explained[key]:
                said, mark, command = text.partition(RUN)
                yield from _wrapped(said + mark.strip(), "  - ")
                if command:
                    yield f"      {clean(command)}"


def _folded(events: Sequence[Mapping[str, Any]]) -> list[tuple[list[int], list[Mapping[str, Any]]]]:
    """The events with their numbers; in a long list those that a rule reads alike stand together."""
    groups: dict[object, tuple[list[int], list[Mapping[str, Any]]]] = {}
    for number, event in enumerate(events, 1):
        alike = (event["provider"], event["event_id"], event["rule_id"], event["class"], tuple(event.get("codes", ())))
        together = event["rule_id"] and len(events) > _MANY
        numbers, members = groups.setdefault(alike if together else number, ([], []))
        numbers.append(number)
        members.append(event)
    return list(groups.values())


def _event(numbers: Sequence[int], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    event = events[0]
    words = [str(part) for part in (event["provider"], event["event_id"]) if part is not None]
    name = " ".join(words) or event["text"][:70]
    count = f" ({len(events)} times)" if len(events) > 1 else ""
    yield f"{numbers[0]}. {clean(name)}{count}" + (f"   phase: {event['phase']}, {event['class']}"
                                                   if event["phase"] else "")
    yield from _wrapped(event["meaning"], "   ")
    for code in event.get("codes", ()):
        if event["rule_id"]:
            yield from _wrapped(code, "   code ")
    for reading in event.get("readings", ()):
        yield from _wrapped(reading, "   or: ")
    if captured := _read(events):
        yield from _wrapped(captured, "   read: ")
    if event["rule_id"]:
        yield f"   rule {event['rule_id']} ({event['status']}), {event['page']}"
        yield from _wrapped(event["reference"], "   source: ")
    yield ""


def _read(events: Sequence[Mapping[str, Any]]) -> str:
    """What was captured: each name once, with its different values."""
    found: dict[str, dict[str, None]] = {}
    for event in events:
        for key, value in event.get("captured", {}).items():
            if key in _TOLD:
                found.setdefault(key, {})[str(value)] = None
    return ", ".join(f"{key} {'; '.join(values)}" for key, values in found.items())


_TOLD = (
    "database", "instance", "writer", "count", "operation", "hresult", "os_error", "native_error", "routine", "volume",
    "vm_name", "service", "state", "error_number", "session_database",
)


def _wrapped(text: str, lead: str) -> list[str]:
    room = " " * len(lead)
    return textwrap.wrap(clean(text), _WIDTH, initial_indent=lead, subsequent_indent=room, break_long_words=False,
                         break_on_hyphens=False) or [lead.rstrip()]


def clean(text: str) -> str:
    """Text of a log without control characters, so that it cannot steer a terminal."""
    return "".join(sign if sign.isprintable() or sign == " " else " " for sign in text)
