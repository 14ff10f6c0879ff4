"""The inbox: what came in, remembered before it is acknowledged, seen once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.ports import Received, Unreadable
from storage.tables import inbox
from storage.vault import KeysUnusable, Vault

WAITS = {1: 1, 2: 5, 3: 20}
"""Seconds until a row is tried again, by how often it failed."""
LONGEST_WAIT = 60


class Inbox:
    """Rows belong to no Account until somebody has looked who sent them."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._db = connection
        self._vault = vault

    async def claim(self, order_key: str) -> Received | None:
        """The oldest new row under this key, locked until the transaction ends; None if there is none, if it is put
        off (then those behind it wait too), or if somebody else is at it. Raises Unreadable, which names the row,
        where no key opens it.
        """
        head = (
            select(inbox.c.id)
            .where(inbox.c.order_key == order_key, inbox.c.state == "new")
            .order_by(inbox.c.id)
            .limit(1)
            .scalar_subquery()
        )
        # Not now(): a row that came in since this transaction began is due as well.
        due = inbox.c.due_at <= func.clock_timestamp()
        query = select(inbox).where(inbox.c.id == head, inbox.c.state == "new", due)
        query = query.with_for_update(skip_locked=True)
        row = (await self._db.execute(query)).first()
        if row is None:
            return None
        received = Received(row.id, row.platform, b"", row.received_at, row.attempts)
        try:
            return replace(received, payload=self._vault.open(row.payload))
        except KeysUnusable as wrong:
            raise Unreadable(received) from wrong

    async def done(self, row_id: int, account: UUID | None) -> None:
        await self._end(row_id, "done", "", account)

    async def failed(self, row_id: int, problem: str, *, park: bool) -> bool:
        """Count a failed attempt; it is tried again after a growing wait, or, if `park`, never.

        False when somebody closed the row meanwhile.
        """
        statement = (
            update(inbox)
            .where(inbox.c.id == row_id, inbox.c.state == "new")
            .values(
                attempts=inbox.c.attempts + 1,
                problem=problem,
                state="failed" if park else "new",
                due_at=func.clock_timestamp() + _wait(),
                done_at=func.now() if park else None,
            )
            .returning(inbox.c.id)
        )
        return (await self._db.execute(statement)).first() is not None

    async def put_off(self, row_id: int, seconds: float) -> None:
        """Not before so many seconds from now; nothing failed. What came in behind it under its key waits too."""
        until = func.clock_timestamp() + timedelta(seconds=seconds)
        statement = update(inbox).where(inbox.c.id == row_id, inbox.c.state == "new")
        await self._db.execute(statement.values(due_at=until))

    async def _end(self, row_id: int, state: str, problem: str, account: UUID | None) -> None:
        await self._db.execute(
            update(inbox)
            .where(inbox.c.id == row_id)
            .values(state=state, problem=problem, account_id=account, done_at=func.now())
        )


def _wait() -> Any:
    """The wait after the failure that is being counted."""
    waits = {failed - 1: timedelta(seconds=wait) for failed, wait in WAITS.items()}
    return case(waits, value=inbox.c.attempts, else_=timedelta(seconds=LONGEST_WAIT))
