"""Text: bytes of unknown encoding to lines, no character lost that can be kept."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import text

SENTENCE = "2014-05-19 22:00:03.43 spid5s  Größe der Sicherung: 5 €\r\nzweite Zeile\r\n"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"\xff\xfe" + SENTENCE.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + SENTENCE.encode("utf-16-be"), "utf-16-be"),
        (SENTENCE.encode("utf-16-le"), "utf-16-le"),
        (SENTENCE.encode("utf-16-be"), "utf-16-be"),
        (b"\xef\xbb\xbf" + SENTENCE.encode(), "utf-8"),
        (SENTENCE.encode(), "utf-8"),
        (SENTENCE.encode("cp1252"), "cp1252"),
        (SENTENCE.encode("utf-32"), "utf-32-le"),
    ],
)
def test_each_encoding_gives_the_same_text(raw, name):
    assert text.decode(raw) == (SENTENCE, name)
    found = list(text.lines(io.BytesIO(raw)))
    assert [line.text for line in found] == SENTENCE.split("\r\n")[: len(found)]
    assert [line.number for line in found[:2]] == [1, 2]


# Russian and Japanese lines of a log: time, blanks and numbers are ASCII, words are not.
@pytest.mark.parametrize("words", ["Ошибка: 18210, серьезность: 16", "エラー: 18210、重大度: 16"])
def test_utf_16_without_mark_is_found_in_other_scripts(words):
    line = f"2014-05-19 22:00:03.43 spid5s  {words}"
    assert text.decode(line.encode("utf-16-le")) == (line, "utf-16-le")
    assert text.decode(line.encode("utf-16-be")) == (line, "utf-16-be")


def test_a_declared_culture_chooses_the_code_page():
    assert text.decode("ошибка записи".encode("cp1251"), "ru-RU") == ("ошибка записи", "cp1251")
    assert text.decode("バックアップ".encode("cp932"), "ja-JP") == ("バックアップ", "cp932")


def test_embedded_nuls_survive_and_do_not_make_a_text_wide():
    raw = b"2014-05-19 22:00:03.43 spid5s  one" + b"\0" * 4096 + b"two\n"
    assert text.decode(raw) == (raw.decode("ascii"), "utf-8")


def test_a_wide_text_followed_by_a_block_of_nuls_stays_wide():
    raw = SENTENCE.encode("utf-16-le") + b"\0" * 4096
    assert text.decode(raw)[1] == "utf-16-le"


def test_a_utf_8_file_cut_inside_a_character_stays_utf_8():
    assert text.decode("Größe €".encode()[:-1]) == ("Größe \ufffd", "utf-8")


def test_bytes_that_the_code_page_does_not_know_are_kept_by_number():
    assert text.decode(b"a\xe4b\x81c") == ("aäb\x81c", "cp1252")


def test_a_line_of_another_encoding_does_not_spoil_its_neighbours():
    raw = "Größe\n".encode() + "Größe\n".encode("cp1252") + b"end"
    assert [line.text for line in text.lines(io.BytesIO(raw))] == ["Größe", "Größe", "end"]


@pytest.mark.parametrize("name", ["ascii", "utf-16-le"])
def test_an_endless_line_is_cut_and_the_cut_is_counted(name):
    width = 2 if name == "utf-16-le" else 1
    raw = ("x" * 3_000_001 + "\nnext\n").encode(name)
    first, second = text.lines(io.BytesIO(raw), longest=1000)
    assert len(first.text) * width == 1000
    assert first.cut == 3_000_001 * width - 1000
    assert (second.text, second.offset, second.cut) == ("next", 3_000_002 * width, 0)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-16-be"]),
)
def test_offsets_point_at_the_lines(rows, name):
    mark = b"\xfe\xff" if name == "utf-16-be" else b""
    raw = mark + "\n".join(rows).encode(name)
    plain = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(name, name)
    found = list(text.lines(io.BytesIO(raw)))
    expected = rows if rows[-1] else rows[:-1]
    assert [line.text for line in found] == expected
    for line in found:
        assert raw[line.offset :].startswith(line.text.encode(plain))


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=300))
def test_no_bytes_can_make_it_fail(raw):
    decoded, _ = text.decode(raw)
    assert isinstance(decoded, str)
    assert sum(1 for _ in text.lines(io.BytesIO(raw))) <= len(raw) + 1
