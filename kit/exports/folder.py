"""`kit export`: a folder with the tables and the timeline of a case or report, and a list of what it holds."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kit import tables, windows
from kit.errors import ParameterError
from kit.exports import plain, timesketch
from kit.judgement import open_analysis
from kit.judgement.analysis import Analysis
from kit.report import publishing
from kit.words import counted

FORMATS = ("timesketch", "csv", "json", "jsonl")
LISTED = "export.json"
WRITERS: dict[str, Callable[[str, pd.DataFrame, Path], Path]] = {
    "csv": plain.write_csv, "json": plain.write_json, "jsonl": plain.write_jsonl,
}  # fmt: skip


def export(
    given: str | Path, out: str | Path, formats: Sequence[str] = FORMATS, vm: str | None = None,
    since: str | None = None, until: str | None = None, policy: str | None = None,
) -> str:  # fmt: skip
    """What `kit export` prints, after the files were written below `out`.

    given     a case, or a folder that kit analyze or kit report wrote
    formats   of FORMATS: csv, json and jsonl write every declared table, timesketch a timeline in both its forms
    Raises ParameterError for a folder that holds something else, and what `open_analysis` raises.
    """
    target = _target(Path(out), Path(given))
    analysis = open_analysis(given, policy=policy, vm=vm, since=since, until=until)
    with publishing.folder(target) as work:
        said, counts = _write(analysis, work, formats)
        listed = {
            "kit_version": analysis.meta.get("kit_version"), "report_id": analysis.meta.get("report_id"),
            "formats": list(formats), "files": [_item(work, path, counts) for path in _files(work)],
        }
        text = json.dumps(listed, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (work / LISTED).write_text(text, encoding="utf-8", newline="\n")
        if target.exists():
            shutil.rmtree(target)
        windows.rename(work, target)
    return "\n".join([*said, f"Written: {target}"])


def _target(out: Path, given: Path) -> Path:
    """The folder to write. Refuses the evidence itself and a folder that holds anything but an earlier export."""
    target, evidence = out.resolve(), given.resolve()
    if target == evidence or target in evidence.parents or (evidence in target.parents and evidence.is_dir()):
        raise ParameterError(f"--out {out} and {given} lie in each other; choose another folder")
    if target.is_file():
        raise ParameterError(f"--out {out} is a file; name a folder")
    if target.is_dir() and any(target.iterdir()) and not (target / LISTED).is_file():
        raise ParameterError(f"--out {out} is not empty and holds no export; choose another folder")
    return target


def _write(analysis: Analysis, work: Path, formats: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    said, counts = [], {}
    for ending in formats:
        if ending == "timesketch":
            found, untimed = timesketch.timeline(analysis)
            for path in (timesketch.write_jsonl(found, work / "timesketch.jsonl"),
                         timesketch.write_csv(found, work / "timesketch.csv")):
                counts[path.name] = len(found)
            left = f"; {counted(untimed, 'row')} without a time left out" if untimed else ""
            said.append(f"timesketch.jsonl, timesketch.csv: {counted(len(found), 'event')}{left}")
            continue
        folder = work / ending
        folder.mkdir()
        for name in tables.SCHEMAS:
            frame = getattr(analysis, name)
            path = WRITERS[ending](name, frame, folder / f"{name}.{ending}")
            counts[path.relative_to(work).as_posix()] = len(frame)
        said.append(f"{ending}/: {counted(len(tables.SCHEMAS), 'table')}")
    return said, counts


def _files(work: Path) -> list[Path]:
    return sorted(path for path in work.rglob("*") if path.is_file())


def _item(work: Path, path: Path, counts: dict[str, int]) -> dict[str, Any]:
    name = path.relative_to(work).as_posix()
    content = path.read_bytes()
    return {"path": name, "rows": counts[name], "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
