"""Two machines whose guests have the same computer name, as a clone has: no log may judge the other's points."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

import kit
from kit.practice import write_practice
from kit.practice.bundled import BEGIN, at, scenario
from kit.practice.journal import Kept
from kit.practice.scenario import Export, Plan, Scenario
from kit.practice.vss_story import Fate

FAILED = 4  # the operation of SQL-PROD that failed although its point is labelled


def machine(name: str, number: int) -> Scenario:
    """Eight hours of one machine; that of SQL-PROD has a failure under a label."""
    base = scenario()
    fails = {FAILED} if name == "SQL-PROD" else set()
    logs = Kept(BEGIN.replace(hour=8), at(20, 12, 40))
    guest = replace(base.guest, name="SQL01.contoso.example", vm_name=name, vm_id=UUID(int=number))
    return replace(
        base, case_id=name, seed=name, guest=guest, failovers=(), streams=(), errorlog_until=None,
        plans=tuple(Plan(Fate.HOLD_TIMEOUT if hour in fails else Fate.BENIGN, labelled=True) for hour in range(8)),
        kept={"Application": logs, "System": logs}, exports=(Export(at(20, 12, 30), "clixml"),),
    )  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Both machines in one case, their guests in folders called server 1 and server 2."""
    folder = tmp_path / "case"
    for number, name in enumerate(("SQL-PROD", "SQL-CLONE"), 1):
        write_practice([machine(name, number)], tmp_path / name, tmp_path / f"{name}.json")
        shutil.copytree(tmp_path / name / "guest", folder / "guest" / f"server {number}")
        for file in (tmp_path / name / "replica").rglob("*.xml"):
            (folder / "replica").mkdir(exist_ok=True)
            shutil.copyfile(file, folder / "replica" / f"{name}-{file.name}")
    clock = '[[clock]]\ncomputer = "SQL01.contoso.example"\noffset_s = 0'  # no line end, as a person leaves it
    (folder / "case.toml").write_text(clock, encoding="utf-8")
    return folder


def verdicts(folder: Path) -> dict[str, list[str]]:
    """The verdicts of each machine's points in order."""
    made = kit.open_analysis(folder)
    rows = made.verdicts[made.verdicts["database"].isna()].merge(made.recovery_points, on="recovery_point_id")
    ordered = rows.sort_values("time_utc")
    return {vm: part["verdict"].tolist() for vm, part in ordered.groupby("vm_name_x")}


def test_logs_that_may_be_of_either_machine_judge_no_point(case: Path) -> None:
    assert {verdict for found in verdicts(case).values() for verdict in found} == {"inconclusive"}


def test_what_is_missing_says_how_to_tell_and_saying_it_settles_the_points(case: Path) -> None:
    named = {row["what"]: row["command"] for row in kit.load_case(case).missing}
    for number, name in enumerate(("SQL-PROD", "SQL-CLONE"), 1):
        command = named[f"machine of the logs in guest/server {number}"]
        assert command.startswith("Add-Content -Encoding utf8 case.toml ")
        lines = command.removeprefix("Add-Content -Encoding utf8 case.toml ").replace("NAME OF THE VM", name)
        with (case / "case.toml").open("a", encoding="utf-8") as file:  # as PowerShell would, one line a word
            file.writelines(f"{line.strip()[1:-1]}\n" for line in lines.split(", "))
    assert not [row for row in kit.load_case(case).missing if row["what"].startswith("machine of")]
    found = verdicts(case)
    assert set(found["SQL-CLONE"]) == {"supported"}
    assert found["SQL-PROD"][FAILED] == "contradicted"
    assert found["SQL-PROD"].count("supported") == 7


def test_the_folder_that_is_called_like_the_machine_settles_it_too(case: Path) -> None:
    for number, name in enumerate(("SQL-PROD", "SQL-CLONE"), 1):
        (case / "guest" / f"server {number}").rename(case / "guest" / name)
    found = verdicts(case)
    assert found["SQL-PROD"][FAILED] == "contradicted" and set(found["SQL-CLONE"]) == {"supported"}
