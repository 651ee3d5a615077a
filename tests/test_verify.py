"""`kit verify`: the text and the status say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.audit.verify import verified
from kit.case import custody
from kit.errors import IntegrityError


def test_a_report_as_it_was_sealed_is_sound(sealed: Path) -> None:
    text, sound = verified(sealed, None, parsers=False)
    assert sound and "as they were sealed" in text


@pytest.mark.parametrize("path", ["case/ERRORLOG", "report/report.html", "report/manifest.json"])
def test_each_changed_file_is_named_and_the_report_is_not_sound(sealed: Path, path: str) -> None:
    changed = sealed.parent / path
    changed.write_bytes(changed.read_bytes() + b" ")
    text, sound = verified(sealed, None, parsers=False)
    assert not sound
    assert any(line.startswith(f"! {changed.name}: ") for line in text.splitlines())


def test_evidence_that_was_moved_is_found_where_it_is_said_to_be(sealed: Path) -> None:
    case, report = sealed.with_name("case"), sealed
    moved = case.rename(case.with_name("moved"))
    assert not verified(report, None, parsers=False)[1]
    assert verified(report, moved, parsers=False)[1]


def test_missing_evidence_is_not_called_sound_but_the_outputs_are(sealed: Path) -> None:
    case, report = sealed.with_name("case"), sealed
    case.rename(case.with_name("moved"))
    text, sound = verified(report, None, parsers=False)
    assert not sound
    assert "was not checked" in text and "outputs and ledger are as they were sealed" in text
    (report / "report.html").write_text("x", encoding="utf-8")
    assert "as they were sealed" not in verified(report, None, parsers=False)[0]


def test_the_hash_that_was_written_down_must_be_that_of_the_ledger(sealed: Path) -> None:
    report = sealed
    head = custody.head(report)
    assert f"Last hash of the ledger: {head}" in verified(report, None, parsers=False)[0]
    assert verified(report, None, False, seal=head.upper())[1]
    text, sound = verified(report, None, False, seal="0" * 64)
    assert not sound and "ledger.jsonl: ends with" in text


def test_hostile_names_of_files_do_not_reach_the_terminal(sealed: Path) -> None:
    try:
        (sealed / "a\x1b[2Jb\u202e.txt").write_text("x", encoding="utf-8")
    except OSError:
        pytest.skip("this system has no such names")
    text, sound = verified(sealed, None, parsers=False)
    assert sound and "\x1b" not in text and "\u202e" not in text and ".txt" in text


def test_files_of_a_user_are_named_and_the_report_stays_sound(sealed: Path) -> None:
    report = sealed
    (report / "notes.txt").write_text("called the customer", encoding="utf-8")
    (report / "\u202etxt.exe").write_bytes(b"x")
    text, sound = verified(report, None, parsers=False)
    assert sound
    assert "Not part of the report, and not vouched for: notes.txt and " in text
    assert "as they were sealed" in text and "\u202e" not in text
    (report / "report.html").write_text("x", encoding="utf-8")
    text, sound = verified(report, None, parsers=False)
    assert not sound and "notes.txt" in text and "as they were sealed" not in text


def test_a_folder_without_manifest_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="no folder of a report"):
        verified(tmp_path, None, parsers=False)
