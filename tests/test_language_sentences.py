"""Sentences that the tables of cases hold: a language knows each of them, and what it makes of them keeps numbers."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

import kit
from kit.judgement import analyze
from kit.judgement.analysis import Analysis
from kit.page import language
from kit.page.language import speaking, stored
from kit.page.steps import step_words

CASE = Path(__file__).resolve().parent.parent / "data" / "practice"
SAID = {
    "findings": ["statement"], "verdicts": ["alternatives", "missing", "readings"], "advice": ["reason"],
    "missing": ["what", "why"], "expected_points": ["reason"], "operations": ["requestor_reason", "last_phase"],
    "boots": ["test_failover_reason"], "losses": ["reason"],
}  # fmt: skip
OTHERS = [code for code in language.known() if code != language.ENGLISH]
pytestmark = pytest.mark.slow


@cache
def whole() -> Analysis:
    return analyze(kit.load_case(CASE))


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The same case with nothing but the exports of the replica host."""
    folder = tmp_path_factory.mktemp("poor") / "case"
    shutil.copytree(CASE / "replica", folder / "replica")
    return analyze(kit.load_case(folder))


def sentences(analysis: Analysis) -> dict[str, str]:
    """Every sentence of the tables that a page says, with the table and column that hold it."""
    found: dict[str, str] = {}
    for table, columns in SAID.items():
        for column in columns:
            for text in getattr(analysis, table)[column].explode().dropna().unique():
                found.setdefault(str(text), f"{table}.{column}")
    return found


def unsaid(analysis: Analysis, code: str) -> dict[str, str]:
    """Sentences that the language leaves in English."""
    names = sorted(analysis.verdicts["database"].dropna().unique())
    with speaking(code):
        return {text: where for text, where in sentences(analysis).items() if stored(text, names) == text}


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_the_practice_case_is_known(code: str) -> None:
    assert unsaid(whole(), code) == {}


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_a_case_without_guest_logs_is_known(code: str, poor: Analysis) -> None:
    assert unsaid(poor, code) == {}
    with speaking(code):
        for row in poor.actions.to_dict("records"):
            english = str(row["text"])
            assert all(part not in english for part in step_words(row) if part), english


@pytest.mark.parametrize("code", OTHERS)
def test_numbers_of_a_sentence_survive(code: str) -> None:
    with speaking(code):
        for text in sentences(whole()):
            digits = re.findall(r"\d+", text)
            assert sorted(re.findall(r"\d+", stored(text))) == sorted(digits), text
