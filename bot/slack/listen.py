"""Slack's way in: what it sends is verified, remembered and acknowledged, in this order."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import modals, payloads
from bot.slack.actions import CALLBACK
from bot.slack.answers import Answers
from bot.slack.inputs import TICKET_SEARCH
from bot.slack.payloads import Body, Kept
from bot.trouble import LoggedTrouble
from bot.words import say
from storage.receiving import AWAY

log = logging.getLogger("flowpilot.slack")

PATH = "/slack/events"
MAX_BODY = 1024 * 1024
KEPT = "flowpilot_kept"
UNTIL = "flowpilot_until"
OURS = re.compile("")
"""Every listener takes what was let through to it; what is ours was decided before."""

# Bolt writes whole bodies into its warnings and lines below; what matters is logged here, without any content.
_bolt_log = logging.getLogger("flowpilot.slack.bolt")
_bolt_log.setLevel(logging.CRITICAL)


class Remember(AsyncMiddleware):
    """Runs before Bolt asks whose workspace it is: the row is committed before anything else can fail."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt passes it by this name
    ) -> BoltResponse:
        until = asyncio.get_running_loop().time() + self._answers.limits.answer
        body = req.body
        if body.get("type") == "block_suggestion" and body.get("action_id") != TICKET_SEARCH:
            return BoltResponse(status=200, body='{"options": []}')
        if body.get("type") in ("url_verification", "block_suggestion"):
            return await next()
        kept = payloads.kept(body)
        if kept is None:
            return _empty()
        req.context[KEPT], req.context[UNTIL] = kept, until
        if kept.kind == "view":  # its fields are looked at first
            return await next()
        try:
            # The Events API sends the body itself; everything else brings it inside a form.
            whole = kept.kind == "event" and req.raw_body.startswith("{")
            raw = req.raw_body.encode() if whole else b""
            new = await self._answers.keep(kept, body, raw)
        except Exception as failure:  # noqa: BLE001 - said to the person, and to Slack by its status
            return await not_kept(self._answers, kept, body, failure)
        # A repeat needs no window: its trigger was used by the first one.
        return await next() if new and kept.opens else _empty()


class Listeners:
    """What Bolt calls for the answers that cannot wait. No exception leaves one."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def open_window(self, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse:
        await self._answers.open_window(body, context[KEPT], context[UNTIL])
        return _empty()

    async def suggest(self, body: dict[str, Any]) -> BoltResponse:
        return BoltResponse(status=200, body=json.dumps(await self._answers.suggestions(body)))

    async def submitted(self, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse:
        kept: Kept = context[KEPT]
        try:
            answer = await self._answers.submitted(body, kept)
        except Exception as failure:  # noqa: BLE001 - said to the person in the form itself
            return await not_kept(self._answers, kept, body, failure)
        return _empty() if answer is None else BoltResponse(status=200, body=json.dumps(answer))


def bolt(answers: Answers, base_url: str) -> AsyncApp:
    """The Bolt application. Requests must have been verified: `add_route` does, and a socket is Slack's by itself."""
    app = AsyncApp(
        logger=_bolt_log,
        name="flowpilot.slack.bolt",
        process_before_response=True,
        # Tokens are the answers' business; without this one Bolt would take the environment's and ask Slack.
        client=AsyncWebClient(base_url=base_url, logger=_bolt_log),
        before_authorize=Remember(answers),
        authorize=_anybody,
        # `add_route` has verified the bytes before anything looked into them; Bolt parses first.
        signing_secret="",
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
    )
    listeners = Listeners(answers)
    app.action(OURS)(listeners.open_window)
    app.command(OURS)(listeners.open_window)
    app.shortcut(OURS)(listeners.open_window)
    app.options(TICKET_SEARCH)(listeners.suggest)
    app.view(CALLBACK)(listeners.submitted)
    app.error(_unexpected)
    return app


async def _unexpected(error: Exception) -> None:
    """What went wrong inside Bolt itself; it answers 500."""
    LoggedTrouble().note("slack bolt", error)


async def _anybody(enterprise_id: str | None, team_id: str | None, user_id: str | None) -> AuthorizeResult:
    """Whether a workspace is linked, revoked or unknown is decided in the worker, where somebody can be told."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)


async def not_kept(answers: Answers, kept: Kept, body: Body, failure: Exception) -> BoltResponse:
    """Slack sends events again for a failure status; to everything else a person hears that nothing was kept."""
    if isinstance(failure, AWAY):
        log.warning("%s not kept: %s", kept.kind, type(failure).__name__)
        status, text = 503, say("slack.no_database")
    else:
        error_id = LoggedTrouble().note(f"slack {kept.kind}", failure)
        status, text = 500, say("slack.unexpected", error_id=error_id)
    match kept.kind:
        case "command":
            said: dict[str, Any] = {"response_type": "ephemeral", "text": text}
            return BoltResponse(status=200, body=json.dumps(said))
        case "view":
            return BoltResponse(status=200, body=json.dumps(modals.errors({"": text}, body["view"])))
        case "action" | "shortcut":
            await answers.apologise(body, text)
    return BoltResponse(status=status, body="")


def _empty() -> BoltResponse:
    return BoltResponse(status=200, body="")


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────


def add_route(app: web.Application, listening: AsyncApp, signing_secret: str) -> None:
    """POST /slack/events: whatever Slack sends by HTTP."""
    verifier = SignatureVerifier(signing_secret)

    async def receive(request: web.Request) -> web.Response:
        raw = await _bounded(request)
        if raw is None:
            return web.Response(status=413, text="This is larger than Slack sends. Nothing was kept.")
        # Slack's check of the certificate may come without a signature, and asks for nothing.
        if _is_ssl_check(raw):
            return web.Response()
        if not verified(verifier, raw, request):
            return web.json_response({"error": "invalid request"}, status=401)
        try:
            asked = AsyncBoltRequest(body=raw.decode(), query=request.query_string, headers=_headers(request))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return web.Response(status=400, text="This is not what Slack sends. Nothing was kept.")
        answer = await listening.async_dispatch(asked)
        kind = "application/json" if answer.body.startswith("{") else "text/plain"
        return web.Response(status=answer.status, text=answer.body, content_type=kind)

    app.router.add_post(PATH, receive)


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


def verified(verifier: SignatureVerifier, raw: bytes, request: web.Request) -> bool:
    """Whether Slack signed it within the last five minutes. What is no time and no text is not Slack's."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 and signature.isascii()):
        return False
    try:
        return verifier.is_valid(raw, timestamp, signature)
    except UnicodeDecodeError:
        return False


def _is_ssl_check(raw: bytes) -> bool:
    if len(raw) > 1_000 or b"ssl_check=1" not in raw:
        return False
    return parse_qs(raw.decode("latin-1")).get("ssl_check") == ["1"]


def _headers(request: web.Request) -> dict[str, str | Any]:
    """The two that Bolt reads."""
    wanted = ("Content-Type", "X-Slack-Retry-Num")
    return {name: request.headers[name] for name in wanted if name in request.headers}
