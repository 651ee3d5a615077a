"""Practice cases with known answers: logs in their real binary formats, and the truth beside them.

Nothing here knows how the kit judges; the stories come from how Hyper-V Replica, VSS and SQL Server behave.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit.errors import ParameterError
from kit.practice.bundled import scenario as bundled_scenario
from kit.practice.case_files import write_case
from kit.practice.generator import scenarios as generated_scenarios
from kit.practice.scenario import Scenario
from kit.practice.scoring import Score, report, score
from kit.practice.stage import play
from kit.practice.truth import document

__all__ = ["Score", "generate", "report", "score", "write_bundled", "write_practice"]


def write_practice(scenarios: Sequence[Scenario], case: Path, truth: Path) -> dict[str, Any]:
    """The truth about a case of one or more machines, after writing its folder, and the truth into a JSON file."""
    stories = [play(scenario) for scenario in scenarios]
    known = document(stories, write_case(stories, case))
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(_dumped(known), encoding="utf-8", newline="\n")
    return known


def generate(out: str | Path, seed: int | str, count: int) -> list[Path]:
    """The folders of `count` new practice cases below `out`; the truth of each stands beside it as NAME.truth.json.

    The same seed gives the same cases. Raises ParameterError when a folder of that name already holds something.
    """
    folder, made = Path(out), []
    for number in range(count):
        scenarios = generated_scenarios(seed, number)
        case = folder / scenarios[0].case_id
        if case.exists() and any(case.iterdir()):
            raise ParameterError(f"{case} is not empty: choose another folder for --out")
        write_practice(scenarios, case, folder / f"{case.name}.truth.json")
        made.append(case)
    return made


def write_bundled(data: str | Path) -> dict[str, Any]:
    """The truth about the bundled case, after writing it to `practice` and `practice-truth` in a folder."""
    return write_practice([bundled_scenario()], Path(data) / "practice", Path(data) / "practice-truth" / "truth.json")


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
