"""The masks of a Session: read by nobody at rest, gone when they expire, and renewed under a new key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.redact import Mask, MaskKind, Masks, mask, unmask
from storage.administration import rotate_keys
from storage.retention import Retention
from storage.store import Store
from storage.vault import KeysUnusable, Vault, new_key
from tests.conftest import Database
from tests.fakes import KEY, VAULT, Office, move_in, office

DAY = timedelta(days=1)
MASKS: Masks = (
    Mask("⟦EMAIL_1⟧", MaskKind.EMAIL, "anna@example.test"),
    Mask("⟦SECRET_1⟧", MaskKind.SECRET, "hunter2"),
)


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def write(place: Office, session: UUID, masks: Masks, keep: timedelta = DAY) -> None:
    async with place.store.transaction(place.account) as unit:
        await unit.masks.write(session, masks, keep)


async def read(place: Office, session: UUID) -> Masks:
    async with place.store.transaction(place.account) as unit:
        return await unit.masks.read(session)


async def sealed(place: Office, session: UUID) -> bytes:
    [row] = await place.rows("select sealed from session_vaults where session_id = :s", s=session)
    return bytes(row.sealed)


async def test_what_was_masked_comes_back(place: Office) -> None:
    session = await place.start()
    assert await read(place, session) == ()
    await write(place, session, MASKS)
    assert await read(place, session) == MASKS


async def test_a_text_is_masked_further_with_the_masks_that_were_kept(place: Office) -> None:
    session = await place.start()
    _, first = mask("Write to anna@example.test", ())
    await write(place, session, first)
    said, more = mask("anna@example.test and ben@example.test", await read(place, session))
    await write(place, session, more)
    assert unmask(said, await read(place, session)) == "anna@example.test and ben@example.test"


async def test_the_newest_masks_take_the_place_of_the_older_and_begin_their_time_anew(place: Office) -> None:
    session = await place.start()
    await write(place, session, MASKS, -DAY)
    assert await read(place, session) == ()
    await write(place, session, MASKS[:1])
    assert await read(place, session) == MASKS[:1]


async def test_a_child_begins_with_those_of_its_parent_and_keeps_its_own(place: Office) -> None:
    parent, child, other = await place.start(), await place.start(), await place.start()
    await write(place, parent, MASKS)
    await write(place, other, MASKS[:1])
    async with place.store.transaction(place.account) as unit:
        for each in (child, other, uuid4()):
            await unit.masks.hand_down(parent, each)
    assert (await read(place, child), await read(place, other)) == (MASKS, MASKS[:1])


async def test_what_has_expired_is_handed_down_to_nobody(place: Office) -> None:
    parent, child = await place.start(), await place.start()
    await write(place, parent, MASKS, -DAY)
    async with place.store.transaction(place.account) as unit:
        await unit.masks.hand_down(parent, child)
    assert await place.rows("select 1 from session_vaults where session_id = :s", s=child) == []


async def test_nothing_of_it_can_be_read_at_rest(place: Office) -> None:
    session = await place.start()
    await write(place, session, MASKS)
    assert b"hunter2" not in await sealed(place, session)
    assert b"hunter2" in VAULT.open(await sealed(place, session))


async def test_what_has_expired_is_deleted(empty_database: Database) -> None:
    store = Store(empty_database.app_url, VAULT, pool_size=1)
    place = await move_in(store)
    old, young = await place.start(), await place.start()
    await write(place, old, MASKS, -DAY)
    await write(place, young, MASKS)
    assert await Retention(store).clean() == 1
    [row] = await place.rows("select session_id from session_vaults")
    assert row.session_id == young
    await store.close()


async def test_with_a_clock_that_was_moved_they_expire_by_that_clock(database: Database) -> None:
    async with office(database.app_url) as place:
        session = await place.start()
        await write(place, session, MASKS)
        later = Store(database.app_url, VAULT, offset=2 * DAY)
        async with later.transaction(place.account) as unit:
            assert await unit.masks.read(session) == ()
        await later.close()


async def test_a_new_key_renews_them_and_one_that_nothing_opens_stops_nobody(place: Office) -> None:
    newest = new_key()
    session, lost = await place.start(), await place.start()
    for each in (session, lost):
        await write(place, each, MASKS)
    foreign = Vault([new_key()]).seal(b"[]")
    await place.rows("update session_vaults set sealed = :c where session_id = :s", c=foreign, s=lost)
    async with place.store.transaction(place.account) as unit:
        await rotate_keys(unit, Vault([newest, KEY]))
    assert b"hunter2" in Vault([newest]).open(await sealed(place, session))
    assert await sealed(place, lost) == foreign
    with pytest.raises(KeysUnusable):
        await read(place, lost)


async def test_they_go_with_the_session(place: Office) -> None:
    session = await place.start()
    await write(place, session, MASKS)
    async with place.store.transaction(place.account) as unit:
        await unit.connection.execute(text("delete from ai_sessions where id = :s"), {"s": session})
    assert await place.rows("select 1 from session_vaults where session_id = :s", s=session) == []


async def test_nobody_writes_into_the_session_of_another_account(database: Database) -> None:
    async with office(database.app_url) as alpha, office(database.app_url) as beta:
        session = await alpha.start()
        await write(alpha, session, MASKS)
        with pytest.raises(LookupError):
            await write(beta, session, MASKS[:1])
        assert await read(alpha, session) == MASKS
        assert await read(beta, session) == ()
        assert await read(beta, uuid4()) == ()
