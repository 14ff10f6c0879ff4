"""The one insert before every acknowledgement: shared by those who come together, each with an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import PoolClosed

from storage.receiving import AWAY, LARGE, TOGETHER, Receiving
from storage.store import Store
from tests.conftest import Database
from tests.fakes import VAULT, receiving


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


async def kept(database: Database, order_key: str) -> list[tuple[str, bytes]]:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        query = "select unique_key, payload from inbox where order_key = %s order by id"
        found = await (await owner.execute(query, (order_key,))).fetchall()
    return [(key, VAULT.open(payload)) for key, payload in found]


async def test_what_comes_together_is_kept_in_the_order_it_came(
    database: Database, receives: Receiving
) -> None:
    order, count = str(uuid4()), 3 * TOGETHER + 1
    said = [receives.remember("slack", f"{order}:{n}", order, b"%d" % n) for n in range(count)]
    assert all(await asyncio.gather(*said))
    assert await kept(database, order) == [(f"{order}:{n}", b"%d" % n) for n in range(count)]


async def test_of_equal_ones_that_come_together_the_first_is_new(
    database: Database, receives: Receiving
) -> None:
    order = str(uuid4())
    answers = await asyncio.gather(*(receives.remember("slack", order, order, b"%d" % n) for n in range(5)))
    assert answers == [True, False, False, False, False]
    assert await kept(database, order) == [(order, b"0")]


async def test_a_row_that_cannot_be_kept_fails_alone(database: Database, receives: Receiving) -> None:
    order = str(uuid4())
    keys = [f"{order}:a", f"{order}:\x00", f"{order}:b"]
    answers = await asyncio.gather(
        *(receives.remember("slack", key, order, b"x") for key in keys), return_exceptions=True
    )
    assert [answers[0], answers[2]] == [True, True]
    assert isinstance(answers[1], psycopg.DataError)
    assert [key for key, _ in await kept(database, order)] == [keys[0], keys[2]]


async def test_what_is_large_is_kept_too(database: Database, receives: Receiving) -> None:
    order, payload = str(uuid4()), b"x" * (LARGE + 1)
    assert await receives.remember("slack", order, order, payload)
    assert not await receives.remember("slack", order, order, payload)
    assert await kept(database, order) == [(order, payload)]


async def test_a_connection_that_went_stale_is_not_felt(database: Database) -> None:
    own = (
        f"{database.app_url}{'&' if '?' in database.app_url else '?'}application_name=stale-{uuid4().hex[:8]}"
    )
    name = own.rpartition("=")[2]
    order = str(uuid4())
    async with receiving(own) as receives:
        await asyncio.gather(
            *(receives.remember("slack", f"{order}:{n}", order, b"x" * (LARGE + 1)) for n in range(4))
        )
        async with await psycopg.AsyncConnection.connect(database.app_url, autocommit=True) as other:
            ended = await other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", (name,)
            )
            assert await ended.fetchall()
        assert await receives.remember("slack", order, order, b"after")
        assert await receives.identity("slack", "T1", "nobody") is None


async def test_without_a_database_everyone_who_waits_is_told() -> None:
    away = Receiving("postgresql://nobody:nothing@127.0.0.1:1/none", VAULT)
    said = [away.remember("slack", str(n), "x", b"x") for n in range(3)]
    answers = await asyncio.gather(*said, return_exceptions=True)
    assert [type(answer) for answer in answers] == [PoolClosed] * 3
    assert all(isinstance(answer, AWAY) for answer in answers)


async def test_who_gives_up_while_it_waits_keeps_nothing(database: Database, receives: Receiving) -> None:
    order = str(uuid4())
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("lock table inbox in exclusive mode")
        first = asyncio.create_task(receives.remember("slack", f"{order}:1", order, b"x"))
        await asyncio.sleep(0)
        second = asyncio.create_task(receives.remember("slack", f"{order}:2", order, b"x"))
        await asyncio.sleep(0.05)
        second.cancel()
        await owner.rollback()
    assert await first
    assert [key for key, _ in await kept(database, order)] == [f"{order}:1"]


async def test_a_database_that_stands_still_keeps_nothing_of_what_was_refused(database: Database) -> None:
    order, receives = str(uuid4()), Receiving(database.app_url, VAULT, seconds=0.1)
    await receives.open()
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("lock table inbox in exclusive mode")
        said = [receives.remember("slack", f"{order}:{n}", order, b"x") for n in range(3)]
        answers = await asyncio.gather(*said, return_exceptions=True)
        assert [type(answer) for answer in answers] == [TimeoutError] * 3
        await owner.rollback()
    assert await receives.remember("slack", f"{order}:after", order, b"x")
    assert [key for key, _ in await kept(database, order)] == [f"{order}:after"]
    await receives.close()


async def test_the_identity_of_somebody_active_is_found(database: Database, receives: Receiving) -> None:
    store, account, name = Store(database.app_url, VAULT), uuid4(), uuid4().hex
    async with store.transaction(account) as unit:
        await unit.accounts.create("MSP")
        user = await unit.accounts.add_user("Anna", None)
        await unit.accounts.add_identity(user, "slack", "T1", name)
    assert await receives.identity("slack", "T1", name) == (account, user)
    assert await receives.identity("slack", "T2", name) is None
    async with store.transaction(account) as unit:
        await unit.accounts.set_active(user, active=False)
    assert await receives.identity("slack", "T1", name) is None
    await store.close()
