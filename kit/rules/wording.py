"""Text as rules see it: one spelling of quotes, blanks and known misspellings, and captures in their final form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kit import codes

JOINT = " | "
LONGEST = 32_768  # an event's text cannot be longer on Windows; a longer one is cut before any pattern sees it

_SPELLINGS = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d", '"'),
    **dict.fromkeys("\u00a0\u2007\u202f\u3000", " "),
    **dict.fromkeys("\u200b\u200e\u200f\u202a\u202c\ufeff\u0000", None),
    **dict.fromkeys("\u2010\u2011\u2212", "-"),
    "\uff1a": ":",
    "\uff08": "(",
    "\uff09": ")",
})
_MISSPELT = re.compile(r"\bSQLVM:", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WHOLE = ("count", "native_error", "os_error", "database_id", "severity_number", "seconds", "milliseconds")


def plain(text: str) -> str:
    """The text with straight quotes, ordinary blanks and without invisible marks."""
    if text.isascii():
        return _MISSPELT.sub("SQLVDI:", text[:LONGEST]) if "VM:" in text else text[:LONGEST]
    return _MISSPELT.sub("SQLVDI:", text[:LONGEST].translate(_SPELLINGS))


def joined(message: str | None, strings: Sequence[str | None] | None) -> str:
    """The text that patterns are tried on: the message, else the inserted strings joined by a bar."""
    if message:
        return plain(message)
    return plain(JOINT.join(part or "" for part in strings)) if strings else ""


def tidy(name: str, value: Any) -> Any:
    """A captured value in the form of the matches table; None when it is empty or does not fit."""
    return value if isinstance(value, (bool, int, float)) else _tidied(name, str(value))


@lru_cache(maxsize=4096)
def _tidied(name: str, value: str) -> Any:
    text = value.strip()
    if not text:
        return None
    if name in _WHOLE:
        return _whole(text)
    if name == "hresult":
        return codes.hresult(text)
    if name == "backup_set":
        found = _GUID.search(text)
        return found[0].upper() if found else text.strip("{}")
    if name in ("database", "writer", "volume", "instance", "routine"):
        return text.strip(" \t'\"") or None
    return text


def _whole(text: str) -> int | None:
    found = re.match(r"[-+]?\d[\d.,' ]*|0x[0-9a-f]+", text, re.IGNORECASE)
    if not found:
        return None
    digits = found[0]
    if digits[:2].lower() == "0x":
        return int(digits, 16)
    number = int(re.sub(r"[^\d-]", "", digits) or 0)
    return number if abs(number) < 2**63 else None


def instance_of(provider: str | None) -> str | None:
    """The SQL Server instance that an event source names: MSSQLSERVER, or the part after MSSQL$."""
    if not provider:
        return None
    upper = provider.upper()
    if upper == "MSSQLSERVER":
        return "MSSQLSERVER"
    return provider[6:] if upper.startswith("MSSQL$") and len(provider) > 6 else None
