"""The log that events come from, where an export does not say: from the event sources that write to one log only."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAMES = {
    "Application": "appli(?:cati|ca[cz]|kation)|anwendung|aplica[cç]|приложени"
    "|アプリケーション|应用程序|應用程式|응용",
    "System": "syst[eèé]m|sistema|система|システム|系统|系統|시스템",
    "Security": "security|sicherheit|s[eé]curit[eé]|seguridad|segurança|sicurezza|безопасност",
    "Setup": "setup",
}
_OF_NAME = {channel: re.compile(pattern, re.IGNORECASE) for channel, pattern in _NAMES.items()}
_APPLICATION = frozenset({
    "mssqlserver", "sqlvdi", "sqlwriter", "sqlserveragent", "vss", "ese", "esent", "msiinstaller", "application error",
    "windows error reporting", "application hang", "microsoft-windows-security-spp", "microsoft-windows-capi2",
    "microsoft-windows-backup", "microsoft-windows-user profiles service", "msexchangeis", "certificateservicesclient",
})  # fmt: skip
_SYSTEM = frozenset({
    "service control manager", "eventlog", "microsoft-windows-eventlog", "volsnap", "ntfs", "disk", "user32", "w32time",
    "microsoft-windows-kernel-general", "microsoft-windows-kernel-power", "microsoft-windows-kernel-boot",
    "microsoft-windows-time-service", "microsoft-windows-ntfs", "microsoft-windows-filtermanager", "tcpip", "dhcp",
})  # fmt: skip
_INSTANCES = ("mssql$", "sqlagent$")


def named(file_name: str) -> str | None:
    """The log that the name of a file speaks of, in the languages of Windows; None where it names none or several."""
    found = {channel for channel, pattern in _OF_NAME.items() if pattern.search(file_name)}
    return found.pop() if len(found) == 1 else None


def written_by(providers: Iterable[str | None]) -> str | None:
    """The log that these event sources write to; None where they belong to several, or where none is known."""
    names = {name.casefold() for name in providers if name}
    application = any(name in _APPLICATION or name.startswith(_INSTANCES) for name in names)
    system = bool(names & _SYSTEM)
    if application == system:
        return None
    return "Application" if application else "System"
