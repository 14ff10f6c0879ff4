"""What is owed to the PSA: each part once, with its state, as people see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.ports import OwedPost, PostState
from engine.session import Interval
from storage.codec import interval_from
from storage.tables import ai_session_intervals, psa_post_log


def _post(row: Any) -> OwedPost:
    return OwedPost(
        id=row.id,
        session_id=row.session_id,
        connection_id=row.connection_id,
        key=row.key,
        kind=row.kind,
        occasion=row.occasion,
        engineer=row.engineer_id,
        ticket_id=row.ticket_id,
        content=row.content,
        state=PostState(row.state),
        held_because=row.held_because,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        sending_since=row.sending_since,
        external_id=row.external_id,
        problem=row.problem,
        created_at=row.created_at,
    )


class Posts:
    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account

    async def owe(
        self,
        session_id: UUID,
        key: str,
        kind: str,
        occasion: str,
        engineer: UUID | None,
        connection_id: UUID | None,
        ticket_id: int | None,
        content: Mapping[str, Any],
        held_because: str | None,
    ) -> OwedPost | None:
        """One part; None where the same part of this Session is owed already."""
        post_id = uuid4()
        statement = (
            insert(psa_post_log)
            .values(
                id=post_id,
                account_id=self._account,
                session_id=session_id,
                connection_id=connection_id,
                key=key,
                kind=kind,
                occasion=occasion,
                engineer_id=engineer,
                ticket_id=ticket_id,
                content=dict(content),
                marker=f"[fp:{post_id.hex[-8:]}]",
                held_because=held_because,
            )
            .on_conflict_do_nothing(index_elements=["session_id", "key"])
            .returning(psa_post_log)
        )
        row = (await self._db.execute(statement)).first()
        return _post(row) if row else None

    async def get(self, post_id: UUID, *, lock: bool = False) -> OwedPost | None:
        query = select(psa_post_log).where(
            psa_post_log.c.id == post_id, psa_post_log.c.account_id == self._account
        )
        row = (await self._db.execute(query.with_for_update() if lock else query)).first()
        return _post(row) if row else None

    async def of_session(self, session_id: UUID) -> tuple[OwedPost, ...]:
        query = (
            select(psa_post_log)
            .where(psa_post_log.c.session_id == session_id, psa_post_log.c.account_id == self._account)
            .order_by(psa_post_log.c.position)
        )
        return tuple(_post(row) for row in await self._db.execute(query))

    async def of_engineer(self, engineer: UUID, since: datetime) -> tuple[OwedPost, ...]:
        """The person's parts since then, and all that are not posted, whenever they came up."""
        query = (
            select(psa_post_log)
            .where(psa_post_log.c.engineer_id == engineer, psa_post_log.c.account_id == self._account)
            .where((psa_post_log.c.created_at >= since) | (psa_post_log.c.state != "posted"))
            .order_by(psa_post_log.c.position)
            .limit(500)
        )
        return tuple(_post(row) for row in await self._db.execute(query))

    async def on_ticket(self, ticket_id: int) -> tuple[OwedPost, ...]:
        """Every part owed on one ticket, from whichever Session."""
        query = (
            select(psa_post_log)
            .where(psa_post_log.c.ticket_id == ticket_id, psa_post_log.c.account_id == self._account)
            .order_by(psa_post_log.c.position)
            .limit(1_000)
        )
        return tuple(_post(row) for row in await self._db.execute(query))

    async def change(self, post_id: UUID, **values: Any) -> None:
        """Set columns by name; `updated_at` follows."""
        await self._db.execute(
            update(psa_post_log)
            .where(psa_post_log.c.id == post_id, psa_post_log.c.account_id == self._account)
            .values({**values, "updated_at": func.clock_timestamp()})
        )

    async def give_up(self, post_id: UUID, problem: str) -> str | None:
        """Close a part that nobody tries any more: unknown if it may have been sent. Its kind; None if it had ended."""
        sent = psa_post_log.c.state == PostState.SENDING
        statement = (
            update(psa_post_log)
            .where(psa_post_log.c.id == post_id, psa_post_log.c.account_id == self._account)
            .where(psa_post_log.c.state.in_((PostState.PENDING, PostState.SENDING)))
            .values(
                state=case((sent, PostState.UNKNOWN.value), else_=PostState.FAILED.value),
                problem=problem,
                next_attempt_at=None,
                updated_at=func.clock_timestamp(),
            )
            .returning(psa_post_log.c.kind)
        )
        kind: str | None = (await self._db.execute(statement)).scalar()
        return kind

    async def bind_intervals(self, session_id: UUID, engineer: UUID, post_id: UUID) -> None:
        """Mark the engineer's confirmed intervals that no time entry covers yet as covered by this one."""
        spans = ai_session_intervals
        await self._db.execute(
            update(spans)
            .where(spans.c.session_id == session_id, spans.c.account_id == self._account)
            .where(spans.c.user_id == engineer, spans.c.confirmed.is_(True), spans.c.post_id.is_(None))
            .values(post_id=post_id)
        )

    async def elsewhere(self, session_id: UUID, engineer: UUID, since: datetime) -> tuple[Interval, ...]:
        """The engineer's counted intervals in other Sessions that ended after `since`."""
        spans = ai_session_intervals
        query = select(spans).where(
            spans.c.account_id == self._account,
            spans.c.user_id == engineer,
            spans.c.session_id != session_id,
            spans.c.confirmed.is_(True),
            spans.c.ended_at > since,
        )
        return tuple(interval_from(dict(row)) for row in (await self._db.execute(query)).mappings())

    async def unbound_intervals(self, session_id: UUID, engineer: UUID) -> set[datetime]:
        """Starts of the engineer's intervals that no time entry covers yet."""
        spans = ai_session_intervals
        query = select(spans.c.started_at).where(
            spans.c.session_id == session_id,
            spans.c.account_id == self._account,
            spans.c.user_id == engineer,
            spans.c.post_id.is_(None),
        )
        return set((await self._db.execute(query)).scalars())
