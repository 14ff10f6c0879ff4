"""An adapter against the practice Teams over real HTTP, and a small site for files and whatever a server can do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from bot.teams.adapter import TeamsAdapter
from bot.teams.port import Reference
from bot.teams.sdk_limits import LIMITS
from demo.teams import PracticeTeams, practice_teams
from demo.teams_world import TENANT

APP, PASSWORD = "11111111-2222-4333-8444-555555555555", "practice-secret"
BOT = {"id": f"28:{APP}", "name": "FlowPilot"}
HELP, GROUP, TEAM = "19:help@thread.tacv2", "19:group@thread.v2", "19:msp@thread.tacv2"
SAID = {"type": "message", "text": "hello"}
QUICK = replace(LIMITS, first_wait=0.01, attempt=5.0)


@dataclass
class Clock:
    """Epoch seconds that only move when told to."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Pauses:
    """The waits between repeats, which take no time here."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Tokens:
    """A cache as two processes share it."""

    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def get(self, name: str) -> tuple[str, float] | None:
        return self.kept.get(name)

    async def put(self, name: str, token: str, expires: float) -> None:
        self.kept[name] = (token, expires)


@dataclass
class Scene:
    teams: PracticeTeams
    adapter: TeamsAdapter
    pauses: Pauses

    @property
    def channel(self) -> Reference:
        return self.reference(HELP, "channel", team=TEAM)

    @property
    def group(self) -> Reference:
        return self.reference(GROUP, "group")

    def reference(self, conversation: str, kind: Any, team: str = "") -> Reference:
        raw = {"serviceUrl": self.teams.service_url, "bot": BOT, "channelId": "msteams"}
        return Reference(TENANT, conversation, kind, raw, team=team)

    def posted(self, conversation: str = HELP) -> list[dict[str, Any]]:
        """What stands there now, oldest first, without replies."""
        found: list[dict[str, Any]] = self.teams.conversation(conversation)["messages"]
        return found

    def calls(self, method: str) -> list[dict[str, Any]]:
        return self.teams.journal(method=method)

    def body(self, **more: Any) -> dict[str, Any]:
        """An activity of the practice tenant, as Teams would send it."""
        return {
            "type": "message",
            "id": "1700000000001",
            "channelId": "msteams",
            "serviceUrl": self.teams.service_url,
            "conversation": {"id": HELP, "tenantId": TENANT},
            "channelData": {"tenant": {"id": TENANT}},
            "text": "hello",
            **more,
        }

    def signed(self, body: Mapping[str, Any], **changes: Any) -> str:
        return self.teams.sign(dict(body), **changes)["Authorization"]


def adapter_for(teams: PracticeTeams, **options: Any) -> TeamsAdapter:
    given = {"limits": QUICK, "chance": lambda: 0.5, **options}
    addresses = {"login_url": teams.login_url, "openid_url": teams.openid_url}
    return TeamsAdapter(APP, PASSWORD, TENANT, **{**addresses, **given})


@asynccontextmanager
async def scene(**options: Any) -> AsyncIterator[Scene]:
    async with practice_teams(APP, PASSWORD) as teams:
        pauses = Pauses()
        adapter = adapter_for(teams, **{"pause": pauses, **options})
        try:
            yield Scene(teams, adapter, pauses)
        finally:
            await adapter.close()


@asynccontextmanager
async def site(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server whose every address answers so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
