"""What the docs say is true: every command in them exists, and the tutorial's numbers are those of the case."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

import kit
from kit import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARTS = ("demo", "test", "lab", "kit", "docs", "setup")


def lines(page: Path) -> list[str]:
    """The commands of a page: indented lines that begin with one, and pieces of text in backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    pieces = [*blocks, *re.findall(r"`([^`\n]+)`", text)]
    return [re.split(r"\s{2,}", one)[0] for one in pieces if re.match(r"(?:python run\.py|kit) [a-z]", one)]


def words(command: str) -> list[str]:
    """The arguments of `kit`, or none for another part of run.py."""
    found = shlex.split(command.replace("\\", "/"))
    if found[0] == "kit":
        return found[1:]
    assert found[2] in PARTS, command
    return found[3:] if found[2] == "kit" else [found[2]] if found[2] in ("demo", "lab") else []


COMMANDS = sorted({line for page in PAGES for line in lines(page)})


def test_the_docs_hold_commands() -> None:
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_docs_exists_with_its_options(command: str) -> None:
    given = words(command)
    if not given:
        return
    assert given[0] in cli.cli.commands, command
    known = {name for one in cli.cli.commands[given[0]].params if isinstance(one, click.Option) for name in one.opts}
    options = {word.split("=")[0] for word in given[1:] if re.match(r"--?[a-z]", word)}
    assert options <= known | {"--help"}, command


@pytest.fixture(scope="module")
def practice() -> dict[str, str]:
    return verdicts(ROOT / "data" / "practice")


def verdicts(case: Path) -> dict[str, str]:
    """The verdict of each point of the machine, by its time in UTC."""
    made = kit.open_analysis(case)
    rows = made.verdicts[made.verdicts["database"].isna()].merge(made.recovery_points, on="recovery_point_id")
    return {f"{time:%d %H}": verdict for time, verdict in zip(rows["time_utc"], rows["verdict"], strict=True)}


def without(tmp_path: Path, name: str) -> Path:
    copy = tmp_path / "broken"
    shutil.copytree(ROOT / "data" / "practice", copy)
    (shutil.rmtree if (copy / name).is_dir() else Path.unlink)(copy / name)
    return copy


TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8").replace("\n  ", " ")


def test_the_tutorial_without_the_application_log(tmp_path: Path) -> None:
    found = list(verdicts(without(tmp_path, "guest/Application.evtx")).values())
    counts = f"{found.count('inconclusive')} points are inconclusive. {found.count('supported')} stay supported"
    assert f"Without `guest/Application.evtx` {counts}" in TUTORIAL


def test_the_tutorial_without_the_system_log(tmp_path: Path, practice: dict[str, str]) -> None:
    assert "Without `guest/System.evtx` no verdict changes" in TUTORIAL
    assert verdicts(without(tmp_path, "guest/System.evtx")) == practice


def test_the_tutorial_without_the_second_test(tmp_path: Path, practice: dict[str, str]) -> None:
    """19 May, 08:00 in the guest's zone is 06:00 UTC."""
    assert practice["19 06"] == "contradicted"
    copy = without(tmp_path, "test-failover-2")
    assert "Without `test-failover-2` the point of 19 May, 08:00 is *inconclusive*" in TUTORIAL
    assert verdicts(copy)["19 06"] == "inconclusive"
    parts = re.split(r"(?=^\[)", (copy / "case.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    kept = "".join(part for part in parts if "test-failover-2" not in part)
    (copy / "case.toml").write_text(kept, encoding="utf-8")
    assert "*supported* again" in TUTORIAL
    assert verdicts(copy)["19 06"] == "supported"


def test_the_tutorial_tells_the_points_that_differ(practice: dict[str, str]) -> None:
    told = {"18 20": "confirmed", "18 23": "no_claim", "19 06": "contradicted", "20 01": "inconclusive"}
    assert {time: verdict for time, verdict in practice.items() if verdict != "supported"} == told
