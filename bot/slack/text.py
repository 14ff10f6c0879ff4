"""Slack's message text as a person wrote it: mentions, links and escapes undone."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"<([^<>\n]{1,3000})>")
_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:\n|$)|```", re.MULTILINE)
_LEADING = re.compile(r"^\s*<@([A-Z0-9]+)(?:\|[^>]*)?>")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>\n]*)?>")
_ADDRESS = re.compile(r"(?:mailto:|tel:|[a-z][a-z0-9+.-]{1,20}://)", re.IGNORECASE)


def plain(text: str, bot_user: str = "", names: Mapping[str, str] | None = None) -> str:
    """Without mentions of the bot; others as @name, or @id where `names` has none; links as their address, beside the
    words they stand under; fences of code removed.
    """
    without = re.sub(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", "", text) if bot_user else text
    known = names or {}
    return _unescaped(_FENCE.sub("", _REFERENCE.sub(lambda found: _spoken(found, known), without))).strip()


def _unescaped(text: str) -> str:
    """These three are all that Slack escapes; what else looks like an entity is what he typed."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _spoken(found: re.Match[str], names: Mapping[str, str]) -> str:
    inner = found.group(1)
    target, _, label = inner.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{names.get(target[1:]) or label or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    if not _ADDRESS.match(target):
        return found.group(0)
    address = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == address:
        return address
    # Slack makes links of names like printer01.example.com; what he typed is the label then. Any other label could
    # name another place than the one it leads to.
    return label if _bare(label) == _bare(address) else f"{label} <{address}>"


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address, flags=re.IGNORECASE).rstrip("/")


def mentions(text: str, bot_user: str) -> bool:
    return bool(bot_user) and re.search(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", text) is not None


def mentioned(text: str) -> tuple[str, ...]:
    """Slack's ids of everybody a message names, each once."""
    return tuple(dict.fromkeys(_MENTION.findall(text)))


def speaks_to(text: str) -> str:
    """Whom a message begins by naming; empty where it names nobody first."""
    found = _LEADING.match(text)
    return found.group(1) if found else ""
