"""Business hours: what people may type, and when it opens next, also on the days the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.business_hours import BusinessHours, HoursInvalid, is_open, next_open, parse

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = parse("mon-fri 08:00-18:00")


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("mon-fri 08:00-18:00", "mon-fri 08:00-18:00"),
        ("Monday – Friday 8-18", "mon-fri 08:00-18:00"),
        ("mon-thu 08:00-18:00, fri 08:00-16:00", "mon-thu 08:00-18:00, fri 08:00-16:00"),
        ("mon, wed 09:00-12:00", "mon 09:00-12:00, wed 09:00-12:00"),
        ("mon-fri 13:00-17:00 08:00-12:00", "mon-fri 08:00-12:00 13:00-17:00"),
        ("mon-sun 00:00-24:00", "mon-sun 00:00-24:00"),
        ("fri-mon 10:00-11:00", "mon 10:00-11:00, fri-sun 10:00-11:00"),
        ("tue 08:00-12:00 11:00-14:00", "tue 08:00-14:00"),
        ("", ""),
        ("always", ""),
    ],
)
def test_hours_are_read_the_way_people_write_them(typed: str, read: str) -> None:
    assert str(parse(typed)) == read


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("mon-fri 18:00-08:00", "ends before it begins. For a night, write two parts"),
        ("mon-fri 08:00-08:00", "ends before it begins"),
        ("mon-fri", "from when to when"),
        ("08:00-18:00", "Say which days"),
        ("mon-fri 08:00-25:00", "not a time of day"),
        ("mon-fri 08:70-18:00", "not a time of day"),
        ("mon-fri 8am-6pm", "not a time from-to"),
        ("montag 08:00-18:00", "not a day of the week"),
        ("mon-fry 08:00-18:00", "not a day of the week"),
    ],
)
def test_hours_that_cannot_be_read_say_why_in_a_sentence(typed: str, said: str) -> None:
    with pytest.raises(HoursInvalid) as refused:
        parse(typed)
    assert said in str(refused.value)


def test_no_hours_mean_always_open() -> None:
    sunday_night = berlin("2025-06-01 03:00")
    assert parse("").always
    assert is_open(parse(""), sunday_night)
    assert next_open(parse(""), sunday_night, BERLIN) == sunday_night


def test_the_opening_minute_is_open_and_the_closing_minute_is_not() -> None:
    answers = [is_open(OFFICE, berlin(f"2025-06-02 {at}")) for at in ("07:59", "08:00", "17:59", "18:00")]
    assert answers == [False, True, True, False]


def test_while_it_is_open_the_next_opening_is_now() -> None:
    now = berlin("2025-06-02 10:15:30")
    assert next_open(OFFICE, now, BERLIN) == now


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2025-06-02 07:59:59", "2025-06-02 08:00"),
        ("2025-06-02 18:00", "2025-06-03 08:00"),
        ("2025-06-06 18:00", "2025-06-09 08:00"),
        ("2025-06-07 12:00", "2025-06-09 08:00"),
        ("2025-03-28 18:00", "2025-03-31 08:00"),
        ("2025-10-24 18:00", "2025-10-27 08:00"),
    ],
)
def test_it_opens_by_the_clock_on_the_wall_also_across_a_change_of_the_clocks(at: str, opens: str) -> None:
    assert next_open(OFFICE, berlin(at), BERLIN) == berlin(opens).astimezone(UTC)


def test_the_answer_is_in_utc_so_that_a_difference_counts_real_hours() -> None:
    friday = berlin("2025-03-28 18:00")
    opens = next_open(OFFICE, friday, BERLIN)
    assert opens.tzinfo is UTC
    assert opens - friday.astimezone(UTC) == timedelta(hours=61)  # 62 on the wall, one of them missing


def test_an_opening_in_the_missing_hour_happens_when_the_clocks_have_jumped() -> None:
    opens = next_open(parse("sun 02:30-05:00"), berlin("2025-03-30 01:00"), BERLIN)
    assert opens == berlin("2025-03-30 03:00").astimezone(UTC)


def test_hours_that_lie_in_the_missing_hour_wait_a_week() -> None:
    opens = next_open(parse("sun 02:00-03:00"), berlin("2025-03-30 01:00"), BERLIN)
    assert opens == berlin("2025-04-06 02:00").astimezone(UTC)


def test_hours_in_the_hour_that_comes_twice_open_twice() -> None:
    hours = parse("sun 01:30-02:15")
    opens = next_open(hours, berlin("2025-10-26 02:30", fold=0), BERLIN)
    assert opens == berlin("2025-10-26 02:00", fold=1).astimezone(UTC)


moments = st.integers(0, 3 * 365 * 1440).map(
    lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda s: s[0] < s[1])
weeks = st.dictionaries(st.integers(0, 6), spans, min_size=1)


def hours_of(week: dict[int, tuple[int, int]]) -> BusinessHours:
    return BusinessHours(tuple((week[day],) if day in week else () for day in range(7)))


@given(weeks, moments, zones)
def test_what_opens_next_is_open_and_the_minute_before_was_not(
    week: dict[int, tuple[int, int]], at: datetime, name: str
) -> None:
    hours, zone = hours_of(week), ZoneInfo(name)
    opens = next_open(hours, at, zone)
    assert opens >= at
    assert is_open(hours, opens.astimezone(zone))
    before = opens - timedelta(minutes=1)
    assert opens == at or before < at or not is_open(hours, before.astimezone(zone))


@given(weeks)
def test_hours_survive_being_written_down(week: dict[int, tuple[int, int]]) -> None:
    assert parse(str(hours_of(week))) == hours_of(week)
