"""Claude as `Model`: one streamed request, timed by our own clock, every end of it a reply or one ModelFailed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from engine.clients.claude_faults import Broke, Fault, Now, fault_of, fault_of_event, identity
from engine.clients.claude_heard import Heard, events_of
from engine.clients.claude_sdk import open_client
from engine.model import DEAF, Failure, Hearing, ModelCall, ModelReply
from engine.session import Json

if TYPE_CHECKING:
    import anthropic
    import httpx2

log = logging.getLogger("flowpilot.claude")
VENDOR = "https://api.anthropic.com"
_CACHE = {"type": "ephemeral", "ttl": "1h"}
_LINGER_SECONDS = 0.2
_UNUSABLE_KEY = Fault(Failure.KEY_REFUSED, 0)


def request_of(call: ModelCall) -> dict[str, Any]:
    """The arguments of `messages.create`. The same call gives the same bytes: nothing here is sorted, timed or drawn.

    No temperature, no thinking, no prefill, no tools: the current family answers 400 to the first three.
    """
    asked: dict[str, Any] = {
        "max_tokens": call.max_tokens,
        "messages": list(call.messages),
        "model": call.model,
        "output_config": {"format": {"type": "json_schema", "schema": call.schema}},
    }
    if call.system:
        asked["system"] = list(call.system)
    if call.cache:
        asked["cache_control"] = _CACHE
    return asked


class Claude:
    """One key. `now` is for a Retry-After that names a date; `connect_seconds` bounds the way to the vendor alone."""

    def __init__(self, key: str, *, base_url: str = VENDOR, now: Now, connect_seconds: float = 10.0) -> None:
        self._key = key
        self._base_url = base_url
        self._now = now
        self._connect_seconds = connect_seconds
        self._opening = asyncio.Lock()
        self._client: anthropic.AsyncAnthropic | None = None

    async def open(self) -> None:
        """Load the SDK now rather than with the first call. Raises ModelFailed for a key that no header can carry."""
        await self._opened()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        client, heard, began = await self._opened(), Heard(), monotonic()
        late = asyncio.timeout(call.seconds)
        ended: ModelReply | Fault
        try:
            async with late:
                ended = await self._heard_out(client, call, hearing, heard)
        except TimeoutError:
            if not late.expired():
                raise
            ended = heard.reply() if heard.ended else Fault(Failure.SILENT)
        except Broke as broke:
            ended = broke.fault
        _tell(call, heard, ended, monotonic() - began)
        # Raised out here so that it carries no other exception: those may hold what was asked.
        if isinstance(ended, Fault):
            raise heard.failed(ended)
        return ended

    async def has(self, model: str, seconds: float = 15.0) -> bool:
        """Whether this key may use a model of that name. Raises ModelFailed."""
        client = await self._opened()
        try:
            async with self._faults(), asyncio.timeout(seconds):
                found = await client.models.retrieve(model)
        except Broke as broke:
            fault = broke.fault
        else:
            if getattr(found, "type", "") == "model":
                return True
            fault = Fault(Failure.CONNECTION, 200)  # a page of a proxy: the SDK hands its text on
        if fault.status == 404:
            return False
        raise Heard().failed(fault)

    async def _opened(self) -> anthropic.AsyncAnthropic:
        if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
            raise Heard().failed(_UNUSABLE_KEY)
        async with self._opening:
            if self._client is not None:
                return self._client
            try:
                async with self._faults():
                    self._client = await open_client(self._key, self._base_url, self._connect_seconds)
                    return self._client
            except Broke as broke:
                fault = broke.fault  # an address that is none
        raise Heard().failed(fault)

    async def _heard_out(
        self, client: anthropic.AsyncAnthropic, call: ModelCall, hearing: Hearing, heard: Heard
    ) -> ModelReply | Fault:
        """Reads until the vendor says that the answer is complete. Only what comes from outside is mapped to a
        fault: an error in `hearing` is ours, and passes.
        """
        async with aclosing(self._events(client, call, heard)) as events:
            async for event in events:
                began = heard.started
                async with self._faults():
                    text = heard.take(event)
                if heard.started and not began and hearing.started is not None:
                    await hearing.started(heard.message_id, heard.usage)
                if text and hearing.text is not None:
                    await hearing.text(text)
        # Without its last event it is a part, which the SDK gives for a whole.
        return heard.reply() if heard.ended else Fault(Failure.CONNECTION, 200)

    async def _events(
        self, client: anthropic.AsyncAnthropic, call: ModelCall, heard: Heard
    ) -> AsyncGenerator[Json, None]:
        """Raw events as objects; `ping` among them, for it is a sign of life. Raises Broke."""
        from anthropic import AsyncStream  # noqa: PLC0415 - loaded by now

        creating = client.messages.with_streaming_response.create(stream=True, **request_of(call))
        async with AsyncExitStack() as stack:
            async with self._faults(), asyncio.timeout(call.silence):
                response = (await stack.enter_async_context(creating)).http_response
            heard.request_id = identity(response.headers.get("request-id"))
            if not _has(response, "text/event-stream"):
                for event in await self._whole(response, call.silence):
                    yield event
                return
            raw = aiter(AsyncStream.raw_events(response))
            while True:
                async with self._faults(), asyncio.timeout(call.silence):
                    told = await anext(raw, None)
                    if told is None:
                        return
                    event = json.loads(told.data) if told.data else {}
                if not isinstance(event, dict):
                    continue
                if told.event == "error" or event.get("type") == "error":
                    raise Broke(fault_of_event(event, heard.request_id))
                yield event
                if event.get("type") == "message_stop":
                    with suppress(Broke):  # read to its last byte, the connection serves the next call too
                        async with self._faults(), asyncio.timeout(_LINGER_SECONDS):
                            await anext(raw, None)
                    return

    async def _whole(self, response: httpx2.Response, seconds: float) -> list[Json]:
        """The answer in one piece, as a gateway sends it that cannot stream: it was paid for. Raises Broke for a page."""
        async with self._faults(), asyncio.timeout(seconds):
            told = json.loads(await response.aread()) if _has(response, "application/json") else None
        if found := events_of(told):
            return found
        raise Broke(Fault(Failure.CONNECTION, response.status_code))

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        """What breaks inside leaves as Broke, without its cause."""
        try:
            yield
        except Exception as error:
            fault = fault_of(error, self._now)
            if fault is None:
                raise
        else:
            return
        raise Broke(fault)


def _has(response: httpx2.Response, kind: str) -> bool:
    return kind in response.headers.get("content-type", "").casefold()


def _tell(call: ModelCall, heard: Heard, ended: ModelReply | Fault, spent: float) -> None:
    how = ended.stop_reason.value if isinstance(ended, ModelReply) else ended.failure.value
    status = 200 if isinstance(ended, ModelReply) else ended.status
    log.info(
        "%s by %s: %s, status %d, %d ms, %d tokens in, %d cached, %d out, request %s",
        *(call.purpose.value, call.model, how, status, round(spent * 1000)),
        *(heard.usage.prompt, heard.usage.cache_read, heard.usage.output, heard.request_id or "unknown"),
    )
