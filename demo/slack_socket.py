"""Socket Mode: apps connected by WebSocket get the envelopes there, and acknowledge them there."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from demo.slack_delivery import Delivery
from demo.slack_refusals import Heard, Json
from demo.slack_world import APP, World

ANSWERS = {"interactive", "slash_commands"}
MOST = 10


class Sockets:
    """The open connections; each envelope goes to one of them, in turn."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery
        self._open: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}

    @property
    def count(self) -> int:
        return len(self._open)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /socket/<ticket>; a ticket of apps.connections.open opens once."""
        if self._world.codes.pop(f"ws:{request.path.rpartition('/')[2]}", "") == "" or self.count >= MOST:
            return web.Response(status=404, text="no such ticket")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._open.append(socket)
        self._delivery.socket = self.send
        await socket.send_json(
            {"type": "hello", "num_connections": self.count, "connection_info": {"app_id": APP}}
        )
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._open.remove(socket)
            if not self._open:
                self._delivery.socket = None
        return socket

    def _acknowledge(self, text: str) -> None:
        try:
            given = json.loads(text)
        except json.JSONDecodeError:
            return
        waiting = self._waiting.pop(str(given.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(given.get("payload") or "")

    async def send(self, kind: str, payload: Json, retry: int) -> Heard:
        """Waits for the acknowledgement; the caller bounds the time."""
        envelope = str(uuid.uuid4())
        body: Json = {"envelope_id": envelope, "payload": payload, "type": kind}
        body["accepts_response_payload"] = kind in ANSWERS
        if kind == "events_api":
            body |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope] = waiting
        socket = self._open.pop(0)
        self._open.append(socket)
        try:
            await socket.send_json(body)
            return Heard(200, await waiting, 0.0)
        finally:
            self._waiting.pop(envelope, None)

    async def disconnect(self, reason: str = "refresh_requested") -> int:
        """Asks every app to come again, as Slack does now and then. Returns how many were asked."""
        sockets = list(self._open)
        for one in sockets:
            await one.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
            await one.close()
        return len(sockets)
