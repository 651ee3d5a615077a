"""Freed memory kept for the next batch.

A batch needs some dozens of large arrays for a moment. The C library of Linux gives each back to the system when it is
freed, and every page of the next one is then faulted in anew, which costs as much as decoding. Two settings of the
allocator change that; elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of mallopt(3)
_KEPT = 1 << 27  # bytes of freed memory that the process may keep
_LARGEST = 1 << 25  # larger arrays go back to the system; the allocator allows no more


@cache
def keep_freed() -> None:
    """Asks the allocator of this process, once, to keep freed memory of up to 128 MiB."""
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_TRIM_THRESHOLD, _KEPT)
    mallopt(_MMAP_THRESHOLD, _LARGEST)
