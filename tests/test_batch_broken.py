"""A batch of cases that are broken in different ways: each is named with its reason, and none stops the others."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from kit.batch import runner

WHY = {  # what the index says of each
    "broken-toml": "case.toml is no valid TOML",
    "empty": "empty holds no file; put the logs of the case into it",
    "no-logs": "photo.jpg (unrecognised: no reader knows this format",
    "unknown-key": "[case]: unknown key 'colour'",
    "cut": "cut.zip (unrecognised: ZIP container that is no archive of files, or a damaged one",
    "inside": "inner.zip (unrecognised: an archive inside an archive: not opened; extract it",
}


def archive(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(name, content)
    return made.getvalue()


def broken(root: Path) -> None:
    for name in ("broken-toml", "empty", "no-logs", "unknown-key"):
        (root / name).mkdir(parents=True)
    (root / "broken-toml" / "case.toml").write_text('[case\nid = "x"\n', encoding="utf-8")
    (root / "unknown-key" / "case.toml").write_text('[case]\ncolour = "blue"\n', encoding="utf-8")
    for name in ("broken-toml", "unknown-key"):
        (root / name / "ERRORLOG").write_text("2014-05-19 12:00:00.00 Server      Ready.\n", encoding="utf-8")
    (root / "no-logs" / "photo.jpg").write_bytes(b"\xff\xd8" + bytes(range(64)))
    whole = archive("Application.evtx", os.urandom(4096))
    (root / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (root / "inside.zip").write_bytes(archive("inner.zip", whole))


@pytest.mark.slow
def test_each_broken_case_is_named_with_its_reason(tmp_path: Path) -> None:
    broken(tmp_path / "in")
    assert runner.run(tmp_path / "in", tmp_path / "out", workers=1) == runner.FAILED
    cases = json.loads((tmp_path / "out" / "batch.json").read_text(encoding="utf-8"))["cases"]
    assert {case["case"]: case["status"] for case in cases} == dict.fromkeys(WHY, "failed")
    for case in cases:
        assert WHY[case["case"]] in case["error"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["batch.json", "index.html", "portfolio.json"]
    assert "6 cases could not be analysed" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
