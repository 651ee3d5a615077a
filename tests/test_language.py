"""A language is one file: it says every text of a report, keeps every place, and leaves evidence as it is."""

from __future__ import annotations

import html as markup
import re
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from story import story

from kit import page, plots
from kit.docs import texts
from kit.errors import ParameterError
from kit.judgement.analysis import Analysis
from kit.page import language
from kit.page.language import Language, say, say_n, speaking, stored
from kit.page.part import Drawing
from kit.page.when import duration, number
from kit.report.summary import summary

OTHERS = [code for code in language.known() if code != language.ENGLISH]
HEX = re.compile(r"\b0x[0-9a-f]+\b|\b(?=\w*\d)[0-9a-f]{4,}\b")  # offsets, ids and hashes, shortened
PARTS = [name for name in page.__all__ if name not in ("Drawing", "Part", "Parts", "View")]


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_every_text_of_a_report(code: str) -> None:
    said, kept, unused = texts.lacking(code)
    rules = {text: where for text, where in kept.items() if where.startswith("knowledge")}
    assert said == {}, "run python -m kit.docs.texts to print what is missing"
    assert {text: where for text, where in kept.items() if text not in rules} == {}
    assert unused == [], "texts that nobody says any more"
    assert len(rules) < 40, f"meanings of rules without a translation: {list(rules)}"


@pytest.mark.parametrize("code", OTHERS)
def test_no_place_is_lost_in_translation(code: str) -> None:
    assert texts.places_lost(code) == []
    made = language.language(code)
    for english, own in {**made.texts, **made.sentences}.items():
        assert own.strip() or not english.strip(), english
        assert english[:1].isspace() == own[:1].isspace() or english.startswith(","), english
        assert english.count("<b>") == own.count("<b>") and english.count("<") == own.count("<"), english


def test_a_lost_place_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = language.parsed("xx", '[texts]\n"a {count}" = "b"\n"c" = "{d}"\n[sentences]\n"{text}: x" = "x: {text}"\n')
    monkeypatch.setattr(texts, "language", lambda code: bad)
    assert texts.places_lost("xx") == ["a {count}", "c"]


def test_what_a_file_lacks_is_said_in_english() -> None:
    with speaking(Language("xx", texts={"yes": "oui"})):
        assert (say("yes"), say("no")) == ("oui", "no")
        assert say_n(1, "{count} point", "{count} points") == "1 point"
    assert say("yes") == "yes", "the language ends with its block"


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ParameterError, match="language 'tlh' is unknown; there are: en, de"):
        language.language("tlh")
    with pytest.raises(ParameterError, match=r"kit/languages/xx\.toml cannot be read"):
        language.parsed("xx", "no = [toml")


def test_german_writes_dates_numbers_and_lists_its_own_way() -> None:
    with speaking("de"):
        assert number(1234.5, 1) == "1\u202f234,5"
        assert duration(183_600) == "2 Tg. 3 h"
        assert page.head(story().in_language("de")).text.endswith("alle Zeiten UTC+02:00")


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("master and R and D: frozen for 0.4 to 2.1 s and resumed, no abort.",
         "master und R and D: 0,4 bis 2,1 s eingefroren und fortgesetzt, kein Abbruch."),
        ("The guest's logs have a gap or end around 3 Mar 02:00:03.",
         "Die Protokolle des Gasts haben um 3. März 02:00:03 eine Lücke oder enden dort."),
        ("record numbers 63127 to 63161 are missing", "Eintragsnummern 63127 bis 63161 fehlen"),
        ("a sentence that nobody translated", "a sentence that nobody translated"),
        ("{names}: no place of ours", "{names}: no place of ours"),
    ],
)  # fmt: skip
def test_sentences_of_tables_are_said_and_the_evidence_in_them_kept(english: str, german: str) -> None:
    with speaking("de"):
        assert stored(english, ["master", "R and D"]) == german
    assert stored(english) == english


def test_a_database_called_and_stays_whole() -> None:
    with speaking("de"):
        assert stored("R and D: the test boot shows no completed recovery.", ["R and D"]).startswith("R and D: ")
        assert stored("clean: the test boot shows no completed recovery.", ["clean"]).startswith("clean: ")


@cache
def bracketed() -> Language:
    """A language that puts every text it says into brackets, so that what was never said stands outside."""
    own = language.language("de")
    said = {text: f"⟦{text}⟧" for text in texts.texts()}
    return Language("xx", "X", texts=said, sentences={text: f"⟦{text}⟧" for text in own.sentences})


def outside(text: str) -> str:
    """What stands outside all brackets."""
    depth, kept = 0, []
    for char in text:
        depth += (char == "⟦") - (char == "⟧")
        kept.append(char if depth == 0 else " ")
    return "".join(kept).replace("⟧", " ")


@cache
def told() -> Analysis:
    return story()


@cache
def evidence_words() -> set[str]:
    """Every word of the evidence, and the vendor's words that are no text of the kit."""
    analysis = told()
    found = {"strict", "utc", "mssqlserver", "figure", "table"}
    for frame in analysis.tables.values():
        for column in frame.columns:
            for value in frame[column].explode().dropna().unique():
                found |= set(re.findall(r"[a-z]{3,}", str(value).lower()))
    return found | set(re.findall(r"[a-z]{3,}", str(dict(analysis.meta)).lower()))


@pytest.mark.parametrize("name", PARTS)
def test_every_word_of_a_part_is_said(name: str) -> None:
    analysis = told()
    with speaking(bracketed()):
        made = getattr(page, name)(analysis).html
    plain = re.sub(r"<code>.*?</code>", " ", re.sub(r'(?:aria-label|title)="([^"]*)"[^>]*>', r"> \1 ", made))
    left = HEX.sub("", outside(markup.unescape(re.sub(r"<[^>]+>", "\n", plain))).lower())
    known = evidence_words() | {"documented"}
    references = set(re.findall(r"[a-z]{3,}", left)) if name == "rule_list" else set()
    assert set(re.findall(r"[a-z]{3,}", left)) - known - references == set()


@pytest.mark.parametrize("name", plots.__all__)
def test_every_word_of_a_figure_is_said(name: str) -> None:
    analysis = told()
    with speaking(bracketed()):
        made = getattr(plots, name)(analysis).parts
    assert made
    for one in made:
        assert isinstance(one, Drawing)
        for words in (one.caption, one.alternative, one.numbers, one.key):
            left = outside(markup.unescape(re.sub(r"<[^>]+>", "\n", str(words)))).lower()
            assert set(re.findall(r"[a-z]{3,}", left)) - evidence_words() == set()


def test_a_german_summary_has_the_numbers_of_the_english_one() -> None:
    english, german = summary(story()), summary(story().in_language("de"))
    assert "43 are supported" in english
    assert "43 gestützt" in german
    assert re.findall(r"\b\d\d:\d\d\b", german) == re.findall(r"\b\d\d:\d\d\b", english)
    assert "recovery point" not in german


def test_the_tool_prints_what_a_language_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    texts.main("en")
    said = capsys.readouterr().out
    assert '# kit/page/answer.py\n"Of {count} recovery points{of_vm} that claim application consistency' in said
    assert '"the point does not claim application consistency" = ""' in said


def test_the_command_refuses_an_unknown_language(tmp_path: Path) -> None:
    from kit.cli import cli

    saved = str(story().save(tmp_path / "a"))
    made = CliRunner().invoke(cli, ["report", saved, "--lang", "tlh", "--out", str(tmp_path / "r")])
    assert made.exit_code != 0
    assert not (tmp_path / "r").exists()


def test_the_portfolio_speaks_too() -> None:
    from test_batch import RESULTS

    from kit.batch import portfolio

    made = portfolio.page(RESULTS, language="de")
    assert '<html lang="de"' in made
    assert "1 von 4 Fällen hat einen widerlegten Wiederherstellungspunkt" in made
    assert "Since the last run" not in made
    assert "Since the last run" in portfolio.page(RESULTS)
