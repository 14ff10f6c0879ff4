"""Reads a time as people write it: `15:00`, `tomorrow 9:00`, `in 2 hours`, `monday`, `24.12. 8:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

MORNING = time(9, 0)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeUnclear(ValueError):
    """Nobody could say which time is meant."""


def read_time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC; a time of day that has passed means tomorrow. Raises TimeUnclear."""
    said = re.sub(r"\s+", " ", text.strip().casefold())
    span = re.fullmatch(r"(?:in )?(\d{1,3}) ?(m|h|d|w)[a-z]*", said)
    if span:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    local = now.astimezone(zone)
    day, rest = _day(said, local)
    clock = _time_of_day(rest)
    if clock is None and rest:
        raise TimeUnclear(text)
    found = datetime.combine((day or local).date(), clock or MORNING, zone)
    if day is None and found <= local:
        found += timedelta(days=1)
    return found.astimezone(UTC)


def _day(said: str, local: datetime) -> tuple[datetime | None, str]:
    words = said.split(" ", 1)
    rest = words[1] if len(words) > 1 else ""
    if words[0] in ("today", "tomorrow"):
        return local + timedelta(days=words[0] == "tomorrow"), rest
    if words[0][:3] in _DAYS and words[0].rstrip("day").isalpha():
        ahead = (_DAYS.index(words[0][:3]) - local.weekday()) % 7 or 7
        return local + timedelta(days=ahead), rest
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:[ t](.+))?", said)
    if iso:
        return _date(int(iso[1]), int(iso[2]), int(iso[3]), local), iso[4] or ""
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?(?: (.+))?", said)
    if dotted:
        return _date(int(dotted[3] or local.year), int(dotted[2]), int(dotted[1]), local), dotted[4] or ""
    return None, said


def _date(year: int, month: int, day: int, local: datetime) -> datetime:
    try:
        return local.replace(year=year, month=month, day=day)
    except ValueError as wrong:
        raise TimeUnclear("there is no such day") from wrong


def _time_of_day(text: str) -> time | None:
    found = re.fullmatch(r"(?:at )?(\d{1,2})(?:[:.](\d{2}))? ?(am|pm)?", text)
    if not found:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    if hour > 23 or minute > 59:
        return None
    return time(hour, minute)
