"""Puts Slack's part of the web process together: the route, the socket, and what answers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web

from bot.slack.answers import Answers
from bot.slack.checks import StoredChecks
from bot.slack.listen import add_route, bolt
from bot.slack.searching import Searching
from bot.slack.socket import socket
from bot.slack.tokens import Apis
from bot.wiring import Parts


def add_slack(app: web.Application, parts: Parts, apis: Apis) -> None:
    """HTTP where there is a signing secret, Socket Mode where there is an app token; both where both are set."""
    settings = parts.settings
    searching = Searching(parts.receiving.identity, parts.doors)
    answers = Answers(parts.desk.receive, apis, searching, StoredChecks(parts.store))
    listening = bolt(answers, settings.slack_api_url)
    if settings.slack_signing_secret:
        add_route(app, listening, settings.slack_signing_secret)

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as ends:
            ends.push_async_callback(searching.close)
            if settings.slack_app_token:
                opened = socket(listening, settings.slack_app_token, settings.slack_api_url)
                await ends.enter_async_context(opened)
            yield

    app.cleanup_ctx.append(running)
