"""SQL Server Agent, cluster.log and SQL LogScout; samples made up after the documented line formats."""

from datetime import UTC, datetime

import pytest
from reading import events, sample

from kit.sources import cluster_log, errorlog, log_scout, recognise, sql_agent


def test_lines_of_the_agent():
    rows, account = events(sample("sql_agent/SQLAGENT.OUT"))
    assert [(row["event_id"], row["level"]) for row in rows] == [
        (100, 4),
        (101, 4),
        (103, 4),
        (396, 3),
        (298, 2),
        (131, 4),
    ]
    assert rows[4]["message"].endswith("Check the backup application log for detailed messages. [SQLSTATE 42000]")
    assert rows[4]["time_local"] == datetime.fromisoformat("2021-05-19T22:00:15")
    assert account.source["computer"] == "SQL01"


def test_a_cluster_log_in_local_time_names_its_node_and_zone():
    # The machine's offset is what must be added to local time: -120 minutes is +02:00.
    rows, account = events(sample("cluster_log/HV1_cluster.log"))
    assert (account.source["computer"], account.source["zone"]) == ("HV1", "+02:00")
    assert [row["level"] for row in rows] == [4, 3, 2]
    assert rows[0]["time_local"] == datetime.fromisoformat("2014-05-19T22:00:09.870")
    assert rows[2]["message"].endswith("second line")
    assert [loss["first_id"] for loss in account.losses] == [14]


def test_a_cluster_log_that_says_nothing_is_assumed_to_be_utc():
    rows, account = events(sample("cluster_log/2012.log"))
    assert rows[0]["time_utc"] == datetime(2014, 5, 19, 20, 0, 9, 870000, tzinfo=UTC)
    assert rows[0]["time_basis"] == "assumed"
    assert "UTC is assumed" in account.source["note"]


def test_a_cluster_log_that_says_utc():
    said = b"The logs were generated using Coordinated Universal Time (UTC).\r\n" + sample("cluster_log/2012.log")
    assert events(said)[0][0]["time_basis"] == "utc"


def test_the_log_of_a_collection_tells_when_it_ended():
    rows, account = events(sample("log_scout/SQLLOGSCOUT.LOG"))
    assert [row["level"] for row in rows] == [4, 4, 3, 2]
    assert account.source["exported_local"] == datetime.fromisoformat("2021-04-01T12:01:06.453")


@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (sample("sql_agent/SQLAGENT.OUT"), sql_agent),
        (sample("cluster_log/2012.log"), cluster_log),
        (sample("log_scout/SQLLOGSCOUT.LOG"), log_scout),
        (b"2021-05-19 22:00:00.12 spid5s      Starting up database 'x'.\r\n", errorlog),
    ],
)
def test_formats_with_similar_lines_are_told_apart(content, reader):
    assert recognise(content, "x") is reader


@pytest.mark.parametrize("reader", [sql_agent, cluster_log, log_scout])
@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"2021-05-19 22:00:00 some text\r\n", b"\xff\xfe" + b"x\0" * 50])
def test_other_content_is_not_taken(reader, content):
    assert reader.recognise(content, "sqlagent.out") == 0
