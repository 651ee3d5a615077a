"""`kit share`: a copy of a report for others, in which names are replaced before anything is drawn.

Tables are redacted first; page, notebook and PDF are made from them, so that no picture or hover text holds a name.
Exported properties that no page needs are left out. A name that survives anywhere stops the copy.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from kit import tables
from kit.case import custody
from kit.errors import CaseError, GateError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis
from kit.report import notebooks
from kit.share.leaks import leaks
from kit.share.pseudonyms import COLUMNS, Names, collect, is_text

LEFT_OUT = {"events": ["data"], "replication": ["data"], "records": ["data"], "matches": ["captured"]}
EMPTIED = ("records", "writers", "referee")  # nothing of the page reads them
UNTOUCHED = {"sources": {"sha256", "source_id", "reader", "reader_version", "status", "zone", "time_basis"}}
PLAIN = frozenset({  # columns of our own words, numbers and hashes
    "uid", "source_id", "source_ids", "evidence", "image_evidence", "items", "row_id", "class", "verdict", "pattern",
    "status", "severity", "phase", "claimed", "snapshot_type", "role", "time_raw", "time_basis", "integrity", "outcome",
    "requestor", "link_method", "strength",
})  # fmt: skip
STAMP = (2014, 1, 1, 0, 0, 0)  # of every member of the archive: two copies of one report are alike


def share(report: str | Path, out: str | Path, keep: Iterable[str] = (), remove: Iterable[str] = ()) -> str:
    """What `kit share` prints, after the copy was written to `out` (a .zip) and the map of names beside it.

    keep    names that may stay; remove  further terms that must go
    A map beside `out` from an earlier copy is used again, so that pseudonyms stay the same. Raises GateError when a
    name survives in the copy: then nothing is written.
    """
    folder, target = Path(report), Path(out)
    if target.suffix.lower() != ".zip":
        raise ParameterError(f"--out {out}: name a .zip file")
    if not (folder / "report.html").is_file():
        raise CaseError(f"{folder}: no report there; run kit report first")
    analysis = load_analysis(folder)
    plan = target.with_name(f"{target.stem}.map.json")
    names = collect(analysis, _key(plan), keep, remove)
    redacted(analysis, names)  # once to learn the accounts and addresses that stand in texts, once to replace them all
    copy = redacted(analysis, names)
    with tempfile.TemporaryDirectory(prefix="kit-share-") as work:
        package = Path(work) / "report"
        package.mkdir()
        _render(copy, folder, package, names)
        _seal(package, names)
        _check(package, names)
        _pack(package, target)
    _write_private(plan, names.as_map())
    told = ", ".join(f"{count} {kind.lower()}" for kind, count in names.counts().items()) or "nothing"
    found = f"Replaced: {told}; no name was found in the copy afterwards."
    return f"Written: {target}\n{found}\nThe map of names stays here: {plan}"


def _key(plan: Path) -> bytes:
    if plan.is_file():
        try:
            return bytes.fromhex(json.loads(plan.read_text(encoding="utf-8"))["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise ParameterError(f"{plan}: is no map of names; move it away or name another --out") from error
    return secrets.token_bytes(32)


def redacted(analysis: Analysis, names: Names) -> Analysis:
    """The analysis with every name replaced in every table, and what no page needs left out."""
    made = {}
    for name, frame in analysis.tables.items():
        if name in EMPTIED:
            made[name] = tables.empty(name)
            continue
        changed = {
            column: _column(name, column, frame[column], names) for column in frame.columns if is_text(frame[column])
        }
        made[name] = tables.check(name, frame.assign(**changed))
    meta = dict(analysis.meta) | {
        "title": "Redacted copy", "case_id": "shared", "examiner": None, "requester": None,
        "question": names.text(analysis.meta["question"]) if analysis.meta.get("question") else None,
        "report_id": _report_id(analysis, names), "redaction": names.counts(),
    }  # fmt: skip
    return Analysis(meta, made)


def _report_id(analysis: Analysis, names: Names) -> str:
    """The id without the name of the case: R-<date>-SHARED-<hash>."""
    old = str(analysis.meta.get("report_id") or "R")
    parts = old.split("-")
    middle = "-".join([*parts[:3], "SHARED", parts[-1]]) if len(parts) > 4 else f"{parts[0]}-SHARED-{parts[-1]}"
    return names.text(middle)


def _column(table: str, name: str, series: pd.Series, names: Names) -> pd.Series:
    if name in LEFT_OUT.get(table, ()):
        return pd.Series([None] * len(series), index=series.index, dtype=series.dtype)
    if name in PLAIN or name in UNTOUCHED.get(table, ()):
        return series
    if str(series.dtype).startswith("list<"):
        return series.map(
            lambda values: [names.text(str(value)) for value in values] if values is not None else None,
            na_action="ignore",
        )
    kind = COLUMNS.get(name)
    known: dict[Any, str] = {
        value: names.exact(kind, str(value)) if kind else names.text(str(value)) for value in series.dropna().unique()
    }
    return series.map(known, na_action="ignore").astype(series.dtype)


def _render(copy: Analysis, folder: Path, package: Path, names: Names) -> None:
    """Page, notebook and PDF from the redacted tables, with the notebook that the report was made with."""
    from kit import report

    copy.save(package)
    template = notebooks.load(folder / report.NOTEBOOK)
    template.cells = [cell for cell in template.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in template.cells:
        cell.source = names.text(cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    report.render(copy, template, {"case": "."}, package, pdf=(folder / report.PDF).is_file())


def _seal(package: Path, names: Names) -> None:
    """Manifest and ledger over the copy itself: `kit verify` needs nothing else."""
    (package / "redaction.json").write_text(json.dumps({"replaced": names.counts()}, indent=1) + "\n", encoding="utf-8")
    before = custody.evidence(package / "tables", quiet=True)
    custody.Ledger(package).append("redacted copy made", replaced=names.counts())
    custody.seal(package, package / "tables", before)


def _check(package: Path, names: Names) -> None:
    found = leaks(package, names)
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise GateError(f"nothing was written, names survive in the copy: {'; '.join(map(str, found[:5]))}{more}")


def _pack(package: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in package.rglob("*") if path.is_file()):
                member = zipfile.ZipInfo(path.relative_to(package).as_posix(), STAMP)
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, where the system knows such a thing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
