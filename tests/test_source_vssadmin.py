"""vssadmin lists in English, German and Japanese; states: VSS_WRITER_STATE."""

import json

import pytest
from reading import read, sample

from kit.sources import recognise, vssadmin

SQL_WRITER = "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a"


@pytest.mark.parametrize(
    ("name", "state", "error"),
    [
        ("writers.txt", 8, "Non-retryable error"),
        ("writers-german.txt", 10, "Zeitüberschreitung"),
        ("writers-japanese.txt", 1, "エラーなし"),
    ],
)
def test_a_writer_in_three_languages(name, state, error):
    content = sample(f"vssadmin/{name}")
    assert recognise(content, "x") is vssadmin
    writer = read(content)[0]["writers"][0]
    assert (writer["name"], writer["writer_id"], writer["state"]) == ("SqlServerWriter", SQL_WRITER, state)
    assert writer["instance_id"] == "9a2c071c-f231-4a9d-abb3-0b15e1866b79"
    assert writer["last_error"] == error


def test_a_writer_without_state_is_a_cut_list():
    tables, account = read(sample("vssadmin/writers.txt"))
    assert len(tables["writers"]) == 2
    assert [loss["first_id"] for loss in account.losses] == [16]


def test_a_state_that_is_not_known_is_kept_and_told():
    content = sample("vssadmin/writers.txt").replace(b"[8]", b"[17]")
    tables, account = read(content)
    assert tables["writers"][0]["state"] == 17
    assert "does not know" in account.source["note"]


def test_two_shadow_copies_of_one_set():
    tables, account = read(sample("vssadmin/shadows.txt"))
    first, second = (json.loads(row["data"]) for row in tables["records"])
    assert first["set_id"] == second["set_id"] == "0c1b7a8e-1111-4222-8333-444455556666"
    assert second["original_volume"].startswith("(D:)")
    assert first["type"] == "ApplicationRollback"
    assert [row["time_local"].isoformat() for row in tables["records"]] == ["2014-05-19T22:00:07"] * 2
    assert account.source["computer"] == "SQL01.contoso.example"


def test_providers_and_storage():
    providers = read(sample("vssadmin/providers.txt"))[0]["records"]
    assert [(row["kind"], row["name"]) for row in providers] == [
        ("provider", "Hyper-V IC Software Shadow Copy Provider"),
        ("provider", "Microsoft Software Shadow Copy provider 1.0"),
    ]
    (storage,) = read(sample("vssadmin/shadowstorage.txt"))[0]["records"]
    assert json.loads(storage["data"])["maximum"] == "10.0 GB (10%)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Writer Name: SqlServerWriter\n",
        "Log Name: x\nSource: 'y'\n",
        "{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\n" * 5,
    ],
)
def test_other_text_is_not_taken(text):
    assert vssadmin.recognise(text.encode(), "vssadmin.txt") == 0


def test_the_banner_alone_is_an_empty_list():
    content = sample("vssadmin/writers.txt").split(b"Writer name")[0]
    assert read(content)[1].source["status"] == "empty"


def test_a_russian_console_without_a_declared_culture():
    text = (
        "Имя составителя: 'SqlServerWriter'\r\n   Id составителя: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\r\n"
        "   Id экземпляра составителя: {9a2c071c-f231-4a9d-abb3-0b15e1866b79}\r\n"
        "   Состояние: [8] Сбой\r\n   Последняя ошибка: Неустранимая ошибка\r\n"
    )
    for page in ("cp866", "utf-16"):
        (writer,) = read(text.encode(page))[0]["writers"]
        assert (writer["name"], writer["state_text"]) == ("SqlServerWriter", "Сбой")


def test_quotes_among_the_letters_of_a_wrong_code_page_are_not_the_name():
    line = "Имя составителя: 'SqlServerWriter'".encode("cp866").decode("cp1252", "replace")
    text = f"{line}\r\n   Id: {{a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}}\r\n   S: [8] x\r\n   E: y\r\n"
    (writer,) = read(text.encode("utf-8"))[0]["writers"]
    assert writer["name"] == "SqlServerWriter"


BANNER = (
    "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\r\n"
    "(C) Copyright 2001-2013 Microsoft Corp.\r\n\r\n"
)


def test_a_refusal_in_the_place_of_a_list_is_quoted():
    refused = "Error:  You don't have the correct permissions to run this command.\r\n"
    _, account = read(BANNER + refused)
    assert account.source["status"] == "empty"
    assert "printed no list but" in account.source["note"] and "correct permissions" in account.source["note"]
    assert "holds no record" not in account.source["note"]


def test_a_banner_with_nothing_below_it_is_told():
    assert "a writer did not answer" in read(BANNER)[1].source["note"]
