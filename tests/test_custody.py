"""Custody: any byte that changes after sealing is named, wherever it lies."""

import json
import random
import shutil
import zipfile

import pytest

from kit.case import custody
from kit.errors import IntegrityError


@pytest.fixture
def sealed(tmp_path):
    case = tmp_path / "case"
    (case / "guest").mkdir(parents=True)
    (case / "guest" / "ERRORLOG").write_bytes(b"2014-05-19 22:00:03.43 spid5s  text\r\n" * 20)
    (case / "points.csv").write_bytes(b"Name,Id\r\na,1\r\n")
    (case / "case.toml").write_text("[case]\nid = 'x'\n", encoding="utf-8")
    with zipfile.ZipFile(case / "more.zip", "w") as archive:
        archive.writestr("inner/System.evtx", b"ElfFile\0" + bytes(100))
    report = tmp_path / "report"
    (report / "tables").mkdir(parents=True)
    (report / "report.html").write_text("<p>answer</p>", encoding="utf-8")
    (report / "tables" / "verdicts.parquet").write_bytes(b"PAR1" + bytes(50))
    custody.Ledger(report).append("opened", files=3)
    custody.seal(report, case, custody.evidence(case), {"kit": "1"})
    return case, report


def test_what_was_sealed_and_not_touched_has_no_difference(sealed):
    case, report = sealed
    assert custody.verify(report) == []
    assert custody.verify(report, case) == []


def test_the_manifest_lists_files_as_they_lie_on_disk_and_carries_no_time(sealed):
    case, report = sealed
    manifest = json.loads((report / "manifest.json").read_text(encoding="utf-8"))
    assert [item["path"] for item in manifest["evidence"]] == ["case.toml", "guest/ERRORLOG", "more.zip", "points.csv"]
    assert [item["path"] for item in manifest["outputs"]] == ["report.html", "tables/verdicts.parquet"]
    before = (report / "manifest.json").read_bytes()
    custody.seal(report, case, custody.evidence(case), {"kit": "1"})
    assert (report / "manifest.json").read_bytes() == before
    assert custody.verify(report) == []


def all_files(*folders):
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def test_any_flipped_byte_is_found_and_its_file_named(sealed):
    case, report = sealed
    chance = random.Random(7)
    for path in all_files(case, report):
        content = path.read_bytes()
        for place in [0, len(content) - 1, *(chance.randrange(len(content)) for _ in range(12))]:
            flipped = bytearray(content)
            flipped[place] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            named = [difference.path for difference in custody.verify(report)]
            assert any(name.split(" line ")[0] in path.as_posix() for name in named), (path, place)
        path.write_bytes(content)
    assert custody.verify(report) == []


def damaged(content, chance):
    """The bytes with one changed, one more, or an end cut off; never the bytes themselves."""
    place = chance.randrange(len(content))
    kind = chance.choice(["flip", "insert", "cut"])
    if kind == "cut":
        return content[:place]
    other = bytes([chance.choice([one for one in range(256) if one != content[place]])])
    return content[:place] + other + content[place + (kind == "flip") :]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_a_file_it_is_named(sealed, seed):
    case, report = sealed
    chance = random.Random(seed)
    for path in all_files(case, report):
        content = path.read_bytes()
        for _ in range(8):
            path.write_bytes(damaged(content, chance))
            named = [difference.path for difference in custody.verify(report)]
            assert any(name.split(" line ")[0] in path.as_posix() for name in named), path
        path.write_bytes(content)
    assert custody.verify(report) == []


def test_a_renamed_file_is_named_with_its_new_name(sealed):
    case, report = sealed
    (case / "points.csv").rename(case / "points-old.csv")
    (report / "report.html").rename(report / "page.html")
    assert [str(one) for one in custody.verify(report)] == [
        "report.html: output was renamed to page.html",
        "points.csv: evidence was renamed to points-old.csv",
    ]


def test_a_cut_file_is_said_to_be_cut(sealed):
    case, report = sealed
    path = case / "guest" / "ERRORLOG"
    path.write_bytes(path.read_bytes()[:-7])
    assert "bytes then" in str(custody.verify(report)[0]) and "cut or replaced" in str(custody.verify(report)[0])


@pytest.mark.parametrize("kind", ["removed", "edited", "swapped", "twice", "cut", "blank line"])
def test_whatever_is_done_to_the_ledger_is_named(sealed, kind):
    _, report = sealed
    path = report / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    first, second, *rest = lines
    made = {
        "removed": [first, *rest], "edited": [first, second.replace(b"files", b"filez"), *rest],
        "swapped": [second, first, *rest], "twice": [first, first, second, *rest],
        "cut": [*lines[:-1], lines[-1][:-1]], "blank line": [*lines, b"\n"],
    }[kind]
    path.write_bytes(b"".join(made))
    assert any(one.path.startswith("ledger.jsonl line") for one in custody.verify(report))
    assert custody.head(report) == ""


def test_a_ledger_and_manifest_made_anew_have_another_last_hash(sealed, tmp_path):
    """Who can write the whole folder can seal it again; only the hash that was written down elsewhere tells."""
    case, report = sealed
    head = custody.head(report)
    assert len(head) == 64
    (report / "report.html").write_text("<p>another answer</p>", encoding="utf-8")
    (report / "ledger.jsonl").unlink()
    custody.Ledger(report).append("opened", files=3)
    custody.seal(report, case, custody.evidence(case), {"kit": "1"})
    assert custody.verify(report) == []
    assert custody.head(report) != head


def test_removed_and_added_files_are_named(sealed):
    case, report = sealed
    (case / "points.csv").unlink()
    (case / "later.csv").write_text("x", encoding="utf-8")
    (report / "report.pdf").write_bytes(b"%PDF-1.4 of somebody else")
    assert [str(one) for one in custody.verify(report)] == [
        "report.pdf: output was added",
        "later.csv: evidence was added",
        "points.csv: evidence is gone",
    ]


def test_a_file_laid_beside_the_report_is_no_difference_and_is_named(sealed):
    _, report = sealed
    (report / "notes").mkdir()
    (report / "notes" / "call.txt").write_text("x", encoding="utf-8")
    (report / "copy.html").write_bytes((report / "report.html").read_bytes())
    assert custody.verify(report) == []
    assert custody.others(report) == ["copy.html", "notes/call.txt"]


@pytest.mark.parametrize("name", ["report.pdf", "Report.PDF", "verdicts.json", "tables/verdicts-2.parquet"])
def test_a_file_named_like_a_part_of_a_report_is_one_that_nobody_sealed(sealed, name):
    _, report = sealed
    (report / name).parent.mkdir(exist_ok=True)
    assert not (report / name).exists(), "the sealed folder of this test has no such file"
    (report / name).write_bytes(b"x")
    assert [str(one) for one in custody.verify(report)] == [f"{name}: output was added"]
    assert custody.others(report) == []


def test_lines_cut_off_the_ledger_are_noticed(sealed):
    _, report = sealed
    lines = (report / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (report / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))
    assert [one.path for one in custody.verify(report)] == ["ledger.jsonl"]
    (report / "ledger.jsonl").write_bytes(b"".join(lines[1:]))
    assert custody.verify(report)[0].path == "ledger.jsonl line 1"


def test_a_line_that_was_written_anew_does_not_fit_its_neighbours(sealed):
    _, report = sealed
    path = report / "ledger.jsonl"
    first, *others = path.read_text(encoding="utf-8").splitlines()
    entry = json.loads(first) | {"action": "something else"}
    entry["hash"] = custody._hash(entry)
    path.write_text("\n".join([custody._canonical(entry), *others]) + "\n", encoding="utf-8", newline="\n")
    assert str(custody.verify(report)[0]).startswith(
        "ledger.jsonl line 2: was changed, or a line before"
    )


def test_nothing_is_added_to_a_broken_ledger(sealed):
    _, report = sealed
    path = report / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b"opened", b"closed"))
    with pytest.raises(IntegrityError, match="line 1"):
        custody.Ledger(report).append("more")
    with pytest.raises(IntegrityError, match="line 1"):
        custody.Ledger(report).entries()


def test_evidence_that_changes_during_the_analysis_is_not_sealed(sealed, tmp_path):
    case, _ = sealed
    before = custody.evidence(case)
    (case / "points.csv").write_bytes(b"Name,Id\r\na,2\r\n")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(IntegrityError, match=r"points\.csv: evidence has other bytes"):
        custody.seal(other, case, before)
    assert not (other / "manifest.json").exists()
    assert [entry["action"] for entry in custody.Ledger(other).entries()] == ["evidence changed"]


def test_moved_evidence_can_be_named_and_missing_evidence_is_said(sealed, tmp_path):
    case, report = sealed
    shutil.move(case, tmp_path / "elsewhere")
    assert "not there" in custody.verify(report)[0].what
    assert custody.verify(report, tmp_path / "elsewhere") == []


def test_an_archive_as_a_case_is_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr("b.txt", "two")
    assert [item["path"] for item in custody.evidence(tmp_path / "case.zip")] == ["case.zip"]


def test_without_a_manifest_there_is_nothing_to_verify(tmp_path):
    with pytest.raises(IntegrityError, match=r"manifest\.json is not there"):
        custody.verify(tmp_path)
