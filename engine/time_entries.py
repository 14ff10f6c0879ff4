"""From worked stretches to time entries: rounded once per engineer, local day and ticket, and said so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.history import History
from engine.note_text import capped, one_line, subject_of
from engine.session import Interval, Json
from engine.timekeeping import Stretch, midnight_after, rounded, stretches

MINUTE = timedelta(minutes=1)
DayTotals = Mapping[date, tuple[timedelta, timedelta]]
"""Per local day: what the engineer worked on the ticket, and what entries already count for it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One time entry. `start` is a whole minute in UTC; `billed` is a whole number of minutes."""

    stretch: Stretch
    day: date
    start: datetime
    billed: timedelta

    @property
    def end(self) -> datetime:
        return self.start + self.billed

    @property
    def key(self) -> str:
        return f"time:{self.stretch.engineer}:{self.stretch.start.astimezone(UTC).isoformat()}"


def entries(
    unowed: Sequence[Interval],
    engineer: UUID,
    zone: ZoneInfo,
    unit_minutes: int,
    already: DayTotals | None = None,
    minutes: Mapping[str, int] | None = None,
) -> tuple[Entry, ...]:
    """The entries for confirmed intervals that none covers yet.

    `already` holds earlier entries of the same engineer on the same ticket: the day is rounded as a whole and
    only what is missing is entered, which may be nothing. `minutes` are lengths a person chose, by key.
    """
    found: list[Entry] = []
    worked = stretches(unowed, engineer, zone)
    for day, group in groupby(worked, key=lambda s: s.start.astimezone(zone).date()):
        before = (already or {}).get(day, (timedelta(), timedelta()))
        for stretch, share in _shares(tuple(group), before, unit_minutes):
            entry = _placed(stretch, day, share, zone)
            chosen = (minutes or {}).get(entry.key)
            found.append(_placed(stretch, day, chosen * MINUTE, zone) if chosen else entry)
    return tuple(found)


def _shares(
    day: Sequence[Stretch], before: tuple[timedelta, timedelta], unit_minutes: int
) -> Iterable[tuple[Stretch, timedelta]]:
    """What each stretch of a day counts for; the rounding falls on the last one."""
    earlier, billed = before
    if not timedelta() <= billed - earlier < timedelta(minutes=unit_minutes or 1):
        # A person chose that length: it stands, and the new work is counted beside it.
        earlier = billed
    worked = sum((s.worked for s in day), timedelta())
    left = rounded(earlier + worked, unit_minutes) - billed
    given, so_far = timedelta(), timedelta()
    for stretch in day:
        so_far += stretch.worked
        due = left if stretch is day[-1] else min(rounded(so_far, 0), left)
        if due > given:
            yield stretch, due - given
            given = due


def _placed(stretch: Stretch, day: date, billed: timedelta, zone: ZoneInfo) -> Entry:
    """The entry begins with its stretch; rounded past midnight it begins earlier, never on another day."""
    start = stretch.start.astimezone(UTC).replace(second=0, microsecond=0)
    return Entry(
        stretch, day, min(start, max(midnight_after(stretch.start, zone) - billed, _begin(day, zone))), billed
    )


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def rounding_line(worked: timedelta, billed: timedelta) -> str:
    """`23 → 30 min`, or `23 min` where nothing was rounded."""
    spent, counted = max(1, -(-worked // MINUTE)), billed // MINUTE
    if spent == counted:
        return span(billed)
    if max(spent, counted) < 60:
        return f"{spent} → {counted} min"
    return f"{span(spent * MINUTE)} → {span(billed)}"


def span(length: timedelta) -> str:
    """`1 h 35 min`, in whole minutes."""
    hours, minutes = divmod(length // MINUTE, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def day_totals(contents: Iterable[Json], engineer: UUID) -> DayTotals:
    """`already` for `entries`, from the stored content of the engineer's time entries on the ticket."""
    totals: dict[date, tuple[timedelta, timedelta]] = {}
    for content in contents:
        if content.get("engineer") != str(engineer) or not isinstance(content.get("day"), str):
            continue
        day = date.fromisoformat(str(content["day"]))
        worked, billed = totals.get(day, (timedelta(), timedelta()))
        totals[day] = (
            worked + timedelta(seconds=float(str(content.get("worked_seconds", 0)))),
            billed + timedelta(minutes=int(str(content.get("billed_minutes", 0)))),
        )
    return totals


def bill_text(entry: Entry, customer: str, taken: Collection[str]) -> str:
    """What may stand on the invoice: the customer text, or where it stands already, the day's work."""
    if customer and plain(customer) not in taken:
        return customer
    day = f"{entry.day.day} {entry.day:%B %Y}"
    texts = (f"Support work on {day}{f', part {n}' if n > 1 else ''}." for n in range(1, len(taken) + 2))
    return next(text for text in texts if plain(text) not in taken)


def plain(text: str) -> str:
    """The text as it is compared with others on the ticket."""
    return " ".join(text.split()).casefold()


def detail(history: History, entry: Entry, zone: ZoneInfo, overlap: timedelta) -> str:
    """For the team: when the engineer was active, what he did then, and how the length came about."""
    stretch = entry.stretch
    begin, end = (f"{moment.astimezone(zone):%H:%M}" for moment in (stretch.start, stretch.end))
    name = one_line(history.name(stretch.engineer), 80)
    counted = rounding_line(stretch.worked, entry.billed)
    parts = [f"{name}: active time between {begin} and {end} ({zone.key}), {counted}."]
    did = [
        f"{step.number} {subject_of(step, 60)}"
        for step in history.done
        if step.outcome
        and step.outcome.by == stretch.engineer
        and stretch.start <= step.outcome.at <= stretch.end
    ]
    if did:
        parts.append(f"Steps: {'; '.join(capped(did, 25))}.")
    if overlap >= MINUTE:
        parts.append(f"{span(overlap)} of it overlap with other work of the same engineer.")
    return " ".join(parts)
