"""Which words in Teams are ours, and which Session they belong to: the thread's, the card's, or the chat's latest."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from bot.teams import addresses
from bot.teams.payloads import inside, text
from bot.teams.said import Word
from engine.session import FINAL, OPEN, Session, Status
from storage.places import Place
from storage.store import Unit
from storage.tables import ai_sessions, places

_NAMED_FIRST = re.compile(
    r"^(?:\s|&nbsp;|<(?:p|div)[^<>]{0,200}>)*(<at[^<>]{0,100}>.{0,200}?</at>)", re.DOTALL
)
_QUOTED = re.compile(r"<blockquote\b[^<>]{0,300}\bitemid=\"([^\"<>]{1,200})\"", re.IGNORECASE)
_MOST_LOOKED_AT = 20_000
_MOST_ATTACHED = 20
_ENDED = frozenset(status.value for status in FINAL)
_ANY = frozenset(status.value for status in Status)
_OPEN = frozenset(status.value for status in OPEN)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the words. `shared`: people of another tenant read along. `to_others`: they begin by naming
    somebody else. `quotes`: the id of the message they quote.
    """

    shared: bool = False
    to_others: bool = False
    quotes: str = ""


def around(payload: bytes) -> Around:
    body: Mapping[str, Any] = json.loads(payload)["body"]
    return Around(_shared(body), _to_others(body), _quotes(body))


def _shared(body: Mapping[str, Any]) -> bool:
    """In a shared channel, or in a team or conversation of another tenant."""
    data = inside(body, "channelData")
    ours = text(inside(data, "tenant"), "id")
    theirs = (text(inside(data, "team"), "tenantId"), text(inside(body, "conversation"), "tenantId"))
    named = (text(inside(data, "channel"), "type"), text(inside(data, "channel"), "membershipType"))
    return any(each.casefold() == "shared" for each in named) or any(
        each not in ("", ours) for each in theirs if ours
    )


def _to_others(body: Mapping[str, Any]) -> bool:
    first = _NAMED_FIRST.match(text(body, "text")[:_MOST_LOOKED_AT])
    if first is None:
        return False
    us, given = text(inside(body, "recipient"), "id"), body.get("entities")
    entities = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    ours = {text(each, "text") for each in entities if text(inside(each, "mentioned"), "id") == us}
    return first.group(1) not in ours


def _quotes(body: Mapping[str, Any]) -> str:
    given = body.get("attachments")
    attached = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    for each in attached[:_MOST_ATTACHED]:
        if text(each, "contentType") == "messageReference" and text(each, "id"):
            return text(each, "id")
        found = _QUOTED.search(text(each, "content")[:_MOST_LOOKED_AT])
        if found is not None:
            return found.group(1)
    return ""


# ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────


def channel_of(word: Word) -> str:
    """The channel of a Place in the conversation he spoke in."""
    if word.kind_of_conversation == "personal":
        return addresses.direct(word.person)
    return word.conversation


async def concerns_us(unit: Unit, word: Word, seen: Around) -> bool:
    """Words in a thread of ours, under a card of ours that they quote, to us, or in his chat with us; people who talk
    to each other are left alone.
    """
    if word.kind_of_conversation == "personal" or word.mentioned:
        return True
    if seen.to_others:
        return False
    if word.kind_of_conversation == "channel":
        return await thread_of(unit, word) is not None
    return await of_message(unit, word, seen.quotes) is not None


async def thread_of(unit: Unit, word: Word) -> Place | None:
    """Only a channel has threads."""
    if word.kind_of_conversation != "channel" or not word.root:
        return None
    found = await unit.places.find(addresses.PLATFORM, word.tenant, word.conversation, word.root)
    return found if found is not None and found.session_id is not None else None


async def of_message(unit: Unit, word: Word, message: str) -> Place | None:
    """Where the Session lives that shows this message in the conversation; not where it only tells one person."""
    if not message:
        return None
    ref = addresses.ref(word.conversation, message)
    found = await unit.places.by_ref(addresses.PLATFORM, word.tenant, ref)
    return found[0] if found is not None and found[0].session_id is not None else None


async def pressed_in(unit: Unit, word: Word) -> Place | None:
    """The Session's thread that the card stands in."""
    return await of_message(unit, word, word.reply_to) or await thread_of(unit, word)


async def latest(unit: Unit, word: Word, person: UUID, *, ended: bool | None = False) -> Place | None:
    """The Session of a chat without threads that plain words belong to: his own before a colleague's, one that is worked
    on before one that waits, then the newest. `ended`: only those that have; None: any.
    """
    wanted: Collection[str] = _ANY if ended is None else _ENDED if ended else _OPEN
    mine = (ai_sessions.c.id == places.c.session_id) & (ai_sessions.c.account_id == places.c.account_id)
    query = (
        select(places.c.id)
        .join(ai_sessions, mine)
        .where(places.c.account_id == unit.account, places.c.kind == "thread")
        .where(places.c.platform == addresses.PLATFORM, places.c.workspace == word.tenant)
        .where(places.c.channel == channel_of(word), ai_sessions.c.status.in_(sorted(wanted)))
        .order_by(
            (ai_sessions.c.user_id == person).desc(),
            (ai_sessions.c.status == Status.ACTIVE.value).desc(),
            places.c.created_at.desc(),
            places.c.id,
        )
        .limit(1)
    )
    found = (await unit.connection.execute(query)).scalar()
    return await unit.places.get(found) if found is not None else None


async def escalation_at(unit: Unit, word: Word) -> Session | None:
    """The Session whose request for help stands at the root of this thread of the escalation channel."""
    if not word.root:
        return None
    ref = addresses.ref(word.conversation, word.root)
    found = await unit.places.by_ref(addresses.PLATFORM, word.tenant, ref)
    if found is None or not found[1].key.startswith("escalation:"):
        return None
    return await unit.sessions.get(UUID(found[1].key.partition(":")[2]), lock=True)
