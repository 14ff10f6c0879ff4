"""Slack's route of the web process over real HTTP with real signatures, on a real inbox; ports outwards are fakes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import psycopg
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from bot.slack.answers import Answers, Limits
from bot.slack.listen import PATH, add_route, bolt
from engine.ports import Raw
from storage.receiving import Receiving
from storage.vault import Vault, new_key
from tests.conftest import Database

SECRET = "8f742231b10e8888abcd99e6a5f4b3c2"
KEY = new_key()
VAULT = Vault([KEY])


def signed(raw: bytes, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    moment = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=moment, body=raw)
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": signature or ""}


@dataclass
class FakeApi:
    """Remembers calls; `fails` is raised instead, `waits` is waited for first."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    said: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    fails: Exception | None = None
    waits: asyncio.Event | None = None

    async def call(self, method: str, *, timeout: float = 10.0, **arguments: Any) -> dict[str, Any]:
        if self.waits is not None:
            await self.waits.wait()
        self.calls.append((method, arguments))
        if self.fails is not None:
            raise self.fails
        return {"ok": True}

    async def respond(self, response_url: str, payload: Mapping[str, Any]) -> None:
        self.said.append((response_url, payload))


@dataclass
class FakeWorkspaces:
    """Everybody's Api is the same; `lost` is raised when it is asked for."""

    api: FakeApi | None = field(default_factory=FakeApi)
    lost: Exception | None = None
    forgotten: list[str] = field(default_factory=list)
    _unkeyed: FakeApi = field(default_factory=FakeApi)

    async def of(self, team: str) -> FakeApi | None:
        if self.lost is not None:
            raise self.lost
        return self.api

    def forget(self, team: str) -> None:
        self.forgotten.append(team)

    def with_token(self, token: str = "") -> FakeApi:
        return self._unkeyed


@dataclass
class FakeSearch:
    found: Sequence[tuple[int, str]] = ()
    fails: Exception | None = None
    waits: asyncio.Event | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def __call__(self, team: str, user: str, words: str) -> Sequence[tuple[int, str]]:
        self.asked.append((team, user, words))
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails
        return self.found


@dataclass
class FakeCheck:
    wrong: dict[str, str] = field(default_factory=dict)
    fails: Exception | None = None
    waits: asyncio.Event | None = None
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    async def __call__(
        self, team: str, user: str, verb: str, args: Mapping[str, str], fields: Mapping[str, str]
    ) -> dict[str, str]:
        self.asked.append((verb, dict(args), dict(fields)))
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails
        return self.wrong


@dataclass
class Site:
    """`team` is this test's own; `fails` makes the inbox fail."""

    url: str
    client: aiohttp.ClientSession
    database: Database
    workspaces: FakeWorkspaces = field(default_factory=FakeWorkspaces)
    search: FakeSearch = field(default_factory=FakeSearch)
    check: FakeCheck = field(default_factory=FakeCheck)
    team: str = field(default_factory=lambda: f"T{uuid4().hex[:12].upper()}")
    fails: Exception | None = None

    async def post(self, raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        async with self.client.post(self.url + PATH, data=raw, headers=dict(headers)) as reply:
            return reply.status, await reply.text()

    async def event(self, event: Mapping[str, Any], **more: Any) -> tuple[int, str]:
        """One envelope of the Events API, sent for the bot user U0FLOW."""
        return await self.envelope(self.about(event, **more))

    def about(self, event: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "type": "event_callback",
            "team_id": self.team,
            "event_id": f"Ev{uuid4().hex[:10]}",
            "event": dict(event),
            "authorizations": [{"team_id": self.team, "user_id": "U0FLOW", "is_bot": True}],
            **more,
        }

    async def envelope(self, body: Mapping[str, Any], **headers: str) -> tuple[int, str]:
        raw = json.dumps(body).encode()
        return await self.post(raw, {"Content-Type": "application/json", **signed(raw), **headers})

    async def interact(self, body: Mapping[str, Any]) -> tuple[int, str]:
        return await self.form({"payload": json.dumps(body)})

    async def form(self, fields: Mapping[str, str]) -> tuple[int, str]:
        raw = urlencode(fields).encode()
        return await self.post(raw, {"Content-Type": "application/x-www-form-urlencoded", **signed(raw)})

    async def rows(self, team: str = "") -> list[tuple[str, str, dict[str, Any]]]:
        """(unique key, order key, payload) of what is kept for this team, oldest first."""
        query = "select unique_key, order_key, payload from inbox where order_key like %s order by id"
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            wanted = f"slack:{team or self.team}%"
            found = await (await connection.execute(query, (wanted,))).fetchall()
        return [(unique, order, json.loads(VAULT.open(payload))) for unique, order, payload in found]

    async def keys(self) -> list[str]:
        return [unique for unique, _, _ in await self.rows()]


@asynccontextmanager
async def slack_site(database: Database, limits: Limits | None = None) -> AsyncIterator[Site]:
    async with opened(database) as receiving, aiohttp.ClientSession() as client:
        site = Site("", client, database)

        async def receive(raw: Raw) -> bool:
            if site.fails is not None:
                raise site.fails
            return await receiving.remember(raw.platform, raw.unique_key, raw.order_key, raw.payload)

        async with served(receive, site, limits):
            yield site


@asynccontextmanager
async def served(
    receive: Callable[[Raw], Awaitable[bool]], site: Site, limits: Limits | None = None
) -> AsyncIterator[None]:
    answers = Answers(receive, site.workspaces, site.search, site.check, limits)
    app = web.Application()
    add_route(app, bolt(answers, "http://127.0.0.1:1/api/"), SECRET)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Receiving]:
    receiving = Receiving(database.app_url, VAULT)
    await receiving.open()
    try:
        yield receiving
    finally:
        await receiving.close()


def message(**more: Any) -> dict[str, Any]:
    """What somebody said to the app in a channel."""
    at = f"17000{uuid4().int % 10**5:05d}.{uuid4().int % 10**6:06d}"
    return {
        "type": "message",
        "user": "U0ANNA",
        "text": "<@U0FLOW> Outlook keeps asking for a password",
        "channel": "C0HELP",
        "channel_type": "channel",
        "ts": at,
        **more,
    }
