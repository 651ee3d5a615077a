"""The command line: exit statuses, one-line errors, results on stdout, progress and errors on stderr."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from story import story

from kit import __version__, cli
from kit.errors import CaseError

COMMANDS = [
    "analyze", "batch", "check", "demo", "diff", "doctor", "explain", "export", "lab", "practice", "report", "reveal",
    "share", "verify",
]  # fmt: skip

# Made up after the layout of SQL Server 2012 logs: freeze, resume, abort of one database in one second order.
ERRORLOG = """\
2014-05-19 22:00:00.00 Server      Microsoft SQL Server 2012 (SP1) - 11.0.3000.0 (X64)
2014-05-19 22:00:00.01 Server      UTC adjustment: 2:00
2014-05-19 22:00:03.43 spid52      I/O is frozen on database Orders. No user action is required.
2014-05-19 22:00:04.57 spid52      I/O was resumed on database Orders. No user action is required.
2014-05-19 22:00:05.87 Backup      Error: 3041, Severity: 16, State: 1.
2014-05-19 22:00:05.87 Backup      BACKUP failed to complete the command BACKUP DATABASE Orders.
"""
POINTS = [
    {
        "VMName": "SQL01", "Name": "SQL01 - Application-consistent Replica",
        "Id": "01A1B2C3-1111-4222-8333-444455556661", "SnapshotType": "AppConsistentReplica",
        "CreationTime": "2014-05-19T22:00:20+02:00", "ComputerName": "HV-REPLICA",
    }
]  # fmt: skip


class Said(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command as a person would, in this process."""

    def run(*arguments: str | Path, given: bytes = b"") -> Said:
        monkeypatch.setattr(sys, "argv", ["kit", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        caught = capsys.readouterr()
        return Said(int(ended.value.code or 0), caught.out, caught.err)

    return run


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A guest's ERRORLOG and the replica's list with one point, in a folder with blanks and letters beyond ASCII."""
    folder = tmp_path / "Fälle 2014" / "case é"
    (folder / "guest").mkdir(parents=True)
    (folder / "replica").mkdir()
    (folder / "guest" / "ERRORLOG").write_text(ERRORLOG, encoding="utf-8")
    (folder / "replica" / "points.json").write_text(json.dumps(POINTS), encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_names_it(command: str) -> None:
    made = CliRunner().invoke(cli.cli, [command, "--help"])
    assert made.exit_code == 0
    assert f"Example:  kit {command}" in made.output


def test_these_are_all_commands() -> None:
    assert sorted(cli.cli.commands) == COMMANDS


def test_the_version_is_printed(kit: Any) -> None:
    assert kit("--version") == Said(0, f"kit, version {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",), ("frobnicate",), ("check", "--frobnicate", "x"), ("analyze", "x"), ("practice",),
        ("analyze", "x", "--out", "y", "--policy", "lax"), ("explain", "--context", "colour=red", "0x800423f4"),
        ("explain", ""), ("explain", "--jsonl", "no such file"), ("practice", "--out", "x", "--count", "0"),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_prints_nothing_to_stdout(kit: Any, arguments: tuple[str, ...]) -> None:
    said = kit(*arguments)
    assert (said.status, said.out) == (2, "")
    assert said.err and "Traceback" not in said.err


def test_check_lists_sources_and_what_is_missing_with_its_command(kit: Any, case: Path) -> None:
    said = kit("check", case)
    assert said.status == 0  # absent logs are no loss
    assert re.search(r"guest/ERRORLOG +guest +read", said.out)
    assert "> wevtutil epl Application Application.evtx" in said.out
    assert f'kit analyze "{case}"' in said.out  # the path has blanks


def test_check_as_json_has_the_rows_of_verdicts_json(kit: Any, case: Path) -> None:
    found = json.loads(kit("check", case, "--json").out)
    assert set(found) == {"sources", "clocks", "missing"}
    by_path = {row["path"]: row for row in found["sources"]}
    assert by_path["guest/ERRORLOG"]["status"] == "read"
    assert by_path["guest/ERRORLOG"]["declared"] is None  # not known is null
    assert all(set(row) == {"what", "why", "command"} for row in found["missing"])


def test_analyze_writes_verdicts_with_lower_case_ids_and_utc_times(kit: Any, case: Path, tmp_path: Path) -> None:
    out = tmp_path / "made here" / "ö"
    said = kit("analyze", case, "--out", out)
    assert said.status == 0, said.err
    assert str(out / "verdicts.json") in said.out
    made = json.loads((out / "verdicts.json").read_text(encoding="utf-8"))
    (point,) = made["recovery_points"]
    assert point["recovery_point_id"] == "01a1b2c3-1111-4222-8333-444455556661"
    assert point["time_utc"] == "2014-05-19T20:00:20Z"
    assert point["claimed"] == "application_consistent"


def test_a_source_with_losses_ends_with_3(kit: Any, case: Path, tmp_path: Path) -> None:
    (case / "guest" / "System.evtx").write_bytes(b"ElfFile\0" + bytes(4088))  # a header without any chunk
    (case / "guest" / "Application.evtx").write_bytes(b"ElfFile\0" + bytes(100))  # not even a whole header
    said = kit("check", case)
    assert said.status == 3
    assert re.search(r"! guest/Application.evtx +\S+ +(partial|unreadable)", said.out)
    assert kit("analyze", case, "--out", tmp_path / "out").status == 3


def test_a_zip_of_a_case_gives_the_same_point(kit: Any, case: Path, tmp_path: Path) -> None:
    import shutil

    archive = shutil.make_archive(str(tmp_path / "case é"), "zip", case)
    assert kit("analyze", archive, "--out", tmp_path / "z").status == 0
    made = json.loads((tmp_path / "z" / "verdicts.json").read_text(encoding="utf-8"))
    assert [point["time_utc"] for point in made["recovery_points"]] == ["2014-05-19T20:00:20Z"]


@pytest.mark.parametrize("command", [("check",), ("analyze", "--out", "out"), ("report", "--out", "out")])
@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, "holds no file"),
        ({"note.txt": "hello"}, "no file that can be read"),
        ({"points.csv": "a,b,c\n1,2,3\n"}, "no file that can be read"),
        ({"ERRORLOG": "Error: 18210, Severity: 16, State: 1.\nno time anywhere\n"}, "no file that can be read"),
        ({"ERRORLOG": ERRORLOG, "case.toml": '[case]\ntitel = "x"\n'}, "'titel'; did you mean 'title'?"),
    ],
)
def test_a_case_that_cannot_be_judged_ends_with_1_and_issues_nothing(
    kit: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    files: dict[str, str],
    named: str,
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    said = kit(command[0], folder, *command[1:])
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("kit: ") and named in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_not_there_is_named(kit: Any, tmp_path: Path) -> None:
    said = kit("check", tmp_path / "nowhere")
    assert (said.status, said.out) == (1, "")
    assert str(tmp_path / "nowhere") in said.err and said.err.count("\n") == 1


def test_one_file_instead_of_a_folder_is_a_case_of_one_file(kit: Any, case: Path) -> None:
    assert kit("check", case / "guest" / "ERRORLOG").status == 0


def listing(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("command", ["analyze", "report"])
def test_nothing_is_written_into_the_evidence(kit: Any, case: Path, command: str) -> None:
    before = listing(case)
    for out in (case, case / "out", case.parent):
        said = kit(command, case, "--out", out)
        assert (said.status, said.out) == (2, "")
        assert "evidence" in said.err
    assert listing(case) == before


@pytest.mark.parametrize("command", ["analyze", "report"])
def test_what_is_not_the_kits_own_is_never_overwritten(kit: Any, case: Path, tmp_path: Path, command: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert kit(command, case, "--out", file).status == 2
    assert kit(command, case, "--out", folder).status == 2
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_analyze_does_not_break_a_sealed_report(kit: Any, case: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    (report / "manifest.json").write_text("{}", encoding="utf-8")
    (report / "meta.json").write_text("{}", encoding="utf-8")
    said = kit("analyze", case, "--out", report)
    assert said.status == 2 and "sealed report" in said.err
    assert (report / "meta.json").read_text(encoding="utf-8") == "{}"


def test_analyze_may_be_repeated_in_its_own_folder(kit: Any, case: Path, tmp_path: Path) -> None:
    assert kit("analyze", case, "--out", tmp_path / "out").status == 0
    assert kit("analyze", case, "--out", tmp_path / "out", "--policy", "refined").status == 0
    made = json.loads((tmp_path / "out" / "verdicts.json").read_text(encoding="utf-8"))
    assert made["policy"] == "refined"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--vm", "NOVM"), "NOVM"), (("--since", "yesterday"), "since='yesterday'"),
        (("--since", "2014-05-20", "--until", "2014-05-19"), "until='2014-05-19' is before"),
        (("--notebook", "none-of-them"), "05-case-report"),
    ],
)  # fmt: skip
def test_a_wrong_selection_is_named_before_any_notebook_runs(
    kit: Any, tmp_path: Path, options: tuple[str, ...], named: str
) -> None:
    judged = story().save(tmp_path / "judged")
    said = kit("report", judged, "--out", tmp_path / "out", *options)
    assert (said.status, said.out) == (2, "")
    assert named in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [("verify",), ("diff",)])
def test_a_folder_that_is_no_report_is_named(kit: Any, tmp_path: Path, command: tuple[str, ...]) -> None:
    folders = [tmp_path] * (2 if command == ("diff",) else 1)
    said = kit(*command, *folders)
    assert (said.status, said.out) == (1, "")
    assert str(tmp_path) in said.err and said.err.count("\n") == 1


EVENT = [{"provider": "SQLVDI", "event_id": 1, "message": "SQLVDI: Loc=SignalAbort. Desc=Client initiates abort."}]


def test_explain_takes_text_a_file_and_stdin_alike(kit: Any, tmp_path: Path) -> None:
    text = json.dumps(EVENT)
    file = tmp_path / "an event.json"
    file.write_text(text, encoding="utf-8")
    made = [kit("explain", "--json", given) for given in (text, file)]
    made.append(kit("explain", "--json", given=text.encode()))
    assert {said.status for said in made} == {0}
    first, *others = [json.loads(said.out) for said in made]
    assert others == [first, first]
    assert set(first) >= {"events", "assessment", "root_cause", "because", "alternatives", "advice"}


def test_a_code_alone_is_explained_but_carries_no_verdict(kit: Any) -> None:
    said = kit("explain", "0x800423f4")
    assert said.status == 0 and "VSS_E_WRITERERROR_NONRETRYABLE" in said.out
    assert json.loads(kit("explain", "0x800423f4", "--json").out)["assessment"] == "insufficient_evidence"


def test_with_jsonl_each_line_gives_a_line_with_its_id(kit: Any, tmp_path: Path) -> None:
    about = {"events": EVENT, "host_state": "unknown", "context": {}}
    lines = [json.dumps({"id": number, **about}) for number in ("1", "2")]
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for said in (kit("explain", "--jsonl", file), kit("explain", "--jsonl", given=file.read_bytes())):
        assert [json.loads(line)["id"] for line in said.out.splitlines()] == ["1", "2"]


def test_a_traceback_appears_only_with_debug(kit: Any, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("made up")

    monkeypatch.setattr("kit.case.load_case", broken)
    said = kit("check", case)
    assert said == Said(1, "", "kit: unexpected ZeroDivisionError: made up (again with --debug for more)\n")
    monkeypatch.setattr(sys, "argv", ["kit", "check", str(case), "--debug"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_an_error_of_the_file_system_begins_with_the_file(
    kit: Any, case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "guest/ERRORLOG")

    monkeypatch.setattr("kit.case.load_case", refused)
    assert kit("check", case) == Said(1, "", "kit: guest/ERRORLOG: Permission denied\n")


def test_an_error_is_one_line_even_if_its_text_has_several(
    kit: Any, case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise CaseError("first\nsecond")

    monkeypatch.setattr("kit.case.load_case", refused)
    assert kit("check", case).err == "kit: first second\n"


def test_help_answers_without_the_heavy_libraries() -> None:
    code = "import sys; from kit import cli; print(sorted({'pandas', 'pyarrow', 'plotly'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_practice_puts_the_truth_beside_the_case_and_overwrites_none(kit: Any, tmp_path: Path) -> None:
    made = kit("practice", "--out", tmp_path, "--seed", "3")
    (folder,) = map(Path, made.out.split())
    assert folder.is_dir() and folder.with_name(f"{folder.name}.truth.json").is_file()
    again = kit("practice", "--out", tmp_path, "--seed", "3")
    assert again.status == 2 and "not empty" in again.err
    empty = kit("practice", "--score", folder)
    assert empty.status == 1 and "no practice case" in empty.err
