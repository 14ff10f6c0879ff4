"""Slack's own sample payloads, signed and sent to the real route: each is acknowledged, and what is ours is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.slack.actions import metadata
from tests.bot.slack.slack_site import VAULT, Site, slack_site
from tests.conftest import Database

SAMPLES = Path(__file__).parents[2].parent / "shared/samples/slack"
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="Slack's sample payloads are not here")

# What is kept of each as it came: (unique key, order key), None for what is none of ours.
AS_IT_CAME: dict[str, tuple[str, str] | None] = {
    "block_actions": None,  # another app's button
    "block_suggestion": None,
    "event.app_home_opened": ("ev:Ev111", "slack:T111:W111"),
    "event.app_mention": ("msg:T111:C111:1595926230.009600", "slack:T111:C111:1595926230.009600"),
    "event.message.file_share": None,  # no thread, no mention
    "event.message.message": None,
    "event.message.thread_broadcast": (
        "msg:T111:C111:1633670813.007500",
        "slack:T111:C111:1633663824.000500",
    ),
    "event.tokens_revoked": ("ev:Ev111", "slack:T111"),
    "message_action": None,
    "slash_command": ("cmd:111.111.xxx", "slack:T111:W111"),
    "view_closed": None,
    "view_submission": None,
}

# The same, changed only where it names the app, so that it is ours.
AS_OURS: dict[str, tuple[str, str]] = {
    "block_actions": ("act:111.222.valid", "slack:T111:C111:111.222"),
    "event.message.file_share": (
        "msg:T111:C111:1652227642.000000:files",
        "slack:T111:C111:1652227642.000000",
    ),
    "event.message.message": ("msg:T111:C111:1596183880.004200", "slack:T111:C111:1596183880.004200"),
    "message_action": ("sc:111.222.xxx", "slack:T111:W111"),
    "view_closed": ("closed:V111:1596530361.3wRYuk3R", "slack:T111:C111:1.1"),
    "view_submission": ("view:V111:1596530361.3wRYuk3R", "slack:T111:C111:1.1"),
}


def sample(name: str) -> dict[str, Any]:
    [path] = SAMPLES.glob(f"{name}.*.json")
    body: dict[str, Any] = json.loads(path.read_text())
    return body


def as_ours(name: str) -> dict[str, Any]:
    body = sample(name)
    if name == "block_actions":
        body["actions"][0] |= {"action_id": "fp:status:1", "value": "v=status"}
    elif name.startswith("event."):
        body["authorizations"] = [{"user_id": "W0FLOW", "is_bot": True}]
        body["event"] |= {"text": "<@W0FLOW> hi"}
        body["event"]["ts"] = AS_OURS[name][1].rpartition(":")[2]
    elif name == "message_action":
        body["callback_id"] = "troubleshoot_this"
    else:
        body["view"] |= {"callback_id": "fp", "private_metadata": metadata("note", {}, "slack:T111:C111:1.1")}
    return body


@pytest.fixture
async def site(empty_database: Database) -> AsyncIterator[Site]:
    async with slack_site(empty_database) as opened:
        yield opened


async def send(site: Site, name: str, body: dict[str, Any]) -> tuple[int, str]:
    if name.startswith("event."):
        return await site.envelope(body)
    return await (site.form(body) if name == "slash_command" else site.interact(body))


async def kept(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    async with await psycopg.AsyncConnection.connect(site.database.owner_url) as connection:
        found = await connection.execute("select unique_key, order_key, payload from inbox")
        rows = await found.fetchall()
    return [(unique, order, json.loads(VAULT.open(payload))) for unique, order, payload in rows]


def test_every_sample_is_looked_at() -> None:
    names = {next(n for n in AS_IT_CAME if path.name.startswith(f"{n}.")) for path in SAMPLES.glob("*.json")}
    assert names == set(AS_IT_CAME)


@pytest.mark.parametrize("name", AS_IT_CAME)
async def test_a_sample_is_acknowledged_and_kept_if_it_is_ours(site: Site, name: str) -> None:
    body = sample(name)
    status, _ = await send(site, name, body)
    assert status == 200
    rows = await kept(site)
    assert [row[:2] for row in rows] == ([AS_IT_CAME[name]] if AS_IT_CAME[name] else [])
    assert [row[2]["body"] for row in rows] == [body for _ in rows]


@pytest.mark.parametrize("name", AS_OURS)
async def test_the_same_sample_of_our_app_is_kept(site: Site, name: str) -> None:
    body = as_ours(name)
    status, _ = await send(site, name, body)
    assert status == 200
    [row] = await kept(site)
    assert row[:2] == AS_OURS[name]
    assert row[2]["body"] == body
