"""A server that answers one call for Claude with exactly the bytes a test gives it, however wrong, and keeps what was asked."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.clients.claude import Claude
from engine.model import Hearing, ModelCall, Purpose, Usage

KEY = "practice-key"
SECRET = "the prompt said hunter2"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"say": {"type": "string"}},
    "required": ["say"],
    "additionalProperties": False,
}
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: the first line, the headers in lower case, the body's bytes."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Wire:
    """`answer` is played for each request. `ended` is set once the client let go of a connection."""

    url: str = ""
    answer: Answering | None = None
    journal: list[Asked] = field(default_factory=list)
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.strip().split("\r\n")
                headers = {
                    name.casefold(): value for name, _, value in (each.partition(": ") for each in rest)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.journal.append(Asked(line, headers, body))
                assert self.answer is not None
                playing = asyncio.ensure_future(self.answer(writer))
                gone = asyncio.ensure_future(reader.read(1)) if self.answer is not well else None
                await asyncio.wait(
                    {playing, gone} if gone else {playing}, return_when=asyncio.FIRST_COMPLETED
                )
                playing.cancel()
                if gone is not None:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended.set()
            with suppress(ConnectionError):
                writer.close()


@dataclass(slots=True)
class Ear:
    """Keeps what was heard, in order."""

    began: list[tuple[str, Usage]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def hearing(self) -> Hearing:
        return Hearing(self._started, self._text)

    async def _started(self, message_id: str, usage: Usage) -> None:
        assert not self.said
        self.began.append((message_id, usage))

    async def _text(self, text: str) -> None:
        self.said.append(text)


@asynccontextmanager
async def wire(answer: Answering | None = None) -> AsyncIterator[Wire]:
    here = Wire(answer=answer)
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0)
    here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield here
    finally:
        server.close()


@asynccontextmanager
async def client_at(url: str) -> AsyncIterator[Claude]:
    client = Claude(KEY, base_url=url, now=lambda: NOW, connect_seconds=5)
    try:
        yield client
    finally:
        await client.close()


def call(*said: str, **changes: Any) -> ModelCall:
    """A conversation: what a person said, what was answered, what he said then, and so on."""
    roles = ("user", "assistant")
    messages = tuple(
        {"role": roles[number % 2], "content": [{"type": "text", "text": text}]}
        for number, text in enumerate(said or ("The printer is silent.",))
    )
    system = ({"type": "text", "text": "You guide.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},)
    known: dict[str, Any] = {"seconds": 20, "silence": 10, "max_tokens": 512, **changes}
    return ModelCall(Purpose.TURN, "claude-sonnet-5-5", system, messages, SCHEMA, **known)


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


START = event(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 300,
            "output_tokens": 1,
        },
    },
)
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
END_OF_BLOCK = event("content_block_stop", index=0)
STOP = event("message_stop")


def says(text: str, index: int = 0) -> bytes:
    return event("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def ends(reason: str | None = "end_turn", output: int = 9) -> bytes:
    return event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None},
        usage={"output_tokens": output},
    )


PROMPT = Usage(input=7, cache_read=300, cache_write=20, output=1)
"""As the start tells it."""
WHOLE = START + BLOCK + says('{"say": ') + says('"Hello."}') + END_OF_BLOCK + ends() + STOP


async def _stream_head(writer: asyncio.StreamWriter, connection: bytes = b"close") -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_1\r\n"
        b"transfer-encoding: chunked\r\nconnection: " + connection + b"\r\n\r\n"
    )
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
    await writer.drain()


async def well(writer: asyncio.StreamWriter) -> None:
    """The only one that keeps the connection."""
    await _stream_head(writer, b"keep-alive")
    await _chunk(writer, WHOLE)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def stream(*parts: bytes) -> Answering:
    """These events, then a clean end."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await _stream_head(writer)
        for part in parts:
            await _chunk(writer, part)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return answer


def then_silence(*parts: bytes) -> Answering:
    """These events, and nothing more; without any, not even a status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        if parts:
            await _stream_head(writer)
        for part in parts:
            await _chunk(writer, part)
        await asyncio.Event().wait()

    return answer


def then_reset(*parts: bytes) -> Answering:
    """These events, then the connection is torn."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        if parts:
            await _stream_head(writer)
        for part in parts:
            await _chunk(writer, part)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return answer


def refusal(status: int, body: str, kind: str = "application/json", **headers: str) -> Answering:
    """A whole answer that is no stream."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nrequest-id: req_1\r\n"
            f"connection: close\r\ncontent-length: {len(body.encode())}\r\n{told}\r\n{body}".encode()
        )
        await writer.drain()

    return answer


def error(kind: str, message: str = "", code: str = "") -> str:
    details = {"details": {"error_code": code}} if code else {}
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **details}})
