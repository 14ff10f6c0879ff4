"""Takes every HTTP request in: methods, response_urls, files, sockets, pages and control, with their faults."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from demo import slack_files as files
from demo import slack_oauth as oauth
from demo.slack_control import Control
from demo.slack_delivery import Delivery
from demo.slack_limits import Fault, Faults, Limits
from demo.slack_methods import answer
from demo.slack_page import page
from demo.slack_refusals import Json
from demo.slack_response import respond
from demo.slack_socket import Sockets
from demo.slack_world import World

SECRET = {"token", "client_secret", "client_id", "code", "refresh_token"}
SHOWN = 200
GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Door:
    """`answer` is the one entrance of the web application."""

    def __init__(
        self, world: World, delivery: Delivery, faults: Faults, control: Control, sockets: Sockets
    ) -> None:
        self._world = world
        self._delivery = delivery
        self._faults = faults
        self._control = control
        self._sockets = sockets
        self._limits = Limits()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self._world.base = f"{request.scheme}://{request.host}"
        path = request.path
        if path.startswith("/_practice/page/"):
            return self._page(path)
        if path.startswith("/_practice/"):
            body = await request.read()
            status, found = await self._control.answer(request.method, path, request.query, body)
            return web.json_response(found, status=status)
        if path.startswith("/api/"):
            return await self._method(request, path.removeprefix("/api/").strip("/"))
        if path.startswith("/response/"):
            return await self._response(request, path.removeprefix("/response/"))
        if path.startswith("/files-pri/"):
            return await self._download(request, path)
        if path.startswith("/upload/v1/"):
            return await self._upload(request, path.removeprefix("/upload/v1/"))
        if path == "/oauth/v2/authorize":
            return self._allow(request)
        if path.startswith("/socket/"):
            return await self._sockets.connect(request)
        return web.Response(status=404, text="There is nothing at this address.")

    def _allow(self, request: web.Request) -> web.Response:
        """The page on which somebody installs the app; here he has always just pressed Allow."""
        target = oauth.allow(self._world, request.query)
        if not target:
            return web.Response(status=400, text="client_id, team or redirect_uri is wrong.")
        return web.Response(status=302, headers={"Location": target})

    def _page(self, path: str) -> web.Response:
        text = page(self._world, path.removeprefix("/_practice/page/").split("/"))
        if text is None:
            return web.Response(status=404, text="There is no such page.")
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _method(self, request: web.Request, name: str) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:
            return web.Response(status=405)
        try:
            args = await _arguments(request)
        except (ValueError, UnicodeDecodeError):
            return web.json_response({"ok": False, "error": "invalid_json"})
        args = _basic(request) | args
        token = _bearer(request) or str(args.get("token", ""))
        grant = self._world.grants.get(token)
        place = str(args.get("channel") or args.get("channel_id") or "")
        wait = self._limits.wait(
            self._world.settings, name, grant.team if grant else "", place, self._world.clock()
        )
        if wait:
            return self._limited(name, args, wait)

        def carry_out() -> web.Response:
            body = answer(self._world, self._delivery, name, token, args)
            self._note(
                name, args, body.get("error", "ok"), ts=body.get("ts"), more=body.get("response_metadata")
            )
            return web.json_response(
                body, headers={"X-OAuth-Scopes": ",".join(grant.scopes if grant else ())}
            )

        fault = self._faults.pick(name, place)
        if fault is not None:
            return await self._faulty(request, name, args, fault, carry_out)
        if name in ("views.open", "views.push"):
            # The real one takes its time before a window is there to be filled.
            await asyncio.sleep(self._world.settings.window_seconds)
        return carry_out()

    async def _faulty(
        self, request: web.Request, name: str, args: Json, fault: Fault, carry_out: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """What goes wrong in place of, or after, the real thing."""
        if fault.carries_out:
            carry_out()
        if fault.kind == "429":
            return self._limited(name, args, fault.retry_after)
        self._note(name, args, fault.kind, fault=True, stored=fault.carries_out)
        match fault.kind:
            case "500":
                return web.json_response({"ok": False, "error": "internal_error"}, status=500)
            case "html":
                return web.Response(status=502, text=GATEWAY, content_type="text/html")
            case "stall":
                await asyncio.sleep(fault.seconds)
                return _reset(request)
            case "reset" | "lost_reply":
                return _reset(request)
            case code:
                return web.json_response({"ok": False, "error": code})

    def _limited(self, name: str, args: Json, wait: int) -> web.Response:
        self._note(name, args, "ratelimited", retry_after=wait)
        body = {"ok": False, "error": "ratelimited"}
        return web.json_response(body, status=429, headers={"Retry-After": str(wait)})

    async def _response(self, request: web.Request, name: str) -> web.StreamResponse:
        try:
            given: Any = json.loads(await request.read())
        except ValueError:
            given = None
        shown = given if isinstance(given, dict) else {}

        def carry_out() -> web.Response:
            status, body = respond(self._world, self._delivery, name, given)
            self._note("response", shown, body.get("error", "ok"))
            return web.Response(text="ok") if status == 200 else web.json_response(body, status=status)

        fault = self._faults.pick("response")
        return (
            carry_out() if fault is None else await self._faulty(request, "response", shown, fault, carry_out)
        )

    async def _download(self, request: web.Request, path: str) -> web.StreamResponse:
        def carry_out() -> web.Response:
            found = files.download(self._world, _bearer(request), path)
            outcome = "login_page" if found.content_type == "text/html" else "ok"
            self._note("files", {"path": path}, outcome)
            return found

        fault = self._faults.pick("files")
        if fault is not None:
            return await self._faulty(request, "files", {"path": path}, fault, carry_out)
        return carry_out()

    async def _upload(self, request: web.Request, file_id: str) -> web.Response:
        if request.content_type == "multipart/form-data":
            form = await request.post()
            part = next((one for one in form.values() if isinstance(one, web.FileField)), None)
            content = part.file.read() if part else b""
            kind = part.content_type if part else ""
        else:
            content, kind = await request.read(), request.content_type
        return files.take_upload(self._world, file_id, content, kind)

    def _note(self, name: str, args: Json, outcome: str, **more: Any) -> None:
        """Key arguments without secrets, long ones cut."""
        shown = {key: str(value)[:SHOWN] for key, value in args.items() if key not in SECRET}
        kept = {key: value for key, value in more.items() if value is not None}
        self._world.note(method=name, args=shown, outcome=outcome, clock=time.time(), **kept)


async def _arguments(request: web.Request) -> Json:
    """Query, then a form or a JSON body."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        found = json.loads(text) if text.strip() else {}
        if not isinstance(found, dict):
            raise ValueError("no object")
        return args | found
    if request.method == "POST":
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return args


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _basic(request: web.Request) -> Json:
    """The client's id and secret, which oauth.v2.access takes in a header as well."""
    scheme, _, code = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(code).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": name, "client_secret": secret}


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=499)
