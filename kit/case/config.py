"""case.toml: what the analyst says about a case, checked so that a slip of the pen cannot change a verdict.

    [case]            id, title, examiner, requester, question
    [[source]]        path (glob), role, computer, vm, timezone, culture
    [[test_failover]] vm, path (glob of its logs), recovery_point, boot_after
    [[clock]]         computer, offset_s
    [policy]          rollback, tolerance_s
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from kit import text, times
from kit.case.windows_zones import WINDOWS_ZONES
from kit.errors import ConfigError

NAME = "case.toml"
ROLES = ("guest", "primary_host", "replica_host", "test_failover_guest")
POLICIES = ("strict", "refined")
TOLERANCE_S = 60.0


@dataclass(frozen=True)
class SourceSetting:
    """What one [[source]] says about the files that its path fits."""

    path: str
    role: str | None = None
    computer: str | None = None
    vm: str | None = None
    timezone: str | None = None
    culture: str | None = None


@dataclass(frozen=True)
class Config:
    """case.toml as a whole. `clocks` have computer and offset_s; `test_failovers` have vm, path, recovery_point and
    boot_after (ISO 8601 in UTC), each None where it is not said."""

    case_id: str | None = None
    title: str | None = None
    examiner: str | None = None
    requester: str | None = None
    question: str | None = None
    policy: str = "strict"
    tolerance_s: float = TOLERANCE_S
    sources: tuple[SourceSetting, ...] = ()
    test_failovers: tuple[dict[str, Any], ...] = ()
    clocks: tuple[dict[str, Any], ...] = ()

    def said_of(self, path: str) -> SourceSetting:
        """Everything that the [[source]] entries say about one file; the last entry that fits wins for each key."""
        said: dict[str, Any] = {"path": path}
        for setting in self.sources:
            if fits(path, setting.path):
                said |= {name: value for name, value in vars(setting).items() if value is not None and name != "path"}
        return SourceSetting(**said)


_SLASHES = "write / between folders, or put the path into single quotes"


def fits(path: str, glob: str) -> bool:
    """Whether a path of the case fits a glob of case.toml: `*` also crosses folders, a folder stands for all in it."""
    path, glob = path.casefold(), glob.casefold().replace("\\", "/").removeprefix("./").rstrip("/")
    return fnmatchcase(path, glob) or fnmatchcase(path, f"{glob}/*") or fnmatchcase(path, f"{glob}!/*")


def parse(raw: bytes, where: str = NAME) -> Config:
    """The settings in the bytes of a case.toml. Raises ConfigError naming the key, the value and what is allowed."""
    content, _ = text.decode(raw)
    try:
        said = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        hint = f"; {_SLASHES}" if "\\" in str(error) else ""
        raise ConfigError(f"{where} is no valid TOML: {error}{hint}") from error
    checked = {name: _section(where, name, value) for name, value in said.items()}
    case = checked.get("case", {})
    policy = checked.get("policy", {})
    return Config(
        case_id=case.pop("id", None),
        **case,
        policy=policy.get("rollback", "strict"),
        tolerance_s=policy.get("tolerance_s", TOLERANCE_S),
        sources=tuple(SourceSetting(**entry) for entry in checked.get("source", [])),
        test_failovers=tuple(_whole(entry, "test_failover") for entry in checked.get("test_failover", [])),
        clocks=_clocks(where, checked.get("clock", [])),
    )


def _section(where: str, name: str, value: Any) -> Any:
    if name not in _KEYS:
        raise ConfigError(f"{where}: unknown key {name!r}{_meant(name, _KEYS)}")
    many = name in ("source", "test_failover", "clock")
    if many and isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return [_entry(f"{where}: [[{name}]] number {number}", name, entry) for number, entry in enumerate(value, 1)]
    if many or not isinstance(value, dict):
        written = f"[[{name}]]" if many else f"[{name}]"
        raise ConfigError(f"{where}: {name!r} must be written as a table {written}")
    return _entry(f"{where}: [{name}]", name, value)


def _entry(where: str, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    known = _KEYS[name]
    for key in entry:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{_meant(key, known)}")
    for key in _NEEDED.get(name, ()):
        if key not in entry:
            raise ConfigError(f"{where}: {key!r} is missing")
    return {key: known[key](f"{where}: {key}", value) for key, value in entry.items()}


def _meant(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known are: {', '.join(known)}"


def _whole(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: entry.get(key) for key in _KEYS[name]}


def _clocks(where: str, entries: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    names = [entry["computer"].casefold() for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{where}: [[clock]] for computer {twice[0]!r} stands there twice")
    return tuple(entries)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where} must be a text in quotes, not {value!r}")
    return value.strip()


def _path(where: str, value: Any) -> str:
    """A glob; in double quotes TOML makes a tab of `\\t` and so on, which fits no file."""
    glob = _text(where, value)
    if not glob.isprintable():
        raise ConfigError(f"{where} holds a control character: {glob!r}; {_SLASHES}")
    return glob


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{where} must be a number of seconds, not {value!r}")
    return float(value)


def _tolerance(where: str, value: Any) -> float:
    number = _number(where, value)
    if not 0 < number <= 3600:
        raise ConfigError(f"{where} must be more than 0 and at most 3600 seconds, not {value!r}")
    return number


def _one_of(*allowed: str) -> Callable[[str, Any], str]:
    def check(where: str, value: Any) -> str:
        if value not in allowed:
            raise ConfigError(f"{where} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    return check


def _zone(where: str, value: Any) -> str:
    """An IANA name or an offset; a Windows name, as `tzutil /g` prints it, becomes the IANA name."""
    named = _text(where, value).strip()
    named = WINDOWS_ZONES.get(named.casefold(), named)
    try:
        times.zone(named)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return named


def _moment(where: str, value: Any) -> str:
    """ISO 8601 in UTC: a time without a zone counts as UTC."""
    found = value if isinstance(value, date) else times.parse_iso(value) if isinstance(value, str) else None
    if found is None:
        raise ConfigError(f"{where} must be an ISO 8601 time such as 2014-05-20T08:00:00Z, not {value!r}")
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return str(times.iso_z(found))


def _point(where: str, value: Any) -> str:
    return _moment(where, value) if isinstance(value, date) else _text(where, value)


_KEYS: dict[str, dict[str, Callable[[str, Any], Any]]] = {
    "case": {"id": _text, "title": _text, "examiner": _text, "requester": _text, "question": _text},
    "source": {
        "path": _path, "role": _one_of(*ROLES), "computer": _text, "vm": _text, "timezone": _zone, "culture": _text,
    },
    "test_failover": {"vm": _text, "path": _path, "recovery_point": _point, "boot_after": _moment},
    "clock": {"computer": _text, "offset_s": _number},
    "policy": {"rollback": _one_of(*POLICIES), "tolerance_s": _tolerance},
}  # fmt: skip
_NEEDED = {"source": ("path",), "clock": ("computer", "offset_s")}
