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
        """`what` is the list, `notice:<key>`, `error:<id>`, `sentence:<text>` or `form:<name>`,
        `connection:<id>`.
        """
        kind, _, rest = effect.what.partition(":")
        if kind == "error":
            return cards.error(rest)
        if kind == "sentence":
            return cards.notice("sentence", None, text=rest)
        if kind == "tickets":
            return await self._tickets(effect, account)
        if kind == "path":
            return await self._path(effect, account)
        if kind == "settings" or rest.startswith(("board:", "person:")):
            return await self._with_psa(effect, account, rest)
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
            return cards.notice("sentence", None, text=failure.sentence)
        async with self._store.transaction(account) as unit:
            now = unit.now
        if not words and member is None:
            return cards.notice("unmapped_tickets", None)
        return cards.tickets(hits, view.zone, now, own=not words)

    async def _path(self, effect: Show, account: UUID) -> Card | None:
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, effect.session, whole=True) if effect.session else None
        if view is None:
            return cards.notice("gone", None)
        ahead = await self._guide.path(view.history)
        return cards.path(view, ahead, await self._guide.jumps(view.history))

    async def _with_psa(self, effect: Show, account: UUID, rest: str) -> Card | None:
        """What shows boards, statuses or Members; without them where the PSA is away."""
        door = await self._doors.open(account, None)
        async with self._store.transaction(account) as unit:
            found, user = await connection_view(unit), await unit.accounts.user(effect.to)
            people = {str(line.id): line for line in await people_lines(unit)}
            teams = tuple((await unit.accounts.teams()).items())
        kind, _, wanted = rest.partition(":")
        try:
            boards = await door.psa.boards() if door.psa and kind != "person" else ()
            if kind == "board" and door.psa:
                board = next((b for b in boards if str(b.id) == wanted), None)
                statuses = await door.psa.statuses(int(wanted)) if board else ()
                return cards.board_form(board, statuses, found.settings) if board else None
            members = await door.psa.members() if door.psa and kind == "person" else ()
        except PsaFailure as failure:
            if kind == "board":
                return cards.notice("sentence", None, text=failure.sentence)
            boards, members = (), ()
        if kind == "person":
            line = people.get(wanted)
            listed = tuple((m.id, m.name) for m in members)
            return cards.person_form(line, teams, listed) if line else None
        return cards.settings(found, boards if user and user.person.is_admin else ())

    async def _form(self, unit: Unit, effect: Show, name: str) -> Card | None:
        found = await connection_view(unit)
        forms = {"connect": cards.connect_form, "settings": cards.settings_form}
        return forms[name](found) if name in forms else None


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
    step = effect.what.partition(":")[2]
    if step:
        return cards.copy(view, None, step=int(step[:9]))
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
    return cards.time(lines, unit.now, zone)


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
    user = await unit.accounts.user(effect.to)
    return cards.help_card(admin=bool(user and user.person.is_admin))


async def _duplicate(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    if view is None:
        return None
    return cards.duplicate_ticket(view, effect.draft, yours=view.session.owner_id == effect.to)


async def _people(unit: Unit, effect: Show) -> Card:
    return cards.people(await people_lines(unit))


async def _connection(unit: Unit, effect: Show) -> Card:
    checked = effect.what.partition(":")[2]
    found = await connection_view(unit, UUID(checked) if checked else None)
    key = "connected" if found.state == "connected" else "connect_failed"
    return cards.notice(key, None, text=found.problem or f"{found.company} at {found.host}")


_LISTS: dict[str, Callable[[Unit, Show], Awaitable[Card | None]]] = {
    "mine": _mine,
    "queue": _queue,
    "status": _status,
    "catch_up": _catch_up,
    "copy": _copy,
    "time": _time,
    "help": _help,
    "duplicate_ticket": _duplicate,
    "people": _people,
    "connection": _connection,
}
