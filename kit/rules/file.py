"""Rules from knowledge files: what a file may say, and an error that names file and rule when it says something else.

A file is one component:

    [component]   name, about
    [defaults]    any field of a rule; rules that do not set it get it
    [references]  key -> where the fact stands; shared keys stand in references.toml
    [[rule]]      see Rule

A record fits a rule when every condition that the rule sets holds. `text` identifies records without event id (text
logs, pasted lines) and records of providers whose numbers are not known; where the number fits, it only captures.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kit.errors import RuleError
from kit.rules import hints as _rule_hint

PHASES = (
    "identify", "prepare", "freeze", "hold", "thaw", "post_snapshot", "complete", "abort", "writer", "service",
    "provider", "host_request", "host_failure", "replication", "resynchronisation_start", "resynchronisation_end",
    "test_failover", "vm_state", "boot", "shutdown", "unexpected_shutdown", "instance_start", "database_start", "redo",
    "undo", "recovery_complete", "instance_recovered", "recovery_failed", "not_recoverable", "backup", "clock",
    "log_cleared", "other",
)
CLASSES = (
    "benign_abort", "genuine_failure", "other_requestor", "environment", "background_noise", "normal", "undecided",
)
SEVERITIES = ("info", "warning", "error", "critical")
STATUSES = ("validated", "documented", "field-report", "inferred")
TESTS = ("is", "is_not", "matches", "above", "below", "known")

_FIELDS = {
    "id": str, "provider": list, "event_id": list, "pattern": str, "text": list, "capture": list, "strings": dict,
    "data": dict, "choose": dict, "set": dict, "where": list, "phase": str, "meaning": str, "class": str,
    "severity": str, "applies_to": str, "reference": list, "status": str, "root_cause": str, "readings": list,
    "sample": list, "order": int, "advice": list, "harmless_on": str,
}
_NEEDED = ("id", "phase", "meaning", "class", "severity", "applies_to", "reference", "status", "sample")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one capture: `{ capture = "count", above = 0 }`."""

    capture: str
    test: str
    value: Any

    def holds(self, captured: Mapping[str, Any]) -> bool:
        """Whether the captures meet the condition; an unknown capture meets only `known = false` and `is_not`."""
        found = captured.get(self.capture)
        if self.test == "known":
            return (found is not None) == self.value
        if found is None:
            return self.test == "is_not"
        return self._meets(found)

    def _meets(self, found: Any) -> bool:
        if self.test in ("is", "is_not"):
            listed = (found.lower() if isinstance(found, str) else found) in self.value
            return listed == (self.test == "is")
        if self.test == "matches":
            return self.value.search(str(found)) is not None
        return bool(found > self.value if self.test == "above" else found < self.value)


@dataclass(frozen=True, slots=True)
class Choice:
    """A capture chosen among all finds of a pattern: the first that is not to be skipped, else the last."""

    capture: str
    pattern: re.Pattern[str]
    skip: frozenset[str]

    def chosen(self, text: str) -> str | None:
        """The chosen find in the text."""
        finds = [find if isinstance(find, str) else next(filter(None, find), "") for find in self.pattern.findall(text)]
        telling = [find for find in finds if find not in self.skip]
        return telling[0] if telling else finds[-1] if finds else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what identifies a record, what is captured from it, and what it means."""

    id: str
    component: str
    file: str
    position: int
    provider: tuple[str, ...] = ()  # event sources in lower case, wildcards allowed; empty: any
    event_id: frozenset[int] = frozenset()  # empty: any
    pattern: re.Pattern[str] | None = None  # must be found in the text
    text: tuple[re.Pattern[str], ...] = ()  # one must be found where the event id does not identify the record
    hints: tuple[frozenset[str], ...] = ()  # for each of `text`, pieces one of which a record must hold
    further: tuple[tuple[frozenset[str], ...], ...] = ()  # for each of `text`, more such sets, tested where needed
    capture: tuple[re.Pattern[str], ...] = ()  # read for named groups only
    capture_hints: tuple[frozenset[str], ...] = ()  # for each of `capture`, likewise
    strings: tuple[tuple[str, int], ...] = ()  # capture -> index of the inserted string
    data: tuple[tuple[str, str], ...] = ()  # capture -> field of the named event data
    choose: tuple[Choice, ...] = ()
    set: tuple[tuple[str, Any], ...] = ()  # captures that the rule itself states
    where: tuple[Condition, ...] = ()
    phase: str = "other"
    meaning: str = ""
    class_: str = "undecided"
    severity: str = "info"
    applies_to: str = ""
    reference: tuple[str, ...] = ()
    status: str = "inferred"
    root_cause: str | None = None
    harmless_on: re.Pattern[str] | None = None  # host systems on which the record is harmless
    readings: tuple[str, ...] = ()  # what the same number means elsewhere, where that cannot be told apart
    advice: tuple[str, ...] = ()
    sample: tuple[Mapping[str, Any], ...] = ()
    order: int = 0
    rank: tuple[int, int, int] = field(default=(0, 0, 0))  # sorts the most specific rule first

    def of_provider(self, name: str) -> bool:
        """Whether records of this event source (lower case) can fit the rule."""
        return not self.provider or any(fnmatch.fnmatchcase(name, wanted) for wanted in self.provider)


def rule(file: str, component: str, position: int, given: Mapping[str, Any], keys: Mapping[str, str]) -> Rule:
    """The rule that one [[rule]] table states. Raises RuleError naming file, rule and field."""
    name = str(given.get("id") or f"rule {position + 1}")
    _check(file, name, given, keys)
    made = Rule(
        id=name, component=component, file=file, position=position, class_=given["class"], rank=_rank(given, position),
        provider=tuple(one.lower() for one in given.get("provider", ())), event_id=frozenset(given.get("event_id", ())),
        reference=tuple(keys[one] for one in given["reference"]), **_compiled(file, name, given), **_plain(given),
    )
    if not made.event_id and not made.pattern and not made.text:
        raise RuleError(f"{file}, rule {name}: needs event_id, pattern or text, or it would fit every record")
    return made


def _compiled(file: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: _regex(file, name, given[key]) for key in ("pattern", "harmless_on") if key in given},
        "text": tuple(_regex(file, name, one) for one in given.get("text", ())),
        "hints": tuple(_rule_hint.hints(one) for one in given.get("text", ())),
        "further": tuple(_rule_hint.further(one) for one in given.get("text", ())),
        "capture": tuple(_regex(file, name, one) for one in given.get("capture", ())),
        "capture_hints": tuple(_rule_hint.hints(one) for one in given.get("capture", ())),
        "choose": tuple(_choice(file, name, capture, one) for capture, one in given.get("choose", {}).items()),
        "where": tuple(_condition(file, name, one) for one in given.get("where", ())),
    }


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("phase", "meaning", "severity", "applies_to", "status", "root_cause", "order")
    found: dict[str, Any] = {key: given[key] for key in names if key in given}
    found |= {key: tuple(given.get(key, {}).items()) for key in ("strings", "data", "set")}
    return found | {key: tuple(given.get(key, ())) for key in ("readings", "sample", "advice")}


def _rank(given: Mapping[str, Any], position: int) -> tuple[int, int, int]:
    conditions = sum(1 for key in ("provider", "event_id", "pattern", "text") if given.get(key))
    return -(conditions + len(given.get("where", ()))), given.get("order", 0), position


def _check(file: str, name: str, given: Mapping[str, Any], keys: Mapping[str, str]) -> None:
    for key, value in given.items():
        if key not in _FIELDS:
            raise RuleError(f"{file}, rule {name}: unknown field {key!r}; known: {', '.join(_FIELDS)}")
        if not isinstance(value, _FIELDS[key]):
            raise RuleError(f"{file}, rule {name}: {key} must be {_FIELDS[key].__name__}, not {type(value).__name__}")
    for key in _NEEDED:
        if not given.get(key):
            raise RuleError(f"{file}, rule {name}: {key} is missing")
    for key, known in (("phase", PHASES), ("class", CLASSES), ("severity", SEVERITIES), ("status", STATUSES)):
        if given[key] not in known:
            raise RuleError(f"{file}, rule {name}: {key} {given[key]!r} is unknown; known: {', '.join(known)}")
    for key in given["reference"]:
        if key not in keys:
            raise RuleError(f"{file}, rule {name}: reference {key!r} is neither in [references] nor in references.toml")
    if bad := [number for number in given.get("event_id", ()) if type(number) is not int or number < 0]:
        raise RuleError(f"{file}, rule {name}: event_id {bad[0]!r} is no whole number")


def _regex(file: str, name: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE | re.DOTALL)
    except (re.error, TypeError) as error:
        raise RuleError(f"{file}, rule {name}: {text!r} is no regular expression: {error}") from error


def _choice(file: str, name: str, capture: str, given: Any) -> Choice:
    if not isinstance(given, dict) or "pattern" not in given:
        raise RuleError(f"{file}, rule {name}: choose.{capture} must be {{ pattern = ..., skip = [...] }}")
    return Choice(capture, _regex(file, name, given["pattern"]), frozenset(str(one) for one in given.get("skip", ())))


def _condition(file: str, name: str, given: Any) -> Condition:
    tests = [key for key in given if key != "capture"] if isinstance(given, dict) else []
    if len(tests) != 1 or tests[0] not in TESTS or "capture" not in given:
        raise RuleError(f"{file}, rule {name}: where needs capture and one of {', '.join(TESTS)}: {given!r}")
    test, value = tests[0], given[tests[0]]
    if test in ("is", "is_not"):
        value = frozenset(one.lower() if isinstance(one, str) else one for one in value)
    elif test == "matches":
        value = _regex(file, name, value)
    return Condition(given["capture"], test, value)
