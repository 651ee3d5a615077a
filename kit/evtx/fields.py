"""What a leaf of the event XML means: a field of System, a value of the event data, or the rendered message."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

SYSTEM = {
    ("Provider", "@Name"): "provider",
    ("Provider", "@Guid"): "provider_guid",
    ("Provider", "@EventSourceName"): "event_source_name",
    ("EventID",): "event_id",
    ("EventID", "@Qualifiers"): "qualifiers",
    ("Version",): "version",
    ("Level",): "level",
    ("Task",): "task",
    ("Opcode",): "opcode",
    ("Keywords",): "keywords",
    ("TimeCreated", "@SystemTime"): "time_created",
    ("EventRecordID",): "event_record_id",
    ("Correlation", "@ActivityID"): "activity_id",
    ("Correlation", "@RelatedActivityID"): "related_activity_id",
    ("Execution", "@ProcessID"): "process_id",
    ("Execution", "@ThreadID"): "thread_id",
    ("Channel",): "channel",
    ("Computer",): "computer",
    ("Security", "@UserID"): "user_sid",
}
LABELLED = ("Data", "ComplexData")  # elements whose Name attribute names their content
MESSAGE = "message"
UNNAMED = "Data"
BINARY = "Binary"
_EMPTY = {("Provider",), ("TimeCreated",), ("Correlation",), ("Execution",), ("Security",)}


class Meaning(NamedTuple):
    """Where the value of a leaf belongs.

    part     system, data, message or nothing
    key      name of the field; values of EventData without a name are called `Data`
    named    the value has a name of its own
    inserted the value is one of the event's inserted strings
    """

    part: str
    key: str
    named: bool = True
    inserted: bool = False


def is_container(path: tuple[str, ...]) -> bool:
    """Whether a fragment may stand in this element: Event and its children."""
    return len(path) <= 2


def is_wrapper(path: tuple[str, ...]) -> bool:
    """Whether the element only holds others, so that it says nothing when it is empty: also the one inside UserData."""
    return len(path) <= 2 or (len(path) == 3 and path[1] == "UserData" and not path[2].startswith("@"))


@lru_cache(maxsize=16384)
def meaning(path: tuple[str, ...], name: str | None) -> Meaning:
    """The meaning of a leaf by its path below and including `Event`, and the Name attribute of a Data element."""
    steps = path[1:] if path and path[0] == "Event" else path
    head = steps[0] if steps else ""
    if head == "System":
        return _system(steps[1:])
    if head == "EventData":
        return _data(steps[1:], name)
    if head == "UserData" and len(steps) > 1:
        below = steps[1:]
        if below and below[0] == "EventData":
            return _data(below[1:], name)
        return _data(below[1:] or below, name)
    if head == "UserData":
        return Meaning("data", "UserData", True, True)
    if steps == ("RenderingInfo", "Message"):
        return Meaning("message", MESSAGE, named=False)
    return Meaning("data", "/".join(steps) or "Event")


def _system(steps: tuple[str, ...]) -> Meaning:
    known = SYSTEM.get(steps)
    if known:
        return Meaning("system", known)
    return Meaning("nothing", "") if steps in _EMPTY or not steps else Meaning("data", "/".join(("System", *steps)))


def _data(steps: tuple[str, ...], name: str | None) -> Meaning:
    if not steps:
        return Meaning("data", "EventData", True, True)
    attribute = steps[-1].startswith("@")
    if name is not None:
        key = f"{name}/{steps[-1]}" if attribute else name
        return Meaning("data", key, True, not attribute)
    if steps == (UNNAMED,):
        return Meaning("data", UNNAMED, False, True)
    key = "/".join(steps)
    return Meaning("data", key, True, key != BINARY)
