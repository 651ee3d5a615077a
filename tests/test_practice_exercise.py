"""The exercise of docs/practice.md: the solution's table is the truth of the cases that its command makes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kit.practice.generator import scenarios
from kit.practice.stage import play
from kit.practice.truth import judge

PAGE = Path(__file__).resolve().parent.parent / "docs" / "practice.md"
VERDICTS = ("confirmed", "supported", "inconclusive", "contradicted", "no_claim")


def test_the_table_of_the_solution_is_the_truth() -> None:
    text = PAGE.read_text(encoding="utf-8")
    command = re.search(r"--seed (\d+) --count (\d+)", text)
    assert command is not None
    seed, count = int(command[1]), int(command[2])
    for number in range(count):
        row = re.search(rf"^\| practice-{number:03d} \|(.+)\|$", text, re.MULTILINE)
        assert row is not None
        told = Counter(known.verdict for one in scenarios(seed, number) for known in judge(play(one)))
        assert [int(cell) for cell in row[1].split("|")] == [told[verdict] for verdict in VERDICTS]
