"""When an Account is open: reading "mon-fri 08:00-18:00", whether a time falls inside, and when it opens next."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = {
    name: number
    for number, full in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
    for name in (full, full[:3])
}
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
EXAMPLE = "Write them like mon-fri 08:00-18:00, or mon-thu 08:00-18:00, fri 08:00-16:00."

Span = tuple[int, int]
"""From and to in minutes after midnight; the end is not part of it, and 1440 is midnight."""


class HoursInvalid(ValueError):
    """These business hours cannot be read; the message is for the person who typed them."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Spans per weekday, Monday first, in order and apart from one another. No span at all: always open."""

    week: tuple[tuple[Span, ...], ...] = ((),) * 7

    @property
    def always(self) -> bool:
        return not any(self.week)

    def __str__(self) -> str:
        """The shortest text that `parse` reads back to the same hours; empty for always open."""
        parts: list[str] = []
        for spans, days in itertools.groupby(range(7), key=lambda day: self.week[day]):
            if spans:
                run = list(days)
                names = DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}"
                parts.append(" ".join((names, *(f"{_clock(a)}-{_clock(b)}" for a, b in spans))))
        return ", ".join(parts)


def parse(text: str) -> BusinessHours:
    """Days and times, several separated by commas; empty is always open. Raises HoursInvalid with a sentence."""
    week: list[list[Span]] = [[] for _ in DAYS]
    days: list[int] = []
    spans_seen = True
    for word in _words(text):
        if word[0].isdigit():
            if not days:
                raise HoursInvalid(f"Say which days {word} is for. {EXAMPLE}")
            span = _span(word)
            for day in days:
                week[day].append(span)
            spans_seen = True
        else:
            # Days without hours yet are named together: "mon, wed 09:00-12:00".
            days = _days(word) if spans_seen else [*days, *_days(word)]
            spans_seen = False
    if not spans_seen:
        raise HoursInvalid(f"Say from when to when it is open on those days. {EXAMPLE}")
    return BusinessHours(tuple(_joined(spans) for spans in week))


def is_open(hours: BusinessHours, local: datetime) -> bool:
    """Whether this time on the Account's own clock falls inside; an opening minute does, a closing one does not."""
    minute = local.hour * 60 + local.minute
    return hours.always or any(start <= minute < end for start, end in hours.week[local.weekday()])


def next_open(hours: BusinessHours, at: datetime, zone: tzinfo) -> datetime:
    """The first moment from `at` (aware) on at which it is open by the clocks of `zone`, in UTC."""
    moment = at.astimezone(UTC)
    if is_open(hours, moment.astimezone(zone)):
        return moment
    while True:
        ends = moment + _DAY
        same_offset = moment.astimezone(zone).utcoffset() == ends.astimezone(zone).utcoffset()
        found = _within_a_day(hours, moment, zone) if same_offset else _minute_by_minute(hours, moment, zone)
        if found is not None:
            return found
        moment = ends


def _within_a_day(hours: BusinessHours, moment: datetime, zone: tzinfo) -> datetime | None:
    """Plain arithmetic, for a day on which the clocks do not change."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    if is_open(hours, local):
        return moment
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight, midnight + _DAY):
        for start, _ in hours.week[day.weekday()]:
            opens = day + timedelta(minutes=start)
            if local < opens <= local + _DAY:
                return moment + (opens - local)
    return None


def _minute_by_minute(hours: BusinessHours, moment: datetime, zone: tzinfo) -> datetime | None:
    """For the two days a year on which an hour is missing or comes twice."""
    if is_open(hours, moment.astimezone(zone)):
        return moment
    full = moment.replace(second=0, microsecond=0)
    steps = (full + number * _MINUTE for number in range(1, 24 * 60 + 1))
    return next((step for step in steps if is_open(hours, step.astimezone(zone))), None)


def _words(text: str) -> Iterator[str]:
    plain = re.sub(r"\s*[-–—]\s*", "-", text.strip().lower())
    if plain != "always":
        yield from (word for word in re.split(r"[\s,;]+", plain) if word)


def _days(word: str) -> list[int]:
    first, dash, last = word.partition("-")
    if first not in _NAMES or (dash and last not in _NAMES):
        raise HoursInvalid(f"“{word}” is not a day of the week. {EXAMPLE}")
    begin, end = _NAMES[first], _NAMES[last] if dash else _NAMES[first]
    return [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]


def _span(word: str) -> Span:
    found = re.fullmatch(r"(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?", word, re.ASCII)
    if found is None:
        raise HoursInvalid(f"“{word}” is not a time from-to. {EXAMPLE}")
    hour, minute, to_hour, to_minute = (int(part or 0) for part in found.groups())
    start, end = hour * 60 + minute, to_hour * 60 + to_minute
    if minute > 59 or to_minute > 59 or start > 24 * 60 or end > 24 * 60:
        raise HoursInvalid(f"“{word}” is not a time of day. Midnight at the end is 24:00.")
    if end <= start:
        raise HoursInvalid(
            f"“{word}” ends before it begins. For a night, write two parts: fri 22:00-24:00, sat 00:00-06:00."
        )
    return start, end


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """In order; what touches or overlaps becomes one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
