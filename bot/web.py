"""The web process: health, and the console's ingress on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bot import console_door
from bot.inbound import UnreadableFile, read_console
from bot.tokens import token_id as token_id
from bot.trouble import LoggedTrouble
from bot.wiring import Parts
from engine.ports import Raw
from storage import receiving

log = logging.getLogger("flowpilot.web")

MAX_BODY = 36 * 1024 * 1024
"""A file of 25 MB in base64 with its JSON around it."""
LONGEST_WAIT = 25.0
LARGE = 64 * 1024
"""Reading more than this as JSON would hold up everybody else on the loop."""
HIGHEST_CHANGE = 2**63 - 1
PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)
ENDING: web.AppKey[asyncio.Event] = web.AppKey("ending", asyncio.Event)
AWAY = (OperationalError, *receiving.AWAY)


def application(parts: Parts) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY, middlewares=[sentences])
    app[PARTS] = parts
    app[ENDING] = asyncio.Event()
    app.on_shutdown.append(_let_go)
    app.router.add_get("/health", health)
    app.router.add_post("/console", receive)
    app.router.add_get("/console/follow", follow)
    app.router.add_get("/console/session/{id}", session)
    if parts.apis is not None:
        from bot.slack.ingress import add_slack  # noqa: PLC0415 - Slack's libraries only where they are used

        add_slack(
            app,
            parts.settings,
            parts.apis,
            store=parts.store,
            receive=parts.desk.receive,
            knows=parts.receiving.identity,
            doors=parts.doors,
        )
    if parts.teams is not None:
        from bot.teams.ingress import add_teams  # noqa: PLC0415 - as above

        add_teams(
            app,
            parts.settings,
            parts.teams,
            store=parts.store,
            receive=parts.desk.receive,
            knows=parts.receiving.identity,
            doors=parts.doors,
        )
    return app


async def _let_go(app: web.Application) -> None:
    """Whoever waits for something new is answered now, so that the process ends at once."""
    app[ENDING].set()


@web.middleware
async def sentences(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever goes wrong is answered with a sentence; a trace is for nobody outside."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as large:
        text = "This is larger than FlowPilot takes: a file may have 25 MB. Nothing was kept."
        raise web.HTTPRequestEntityTooLarge(large.status, text=text) from large
    except web.HTTPException:
        raise
    except AWAY as away:
        log.warning("%s: %s", request.path, type(away).__name__)
        text = "FlowPilot cannot reach its database. Nothing was kept; send it again in a minute."
        raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "10"}) from away
    except Exception as failure:
        error_id = LoggedTrouble().note(f"{request.method} {request.path}", failure)
        text = f"FlowPilot did not expect this. Nothing was kept. Tell your Admin the number {error_id}."
        raise web.HTTPInternalServerError(text=text) from failure


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
    if scheme != "Bearer" or not 16 <= len(token) <= 200 or not token.isascii():
        raise web.HTTPUnauthorized(text="This console needs a token.")
    external = token_id(token)
    known = await request.app[PARTS].receiving.identity("console", "console", external)
    if known is None:
        raise web.HTTPUnauthorized(text="This token is not known. Ask an Admin for a new one.")
    return known[0], known[1], external


async def receive(request: web.Request) -> web.Response:
    """Remember one word, click or form; 202 once it is committed."""
    account, user, external = await _caller(request)
    raw = await request.read()
    read = asyncio.to_thread(_read, raw, external) if len(raw) > LARGE else None
    try:
        body, payload = await read if read is not None else _read(raw, external)
        unique = str(UUID(str(body["id"])))
    except UnreadableFile as wrong:
        text = "A file in this message cannot be read. Nothing was kept; attach it again."
        raise web.HTTPBadRequest(text=text) from wrong
    except (ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise web.HTTPBadRequest(text="This is not a console message. Nothing was kept.") from wrong
    order = _order_key(body, account, user)
    await request.app[PARTS].desk.receive(Raw("console", f"{external}:{unique}", order, payload))
    return web.json_response({"kept": True}, status=202)


def _read(raw: bytes, external: str) -> tuple[dict[str, Any], bytes]:
    """The message, and the payload to remember: who sent it stands beside it, never inside."""
    body = json.loads(raw)
    if not isinstance(body, dict):
        raise TypeError("a console message is an object")
    payload = json.dumps({"from": external, "body": body}).encode()
    # What nobody can read later is refused now, while its sender still hears it.
    read_console(payload)
    return body, payload


def _order_key(body: dict[str, Any], account: UUID, user: UUID) -> str:
    """What belongs to one thread is handled in order; everything else in the order of its person.

    The account stands first: whoever names a place of another account never waits for its words, nor they for his.
    """
    place = str(body.get("place") or "")
    return f"console:{account}:{place if re.fullmatch(r'[0-9a-f-]{36}', place) else user}"


async def follow(request: web.Request) -> web.Response:
    """What was drawn for this person since `since`; waits up to `wait` seconds for something new."""
    account, user, _ = await _caller(request)
    try:
        since = int(request.query.get("since", "0"))
        wait = float(request.query.get("wait", "0"))
    except ValueError as wrong:
        raise web.HTTPBadRequest(text="since and wait are numbers.") from wrong
    if not (0 <= since <= HIGHEST_CHANGE and math.isfinite(wait)):
        raise web.HTTPBadRequest(text="since and wait are numbers.")
    wait = min(wait, LONGEST_WAIT)
    ending = request.app[ENDING]
    ends = asyncio.get_running_loop().time() + wait
    name: str | None = None
    while True:
        async with request.app[PARTS].store.transaction(account) as unit:
            if name is None:
                me = await unit.accounts.user(user)
                name = me.name if me else ""
            found = await console_door.follow(unit, user, since, name)
        if found["messages"] or ending.is_set() or asyncio.get_running_loop().time() >= ends:
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
