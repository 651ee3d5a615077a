"""Codes: every shape in which a number is written, and what the knowledge files say about it.

The tables stand in knowledge/codes.toml. A code or an enumeration value that they do not hold is unknown, never OK.
"""

from __future__ import annotations

import re

_HEX = re.compile(r"^-?(?:0x)?([0-9a-f]{1,8})(?:l|h)?$", re.IGNORECASE)
_DECIMAL = re.compile(r"^-?\d{1,10}$")
_WRAPPING = " \t\r\n.,;:()[]{}<>'\"%"


def number(text: str) -> int | None:
    """The unsigned 32-bit number that the text writes, or None.

    Read are 0x800423f4, 800423F4, -0x800423F2, -2147212300, 2147754996, %%2147942432 and, with the sign lost,
    2147221164 (an error code is never between 0x70000000 and 0x7FFFFFFF, so its negative is meant).
    """
    bare = text.strip(_WRAPPING)
    if _DECIMAL.match(bare):
        return _decimal(int(bare))
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
