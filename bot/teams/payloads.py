"""Says of everything Teams sends whether it is ours at all, and under which key and in which order it is remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.inbound import storable
from bot.teams import addresses, clicks
from bot.teams.port import ConversationKind

Body = Mapping[str, Any]

CHANNEL = "msteams"
"""The only channel whose word about tenant and person counts: a web chat's client writes them itself."""
PRESS = "adaptiveCard/action"
EXTENSION = frozenset({"composeExtension/fetchTask", "composeExtension/submitAction"})
THUMBS = "message/submitAction"
DIALOG = "task/fetch"
LONGEST_KEY = 300
MOST_ENTITIES = 100
_KINDS: Mapping[str, ConversationKind] = {"personal": "personal", "groupChat": "group", "channel": "channel"}


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the inbox."""

    unique: str
    order: str


def kept(body: Body) -> Kept | None:
    """What is remembered of an activity; None for what is nothing of ours."""
    if body.get("channelId") != CHANNEL or not tenant(body) or not text(inside(body, "conversation"), "id"):
        return None
    return Kept(unique(body), order(body)) if _is_ours(body) else None


def payload(raw: bytes) -> bytes:
    """The row's content. `raw`: the activity as the JSON object that came, unchanged."""
    return b'{"kind":"activity","body":%s}' % raw


def unique(body: Body) -> str:
    """An activity that is sent again has the same; a re-sent invoke may not."""
    conversation, own = text(inside(body, "conversation"), "id"), text(body, "id")
    key = storable(f"act:{conversation}:{own or _digest(body)}")
    return key if len(key) <= LONGEST_KEY else f"act:{hashlib.sha256(key.encode()).hexdigest()}"


def order(body: Body) -> str:
    """A thread is handled in order, so is a group chat, and so is all that one person does in his own chat."""
    base, place = conversation(body), ""
    match kind_of(body):
        case "channel":
            place = f"{base}:{root(body)}" if root(body) else ""
        case "group":
            place = base
        case "personal":
            place = person(body)
    key = f"teams:{tenant(body)}:{place}" if place else f"teams:{tenant(body)}"
    return storable(key)[:LONGEST_KEY]


# ── Who and where ───────────────────────────────────────────────────────────────────────────────────────────


def tenant(body: Body) -> str:
    told = inside(inside(body, "channelData"), "tenant")
    return text(told, "id") or text(inside(body, "conversation"), "tenantId")


def person(body: Body) -> str:
    """Who did it, by his id in the directory; "" where nobody did."""
    return text(inside(body, "from"), "aadObjectId")


def conversation(body: Body) -> str:
    """Its base id, without a thread's root."""
    return addresses.split(text(inside(body, "conversation"), "id"))[0]


def root(body: Body) -> str:
    """The root of the thread in a channel: of what stands there by itself its own id. "" elsewhere."""
    if kind_of(body) != "channel":
        return ""
    if named := addresses.split(text(inside(body, "conversation"), "id"))[1]:
        return named
    match text(body, "type"):
        case "message":
            return text(body, "replyToId") or text(body, "id")
        case "invoke":
            about = inside(inside(body, "value"), "messagePayload")
            return text(body, "replyToId") or text(about, "replyToId") or text(about, "id")
    return ""


def kind_of(body: Body) -> ConversationKind:
    """Two people's own chat counts as a group: only a message extension speaks from there, and we are not in it."""
    given = inside(body, "conversation")
    kind, base = _KINDS.get(text(given, "conversationType")), conversation(body)
    if base.endswith("@unq.gbl.spaces"):
        return "group"
    if kind is not None:
        return kind
    if base.endswith(("@thread.tacv2", "@thread.skype")):
        return "channel"
    return "group" if given.get("isGroup") is True else "personal"


def mentioned(body: Body) -> bool:
    """Whether the bot is called by name."""
    us, given = text(inside(body, "recipient"), "id"), body.get("entities")
    entities = given[:MOST_ENTITIES] if isinstance(given, list) else ()
    return bool(us) and any(
        isinstance(each, dict)
        and each.get("type") == "mention"
        and text(inside(each, "mentioned"), "id") == us
        for each in entities
    )


def came(body: Body) -> bool:
    """Whether the bot itself was added."""
    return _names_us(body, "membersAdded")


def went(body: Body) -> bool:
    """Whether the bot itself was removed."""
    return _names_us(body, "membersRemoved")


def _names_us(body: Body, which: str) -> bool:
    us, given = text(inside(body, "recipient"), "id"), body.get(which)
    members = given if isinstance(given, list) else ()
    return bool(us) and any(isinstance(each, dict) and text(each, "id") == us for each in members)


# ── What is ours ────────────────────────────────────────────────────────────────────────────────────────────


def _is_ours(body: Body) -> bool:
    match text(body, "type"):
        case "message":
            return _is_for_us(body)
        case "invoke":
            return _is_our_invoke(body)
        case "installationUpdate":
            return text(body, "action") != ""
        case "conversationUpdate":
            return came(body) or went(body)
    return False


def _is_for_us(body: Body) -> bool:
    """A person's words to the bot. What others say in a channel is heard only where the team granted it, and then only
    a reply can belong to a thread of ours; the worker drops what does not.
    """
    if _is_a_bot(body) or not text(body, "id"):
        return False
    if isinstance(body.get("value"), dict) and not text(body, "text"):
        return clicks.read(body["value"]) is not None
    if kind_of(body) != "channel" or mentioned(body):
        return True
    return root(body) not in ("", text(body, "id"))


def _is_our_invoke(body: Body) -> bool:
    name = text(body, "name")
    if _is_a_bot(body):
        return False
    if name == PRESS:
        return clicks.read(body.get("value")) is not None
    return name in EXTENSION or name == THUMBS


def _is_a_bot(body: Body) -> bool:
    """Ourselves or another one: no bot is answered, so that two never talk to each other."""
    sender = inside(body, "from")
    us = text(inside(body, "recipient"), "id")
    own = text(sender, "id")
    return sender.get("role") in ("bot", "skill") or own.startswith("28:") or bool(own and own == us)


def text(given: Body, name: str) -> str:
    """A text of it; "" for everything else, so that no odd type becomes an id."""
    found = given.get(name)
    return found if isinstance(found, str) else ""


def inside(given: Body, name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _digest(body: Body) -> str:
    """A key for what brings none of its own: the same activity sent again has the same one."""
    whole = json.dumps(body, sort_keys=True).encode("utf-8", "replace")
    return hashlib.sha256(whole).hexdigest()[:32]
