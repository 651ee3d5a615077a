"""Writers and shadow copies as diskshadow prints them; sample made up after the documented output."""

import json

from reading import read, sample

from kit.sources import diskshadow, recognise

SCRIPT = sample("diskshadow/script.log")


def test_states_of_writers():
    assert recognise(SCRIPT, "x") is diskshadow
    writers = read(SCRIPT)[0]["writers"]
    assert [(row["name"], row["state"], row["state_text"]) for row in writers] == [
        ("SqlServerWriter", 8, "VSS_WS_FAILED_AT_PREPARE_SNAPSHOT"),
        ("System Writer", 1, "VSS_WS_STABLE"),
    ]
    assert writers[0]["writer_id"] == "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a"
    assert writers[0]["last_error"].startswith("0x800423f4")


def test_a_shadow_copy_has_its_local_time_and_its_machine():
    tables, account = read(SCRIPT)
    (row,) = tables["records"]
    assert (row["kind"], row["name"]) == ("shadow_copy", "61111111-2222-3333-4444-555555555555")
    assert (row["time_local"].isoformat(), row["time_utc"]) == ("2014-05-19T22:00:07", None)
    assert json.loads(row["data"])["Provider ID"] == "{b5946137-7b9f-4925-af80-51abd60b20d5}"  # behind `Not exposed`
    assert account.source["computer"] == "SQL01.contoso.example"
    assert account.source["exported_local"].isoformat() == "2014-05-19T22:00:30"
    assert account.source["skipped"] == 0


def test_an_entry_that_is_cut_off_is_a_loss():
    cut = SCRIPT[: SCRIPT.index(b"- Status: 1")]
    tables, account = read(cut)
    assert [row["name"] for row in tables["writers"]] == ["SqlServerWriter"]
    assert [loss["first_id"] for loss in account.losses] == [14]


def test_a_list_with_stars_and_dashes_is_no_output_of_diskshadow():
    assert recognise(b"* Shopping\n  - milk: 2\n  - bread = 1\n* More\n  - eggs\n", "x") is None
