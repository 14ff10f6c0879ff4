"""The inbox: what came in, remembered before it is acknowledged, seen once."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.ports import Received, Unreadable
from storage.tables import inbox
from storage.vault import KeysUnusable, Vault


class Inbox:
    """Rows belong to no Account until somebody has looked who sent them."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._db = connection
        self._vault = vault

    async def claim(self, order_key: str) -> Received | None:
        """The oldest new row under this key, locked until the transaction ends; None if there is none or
        somebody else is at it. Raises Unreadable, which names the row, where no key opens it.
        """
        head = (
            select(inbox.c.id)
            .where(inbox.c.order_key == order_key, inbox.c.state == "new")
            .order_by(inbox.c.id)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(inbox).where(inbox.c.id == head, inbox.c.state == "new").with_for_update(skip_locked=True)
        )
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
        """Count a failed attempt; `park`: it is not tried again. False when somebody closed the row meanwhile."""
        statement = (
            update(inbox)
            .where(inbox.c.id == row_id, inbox.c.state == "new")
            .values(
                attempts=inbox.c.attempts + 1,
                problem=problem,
                state="failed" if park else "new",
                done_at=func.now() if park else None,
            )
            .returning(inbox.c.id)
        )
        return (await self._db.execute(statement)).first() is not None

    async def _end(self, row_id: int, state: str, problem: str, account: UUID | None) -> None:
        await self._db.execute(
            update(inbox)
            .where(inbox.c.id == row_id)
            .values(state=state, problem=problem, account_id=account, done_at=func.now())
        )
