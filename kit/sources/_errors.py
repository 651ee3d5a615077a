"""The line of numbers that SQL Server writes before the text of an error: error, severity, state, in any language."""

from __future__ import annotations

import re

_NUMBERS = re.compile(
    r"\D{2,40}?[:：]\s*(\d{1,9})[,،、，]\s*\D{2,40}?[:：]\s*(\d{1,2})[,،、，]\s*\D{1,40}?[:：]\s*(\d{1,5})\s*[.。]?\s*"
)


def numbers_of(text: str) -> tuple[int, int, int] | None:
    """Error, severity and state of a text that holds these three labelled numbers and nothing else."""
    found = _NUMBERS.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def level(severity: int) -> int:
    """Severity 0 to 10 is information, 11 and more an error."""
    return 2 if severity > 10 else 4
