"""Records to rules, one record at a time: candidates by event source and number, patterns only on those."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.rules import wording
from kit.rules.binary import sql_server_context
from kit.rules.file import Rule

_NO_NUMBER = -1
_LOGS = frozenset({"errorlog", "sqlwriterlogger", "sqlvdi"})
_GROUP = 16  # patterns joined into one for the sweep over text logs


@dataclass(frozen=True, slots=True)
class Record:
    """What a rule sees of a log record."""

    provider: str | None
    event_id: int | None
    message: str | None = None
    strings: Sequence[str | None] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits a record, with what was captured."""

    rule: Rule
    captured: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Held:
    """A text in lower case, and the pieces of patterns that it holds."""

    text: str
    pieces: frozenset[str]

    def allows(self, needed: frozenset[str], further: tuple[frozenset[str], ...]) -> bool:
        """Whether a pattern that needs these sets of pieces may be found in the text."""
        if needed and needed.isdisjoint(self.pieces):
            return False
        return all(any(piece in self.text for piece in one) for one in further)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Rules, most specific first, and the pieces of text that their patterns need."""

    rules: tuple[Rule, ...]
    places: Mapping[str, tuple[int, ...]]  # of each piece: the rules that it makes worth a look
    always: frozenset[int]  # rules that are worth a look whatever the text holds

    @classmethod
    def of(cls, rules: Iterable[Rule], number: int | None = None) -> _Candidates:
        """`number` is that of the records whose source is known: its rules fit without any text."""
        kept = tuple(rules)
        places: dict[str, list[int]] = {}
        for place, one in enumerate(kept):
            for piece in frozenset().union(*one.hints):
                places.setdefault(piece, []).append(place)
        unsure = {place for place, one in enumerate(kept) if not one.hints or not all(one.hints)}
        numbered = {place for place, one in enumerate(kept) if number in one.event_id}
        return cls(kept, {piece: tuple(found) for piece, found in sorted(places.items())}, frozenset(unsure | numbered))

    def held(self, text: str) -> _Held:
        """What the text holds of the pieces."""
        lowered = text.lower()
        return _Held(lowered, frozenset([piece for piece in self.places if piece in lowered]))

    def promising(self, held: _Held) -> list[Rule]:
        """The rules that may fit a text, most specific first."""
        found = self.always.union(*map(self.places.__getitem__, held.pieces))
        return [self.rules[place] for place in sorted(found)]


class Index:
    """Rules arranged so that a record meets only those that its source and number allow."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = sorted(rules, key=lambda one: one.rank)
        self._textual = _Candidates.of(one for one in self._rules if one.text)
        self._logs = _Candidates.of(one for one in self._textual.rules if _LOGS.intersection(one.provider))
        self._known: dict[tuple[str | None, int | None], _Candidates] = {}
        self._watched: dict[str, bool] = {}

    def match(self, record: Record) -> Match | None:
        """The most specific rule that fits the record, or None."""
        candidates = self._candidates(record.provider, record.event_id)
        if not candidates.rules:
            return None
        text = wording.joined(record.message, record.strings)
        held = candidates.held(text)
        for one in candidates.promising(held):
            captured = _fit(one, record, text, held)
            if captured is not None:
                return Match(one, captured)
        return None

    def of(self, provider: str | None, event_id: int | None) -> tuple[Rule, ...]:
        """The rules that a record of this source and number may fit, most specific first."""
        return self._candidates(provider, event_id).rules

    def _candidates(self, provider: str | None, event_id: int | None) -> _Candidates:
        key = (provider.lower() if provider else None, event_id)
        if key not in self._known:
            fitting = (one for one in self._rules if self._may_fit(one, *key))
            self._known[key] = _Candidates.of(fitting, event_id if provider else None)
        return self._known[key]

    def _may_fit(self, one: Rule, provider: str | None, event_id: int | None) -> bool:
        if event_id is not None and one.event_id and event_id not in one.event_id:
            return False
        if provider is None or (event_id is None and not self._is_watched(provider)):
            return bool(one.text) or (event_id in one.event_id and bool(one.pattern))
        if not one.of_provider(provider):
            return False
        return bool(one.text) or event_id in one.event_id or (not one.event_id and one.pattern is not None)

    def sole_provider(self, event_id: int) -> str | None:
        """The event source that the rules tie to a number, where only those of one knowledge file name it."""
        named = [one for one in self._rules if event_id in one.event_id and one.provider]
        return named[0].provider[0] if len({one.file for one in named}) == 1 else None

    def _is_watched(self, provider: str) -> bool:
        if provider not in self._watched:
            self._watched[provider] = any(one.provider and one.of_provider(provider) for one in self._rules)
        return self._watched[provider]

    def candidates(self, providers: pa.Array, numbers: np.ndarray, texts: pa.Array) -> np.ndarray:
        """Row numbers, ascending, of the records that may fit a rule."""
        codes, names = _encoded(providers)
        span = int(numbers.max(initial=0)) + 2
        keys, inverse = np.unique(codes * span + (numbers + 1), return_inverse=True)
        chosen = np.zeros(len(numbers), dtype=bool)
        for place, key in enumerate(keys.tolist()):
            number = key % span - 1
            allowed = self.of(names[key // span], None if number == _NO_NUMBER else number)
            if not allowed:
                continue
            rows = np.flatnonzero(inverse == place)
            loose = number == _NO_NUMBER
            chosen[rows[_swept(texts.take(pa.array(rows)), allowed)] if loose else rows] = True
        return np.flatnonzero(chosen)

    def may_hold(self, texts: pa.Array) -> bool:
        """Whether any of the texts holds a pattern of the rules that go by text."""
        return bool(_swept(texts, self._textual.rules).any())

    def starts(self, text: str, only_logs: bool = False) -> list[int]:
        """Where in a text the records begin that rules know by their text, one place for each stretch.

        `only_logs` looks only for the lines of SQL Server's text logs, which may follow each other on one line.
        """
        ends: dict[int, int] = {}
        candidates = self._logs if only_logs else self._textual
        held = candidates.held(text)
        for one in candidates.promising(held) if held.pieces else ():
            for pattern in _promising(one, held):
                for hit in pattern.finditer(text):
                    ends[hit.start()] = min(hit.end(), ends.get(hit.start(), hit.end()))
        places: list[int] = []
        reached = -1
        for start in sorted(ends):
            if start >= reached:
                places.append(start)
                reached = ends[start]
        return places


def _swept(texts: pa.Array, rules: Iterable[Rule]) -> np.ndarray:
    """Which texts may hold a pattern of the rules; texts that are not plain ASCII always may, as they are respelt."""
    distinct = texts.dictionary_encode()
    distinct = distinct.combine_chunks() if isinstance(distinct, pa.ChunkedArray) else distinct
    words = distinct.dictionary
    hit = pc.invert(pc.string_is_ascii(words)).to_numpy(zero_copy_only=False)
    for pattern in _sweeps(rules):
        try:
            hit |= pc.match_substring_regex(words, pattern, ignore_case=True).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return np.ones(len(texts), dtype=bool)
    places = distinct.indices.to_numpy(zero_copy_only=False)
    known = distinct.indices.is_valid().to_numpy(zero_copy_only=False)
    return np.where(known, hit[np.nan_to_num(places).astype(int)] if len(hit) else False, True)


def _sweeps(rules: Iterable[Rule]) -> list[str]:
    """Patterns for the sweep: plain pieces of text where a pattern has one, in one; the others as they are."""
    pairs = [(pattern.pattern, needed) for one in rules for pattern, needed in zip(one.text, one.hints, strict=True)]
    plain = sorted({re.escape(piece) for _, needed in pairs for piece in needed if piece.isascii()})
    others = [_unnamed(source) for source, needed in pairs if not needed and source.isascii()]
    groups = [plain, *(others[start : start + _GROUP] for start in range(0, len(others), _GROUP))]
    return ["(?s)" + "|".join(f"(?:{one})" for one in group) for group in groups if group]


def _unnamed(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _encoded(providers: pa.Array) -> tuple[np.ndarray, list[str | None]]:
    coded = providers.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    names = [*coded.dictionary.to_pylist(), None]
    return coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False).astype("int64"), names


def _fit(one: Rule, record: Record, text: str, held: _Held) -> dict[str, Any] | None:
    """What the rule captures from the record, or None where a condition of the rule does not hold."""
    groups: dict[str, Any] = {}
    if one.pattern is not None:
        found = one.pattern.search(text)
        if found is None:
            return None
        groups.update(found.groupdict())
    if one.text:
        found = next(filter(None, (pattern.search(text) for pattern in _promising(one, held))), None)
        if found is None and not _identified(one, record):
            return None
        groups.update(found.groupdict() if found else {})
    captured = _captured(one, record, text, groups, held)
    return captured if all(condition.holds(captured) for condition in one.where) else None


def _promising(one: Rule, held: _Held) -> Iterator[re.Pattern[str]]:
    """The patterns of a rule whose pieces the text holds."""
    for pattern, needed, further in zip(one.text, one.hints, one.further, strict=True):
        if held.allows(needed, further):
            yield pattern


def _identified(one: Rule, record: Record) -> bool:
    return record.event_id is not None and record.event_id in one.event_id and record.provider is not None


def _captured(one: Rule, record: Record, text: str, groups: Mapping[str, Any], held: _Held) -> dict[str, Any]:
    """Captures in order of trust: named data, inserted strings, text, the rule's own statements, event source."""
    found: dict[str, Any] = {}
    read = _from_text(one, text, held)
    for source in (_from_data(one, record), _from_strings(one, record), groups.items(), read.items(), one.set):
        for name, value in source:
            if value is not None and name not in found:
                kept = wording.tidy(name, value)
                if kept is not None:
                    found[name] = kept
    if "instance" not in found and (instance := wording.instance_of(record.provider)):
        found["instance"] = instance
    if binary := record.data.get("Binary") or record.data.get("binary"):
        for name, value in sql_server_context(record.provider, str(binary)).items():
            found.setdefault(name, value)
    return found


def _from_data(one: Rule, record: Record) -> list[tuple[str, Any]]:
    return [(name, record.data.get(key)) for name, key in one.data] if record.data else []


def _from_strings(one: Rule, record: Record) -> list[tuple[str, Any]]:
    strings = record.strings
    return [(name, strings[place]) for name, place in one.strings if place < len(strings)] if strings else []


def _from_text(one: Rule, text: str, held: _Held) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pattern, needed in zip(one.capture, one.capture_hints, strict=True):
        hit = pattern.search(text) if not needed or any(piece in held.text for piece in needed) else None
        for name, value in (hit.groupdict() if hit else {}).items():
            if value is not None:
                found.setdefault(name, value)
    for choice in one.choose:
        if (value := choice.chosen(text)) is not None:
            found[choice.capture] = value
    return found
