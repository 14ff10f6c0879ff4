"""Screenshots: sealed, shown to the model only once a person agreed, and gone a month after the Session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from storage.administration import rotate_keys
from storage.pictures import Picture, PictureState
from storage.retention import Retention
from storage.store import Store
from storage.vault import Vault, new_key
from tests.conftest import Database
from tests.fakes import KEY, VAULT, Office, move_in, office

SHOT = b"\x89PNG a window that says 0x8000ffff"


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def do(place: Office, name: str, *given: Any, **more: Any) -> Any:
    async with place.store.transaction(place.account) as unit:
        return await getattr(unit.pictures, name)(*given, **more)


async def add(place: Office, session: UUID, content: bytes = SHOT, **more: Any) -> UUID:
    made: UUID = await do(
        place, "add", session, place.anna.id, "shot.png", "image/png", 800, 600, content, **more
    )
    return made


async def only(place: Office, session: UUID) -> Picture:
    [found] = await do(place, "of_session", session)
    assert isinstance(found, Picture)
    return found


async def test_a_picture_is_known_without_its_bytes_and_opened_when_they_are_needed(place: Office) -> None:
    session = await place.start()
    made = await add(place, session, link="https://chat.example/shot")
    found = await only(place, session)
    assert found == Picture(
        made, session, "shot.png", "image/png", 800, 600, len(SHOT), place.anna.id, found.at,
        "https://chat.example/shot", "", PictureState.KEPT,
    )  # fmt: skip
    assert await do(place, "content", made) == SHOT
    assert await do(place, "content", uuid4()) is None


async def test_several_are_opened_at_once_and_listed_oldest_first(place: Office) -> None:
    session = await place.start()
    made = [await add(place, session, bytes([n])) for n in range(3)]
    assert await do(place, "contents", [*made, uuid4()]) == {made[n]: bytes([n]) for n in range(3)}
    assert [each.id for each in await do(place, "of_session", session)] == made
    assert await do(place, "contents", []) == {}


async def test_a_picture_may_come_in_before_the_session_it_begins(place: Office) -> None:
    session = uuid4()
    async with place.store.transaction(place.account) as unit:
        given = (session, place.anna.id, "a.gif", "image/gif", 1, 1, b"x")
        made = await unit.pictures.add(*given)
        await unit.sessions.save(None, place.blank(session, unit.now))
    assert (await only(place, session)).id == made
    with pytest.raises(IntegrityError):
        await add(place, uuid4())


async def test_a_picture_that_comes_in_again_is_one(place: Office) -> None:
    session, ours = await place.start(), uuid4()
    for _ in range(2):
        assert await add(place, session, picture_id=ours) == ours
    assert (await only(place, session)).id == ours


async def test_a_decision_holds_for_what_was_there_and_for_good(place: Office) -> None:
    session = await place.start()
    first = await add(place, session)
    assert await do(place, "hold_back", session) == 1
    second = await add(place, session)
    assert await do(place, "agree", session) == 1
    assert await do(place, "agree", session) == 0
    states = {each.id: each.state for each in await do(place, "of_session", session)}
    assert states == {first: PictureState.HELD_BACK, second: PictureState.AGREED}


async def test_what_was_read_in_it_is_kept(place: Office) -> None:
    session = await place.start()
    await do(place, "keep_saw", await add(place, session), "0x8000ffff\x00 in Outlook")
    assert (await only(place, session)).saw == "0x8000ffff in Outlook"


async def test_nothing_of_it_can_be_seen_at_rest(place: Office) -> None:
    session = await place.start()
    await add(place, session)
    [row] = await place.rows("select sealed from session_pictures where session_id = :s", s=session)
    assert b"0x8000ffff" not in bytes(row.sealed)
    assert VAULT.open(row.sealed) == SHOT


async def test_a_picture_goes_30_days_after_its_session_ended(empty_database: Database) -> None:
    store = Store(empty_database.app_url, VAULT, pool_size=1)
    place = await move_in(store)
    kept = set()
    for status, days, gone in (
        ("resolved", 31, True),
        ("escalated", 31, True),
        ("abandoned", 31, True),
        ("resolved", 29, False),
        ("paused", 300, False),
        ("active", 300, False),
    ):
        session = await place.start(status=status)
        made = await add(place, session)
        ago = "update ai_sessions set updated_at = now() - :ago where id = :s"
        await place.rows(ago, ago=timedelta(days=days), s=session)
        kept |= set() if gone else {made}
    assert await Retention(store).clean() == 3
    assert {row.id for row in await place.rows("select id from session_pictures")} == kept
    await store.close()


async def test_whoever_still_runs_the_version_before_cleans_as_well(database: Database) -> None:
    async with office(database.app_url) as place:
        long_ago = "'2000-01-01'::timestamptz"
        [row] = await place.store.rows(f"select fp_retain({long_ago}, {long_ago}, {long_ago}) as gone")
        assert row.gone >= 0


async def test_a_new_key_renews_them_and_one_that_nothing_opens_stops_nobody(place: Office) -> None:
    newest, session = new_key(), await place.start()
    made, lost = await add(place, session), await add(place, session)
    foreign = Vault([new_key()]).seal(b"x")
    await place.rows("update session_pictures set sealed = :c where id = :p", c=foreign, p=lost)
    async with place.store.transaction(place.account) as unit:
        await rotate_keys(unit, Vault([newest, KEY]))
    rows = await place.rows("select id, sealed from session_pictures where session_id = :s", s=session)
    found = {row.id: bytes(row.sealed) for row in rows}
    assert Vault([newest]).open(found[made]) == SHOT
    assert found[lost] == foreign
