"""The keys that Teams signs with: fetched with a bound in time, kept for a day, and for another while nobody answers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

from bot.teams.port import Away, Refused
from bot.teams.sdk_hosts import loopback, parsed
from bot.teams.sdk_limits import AWAY_SECONDS, Limits
from bot.teams.sdk_web import Web

DAY = 86_400.0
AGAIN_SECONDS = 60.0
"""How soon an unknown key makes us look again: whoever invents keys cannot make us ask all the time."""
AWAY_AGAIN_SECONDS = 5.0
_WHAT = "signing keys"


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the channels it may sign for. The names are those that the SDK's check of a token asks for."""

    public_key: RSAPublicKey
    endorsements: tuple[str, ...]


class Keys:
    """The keys of one OpenID address, by their ids. `clock`: epoch seconds."""

    def __init__(
        self,
        address: str,
        *,
        web: Web,
        clock: Callable[[], float],
        limits: Limits,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._address = address
        self._web = web
        self._clock = clock
        self._limits = limits
        self._again = again
        self._lock = asyncio.Lock()
        self._keys: Mapping[str, Key] = {}
        self._loaded = self._failed = -math.inf

    async def get(self, key_id: object) -> Key:
        """Raises PermissionError for a key that is not theirs, Away where nobody can say."""
        name = key_id if isinstance(key_id, str) else ""
        age = self._clock() - self._loaded
        if age > DAY or (name not in self._keys and age > self._again):
            try:
                await self._load(self._loaded)
            except Away:
                if name not in self._keys or age > 2 * DAY:
                    raise
        if name not in self._keys:
            raise PermissionError("unknown key")
        return self._keys[name]

    async def _load(self, before: float) -> None:
        async with self._lock:
            if self._loaded != before:
                return  # somebody else has just done it
            if self._clock() - self._failed < AWAY_AGAIN_SECONDS:
                raise Away(AWAY_AGAIN_SECONDS, f"{_WHAT}: away", unsure=False)
            try:
                async with asyncio.timeout(self._limits.keys):
                    described = await self._fetched(self._address)
                    keys = _read(await self._fetched(str(described.get("jwks_uri") or "")))
            except (Away, Refused, TimeoutError, ValueError) as away:
                self._failed = self._clock()
                reason = getattr(away, "log_safe", f"{_WHAT}: unreadable or too slow")
                raise Away(AWAY_SECONDS, reason, unsure=False) from None
            self._keys = keys
            self._loaded = self._clock()

    async def _fetched(self, address: str) -> Mapping[str, Any]:
        url = parsed(address)
        if url is None or (url.scheme != "https" and not (loopback(address) and loopback(self._address))):
            raise ValueError("not an address to ask")
        answer = await self._web.ask("GET", url, _WHAT, self._limits.keys)
        if answer.status_code != 200:
            raise Away(AWAY_SECONDS, f"{_WHAT}: http_{answer.status_code}", unsure=False)
        found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one word for whatever cannot be read
        return found


def _read(found: Mapping[str, Any]) -> Mapping[str, Key]:
    """Raises ValueError where there is no key at all: an empty list would refuse everybody for a while."""
    listed = found.get("keys")
    keys: dict[str, Key] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("kid"), str):
            try:
                key = RSAAlgorithm.from_jwk(json.dumps(each))
            except (PyJWTError, ValueError, TypeError):
                continue  # one of another kind
            endorsed = each.get("endorsements")
            if isinstance(key, RSAPublicKey):
                names = endorsed if isinstance(endorsed, list) else ()
                keys[each["kid"]] = Key(key, tuple(name for name in names if isinstance(name, str)))
    if not keys:
        raise ValueError("no keys")
    return keys
