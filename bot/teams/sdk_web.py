"""The adapter's way to the network: one session, answers of bounded size, no redirects, no cookies."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from bot.teams.port import Away, Refused
from bot.teams.sdk_limits import Limits

_CHUNK = 64 * 1024


@dataclass(slots=True)
class Answered:
    """What came back. The names are those that the SDK's pipeline asks for."""

    status_code: int
    headers: Any
    content: bytes = field(repr=False)
    context: Any = None

    def body(self) -> bytes:
        return self.content

    def json(self) -> Any:
        """Raises ValueError."""
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Web:
    """One session for everything a process says to Teams, opened with the first word."""

    def __init__(self, limits: Limits, *, proxies: bool) -> None:
        """`proxies`: whether the environment's proxy counts; never for a stand-in on this machine."""
        self._limits = limits
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # Short, so that a connection the other side has given up is rarely used again.
                connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=10),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._limits.connect),
                trust_env=self._proxies,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, url: URL, what: str, seconds: float, **given: Any) -> Answered:
        """One request. Raises Refused where the answer is too large, else Away; `unsure` unless it surely did not arrive,
        `retry_after` 0, because nobody named a wait.
        """
        try:
            async with (
                asyncio.timeout(seconds),
                self.session().request(method, url, allow_redirects=False, **given) as response,
            ):
                content = await bounded(response, self._limits.answer_bytes)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Away(0.0, f"{what}: unreachable", unsure=False) from None
        except TimeoutError:
            raise Away(0.0, f"{what}: timeout", unsure=True) from None
        except (aiohttp.ClientError, OSError):
            raise Away(0.0, f"{what}: broken off", unsure=True) from None
        if content is None:
            raise Refused(response.status, "AnswerTooLarge", what)
        return Answered(response.status, response.headers, content)


async def bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The whole content, or None where it is more than `limit` bytes."""
    # What a server says about the size saves time where it is too large; what counts is what arrives.
    if (response.content_length or 0) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def as_bytes(body: object) -> bytes:
    """JSON. It may hold halves of a letter, which no request can."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
