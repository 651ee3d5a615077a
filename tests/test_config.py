"""case.toml: the keys are those of the contract; every slip is an error that names it."""

import pytest

from kit.case import config
from kit.errors import ConfigError

WHOLE = """
[case]
id = "2014-117"
title = "Hourly VSS errors"
examiner = "A. Analyst"
requester = "B. Buyer"
question = "Which point can be used?"

[[source]]
path = "guest/*"
role = "guest"
vm = "SQL-PROD-01"
timezone = "Europe/Berlin"
culture = "de-DE"

[[source]]
path = "guest/other/*"
timezone = "+05:30"

[[test_failover]]
vm = "SQL-PROD-01"
path = "testfailover/*"
recovery_point = "latest"
boot_after = 2014-05-20T10:00:00+02:00

[[clock]]
computer = "SQL01"
offset_s = -420

[policy]
rollback = "refined"
tolerance_s = 30
"""


def parse(text):
    return config.parse(text.encode())


def test_every_key_of_the_contract_is_taken():
    got = parse(WHOLE)
    assert (got.case_id, got.title, got.examiner, got.requester) == (
        "2014-117", "Hourly VSS errors", "A. Analyst", "B. Buyer",
    )  # fmt: skip
    assert got.question == "Which point can be used?"
    assert (got.policy, got.tolerance_s) == ("refined", 30)
    assert got.clocks == ({"computer": "SQL01", "offset_s": -420},)
    assert got.test_failovers == (
        {
            "vm": "SQL-PROD-01", "path": "testfailover/*", "recovery_point": "latest",
            "boot_after": "2014-05-20T08:00:00Z",
        },
    )  # fmt: skip


def test_a_zone_may_have_its_windows_name_as_tzutil_prints_it():
    said = parse("[[source]]\npath = '*'\ntimezone = 'W. Europe Standard Time'").said_of("guest/ERRORLOG")
    assert said.timezone == "Europe/Berlin"


def test_without_a_file_the_policy_is_strict_and_a_minute_is_tolerated():
    got = config.Config()
    assert (got.policy, got.tolerance_s) == ("strict", 60)


def test_later_entries_overrule_earlier_ones_key_by_key():
    said = parse(WHOLE).said_of("guest/other/ERRORLOG")
    assert (said.role, said.vm, said.timezone) == ("guest", "SQL-PROD-01", "+05:30")
    assert parse(WHOLE).said_of("replica/points.json").role is None


@pytest.mark.parametrize(
    ("path", "glob", "fit"),
    [
        ("guest/System.evtx", "guest/*.evtx", True),
        ("guest/deep/System.evtx", "guest/*.evtx", True),
        ("Guest/System.evtx", "guest", True),
        ("guest/System.evtx", "guest\\", True),
        ("logs.zip!/a/System.evtx", "logs.zip", True),
        ("guests/System.evtx", "guest", False),
        ("guest/System.evtx", "replica/*", False),
    ],
)
def test_globs_name_files_and_folders(path, glob, fit):
    assert config.fits(path, glob) is fit


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[case]\ntitel = 'x'", "'titel'; did you mean 'title'?"),
        ("[cases]\nid = 'x'", "'cases'; did you mean 'case'?"),
        ("[[source]]\nrole = 'guest'", "[[source]] number 1: 'path' is missing"),
        ("[[source]]\npath = '*'\nrole = 'host'", "role must be one of guest, primary_host"),
        ("[[source]]\npath = '*'\ntimezone = 'Mars'", "'Mars' is no time zone"),
        ("[[source]]\npath = '*'\n[[source]]\npath = ''", "[[source]] number 2: path must be a text"),
        ("[source]\npath = '*'", "must be written as a table [[source]]"),
        ("[[case]]\nid = 'x'", "must be written as a table [case]"),
        ("case = 1", "must be written as a table [case]"),
        ("[[clock]]\ncomputer = 'A'\noffset_s = '7'", "offset_s must be a number of seconds, not '7'"),
        ("[[clock]]\ncomputer = 'A'\noffset_s = nan", "must be a number"),
        ("[[clock]]\ncomputer = 'A'\noffset_s = 1\n[[clock]]\ncomputer = 'a'\noffset_s = 2", "'a' stands there twice"),
        ("[policy]\nrollback = 'lax'", "one of strict, refined, not 'lax'"),
        ("[policy]\ntolerance_s = 0", "more than 0"),
        ("[policy]\ntolerance_s = true", "must be a number"),
        ("[[test_failover]]\nboot_after = 'tomorrow'", "ISO 8601"),
        ("[[test_failover]]\nboot_after = 5", "ISO 8601"),
        ("[case\nid = 1", "no valid TOML"),
    ],
)
def test_a_slip_is_an_error_that_names_it(text, named):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert named in str(caught.value)
    assert str(caught.value).startswith("case.toml")


def test_times_without_a_zone_are_utc():
    got = parse("[[test_failover]]\nboot_after = '2014-05-20 08:00'\n[[test_failover]]\nboot_after = 2014-05-20")
    assert [entry["boot_after"] for entry in got.test_failovers] == ["2014-05-20T08:00:00Z", "2014-05-20T00:00:00Z"]


# Notepad writes a byte order mark, Windows PowerShell redirection UTF-16.
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_windows_editors_are_read(encoding):
    assert config.parse("[case]\ntitle = 'Prüfung'\n".encode(encoding)).title == "Prüfung"


@pytest.mark.parametrize("written", [r'path = "guest\ERRORLOG"', r'path = "guest\test*"'])
def test_a_path_as_windows_writes_it_in_double_quotes_is_refused_with_the_way_out(written):
    # \E is no escape of TOML, and \t is a tab: neither is the folder that was meant.
    with pytest.raises(ConfigError, match="write / between folders, or put the path into single quotes"):
        config.parse(f"[[source]]\n{written}\n".encode())


def test_a_path_as_windows_writes_it_in_single_quotes_fits():
    settings = config.parse(b"[[source]]\npath = 'Guest\\ERRORLOG*'\nrole = 'guest'\n")
    assert config.fits("guest/ERRORLOG.1", settings.sources[0].path)
