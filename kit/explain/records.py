"""One event from a mapping, whatever shape a tool gave it: JSON of Get-WinEvent, of an EVTX dump, of a --jsonl line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from kit import times
from kit.explain.assess import Given
from kit.explain.words import LEVELS

_LOCAL = re.compile(
    r"\s*(\d{1,4})[./-](\d{1,2})[./-](\d{2,4})[ T,]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,7}))?)?\s*([AaPp])?\.?[Mm]?"
)
_LONGEST = 65_536
_TIMES = ("time", "timecreated", "timegenerated", "systemtime", "date", "@timestamp", "time_utc")
_PROVIDERS = (
    "provider", "providername", "provider_name", "source", "sourcename", "eventsource", "event_source",
)
_ENVELOPES = ("Event", "event", "_source", "winlog")


def from_mapping(given: Mapping[str, Any], base: Given | None = None, **changes: Any) -> Given:
    """An event from named values in any of the known shapes; `changes` overrule what they hold."""
    made = base or _made(_flat(given))
    return replace(made, **changes) if changes else made


def _made(flat: Mapping[str, Any]) -> Given:
    data = _data(flat)
    strings = _strings(flat, data)
    message = _text(_first(flat, "message", "renderedmessage", "description", "text"))
    number = _number(_first(flat, "event_id", "eventid", "id", "instanceid", "eventidentifier"))
    return Given(
        provider=_provider(flat), event_id=number,
        level=level(_first(flat, "level", "leveldisplayname", "entrytype", "severity", "type")),
        channel=_text(_first(flat, "channel", "logname", "log", "logfile")),
        time=moment(_first(flat, *_TIMES)),
        message=message[:_LONGEST] if message else None, strings=strings, data=data,
    )


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every value under its lower-case name: the outermost first, then those of the envelopes inside."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        found.setdefault(str(name).lower().lstrip("#@") if name != "@timestamp" else "@timestamp", value)
    for name in ("event", "system", "renderinginfo", "_source", "winlog"):
        inner = found.get(name)
        if isinstance(inner, Mapping):
            for key, value in _flat(inner).items():
                found.setdefault(key, value)
    return found


def _first(flat: Mapping[str, Any], *names: str) -> Any:
    return next((flat[name] for name in names if flat.get(name) not in (None, "")), None)


def _provider(flat: Mapping[str, Any]) -> str | None:
    given = _first(flat, *_PROVIDERS)
    if isinstance(given, Mapping):
        inner = {str(key).lower().lstrip("#@"): value for key, value in given.items()}
        attributes = inner.get("attributes")
        if isinstance(attributes, Mapping):
            inner |= {str(key).lower(): value for key, value in attributes.items()}
        given = inner.get("name") or inner.get("eventsourcename")
    return _text(given)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, (Mapping, list)):
        return None
    text = str(value).strip()
    return text or None


def _number(value: Any) -> int | None:
    """An event number given as number, text, or object with the number inside; qualifier bits are cut off."""
    if isinstance(value, Mapping):
        inner = {str(key).lower().lstrip("#@"): one for key, one in value.items()}
        value = next((inner[key] for key in ("text", "value", "$t", "id") if key in inner), None)
    if isinstance(value, bool) or value is None:
        return None
    found = re.search(r"\d{1,10}", str(value))
    return int(found[0]) & 0xFFFF if found and int(found[0]) > 0xFFFF else int(found[0]) if found else None


def _data(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Named event data, and the Binary part, from EventData, UserData or `data`."""
    found: dict[str, Any] = {}
    for name in ("data", "eventdata", "userdata", "event_data"):
        _gather(flat.get(name), found, 0)
    return found


def _gather(value: Any, found: dict[str, Any], depth: int) -> None:
    if isinstance(value, Mapping) and depth < 6:
        if "Name" in value and ("#text" in value or "Value" in value):
            found.setdefault(str(value["Name"]), value.get("#text", value.get("Value")))
            return
        for key, one in value.items():
            if isinstance(one, (Mapping, list)):
                _gather(one, found, depth + 1)
            elif not str(key).startswith("@") and str(key) not in ("Data", "#text", "#attributes"):
                found.setdefault(str(key), one)
    elif isinstance(value, list) and depth < 6:
        for one in value[:200]:
            if isinstance(one, (Mapping, list)):
                _gather(one, found, depth + 1)


def _strings(flat: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Inserted strings in order: Properties, ReplacementStrings, unnamed Data, else the values of named data."""
    given = _first(flat, "strings", "properties", "replacementstrings", "insertionstrings")
    if given is None:
        inside = flat.get("eventdata", flat.get("data"))
        given = inside.get("Data", inside.get("data")) if isinstance(inside, Mapping) else inside
    if isinstance(given, Mapping):
        given = given.get("#text", given.get("Value"))
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        named = [value for key, value in data.items() if str(key).lower() != "binary"]
        return tuple(None if value is None else str(value) for value in named)[:100]
    return tuple(_string(one) for one in given[:100])


def _string(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("Value", value.get("#text", value.get("value")))
    return None if value is None else str(value)[:_LONGEST]


def level(value: Any) -> str | None:
    """critical, error, warning, information or verbose, from a number or a word of any known language."""
    if value is None or isinstance(value, (Mapping, list)):
        return None
    text = str(value).strip().casefold()
    numbers = {"0": "information", "1": "critical", "2": "error", "3": "warning", "4": "information", "5": "verbose"}
    return numbers.get(text) or LEVELS.get(text)


def moment(value: Any) -> datetime | None:
    """The time of an event as written, with its zone where it has one; None where it cannot be read for sure."""
    if isinstance(value, Mapping):
        inner = {str(key).lower().lstrip("#@"): one for key, one in value.items()}
        attributes = inner.get("attributes")
        if isinstance(attributes, Mapping):
            inner |= {str(key).lower(): one for key, one in attributes.items()}
        value = next((inner[key] for key in ("systemtime", "value", "datetime") if inner.get(key)), None)
    if value is None:
        return None
    text = str(value)
    return times.parse_iso(text) or times.date_ms(text) or _local(text)


def _local(text: str) -> datetime | None:
    """A local date and time; day and month are told apart only as far as the numbers allow, else month first."""
    found = _LOCAL.match(text)
    if not found:
        return None
    first, second, third = (int(one) for one in found.groups()[:3])
    if first > 31:
        year, month, day = first, second, third
    else:
        month, day, year = (second, first, third) if first > 12 or "." in text[:6] else (first, second, third)
    hour = int(found[4]) % 12 + (12 if found[8] in ("p", "P") else 0) if found[8] else int(found[4])
    year += 2000 if year < 100 else 0
    fraction = ((found[7] or "") + "000000")[:6]
    written = f"{year:04}-{month:02}-{day:02}T{hour:02}:{found[5]}:{int(found[6] or 0):02}.{fraction}"
    return times.parse_iso(written)
