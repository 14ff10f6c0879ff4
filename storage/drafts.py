"""Drafts: words a person gave that wait for his next click, encrypted and short-lived."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import drafts
from storage.vault import Vault


class Drafts:
    def __init__(self, connection: AsyncConnection, account: UUID, vault: Vault) -> None:
        self._db = connection
        self._account = account
        self._vault = vault

    async def keep(self, user: UUID, kind: str, content: dict[str, Any]) -> UUID:
        draft_id = uuid4()
        await self._db.execute(
            insert(drafts).values(
                id=draft_id,
                account_id=self._account,
                user_id=user,
                kind=kind,
                content=self._vault.seal(json.dumps(content).encode()),
            )
        )
        return draft_id

    async def get(self, draft_id: UUID, user: UUID) -> dict[str, Any] | None:
        """The person's own draft; None once it expired."""
        query = select(drafts.c.content).where(
            drafts.c.id == draft_id, drafts.c.account_id == self._account, drafts.c.user_id == user
        )
        row = (await self._db.execute(query)).first()
        if row is None:
            return None
        found: dict[str, Any] = json.loads(self._vault.open(row.content))
        return found

    async def latest(self, user: UUID, kind: str) -> dict[str, Any] | None:
        """The newest of this kind that the person has."""
        query = (
            select(drafts.c.content)
            .where(drafts.c.account_id == self._account, drafts.c.user_id == user, drafts.c.kind == kind)
            .order_by(drafts.c.created_at.desc())
            .limit(1)
        )
        row = (await self._db.execute(query)).first()
        if row is None:
            return None
        found: dict[str, Any] = json.loads(self._vault.open(row.content))
        return found

    async def replace(self, user: UUID, kind: str, content: dict[str, Any]) -> UUID:
        """Keep the only one of this kind; what was there before goes."""
        await self.drop(user, kind)
        return await self.keep(user, kind, content)

    async def drop(self, user: UUID, *kinds: str) -> None:
        await self._db.execute(
            delete(drafts).where(
                drafts.c.account_id == self._account, drafts.c.user_id == user, drafts.c.kind.in_(kinds)
            )
        )
