"""The worker on real PostgreSQL and Valkey: rings, sweeps, slots, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from redis import Redis
from rq import Callback, Queue
from rq.serializers import DefaultSerializer, JSONSerializer

from bot.bells import QUEUE, LocalBell, RedisBell
from bot.jobs import Worker
from engine.effects import Lane
from engine.ports import OwedRow
from storage.receiving import Receiving
from storage.store import Store
from storage.vault import Vault, new_key
from tests.bot.bare_desk import desk_of, show
from tests.bot.waiting import until
from tests.conftest import Database

CLONE = Path(__file__).resolve().parents[2]
NEVER = 3600.0


@dataclass(frozen=True, slots=True)
class World:
    """One account on a database of its own, and what came of its effects."""

    database: Database
    redis_url: str
    key: str
    store: Store
    receiving: Receiving
    account: UUID

    async def owe(self, subject: UUID) -> None:
        async with self.store.transaction(self.account) as unit:
            await unit.outbox.owe(subject, (show(subject),))

    async def hear(self, subject: UUID) -> str:
        """A word comes in; its order key."""
        order, payload = f"test:{subject}", f"{self.account} {subject}".encode()
        await self.receiving.remember("test", uuid4().hex, order, payload)
        return order

    async def outbox(self) -> Counter[str]:
        return Counter(row[0] for row in await self.ask("select state from outbox"))

    async def leases(self) -> int:
        return len(await self.ask("select 1 from lanes where leased_until > now()"))

    async def ask(self, query: str) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            return await (await connection.execute(query)).fetchall()

    def delivered(self, count: int) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return (await self.outbox())["done"] == count

        return look

    async def under_way(self) -> bool:
        return await self.leases() == 1


@pytest.fixture
async def world(empty_database: Database, redis_url: str) -> AsyncIterator[World]:
    key = new_key()
    store = Store(empty_database.app_url, Vault([key]))
    receiving = Receiving(empty_database.app_url, Vault([key]))
    await receiving.open()
    account = uuid4()
    async with store.transaction(account) as unit:
        await unit.accounts.create("Test MSP")
    Redis.from_url(redis_url).flushdb()
    yield World(empty_database, redis_url, key, store, receiving, account)
    await receiving.close()
    await store.close()


@asynccontextmanager
async def worker_process(
    world: World, *, every: float = NEVER, drain: float = 20, manner: str = "at-once", redis: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own; it has made everything when the block begins."""
    arguments = (world.database.app_url, redis or world.redis_url, world.key, str(every), str(drain), manner)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CLONE / "tests/bot/bare_desk.py"),
        *arguments,
        env={"PYTHONPATH": str(CLONE), "PATH": os.defpath},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"worker is made" not in (line := await process.stderr.readline()):
                assert line, "the worker ended at once"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(60):
        return await process.wait()


def made_by_a_job(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def nobody_listens() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


async def listening(world: World) -> None:
    """Until the worker waits for rings; its first sweep lies behind it then or runs meanwhile."""
    redis = Redis.from_url(world.redis_url)
    await until(lambda: bool(redis.smembers("rq:workers")), "a worker listens")


async def test_a_ring_is_handled_and_what_it_owes_is_delivered(world: World) -> None:
    async with worker_process(world) as process:
        await listening(world)
        order = await world.hear(uuid4())
        bell = RedisBell(world.redis_url)
        bell.ring_inbox(order)
        await until(world.delivered(1), "the answer is delivered without any sweep")
        bell.close()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0


async def test_an_idle_worker_ends_at_the_first_sigterm(world: World) -> None:
    async with worker_process(world) as process:
        await listening(world)
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0


async def test_sigterm_finishes_what_is_in_hand_and_gives_the_lease_back(world: World) -> None:
    await world.owe(uuid4())
    async with worker_process(world, manner="when-asked") as process:
        await until(world.under_way, "the delivery is under way")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.stdin is not None
        process.stdin.close()
        assert await ended(process) == 0
    assert await world.outbox() == {"done": 1}
    assert await world.leases() == 0


async def test_what_will_not_end_in_time_stays_owed_and_its_lease_is_given_back(world: World) -> None:
    await world.owe(uuid4())
    async with worker_process(world, manner="never", drain=0.2) as process:
        await until(world.under_way, "the delivery is under way")
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
    assert await world.outbox() == {"owed": 1}
    assert await world.leases() == 0


async def test_with_redis_away_the_sweep_delivers_and_sigterm_still_ends_it(world: World) -> None:
    async with worker_process(world, every=0.1, redis=nobody_listens()) as process:
        await world.hear(uuid4())
        await until(world.delivered(1), "the sweep found it")
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0


async def test_a_flushed_redis_loses_rings_but_no_work_and_later_rings_are_heard(world: World) -> None:
    redis = Redis.from_url(world.redis_url)
    async with worker_process(world, every=0.1):
        await listening(world)
        await world.hear(uuid4())
        redis.flushdb()
        await until(world.delivered(1), "the sweep found what no ring told of")
    async with worker_process(world):
        await listening(world)
        redis.flushdb()
        order = await world.hear(uuid4())
        bell = RedisBell(world.redis_url)
        bell.ring_inbox(order)
        await until(world.delivered(2), "a ring after the flush is heard")
        bell.close()


async def test_whoever_writes_to_redis_can_wake_the_worker_and_nothing_else(
    world: World, tmp_path: Path
) -> None:
    connection = Redis.from_url(world.redis_url)
    pickled = Queue(QUEUE, connection=connection, serializer=DefaultSerializer)
    named = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    async with worker_process(world):
        await listening(world)
        pickled.enqueue("os.mkdir", str(tmp_path / "pickled"))
        named.enqueue("os.mkdir", str(tmp_path / "named"))
        named.enqueue("bot.jobs.wake", "sweep", on_success=Callback("os.mkdir"))
        named.enqueue("bot.jobs.wake", "lane", "no", "such", "lane")
        named.enqueue("bot.jobs.wake", "nonsense")
        order = await world.hear(uuid4())
        named.enqueue("bot.jobs.wake", "inbox", order)
        await until(world.delivered(1), "the ring behind them is heard")
    assert not made_by_a_job(tmp_path)


@asynccontextmanager
async def worker_here(
    world: World, work: Callable[[OwedRow], Awaitable[None]], slots: int
) -> AsyncIterator[Worker]:
    """A worker on this loop that sweeps once, when it begins."""
    bell = LocalBell()
    desk = desk_of(world.store, world.receiving, bell, work)
    worker = Worker(world.store, desk, bell, {Lane.TALK: slots, Lane.WORK: slots}, 5)
    stopped = asyncio.Event()
    running = asyncio.create_task(worker.run_until(stopped, NEVER))
    yield worker
    stopped.set()
    await running


async def test_what_found_every_slot_busy_is_delivered_when_one_is_free(world: World) -> None:
    at_work, most = 0, 0

    async def work(row: OwedRow) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1

    for _ in range(9):
        await world.owe(uuid4())
    async with worker_here(world, work, slots=2):
        await until(world.delivered(9), "all nine are delivered by one sweep and the freed slots")
    assert most <= 2


async def test_a_ring_while_the_lane_is_at_work_is_not_lost(world: World) -> None:
    subject, begun, go_on = uuid4(), asyncio.Event(), asyncio.Event()

    async def work(row: OwedRow) -> None:
        begun.set()
        await go_on.wait()

    await world.owe(subject)
    async with worker_here(world, work, slots=1) as worker:
        await begun.wait()
        await world.owe(subject)
        worker.start_lane(world.account, subject, Lane.TALK)
        go_on.set()
        await until(world.delivered(2), "the second one is delivered too")


async def test_a_failed_effect_that_waits_does_not_keep_the_worker_spinning(world: World) -> None:
    subject, tries = uuid4(), 0

    async def work(row: OwedRow) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("not today")

    await world.owe(subject)
    await world.owe(subject)
    async with worker_here(world, work, slots=1) as worker:
        await until(lambda: tries == 1, "it was tried once")
        # Were it looked at without a pause, the lane would never be let go: one effect is always due.
        await until(lambda: not worker._running, "the lane is let go while the effect waits for its next try")
    assert await world.outbox() == {"owed": 2}
