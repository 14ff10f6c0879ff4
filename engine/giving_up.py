"""What people see of an effect that is given up: nothing that was owed ends in silence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from engine.effects import (
    AskGuide,
    CheckConnection,
    Lane,
    Owed,
    Post,
    ReadTicket,
    Show,
    Tell,
    WriteBriefing,
    WriteDraft,
)
from engine.events import Event, GuideFailed, PushFailed, TicketUnreadable
from engine.ports import OwedPost
from engine.session import Session

Told = tuple[tuple[UUID, Owed], ...]


async def given_up(unit: Any, subject: UUID, effect: Owed, error_id: str) -> tuple[tuple[Event, ...], Told]:
    """What people see of an effect that is given up: events of the Session, and effects with their subjects.

    A part owed to the PSA says so too, or no Retry would find it.
    """
    match effect:
        case AskGuide(turn=turn) | WriteBriefing(turn=turn):
            return (GuideFailed(turn, error_id),), ()
        case Post(post_id=post_id):
            post: OwedPost | None = await unit.posts.get(post_id)
            kind = await unit.posts.give_up(post_id, error_id)
            if not kind:
                return (), ()
            return (PushFailed(post_id, kind, error_id, True, post.engineer if post else None),), ()
        case ReadTicket(ticket_id=ticket_id):
            return (TicketUnreadable(ticket_id, _unread(f"Ticket #{ticket_id}", "read", error_id)),), ()
        case CheckConnection(draft=UUID(), to=admin, place=place):
            problem = _unread("They", "checked", error_id)
            return (), ((admin, Show(to=admin, what=f"keys_unused:{problem}", place=place)),)
        case CheckConnection(connection_id=connection_id, to=admin, place=place):
            problem = _unread("The connection", "checked", error_id)
            await unit.accounts.change_connection(
                connection_id, state="failed", problem=problem, checked_at=unit.now
            )
            return (), ((admin, Show(to=admin, what=f"connection:{connection_id}", place=place)),)
        case WriteDraft():
            return (), ()  # the form is filled from the record
        case _:
            return (), await _owner_told(unit, subject, effect, error_id)


async def _owner_told(unit: Any, subject: UUID, effect: Owed, error_id: str) -> Told:
    """Work that no event of the Session speaks of: its owner hears of it, and whose part it was."""
    session: Session | None = await unit.sessions.get(subject)
    if session is None or effect.lane is not Lane.WORK:
        return ()
    concerned = getattr(effect, "engineer", None) or getattr(effect, "by", None) or session.owner_id
    people = dict.fromkeys((session.owner_id, concerned))
    return tuple((subject, Tell(to=person, what=_numbered("given_up", error_id))) for person in people)


def _numbered(key: str, error_id: str) -> str:
    """A sentence's key with the number that the log knows it by."""
    return f"{key}:{error_id}"


def _unread(what: str, done: str, error_id: str) -> str:
    return f"{what} could not be {done} in several tries. The number for support is {error_id}."
