"""`kit doctor`: a missing part is named, a missing optional part is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import __version__, doctor
from kit.report import pdf


def test_it_names_the_version_the_parts_and_the_folders() -> None:
    text, sound = doctor.examined()
    assert text.startswith(f"kit {__version__}, Python 3.")
    for name in (*doctor.NEEDED, *doctor.OPTIONAL, "browser", "evidence store", "temporary"):
        assert name in text
    assert sound and "MISSING" not in text


def test_a_missing_library_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED", (*doctor.NEEDED, "no-such-distribution"))
    text, sound = doctor.examined()
    assert not sound
    assert "no-such-distribution MISSING: run python run.py setup" in text


def test_without_a_browser_only_pdf_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "browser", lambda: None)
    text, sound = doctor.examined()
    assert sound
    assert "browser        absent   PDF reports" in text


def test_a_browser_is_named_with_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "browser", lambda: Path("chromium"))
    assert "browser        present  PDF reports (chromium)" in doctor.examined()[0]


def test_a_folder_that_cannot_be_written_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    monkeypatch.setattr(doctor, "_folders", lambda: {"evidence store": file / "store"})
    text, sound = doctor.examined()
    assert not sound and "NOT WRITABLE" in text
