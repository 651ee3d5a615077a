"""Local times to UTC: every expectation can be checked with a calendar of time zones."""

# ruff: noqa: DTZ001 - local times without zone are the subject

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.case import load_case, zone_anchors, zones
from kit.case.store import Store
from kit.case.zone_anchors import OFFSETS_S, Point

SUMMER, AUTUMN = datetime(2014, 5, 19, 21), datetime(2014, 12, 1, 8)


def local(*moments):
    return pd.Series(pd.to_datetime(list(moments))).astype("datetime64[us]")


def utc(series):
    return [f"{one:%Y-%m-%d %H:%M}" for one in series]


def point(moment, hours, reason="seen"):
    return Point(moment, int(hours * 3600), reason)


def test_a_declared_zone_knows_daylight_saving():
    zone = zones.declared("Europe/Berlin")
    made, sure = zone.convert(local("2014-01-10 12:00", "2014-07-10 12:00"))
    assert utc(made) == ["2014-01-10 11:00", "2014-07-10 10:00"]
    assert sure.all() and zone.basis == "declared"


def test_the_hour_that_a_zone_repeats_is_only_assumed():
    _, sure = zones.declared("Europe/Berlin").convert(local("2014-10-26 01:30", "2014-10-26 02:30", "2014-10-26 03:30"))
    assert list(zones.basis(sure, "declared")) == ["declared", "assumed", "declared"]


def test_nobody_knows_means_that_no_row_is_sure():
    made, sure = zones.assumed().convert(local("2014-05-19 22:00"))
    assert utc(made) == ["2014-05-19 22:00"]
    assert not sure.any()


# +02:00 seen on 19 May: Berlin until 26 October, or Johannesburg for ever. Nobody can tell from one point.
def test_one_offset_holds_until_a_clock_may_have_been_changed():
    zone = zones.inferred([point(SUMMER, 2)], [], "the file says UTC+02:00")
    made, sure = zone.convert(local("2014-05-19 22:00", "2014-08-01 12:00", "2014-12-01 12:00", "2014-03-01 12:00"))
    assert utc(made)[:2] == ["2014-05-19 20:00", "2014-08-01 10:00"]
    assert sure.tolist() == [True, True, False, False]
    assert (zone.text, zone.basis) == ("+02:00", "inferred")


# +02:00 in May and +01:00 in December: the zones with these two share the change on 26 October 01:00 UTC.
def test_two_offsets_show_the_zone_and_its_changes():
    zone = zones.inferred([point(SUMMER, 2), point(AUTUMN, 1)], [], "UTC lines")
    made, sure = zone.convert(local("2014-10-25 12:00", "2014-10-27 12:00"))
    assert utc(made) == ["2014-10-25 10:00", "2014-10-27 11:00"]
    assert sure.all()
    assert zone.text == "Europe/Berlin"


def test_offsets_that_no_zone_explains_stay_with_the_commonest():
    points = [point(SUMMER, 2), point(SUMMER + timedelta(hours=3), 2), point(SUMMER + timedelta(hours=6), 7)]
    zone = zones.inferred(points, [], "odd")
    assert zone.text == "+02:00"
    assert "no zone explains" in zone.reason


def test_a_zone_named_by_the_system_log_needs_no_point_and_must_not_contradict_one():
    named = zones.inferred([], ["Europe/Paris"], "")
    assert (named.text, named.basis) == ("Europe/Paris", "inferred")
    assert zones.inferred([point(SUMMER, 2)], ["Europe/Paris"], "x").text == "Europe/Paris"
    assert zones.inferred([point(SUMMER, -7)], ["Europe/Paris"], "x").text == "-07:00"
    assert zones.inferred([], ["Europe/Paris", "America/New_York"], "") is None
    assert zones.inferred([], [], "") is None


# The last strings of EventLog records at boot, as public logs have them: bias in minutes and the Windows zone.
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("-60 Romance Standard Time", "Europe/Paris"),
        ("480 Pacific Standard Time", "America/Los_Angeles"),
        ("0 Coordinated Universal Time", "Etc/UTC"),
        ("-60 W. Europe Standard Time", "Europe/Berlin"),
        ("0 W. Europe Standard Time", None),
        ("-60 Mars Standard Time", None),
        ("60", None),
    ],
)
def test_windows_names_of_zones(text, name):
    assert zones.named(["", "42", "60", text]) == name


def test_the_days_on_which_clocks_change():
    assert not zones.change_between(datetime(2014, 5, 1), datetime(2014, 8, 30))
    assert zones.change_between(datetime(2014, 8, 1), datetime(2014, 11, 1))
    assert zones.change_between(datetime(2014, 11, 20), datetime(2015, 5, 5))
    assert not zones.change_between(datetime(2014, 11, 20), datetime(2015, 2, 1))
    assert not zones.change_between(datetime(2014, 10, 25, 12), datetime(2014, 10, 26, 12))


def frames(rows, offset_h, strings=None):
    """An ERRORLOG in local time and the same messages in an Application log."""
    here = pd.DataFrame(
        {
            "time_local": local(*[moment for moment, _, _ in rows]),
            "event_id": pd.array([number for _, number, _ in rows], dtype="Int64"),
            "message": pd.array([text for _, _, text in rows], dtype="str"),
        }
    )
    there = pd.DataFrame(
        {
            "time_utc": (here["time_local"] - pd.Timedelta(hours=offset_h)).dt.tz_localize("UTC"),
            "event_id": here["event_id"],
            "message": pd.array([None] * len(rows), dtype="str"),
            "strings": strings or [[text] for text in here["message"]],
        }
    )
    return here, there


def anchors(here, there):
    """The points that two such frames give."""
    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in (here, there)]
    return zone_anchors.points(zone_anchors.Texts(tables[0]), zone_anchors.Wordings(tables[1]))


DEVICES = [f"{{5E9B3C1A-7D44-4E0B-9C77-2B1F0A6D8E{number:02d}}}1" for number in range(24)]


def hourly(count, start=SUMMER):
    rows, strings = [], []
    for number in range(count):
        moment = start + timedelta(hours=number, seconds=number % 7)
        rows.append((moment, 18210, f"SendFileInfoBegin:  failure on backup device '{DEVICES[number]}'. Error 995."))
        strings.append(["SendFileInfoBegin", DEVICES[number], "995"])
    return rows, strings


@pytest.mark.parametrize("hours", [2, -7, 5.5, 5.75, 0])
def test_messages_in_both_logs_give_the_offset(hours):
    rows, strings = hourly(6)
    found = anchors(*frames(rows, hours, strings))
    assert {one.offset_s for one in found} == {hours * 3600}


# Every hour at the same second, and nothing in the texts tells one hour from the next: any whole hour fits.
def test_messages_that_repeat_exactly_every_hour_leave_the_offset_open():
    rows = [(SUMMER + timedelta(hours=number), None, "I/O is frozen on database Sales.") for number in range(12)]
    here, there = frames(rows, 2)
    there = there.assign(strings=[["Sales", "frozen"]] * 12)
    assert anchors(here, there) == []


def test_the_same_words_at_other_seconds_are_no_anchor():
    rows, strings = hourly(5)
    here, there = frames(rows, 2, strings)
    there["time_utc"] += pd.Timedelta(seconds=40)
    assert anchors(here, there) == []


def test_other_error_numbers_are_other_messages():
    rows, strings = hourly(5)
    here, there = frames(rows, 2, strings)
    there["event_id"] = pd.array([3041] * 5, dtype="Int64")
    assert anchors(here, there) == []


def test_hours_that_meet_the_next_one_by_accident_do_not_move_the_change_of_the_clock():
    """Berlin, 26 October 2014: before three o'clock two hours alike to the second, after it ten that are not."""
    text = "I/O is frozen on database Sales."
    early = [(datetime(2014, 10, 26, hour, 44, second), None, text) for hour, second in ((0, 50), (1, 51))]
    late = [(datetime(2014, 10, 26, hour, 44, 5 * (hour - 3)), None, text) for hour in range(3, 13)]
    parts = frames(early, 2, [["Sales", "frozen"]] * 2), frames(late, 1, [["Sales", "frozen"]] * 10)
    found = anchors(*(pd.concat(pair, ignore_index=True) for pair in zip(*parts, strict=True)))
    assert {(one.local.hour, one.offset_s) for one in found} == {(3, 3600), (12, 3600)}


def test_near_points_that_the_chosen_offset_does_not_fit_nothing_is_sure():
    told = [point(SUMMER, 2), point(SUMMER + timedelta(hours=1), 2), point(SUMMER + timedelta(hours=5), 2.25)]
    _, sure = zones.inferred(told, [], "x").convert(local("2014-05-19 22:00", "2014-06-19 22:00"))
    assert list(sure) == [False, True]


def test_a_change_of_the_clock_inside_the_log_shows_in_the_anchors():
    rows, strings = hourly(10)
    first = frames(rows[:5], 2, strings[:5])
    later = [(moment.replace(month=12), number, text) for moment, number, text in rows[5:]]
    second = frames(later, 1, strings[5:])
    found = anchors(*(pd.concat(pair, ignore_index=True) for pair in zip(first, second, strict=True)))
    assert {(one.local.month, one.offset_s) for one in found} == {(5, 7200), (12, 3600)}
    made, sure = zones.inferred(found, [], "x").convert(local("2014-06-01 12:00", "2014-12-24 12:00"))
    assert utc(made) == ["2014-06-01 10:00", "2014-12-24 11:00"]
    assert sure.all()


def test_unique_messages_that_contradict_each_other_settle_nothing():
    rows = [
        (SUMMER, 1000, "first message of this run"),
        (SUMMER + timedelta(hours=1), 1001, "second message of this run"),
    ]
    here, there = frames(rows, 2)
    there.loc[1, "time_utc"] += pd.Timedelta(hours=3)
    assert anchors(here, there) == []


def test_empty_logs_have_no_anchor():
    here, there = frames([], 2, [])
    assert anchors(here, there) == []


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(OFFSETS_S)), st.integers(3, 12), st.integers(0, 10**6))
def test_any_offset_of_a_zone_is_found_again(offset_s, count, seed):
    chance = np.random.default_rng(seed)
    start = SUMMER + timedelta(seconds=int(chance.integers(0, 86_400)))
    rows = [
        (start + timedelta(seconds=int(second)), 1000, f"message {chance.integers(0, 10**9)} of this run")
        for second in np.sort(chance.integers(0, 40_000, count))
    ]
    found = anchors(*frames(rows, offset_s / 3600))
    assert {one.offset_s for one in found} == {offset_s}


def test_a_difference_that_no_zone_has_is_no_anchor():
    """Start-up messages of two runs eleven hours and three quarters apart, to the second."""
    rows = [(SUMMER + timedelta(seconds=4 * number), 1000, f"message {number} of a start") for number in range(8)]
    assert anchors(*frames(rows, -11.75)) == []


def test_the_offsets_that_zones_have():
    """All that the zone database knows since 2000; an anchor at any other is an accident."""
    known = {
        int(datetime(year, month, 15, tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset().total_seconds())
        for name in available_timezones() for year in range(2000, 2027, 2) for month in (1, 4, 7, 10)
    }
    assert known <= OFFSETS_S
    assert all(abs(offset_s) <= 14 * 3600 for offset_s in OFFSETS_S)
    assert -11 * 3600 - 2700 not in OFFSETS_S


def test_a_declared_zone_asks_for_no_declaration_where_its_hour_is_skipped(tmp_path):
    # 02:30 on the 30th of March 2014 did not exist in Berlin.
    text = "2014-03-30 01:30:00.00 spid5s      first\r\n2014-03-30 02:30:00.00 spid5s      second\r\n"
    (tmp_path / "ERRORLOG").write_text(text, encoding="utf-8")
    said = '[[source]]\npath = "ERRORLOG"\ntimezone = "Europe/Berlin"\n'
    (tmp_path / "case.toml").write_text(said, encoding="utf-8")
    case = load_case(tmp_path, store=Store(tmp_path.parent / "store"), quiet=True)
    assert list(case.events["time_basis"]) == ["declared", "assumed"]
    (note,) = case.sources.loc[case.sources["path"] == "ERRORLOG", "note"]
    assert "repeats or skips" in note and "declare timezone" not in note
