"""Honest time: gaps set apart, stretches by day and pause, nothing lost and nothing counted twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine import timekeeping
from engine.session import Interval, RunningClock, Status
from engine.time_entries import day_totals, entries, rounding_line
from tests.engine.record import ANA, BEN, NOON, history, minutes, worked

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = some.sampled_from([
    ZoneInfo(name)
    for name in ("UTC", "Europe/Berlin", "America/Havana", "America/St_Johns", "Pacific/Chatham", "Asia/Beirut")
])  # fmt: skip
SESSION = history().session
moments = some.integers(0, 23 * 365 * 86_400).map(
    lambda s: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
intervals = some.builds(
    lambda start, seconds, by, confirmed: Interval(by, start, start + timedelta(seconds=seconds), confirmed),
    some.one_of(
        moments,
        some.integers(0, 60 * 60 * 72).map(
            lambda s: datetime(2026, 10, 24, tzinfo=UTC) + timedelta(seconds=s)
        ),
        some.integers(0, 60 * 60 * 72).map(
            lambda s: datetime(2010, 11, 6, tzinfo=UTC) + timedelta(seconds=s)
        ),
    ),
    some.integers(0, 60 * 60 * 50),
    some.sampled_from([ANA, BEN]),
    some.sampled_from([True, True, None, False]),
)


def covered(spans: list[Interval]) -> timedelta:
    """How much wall time the intervals cover, each moment once."""
    total, until = timedelta(), datetime.min.replace(tzinfo=UTC)
    for span in sorted(spans, key=lambda i: i.start):
        total += max(timedelta(), span.end - max(span.start, until))
        until = max(until, span.end)
    return total


@given(some.lists(intervals, max_size=8), ZONES)
def test_stretches_hold_every_confirmed_minute_of_the_engineer_exactly_once(
    given_intervals: list[Interval], zone: ZoneInfo
) -> None:
    mine = [i for i in given_intervals if i.engineer == ANA and i.confirmed]
    found = timekeeping.stretches(given_intervals, ANA, zone)
    assert sum((s.worked for s in found), timedelta()) == covered(mine)


@given(some.lists(intervals, max_size=8), ZONES)
def test_a_stretch_never_holds_more_work_than_wall_time_and_stays_on_one_local_day(
    given_intervals: list[Interval], zone: ZoneInfo
) -> None:
    found = timekeeping.stretches(given_intervals, ANA, zone)
    for stretch in found:
        assert timedelta() < stretch.worked <= stretch.end - stretch.start
        last_moment = stretch.end - timedelta(microseconds=1)
        assert stretch.start.astimezone(zone).date() == last_moment.astimezone(zone).date()
    for before, after in pairwise(found):
        assert before.end <= after.start


def test_work_through_midnight_is_one_stretch_per_local_day() -> None:
    late = Interval(ANA, datetime(2026, 9, 2, 21, 30, tzinfo=UTC), datetime(2026, 9, 2, 22, 30, tzinfo=UTC))
    found = timekeeping.stretches([late], ANA, BERLIN)
    assert [(s.start.hour, s.start.minute, s.worked) for s in found] == [
        (21, 30, minutes(30)),
        (22, 0, minutes(30)),
    ]


def test_the_day_the_clock_is_set_back_has_25_hours() -> None:
    day = Interval(ANA, datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC))
    (only,) = timekeeping.stretches([day], ANA, BERLIN)
    assert only.worked == timedelta(hours=25)


@pytest.mark.parametrize(("pause", "count"), [(60, 1), (61, 2)])
def test_a_pause_over_an_hour_begins_a_new_stretch(pause: int, count: int) -> None:
    found = timekeeping.stretches([worked(0, 10), worked(10 + pause, 80 + pause)], ANA, BERLIN)
    assert len(found) == count


def test_a_silence_of_sixteen_minutes_is_a_gap_that_waits_for_a_decision() -> None:
    begun = timekeeping.touch(SESSION, ANA, NOON)
    at_work = timekeeping.touch(begun, ANA, NOON + minutes(10))
    back = timekeeping.touch(at_work, ANA, NOON + minutes(26))
    assert back.intervals == (worked(0, 10), worked(10, 26, confirmed=None))
    counted = timekeeping.decide(back, ANA, NOON + minutes(10), count=True)
    assert timekeeping.active(counted, NOON + minutes(26)) == minutes(26)


def test_nobody_decides_about_the_gap_of_another_engineer() -> None:
    session = replace(SESSION, intervals=(worked(10, 26, confirmed=None),))
    assert timekeeping.decide(session, BEN, NOON + minutes(10), count=True) == session


def test_a_clock_that_runs_behind_takes_nothing_away() -> None:
    session = replace(SESSION, clock=RunningClock(ANA, NOON, NOON + minutes(5)))
    assert timekeeping.stop(session, NOON - minutes(1)).intervals == (worked(0, 5),)
    assert timekeeping.active(session, NOON - minutes(1)) == minutes(5)


def test_started_earlier_is_appended_so_that_what_is_covered_keeps_its_place() -> None:
    session = replace(SESSION, intervals=(worked(0, 10),))
    earlier = timekeeping.begin_earlier(session, ANA, NOON - minutes(20))
    assert earlier.intervals == (worked(0, 10), worked(-20, 0))


def test_started_earlier_said_twice_counts_only_the_difference() -> None:
    once = timekeeping.begin_earlier(SESSION, ANA, NOON - minutes(20))
    assert timekeeping.begin_earlier(once, ANA, NOON - minutes(20)) == once
    twice = timekeeping.begin_earlier(once, ANA, NOON - minutes(30))
    assert timekeeping.active(twice, NOON) == minutes(30)


def test_started_earlier_can_be_taken_back_while_the_work_goes_on_but_not_after() -> None:
    typo = timekeeping.begin_earlier(SESSION, ANA, NOON - minutes(200))
    right = timekeeping.begin_earlier(typo, ANA, NOON - minutes(20))
    assert right.intervals == (worked(-20, 0),)
    ended = replace(typo, status=Status.RESOLVED)
    assert timekeeping.begin_earlier(ended, ANA, NOON - minutes(20)) == ended


def test_a_start_years_ago_is_split_into_days_without_trouble() -> None:
    session = timekeeping.begin_earlier(SESSION, ANA, datetime(2015, 1, 1, tzinfo=UTC))
    found = timekeeping.stretches(session.intervals, ANA, BERLIN)
    assert len(found) == (NOON.date() - date(2015, 1, 1)).days + 1


def test_overlap_counts_each_minute_once_however_many_other_sessions_there_were() -> None:
    mine = [worked(0, 30)]
    others = [worked(10, 20), worked(15, 25), worked(0, 30, by=BEN), worked(0, 30, confirmed=None)]
    assert timekeeping.overlaps(mine, others) == minutes(15)


# ── Entries ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_rounding_is_applied_once_to_the_day_and_falls_on_the_last_stretch() -> None:
    made = entries([worked(0, 13), worked(120, 130)], ANA, BERLIN, 15)
    assert [e.billed for e in made] == [minutes(13), minutes(17)]


def test_work_that_an_earlier_entrys_rounding_covers_is_not_entered_again() -> None:
    already = {NOON.date(): (minutes(23), minutes(30))}
    assert entries([worked(200, 206)], ANA, BERLIN, 30, already) == ()
    (more,) = entries([worked(200, 210)], ANA, BERLIN, 30, already)
    assert more.billed == minutes(30)


def test_an_earlier_rounding_is_used_up_before_anything_more_is_entered() -> None:
    already = {NOON.date(): (minutes(1), minutes(30))}
    made = entries([worked(120, 155), worked(300, 302)], ANA, BERLIN, 30, already)
    assert [e.billed for e in made] == [minutes(30)]


def test_a_length_somebody_chose_stands_and_later_work_is_counted_beside_it() -> None:
    shortened = {NOON.date(): (minutes(40), minutes(20))}
    (entry,) = entries([worked(200, 210)], ANA, BERLIN, 0, shortened)
    assert entry.billed == minutes(10)


def test_an_entry_rounded_past_midnight_begins_earlier_and_stays_on_its_day() -> None:
    late = Interval(ANA, datetime(2026, 9, 2, 21, 50, tzinfo=UTC), datetime(2026, 9, 2, 21, 58, tzinfo=UTC))
    (entry,) = entries([late], ANA, BERLIN, 30)
    assert (entry.start.hour, entry.start.minute, entry.billed) == (21, 30, minutes(30))


@given(some.lists(intervals, max_size=6), ZONES, some.sampled_from([0, 5, 6, 15, 30]))
def test_each_day_bills_its_whole_units_and_never_a_unit_more_than_was_worked(
    given_intervals: list[Interval], zone: ZoneInfo, unit: int
) -> None:
    made = entries(given_intervals, ANA, zone, unit)
    days = {s.start.astimezone(zone).date() for s in timekeeping.stretches(given_intervals, ANA, zone)}
    assert {e.day for e in made} == days
    for day in days:
        stretches = [
            s
            for s in timekeeping.stretches(given_intervals, ANA, zone)
            if s.start.astimezone(zone).date() == day
        ]
        billed = sum((e.billed for e in made if e.day == day), timedelta())
        spent = sum((s.worked for s in stretches), timedelta())
        assert timedelta() <= billed - spent < minutes(unit or 1)
        assert billed % minutes(unit or 1) == timedelta()
    assert all(e.billed >= minutes(1) and e.start.second == 0 for e in made)
    assert len({e.key for e in made}) == len(made)


def test_day_totals_read_back_what_entries_were_stored() -> None:
    content = {"engineer": str(ANA), "day": "2026-09-02", "worked_seconds": 1380, "billed_minutes": 30}
    other = content | {"engineer": str(BEN)}
    assert day_totals([content, other, {"text": "a note"}], ANA) == {NOON.date(): (minutes(23), minutes(30))}


@pytest.mark.parametrize(
    ("spent", "counted", "line"),
    [(23, 30, "23 → 30 min"), (23, 23, "23 min"), (22.5, 23, "23 min"), (95, 105, "1 h 35 min → 1 h 45 min")],
)
def test_the_rounding_is_shown(spent: float, counted: int, line: str) -> None:
    assert rounding_line(minutes(spent), minutes(counted)) == line
