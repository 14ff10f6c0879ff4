"""Reads what a card is drawn from."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from bot.psa_door import settings_of, zone_of
from bot.views import SessionView
from engine.history import History
from engine.psa import ticket_from_json
from storage.store import Unit


async def view_of(unit: Unit, session_id: UUID, *, whole: bool = False) -> SessionView | None:
    """One Session as it stands; `whole` with every Step and Note, else with what its card needs."""
    found = await unit.sessions.for_card(session_id)
    if found is None:
        return None
    history = History(found.session, found.steps, names=found.names)
    if whole:
        history = await unit.sessions.history(session_id) or history
    session, present = history.session, _present(history)
    names = {user: name for user, name in history.names.items() if user in present}
    return SessionView(
        session=session,
        history=replace(history, names=names),
        now=unit.now,
        zone=zone_of(found.account_settings),
        ticket=ticket_from_json(session.ticket) if session.ticket else None,
        posts=await unit.posts.of_session(session_id) if found.has_posts else (),
        owner_mapped=found.owner_mapped,
        psa_connected=found.connection is not None,
        has_lead=found.has_lead,
        settings=settings_of(found.connection or {}),
        thread_link=found.link,
        pictures=found.pictures,
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
