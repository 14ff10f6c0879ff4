"""What `flowpilot doctor` says about Teams: whether it is safe and complete, whether a token is given, who is connected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import Workspaces
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database

Found = list[tuple[str, str]]
BOT = "7b000000-0000-4000-8000-0000000000ab"
SECRET = "s3cret~value"
APP = {"TEAMS_APP_ID": BOT, "TEAMS_APP_PASSWORD": SECRET, "TEAMS_APP_TENANTID": "t-1"}
NOWHERE = {"TEAMS_LOGIN_URL": "http://127.0.0.1:1"}
RAW = {"serviceUrl": "https://smba.example/"}


@dataclass(slots=True)
class Login:
    """Answers as it was told to, and remembers what it was asked."""

    status: int = 200
    body: Mapping[str, object] = field(default_factory=lambda: {"access_token": "secret-token"})
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.asked.append((request.path, {name: str(value) for name, value in form.items()}))
        return web.json_response(dict(self.body), status=self.status)


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    made = Login()
    app = web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        made.url = str(server.make_url("/")).rstrip("/")
        yield made


async def said(flowpilot: Flowpilot, what: str, **settings: str) -> Found:
    heard = await flowpilot("doctor", "--json", **settings)
    return [(each["verdict"], each["say"]) for each in heard.json["findings"] if each["what"] == what]


@pytest.mark.parametrize(
    ("settings", "verdict", "words"),
    [
        ({}, "ok", "Off."),
        ({**APP, **NOWHERE}, "look", "TEAMS_LOGIN_URL is http://127.0.0.1:1, which is not Microsoft's usual"),
        ({"TEAMS_APP_PASSWORD": "p"}, "wrong", "TEAMS_APP_ID is missing, so Teams is off"),
        ({"TEAMS_ALLOWED_TENANTS": "t-1"}, "wrong", "TEAMS_APP_ID is missing"),
        ({"TEAMS_APP_ID": BOT}, "wrong", "TEAMS_APP_PASSWORD is not"),
        ({"TEAMS_APP_ID": BOT}, "wrong", "TEAMS_APP_TENANTID is not"),
        ({"TEAMS_DEV_NO_AUTH": "1"}, "look", "AUTHENTICATION IS OFF"),
        (
            {"TEAMS_DEV_NO_AUTH": "1", "TEAMS_APP_ID": BOT},
            "wrong",
            "anybody could speak as one of your people",
        ),
        ({"TEAMS_DEV_NO_AUTH": "1", "FLOWPILOT_HOST": "::"}, "wrong", "Set FLOWPILOT_HOST to 127.0.0.1"),
        ({"TEAMS_DEV_NO_AUTH": "yes"}, "look", "Only 1 switches it on"),
    ],
    ids=str,
)
async def test_the_way_to_teams_is_named_with_what_is_missing(
    settings: dict[str, str], verdict: str, words: str
) -> None:
    found = await said(Flowpilot({}), "Teams", **settings)
    assert [each for each in found if each[0] == verdict and words in each[1]], found


async def test_a_token_is_asked_for_as_the_bot_will_ask(login: Login) -> None:
    given = {**APP, "TEAMS_LOGIN_URL": login.url}
    assert await said(Flowpilot({}), "Teams token", **given) == [("ok", "Given.")]
    [(path, form)] = login.asked
    assert path == "/t-1/oauth2/v2.0/token"
    assert form == {
        "grant_type": "client_credentials",
        "client_id": BOT,
        "client_secret": SECRET,
        "scope": "https://api.botframework.com/.default",
    }


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            401,
            {"error_description": "AADSTS7000215: Invalid client secret."},
            "Copy the value of the client secret",
        ),
        (401, {"error_description": "AADSTS7000222: Expired."}, "the secret has expired"),
        (400, {"error_description": "AADSTS700016: Not found."}, "Check TEAMS_APP_ID"),
        (400, {"error_description": "AADSTS90002: Not found."}, "there is no such tenant"),
        (400, {"error_description": "AADSTS53003: s3cret."}, "it says AADSTS53003; search for that code"),
        (500, {"error": "s3cret~value"}, "it answers 500"),
        (200, {"hello": "s3cret~value"}, "it answers 200"),
    ],
    ids=str,
)
async def test_why_no_token_is_given_is_said_without_any_secret(
    login: Login, status: int, body: dict[str, object], words: str
) -> None:
    login.status, login.body = status, body
    given = {**APP, "TEAMS_LOGIN_URL": login.url}
    heard = await Flowpilot({})("doctor", **given)
    assert "Microsoft gives no token" in heard.out
    assert words in heard.out
    assert SECRET not in heard.out
    assert "s3cret" not in heard.out


async def test_a_login_that_does_not_answer_is_named_and_one_that_is_not_trusted_never_asked(
    login: Login,
) -> None:
    [(verdict, words)] = await said(Flowpilot({}), "Teams token", **APP, **NOWHERE)
    assert (verdict, "does not answer" in words) == ("wrong", True)
    assert await said(Flowpilot({}), "Teams token", **APP, TEAMS_LOGIN_URL="http://login.example") == []
    half = {**APP, "TEAMS_APP_PASSWORD": "", "TEAMS_LOGIN_URL": login.url}
    assert await said(Flowpilot({}), "Teams token", **half) == []
    assert login.asked == []


@pytest.fixture
async def msp(empty_database: Database, redis_url: str) -> Flowpilot:
    made = await with_account(Flowpilot(settings_of(empty_database, redis_url)))
    return Flowpilot({**made.settings, **APP, **NOWHERE})


async def test_who_is_connected_and_where_help_is_asked(msp: Flowpilot, empty_database: Database) -> None:
    [(verdict, words)] = await said(msp, "Teams organisations")
    assert (verdict, "None is known yet" in words) == ("look", True)
    store = Store(empty_database.app_url, Vault([msp.settings["FLOWPILOT_KEYS"]]), pool_size=1)
    for tenant, name in (("t-1", "One"), ("t-2", "")):
        await Workspaces(store).install("teams", tenant, name, "28:a", "a", "a", {})
    await Workspaces(store).install("slack", "T3", "Other platform", "U", "B", "A", {})
    account = await link(empty_database, "t-1")
    [(verdict, words)] = await said(msp, "Teams organisations")
    assert (verdict, words.partition(" Run")[0]) == (
        "look",
        "1 connected, 1 not connected. Not connected: unnamed (t-2).",
    )
    await link(empty_database, "t-2")
    counted, out = await said(msp, "Teams organisations", TEAMS_ALLOWED_TENANTS="t-1")
    assert counted == ("ok", "2 connected.")
    assert (out[0], "not answered: unnamed (t-2)" in out[1]) == ("wrong", True)
    both = {"TEAMS_ALLOWED_TENANTS": "t-1,t-2"}
    assert await said(msp, "Teams organisations", **both) == [("ok", "2 connected.")]

    where = "Nordlicht IT: Teams"
    assert (await said(msp, where))[0][0] == "look"
    async with store.transaction(account) as unit:
        await unit.accounts.change_settings({"escalation_channel_teams": "t-1|19:esc"})
    assert "is not in the chosen escalation channel" in (await said(msp, where))[0][1]
    async with store.transaction(account) as unit:
        await unit.references.keep("t-1", "19:esc", "channel", RAW, name="Escalations")
    assert await said(msp, where) == [("ok", "Escalations go to Escalations.")]
    await store.close()
    lost = await said(msp, "Teams organisations", FLOWPILOT_KEYS=new_key())
    assert [verdict for verdict, _ in lost] == ["wrong"]


async def link(database: Database, tenant: str) -> UUID:
    """As its owner: a code would do the same."""
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        row = await (await connection.execute("select id from accounts")).fetchone()
        assert row is not None
        found: UUID = row[0]
        await connection.execute(
            "update workspaces set account_id = %s where external_id = %s", (found, tenant)
        )
        return found
