"""Teams' route of the web process over real HTTP, on a real inbox; who signs, and what answers at once, are fakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
from aiohttp import web

from bot.card import Card
from bot.teams import cards
from bot.teams.answers import Answers, Limits
from bot.teams.listen import PATH, add_route
from bot.teams.port import Unauthorized
from engine.ports import Raw
from storage.receiving import Receiving
from storage.vault import Vault, new_key
from tests.bot.teams.activities import TENANT
from tests.conftest import Database

VAULT = Vault([new_key()])
SIGNED = "Bearer signed"


@dataclass
class FakeAdapter:
    """Believes one token and one tenant; `fails` is raised instead."""

    tenant: str
    fails: Exception | None = None

    async def authenticate(self, body: Mapping[str, Any], authorization: str) -> None:
        if self.fails is not None:
            raise self.fails
        if authorization != SIGNED:
            raise Unauthorized(401, "not signed")
        if body.get("conversation", {}).get("tenantId") != self.tenant:
            raise Unauthorized(403, "another tenant")


@dataclass
class Slow:
    """`fails` is raised, `waits` is waited for, before anything is answered."""

    fails: Exception | None = None
    waits: asyncio.Event | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def answers(self, *asked: Any) -> None:
        self.asked.append(asked)
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails


@dataclass
class FakeSearch(Slow):
    found: Sequence[tuple[int, str]] = ()

    async def __call__(self, team: str, user: str, words: str) -> Sequence[tuple[int, str]]:
        await self.answers(team, user, words)
        return self.found


@dataclass
class FakeCheck(Slow):
    wrong: dict[str, str] = field(default_factory=dict)
    late: str = ""

    async def __call__(
        self, team: str, user: str, verb: str, args: Mapping[str, str], fields: Mapping[str, str]
    ) -> Mapping[str, str]:
        await self.answers(verb, dict(args), dict(fields))
        return self.wrong

    async def click(self, team: str, user: str, verb: str, args: Mapping[str, str]) -> str:
        await self.answers(verb, dict(args))
        return self.late


@dataclass
class FakeShown(Slow):
    card: Card | None = None

    async def __call__(self, tenant: str, person: str, ref: str) -> Card | None:
        await self.answers(tenant, person, ref)
        return self.card


@dataclass
class Site:
    """`tenant` is this test's own; `fails` makes the inbox fail."""

    url: str
    client: aiohttp.ClientSession
    database: Database
    tenant: str = field(default_factory=lambda: str(uuid4()))
    search: FakeSearch = field(default_factory=FakeSearch)
    check: FakeCheck = field(default_factory=FakeCheck)
    shown: FakeShown = field(default_factory=FakeShown)
    adapter: FakeAdapter = field(default_factory=lambda: FakeAdapter(""))
    fails: Exception | None = None

    def ours(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A sample activity as one of this test's tenant, with an id of its own."""
        own: dict[str, Any] = json.loads(json.dumps(body).replace(TENANT, self.tenant))
        return {**own, "id": f"{own['id']}-{uuid4().hex[:12]}"}

    async def send(self, body: Mapping[str, Any], authorization: str = SIGNED) -> tuple[int, str]:
        return await self.post(json.dumps(body).encode(), authorization)

    async def post(self, raw: bytes, authorization: str = SIGNED) -> tuple[int, str]:
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        async with self.client.post(self.url + PATH, data=raw, headers=headers) as reply:
            return reply.status, await reply.text()

    async def invoke(self, body: Mapping[str, Any]) -> Any:
        """The invoke's answer, which Teams takes at status 200 alone."""
        status, text = await self.send(body)
        assert status == 200
        return json.loads(text)

    async def rows(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(unique key, order key, payload) of what is kept for this tenant, oldest first."""
        query = "select unique_key, order_key, payload from inbox where order_key like %s order by id"
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            found = await (await connection.execute(query, (f"teams:{self.tenant}%",))).fetchall()
        return [(unique, order, json.loads(VAULT.open(payload))) for unique, order, payload in found]


@asynccontextmanager
async def route_site(database: Database, limits: Limits | None = None) -> AsyncIterator[Site]:
    receiving = Receiving(database.app_url, VAULT)
    await receiving.open()
    async with aiohttp.ClientSession() as client:
        site = Site("", client, database)
        site.adapter.tenant = site.tenant

        async def receive(raw: Raw) -> bool:
            if site.fails is not None:
                raise site.fails
            return await receiving.remember(raw.platform, raw.unique_key, raw.order_key, raw.payload)

        app = web.Application()
        answers = Answers(receive, site.search, site.check, site.shown, cards, limits)
        add_route(app, site.adapter, answers)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield site
        finally:
            await runner.cleanup()
            await receiving.close()
