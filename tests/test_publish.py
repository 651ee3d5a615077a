"""A folder that cannot be put in place says why, and the former one stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kit.errors import ExportError
from kit.report import publishing


@pytest.mark.parametrize("failing", [1, 2], ids=["former report held open", "new report held open"])
def test_a_folder_that_a_program_holds_open_is_named_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Windows refuses to rename a folder while a file in it is open."""
    target, work = tmp_path / "out", tmp_path / "work"
    for folder, name in ((target, "former"), (work, "new")):
        folder.mkdir()
        (folder / name).write_text(name, encoding="utf-8")
    real, calls = Path.rename, [0]

    def rename(self: Path, name: Path) -> Path:
        calls[0] += 1
        if calls[0] == failing:
            raise PermissionError(errno.EACCES, "Access is denied", str(self))
        return real(self, name)

    monkeypatch.setattr(Path, "rename", rename)
    named = r"out could not be put in place \(Access is denied\): close every program"
    with pytest.raises(ExportError, match=named):
        publishing.publish(work, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "work"]
    assert [path.name for path in target.iterdir()] == ["former"]


def test_what_a_killed_run_left_is_cleared_a_day_later_and_what_works_now_stays(tmp_path: Path) -> None:
    target = tmp_path / "out"
    old, young, others = (tmp_path / name for name in (".out.partial-1", ".out.partial-2", ".out2.partial-3"))
    for left in (old, young, others):
        left.mkdir()
    for left in (old, others):
        os.utime(left, (0, 0))
    with publishing.folder(target):
        assert [left.exists() for left in (old, young, others)] == [False, True, True]


def test_a_report_that_was_about_to_be_replaced_returns(tmp_path: Path) -> None:
    former = tmp_path / ".out.old-1234"
    former.mkdir()
    (former / "mine.txt").write_text("mine", encoding="utf-8")
    with publishing.folder(tmp_path / "out"):
        assert (tmp_path / "out" / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert not former.exists()
