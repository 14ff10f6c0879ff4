"""The inbox: what came in is seen once, in order, unreadable at rest, and nothing stands in the way for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from engine.desk import Limits
from engine.effects import ShowCard
from engine.ports import Act, Raw, Received, Unreadable
from storage.receiving import Receiving
from storage.store import Store
from storage.vault import Vault, new_key
from tests.conftest import Database
from tests.fakes import KEY, VAULT, Office, Room, ScriptedFront, office, receiving, room


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


def raw(place: Office, line: str, order_key: str, unique_key: str = "") -> Raw:
    return Raw("console", unique_key or str(uuid4()), order_key, place.says(line))


def showing(place: Office, lines: Sequence[str]) -> ScriptedFront:
    """Each line owes a card to Anna."""
    act = Act(place.anna.id, effects=(ShowCard(),))
    return ScriptedFront({line: lambda unit: (act,) for line in lines})


async def states(database: Database, order_key: str) -> list[tuple[str, int]]:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        query = "select state, attempts from inbox where order_key = %s order by id"
        return list(await (await owner.execute(query, (order_key,))).fetchall())


async def wait_over(database: Database, order_key: str) -> None:
    """The time has come for what was put off under this key."""
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute("update inbox set due_at = now() where order_key = %s", (order_key,))


# ── Remembered once, sealed ─────────────────────────────────────────────────────────────────────────────────


async def test_the_same_payload_twice_is_one_row(database: Database, receives: Receiving) -> None:
    key = str(uuid4())
    assert await receives.remember("slack", key, key, b"hello")
    assert not await receives.remember("slack", key, key, b"hello")
    assert await receives.remember("teams", key, key, b"the same key elsewhere is another")
    assert await states(database, key) == [("new", 0), ("new", 0)]


async def test_of_twenty_deliveries_at_once_exactly_one_is_new(
    database: Database, receives: Receiving
) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(receives.remember("slack", key, key, b"hello") for _ in range(20)))
    assert answers.count(True) == 1
    assert await states(database, key) == [("new", 0)]


async def test_a_repeat_is_seen_even_when_the_first_belongs_to_an_account_already(
    database: Database, place: Office, receives: Receiving
) -> None:
    """Bound rows are invisible to a connection without an account; the unique key is not."""
    work = room(place, receives, front=showing(place, ["a"]))
    first = raw(place, "a", str(uuid4()), "same")
    first = Raw("console", str(uuid4()), first.order_key, first.payload)
    assert await work.desk.receive(first)
    assert await work.desk.handle(first.order_key) == 1
    assert not await work.desk.receive(first)
    assert await work.desk.handle(first.order_key) == 0
    assert await states(database, first.order_key) == [("done", 0)]
    assert work.front.understood == ["a"]


async def test_a_payload_cannot_be_read_at_rest(database: Database, receives: Receiving) -> None:
    key = str(uuid4())
    await receives.remember("slack", key, key, b"the password is hunter2")
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        row = await (
            await owner.execute("select payload from inbox where unique_key = %s", (key,))
        ).fetchone()
    assert row is not None
    assert b"hunter2" not in bytes(row[0])
    assert VAULT.open(row[0]) == b"the password is hunter2"


# ── In order ────────────────────────────────────────────────────────────────────────────────────────────────


class SlowFront(ScriptedFront):
    """Lets everybody else run before it says what it understood, and notes who was at it at once."""

    def __init__(self, place: Office, lines: Sequence[str]) -> None:
        super().__init__(showing(place, lines).script)
        self.inside = 0
        self.most = 0

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(5):
            await unit.connection.execute(text("select pg_sleep(0.001)"))
        self.inside -= 1
        return await super().understand(received, unit)


async def until_done(work: Room, order_key: str, database: Database) -> None:
    while any(state == "new" for state, _ in await states(database, order_key)):
        await work.desk.handle(order_key)


async def test_several_at_one_key_take_turns_in_the_order_of_arrival(
    database: Database, place: Office, receives: Receiving
) -> None:
    lines, key = [f"line {n}" for n in range(12)], str(uuid4())
    front = SlowFront(place, lines)
    desks = [room(place, receives, front=front) for _ in range(4)]
    for line in lines:
        await desks[0].desk.receive(raw(place, line, key))
    await asyncio.gather(*(until_done(each, key, database) for each in desks))
    assert front.understood == lines
    assert front.most == 1


async def test_different_keys_do_not_wait_for_each_other(place: Office, receives: Receiving) -> None:
    work = room(place, receives, front=showing(place, ["a"]))
    stuck, free = str(uuid4()), str(uuid4())
    await work.desk.receive(raw(place, "a", stuck))
    await work.desk.receive(raw(place, "a", free))
    async with place.store.transaction() as unit:
        assert await unit.inbox.claim(stuck) is not None
        assert await work.desk.handle(stuck) == 0
        assert await work.desk.handle(free) == 1
    assert await work.desk.handle(stuck) == 1


# ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_that_fails_is_tried_again_and_then_set_aside_for_the_next(
    database: Database, place: Office, receives: Receiving
) -> None:
    work = room(place, receives, front=showing(place, ["good"]), limits=Limits(inbox_tries=3))
    key = str(uuid4())
    for line in ("bad", "good"):
        await work.desk.receive(raw(place, line, key))
    for tries in (1, 2):
        assert await work.desk.handle(key) == 0
        assert await states(database, key) == [("new", tries), ("new", 0)]
        assert await work.desk.handle(key) == 0
        assert await states(database, key) == [("new", tries), ("new", 0)], (
            "it waits, and so does what is behind"
        )
        await wait_over(database, key)
    assert await work.desk.handle(key) == 2
    assert await states(database, key) == [("failed", 3), ("done", 0)]
    assert work.front.understood == ["good"]
    assert work.front.apologies == ["E3"]
    assert await place.owed(place.anna.id) == [("ShowCard", "owed")]


async def test_an_apology_that_fails_too_does_not_keep_the_row_at_the_head(
    database: Database, place: Office, receives: Receiving
) -> None:
    work = room(place, receives, front=showing(place, ["good"]), limits=Limits(inbox_tries=1))
    work.front.speechless = True
    key = str(uuid4())
    for line in ("bad", "good"):
        await work.desk.receive(raw(place, line, key))
    assert await work.desk.handle(key) == 2
    assert await states(database, key) == [("failed", 1), ("done", 0)]
    assert [type(failure) for _, failure in work.trouble.noted] == [KeyError, LookupError]


async def test_what_no_key_opens_is_set_aside_with_an_error_id(
    database: Database, place: Office, receives: Receiving
) -> None:
    work = room(place, receives, front=showing(place, ["good"]), limits=Limits(inbox_tries=2))
    key = str(uuid4())
    async with await psycopg.AsyncConnection.connect(database.app_url) as app:
        sealed = Vault([new_key()]).seal(place.says("lost"))
        await app.execute(
            "insert into inbox (platform, unique_key, order_key, payload) values ('console', %s, %s, %s)",
            (str(uuid4()), key, sealed),
        )
    await work.desk.receive(raw(place, "good", key))
    assert await work.desk.handle(key) == 0
    await wait_over(database, key)
    assert await work.desk.handle(key) == 2
    assert await states(database, key) == [("failed", 2), ("done", 0)]
    assert [type(failure) for _, failure in work.trouble.noted] == [Unreadable, Unreadable]
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        query = "select problem from inbox where order_key = %s and state = 'failed'"
        assert await (await owner.execute(query, (key,))).fetchone() == ("E2",)


async def test_after_the_keys_were_rotated_old_rows_still_open(
    database: Database, place: Office, receives: Receiving
) -> None:
    key = str(uuid4())
    await room(place, receives).desk.receive(raw(place, "a", key))
    rotated = Store(database.app_url, Vault([new_key(), KEY]), pool_size=1)
    work = room(place, receives, memory=rotated, front=showing(place, ["a"]))
    assert await work.desk.handle(key) == 1
    await rotated.close()


class Drops(ScriptedFront):
    """Knows nobody, so the row is closed without an account."""

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        self.understood.append("dropped")
        return ()


class Overtaken(ScriptedFront):
    """Fails, but not before somebody else has dealt with the same row."""

    def __init__(self, other: Room, order_key: str) -> None:
        super().__init__()
        self.other, self.order_key = other, order_key

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        await unit.connection.rollback()  # the connection broke and the lock went with it
        assert await self.other.desk.handle(self.order_key) == 1
        raise ConnectionError("the answer came too late")


@pytest.mark.parametrize(
    "known", [lambda place: showing(place, ["a"]), lambda place: Drops()], ids=["known", "unknown"]
)
async def test_a_failure_told_too_late_does_not_bring_a_closed_row_back(
    database: Database, place: Office, receives: Receiving, known: Callable[[Office], ScriptedFront]
) -> None:
    key, front = str(uuid4()), known(place)
    other = room(place, receives, front=front)
    late = room(place, receives, front=Overtaken(other, key))
    await other.desk.receive(raw(place, "a", key))
    await late.desk.handle(key)
    assert await states(database, key) == [("done", 0)]
    await other.desk.handle(key)
    assert len(front.understood) == 1


async def test_of_what_a_failing_row_did_nothing_is_kept(
    database: Database, place: Office, receives: Receiving
) -> None:
    """Its first act is rolled back with its second, and both come again together."""
    session, key = uuid4(), str(uuid4())
    work = room(place, receives)
    broken = [True]

    def acts(unit: Any) -> Sequence[Act]:
        first = Act(session, place.started(session))
        return (first, Act(session, effects=("no effect",))) if broken else (first,)  # type: ignore[arg-type]

    work.front.script["start"] = acts
    await work.desk.receive(raw(place, "start", key))
    assert await work.desk.handle(key) == 0
    assert await place.owed(session) == []
    assert await place.rows("select id from ai_sessions") == []
    broken.clear()
    await wait_over(database, key)
    assert await work.desk.handle(key) == 1
    assert [verb for verb, _ in await place.owed(session)] == ["ShowCard", "AskGuide", "RemindIdle"]


async def test_what_is_due_is_found_without_a_ring(
    empty_database: Database,
) -> None:
    async with office(empty_database.app_url) as place, receiving(empty_database.app_url) as receives:
        work = room(place, receives, front=showing(place, ["a"]))
        for key in ("first", "second", "first"):
            await work.desk.receive(raw(place, "a", key))
        found = await place.store.rows("select order_key from fp_due_inbox(10)")
        assert [row.order_key for row in found] == ["first", "second"]
        await work.desk.handle("first")
        found = await place.store.rows("select order_key from fp_due_inbox(10)")
        assert [row.order_key for row in found] == ["second"]
