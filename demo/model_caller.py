"""Asks the practice model the way any program would: plain HTTP, with the vendor's headers."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientPayloadError, ClientSession

from demo.model import PracticeModel
from demo.model_refusals import Json

VERSION = "2026-10-21"
HOUR: Json = {"type": "ephemeral", "ttl": "1h"}
SMALL: Json = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "steps": {"type": "array", "items": {"type": "integer"}}},
    "required": ["text", "steps"],
    "additionalProperties": False,
}
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()


def text(words: str, **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


def picture(content: str = PICTURE, media: str = "image/png") -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": content}}


def user(*blocks: Json | str) -> Json:
    return {"role": "user", "content": [text(one) if isinstance(one, str) else one for one in blocks]}


def assistant(words: str) -> Json:
    return {"role": "assistant", "content": [text(words)]}


def shaped(schema: Mapping[str, object]) -> Json:
    return {"format": {"type": "json_schema", "schema": schema}}


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. `events` are those of a stream in order; `whole` is False when the connection broke."""

    status: int
    headers: Mapping[str, str]
    body: Any = None
    events: tuple[Json, ...] = ()
    whole: bool = True
    raw: bytes = b""

    @property
    def error(self) -> tuple[int, str, str]:
        """(status, type, message) of a refusal."""
        return self.status, self.body["error"]["type"], self.body["error"]["message"]

    @property
    def text(self) -> str:
        """The text of the answer, however it came."""
        if self.events:
            deltas = (one["delta"] for one in self.events if one["type"] == "content_block_delta")
            return "".join(one["text"] for one in deltas if one["type"] == "text_delta")
        return "".join(one["text"] for one in self.body["content"] if one["type"] == "text")

    @property
    def answer(self) -> Any:
        return json.loads(self.text)

    @property
    def kinds(self) -> list[str]:
        return [one["type"] for one in self.events]


class Caller:
    def __init__(self, model: PracticeModel, session: ClientSession) -> None:
        self.model = model
        self._session = session

    async def __call__(self, *messages: Json, **fields: Any) -> Heard:
        """One message; a field that is None is left out. Raises ClientError where nothing at all came back."""
        body = {"model": "claude-sonnet-5-5", "max_tokens": 2_000, "messages": list(messages), **fields}
        return await self.send({name: value for name, value in body.items() if value is not None})

    async def send(self, body: Any, *, key: str = "", version: str = VERSION) -> Heard:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {key or self.model.key}",
            "anthropic-version": version,
            "Content-Type": "application/json",
        }
        async with self._session.post(f"{self.model.url}/v1/messages", data=raw, headers=headers) as response:
            came, whole = b"", True
            try:
                async for piece in response.content.iter_any():
                    came += piece
            except (ClientPayloadError, ClientError, ConnectionError):
                whole = False
            return _heard(response.status, response.headers, came, whole=whole)

    async def get(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.model.key}", "anthropic-version": VERSION}
        url = self.model.url + path
        async with self._session.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json()


def _heard(status: int, headers: Mapping[str, str], raw: bytes, *, whole: bool) -> Heard:
    if headers.get("Content-Type", "").startswith("text/event-stream"):
        return Heard(status, headers, None, tuple(_events(raw)), whole, raw)
    try:
        return Heard(status, headers, json.loads(raw), (), whole, raw)
    except json.JSONDecodeError:
        return Heard(status, headers, None, (), whole, raw)


def _events(raw: bytes) -> list[Json]:
    found = []
    for piece in raw.decode().split("\n\n")[:-1]:
        name, _, line = piece.partition("\n")
        event = json.loads(line.removeprefix("data: "))
        if name != f"event: {event['type']}":
            raise ValueError(f"{name} does not name its event {event['type']}")
        found.append(event)
    return found


@asynccontextmanager
async def caller(model: PracticeModel) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(model, session)
