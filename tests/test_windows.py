"""What Windows refuses and other systems allow, tested where it can be seen: folders in use, names, long paths."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story import story

import kit as package
from kit import report as module
from kit import windows
from kit.batch import jobs
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


@pytest.mark.parametrize("busy", [0, 2])
def test_a_folder_that_a_scanner_holds_for_a_moment_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    (tmp_path / "old").mkdir()
    real, calls = Path.rename, [0]

    def rename(self: Path, name: Path) -> Path:
        calls[0] += 1
        if calls[0] <= busy:
            raise PermissionError(13, "Access is denied", str(self))
        return real(self, name)

    monkeypatch.setattr(Path, "rename", rename)
    windows.rename(tmp_path / "old", tmp_path / "new", patience_s=5)
    assert [path.name for path in tmp_path.iterdir()] == ["new"] and calls == [busy + 1]


def test_a_folder_that_stays_in_use_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(self: Path, name: Path) -> Path:
        raise PermissionError(13, "Access is denied", str(self))

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(PermissionError):
        windows.rename(tmp_path / "old", tmp_path / "new", patience_s=0.2)


DEEP = "\\".join(["a folder of OneDrive"] * 13)


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("C:\\cases\\fabrikam", "C:\\cases\\fabrikam"),
        (f"C:\\{DEEP}\\x.evtx", f"\\\\?\\C:\\{DEEP}\\x.evtx"),
        (f"\\\\server\\share\\{DEEP}", f"\\\\?\\UNC\\server\\share\\{DEEP}"),
        (f"\\\\?\\C:\\{DEEP}", f"\\\\?\\C:\\{DEEP}"),
        (f"C:/{DEEP}/x.evtx", f"\\\\?\\C:\\{DEEP}\\x.evtx"),
    ],
)
def test_long_paths_take_the_form_that_windows_opens(path: str, made: str) -> None:
    assert windows.extended(path, "nt") == made
    assert windows.extended(path, "posix") == path


@pytest.mark.parametrize(
    ("entries", "made"),
    [
        (["CON.zip", "fab"], ["CON-case", "fab"]), (["nul", "com1.logs"], ["nul-case", "com1.logs-case"]),
        (["case .zip", "case..zip"], ["case", "case-2"]), (["Fab.zip", "fab"], ["Fab", "fab-2"]),
        (["fab", "fab.zip"], ["fab", "fab.zip"]), (["Console", "context"], ["Console", "context"]),
    ],
)  # fmt: skip
def test_every_report_of_a_batch_gets_a_folder_of_its_own_on_every_system(entries: list[str], made: list[str]) -> None:
    assert [name for _, name in jobs.names(entries)] == made


KIT = Path(module.__file__).parents[1]
SYSTEMS_OWN = {"fcntl", "resource", "pwd", "grp", "termios", "msvcrt", "winreg"}


def test_no_module_needs_what_one_system_alone_has() -> None:
    """Such imports stand behind a test of the system, if anywhere."""
    for path in KIT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not SYSTEMS_OWN & {name.split(".")[0] for name in names}, path


def test_text_files_are_never_read_or_written_in_the_encoding_of_the_console() -> None:
    for path in KIT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                positional = {"read_text": 0, "write_text": 1}.get(node.func.attr)
                named = any(one.arg == "encoding" for one in node.keywords)
                assert positional is None or named or len(node.args) > positional, f"{path}:{node.lineno}"


@pytest.mark.parametrize(("action", "name"), [("replace", "replace"), ("remove", "unlink")])
def test_a_file_that_a_scanner_holds_for_a_moment_is_replaced_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, name: str
) -> None:
    what, target = tmp_path / "new", tmp_path / "old"
    for path in (what, target):
        path.write_text(path.name, encoding="utf-8")
    real, calls = getattr(Path, name), []

    def held(self: Path, *given: Any, **options: Any) -> Any:
        calls.append(self)
        if len(calls) < 3:
            raise PermissionError("in use")
        return real(self, *given, **options)

    monkeypatch.setattr(Path, name, held)
    monkeypatch.setattr(windows, "_PAUSE_S", 0)
    getattr(windows, action)(what, *([target] if action == "replace" else []), patience_s=5.0)
    assert (what.exists(), len(calls)) == (False, 3)
    assert action == "remove" or target.read_text(encoding="utf-8") == "new"


def test_every_text_that_is_written_has_its_encoding_and_its_ends_of_lines() -> None:
    """What is hashed and compared must not depend on the system: Windows would write other ends of lines."""
    wrong = []
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write_text":
                named = {word.arg for word in node.keywords}
                if len(node.args) < 4 and not {"encoding", "newline"} <= named:
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []
