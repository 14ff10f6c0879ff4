"""Chat workspaces: installed by whoever comes, linked once by a code, sealed at rest, and seen by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.administration import rotate_keys
from storage.linking import normal
from storage.retention import Retention
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import Workspace, Workspaces, WorkspaceTaken, make_code
from tests.conftest import Database
from tests.fakes import KEY, VAULT, Office, move_in

KEYS = {"token": "xoxb-hunter2", "refresh": "xoxe-1", "expires_at": "2026-03-02T09:00:00+00:00"}


@dataclass(frozen=True, slots=True)
class Chats:
    """Workspaces, an Account, and a way to look behind the application's back."""

    store: Store
    workspaces: Workspaces
    place: Office
    owner_url: str

    async def install(self, team: str = "", name: str = "Practice MSP", **keys: str) -> str:
        made = team or f"T{uuid4().hex}"
        await self.workspaces.install("slack", made, name, "U0", "B0", "A0", keys or KEYS, "chat:write")
        return made

    async def found(self, team: str) -> Workspace:
        found = await self.workspaces.find("slack", team)
        assert found is not None
        return found

    async def code(self, place: Office | None = None, platform: str = "slack") -> str:
        at = place or self.place
        async with self.store.transaction(at.account) as unit:
            return await make_code(unit, platform, at.anna.id)

    async def redeem(self, team: str, code: str) -> UUID | None:
        async with self.store.transaction() as unit:
            return await unit.redeem("slack", team, code)

    async def link(self, team: str, place: Office | None = None) -> None:
        at = place or self.place
        assert await self.redeem(team, await self.code(at)) == at.account

    def ask(self, query: str, *given: Any) -> list[Any]:
        """As the owner of the tables."""
        with psycopg.connect(self.owner_url) as owner:
            found = owner.execute(query, given)
            return list(found.fetchall()) if found.description else []


@pytest.fixture
async def chats(database: Database) -> AsyncIterator[Chats]:
    store = Store(database.app_url, VAULT, pool_size=4)
    yield Chats(store, Workspaces(store), await move_in(store), database.owner_url)
    await store.close()


# ── Installed ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_installed_is_found_before_an_account_is_known(chats: Chats) -> None:
    team = await chats.install()
    found = await chats.found(team)
    assert (found.external_id, found.account_id, found.state) == (team, None, "installed")
    assert (found.name, found.bot_user_id, found.bot_id, found.app_id) == ("Practice MSP", "U0", "B0", "A0")
    assert (found.credentials, found.scopes) == (KEYS, "chat:write")
    assert "hunter2" not in repr(found)
    assert await chats.workspaces.find("slack", "nowhere") is None
    assert await chats.workspaces.find("teams", team) is None


async def test_its_keys_cannot_be_read_at_rest(chats: Chats) -> None:
    [(sealed,)] = chats.ask(
        "select credentials from workspaces where external_id = %s", await chats.install()
    )
    assert b"hunter2" not in bytes(sealed)
    assert b"hunter2" in VAULT.open(sealed)


async def test_the_newest_install_counts_and_keeps_the_link(chats: Chats) -> None:
    team = await chats.install()
    await chats.link(team)
    before = await chats.found(team)
    await chats.install(team, "Renamed", token="xoxb-2")
    after = await chats.found(team)
    assert (after.id, after.account_id, after.name) == (before.id, chats.place.account, "Renamed")
    assert after.credentials == {"token": "xoxb-2"}


async def test_installed_many_times_at_once_it_is_one_workspace(chats: Chats) -> None:
    team = f"T{uuid4().hex}"
    await asyncio.gather(*(chats.install(team, str(n)) for n in range(8)))
    assert chats.ask("select count(*) from workspaces where external_id = %s", team) == [(1,)]


async def test_installing_while_it_is_linked_loses_neither(chats: Chats) -> None:
    team = await chats.install()
    code = await chats.code()
    await asyncio.gather(*(chats.install(team, token=f"t{n}") for n in range(4)), chats.redeem(team, code))
    found = await chats.found(team)
    assert found.account_id == chats.place.account
    assert found.credentials["token"].startswith("t")


async def test_uninstalling_deletes_the_keys_and_a_late_renewal_does_not_bring_them_back(
    chats: Chats,
) -> None:
    team = await chats.install()
    await chats.link(team)
    assert await chats.workspaces.change_credentials("slack", team, {"token": "renewed"})
    assert (await chats.found(team)).credentials == {"token": "renewed"}
    assert await chats.workspaces.revoke("slack", team)
    assert not await chats.workspaces.change_credentials("slack", team, {"token": "too late"})
    gone = await chats.found(team)
    assert (gone.state, gone.credentials, gone.account_id) == ("uninstalled", {}, chats.place.account)
    assert chats.ask("select credentials from workspaces where external_id = %s", team) == [(None,)]
    await chats.install(team)
    assert (await chats.found(team)).state == "installed"
    assert not await chats.workspaces.revoke("slack", "nowhere")


# ── Linked by a code ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_code_links_once_and_says_to_which_account(chats: Chats) -> None:
    first, second, code = await chats.install(), await chats.install(), await chats.code()
    assert await chats.redeem(first, code) == chats.place.account
    assert await chats.redeem(second, code) is None
    assert await chats.redeem(first, code) is None
    assert [each.external_id for each in await chats.workspaces.of_account(chats.place.account)] == [first]
    [(linked_by,)] = chats.ask("select linked_by from workspaces where external_id = %s", first)
    assert linked_by == chats.place.anna.id
    assert (await chats.found(second)).account_id is None


@pytest.mark.parametrize(
    "typed",
    ["FP-0A1B-C2D3-E4F5", "fp-0a1b-c2d3-e4f5", " FP 0A1B C2D3 E4F5 ", "0a1bc2d3e4f5", "FP–OAIB–C2D3—E4F5", "`FP0alb-c2d3e4f5`."],
)  # fmt: skip
def test_what_people_type_is_read_as_the_code_that_was_made(typed: str) -> None:
    assert normal(typed) == "0A1BC2D3E4F5"


async def test_a_code_typed_loosely_links_and_is_nowhere_in_the_database(chats: Chats) -> None:
    team, code = await chats.install(), await chats.code()
    assert len(code) == len("FP-XXXX-XXXX-XXXX")
    stored = chats.ask(
        "select to_jsonb(c)::text from link_codes c where account_id = %s", chats.place.account
    )
    assert normal(code) not in str(stored)
    assert await chats.redeem(team, f"  {code.lower().replace('-', ' ')} ") == chats.place.account


@pytest.mark.parametrize("nonsense", ["", "FP-", "FP-0000-0000-0000", "Ⓕ" * 5_000, "'; drop table users; --"])
async def test_nonsense_links_nothing(chats: Chats, nonsense: str) -> None:
    assert await chats.redeem(await chats.install(), nonsense) is None


async def test_a_code_ends_with_its_hour_its_platform_and_its_maker(chats: Chats) -> None:
    team = await chats.install()
    assert await chats.redeem(team, await chats.code(platform="teams")) is None
    late = await chats.code()
    [(lasts,)] = chats.ask(
        "select max(extract(epoch from expires_at - now())) from link_codes where account_id = %s",
        chats.place.account,
    )
    assert 3500 < lasts <= 3600
    chats.ask("update link_codes set expires_at = now() where account_id = %s", chats.place.account)
    assert await chats.redeem(team, late) is None
    orphaned = await chats.code()
    async with chats.store.transaction(chats.place.account) as unit:
        await unit.accounts.set_active(chats.place.anna.id, active=False)
    assert await chats.redeem(team, orphaned) is None


async def test_of_many_who_redeem_one_code_at_once_one_wins(chats: Chats) -> None:
    teams, code = [await chats.install() for _ in range(6)], await chats.code()
    answers = await asyncio.gather(*(chats.redeem(team, code) for team in teams))
    assert answers.count(chats.place.account) == 1
    assert answers.count(None) == 5
    assert len(await chats.workspaces.of_account(chats.place.account)) == 1


async def test_a_code_that_is_being_redeemed_elsewhere_is_waited_for_and_found_used(chats: Chats) -> None:
    first, second, code = await chats.install(), await chats.install(), await chats.code()
    async with chats.store.transaction() as unit:
        assert await unit.redeem("slack", first, code) == chats.place.account
        other = asyncio.create_task(chats.redeem(second, code))
        await chats.place.until_somebody_waits(other)
        assert not other.done()
    assert await other is None
    assert (await chats.found(second)).account_id is None


async def test_of_two_accounts_that_ask_for_one_workspace_at_once_one_gets_it(chats: Chats) -> None:
    others = [await move_in(chats.store) for _ in range(3)]
    team, codes = await chats.install(), [await chats.code(each) for each in others]
    answers = await asyncio.gather(*(chats.redeem(team, code) for code in codes), return_exceptions=True)
    assert sum(isinstance(answer, WorkspaceTaken) for answer in answers) == 2
    [winner] = [answer for answer in answers if isinstance(answer, UUID)]
    assert (await chats.found(team)).account_id == winner


async def test_a_workspace_of_another_account_is_refused_with_the_next_step_and_the_code_stays_good(
    chats: Chats,
) -> None:
    team, other = await chats.install(), await move_in(chats.store)
    await chats.link(team)
    code = await chats.code(other)
    async with chats.store.transaction() as unit:
        with pytest.raises(WorkspaceTaken, match=f"flowpilot unlink slack {team}"):
            await unit.redeem("slack", team, code)
    assert (await chats.found(team)).account_id == chats.place.account
    assert await chats.workspaces.unlink("slack", team) == chats.place.account
    assert await chats.redeem(team, code) == other.account


async def test_a_second_code_of_the_same_account_is_welcome(chats: Chats) -> None:
    team = await chats.install()
    await chats.link(team)
    await chats.link(team)


async def test_what_nobody_installed_cannot_be_linked(chats: Chats) -> None:
    with pytest.raises(LookupError, match="not installed"):
        await chats.redeem("nowhere", await chats.code())


async def test_after_unlinking_nobody_is_known_by_the_workspace(chats: Chats) -> None:
    team, elsewhere = await chats.install(), await chats.install()
    await chats.link(team)
    async with chats.store.transaction(chats.place.account) as unit:
        for workspace in (team, elsewhere):
            await unit.accounts.add_identity(chats.place.anna.id, "slack", workspace, "U1")
    assert await chats.workspaces.unlink("slack", team) == chats.place.account
    assert await chats.workspaces.unlink("slack", team) is None
    assert await chats.workspaces.unlink("slack", "nowhere") is None
    found = await chats.found(team)
    assert (found.account_id, found.state, found.credentials) == (None, "installed", KEYS)
    assert team in [each.external_id for each in await chats.workspaces.unlinked()]
    async with chats.store.transaction() as unit:
        assert await unit.identity("slack", team, "U1") is None
        assert await unit.identity("slack", elsewhere, "U1") == (chats.place.account, chats.place.anna.id)


async def test_what_the_earlier_account_left_there_does_not_reach_the_next_one(chats: Chats) -> None:
    team, other = await chats.install(), await move_in(chats.store)
    await chats.link(team)
    await chats.workspaces.unlink("slack", team)
    async with chats.store.transaction(chats.place.account) as unit:
        left = await unit.places.ensure("thread", "slack", team, "C1", "1")
        kept = await unit.places.ensure("thread", "console", team, "C1", "1")
        await unit.accounts.add_identity(chats.place.anna.id, "slack", team, "U1")
    await chats.link(team, other)
    async with chats.store.transaction() as unit:
        assert await unit.identity("slack", team, "U1") is None
    async with chats.store.transaction(other.account) as unit:
        assert (await unit.places.ensure("thread", "slack", team, "C1", "1")).id != left.id
    async with chats.store.transaction(chats.place.account) as unit:
        assert await unit.places.get(left.id) is None
        assert await unit.places.get(kept.id) == kept


# ── Seen and changed by nobody else ─────────────────────────────────────────────────────────────────────────

SEEN = text("select external_id from workspaces")
NAMED = text("select set_config('app.workspace_id', :id, true)")


async def test_without_being_named_no_workspace_is_seen_and_named_only_that_one(chats: Chats) -> None:
    free, linked = await chats.install(), await chats.install()
    await chats.link(linked)
    async with chats.store.transaction() as unit:
        assert (await unit.connection.execute(SEEN)).all() == []
        for team in (free, linked):
            assert await unit.workspace("slack", team) is not None
            assert (await unit.connection.execute(SEEN)).scalars().all() == [team]
        assert unit.account is None
    async with chats.store.transaction() as unit:
        assert (await unit.connection.execute(SEEN)).all() == []


async def test_an_account_never_sees_the_workspace_of_another_even_by_its_id(chats: Chats) -> None:
    other, team = await move_in(chats.store), await chats.install()
    await chats.link(team)
    theirs = (await chats.found(team)).id
    async with chats.store.transaction(other.account) as unit:
        assert await unit.workspace("slack", team) is None
        await unit.connection.execute(NAMED, {"id": str(theirs)})
        assert (await unit.connection.execute(SEEN)).all() == []
        for change in ("update workspaces set name = 'mine'", "delete from workspaces"):
            assert (await unit.connection.execute(text(change))).rowcount == 0
    async with chats.store.transaction(chats.place.account) as unit:
        assert (await unit.workspace("slack", team)) == await chats.found(team)
    assert (await chats.found(team)).name == "Practice MSP"


@pytest.mark.parametrize(
    "forbidden",
    [
        "insert into workspaces (id, platform, external_id) values (gen_random_uuid(), 'slack', 'not named')",
        "insert into workspaces (id, account_id, platform, external_id) values (:named, :account, 'slack', 'linked')",
        "update workspaces set account_id = :account",
    ],
)
async def test_without_an_account_nothing_is_linked_and_nothing_made_but_what_is_named(
    chats: Chats, forbidden: str
) -> None:
    named = (await chats.found(await chats.install())).id
    given = {"named": named, "account": chats.place.account}
    with pytest.raises(DBAPIError, match="row-level security"):
        async with chats.store.transaction() as unit:
            await unit.connection.execute(NAMED, {"id": str(named)})
            query = text(forbidden)
            await unit.connection.execute(query, {name: given[name] for name in query.compile().params})


async def test_a_linked_workspace_is_changed_by_its_account_alone(chats: Chats) -> None:
    team = await chats.install()
    await chats.link(team)
    change = text("update workspaces set name = 'changed'")
    async with chats.store.transaction() as unit:
        assert await unit.workspace("slack", team) is not None
        assert (await unit.connection.execute(change)).rowcount == 0
    async with chats.store.transaction(chats.place.account) as unit:
        assert (await unit.connection.execute(change)).rowcount == 1
        assert (await unit.connection.execute(text("delete from workspaces"))).rowcount == 0


async def test_an_account_that_goes_takes_its_workspaces_and_codes_along(chats: Chats) -> None:
    team = await chats.install()
    await chats.link(team)
    await chats.code()
    chats.ask("delete from accounts where id = %s", chats.place.account)
    assert await chats.workspaces.find("slack", team) is None
    assert chats.ask("select 1 from link_codes where account_id = %s", chats.place.account) == []


async def test_who_linked_it_may_go_and_the_link_stays(chats: Chats) -> None:
    team = await chats.install()
    await chats.link(team)
    chats.ask("delete from users where id = %s", chats.place.anna.id)
    assert (await chats.found(team)).account_id == chats.place.account


# ── Renewed and forgotten ───────────────────────────────────────────────────────────────────────────────────


async def test_rotating_renews_linked_unlinked_and_skips_uninstalled(empty_database: Database) -> None:
    young = new_key()
    old, both, new = (Store(empty_database.app_url, Vault(k)) for k in ([KEY], [young, KEY], [young]))
    place = await move_in(old)
    before = Chats(old, Workspaces(old), place, empty_database.owner_url)
    linked, free, gone = [await before.install() for _ in range(3)]
    await before.link(linked)
    await before.workspaces.revoke("slack", gone)
    async with both.transaction(place.account) as unit:
        assert await rotate_keys(unit, both.vault) == 0
    for team, keys in ((linked, KEYS), (free, KEYS), (gone, {})):
        found = await Workspaces(new).find("slack", team)
        assert found is not None
        assert found.credentials == keys
    for store in (old, both, new):
        await store.close()


async def test_an_uninstall_that_is_heard_of_after_a_new_install_takes_nothing_away(chats: Chats) -> None:
    team = await chats.install()
    assert not await chats.workspaces.revoke("slack", team, datetime.now(UTC) - timedelta(minutes=1))
    assert (await chats.found(team)).state == "installed"
    assert await chats.workspaces.revoke("slack", team, datetime.now(UTC))


async def test_expired_codes_are_deleted_and_good_ones_stay(empty_database: Database) -> None:
    store = Store(empty_database.app_url, VAULT, pool_size=1)
    chats = Chats(store, Workspaces(store), await move_in(store), empty_database.owner_url)
    team = await chats.install()
    await chats.code()
    chats.ask("update link_codes set expires_at = now() - interval '1 second'")
    good = await chats.code()
    assert await Retention(store).clean() == 1
    assert await chats.redeem(team, good) == chats.place.account
    await store.close()
