"""Puts Slack's part of the web process together: the route, the socket, and what answers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web

from bot.form_checks import StoredChecks
from bot.settings import Settings
from bot.slack.answers import Answers, Receive
from bot.slack.install import add_routes
from bot.slack.listen import add_route, bolt
from bot.slack.socket import socket
from bot.slack.tokens import Apis
from bot.ticket_search import Knows, OpensPsa, Searching
from storage.store import Store


def add_slack(
    app: web.Application,
    settings: Settings,
    apis: Apis,
    *,
    store: Store,
    receive: Receive,
    knows: Knows,
    doors: OpensPsa,
) -> None:
    """HTTP where there is a signing secret, Socket Mode where there is an app token; both where both are set."""
    searching = Searching("slack", knows, doors)
    listening = bolt(Answers(receive, apis, searching, StoredChecks(store, "slack")), settings.slack_api_url)
    if settings.slack_signing_secret:
        add_route(app, listening, settings.slack_signing_secret)
    add_routes(app, settings, store.vault, apis)

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as ends:
            ends.push_async_callback(searching.close)
            if settings.slack_app_token:
                opened = socket(listening, settings.slack_app_token, settings.slack_api_url)
                await ends.enter_async_context(opened)
            yield

    app.cleanup_ctx.append(running)
