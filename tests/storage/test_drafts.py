"""Drafts: short-lived, and gone once nobody can come back to them."""

from __future__ import annotations

from sqlalchemy import text

from storage.retention import Retention
from storage.store import Store
from tests.conftest import Database
from tests.fakes import VAULT, move_in


async def test_a_draft_that_says_where_to_answer_goes_after_a_day(empty_database: Database) -> None:
    store = Store(empty_database.app_url, VAULT, pool_size=1)
    place = await move_in(store)
    async with store.transaction(place.account) as unit:
        old, young = [await unit.drafts.keep(place.anna.id, "route", {"to": "C1"}) for _ in range(2)]
        age = text("update drafts set created_at = now() - interval '25 hours' where id = :id")
        await unit.connection.execute(age, {"id": old})
    assert await Retention(store).clean() == 1
    async with store.transaction(place.account) as unit:
        assert await unit.drafts.get(old, place.anna.id) is None
        assert await unit.drafts.get(young, place.anna.id) == {"to": "C1"}
    await store.close()
