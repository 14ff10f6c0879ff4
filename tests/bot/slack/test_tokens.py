"""Tokens of workspaces: an uninstall is seen, a renewal happens once, and a new pair is never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from bot.settings import Settings
from bot.slack import tokens
from bot.slack.api import Api, Away
from bot.slack.tokens import Apis, adopt, adopting, ends_the_install
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import Workspaces
from tests.bot.slack.scripted import Scripted, scripted
from tests.conftest import Database

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = new_key()
NEW = {"ok": True, "access_token": "xoxb-new", "refresh_token": "xoxe-new", "expires_in": 43_200}


@dataclass(slots=True)
class Time:
    """Moved by hand."""

    passed: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def clock(self) -> float:
        return self.passed


@dataclass(slots=True)
class Desk:
    """A workspace of its own in the database, and as many processes as a test wants."""

    slack: Scripted
    url: str
    store: Store
    stack: AsyncExitStack
    team: str = field(default_factory=lambda: f"T{uuid4().hex[:10].upper()}")
    time: Time = field(default_factory=Time)

    @property
    def workspaces(self) -> Workspaces:
        return Workspaces(self.store)

    async def install(self, **credentials: Any) -> None:
        known = {"token": "xoxb-old", **credentials}
        await self.workspaces.install("slack", self.team, "Practice", "U0", "B0", "A0", known)

    async def install_until(self, seconds: float) -> None:
        ends = (self.time.now() + timedelta(seconds=seconds)).isoformat()
        await self.install(refresh="xoxe-old", expires_at=ends)

    def process(self, store: Store | None = None) -> Apis:
        made = Apis(
            store or self.store,
            base_url=self.slack.api_url,
            client_id="1.2",
            client_secret="s",
            now=self.time.now,
            clock=self.time.clock,
        )
        self.stack.push_async_callback(made.close)
        return made

    async def kept(self) -> dict[str, Any]:
        found = await self.workspaces.find("slack", self.team)
        assert found is not None
        return found.credentials

    async def token(self, apis: Apis) -> str:
        """The one that it really sends."""
        self.slack.method("auth.test", ok=True)
        api = await apis.of(self.team)
        assert api is not None
        await api.call("auth.test")
        return self.slack.asked[-1].headers["Authorization"].removeprefix("Bearer ")

    def refreshes(self) -> list[str]:
        return [a.form["refresh_token"] for a in self.slack.asked if a.path == "/api/oauth.v2.access"]


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(scripted())
        store = Store(database.app_url, Vault([KEY]), pool_size=4)
        stack.push_async_callback(store.close)
        yield Desk(slack, database.app_url, store, stack)


async def test_only_an_installed_workspace_has_a_way_to_slack(desk: Desk) -> None:
    apis = desk.process()
    assert await apis.of(desk.team) is None
    await desk.install()
    assert await desk.token(apis) == "xoxb-old"
    found = await apis.workspace(desk.team)
    assert found is not None
    assert (found.bot_user_id, found.name) == ("U0", "Practice")


async def test_an_uninstall_elsewhere_is_seen_within_a_minute_and_one_here_at_once(desk: Desk) -> None:
    await desk.install()
    here, there = desk.process(), desk.process()
    assert await here.of(desk.team)
    assert await there.of(desk.team)
    await here.revoke(desk.team)
    assert await here.of(desk.team) is None
    assert await there.of(desk.team) is not None
    desk.time.passed += 61
    assert await there.of(desk.team) is None
    assert await desk.kept() == {}


async def test_a_new_install_counts_as_soon_as_the_old_token_is_forgotten(desk: Desk) -> None:
    await desk.install()
    apis = desk.process()
    assert await desk.token(apis) == "xoxb-old"
    await desk.install(token="xoxb-newer")
    apis.forget(desk.team)
    assert await desk.token(apis) == "xoxb-newer"


async def test_a_token_that_ends_soon_is_renewed_and_stored_before_it_is_used(desk: Desk) -> None:
    await desk.install_until(29 * 60)
    stored: list[Any] = []

    async def seen(_: web.Request) -> web.Response:
        stored.append(await desk.kept())
        return web.json_response({"ok": True})

    desk.slack.method("oauth.v2.access", **NEW)
    api = await desk.process().of(desk.team)
    desk.slack.will("/api/auth.test", seen)
    assert api is not None
    await api.call("auth.test")
    ends = (START + timedelta(hours=12)).isoformat()
    assert stored == [{"token": "xoxb-new", "refresh": "xoxe-new", "expires_at": ends}]
    assert desk.refreshes() == ["xoxe-old"]


async def test_a_token_with_time_left_is_left_alone(desk: Desk) -> None:
    await desk.install_until(31 * 60)
    assert await desk.token(desk.process()) == "xoxb-old"
    assert desk.refreshes() == []


async def test_two_processes_renew_once(desk: Desk) -> None:
    """Each in a thread, with an event loop, a store and a session of its own, all begun at the same time."""
    await desk.install_until(60)
    used: list[str] = []

    async def once(request: web.Request) -> web.Response:
        used.append(str((await request.post())["refresh_token"]))
        await asyncio.sleep(0.05)
        good = used == ["xoxe-old"]
        return web.json_response(NEW if good else {"ok": False, "error": "invalid_refresh_token"})

    desk.slack.will("/api/oauth.v2.access", once)

    async def process() -> list[Api | None]:
        store = Store(desk.url, Vault([KEY]), pool_size=2)
        apis = Apis(store, base_url=desk.slack.api_url, client_id="1", client_secret="s", now=desk.time.now)
        found = await asyncio.gather(*(apis.of(desk.team) for _ in range(5)))
        await apis.close()
        await store.close()
        return found

    def run(made: Coroutine[Any, Any, list[Api | None]]) -> list[Api | None]:
        return asyncio.run(made)

    found = await asyncio.gather(*(asyncio.to_thread(run, process()) for _ in range(3)))
    assert used == ["xoxe-old"]
    assert all(api is not None for each in found for api in each)
    assert (await desk.kept())["token"] == "xoxb-new"


async def test_who_stops_waiting_does_not_lose_the_new_pair(desk: Desk) -> None:
    await desk.install_until(60)
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.set()
        await go.wait()
        return web.json_response(NEW)

    desk.slack.will("/api/oauth.v2.access", slow)
    apis = desk.process()
    waiting = asyncio.create_task(apis.of(desk.team))
    await asked.wait()
    waiting.cancel()
    go.set()
    await apis.close()
    assert (await desk.kept())["token"] == "xoxb-new"


async def test_a_renewal_that_fails_leaves_the_old_token_until_it_ends(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.install_until(600)
    desk.slack.will("/api/oauth.v2.access", web.Response(status=503))
    apis = desk.process()
    assert await desk.token(apis) == "xoxb-old"
    desk.time.passed += 61
    assert await desk.token(apis) == "xoxb-old"
    assert len(desk.refreshes()) == 2
    desk.time.passed += 600
    for _ in range(3):
        with pytest.raises(Away, match="token_expired"):
            await apis.of(desk.team)
    assert len(desk.refreshes()) == 3
    desk.slack.method("oauth.v2.access", **NEW)
    desk.time.passed += 61
    assert await desk.token(apis) == "xoxb-new"
    assert "xox" not in caplog.text


async def test_a_spent_refresh_token_asks_for_a_new_install_and_is_not_tried_again(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.install_until(600)
    desk.slack.method("oauth.v2.access", ok=False, error="invalid_refresh_token")
    apis = desk.process()
    assert await desk.token(apis) == "xoxb-old"
    assert (await desk.kept())["problem"] == tokens.NEEDS_INSTALL
    assert f"{desk.team}: Slack renews its token no more" in caplog.text
    desk.time.passed += 601
    assert await apis.of(desk.team) is None
    assert len(desk.refreshes()) == 1
    assert "xox" not in caplog.text


@pytest.mark.parametrize("error", ["bad_client_secret", ""])
async def test_a_wrong_client_secret_is_no_reason_to_install_again(desk: Desk, error: str) -> None:
    await desk.install_until(600)
    desk.slack.method("oauth.v2.access", ok=not error, error=error)
    assert await desk.token(desk.process()) == "xoxb-old"
    assert (await desk.kept())["refresh"] == "xoxe-old"


async def test_what_was_uninstalled_during_the_renewal_stays_so(desk: Desk) -> None:
    await desk.install_until(60)

    async def uninstalled(_: web.Request) -> web.Response:
        await desk.workspaces.revoke("slack", desk.team)
        return web.json_response(NEW)

    desk.slack.will("/api/oauth.v2.access", uninstalled)
    assert await desk.process().of(desk.team) is None
    assert await desk.kept() == {}


async def test_what_is_kept_is_sealed(desk: Desk) -> None:
    await desk.install_until(60)
    desk.slack.method("oauth.v2.access", **NEW)
    await desk.process().of(desk.team)
    found = await desk.workspaces.find("slack", desk.team)
    assert "xox" not in repr(found)
    stranger = Store(desk.url, Vault([new_key()]), pool_size=1)
    desk.stack.push_async_callback(stranger.close)
    with pytest.raises(Exception, match="not in FLOWPILOT_KEYS"):
        await Workspaces(stranger).find("slack", desk.team)


@pytest.mark.parametrize(
    ("event", "ends"),
    [
        ({"type": "app_uninstalled"}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0"]}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}, False),
        ({"type": "tokens_revoked"}, False),
        ({"type": "message"}, False),
    ],
)
def test_a_persons_own_token_does_not_end_the_install(event: dict[str, Any], ends: bool) -> None:
    assert ends_the_install(event) is ends


# ── SLACK_BOT_TOKEN ─────────────────────────────────────────────────────────────────────────────────────────

SETTINGS = replace(Settings(), slack_bot_token="xoxb-one")


@dataclass(slots=True)
class Adopting:
    desk: Desk
    waits: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def __call__(self, settings: Settings = SETTINGS) -> str:
        api = Api(settings.slack_bot_token, self.desk.slack.api_url)
        self.desk.stack.push_async_callback(api.close)
        return await adopt(settings, self.desk.workspaces, api, self.pause)


def who(desk: Desk, **more: Any) -> dict[str, Any]:
    known = {"ok": True, "team_id": desk.team, "team": "Practice", "user_id": "U0FLOW", "bot_id": "B0FLOW"}
    return {**known, **more}


async def test_the_one_token_installs_its_workspace_however_often_it_starts(desk: Desk) -> None:
    desk.slack.method("auth.test", **who(desk))
    adopting = Adopting(desk)
    assert [await adopting(), await adopting()] == [desk.team, desk.team]
    found = await desk.workspaces.find("slack", desk.team)
    assert found is not None
    assert (found.credentials, found.bot_user_id, found.bot_id) == ({"token": "xoxb-one"}, "U0FLOW", "B0FLOW")
    desk.slack.method("auth.test", **who(desk, team="Practice GmbH"))
    await adopting()
    found = await desk.workspaces.find("slack", desk.team)
    assert found is not None
    assert found.name == "Practice GmbH"


async def test_while_slack_is_away_it_is_asked_again_with_growing_waits(desk: Desk) -> None:
    busy = web.json_response({"ok": False}, status=429, headers={"Retry-After": "30"})
    down = web.Response(status=500)
    desk.slack.will("/api/auth.test", *[down] * 3, busy, *[down] * 4, web.json_response(who(desk)))
    adopting = Adopting(desk)
    assert await adopting() == desk.team
    assert adopting.waits == [2, 2, 4, 30, 16, 32, 60, 60]


@pytest.mark.parametrize(
    "answer",
    [
        {"ok": False, "error": "invalid_auth"},
        {"ok": True, "team_id": "T1"},
        {"ok": True, "team_id": "T1", "bot_id": "B", "is_enterprise_install": True},
    ],
    ids=["refused", "a person's", "an organisation's"],
)
async def test_a_wrong_token_is_said_once_with_what_to_do(
    desk: Desk, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk.slack.method("auth.test", **answer)
    adopting = Adopting(desk)
    assert (await adopting(), adopting.waits) == ("", [])
    [said] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "copy the Bot User OAuth Token" in said.getMessage()
    assert "xoxb-one" not in caplog.text


async def test_without_a_token_nothing_is_asked(desk: Desk) -> None:
    assert await Adopting(desk)(Settings()) == ""
    assert desk.slack.asked == []


async def test_it_is_adopted_beside_the_work_and_given_up_at_the_end(desk: Desk) -> None:
    apis = desk.process()
    settings = replace(SETTINGS, slack_api_url=desk.slack.api_url)
    desk.slack.will("/api/auth.test", web.Response(status=500))
    async with adopting(settings, apis):
        pass
    desk.slack.method("auth.test", **who(desk))
    async with adopting(settings, apis):
        while await apis.of(desk.team) is None:  # noqa: ASYNC110 - what happens in the background has no bell
            await asyncio.sleep(0.01)
