"""Codes: every shape in which a number is written, and what the knowledge files say about it.

The tables stand in knowledge/codes.toml. A code or an enumeration value that they do not hold is unknown, never OK.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kit.errors import ParameterError, RuleError

FILE = Path(__file__).parent / "knowledge" / "codes.toml"

_HEX = re.compile(r"^-?(?:0x)?([0-9a-f]{1,8})(?:l|h)?$", re.IGNORECASE)
_DECIMAL = re.compile(r"^[-\u2212\u2013]?\d{1,10}$")
_WRAPPING = " \t\r\n.,;:()[]{}<>'\"%"
_WIN32_FACILITY = 0x8007_0000


@dataclass(frozen=True, slots=True)
class Code:
    """One reading of a code: its kind (hresult, win32, wininet, sql_server, ese), and what is known of it."""

    kind: str
    written: str  # the usual spelling of its kind
    symbol: str | None
    meaning: str
    root_cause: str | None = None
    known: bool = True


def number(text: str) -> int | None:
    """The unsigned 32-bit number that the text writes, or None.

    Read are 0x800423f4, 800423F4, -0x800423F2, -2147212300, 2147754996, %%2147942432 and, with the sign lost,
    2147221164 (an error code is never between 0x70000000 and 0x7FFFFFFF, so its negative is meant).
    """
    bare = text.strip(_WRAPPING)
    if _DECIMAL.match(bare):
        return _decimal(int(bare.replace("\u2212", "-").replace("\u2013", "-")))
    found = _HEX.match(bare)
    return int(found[1], 16) if found else None


def _decimal(value: int) -> int | None:
    if value < 0:
        return value + 2**32 if value >= -(2**31) else None
    if 0x7000_0000 <= value <= 0x7FFF_FFFF:
        return 2**32 - value
    return value if value < 2**32 else None


def hresult(text: str) -> str | None:
    """The HRESULT that the text writes as 0x and eight capital digits, or None."""
    value = number(text)
    return None if value is None else f"0x{value:08X}"


def readings(text: str) -> list[Code]:
    """Every reading of a code that the tables hold; where they hold none, one with `known` False.

    Empty when the text writes no number at all.
    """
    value = number(text)
    if value is None:
        return []
    found = list(_readings(value))
    return found or [Code("unknown", f"0x{value:08X}", None, "This code is unknown here; that says nothing good of it.",
                          known=False)]


def meaning(text: str) -> Code | None:
    """The first reading of a code, or None when the text writes no number."""
    return next(iter(readings(text)), None)


def _readings(value: int) -> Iterator[Code]:
    table = _tables()
    if code := _code("hresult", f"0x{value:08X}"):
        yield code
    low = value & 0xFFFF if value & 0xFFFF_0000 == _WIN32_FACILITY else value
    if value & 0xFFFF_0000 in (0, _WIN32_FACILITY):
        yield from _small(low, sql=low == value)
    signed = value - 2**32
    if str(signed) in table["ese"] and (code := _code("ese", str(signed))):
        yield code


def _small(value: int, sql: bool) -> Iterator[Code]:
    for kind in ("win32", "wininet", *(("sql_server",) if sql else ())):
        if value and (code := _code(kind, str(value))):
            yield code


def _code(kind: str, key: str) -> Code | None:
    entry = _tables()[kind].get(key)
    return Code(kind, key, entry.get("symbol") or None, entry["meaning"], entry.get("root_cause")) if entry else None


def of_symbol(symbol: str) -> Code | None:
    """The HRESULT or Windows error that a symbol such as VSS_E_WRITERERROR_TIMEOUT names; None when none does."""
    found = _symbols().get(symbol.strip(_WRAPPING).upper())
    return _code(*found) if found else None


@cache
def _symbols() -> Mapping[str, tuple[str, str]]:
    return {
        entry["symbol"]: (kind, key)
        for kind in ("win32", "hresult") for key, entry in _tables()[kind].items() if entry.get("symbol")
    }


def of_kind(kind: str, value: int) -> Code | None:
    """What the table of one kind says of a number; None when it is not there."""
    return _code(kind, f"0x{value:08X}" if kind == "hresult" else str(value))


def word(enumeration: str, value: int | str | None) -> str:
    """The word for a value of an enumeration; `unknown (n)` when the enumeration does not hold it."""
    names = enumerations().get(enumeration)
    if names is None:
        raise ParameterError(f"no enumeration is called {enumeration!r}; known: {', '.join(enumerations())}")
    if value is None:
        return "unknown"
    text = str(value).strip()
    spelled = {name.casefold(): name for name in names.values()}
    return names.get(text) or spelled.get(text.casefold()) or f"unknown ({text})"


def claim(snapshot_type: str | None) -> str:
    """What a snapshot type or VirtualSystemType claims: application_consistent, crash_consistent or unknown."""
    wanted = (snapshot_type or "").strip().casefold()
    return next((value for name, value in _tables()["claim"].items() if name.casefold() == wanted), "unknown")


def writer(class_id: str | None) -> str | None:
    """The name of a writer from its class id, or None."""
    found: str | None = _tables()["writer"].get((class_id or "").strip("{} ").lower())
    return found


@cache
def enumerations() -> Mapping[str, Mapping[str, str]]:
    """Every enumeration: its name, and number (as text) to word."""
    found: Mapping[str, Mapping[str, str]] = _tables()["enum"]
    return found


@cache
def _tables() -> Mapping[str, Any]:
    try:
        return tomllib.loads(FILE.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{FILE.name}: not a TOML file: {error}") from error
