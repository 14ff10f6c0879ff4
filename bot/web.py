"""The web process: health, and the console's ingress on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot import console_door
from bot.wiring import Parts
from engine.ports import Raw

log = logging.getLogger("flowpilot.web")

MAX_BODY = 36 * 1024 * 1024
"""A file of 25 MB in base64 with its JSON around it."""
LONGEST_WAIT = 25.0
PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)


def application(parts: Parts) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    app[PARTS] = parts
    app.router.add_get("/health", health)
    app.router.add_post("/console", receive)
    app.router.add_get("/console/follow", follow)
    app.router.add_get("/console/session/{id}", session)
    return app


async def health(request: web.Request) -> web.Response:
    """200 while the database answers within two seconds, 503 otherwise."""
    try:
        async with asyncio.timeout(2):
            await request.app[PARTS].store.rows("select 1 as one")
    except (SQLAlchemyError, OSError, TimeoutError) as away:
        log.warning("health: database away: %s", type(away).__name__)
        return web.json_response({"ok": False, "database": "away"}, status=503)
    return web.json_response({"ok": True, "database": "here"})


async def _caller(request: web.Request) -> tuple[UUID, UUID, str]:
    """(account, user, external id) of a console token. Answers 401 itself."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not 16 <= len(token) <= 200:
        raise web.HTTPUnauthorized(text="This console needs a token.")
    external = token_id(token)
    async with request.app[PARTS].store.transaction() as unit:
        known = await unit.identity("console", "console", external)
    if known is None:
        raise web.HTTPUnauthorized(text="This token is not known. Ask an Admin for a new one.")
    return known[0], known[1], external


def token_id(token: str) -> str:
    """How a console token is stored: only its hash."""
    return hashlib.sha256(token.encode()).hexdigest()


async def receive(request: web.Request) -> web.Response:
    """Remember one word, click or form; 202 once it is committed."""
    _, user, external = await _caller(request)
    raw = await request.read()
    try:
        body: dict[str, Any] = json.loads(raw)
        unique = str(UUID(str(body["id"])))
    except (ValueError, KeyError, TypeError) as wrong:
        raise web.HTTPBadRequest(text="This is not a console message.") from wrong
    payload = json.dumps({"from": external, "body": body}).encode()
    order = _order_key(body, user)
    await request.app[PARTS].desk.receive(Raw("console", f"{external}:{unique}", order, payload))
    return web.json_response({"kept": True}, status=202)


def _order_key(body: dict[str, Any], user: UUID) -> str:
    """What belongs to one thread is handled in order; everything else in the order of its person."""
    place = str(body.get("place") or "")
    return f"console:{place}" if re.fullmatch(r"[0-9a-f-]{36}", place) else f"console:{user}"


async def follow(request: web.Request) -> web.Response:
    """What was drawn for this person since `since`; waits up to `wait` seconds for something new."""
    account, user, _ = await _caller(request)
    try:
        since = int(request.query.get("since", "0"))
        wait = min(float(request.query.get("wait", "0")), LONGEST_WAIT)
    except ValueError as wrong:
        raise web.HTTPBadRequest(text="since and wait are numbers.") from wrong
    ends = asyncio.get_running_loop().time() + wait
    while True:
        async with request.app[PARTS].store.transaction(account) as unit:
            found = await console_door.follow(unit, user, since)
        if found["messages"] or asyncio.get_running_loop().time() >= ends:
            return web.json_response(found)
        await asyncio.sleep(0.1)


async def session(request: web.Request) -> web.Response:
    account, _, _ = await _caller(request)
    try:
        wanted = UUID(request.match_info["id"])
    except ValueError as wrong:
        raise web.HTTPNotFound(text="There is no such session.") from wrong
    async with request.app[PARTS].store.transaction(account) as unit:
        found = await console_door.session(unit, wanted)
    if found is None:
        raise web.HTTPNotFound(text="There is no such session.")
    return web.json_response(found)
