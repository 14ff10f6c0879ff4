"""Conversations that can be reached: kept as they last were, found by tenant, person and team, forgotten with the team."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from storage.places import Place
from storage.references import Stored
from storage.workspaces import Workspaces, make_code
from tests.conftest import Database
from tests.fakes import Office, move_in, office

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELP = "19:help@thread.tacv2"
RAW = {"serviceUrl": "https://smba.example/emea/", "bot": {"id": "28:app"}, "conversation": {"id": HELP}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4()}"


async def do(place: Office, call: str, *given: Any, **more: Any) -> Any:
    async with place.store.transaction(place.account) as unit:
        return await getattr(unit.references, call)(*given, **more)


async def test_what_is_kept_comes_back_whole(place: Office, tenant: str) -> None:
    assert await do(place, "get", tenant, HELP) is None
    await do(place, "keep", tenant, HELP, "channel", RAW, team="19:team", name="Help desk")
    assert await do(place, "get", tenant, HELP) == Stored(
        tenant, HELP, "channel", RAW, "", "19:team", "Help desk"
    )
    assert await do(place, "get", "another tenant", HELP) is None


async def test_only_a_change_is_written(place: Office, tenant: str) -> None:
    async def row() -> Any:
        query = "select xmin::text as written, kept_at from conversation_references where workspace = :t"
        return (await place.rows(query, t=tenant))[0]

    await do(place, "keep", tenant, HELP, "channel", RAW, team="19:team", name="Help desk")
    first = await row()
    await do(place, "keep", tenant, HELP, "channel", dict(reversed(RAW.items())), name="Help desk")
    assert await row() == first
    await do(place, "keep", tenant, HELP, "channel", {**RAW, "serviceUrl": "https://smba.example/amer/"})
    found = await do(place, "get", tenant, HELP)
    assert (found.raw["serviceUrl"], found.team, found.name) == (
        "https://smba.example/amer/",
        "19:team",
        "Help desk",
    )
    assert (await row()).kept_at > first.kept_at


async def test_texts_that_a_database_refuses_are_kept_without_that(place: Office, tenant: str) -> None:
    await do(place, "keep", tenant, HELP, "channel", {"name": "a\x00b"}, name="Help\x00 \ud83d")
    found = await do(place, "get", tenant, HELP)
    assert (found.raw, found.name) == ({"name": "ab"}, "Help ?")


async def test_the_chat_with_a_person_is_found_and_no_group_he_is_named_in(
    place: Office, tenant: str
) -> None:
    await do(place, "keep", tenant, "19:group@thread.v2", "group", RAW, person="anna")
    assert await do(place, "personal", tenant, "anna") is None
    await do(place, "keep", tenant, "a:1", "personal", RAW, person="anna")
    await do(place, "keep", tenant, "a:2", "personal", RAW, person="ben")
    assert (await do(place, "personal", tenant, "anna")).conversation == "a:1"
    await do(place, "keep", tenant, "a:3", "personal", RAW, person="anna")
    assert (await do(place, "personal", tenant, "anna")).conversation == "a:3"


async def test_the_latest_is_the_one_that_was_new_or_changed_last(place: Office, tenant: str) -> None:
    assert await do(place, "latest", tenant) is None
    await do(place, "keep", tenant, "a:1", "personal", RAW, person="anna")
    await do(place, "keep", tenant, HELP, "channel", RAW)
    assert (await do(place, "latest", tenant)).conversation == HELP
    await do(place, "keep", tenant, "a:1", "personal", {**RAW, "locale": "de"}, person="anna")
    assert (await do(place, "latest", tenant)).conversation == "a:1"


async def test_channels_are_listed_by_name_and_nothing_else_with_them(place: Office, tenant: str) -> None:
    for conversation, kind, name in (("c2", "channel", "network"), ("c1", "channel", "Escalations")):
        await do(place, "keep", tenant, conversation, kind, RAW, name=name)
    await do(place, "keep", tenant, "a:1", "personal", RAW, name="Anna")
    assert [each.name for each in await do(place, "channels", tenant)] == ["Escalations", "network"]


async def test_a_channel_that_is_heard_without_a_mention_stays_so(place: Office, tenant: str) -> None:
    await do(place, "keep", tenant, HELP, "channel", RAW)
    assert not (await do(place, "get", tenant, HELP)).hears
    await do(place, "hears", tenant, HELP)
    await do(place, "keep", tenant, HELP, "channel", {**RAW, "locale": "de"})
    assert (await do(place, "get", tenant, HELP)).hears


async def test_a_team_without_flowpilot_is_forgotten_and_nothing_else(place: Office, tenant: str) -> None:
    await do(place, "keep", tenant, HELP, "channel", RAW, team="19:team")
    await do(place, "keep", tenant, "19:team", "channel", RAW)
    await do(place, "keep", tenant, "19:other", "channel", RAW, team="19:elsewhere")
    await do(place, "keep", tenant, "a:1", "personal", RAW, person="anna")
    assert await do(place, "forget", tenant, "") == 0
    assert await do(place, "forget", tenant, "19:team") == 2
    assert await do(place, "forget", tenant, "19:team") == 0
    kept = {each.conversation for each in await do(place, "channels", tenant)}
    assert kept == {"19:other"}
    assert await do(place, "personal", tenant, "anna") is not None


async def test_a_tenant_that_is_taken_from_its_account_is_reached_no_more(place: Office, tenant: str) -> None:
    chats = Workspaces(place.store)
    await chats.install("teams", tenant, "Nordlicht", "28:app", "app", "app", {})
    async with place.store.transaction(place.account) as unit:
        code = await make_code(unit, "teams", place.anna.id)
    async with place.store.transaction() as unit:
        assert await unit.redeem("teams", tenant, code) == place.account
    await do(place, "keep", tenant, HELP, "channel", RAW)
    await do(place, "keep", "another tenant", HELP, "channel", RAW)
    assert await chats.unlink("teams", tenant) == place.account
    await chats.revoke("teams", tenant)
    assert await do(place, "get", tenant, HELP) is None
    assert await do(place, "get", "another tenant", HELP) is not None


async def test_what_an_earlier_account_could_reach_goes_when_another_one_connects(
    place: Office, tenant: str
) -> None:
    await do(place, "keep", tenant, HELP, "channel", RAW)
    later = await move_in(place.store)
    await Workspaces(place.store).install("teams", tenant, "Nordlicht", "28:app", "app", "app", {})
    async with place.store.transaction(later.account) as unit:
        await unit.references.keep(tenant, HELP, "channel", RAW)
        code = await make_code(unit, "teams", later.anna.id)
    async with place.store.transaction() as unit:
        assert await unit.redeem("teams", tenant, code) == later.account
    assert await do(place, "get", tenant, HELP) is None
    async with place.store.transaction(later.account) as unit:
        assert await unit.references.get(tenant, HELP) is not None


@pytest.mark.parametrize(
    ("platform", "channel", "private"),
    [
        ("teams", "user:anna", True),
        ("teams", "19:help@thread.tacv2", False),
        ("slack", "user:anna", False),
        ("slack", "D1", True),
        ("console", "user:anna", False),
    ],
)
async def test_a_place_between_one_person_and_us_is_private(
    platform: str, channel: str, private: bool
) -> None:
    assert Place(uuid4(), "thread", platform, "w", channel, "").is_private is private
