"""Lists of Event Viewer in six languages and of the old one; all samples hold the same two events."""

from datetime import datetime

import pandas as pd
import pytest
from reading import events, sample

from kit.sources import event_viewer_csv, recognise
from kit.times import to_utc, zone

LANGUAGES = ["english", "german", "french", "japanese", "russian", "polish"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_two_events_in_every_language(language):
    content = sample(f"event_viewer_csv/{language}.csv")
    assert recognise(content, "x") is event_viewer_csv
    rows, account = events(content)
    assert [(row["provider"], row["event_id"], row["level"]) for row in rows] == [("VSS", 8229, 3), ("SQLVDI", 1, 2)]
    assert [row["time_local"].isoformat() for row in rows] == ["2014-05-19T22:00:07", "2014-05-19T22:00:09"]
    assert rows[0]["message"].endswith('Writer Name: SqlServerWriter "quoted"')
    assert [row["record_id"] for row in rows] == [10, 20]
    assert ([row["listed"] for row in account.coverage], account.source["gaps"]) == ([True], 0)
    assert account.source["status"] == "read"


def test_the_list_of_server_2003_has_no_header():
    rows, _ = events(sample("event_viewer_csv/server-2003.txt"))
    assert [(row["provider"], row["event_id"], row["level"], row["computer"]) for row in rows] == [
        ("VSS", 8193, 2, "SQL01"),
        ("SQLVDI", 1, 2, "SQL01"),
    ]
    assert rows[1]["time_local"] == datetime.fromisoformat("2014-05-19T22:00:09")


def test_the_hour_that_daylight_saving_repeats_is_told_by_the_order():
    # Berlin, 2014-10-26: 02:00 to 03:00 comes twice. The list begins with the newest event.
    clocks = ["03:10:00", "02:50:00", "02:10:00", "02:50:00", "02:10:00", "01:50:00"]
    lines = [f"Error,26.10.2014 {clock},VSS,{number},None,x" for number, clock in enumerate(clocks)]
    rows, _ = events("\r\n".join(["Level,Date and Time,Source,Event ID,Task Category", *lines]))
    local = pd.Series([row["time_local"] for row in rows])
    utc = to_utc(local, zone("Europe/Berlin"))
    assert [row["event_id"] for row in rows] == [5, 4, 3, 2, 1, 0]
    assert list(utc.dt.strftime("%H:%M")) == ["23:50", "00:10", "00:50", "01:10", "01:50", "02:10"]


def test_the_file_name_tells_the_channel_else_sources_that_write_to_one_log_only():
    # SQL Server and VSS write to the Application log; the service manager and volsnap to the System log
    def channel(name: str, *providers: str) -> str | None:
        rows = [f"Error,5/19/2014 10:00:0{number} PM,{one},1,None,x" for number, one in enumerate(providers)]
        text = "\r\n".join(["Level,Date and Time,Source,Event ID,Task Category", *rows, ""])
        return events(text, name)[0][0]["channel"]

    assert channel("guest/System-2014.csv", "VSS", "VSS") == "System"
    assert channel("guest/Anwendung.csv", "Print", "Print") == "Application"
    assert channel("guest/Système.csv", "Print", "Print") == "System"
    assert channel("guest/list.csv", "MSSQL$PROD", "Print", "VSS") == "Application"
    assert channel("guest/list.csv", "volsnap", "Service Control Manager") == "System"
    assert channel("guest/list.csv", "volsnap", "MSSQLSERVER") is None
    assert channel("guest/System and Application.csv", "volsnap", "MSSQLSERVER") is None
    assert channel("guest/list.csv", "Print", "Spooler") is None


def test_a_header_in_english_without_rows_is_an_empty_list():
    _, account = events("Level,Date and Time,Source,Event ID,Task Category\r\n")
    assert account.source["status"] == "empty"


def test_a_row_without_a_date_is_lost_with_its_number():
    content = sample("event_viewer_csv/english.csv") + b"Error,yesterday,VSS,12289,None,x\r\n"
    rows, account = events(content)
    assert len(rows) == 2
    assert [(loss["first_id"], loss["reason"]) for loss in account.losses] == [(3, "row 3: 'yesterday' is no date")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b,c,d,e\r\n1,2,3,4,5\r\n",
        '"VMName","State","Health","Mode","X"\r\n"A","Replicating","Normal","Primary","1"\r\n',
        "5/19/2014,text\r\n",
    ],
)
def test_other_lists_are_not_taken(text):
    assert event_viewer_csv.recognise(text.encode(), "events.csv") == 0
