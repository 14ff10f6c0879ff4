"""Takes every HTTP request of the practice Messages API in: key, size, rules, faults, then the answer."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from demo.model_cache import check_breakpoints
from demo.model_catalogue import model_list, offered
from demo.model_control import Control
from demo.model_faults import Fault, Faults
from demo.model_mind import Mind
from demo.model_prompt import Prompt, read_prompt
from demo.model_refusals import Json, Refused, error_body, html_page
from demo.model_reply import Reply
from demo.model_room import Entry, Room
from demo.model_rules import check_prompt_size, check_request, read_body
from demo.model_stream import Stream, reset

VERSIONS = frozenset({"2023-06-01", "2026-10-21"})
KEY = re.compile(r"Bearer (practice[\w-]*)", re.IGNORECASE)


class Door:
    """`answer` is the one entrance of the web application."""

    def __init__(self, room: Room, faults: Faults, mind: Mind, control: Control) -> None:
        self._room = room
        self._faults = faults
        self._mind = mind
        self._control = control

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/_practice"):
            body = await request.read()
            status, shown = self._control.answer(request.method, request.path, dict(request.query), body)
            return web.json_response(shown, status=status)
        entry = self._room.open(request.method, request.path, dict(request.headers))
        try:
            return await self._outside(request, entry)
        except Refused as refused:
            entry.ended = "refused"
            return _json(entry, refused.status, error_body(refused.status, refused.message, entry.request_id))
        except ConnectionError:
            entry.ended = "hung_up"
            return web.Response(status=499)

    async def _outside(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        key = KEY.fullmatch(request.headers.get("Authorization", "").strip())
        if key is None:
            raise Refused(401, "Invalid bearer token")
        if request.headers.get("anthropic-version", "") not in VERSIONS:
            raise Refused(400, "anthropic-version: header is required and must name a known version")
        match request.method, request.path.rstrip("/").split("/")[1:]:
            case "POST", ["v1", "messages"]:
                return await self._messages(request, entry, key[1])
            case "GET", ["v1", "models"]:
                limit, after = _limit(request.query.get("limit", "")), request.query.get("after_id", "")
                page = model_list(limit, after)
                entry.ended = "answered"
                return _json(entry, 200, page)
            case "GET", ["v1", "models", name]:
                shown = offered(name).as_json()
                entry.ended = "answered"
                return _json(entry, 200, shown)
            case _:
                raise Refused(404, "Not found")

    async def _messages(self, request: web.Request, entry: Entry, key: str) -> web.StreamResponse:
        self._room.keep(entry, await request.read())
        if len(entry.raw) > self._room.settings.largest_body:
            raise Refused(413, "Request exceeds the maximum size")
        body = read_body(entry.raw)
        check_request(body)
        prompt = read_prompt(body)
        check_breakpoints(prompt.blocks)
        check_prompt_size(sum(block.tokens for block in prompt.blocks))
        entry.model, entry.purpose, entry.stream = body["model"], prompt.purpose, bool(body.get("stream"))
        fault = self._faults.pick(prompt.text, prompt.purpose)
        entry.fault = fault.kind if fault else ""
        if fault is not None and (failed := await self._fail(request, entry, fault)) is not None:
            return failed
        if self._room.settings.latency_seconds:
            await asyncio.sleep(self._room.settings.latency_seconds)
            if request.transport is None:
                raise ConnectionResetError("the caller has gone")
        reply = self._reply(prompt, entry, key, fault)
        if entry.stream and entry.fault != "json_to_stream":
            return await Stream(self._room, entry, request, fault).send(reply)
        return await self._whole(request, entry, reply, fault)

    async def _fail(self, request: web.Request, entry: Entry, fault: Fault) -> web.StreamResponse | None:
        """The answer of a fault that needs none of the model."""
        match fault.kind:
            case "status":
                entry.ended = "fault"
                headers = dict(fault.headers)
                if fault.retry_after is not None:
                    headers["retry-after"] = f"{fault.retry_after:g}"
                body = error_body(fault.status, fault.message, entry.request_id, fault.type)
                return _json(entry, fault.status, body, headers)
            case "html":
                entry.ended = "fault"
                entry.status = fault.status if fault.status != 500 else 502
                return web.Response(
                    status=entry.status, text=html_page(entry.status), content_type="text/html"
                )
            case "reset" if fault.after == 0 or not entry.stream:
                entry.ended = "fault"
                reset(request)
                return web.Response(status=499)
            case "stall" if fault.after is None or not entry.stream:
                await asyncio.sleep(fault.seconds)
                if request.transport is None:
                    raise ConnectionResetError("the caller has gone")
            case "error_event" if not entry.stream:
                entry.ended = "fault"
                return _json(entry, 529, error_body(529, fault.message, entry.request_id, fault.type))
        return None

    def _reply(self, prompt: Prompt, entry: Entry, key: str, fault: Fault | None) -> Reply:
        room = self._room
        seed = f"{key} {entry.model} {prompt.body.get('thinking')} {prompt.schema}"
        usage = room.cache.use(seed, prompt.blocks, room.clock(), room.settings.smallest_cached)
        reply = self._mind.reply(prompt, room.settings, usage, room.name_message(entry), fault)
        entry.text, entry.stop_reason = reply.text, reply.stop_reason
        return reply

    async def _whole(
        self, request: web.Request, entry: Entry, reply: Reply, fault: Fault | None
    ) -> web.StreamResponse:
        self._room.told(entry, reply.usage)
        response = _json(entry, 200, reply.message())
        cut = fault is not None and fault.kind in {"cut", "cut_body"}
        if cut and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        entry.ended = "fault" if cut or entry.fault == "json_to_stream" else "answered"
        return response


def _json(entry: Entry, status: int, body: Json, headers: dict[str, str] | None = None) -> web.Response:
    entry.status = status
    shown = {"request-id": entry.request_id, **(headers or {})}
    return web.json_response(body, status=status, headers=shown)


def _limit(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1000):
        raise Refused(400, "limit: Input should be between 1 and 1000")
    return int(text) if text else 20
