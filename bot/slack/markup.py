"""Words as Slack objects that cannot come alive: nothing a person, a log or a model wrote mentions, links or formats.

The one way: what others wrote stands in `rich_text` text elements and in `plain_text`, which Slack never reads for
markup, so nothing has to be put into a text to defuse it and what is copied from a card is what was written. Slack's
own markup (`mrkdwn`) is used in one place, the two-column table of a section, which has no other form that can be
bold and link; a value that holds any mark of it is `live` and its table is drawn as rich text instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bot.cards_parts import seen
from bot.words import say
from engine.note_text import one_line

Json = dict[str, Any]

STARS = re.compile(r"(?<![\w*])\*(?![.\\/,;*])(\S(?:[^*\n]*\S)?)\*(?![\w*]|[.\\/]\w)")
"""The only markup a card's text carries."""
_LIVE = re.compile(r"[*_~`<>|@]|://|:[\w+'-]+:")
_MARKS = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])")
_EMOJI = re.compile(r":([\w+'-]*[^\W\d][\w+'-]*):")
_URL = 500
NOTHING = "–"
"""Slack refuses a text that is empty."""


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def plain(text: str, limit: int = 3_000) -> Json:
    """A plain_text object of 1 to `limit` characters; Slack neither formats nor links it."""
    shown = cut(seen(text), limit)
    return {"type": "plain_text", "text": shown if shown.strip() else NOTHING, "emoji": False}


def unstarred(text: str) -> str:
    return STARS.sub(r"\1", text)


def https(url: str) -> str:
    """The address as it may be linked, or nothing: https only, no longer than 500, nothing that ends a link early."""
    if len(url) > _URL or not re.fullmatch(r"https://[^\s<>|\"\\]+", url):
        return ""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


# ── Rich text ───────────────────────────────────────────────────────────────────────────────────────────────


def section(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements) or [_text(NOTHING)]}


def runs(text: str, links: Mapping[str, str] | None = None, *, bold: bool = False) -> list[Json]:
    """The text as elements: our *emphasis* bold, each text of `links` an address, everything else as it is."""
    found: list[Json] = []
    at, given = 0, seen(text)
    for star in STARS.finditer(given):
        found += _linked(given[at : star.start()], links or {}, bold=bold)
        found += _linked(star[1], links or {}, bold=True)
        at = star.end()
    return found + _linked(given[at:], links or {}, bold=bold)


def runs_as_written(text: str) -> list[Json]:
    """Stars and all, for scripts."""
    return [_text(seen(text))]


def _linked(text: str, links: Mapping[str, str], *, bold: bool) -> list[Json]:
    return [
        _link(piece, links[piece], bold=bold) if linked else _text(piece, bold=bold)
        for piece, linked in _pieces(text, links)
    ]


def _pieces(text: str, links: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """(piece, whether it is a text of `links`); `#47` is no part of `#4711`."""
    named = sorted((each for each, url in links.items() if each and https(url)), key=len, reverse=True)
    if not named:
        yield from [(text, False)] if text else []
        return
    at = 0
    for found in re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, named))})(?!\w)", text):
        if found.start() > at:
            yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    if at < len(text):
        yield text[at:], False


def _text(text: str, *, bold: bool = False) -> Json:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _link(text: str, url: str, *, bold: bool) -> Json:
    return {"type": "link", "url": https(url), "text": text, **({"style": {"bold": True}} if bold else {})}


# ── Slack's own markup ──────────────────────────────────────────────────────────────────────────────────────


def live(text: str) -> bool:
    """Whether Slack's markup could read anything in it."""
    return bool(_LIVE.search(text))


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def labelled(label: str, value: str, links: Mapping[str, str]) -> Json:
    """A field of a section: the label bold above its value. Both are one line and not `live`."""
    channel = channel_of(label, value)
    shown = (
        f"<#{channel}>"
        if channel
        else "".join(
            f"<{escaped(https(links[piece]))}|{escaped(piece)}>" if linked else escaped(piece)
            for piece, linked in _pieces(seen(value), links)
        )
    )
    return {
        "type": "mrkdwn",
        "text": f"*{escaped(seen(label).strip())}*\n{shown.strip() or NOTHING}",
        "verbatim": True,
    }


def channel_of(label: str, value: str) -> str:
    """The id of the escalation channel among the settings, which Slack shows by its name; elsewhere nothing."""
    found = re.fullmatch(r"(?:T[A-Z0-9]{2,30}:)?([CG][A-Z0-9]{2,30})", value.strip())
    return found[1] if found and label == say("settings.escalation_channel") else ""


def fallback(text: str, limit: int = 300) -> str:
    """One line for a notification, where Slack's markup counts: escaped, and without the marks of it."""
    bare = _MARKS.sub("", unstarred(one_line(text, limit)))
    while (calmer := _EMOJI.sub(r"\1", bare)) != bare:
        bare = calmer
    return escaped(bare.lstrip("> "))
