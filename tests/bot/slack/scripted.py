"""A very small Slack over real HTTP: it answers what the test put down for a path, and remembers who asked what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    headers: dict[str, str]
    form: dict[str, str]
    body: Any = None


@dataclass(slots=True)
class Scripted:
    """`answers` per path, first in first out; the last one stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def will(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def method(self, name: str, **body: Any) -> None:
        """From now on it answers so, as often as it is asked."""

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(body)

        self.will(f"/api/{name}", answer)

    def times(self, path: str) -> int:
        return sum(each.path == path for each in self.asked)

    async def take(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        body = await request.json() if request.content_type == "application/json" else None
        self.asked.append(Asked(request.path, dict(request.headers), form, body))
        waiting = self.answers[request.path]
        if not waiting:
            raise web.HTTPNotFound(text="nothing was put down here")
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if not isinstance(answer, web.Response):
            return await answer(request)
        # One response can be sent only once.
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


async def hang_up(request: web.Request) -> web.Response:
    """The connection ends before there is an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    slack = Scripted()
    application = web.Application(client_max_size=40 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", slack.take)
    async with TestServer(application) as server:
        slack.url = str(server.make_url("")).rstrip("/")
        yield slack
