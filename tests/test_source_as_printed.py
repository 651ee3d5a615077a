"""What tools print, as it is often misread: aligned lists, numbers beside words, the console's code page, wmic."""

from __future__ import annotations

import json

import pytest
from reading import read, sample

from kit import code_pages, powershell, text
from kit.powershell.dates import Dates
from kit.sources import event_text, recognise, replication


def told(path):
    return read(sample(path), path.rsplit("/", 1)[-1])


def test_statistics_with_dates_among_them_are_no_event():
    """Third value a date, fourth a number: so begins an event as text, but its colons do not stand below each other."""
    head = sample("replication/measure-list.txt")
    assert event_text.recognise(head, "x") == 0 and recognise(head, "x") is replication
    (row,) = told("replication/measure-list.txt")[0]["replication"]
    assert (row["app_consistent_failures"], row["replication_misses"]) == (2, 3)
    assert row["replica_server"] == "hv2.contoso.local"


def test_a_number_that_touches_its_neighbour_is_not_cut_in_two():
    printed = (
        "\r\nTimeCreated           ProviderName   Id Message\r\n-----------           ------------   -- -------\r\n"
        "5/19/2014 10:00:14 PM MSSQLSERVER 18210 failure\r\n5/19/2014 10:00:07 PM MSSQLSERVER  3197 frozen\r\n"
    )
    rows = powershell.objects(printed.encode()).rows
    assert [(row["ProviderName"], row["Id"]) for row in rows] == [("MSSQLSERVER", "18210"), ("MSSQLSERVER", "3197")]


@pytest.mark.parametrize(
    ("written", "encoding"),
    [("für Müller", "cp850"), ("Größe: Verfügbar", "cp850"), ("réplica está aquí", "cp850"), ("für Müller", "cp1252"),
     ("déjà échoué", "cp1252"), ("déjà échoué", "cp850"), ("Información básica", "cp1252"),
     ("it\u2019s here", "cp1252"), ("„Sales“ und „HR“", "cp1252"), ("a\u00a0b", "cp1252")],
)  # fmt: skip
def test_letters_of_the_console_and_of_windows_are_told_apart(written, encoding):
    assert text.decode(written.encode(encoding))[0] == written


def test_a_culture_with_a_code_page_of_its_own_keeps_it():
    assert text.decode("Müller Ж".encode("cp1251", "replace"), "ru-RU")[1] == "cp1251"
    assert code_pages.single_bytes("für".encode("cp850"), "de-DE") == "cp850"


def test_names_from_redirected_output_are_the_names_of_other_exports():
    (row,) = told("replication/list-german-console.txt")[0]["replication"]
    assert row["vm_name"] == "Büro-SQL"


@pytest.mark.parametrize("name", ["wmic-table.txt", "wmic-list.txt"])
def test_updates_as_wmic_prints_them(name):
    tables, account = told(f"hotfixes/{name}")
    assert [(row["name"], row["computer"]) for row in tables["records"]] == [
        ("KB2919355", "SQLVM"), ("KB2919442", "SQLVM")
    ]  # fmt: skip
    assert account.source["skipped"] == 0


def test_a_word_over_the_edge_of_a_column_of_wmic_is_a_loss():
    lines = sample("hotfixes/wmic-table.txt").decode("utf-16").split("\r\n")
    spoilt = "\r\n".join([lines[0], lines[1][1:], *lines[2:]])
    tables, account = read(spoilt.encode("utf-16"), "x.txt")
    assert [row["name"] for row in tables["records"]] == ["KB2919442"]
    assert (account.source["seen"], account.source["skipped"]) == (2, 1)


def test_a_list_of_wmic_with_several_objects_without_empty_lines():
    rows = powershell.objects(b"A_1=1\r\nB_1=\r\nA_1=2\r\nB_1=x=y\r\n").rows
    assert [dict(row) for row in rows] == [{"A_1": "1", "B_1": None}, {"A_1": "2", "B_1": "x=y"}]


def test_an_inventory_of_the_system_names_its_updates():
    (row,) = told("hotfixes/get-computerinfo.txt")[0]["records"]
    assert (row["kind"], row["name"]) == ("system", "SQLVM")
    assert json.loads(row["data"])["OsHotFixes"] == "{KB4514366, KB4512577, KB4512578}"


def test_in_wmi_the_element_name_is_the_name_of_the_machine():
    (row,) = told("replication/wmi-computer-system.txt")[0]["replication"]
    assert row["vm_name"] == "SQLVM"


CUT = (
    "\r\nVMName Name                              SnapshotType       CreationTime         ParentSnapshotName\r\n"
    "------ ----                              ------------       ------------         ------------------\r\n"
    "SQLVM  {name:<33} AppConsistentRe... 5/19/2014 10:00:...\r\n"
)


def test_a_time_that_the_console_cut_off_is_never_read_as_it_stands():
    """10:00:... was 10 in the evening: what is left of it is no time."""
    tables, account = read(CUT.format(name="SQLVM - Application-consistent..."), "points.txt")
    assert "recovery_points" not in tables and account.source["skipped"] == 1
    assert "'5/19/2014 10:00:...' is no date" in account.losses[0]["reason"]


def test_the_time_of_a_point_stands_in_its_name_too():
    tables, _ = read(CUT.format(name="SQLVM - (5/19/2014 - 10:00:14 PM)"), "points.txt")
    (row,) = tables["recovery_points"]
    assert row["time_local"].isoformat() == "2014-05-19T22:00:14"
    assert "time read from the name" in row["note"]


@pytest.mark.parametrize("raw", ["5/19/2014 10:00:14 ...", "19.05.2014 22:0…", "2014-05-19T22:00..."])
def test_what_is_left_of_a_date_is_none(raw):
    assert not Dates().read(raw).known


NIL = '<Objs Version="1.1.0.1" xmlns="x">\r\n  <Nil />\r\n</Objs>'


@pytest.mark.parametrize("text", ["[]", " [ ]\r\n", "null", NIL, '<Objs Version="1.1.0.1" xmlns="x" />'])
def test_an_export_without_objects_is_empty_and_not_unknown(text):
    source = read(text, "points")[1].source
    assert source["status"] == "empty" and "the command found nothing" in source["note"]
