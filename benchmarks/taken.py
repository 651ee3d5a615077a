"""What a process has taken so far: peak memory and the CPU time of the processes it waited for, on any system.

A value that the system does not give is NaN, which the tables show as "not measured".
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

MIB = 1 << 20


def peak_mib() -> float:
    """The largest resident set of this process so far, in MiB."""
    if sys.platform == "win32":
        return _windows_peak() / MIB
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage it does not begin with the size of the process that started this one
        kib = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return float(next(kib, "nan")) / 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def children_cpu_s() -> float:
    """CPU seconds of all processes that this one started and waited for; NaN on Windows, which does not add them up."""
    if sys.platform == "win32":
        return math.nan
    spent = os.times()
    return spent.children_user + spent.children_system


def said(value: float, digits: int = 1) -> str:
    """The number as tables show it."""
    return "not measured" if math.isnan(value) else f"{value:,.{digits}f}"


def _windows_peak() -> float:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h."""

        _fields_ = (
            ("cb", wintypes.DWORD), ("PageFaultCount", wintypes.DWORD), ("PeakWorkingSetSize", ctypes.c_size_t),
            *((name, ctypes.c_size_t) for name in (
                "WorkingSetSize", "QuotaPeakPagedPoolUsage", "QuotaPagedPoolUsage", "QuotaPeakNonPagedPoolUsage",
                "QuotaNonPagedPoolUsage", "PagefileUsage", "PeakPagefileUsage",
            )),
        )  # fmt: skip

    windll = getattr(ctypes, "WinDLL")  # noqa: B009  # absent elsewhere, which the type checker knows
    kernel, counters = windll("kernel32"), Counters(cb=ctypes.sizeof(Counters))
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    asked = kernel.K32GetProcessMemoryInfo
    asked.argtypes = (wintypes.HANDLE, ctypes.POINTER(Counters), wintypes.DWORD)
    done = asked(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return float(counters.PeakWorkingSetSize) if done else math.nan
