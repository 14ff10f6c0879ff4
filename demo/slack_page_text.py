"""Slack's markup as safe HTML: mrkdwn, markdown and rich text."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from demo.slack_refusals import Json
from demo.slack_text import unescape
from demo.slack_world import World

ENTITY = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")
SPANS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
CODE = re.compile(r"```\n?(.+?)```|`([^`\n]+)`", re.DOTALL)
EMOJI = {
    "white_check_mark": "✅", "warning": "⚠️", "x": "❌", "hourglass": "⌛", "eyes": "👀", "rotating_light": "🚨",
    "memo": "📝", "link": "🔗", "wave": "👋", "mag": "🔍", "tada": "🎉", "bulb": "💡", "lock": "🔒", "ticket": "🎫",
    "arrow_right": "➡️", "pause_button": "⏸️", "thumbsup": "👍", "thumbsdown": "👎", "information_source": "ℹ️",
}  # fmt: skip


def emoji(text: str) -> str:
    return re.sub(r":([a-z0-9_+-]+):", lambda found: EMOJI.get(found[1], found[0]), text)


def mrkdwn(world: World, text: str) -> str:
    """The text of a message or of a mrkdwn object: escaped already, with <…> entities."""
    shown, at = "", 0
    for found in CODE.finditer(text):
        shown += _spans(world, text[at : found.start()])
        inside = escape(unescape(found[1] or found[2]))
        shown += f"<pre>{inside}</pre>" if found[1] else f"<code>{inside}</code>"
        at = found.end()
    return shown + _spans(world, text[at:])


def _spans(world: World, text: str) -> str:
    """Entities are set aside while the stars are read, so that no address is taken for emphasis."""
    kept: list[str] = []

    def aside(found: re.Match[str]) -> str:
        kept.append(_entity(world, found[1], found[2], found[3] or ""))
        return f"\x00{len(kept) - 1}\x00"

    shown = escape(unescape(ENTITY.sub(aside, text.replace("\x00", ""))), quote=True)
    for pattern, instead in SPANS:
        shown = pattern.sub(instead, shown)
    shown = re.sub(r"(?m)^&gt; ?(.*)$", r"<blockquote>\1</blockquote>", shown)
    shown = emoji(shown).replace("\n", "<br>").replace("</blockquote><br>", "</blockquote>")
    return re.sub("\x00(\\d+)\x00", lambda found: kept[int(found[1])], shown)


def _entity(world: World, sign: str, what: str, label: str) -> str:
    if sign == "@":
        return mention(world, what)
    if sign == "#":
        channel = world.channels.get(what)
        return f"<span class='mention'>#{escape(label or (channel.name if channel else what))}</span>"
    if sign == "!":
        if what.startswith("date^"):
            return escape(unescape(label))
        return f"<span class='mention'>@{escape(label or what.partition('^')[0])}</span>"
    return link(unescape(what), unescape(label))


def mention(world: World, user: str) -> str:
    person = world.people.get(user)
    return f"<span class='mention'>@{escape(person.real_name if person else user)}</span>"


def link(url: str, label: str = "") -> str:
    words = escape(label or url.removeprefix("mailto:"))
    return f"<a href='{escape(url)}' rel='noreferrer'>{words}</a>" if _safe(url) else words


def _safe(url: str) -> bool:
    return url.startswith(("http://", "https://", "mailto:"))


def text_of(world: World, given: Any) -> str:
    """A text object, either kind."""
    if not isinstance(given, dict):
        return ""
    if given.get("type") == "mrkdwn":
        return mrkdwn(world, str(given["text"]))
    return emoji(escape(str(given.get("text", "")))).replace("\n", "<br>")


def markdown(text: str) -> str:
    """The markdown block: headings, lists, code, emphasis, links."""
    shown, at = "", 0
    for found in re.finditer(r"```[^\n]*\n(.*?)```", text, re.DOTALL):
        shown += _markdown_lines(text[at : found.start()]) + f"<pre>{escape(found[1])}</pre>"
        at = found.end()
    return shown + _markdown_lines(text[at:])


def _markdown_lines(text: str) -> str:
    shown = escape(text.strip("\n"))
    shown = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", shown)
    shown = re.sub(r"\*\*([^*\n]+)\*\*", r"<b>\1</b>", shown)
    shown = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<i>\1</i>", shown)
    shown = re.sub(r"\[([^\]\n]+)\]\((https?://[^)\s]+)\)", r"<a href='\2' rel='noreferrer'>\1</a>", shown)
    shown = re.sub(r"(?m)^#{1,6} (.+)$", r"<b class='heading'>\1</b>", shown)
    shown = re.sub(r"(?m)^(\s*)[-*] (.+)$", r"\1• \2", shown)
    shown = re.sub(r"(?m)^&gt; ?(.*)$", r"<blockquote>\1</blockquote>", shown)
    return emoji(shown).replace("\n", "<br>").replace("</blockquote><br>", "</blockquote>")


def rich_text(world: World, block: Json) -> str:
    """Every element of a rich_text block."""
    return "".join(_rich_part(world, one) for one in block.get("elements", []))


def _rich_part(world: World, part: Json) -> str:
    kind = part.get("type")
    inside = part.get("elements", [])
    if kind == "rich_text_list":
        tag = "ol" if part.get("style") == "ordered" else "ul"
        rows = "".join(f"<li>{_rich_part(world, one)}</li>" for one in inside)
        start = int(part.get("offset") or 0) + 1
        return f"<{tag} start='{start}' style='margin-left:{int(part.get('indent') or 0) * 1.2}rem'>{rows}</{tag}>"
    words = "".join(_rich_word(world, one) for one in inside)
    if kind == "rich_text_preformatted":
        return f"<pre>{words}</pre>"
    words = words.replace("\n", "<br>")
    return f"<blockquote>{words}</blockquote>" if kind == "rich_text_quote" else f"<span>{words}</span>"


def _rich_word(world: World, one: Json) -> str:
    match one.get("type"):
        case "text":
            words = escape(str(one.get("text", "")))
        case "link":
            words = link(str(one.get("url", "")), str(one.get("text", "")))
        case "emoji":
            words = escape(EMOJI.get(str(one.get("name")), f":{one.get('name')}:"))
        case "user":
            words = mention(world, str(one.get("user_id")))
        case "channel":
            words = _entity(world, "#", str(one.get("channel_id")), "")
        case "broadcast":
            words = f"<span class='mention'>@{escape(str(one.get('range')))}</span>"
        case "date":
            words = escape(str(one.get("fallback") or one.get("timestamp")))
        case other:
            words = escape(str(one.get("text") or one.get("value") or other))
    for name, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
        if (one.get("style") or {}).get(name):
            words = f"<{tag}>{words}</{tag}>"
    return words
