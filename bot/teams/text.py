"""What a person wrote in Teams: without the mention of the bot, and plain where only HTML came."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

_HTML = "text/html"
_REPLY = "schema.skype.com/Reply"
_MENTION = "schema.skype.com/Mention"
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "dd", "div", "dl", "dt", "figure", "footer", "h1", "h2", "h3", "h4", "h5",
     "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul"}
)  # fmt: skip
_DROPPED = frozenset({"script", "style", "template", "head", "iframe", "object"})
_VOID = frozenset(
    {"br", "hr", "img", "input", "meta", "link", "wbr", "col", "source", "area", "base", "embed"}
)
_BLANKS = re.compile(r"[ \t]+")
_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|#39|#x27);")
_BARE = re.compile(r"<(?!/?at\b)|&(?!(?:[a-z]{2,8}|#\d{1,5}|#x[0-9a-f]{1,4});)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who is named: the text that stands for him, who he is, and whether it is the bot."""

    text: str
    name: str
    ours: bool


def without_mention(body: Mapping[str, Any]) -> str:
    """The text of an activity without the mentions of its recipient; others as @name. Where somebody merely typed the
    bot's name, or mentioned a person who is called the same, it stays.
    """
    text = body.get("text")
    left = _tidied(text) if isinstance(text, str) else ""
    parts: list[str] = []
    for mention in _mentions(body):  # they come in the order in which they stand in the text
        before, found, after = left.partition(mention.text)
        if not found:
            continue
        parts.append(before if mention.ours else f"{before}@{mention.name}")
        cut = mention.ours and (not before or before.endswith((" ", "\n")))
        left = after.lstrip(" ") if cut else after
    return ("".join(parts) + left).strip()


def words(body: Mapping[str, Any]) -> str:
    """What the person wrote. The text, or where there is none the HTML that came with it. A reply that quotes is taken
    from its HTML: only there the quotation can be told from the answer.
    """
    html = _html_of(body)
    if html and (_REPLY in html or not without_mention(body)):
        plain = _plain(html, _mentions(body))
        if plain:
            return plain
    return without_mention(body)


def plain(html: str) -> str:
    """HTML as lines: ends of paragraphs and list items are ends of lines, <pre> and <code> stay as they are, scripts
    and quoted messages are left out.
    """
    return _plain(html, ())


def _plain(html: str, mentions: Sequence[Mention]) -> str:
    lines = Lines(mentions)
    lines.feed(html)
    lines.close()
    return lines.text()


def _tidied(text: str) -> str:
    """Some clients write < and & as HTML does, and nothing else of HTML: then the text has neither as it is."""
    if _ESCAPED.search(text) and not _BARE.search(text):
        text = unescape(text)
    return text.replace("&nbsp;", " ").replace("\xa0", " ").replace("\r\n", "\n").replace("\r", "\n")


def _mentions(body: Mapping[str, Any]) -> tuple[Mention, ...]:
    recipient = body.get("recipient")
    us = recipient.get("id") if isinstance(recipient, dict) else None
    entities = body.get("entities")
    found: list[Mention] = []
    for each in entities if isinstance(entities, list) else ():
        if (
            isinstance(each, dict)
            and each.get("type") == "mention"
            and isinstance(each.get("mentioned"), dict)
        ):
            text, who = each.get("text"), each["mentioned"]
            if isinstance(text, str) and text:
                name = re.sub(r"</?at[^>]*>", "", text) or str(who.get("name") or "")
                found.append(Mention(_tidied(text), name, bool(us) and who.get("id") == us))
    return tuple(found)


def _html_of(body: Mapping[str, Any]) -> str:
    attachments = body.get("attachments")
    for each in attachments if isinstance(attachments, list) else ():
        if isinstance(each, dict) and str(each.get("contentType") or "").lower().startswith(_HTML):
            content = each.get("content")
            if isinstance(content, str) and content:
                return content
    return ""


@dataclass(slots=True)
class _Open:
    """An element that has begun: what becomes of what is in it."""

    tag: str
    dropped: bool = False
    verbatim: bool = False
    mention: int | None = None


@dataclass(slots=True)
class _State:
    stack: list[_Open] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    mentions: int = 0
    cut: bool = False


class Lines(HTMLParser):
    """Collects the lines of a piece of HTML, however broken it is."""

    def __init__(self, mentions: Sequence[Mention] = ()) -> None:
        super().__init__(convert_charrefs=True)
        self._mentions = mentions
        self._state = _State()

    def text(self) -> str:
        joined = "".join(self._state.parts).replace("\xa0", " ")
        lines = [line.rstrip() for line in joined.split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").rstrip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._end_line()
        if tag == "br":
            self._add("\n")
        elif tag in {"td", "th"}:
            self._add("\t" if self._inside_line() else "")
        if tag not in _VOID:
            self._state.stack.append(self._opened(tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        stack = self._state.stack
        for index in range(len(stack) - 1, -1, -1):
            if stack[index].tag == tag:
                del stack[index:]
                break
        if tag in _BLOCKS:
            self._end_line()

    def _hear(self, data: str) -> None:
        within = self._state.stack[-1] if self._state.stack else None
        if within is None:
            self._add_words(data)
        elif within.mention is not None:
            self._add(self._named(data, within))
        elif within.verbatim:
            self._add(data.replace("\r\n", "\n"))
        else:
            self._add_words(data)

    handle_data = _hear

    def _opened(self, tag: str, attributes: Mapping[str, str | None]) -> _Open:
        around = self._state.stack[-1] if self._state.stack else _Open("")
        kind = attributes.get("itemtype") or ""
        mention = around.mention
        if tag == "at" or _MENTION in kind:
            mention = self._state.mentions
            self._state.mentions += 1
        return _Open(
            tag,
            dropped=around.dropped or tag in _DROPPED or (tag == "blockquote" and _REPLY in kind),
            verbatim=around.verbatim or tag in {"pre", "code"},
            mention=mention,
        )

    def _named(self, data: str, within: _Open) -> str:
        index = within.mention
        known = self._mentions[index] if index is not None and index < len(self._mentions) else None
        if known is None or not known.ours:
            return f"@{data.strip()}"
        self._state.cut = True
        return ""

    def _add_words(self, data: str) -> None:
        """Blanks and ends of lines in HTML are one blank, and none at the beginning of a line. Those that do not break
        stay: Teams indents with them, and keeps empty lines.
        """
        text = _BLANKS.sub(" ", data.replace("\n", " ").replace("\r", " "))
        if not self._inside_line() or self._state.parts[-1].endswith((" ", "\xa0")):
            text = text.lstrip(" \xa0") if self._state.cut else text.lstrip(" ")
        self._state.cut = False
        self._add(text)

    def _inside_line(self) -> bool:
        parts = self._state.parts
        return bool(parts) and not parts[-1].endswith("\n")

    def _end_line(self) -> None:
        if self._inside_line():
            self._add("\n")

    def _add(self, text: str) -> None:
        stack = self._state.stack
        if text and not (stack and stack[-1].dropped):
            self._state.parts.append(text)
