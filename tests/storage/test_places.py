"""Places that find their address late, are drawn anew, and are found by what the platform calls a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from storage.places import Place
from tests.conftest import Database
from tests.fakes import Office, office


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url, pool_size=1) as opened:
        yield opened


async def test_a_place_settles_where_its_first_message_was_posted(place: Office) -> None:
    session, team = await place.start(), str(uuid4())
    async with place.store.transaction(place.account) as unit:
        made = await unit.places.ensure("thread", "slack", team, "C1", f"new:{session}", session)
        await unit.places.settle(made.id, "C1", "1700000000.000100")
        [found] = await unit.places.of_session(session)
        assert (found.id, found.channel, found.thread) == (made.id, "C1", "1700000000.000100")
        assert await unit.places.find("slack", team, "C1", f"new:{session}") is None


async def test_a_place_that_moves_to_another_workspace_loses_the_link_that_led_to_where_it_was(
    place: Office,
) -> None:
    session, team, other = await place.start(), str(uuid4()), str(uuid4())
    async with place.store.transaction(place.account) as unit:
        made = await unit.places.ensure("thread", "slack", team, "C1", "1", session)
        await unit.places.keep_link(made.id, "https://one.slack.com/archives/C1/p1")
        await unit.places.settle(made.id, "C2", "2", other)
        moved = await unit.places.get(made.id)
        assert moved is not None
        assert (moved.workspace, moved.channel, moved.thread, moved.link) == (other, "C2", "2", "")


async def test_a_link_into_a_private_conversation_is_no_link_to_a_session(place: Office) -> None:
    session, team = await place.start(), str(uuid4())
    async with place.store.transaction(place.account) as unit:
        for channel in ("D0ANNA", "U0ANNA", "C1"):
            assert await unit.places.link_of(session) == ""
            made = await unit.places.ensure("thread", "slack", team, channel, "1", session)
            await unit.places.keep_link(made.id, f"https://one.slack.com/archives/{channel}/p1")
        assert await unit.places.link_of(session) == "https://one.slack.com/archives/C1/p1"


async def test_an_address_that_is_taken_is_refused_and_the_transaction_goes_on(place: Office) -> None:
    team = str(uuid4())
    async with place.store.transaction(place.account) as unit:
        await unit.places.ensure("thread", "slack", team, "C1", "1")
        second = await unit.places.ensure("thread", "slack", team, "C1", "2")
        with pytest.raises(LookupError, match="another place"):
            await unit.places.settle(second.id, "C1", "1")
        await unit.places.settle(second.id, "C1", "2")
        assert await unit.places.get(second.id) == second


async def test_a_message_is_found_by_its_reference_in_its_own_workspace(place: Office) -> None:
    one, two, ref = str(uuid4()), str(uuid4()), "C1:1700000000.000100"
    async with place.store.transaction(place.account) as unit:
        here = await unit.places.ensure("thread", "slack", one, "C1", "1")
        there = await unit.places.ensure("thread", "slack", two, "C1", "1")
        await unit.places.keep(here.id, "card", {"title": "here"}, ref)
        await unit.places.keep(there.id, "card", {"title": "there"}, ref)
        await unit.places.keep(here.id, "not posted", {"title": "nowhere"})
        found = await unit.places.by_ref("slack", one, ref)
        assert found is not None
        assert (found[0], found[1].card, found[1].external_ref) == (here, {"title": "here"}, ref)
        assert await unit.places.by_ref("teams", one, ref) is None
        assert await unit.places.by_ref("slack", one, "C1:1") is None


async def test_forgotten_messages_are_gone_from_this_place_alone(place: Office) -> None:
    team = str(uuid4())
    async with place.store.transaction(place.account) as unit:
        here = await unit.places.ensure("thread", "slack", team, "C1", "1")
        there = await unit.places.ensure("thread", "slack", team, "C2", "1")
        for each in (here, there):
            await unit.places.keep(each.id, "card", {}, "ref")
        await unit.places.forget_messages(here.id)
        assert await unit.places.message(here.id, "card") is None
        assert await unit.places.message(there.id, "card") is not None


async def test_what_is_sent_elsewhere_does_not_wait_for_what_the_console_follows(database: Database) -> None:
    """The console's changes are drawn one at a time within the Account; a message that is sent stands behind nobody."""
    async with office(database.app_url) as place:
        async with place.store.transaction(place.account) as unit:
            seen = await unit.places.ensure("thread", "console", "console", "sessions", str(uuid4()))
            sent = await unit.places.ensure("thread", "slack", str(uuid4()), "C1", "1")
        async with place.store.transaction(place.account) as unit, asyncio.timeout(20):
            await unit.places.keep(seen.id, "card", {"title": "seen"})
            async with place.store.transaction(place.account) as other:
                await other.places.keep(sent.id, "card", {"title": "sent"}, "ref")
        async with place.store.transaction(place.account) as unit:
            await unit.places.keep(sent.id, "card", {"title": "edited"})
            found = await unit.places.message(sent.id, "card")
    assert found is not None
    assert (found.card, found.external_ref) == ({"title": "edited"}, "ref")


async def test_the_threads_of_a_session_come_with_what_they_show(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        first = await unit.places.ensure("thread", "slack", str(uuid4()), "C1", "1", session)
        second = await unit.places.ensure("thread", "console", "console", "sessions", str(session), session)
        await unit.places.ensure("direct", "slack", str(uuid4()), "D1", "", session)
        await unit.places.keep(first.id, "card", {"title": "here"}, "ref")
        await unit.places.keep(second.id, "step:1", {"title": "another key"})
        found = await unit.places.threads(session, "card")
        assert dict(found) == {first: await unit.places.message(first.id, "card"), second: None}


async def test_what_is_shown_of_a_session_is_remembered_while_somebody_works_on_it(
    database: Database,
) -> None:
    """Or the two wait for each other, as soon as whoever works on it owes what is just being shown."""
    async with office(database.app_url, pool_size=2) as place:
        session, team = await place.start(), str(uuid4())
        async with place.store.transaction(place.account) as working:
            assert await working.sessions.get(session, lock=True) is not None
            async with asyncio.timeout(5), place.store.transaction(place.account) as showing:
                await showing.places.ensure("thread", "teams", team, "C1", f"new:{session}", session)
        assert [p.thread for p in await _of_session(place, session)] == [f"new:{session}"]


async def _of_session(place: Office, session: UUID) -> tuple[Place, ...]:
    async with place.store.transaction(place.account) as unit:
        return await unit.places.of_session(session)
