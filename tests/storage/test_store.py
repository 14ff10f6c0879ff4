"""Transactions: bound to one account, kept whole or not at all, and refused to a role that sees too much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from engine.effects import ShowCard
from storage.leader import Leader
from storage.retention import Retention
from storage.store import Store, UnsafeRole
from tests.conftest import FOLDER, Database
from tests.fakes import VAULT, Office, move_in, office, receiving

SETTING = "select current_setting('app.account_id', true)"


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url, pool_size=1) as opened:
        yield opened


async def test_what_was_done_before_an_exception_is_not_kept(place: Office) -> None:
    with pytest.raises(ZeroDivisionError):
        async with place.store.transaction(place.account) as unit:
            await unit.accounts.add_team("Network")
            raise ZeroDivisionError
    async with place.store.transaction(place.account) as unit:
        assert await unit.accounts.teams() == {}


async def test_a_cancelled_transaction_keeps_nothing_and_gives_its_connection_back(place: Office) -> None:
    begun = asyncio.Event()

    async def slow() -> None:
        async with place.store.transaction(place.account) as unit:
            await unit.accounts.add_team("Network")
            begun.set()
            await unit.connection.execute(text("select pg_sleep(30)"))

    task = asyncio.create_task(slow())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with place.store.transaction(place.account) as unit:
        assert await unit.accounts.teams() == {}


async def test_a_transaction_belongs_to_one_account_for_good(place: Office) -> None:
    async with place.store.transaction() as unit:
        await unit.enter(place.account)
        await unit.enter(place.account)
        with pytest.raises(ValueError, match="one account"):
            await unit.enter(uuid4())
        assert (await unit.connection.execute(text(SETTING))).scalar() == str(place.account)


async def test_the_setting_ends_with_its_transaction(place: Office) -> None:
    async with place.store.transaction(place.account):
        pass
    with pytest.raises(ZeroDivisionError):
        async with place.store.transaction(place.account):
            raise ZeroDivisionError
    async with place.store.engine.connect() as connection:
        assert (await connection.execute(text(SETTING))).scalar() in (None, "")
        assert (await connection.execute(text("select count(*) from users"))).scalar() == 0


async def test_with_no_account_set_nothing_of_any_account_is_visible(place: Office) -> None:
    async with place.store.transaction() as unit:
        for table in ("accounts", "users", "ai_sessions", "outbox", "lanes", "places"):
            count = text(f"select count(*) from {table}")  # noqa: S608 - from the line above
            assert (await unit.connection.execute(count)).scalar() == 0
        assert not hasattr(unit, "sessions")


async def test_a_fresh_connection_sees_nothing_either(place: Office, database: Database) -> None:
    """There the setting is null and not empty."""
    async with await psycopg.AsyncConnection.connect(database.app_url) as connection:
        found = await (await connection.execute("select count(*) from users")).fetchone()
        assert found == (0,)


async def test_the_clock_may_be_moved_and_what_is_due_follows_it(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        before = unit.now
        later = ShowCard(due=unit.now + timedelta(days=3))
        await unit.outbox.owe(place.anna.id, (later,))
    place.store.offset = timedelta(days=4)
    async with place.store.transaction(place.account) as unit:
        assert timedelta(days=4) <= unit.now - before < timedelta(days=4, minutes=5)
        [(_, due)] = await unit.outbox.waiting(place.anna.id)
        assert due < unit.now


# ── Roles ───────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def another_role(database: Database, rights: str) -> Iterator[str]:
    """The address of the same database for a new role. Skipped where the server is not the embedded one."""
    secrets = FOLDER / "secrets.json"
    if not secrets.exists():
        pytest.skip("only the embedded server lets tests make roles")
    address = urlsplit(database.owner_url)
    password = json.loads(secrets.read_text())["superuser"]
    tail = address.netloc.rpartition("@")[2]
    root = address._replace(netloc=f"postgres:{password}@{tail}").geturl()
    name = f"test_{uuid4().hex[:16]}"
    with psycopg.connect(root, autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL(f"create role {{}} login password 'pw' {rights}").format(role))
        try:
            yield address._replace(netloc=f"{name}:pw@{tail}").geturl()
        finally:
            connection.execute(sql.SQL("drop role {}").format(role))


async def refused(url: str) -> str:
    store = Store(url, VAULT, pool_size=1)
    try:
        with pytest.raises(UnsafeRole) as why:
            await store.refuse_unsafe_role()
    finally:
        await store.close()
    return str(why.value)


@pytest.mark.parametrize(
    ("rights", "why"),
    [
        ("superuser", "is a superuser"),
        ("bypassrls", "has BYPASSRLS"),
        ("in role flowpilot_owner", "owns the tables"),
        ("noinherit in role flowpilot_owner", "owns the tables"),
    ],
)
async def test_the_application_refuses_a_role_that_sees_around_the_lock(
    database: Database, rights: str, why: str
) -> None:
    with another_role(database, rights) as url:
        assert why in await refused(url)


async def test_the_application_refuses_the_owner_of_the_tables(database: Database) -> None:
    said = await refused(database.owner_url)
    assert "owns the tables" in said
    assert "DATABASE_OWNER_URL" in said


async def test_the_plain_role_is_accepted(place: Office) -> None:
    await place.store.refuse_unsafe_role()


# ── What only one may do, and what is deleted ───────────────────────────────────────────────────────────────


async def test_one_leads_until_the_lease_ends_or_he_resigns(place: Office) -> None:
    name, hour = uuid4().hex, timedelta(hours=1)
    first, second = Leader(place.store, name, "first"), Leader(place.store, name, "second")
    assert [await first.lead(hour), await second.lead(hour), await first.lead(hour)] == [True, False, True]
    await second.resign()
    assert not await second.lead(hour)
    await first.resign()
    assert await second.lead(timedelta(seconds=-1))
    assert await first.lead(hour)


async def test_of_many_who_ask_at_once_one_leads(database: Database) -> None:
    store = Store(database.app_url, VAULT, pool_size=5)
    name = uuid4().hex
    leaders = [Leader(store, name, str(number)) for number in range(10)]
    answers = await asyncio.gather(*(leader.lead(timedelta(hours=1)) for leader in leaders))
    await store.close()
    assert answers.count(True) == 1


async def test_only_what_is_old_and_done_with_is_deleted(empty_database: Database) -> None:
    store = Store(empty_database.app_url, VAULT, pool_size=1)
    place = await move_in(store)
    async with receiving(empty_database.app_url, size=1) as receives:
        for key in ("old and done", "old and failed", "old and new", "young"):
            await receives.remember("console", key, key, b"{}")
    async with store.transaction(place.account) as unit:
        for subject in (uuid4(), uuid4(), uuid4()):
            await unit.outbox.owe(subject, (ShowCard(),))
        for _ in range(2):
            await unit.drafts.keep(place.anna.id, "form", {})
    age = (
        "update inbox set received_at = now() - interval '8 days' where unique_key like 'old%';"
        "update inbox set state = 'done' where unique_key in ('old and done', 'young');"
        "update inbox set state = 'failed' where unique_key = 'old and failed';"
        "update drafts set created_at = now() - interval '25 hours' where id in (select id from drafts limit 1);"
        "update outbox set state = case when id % 3 = 0 then 'owed' when id % 3 = 1 then 'done' else 'parked' end,"
        " done_at = now() - interval '31 days', created_at = now() - interval '31 days'"
    )
    with psycopg.connect(empty_database.owner_url) as owner:
        owner.execute(age)
    assert await Retention(store).clean() == 4
    await store.close()
    with psycopg.connect(empty_database.owner_url) as owner:
        assert owner.execute("select unique_key from inbox order by id").fetchall() == [
            ("old and new",),
            ("young",),
        ]
        assert owner.execute("select count(*) from drafts").fetchone() == (1,)
        assert owner.execute("select state from outbox order by state").fetchall() == [("owed",), ("parked",)]
