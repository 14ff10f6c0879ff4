"""Writes the next message of a conversation: what is new is told once, in words that are never written again."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bot.claude import preview
from bot.claude.conversation import MASKS, TAG, TURN, Conversation, begun, stored
from bot.claude.masking import Masking
from bot.claude.preview import Showing, Wish
from engine.events import GuideReply
from engine.flows import Flow
from engine.guide import followed, state_of
from engine.guide_news import Picture, news, told_at_start
from engine.guide_prompt import COMPACT_ABOVE, compacted, snapshot, system_blocks, user_turn
from engine.guide_quoting import clean
from engine.history import History
from engine.psa import Ticket
from engine.redact import Known, Masks
from engine.session import Json, Session
from storage.conversations import Chapter, Piece

WORDS = "guide_words"
"""Among an Account's settings."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn at hand: the record without previews, what the offline guide makes of it, and what the person wished."""

    history: History
    ticket: Ticket | None
    base: GuideReply
    flows: Mapping[str, Flow]
    wish: Wish | None = None

    @property
    def session(self) -> Session:
        return self.history.session

    @property
    def account(self) -> UUID:
        return self.session.account_id

    @property
    def turn(self) -> int:
        return self.session.turn.number


@dataclass(frozen=True, slots=True)
class Found:
    """What the database had when the turn was opened. `now` is in the Account's own zone, `settings` are the Account's;
    `pictures` may be sent, and `undecided` wait for somebody to say so.
    """

    now: datetime
    settings: Mapping[str, Any]
    chapter: Chapter | None
    masks: Masks
    values: tuple[Known, ...]
    pictures: tuple[Picture, ...] = ()
    undecided: int = 0

    @property
    def words(self) -> str:
        """What the Account asks of its guide."""
        return str(self.settings.get(WORDS) or "")


Made = tuple[Conversation | GuideReply, Masking]
"""The conversation to be sent, or the preview that comes first, and what was masked on the way."""


def made(asked: Asked, found: Found) -> Made:
    return previewed(asked, found) if must_preview(asked, found) else rendered(asked, found)


def weight(asked: Asked, found: Found) -> int:
    """About how many characters have to be masked."""
    told = found.chapter.messages[-1].covers if found.chapter is not None else {}
    intake, notes = asked.session.intake, asked.history.notes[_count(told.get("notes")) :]
    texts = [t for note in notes for t in (note.text, note.log_digest)]
    texts += [
        s.outcome.text for s in asked.history.steps if s.outcome and s.number > _count(told.get("steps"))
    ]
    if found.chapter is None:
        texts += [intake.text, intake.log_digest]
    if asked.ticket is not None and asked.ticket.id != told.get("ticket"):
        texts += [asked.ticket.description or "", *(note.text for note in asked.ticket.notes)]
    return sum(map(len, texts))


def _count(told: object) -> int:
    return told if isinstance(told, int) else 0


def rendered(asked: Asked, found: Found) -> tuple[Conversation, Masking]:
    """The conversation with what is new in it at its end; as it is where the same was told already and not answered."""
    masking = Masking(found.masks, found.values)
    conversation = _so_far(asked, found, masking)
    flow, _ = followed(asked.history, asked.flows, asked.base)
    told = conversation.told.covers
    new = news(asked.history, asked.ticket, flow, told, found.pictures)
    if conversation.unanswered and (told.get(TURN) == asked.turn or _same(new.covers, told)):
        return conversation, masking
    state = state_of(asked.history, asked.flows, asked.base, found.now)
    blocks, covers = user_turn(new, state, conversation.tag, masking)
    covers = {**covers, TURN: asked.turn, MASKS: len(masking.masks)}
    spoken = conversation.saying("user", blocks, covers)
    if conversation.fresh or spoken.tokens() <= COMPACT_ABOVE:
        return spoken, masking
    return _compacted(asked, found, masking, conversation).saying("user", blocks, covers), masking


def _so_far(asked: Asked, found: Found, masking: Masking) -> Conversation:
    if found.chapter is None:
        return _begun(asked, found, masking, 1)
    conversation = stored(found.chapter)
    named = conversation.told.covers.get(MASKS)
    if isinstance(named, int) and named > len(found.masks):
        # The vault has expired: nobody knows any more what the placeholders in it stand for.
        return _begun(asked, found, masking, conversation.number + 1)
    return conversation


def _begun(asked: Asked, found: Found, masking: Masking, number: int) -> Conversation:
    flow, _ = followed(asked.history, asked.flows, asked.base)
    tag = secrets.token_hex(4)
    text = snapshot(asked.history, asked.ticket, flow, tag, masking, found.words)
    covers = {**told_at_start(asked.history, asked.ticket, flow), TAG: tag}
    return begun(number, system_blocks(text), covers)


def _compacted(asked: Asked, found: Found, masking: Masking, long: Conversation) -> Conversation:
    flow, _ = followed(asked.history, asked.flows, asked.base)
    tag = long.tag
    said = long.pieces[1:]
    short = compacted(asked.history, asked.ticket, flow, tag, masking, said, found.words)
    # What follows the last of them is kept too, so the same pieces are found by their place at the end.
    kept: Sequence[Piece] = said[len(said) - len(short.kept) :]
    return begun(long.number + 1, system_blocks(short.snapshot), {**short.covers, TAG: tag}, kept)


def _same(new: Json, told: Json) -> bool:
    return all(told.get(name) == value for name, value in new.items())


def pictures_of(piece: Piece) -> tuple[UUID, ...]:
    """The pictures that a message brings."""
    if piece.role != "user" or '"picture"' not in piece.content:
        return ()
    blocks = json.loads(piece.content)
    return tuple(UUID(str(block["id"])) for block in blocks if block.get("type") == "picture")


def previewed(asked: Asked, found: Found) -> tuple[GuideReply, Masking]:
    """The Step that shows what would be masked, worked out as for the real thing."""
    _, masking = rendered(asked, found)
    texts = preview.pasted(asked.history)
    begins = preview.excerpt(masking(clean(texts[0][:20_000]))) if texts else ""
    again = asked.wish is not None and bool(asked.wish.also)
    log = preview.holds_a_log(asked.history)
    return preview.proposed(
        asked.history, Showing(masking.counts(), begins, log, found.undecided, again)
    ), masking


def must_preview(asked: Asked, found: Found) -> bool:
    """Pasted text before the first call that nobody has agreed to, and every picture that nobody has decided about."""
    if found.undecided or (asked.wish is not None and asked.wish.also):
        return True
    agreed = asked.session.stand.get(preview.AGREED)
    return found.chapter is None and not agreed and bool(preview.pasted(asked.history))
