"""Brings a file that somebody sent in Teams: only from hosts we know, only whole, only what it claims to be."""

from __future__ import annotations

import asyncio
import re

import aiohttp
from yarl import URL

from bot.teams.port import Away, Download, FileRefused
from bot.teams.sdk_limits import AWAY_SECONDS, Limits
from bot.teams.sdk_web import Web, bounded

_HOPS = 3
_WHAT = "file"
_IMAGES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_KINDS = frozenset(kind for kind, _ in _IMAGES)


class TokenRefused(Exception):
    """The host does not take this token any more."""


async def fetch(web: Web, url: URL, token: str, limit: int, limits: Limits) -> Download:
    """At most `limit` bytes. Redirects are followed on the same host only. Raises FileRefused, TokenRefused or Away."""
    try:
        async with asyncio.timeout(limits.download):
            for _ in range(_HOPS):
                found = await _once(web, url, token, limit)
                if isinstance(found, Download):
                    return found
                url = found
    except (aiohttp.ClientError, OSError) as away:
        reason = "timeout" if isinstance(away, TimeoutError) else "unreachable"
        raise Away(AWAY_SECONDS, f"{_WHAT}: {reason}", unsure=False) from None
    raise FileRefused("unreadable")


async def _once(web: Web, url: URL, token: str, limit: int) -> Download | URL:
    """The file, or the address on the same host where it is."""
    headers = {"Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with web.session().get(url, headers=headers, allow_redirects=False) as response:
        match response.status:
            case 200:
                content = await bounded(response, limit)
                if content is None:
                    raise FileRefused("too_large")
                return Download(content, _media_type(content, response.content_type.lower()))
            case 301 | 302 | 303 | 307 | 308:
                return _elsewhere(url, response.headers.get("Location", ""))
            case 401 if token:
                raise TokenRefused
            case 403 if token:
                raise FileRefused("not_ours")
            case 401 | 403 | 404 | 410:  # an address with its own permission stops being one
                raise FileRefused("gone")
            case status if status == 429 or status >= 500:
                raise Away(AWAY_SECONDS, f"{_WHAT}: http_{status}", unsure=False)
    raise FileRefused("unreadable")


def _elsewhere(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
        same = target.origin() == url.origin() and target.user is None
    except ValueError:
        raise FileRefused("unreadable") from None
    if not same:
        raise FileRefused("not_ours")
    return target


def _media_type(content: bytes, declared: str) -> str:
    """What the content is. Raises FileRefused where it is something else than was announced."""
    seen = next((kind for kind, magic in _IMAGES if magic.match(content)), "")
    # A page in place of a file is somebody's login page.
    if declared == "text/html" or (declared in _KINDS and not seen):
        raise FileRefused("unreadable")
    return seen or declared
