"""The shared copy: every name replaced, the same everywhere, none left in any byte of the package."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import shutil
import subprocess
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import nbformat
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from secrets_case import REMOVED, SECRETS, secretive
from story import Builder, joined, told

from kit import report as module
from kit import tables
from kit.case import custody
from kit.errors import CaseError, GateError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis
from kit.page.view import View
from kit.report import notebooks
from kit.share import collected, leaks, package, pseudonyms, redact

KEY = b"k" * 32
ALL = list(SECRETS.values())


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return secretive()


@pytest.fixture(scope="module")
def names(analysis: Analysis) -> pseudonyms.Names:
    found = collected.collect(analysis, KEY, remove=REMOVED.values())
    redact.redacted(analysis, found)
    return found


@pytest.fixture(scope="module")
def copy(analysis: Analysis, names: pseudonyms.Names) -> Analysis:
    return redact.redacted(analysis, names)


def text_of(analysis: Analysis) -> str:
    return "\n".join(
        [json.dumps(dict(analysis.meta))]
        + [tables.to_arrow(name, frame).to_pylist().__repr__() for name, frame in analysis.tables.items()]
    )


def test_no_secret_survives_in_the_tables(copy: Analysis) -> None:
    text = text_of(copy).lower()
    for secret in ALL:
        assert secret.lower() not in text, (secret, text[text.find(secret.lower()) - 200 :][:300])
        assert secret.lower().replace("\\", "\\\\") not in text, secret


def test_the_same_name_has_the_same_pseudonym_everywhere(copy: Analysis, names: pseudonyms.Names) -> None:
    assert names.pseudonyms["sqlvm"].startswith("VM-")
    assert set(copy.recovery_points["vm_name"]) == {names.pseudonyms["sqlvm"]}
    sales = names.pseudonyms["sales"]
    assert sales in set(copy.verdicts["database"].dropna())
    assert any(sales in message for message in copy.events["message"])
    zebra = names.pseudonyms["zebra7"]
    assert any(str(value) == f"{zebra}.{names.pseudonyms['corp.globex.example']}" for value in copy.events["computer"])


def test_another_key_gives_other_pseudonyms_and_the_same_key_the_same(
    analysis: Analysis, names: pseudonyms.Names
) -> None:
    again = collected.collect(analysis, KEY, remove=REMOVED.values())
    other = collected.collect(analysis, b"o" * 32, remove=REMOVED.values())
    assert all(names.pseudonyms[name] == made for name, made in again.pseudonyms.items())
    assert all(other.pseudonyms[name] != made for name, made in again.pseudonyms.items())


def test_the_map_turns_the_copy_back(names: pseudonyms.Names) -> None:
    known = json.loads(names.as_map())["names"]
    assert known[names.pseudonyms["payrollde"]] == "PayrollDE"
    assert len(set(known)) == len(names.pseudonyms), "no two names share a pseudonym"


def test_the_verdicts_stay_what_they_are(analysis: Analysis, copy: Analysis) -> None:
    for attribute in ("word", "time", "label", "claims"):
        assert [getattr(p, attribute) for p in View(analysis).points] == [
            getattr(p, attribute) for p in View(copy).points
        ]
    assert list(copy.sources["sha256"].dropna()) == list(analysis.sources["sha256"].dropna()), "hashes identify no one"


def test_generally_known_names_and_kept_ones_stay(analysis: Analysis) -> None:
    found = collected.collect(analysis, KEY, keep=["Sales"])
    for name in ("master", "msdb", "mssqlserver", "sales"):
        assert name not in found.pseudonyms
    kept = redact.redacted(analysis, found)
    assert {"master", "Sales"} <= set(kept.verdicts["database"].dropna())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("from 10.0.0.7.", "IP"),
        ("[fe80::1ff:fe23:4567:890a]", "IP"),
        ("a.b@c.example", "MAIL"),
        (r"'CORP\someone'", "USER"),
        (r"user CORP\someone", "USER"),
        (r"D:\Data\x.mdf", "PATH"),
        (r"\\fs\share\x", "PATH"),
        ("S-1-5-21-1-2-3-500", "SID"),
    ],
)
def test_what_looks_like_a_name_is_replaced(text: str, kind: str) -> None:
    found = pseudonyms.Names(KEY)
    made = found.text(text)
    assert kind in found.kinds.values(), made
    assert found.text(made) == made, "a copy of a copy is the same"


@pytest.mark.parametrize(
    "text",
    [
        "2014-05-19T03:00:16.8Z",
        "SQL Server 10.50.1600.1",
        r"C:\Program Files\Microsoft SQL Server\MSSQL10\Log",
        "0x800423F4",
        "S-1-5-18",
        r"MSSQLSERVER\model: frozen for 2 s",
        "18 May 02:00:30",
        r"VD=Global\x",
        "::1",
        "127.0.0.1",
    ],
)
def test_what_is_no_name_stays(text: str) -> None:
    assert pseudonyms.Names(KEY).text(text) == text


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.text(st.characters(categories=["L", "N"], max_codepoint=0x24F), min_size=3, max_size=12),
        min_size=1,
        max_size=8,
    ),
    st.text(max_size=60),
)
def test_no_known_name_is_left_in_any_text(words: list[str], around: str) -> None:
    found = pseudonyms.Names(KEY)
    for word in words:
        found.add("DB", word)
    text = f"{around} ({') ('.join(words)}) {around}"
    made = found.text(text)
    bare = re.sub("|".join(map(re.escape, found.originals)), " ", made)
    assert not [match[0] for match in found.words.finditer(bare)]
    assert all(word not in bare for word in words if len(word) > 4)


LETTERS = st.text("aAbiIıİsSſkKKßé1-[^.", min_size=1, max_size=4)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(LETTERS, st.booleans()), max_size=8), st.text("aAbBiIıİsSſkKKßéÉ1-[^. '", max_size=30))
@example([("s1", True), ("ſa", True), ("s", True)], "sa")
@example([("k1", True), ("Ka", True), ("k", True)], "ka")
@example([("i1", True), ("ıa", True), ("i", True)], "ia")
@example([("[", True), ("^a", True), ("-", True)], "[^a-")
def test_forms_grouped_by_their_first_letter_find_what_they_find_one_after_the_other(
    given_forms: list[tuple[str, bool]], text: str
) -> None:
    """Letters that equal each other only without regard to case (ſ and s, the Kelvin sign and k) stay together."""
    forms = [(one[0], f"(?i:{re.escape(one)})" if free else rf"(?<!b){re.escape(one)}") for one, free in given_forms]
    plain = "|".join(form for _, form in forms) or r"(?!)"
    found = [hit.span() for hit in re.finditer(pseudonyms.by_first_letter(forms), text)]
    assert found == [hit.span() for hit in re.finditer(plain, text)]


def test_a_leak_is_found_in_every_kind_of_file(tmp_path: Path, names: pseudonyms.Names) -> None:
    (tmp_path / "page.html").write_text("<p>Hello PayrollDE</p><p>M&amp;A Plans</p>", encoding="utf-8")
    (tmp_path / "book.ipynb").write_text(
        json.dumps({"cells": [{"source": "x = 'Kunden_Übersicht'"}]}), encoding="utf-8"
    )
    (tmp_path / "verdicts.json").write_text('{"a": "sales"}', encoding="utf-8")
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"names": [["x", "on TURBINE"]]}), tmp_path / "t.parquet")
    (tmp_path / "ZEBRA7.txt").write_text("nothing", encoding="utf-8")
    import zlib

    (tmp_path / "r.pdf").write_bytes(
        b"%PDF-1.4\nstream\n" + zlib.compress(b"(GLOBEXERP)") + b"\nendstream /Title (jdoe_adm)"
    )
    held = {(one.path, one.name) for one in leaks.leaks(tmp_path, names)}
    assert held == {
        ("page.html", "PayrollDE"),
        ("page.html", "M&A Plans"),
        ("book.ipynb", "Kunden_Übersicht"),
        ("verdicts.json", "Sales"),
        ("t.parquet", "TURBINE"),
        ("ZEBRA7.txt", "ZEBRA7"),
        ("r.pdf", "GLOBEXERP"),
        ("r.pdf", "globex"),
        ("r.pdf", "jdoe_adm"),
    }


def test_a_report_is_needed(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no report there"):
        package.share(tmp_path, tmp_path / "x.zip")
    with pytest.raises(ParameterError, match=r"name a \.zip"):
        package.share(tmp_path, tmp_path / "x")


@pytest.fixture(scope="module")
def shared(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a customer who unpacked the copy of a report with a notebook of the analyst's own, and a PDF."""
    from papermill.engines import papermill_engines

    folder = tmp_path_factory.mktemp("share")
    module.report(
        analysis.save(folder / "judged"), folder / "report", notebook=str(own_notebook(folder)), pdf=has_browser()
    )
    policy = folder / "policy.toml"
    policy.write_text(f"remove = {json.dumps(list(REMOVED.values()), ensure_ascii=False)}\n", encoding="utf-8")
    package.share(folder / "report", folder / "copy.zip", policy=policy)
    with zipfile.ZipFile(folder / "copy.zip") as archive:
        archive.extractall(folder / "customer")
    yield folder
    papermill_engines.get_engine("warm").stop()


def has_browser() -> bool:
    from kit.report import pdf

    return pdf.browser() is not None


def without_pdf(shared: Path) -> Path:
    """The report without its PDF, which takes the longest."""
    folder = shared / "report-without-pdf"
    if not folder.exists():
        shutil.copytree(shared / "report", folder, ignore=shutil.ignore_patterns("report.pdf"))
    return folder


def own_notebook(folder: Path) -> Path:
    """The case report with a sentence and a line of code that name a machine and a database."""
    content = json.loads(notebooks.find().read_text(encoding="utf-8"))
    note = SECRETS["machine that the notebook names"]
    content["cells"].insert(-1, {"cell_type": "markdown", "id": "x1", "metadata": {}, "source": [f"Look at {note}."]})
    code = {"cell_type": "code", "id": "x2", "metadata": {}, "execution_count": None, "outputs": []}
    content["cells"].insert(-1, code | {"source": [f"asked = {note!r}\n", "asked"]})
    path = folder / "own.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def forms_of(secret: str) -> set[bytes]:
    """A secret as it may be written, in lower-case bytes; independent of the code that is tested."""
    texts = {secret, quote(secret), quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1]}
    texts |= {secret.replace("\\", "\\\\"), unicodedata.normalize("NFD", secret), secret.strip("{}").replace("-", "")}
    texts |= {text.lower() for text in texts} | {text.upper() for text in texts}
    raw = {text.encode(encoding).lower() for text in texts for encoding in ("utf-8", "utf-16-le", "utf-16-be")}
    for shift in range(3):  # base64 that begins before the secret
        for encoding in ("utf-8", "utf-16-le"):
            packed = base64.b64encode(b"\0" * shift + secret.encode(encoding))
            raw.add(packed[4 if shift else 0 : -4].lower())
    return {form for form in raw if len(form) > 4}


def bytes_of(path: Path) -> Iterator[bytes]:
    """A file as it is and with everything unpacked that can be unpacked."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr(table.to_pylist()).encode()
        yield repr([table.schema.metadata, *[field.metadata for field in table.schema]]).encode()
    if path.suffix == ".pdf":
        for found in re.finditer(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj().decompress(found[1])
        if shutil.which("pdftotext"):
            yield subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout
            yield subprocess.run(["pdfinfo", path], capture_output=True, check=True).stdout
    if path.suffix in (".html", ".ipynb", ".json"):
        text = raw.decode()
        yield html.unescape(text).encode()
        yield re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text).encode("utf-8", "replace")


@pytest.mark.slow
def test_fifty_planted_secrets_are_nowhere_in_the_package(shared: Path) -> None:
    assert len(SECRETS) >= 50
    listed = zipfile.ZipFile(shared / "copy.zip")
    files = [path for path in (shared / "customer").rglob("*") if path.is_file()]
    assert {".html", ".ipynb", ".json", ".jsonl", ".parquet"} <= {path.suffix for path in files}
    named = "\n".join([*listed.namelist(), str(listed.comment)]).encode()
    found = [
        (place, path.name)
        for path in files
        for content in [*(one.lower() for one in bytes_of(path)), named.lower()]
        for place, secret in SECRETS.items()
        if any(form in content for form in forms_of(secret))
    ]
    assert found == []


@pytest.mark.slow
def test_the_scan_of_this_test_finds_the_secrets_in_the_report_itself(shared: Path) -> None:
    """All but those in columns that the report does not draw; so the test above can fail."""
    files = [path for path in (shared / "report").rglob("*") if path.is_file()]
    contents = [content.lower() for path in files for content in bytes_of(path)]
    places = {place for place, secret in SECRETS.items() if any(f in c for c in contents for f in forms_of(secret))}
    assert places == set(SECRETS)


@pytest.mark.slow
def test_the_customer_runs_the_notebook_again_in_a_folder_of_his_own(shared: Path, tmp_path: Path) -> None:
    """Nothing but what was unpacked: no case, no report of the analyst, no store."""
    fresh = Path(shutil.copytree(shared / "customer", tmp_path / "received"))
    book = nbformat.read(fresh / "report.ipynb", as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(fresh)}}).execute()
    shown = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert not [output for output in shown if output.output_type == "error"]
    assert any("43 are supported" in str(output.get("data", {}).get("text/plain")) for output in shown)


@pytest.mark.slow
def test_the_copy_is_a_whole_report_that_verifies_and_runs_again(shared: Path) -> None:
    customer = shared / "customer"
    assert custody.verify(customer) == []
    assert View(load_analysis(customer)).counts(View(load_analysis(customer)).points)["supported"] == 43
    again = module.report(customer, shared / "again", notebook=str(customer / "report.ipynb"))
    assert "43 are supported" in again.read_text(encoding="utf-8")
    assert "redacted copy; replaced:" in (customer / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_map_stays_behind_and_keeps_pseudonyms_stable(shared: Path) -> None:
    plan = shared / "copy.map.json"
    before = plan.read_text(encoding="utf-8")
    assert "PayrollDE" in before
    package.share(without_pdf(shared), shared / "copy.zip", policy=shared / "policy.toml")
    assert plan.read_text(encoding="utf-8") == before
    names_of = [zipfile.ZipFile(shared / "copy.zip").namelist()]
    assert "copy.map.json" not in names_of[0]
    assert "report.html" in names_of[0]


@pytest.mark.slow
def test_a_surviving_name_stops_the_copy(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "redacted", lambda analysis, *_: analysis)
    with pytest.raises(GateError, match="names survive in the copy"):
        package.share(without_pdf(shared), shared / "leaky.zip")
    assert not (shared / "leaky.zip").exists()


@pytest.mark.parametrize(
    "name",
    ["Miller 10.1.2.3 old", "srv-10.1.2.3-miller", "Miller <miller@fabrikam.example>",
     'VM"><img src="http://a.example/i.png" m>', r"Miller\old (C:\vm\miller)",
     "Miller {5b0c6d1e-99aa-4c1d-8a55-0f3e1d2c4b5a}"],
)  # fmt: skip
def test_a_name_that_holds_an_address_goes_as_a_whole(name: str) -> None:
    known = pseudonyms.Names(b"k" * 32)
    known.add("VM", name)
    told = known.text(f"Get-VM -Name '{name}' | Start-VM; Start-VM -Name '{name} - Test'; guest {name}: error")
    assert told.count(known.pseudonyms[pseudonyms.folded(name)]) == 3
    assert "iller" not in told and "img" not in told


def test_two_machines_get_two_names() -> None:
    b = Builder("MAILVM", 91000)
    both = joined(told(Builder()).analysis(), told(b).analysis())
    made = collected.collect(both, KEY)
    assert made.pseudonyms["sqlvm"] != made.pseudonyms["mailvm"]


def test_a_full_disk_leaves_no_half_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    content = tmp_path / "content"
    content.mkdir()
    (content / "page").write_text("x", encoding="utf-8")
    monkeypatch.setattr(package.zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        package._pack(content, tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["content"]
