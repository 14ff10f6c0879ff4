"""Socket Mode: the same listeners where Slack cannot reach FlowPilot, which then connects by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.api import is_real

_log = logging.getLogger("flowpilot.slack.socket")


def _without_content(record: logging.LogRecord) -> bool:
    """Slack's client writes what it was about into its messages; what happened and to which error is enough."""
    failure = record.exc_info[1] if record.exc_info else None
    code = str(failure.response.get("error", "")) if isinstance(failure, SlackApiError) else ""
    what = str(record.msg).partition("(")[0].partition(":")[0].strip()
    record.msg, record.exc_info, record.exc_text = "%s %s %s", None, None
    record.args = (what, type(failure).__name__ if failure else "", code)
    return record.levelno >= logging.WARNING


_log.addFilter(_without_content)


@asynccontextmanager
async def socket(listening: AsyncApp, app_token: str, base_url: str) -> AsyncIterator[None]:
    """Connected while the block runs, tried again every few seconds while Slack is away. Never waits for Slack."""
    client = AsyncWebClient(token=app_token, base_url=base_url, logger=_log)
    ears: Any = AsyncSocketModeHandler(listening, app_token, logger=_log, web_client=client)
    if not is_real(base_url):
        client.proxy = ears.client.proxy = None
    connecting = asyncio.create_task(cast("Any", ears.connect_async()), name="slack socket")
    try:
        yield
    finally:
        connecting.cancel()
        await asyncio.wait([connecting])
        await ears.close_async()
