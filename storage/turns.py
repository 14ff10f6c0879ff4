"""Whether an answer of the Guide is still waited for, and whether it was taken: short reads around a long call."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Boolean, Integer, cast, exists, select

from engine.session import Status
from storage.store import Unit
from storage.tables import ai_sessions


async def waits(unit: Unit, session_id: UUID, turn: int) -> bool:
    """The Session is active and this Turn of it is open."""
    kept = ai_sessions.c.state["turn"]
    open_still = exists().where(
        ai_sessions.c.id == session_id,
        ai_sessions.c.account_id == unit.account,
        ai_sessions.c.status == Status.ACTIVE.value,
        cast(kept["number"].astext, Integer) == turn,
        cast(kept["open"].astext, Boolean),
    )
    return bool((await unit.connection.execute(select(open_still))).scalar_one())


CALL = "call"
"""In a Session's stand: the id of the model call that the Step on the table came from."""


async def taken(unit: Unit, session_id: UUID, call_id: UUID) -> bool:
    """Whether the Session stands where the reply to this call put it, as this transaction sees it."""
    query = select(ai_sessions.c.state["stand"][CALL].astext == str(call_id)).where(
        ai_sessions.c.id == session_id, ai_sessions.c.account_id == unit.account
    )
    return bool((await unit.connection.execute(query)).scalar())
