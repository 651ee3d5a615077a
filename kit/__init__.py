"""Forensic analysis kit for Hyper-V Replica, VSS and SQL Server."""

from __future__ import annotations

import sys

# jsonschema imports this package only to check internationalised addresses, and compiling its grammar costs every
# process seconds. An entry of None makes that import fail at once, which jsonschema allows for.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

__version__ = "0.1.0"
