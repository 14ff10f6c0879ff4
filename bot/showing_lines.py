"""Reads the lines that lists are drawn from: sessions, a person's time, people, the connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.psa_door import settings_of, zone_of
from bot.viewing import view_of
from bot.views import ConnectionView, PersonLine, SessionView, TimeLine
from engine import timekeeping
from engine.session import Interval
from storage.store import Unit


async def views_of(unit: Unit, ids: Sequence[UUID]) -> list[SessionView]:
    found = [await view_of(unit, session_id) for session_id in ids]
    return [view for view in found if view is not None]


async def connection_view(unit: Unit, connection_id: UUID | None = None) -> ConnectionView:
    """The named connection while it is there, or else the one in use."""
    known = await unit.accounts.connection(connection_id) if connection_id else None
    known = known or await unit.accounts.connection()
    account = await unit.accounts.settings()
    if known is None:
        return ConnectionView(account_settings=account)
    return ConnectionView(
        known.host, known.company, known.state, known.problem, settings_of(known.settings), account
    )


async def people_lines(unit: Unit) -> tuple[PersonLine, ...]:
    teams = await unit.accounts.teams()
    known = await unit.accounts.connection()
    members = await unit.accounts.members(known.id) if known else {}
    return tuple(
        PersonLine(
            user.id,
            user.name,
            user.email,
            tuple(sorted(role.value for role in user.roles)),
            tuple(sorted(teams[t] for t in user.team_ids if t in teams)),
            members[user.id][1] if user.id in members else None,
            members[user.id][0] if user.id in members else None,
        )
        for user in await unit.accounts.users()
    )


def people_named(lines: Sequence[PersonLine], name: str) -> tuple[PersonLine, ...]:
    """Whose name or e-mail holds these words; him alone whose whole name or e-mail they are."""
    wanted = " ".join(name.casefold().split())
    known = {line.id: (line.name.casefold(), (line.email or "").casefold()) for line in lines}
    exact = tuple(line for line in lines if wanted in known[line.id])
    return (
        exact
        if len(exact) == 1
        else tuple(line for line in lines if any(wanted in each for each in known[line.id]))
    )


async def time_lines(unit: Unit, user: UUID, more: Sequence[UUID] = ()) -> list[TimeLine]:
    """Today and this week of one person, Session by Session, and `more` Sessions of before."""
    zone = zone_of(await unit.accounts.settings())
    week = _week_start(unit.now, zone)
    spans: dict[UUID, list[Interval]] = {}
    views = []
    for session_id in dict.fromkeys((*await unit.sessions.with_work_since(user, week), *more)):
        view = await view_of(unit, session_id)
        if view is not None:
            views.append(view)
            spans[session_id] = _counted(view, user)
    return [_time_line(view, user, spans, week, zone) for view in views]


def _week_start(now: datetime, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone)
    return (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)


def _counted(view: SessionView, user: UUID) -> list[Interval]:
    found = [i for i in view.session.intervals if i.engineer == user and i.confirmed]
    clock = view.session.clock
    if clock is not None and clock.engineer == user:
        silent = view.now - clock.last_activity > timekeeping.GAP
        found.append(Interval(user, clock.start, clock.last_activity if silent else view.now))
    return found


def _time_line(
    view: SessionView, user: UUID, spans: dict[UUID, list[Interval]], week: datetime, zone: ZoneInfo
) -> TimeLine:
    mine = spans[view.session.id]
    today = view.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    others = [i for session_id, found in spans.items() if session_id != view.session.id for i in found]
    return TimeLine(
        session=view.session,
        worked_today=_within(mine, today),
        worked_week=_within(mine, week),
        posts=tuple(p for p in view.posts if p.engineer == user and p.kind == "time"),
        gaps=tuple(
            (i.start, i.end) for i in view.session.intervals if i.engineer == user and i.confirmed is None
        ),
        overlap=timekeeping.overlaps([i for i in mine if i.end > week], [i for i in others if i.end > week]),
    )


def _within(spans: list[Interval], since: datetime) -> timedelta:
    return sum((max(timedelta(), i.end - max(i.start, since)) for i in spans), timedelta())
