"""Connecting ConnectWise from a chat: a mistyped host is told, and the right one after it is the one in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot import verbs
from bot.psa_door import Checking, Doors
from bot.showing import Showing, connection_view
from demo.psa import PracticePsa, practice_psa
from engine.clients.connectwise import ConnectWise
from engine.effects import CheckConnection, Lane, Show
from engine.ports import PsaView
from engine.psa import Connection, Psa
from engine.session import Role
from storage.accounts import PsaConnection
from storage.limiter import LocalLimiter
from tests.bot.card_views import words
from tests.bot.saying_scene import inbound
from tests.conftest import Database
from tests.contracts.answering import utc_now
from tests.fakes import Office, office, room

WRONG = "http://127.0.0.1:1"


def client(connection: Connection) -> Psa:
    return ConnectWise(connection, LocalLimiter(), allow_hosts={"127.0.0.1"}, now=utc_now)


@dataclass
class Connecting:
    """An Admin at work: `connect` is what the verb does, and what comes back is what he sees."""

    place: Office
    psa: PracticePsa
    doors: Doors
    shown: list[Show] = field(default_factory=list)

    async def connect(self, host: str) -> UUID:
        keys = {
            "public_key": self.psa.settings.public_key,
            "private_key": self.psa.settings.private_key,
            "client_id": self.psa.settings.client_id,
        }
        async with self.place.store.transaction(self.place.account) as unit:
            made = await unit.accounts.connect(host, self.psa.settings.company, keys)
            check = CheckConnection(connection_id=made, to=self.place.lea.id, place=uuid4())
            await unit.outbox.owe(made, (check,))
        desk = room(self.place, work=Checking(self.place.store, self.doors)).desk
        await desk.deliver(self.place.account, made, Lane.WORK)
        return made

    async def ask(self, **keys: str) -> None:
        """The form with these keys, sent by the Admin; the check is owed and not made yet."""
        kept = self.psa.settings
        given = {
            "host": self.psa.url,
            "company": kept.company,
            "public_key": kept.public_key,
            "private_key": kept.private_key,
            "client_id": kept.client_id,
        }
        admin = replace(self.place.lea, roles=frozenset({Role.ADMIN}))
        async with self.place.store.transaction(self.place.account) as unit:
            asked = await inbound(unit, admin, None, "submit", verb="connect", fields={**given, **keys})
            for act in await verbs.acts(asked):
                await unit.outbox.owe(act.subject, act.effects)

    async def check(self, connection: UUID) -> None:
        desk = room(self.place, work=Checking(self.place.store, self.doors)).desk
        await desk.deliver(self.place.account, connection, Lane.WORK)

    async def drafts(self) -> int:
        return len(await self.place.rows("select id from drafts"))

    async def said(self) -> list[str]:
        """What the answers say that are owed to the Admin, drawn as they are now."""
        rows = await self.place.rows("select args from outbox where verb = 'Show' order by id")
        given: Any = None  # no guide is needed for these
        showing = Showing(self.place.store, self.doors, given)
        cards = [
            await showing.draw(
                Show(to=self.place.lea.id, what=row.args["what"], place=uuid4()), self.place.account
            )
            for row in rows
        ]
        return [" ".join(words(card).split()) for card in cards if card is not None]

    async def known(self) -> tuple[PsaConnection, ...]:
        async with self.place.store.transaction(self.place.account) as unit:
            return await unit.accounts.connections()

    async def opened(self) -> PsaView:
        return await self.doors.open(self.place.account, None)

    async def ticket_of(self, connection: UUID) -> UUID:
        """A Session whose ticket was read through this connection."""
        session = uuid4()
        async with self.place.store.transaction(self.place.account) as unit:
            blank = self.place.blank(session, unit.now)
            await unit.sessions.save(None, replace(blank, ticket_id=1, connection_id=connection))
        return session


@pytest.fixture
async def at(database: Database) -> AsyncIterator[Connecting]:
    async with practice_psa() as psa, office(database.app_url) as place:
        doors = Doors(place.store, client, psa.settings.client_id)
        yield Connecting(place, psa, doors)
        await doors.close()


async def test_after_a_wrong_host_the_right_one_is_in_use_and_the_wrong_one_gone(at: Connecting) -> None:
    wrong = await at.connect(WRONG)
    assert [c.state for c in await at.known()] == ["failed"]
    [failed] = await at.said()
    assert "was not connected" in failed
    right = await at.connect(at.psa.url)
    assert wrong != right
    assert [(c.id, c.state) for c in await at.known()] == [(right, "connected")]
    assert "ConnectWise is connected" in (await at.said())[-1]
    view = await at.opened()
    assert view.connection_id == right
    assert view.psa is not None
    assert await view.psa.boards()


async def test_a_mistyped_host_beside_a_connection_is_told_and_changes_nothing_else(at: Connecting) -> None:
    right = await at.connect(at.psa.url)
    await at.connect(WRONG)
    said = await at.said()
    assert "ConnectWise is connected" in said[0]
    assert "was not connected" in said[1]
    assert (await at.opened()).connection_id == right
    async with at.place.store.transaction(at.place.account) as unit:
        assert (await connection_view(unit)).state == "connected"


async def test_the_connection_made_last_is_in_use_and_sessions_keep_the_old_one(at: Connecting) -> None:
    first = await at.connect(at.psa.url)
    session = await at.ticket_of(first)
    second = await at.connect(at.psa.url + "/")
    assert (await at.opened()).connection_id == second
    assert (await at.place.session(session)).connection_id == first
    async with at.place.store.transaction(at.place.account) as unit:
        assert {c.id for c in await unit.accounts.needed_connections()} == {first, second}
    assert await at.connect(at.psa.url) == first
    assert (await at.opened()).connection_id == first


async def test_a_connection_that_nothing_refers_to_any_more_is_not_looked_at(at: Connecting) -> None:
    first = await at.connect(at.psa.url)
    second = await at.connect(at.psa.url + "/")
    assert [c.id for c in await at.known()] == [first, second]
    async with at.place.store.transaction(at.place.account) as unit:
        assert [c.id for c in await unit.accounts.needed_connections()] == [second]


async def test_an_absurd_host_is_told_at_once(at: Connecting) -> None:
    for host in ("a" * 5_000, "psa..example"):
        await at.connect(host)
        assert "This is not a host name" in (await at.said())[-1]


async def test_wrong_keys_leave_a_connection_that_works_as_it_was_and_the_admin_is_told(
    at: Connecting,
) -> None:
    made = await at.connect(at.psa.url)
    before = await at.known()
    for _ in range(2):
        await at.ask(private_key="mistyped-key")
        assert await at.known() == before
        await at.check(made)
    assert await at.known() == before
    told = (await at.said())[-1]
    assert "The new keys are not in use" in told
    assert "mistyped-key" not in told
    assert "Change the connection" in told
    assert await at.drafts() == 0
    view = await at.opened()
    assert view.psa is not None
    assert await view.psa.boards()


async def test_new_keys_are_in_use_once_they_were_accepted(at: Connecting) -> None:
    made = await at.connect(at.psa.url)
    before = await at.known()
    await at.ask(client_id="")
    assert await at.known() == before
    await at.check(made)
    [known] = await at.known()
    assert (known.id, known.state, known.keys["client_id"]) == (made, "connected", "")
    assert "ConnectWise is connected" in (await at.said())[-1]
    assert await at.drafts() == 0


async def test_of_keys_typed_twice_before_the_check_only_the_last_are_tried_and_told_of(
    at: Connecting,
) -> None:
    made = await at.connect(at.psa.url)
    await at.ask(private_key="mistyped-key")
    await at.ask(client_id="")
    before = len(await at.said())
    await at.check(made)
    assert (await at.known())[0].keys["client_id"] == ""
    assert len(await at.said()) == before + 1


async def test_keys_that_expired_before_the_check_are_told_so(at: Connecting) -> None:
    made = await at.connect(at.psa.url)
    await at.ask(private_key="mistyped-key")
    await at.place.rows("delete from drafts")
    await at.check(made)
    assert "could not be checked in that time" in (await at.said())[-1]
    assert [c.state for c in await at.known()] == ["connected"]
