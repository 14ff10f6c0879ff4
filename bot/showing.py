"""Draws the answers to commands that belong to a person: lists, time, settings, people, help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import cards
from bot.card import Card
from bot.guiding import OfflineGuide
from bot.psa_door import Doors, settings_of, zone_of
from bot.viewing import view_of
from bot.views import ConnectionView, PersonLine, SessionView, TimeLine
from bot.words import say
from engine import documentation, timekeeping
from engine.catch_up import catch_up
from engine.effects import Show
from engine.psa import PsaFailure, TicketHit
from engine.session import Interval
from storage.store import Store, Unit


class Showing:
    def __init__(self, store: Store, doors: Doors, guide: OfflineGuide) -> None:
        self._store = store
        self._doors = doors
        self._guide = guide

    async def draw(self, effect: Show, account: UUID) -> Card | None:
        """`what` is the list, `notice:<key>`, `error:<id>`, `sentence:<text>` or `form:<name>`."""
        kind, _, rest = effect.what.partition(":")
        if kind == "error":
            return cards.error(rest)
        if kind == "sentence":
            return cards.notice("sentence", None, text=rest)
        if kind == "tickets":
            return await self._tickets(effect, account)
        if kind == "path":
            return await self._path(effect, account)
        async with self._store.transaction(account) as unit:
            if kind == "notice":
                view = await view_of(unit, effect.session) if effect.session else None
                return cards.notice(rest, view)
            if kind == "form":
                return await self._form(unit, effect, rest)
            drawn = _LISTS.get(kind)
            return await drawn(unit, effect) if drawn else None

    async def _tickets(self, effect: Show, account: UUID) -> Card:
        """Open tickets that match, or his own by SLA where he gave no words."""
        async with self._store.transaction(account) as unit:
            search = await unit.drafts.get(effect.draft, effect.to) if effect.draft else None
        words = str((search or {}).get("text", ""))
        view = await self._doors.open(account, None)
        if view.psa is None:
            return cards.notice("no_connection", None)
        member = view.members.get(effect.to)
        hits: tuple[TicketHit, ...] = ()
        try:
            if words:
                hits = await view.psa.search(words)
            elif member is not None:
                hits = await view.psa.my_open(member[0])
        except PsaFailure as failure:
            return cards.notice("sentence", None, text=say("tickets.failed", reason=failure.sentence))
        async with self._store.transaction(account) as unit:
            now = unit.now
        return cards.tickets(hits, words, view.zone, now, mapped=member is not None)

    async def _path(self, effect: Show, account: UUID) -> Card | None:
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, effect.session, whole=True) if effect.session else None
        if view is None:
            return cards.notice("gone", None)
        return cards.path(view, await self._guide.path(view.history))

    async def _form(self, unit: Unit, effect: Show, name: str) -> Card | None:
        if name == "connect":
            return cards.connect_form(await connection_view(unit))
        if name == "person" and effect.draft:
            chosen = await unit.drafts.get(effect.draft, effect.to)
            lines = {str(line.id): line for line in await people_lines(unit)}
            line = lines.get(str((chosen or {}).get("user")))
            return cards.person_form(line, tuple((await unit.accounts.teams()).values())) if line else None
        return None


async def connection_view(unit: Unit) -> ConnectionView:
    known = await unit.accounts.connection()
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
        )
        for user in await unit.accounts.users()
    )


async def _views(unit: Unit, ids: tuple[UUID, ...]) -> list[SessionView]:
    found = [await view_of(unit, session_id) for session_id in ids]
    return [view for view in found if view is not None]


async def _mine(unit: Unit, effect: Show) -> Card:
    return cards.mine(await _views(unit, await unit.sessions.of(effect.to)))


async def _queue(unit: Unit, effect: Show) -> Card:
    return cards.queue(await _views(unit, await unit.sessions.queue()))


async def _status(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    return cards.status(view) if view else await _mine(unit, effect)


async def _catch_up(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session, whole=True) if effect.session else None
    if view is None:
        return cards.notice("gone", None)
    return cards.notice("catch_up", view, lines=catch_up(view.history, view.ticket, view.now, effect.to))


async def _copy(unit: Unit, effect: Show) -> Card | None:
    """The documentation as text, for whoever must carry it over by hand."""
    view = await view_of(unit, effect.session, whole=True) if effect.session else None
    if view is None:
        return cards.notice("gone", None)
    doc = documentation.compose(view.history, view.ticket, "resolution")
    if view.session.documentation is not None:
        doc = documentation.edited(doc, view.session.documentation)
    return cards.copy(view, doc)


async def _time(unit: Unit, effect: Show) -> Card:
    """Today and this week of one person, Session by Session."""
    zone = zone_of(await unit.accounts.settings())
    week = _week_start(unit.now, zone)
    spans: dict[UUID, list[Interval]] = {}
    views = []
    for session_id in await unit.sessions.with_work_since(effect.to, week):
        view = await view_of(unit, session_id)
        if view is not None:
            views.append(view)
            spans[session_id] = _counted(view, effect.to)
    lines = [_time_line(view, effect.to, spans, week, zone) for view in views]
    return cards.time(lines, zone, unit.now)


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


async def _help(unit: Unit, effect: Show) -> Card:
    return cards.help()


async def _duplicate(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    return cards.duplicate_ticket(view, str(effect.draft), effect.to) if view else None


async def _settings(unit: Unit, effect: Show) -> Card:
    user = await unit.accounts.user(effect.to)
    found = await connection_view(unit)
    return cards.settings_form(found) if user and user.person.is_admin else cards.settings(found)


async def _settings_kept(unit: Unit, effect: Show) -> Card:
    return cards.settings(await connection_view(unit))


async def _people(unit: Unit, effect: Show) -> Card:
    user = await unit.accounts.user(effect.to)
    return cards.people(await people_lines(unit), admin=bool(user and user.person.is_admin))


async def _connection(unit: Unit, effect: Show) -> Card:
    return cards.connection(await connection_view(unit))


_LISTS: dict[str, Callable[[Unit, Show], Awaitable[Card | None]]] = {
    "mine": _mine,
    "queue": _queue,
    "status": _status,
    "catch_up": _catch_up,
    "copy": _copy,
    "time": _time,
    "help": _help,
    "duplicate_ticket": _duplicate,
    "settings": _settings,
    "settings_kept": _settings_kept,
    "people": _people,
    "connection": _connection,
}
