"""The budget of requests: a minute's worth, so many at once, shared by processes, safe when Redis is away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from engine.psa import PsaBusy
from storage.limiter import Budget, LocalLimiter, RedisLimiter


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def tenant() -> str:
    return f"api-na.example/{uuid4()}"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listener_that_never_answers() -> AsyncIterator[int]:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def generous(redis: Redis, **limits: float) -> RedisLimiter:
    """A limiter that waits for a slow test machine rather than believing Redis away."""
    return RedisLimiter(redis, redis_seconds=10, **limits)  # type: ignore[arg-type]


async def most_at_once(limiters: list[LocalLimiter] | list[RedisLimiter], tenant: str, tasks: int) -> int:
    flying = peak = 0

    async def work(number: int) -> None:
        nonlocal flying, peak
        async with limiters[number % len(limiters)].slot(tenant):
            flying += 1
            peak = max(peak, flying)
            await asyncio.sleep(0.01)
            flying -= 1

    await asyncio.gather(*(work(number) for number in range(tasks)))
    return peak


def test_a_minute_holds_so_many_starts_and_then_says_how_long_to_wait() -> None:
    budget = Budget(per_minute=2, in_flight=9)
    assert [budget.take(0.0), budget.take(20.0)] == [None, None]
    assert budget.take(30.0) == 30.0
    assert budget.take(60.0) is None


def test_so_many_fly_at_once_and_a_landing_makes_room() -> None:
    budget = Budget(per_minute=9, in_flight=1)
    assert budget.take(0.0) is None
    assert budget.take(1.0) == 0.0
    budget.release()
    assert budget.take(2.0) is None


def test_a_hold_lasts_its_time() -> None:
    budget = Budget(per_minute=9, in_flight=9, hold_until=30.0)
    assert budget.take(10.0) == 20.0
    assert budget.take(30.0) is None


async def test_one_process_alone_keeps_to_the_limit_and_gives_slots_back(tenant: str) -> None:
    limiter = LocalLimiter(in_flight=3, max_wait=60)
    assert await most_at_once([limiter], tenant, 12) == 3
    assert await most_at_once([limiter], tenant, 3) == 3


async def test_two_processes_share_the_slots_of_one_tenant(redis_url: str, redis: Redis, tenant: str) -> None:
    other = Redis.from_url(redis_url)
    limiters = [generous(each, in_flight=3, max_wait=60) for each in (redis, other)]
    assert await most_at_once(limiters, tenant, 16) == 3
    await other.aclose()


async def test_two_processes_share_the_minute_of_one_tenant_only(redis: Redis, tenant: str) -> None:
    one, two = generous(redis, per_minute=3), generous(redis, per_minute=3)
    for limiter in (one, two, one):
        async with limiter.slot(tenant):
            pass
    with pytest.raises(PsaBusy) as refused:
        async with two.slot(tenant):
            pass
    assert refused.value.outcome == "not_done"
    assert refused.value.retry_after is not None
    assert 10 < refused.value.retry_after <= 60
    async with two.slot(tenant + "-other"):
        pass


async def test_a_killed_process_loses_its_slot_after_a_while_and_a_living_one_does_not(
    redis: Redis, tenant: str
) -> None:
    killed = generous(redis, in_flight=2, slot_seconds=1.0).slot(tenant)
    await killed.__aenter__()
    living = generous(redis, in_flight=2, max_wait=60)
    async with living.slot(tenant):
        with pytest.raises(PsaBusy):
            async with generous(redis, in_flight=2, max_wait=0).slot(tenant):
                pass
        async with living.slot(tenant):
            assert await redis.zcard(living._keys(tenant)[0]) == 2


async def test_starts_of_the_minute_before_are_forgotten(redis: Redis, tenant: str) -> None:
    limiter = generous(redis, per_minute=2, max_wait=0)
    seconds, _ = await redis.time()
    starts = limiter._keys(tenant)[1]
    await redis.zadd(starts, {"old": (seconds - 61) * 1000, "older": (seconds - 62) * 1000})
    async with limiter.slot(tenant):
        assert await redis.zcard(starts) == 1


async def test_a_slot_is_given_back_when_the_work_fails_or_is_cancelled(redis: Redis, tenant: str) -> None:
    limiter = generous(redis, in_flight=1, max_wait=0)
    with pytest.raises(ZeroDivisionError):
        async with limiter.slot(tenant):
            raise ZeroDivisionError
    entered = asyncio.Event()

    async def work() -> None:
        async with limiter.slot(tenant):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with limiter.slot(tenant):
        pass


async def test_a_pause_holds_every_process_at_once(redis: Redis, tenant: str) -> None:
    await generous(redis).pause(tenant, 30)
    with pytest.raises(PsaBusy) as refused:
        async with generous(redis, max_wait=5).slot(tenant):
            pass
    assert refused.value.retry_after is not None
    assert 10 < refused.value.retry_after <= 30


async def test_a_short_pause_is_waited_out(redis: Redis, tenant: str) -> None:
    limiter = generous(redis, max_wait=60)
    await limiter.pause(tenant, 0.2)
    async with limiter.slot(tenant):
        assert await redis.exists(*limiter._keys(tenant)[2:]) == 0


async def test_without_redis_the_process_keeps_to_its_own_smaller_limit(tenant: str) -> None:
    redis = Redis(port=closed_port())
    limiter = RedisLimiter(redis, in_flight=8, alone=LocalLimiter(in_flight=2, max_wait=60), max_wait=60)
    assert await most_at_once([limiter], tenant, 8) == 2
    await limiter.pause(tenant, 30)
    with pytest.raises(PsaBusy):
        async with RedisLimiter(redis, alone=limiter._alone, max_wait=0).slot(tenant):
            pass
    await redis.aclose()


async def test_a_redis_that_hangs_counts_as_away(tenant: str) -> None:
    async with listener_that_never_answers() as port:
        redis = Redis(port=port)
        limiter = RedisLimiter(redis, redis_seconds=0.05, away_seconds=600)
        async with limiter.slot(tenant), limiter.slot(tenant):
            assert limiter._alone._of(tenant).flying == 2
        assert limiter._alone._of(tenant).flying == 0
        await redis.aclose()


async def test_redis_is_asked_again_when_it_may_be_back(redis_url: str, tenant: str) -> None:
    now = 0.0
    away, back = Redis(port=closed_port()), Redis.from_url(redis_url)
    limiter = RedisLimiter(away, redis_seconds=10, away_seconds=5, clock=lambda: now)
    async with limiter.slot(tenant):
        assert limiter._alone._of(tenant).flying == 1
    away.connection_pool = back.connection_pool
    async with limiter.slot(tenant):
        assert limiter._alone._of(tenant).flying == 1
    now = 5.0
    async with limiter.slot(tenant):
        assert limiter._alone._of(tenant).flying == 0
        assert await back.zcard(limiter._keys(tenant)[0]) == 1
    await back.aclose()
