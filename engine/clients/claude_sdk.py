"""Loads the vendor's SDK in a thread, only when it is first needed, and makes a client that keeps quiet and within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from engine.clients.claude_faults import TooMuch

if TYPE_CHECKING:
    import anthropic
    import httpx2

MOST_BYTES = 8 * 1024 * 1024
"""Of one answer on the wire. An event brings a few characters in 150 bytes, and thoughts come the same way."""


async def open_client(key: str, base_url: str, connect_seconds: float) -> anthropic.AsyncAnthropic:
    """Importing it takes seconds and would hold up everybody on the loop."""
    return await asyncio.to_thread(_client, key, base_url, connect_seconds)


def _client(key: str, base_url: str, connect_seconds: float) -> anthropic.AsyncAnthropic:
    import anthropic  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    _keep_quiet()
    # Silence and the whole call are timed by us, with the loop's clock: the SDK's time-outs begin anew with
    # every byte.
    timeout = httpx2.Timeout(None, connect=connect_seconds, write=connect_seconds * 3, pool=connect_seconds)
    client = anthropic.AsyncAnthropic(
        api_key=key,
        base_url=base_url,
        max_retries=0,
        timeout=timeout,
        # What is traced may hold the prompt.
        open_telemetry=False,
        # Without redirects: one would carry the prompt to a host that nobody chose.
        http_client=anthropic.DefaultAsyncHttpxClient(
            timeout=timeout,
            follow_redirects=False,
            event_hooks={"response": [_bounding()]},
            # A proxy of the environment leads to the vendor, not to a gateway on this machine.
            mounts={"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None},
        ),
        # A compressed answer may unfold to any size.
        default_headers={"Accept-Encoding": "identity"},
    )
    # Both load more modules when they are first touched.
    _ = client.messages, client.models
    return client


def _keep_quiet() -> None:
    """At DEBUG the SDK logs whole prompts, and ANTHROPIC_LOG may ask for that."""
    for name in ("anthropic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _bounding() -> Callable[[httpx2.Response], Awaitable[None]]:
    import httpx2  # noqa: PLC0415

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, whole: httpx2.AsyncByteStream) -> None:
            self._whole = whole

        async def __aiter__(self) -> AsyncIterator[bytes]:
            came = 0
            async for chunk in self._whole:
                came += len(chunk)
                if came > MOST_BYTES:
                    raise TooMuch
                yield chunk

        async def aclose(self) -> None:
            await self._whole.aclose()

    async def bound(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    return bound
