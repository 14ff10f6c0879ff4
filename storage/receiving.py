"""Remembers what came in with one raw insert: the acknowledgement waits for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from storage.vault import Vault

LARGE = 128 * 1024
TOGETHER = 64
"""Rows that one statement inserts at most."""
SECONDS = 2.0
"""How long the database may take for them. It is told to stop then, so that what was refused is not kept after all."""
IDENTITY = "select account_id, user_id from fp_identity(%s, %s, %s)"
# A network that swallows packets must not hold the only writer until the system gives up by itself.
TCP = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 5000}


@dataclass(frozen=True, slots=True)
class _Row:
    """What waits to be inserted; `new` says whether it was, or why it could not be."""

    platform: str
    unique_key: str
    order_key: str
    sealed: bytes
    new: asyncio.Future[bool] = field(compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.platform, self.unique_key

    @property
    def values(self) -> tuple[str, str, str, bytes]:
        return self.platform, self.unique_key, self.order_key, self.sealed


class Receiving:
    """A small pool of raw connections. Open it before use.

    Whatever arrives while an insert is under way goes into the next one: many rows then share one commit, and each
    is still acknowledged after the commit that holds it.
    """

    def __init__(self, url: str, vault: Vault, *, size: int = 4, seconds: float = SECONDS) -> None:
        self._vault = vault
        self._seconds = seconds
        self._waiting: list[_Row] = []
        self._writer: asyncio.Task[None] | None = None
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            url.replace("postgresql+psycopg://", "postgresql://"),
            min_size=1,
            max_size=size,
            open=False,
            timeout=5,
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 5, **TCP},
        )

    async def open(self) -> None:
        await self._pool.open(wait=True, timeout=10)

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await self._pool.close()

    async def remember(self, platform: str, unique_key: str, order_key: str, payload: bytes) -> bool:
        """Whether it is new. It is committed when this returns; a duplicate changes nothing."""
        new: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if len(payload) > LARGE:
            # Encrypting megabytes holds the loop for tens of milliseconds; a click's few bytes do not.
            sealed = await asyncio.to_thread(self._vault.seal, payload)
            row = _Row(platform, unique_key, order_key, sealed, new)
            return row.key in await self._inserted([row])
        self._waiting.append(_Row(platform, unique_key, order_key, self._vault.seal(payload), new))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="inbox writer")
        return await new

    async def identity(self, platform: str, workspace: str, external_id: str) -> tuple[UUID, UUID] | None:
        """(account, user) of someone active on a platform, with one query and no transaction around it."""
        async with asyncio.timeout(self._seconds):
            found = await self._rows(IDENTITY, (platform, workspace, external_id))
        return (found[0][0], found[0][1]) if found else None

    async def _write(self) -> None:
        """Everything that waits, a statement at a time; ends when nothing does."""
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                # Who has given up was told that nothing is kept.
                await self._settle([row for row in taken if not row.new.done()])
        finally:
            self._writer = None
            left, self._waiting = self._waiting, []
            for row in left:
                row.new.cancel()

    async def _settle(self, rows: Sequence[_Row]) -> None:
        """Tell everyone who waits what became of his row. What one row cannot do does not fail the others."""
        if not rows:
            return
        try:
            async with asyncio.timeout(self._seconds):
                inserted = await self._inserted(rows)
        except (psycopg.DataError, psycopg.IntegrityError, UnicodeError) as failure:
            if len(rows) == 1:
                _fail(rows, failure)
            for row in rows if len(rows) > 1 else ():
                await self._settle([row])
        except asyncio.CancelledError:
            for row in rows:
                row.new.cancel()
            raise
        except Exception as failure:  # noqa: BLE001 - raised again in each of those who wait
            _fail(rows, failure)
        else:
            for row in rows:
                if not row.new.done():
                    row.new.set_result(row.key in inserted)
                    # Of two equal ones in one statement the first is new.
                    inserted.discard(row.key)

    async def _inserted(self, rows: Sequence[_Row]) -> set[tuple[str, str]]:
        """The keys of those that are new.

        RETURNING decides, because the row count of an insert that met a conflict is not reliable.
        """
        given = [value for row in rows for value in row.values]
        return {(row[0], row[1]) for row in await self._rows(_insert(len(rows)), given)}

    async def _rows(self, query: LiteralString, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Asked a second time where the connection had gone stale in the pool. Both queries may be."""
        async with self._pool.connection() as connection:
            try:
                return await (await connection.execute(query, given)).fetchall()
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
        await self._pool.check()
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, given)).fetchall()


def _fail(rows: Sequence[_Row], failure: Exception) -> None:
    for row in rows:
        if not row.new.done():
            row.new.set_exception(failure)


@lru_cache(maxsize=TOGETHER)
def _insert(rows: int) -> LiteralString:
    values = ", ".join(["(%s, %s, %s, %s)"] * rows)
    return (
        f"insert into inbox (platform, unique_key, order_key, payload) values {values} "  # noqa: S608 - only marks
        "on conflict (platform, unique_key) do nothing returning platform, unique_key"
    )


AWAY = (psycopg.OperationalError, PoolTimeout, PoolClosed, OSError, TimeoutError)
"""What `remember` raises while the database cannot be reached."""
