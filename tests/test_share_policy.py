"""Policy of a shared copy, names in unusual spellings, and the way back."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner
from story import story

from kit.cli import cli
from kit.errors import ParameterError
from kit.page.answer import head
from kit.page.view import View
from kit.share import collected, redact
from kit.share.pdf_text import pdf_texts
from kit.share.policy import policy
from kit.share.pseudonyms import Names
from kit.share.reveal import names_of, revealed

KEY = b"k" * 32


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_policy_says_what_stays_what_goes_and_what_is_shown(tmp_path: Path) -> None:
    made = policy(written(tmp_path, 'keep = ["Sales"]\nremove = ["Falke"]\nshow = ["title"]\n'), keep=["Ledger"])
    assert (made.keep, made.remove, made.show) == ({"Sales", "Ledger"}, {"Falke"}, {"title"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kepe = ["Sales"]', "unknown key 'kepe'"),
        ('keep = "Sales"', "keep must be a list of texts"),
        ('keep = [""]', "keep must be a list of texts"),
        ('show = ["password"]', "show = 'password' is unknown"),
        ("keep = [", "is no TOML"),
        ('keep = ["Sales"]\nremove = ["SALES"]', "both kept and removed"),
    ],
)
def test_a_wrong_policy_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        policy(written(tmp_path, text))


def test_fields_of_the_head_are_shown_only_where_the_policy_says_so() -> None:
    analysis = story()
    names = collected.collect(analysis, KEY)
    hidden = redact.redacted(analysis, names).meta
    assert (hidden["title"], hidden["examiner"], hidden["requester"]) == ("Redacted copy", None, None)
    shown = redact.redacted(analysis, names, frozenset({"title", "examiner"})).meta
    assert shown["examiner"] == "A. Examiner, Contoso"
    vm = names.pseudonyms["sqlvm"]
    requester = names.pseudonyms["fabrikam retail"]
    assert shown["title"] == f"{requester}: {vm} backup errors", "names are replaced in it too"


def test_a_redacted_copy_says_so_and_that_its_commands_hold_pseudonyms() -> None:
    analysis = story()
    copy = redact.redacted(analysis, collected.collect(analysis, KEY))
    assert "before you run it" in head(View(copy)).html
    assert "before you run it" not in head(View(analysis)).html


def test_a_short_name_is_replaced_where_it_is_a_name_and_not_inside_words() -> None:
    names = Names(KEY)
    names.add("DB", "HR")
    names.add("DB", "A")
    made = names.text("BACKUP DATABASE HR; hr is three, THROUGH is a word; [A] and 'A', but A word and THR.")
    assert "DATABASE DB-" in made and "hr is three, THROUGH" in made and "but A word and THR." in made
    assert "[A]" not in made and "'A'" not in made


def test_an_ordinary_word_as_a_name_leaves_our_own_sentences_alone() -> None:
    """A database called Test, as people do: exact spelling and quoted forms go, `test failover` stays."""
    names = Names(KEY)
    names.add("DB", "Test")
    made = names.text("The test failover of database [TEST] rolled back 2 transactions in Test.")
    assert made.startswith("The test failover of database [DB-") and made.endswith(f"in {names.pseudonyms['test']}.")


def test_long_names_are_found_inside_longer_words_and_in_encodings() -> None:
    names = Names(KEY)
    names.add("DB", "Wertpapiere")
    names.add("DB", "M&A Plans")
    packed = base64.b64encode("copy Wertpapiere".encode("utf-16-le")).decode()
    for text in ("FullWertpapiereNightly", "WERTPAPIERE_2014", f"-enc {packed}"):
        assert "wertpapiere" not in names.text(text).lower() and packed not in names.text(text)
    for text in ("M%26A%20Plans", "M&amp;A Plans", "m&a plans"):
        assert names.text(text) == names.pseudonyms["m&a plans"], text


def test_a_machine_that_looks_like_a_pseudonym_is_replaced_all_the_same() -> None:
    names = Names(KEY)
    names.add("HOST", "HOST-123456")
    made = names.text("host-123456 answered HOST-123456")
    assert "123456" not in made
    assert names.text(made) == made


def test_letters_that_equal_others_only_without_regard_to_case_do_not_stop_it() -> None:
    names = Names(KEY)
    names.add("DB", "Sales")
    assert "ſales" not in names.text("DB ſales")


def test_ids_that_are_the_same_on_every_machine_stay() -> None:
    """Class id of SqlServerWriter, as Microsoft documents it."""
    assert "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a" in Names(KEY).text("{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}")


def test_a_text_of_the_copy_is_turned_back(tmp_path: Path) -> None:
    names = Names(KEY)
    for kind, name in (("VM", "SQLVM"), ("DB", "Payroll DE"), ("ID", "6f9619ff-8b86-d011-b42d-00c04fc964ff")):
        names.add(kind, name)
    before = "Payroll DE on SQLVM (6f9619ff-8b86-d011-b42d-00c04fc964ff) and FullPayroll DE"
    plan = tmp_path / "copy.map.json"
    plan.write_text(names.as_map(), encoding="utf-8")
    copied = names.text(before)
    assert "SQLVM" not in copied
    assert revealed(copied, names_of(plan)).startswith(before[:-16])
    answer = tmp_path / "answer.txt"
    answer.write_text(f"What about {copied.split(' ')[0].lower()}?\n", encoding="utf-8")
    told = CliRunner().invoke(cli, ["reveal", str(answer), "--map", str(plan)])
    assert told.output == "What about Payroll DE?\n"


def test_a_file_that_is_no_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="is no map of names"):
        names_of(written(tmp_path, "keep = []"))
    with pytest.raises(ParameterError, match="missing"):
        names_of(tmp_path / "missing.json")


def test_the_drawn_letters_of_a_pdf_are_read() -> None:
    """Two glyphs of a subset font, mapped to letters as browsers write them; a title in UTF-16."""
    title = "Fall Übersicht".encode("utf-16-be").hex().upper()
    raw = f"""%PDF-1.4
1 0 obj <</Title <FEFF{title}>>> endobj
2 0 obj <</Font <</F4 3 0 R>>>> endobj
3 0 obj <</Type /Font /ToUnicode 4 0 R>> endobj
4 0 obj <<>>
stream
2 beginbfchar <0003> <0053> <0004> <00510056> endbfchar 1 beginbfrange <0010> <0012> <004C> endbfrange
endstream endobj
5 0 obj <<>>
stream
BT /F4 12 Tf [<0003> -20 <0004>] TJ <00100011> Tj ET
endstream endobj""".encode()
    texts = list(pdf_texts(raw))
    assert "Fall Übersicht" in texts
    assert any("SQVLM" in text for text in texts)



def test_a_name_of_many_letters_is_replaced_by_its_beginning() -> None:
    names = Names(KEY)
    names.add("DB", "Kunden" + "x" * 70_000)
    assert names.exact("DB", "Kunden" + "x" * 70_000) == names.pseudonyms["kunden" + "x" * 70_000]
    assert "Kunden" not in names.text(f"database {'Kunden' + 'x' * 70_000} failed")


def test_a_path_with_doubled_backslashes_is_the_same_path() -> None:
    names = Names(KEY)
    plain, doubled = r"D:\Globex\lohn.mdf", r"D:\\Globex\\lohn.mdf"
    assert names.text(f"in {plain} now") == names.text(f"in {doubled} now")
    assert list(names.originals.values()).count(plain) == 1
