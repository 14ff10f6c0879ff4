"""A process that stands still in the middle of a transaction does not hold up the others for longer than agreed."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.store import Store
from storage.vault import Vault, new_key
from tests.conftest import Database

LOCK = text("select id from accounts where id = :id for update")


async def test_what_a_process_that_stands_still_has_locked_is_free_again_and_it_saves_nothing(
    database: Database,
) -> None:
    vault, account = Vault([new_key()]), uuid4()
    frozen = Store(database.app_url, vault, pool_size=1, still=timedelta(seconds=0.3))
    other = Store(database.app_url, vault, pool_size=1)
    async with other.transaction(account) as unit:
        await unit.accounts.create("Before")
    with pytest.raises(DBAPIError):
        async with frozen.transaction(account) as unit:
            await unit.connection.execute(LOCK, {"id": account})
            await unit.accounts.change_settings({"said": "too late"})
            async with other.transaction(account) as free:
                await free.connection.execute(
                    LOCK, {"id": account}
                )  # waits until the database ends the first one
            await unit.accounts.change_settings({"said": "too late"})
    async with other.transaction(account) as unit:
        assert await unit.accounts.settings() == {}
    await frozen.close()
    await other.close()
