"""What an amended report says of the report that it amends: which one, of when, why, and what changed."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.audit.compare import differences
from kit.case import custody
from kit.errors import CaseError, IntegrityError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis

REASON = "not given; name it with --because"
MOST = 400  # lines that are kept; the page shows fewer


def amendment(
    analysis: Analysis, former: Path, because: str | None = None, asked: bool = False
) -> dict[str, Any] | None:
    """The entry `amends` of the analysis's meta data, or None where the report in `former` is not amended by it.

    A report of the same case under another report id is amended; with `asked` it must be one: then ParameterError says
    why it is none. Entries: report_id, issued (ISO 8601), manifest_sha256, reason, changes (lines of kit diff).
    """
    manifest = former / custody.MANIFEST
    if not manifest.is_file():
        return _refused(asked, f"--amends {former}: no report there")
    try:
        old = load_analysis(former, older=True)
    except CaseError as error:
        return _refused(asked, f"--amends {former}: cannot be compared: {error}")
    if old.meta.get("case_id") != analysis.meta.get("case_id"):
        cases = f"{old.meta.get('case_id')!r}, not of {analysis.meta.get('case_id')!r}"
        return _refused(asked, f"--amends {former}: is a report of case {cases}")
    if old.meta.get("report_id") == analysis.meta.get("report_id") and not (asked or because):
        return None
    lines = [str(line) for section in differences(old, analysis) for line in str(section).splitlines()]
    return {
        "report_id": old.meta.get("report_id"), "issued": _issued(former), "reason": because or REASON,
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(), "changes": lines[:MOST],
    }  # fmt: skip


def _refused(asked: bool, text: str) -> None:
    if asked:
        raise ParameterError(text)


def _issued(former: Path) -> str | None:
    """When the ledger says that a report was issued; None where it does not."""
    try:
        entries = custody.Ledger(former).entries()
    except (IntegrityError, OSError):
        return None
    moments = [str(entry["time"]) for entry in entries if entry.get("action") == "issued"]
    return datetime.fromisoformat(moments[-1]).isoformat() if moments else None
