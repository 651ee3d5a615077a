"""Events out of exported objects: Get-WinEvent, Get-EventLog, shippers (winlogbeat, NXLog), converters of EVTX files.

Every export has its own names for the same fields; they are found without regard to case and in this order. What
remains is the named data of the event.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from kit.powershell import Row, number_of, plain, text_of
from kit.powershell.dates import Dates, Moment
from kit.sources import _channels
from kit.sources._build import APART, Made
from kit.sources._levels import ENTRY_TYPE, WMI_TYPE, level_of
from kit.sources.seam import Fact, Lost

EXPECTED = "event in it (export again: wevtutil epl Application application.evtx)"
FIELDS = {
    "time": ("TimeCreated", "SystemTime", "TimeGenerated", "EventTime", "@timestamp", "TimeWritten", "Time"),
    "provider": ("ProviderName", "Provider", "SourceName", "provider_name", "source_name", "Source", "EventSource"),
    "event_id": ("EventID", "event_id", "Id", "EventCode", "EventIdentifier"),
    "instance_id": ("InstanceId",),
    "channel": ("LogName", "Channel", "log_name", "Log", "ContainerLog", "Logfile"),
    "computer": ("MachineName", "Computer", "ComputerName", "computer_name", "Hostname", "PSComputerName"),
    "record_id": ("RecordId", "EventRecordID", "record_id", "record_number", "Index", "RecordNumber"),
    "level": ("Level", "LevelDisplayName", "log_level", "EntryType", "EventType", "Severity", "Type"),
    "level_word": ("LevelDisplayName", "log_level"),
    "message": ("Message", "Description"),
    "task": ("Task", "CategoryNumber", "Category"),
    "version": ("Version",),
    "properties": ("Properties", "ReplacementStrings", "InsertionStrings"),
    "event_data": ("event_data", "EventData", "user_data", "UserData"),
    "vm_name": ("VmName",),
    "vm_id": ("VmId",),
}
_NO_DATA = {
    "@version", "tags", "port", "host", "keywords", "opcode", "opcodevalue", "severityvalue", "eventreceivedtime",
    "sourcemodulename", "sourcemoduletype", "providerguid", "providerid", "threadid", "processid", "executionprocessid",
    "executionthreadid", "userid", "bookmark", "matchedqueryids", "relatedactivityid", "activityid", "qualifiers",
    "opcodedisplayname", "taskdisplayname", "keywordsdisplaynames", "pscomputername", "runspaceid",
    "psshowcomputername", "tostring", "username", "site", "container", "data",
}  # fmt: skip
_UNDATED = "have no time that can be read (what Get-EventLog prints has no year): export again with | Export-Clixml"
_DAY_S = 86400.0
_CUT_OFF = re.compile(r"System\.Diagnostics\.Eventing|System\.Collections|System\.String\[\]")
_UTC_COLUMNS = {"payloaddata1", "mapdescription", "chunknumber"}  # a converter that writes UTC without saying so


@lru_cache(maxsize=4096)
def _plan(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """For each field the properties that may hold it, in order."""
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    return {
        field: tuple(folded[key.casefold()] for key in keys if key.casefold() in folded)
        for field, keys in FIELDS.items()
    }


@lru_cache(maxsize=4096)
def _rest(names: tuple[str, ...]) -> tuple[str, ...]:
    """The properties that are named data."""
    known = {name for fields in _plan(names).values() for name in fields}
    return tuple(name for name in names if name not in known and name.casefold() not in _NO_DATA)


class _Fields:
    """The fields of one event, whatever they are called."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.plan = _plan(tuple(row))

    def get(self, field: str) -> Any:
        """The first property of the field that holds something."""
        return next((value for name in self.plan[field] if (value := self.row[name]) not in (None, "", [])), None)

    def text(self, field: str) -> str | None:
        return text_of(self.get(field))

    def cut(self, field: str) -> bool:
        return any(name.casefold() in self.row.cut for name in self.plan[field])


def flattened(row: Row) -> Row:
    """The event with its fields at the top, where a shipper or converter nests them."""
    event = row.get("Event")
    if isinstance(event, dict) and isinstance(event.get("System"), dict):
        return Row(_from_xml(event), row.number)
    winlog = row.get("winlog")
    if isinstance(winlog, dict):
        log = row.get("log")
        more = {"log_level": log.get("level")} if isinstance(log, dict) else {}
        top = {name: row[name] for name in ("@timestamp", "message") if name in row}
        return Row(top | more | winlog, row.number)
    return row


def _from_xml(event: dict[str, Any]) -> dict[str, Any]:
    """Fields of an event whose XML was turned into JSON: attributes stand in `#attributes`, text in `#text`."""
    found: dict[str, Any] = {}
    for name, value in event["System"].items():
        attributes = value.get("#attributes", {}) if isinstance(value, dict) else {}
        if name == "TimeCreated":
            found["SystemTime"] = attributes.get("SystemTime")
        elif name == "Provider":
            found["ProviderName"] = attributes.get("Name")
        elif name in ("EventID", "EventRecordID", "Channel", "Computer", "Level", "Task", "Version"):
            found[name] = value.get("#text") if isinstance(value, dict) else value
    for name in ("EventData", "UserData"):
        if isinstance(data := event.get(name), dict):
            found[name] = _without_attributes(data)
    return found


def _without_attributes(data: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name != "#attributes"}
    if len(kept) == 1 and isinstance(inner := next(iter(kept.values())), dict) and "#text" not in inner:
        return {name: value for name, value in inner.items() if name != "#attributes"}
    return kept


def looks_like(row: Row) -> bool:
    """Whether an exported object is an event: a time, a number, and a source, a text or a log."""
    if any(name.casefold().endswith(("eventlogrecord", "eventlogentry")) for name in row.type_names[:1]):
        return True
    plan = _plan(tuple(flattened(row)))
    if plan["time"] == ("Time",) and not (plan["instance_id"] and plan["record_id"] and plan["provider"]):
        return False  # only the table that Get-EventLog prints has so general a name
    if not plan["time"] or not (plan["event_id"] or plan["instance_id"]):
        return False
    return bool(plan["message"] and (plan["level"] or plan["channel"] or plan["provider"])) or bool(
        plan["provider"] and plan["channel"]
    )


def is_numbered(row: Row) -> bool:
    """Whether the event carries its record number."""
    return number_of(_Fields(flattened(row)).get("record_id")) is not None


class Events:
    """Mapper of exported events to `events`.

    Without record numbers rows are numbered by time, in tens: an export that begins with the newest is counted from
    its end, and no two neighbours may prove that nothing is missing between them.
    """

    def __init__(self, numbered: bool) -> None:
        self._numbered = numbered
        self._count = self._rising = self._falling = self._cut = self._undated = self._strange = 0
        self._last: datetime | None = None
        self._providers: set[str | None] = set()
        self._zones: Counter[int] = Counter()
        self._shifts: Counter[int] = Counter()

    def fits(self, row: Row) -> bool:
        """Whether the object is an event."""
        return looks_like(row)

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at the time of an event before rows are made."""
        fields = _Fields(flattened(row))
        self._count += 1
        self._cut += bool(row.cut)
        self._providers.add(fields.text("provider"))
        written = fields.text("time")
        dates.learn([written])
        moment = _read(dates, written)
        self._undated += not moment.dated
        self._strange += moment.strange
        self._zones[_quarters(row.get("@timestamp"), row.get("EventReceivedTime"), dates)] += 1
        if moment.utc and row.get("UtcTime"):
            self._shifts[_quarters(row.get("UtcTime"), moment.utc.replace(tzinfo=None).isoformat(), dates)] += 1
        self._order(moment.utc.replace(tzinfo=None) if moment.utc else moment.local)

    def _order(self, time: datetime | None) -> None:
        if time and self._last:
            self._rising += time > self._last
            self._falling += time < self._last
        self._last = time or self._last

    @cached_property
    def _channel(self) -> str | None:
        """The log of events that do not name theirs: the one that all event sources of the export write to."""
        return _channels.written_by(self._providers)

    @property
    def newest_first(self) -> bool:
        """Whether the export begins with the newest event, as PowerShell's commands do where nothing else is asked."""
        return self._falling >= self._rising and self._count > 1

    @property
    def _shift(self) -> timedelta:
        """How far times that call themselves UTC are behind the UTC that the messages of Sysmon state."""
        quarters = _agreed(self._shifts)
        return timedelta(minutes=15 * quarters) if quarters else timedelta()

    def facts(self) -> Iterator[Fact]:
        """How rows were numbered, what the console cut, and what the times mean."""
        if self._count and not self._numbered:
            yield Fact(gaps=0, listed=True)
        if not self._numbered and self.newest_first:
            yield Fact(note="no record numbers in the export, newest first: numbered from its end")
        if self._cut:
            yield Fact(
                note=f"the console cut off values (...) of {self._cut} events: export as CSV or XML", partial=True
            )
        if self._undated:
            yield Fact(note=f"{self._undated} events {_UNDATED}", partial=True)
        if self._strange:
            yield Fact(partial=True)
        if (quarters := _agreed(self._zones)) is not None:
            yield Fact(zone=_offset(-quarters))
        if self._shift:
            hours = self._shift.total_seconds() / 3600
            side = "behind" if hours > 0 else "ahead of"
            yield Fact(
                note=f"times are written as UTC but lie {abs(hours):g} h {side} the UTC in the texts of Sysmon: "
                "they were local, and are corrected"
            )

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of one event."""
        fields = _Fields(flattened(row))
        moment = _read(dates, fields.text("time"))
        return "events", {
            "record_id": self._record_id(row, fields),
            "computer": fields.text("computer"),
            "channel": _channel(fields.text("channel")) or self._channel,
            "provider": fields.text("provider"),
            "event_id": _event_id(fields),
            "version": number_of(fields.get("version")),
            "level": _level(fields),
            "task": number_of(fields.get("task")),
            "message": fields.text("message"),
            "vm_name": fields.text("vm_name"),
            "vm_id": (fields.text("vm_id") or "").lower() or None,
        } | _strings(fields) | self._time(row, moment)  # fmt: skip

    def _record_id(self, row: Row, fields: _Fields) -> int | None:
        if self._numbered:
            return number_of(fields.get("record_id"))
        return APART * (self._count - row.number + 1 if self.newest_first else row.number)

    def _time(self, row: Row, moment: Moment) -> dict[str, Any]:
        found: dict[str, Any] = {"time_raw": moment.raw or None, "precision_s": moment.precision_s}
        if moment.utc is not None:
            shifted = {"time_basis": "inferred"} if self._shift else {}
            return found | shifted | {"time_utc": moment.utc + self._shift}
        if moment.local is None:
            return found
        if any(name.casefold() in _UTC_COLUMNS for name in row):
            return found | {"time_utc": moment.local.replace(tzinfo=UTC)}
        return found | {"time_local": moment.local, "time_basis": "assumed" if moment.ambiguous else None}


def _read(dates: Dates, written: str | None) -> Moment:
    """The moment of an event; a date without a time of day is none: the columns are not where they were."""
    moment = dates.read(written)
    return Moment(moment.raw) if moment.precision_s >= _DAY_S else moment


def _offset(quarters: int) -> str:
    """An offset such as +02:00 of so many quarters of an hour."""
    hours, rest = divmod(abs(quarters), 4)
    return f"{'-' if quarters < 0 else '+'}{hours:02d}:{15 * rest:02d}"


def _quarters(true: Any, written: Any, dates: Dates) -> int:
    """Quarters of an hour from one time to another; a number that is none where one of them is missing."""
    if not true or not written:
        return 1000
    one, other = dates.read(text_of(true)), dates.read(text_of(written))
    first, second = one.utc or one.local, other.utc or other.local
    if first is None or second is None:
        return 1000
    return round((first.replace(tzinfo=None) - second.replace(tzinfo=None)).total_seconds() / 900)


def _agreed(found: Counter[int]) -> int | None:
    """The value on which nine of ten agree, of at least three; None where there is none or it is no zone."""
    total = sum(count for value, count in found.items() if value != 1000)
    value, count = max(((v, n) for v, n in found.items() if v != 1000), key=lambda pair: pair[1], default=(1000, 0))
    return value if total >= 3 and count >= 0.9 * total and abs(value) <= 56 else None


def _event_id(fields: _Fields) -> int | None:
    value = fields.get("event_id")
    if isinstance(value, dict):
        value = value.get("#text") or value.get("Value")
    number = number_of(value)
    if number is None:
        number = number_of(fields.get("instance_id"))
    return None if number is None else number & 0xFFFF


def _level(fields: _Fields) -> int | None:
    """The level as a number where the export has one, else in words of any language."""
    for name in fields.plan["level"]:
        value = fields.row[name]
        number = number_of(value)
        if name.casefold() == "entrytype" and number is not None:
            return ENTRY_TYPE.get(number)
        if name.casefold() == "eventtype" and number is not None and "EventIdentifier" in fields.row:
            return WMI_TYPE.get(number)
        found = number if number is not None and 0 <= number <= 5 else level_of(text_of(value))
        if found is not None:
            return found
    return None


def _channel(text: str | None) -> str | None:
    """The name of the log; of a path to a file its name, where a container is given."""
    if text and text.lower().endswith((".evtx", ".evt")):
        return re.split(r"[\\/]", text)[-1].rsplit(".", 1)[0].replace("%4", "/")
    return text


def _strings(fields: _Fields) -> dict[str, Any]:
    """Inserted strings in order, and the named data as JSON."""
    listed = _listed(fields.get("properties"))
    named = fields.get("event_data")
    if isinstance(named, dict):
        inserted, named = _event_data(named)
        listed = listed if listed is not None else inserted
    else:
        rest = _rest(tuple(fields.row))
        named = {name: fields.row[name] for name in rest if fields.row[name] is not None}
    found: dict[str, Any] = {"strings": listed}
    if named:
        found["data"] = json.dumps(plain(named), ensure_ascii=False, default=str)
    return found


def _event_data(data: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Inserted strings and named values of event data; `Data` holds the values without a name, `Binary` is none."""
    data = _without_attributes(data)
    inserted: list[str] = []
    named: dict[str, Any] = {}
    for name, value in data.items():
        bare = value.get("#text") if isinstance(value, dict) and "#text" in value else value
        if name != "Data" and bare is not None:
            named[name] = bare
        if name != "Binary":
            inserted += [text_of(plain(item)) or "" for item in (bare if isinstance(bare, list) else [bare])]
    return inserted, named


def _listed(value: Any) -> list[str] | None:
    """The inserted strings of a list; None where the export only holds the name of a type, or a printed list."""
    if isinstance(value, list):
        texts = [text_of(item.get("Value") if isinstance(item, dict) else item) or "" for item in value]
        return None if any(_CUT_OFF.match(text) for text in texts) else texts
    return None
