"""Transactions: every one is bound to one Account, and nothing is kept unless it ends well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import linking
from storage.accounts import Accounts
from storage.conversations import Conversations
from storage.drafts import Drafts
from storage.feedback import Feedback
from storage.inbox import Inbox
from storage.masks import SessionMasks
from storage.migrate import sqlalchemy_url
from storage.outbox import Outbox
from storage.pictures import Pictures
from storage.places import Places
from storage.posts import Posts
from storage.references import References
from storage.sessions import Sessions
from storage.trees import Trees
from storage.vault import Vault


class UnsafeRole(Exception):
    """The database role could see around row-level security; the message says what to do."""


class Unit:
    """One transaction. `now` is the database's time of its beginning, moved by the store's offset."""

    def __init__(
        self, connection: AsyncConnection, vault: Vault, now: datetime, account: UUID | None
    ) -> None:
        self.connection = connection
        self.now = now
        self.account = account
        self.inbox = Inbox(connection, vault)
        self._vault = vault
        if account is not None:
            self._bind(account)

    def _bind(self, account: UUID) -> None:
        self.account = account
        self.sessions = Sessions(self.connection, account)
        self.outbox = Outbox(self.connection, account, self.now)
        self.posts = Posts(self.connection, account)
        self.places = Places(self.connection, account)
        self.accounts = Accounts(self.connection, account, self._vault)
        self.drafts = Drafts(self.connection, account, self._vault)
        self.trees = Trees(self.connection, account)
        self.conversations = Conversations(self.connection, account, self.now)
        self.masks = SessionMasks(self.connection, account, self._vault, self.now)
        self.pictures = Pictures(self.connection, account, self._vault, self.now)
        self.references = References(self.connection, account)
        self.feedback = Feedback(self.connection, account, self._vault)

    async def enter(self, account: UUID) -> None:
        """Bind the rest of this transaction to the Account; it cannot be changed to another one."""
        if self.account is not None and self.account != account:
            raise ValueError("a transaction belongs to one account")
        await self.connection.execute(ENTER, {"account": str(account)})
        self._bind(account)

    async def identity(self, platform: str, workspace: str, external_id: str) -> tuple[UUID, UUID] | None:
        """(account, user) of someone on a platform; works before an account is known."""
        query = text("select account_id, user_id from fp_identity(:platform, :workspace, :external_id)")
        given = {"platform": platform, "workspace": workspace, "external_id": external_id}
        row = (await self.connection.execute(query, given)).first()
        return (row.account_id, row.user_id) if row else None

    async def workspace(self, platform: str, external_id: str) -> linking.Workspace | None:
        """Where somebody writes from; works before an account is known, and does not bind this transaction to it."""
        return await linking.find(self.connection, self._vault, platform, external_id)

    async def redeem(self, platform: str, external_id: str, code: str) -> UUID | None:
        """The Account that the workspace belongs to from now on; this transaction is not bound to it by that.

        None where the code is unknown, used or too old. Raises linking.WorkspaceTaken, and LookupError where
        nobody installed the workspace.
        """
        return await linking.redeem(self.connection, platform, external_id, code)


# The limit belongs to the transaction, not to the connection: a proxy may hand that to somebody else.
BEGUN = text(
    "select set_config('app.account_id', :account, true), "
    "set_config('idle_in_transaction_session_timeout', :still, true), now() as now"
)
ENTER = text("select set_config('app.account_id', :account, true)")


class Store:
    """The database as the application's role sees it.

    `offset` moves its clock, for practice and tests: what is due follows it, leases keep to the real time.
    `still`: how long a transaction may wait for this process. The database ends one that stands still longer,
    because its locks would hold up everybody else's work on the same rows until the process goes on.
    """

    def __init__(
        self,
        url: str,
        vault: Vault,
        *,
        offset: timedelta = timedelta(),
        pool_size: int = 10,
        still: timedelta = timedelta(seconds=10),
    ) -> None:
        # Prepared statements are off so that a transaction-pooling proxy may stand in between.
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=False,
            connect_args={"prepare_threshold": None, "connect_timeout": 5},
        )
        self.url = url
        self.vault = vault
        self.offset = offset
        self._still = str(int(still.total_seconds() * 1000))

    @asynccontextmanager
    async def transaction(self, account: UUID | None = None) -> AsyncIterator[Unit]:
        """Commits at the end, rolls back on any exception."""
        async with self.engine.begin() as connection:
            given = {"account": str(account) if account else "", "still": self._still}
            row = (await connection.execute(BEGUN, given)).one()
            yield Unit(connection, self.vault, row.now + self.offset, account)

    async def rows(self, query: str, **given: Any) -> list[Any]:
        """What one of the functions that need no account returns."""
        async with self.engine.begin() as connection:
            return list((await connection.execute(text(query), given)).all())

    async def refuse_unsafe_role(self) -> None:
        """Raises UnsafeRole for a superuser, a role with BYPASSRLS, or the owner of the tables."""
        async with self.engine.begin() as connection:
            row = (await connection.execute(text(ROLE))).one()
        for unsafe, what in (
            (row.rolsuper, "is a superuser"),
            (row.rolbypassrls, "has BYPASSRLS"),
            (row.owns, "owns the tables"),
        ):
            if unsafe:
                raise UnsafeRole(
                    f"The database role in DATABASE_URL {what}, so accounts would not be kept apart. "
                    "Use a plain role there and the owner in DATABASE_OWNER_URL, then run `flowpilot migrate`."
                )

    async def close(self) -> None:
        await self.engine.dispose()


ROLE = """
select r.rolsuper, r.rolbypassrls,
       exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'public' and c.relkind = 'r' and pg_has_role(c.relowner, 'member')) as owns
from pg_roles r where r.rolname = current_user
"""
