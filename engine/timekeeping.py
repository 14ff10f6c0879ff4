"""Honest time: active intervals only, gaps set apart until a person decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.session import Interval, RunningClock, Session, Status

GAP = timedelta(minutes=15)
NEW_STRETCH = timedelta(minutes=60)
LONGEST_UNCONFIRMED = timedelta(hours=4)


def touch(session: Session, engineer: UUID, now: datetime) -> Session:
    """The engineer did something here. A silence over 15 minutes becomes an unconfirmed gap."""
    clock = session.clock
    if clock is None or clock.engineer != engineer:
        return replace(stop(session, now), clock=RunningClock(engineer, now, now))
    if now - clock.last_activity <= GAP:
        return replace(session, clock=replace(clock, last_activity=max(now, clock.last_activity)))
    worked = (Interval(engineer, clock.start, clock.last_activity),)
    gap = (Interval(engineer, clock.last_activity, now, confirmed=None),)
    kept = _nonzero(worked) + gap
    return replace(session, intervals=session.intervals + kept, clock=RunningClock(engineer, now, now))


def stop(session: Session, now: datetime) -> Session:
    """The engineer at work stops now; a long silence before it is an unconfirmed gap."""
    clock = session.clock
    if clock is None:
        return session
    # Two workers' clocks may differ by a little: time never runs backwards here.
    now = max(now, clock.last_activity)
    silent = now - clock.last_activity > GAP
    worked = _nonzero((Interval(clock.engineer, clock.start, clock.last_activity if silent else now),))
    gap = (Interval(clock.engineer, clock.last_activity, now, confirmed=None),) if silent else ()
    return replace(session, clock=None, intervals=session.intervals + worked + gap)


def _nonzero(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    return tuple(i for i in intervals if i.length > timedelta())


def decide(session: Session, engineer: UUID, start: datetime, count: bool) -> Session:
    """Count or drop the engineer's unconfirmed gap that starts at `start`; an unknown one changes nothing."""
    decided = tuple(
        replace(i, confirmed=count)
        if i.confirmed is None and i.engineer == engineer and i.start == start
        else i
        for i in session.intervals
    )
    return replace(session, intervals=decided)


def begin_earlier(session: Session, engineer: UUID, start: datetime) -> Session:
    """Count the time from `start` to the Session's beginning, which the engineer vouches for.

    Said again with an earlier start, only the difference is added; with a later one, while his part is not
    over, he takes back what was too much. Intervals are appended or changed in place, never moved: what a
    time entry covers is remembered by their place in the row.
    """
    if start >= session.created_at:
        return session
    until = min(
        (i.start for i in session.intervals if _vouched(i, session, engineer)), default=session.created_at
    )
    if start < until:
        earlier = Interval(engineer, start, until)
        return replace(session, intervals=(*session.intervals, earlier))
    if session.status not in (Status.ACTIVE, Status.PAUSED):
        return session
    shorter = tuple(_from(i, start) if _vouched(i, session, engineer) else i for i in session.intervals)
    return replace(session, intervals=shorter)


def _vouched(interval: Interval, session: Session, engineer: UUID) -> bool:
    """Whether it is the engineer's counted time from before the Session."""
    return bool(interval.confirmed) and interval.engineer == engineer and interval.end <= session.created_at


def _from(interval: Interval, start: datetime) -> Interval:
    if interval.end <= start:
        return replace(interval, confirmed=False)
    return replace(interval, start=max(start, interval.start))


def active(session: Session, now: datetime) -> timedelta:
    """Active time of everyone so far: counted intervals plus the running clock up to its last activity."""
    done = sum((i.length for i in session.intervals if i.confirmed), timedelta())
    clock = session.clock
    if clock is None:
        return done
    now = max(now, clock.last_activity)
    silent = now - clock.last_activity > GAP
    return done + ((clock.last_activity if silent else now) - clock.start)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One engineer's work on one local day without a pause over 60 minutes: what one time entry covers.

    `worked` is the active time in it, which may be shorter than end − start.
    """

    engineer: UUID
    start: datetime
    end: datetime
    worked: timedelta


def stretches(intervals: Sequence[Interval], engineer: UUID, zone: ZoneInfo) -> tuple[Stretch, ...]:
    """The engineer's confirmed intervals, merged into one stretch per local day and pause over 60 min."""
    mine = _nonzero(i for i in intervals if i.engineer == engineer and i.confirmed)
    pieces = sorted(
        (piece for i in mine for piece in _split_at_midnight(i, zone)), key=lambda i: (i.start, i.end)
    )
    found: list[Stretch] = []
    for piece in pieces:
        last = found[-1] if found else None
        if (
            last
            and _day(last.start, zone) == _day(piece.start, zone)
            and piece.start - last.end <= NEW_STRETCH
        ):
            overlap = max(timedelta(), last.end - piece.start)
            worked = last.worked + max(timedelta(), piece.length - overlap)
            found[-1] = replace(last, end=max(last.end, piece.end), worked=worked)
        else:
            found.append(Stretch(engineer, piece.start, piece.end, piece.length))
    return tuple(found)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _split_at_midnight(interval: Interval, zone: ZoneInfo) -> tuple[Interval, ...]:
    pieces: list[Interval] = []
    start = interval.start
    while start < interval.end:
        end = min(midnight_after(start, zone), interval.end)
        pieces.append(replace(interval, start=start, end=end))
        start = end
    return tuple(pieces)


def midnight_after(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the moment's local day ends, in UTC."""
    day = _day(moment, zone) + timedelta(days=1)
    first, second = (datetime.combine(day, time(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
    # A clock set back across midnight gives that date twice; its second midnight is the one ahead.
    return first if first > moment else max(second, moment + timedelta(minutes=1))


def rounded(worked: timedelta, unit_minutes: int) -> timedelta:
    """Rounded up to whole units, at least one; whole minutes, at least one, where there is no unit."""
    unit = timedelta(minutes=unit_minutes or 1)
    units = max(1, -(-worked // unit))
    return unit * units


def overlaps(mine: Sequence[Interval], others: Sequence[Interval]) -> timedelta:
    """For how long an engineer's counted time here is also counted elsewhere; each minute once."""
    total = timedelta()
    for engineer in {i.engineer for i in mine}:
        here, there = _counted(mine, engineer), _counted(others, engineer)
        total += sum(
            (max(timedelta(), min(a[1], b[1]) - max(a[0], b[0])) for a in here for b in there), timedelta()
        )
    return total


def _counted(intervals: Sequence[Interval], engineer: UUID) -> list[tuple[datetime, datetime]]:
    """The engineer's confirmed time as spans that do not overlap."""
    spans: list[tuple[datetime, datetime]] = []
    for i in sorted((i for i in intervals if i.engineer == engineer and i.confirmed), key=lambda i: i.start):
        if spans and i.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], i.end))
        else:
            spans.append((i.start, i.end))
    return spans
