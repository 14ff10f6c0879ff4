"""Shares one PSA tenant's budget of requests between all processes on Redis, or keeps it here without."""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.psa import PsaBusy

WINDOW = 60.0
_SHORTEST_LOOK, _LONGEST_LOOK = 0.02, 0.25
# 0: the slot is taken. -1: all slots are in use. Otherwise: milliseconds until there is room in the minute.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local hold = redis.call('PTTL', KEYS[3])
if hold > 0 then return hold end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[5])
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return math.max(1, oldest[2] + ARGV[5] - now)
end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return -1 end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 0
"""


@dataclass(slots=True)
class Budget:
    """One tenant's budget inside this process; times are seconds of one steady clock."""

    per_minute: int
    in_flight: int
    starts: deque[float] = field(default_factory=deque)
    flying: int = 0
    hold_until: float = 0.0

    def take(self, now: float) -> float | None:
        """None when a request may start now (give it back with `release`), else seconds to wait at least."""
        while self.starts and self.starts[0] <= now - WINDOW:
            self.starts.popleft()
        if now < self.hold_until:
            return self.hold_until - now
        if len(self.starts) >= self.per_minute:
            return self.starts[0] + WINDOW - now
        if self.flying >= self.in_flight:
            return 0.0
        self.starts.append(now)
        self.flying += 1
        return None

    def release(self) -> None:
        self.flying -= 1


class LocalLimiter:
    """The limits for one process; raises PsaBusy when a slot stays out of reach for `max_wait` seconds."""

    def __init__(
        self,
        *,
        per_minute: int = 900,
        in_flight: int = 8,
        max_wait: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = (per_minute, in_flight)
        self._max_wait = max_wait
        self._clock = clock
        self._budgets: dict[str, Budget] = {}

    @asynccontextmanager
    async def slot(self, tenant: str) -> AsyncIterator[None]:
        await self.enter(tenant, self._max_wait)
        try:
            yield
        finally:
            self.leave(tenant)

    async def enter(self, tenant: str, max_wait: float) -> None:
        async def take() -> float | None:
            return self._of(tenant).take(self._clock())

        await _wait_for_room(take, max_wait)

    def leave(self, tenant: str) -> None:
        self._of(tenant).release()

    async def pause(self, tenant: str, seconds: float) -> None:
        budget = self._of(tenant)
        budget.hold_until = max(budget.hold_until, self._clock() + seconds)

    def _of(self, tenant: str) -> Budget:
        return self._budgets.setdefault(tenant, Budget(*self._limits))


class RedisLimiter:
    """The limits for all processes together.

    A slot ends by itself after `slot_seconds` (more than the longest request): a killed process keeps none.
    Each word with Redis may take `redis_seconds`. While Redis is away, each process keeps to the smaller
    `alone` limits, because it cannot see the others, and asks Redis again after `away_seconds`.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        per_minute: int = 900,
        in_flight: int = 8,
        max_wait: float = 10.0,
        slot_seconds: float = 90.0,
        redis_seconds: float = 0.25,
        away_seconds: float = 5.0,
        alone: LocalLimiter | None = None,
        prefix: str = "flowpilot:psa",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._take = redis.register_script(_TAKE)
        self._limits = (per_minute, in_flight)
        self._max_wait = max_wait
        self._slot_ms = int(slot_seconds * 1000)
        self._redis_seconds = redis_seconds
        self._away_seconds = away_seconds
        self._alone = alone or LocalLimiter(
            per_minute=max(1, per_minute // 3), in_flight=max(1, in_flight // 2)
        )
        self._prefix = prefix
        self._clock = clock
        self._away_until = -math.inf

    @asynccontextmanager
    async def slot(self, tenant: str) -> AsyncIterator[None]:
        token = uuid4().hex
        ends = self._clock() + self._max_wait
        shared = await self._enter(tenant, token)
        if not shared:
            await self._alone.enter(tenant, max(ends - self._clock(), 0.0))
        try:
            yield
        finally:
            if shared:
                # If this is lost, the slot ends by itself.
                await self._ask(lambda: self._redis.zrem(self._keys(tenant)[0], token))
            else:
                self._alone.leave(tenant)

    async def pause(self, tenant: str, seconds: float) -> None:
        await self._alone.pause(tenant, seconds)
        wait = max(1, int(seconds * 1000))
        await self._ask(lambda: self._redis.set(self._keys(tenant)[2], "1", px=wait))

    async def _enter(self, tenant: str, token: str) -> bool:
        """True with a slot on Redis, False when Redis is away."""
        per_minute, in_flight = self._limits
        args: list[str | int] = [token, per_minute, in_flight, self._slot_ms, int(WINDOW * 1000)]
        away = False

        async def take() -> float | None:
            nonlocal away
            answer = await self._ask(lambda: self._take(keys=self._keys(tenant), args=args))
            away = answer is None
            if away or answer == 0:
                return None
            return max(float(answer), 0.0) / 1000

        await _wait_for_room(take, self._max_wait)
        return not away

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """Redis's answer, or None while it is away."""
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._redis_seconds):
                return await question()
        except (RedisError, OSError, TimeoutError):
            self._away_until = self._clock() + self._away_seconds
            return None

    def _keys(self, tenant: str) -> list[str]:
        # One hash tag, so that a cluster keeps the three together.
        name = hashlib.sha256(tenant.encode()).hexdigest()[:24]
        return [f"{self._prefix}:{{{name}}}:{part}" for part in ("flying", "starts", "hold")]


async def _wait_for_room(take: Callable[[], Awaitable[float | None]], max_wait: float) -> None:
    """Asks until there is room; at once gives up when the wait is known to be too long."""
    clock = asyncio.get_running_loop().time
    ends, look = clock() + max_wait, _SHORTEST_LOOK
    while (wait := await take()) is not None:
        left = ends - clock()
        if wait > left or left <= 0:
            raise PsaBusy(
                "FlowPilot is sending as much as ConnectWise allows.",
                retry_after=max(wait, 1.0),
                outcome="not_done",
            )
        # Spread out, so that many waiting processes do not ask in step.
        await asyncio.sleep(min(max(wait, look * random.uniform(0.5, 1.0)), left))  # noqa: S311 - no secret hangs on it
        look = min(look * 2, _LONGEST_LOOK)
