"""`flowpilot link`, `unlink` and `workspaces`: a code for an Admin, a workspace taken back, a list without keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from storage.store import Store
from storage.vault import Vault
from storage.workspaces import Workspaces
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database

ANNA = "anna@practice.example"


@pytest.fixture
def flowpilot(empty_database: Database) -> Flowpilot:
    return Flowpilot(settings_of(empty_database, "redis://127.0.0.1:1/0"))


@pytest.fixture
async def msp(flowpilot: Flowpilot) -> Flowpilot:
    return await with_account(flowpilot)


@pytest.fixture
def vault(flowpilot: Flowpilot) -> Vault:
    return Vault([flowpilot.settings["FLOWPILOT_KEYS"]])


@pytest.fixture
async def store(flowpilot: Flowpilot, vault: Vault) -> AsyncIterator[Store]:
    opened = Store(flowpilot.settings["DATABASE_URL"], vault, pool_size=1)
    yield opened
    await opened.close()


async def installed(store: Store, team: str, name: str) -> None:
    await Workspaces(store).install("slack", team, name, "U0", "B0", "A0", {"token": "xoxb-secret"})


TYPED = {"slack": "/flowpilot connect", "teams": "@FlowPilot connect"}


async def redeemed(store: Store, team: str, said: str, platform: str = "slack") -> bool:
    code = re.search(r"^Code: (FP-\w{4}-\w{4}-\w{4})$", said, re.MULTILINE)
    assert code is not None
    assert f"{TYPED[platform]} {code[1]}" in said
    async with store.transaction() as unit:
        return await unit.redeem(platform, team, code[1]) is not None


async def test_the_printed_code_connects_a_workspace_and_says_until_when(
    msp: Flowpilot, store: Store
) -> None:
    await msp.does("settings", "set", "time_zone=Europe/Berlin")
    await installed(store, "T1", "Nordlicht")
    said = (await msp.does("link", "slack", "--account", "Nordlicht IT", "--by", ANNA)).out
    assert re.search(r"account Nordlicht IT, once, until \d\d:\d\d \(Europe/Berlin\)", said)
    assert await redeemed(store, "T1", said)
    assert not await redeemed(store, "T1", said)


async def test_a_code_is_made_for_no_one_but_an_active_admin(msp: Flowpilot) -> None:
    await msp.does("users", "add", "ben@practice.example", "--roles", "lead")
    refused = await msp.refuses("link", "slack", "--by", "ben@practice.example")
    assert "ben@practice.example is not an active Admin" in refused
    assert "no code was made" in refused
    await msp.does("users", "set", ANNA, "--inactive")
    assert "is not an active Admin" in await msp.refuses("link", "slack", "--by", ANNA)
    assert "Nobody here has the e-mail" in await msp.refuses("link", "slack", "--by", "who@practice.example")


async def test_a_workspace_is_taken_from_its_account_once(msp: Flowpilot, store: Store) -> None:
    await installed(store, "T1", "Nordlicht")
    await redeemed(store, "T1", (await msp.does("link", "slack", "--by", ANNA)).out)
    assert "it was Nordlicht IT's" in (await msp.does("unlink", "slack", "T1")).out
    assert "belongs to no account. Nothing was changed" in await msp.refuses("unlink", "slack", "T1")
    assert "There is no Slack workspace T2" in await msp.refuses("unlink", "slack", "T2")


async def test_an_organisation_in_teams_is_connected_and_taken_back_in_its_own_words(
    msp: Flowpilot, store: Store
) -> None:
    await installed(store, "S1", "Nordlicht")
    await Workspaces(store).install("teams", "t-1", "Nordlicht", "28:a", "a", "a", {})
    said = (await msp.does("link", "teams", "--by", ANNA)).out
    assert "one Teams organisation with the account Nordlicht IT" in said
    assert not await redeemed(store, "S1", said.replace("@FlowPilot", "/flowpilot"))
    assert await redeemed(store, "t-1", said, "teams")
    row = next(each for each in (await msp.does("workspaces", "--json")).json if each["id"] == "t-1")
    assert (row["platform"], row["account"]) == ("teams", "Nordlicht IT")
    assert (
        "Teams organisation t-1 belongs to no account now" in (await msp.does("unlink", "teams", "t-1")).out
    )
    assert "There is no Teams organisation t-2" in await msp.refuses("unlink", "teams", "t-2")
    assert "There is no Slack workspace t-1" in await msp.refuses("unlink", "slack", "t-1")


async def test_the_list_names_every_workspace_and_no_key(msp: Flowpilot, store: Store) -> None:
    assert "No chat workspace" in (await msp.does("workspaces")).out
    await installed(store, "T1", "Nordlicht")
    await installed(store, "T2", "Süd")
    await redeemed(store, "T1", (await msp.does("link", "slack", "--by", ANNA)).out)
    await Workspaces(store).revoke("slack", "T2")
    assert (await msp.does("workspaces", "--json")).json == [
        {
            "platform": "slack",
            "id": "T1",
            "name": "Nordlicht",
            "account": "Nordlicht IT",
            "state": "installed",
        },
        {"platform": "slack", "id": "T2", "name": "Süd", "account": None, "state": "uninstalled"},
    ]
    shown = (await msp.does("workspaces")).out
    assert [line.split()[:2] for line in shown.splitlines()] == [
        ["platform", "id"],
        ["slack", "T1"],
        ["slack", "T2"],
    ]
    assert "secret" not in shown
