"""Draws one person's home: how to start, his sessions, his tickets, who waits for help, his time, an Admin's settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot import cards
from bot.card import Card
from bot.open_tickets import SECONDS, open_tickets
from bot.psa_door import Doors, zone_of
from bot.showing_lines import connection_view, time_lines, views_of
from bot.views import TimeLine
from engine.ports import PostState
from storage.store import Store

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_LOOKS_BACK = timedelta(days=30)
"""How far back something may lie that is still not posted."""


async def home(
    store: Store, doors: Doors, user: UUID, account: UUID, *, seconds: float = SECONDS
) -> tuple[Card, ...]:
    """From the top down; nothing for somebody who is not in the Account. The PSA is waited for at most `seconds`."""
    async with store.transaction(account) as unit:
        known = await unit.accounts.user(user)
        if known is None:
            return ()
        mine = await views_of(unit, await unit.sessions.of(user))
        new = not mine and not await unit.sessions.with_work_since(user, _EVER)
        waiting = [
            view
            for view in await views_of(unit, await unit.sessions.queue())
            if user not in (view.session.owner_id, view.session.requester_id)
        ]
        now = unit.now
        lines = await time_lines(unit, user, now - _LOOKS_BACK)
        zone = zone_of(await unit.accounts.settings())
        admin = (cards.home_admin(await connection_view(unit)),) if known.person.is_admin else ()
    tickets = await open_tickets(doors, account, user, seconds=seconds)
    return (
        cards.home_new() if new else cards.home_start(),
        cards.home_sessions(mine),
        cards.home_tickets(tickets.hits, tickets.zone, now, tickets.problem),
        cards.queue(waiting),
        cards.time(_time(lines), now, zone),
        *admin,
    )


def _time(lines: Sequence[TimeLine]) -> list[TimeLine]:
    """This week's work and whatever is not posted, that first."""
    open_lines = [line for line in lines if _is_open(line)]
    return [*open_lines, *(line for line in lines if line.worked_week and not _is_open(line))]


def _is_open(line: TimeLine) -> bool:
    return bool(line.gaps) or any(post.state is not PostState.POSTED for post in line.posts)
