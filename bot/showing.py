"""Draws the answers to commands that belong to a person: lists, time, settings, people, help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from bot import cards
from bot.card import Card, Choice
from bot.claude.budget import Known, spending
from bot.guiding import OfflineGuide
from bot.open_tickets import open_tickets
from bot.psa_door import Doors, zone_of
from bot.showing_home import home
from bot.showing_lines import connection_view, people_lines, people_named, time_lines, views_of
from bot.viewing import view_of
from bot.words import say
from engine import documentation
from engine.catch_up import catch_up
from engine.effects import Show
from engine.psa import PsaFailure, TicketHit
from engine.session import Status
from engine.typed import secrets_of
from storage.store import Store, Unit

__all__ = ["Showing", "connection_view", "people_lines"]


class Showing:
    def __init__(self, store: Store, doors: Doors, guide: OfflineGuide, model: Known | None = None) -> None:
        """`model`: what the settings say of Claude."""
        self._store = store
        self._doors = doors
        self._guide = guide
        self._model = model

    async def draw(self, effect: Show, account: UUID) -> Card | None:
        """`what` is the list, `notice:<key>`, `error:<id>`, `sentence:<text>` or `form:<name>`,
        `connection:<id>`, `keys_unused:<why>`.
        """
        kind, _, rest = effect.what.partition(":")
        if kind == "error":
            return cards.error(rest)
        if kind == "sentence":
            return cards.notice("sentence", None, text=rest)
        if kind == "keys_unused":
            return _to_correct("keys_unused", rest)
        if kind == "tickets":
            return await self._tickets(effect, account)
        if kind == "path":
            return await self._path(effect, account)
        if effect.what == "form:start":
            return await self._start_form(effect, account)
        if effect.what == "form:add_to":
            async with self._store.transaction(account) as unit:
                views = await views_of(unit, (await unit.sessions.of(effect.to))[:20])
            return cards.add_to_form(views, effect.draft)
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

    async def draw_home(self, user: UUID, account: UUID) -> tuple[Card, ...]:
        """Everything one person's home shows, from the top down."""
        return await home(self._store, self._doors, user, account, self._model)

    async def _start_form(self, effect: Show, account: UUID) -> Card:
        found = await open_tickets(self._doors, account, effect.to)
        return cards.start_form(found.hits, connected=found.connected, problem=found.problem)

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
            spent = await spending(unit, self._model) if self._model is not None else None
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
            user_id, _, searched = wanted.partition(":")
            line = people.get(user_id)
            listed = tuple((m.id, m.name) for m in members)
            return cards.person_form(line, teams, listed, searched) if line else None
        return cards.settings(found, boards, admin=bool(user and user.person.is_admin), spending=spent)

    async def _form(self, unit: Unit, effect: Show, name: str) -> Card | None:
        found = await connection_view(unit)
        forms = {"connect": cards.connect_form, "settings": cards.settings_form}
        return forms[name](found) if name in forms else None


async def _mine(unit: Unit, effect: Show) -> Card:
    return cards.mine(await views_of(unit, await unit.sessions.of(effect.to)))


async def _queue(unit: Unit, effect: Show) -> Card:
    return cards.queue(await views_of(unit, await unit.sessions.queue()))


async def _status(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    return cards.status(view) if view else await _mine(unit, effect)


async def _catch_up(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session, whole=True) if effect.session else None
    if view is None:
        return cards.notice("gone", None)
    return cards.notice("catch_up", view, lines=catch_up(view.history, view.ticket, view.now, effect.to))


_OCCASIONS = {
    Status.RESOLVED: "resolution",
    Status.ABANDONED: "abandoned",
    Status.ESCALATED: "escalated",
    Status.REQUESTING_ESCALATION: "escalation",
}


async def _receipt(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    if view is None:
        return cards.notice("gone", None)
    calls = await unit.conversations.of_session(view.session.id)
    pictures = await unit.conversations.pictures_sent(view.session.id)
    return cards.receipt(view, calls, len(pictures))


async def _copy(unit: Unit, effect: Show) -> Card | None:
    """The documentation as text, for whoever must carry it over by hand."""
    view = await view_of(unit, effect.session, whole=True) if effect.session else None
    if view is None:
        return cards.notice("gone", None)
    step = effect.what.partition(":")[2]
    if step:
        return cards.copy(view, None, step=int(step[:9]))
    # Only what is solved may tell the customer so.
    secrets = secrets_of(view.history, view.ticket, await unit.masks.secrets(view.session.id))
    occasion = _OCCASIONS.get(view.session.status, "handover")
    doc = documentation.compose(view.history, view.ticket, occasion, secrets)
    if view.session.documentation is not None:
        doc = documentation.edited(doc, view.session.documentation).without_secrets(secrets)
    return cards.copy(view, doc)


async def _time(unit: Unit, effect: Show) -> Card:
    zone = zone_of(await unit.accounts.settings())
    return cards.time(await time_lines(unit, effect.to), unit.now, zone)


async def _help(unit: Unit, effect: Show) -> Card:
    user = await unit.accounts.user(effect.to)
    return cards.help_card(admin=bool(user and user.person.is_admin))


async def _duplicate(unit: Unit, effect: Show) -> Card | None:
    view = await view_of(unit, effect.session) if effect.session else None
    if view is None:
        return None
    return cards.duplicate_ticket(view, effect.draft, yours=view.session.owner_id == effect.to)


async def _people(unit: Unit, effect: Show) -> Card:
    user = await unit.accounts.user(effect.to)
    name, lines = effect.what.partition(":")[2], await people_lines(unit)
    admin = bool(user and user.person.is_admin)
    if not name:
        return cards.people(lines, admin=admin)
    found = people_named(lines, name)
    return (
        cards.people(found, admin=admin, name=name)
        if found
        else cards.notice("nobody_named", None, text=name)
    )


async def _connection(unit: Unit, effect: Show) -> Card:
    checked = effect.what.partition(":")[2]
    found = await connection_view(unit, UUID(checked) if checked else None)
    if found.state == "connected":
        return cards.notice("connected", None, text=found.problem or f"{found.company} at {found.host}")
    return _to_correct("connect_failed", found.problem)


def _to_correct(what: str, problem: str) -> Card:
    """Why a connection, or its new keys, are not used, with the way to the form."""
    failed = cards.notice(what, None, text=problem)
    return replace(failed, choices=(Choice(say("settings.reconnect"), "connect", style="primary"),))


_LISTS: dict[str, Callable[[Unit, Show], Awaitable[Card | None]]] = {
    "mine": _mine,
    "queue": _queue,
    "status": _status,
    "catch_up": _catch_up,
    "receipt": _receipt,
    "copy": _copy,
    "time": _time,
    "help": _help,
    "duplicate_ticket": _duplicate,
    "people": _people,
    "connection": _connection,
}
