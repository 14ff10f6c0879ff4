"""The bot's own tokens: fetched once, kept, shared between processes, and thrown away when Teams refuses one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from yarl import URL

from bot.teams.port import Away, Refused
from bot.teams.sdk_limits import Limits, retry_after
from bot.teams.sdk_web import Answered, Web

RENEW_SECONDS = 300.0
"""A token that ends sooner is renewed before it is used."""
ANY_TENANT = "botframework.com"
_TOKEN = re.compile(r"[\x21-\x7e]{1,16000}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_WHAT = "login"


class TokenCache(Protocol):
    """Tokens that all processes share. Neither method raises: without the cache each process fetches its own."""

    async def get(self, name: str) -> tuple[str, float] | None:
        """The token and the epoch second at which it ends."""

    async def put(self, name: str, token: str, expires: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    expires: float


class Login:
    """The tokens of one app in one tenant at one login address, by scope."""

    def __init__(
        self,
        app_id: str,
        password: str,
        address: str,
        tenant: str,
        *,
        web: Web,
        cache: TokenCache | None,
        clock: Callable[[], float],
        limits: Limits,
    ) -> None:
        self._app_id = app_id
        self._password = password
        self._url = URL(address) / (tenant or ANY_TENANT) / "oauth2" / "v2.0" / "token"
        self._web = web
        self._cache = cache
        self._clock = clock
        self._limits = limits
        self._held: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def __repr__(self) -> str:
        return f"Login({self._url}, password hidden)"

    async def token(self, scope: str, refused: str = "") -> str:
        """A token for this scope, other than the one that was refused. Raises Refused or Away."""
        held = self._held.get(scope)
        if held is not None and self._lasts(held, refused):
            return held.value
        async with self._locks.setdefault(scope, asyncio.Lock()):
            held = self._held.get(scope)  # somebody else may have fetched it meanwhile
            if held is None or not self._lasts(held, refused):
                held = self._held[scope] = await self._renewed(scope, held, refused)
        return held.value

    async def _renewed(self, scope: str, held: Token | None, refused: str) -> Token:
        name = f"{self._url}|{self._app_id}|{scope}"
        shared = await self._cache.get(name) if self._cache is not None else None
        if shared is not None and self._lasts(Token(*shared), refused):
            return Token(*shared)
        try:
            fetched = await self._fetched(scope)
        except Away:
            if held is not None and held.value != refused and held.expires > self._clock():
                return held
            raise
        if self._cache is not None:
            await self._cache.put(name, fetched.value, fetched.expires)
        return fetched

    def _lasts(self, token: Token, refused: str) -> bool:
        return token.value != refused and token.expires - self._clock() > RENEW_SECONDS

    async def _fetched(self, scope: str) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._app_id,
            "client_secret": self._password,
            "scope": f"{scope.removesuffix('/.default')}/.default",
        }
        try:
            answer = await self._web.ask("POST", self._url, _WHAT, self._limits.login, data=form)
        except Away as away:  # a login that may have been answered did nothing
            raise Away(away.retry_after, away.log_safe, unsure=False) from None
        return self._read(answer)

    def _read(self, answer: Answered) -> Token:
        body = _object(answer)
        if answer.status_code == 429 or answer.status_code >= 500:
            wait = retry_after(answer.headers, self._clock()) or 0.0
            raise Away(wait, f"{_WHAT}: http_{answer.status_code}", unsure=False)
        token = body.get("access_token")
        if answer.status_code != 200 or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Refused(answer.status_code, _code(body), _WHAT)
        return Token(token, self._clock() + _seconds(body.get("expires_in")))


def _object(answer: Answered) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(body: dict[str, Any]) -> str:
    """The login's own word, e.g. invalid_client, and the number it is known by where there is one."""
    said = str(body.get("error") or "")
    numbers = body.get("error_codes")
    number = str(numbers[0]) if isinstance(numbers, list) and numbers else ""
    code = ".AADSTS".join(each for each in (said, number) if each)
    return code if _CODE.fullmatch(code) else "unknown_error"


def _seconds(given: object) -> float:
    try:
        return min(max(float(str(given)), 0.0), 86_400.0)
    except ValueError:
        return 0.0
