"""Teams' way in: what it signed is remembered and answered, in this order; everything else leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Protocol

from aiohttp import web

from bot.teams import payloads
from bot.teams.answers import Answers, not_kept
from bot.teams.payloads import Body
from bot.teams.port import Unauthorized

log = logging.getLogger("flowpilot.teams")

PATH = "/api/messages"
MAX_BODY = 1024 * 1024
LARGE = 64 * 1024
"""Reading more than this as JSON would hold up everybody else on the loop."""


class Authenticates(Protocol):
    async def authenticate(self, body: Body, authorization: str) -> None:
        """Raises Unauthorized for what Teams did not sign (401) and for a tenant that is not allowed (403)."""


def add_route(app: web.Application, adapter: Authenticates, answers: Answers) -> None:
    """POST /api/messages: whatever Teams sends."""

    async def receive(request: web.Request) -> web.Response:
        raw = await _bounded(request)
        if raw is None:
            return web.Response(status=413, text="This is larger than Teams sends. Nothing was kept.")
        try:
            body = await asyncio.to_thread(_read, raw) if len(raw) > LARGE else _read(raw)
        except (ValueError, RecursionError):
            return web.Response(status=400, text="This is not what Teams sends. Nothing was kept.")
        try:
            await adapter.authenticate(body, request.headers.get("Authorization", ""))
        except Unauthorized as stranger:
            log.info("not let in: %s", stranger.log_safe)
            return web.json_response({"error": "invalid request"}, status=stranger.status)
        except Exception as failure:  # noqa: BLE001 - said without a trace
            return _failed("signature", failure)
        return await _answer(answers, body, raw.strip())

    app.router.add_post(PATH, receive)


async def _answer(answers: Answers, body: Body, raw: bytes) -> web.Response:
    if body.get("type") == "invoke":
        answer = await answers.invoke(body, raw)
        if answer.body is None:
            return web.Response(status=answer.status)
        return web.json_response(answer.body, status=answer.status)
    try:
        kept = payloads.kept(body)
        if kept is not None:
            await answers.keep(kept, raw)
    except Exception as failure:  # noqa: BLE001 - Teams sends it again for such a status
        return _failed("message", failure)
    return web.Response()


def _failed(what: str, failure: Exception) -> web.Response:
    status, sentence = not_kept(what, failure)
    return web.Response(
        status=status, text=sentence, headers={"Retry-After": "10"} if status == 503 else None
    )


def _read(raw: bytes) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object in UTF-8."""
    body = json.loads(raw.decode())
    if not isinstance(body, dict):
        raise ValueError("an activity is an object")  # noqa: TRY004 - refused like any other that cannot be read
    return body


async def _bounded(request: web.Request) -> bytes | None:
    """The body; None for one that is too large. The application's own limit leaves room for files."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    found = bytearray()
    async for part in request.content.iter_any():
        found += part
        if len(found) > MAX_BODY:
            return None
    return bytes(found)
