"""Sends an answer as server-sent events, and breaks off where a fault says so."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

from aiohttp import ClientError, web

from demo.model_cache import Usage
from demo.model_faults import Fault
from demo.model_refusals import error_body
from demo.model_reply import Reply, events, written
from demo.model_room import Entry, Room

BREAKING = frozenset({"error_event", "reset", "cut", "cut_body", "stall"})

READ_SECONDS = 0.02  # the caller reads what came before a reset, which else may overtake it


class Stream:
    """One streamed answer. What needs no wait between goes out in one piece."""

    def __init__(self, room: Room, entry: Entry, request: web.Request, fault: Fault | None) -> None:
        self._room = room
        self._entry = entry
        self._request = request
        self._fault = fault if fault is not None and fault.kind in BREAKING else None
        self._waiting: list[bytes] = []
        self._known = Usage()

    async def send(self, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "request-id": self._entry.request_id,
            }
        )
        self._entry.status = 200
        try:
            await response.prepare(self._request)
            whole = await self._write(response, reply)
            if whole:
                await response.write_eof()
                self._entry.ended = "answered"
        except (ConnectionError, ClientError):
            self._entry.ended = "hung_up"
        return response

    async def _write(self, response: web.StreamResponse, reply: Reply) -> bool:
        """Whether all of it was written. Raises ConnectionError when the caller has gone."""
        for number, (event, usage) in enumerate(events(reply)):
            if self._fault is not None and number == self._fault.breaks_at:
                await self._flush(response)
                if await self._break_off(response, self._fault, written(event)):
                    return False
            self._waiting.append(written(event))
            self._known = usage
            if self._room.settings.event_seconds:
                await self._flush(response)
                await asyncio.sleep(self._room.settings.event_seconds)
        await self._flush(response)
        return True

    async def _flush(self, response: web.StreamResponse) -> None:
        if not self._waiting:
            return
        whole, self._waiting = b"".join(self._waiting), []
        if self._request.transport is None:
            raise ConnectionResetError("the caller has gone")
        await response.write(whole)
        self._room.told(self._entry, self._known)

    async def _break_off(self, response: web.StreamResponse, fault: Fault, event: bytes) -> bool:
        """Whether the answer ends here."""
        match fault.kind:
            case "stall":
                await asyncio.sleep(fault.seconds)
                return False
            case "error_event":
                error = error_body(529, fault.message, self._entry.request_id, fault.type)
                await response.write(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
                await response.write_eof()
            case "reset":
                await asyncio.sleep(READ_SECONDS)
                reset(self._request)
            case "cut_body":
                await response.write(event[: len(event) // 2])
                await response.write_eof()
            case _:
                await response.write_eof()
        self._entry.ended = "fault"
        return True


def reset(request: web.Request) -> None:
    """A TCP reset in place of an orderly end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
