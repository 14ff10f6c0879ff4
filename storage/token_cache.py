"""Keeps tokens on Redis for all processes of one installation, sealed; without Redis each process fetches its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from storage.vault import KeysUnusable, Vault

log = logging.getLogger("flowpilot.tokens")
_LONGEST = 86_400.0


class RedisTokenCache:
    """Tokens by name. Neither name nor token is readable on Redis, and one that was moved to another name is not taken.

    `clock`: epoch seconds. Each word with Redis may take `redis_seconds`.
    """

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        *,
        redis_seconds: float = 0.25,
        prefix: str = "flowpilot:token",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._seconds = redis_seconds
        self._prefix = prefix
        self._clock = clock

    async def get(self, name: str) -> tuple[str, float] | None:
        """The token and the epoch second at which it ends; None where there is none, or Redis is away."""
        try:
            async with asyncio.timeout(self._seconds):
                sealed = await self._redis.get(self._key(name))
        except (RedisError, OSError, TimeoutError) as away:
            log.info("shared tokens cannot be read: %s", type(away).__name__)
            return None
        if not sealed:
            return None
        try:
            kept, token, expires = json.loads(self._vault.open(_bytes(sealed)))
        except (KeysUnusable, ValueError, TypeError):
            return None  # of an older key, or somebody else's: it is fetched again and overwritten
        if kept != name or not isinstance(token, str) or not isinstance(expires, (int, float)):
            return None
        return (token, float(expires)) if expires > self._clock() else None

    async def put(self, name: str, token: str, expires: float) -> None:
        """Keep it until it ends. Where Redis is away nothing is kept."""
        lives = min(expires - self._clock(), _LONGEST)
        if lives <= 0:
            return
        sealed = self._vault.seal(json.dumps([name, token, expires]).encode())
        try:
            async with asyncio.timeout(self._seconds):
                await self._redis.set(self._key(name), sealed, px=max(1, int(lives * 1000)))
        except (RedisError, OSError, TimeoutError) as away:
            log.info("shared tokens cannot be written: %s", type(away).__name__)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{hashlib.sha256(name.encode()).hexdigest()}"


def _bytes(sealed: object) -> bytes:
    return sealed if isinstance(sealed, bytes) else str(sealed).encode()
