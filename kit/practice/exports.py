"""PowerShell's own ways to write objects to files: Export-Csv, ConvertTo-Json of 5.1 and of 7, Export-Clixml.

Shapes are those of Windows PowerShell 5.1 and PowerShell 7; no export of the Hyper-V cmdlets was at hand, so the
property names of the objects (hyperv_objects.py) are inferred from the documentation of the cmdlets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

CLIXML = "http://schemas.microsoft.com/powershell/2004/04"
CULTURES = {
    "en-US": "{0.month}/{0.day}/{0.year} {hour12}:{0.minute:02d}:{0.second:02d} {half}",
    "en-GB": "{0.day:02d}/{0.month:02d}/{0.year} {0.hour:02d}:{0.minute:02d}:{0.second:02d}",
    "de-DE": "{0.day:02d}.{0.month:02d}.{0.year} {0.hour:02d}:{0.minute:02d}:{0.second:02d}",
    "ja-JP": "{0.year}/{0.month:02d}/{0.day:02d} {0.hour}:{0.minute:02d}:{0.second:02d}",
}


@dataclass(frozen=True)
class Enum:
    """A value of a .NET enumeration: its name, its number, and the full name of the type."""

    name: str
    number: int
    type: str


@dataclass(frozen=True)
class PsObject:
    """An object as Select-Object leaves it: the type it was selected from, and its properties in order."""

    type: str
    properties: tuple[tuple[str, Any], ...]

    @property
    def names(self) -> list[str]:
        """Names of the properties."""
        return [name for name, _ in self.properties]


def local_text(time: datetime, culture: str) -> str:
    """A time as ToString() prints it in a culture: local, whole seconds, without any zone."""
    half = "AM" if time.hour < 12 else "PM"
    return CULTURES[culture].format(time, hour12=(time.hour + 11) % 12 + 1, half=half)


def to_csv(objects: Sequence[PsObject], culture: str = "en-US", type_line: bool = True, delimiter: str = ",") -> str:
    """The text of Export-Csv; without `type_line` as -NoTypeInformation or PowerShell 7 write it."""
    if not objects:
        return ""
    rows = [f"#TYPE Selected.{objects[0].type}"] if type_line else []
    rows.append(delimiter.join(map(_quoted, objects[0].names)))
    rows += [delimiter.join(_quoted(_plain(value, culture)) for _, value in item.properties) for item in objects]
    return "".join(row + "\r\n" for row in rows)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _plain(value: Any, culture: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return local_text(value, culture)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, timedelta):
        return str(value).zfill(8)
    return str(value)


def to_json_51(objects: Sequence[PsObject]) -> str:
    r"""The text of ConvertTo-Json of Windows PowerShell 5.1: \/Date(ms)\/, numbers for enumerations."""
    return _json(objects, _json_51, "  ", 4)


def to_json_7(objects: Sequence[PsObject]) -> str:
    """The text of ConvertTo-Json of PowerShell 7: ISO 8601 with offset, numbers for enumerations."""
    return _json(objects, _json_7, " ", 2)


def _json(objects: Sequence[PsObject], dumped: Callable[[Any], str], gap: str, indent: int) -> str:
    single = len(objects) == 1
    margin = "" if single else " " * indent
    inner = margin + " " * indent
    items = []
    for item in objects:
        pairs = [f"{inner}{json.dumps(name)}:{gap}{dumped(value)}" for name, value in item.properties]
        items.append(f"{margin}{{\r\n" + ",\r\n".join(pairs) + f"\r\n{margin}}}")
    return items[0] + "\r\n" if single else "[\r\n" + ",\r\n".join(items) + "\r\n]\r\n"


def _json_51(value: Any) -> str:
    if isinstance(value, datetime):
        ms = round((value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
        return rf'"\/Date({ms})\/"'
    escaped = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>'&"}
    return _json_other(value).translate(escaped)


def _json_7(value: Any) -> str:
    if isinstance(value, datetime):
        return f'"{iso(value)}"'
    return _json_other(value)


def _json_other(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.number)
    if isinstance(value, timedelta):
        return json.dumps(str(value).zfill(8))
    return json.dumps(str(value) if isinstance(value, UUID) else value, ensure_ascii=False)


def iso(time: datetime) -> str:
    """Round-trip format with seven digits of the fraction and the offset, as .NET writes it."""
    offset = time.strftime("%z")
    zone = "Z" if time.tzinfo is UTC else f"{offset[:3]}:{offset[3:]}"
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}0{zone}"


def to_clixml(objects: Sequence[PsObject]) -> str:
    """The text of Export-Clixml: objects with type names, enumerations with text and number, dates with offset."""
    writer = _Clixml()
    body = "".join(writer.item(item) for item in objects)
    return f'<Objs Version="1.1.0.1" xmlns="{CLIXML}">\r\n{body}</Objs>'


class _Clixml:
    """Numbers objects and type lists while it writes them."""

    def __init__(self) -> None:
        self.objects = 0
        self.types: dict[tuple[str, ...], int] = {}

    def item(self, item: PsObject) -> str:
        number = self._next()
        types = (f"Selected.{item.type}", "System.Management.Automation.PSCustomObject", "System.Object")
        head = f'  <Obj RefId="{number}">\r\n    {self._types(types)}\r\n    <MS>\r\n'
        fields = "".join(f"      {self._field(name, value)}\r\n" for name, value in item.properties)
        return head + fields + "    </MS>\r\n  </Obj>\r\n"

    def _next(self) -> int:
        self.objects += 1
        return self.objects - 1

    def _types(self, names: tuple[str, ...]) -> str:
        known = self.types.get(names)
        if known is not None:
            return f'<TNRef RefId="{known}" />'
        self.types[names] = len(self.types)
        inside = "".join(f"<T>{escape(name)}</T>" for name in names)
        return f'<TN RefId="{self.types[names]}">{inside}</TN>'

    def _field(self, name: str, value: Any) -> str:
        if isinstance(value, Enum):
            number = self._next()
            types = self._types((value.type, "System.Enum", "System.ValueType", "System.Object"))
            inside = f"{types}<ToString>{value.name}</ToString><I32>{value.number}</I32>"
            return f'<Obj N="{name}" RefId="{number}">{inside}</Obj>'
        if value is None:
            return f'<Nil N="{name}" />'
        tag, text = _simple(value)
        return f'<{tag} N="{name}">{escape(text)}</{tag}>'


def _simple(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return "B", str(value).lower()
    if isinstance(value, int):
        return ("I32" if abs(value) < 1 << 31 else "I64"), str(value)
    if isinstance(value, datetime):
        return "DT", iso(value)
    if isinstance(value, timedelta):
        return "TS", f"PT{int(value.total_seconds())}S"
    if isinstance(value, UUID):
        return "G", str(value)
    return "S", str(value)
