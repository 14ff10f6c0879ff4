"""What `flowpilot doctor` says about Slack: which way is open, which half is missing, and who is linked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from aiohttp import web

from bot.slack.tokens import NEEDS_INSTALL
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import Workspaces
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.bot.slack.scripted import Scripted, scripted
from tests.conftest import Database

Found = list[tuple[str, str]]


@pytest.fixture
async def slack() -> AsyncIterator[Scripted]:
    async with scripted() as running:
        yield running


async def said(flowpilot: Flowpilot, what: str, **settings: str) -> Found:
    heard = await flowpilot("doctor", "--json", **settings)
    return [(each["verdict"], each["say"]) for each in heard.json["findings"] if each["what"] == what]


@pytest.mark.parametrize(
    ("settings", "verdict", "words"),
    [
        ({}, "ok", "Off."),
        ({"SLACK_SIGNING_SECRET": "s", "SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "c"}, "ok", "On: HTTP"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "wrong", "Nothing can arrive"),
        ({"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "c"}, "wrong", "Nothing can arrive"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "wrong", "Nothing can be answered: set SLACK_BOT_TOKEN"),
        ({"SLACK_SIGNING_SECRET": "s"}, "wrong", "Nothing can be answered"),
        ({"SLACK_SIGNING_SECRET": "s", "SLACK_CLIENT_ID": "1"}, "wrong", "SLACK_CLIENT_SECRET is missing"),
        ({"SLACK_APP_TOKEN": "xoxb-1", "SLACK_BOT_TOKEN": "xoxb-1"}, "wrong", "does not begin with xapp-"),
        ({"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxp-1"}, "wrong", "does not begin with xoxb-"),
        ({"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxe.xoxb-1"}, "look", "ends 12 hours after"),
    ],
    ids=str,
)
async def test_the_way_to_slack_is_named_with_what_is_missing(
    settings: dict[str, str], verdict: str, words: str
) -> None:
    away = {"SLACK_API_URL": "http://127.0.0.1:1/api/"} if "SLACK_BOT_TOKEN" in settings else {}
    found = await said(Flowpilot({}), "Slack", **settings, **away)
    assert [each for each in found if each[0] == verdict and words in each[1]]


async def test_the_one_token_is_tried_once(slack: Scripted) -> None:
    given = {"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxb-secret", "SLACK_API_URL": slack.api_url}
    slack.method("auth.test", ok=True, team="Practice MSP", team_id="T1", bot_id="B1")
    assert await said(Flowpilot({}), "Slack token", **given) == [("ok", "Practice MSP (T1).")]
    slack.method("auth.test", ok=True, team="Practice MSP", team_id="T1")
    [(verdict, words)] = await said(Flowpilot({}), "Slack token", **given)
    assert (verdict, "a person's token" in words) == ("wrong", True)
    slack.method("auth.test", ok=False, error="invalid_auth")
    [(verdict, words)] = await said(Flowpilot({}), "Slack token", **given)
    assert (verdict, "(invalid_auth)" in words, "OAuth & Permissions" in words) == ("wrong", True, True)
    slack.will("/api/auth.test", web.Response(status=503))
    [(verdict, words)] = await said(Flowpilot({}), "Slack token", **given)
    assert (verdict, "does not answer" in words) == ("wrong", True)
    assert "xoxb-secret" not in (await Flowpilot({})("doctor", **given)).out


async def test_workspaces_are_counted_and_those_that_need_something_are_named(
    empty_database: Database, redis_url: str
) -> None:
    msp = await with_account(Flowpilot(settings_of(empty_database, redis_url)))
    assert await said(msp, "Slack workspaces") == []
    store = Store(empty_database.app_url, Vault([msp.settings["FLOWPILOT_KEYS"]]), pool_size=1)
    workspaces = Workspaces(store)
    for team, name in (("T1", "One"), ("T2", "Two"), ("T3", "Three")):
        await workspaces.install("slack", team, name, "U", "B", "A", {"token": "xoxb-1"})
    await workspaces.install("teams", "X", "Other platform", "U", "B", "A", {})
    await workspaces.revoke("slack", "T3")
    await link(empty_database, "T1")
    counted = "1 linked, 1 not linked, 1 uninstalled. Not linked: Two (T2)."
    [(verdict, words)] = await said(msp, "Slack workspaces")
    assert (verdict, words.partition(" Run")[0]) == ("look", counted)
    await link(empty_database, "T2")
    assert await said(msp, "Slack workspaces") == [("ok", "2 linked, 1 uninstalled.")]
    await workspaces.change_credentials("slack", "T1", {"token": "x", "problem": NEEDS_INSTALL})
    assert await said(msp, "Slack workspaces") == [("wrong", "Must be installed again: One (T1).")]
    await store.close()
    lost = await said(msp, "Slack workspaces", FLOWPILOT_KEYS=new_key())
    assert [verdict for verdict, _ in lost] == ["wrong"]


async def link(database: Database, team: str) -> UUID:
    """As its owner: a code would do the same."""
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        row = await (await connection.execute("select id from accounts")).fetchone()
        assert row is not None
        await connection.execute(
            "update workspaces set account_id = %s where external_id = %s", (row[0], team)
        )
        found: UUID = row[0]
        return found
