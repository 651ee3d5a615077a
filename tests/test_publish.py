"""A folder that cannot be put in place says why, and the former one stays."""

from __future__ import annotations

import errno
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
