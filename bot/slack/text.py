"""Slack's message text as a person wrote it: mentions, links and escapes undone."""

from __future__ import annotations

import html
import re

_REFERENCE = re.compile(r"<([^<>\n]{1,3000})>")
_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:\n|$)|```", re.MULTILINE)
_LEADING = re.compile(r"^\s*<@([A-Z0-9]+)(?:\|[^>]*)?>")


def plain(text: str, bot_user: str = "") -> str:
    """Without mentions of the bot; other mentions as @id, links as their address, fences of code removed."""
    without = re.sub(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", "", text) if bot_user else text
    return html.unescape(_FENCE.sub("", _REFERENCE.sub(_spoken, without))).strip()


def _spoken(found: re.Match[str]) -> str:
    inner = found.group(1)
    target, _, label = inner.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    if re.match(r"(?:https?|mailto|tel):", target):
        address = target.removeprefix("mailto:").removeprefix("tel:")
        # Slack makes links of names like printer01.example.com; what he typed is the label then.
        return label if label and (label in address or not target.startswith("http")) else address
    return found.group(0)


def mentions(text: str, bot_user: str) -> bool:
    return bool(bot_user) and re.search(rf"<@{re.escape(bot_user)}(?:\|[^>]*)?>", text) is not None


def speaks_to(text: str) -> str:
    """Whom a message begins by naming; empty where it names nobody first."""
    found = _LEADING.match(text)
    return found.group(1) if found else ""
