"""Thumbs under a step: who found it good or bad, and his words, encrypted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.codec import storable
from storage.tables import step_feedback
from storage.vault import KeysUnusable, Vault

Reaction = Literal["like", "dislike"]
LONGEST = 4000
"""Letters of what somebody says of a step; the rest is cut off."""


@dataclass(frozen=True, slots=True)
class Thumb:
    session_id: UUID
    step: int
    user_id: UUID
    reaction: Reaction
    words: str = field(default="", repr=False)


class Feedback:
    """That of one Account."""

    def __init__(self, connection: AsyncConnection, account: UUID, vault: Vault) -> None:
        self._db = connection
        self._account = account
        self._vault = vault

    async def keep(
        self, session_id: UUID, step: int, user: UUID, reaction: Reaction, words: str = ""
    ) -> None:
        """One thumb for each person and step: the last one counts. Raises IntegrityError for a Session of others."""
        said = storable(words.strip()[:LONGEST])
        row = {
            "account_id": self._account,
            "session_id": session_id,
            "step": step,
            "user_id": user,
            "reaction": reaction,
            "words": self._vault.seal(said.encode()) if said else None,
        }
        statement = insert(step_feedback).values(row)
        changed = {"reaction": row["reaction"], "words": row["words"]}
        keys = ["account_id", "session_id", "step", "user_id"]
        await self._db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

    async def of_session(self, session_id: UUID) -> tuple[Thumb, ...]:
        """By step, then oldest first. Raises KeysUnusable."""
        columns = step_feedback.c
        query = select(step_feedback).where(
            columns.session_id == session_id, columns.account_id == self._account
        )
        rows = await self._db.execute(query.order_by(columns.step, columns.created_at, columns.user_id))
        return tuple(
            Thumb(row.session_id, row.step, row.user_id, row.reaction, self._opened(row.words))
            for row in rows
        )

    async def renew(self, vault: Vault) -> int:
        """All words of the Account under the newest key; how many. What no key opens stays as it is."""
        columns = step_feedback.c
        mine = columns.account_id == self._account
        query = select(step_feedback).where(mine, columns.words.is_not(None)).with_for_update()
        renewed = 0
        for row in (await self._db.execute(query)).all():
            try:
                sealed = vault.rotate(row.words)
            except KeysUnusable:
                continue
            this = (
                columns.session_id == row.session_id,
                columns.step == row.step,
                columns.user_id == row.user_id,
            )
            await self._db.execute(update(step_feedback).where(mine, *this).values(words=sealed))
            renewed += 1
        return renewed

    def _opened(self, sealed: bytes | None) -> str:
        return self._vault.open(sealed).decode() if sealed is not None else ""


class Bound(Protocol):
    """A transaction of one Account."""

    feedback: Feedback


async def keep_feedback(
    unit: Bound, session: UUID, step: int, user: UUID, reaction: Reaction, words: str = ""
) -> None:
    """A thumb and its words, sealed; again and again the same counts once."""
    await unit.feedback.keep(session, step, user, reaction, words)
