"""Zones that nothing states: found from the pairs of thaw and recovery point, or left open."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from kit.case import load_case
from kit.judgement import analyze
from kit.practice.evtx_writer import Event, write_evtx

START = datetime(2014, 5, 19, 20, 0, 3, tzinfo=UTC)
JITTER = (0, 31, 7, 22, 39, 3, 17, 28, 12, 35, 1, 25, 9, 19, 37, 5, 30, 14)  # seconds, as a schedule has them
DELAYS = (6, 7, 6, 5, 7, 6, 8, 6, 5, 6, 7, 6, 6, 5, 7, 6, 6, 7)  # of the label after the freeze began


def begins(jitter=JITTER):
    return [START + timedelta(hours=hour, seconds=late) for hour, late in enumerate(jitter)]


def application(folder, jitter=JITTER):
    def sql(number, moment, *strings):
        return Event("MSSQLSERVER", number, moment, "Application", "SQL01.corp.local", 4, strings=strings)

    events = [sql(17126, START - timedelta(minutes=40))]
    for begin in begins(jitter):
        events += [sql(3197, begin, "Sales"), sql(3198, begin + timedelta(seconds=3), "Sales")]
    events.append(sql(17126, START + timedelta(hours=len(jitter), minutes=30)))
    (folder / "guest").mkdir(exist_ok=True)
    write_evtx(folder / "guest" / "Application.evtx", events)


def errorlog(folder, offset_h):
    def line(moment, text):
        local = moment.replace(tzinfo=None) + timedelta(hours=offset_h)
        return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 10000:02d} spid52      {text}\n"

    text = line(START - timedelta(minutes=40), "Server name is 'SQL01'. This is an informational message only.")
    for begin in begins():
        text += line(begin, "I/O is frozen on database Sales. No user action is required.")
        text += line(begin + timedelta(seconds=3), "I/O was resumed on database Sales. No user action is required.")
    text += line(START + timedelta(hours=19), "Recovery is complete. This is an informational message only.")
    (folder / "guest").mkdir(exist_ok=True)
    (folder / "guest" / "ERRORLOG").write_bytes(text.encode("utf-16"))


def points(folder, offset_h, jitter=JITTER):
    """The list as Export-Csv writes it: times of the host, without a zone."""
    rows = ["Name,Id,VMName,SnapshotType,CreationTime,ComputerName"]
    for number, (begin, delay) in enumerate(zip(begins(jitter), DELAYS, strict=True)):
        when = begin + timedelta(hours=offset_h, seconds=delay)
        rows.append(
            f"P{number},01A1B2C3-1111-4222-8333-4444555566{number:02d},SQL01,AppConsistentReplica,"
            f"{when:%d.%m.%Y %H:%M:%S},HV2"
        )
    (folder / "replica").mkdir(exist_ok=True)
    (folder / "replica" / "points.csv").write_text("\n".join(rows), encoding="utf-8")


def judged(folder):
    made = analyze(load_case(folder))
    zones = dict(zip(made.sources["path"], made.sources["zone"], strict=True))
    return made, zones, set(made.verdicts.loc[made.verdicts["database"].isna(), "verdict"])


def test_a_list_in_the_hosts_local_time_against_a_log_in_utc(tmp_path):
    application(tmp_path)
    points(tmp_path, offset_h=2)
    made, zones, verdicts = judged(tmp_path)
    assert zones["replica/points.csv"] == "+02:00"
    assert verdicts == {"supported"}
    clock = made.clocks.set_index("role")
    assert clock.loc["guest", "offset_s"] == pytest.approx(3, abs=2)  # the delay of the label after the thaw
    assert made.recovery_points["time_utc"].min() == START + timedelta(seconds=DELAYS[0])


def test_where_the_zone_of_the_guest_is_known_another_one_is_not_guessed(tmp_path):
    """The guest writes +02:00, the list is three hours ahead: another zone, or a clock that is wrong by an hour."""
    application(tmp_path)
    errorlog(tmp_path, offset_h=2)
    points(tmp_path, offset_h=3)
    made, zones, verdicts = judged(tmp_path)
    assert zones["guest/ERRORLOG"] == "+02:00"
    assert zones["replica/points.csv"] == "UTC"
    assert verdicts == {"inconclusive"}
    assert made.clocks.set_index("role").loc[["guest"], "offset_s"].isna().all()


def test_one_local_time_for_everything_is_said_to_be_local(tmp_path):
    """ERRORLOG and list agree as written; nobody knows the zone, so the printed times may be wrong by hours."""
    errorlog(tmp_path, offset_h=2)
    points(tmp_path, offset_h=2)
    made, zones, _ = judged(tmp_path)
    assert {zones[path] for path in ("guest/ERRORLOG", "replica/points.csv")} == {"local time"}
    said = {row.what: (row.why, row.command) for row in made.tables["missing"].itertuples()}
    assert {"time zone of SQL01", "time zone of HV2"} <= set(said)
    assert "not in UTC" in said["time zone of HV2"][0] and said["time zone of HV2"][1] == "tzutil /g"
    (tmp_path / "case.toml").write_text("[[source]]\npath = '*'\ntimezone = 'W. Europe Standard Time'\n", "utf-8")
    made, zones, _ = judged(tmp_path)
    assert made.recovery_points["time_utc"].min() == START + timedelta(seconds=DELAYS[0])
    assert not any("time zone" in row.what for row in made.tables["missing"].itertuples())


def test_strictly_periodic_pairs_name_no_zone(tmp_path):
    application(tmp_path, jitter=(0,) * 18)
    points(tmp_path, offset_h=2, jitter=(0,) * 18)
    made, zones, verdicts = judged(tmp_path)
    assert zones["replica/points.csv"] == "UTC"
    assert verdicts == {"inconclusive"}
    said = made.verdicts["missing"].explode().dropna()
    assert said.str.contains("time zone of the host that listed the points").any()


def test_an_odd_rest_may_be_a_clock_that_is_wrong_by_hours_as_well(tmp_path):
    """Two hours and seven minutes: no zone alone explains that."""
    application(tmp_path)
    points(tmp_path, offset_h=2 + 7 / 60)
    _, zones, verdicts = judged(tmp_path)
    assert zones["replica/points.csv"] == "UTC"
    assert verdicts == {"inconclusive"}


def across_daylight_saving(folder, silent):
    """Twelve days around 30 March 2014: ERRORLOG in Berlin's time, points in UTC; one hour without a snapshot."""
    start, berlin = datetime(2014, 3, 24, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    rng = np.random.default_rng(5)

    def line(moment, text):
        local = moment.astimezone(berlin)
        return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 10000:02d} spid52      {text}\n"

    text = line(start - timedelta(minutes=40), "Server name is 'SQL01'. This is an informational message only.")
    rows = ["Name,Id,VMName,SnapshotType,CreationTime,ComputerName"]
    for hour, late in enumerate(rng.integers(0, 40, 288)):
        begin = start + timedelta(hours=hour, seconds=int(late))
        if hour != silent:
            text += line(begin, "I/O is frozen on database Sales. No user action is required.")
            text += line(
                begin + timedelta(seconds=3), "I/O was resumed on database Sales. No user action is required."
            )
        when = begin + timedelta(seconds=5 + int(rng.integers(0, 3)))
        point = f"P{hour},01A1B2C3-1111-4222-8333-{hour:012d},SQL01,AppConsistentReplica"
        rows.append(f"{point},{when:%Y-%m-%dT%H:%M:%SZ},HV2")
    text += line(start + timedelta(hours=289), "Recovery is complete. This is an informational message only.")
    for name in ("guest", "replica"):
        (folder / name).mkdir()
    (folder / "guest" / "ERRORLOG").write_bytes(text.encode("utf-16"))
    (folder / "replica" / "points.csv").write_text("\n".join(rows), encoding="utf-8")


def test_daylight_saving_inside_a_log_that_names_no_zone(tmp_path):
    """Before the change the log is an hour ahead, after it two; a single offset would move six days by one point."""
    silent = 250
    across_daylight_saving(tmp_path, silent)
    made, zones, _ = judged(tmp_path)
    assert zones["guest/ERRORLOG"] == "Europe/Berlin"
    frozen = made.operations.sort_values("freeze_utc")["freeze_utc"]
    listed = made.recovery_points.sort_values("time_utc")
    kept = listed[listed["name"] != f"P{silent}"]["time_utc"]
    assert len(frozen) == len(kept) == 287
    apart = (kept.array - frozen.array).total_seconds()
    assert ((apart > 0) & (apart < 10)).all()
    links = made.links.set_index("recovery_point_id")["operation_id"]
    assert pd.isna(links[listed.loc[listed["name"] == f"P{silent}", "recovery_point_id"].iloc[0]])
    assert links.notna().sum() >= 280


def test_one_machine_shows_the_zone_of_a_list_and_the_list_that_of_another_machine(tmp_path):
    """SQL01 has a log in UTC, SQL02 an ERRORLOG alone; the list of both is in the host's local time."""
    application(tmp_path)
    errorlog(tmp_path, offset_h=2)
    (tmp_path / "guest").rename(tmp_path / "SQL01")
    (tmp_path / "SQL02").mkdir()
    text = (tmp_path / "SQL01" / "ERRORLOG").read_bytes().decode("utf-16").replace("SQL01", "SQL02")
    (tmp_path / "SQL01" / "ERRORLOG").unlink()
    (tmp_path / "SQL02" / "ERRORLOG").write_bytes(text.encode("utf-16"))
    points(tmp_path, offset_h=2)
    listed = tmp_path / "replica" / "points.csv"
    rows = listed.read_text("utf-8").splitlines()
    others = [row.replace("SQL01", "SQL02").replace("01A1B2C3", "02A1B2C3") for row in rows[1:]]
    listed.write_text("\n".join(rows + others), "utf-8")
    made, zones, _ = judged(tmp_path)
    assert zones["replica/points.csv"] == zones["SQL02/ERRORLOG"] == "+02:00"
    assert made.links["operation_id"].nunique() == 2 * len(JITTER)
