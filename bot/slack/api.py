"""Slack's Web API for one workspace: what it answers, or Refused, Away or FileRefused; never a word of the content."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

DEFAULT_URL = "https://slack.com/api/"
CALL_SECONDS = 10.0
RESPOND_SECONDS = 5.0
DOWNLOAD_SECONDS = 30.0
CONNECT_SECONDS = 5.0
LONGEST_WAIT = 3600.0
AWAY_SECONDS = 2.0
"""The wait that is proposed where Slack names none."""
_HOPS = 3
_CHUNK = 64 * 1024

_REPEATABLE = frozenset(
    {"delete", "getPermalink", "history", "info", "list", "lookupByEmail", "members", "publish", "replies",
     "setStatus", "setSuggestedPrompts", "setTitle", "test", "update"}
)  # fmt: skip
"""Methods that end so do no harm when they are sent twice; nor does conversations.open."""

_SLACK_IS_UNWELL = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
     "team_added_to_org"}
)  # fmt: skip
_CODE = re.compile(r"[a-z0-9_.:,-]{1,80}")
# The client logs whole requests at DEBUG; this logger never listens.
_SILENT = logging.getLogger("flowpilot.slack.wire")
_SILENT.setLevel(logging.CRITICAL)


class Refused(Exception):
    """Slack said no, and will again. `code` is Slack's own; `detail` may hold content, `log_safe` holds none."""

    def __init__(self, code: str, method: str, detail: str = "") -> None:
        self.code = code if _CODE.fullmatch(code) else "unknown_error"
        self.method = method
        self.detail = detail
        needed = f" ({detail})" if self.code == "missing_scope" and _CODE.fullmatch(detail) else ""
        self.log_safe = f"{method}: {self.code}{needed}"
        super().__init__(self.log_safe)


class Away(Exception):
    """Slack cannot be asked now. `retry_after` in seconds; `unsure`: it may have done what was asked."""

    def __init__(self, retry_after: float, reason: str, method: str = "", *, unsure: bool = False) -> None:
        self.retry_after = retry_after
        self.reason = reason if _CODE.fullmatch(reason) else "unknown_error"
        self.method = method
        self.unsure = unsure
        self.log_safe = f"{method}: away, {self.reason}"
        super().__init__(self.log_safe)


class FileRefused(Exception):
    """`reason`: missing_scope, too_large, not_ours, gone or unreadable."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.log_safe = f"file: {reason}"
        super().__init__(self.log_safe)


@dataclass(frozen=True, slots=True)
class Download:
    """`media_type` is what the server called it, in lower case and without parameters."""

    content: bytes = field(repr=False)
    media_type: str


def open_session(base_url: str = DEFAULT_URL) -> aiohttp.ClientSession:
    """One for everything a process says to Slack. A proxy of the environment counts for the real Slack only."""
    return aiohttp.ClientSession(
        # Short, so that a connection the other side has given up is rarely used again.
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=10),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS, connect=CONNECT_SECONDS),
        trust_env=is_real(base_url),
    )


def is_real(base_url: str) -> bool:
    return base_url.rstrip("/") == DEFAULT_URL.rstrip("/")


class Api:
    """One token's way to Slack. Without a session of its process it opens its own, which `close` closes."""

    def __init__(
        self, token: str, base_url: str = DEFAULT_URL, session: aiohttp.ClientSession | None = None
    ) -> None:
        self._token = token
        self._base_url = base_url
        self._session = session
        self._owned: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Api({self._base_url!r}, token hidden)"

    async def close(self) -> None:
        if self._owned is not None:
            await self._owned.close()
            self._owned = None

    async def call(self, method: str, *, timeout: float = CALL_SECONDS, **arguments: Any) -> dict[str, Any]:
        """Slack's answer. Nothing is sent for None; what is no text goes as JSON. Raises Refused or Away."""
        given = {name: _as_field(value) for name, value in arguments.items() if value is not None}
        try:
            async with asyncio.timeout(timeout):
                return await self._call(method, given)
        except TimeoutError:
            raise Away(AWAY_SECONDS, "timeout", method, unsure=True) from None

    async def authorized(
        self, method: str, client_id: str, client_secret: str, **arguments: str
    ) -> dict[str, Any]:
        """The same for methods that know the app by its id and secret, and no token yet."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                headers = {"Authorization": aiohttp.encode_basic_auth(client_id, client_secret)}
                return await self._once(method, arguments, headers)
        except TimeoutError:
            raise Away(AWAY_SECONDS, "timeout", method, unsure=True) from None

    async def _call(self, method: str, given: dict[str, str]) -> dict[str, Any]:
        try:
            return await self._once(method, given)
        except Away as away:
            if away.reason != "unreachable" or not _repeatable(method):
                raise
        return await self._once(method, given)

    async def _once(
        self, method: str, given: Mapping[str, str], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        client = AsyncWebClient(
            token=self._token or None,
            base_url=self._base_url,
            session=self._open(),
            logger=_SILENT,
            retry_handlers=[],
        )
        client.proxy = None  # the session knows, and it also knows NO_PROXY
        try:
            answer = await client.api_call(method, data=dict(given), headers=headers)
        except SlackApiError as failed:
            _raise_for(failed, method)
        except aiohttp.ClientConnectorError:
            raise Away(AWAY_SECONDS, "unreachable", method) from None
        except TimeoutError:  # also of the session
            raise Away(AWAY_SECONDS, "timeout", method, unsure=True) from None
        except (aiohttp.ClientError, OSError):
            raise Away(AWAY_SECONDS, "unreachable", method, unsure=True) from None
        except (SlackRequestError, AttributeError, ValueError):
            # The client looks into every answer as if it were an object.
            raise Away(AWAY_SECONDS, "unreadable_answer", method, unsure=True) from None
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    async def respond(self, response_url: str, payload: Mapping[str, Any]) -> None:
        """Answer through an interaction's own address. Raises Refused when it is used up, expired or foreign."""
        method = "response_url"
        url = self._ours(response_url, "https://hooks.slack.com")
        if url is None:
            raise Refused("not_ours", method)
        try:
            async with (
                asyncio.timeout(RESPOND_SECONDS),
                self._open().post(url, json=dict(payload), allow_redirects=False) as response,
            ):
                body = await response.content.read(_CHUNK)
        except aiohttp.ClientConnectorError:
            raise Away(AWAY_SECONDS, "unreachable", method) from None
        except (aiohttp.ClientError, OSError) as away:
            reason = "timeout" if isinstance(away, TimeoutError) else "unreachable"
            raise Away(AWAY_SECONDS, reason, method, unsure=True) from None
        if code := _refusal(response.status, body):
            _raise(code, method, response.status, response.headers)

    async def download(self, url: str, limit: int, timeout: float = DOWNLOAD_SECONDS) -> Download:
        """A file of ours, at most `limit` bytes. Raises FileRefused or Away."""
        try:
            async with asyncio.timeout(timeout):
                for _ in range(_HOPS):
                    found = await self._get(url, limit)
                    if isinstance(found, Download):
                        return found
                    url = found
        except (aiohttp.ClientError, OSError) as away:
            reason = "timeout" if isinstance(away, TimeoutError) else "unreachable"
            raise Away(AWAY_SECONDS, reason, "file") from None
        raise FileRefused("unreadable")

    async def _get(self, given: str, limit: int) -> Download | str:
        """The file, or the address on the same host where it is."""
        url = self._ours(given, "https://files.slack.com")
        if url is None:
            raise FileRefused("not_ours")
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "identity"}
        async with self._open().get(url, headers=headers, allow_redirects=False) as response:
            match response.status:
                case 200:
                    return await _content(response, limit)
                case 301 | 302 | 303 | 307 | 308:
                    return self._elsewhere(url, response.headers.get("Location", ""))
                case 401 | 403:
                    raise FileRefused("missing_scope")
                case 404 | 410:
                    raise FileRefused("gone")
                case status if status == 429 or status >= 500:
                    raise Away(_wait(response.headers), f"http_{status}", "file")
        raise FileRefused("unreadable")

    def _elsewhere(self, url: URL, location: str) -> str:
        try:
            target = url.join(URL(location))
        except ValueError:
            raise FileRefused("unreadable") from None
        if target.origin() == url.origin():
            return str(target)
        # Slack sends those it does not know to its login page.
        slack = target.host is not None and (target.host == "slack.com" or target.host.endswith(".slack.com"))
        raise FileRefused("missing_scope" if slack else "not_ours")

    def _ours(self, given: str, real: str) -> URL | None:
        """None for an address that is not Slack's; where another API address is set, its origin is Slack's."""
        wanted = URL(real if is_real(self._base_url) else self._base_url)
        try:
            url = URL(given)
            same = url.user is None and url.origin() == wanted.origin()
        except (ValueError, TypeError):
            return None
        return url if same else None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        if self._owned is None:
            self._owned = open_session(self._base_url)
        return self._owned


async def _content(response: aiohttp.ClientResponse, limit: int) -> Download:
    # What a server says about the size saves time where it is too large; what counts is what arrives.
    if (response.content_length or 0) > limit:
        raise FileRefused("too_large")
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limit:
            raise FileRefused("too_large")
        parts.append(part)
    return Download(b"".join(parts), response.content_type.lower())


def _repeatable(method: str) -> bool:
    return method.rpartition(".")[2] in _REPEATABLE or method == "conversations.open"


def _as_field(value: Any) -> str:
    """A form takes every method's arguments; some methods take nothing else."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON may hold halves of a letter, which no request can.
    return text.encode("utf-8", "replace").decode("utf-8")


def _raise_for(failed: SlackApiError, method: str) -> NoReturn:
    response: Any = failed.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    headers = getattr(response, "headers", None) or {}
    found = getattr(response, "data", None)
    body: dict[str, Any] = found if isinstance(found, dict) else {}
    code = str(body.get("error") or "")
    more = body.get("response_metadata")
    messages = more.get("messages") if isinstance(more, dict) else None
    detail = str(body.get("needed") or "; ".join(map(str, messages or ())))[:2_000]
    _raise(code, method, status, headers, detail)


def _raise(code: str, method: str, status: int, headers: Mapping[str, str], detail: str = "") -> NoReturn:
    if status == 429:
        raise Away(_wait(headers), "ratelimited", method)
    if code in _SLACK_IS_UNWELL:
        raise Away(_wait(headers), code, method, unsure=not code.startswith("rate"))
    if status >= 500 or not code:
        raise Away(_wait(headers), f"http_{status}", method, unsure=True)
    raise Refused(code, method, detail)


def _refusal(status: int, body: bytes) -> str:
    """The code of a refused answer through a response_url, "" for one that was taken."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    said = found.get("error") if isinstance(found, dict) and not found.get("ok", False) else None
    if status == 200:
        return str(said) if said else text if text in {"used_url", "expired_url"} else ""
    return str(said or (text if _CODE.fullmatch(text) else f"http_{status}"))


def _wait(headers: Mapping[str, str]) -> float:
    try:
        asked = float(headers.get("Retry-After", AWAY_SECONDS))
    except ValueError:
        asked = AWAY_SECONDS
    return min(max(asked, 0.0), LONGEST_WAIT) if math.isfinite(asked) else AWAY_SECONDS
