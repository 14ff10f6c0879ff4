"""`flowpilot` for an operator: starting, migrating, keys, accounts, people and tokens, on a real database."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import psycopg
import pytest

from bot.cli import function, main
from bot.cli_parser import parser
from bot.tokens import token_id
from demo.psa import practice_psa
from storage.store import Store
from storage.vault import Vault, new_key
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database


@pytest.fixture
def flowpilot(empty_database: Database, redis_url: str) -> Flowpilot:
    return Flowpilot(settings_of(empty_database, redis_url))


@pytest.fixture
async def msp(flowpilot: Flowpilot) -> Flowpilot:
    """With one account, whose Admin is Anna."""
    return await with_account(flowpilot)


async def identity(flowpilot: Flowpilot, token: str) -> bool:
    """Whether the console's door knows this token."""
    store = Store(flowpilot.settings["DATABASE_URL"], Vault([flowpilot.settings["FLOWPILOT_KEYS"]]))
    try:
        async with store.transaction() as unit:
            return await unit.identity("console", "console", token_id(token)) is not None
    finally:
        await store.close()


def token_in(out: str) -> str:
    return next(word for word in out.split() if word.startswith("fp_"))


# ── The words themselves ────────────────────────────────────────────────────────────────────────────────────


def commands(words: argparse.ArgumentParser) -> Iterator[str]:
    if named := words.get_default("carried_out_by"):
        yield named
    for action in words._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from commands(inner)


def test_every_command_leads_to_a_function() -> None:
    named = set(commands(parser()))
    assert len(named) > 20
    assert all(callable(function(each)) for each in named)


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {}) == 0
    assert "doctor" in capsys.readouterr().out


@pytest.mark.parametrize("command", [("web",), ("worker",), ("clock",), ("migrate",), ("users", "list")])
async def test_missing_settings_are_one_friendly_sentence(command: tuple[str, ...]) -> None:
    said = await Flowpilot({}).refuses(*command, status=2)
    assert "is not set" in said
    assert said.count("\n") == 1


async def test_a_failure_nobody_expected_is_a_number_and_no_trace(msp: Flowpilot) -> None:
    async with await psycopg.AsyncConnection.connect(msp.settings["DATABASE_OWNER_URL"]) as connection:
        await connection.execute("update users set roles = array['wizard']")
    said = await msp.refuses("users", "list", status=2)
    assert "E-" in said


# ── Ground ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_keys_prints_a_key_that_works_and_nothing_else() -> None:
    heard = await Flowpilot({}).does("keys")
    assert Vault([heard.out.strip()]).open(Vault([heard.out.strip()]).seal(b"x")) == b"x"
    assert heard.err == ""


async def test_migrate_brings_a_database_up_to_date_and_may_be_repeated(msp: Flowpilot) -> None:
    for _ in range(2):
        assert "up to date" in (await msp.does("migrate")).out
    assert "Nordlicht IT" in (await msp.does("accounts", "list")).out


async def test_migrate_refuses_one_role_for_both_and_a_role_that_is_not_there(flowpilot: Flowpilot) -> None:
    owner = flowpilot.settings["DATABASE_OWNER_URL"]
    assert "both use the role" in await flowpilot.refuses("migrate", status=2, DATABASE_URL=owner)
    nobody = "postgresql://nobody_at_all@localhost/x"
    assert 'role "nobody_at_all" does not exist' in await flowpilot.refuses(
        "migrate", status=2, DATABASE_URL=nobody
    )


async def test_a_database_without_tables_sends_the_operator_to_migrate(flowpilot: Flowpilot) -> None:
    async with await psycopg.AsyncConnection.connect(flowpilot.settings["DATABASE_OWNER_URL"]) as connection:
        await connection.execute("drop schema public cascade")
        await connection.execute("create schema public")
    for command in (("web",), ("clock",), ("accounts", "list")):
        said = await flowpilot.refuses(*command, status=2)
        assert "flowpilot migrate" in said


async def test_the_owner_of_the_tables_is_refused_as_the_applications_role(flowpilot: Flowpilot) -> None:
    owner = flowpilot.settings["DATABASE_OWNER_URL"]
    for command in (("web",), ("worker",), ("users", "list")):
        said = await flowpilot.refuses(*command, status=2, DATABASE_URL=owner)
        assert "accounts would not be kept apart" in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://a:b@127.0.0.1:1/x", "The database does not open"),
        ("DATABASE_URL", "nonsense", "cannot be read"),
        ("FLOWPILOT_KEYS", "short", "not valid"),
        ("FLOWPILOT_PSA_SETTLE_SECONDS", "5", "must be longer than"),
        ("FLOWPILOT_PORT", "many", "must be a number"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL cannot be read"),
    ],
)
async def test_a_setting_that_cannot_work_stops_the_start_with_a_sentence(
    flowpilot: Flowpilot, name: str, value: str, said: str
) -> None:
    heard = await flowpilot.refuses("web", status=2, **{name: value})
    assert said in heard
    assert "b@127" not in heard, "the password is not shown"


async def test_rotating_keeps_connections_readable_under_the_new_key_alone(msp: Flowpilot) -> None:
    async with practice_psa() as psa:
        assert (await msp.connect(psa)).status == 0
    old, new = msp.settings["FLOWPILOT_KEYS"], new_key()
    both = {"FLOWPILOT_KEYS": f"{new},{old}"}
    assert "1 PSA connection under the newest key" in (await msp.does("keys", "rotate", **both)).out
    assert "connected" in (await msp.does("accounts", "list", FLOWPILOT_KEYS=new)).out
    said = await msp.refuses("keys", "rotate", FLOWPILOT_KEYS=old)
    assert "Nordlicht IT" in said
    assert "They stay as they are" in said


# ── Accounts and people ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_account_begins_with_an_admin_whose_token_opens_the_console(flowpilot: Flowpilot) -> None:
    heard = await flowpilot.does(
        *("accounts", "create", "Nordlicht IT", "--admin", "anna.keller@practice.example"),
        *("--time-zone", "europe/berlin"),
    )
    assert await identity(flowpilot, token_in(heard.out))
    (anna,) = (await flowpilot.does("users", "list", "--json")).json
    assert (anna["name"], anna["roles"]) == ("Anna Keller", ["technician", "admin"])
    (account,) = (await flowpilot.does("accounts", "list", "--json")).json
    assert (account["name"], account["time_zone"], account["people"]) == ("Nordlicht IT", "Europe/Berlin", 1)


async def test_an_account_is_not_made_twice_nor_with_a_wrong_zone_or_address(msp: Flowpilot) -> None:
    create = ("accounts", "create")
    assert "already" in await msp.refuses(*create, "Nordlicht IT", "--admin", "b@practice.example")
    zone = await msp.refuses(*create, "Two", "--admin", "b@practice.example", "--time-zone", "Berlin")
    assert "Did you mean Europe/Berlin" in zone
    assert "not an e-mail" in await msp.refuses(*create, "Two", "--admin", "bob")
    assert len((await msp.does("accounts", "list", "--json")).json) == 1


async def test_with_several_accounts_one_must_be_named_and_they_do_not_see_each_other(msp: Flowpilot) -> None:
    assert "no account called Sudwind" in await msp.refuses("users", "list", "--account", "Sudwind")
    await msp.does("accounts", "create", "Sudwind", "--admin", "zoe@practice.example")
    said = await msp.refuses("users", "list")
    assert "Nordlicht IT, Sudwind" in said
    people = (await msp.does("users", "list", "--account", "Sudwind", "--json")).json
    assert [user["email"] for user in people] == ["zoe@practice.example"]
    assert "Nobody here" in await msp.refuses(
        "users", "token", "anna@practice.example", "--account", "Sudwind"
    )


async def test_people_are_added_and_changed_only_in_what_is_named(msp: Flowpilot) -> None:
    await msp.does("teams", "add", "Field")
    await msp.does("users", "add", "ben@practice.example", "--name", "Ben Ortiz", "--team", "field")
    assert "here already" in await msp.refuses("users", "add", "BEN@practice.example")
    await msp.does("users", "set", "ben@practice.example", "--roles", "lead")
    ben = next(u for u in (await msp.does("users", "list", "--json")).json if u["name"] == "Ben Ortiz")
    assert (ben["roles"], ben["teams"], ben["active"]) == (["technician", "lead"], ["Field"], True)
    await msp.does("users", "set", "ben@practice.example", "--team", "none", "--name", "Ben O.")
    ben = next(u for u in (await msp.does("users", "list", "--json")).json if u["name"] == "Ben O.")
    assert (ben["roles"], ben["teams"]) == (["technician", "lead"], [])
    assert (await msp.does("teams", "list", "--json")).json[0]["people"] == []


async def test_a_change_that_is_partly_wrong_changes_nothing(msp: Flowpilot) -> None:
    said = await msp.refuses("users", "set", "anna@practice.example", "--roles", "lead", "--team", "Moon")
    assert "no team Moon" in said
    assert (await msp.does("users", "list", "--json")).json[0]["roles"] == ["technician", "admin"]
    assert "no role boss" in await msp.refuses("users", "set", "anna@practice.example", "--roles", "boss")
    assert "Say what to change" in await msp.refuses("users", "set", "anna@practice.example")
    assert "Known are: anna@" in await msp.refuses("users", "set", "ann@practice.example", "--roles", "lead")


async def test_it_is_said_where_there_is_no_lead_and_when_the_last_admin_goes(msp: Flowpilot) -> None:
    assert "There is no Lead yet" in (await msp.does("users", "list")).out
    heard = await msp.does("users", "set", "anna@practice.example", "--roles", "lead")
    assert "Nobody here is Admin now" in heard.err
    assert "no Lead" not in (await msp.does("users", "list")).out


async def test_tokens_open_the_console_until_they_are_revoked_or_their_person_is_inactive(
    msp: Flowpilot,
) -> None:
    token = ("users", "token", "anna@practice.example")
    first = token_in((await msp.does(*token)).out)
    second = token_in((await msp.does(*token)).out)
    assert await identity(msp, first)
    heard = await msp.does(*token, "--revoke")
    third = token_in(heard.out)
    assert "any more: 3" in heard.out, "the one from the account's first day too"
    assert [await identity(msp, each) for each in (first, second, third)] == [False, False, True]
    await msp.does("users", "set", "anna@practice.example", "--inactive")
    assert not await identity(msp, third)
    assert "inactive" in await msp.refuses(*token)
    await msp.does("users", "set", "anna@practice.example", "--active")
    assert await identity(msp, third)


async def test_tokens_are_stored_only_as_their_hash(msp: Flowpilot) -> None:
    token = token_in((await msp.does("users", "token", "anna@practice.example")).out)
    async with await psycopg.AsyncConnection.connect(msp.settings["DATABASE_OWNER_URL"]) as connection:
        rows = await (await connection.execute("select external_id from identities")).fetchall()
    assert (token_id(token),) in rows
    assert all(token not in row[0] for row in rows)
