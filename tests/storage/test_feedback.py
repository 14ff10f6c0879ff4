"""Thumbs under a step: one for each person, the last one counts, and the words are sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy.exc import IntegrityError

from storage.administration import rotate_keys
from storage.feedback import LONGEST, Thumb, keep_feedback
from storage.store import Store
from storage.vault import Vault, new_key
from tests.conftest import Database
from tests.fakes import KEY, VAULT, Office, move_in, office

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def keep(place: Office, *given: Any) -> None:
    async with place.store.transaction(place.account) as unit:
        await keep_feedback(unit, *given)


async def of_session(place: Office, session: Any) -> tuple[Thumb, ...]:
    async with place.store.transaction(place.account) as unit:
        return await unit.feedback.of_session(session)


async def test_each_person_has_one_thumb_for_a_step_and_the_last_one_counts(place: Office) -> None:
    session = await place.start()
    for _ in range(2):
        await keep(place, session, 1, place.anna.id, "like", "")
    await keep(place, session, 1, place.ben.id, "dislike", "It was the cable")
    await keep(place, session, 2, place.anna.id, "like", " Quick ")
    await keep(place, session, 1, place.anna.id, "dislike", "Too long")
    assert await of_session(place, session) == (
        Thumb(session, 1, place.anna.id, "dislike", "Too long"),
        Thumb(session, 1, place.ben.id, "dislike", "It was the cable"),
        Thumb(session, 2, place.anna.id, "like", "Quick"),
    )


async def test_the_words_cannot_be_read_at_rest_nor_in_a_repr(place: Office) -> None:
    session = await place.start()
    await keep(place, session, 1, place.anna.id, "dislike", "Wrong printer")
    [row] = await place.rows("select words from step_feedback where session_id = :s", s=session)
    assert b"printer" not in bytes(row.words)
    assert VAULT.open(row.words) == b"Wrong printer"
    assert "printer" not in repr(await of_session(place, session))


async def test_words_are_cut_to_a_length_and_what_cannot_be_kept_is_left_out(place: Office) -> None:
    session = await place.start()
    await keep(place, session, 1, place.anna.id, "like", "a\x00b\ud83d" + "x" * 2 * LONGEST)
    [found] = await of_session(place, session)
    assert found.words.startswith("ab?xxx")
    assert len(found.words) < LONGEST


async def test_a_session_nobody_began_and_a_third_reaction_are_refused(place: Office) -> None:
    with pytest.raises(IntegrityError):
        await keep(place, uuid4(), 1, place.anna.id, "like", "")
    with pytest.raises(IntegrityError):
        await keep(place, await place.start(), 1, place.anna.id, "shrug", "")


async def test_it_goes_with_its_session(place: Office) -> None:
    session = await place.start()
    await keep(place, session, 1, place.anna.id, "like", "")
    await place.rows("delete from ai_sessions where id = :s", s=session)
    assert await of_session(place, session) == ()


async def test_a_new_key_renews_the_words_and_one_that_nothing_opens_stops_nobody(
    empty_database: Database,
) -> None:
    place = await move_in(Store(empty_database.app_url, VAULT, pool_size=1))
    newest, session = new_key(), await place.start()
    await keep(place, session, 1, place.anna.id, "like", "Good")
    await keep(place, session, 2, place.anna.id, "like", "Lost")
    await keep(place, session, 3, place.anna.id, "like", "")
    foreign = Vault([new_key()]).seal(b"x")
    lose = "update step_feedback set words = :w where session_id = :s and step = 2 returning step"
    await place.rows(lose, w=foreign, s=session)
    async with place.store.transaction(place.account) as unit:
        await rotate_keys(unit, Vault([newest, KEY]))
    query = "select step, words from step_feedback where session_id = :s"
    found = {row.step: row.words for row in await place.rows(query, s=session)}
    assert Vault([newest]).open(found[1]) == b"Good"
    assert bytes(found[2]) == foreign
    assert found[3] is None
    await place.store.close()
