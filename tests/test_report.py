"""A report folder is whole or not there, says the same every time, and its numbers agree with its tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from story import story

from kit import parquet
from kit import report as module
from kit.case import custody
from kit.errors import CaseError, ExportError, ParameterError, Unsupported
from kit.judgement.analysis import load_analysis
from kit.report import notebooks, pdf, publishing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def stopped() -> Iterator[None]:
    yield
    from papermill.engines import papermill_engines

    papermill_engines.get_engine("warm").stop()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged") / "fabrikam"
    folder.mkdir()
    return story().save(folder)


@pytest.fixture(scope="module")
def made(case: Path) -> Path:
    return module.report(case, case.parent / "report").parent


def test_the_folder_holds_what_belongs_to_a_report(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert {
        "report.html",
        "report.ipynb",
        "verdicts.json",
        "tables",
        "manifest.json",
        "ledger.jsonl",
        "meta.json",
    } <= names
    assert not [
        path for path in made.parent.iterdir() if ".partial-" in path.name or path.name.endswith(".failed.ipynb")
    ]


def test_an_analysis_of_another_version_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = story().save(tmp_path / "old")
    path = folder / "tables" / "verdicts.parquet"
    parquet.write(parquet.read(path).drop_columns(["missing"]), path)
    with pytest.raises(CaseError) as lacks:
        load_analysis(folder)
    assert str(lacks.value) == (
        f"{folder}: written by another version of the kit (its table verdicts lacks the column missing); "
        "run kit analyze or kit report again on the case"
    )
    story().save(folder)
    table = parquet.read(path)
    parquet.write(table.append_column("mood", table["verdict"]), path)
    with pytest.raises(CaseError, match=r"table verdicts has the unknown column mood\); run kit analyze or kit report"):
        load_analysis(folder)
    path.write_bytes(b"no table")
    with pytest.raises(CaseError, match=r"no complete analysis there \([^\n]{1,160}\); run kit analyze or kit report"):
        load_analysis(folder)


def test_the_page_says_what_the_tables_say(made: Path) -> None:
    html = (made / "report.html").read_text(encoding="utf-8")
    analysis = load_analysis(made)
    rows = analysis.verdicts[analysis.verdicts["database"].isna()]
    counts = rows["verdict"].value_counts()
    assert f"{counts['supported']} are supported" in html
    cells = re.findall(r'<li class="h\d+"><a class="c (cnf|sup|con|inc|non)', html)
    assert {sign: cells.count(sign) for sign in set(cells)} == {"cnf": 1, "sup": 43, "con": 1, "inc": 1, "non": 1}
    verdicts = json.loads((made / "verdicts.json").read_text(encoding="utf-8"))
    assert len(verdicts["recovery_points"]) == len(rows)


def test_sections_stand_in_reading_order(made: Path) -> None:
    html = (made / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>([^<]+)</h2>", html) == [
        "What to do next",
        "What could not be read",
        "What happened",
        "Operations compared",
        "Test failovers",
        "Verdicts, worst first",
        "How it was decided",
        "Clocks",
        "Evidence",
        "Records cited",
        "Methods and limits",
    ]


def test_every_link_of_the_page_leads_somewhere(made: Path) -> None:
    html = (made / "report.html").read_text(encoding="utf-8")
    html = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_the_shared_notebook_names_no_path_and_runs_beside_its_tables(made: Path) -> None:
    text = (made / "report.ipynb").read_text(encoding="utf-8")
    assert str(made.parent) not in text
    assert "papermill" not in json.loads(text)["metadata"]
    again = module.report(made, made.parent / "again", notebook=str(made / "report.ipynb"))
    assert again.is_file()


def test_two_reports_differ_only_in_the_stamp(made: Path, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1400598300")
    first = module.report(case, case.parent / "first").parent
    second = module.report(case, case.parent / "second", isolated=True).parent
    for path in sorted(first.rglob("*")):
        if path.is_file() and path.name not in ("ledger.jsonl", "manifest.json"):
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), (
                f"warm and fresh differ in {path.name}"
            )
    html = (first / "report.html").read_text(encoding="utf-8")
    stamp = re.findall(r'<time id="issued">([^<]+)</time>', html)
    assert stamp == ["20 May 2014 17:05"], "15:05 UTC, two hours later on the guest's clock"
    other = re.sub(
        r'(<time id="issued">)[^<]+', rf"\g<1>{stamp[0]}", (made / "report.html").read_text(encoding="utf-8")
    )
    assert other == html


def test_the_manifest_holds_and_a_changed_byte_is_named(made: Path, case: Path) -> None:
    assert custody.verify(made, case) == []
    page = made / "report.html"
    kept = page.read_bytes()
    page.write_bytes(kept[:-2] + b"X\n")
    try:
        assert [one.path for one in custody.verify(made, case)] == ["report.html"]
    finally:
        page.write_bytes(kept)


def test_a_new_report_replaces_the_old_one_and_keeps_what_the_user_wrote(case: Path) -> None:
    out = case.parent / "twice"
    module.report(case, out)
    (out / "notes").mkdir()
    (out / "notes" / "call.txt").write_text("asked Anna", encoding="utf-8")
    notebook = out / "report.ipynb"
    edited = notebook.read_text(encoding="utf-8") + " "
    notebook.write_text(edited, encoding="utf-8")
    former = custody.sha256_of(out / "manifest.json")
    module.report(case, out)
    assert (out / "notes" / "call.txt").read_text(encoding="utf-8") == "asked Anna"
    assert (out / "report.kept.ipynb").read_text(encoding="utf-8") == edited
    assert not notebook.read_text(encoding="utf-8").endswith(" ")
    issued = [line for line in custody.Ledger(out).entries() if line["action"] == "issued"]
    assert issued[0]["details"]["replaces"] == former
    assert issued[0]["details"]["kept"] == ["notes/call.txt", "report.ipynb"]
    assert custody.verify(out, case) == []
    assert set(custody.others(out)) == {"notes/call.txt", "report.kept.ipynb"}
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".twice")]


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist on Linux only")
def test_a_case_whose_name_is_no_text_can_be_sealed_and_verified(tmp_path: Path) -> None:
    root = tmp_path / b"raw-\xff".decode("utf-8", "surrogateescape")
    root.mkdir()
    (root / "log.evtx").write_bytes(b"x")
    out = tmp_path / "out"
    out.mkdir()
    custody.seal(out, root, custody.evidence(root))
    assert custody.verify(out) == []


def test_what_kit_analyze_wrote_is_no_note_of_the_user(tmp_path: Path) -> None:
    story().save(tmp_path / "out")
    (tmp_path / "out" / "tables" / "mine.csv").write_text("a", encoding="utf-8")
    assert publishing.users(tmp_path / "out") == [Path("tables/mine.csv")]
    assert publishing.users(tmp_path / "nowhere") == []


def test_a_name_that_is_taken_gets_another(tmp_path: Path) -> None:
    for name in ("a.txt", "a.kept.txt"):
        (tmp_path / name).write_bytes(b"")
    assert publishing.free(tmp_path / "a.txt").name == "a.kept-2.txt"
    assert publishing.free(tmp_path / "b.txt").name == "b.txt"


def test_nothing_is_logged_about_parameters_that_were_checked(
    case: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module.report(case, tmp_path / "out", vm="SQLVM", notebook="2")
    assert [record.getMessage() for record in caplog.records if "parameter" in record.getMessage()] == []


def test_an_analysis_that_is_not_accepted_publishes_nothing(case: Path, tmp_path: Path) -> None:
    def refuse(_: Any) -> None:
        raise CaseError("not this one")

    with pytest.raises(CaseError, match="not this one"):
        module.report(case, tmp_path / "out", accept=refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "timeout", "words"),
    [
        ("import time; time.sleep(60)", 3.0, "a cell did not end within 3 s"),
        ("import os; os._exit(9)", None, "its kernel ended without a word"),
    ],
)
def test_a_cell_that_hangs_or_kills_its_kernel_is_told(
    case: Path, tmp_path: Path, source: str, timeout: float | None, words: str
) -> None:
    with pytest.raises(ExportError, match=words):
        module.report(case, tmp_path / "out", notebook=failing(tmp_path, source), timeout=timeout)
    assert not (tmp_path / "out").exists()


def test_a_selection_restricts_page_tables_and_verdicts_alike(case: Path) -> None:
    page = module.report(case, case.parent / "one-day", since="2014-05-20T00:00:00Z", notebook="03")
    analysis = load_analysis(page.parent)
    assert len(analysis.recovery_points) == 10, "20 May 02:00 to 11:00 on the guest's clock"
    assert page.read_text(encoding="utf-8").count('<li class="h') == 10


@pytest.mark.parametrize("notebook", ["01", "02", "03", "04"])
def test_every_notebook_makes_a_page(case: Path, notebook: str) -> None:
    page = module.report(case, case.parent / f"report-{notebook}", notebook=notebook)
    html = page.read_text(encoding="utf-8")
    assert "<h2>" in html
    assert "analysis" not in re.sub(r"<(script|style).*?</\1>|kit analyze", "", html, flags=re.DOTALL)


def failing(tmp_path: Path, source: str) -> str:
    notebook = notebooks.load(notebooks.find())
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    path = tmp_path / "failing.ipynb"
    nbformat.write(notebook, path)
    return str(path)


def test_a_failing_cell_publishes_nothing_and_keeps_the_former_report(case: Path, made: Path, tmp_path: Path) -> None:
    before = (made / "report.html").read_bytes()
    with pytest.raises(ExportError, match=r"failed in cell \d+: no such thing; see .*report\.failed\.ipynb"):
        module.report(case, made, notebook=failing(tmp_path, "raise ValueError('no such thing')"))
    assert (made / "report.html").read_bytes() == before
    failed = made.with_name("report.failed.ipynb")
    assert "no such thing" in failed.read_text(encoding="utf-8")
    failed.unlink()
    assert not [path for path in made.parent.iterdir() if ".partial-" in path.name]


def test_evidence_that_changes_meanwhile_stops_the_report(case: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    story().save(evidence)
    source = f"open({str(evidence / 'meta.json')!r}, 'a').write(' ')"
    with pytest.raises(custody.IntegrityError, match="changed while"):
        module.report(evidence, tmp_path / "out", notebook=failing(tmp_path, source))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"notebook": "nine"}, "notebook='nine' is unknown"),
        ({"vm": 5}, "vm=5 is of the wrong type"),
        ({"vm": "NOBODY"}, "vm='NOBODY' is not in this case"),
        ({"since": "yesterday"}, "since='yesterday'"),
        ({"policy": "refined"}, "was judged with policy strict"),
    ],
)
def test_parameters_that_do_not_fit_are_named(case: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        module.report(case, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_not_overwritten(case: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(ParameterError, match="holds no report"):
        module.report(case, tmp_path)
    for out in (case, case / "report", case.parent):
        with pytest.raises(ParameterError, match="lie in each other"):
            module.report(case, out)


def test_a_pdf_without_a_browser_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    monkeypatch.setattr(pdf, "browser", lambda: None)
    with pytest.raises(Unsupported, match="Chromium, Chrome or Edge"):
        pdf.write(tmp_path / "report.html", tmp_path / "report.pdf", datetime.now(UTC))


@pytest.mark.skipif(pdf.browser() is None, reason="needs Chromium, Chrome or Edge")
def test_the_pdf_has_pages_and_the_date_of_issue(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1400598300")
    page = module.report(case, case.parent / "printed", pdf=True)
    content = (page.parent / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 5
    assert b"/CreationDate (D:20140520150500" in content
    boxes = {tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", content)}
    assert boxes == {(0, 0, 595, 842)}, "every sheet is A4"
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") < 60, "the style sheet took effect"


@pytest.mark.skipif(pdf.browser() is None or shutil.which("pdftotext") is None, reason="needs a browser and pdftotext")
def test_every_sheet_of_the_pdf_says_its_number_and_the_report(case: Path) -> None:
    page = case.parent / "printed" / "report.html"
    if not page.is_file():
        module.report(case, page.parent, pdf=True)
    found = subprocess.run(["pdftotext", str(page.with_name("report.pdf")), "-"], capture_output=True, check=True)
    sheets = found.stdout.decode().rstrip("\f").split("\f")
    number = str(load_analysis(page.parent).meta["report_id"])
    for place, sheet in enumerate(sheets, 1):
        assert number in sheet, f"sheet {place}"
        assert f"Page {place} of {len(sheets)}" in sheet
