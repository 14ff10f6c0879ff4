"""Brings a file from Teams: a picture in a message, or what somebody uploaded in his chat with us; never more than fits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bot.teams.port import Connector, Download, FileRefused, Reference
from engine.intake import Attachment

LIMIT = 20 * 1024 * 1024
LONGEST_NAME = 120
UPLOADED = "application/vnd.microsoft.teams.file.download.info"
"""What somebody uploaded in his personal chat with us: a link that needs no key, good for some minutes."""
SHARED = "reference"
"""A file in a channel or group chat: it lies in SharePoint, where a bot has no key."""
_HTML = "text/html"
_IMAGES: tuple[tuple[str, str, re.Pattern[bytes]], ...] = (
    ("image/png", "png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", "jpg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", "gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", "webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_TYPES: Mapping[str, str] = {
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "application/xml",
    "evtx": "application/octet-stream",
    "html": _HTML,
    "htm": _HTML,
    "pdf": "application/pdf",
    "zip": "application/zip",
}
"""What an upload says of itself is only how its name ends."""


def is_file(attachment: Mapping[str, Any]) -> bool:
    """Whether it is something somebody sent along. HTML is what he wrote, once more; cards are what programs show."""
    kind = _kind(attachment)
    return kind in (UPLOADED, SHARED) or kind.startswith("image/")


async def download(
    connector: Connector, at: Reference, attachment: Mapping[str, Any], limit: int = LIMIT
) -> Attachment:
    """An attachment of an activity. Raises FileRefused; Away and Refused as any call."""
    kind = _kind(attachment)
    if kind == SHARED:
        raise FileRefused("elsewhere")
    if not is_file(attachment):
        raise FileRefused("unreadable")
    url = _address(attachment, kind)
    if not url:
        raise FileRefused("gone")
    found = await connector.download(at, url, limit)
    if len(found.content) > limit:
        raise FileRefused("too_large")
    if not found.content:
        raise FileRefused("unreadable")
    name = _name(attachment)
    media_type, ending = _media_type(found, name, picture=kind.startswith("image/"))
    return Attachment(name or f"picture.{ending or 'png'}", media_type, found.content)


def _kind(attachment: Mapping[str, Any]) -> str:
    return str(attachment.get("contentType") or "").partition(";")[0].strip().lower()


def _address(attachment: Mapping[str, Any], kind: str) -> str:
    if kind == UPLOADED:
        content = attachment.get("content")
        return str(content.get("downloadUrl") or "") if isinstance(content, dict) else ""
    return str(attachment.get("contentUrl") or "")


def _media_type(found: Download, name: str, *, picture: bool) -> tuple[str, str]:
    """What the content is, and how its name ends. Raises FileRefused for a picture that is none, or no longer one."""
    seen = next(((kind, ending) for kind, ending, magic in _IMAGES if magic.match(found.content)), None)
    if seen is not None:
        return seen
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if picture or ending in {"png", "jpg", "jpeg", "gif", "webp"}:
        raise FileRefused("unreadable")
    told = found.media_type.partition(";")[0].strip().lower()
    if told == _HTML and ending not in ("html", "htm"):
        # A page instead of the file: the link is no longer good.
        raise FileRefused("gone")
    return _TYPES.get(ending) or told or "application/octet-stream", ending


def _name(attachment: Mapping[str, Any]) -> str:
    """The last part of its name, without what a terminal, a path or a right-to-left mark would make of it."""
    given = str(attachment.get("name") or "")[: 10 * LONGEST_NAME]
    last = re.split(r"[\\/]", given)[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > LONGEST_NAME and dot and len(ending) <= 10:
        kept = f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
    return kept[:LONGEST_NAME].strip(". ")
