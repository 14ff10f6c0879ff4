"""Reads what a card is drawn from."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from bot.psa_door import settings_of, zone_of
from bot.views import SessionView
from engine.history import History
from engine.psa import ticket_from_json
from engine.session import Role
from storage.store import Unit


async def view_of(unit: Unit, session_id: UUID, *, whole: bool = False) -> SessionView | None:
    """One Session as it stands; `whole` with every Step and Note, else with what its card needs."""
    if whole:
        history = await unit.sessions.history(session_id)
    else:
        session = await unit.sessions.get(session_id)
        history = None
        if session is not None:
            history = History(session, await unit.sessions.telling(session_id))
    if history is None:
        return None
    session = history.session
    users = await unit.accounts.users()
    present = _present(history)
    names = {user.id: user.name for user in users if user.id in present}
    history = replace(history, names={**{k: v for k, v in history.names.items() if k in present}, **names})
    connection = await unit.accounts.connection(session.connection_id)
    members = await unit.accounts.members(connection.id) if connection else {}
    return SessionView(
        session=session,
        history=history,
        now=unit.now,
        zone=zone_of(await unit.accounts.settings()),
        ticket=ticket_from_json(session.ticket) if session.ticket else None,
        posts=await unit.posts.of_session(session_id),
        owner_mapped=session.owner_id in members,
        psa_connected=connection is not None,
        has_lead=any(Role.LEAD in user.roles for user in users),
        settings=settings_of(connection.settings if connection else {}),
        thread_link=next((p.link for p in await unit.places.of_session(session_id) if p.link), ""),
    )


def _present(history: History) -> set[UUID | None]:
    """Everyone who owns, owned, answered, noted or asked for help here."""
    session = history.session
    asked = session.escalation
    return {
        session.owner_id,
        *((asked.requested_by, asked.postponed_by, *asked.declined_by) if asked else ()),
        *(interval.engineer for interval in session.intervals),
        *(step.outcome.by for step in history.steps if step.outcome),
        *(note.by for note in history.notes),
    }
