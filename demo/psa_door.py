"""Takes every HTTP request in: faults, rate, keys, then the API, the control addresses or the page."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import socket
import struct
from hmac import compare_digest
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from demo.psa_api import Call, Upload, answer
from demo.psa_control import Control
from demo.psa_faults import Fault, Faults, RateLimit
from demo.psa_page import ticket_list, ticket_page
from demo.psa_refusals import Json, Reply, html_page, refusal, too_many_requests
from demo.psa_room import Room

API = re.compile(r"/(?P<codebase>v4_6_release|v\d{4}_\d+)/{1,2}apis/3\.0(?P<path>/[^?]*)", re.IGNORECASE)
COMPANY = re.compile(r"/login/companyinfo/(?P<company>[^/]+)/?", re.IGNORECASE)
DEEP_LINKS = (
    "/v4_6_release/connectwise.aspx",
    "/v4_6_release/services/system_io/service/fv_sr100_request.rails",
)
LONGEST_QUERY = 2048  # the web server in front of the real one refuses longer ones
LONGEST_SHOWN = 20_000


class Door:
    """`answer` is the one entrance of the web application."""

    def __init__(self, room: Room, faults: Faults, control: Control) -> None:
        self._room = room
        self._faults = faults
        self._control = control
        self._rate = RateLimit()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/_practice" or path.startswith("/_practice/"):
            body = await request.read()
            base = _base(request, "v4_6_release")
            return _response(self._control.answer(request.method, path, dict(request.query), body, base))
        if path == "/" or path.startswith("/ticket/") or path.lower() in DEEP_LINKS:
            return self._page(request)
        return await self._outside(request)

    def _page(self, request: web.Request) -> web.StreamResponse:
        if request.path.lower() in DEEP_LINKS:
            number = request.query.get("recid") or request.query.get("service_recid", "")
            raise web.HTTPFound(f"/ticket/{number}" if number.isascii() and number.isdigit() else "/")
        text: str | None = ticket_list(self._room)
        if request.path != "/":
            number = request.path.removeprefix("/ticket/")
            text = ticket_page(self._room, int(number)) if number.isascii() and number.isdigit() else None
        if text is None:
            return web.Response(
                status=404, text="No such ticket. Go back to the list.", content_type="text/plain"
            )
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _outside(self, request: web.Request) -> web.StreamResponse:
        """A request of a client: everything here is written in the journal."""
        entry: Json = {
            "time": self._room.now_text(),
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "stored": False,
            "wrote": [],
        }
        try:
            call = await _read(request)
        except ConnectionResetError:
            # The caller hung up while the body was still coming: nothing was carried out.
            return self._drop(request, entry)
        entry["body"] = _shown_body(call)
        fault = self._faults.pick(request.method, request.path)
        if fault is None:
            reply = self._carry_out(request, call, entry)
        else:
            entry["fault"] = fault.kind
            await asyncio.sleep(fault.delay_before)
            real = self._carry_out(request, call, entry) if fault.carries_out else None
            reply = fault.answer(request.method, real, self._echo(request, call, fault))
            await asyncio.sleep(fault.delay_after)
            if fault.drops:
                return self._drop(request, entry)
        self._note(entry, reply.status)
        return _response(reply)

    def _carry_out(self, request: web.Request, call: Call, entry: Json) -> Reply:
        """Decides the reply in one piece, without waiting, so that requests never mix."""
        self._room.written = []
        reply = self._decide(request, call)
        entry["wrote"] = list(self._room.written)
        entry["stored"] = bool(self._room.written)
        if call.unknown:
            entry["unknown_fields"] = call.unknown
        return reply

    def _echo(self, request: web.Request, call: Call, fault: Fault) -> Any:
        """What a false success shows: the record unchanged for a PATCH, the sent body for a POST."""
        if fault.kind != "false_success":
            return None
        if request.method == "POST":
            try:
                return json.loads(call.body)
            except (UnicodeDecodeError, json.JSONDecodeError):
                return {}
        return answer(self._room, Call("GET", call.path, {}, call.headers, b"", call.base)).body

    def _decide(self, request: web.Request, call: Call) -> Reply:
        settings = self._room.settings
        wait = self._rate.refuse_for(settings.rate_per_minute, asyncio.get_running_loop().time())
        if wait:
            return too_many_requests(wait)
        if company := COMPANY.fullmatch(request.path):
            return self._company(company["company"], request.host)
        if not API.fullmatch(request.path) or settings.wrong_host == "html":
            return html_page(200)
        if settings.wrong_host == "ssl":
            return refusal(403, "Security", "SSL is required.").reply
        if len(request.query_string) > LONGEST_QUERY:
            return html_page(404)
        return self._keys_refused(request) or answer(self._room, call)

    def _company(self, company: str, host: str) -> Reply:
        """The codebase of a company; `null` for one nobody knows."""
        settings = self._room.settings
        if unquote(company).lower() != settings.company.lower():
            return Reply(200, None, text="null")
        codebase = "v2025_1/" if settings.cloud else "v4_6_release/"
        body = {
            "CompanyName": settings.company,
            "Codebase": codebase,
            "VersionCode": "v2025.1",
            "VersionNumber": "v4.6.105333",
            "CompanyID": settings.company,
            "IsCloud": settings.cloud,
            "SiteUrl": host,
        }
        return Reply(200, body)

    def _keys_refused(self, request: web.Request) -> Reply | None:
        settings = self._room.settings
        if not request.headers.get("clientId", "").strip():
            return refusal(401, "Unauthorized", "The clientId header is required.").reply
        if not compare_digest(request.headers["clientId"].strip().lower(), settings.client_id.lower()):
            return refusal(401, "Unauthorized", "The clientId is not valid.").reply
        expected = f"{settings.company}+{settings.public_key}:{settings.private_key}"
        if compare_digest(_basic(request.headers.get("Authorization", "")).encode(), expected.encode()):
            return None
        if settings.cloud:
            return refusal(404, "NotFound", "The requested resource was not found.").reply
        return refusal(401, "UserNotAuthenticated", "Username or password is incorrect.").reply

    def _note(self, entry: Json, status: int) -> None:
        self._room.state.note_request({**entry, "status": status})

    def _drop(self, request: web.Request, entry: Json) -> web.StreamResponse:
        """Resets the connection. The status 0 in the journal means: the caller got no answer."""
        self._note(entry, 0)
        transport = request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response(status=499)


def _base(request: web.Request, codebase: str) -> str:
    return f"{request.scheme}://{request.host}/{codebase}/apis/3.0/"


def _basic(header: str) -> str:
    scheme, _, code = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(code.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _read(request: web.Request) -> Call:
    match = API.fullmatch(request.path)
    path = match["path"].rstrip("/") or "/" if match else request.path
    base = _base(request, match["codebase"] if match else "v4_6_release")
    form: dict[str, str | Upload] | None = None
    body = b""
    if request.content_type == "multipart/form-data" and "boundary=" in request.headers["Content-Type"]:
        form = await _form(request)
    else:
        body = await request.read()
    headers = {**request.headers, "Content-Type": request.headers.get("Content-Type", "")}
    if "pagination-type" in request.headers:
        headers["pagination-type"] = request.headers["pagination-type"]
    return Call(request.method, path, dict(request.query), headers, body, base, form)


async def _form(request: web.Request) -> dict[str, str | Upload]:
    form: dict[str, str | Upload] = {}
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name:
            content = bytes(await part.read())
            form[part.name] = (
                Upload(part.filename, content) if part.filename else content.decode("utf-8", "replace")
            )
    return form


def _shown_body(call: Call) -> Any:
    """The body for the journal: JSON when it is JSON, names and sizes for files."""
    if call.form is not None:
        return {
            name: one if isinstance(one, str) else f"<{len(one.content)} bytes>"
            for name, one in call.form.items()
        }
    try:
        return json.loads(call.body) if call.body else None
    except (UnicodeDecodeError, json.JSONDecodeError):
        return call.body[:LONGEST_SHOWN].decode("utf-8", "replace")


def _response(reply: Reply) -> web.Response:
    if reply.status == 204:
        return web.Response(status=204)
    text = reply.text if reply.text is not None else json.dumps(reply.body, separators=(",", ":"))
    response = web.Response(status=reply.status, text=text, content_type=reply.content_type)
    for name, value in reply.headers:
        response.headers[name] = value
    return response
