"""The clock on real PostgreSQL: one of several leads, another takes over, and old rows go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from bot.clock import Clock
from storage.leader import Leader
from storage.store import Store
from storage.vault import Vault, new_key
from tests.bot.waiting import until
from tests.conftest import Database

EVERY = 0.02


class CountingBell:
    def __init__(self) -> None:
        self.rings = 0

    def ring_sweep(self) -> None:
        self.rings += 1


class Running:
    """A clock at work. `die` ends it as a killed process ends: without a word to the others."""

    def __init__(self, store: Store) -> None:
        self.bell = CountingBell()
        self._stopped = asyncio.Event()
        self._task = asyncio.create_task(Clock(store, self.bell, EVERY).run_until(self._stopped))

    async def rings(self, more: int = 3) -> None:
        goal = self.bell.rings + more
        await until(lambda: self.bell.rings >= goal, f"the clock rang {more} times more")

    async def stop(self) -> None:
        self._stopped.set()
        await self._task

    async def die(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def end(self) -> None:
        if not self._task.done():
            await self.stop()


@asynccontextmanager
async def clocks(store: Store, count: int) -> AsyncIterator[list[Running]]:
    """The first one leads before the others begin."""
    running = [Running(store)]
    try:
        await running[0].rings()
        running += [Running(store) for _ in range(count - 1)]
        yield running
    finally:
        for each in running:
            await each.end()


@pytest.fixture
async def store(empty_database: Database) -> AsyncIterator[Store]:
    made = Store(empty_database.app_url, Vault([new_key()]))
    yield made
    await made.close()


async def owner_says(database: Database, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_of_two_clocks_only_the_leader_rings(store: Store) -> None:
    async with clocks(store, 2) as (leader, other):
        await leader.rings(10)
        assert other.bell.rings == 0


async def test_a_leader_that_stops_hands_the_lead_over_at_once(store: Store) -> None:
    async with clocks(store, 2) as (leader, other):
        await leader.stop()
        await other.rings()


async def test_when_a_leader_dies_another_one_leads_after_its_lease(
    store: Store, empty_database: Database
) -> None:
    async with clocks(store, 2) as (leader, other):
        await leader.die()
        await owner_says(empty_database, "update leases set leased_until = now() - interval '1 second'")
        await other.rings()


async def test_a_leader_that_was_replaced_is_told_so(store: Store, empty_database: Database) -> None:
    first, second = Leader(store, "clock", "first"), Leader(store, "clock", "second")
    hour = timedelta(hours=1)
    assert (await first.lead(hour), await second.lead(hour)) == (True, False)
    await owner_says(empty_database, "update leases set leased_until = now() - interval '1 second'")
    assert (await second.lead(hour), await first.lead(hour)) == (True, False)
    await first.resign()
    assert await second.lead(hour), "resigning gives away only one's own lead"


async def test_the_leader_deletes_what_was_kept_long_enough_and_nothing_else(
    store: Store, empty_database: Database
) -> None:
    async with store.transaction(uuid4()) as unit:
        await unit.accounts.create("Test MSP")
    await owner_says(
        empty_database,
        "insert into inbox (platform, unique_key, order_key, payload, state, received_at) values"
        " ('t', 'old', 'o', '', 'done', now() - interval '8 days'),"
        " ('t', 'young', 'o', '', 'done', now() - interval '6 days'),"
        " ('t', 'unread', 'o', '', 'new', now() - interval '8 days')",
        "insert into outbox (account_id, subject_id, lane, verb, state, done_at) select id, id, 'talk', 'Show', s,"
        " now() - interval '31 days' from accounts, unnest(array['done', 'parked']) s",
    )

    async def kept(query: LiteralString) -> set[str]:
        async with await psycopg.AsyncConnection.connect(empty_database.owner_url) as connection:
            return {row[0] for row in await (await connection.execute(query)).fetchall()}

    async def cleaned() -> bool:
        return "old" not in await kept("select unique_key from inbox")

    async with clocks(store, 1):
        await until(cleaned, "the old row is deleted")
    assert await kept("select unique_key from inbox") == {"young", "unread"}
    assert await kept("select state from outbox") == {"parked"}


async def test_a_clock_without_its_database_goes_on_trying_and_stops_when_told(
    empty_database: Database,
) -> None:
    away = Store("postgresql://nobody:nothing@127.0.0.1:1/none", Vault([new_key()]))
    running = Running(away)
    await asyncio.sleep(0)
    await running.stop()
    assert running.bell.rings == 0
    await away.close()
