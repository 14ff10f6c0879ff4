"""Brings a file from Slack: only ours, only whole, only what it claims to be, and never more than fits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bot.slack.api import Api, Download, FileRefused, Refused
from engine.intake import Attachment

LIMIT = 20 * 1024 * 1024
LONGEST_NAME = 120
_HTML = "text/html"
_IMAGES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_GONE = frozenset({"file_not_found", "file_deleted", "file_removed"})
_NO_SCOPE = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})
_NOT_OURS = frozenset({"access_denied", "not_visible", "not_in_channel", "restricted_action"})


async def download(api: Api, file: Mapping[str, Any], limit: int = LIMIT) -> Attachment:
    """A file object of an event or a form. Raises FileRefused; Away and Refused as any call."""
    if file.get("file_access") == "check_file_info":  # from another organisation: all we have is its id
        file = await _looked_up(api, str(file.get("id") or ""))
    _refuse_unreachable(file)
    if _size(file) > limit:
        raise FileRefused("too_large")
    url = str(file.get("url_private_download") or file.get("url_private") or "")
    if not url:
        raise FileRefused("gone")
    found = await api.download(url, limit)
    declared = str(file.get("mimetype") or "").partition(";")[0].strip().lower()
    link = str(file.get("permalink") or "")
    return Attachment(_name(file), _media_type(found, declared, _size(file)), found.content, link)


async def _looked_up(api: Api, file_id: str) -> Mapping[str, Any]:
    try:
        found = (await api.call("files.info", file=file_id)).get("file")
    except Refused as refused:
        for codes, reason in ((_GONE, "gone"), (_NO_SCOPE, "missing_scope"), (_NOT_OURS, "not_ours")):
            if refused.code in codes:
                raise FileRefused(reason) from None
        raise
    if not isinstance(found, dict) or found.get("file_access") == "check_file_info":
        raise FileRefused("unreadable")
    return found


def _refuse_unreachable(file: Mapping[str, Any]) -> None:
    match file:
        case {"mode": "tombstone" | "hidden_by_limit"} | {"file_access": "file_not_found"}:
            raise FileRefused("gone")
        case {"mode": "external"} | {"is_external": True} | {"file_access": "access_denied"}:
            raise FileRefused("not_ours")


def _media_type(found: Download, declared: str, size: int) -> str:
    """What the content is. Raises FileRefused where it is something else than was announced."""
    if found.media_type == _HTML and (declared != _HTML or size != len(found.content)):
        # Without files:read Slack answers 200 and its login page.
        raise FileRefused("missing_scope")
    seen = next((kind for kind, magic in _IMAGES if magic.match(found.content)), "")
    if declared in {kind for kind, _ in _IMAGES} and not seen:
        raise FileRefused("unreadable")
    return seen or declared or found.media_type


def _size(file: Mapping[str, Any]) -> int:
    size = file.get("size")
    return size if isinstance(size, int) else 0


def _name(file: Mapping[str, Any]) -> str:
    """The last part of its name, without what a terminal, a path or a right-to-left mark would make of it."""
    given = str(file.get("name") or file.get("title") or "")[: 10 * LONGEST_NAME]
    last = re.split(r"[\\/]", given)[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > LONGEST_NAME and dot and len(ending) <= 10:
        kept = f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
    return kept[:LONGEST_NAME].strip(". ") or "file"
