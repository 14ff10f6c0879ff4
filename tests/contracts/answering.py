"""A function as an HTTP server on loopback: what it returns is the answer, what came in is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from engine.clients.connectwise import ConnectWise
from engine.psa import Connection
from storage.limiter import LocalLimiter


def utc_now() -> datetime:
    return datetime.now(UTC)


COMPANY_ANSWER = {"CompanyName": "practice", "Codebase": "v2025_1/", "IsCloud": True}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    raw_path: str


@dataclass(frozen=True, slots=True)
class Say:
    """One answer; `body` is JSON unless it is text already.

    `hang_up` breaks the connection instead, `never` leaves the question open.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False
    never: bool = False


Answering = Callable[[Request], Say]


@dataclass(slots=True)
class Site:
    url: str
    seen: list[Request] = field(default_factory=list)

    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits for requests to come in."""
        async with self.changed:
            await self.changed.wait_for(reached)

    def api(self) -> list[Request]:
        return [each for each in self.seen if "/apis/3.0/" in each.path]


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[Site]:
    """Serves `answer` for API calls; the company question is always answered well."""
    site = Site("")

    async def take(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        came = Request(
            request.method, request.path, dict(request.query), dict(request.headers), body, request.raw_path
        )
        site.seen.append(came)
        async with site.changed:
            site.changed.notify_all()
        say = Say(body=COMPANY_ANSWER) if came.path.startswith("/login/") else answer(came)
        if say.never:
            await asyncio.Event().wait()
        if say.hang_up:
            assert request.transport is not None
            request.transport.abort()
        content = say.body if isinstance(say.body, str) else json.dumps(say.body)
        return web.Response(
            status=say.status, text=content, content_type=say.content_type, headers=dict(say.headers)
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()


def connection_to(url: str, **changes: str) -> Connection:
    words = {
        "host": url,
        "company": "practice",
        "public_key": "practice-public",
        "private_key": "practice-private",
        "client_id": "00000000-0000-4000-8000-000000000000",
    }
    return Connection(**{**words, **changes})


@asynccontextmanager
async def client_of(
    url: str, connection: Connection | None = None, **options: Any
) -> AsyncIterator[ConnectWise]:
    """The real client, allowed to speak to loopback; closed at the end."""
    options.setdefault("allow_hosts", {"127.0.0.1"})
    client = ConnectWise(connection or connection_to(url), LocalLimiter(), **{"now": utc_now, **options})
    try:
        yield client
    finally:
        await client.close()
