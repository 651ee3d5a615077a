"""SQL Server Agent, cluster.log and SQL LogScout; samples made up after the documented line formats."""

from datetime import UTC, datetime

import pytest
from reading import events, sample

from kit.sources import cluster_log, errorlog, errorlog_list, log_scout, recognise, sql_agent


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


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("05/19/2014 22:00:03", "05/19/2014 22:00:04", "2014-05-19T22:00:03"),  # no month 19
        ("19.05.2014 22:00:03", "19.05.2014 22:00:04", "2014-05-19T22:00:03"),
        ("5/19/2014 10:00:03 PM", "5/19/2014 10:00:04 PM", "2014-05-19T22:00:03"),
        ("2014-05-19 22:00:03", "2014-05-19 22:00:04", "2014-05-19T22:00:03"),
    ],
)
def test_the_agent_in_the_dates_of_a_culture(first, second, expected):
    text = f"{first} - ? [100] SQLServerAgent version 12\r\n{second} - ! [298] SQLServer Error: 4060\r\n"
    assert recognise(text.encode(), "sqlagent.out") is sql_agent
    rows, account = events(text)
    assert [(row["event_id"], row["level"], row["time_basis"]) for row in rows] == [(100, 4, None), (298, 2, None)]
    assert rows[0]["time_local"].isoformat() == expected
    assert account.source["note"] is None


def test_the_agent_in_dates_that_may_name_two_days_is_no_ground_for_a_verdict():
    rows, account = events("5/4/2014 10:00:03 PM - ? [100] SQLServerAgent version 12\r\n")
    assert rows[0]["time_basis"] == "assumed"
    assert "May or December" in account.source["note"]
    rows, account = events("5/4/2014 10:00:03 PM - ? [100] SQLServerAgent version 12\r\n", culture="en-GB")
    assert (rows[0]["time_basis"], rows[0]["time_local"].isoformat()) == (None, "2014-04-05T22:00:03")


@pytest.mark.parametrize(
    "text",
    [
        "2014-05-19 22:00:03.000,3,[100] SQLServerAgent version 12, build 1\r\n"
        "2014-05-19 22:00:04.000,1,[298] Error\r\n",
        "2014-05-19 22:00:03.000\t3\t[100] SQLServerAgent version 12, build 1\r\n"
        "2014-05-19 22:00:04.000\t1\t[298] Error\r\n",
        "LogDate                 ErrorLevel  Text\r\n----------------------- ----------- ------------\r\n"
        "2014-05-19 22:00:03.000 3           [100] SQLServerAgent version 12, build 1\r\n"
        "2014-05-19 22:00:04.000 1           [298] Error\r\n\r\n(2 rows affected)\r\n",
    ],
)
def test_the_agent_as_the_result_of_a_query(text):
    rows, account = events(text)
    assert [(row["event_id"], row["level"], row["message"]) for row in rows] == [
        (100, 4, "SQLServerAgent version 12, build 1"),
        (298, 2, "Error"),
    ]
    assert (account.source["skipped"], account.source["note"]) == (0, None)


RESULT = [
    "2014-05-19 22:00:07.430{0}spid62{0}I/O is frozen on database Sales.",
    "2014-05-19 22:00:14.110{0}Backup{0}Error: 18210, Severity: 16, State: 1.",
    "2014-05-19 22:00:14.110{0}Backup{0}SendFileInfoBegin: failure, error 995.",
]


@pytest.mark.parametrize("mark", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("header", ["", "LogDate{0}ProcessInfo{0}Text\r\n"])
def test_an_errorlog_from_the_result_grid_with_and_without_names(mark, header):
    # Management Studio saves no names and sets no quotes by default, commas in the text or not.
    text = (header + "\r\n".join(RESULT)).format(mark) + "\r\n"
    assert recognise(text.encode(), "results.csv") is errorlog_list
    rows, account = events(text)
    assert [
        (row["time_local"].isoformat(timespec="milliseconds"), row["event_id"], row["message"]) for row in rows
    ] == [
        ("2014-05-19T22:00:07.430", None, "I/O is frozen on database Sales."),
        ("2014-05-19T22:00:14.110", 18210, "SendFileInfoBegin: failure, error 995."),
    ]
    assert account.source["skipped"] == 0


def test_a_text_of_several_lines_in_a_result_grid():
    text = '2014-05-19 22:00:00.110,Server,"Microsoft SQL Server 2019\n\tEnterprise"\r\n' + RESULT[0].format(",")
    rows, _ = events(text)
    assert [row["message"] for row in rows] == [
        "Microsoft SQL Server 2019\n\tEnterprise",
        "I/O is frozen on database Sales.",
    ]


def test_the_time_of_completion_below_a_result_is_no_part_of_the_last_message():
    text = "LogDate                 ProcessInfo  Text\r\n----------------------- ------------ ----\r\n"
    text += (
        RESULT[0].format(" ") + "\r\n\r\n(1 row affected)\r\n\r\nCompletion time: 2024-05-20T11:00:00.1234567+02:00\r\n"
    )
    rows, account = events(text)
    assert [row["message"] for row in rows] == ["I/O is frozen on database Sales."]
    assert account.source["skipped"] == 0


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_a_result_without_names_is_named(mark):
    row = mark.join(["Sales", "D", "2014-05-19 22:00:03.000", "2014-05-19 22:00:09.000", "1"])
    _, account = events(f"{row}\r\n{row}\r\n")
    assert account.source["status"] == "unrecognised"
    assert "Include column headers" in account.source["note"]


@pytest.mark.parametrize(
    ("line", "product"),
    [
        ("[19.05.2021 22:00:00] <01> Info     [Soap] Starting new log", "Veeam"),
        ("[19.05.2021 22:00:00.123] <12> Error  Failed to create snapshot", "Veeam"),
        ("0A1C\t0FD8\t05/19\t20:00:03.123\t18\tfsmstate.cpp(169)\t\tWARNING\tRun failed", "DPM"),
    ],
)
def test_the_own_log_of_a_backup_product_is_named(line, product):
    _, account = events(f"{line}\r\n{line}\r\n", "job.log")
    assert account.source["status"] == "unrecognised"
    assert account.source["note"].startswith(f"a log of {product}: not used")


@pytest.mark.parametrize(
    "text",
    [
        "Get-VMSnapshot : The term 'Get-VMSnapshot' is not recognized as the name of a cmdlet.\r\nAt line:1 char:1\r\n"
        "    + CategoryInfo          : ObjectNotFound: (Get-VMSnapshot:String) [], CommandNotFoundException\r\n"
        "    + FullyQualifiedErrorId : CommandNotFoundException\r\n",
        "Sqlcmd: Error: Microsoft ODBC Driver 17 for SQL Server : Login failed for user 'x'..\r\n",
        "Msg 229, Level 14, State 5, Server SQL01, Procedure sp_readerrorlog, Line 1\r\nPermission was denied.\r\n",
        "Meldung 229, Ebene 14, Status 5, Server SQL01, Prozedur sp_readerrorlog\r\nBerechtigung verweigert.\r\n",
    ],
)
def test_the_error_of_a_command_in_the_place_of_its_output_is_named(text):
    _, account = events(text, "out.txt")
    assert account.source["status"] == "unrecognised"
    assert account.source["note"].startswith("the error of a command instead of its output (text that begins with")
