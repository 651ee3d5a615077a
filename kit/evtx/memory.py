"""Memory for batches: kept when it is freed, and faulted in by large pages.

A batch needs some dozens of large arrays for a moment. The C library of Linux gives each back to the system when it is
freed, and every page of the next one is then faulted in anew, which costs as much as decoding. Two settings of the
allocator change that, and a hint to the system makes the first use of that memory cost one fault for 2 MiB instead of
512. Elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import cache

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of mallopt(3)
_KEPT = 1 << 27  # bytes of freed memory that the process may keep
_LARGEST = 1 << 25  # larger arrays go back to the system; the allocator allows no more
_PREPARED = 3  # blocks just below that size which get large pages when they are first used
_HUGE_PAGE = 1 << 21


@cache
def keep_freed() -> None:
    """Asks the allocator, once a process, to keep freed memory of up to 128 MiB, and the system for large pages.

    Arrow then takes its memory there as well, instead of keeping another heap of its own.
    """
    if sys.platform != "linux":
        return
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
        _large_pages(library)
        pa.set_memory_pool(pa.system_memory_pool())
    except (OSError, AttributeError):
        return


def _large_pages(library: ctypes.CDLL) -> None:
    """Marks memory that the allocator is about to use. Nothing of it is touched, so nothing is taken yet."""
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = _LARGEST - mmap.PAGESIZE
    blocks = [library.malloc(size) for _ in range(_PREPARED)]
    for block in reversed(blocks):
        if block:
            start = -(-block // _HUGE_PAGE) * _HUGE_PAGE
            library.madvise(start, block + size - start, mmap.MADV_HUGEPAGE)
            library.free(block)
