"""Practice cases with known answers: logs in their real binary formats, and the truth beside them.

Nothing here knows how the kit judges; the stories come from how Hyper-V Replica, VSS and SQL Server behave.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit.practice.case_files import write_case
from kit.practice.play import play
from kit.practice.scenario import Scenario
from kit.practice.truth import document, judge

__all__ = ["write_bundled", "write_practice"]


def write_practice(scenario: Scenario, case: Path, truth: Path) -> dict[str, Any]:
    """The truth about a scenario, after writing its case into a folder and the truth into a JSON file."""
    story = play(scenario)
    known = document(story, judge(story), write_case(story, case))
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(_dumped(known), encoding="utf-8", newline="\n")
    return known


def _dumped(known: dict[str, Any]) -> str:
    """JSON with one line for each point and each file of records, so that differences can be read."""
    rows = []
    for key, value in sorted(known.items()):
        if isinstance(value, list):
            inside = ",\n".join("  " + json.dumps(item, sort_keys=True) for item in value)
            rows.append(f"{json.dumps(key)}: [\n{inside}\n]")
        elif isinstance(value, dict):
            inside = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(value.items()))
            rows.append(f"{json.dumps(key)}: {{\n{inside}\n}}")
        else:
            rows.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def write_bundled(data: str | Path) -> dict[str, Any]:
    """The truth about the bundled case, after writing it to `practice` and `practice-truth` in a folder."""
    from kit.practice.bundled import scenario

    return write_practice(scenario(), Path(data) / "practice", Path(data) / "practice-truth" / "truth.json")
