"""Tokens on a real Redis: shared, sealed, gone when they end, and missed by nobody when Redis is away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from storage.token_cache import RedisTokenCache
from storage.vault import Vault, new_key

VAULT = Vault([new_key()])
TOKEN = "practice.token"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def name() -> str:
    return f"https://login.example/{uuid4()}"


def generous(redis: Redis, vault: Vault = VAULT) -> RedisTokenCache:
    """One that waits for a slow test machine rather than believing Redis away."""
    return RedisTokenCache(redis, vault, redis_seconds=10)


async def raw(redis: Redis) -> dict[Any, Any]:
    return {key: await redis.get(key) async for key in redis.scan_iter("flowpilot:token:*")}


async def test_what_one_process_keeps_another_finds(redis: Redis, redis_url: str, name: str) -> None:
    expires = time.time() + 3600
    await generous(redis).put(name, TOKEN, expires)
    other = Redis.from_url(redis_url, decode_responses=True)
    assert await generous(other).get(name) == (TOKEN, expires)
    await other.aclose()
    assert await generous(redis).get(f"{name}/other") is None


async def test_neither_name_nor_token_can_be_read_on_redis(redis: Redis, name: str) -> None:
    await generous(redis).put(name, TOKEN, time.time() + 3600)
    everything = repr(await raw(redis))
    assert name not in everything
    assert TOKEN not in everything


async def test_it_ends_on_redis_when_the_token_does(redis: Redis, name: str) -> None:
    cache = generous(redis)
    await cache.put(name, TOKEN, time.time() + 100)
    assert 0 < await redis.pttl(cache._key(name)) <= 100_000
    await cache.put(f"{name}/over", TOKEN, time.time() - 1)
    assert await cache.get(f"{name}/over") is None
    late = RedisTokenCache(redis, VAULT, redis_seconds=10, clock=lambda: time.time() + 200)
    assert await late.get(name) is None


async def test_a_token_moved_to_another_name_is_not_taken(redis: Redis, name: str) -> None:
    cache = generous(redis)
    await cache.put(name, TOKEN, time.time() + 3600)
    await redis.copy(cache._key(name), cache._key("another app"))
    assert await cache.get("another app") is None


@pytest.mark.parametrize(
    "found",
    [b"", b"nonsense", VAULT.seal(b"nonsense"), VAULT.seal(json.dumps([1]).encode())],
    ids=["empty", "not sealed", "not JSON", "no object"],
)
async def test_what_cannot_be_read_is_none_and_is_overwritten(redis: Redis, name: str, found: bytes) -> None:
    cache = generous(redis)
    await redis.set(cache._key(name), found)
    assert await cache.get(name) is None
    await cache.put(name, TOKEN, time.time() + 3600)
    assert await cache.get(name) is not None


async def test_a_token_under_a_key_that_is_gone_is_none(redis: Redis, name: str) -> None:
    await generous(redis, Vault([new_key()])).put(name, TOKEN, time.time() + 3600)
    assert await generous(redis).get(name) is None


async def test_without_redis_there_is_no_token_and_no_failure(name: str) -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0")
    cache = RedisTokenCache(away, VAULT)
    await cache.put(name, TOKEN, time.time() + 3600)
    assert await cache.get(name) is None
    await away.aclose()


async def test_a_redis_that_does_not_answer_costs_a_moment_only(name: str) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    away = Redis.from_url(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    cache = RedisTokenCache(away, VAULT, redis_seconds=0.05)
    async with asyncio.timeout(5):
        assert await cache.get(name) is None
        await cache.put(name, TOKEN, time.time() + 3600)
    server.close()
    await away.aclose()
