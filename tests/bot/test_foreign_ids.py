"""Every verb with ids of another account, through the real front: nothing of it comes back, nothing in it changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from bot import admin_verbs, closing_verbs, console_door, text_verbs, verbs
from bot.console_reading import ConsoleReader
from bot.front import Front
from engine.ports import Act, Received
from engine.session import Role
from storage.store import Store
from tests.conftest import Database
from tests.fakes import VAULT, Office, move_in
from tests.storage.test_isolation import Theirs, everything, furnished

PERSONAL = [*verbs.PERSONAL, *admin_verbs.VERBS]
IN_SESSION = [*verbs.IN_SESSION, *closing_verbs.VERBS, *text_verbs.VERBS]
MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Stranger:
    """An Admin and Lead of another account, with a Session of his own."""

    office: Office
    token: str
    session: UUID
    place: UUID

    async def does(self, kind: str, verb: str, place: UUID, args: Any, fields: Any) -> list[Act]:
        body = {
            "kind": kind,
            "text": "It broke",
            "verb": verb,
            "place": str(place),
            "args": args,
            "fields": fields,
        }
        payload = json.dumps({"from": self.token, "body": body}).encode()
        async with self.office.store.transaction() as unit:
            return list(
                await Front({"console": ConsoleReader()}).understand(
                    Received(1, "console", payload, MOMENT, 0), unit
                )
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(database: Database) -> AsyncIterator[Store]:
    """One for all tests of this file, which run on one loop: each of its statements is put together only once."""
    opened = Store(database.app_url, VAULT, pool_size=2)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theirs(store: Store) -> Theirs:
    """The other account. Nothing may ever change in it, so that all tests may look at the same one."""
    return await furnished(await move_in(store))


async def stranger(store: Store) -> Stranger:
    place, token = await move_in(store), str(uuid4())
    session = await place.start()
    async with store.transaction(place.account) as unit:
        await unit.accounts.set_roles(place.anna.id, (Role.TECHNICIAN, Role.LEAD, Role.ADMIN))
        await unit.accounts.add_identity(place.anna.id, "console", "console", token)
        thread = await console_door.thread(unit, session)
    return Stranger(place, token, session, thread.id)


def ids(theirs: Theirs) -> list[str]:
    return [
        str(found)
        for found in (
            theirs.office.account, theirs.session, theirs.place, theirs.draft, theirs.anna, theirs.team,
            theirs.connection, theirs.post,
        )
    ]  # fmt: skip


def filled(theirs: Theirs, to: str) -> dict[str, str]:
    """Fields every form would take, with the other account's ids wherever an id fits."""
    return {
        "to": to, "user": str(theirs.anna), f"team:{theirs.team}": "yes", "lead": "yes", "admin": "yes",
        "member": "9", "reason": "why", "text": "words", "until": "tomorrow 9:00", "manner": "briefing",
        "number": "4711", "rating": "5", "summary": "s", "fix": "f", "waiting_for": "vendor",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["click", "submit", "say"])
@pytest.mark.parametrize("verb", [*PERSONAL, *IN_SESSION])
async def test_ids_of_another_account_open_and_change_nothing_of_it(
    database: Database, store: Store, theirs: Theirs, verb: str, kind: str
) -> None:
    other = await stranger(store)
    before = everything(database, theirs.office.account)
    named = {"draft": str(theirs.draft), "user": str(theirs.anna), "step": "1", "option": "yes"}
    in_theirs = {**named, "session": str(theirs.session)}
    in_his = {**named, "session": str(other.session)}
    acts: list[Act] = []
    for place, args in ((theirs.place, in_theirs), (other.place, in_theirs), (theirs.place, in_his)):
        for to in (f"user:{theirs.anna}", f"team:{theirs.team}"):
            fields = filled(theirs, to) if kind == "submit" else {}
            acts += await other.does(kind, verb, place, args, fields)
    assert acts, "he is answered"
    told = repr([(act.subject, act.effects, act.event) for act in acts])
    # What he typed into his own Session's form may stand in his own event; ids he was never given must not.
    assert [found for found in ids(theirs) if found in told] == []
    assert "ALPHA" not in told
    assert everything(database, theirs.office.account) == before


@pytest.mark.parametrize("verb", IN_SESSION)
async def test_the_same_verb_with_his_own_ids_is_understood(store: Store, verb: str) -> None:
    """Or the test above would hold for a front that understands nothing."""
    other = await stranger(store)
    named = {"session": str(other.session), "step": "1", "option": "yes"}
    acts = await other.does("click", verb, other.place, named, {})
    assert str(other.session) in repr(acts)
