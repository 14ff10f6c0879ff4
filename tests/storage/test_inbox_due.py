"""The inbox waits: what is put off keeps its place in the order, and what fails is tried again after a growing wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from engine.desk import Limits
from engine.effects import ShowCard
from engine.ports import Act, Raw
from storage.receiving import Receiving
from tests.conftest import Database
from tests.fakes import Office, Room, ScriptedFront, office, receiving, room


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


def understanding(place: Office, receives: Receiving, *lines: str) -> Room:
    act = Act(place.anna.id, effects=(ShowCard(),))
    return room(place, receives, front=ScriptedFront({line: lambda unit: (act,) for line in lines}))


async def come_in(work: Room, key: str, *lines: str) -> None:
    for line in lines:
        await work.desk.receive(Raw("console", str(uuid4()), key, work.office.says(line)))


async def put_off_head(place: Office, key: str, seconds: float) -> None:
    async with place.store.transaction() as unit:
        head = await unit.inbox.claim(key)
        assert head is not None
        await unit.inbox.put_off(head.id, seconds)


async def due(place: Office) -> list[str]:
    return [row.order_key for row in await place.store.rows("select order_key from fp_due_inbox(1000)")]


def later(database: Database, key: str, by: timedelta) -> None:
    """As if so much time had passed for what is under this key."""
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("update inbox set due_at = due_at - %s where order_key = %s", (by, key))


async def test_what_is_put_off_holds_back_what_is_behind_it_and_nothing_else(
    database: Database, place: Office, receives: Receiving
) -> None:
    work = understanding(place, receives, "first", "second", "other")
    key, free = str(uuid4()), str(uuid4())
    await come_in(work, key, "first", "second")
    await come_in(work, free, "other")
    await put_off_head(place, key, 30)
    assert await work.desk.handle(key) == 0
    assert key not in await due(place)
    assert free in await due(place)
    assert await work.desk.handle(free) == 1
    later(database, key, timedelta(seconds=29))
    assert await work.desk.handle(key) == 0
    later(database, key, timedelta(seconds=1))
    assert key in await due(place)
    assert await work.desk.handle(key) == 2
    assert work.front.understood == ["other", "first", "second"]


async def test_what_came_in_behind_a_waiting_row_is_not_found_in_its_stead(
    place: Office, receives: Receiving
) -> None:
    work = understanding(place, receives, "first", "second")
    key = str(uuid4())
    await come_in(work, key, "first")
    await put_off_head(place, key, 3600)
    await come_in(work, key, "second")
    assert await work.desk.handle(key) == 0
    assert key not in await due(place)


async def test_to_be_put_off_is_no_failure_and_a_closed_row_stays_closed(
    database: Database, place: Office, receives: Receiving
) -> None:
    work, key = understanding(place, receives, "first"), str(uuid4())
    await come_in(work, key, "first")
    await put_off_head(place, key, -1)
    async with place.store.transaction() as unit:
        received = await unit.inbox.claim(key)
    assert received is not None
    assert received.attempts == 0
    assert await work.desk.handle(key) == 1
    async with place.store.transaction(place.account) as unit:
        await unit.inbox.put_off(received.id, 0)
    assert key not in await due(place)
    assert await work.desk.handle(key) == 0


async def test_a_row_that_came_in_after_the_transaction_began_is_taken_by_it(
    place: Office, receives: Receiving
) -> None:
    work, key = understanding(place, receives, "first"), str(uuid4())
    async with place.store.transaction() as unit:
        await come_in(work, key, "first")
        assert await unit.inbox.claim(key) is not None


async def test_after_each_failure_the_wait_grows(
    database: Database, place: Office, receives: Receiving
) -> None:
    work = room(place, receives, limits=Limits(inbox_tries=9))
    key, waits = str(uuid4()), []
    await come_in(work, key, "nobody knows this line")
    for _ in range(5):
        with psycopg.connect(database.owner_url) as owner:
            began = owner.execute("select clock_timestamp()").fetchone()
            assert await work.desk.handle(key) == 0
            query = "select due_at, clock_timestamp() from inbox where order_key = %s"
            row = owner.execute(query, (key,)).fetchone()
            assert began is not None
            assert row is not None
            shortest, longest = row[0] - row[1], row[0] - began[0]
        waits.append(next(wait for wait in (1, 5, 20, 60) if shortest <= timedelta(seconds=wait) <= longest))
        assert await work.desk.handle(key) == 0
        later(database, key, timedelta(minutes=2))
    assert waits == [1, 5, 20, 60, 60]
    assert len(work.trouble.noted) == 5
