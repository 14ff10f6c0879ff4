"""Remembers where somebody asked for a Session: what he is offered then stands in his own chat, and the Session belongs there."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from storage.store import Unit
from storage.tables import drafts

Home = tuple[str, str, str]
KIND = "asked_at"
LASTS = timedelta(minutes=15)
"""A form that is filled in later starts where it is filled in."""


async def keep(unit: Unit, person: UUID, home: Home, thread: str) -> None:
    given = {"home": list(home), "thread": thread, "at": unit.now.isoformat()}
    await unit.drafts.keep(person, KIND, given)


async def with_draft(unit: Unit, person: UUID, draft: UUID) -> tuple[Home, str] | None:
    """Where he gave these words: both were kept in one transaction, and so at the same moment."""
    mine = (drafts.c.account_id == unit.account) & (drafts.c.user_id == person)
    then = select(drafts.c.created_at).where(mine, drafts.c.id == draft).scalar_subquery()
    query = select(drafts.c.id).where(mine, drafts.c.kind == KIND, drafts.c.created_at == then).limit(1)
    kept = (await unit.connection.execute(query)).scalar()
    found = await unit.drafts.get(kept, person) if kept is not None else None
    return _home(found) if found is not None else None


async def lately(unit: Unit, person: UUID) -> tuple[Home, str] | None:
    """Where he asked last, if that is not long ago."""
    found = await unit.drafts.latest(person, KIND)
    if found is None or unit.now - datetime.fromisoformat(str(found["at"])) > LASTS:
        return None
    return _home(found)


def _home(kept: dict[str, object]) -> tuple[Home, str]:
    home = kept["home"]
    platform, workspace, channel = map(str, home if isinstance(home, list) else ())
    return (platform, workspace, channel), str(kept["thread"])
