"""The shared copy: every name replaced, the same everywhere, none left in any byte of the package."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import APPLICATION, Builder, at, joined, told

from kit import report as module
from kit import tables
from kit.case import custody
from kit.errors import CaseError, GateError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis
from kit.page.view import View
from kit.share import collected, leaks, package, pseudonyms, redact

KEY = b"k" * 32
SECRETS = {
    "machines": [
        "SQLVM",
        "HV-PRIM-A",
        "HV-REPL1",
        "ZEBRA7.corp.globex.example",
        "zebra7",
        "BACKUPSRV9.corp.globex.example",
    ],
    "databases": ["Sales", "Ledger", "PayrollDE", "M&A Plans", "Kunden_Übersicht"],
    "instances": ["GLOBEXERP", "TURBINE"],
    "accounts": ["GLOBEX\\svc_sqlbackup", "GLOBEX\\m.mustermann", "jdoe_adm", "kasper.vogel", "reporting_ro"],
    "people": ["erika.mustermann@globex.example", "it-support@globex-corp.example"],
    "sids": ["S-1-5-21-1004336348-1177238915-682003330-512", "S-1-5-21-3623811015-3361044348-30300820-1013"],
    "addresses": ["10.20.30.41", "192.168.77.5", "2001:db8:85a3::8a2e:370:7334", "00-1B-44-11-3A-B7"],
    "paths": [r"D:\GlobexData\payroll.mdf", r"\\GLOBEXFS01\backup$\nightly", r"E:\Kunden\2014\angebot.bak"],
    "ids": ["6f9619ff-8b86-d011-b42d-00c04fc964ff", "9B2CF535-27A3-4FBB-92D8-0A5C1E9C8F11"],
    "words": ["Projekt Falke", "Unterschrift: E. Mustermann", "Fabrikam Retail", "A. Examiner, Contoso"],
}
ALL = [secret for group in SECRETS.values() for secret in group]


def secretive() -> Analysis:
    """The story with secrets in messages, strings, event data, paths, exports, findings, actions and meta data."""
    b = Builder()
    told(b)
    accounts = SECRETS["accounts"]
    for number, text in enumerate(
        [
            f"Login failed for user '{accounts[0]}'. [CLIENT: 10.20.30.41]",
            f"Login succeeded for user '{accounts[1]}'.",
            f"Login failed for user '{accounts[2]}'. Reason: password of {SECRETS['sids'][0]}",
            f"Backup of {SECRETS['paths'][0]} to {SECRETS['paths'][1]} by login '{accounts[3]}' from 192.168.77.5",
            f"Mail to {SECRETS['people'][0]}, copy {SECRETS['people'][1]}; card {SECRETS['addresses'][3]}",
            f"Restored {SECRETS['paths'][2]} over {SECRETS['addresses'][2]}; set {SECRETS['ids'][0]}, "
            f"{{{SECRETS['ids'][1]}}}",
            f"ZEBRA7.corp.globex.example called zebra7 and BACKUPSRV9.corp.globex.example; {SECRETS['sids'][1]}",
            "BACKUP failed to complete the command BACKUP DATABASE [M&A Plans]; Kunden_Übersicht and PayrollDE follow.",
        ]
    ):
        computer = "ZEBRA7.corp.globex.example" if number % 2 else "BACKUPSRV9.corp.globex.example"
        uid = b.event(
            at(3, number),
            "MSSQL$GLOBEXERP",
            50000 + number,
            text,
            "genuine_failure",
            computer=computer,
            strings=[text, accounts[4]],
            data=json.dumps({"SubjectUserName": accounts[4], "IpAddress": "10.20.30.41"}),
            instance="GLOBEXERP",
        )
        b.finding(f"On {computer}: {text}", [uid], operation_id="op-SQLVM-02")
    for name in ("PayrollDE", "M&A Plans", "Kunden_Übersicht"):
        b.add("operation_databases", operation_id="op-SQLVM-02", instance="TURBINE", database=name, evidence=[])
    b.rows["sources"].append(
        dict(b.rows["sources"][2])
        | {
            "source_id": "aa000000ff",
            "path": "guest/ZEBRA7/GLOBEXERP/Projekt Falke/ERRORLOG",
            "computer": "ZEBRA7.corp.globex.example",
            "note": f"copied from {SECRETS['paths'][1]} by GLOBEX\\m.mustermann",
        }
    )
    b.add(
        "records",
        source_id=APPLICATION,
        kind="job",
        name="PayrollDE",
        data=json.dumps({"owner": accounts[1], "note": "Projekt Falke"}),
    )
    b.add("writers", source_id=APPLICATION, computer="ZEBRA7", name="SqlServerWriter")
    b.rows["replication"][0]["data"] = json.dumps(
        {"PrimaryServer": "BACKUPSRV9.corp.globex.example", "Notes": "Projekt Falke"}
    )
    b.add(
        "actions",
        vm_name="SQLVM",
        text="Ask E. Mustermann about Projekt Falke.",
        where="BACKUPSRV9.corp.globex.example",
        command=rf"Copy-Item '{SECRETS['paths'][1]}\x.bak' .",
    )
    return b.analysis(question="Is Projekt Falke safe? Unterschrift: E. Mustermann")


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return secretive()


@pytest.fixture(scope="module")
def names(analysis: Analysis) -> pseudonyms.Names:
    found = collected.collect(analysis, KEY, remove=SECRETS["words"])
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
    again = collected.collect(analysis, KEY, remove=SECRETS["words"])
    other = collected.collect(analysis, b"o" * 32, remove=SECRETS["words"])
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
        ("verdicts.json", "sales"),
        ("t.parquet", "TURBINE"),
        ("ZEBRA7.txt", "ZEBRA7"),
        ("r.pdf", "GLOBEXERP"),
        ("r.pdf", "GLOBEX"),
        ("r.pdf", "jdoe_adm"),
    }


def test_a_report_is_needed(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no report there"):
        package.share(tmp_path, tmp_path / "x.zip")
    with pytest.raises(ParameterError, match=r"name a \.zip"):
        package.share(tmp_path, tmp_path / "x")


@pytest.fixture(scope="module")
def shared(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a customer who unpacked the copy."""
    from papermill.engines import papermill_engines

    folder = tmp_path_factory.mktemp("share")
    module.report(analysis.save(folder / "judged"), folder / "report")
    package.share(folder / "report", folder / "copy.zip", remove=SECRETS["words"])
    with zipfile.ZipFile(folder / "copy.zip") as archive:
        archive.extractall(folder / "customer")
    yield folder
    papermill_engines.get_engine("warm").stop()


@pytest.mark.slow
def test_fifty_planted_secrets_are_nowhere_in_the_package(shared: Path) -> None:
    variants = {
        form
        for secret in ALL
        for form in (
            secret,
            secret.replace("\\", "\\\\"),
            secret.replace("&", "&amp;"),
            secret.encode("unicode_escape").decode(),
        )
    }
    assert len(ALL) >= 35
    for path in (shared / "customer").rglob("*"):
        if not path.is_file():
            continue
        raw = path.read_bytes().lower()
        for form in variants:
            if form.lower() in ("sales", "ledger"):
                continue  # ordinary words of the kit's own files; the tables are looked at above
            assert form.lower().encode() not in raw, (path.name, form)
            assert form.lower().encode("utf-16-le") not in raw, (path.name, form)
        assert "mustermann" not in path.name


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
    first = (shared / "copy.zip").read_bytes()
    package.share(shared / "report", shared / "copy.zip", remove=SECRETS["words"])
    assert plan.read_text(encoding="utf-8") == before
    names_of = [zipfile.ZipFile(shared / "copy.zip").namelist()]
    assert "copy.map.json" not in names_of[0]
    assert len((shared / "copy.zip").read_bytes()) == pytest.approx(len(first), rel=0.01)


@pytest.mark.slow
def test_a_surviving_name_stops_the_copy(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "redacted", lambda analysis, *_: analysis)
    with pytest.raises(GateError, match="names survive in the copy"):
        package.share(shared / "report", shared / "leaky.zip")
    assert not (shared / "leaky.zip").exists()


def test_two_machines_get_two_names() -> None:
    b = Builder("MAILVM", 91000)
    both = joined(told(Builder()).analysis(), told(b).analysis())
    made = collected.collect(both, KEY)
    assert made.pseudonyms["sqlvm"] != made.pseudonyms["mailvm"]


def test_a_full_disk_leaves_no_half_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    package = tmp_path / "package"
    package.mkdir()
    (package / "page").write_text("x", encoding="utf-8")
    monkeypatch.setattr(redact.zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        redact._pack(package, tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["package"]
