"""An Account's own Flows as they are stored: YAML text under an id."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.library import FlowText
from storage.tables import trees


class Trees:
    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account

    async def texts(self) -> tuple[FlowText, ...]:
        query = select(trees.c.id, trees.c.source).where(trees.c.account_id == self._account)
        return tuple(FlowText(r.id, r.source) for r in await self._db.execute(query.order_by(trees.c.id)))

    async def listed(self) -> tuple[tuple[str, str, str, datetime], ...]:
        """(id, title, state, changed at) of each."""
        query = select(trees).where(trees.c.account_id == self._account).order_by(trees.c.id)
        return tuple((r.id, r.title, r.state, r.updated_at) for r in await self._db.execute(query))

    async def keep(self, flow_id: str, title: str, state: str, source: str) -> None:
        values: dict[str, Any] = {"title": title, "state": state, "source": source}
        statement = insert(trees).values(id=flow_id, account_id=self._account, **values)
        changed = {**values, "updated_at": func.now()}
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["account_id", "id"], set_=changed)
        )

    async def remove(self, flow_id: str) -> bool:
        statement = (
            delete(trees)
            .where(trees.c.id == flow_id, trees.c.account_id == self._account)
            .returning(trees.c.id)
        )
        return (await self._db.execute(statement)).first() is not None
