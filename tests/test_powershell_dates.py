"""Dates of exports. Forms: .NET standard formats of the cultures named beside them; expectations by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.powershell.dates import Dates

TEN_PM = datetime.fromisoformat("2014-05-19 22:00:07")


@pytest.mark.parametrize(
    "text",
    [
        "5/19/2014 10:00:07 PM",  # en-US
        "5/19/2014 10:00:07\u202fPM",  # en-US of newer .NET
        "19/05/2014 22:00:07",  # en-GB, fr-FR
        "19/05/2014 10:00:07 p. m.",  # es
        "19.05.2014 22:00:07",  # de-DE, ru-RU
        "19.05.2014, 22:00:07",
        "19-5-2014 22:00:07",  # nl-NL
        "19/05/2014 22.00.07",  # it-IT
        "2014/05/19 22:00:07",  # ja-JP
        "2014年5月19日 22:00:07",
        "2014/5/19 下午 10:00:07",  # zh-TW
        "2014-05-19 오후 10:00:07",  # ko-KR
        "2014-05-19 22:00:07",  # sv-SE, pl-PL
        "2014. 05. 19. 22:00:07",  # hu-HU
        "19/5/2557 22:00:07",  # th-TH, Buddhist calendar
        "Montag, 19. Mai 2014 22:00:07",
        "Monday, May 19, 2014 10:00:07 PM",
        "19 мая 2014 22:00:07",
        "19-May-14 10:00:07 PM",
        "SQL01 - Standard Replica - (5/19/2014 - 10:00:07 PM)",
        "\u200e5/\u200e19/\u200e2014 10:00:07 PM",
    ],
)
def test_one_moment_in_the_words_of_many_cultures(text):
    moment = Dates().read(text)
    assert (moment.local, moment.utc, moment.ambiguous) == (TEN_PM, None, False)
    assert moment.raw == text


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("/Date(1400500800000)/", datetime(2014, 5, 19, 12, tzinfo=UTC)),
        ("2014-05-19T22:00:00.0000000+02:00", datetime(2014, 5, 19, 20, tzinfo=UTC)),
        ("2014-05-19T20:00:00Z", datetime(2014, 5, 19, 20, tzinfo=UTC)),
        ("20140519220000.000000+120", datetime(2014, 5, 19, 20, tzinfo=UTC)),  # minutes east of UTC
        ("5/19/2014 10:00:00 PM +02:00", datetime(2014, 5, 19, 20, tzinfo=UTC)),
    ],
)
def test_what_names_its_zone_is_utc(text, utc):
    moment = Dates().read(text)
    assert (moment.utc, moment.local) == (utc, None)


@pytest.mark.parametrize(
    "text", ["", None, "never", "16010101000000.000000-000", "1/1/0001 12:00:00 AM", "10.0.0.1", "0001-01-01T00:00:00"]
)
def test_what_names_no_moment(text):
    assert not Dates().read(text).known


def test_nothing_settles_a_single_date_so_it_is_ambiguous():
    dates = Dates()
    dates.learn(["12/05/2014 22:00:00"])
    assert dates.read("12/05/2014 22:00:00").ambiguous
    assert "declare culture" in dates.note
    assert not dates.read("05/05/2014 22:00:00").ambiguous  # day and month are the same number


@pytest.mark.parametrize(("culture", "month"), [("en-US", 12), ("en-GB", 5), ("de-DE", 5), ("fr-FR", 5)])
def test_the_declared_culture_settles_it(culture, month):
    dates = Dates(culture)
    dates.learn(["12/05/2014 22:00:00"])
    moment = dates.read("12/05/2014 22:00:00")
    assert (moment.local.month, moment.ambiguous, dates.note) == (month, False, None)


@pytest.mark.parametrize(("other", "month"), [("13/05/2014 01:00:00", 5), ("05/13/2014 01:00:00", 12)])
def test_a_number_above_twelve_anywhere_settles_it(other, month):
    dates = Dates()
    dates.learn(["12/05/2014 22:00:00", f"Standard Replica - ({other})"])
    assert dates.read("12/05/2014 22:00:00").local.month == month


def test_a_number_above_twelve_is_stronger_than_the_declared_culture():
    dates = Dates("en-US")
    dates.learn(["13/05/2014 01:00:00", "12/05/2014 22:00:00"])
    assert dates.read("12/05/2014 22:00:00").local.month == 5
    assert "en-US does not fit" in dates.note


def test_hourly_points_over_midnight_settle_it_because_months_would_leap():
    dates = Dates()
    dates.learn(["11/05/2014 22:00:00", "11/05/2014 23:00:00", "12/05/2014 00:00:00", "12/05/2014 01:00:00"])
    assert dates.read("12/05/2014 01:00:00").local == datetime.fromisoformat("2014-05-12 01:00")
    assert dates.note is None


def test_hourly_points_of_one_day_settle_nothing():
    dates = Dates()
    dates.learn([f"12/05/2014 {hour:02}:00:00" for hour in range(24)])
    assert dates.read("12/05/2014 01:00:00").ambiguous


def test_two_orders_in_one_file_are_named():
    dates = Dates()
    dates.learn(["13/05/2014 01:00", "05/13/2014 01:00", "12/05/2014 01:00"])
    assert dates.read("13/05/2014 01:00").local == dates.read("05/13/2014 01:00").local
    assert dates.read("12/05/2014 01:00").ambiguous
    assert "two orders" in dates.note


STARTS = st.datetimes(datetime.fromisoformat("1995-01-01"), datetime.fromisoformat("2049-12-31"))


@settings(deadline=None, max_examples=80)
@given(STARTS, st.sampled_from(["day", "month"]), st.integers(1, 40))
def test_a_list_is_never_read_wrongly_without_saying_so(start, order, count):
    form = "%d/%m/%Y %H:%M:%S" if order == "day" else "%m/%d/%Y %H:%M:%S"
    moments = [(start + timedelta(hours=n)).replace(microsecond=0) for n in range(count)]
    dates = Dates()
    dates.learn([moment.strftime(form) for moment in moments])
    for moment in moments:
        read = dates.read(moment.strftime(form))
        assert read.local == moment or read.ambiguous


@pytest.mark.parametrize(
    "text",
    [
        "20/07/35 10:00:07 م",  # ar-SA: 1435 of the Hijri calendar
        "20/07/33 10:00:07 م",  # 1433, which looks like 2033
        "20/07/1435 10:00:07 م",
        "1393/02/29 22:00:07",  # fa-IR
        "29/02/1393 10:00:07 ب.ظ",
        "19/5/57 22:00:07",  # th-TH with two digits
        "103/05/19 22:00:07",  # zh-TW with the calendar of the republic
        "19/05/2014 10:00:07 म.नं.",  # a half of the day that is not known
        "19/05/2014 10:00:07 xy",
    ],
)
def test_what_nobody_can_place_is_named_and_not_read(text):
    dates = Dates()
    dates.learn([text])
    moment = dates.read(text)
    assert (moment.known, moment.strange, moment.dated) == (False, True, True)
    assert text in dates.note


@pytest.mark.parametrize(
    "text",
    [
        "19/05/2014 10:00:07 CH",  # vi-VN
        "19.5.2014 10:00:07.MD",  # sq-AL
        "19/05/2014 10:00:07 ÖS",
        "2014-05-19 10:00:07 nm.",  # af-ZA
        "2014.05.19. 10:00:07 du.",  # hu-HU of some programs
        "19/05/2014 10:00:07 م",  # ar-EG
    ],
)
def test_words_for_the_afternoon(text):
    assert Dates().read(text).local == TEN_PM


@pytest.mark.parametrize(
    "text",
    [
        "19/05/2014 10:00:07 du serveur SQL01",
        "19.05.2014 10:00:07 Uhr",
        "19.05.2014 um 10:00:07",
        "19.05.2014 г. 10:00:07",
    ],
)
def test_words_of_a_sentence_are_no_afternoon(text):
    assert Dates().read(text).local == TEN_PM - timedelta(hours=12)


@pytest.mark.parametrize(
    "text", ["5/19/2014 8:00:07 PM UTC", "2014-05-19 20:00:07 GMT", "5/19/2014 10:00:07 PM GMT+02:00"]
)
def test_utc_in_words(text):
    assert Dates().read(text).utc == datetime(2014, 5, 19, 20, 0, 7, tzinfo=UTC)


def test_a_year_of_two_digits_may_stand_first():
    dates = Dates()
    dates.learn(["14-05-19 22:00:07"])
    assert dates.read("14-05-19 22:00:07").ambiguous
    assert "2014 or 2019" in dates.note
    dates.learn(["14-05-20 01:00:00"])  # the first number stays, the third one counts on: the first is the year
    assert dates.read("14-05-19 22:00:07").local == TEN_PM
    assert not dates.read("14-05-19 22:00:07").ambiguous
    dates = Dates()
    dates.learn(["19-05-14 22:00:07", "20-05-14 01:00:00"])
    assert (dates.read("19-05-14 22:00:07").local, dates.note) == (TEN_PM, None)


@pytest.mark.parametrize(("culture", "text"), [("sv-SE", "14-05-19 22:00:07"), ("en-GB", "19/05/14 22:00:07")])
def test_the_declared_culture_settles_where_the_year_stands(culture, text):
    dates = Dates(culture)
    dates.learn([text])
    assert (dates.read(text).local, dates.read(text).ambiguous, dates.note) == (TEN_PM, False, None)


@pytest.mark.parametrize("text", ["19.05.14 22:00:07", "5/19/14 10:00:07 PM"])
def test_a_year_of_two_digits_that_can_only_stand_last(text):
    dates = Dates()
    dates.learn([text])
    assert (dates.read(text).local, dates.read(text).ambiguous, dates.note) == (TEN_PM, False, None)


def test_a_day_has_no_hour_24():
    assert not Dates().read("19.05.2014 24:00:00").known


def test_a_number_of_a_version_is_no_date_of_another_calendar():
    dates = Dates()
    dates.learn(["12.0.1400", "6.3.9600", "10.0.2550", "10.0.0.1"])
    assert dates.note is None
