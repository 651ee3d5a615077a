"""Printed events: the run of labels of wevtutil /f:text and of Event Viewer's clipboard, made up by hand."""

from datetime import datetime

import pytest
from reading import events, sample

from kit.sources import event_text, recognise

COPIED = """Log Name:      Application
Source:        SQLWRITER
Date:          {date}
Event ID:      24583
Task Category: None
Level:         Error
Keywords:      Classic
User:          N/A
Computer:      GF19
Description:
Sqllib error: OLEDB Error encountered. hr = 0x80040e14.
SQLSTATE: 42000, Native Error: 3013
"""


def test_wevtutil_newest_first_is_numbered_from_the_end():
    rows, account = events(sample("event_text/wevtutil.txt"))
    named = [(row["record_id"], row["provider"], row["event_id"]) for row in rows]
    assert named == [(20, "VSS", 8229), (30, "SQLVDI", 1)]
    assert rows[1]["time_local"] == datetime.fromisoformat("2014-05-19T22:00:09.870")
    assert rows[0]["message"].endswith("Writer Name: SqlServerWriter")
    assert [loss["first_id"] for loss in account.losses] == [39]  # the third event breaks off there


def test_the_clipboard_of_event_viewer():
    (row,), _ = events(COPIED.format(date="1/31/2021 02:57:03 AM"))
    assert (row["channel"], row["provider"], row["event_id"], row["level"], row["computer"]) == (
        "Application", "SQLWRITER", 24583, 2, "GF19",
    )  # fmt: skip
    assert row["time_local"] == datetime.fromisoformat("2021-01-31T02:57:03")
    assert row["message"] == (
        "Sqllib error: OLEDB Error encountered. hr = 0x80040e14.\nSQLSTATE: 42000, Native Error: 3013"
    )


def test_an_ambiguous_day_is_assumed():
    (row,), account = events(COPIED.format(date="1/11/2021 02:57:03 AM"))
    assert row["time_basis"] == "assumed"
    assert "declare culture" in account.source["note"]


def test_a_z_in_the_text_of_wevtutil_is_not_taken_for_certain():
    (row,), account = events(sample("event_text/wevtutil.txt").split(b"Event[1]")[0].replace(b".870", b".8700000Z"))
    assert row["time_basis"] == "assumed"
    assert "/f:xml" in account.source["note"]


def test_labels_of_another_language_and_the_xml_below_the_text():
    rows, _ = events(sample("event_text/event-viewer-german.txt"))
    assert [(row["provider"], row["event_id"], row["level"]) for row in rows] == [
        ("VSS", 8229, 3),
        ("Service Control Manager", 7036, 4),
    ]
    assert rows[0]["time_basis"] == "utc"  # from the XML
    assert rows[0]["strings"] == ["0x800423f2"]
    assert rows[0]["message"].startswith("Ein VSS Writer")
    assert rows[1]["time_local"] == datetime.fromisoformat("2014-05-19T22:01:00")


def test_labels_inside_a_description_begin_no_event():
    text = (
        COPIED.format(date="2021-01-31 02:57:03")
        + "Log Name: x\nSource: y\n"
        + COPIED.format(date="2021-01-31 03:57:03")
    )
    rows, account = events(text)
    assert len(rows) == 2
    assert rows[0]["message"].endswith("Source: y")
    assert account.source["skipped"] == 0


@pytest.mark.parametrize(
    "text", ["", "Log Name: a\nSource: b\n", "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n", "Host Name: x\n" * 10]
)
def test_other_text_is_not_taken(text):
    assert event_text.recognise(text.encode(), "events.txt") == 0


def test_recognised_by_content():
    assert recognise(COPIED.format(date="2021-01-31 02:57:03").encode("utf-16"), "mail.txt") is event_text
