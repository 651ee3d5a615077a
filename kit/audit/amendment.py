"""What an amended report says of the report that it amends: which one, of when, why, and what changed.

The entry `amends` of the meta data: report_id, issued (ISO 8601), manifest_sha256, reason, changes (lines of kit diff).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.audit.compare import differences
from kit.case import custody
from kit.errors import CaseError, IntegrityError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis

MOST = 400  # lines that are kept; the page shows fewer


@dataclass(frozen=True)
class Former:
    """The folder in which an amended report may lie, why it is amended, and whether it was named as one."""

    folder: Path
    because: str | None = None
    asked: bool = False

    def amended(self, analysis: Analysis) -> Analysis:
        """The analysis with the entry `amends` in its meta data, or as it is where it amends no report.

        A report of the same case under another id is amended. Raises ParameterError where a folder was named that holds
        no such report.
        """
        entry = self._entry(analysis)
        kept = {name: value for name, value in analysis.meta.items() if name != "amends"}
        if entry is None:
            return analysis if "amends" not in analysis.meta else replace(analysis, meta=kept)
        return replace(analysis, meta=kept | {"amends": entry})

    def _entry(self, analysis: Analysis) -> dict[str, Any] | None:
        manifest = self.folder / custody.MANIFEST
        if not manifest.is_file():
            return self._refused("no report there")
        try:
            old = load_analysis(self.folder, older=True)
        except CaseError as error:
            return self._refused(f"cannot be compared: {error}")
        if old.meta.get("case_id") != analysis.meta.get("case_id"):
            return self._refused(
                f"is a report of case {old.meta.get('case_id')!r}, not of {analysis.meta.get('case_id')!r}"
            )
        if old.meta.get("report_id") == analysis.meta.get("report_id") and not (self.asked or self.because):
            return None
        lines = [line for section in differences(old, analysis) for line in str(section).splitlines()]
        return {
            "report_id": old.meta.get("report_id"), "issued": _issued(self.folder), "reason": self.because,
            "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(), "changes": lines[:MOST],
        }  # fmt: skip

    def _refused(self, text: str) -> dict[str, Any] | None:
        """Nothing, where no folder was named."""
        if self.asked:
            raise ParameterError(f"--amends {self.folder}: {text}")
        return None


def _issued(former: Path) -> str | None:
    """When the ledger says that a report was issued; None where it does not."""
    try:
        entries = custody.Ledger(former).entries()
    except (IntegrityError, OSError):
        return None
    moments = [str(entry["time"]) for entry in entries if entry.get("action") == "issued"]
    return datetime.fromisoformat(moments[-1]).isoformat() if moments else None
