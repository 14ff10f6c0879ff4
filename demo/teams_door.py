"""The one entrance of the practice Teams: which call is meant, its token, its fault, its line in the journal."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from demo.teams_connector import Connector
from demo.teams_control import Control
from demo.teams_keys import Keys
from demo.teams_limits import Fault, Faults, Limits
from demo.teams_login import discovery, log_in
from demo.teams_refusals import Refused
from demo.teams_world import ROOT, World

LIMITED = {"post", "update", "delete", "create", "members"}


class Door:
    def __init__(self, world: World, faults: Faults, keys: Keys, control: Control) -> None:
        self._world = world
        self._faults = faults
        self._keys = keys
        self._control = control
        self._connector = Connector(world)
        self._limits = Limits()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not self._world.base:
            self._world.base = f"{request.scheme}://{request.host}"
        parts = [unquote(one) for one in request.rel_url.raw_path.strip("/").split("/")]
        if parts[0] == "_practice":
            status, body = await self._control.answer(
                request.method, parts[1:], request.query, await request.read()
            )
            return web.json_response(body, status=status)
        method, conversation, activity = _meant(request.method, parts)
        if not method:
            return web.json_response(
                {"error": {"code": "NotFound", "message": "No such address"}}, status=404
            )
        if method == "create":
            conversation = _channel_of(await request.read())
        begun = time.perf_counter()
        answer, fault = await self._answered(request, parts, method, conversation)
        self._world.note(
            method=method,
            conversation=conversation,
            activity=activity,
            status=0 if fault == "reset" else answer.status,
            fault=fault,
            ms=round((time.perf_counter() - begun) * 1000, 1),
        )
        return answer

    async def _answered(
        self, request: web.Request, parts: list[str], method: str, conversation: str
    ) -> tuple[web.Response, str]:
        """The answer, and the kind of fault that befell it."""
        fault = self._faults.pick(method, conversation.partition(ROOT)[0])
        try:
            if fault is not None and fault.kind != "lost":
                await _befall(request, fault)
            answer = await self._done(request, parts, method, conversation)
            if fault is not None:
                raise fault.refusal()
        except Refused as reason:
            answer = web.json_response(reason.body(), status=reason.status, headers=reason.headers)
        return answer, fault.kind if fault else ""

    async def _done(
        self, request: web.Request, parts: list[str], method: str, conversation: str
    ) -> web.Response:
        if method == "openid":
            found = self._keys.published() if parts[-1] == "keys" else self._keys.metadata()
            return web.json_response(found)
        if method == "token":
            return await self._login(request, parts[1])
        self._check_token(request)
        if self._world.settings.limits and method in LIMITED and conversation:
            self._limits.take(conversation, self._world.clock())
        if method == "file":
            raw, kind = self._connector.file(parts[3] if parts[1] == "v3" else parts[2])
            return web.Response(body=raw, content_type=kind)
        status, body = self._call(request, parts[2:], await _json(request))
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    async def _login(self, request: web.Request, tenant: str) -> web.Response:
        if request.method == "GET":
            return web.json_response(discovery(self._world, tenant))
        form = {name: str(value) for name, value in (await request.post()).items()}
        status, body = log_in(self._world, tenant, form)
        return web.json_response(body, status=status)

    def _check_token(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._world.tokens.get(token)
        if scheme != "Bearer" or until is None or until <= self._world.clock():
            raise Refused("Unauthorized", status=401)

    def _call(self, request: web.Request, parts: list[str], sent: Any) -> tuple[int, Any]:
        """`parts` of the address after /connector/v3."""
        call = self._connector
        match request.method, parts:
            case "POST", ["conversations"]:
                return call.create(sent)
            case "POST", ["conversations", wire, "activities"]:
                return call.post(wire, sent)
            case "POST", ["conversations", wire, "activities", name]:
                return call.reply(wire, name, sent)
            case "PUT", ["conversations", wire, "activities", name]:
                return call.update(wire, name, sent)
            case "DELETE", ["conversations", wire, "activities", name]:
                return call.delete(wire, name)
            case "GET", ["conversations", wire, "members"]:
                return call.members(wire)
            case "GET", ["conversations", wire, "members", key]:
                return call.member(wire, key)
            case "GET", ["conversations", wire, "pagedmembers"]:
                return call.paged(wire, request.query)
            case "GET", ["teams", name]:
                return call.team(name)
            case _, ["teams", name, "conversations"]:
                return call.channels(name)
            case _:
                raise Refused("BadSyntax", "No such call", status=404)


def _meant(verb: str, parts: list[str]) -> tuple[str, str, str]:
    """(method, conversation, activity); no method for an address that is none."""
    match verb, parts:
        case _, ["login", _, "oauth2", "v2.0", "token"] | ["login", _, "v2.0", ".well-known", _]:
            return "token", "", ""
        case "GET", ["openid", ".well-known", "openidconfiguration"] | ["openid", "keys"]:
            return "openid", "", ""
        case "GET", ["connector", "v3", "attachments", _, "views", _] | ["connector", "files", _]:
            return "file", "", ""
        case "POST", ["connector", "v3", "conversations"]:
            return "create", "", ""
        case "POST", ["connector", "v3", "conversations", wire, "activities", *rest]:
            return "post", wire, "".join(rest)
        case "PUT", ["connector", "v3", "conversations", wire, "activities", name]:
            return "update", wire, name
        case "DELETE", ["connector", "v3", "conversations", wire, "activities", name]:
            return "delete", wire, name
        case "GET", ["connector", "v3", "conversations", wire, "members" | "pagedmembers", *_]:
            return "members", wire, ""
        case "GET", ["connector", "v3", "teams", name, *_]:
            return "teams", name, ""
        case _:
            return "", "", ""


def _channel_of(raw: bytes) -> str:
    """The channel in which a thread is to be opened, "" for anything else."""
    try:
        return str(json.loads(raw)["channelData"]["channel"]["id"])
    except (ValueError, KeyError, TypeError):
        return ""


async def _befall(request: web.Request, fault: Fault) -> None:
    """Raises what the fault answers; nothing is done."""
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "reset" and request.transport is not None:
        request.transport.abort()
    raise fault.refusal()


async def _json(request: web.Request) -> Any:
    if request.method == "GET":
        return None
    raw = await request.read()
    try:
        return json.loads(raw) if raw.strip() else None
    except ValueError:
        raise Refused("BadSyntax", "The body is no JSON.") from None
