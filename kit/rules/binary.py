"""The Binary part of SQL Server's own event records: which error, how severe, which server and database."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_LONGEST = 4096


def sql_server_context(provider: str | None, binary: str) -> dict[str, Any]:
    """Error number, severity, server and session database of a SQL Server record; empty for other bytes.

    Layout: error number and severity as 32-bit numbers, then server name and database name, each as a 32-bit count of
    UTF-16 characters, the terminating zero included, and the characters. The database is the one the session stood
    in, which need not be the one the message is about; so it is captured as `session_database`.
    """
    if not provider or not provider.upper().startswith("MSSQL"):
        return {}
    return dict(_context(binary))


@lru_cache(maxsize=1024)
def _context(binary: str) -> dict[str, Any]:
    try:
        raw = bytes.fromhex(binary[: 2 * _LONGEST])
    except ValueError:
        return {}
    if len(raw) < 16:
        return {}
    error, severity = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:8], "little")
    server, rest = _name(raw[8:])
    database, _ = _name(rest)
    if severity > 25 or server is None:
        return {}
    found = {"error_number": error, "severity_number": severity, "server": server, "session_database": database}
    return {name: value for name, value in found.items() if value is not None}


def _name(raw: bytes) -> tuple[str | None, bytes]:
    count = int.from_bytes(raw[:4], "little")
    if len(raw) < 4 or count > 256 or len(raw) < 4 + 2 * count:
        return None, b""
    text = raw[4 : 4 + 2 * count].decode("utf-16-le", errors="replace").rstrip("\0")
    return text or None, raw[4 + 2 * count :]
