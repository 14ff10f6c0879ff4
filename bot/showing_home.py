"""Draws one person's home: how to start, his sessions, his tickets, who waits for help, his time, an Admin's settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot import cards
from bot.card import Card
from bot.claude.budget import Known, spending
from bot.open_tickets import SECONDS, open_tickets
from bot.psa_door import Doors, zone_of
from bot.showing_lines import connection_view, time_lines, views_of
from bot.views import SessionView, TimeLine
from engine.ports import PostState
from storage.store import Store, Unit

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_READ = 20
"""So many Sessions are looked at for a list of ten; of the rest only their number is told."""
_LOOKS_BACK = timedelta(days=30)
"""How far back time may lie that nobody has decided about."""


async def home(
    store: Store,
    doors: Doors,
    user: UUID,
    account: UUID,
    model: Known | None = None,
    *,
    seconds: float = SECONDS,
) -> tuple[Card, ...]:
    """From the top down; nothing for somebody who is not in the Account. The PSA is waited for at most `seconds`."""
    async with store.transaction(account) as unit:
        known = await unit.accounts.user(user)
        if known is None:
            return ()
        own = await unit.sessions.of(user)
        mine = await views_of(unit, own[:_READ])
        new = not mine and not await unit.sessions.with_work_since(user, _EVER)
        asking = await unit.sessions.queue()
        others = await views_of(unit, asking[:_READ])
        now = unit.now
        lines = await time_lines(unit, user, await _unsettled(unit, user))
        zone = zone_of(await unit.accounts.settings())
        admin = (await _admin(unit, model),) if known.person.is_admin else ()
    tickets = await open_tickets(doors, account, user, seconds=seconds)
    return (
        cards.home_new() if new else cards.home_start(),
        cards.home_sessions(mine, len(own) - len(mine)),
        cards.home_tickets(tickets.hits, tickets.zone, now, tickets.problem),
        cards.queue([v for v in others if user not in _asked(v)], len(asking) - len(others)),
        cards.time(_time(lines), now, zone),
        *admin,
    )


async def _admin(unit: Unit, model: Known | None) -> Card:
    spent = await spending(unit, model) if model is not None else None
    return cards.home_admin(await connection_view(unit), spent)


def _asked(view: SessionView) -> tuple[UUID | None, ...]:
    """Those who cannot be the help: whose Session it is and who asked."""
    return view.session.owner_id, view.session.requester_id


async def _unsettled(unit: Unit, user: UUID) -> list[UUID]:
    """Sessions whose time of his is not posted or not decided about, however long ago it was done."""
    owed = await unit.posts.of_engineer(user, unit.now)
    found = [p.session_id for p in owed if p.kind == "time" and p.state is not PostState.POSTED]
    for session_id in await unit.sessions.with_work_since(user, unit.now - _LOOKS_BACK):
        spans = await unit.sessions.intervals(session_id)
        if any(span.engineer == user and span.confirmed is None for span in spans):
            found.append(session_id)
    return list(dict.fromkeys(found))[:_READ]


def _time(lines: Sequence[TimeLine]) -> list[TimeLine]:
    """This week's work and whatever is not posted, that first."""
    open_lines = [line for line in lines if _is_open(line)]
    return [*open_lines, *(line for line in lines if line.worked_week and not _is_open(line))]


def _is_open(line: TimeLine) -> bool:
    return bool(line.gaps) or any(post.state is not PostState.POSTED for post in line.posts)
