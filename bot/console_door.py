"""What a console sees: the Places it follows, and one Session whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from storage.places import Place
from storage.store import Unit
from storage.tables import ai_sessions, places, session_log


async def home(unit: Unit, user: UUID) -> Place:
    """Where this person is told what concerns only him."""
    return await unit.places.ensure("direct", "console", "console", _home_of(user))


def _home_of(user: UUID) -> str:
    return f"user:{user}"


async def thread(unit: Unit, session_id: UUID) -> Place:
    """Where a Session lives in the console."""
    return await unit.places.ensure("thread", "console", "console", "sessions", str(session_id), session_id)


async def escalations(unit: Unit) -> Place:
    return await unit.places.ensure("escalations", "console", "console", _escalations_of(unit.account))


def _escalations_of(account: UUID | None) -> str:
    return f"escalations:{account}"


async def follow(unit: Unit, user: UUID, since: int, name: str) -> dict[str, Any]:
    """His own Place, the escalation channel, and the threads of Sessions he owns or took part in; `name` is his."""
    shown = {place.id: place for place in await _places(unit, user)}
    messages = await unit.places.since(tuple(shown), since)
    return {
        "change": max((m.change for m in messages), default=since),
        "me": {"user": str(user), "name": name},
        "messages": [
            {
                "id": m.id,
                "place": str(m.place_id),
                "kind": shown[m.place_id].kind,
                "session": str(shown[m.place_id].session_id or "") or None,
                "key": m.key,
                "card": m.card,
                "change": m.change,
            }
            for m in messages
        ],
    }


async def _places(unit: Unit, user: UUID) -> tuple[Place, ...]:
    took_part = select(session_log.c.session_id).where(
        session_log.c.by_id == user, session_log.c.account_id == unit.account
    )
    mine = select(ai_sessions.c.id).where(
        ai_sessions.c.user_id == user, ai_sessions.c.account_id == unit.account
    )
    own = (_home_of(user), _escalations_of(unit.account))
    # One question, because a console that waits asks it ten times a second.
    found = await unit.places.where(
        places.c.platform == "console",
        or_(
            places.c.session_id.in_(mine),
            places.c.session_id.in_(took_part),
            places.c.channel.in_(own) & (places.c.workspace == "console") & (places.c.thread == ""),
        ),
    )
    if {place.channel for place in found}.issuperset(own):
        return found
    return (await home(unit, user), await escalations(unit), *found)


async def session(unit: Unit, session_id: UUID) -> dict[str, Any] | None:
    """A Session with its Steps and the state of everything owed to the PSA."""
    history = await unit.sessions.history(session_id)
    if history is None:
        return None
    found = history.session
    return {
        "session": {
            "id": str(found.id),
            "status": found.status.value,
            "owner": history.name(found.owner_id),
            "ticket": found.ticket_id,
            "problem": found.problem_summary,
            "domain": found.problem_domain,
            "tier": found.tier.value,
            "flow": found.flow_id,
            "parent": str(found.parent_id) if found.parent_id else None,
            "rating": found.rating,
            "resolution": found.resolution_summary,
            "facts": [f.text for f in history.facts],
            "ruled_out": [f.text for f in history.ruled_out],
            "steps": [
                {
                    "number": s.number,
                    "kind": s.kind.value,
                    "text": s.text,
                    "result": s.result,
                    "counts": s.counts,
                }
                for s in history.steps
            ],
        },
        "pushes": [
            {
                "kind": p.kind,
                "occasion": p.occasion,
                "state": p.state.value,
                "external_id": p.external_id,
                "problem": p.problem,
                "held_because": p.held_because,
                "ticket": p.ticket_id,
            }
            for p in await unit.posts.of_session(session_id)
        ],
    }
