"""Sends one request to ConnectWise within a deadline, a rate and a size; JSON comes back, or PsaFailure."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from engine.clients.psa_faults import Answer, connection_failure, failure_of, keys_sentence, not_an_answer
from engine.clients.public_hosts import PublicOnlyResolver, base_url
from engine.psa import (
    Connection,
    PsaBroken,
    PsaBusy,
    PsaFailure,
    PsaKeysRefused,
    PsaNotFound,
    PsaUnreachable,
    PsaWrongHost,
)

log = logging.getLogger("flowpilot.connectwise")
MAX_URL = 2_000
MAX_BYTES = 8 * 1024 * 1024
CONNECT_SECONDS = 10.0
# Parsing more than this would hold up everybody else on the loop.
_LARGE = 256 * 1024
_GET = "GET"
SYSTEM = "/system/info"


class Limiter(Protocol):
    """Shares one tenant's budget between all processes; `slot` raises PsaBusy when its wait is too long."""

    def slot(self, tenant: str) -> AbstractAsyncContextManager[None]: ...

    async def pause(self, tenant: str, seconds: float) -> None:
        """The tenant asked everybody to wait."""


OpenSession = Callable[[aiohttp.BaseConnector], aiohttp.ClientSession]


def open_session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """No cookies and no proxy from the environment: a proxy would walk around the address check."""
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, trace_configs=[_on_time()]
    )


class _TooLate(OSError):
    """This process stood still; what it was about to send may have been sent by another one since."""


def _on_time() -> aiohttp.TraceConfig:
    """Refuses to let a request leave after its deadline. A timer alone does not: after a stop of the whole
    process the loop serves what is ready before it looks at its timers.
    """

    async def check(_: aiohttp.ClientSession, context: Any, __: Any) -> None:
        until = (context.trace_request_ctx or {}).get("until")
        if until is not None and asyncio.get_running_loop().time() >= until:
            raise _TooLate("the deadline passed before the request left")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(check)
    trace.on_connection_create_end.append(check)
    trace.on_connection_reuseconn.append(check)
    trace.on_request_chunk_sent.append(check)
    return trace


class Wire:
    """One tenant's HTTP; sessions open on first use and close with `close`."""

    def __init__(
        self,
        connection: Connection,
        limiter: Limiter,
        *,
        open_session: OpenSession = open_session,
        allow_hosts: Collection[str] = (),
        deadline: float = 30.0,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._connection = connection
        self._limiter = limiter
        self._open_session = open_session
        self._allow_hosts = frozenset(allow_hosts)
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._codebase = connection.codebase
        self._asking_codebase = asyncio.Lock()

    @property
    def tenant(self) -> str:
        return f"{self._connection.host}/{self._connection.company}".casefold()

    def until(self, deadline: float | None = None) -> float:
        """The loop's time at which everything that starts now must have ended."""
        return asyncio.get_running_loop().time() + (self._deadline if deadline is None else deadline)

    async def close(self) -> None:
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def read(
        self,
        template: str,
        query: Mapping[str, str | int] | None = None,
        *,
        until: float | None = None,
        **ids: int,
    ) -> Any:
        """GET; tried once more when the connection broke."""
        ends = self.until() if until is None else until
        return await self._call(_GET, template, ids, query, None, ends, writes=False)

    async def search(self, template: str, query: dict[str, str | int]) -> Any:
        """GET while the URL is short enough, else the same conditions as `POST …/search`."""
        url = await self._url(template, {}, query, self.until())
        if len(str(url)) <= MAX_URL:
            return await self.read(template, query)
        body = {key: query[key] for key in ("conditions", "orderBy") if key in query}
        return await self._call("POST", f"{template}/search", {}, None, body, self.until(), writes=False)

    async def write(self, method: str, template: str, body: Any, until: float, **ids: int) -> Any:
        """POST or PATCH; sent once, whatever happens."""
        return await self._call(method, template, ids, None, body, until, writes=True)

    async def codebase(self, until: float) -> str:
        """The release path of this tenant, asked once from `/login/companyinfo/…`."""
        try:
            async with asyncio.timeout_at(until), self._asking_codebase:
                if not self._codebase:
                    self._codebase = await self._ask_codebase(until)
        except TimeoutError as late:
            raise PsaUnreachable("ConnectWise did not answer in time.") from late
        if not re.fullmatch(r"(?!.*\.\.)[A-Za-z0-9._-]{1,40}/?", self._codebase):
            raise PsaWrongHost("This address did not say which ConnectWise release it runs.")
        return self._codebase

    async def _ask_codebase(self, until: float) -> str:
        path = f"login/companyinfo/{quote(self._connection.company, safe='')}"
        url = URL(f"{self._base()}/{path}", encoded=True)
        told = await self._exchange(_GET, "/login/companyinfo/{company}", url, None, until, writes=False)
        if told is None:
            raise PsaKeysRefused(f"ConnectWise does not know the company {self._connection.company}.")
        found = told.get("Codebase") if isinstance(told, dict) else None
        return found if isinstance(found, str) and found else "?"

    def _base(self) -> str:
        return str(base_url(self._connection.host, self._allow_hosts)).rstrip("/")

    async def _url(
        self, template: str, ids: Mapping[str, int], query: Mapping[str, str | int] | None, until: float
    ) -> URL:
        # Checked before anything is asked, so that a wrong host never sees a request.
        base = self._base()
        release = (await self.codebase(until)).strip("/")
        path = template.format(**{name: int(number) for name, number in ids.items()})
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return URL(f"{base}/{release}/apis/3.0{path}{asked}", encoded=True)

    async def _call(
        self,
        method: str,
        template: str,
        ids: Mapping[str, int],
        query: Mapping[str, str | int] | None,
        body: Any,
        until: float,
        *,
        writes: bool,
    ) -> Any:
        try:
            url = await self._url(template, ids, query, until)
            try:
                return await self._exchange(method, template, url, body, until, writes=writes)
            except PsaNotFound as failure:
                if failure.status == 404 and await self._keys_are_wrong(template, until):
                    raise PsaKeysRefused(keys_sentence(), status=failure.status) from failure
                raise
        except (PsaWrongHost, PsaKeysRefused):
            # A tenant that moved to a newer release answers like a wrong host: ask anew next time.
            self._codebase = self._connection.codebase
            raise

    async def _keys_are_wrong(self, template: str, until: float) -> bool:
        """The cloud answers 404 to wrong keys too; what everybody may read tells the two apart."""
        if template == SYSTEM:
            return True
        try:
            await self._exchange(
                _GET, SYSTEM, await self._url(SYSTEM, {}, None, until), None, until, writes=False
            )
        except (PsaNotFound, PsaKeysRefused):
            return True
        except PsaFailure:
            return False
        return False

    async def _exchange(
        self, method: str, template: str, url: URL, body: Any, until: float, *, writes: bool
    ) -> Any:
        """Tries, counts, times and logs; the log holds no query, no text and no key."""
        clock = asyncio.get_running_loop().time
        began, tries, result = clock(), 0, "200"
        try:
            while True:
                tries += 1
                try:
                    return await self._once(method, template, url, body, until, writes=writes)
                except _BrokeInTransit as broke:
                    if method != _GET or tries > 1:
                        raise connection_failure(broke.error, writes=writes) from broke.error
        except PsaFailure as failure:
            result = f"{failure.status or ''} {type(failure).__name__}".strip()
            raise
        finally:
            spent = round((clock() - began) * 1000)
            log.info("%s %s: %s, %d ms, tries %d", method, template, result, spent, tries)

    async def _once(
        self, method: str, template: str, url: URL, body: Any, until: float, *, writes: bool
    ) -> Any:
        sent = False
        try:
            async with asyncio.timeout_at(until), self._limiter.slot(self.tenant):
                sent = True
                answer = await self._send(method, url, body, until)
        except aiohttp.ConnectionTimeoutError as error:
            raise connection_failure(error, writes=writes) from error
        except TimeoutError as late:
            if not sent:
                raise PsaBusy("FlowPilot is sending as much as ConnectWise allows.") from late
            raise PsaUnreachable(
                "ConnectWise did not answer in time.", outcome="unknown" if writes else "not_done"
            ) from late
        except aiohttp.ClientConnectorError as error:
            raise connection_failure(error, writes=writes) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _BrokeInTransit(error) from error
        if answer.status not in (200, 201):
            failure = failure_of(answer, method, template, writes=writes)
            if answer.status == 429 and failure.retry_after:
                await self._limiter.pause(self.tenant, failure.retry_after)
            raise failure
        return await self._json_of(answer, writes=writes)

    async def _send(self, method: str, url: URL, body: Any, until: float) -> Answer:
        left = max(until - asyncio.get_running_loop().time(), 0.1)
        request = self._session("keep" if method == _GET else "fresh").request(
            method,
            url,
            headers=self._headers(url),
            json=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=min(CONNECT_SECONDS, left / 2)),
            trace_request_ctx={"until": until} if method != _GET else None,
        )
        async with request as response:
            content = bytearray()
            async for chunk in response.content.iter_chunked(64 * 1024):
                content += chunk
                if len(content) > self._max_bytes:
                    raise PsaBroken(
                        "ConnectWise sent more than FlowPilot accepts.",
                        outcome="not_done" if method == _GET else "unknown",
                        retryable=False,
                    )
            headers = {name.casefold(): value for name, value in response.headers.items()}
            kind = headers.get("content-type", "").casefold()
            return Answer(response.status, kind, headers, bytes(content))

    async def _json_of(self, answer: Answer, *, writes: bool) -> Any:
        if answer.is_page:
            raise not_an_answer(answer, writes=writes)
        try:
            if len(answer.body) > _LARGE:
                return await asyncio.to_thread(json.loads, answer.body)
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise not_an_answer(answer, writes=writes) from error

    def _headers(self, url: URL) -> dict[str, str]:
        ours = self._connection
        headers = {
            "Accept": f"application/vnd.connectwise.com+json; version={ours.version}",
            "clientId": ours.client_id,
        }
        if not url.path.startswith("/login/"):
            keys = f"{ours.company}+{ours.public_key}:{ours.private_key}"
            headers["Authorization"] = "Basic " + b64encode(keys.encode()).decode()
        if any("\r" in value or "\n" in value for value in headers.values()):
            raise PsaKeysRefused(keys_sentence())
        return headers

    def _session(self, kind: str) -> aiohttp.ClientSession:
        """Writes get a fresh connection each: a kept one that just died would make their outcome unknown."""
        if kind not in self._sessions:
            resolver = PublicOnlyResolver(self._allow_hosts)
            connector = aiohttp.TCPConnector(resolver=resolver, limit=16, force_close=kind == "fresh")
            self._sessions[kind] = self._open_session(connector)
        return self._sessions[kind]


class _BrokeInTransit(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error
