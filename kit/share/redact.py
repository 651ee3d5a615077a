"""An analysis with every name replaced: tables first, so that no picture, sentence or hover text can hold one.

Exported properties that no page needs are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from kit import tables
from kit.judgement.analysis import Analysis
from kit.share.collected import COLUMNS
from kit.share.policy import SHOWN
from kit.share.pseudonyms import Names

LEFT_OUT = {"events": ["data"], "replication": ["data"], "records": ["data"], "matches": ["captured"]}
EMPTIED = ("records", "writers", "referee")  # nothing of the page reads them
UNTOUCHED = {"sources": {"sha256", "source_id", "reader", "status", "zone", "time_basis"}}
PLAIN = frozenset({  # columns of our own words, numbers and hashes
    "uid", "source_id", "source_ids", "evidence", "image_evidence", "items", "row_id", "class", "verdict", "pattern",
    "status", "severity", "phase", "claimed", "snapshot_type", "role", "time_basis", "integrity", "outcome",
    "requestor", "link_method", "strength", "hresult", "last_phase", "mode",
})  # fmt: skip
TITLE = "Redacted copy"
_OWN = ("policy", "tolerance_s", "zone", "first_time", "last_time", "collected", "kit_version", "rules_version",
        "rules_run", "versions", "language")
_TIME = re.compile(r"[\d\s.,:/TZ+\-]*(?:[AaPp]\.?[Mm]\.?)?")


def redacted(analysis: Analysis, names: Names, show: frozenset[str] = frozenset()) -> Analysis:
    """The analysis with every name replaced in every table, and what no page needs left out.

    show   fields of the head (title, examiner, requester) that are told, with names replaced in them too
    """
    made = {}
    for name, frame in analysis.tables.items():
        if name in EMPTIED:
            made[name] = tables.empty(name)
            continue
        changed = {
            column: _column(name, column, frame[column], names) for column in frame.columns if is_text(frame[column])
        }
        made[name] = tables.check(name, frame.assign(**changed))
    return Analysis(_meta(analysis, names, show), made)


def _meta(analysis: Analysis, names: Names, show: frozenset[str]) -> dict[str, Any]:
    given = analysis.meta
    made = {name: value if name in _OWN else _told(value, names) for name, value in given.items()}
    hidden: dict[str, str | None] = {name: None for name in SHOWN if name not in show}
    if not made.get("title") or "title" not in show:
        hidden["title"] = TITLE
    return made | hidden | {
        "case_id": "shared", "report_id": _report_id(analysis, names), "redaction": names.counts(),
    }  # fmt: skip


def _told(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return names.text(value)
    if isinstance(value, Mapping):
        return {name: _told(one, names) for name, one in value.items()}
    if isinstance(value, list):
        return [_told(one, names) for one in value]
    return value


def _report_id(analysis: Analysis, names: Names) -> str:
    """The id without the name of the case: R-<date>-SHARED-<hash>."""
    parts = str(analysis.meta.get("report_id") or "R").split("-")
    middle = "-".join([*parts[:3], "SHARED", parts[-1]]) if len(parts) > 4 else f"{parts[0]}-SHARED-{parts[-1]}"
    return names.text(middle)


def _column(table: str, name: str, series: pd.Series, names: Names) -> pd.Series:
    if name in LEFT_OUT.get(table, ()):
        return pd.Series([None] * len(series), index=series.index, dtype=series.dtype)
    if name in PLAIN or name in UNTOUCHED.get(table, ()):
        return series
    if str(series.dtype).startswith("list<"):
        return _lists(series, names)
    kind = COLUMNS.get(name)
    known: dict[Any, str] = {value: _cell(name, kind, str(value), names) for value in series.dropna().unique()}
    return series.map(known, na_action="ignore").astype(series.dtype)


def _lists(series: pd.Series, names: Names) -> pd.Series:
    known: dict[str, str] = {}
    for value in series.explode().dropna().unique():
        known[str(value)] = names.text(str(value))
    listed = pa.array(series, from_pandas=True).to_pylist()
    made = [None if values is None else [known.get(str(one)) for one in values] for values in listed]
    return pd.Series(made, index=series.index, dtype=series.dtype)


def _cell(name: str, kind: str | None, value: str, names: Names) -> str:
    if name == "time_raw" and _TIME.fullmatch(value):
        return value
    if table_path(name):
        return names.text("/".join(names.exact("FILE", part) if part else part for part in value.split("/")))
    return names.exact(kind, value) if kind else names.text(value)


def table_path(name: str) -> bool:
    """Whether a column holds paths inside the case, whose parts are names of files and folders."""
    return name == "path"


def is_text(series: pd.Series) -> bool:
    """Whether a column holds text or lists of text."""
    return bool(pd.api.types.is_string_dtype(series)) or str(series.dtype).startswith("list<")
