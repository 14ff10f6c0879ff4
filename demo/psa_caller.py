"""Calls the practice ConnectWise with the practice keys, for demonstrations and tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, FormData, TCPConnector, encode_basic_auth

from demo.psa import PracticePsa


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: `body` is the JSON value, or None when `text` is no JSON."""

    status: int
    text: str
    headers: Mapping[str, str]
    content_type: str

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.text)
        except json.JSONDecodeError:
            return None


class Caller:
    """Sends signed requests; each on a connection of its own, so that nothing is repeated behind our back."""

    def __init__(self, psa: PracticePsa, session: ClientSession) -> None:
        self.psa = psa
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        form: FormData | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """Asks `path` under the API, or under the root for a leading slash."""
        url = self.psa.url + path if path.startswith("/") else self.psa.api_url + path
        sent = {**self.headers(), **(headers or {})}
        json_body = {} if body is None else {"json": body}
        async with self._session.request(
            method,
            url,
            params=query,
            data=form,
            headers=sent,
            allow_redirects=False,
            **json_body,
        ) as reply:
            return Heard(reply.status, await reply.text(), dict(reply.headers), reply.content_type)

    def headers(self) -> dict[str, str]:
        settings = self.psa.settings
        keys = encode_basic_auth(f"{settings.company}+{settings.public_key}", settings.private_key)
        accept = "application/vnd.connectwise.com+json; version=2025.16"
        return {"Authorization": keys, "clientId": settings.client_id, "Accept": accept}


@asynccontextmanager
async def caller(psa: PracticePsa) -> AsyncIterator[Caller]:
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        yield Caller(psa, session)
