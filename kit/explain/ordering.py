"""The order of pasted events: by their times, as given, or turned round where a viewer listed the newest first.

Without times the order is that of a list typed or copied by a person; what only such an order says is doubted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from kit.explain.assess import Given, Item
from kit.reasoning.phases import Outcome


def in_order(given: list[Given]) -> list[Given]:
    """The events in order of time: as given, turned round where a viewer listed the newest first, else sorted.

    Seconds decide, since logs write different fractions; an event without a time stays beside the one before it.
    """
    timed = [one.time.replace(microsecond=0) for one in given if one.time]
    if len({time.tzinfo is None for time in timed}) > 1:
        return given
    pairs = list(pairwise(timed))
    if all(first <= second for first, second in pairs):
        return given
    if all(first >= second for first, second in pairs):
        return given[::-1]
    keys: list[datetime] = []
    for one in given:
        keys.append(one.time if one.time else keys[-1] if keys else timed[0])
    return [given[place] for place in sorted(range(len(given)), key=lambda place: (keys[place], place))]


def turned(items: Sequence[Item]) -> list[Item]:
    """The events, turned round where none has a time and every database resumes before it freezes."""
    if any(item.given.time for item in items):
        return list(items)
    pairs = [_pair(items, name) for name in {_database(item) for item in items}]
    known = [first < last for first, last in pairs if first is not None and last is not None]
    return list(items)[::-1] if known and not any(known) else list(items)


def _pair(items: Sequence[Item], database: str | None) -> tuple[int | None, int | None]:
    """Places of the first freeze and the first thaw of a database."""
    own = [(place, item) for place, item in enumerate(items) if _database(item) == database]
    return _first(own, "freeze"), _first(own, "thaw")


def _first(items: Iterable[tuple[int, Item]], phase: str) -> int | None:
    return next((place for place, item in items if _is(item, phase)), None)


def _is(item: Item, phase: str) -> bool:
    return item.match is not None and item.match.rule.phase == phase and item.match.rule.class_ == "normal"


def _database(item: Item) -> str | None:
    found = item.match.captured.get("database") if item.match else None
    return str(found).casefold() if found else None


def doubted(outcomes: Sequence[Outcome], items: Sequence[Item]) -> list[Outcome]:
    """The outcomes, open where only a doubtful order says that the abort came before the thaw.

    Doubtful is an abort that stands before the freeze in a list without times, and a freeze without a thaw where a
    record between them speaks of the database in words that no rule knows, such as a language that the kit lacks.
    """
    for one in outcomes:
        if one.abort_after_thaw is False and one.outcome == "genuine_failure" and "abort" in one.reason:
            for reason in _doubts(one, items):
                one.outcome, one.abort_after_thaw, one.reason = "open", None, reason
    return list(outcomes)


def _doubts(one: Outcome, items: Sequence[Item]) -> Iterator[str]:
    places = sorted(int(uid) for uid in one.evidence)
    freeze = next((place for place in places if _is(items[place], "freeze")), None)
    aborts = [place for place in places if _undecided(items[place])]
    if freeze is None or not aborts:
        return
    if max(aborts) < freeze and not any(item.given.time for item in items):
        yield "the abort stands before the freeze, and without times the order is not sure"
    between = [item.given.message or "" for item in items[freeze:max(aborts)] if item.match is None]
    named = re.compile(rf"(?<!\w){re.escape(one.database or '')}(?!\w)", re.IGNORECASE)
    if one.database and not one.thaw_seen and any(named.search(text) for text in between):
        yield "a record between freeze and abort that no rule knows speaks of it; it may be the thaw"


def _undecided(item: Item) -> bool:
    return item.match is not None and item.match.rule.class_ == "undecided"
