"""What Windows refuses and other systems allow, tested where it can be seen: folders in use, names, long paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import story

from kit import report as module
from kit.report import publishing, running


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Path]:
    yield story().save(tmp_path / "fabrikam")
    running.stop()


def processes() -> list[int]:
    """This process and all that came from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    family = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sorted(family)


def held(folder: Path) -> list[str]:
    """What these processes hold of a folder: working folders, open files, mapped files."""
    found = []
    for process in processes():
        place = Path(f"/proc/{process}")
        try:
            links = [place / "cwd", *(place / "fd").iterdir()]
            maps = (place / "maps").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found += [f"{process} {link.name}" for link in links if _target(link).startswith(str(folder))]
        found += [f"{process} mapped" for line in maps.splitlines() if str(folder) in line]
    return found


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("isolated", [False, True], ids=["warm kernel", "own kernel"])
def test_nobody_stands_in_the_folder_that_is_to_be_renamed(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    seen: list[Any] = []
    real = publishing.publish

    def publish(work: Path, target: Path) -> None:
        seen.append(held(work))
        real(work, target)

    monkeypatch.setattr(publishing, "publish", publish)
    module.report(judged, tmp_path / "report", isolated=isolated)
    module.report(judged, tmp_path / "report", isolated=isolated)  # replaces the first: nobody holds that either
    assert seen == [[], []]
    assert held(tmp_path) == []


def test_the_test_itself_sees_who_holds_a_file(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    with (tmp_path / "x").open("w", encoding="utf-8"):
        assert len(held(tmp_path)) == 1
    assert held(tmp_path) == []
