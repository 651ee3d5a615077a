"""Forensic analysis kit for Hyper-V Replica, VSS and SQL Server.

    case = kit.load_case("folder")              every file with its account, tables, case.sql(...)
    analysis = kit.analyze(case)                verdicts, findings, operations, links, boots, recoveries, clocks
    kit.report(case, "report")                  the report folder
    kit.explain("0x800423f4")                   pasted events, codes, log lines
    kit.read("Application.evtx")                one file of any known format as frames
    kit.evtx.read("Application.evtx")           typed event data
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

# jsonschema imports this package only to check internationalised addresses, and compiling its grammar costs every
# process seconds. An entry of None makes that import fail at once, which jsonschema allows for.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "kit.judgement.analysis", "Case": "kit.case", "analyze": "kit.judgement", "load_case": "kit.case",
    "open_analysis": "kit.judgement", "read": "kit.case",
}
_MODULES = ("evtx", "explain", "report")
__all__ = sorted([*_HOMES, *_MODULES])


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for."""
    if name in _MODULES:
        return import_module(f"kit.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
