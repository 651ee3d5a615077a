"""Notes of sources that the readers write: a language knows every one of them, whatever it is about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from kit.page import language
from kit.page.language import clauses, speaking

KIT = Path(language.__file__).resolve().parent.parent
FOLDERS = ("sources", "case", "evtx", "powershell")
# Functions that return a note or a part of one.
MADE = ("unknown_note", "note", "_remains_note", "_unread_note", "_no_list", "_refusal")
VALUES = ("7", "guest/x.log", "+01:00")  # what stands in the place of a variable part
KNOWN = {  # notes whose variable part is one of a few words
    "the log is {}": "the log is dirty and wrapped",
    "{}: numbered from the end of the file":
        "no order in the times, taken as newest first as Event Viewer saves: numbered from the end of the file",
    "{}: declare timezone for this source in case.toml":
        "7 lines may lie behind a change of daylight saving that the trace does not show: "
        "declare timezone for this source in case.toml",
    "times are written as UTC but lie {} h {} the UTC in the texts of Sysmon: they were local, and are corrected":
        "times are written as UTC but lie 2 h behind the UTC in the texts of Sysmon: "
        "they were local, and are corrected",
    "{} s{}: write it as offset_s of this computer under [[clock]]":
        "-61.5 s against dc1: write it as offset_s of this computer under [[clock]]",
    "local times read as {} ({}){}":
        "local times read as +01:00 (21 messages that also stand in the Application log; other offsets were seen that "
        "no zone explains); times beyond a possible change of daylight saving are only assumed: "
        "declare timezone in case.toml",
}  # fmt: skip
OTHERS = [code for code in language.known() if code != language.ENGLISH]


def notes() -> dict[str, str]:
    """Every note that stands in the code, its variable parts as `{}`, with the file that holds it."""
    found: dict[str, str] = {}
    for path in sorted(path for folder in FOLDERS for path in (KIT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for value in given(node):
                for text in written(value):
                    if " " in text.replace("{}", "").strip():
                        found.setdefault(text, path.relative_to(KIT).as_posix())
    return found


def given(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that become the note of a source."""
    if isinstance(node, ast.Call):
        yield from (word.value for word in node.keywords if word.arg in ("note", "problem"))
        called = node.func
        if getattr(called, "id", getattr(called, "attr", "")) == "unreadable":
            yield from node.args[1:2]
        if isinstance(called, ast.Attribute) and called.attr == "append" and getattr(called.value, "id", "") == "notes":
            yield from node.args
    if isinstance(node, ast.FunctionDef) and node.name in MADE:
        yield from (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value)


def written(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from written(value.body)
        yield from written(value.orelse)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in value.values)


def unsaid(text: str) -> list[str]:
    """Clauses of a note that stay English, with the values that leave the fewest."""
    made = []
    for values in product(VALUES, repeat=min(text.count("{}"), 3)):
        filled = KNOWN.get(text) or text.format(*[*values, *[values[-1] if values else ""] * text.count("{}")])
        said = clauses(filled)
        made.append([clause for clause in filled.split("; ") if " " in clause and clause in said])
    return min(made, key=len)


def test_the_search_finds_notes_of_every_kind() -> None:
    found = notes()
    assert len(found) > 30
    assert "newest first: numbered from the end of the file" in found
    assert any("{}" in text for text in found)


def test_a_note_that_a_semicolon_cuts_is_put_together() -> None:
    note = (
        "the same content as a.zip!/x: counted once, there; no zone is known: read as if it were UTC; "
        "declare timezone in case.toml; nobody ever wrote this"
    )
    with speaking("de"):
        assert clauses(note).endswith(
            "; keine Zone bekannt: gelesen, als wäre es UTC; timezone in case.toml angeben; nobody ever wrote this"
        )


def test_a_reason_with_a_semicolon_behind_what_is_missing_is_said_to_its_end() -> None:
    with speaking("de"):
        said = clauses(
            "logs of a test-failover machine: only the boot of a point shows what recovery did to each database; "
            "nothing can be confirmed without it"
        )
    assert said.endswith("ohne ihn ist nichts zu bestätigen")


@pytest.mark.parametrize("code", OTHERS)
def test_every_note_of_a_source_is_known(code: str) -> None:
    assert set(KNOWN) <= set(notes()), "notes that nobody writes any more"
    with speaking(code):
        left = {text: where for text, where in notes().items() if unsaid(text)}
    assert left == {}
