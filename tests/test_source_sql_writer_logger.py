"""SqlWriterLogger.txt, after the published examples of SQL Server VSS writer logging; the lines are made up."""

from datetime import UTC, datetime

import pytest
from reading import events, sample

from kit.sources import recognise, sql_writer_logger

STARS = "*" * 64


def start(day, clock, offset):
    return "".join(
        f"[{day} {clock}, TID 61f8] {text}\r\n"
        for text in (
            STARS,
            "**  SQLWRITER TRACING STARTED - ProcessId: 0x4124",
            f"**  Recording events in Server Local Time. UTC OFFSET: {offset}",
            STARS,
        )
    )


def line(day, clock, text):
    return f"[{day} {clock}, TID 232c] {text}\r\n"


def test_the_benign_shape_in_order_with_the_offset_of_the_start():
    rows, account = events(sample("sql_writer_logger/SqlWriterLogger.txt"))
    phases = [row["message"].split(" On")[1] for row in rows if " On" in row["message"]]
    assert phases[1:6] == ["PrepareBackup.", "PrepareSnapshot.", "Freeze.", "Thaw.", "Abort."]
    freeze = next(row for row in rows if row["message"].endswith("OnFreeze."))
    assert (freeze["channel"], freeze["record_id"]) == ("SqlWriterLogger", 11)
    assert freeze["time_local"] == datetime.fromisoformat("2021-05-19T22:00:02")
    assert (account.source["zone"], account.source["computer"]) == ("+02:00", "SQL01")


def test_a_line_without_time_belongs_to_the_message_before():
    rows, _ = events(sample("sql_writer_logger/SqlWriterLogger.txt"))
    assert rows[13]["message"] == "HRESULT EXCEPTION CAUGHT: hr: 0x80780002\n   a line without a time"


def test_each_start_states_the_offset_of_its_lines():
    rows, account = events(sample("sql_writer_logger/SqlWriterLogger1.txt"))
    freezes = [row["time_utc"] for row in rows if row["message"].endswith("OnFreeze.")]
    # 03:00:02 at -8:00 in January, at -7:00 in July
    assert freezes == [datetime(2021, 1, 11, 11, 0, 2, tzinfo=UTC), datetime(2021, 7, 11, 10, 0, 2, tzinfo=UTC)]
    assert {row["time_basis"] for row in rows} == {"inferred"}
    assert account.source["zone"] is None


@pytest.mark.parametrize(
    ("day", "basis"),
    [
        ("05/20/2021", None),  # the next day
        ("09/01/2021", None),  # the same summer
        ("11/20/2021", "assumed"),  # daylight saving may have ended
        ("05/20/2022", "assumed"),  # it may have ended and begun again
        ("04/02/2021", "assumed"),  # before the start, in the weeks of change
    ],
)
def test_lines_that_may_lie_behind_a_change_of_daylight_saving_are_assumed(day, basis):
    rows, account = events(
        start("05/19/2021", "21:00:00", "+2:00") + line(day, "22:00:02", "Entering SQL Writer OnFreeze.")
    )
    assert rows[-1]["time_basis"] == basis
    assert ("daylight saving" in (account.source["note"] or "")) == (basis is not None)


def test_a_rolled_over_file_without_a_start_states_no_offset():
    rows, account = events(line("05/19/2021", "22:00:02", "Entering SQL Writer OnFreeze."))
    assert len(rows) == 1
    assert account.source["zone"] is None
    assert "SqlWriterLogger1.txt" in account.source["note"]


def test_a_damaged_time_is_lost_by_its_line():
    _, account = events(line("05/19/2021", "22:00:02", "a") + line("13/39/2021", "22:00:02", "b"))
    assert [(loss["first_id"], loss["reason"]) for loss in account.losses] == [
        (2, "line 2: 13/39/2021 22:00:02 is no time")
    ]


def test_recognised_by_content():
    assert recognise(line("05/19/2021", "22:00:02", "x").encode("utf-16"), "x") is sql_writer_logger
    assert sql_writer_logger.recognise(b"[2021-05-19, TID 1] x", "sqlwriterlogger.txt") == 0
