"""The outbox: effects owed, in order, per subject and lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.effects import Lane, Owed, from_row, to_row
from engine.ports import Hold, Lease, OwedRow
from storage.tables import lanes, outbox

UNSENT = "unsent"
"""The problem of a row whose last attempt certainly sent nothing."""


class Outbox:
    """`now` is the transaction's time: it decides what is due. Leases go by the database's own."""

    def __init__(self, connection: AsyncConnection, account: UUID, now: datetime) -> None:
        self._db = connection
        self._account = account
        self._now = now

    async def owe(self, subject: UUID, effects: Sequence[Owed]) -> None:
        """Append effects in order. One that coalesces and waits already is only given its new time and arguments."""
        for effect in effects:
            verb, args = to_row(effect)
            if effect.coalesce and await self._renew(subject, verb, args, effect.due):
                continue
            values: dict[str, Any] = {
                "account_id": self._account,
                "subject_id": subject,
                "lane": effect.lane.value,
                "verb": verb,
                "args": args,
                "due_at": effect.due or self._now,
            }
            await self._db.execute(insert(outbox).values(values))

    async def _renew(self, subject: UUID, verb: str, args: dict[str, object], due: datetime | None) -> bool:
        statement = (
            update(outbox)
            .where(outbox.c.subject_id == subject, outbox.c.account_id == self._account)
            .where(outbox.c.verb == verb, outbox.c.state == "owed", outbox.c.attempts == 0)
            .values(args=args, due_at=due or self._now)
            .returning(outbox.c.id)
        )
        return (await self._db.execute(statement)).first() is not None

    async def take(self, subject: UUID, lane: Lane, holder: str, length: timedelta) -> Lease | None:
        """Take the lane's lease if it is free or expired, by the database's time."""
        statement = insert(lanes).values(
            subject_id=subject,
            lane=lane.value,
            account_id=self._account,
            version=1,
            holder=holder,
            leased_until=func.now() + length,
        )
        taken = statement.on_conflict_do_update(
            index_elements=["account_id", "subject_id", "lane"],
            set_={
                "version": lanes.c.version + 1,
                "holder": holder,
                "leased_until": func.now() + length,
            },
            where=or_(lanes.c.leased_until.is_(None), lanes.c.leased_until < func.now()),
        ).returning(lanes.c.version)
        row = (await self._db.execute(taken)).first()
        return Lease(self._account, subject, lane, row.version, holder) if row else None

    async def renew(self, lease: Lease, length: timedelta) -> bool:
        """Prolong a lease that is still ours and not expired."""
        return await self._touch(lease, {"leased_until": func.now() + length})

    async def release(self, lease: Lease) -> bool:
        return await self._touch(lease, {"leased_until": None, "holder": None})

    async def fence(self, lease: Lease) -> bool:
        """Hold the lane's row if the lease is still ours; the transaction must end if it is not."""
        return await self._touch(lease, {"holder": lease.holder})

    async def _touch(self, lease: Lease, values: dict[str, Any]) -> bool:
        # clock_timestamp: now() is the beginning of the transaction, which may have waited for a lock.
        statement = (
            update(lanes)
            .where(lanes.c.subject_id == lease.subject, lanes.c.lane == lease.lane.value)
            .where(lanes.c.account_id == self._account, lanes.c.version == lease.version)
            .where(lanes.c.leased_until > func.clock_timestamp())
            .values(values)
            .returning(lanes.c.version)
        )
        return (await self._db.execute(statement)).first() is not None

    async def next_owed(self, lease: Lease) -> OwedRow | None:
        """The first effect that is due, its attempt counted. One that failed and waits holds the ones behind it."""
        head = (
            select(outbox.c.id, outbox.c.problem, (outbox.c.due_at <= self._now).label("due"))
            .where(outbox.c.subject_id == lease.subject, outbox.c.lane == lease.lane.value)
            .where(outbox.c.account_id == self._account, outbox.c.state == "owed")
            .where(or_(outbox.c.due_at <= self._now, outbox.c.attempts > 0))
            .order_by(outbox.c.id)
            .limit(1)
        )
        found = (await self._db.execute(head)).first()
        if found is None or not found.due:
            return None
        counted = (
            update(outbox)
            .where(outbox.c.id == found.id, outbox.c.state == "owed")
            # It may have been given another time since it was looked up.
            .where(outbox.c.due_at <= self._now)
            .values(attempts=outbox.c.attempts + 1, problem="")
            .returning(outbox)
        )
        row = (await self._db.execute(counted)).first()
        if row is None:
            return None
        effect = from_row(row.verb, row.args, row.due_at)
        return OwedRow(row.id, effect, row.attempts, row.created_at, found.problem == UNSENT)

    async def end(self, row_id: int, state: str = "done", problem: str = "") -> bool:
        """Close a row as `done`, `parked` or `void`; False when it was closed before."""
        statement = (
            update(outbox)
            .where(outbox.c.id == row_id, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed")
            .values(state=state, problem=problem, done_at=func.now())
            .returning(outbox.c.id)
        )
        return (await self._db.execute(statement)).first() is not None

    async def again(
        self, row_id: int, due: datetime, problem: str = "", *, failed: bool = True, hold: Hold = ""
    ) -> None:
        """Owe it again at `due`. One that did not fail but waits starts its attempts anew and holds nobody up;
        with `hold` it keeps what stands behind it waiting.
        """
        values: dict[str, Any] = {"due_at": due, "problem": problem}
        if not failed:
            values |= {"attempts": 1 if hold else 0, "problem": hold}
        await self._db.execute(
            update(outbox)
            .where(outbox.c.id == row_id, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed")
            .values(values)
        )

    async def waiting(self, subject: UUID) -> list[tuple[Lane, datetime]]:
        """Which lanes have something owed, and when each can go on: what stands behind a failed effect, or one
        under way, waits for that one.
        """
        held = (
            select(func.min(outbox.c.id))
            .where(outbox.c.subject_id == subject, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed", outbox.c.attempts > 0)
        )
        front = outbox.alias()
        first = held.where(outbox.c.lane == front.c.lane).scalar_subquery()
        query = (
            select(front.c.lane, func.min(front.c.due_at).label("due"))
            .where(front.c.subject_id == subject, front.c.account_id == self._account)
            .where(front.c.state == "owed", front.c.id <= func.coalesce(first, front.c.id))
            .group_by(front.c.lane)
        )
        return [(Lane(row.lane), row.due) for row in await self._db.execute(query)]
