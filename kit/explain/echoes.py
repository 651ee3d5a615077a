"""Failed backup commands that only echo a streaming backup which failed just before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit.explain.assess import Item
from kit.rules import Rules
from kit.rules.matching import Match, Record

_NEAR_S = 5.0


def of_streams(items: Sequence[Item], known: Rules) -> list[Item]:
    """The events; a failed command right after the failure of a streaming backup of the same instance belongs to it.

    A command of a database that stands in a freeze stays what it is.
    """
    found: list[Item] = []
    stream: Item | None = None
    frozen: set[str] = set()
    for item in items:
        _keep(item, frozen)
        if _is_stream(item):
            stream = item
        elif stream is not None and _echoes(item, stream, frozen):
            item = replace(item, match=_as_stream(item, known))
        else:
            stream = None
        found.append(item)
    return found


def _keep(item: Item, frozen: set[str]) -> None:
    name = _database(item)
    if item.match and name and item.match.rule.class_ == "normal":
        if item.match.rule.phase == "freeze":
            frozen.add(name)
        elif item.match.rule.phase == "thaw":
            frozen.discard(name)


def _is_stream(item: Item) -> bool:
    one = item.match.rule if item.match else None
    return one is not None and one.phase == "backup" and one.severity == "error"


def _echoes(item: Item, stream: Item, frozen: set[str]) -> bool:
    if item.match is None or item.match.rule.phase != "abort" or not item.match.captured.get("command"):
        return False
    other = stream.match.captured.get("instance") if stream.match else None
    same = other in (None, item.match.captured.get("instance"))
    first, second = stream.given.time, item.given.time
    near = first is None or second is None or abs((second - first).total_seconds()) <= _NEAR_S
    return same and near and _database(item) not in frozen


def _database(item: Item) -> str | None:
    found = item.match.captured.get("database") if item.match else None
    return str(found).casefold() if found else None


def _as_stream(item: Item, known: Rules) -> Match | None:
    given = item.given
    data = {**given.data, "after_stream": "1"}
    return known.index.match(Record(given.provider, given.event_id, given.message, given.strings, data)) or item.match
