"""What one activity of Teams says, whatever its shape: who did what, where, and the way back to that conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal

from bot.inbound import storable
from bot.teams import clicks, payloads
from bot.teams.clicks import Pressed
from bot.teams.payloads import Body, inside, text
from bot.teams.port import ConversationKind
from bot.teams.text import plain, words

Kind = Literal["message", "press", "extension", "thumbs", "installed", "gone", "joined"]
MOST_FILES = 10
MOST_IN_A_CARD = 200
LONGEST = 500
"""Characters of a name or an id."""
LONGEST_QUOTE = 20_000
NO_FILES = frozenset({"text/html", "messageReference", "forwardedMessageReference"})
"""Attachments that repeat the words or point at a message."""
CARD = "application/vnd.microsoft.card"
_QUOTE = "http://schema.skype.com/Reply"
_SAYS = ("title", "subtitle", "activityTitle", "activitySubtitle", "name", "text", "value")
"""The keys of a card under which words stand."""


@dataclass(frozen=True, slots=True)
class Word:
    """`person` is his id in the directory, `person_id` the one on the wire. `conversation` is the base id, `root` the
    thread's in a channel, `activity` the message's own id and `reply_to` the one it answers or was pressed on. `text` is
    without our mention; `quoted` what he quoted with it. `files` are attachments as JSON. `reference` is what to keep of
    the conversation.

    press: `pressed`. extension: `about` is the id of the message it was asked for, `text` what stands in it, `author`
    who wrote it. thumbs: `reaction` (like or dislike) and, in `text`, his words. installed: the app was; joined: the bot
    was added to the conversation; gone: the app or the bot was removed.
    """

    kind: Kind
    tenant: str
    person: str
    person_id: str = ""
    name: str = ""
    conversation: str = ""
    root: str = ""
    kind_of_conversation: ConversationKind = "personal"
    activity: str = ""
    reply_to: str = ""
    text: str = ""
    mentioned: bool = False
    pressed: Pressed | None = None
    files: tuple[str, ...] = ()
    team: str = ""
    team_name: str = ""
    channel_name: str = ""
    reference: Mapping[str, Any] = field(default_factory=dict)
    locale: str = ""
    quoted: str = ""
    about: str = ""
    author: str = ""
    reaction: str = ""


def read(payload: bytes) -> Word | None:
    """None for what nothing follows from. Raises ValueError for what is no payload of ours."""
    whole = json.loads(payload)
    if (
        not isinstance(whole, dict)
        or whole.get("kind") != "activity"
        or not isinstance(whole.get("body"), dict)
    ):
        raise ValueError("no Teams payload of ours")
    body: Body = whole["body"]
    if payloads.kept(body) is None:
        return None
    match text(body, "type"):
        case "message":
            return _message(body)
        case "invoke":
            reader = _INVOKES.get(text(body, "name"))
            return reader(body) if reader else None
        case "installationUpdate":
            removed = text(body, "action").startswith("remove")
            return _word("gone" if removed else "installed", body)
        case "conversationUpdate":
            return _word("gone" if payloads.went(body) else "joined", body)
    return None


def _word(kind: Kind, body: Body, **more: Any) -> Word:
    """Who and where, which stand in every activity alike."""
    channel_data = inside(body, "channelData")
    team, channel = inside(channel_data, "team"), inside(channel_data, "channel")
    return Word(
        kind,
        tenant=_short(payloads.tenant(body)),
        person=_short(payloads.person(body)),
        person_id=_short(text(inside(body, "from"), "id")),
        name=_short(text(inside(body, "from"), "name")),
        conversation=_short(payloads.conversation(body)),
        root=_short(payloads.root(body)),
        kind_of_conversation=payloads.kind_of(body),
        activity=_short(text(body, "id")),
        reply_to=_short(text(body, "replyToId")),
        mentioned=payloads.mentioned(body),
        # Beside the id that Teams' interfaces take there is the one of its Microsoft 365 group, which no call here wants.
        team=_short(text(team, "id")),
        team_name=_short(text(team, "name")),
        channel_name=_short(text(channel, "name")),
        reference=_reference(body),
        locale=_short(text(body, "locale")),
        **more,
    )


def _reference(body: Body) -> dict[str, Any]:
    """What leads back there later, and nothing that changes from one message to the next."""
    conversation = inside(body, "conversation")
    kind = {"group": "groupChat"}.get(payloads.kind_of(body), payloads.kind_of(body))
    us = inside(body, "recipient")
    return {
        "serviceUrl": _short(text(body, "serviceUrl")),
        "channelId": payloads.CHANNEL,
        "bot": {"id": _short(text(us, "id")), "name": _short(text(us, "name"))},
        "conversation": {
            "id": _short(payloads.conversation(body)),
            "conversationType": text(conversation, "conversationType") or kind,
            "tenantId": _short(payloads.tenant(body)),
            "isGroup": kind != "personal",
        },
    }


# ── Messages and presses ────────────────────────────────────────────────────────────────────────────────────


def _message(body: Body) -> Word | None:
    pressed = clicks.read(body.get("value"))
    if pressed is not None:
        return _word("press", body, pressed=pressed)
    said, files = storable(words(body)), _files(body.get("attachments"))
    return _word("message", body, text=said, files=files, quoted=_quoted(body.get("attachments")))


def _press(body: Body) -> Word | None:
    pressed = clicks.read(body.get("value"))
    return _word("press", body, pressed=pressed) if pressed is not None else None


def _files(given: Any) -> tuple[str, ...]:
    return tuple(json.dumps(each, sort_keys=True) for each in _attachments(given) if not _is_no_file(each))


def _is_no_file(attachment: Mapping[str, Any]) -> bool:
    kind = text(attachment, "contentType")
    return kind in NO_FILES or kind.startswith(CARD)


def _attachments(given: Any) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (
        [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    )
    return found[:MOST_FILES]


# ── A message extension ─────────────────────────────────────────────────────────────────────────────────────


def _extension(body: Body) -> Word:
    """Asked for in the menu of somebody's message."""
    about = inside(inside(body, "value"), "messagePayload")
    sender = inside(about, "from")
    author = text(inside(sender, "user"), "displayName") or text(inside(sender, "application"), "displayName")
    return _word(
        "extension",
        body,
        about=_short(text(about, "id")),
        text=storable(_standing_in(about)),
        author=_short(author),
        files=_files(about.get("attachments")),
    )


def _standing_in(message: Mapping[str, Any]) -> str:
    """Its subject, its words, and those of its cards: an alert has all of it there."""
    content = text(inside(message, "body"), "content")
    said = content if text(inside(message, "body"), "contentType") == "text" else plain(content)
    cards = (found for each in _attachments(message.get("attachments")) for found in _in_card(each))
    parts = (text(message, "subject"), said, *cards)
    return "\n".join(part.strip() for part in parts if part.strip())


def _in_card(attachment: Mapping[str, Any]) -> Iterator[str]:
    """The words of a card that somebody else drew, from top to bottom."""
    if not text(attachment, "contentType").startswith((CARD, "application/vnd.microsoft.teams.card")):
        return
    left: list[Any] = [_loaded(attachment.get("content"))]
    for _ in range(MOST_IN_A_CARD):
        if not left:
            return
        match left.pop():
            case dict() as part:
                yield from (part[key] for key in _SAYS if isinstance(part.get(key), str))
                left += [each for each in reversed(list(part.values())) if isinstance(each, dict | list)]
            case list() as parts:
                left += [each for each in reversed(parts) if isinstance(each, dict | list)]


def _loaded(content: Any) -> Any:
    """A card's content comes as an object or as its JSON."""
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


# ── Thumbs ──────────────────────────────────────────────────────────────────────────────────────────────────


def _thumbs(body: Body) -> Word | None:
    given = inside(inside(body, "value"), "actionValue")
    reaction = text(given, "reaction")
    if reaction not in ("like", "dislike"):
        return None
    feedback = _loaded(given.get("feedback"))
    said = text(feedback, "feedbackText") if isinstance(feedback, dict) else ""
    return _word("thumbs", body, reaction=reaction, text=storable(said))


# ── Quotes ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Quotes(HTMLParser):
    """Collects what stands inside the blocks with which Teams quotes a message."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._depth = 0
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "blockquote" and (self._depth or dict(attrs).get("itemtype") == _QUOTE):
            self._depth += 1
        elif self._depth and tag in ("br", "p", "div", "li"):
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote" and self._depth:
            self._depth -= 1

    def _hear(self, data: str) -> None:
        if self._depth:
            self.found.append(data)

    handle_data = _hear


def _quoted(attachments: Any) -> str:
    html = next((_html(each) for each in _attachments(attachments) if _html(each)), "")
    if _QUOTE not in html:
        return ""
    quotes = _Quotes()
    quotes.feed(html[:LONGEST_QUOTE])
    lines = (line.strip() for line in "".join(quotes.found).splitlines())
    return storable("\n".join(line for line in lines if line))


def _html(attachment: Mapping[str, Any]) -> str:
    return text(attachment, "content") if text(attachment, "contentType") == "text/html" else ""


def _short(given: str) -> str:
    return storable(given[:LONGEST])


_INVOKES: Mapping[str, Callable[[Body], Word | None]] = {
    payloads.PRESS: _press,
    payloads.THUMBS: _thumbs,
    **dict.fromkeys(payloads.EXTENSION, _extension),
}
