"""What people get wrong at the command line and in a notebook, and that the answer names it and says what to do."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from story import story
from test_cli import Said, case, kit  # noqa: F401

import kit as package
from kit.case import intake
from kit.errors import CaseError, KitError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis


@pytest.fixture(scope="module")
def told() -> Analysis:
    return story()


@pytest.mark.parametrize("text", ["19.05.2014", "05/06/2014", "now", "today", "May 19 2014", "2014", ""])
def test_a_date_that_is_not_iso_8601_is_refused_and_never_guessed(told: Analysis, text: str) -> None:
    with pytest.raises(ParameterError, match="is no ISO 8601 time: write 2014-05-19"):
        told.only(since=text)


def times(made: Analysis) -> list[str]:
    found = made.recovery_points["time_utc"].sort_values()
    return [f"{found.iloc[0]:%d %H}", f"{found.iloc[-1]:%d %H}"]


def test_a_date_alone_is_the_whole_day(told: Analysis) -> None:
    """The points of the story are hourly from 18 May 10:00 to 20 May 09:00 UTC."""
    assert times(told.only(since="2014-05-19", until="2014-05-19")) == ["19 00", "19 23"]
    assert times(told.only(until="2014-05-19T00:30")) == ["18 10", "19 00"]
    assert times(told.only(since="2014-05-19T12:00+02:00")) == ["19 10", "20 09"]


@pytest.mark.parametrize("chosen", [{"since": "2015-01-01"}, {"until": "2013-12-31", "vm": "SQLVM"}])
def test_a_period_without_points_says_where_the_points_are(told: Analysis, chosen: dict[str, str]) -> None:
    with pytest.raises(ParameterError) as caught:
        told.only(**chosen)
    said = str(caught.value)
    assert all(f"{name}={value!r}" in said for name, value in chosen.items())
    assert "2014-05-18 10:00 to 2014-05-20 09:00 UTC" in said


@pytest.mark.parametrize(
    "words",
    [
        ("check", ""), ("check", " "), ("report", "x", "--out", ""), ("batch", "", "--out", "x"), ("verify", ""),
        ("explain", "no-such.txt"), ("explain", "C:\\logs\\app.log"), ("explain", "./ERRORLOG"), ("explain", "/tmp/x"),
    ],
)
def test_an_empty_path_or_a_mistyped_file_is_wrong_usage(kit, words: tuple[str, ...]) -> None:  # noqa: F811
    said = kit(*words)
    assert (said.status, said.out) == (2, "")
    assert "the path is empty" in said.err or "no such file" in said.err


@pytest.mark.parametrize("text", ["995", "0x800423f4", "-2147212300", "VSS 8193: hr = 0x80070005", "OS error 995."])
def test_text_that_is_no_file_name_is_explained(kit, text: str) -> None:  # noqa: F811
    assert kit("explain", text).status == 0


def test_a_negative_code_is_no_option(kit) -> None:  # noqa: F811
    assert "VSS_E_WRITERERROR_NONRETRYABLE" in kit("explain", "-2147212300").out
    assert '"0x800423F4' in kit("explain", "-2147212300", "--json").out
    assert kit("explain", "-x").status == 2


def test_the_usage_line_names_the_command_as_the_docs_do(kit) -> None:  # noqa: F811
    assert kit("check").err.startswith("Usage: kit check [OPTIONS] CASE\n")


def test_a_full_disk_is_one_line_with_the_folder_and_the_way_out(
    kit, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Analysis, "save", full)
    out = tmp_path / "out"
    said = kit("analyze", case, "--out", out)
    wanted = f"kit: {out}: No space left on device; free some space or choose another folder\n"
    assert said == Said(1, "", said.err) and said.err.endswith(wanted)
    assert not out.exists() and not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_a_report_is_named_without_numbers_of_the_system(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match=f"{folder}: no .*; name a folder that kit report or kit analyze wrote"):
        load_analysis(tmp_path / folder)


@pytest.mark.parametrize("call", ["load_case", "open_analysis", "read"])
@pytest.mark.parametrize("path", ["", "  "])
def test_an_empty_path_is_never_the_current_folder(call: str, path: str) -> None:
    with pytest.raises(KitError, match="empty"):
        getattr(package, call)(path)


def test_a_report_of_an_empty_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="case is empty"):
        package.report("", tmp_path / "out")


@pytest.mark.parametrize("path", ["C:\new\app", "C:\\cases\factory", "a\0b"])
def test_a_path_whose_backslashes_became_control_characters_says_how_to_write_it(path: str) -> None:
    with pytest.raises(CaseError, match=r"write r'C:\\cases\\fabrikam', with r before the quotes"):
        intake.look(path)


CELL = "from kit.errors import CaseError\nraise CaseError('C:/cases/none: no such folder')"


@pytest.mark.parametrize(("debug", "lines"), [("", 1), ("1", 3)])
def test_a_notebook_shows_what_is_wrong_and_not_the_way_to_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: str, lines: int
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("KIT_DEBUG", debug)
    InteractiveShell().run_cell(CELL)
    caught = capsys.readouterr()
    said = (caught.out + caught.err).strip().splitlines()
    assert "CaseError: C:/cases/none: no such folder" in said[-1]
    assert len(said) == 1 if lines == 1 else len(said) >= lines


@pytest.mark.parametrize("path", sorted((Path(package.__file__).parents[1] / "notebooks").glob("*.ipynb")), ids=str)
def test_a_windows_path_can_be_pasted_between_the_quotes(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (source,) = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    given: dict[str, object] = {}
    exec(source.replace('r""', 'r"C:\\Users\\new\\fabrikam"'), given)  # the project's own notebook
    assert given["case"] == "C:\\Users\\new\\fabrikam"


LINE = '{"id": "ä", "events": [{"provider": "VSS", "event_id": 12298, "message": "x"}]}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("by_name", [True, False])
def test_many_sets_may_come_in_the_encodings_of_powershell(
    kit, tmp_path: Path, encoding: str, by_name: bool  # noqa: F811
) -> None:
    file = tmp_path / "sets.jsonl"
    file.write_bytes(f"{LINE}\r\n{LINE}\r\n".encode(encoding))
    said = kit("explain", "--jsonl", file) if by_name else kit("explain", "--jsonl", "-", given=file.read_bytes())
    assert said.status == 0 and [json.loads(line)["id"] for line in said.out.splitlines()] == ["ä", "ä"]


def test_a_line_that_is_no_text_does_not_stop_the_others(kit) -> None:  # noqa: F811
    said = kit("explain", "--jsonl", "-", given=LINE.encode() + b"\n\xe4\xf6\n" + LINE.encode() + b"\n")
    assert [json.loads(line)["assessment"] for line in said.out.splitlines()] == [
        "genuine_failure", "insufficient_evidence", "genuine_failure",
    ]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="names of Windows are always text")
@pytest.mark.parametrize("command", ["analyze", "report", "export"])
def test_a_folder_to_write_whose_name_is_no_text_is_refused_before_anything_is_done(
    kit: Any, case: Path, tmp_path: Path, command: str  # noqa: F811
) -> None:
    said = kit(command, case, "--out", os.fsdecode(os.fsencode(tmp_path / "out") + b"\xff"))
    assert said.status == 2 and "bytes that are no text" in said.err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


@pytest.mark.skipif(os.name != "posix", reason="Windows refuses such names itself")
@pytest.mark.parametrize(
    "name",
    [b"new\nline.log", b"quote\"'.log", "rtl\u202egnp.log".encode(), b"bytes\xff\xfe.log", b"n" * 251 + b".log",
     b"CON", b"aux.txt", b"trail. ", b"<b>x</b>.log".replace(b"/", b""), b"=1+1.csv", b"-rf", b"esc\x1b[31m.log",
     "日本語.log".encode()],
)  # fmt: skip
def test_names_that_no_one_expects_are_read_shown_and_verified(
    kit: Any, tmp_path: Path, name: bytes  # noqa: F811
) -> None:
    folder, out = tmp_path / "case", tmp_path / "out"
    folder.mkdir()
    line = "2014-05-19 22:00:07.43 spid62      I/O is frozen on database Sales.\r\n"
    with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123 - a name of bytes
        file.write(line.encode() * 3)
    said = kit("check", folder)
    assert said.status == 0 and " read " in said.out
    assert said.out.isprintable() or not set("\x1b\u202e") & set(said.out)
    assert kit("analyze", folder, "--out", out).status == 0
    (source,) = [row for row in json.loads((out / "verdicts.json").read_bytes())["sources"] if row["status"] == "read"]
    assert source["kept"] == 3 and source["path"].isprintable()


def test_every_source_of_many_is_listed_when_asked_for(kit: Any, tmp_path: Path) -> None:  # noqa: F811
    for number in range(70):
        (tmp_path / f"what{number:02}.bin").write_bytes(bytes([number + 1, 0, 255] * 9))
    (tmp_path / "ERRORLOG").write_text("2014-05-19 22:00:07.43 spid62      I/O is frozen on database Sales.\n")
    assert "what33.bin" not in kit("check", tmp_path).out
    assert "what33.bin" in kit("check", tmp_path, "--all").out
