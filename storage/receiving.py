"""Remembers what came in with one raw insert: the acknowledgement waits for nothing else."""

from __future__ import annotations

import asyncio

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from storage.vault import Vault

LARGE = 128 * 1024
REMEMBER = """
insert into inbox (platform, unique_key, order_key, payload) values (%s, %s, %s, %s)
on conflict (platform, unique_key) do nothing returning id
"""


class Receiving:
    """A small pool of raw connections. Open it before use."""

    def __init__(self, url: str, vault: Vault, *, size: int = 4) -> None:
        self._vault = vault
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            url.replace("postgresql+psycopg://", "postgresql://"),
            min_size=1,
            max_size=size,
            open=False,
            timeout=5,
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 5},
        )

    async def open(self) -> None:
        await self._pool.open(wait=True, timeout=10)

    async def close(self) -> None:
        await self._pool.close()

    async def remember(self, platform: str, unique_key: str, order_key: str, payload: bytes) -> bool:
        """Whether it is new. It is committed when this returns; a duplicate changes nothing."""
        # Encrypting megabytes holds the loop for tens of milliseconds; a click's few bytes do not.
        large = len(payload) > LARGE
        sealed = await asyncio.to_thread(self._vault.seal, payload) if large else self._vault.seal(payload)
        async with self._pool.connection() as connection:
            cursor = await connection.execute(REMEMBER, (platform, unique_key, order_key, sealed))
            # RETURNING decides, because the row count of an insert that met a conflict is not reliable.
            return await cursor.fetchone() is not None
