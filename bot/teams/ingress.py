"""Puts Teams' part of the web process together: the route, what it keeps, and what answers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from bot.card import Card, from_json
from bot.form_checks import StoredChecks
from bot.settings import Settings
from bot.teams import cards
from bot.teams.addresses import PLATFORM
from bot.teams.answers import Answers, Receive
from bot.teams.listen import Authenticates, add_route
from bot.teams.safety import refuse_unsafe
from bot.ticket_search import Knows, OpensPsa, Searching
from storage.store import Store


class StoredCards:
    """What stands in a chat, read for somebody whom its account knows; None for everybody else."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, tenant: str, person: str, ref: str) -> Card | None:
        async with self._store.transaction() as unit:
            known = await unit.identity(PLATFORM, tenant, person)
            if known is None:
                return None
            await unit.enter(known[0])
            found = await unit.places.by_ref(PLATFORM, tenant, ref)
            return from_json(found[1].card) if found else None


def add_teams(
    app: web.Application,
    settings: Settings,
    adapter: Authenticates,
    *,
    store: Store,
    receive: Receive,
    knows: Knows,
    doors: OpensPsa,
) -> None:
    """Raises SettingWrong where anybody could speak as one of our people."""
    refuse_unsafe(settings)
    searching = Searching(PLATFORM, knows, doors)
    checks = StoredChecks(store, PLATFORM)
    add_route(app, adapter, Answers(receive, searching, checks, StoredCards(store), cards))

    async def running(app: web.Application) -> AsyncIterator[None]:
        yield
        await searching.close()

    app.cleanup_ctx.append(running)
