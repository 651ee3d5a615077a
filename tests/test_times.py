"""Times: every expectation here can be checked with a calendar."""

# ruff: noqa: DTZ001 - local times without zone are the subject

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import times
from kit.errors import ConfigError


def local(*texts):
    return pd.Series(pd.to_datetime(list(texts))).astype("datetime64[us]")


def utc_texts(series):
    return [times.iso_z(value) for value in series]


# 130 000 000 000 000 000 steps of 100 ns are 150462 days, 23 h, 6 min, 40 s: 1601-01-01 to 2012-12-14.
def test_a_filetime_is_counted_from_1601_in_steps_of_100_ns():
    assert times.filetime_to_us(116_444_736_000_000_000) == 0
    moment = datetime(1970, 1, 1) + timedelta(microseconds=times.filetime_to_us(130_000_000_000_000_000))
    assert moment == datetime(2012, 12, 14, 23, 6, 40)


@pytest.mark.parametrize("ticks", [0, 1, 864_000_000_000 * 364, -5, 2**63 - 1, 2**64 - 1])
def test_a_filetime_in_1601_or_beyond_the_calendar_is_missing(ticks):
    assert times.filetime_to_us(ticks) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-05-19T22:00:00.1234567Z", datetime(2014, 5, 19, 22, 0, 0, 123456, tzinfo=UTC)),
        ("2014-05-19 22:00:01.43", datetime(2014, 5, 19, 22, 0, 1, 430000)),
        ("2014-05-19T22:00:00+02:00", datetime(2014, 5, 19, 22, tzinfo=timezone(timedelta(hours=2)))),
        ("2014-05-19T22:00:00-0330", datetime(2014, 5, 19, 22, tzinfo=timezone(-timedelta(hours=3.5)))),
        ("2014-05-19", datetime(2014, 5, 19)),
        ("2014-05-19T22:00", datetime(2014, 5, 19, 22)),
    ],
)
def test_iso_texts_stay_aware_or_naive_as_written(text, expected):
    got = times.parse_iso(text)
    assert got == expected
    assert got.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    "text",
    ["", "19.05.2014", "2014-02-30", "2014-05-19T25:00:00", "2014-05-19T22:00:00+99:00", "x2014-05-19"],
)
def test_what_is_no_iso_time_is_none(text):
    assert times.parse_iso(text) is None


def test_zones_by_offset_by_letter_and_by_name():
    noon = datetime(2014, 7, 1, 12)
    assert times.zone("+05:30").utcoffset(noon) == timedelta(hours=5, minutes=30)
    assert times.zone("-03:30").utcoffset(noon) == -timedelta(hours=3, minutes=30)
    assert times.zone("Z").utcoffset(noon) == timedelta(0)
    assert times.zone("Europe/Berlin").utcoffset(noon) == timedelta(hours=2)


@pytest.mark.parametrize(
    "text", ["", "Mars/Base", "+25:00", "../etc/passwd", "W. Europe Standard Time", "Europe"]
)
def test_an_unknown_zone_is_an_error_that_quotes_it(text):
    with pytest.raises(ConfigError, match="no time zone") as caught:
        times.zone(text)
    assert repr(text) in str(caught.value)


def test_a_fixed_offset_is_taken_off():
    got = times.to_utc(local("2014-05-19 22:00:00.430"), times.zone("+02:00"))
    assert utc_texts(got) == ["2014-05-19T20:00:00.430000Z"]
    assert str(got.dtype) == "datetime64[us, UTC]"


# Berlin put its clocks back on 2014-10-26 at 03:00 summer time (01:00 UTC) to 02:00.
def test_the_repeated_hour_is_told_apart_by_the_order_of_the_log():
    berlin = times.zone("Europe/Berlin")
    log = local(
        "2014-10-26 01:59",
        "2014-10-26 02:10",
        "2014-10-26 02:50",
        "2014-10-26 02:05",
        "2014-10-26 02:55",
        "2014-10-26 03:00",
    )
    assert utc_texts(times.to_utc(log, berlin)) == [
        "2014-10-25T23:59:00Z", "2014-10-26T00:10:00Z", "2014-10-26T00:50:00Z",
        "2014-10-26T01:05:00Z", "2014-10-26T01:55:00Z", "2014-10-26T02:00:00Z",
    ]  # fmt: skip
    assert not times.doubtful(log, berlin).any()


def test_a_repeated_hour_without_a_jump_back_is_doubtful():
    berlin = times.zone("Europe/Berlin")
    log = local("2014-10-26 01:59", "2014-10-26 02:10", "2014-10-26 03:00")
    assert times.doubtful(log, berlin).tolist() == [False, True, False]


# On 2014-03-30 Berlin's clocks went from 02:00 to 03:00 (01:00 UTC): 02:30 did not exist.
def test_a_skipped_time_moves_to_the_end_of_the_gap_and_is_doubtful():
    berlin = times.zone("Europe/Berlin")
    log = local("2014-03-30 01:59", "2014-03-30 02:30", "2014-03-30 03:00")
    assert utc_texts(times.to_utc(log, berlin)) == [
        "2014-03-30T00:59:00Z",
        "2014-03-30T01:00:00Z",
        "2014-03-30T01:00:00Z",
    ]
    assert times.doubtful(log, berlin).tolist() == [False, True, False]


def test_missing_times_stay_missing():
    berlin = times.zone("Europe/Berlin")
    log = pd.Series([pd.NaT, pd.Timestamp("2014-10-26 02:10"), pd.NaT]).astype("datetime64[us]")
    assert times.to_utc(log, berlin).isna().tolist() == [True, False, True]
    assert times.doubtful(log, berlin).tolist() == [False, True, False]
    nothing = pd.Series([], dtype="datetime64[us]")
    assert len(times.to_utc(nothing, berlin)) == len(times.doubtful(nothing, berlin)) == 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.datetimes(datetime(1995, 1, 1), datetime(2037, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_a_time_that_is_not_doubtful_comes_back_to_what_was_written(moments, name):
    zone = times.zone(name)
    instants = pd.Series(sorted(moments)).astype("datetime64[us]").dt.tz_localize("UTC")
    written = instants.dt.tz_convert(name).dt.tz_localize(None)
    sure = ~times.doubtful(written, zone)
    assert np.array_equal(times.to_utc(written, zone)[sure].to_numpy(), instants[sure].to_numpy())


def test_output_carries_z_and_microseconds_only_when_they_count():
    berlin = timezone(timedelta(hours=2))
    assert times.iso_z(datetime(2014, 5, 19, 22, tzinfo=berlin)) == "2014-05-19T20:00:00Z"
    assert times.iso_z(pd.Timestamp("2014-05-19T20:00:00.43Z")) == "2014-05-19T20:00:00.430000Z"
    assert times.iso_z(pd.NaT) is None
    assert times.iso_z(None) is None


def test_cim_offsets_are_minutes():
    assert times.iso_z(times.cim_datetime("20140519220000.500000+120")) == "2014-05-19T20:00:00.500000Z"
    assert times.cim_datetime("20140519220000.000000+***") == datetime(2014, 5, 19, 22)
    assert times.cim_datetime("16010101000000.000000-000") is None
    assert times.cim_datetime("00000001000000.000000:000") is None


# 1400500800000 ms after 1970 are 2014-05-19T12:00:00Z, whatever zone is written behind the number.
@pytest.mark.parametrize(
    "text", ["/Date(1400500800000)/", r"\/Date(1400500800000)\/", "/Date(1400500800000+0200)/"]
)
def test_date_ms_is_utc_milliseconds(text):
    assert times.iso_z(times.date_ms(text)) == "2014-05-19T12:00:00Z"


@pytest.mark.parametrize(
    "text", ["/Date(-62135596800000)/", "/Date()/", "1400500800000", "/Date(99999999999999999)/"]
)
def test_no_date_and_other_texts_are_none(text):
    assert times.date_ms(text) is None
