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
from engine.redact import Known, MaskKind, Masks, asked_for, stands_in, without_lookalikes
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
    """The conversation with what is new in it at its end; as it is where the same was told already and not answered.

    Where a secret that was found or asked for since stands in what was said before, a new chapter says it masked.
    """
    masking = Masking(found.masks, found.values)
    before = _so_far(asked, found, masking)
    said = _told(asked, found, masking, before)
    if not _in_clear(said, masking, _count(before.told.covers.get(MASKS))):
        return said, masking
    number = found.chapter.number + 1 if found.chapter is not None else 1
    return _told(asked, found, masking, _begun(asked, found, masking, number)), masking


def _in_clear(conversation: Conversation, masking: Masking, named: int) -> bool:
    """Whether a secret stands in it that was not known yet when it was told: all but the first `named` masks."""
    new = [each.value for each in masking.masks[named:] if each.kind is MaskKind.SECRET]
    if not new:
        return False
    blocks = (block for piece in conversation.pieces for block in json.loads(piece.content))
    # An answer of the model is text in JSON once more.
    return any(stands_in(str(block.get("text") or "").replace("\\n", "\n"), new) for block in blocks)


def _told(asked: Asked, found: Found, masking: Masking, conversation: Conversation) -> Conversation:
    flow, _ = followed(asked.history, asked.flows, asked.base)
    told = conversation.told.covers
    new = news(asked.history, asked.ticket, flow, told, found.pictures)
    if conversation.unanswered and (told.get(TURN) == asked.turn or _same(new.covers, told)):
        return conversation
    state = state_of(asked.history, asked.flows, asked.base, found.now)
    blocks, covers = user_turn(new, state, conversation.tag, masking)
    covers = {**covers, TURN: asked.turn, MASKS: len(masking.masks)}
    spoken = conversation.saying("user", blocks, covers)
    if conversation.fresh or spoken.tokens() <= COMPACT_ABOVE:
        return spoken
    return _compacted(asked, found, masking, conversation).saying("user", blocks, covers)


def _so_far(asked: Asked, found: Found, masking: Masking) -> Conversation:
    if found.chapter is None:
        return _begun(asked, found, masking, 1)
    if lost(asked, found):
        return _begun(asked, found, masking, found.chapter.number + 1)
    return stored(found.chapter)


def lost(asked: Asked, found: Found) -> bool:
    """Whether the vault has expired: nobody knows any more what the placeholders in the chapter stand for."""
    if found.chapter is None:
        return False
    known = _count(stored(found.chapter).told.covers.get(MASKS)) <= len(found.masks)
    return not known or _mark_of_loss(found.chapter) in preview.shown(asked.history)


def _mark_of_loss(chapter: Chapter) -> str:
    """What a preview is about that was shown because a vault was gone: new values may have come into it since."""
    return f"vault-{chapter.number}"


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
    conversation, masking = rendered(asked, found)
    marks, texts = waiting(asked, found)
    masked = [masking(clean(without_lookalikes(text[:20_000]))) for text in texts]
    leaves = "\n".join((*(piece.content for piece in conversation.new), *masked))
    wanted = asked_for(asked.wish.also) if asked.wish is not None else ()
    showing = Showing(
        masking.counts(leaves),
        marks,
        excerpt=preview.excerpt(masked[0]) if masked else "",
        log=preview.holds_a_log(asked.history, texts),
        pictures=found.undecided,
        again=asked.wish is not None and bool(asked.wish.also),
        wanted=len(wanted),
        missing=len([value for value in wanted if not _is_masked(value, masking, leaves)]),
        lost=lost(asked, found),
    )
    return preview.proposed(asked.history, showing), masking


def _is_masked(value: str, masking: Masking, leaves: str) -> bool:
    """Whether a value stands masked in what leaves, by itself or inside a longer one."""
    inside = (each for each in masking.masks if value.casefold() in each.value.casefold())
    return any(each.placeholder in leaves for each in inside)


def waiting(asked: Asked, found: Found) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What somebody has to agree to before the next call: the marks, and the texts among it, in order.

    Where the vault is gone, values that a person had masked are known no more: all that was agreed to is shown again.
    """
    texts = preview.unagreed(asked.history)
    marks = tuple(preview.mark(text) for text in texts)
    if found.chapter is None or not lost(asked, found):
        return marks, texts
    loss = _mark_of_loss(found.chapter)
    may = preview.agreed(asked.history)
    if loss in may or not (may or preview.shown(asked.history) or preview.AGREED in asked.session.stand):
        return marks, texts
    texts = preview.pasted(asked.history)
    return (*(preview.mark(text) for text in texts), loss), texts


def must_preview(asked: Asked, found: Found) -> bool:
    """Pasted text that nobody has agreed to, and every picture that nobody has decided about."""
    if found.undecided or (asked.wish is not None and asked.wish.also):
        return True
    return bool(waiting(asked, found)[0])
