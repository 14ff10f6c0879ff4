"""Work that is given up after all its tries is seen by whom it concerns, with the number the log knows it by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.desk import Limits
from engine.effects import (
    CheckConnection,
    Lane,
    MakeOwner,
    OpenFresh,
    Owed,
    Post,
    ReadTicket,
    RetryPosts,
    WritePackage,
    WriteUp,
)
from engine.events import TicketLinked
from tests.conftest import Database
from tests.fakes import Office, RecordingPerformer, Room, office, room


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def fails_for_good(place: Office, subject: UUID, effect: Owed) -> Room:
    work = RecordingPerformer()
    work.fails = [ConnectionError("away")] * 2
    given = room(place, work=work, limits=Limits(tries=2))
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(subject, (effect,))
    for _ in range(2):
        await given.desk.deliver(place.account, subject, Lane.WORK)
        place.store.offset += timedelta(minutes=3)
    return given


async def told(place: Office) -> set[tuple[UUID, str]]:
    rows = await place.rows("select args from outbox where verb in ('Tell', 'Show') and state = 'owed'")
    return {(UUID(row.args["to"]), row.args["what"]) for row in rows}


async def test_a_ticket_that_cannot_be_read_at_all_is_said_to_be_unreadable(place: Office) -> None:
    session = await place.start()
    await place.apply(room(place).desk, session, TicketLinked(place.anna, 4711))
    await place.rows("update outbox set state = 'done' where verb = 'ReadTicket'")
    await fails_for_good(place, session, ReadTicket(ticket_id=4711))
    found = await place.session(session)
    assert found.ticket_problem == (
        "Ticket #4711 could not be read in several tries. The number for support is E2."
    )


async def test_a_connection_that_cannot_be_checked_is_failed_and_the_admin_sees_it(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        known = await unit.accounts.connect("api.example", "msp", {})
    check = CheckConnection(connection_id=known, to=place.lea.id, place=uuid4())
    given = await fails_for_good(place, known, check)
    async with place.store.transaction(place.account) as unit:
        found = await unit.accounts.connection(known)
    assert found is not None
    assert found.state == "failed"
    assert "E2" in found.problem
    assert await told(place) == {(place.lea.id, f"connection:{known}")}
    assert (place.lea.id, Lane.TALK, timedelta()) in given.bell.lanes


async def test_new_keys_that_cannot_be_checked_leave_the_connection_as_it_was(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        known = await unit.accounts.connect("api.example", "msp", {})
        await unit.accounts.change_connection(known, state="connected")
    check = CheckConnection(connection_id=known, to=place.lea.id, place=uuid4(), draft=uuid4())
    await fails_for_good(place, known, check)
    async with place.store.transaction(place.account) as unit:
        found = await unit.accounts.connection(known)
    assert found is not None
    assert (found.state, found.problem) == ("connected", "")
    [(admin, what)] = await told(place)
    assert admin == place.lea.id
    assert what.startswith("keys_unused:")
    assert "E2" in what


@pytest.mark.parametrize("verb", ["WriteUp", "WritePackage", "MakeOwner", "OpenFresh", "RetryPosts"])
async def test_other_work_that_is_given_up_is_told_to_the_owner_and_whose_part_it_was(
    place: Office, verb: str
) -> None:
    session, ben = await place.start(), place.ben.id
    effects: dict[str, Owed] = {
        "WriteUp": WriteUp(occasion="handover", engineer=ben, epoch=0),
        "WritePackage": WritePackage(),
        "MakeOwner": MakeOwner(engineer=ben),
        "OpenFresh": OpenFresh(session_id=uuid4(), by=ben),
        "RetryPosts": RetryPosts(),
    }
    await fails_for_good(place, session, effects[verb])
    others = {ben} if verb in ("WriteUp", "MakeOwner", "OpenFresh") else set()
    assert await told(place) == {(person, "given_up:E2") for person in {place.anna.id, *others}}


async def test_a_part_that_is_given_up_is_told_to_its_engineer_too(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        given: Any = ("time", "time", "handover", place.ben.id, None, 4711, {}, None)
        post = await unit.posts.owe(session, *given)
    assert post is not None
    await fails_for_good(place, session, Post(post_id=post.id))
    assert await told(place) == {(who.id, "push_parked") for who in (place.anna, place.ben)}
