"""An app that listens to the practice Slack in tests: it keeps what it hears and answers as told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack import PracticeSlack, practice_slack
from demo.slack_world import Settings

SECRET = "practice-signing-secret"
Json = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """One delivery: its kind (event, interactive or command), its body, and the headers."""

    kind: str
    body: Json
    headers: dict[str, str]


@dataclass(slots=True)
class Listener:
    """`answers`: type of event or payload → what to answer; a number is a status."""

    heard: list[Heard] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    slow: asyncio.Event | None = None
    wrong_signatures: int = 0

    def events(self, kind: str = "") -> list[Json]:
        found = [one.body["event"] for one in self.heard if one.kind == "event"]
        return [one for one in found if not kind or one["type"] == kind]

    def last(self, kind: str) -> Json:
        return next(one.body for one in reversed(self.heard) if one.body.get("type") == kind)

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if not SignatureVerifier(SECRET).is_valid_request(raw, dict(request.headers)):
            self.wrong_signatures += 1
            return web.Response(status=401)
        heard = self._read(request, raw)
        self.heard.append(heard)
        if self.slow is not None:
            await self.slow.wait()
        named = heard.body.get("event", heard.body)
        answer = self.answers.get(str(named.get("type", "command")), "")
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer)

    def _read(self, request: web.Request, raw: bytes) -> Heard:
        headers = dict(request.headers)
        if request.content_type == "application/json":
            return Heard("event", json.loads(raw), headers)
        form = {name: one[0] for name, one in parse_qs(raw.decode(), keep_blank_values=True).items()}
        if "payload" in form:
            return Heard("interactive", json.loads(form["payload"]), headers)
        return Heard("command", form, headers)


@dataclass(slots=True)
class Ground:
    """The practice Slack, a client of it with the bot's token, and the app that listens."""

    slack: PracticeSlack
    client: AsyncWebClient
    app: Listener

    async def button(self, channel: str = "C0HELP", label: str = "Go", **more: Any) -> str:
        """Posts a message with one button; its ts."""
        made = await self.client.chat_postMessage(
            channel=channel, text=label, blocks=[actions(label)], **more
        )
        return str(made["ts"])

    async def window(self, *blocks: Json, user: str = "U0ANNA", **more: Any) -> Json:
        """Opens a window for somebody by a command's trigger; the view."""
        trigger = (await self.slack.act(user, "command", channel="C0HELP", text=""))["trigger_id"]
        found = await self.client.views_open(trigger_id=trigger, view=modal(*blocks, **more))
        view: Json = found["view"]
        return view


@asynccontextmanager
async def ground(
    settings: Settings | None = None, clock: Callable[[], float] = time.time
) -> AsyncIterator[Ground]:
    app = Listener()
    listening = web.Application()
    listening.router.add_post("/slack/events", app.take)
    runner = web.AppRunner(listening, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        async with practice_slack(SECRET, url, settings=settings, clock=clock) as slack:
            yield Ground(slack, AsyncWebClient("xoxb-practice", base_url=slack.api_url), app)
    finally:
        await runner.cleanup()


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(label: str, action_id: str = "") -> Json:
    return {"type": "button", "text": plain(label), "action_id": action_id or label, "value": label.lower()}


def actions(*labels: str) -> Json:
    return {"type": "actions", "elements": [button(one) for one in labels]}


def section(text: str = "words") -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def menu(kind: str = "static_select", *words: str) -> Json:
    options = [{"text": plain(one), "value": one.lower()} for one in words]
    return {"type": kind, "action_id": kind, "options": options}


def ask(name: str, element: Json | None = None, **more: Any) -> Json:
    """An input block `f:<name>`."""
    given = element or {"type": "plain_text_input"}
    given = {"action_id": "fp:field", **given}
    return {"type": "input", "block_id": f"f:{name}", "label": plain(name.title()), "element": given, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    made: Json = {"type": "modal", "title": plain("Window"), "submit": plain("Send"), "blocks": list(blocks)}
    return made | more
