"""Slack in the web process itself: beside the console, without Redis, and through a socket instead of a route."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.settings import Settings
from bot.slack import modals
from bot.slack.actions import external_id
from bot.web import application
from bot.wiring import build
from storage.store import Store
from storage.workspaces import Workspaces
from tests.bot.slack.slack_site import KEY, SECRET, VAULT, Site, message
from tests.bot.slack.test_listen import KEPT, ours
from tests.bot.slack.test_payloads import click
from tests.bot.waiting import until
from tests.conftest import Database

NO_REDIS = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def web_process(database: Database, redis_url: str, **slack: Any) -> AsyncIterator[Site]:
    parts = await build(Settings(database_url=database.app_url, redis_url=redis_url, keys=KEY, **slack))
    runner = web.AppRunner(application(parts), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as client:
            yield Site(f"http://127.0.0.1:{runner.addresses[0][1]}", client, database)
    finally:
        await runner.cleanup()
        await parts.close()


async def test_the_web_process_listens_to_slack_beside_the_console(
    database: Database, redis_url: str
) -> None:
    async with web_process(database, redis_url, slack_signing_secret=SECRET) as site:
        assert await site.event(message()) == KEPT
        assert len(await site.rows()) == 1
        async with site.client.post(f"{site.url}/console", json={}) as reply:
            assert reply.status == 401


async def test_a_workspace_nobody_installed_gets_its_click_kept_and_a_word_for_the_worker(
    database: Database, redis_url: str
) -> None:
    async with web_process(database, redis_url, slack_signing_secret=SECRET) as site:
        assert await site.interact(ours(site, click("pause"))) == KEPT
        assert [kept["body"].get("reason") for _, _, kept in await site.rows()] == [None, "no_token"]


@pytest.mark.parametrize("refuses", ["", "expired_trigger_id"])
async def test_a_window_is_opened_with_the_token_of_its_workspace(
    database: Database, redis_url: str, slack: SocketSlack, refuses: str
) -> None:
    slack.refuses = refuses
    at = {"slack_signing_secret": SECRET, "slack_api_url": f"{slack.url}/api/"}
    async with web_process(database, redis_url, **at) as site:
        store = Store(database.app_url, VAULT, pool_size=1)
        keys = {"token": "xoxb-ours"}
        await Workspaces(store).install("slack", site.team, "MSP", "U0FLOW", "B0FLOW", "A0FLOW", keys)
        await store.close()
        body = ours(site, click("pause"))
        assert await site.interact(body) == KEPT
        [(token, given)] = slack.windows
        assert (token, given["trigger_id"]) == ("Bearer xoxb-ours", body["trigger_id"])
        order = f"slack:{site.team}:C1:5.1"
        assert json.loads(given["view"]) == modals.loading(external_id(body["trigger_id"]), order)
        reasons = [kept["body"].get("reason") for _, _, kept in await site.rows()]
        assert reasons == ([None, refuses] if refuses else [None])


async def test_without_redis_slack_is_acknowledged_all_the_same(database: Database) -> None:
    async with web_process(database, NO_REDIS, slack_signing_secret=SECRET) as site:
        answers = await asyncio.gather(*(site.event(message()) for _ in range(20)))
        assert set(answers) == {KEPT}
        assert len(await site.rows()) == 20


async def test_without_slacks_secret_there_is_no_route(database: Database, redis_url: str) -> None:
    async with web_process(database, redis_url) as site:
        assert (await site.event(message()))[0] == 404


# ── Socket Mode ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SocketSlack:
    """The two ends of Socket Mode: apps.connections.open, and the socket it names; and views.open."""

    refuses: str = ""
    asked: list[str] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    windows: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def views_open(self, request: web.Request) -> web.Response:
        given = {name: str(value) for name, value in (await request.post()).items()}
        self.windows.append((request.headers.get("Authorization", ""), given))
        return web.json_response({"ok": not self.refuses, "error": self.refuses})

    async def opened(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization", ""))
        if self.refuses:
            return web.json_response({"ok": False, "error": self.refuses})
        return web.json_response({"ok": True, "url": f"{self.url}/socket".replace("http", "ws")})

    async def connected(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        async for word in self.socket:
            self.acknowledged.append(json.loads(word.data))
        return self.socket

    async def send(self, envelope: str, kind: str, payload: dict[str, Any]) -> None:
        assert self.socket is not None
        said = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": True}
        await self.socket.send_json(said)


@pytest.fixture
async def slack() -> AsyncIterator[SocketSlack]:
    made = SocketSlack()
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", made.opened)
    app.router.add_get("/socket", made.connected)
    app.router.add_post("/api/views.open", made.views_open)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_through_a_socket_the_same_is_kept_and_acknowledged(
    database: Database, redis_url: str, slack: SocketSlack
) -> None:
    by_socket = {"slack_app_token": "xapp-1", "slack_api_url": f"{slack.url}/api/"}
    async with web_process(database, redis_url, **by_socket) as site:
        await until(lambda: slack.socket is not None, "the socket is open")
        body = site.about(message(text="<@U0FLOW> Größe 😀"))
        await slack.send("e1", "events_api", body)
        command = {
            "command": "/flowpilot",
            "text": "mine",
            "team_id": site.team,
            "trigger_id": f"1.{site.team}",
        }
        await slack.send("e2", "slash_commands", command)
        await until(lambda: len(slack.acknowledged) == 2, "both are acknowledged")
        assert slack.asked == ["Bearer xapp-1"]
        assert slack.acknowledged == [{"envelope_id": "e1"}, {"envelope_id": "e2"}]
        assert [kept for _, _, kept in await site.rows()] == [
            {"kind": "event", "body": body},
            {"kind": "command", "body": command},
        ]
        assert (await site.event(message()))[0] == 404, "without a signing secret there is no route"


async def test_a_socket_that_is_refused_stops_nothing_and_is_logged_without_its_token(
    database: Database, redis_url: str, slack: SocketSlack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.refuses = "invalid_auth"
    both = {"slack_app_token": "xapp-hunter2", "slack_api_url": f"{slack.url}/api/"}
    async with web_process(database, redis_url, slack_signing_secret=SECRET, **both) as site:
        await until(lambda: "invalid_auth" in caplog.text, "the refusal is logged")
        assert await site.event(message()) == KEPT
    assert "hunter2" not in caplog.text
    assert "Failed to connect" in caplog.text
