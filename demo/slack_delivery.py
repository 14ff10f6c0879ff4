"""Sends what happens to the app as Slack does: signed, within three seconds, events again when they failed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

import aiohttp

from demo.slack_refusals import Heard, Json
from demo.slack_world import APP, VERIFICATION, Team, World

Send = Callable[[str, Json, int], Awaitable[Heard]]
FORM = "application/x-www-form-urlencoded"
LONGEST_ANSWER = 300_000


def signed(secret: str, stamp: str, body: bytes) -> str:
    """Slack's signature, version 0."""
    base = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Delivery:
    """`events_url` "" sends nothing over HTTP. `socket`, when set and an app is connected, goes before HTTP."""

    def __init__(self, world: World, signing_secret: str, events_url: str) -> None:
        self.world = world
        self.events_url = events_url
        self.socket: Send | None = None
        self._secret = signing_secret
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.sent: list[tuple[Team, Json]] = []

    async def event(self, team: Team, event: Json, *, shared: bool = False) -> Heard:
        """Sends one event and waits for its first answer; the retries go on behind it."""
        envelope = self._envelope(team, event, shared)
        self.sent.append((team, envelope))
        del self.sent[:-200]
        heard = await self.send("events_api", envelope)
        if not 200 <= heard.status < 300:
            self.later(self._retries(envelope, heard))
        return heard

    def event_later(self, team: Team, event: Json, *, shared: bool = False) -> None:
        """For what the app itself caused: it must not wait for itself."""
        if team.bot_user:
            self.later(self.event(team, event, shared=shared))

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Waits until nothing is on its way to the app any more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, kind: str, payload: Json, retry: int = 0, reason: str = "") -> Heard:
        """`kind`: events_api, interactive or slash_commands, as Socket Mode names them."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.world.settings.answer_timeout):
                if self.socket is not None:
                    status, body = await self._over_socket(kind, payload, retry)
                else:
                    status, body = await self._over_http(kind, payload, retry, reason)
                error = "" if 200 <= status < 300 else f"http_error {status}"
        except TimeoutError:
            status, body, error = 0, "", "operation_timeout"
        except (aiohttp.ClientError, OSError) as failed:
            status, body, error = 0, "", f"connection_failed: {type(failed).__name__}"
        heard = Heard(status, body, round((time.perf_counter() - started) * 1000, 1), error)
        self._note(kind, payload, heard, retry)
        if kind == "interactive":
            await asyncio.sleep(self.world.settings.travel_seconds)  # before what was answered is applied
        return heard

    async def _retries(self, envelope: Json, heard: Heard) -> None:
        """Three more times, as Slack does, until the app says 200."""
        for number, delay in enumerate(self.world.settings.retry_delays[:3], 1):
            await asyncio.sleep(delay)
            reason = "http_timeout" if heard.error == "operation_timeout" else "http_error"
            heard = await self.send("events_api", envelope, number, reason)
            if 200 <= heard.status < 300:
                return

    async def _over_socket(self, kind: str, payload: Json, retry: int) -> tuple[int, Any]:
        if self.socket is None:
            return 0, ""
        heard = await self.socket(kind, payload, retry)
        return heard.status, heard.body

    async def _over_http(self, kind: str, payload: Json, retry: int, reason: str) -> tuple[int, Any]:
        if not self.events_url:
            return 404, "no app listens: there is no events_url and no socket"
        body, content_type = _body(kind, payload)
        stamp = str(int(self.world.clock()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signed(self._secret, stamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(
            self.events_url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            text = (await answer.content.read(LONGEST_ANSWER)).decode("utf-8", "replace")
            return answer.status, _parsed(text, answer.content_type)

    def _envelope(self, team: Team, event: Json, shared: bool) -> Json:
        granted: Json = {"enterprise_id": None, "team_id": team.id, "user_id": team.bot_user, "is_bot": True}
        return {
            "token": VERIFICATION,
            "team_id": team.id,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": self.world.take("Ev"),
            "event_time": int(self.world.clock()),
            "authorizations": [granted | {"is_enterprise_install": False}],
            "is_ext_shared_channel": shared,
            "event_context": f"4-{event['type']}-{team.id}",
        }

    def _note(self, kind: str, payload: Json, heard: Heard, retry: int) -> None:
        event = payload.get("event", {})
        named = {
            "type": event.get("type") or payload.get("type") or payload.get("command"),
            "subtype": event.get("subtype"),
            "event_id": payload.get("event_id"),
            "user": event.get("user") or payload.get("user_id") or payload.get("user", {}).get("id"),
            "channel": event.get("channel") or payload.get("channel_id"),
        }
        kept = {name: value for name, value in named.items() if value}
        answer = str(heard.body)[:300]
        self.world.note(
            sent=kind, **kept, status=heard.status, ms=heard.ms, error=heard.error, retry=retry, answer=answer
        )


def _body(kind: str, payload: Json) -> tuple[bytes, str]:
    if kind == "events_api":
        return json.dumps(payload, separators=(",", ":")).encode(), "application/json"
    if kind == "slash_commands":
        return urlencode(payload).encode(), FORM
    return urlencode({"payload": json.dumps(payload, separators=(",", ":"))}).encode(), FORM


def _parsed(text: str, content_type: str) -> Any:
    if content_type == "application/json" and text.strip():
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text
