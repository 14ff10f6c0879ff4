"""A row that needs something from outside: fetched while nothing is locked, in its place, and not for ever."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from engine.desk import LONGEST_PUT_OFF, MOST_FETCHED, Limits
from engine.effects import Tell
from engine.ports import Act, Fetch, PutOff, Raw, Received
from storage.receiving import Receiving
from tests.conftest import Database
from tests.fakes import Office, Room, ScriptedFront, office, receiving, room

OPEN = """
select count(*) as found from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
  and backend_type = 'client backend'
"""


class Curious(ScriptedFront):
    """Every line of its script needs the things of this name in `needs` first."""

    def __init__(self, place: Office, *lines: str) -> None:
        act = Act(place.anna.id, effects=(Tell(to=place.anna.id, what="heard"),))
        super().__init__({line: lambda unit: (act,) for line in lines})
        self.needs: dict[str, Sequence[str]] = {}
        self.asked: list[str] = []
        self.had: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.away: PutOff | None = None

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        line = json.loads(received.payload)["line"]
        for need in self.needs.get(line, ()):
            if need not in received.fetched:
                raise Fetch(need)
        self.had.append({str(wanted): found for wanted, found in received.fetched.items()})
        return await super().understand(received, unit)

    async def fetch(self, received: Received, wanted: Any) -> Any:
        self.asked.append(wanted)
        if self.away is not None:
            raise self.away
        if self.meanwhile is not None:
            await self.meanwhile()
        return f"the {wanted}"


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


async def come_in(work: Room, *lines: str) -> str:
    key = str(uuid4())
    for line in lines:
        await work.desk.receive(Raw("console", str(uuid4()), key, work.office.says(line)))
    return key


async def owed(place: Office) -> int:
    return len(await place.rows("select 1 from outbox where subject_id = :s", s=place.anna.id))


def inbox(database: Database, key: str) -> list[tuple[str, int, float]]:
    """(state, attempts, seconds until it is due) of each row, oldest first."""
    query = "select state, attempts, extract(epoch from due_at - clock_timestamp())::float8 from inbox"
    with psycopg.connect(database.owner_url) as owner:
        return owner.execute(f"{query} where order_key = %s order by id", (key,)).fetchall()


def pass_time(database: Database, key: str, by: timedelta) -> None:
    with psycopg.connect(database.owner_url) as owner:
        moved = "update inbox set due_at = due_at - %s, received_at = received_at - %s where order_key = %s"
        owner.execute(moved, (by, by, key))


async def test_it_is_fetched_while_no_transaction_is_open_and_the_row_is_free(
    place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first")
    front.needs["first"] = ("person", "channel")
    work = room(place, receives, front=front)
    key = await come_in(work, "first")
    open_then: list[int] = []

    async def look() -> None:
        async with place.store.transaction() as unit:
            assert await unit.inbox.claim(key) is not None
        open_then.append((await place.store.rows(OPEN))[0].found)

    front.meanwhile = look
    assert await work.desk.handle(key) == 1
    assert open_then == [0, 0]
    assert front.asked == ["person", "channel"]
    assert front.had == [{"person": "the person", "channel": "the channel"}]
    assert await owed(place) == 1


async def test_the_row_keeps_its_place_and_nothing_fetched_for_it_reaches_the_next_one(
    place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first", "second")
    front.needs = {"first": ("person",), "second": ("person",)}
    work = room(place, receives, front=front)
    key = await come_in(work, "first", "second")
    assert await work.desk.handle(key) == 2
    assert front.understood == ["first", "second"]
    assert front.asked == ["person", "person"]


async def test_a_second_worker_that_finishes_everything_meanwhile_is_no_trouble(
    place: Office, receives: Receiving
) -> None:
    front, other = Curious(place, "first", "second"), Curious(place, "first", "second")
    front.needs["first"] = other.needs["first"] = ("person",)
    work, beside = room(place, receives, front=front), room(place, receives, front=other)
    key = await come_in(work, "first", "second")

    async def finish() -> None:
        assert await beside.desk.handle(key) == 2

    front.meanwhile = finish
    assert await work.desk.handle(key) == 0
    assert (front.understood, other.understood) == ([], ["first", "second"])
    assert work.trouble.noted == []
    assert await owed(place) == 2


async def test_what_was_fetched_for_a_row_that_somebody_else_finished_is_not_used_for_the_next(
    place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first", "second")
    front.needs = {"first": ("person",), "second": ("channel",)}
    work = room(place, receives, front=front)
    key = await come_in(work, "first", "second")

    async def close_the_first() -> None:
        front.meanwhile = None
        async with place.store.transaction() as unit:
            head = await unit.inbox.claim(key)
            assert head is not None
            await unit.inbox.done(head.id, None)

    front.meanwhile = close_the_first
    assert await work.desk.handle(key) == 1
    assert front.asked == ["person", "channel"]
    assert front.had == [{"channel": "the channel"}]
    assert work.trouble.noted == []


async def test_while_the_outside_is_away_the_row_waits_in_its_place_and_nothing_has_failed(
    database: Database, place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first", "second")
    front.needs["first"] = ("person",)
    front.away = PutOff(20, "rate limited")
    work = room(place, receives, front=front)
    key = await come_in(work, "first", "second")
    assert await work.desk.handle(key) == 0
    (first, second) = inbox(database, key)
    assert first[:2] == ("new", 0)
    assert 15 < first[2] <= 20
    assert second[:2] == ("new", 0)
    assert await work.desk.handle(key) == 0
    assert front.asked == ["person"]  # not before it is due, and not the one behind it instead
    front.away = None
    pass_time(database, key, timedelta(seconds=21))
    assert await work.desk.handle(key) == 2
    assert front.understood == ["first", "second"]
    assert work.trouble.noted == []


async def test_nobody_waits_longer_than_a_minute_between_two_tries(
    database: Database, place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first")
    front.needs["first"] = ("person",)
    front.away = PutOff(3600, "come back in an hour")
    work = room(place, receives, front=front)
    key = await come_in(work, "first")
    await work.desk.handle(key)
    assert LONGEST_PUT_OFF - 5 < inbox(database, key)[0][2] <= LONGEST_PUT_OFF


async def test_after_half_an_hour_it_has_failed_like_any_other_and_the_next_one_comes(
    database: Database, place: Office, receives: Receiving
) -> None:
    front = Curious(place, "first", "second")
    front.needs["first"] = ("person",)
    front.away = PutOff(5, "still away")
    work = room(place, receives, front=front, limits=Limits(inbox_tries=1))
    key = await come_in(work, "first", "second")
    pass_time(database, key, timedelta(minutes=29))
    assert await work.desk.handle(key) == 0
    assert inbox(database, key)[0][:2] == ("new", 0)
    pass_time(database, key, timedelta(minutes=2))
    assert await work.desk.handle(key) == 2
    assert [state for state, _, _ in inbox(database, key)] == ["failed", "done"]
    assert front.understood == ["second"]
    assert front.apologies == ["E1"]


async def test_what_wants_ever_more_is_given_up_after_sixteen(place: Office, receives: Receiving) -> None:
    front = Curious(place, "first")
    front.needs["first"] = [f"thing {n}" for n in range(40)]
    work = room(place, receives, front=front, limits=Limits(inbox_tries=1))
    key = await come_in(work, "first")
    assert await work.desk.handle(key) == 1
    assert len(front.asked) == MOST_FETCHED == 16
    assert isinstance(work.trouble.noted[0][1], Fetch)
    assert front.understood == []


async def test_what_wants_the_same_thing_again_and_again_is_a_failure_not_a_loop(
    place: Office, receives: Receiving
) -> None:
    class Forgetful(Curious):
        async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
            raise Fetch("person")

    front = Forgetful(place, "first")
    work = room(place, receives, front=front, limits=Limits(inbox_tries=1))
    assert await work.desk.handle(await come_in(work, "first")) == 1
    assert front.asked == ["person"]


async def test_of_a_pass_that_only_found_out_what_it_needs_nothing_is_kept(
    place: Office, receives: Receiving
) -> None:
    class Writes(Curious):
        async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
            await unit.enter(UUID(json.loads(received.payload)["account"]))
            await unit.drafts.keep(place.anna.id, "route", {})
            return await super().understand(received, unit)

        async def fetch(self, received: Received, wanted: Any) -> Any:
            kept.append(len(await place.rows("select 1 from drafts")))
            return await super().fetch(received, wanted)

    kept: list[int] = []
    front = Writes(place, "first")
    front.needs["first"] = ("person", "channel")
    work = room(place, receives, front=front)
    assert await work.desk.handle(await come_in(work, "first")) == 1
    assert kept == [0, 0]
    assert len(await place.rows("select 1 from drafts")) == 1
