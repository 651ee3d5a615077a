"""The kit on practice cases: stories and truth know nothing of the judgement, and it knows nothing of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kit.case import load_case
from kit.judgement import analyze
from kit.judgement.verdicts_json import document
from kit.practice import generate, report, score

DATA = Path(__file__).resolve().parent.parent / "data"


def judged(folder: Path) -> dict[str, Any]:
    return document(analyze(load_case(folder, quiet=True)))


def test_the_bundled_case_is_judged_as_its_story_goes(tmp_path: Path) -> None:
    shutil.copytree(DATA / "practice", tmp_path / "practice")
    shutil.copyfile(DATA / "practice-truth" / "truth.json", tmp_path / "practice.truth.json")
    made = score(tmp_path, judged)
    assert made.false_assurances == [], report(made)
    assert made.passed, report(made)


@pytest.mark.slow
def test_generated_cases_get_no_false_assurance_and_few_open_points(tmp_path: Path) -> None:
    generate(tmp_path, seed=2024, count=4)
    made = score(tmp_path, judged)
    assert made.false_assurances == [], report(made)
    assert made.passed, report(made)


def test_a_point_names_each_other_explanation_once() -> None:
    """Databases of one operation are frozen for times of their own; the machine's row speaks of the longest."""
    for point in judged(DATA / "practice")["recovery_points"]:
        heads = [text.split(":")[0] for text in point["alternatives"]]
        assert len(heads) == len(set(heads)), point["alternatives"]
