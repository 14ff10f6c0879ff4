"""A Session's conversation as it is stored, and the request that is made of it: the same bytes each time."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from engine.guide_prompt import estimate
from engine.session import Json
from storage.conversations import Chapter, Piece, fit

TAG = "tag"
TURN = "turn"
MASKS = "masks"
TOKENS = "tokens"
"""What this room adds to the `covers` of message 0 (tag), of a user message (turn, masks) and of an answer (tokens)."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One chapter in order; message 0 is the system. `fresh` are those that are not stored yet."""

    number: int
    pieces: tuple[Piece, ...]
    fresh: int = 0

    @property
    def tag(self) -> str:
        return str(self.pieces[0].covers.get(TAG) or "")

    @property
    def upto(self) -> int:
        return self.pieces[-1].number

    @property
    def told(self) -> Piece:
        """The message that says what was told last: a user's, or the system."""
        return next(p for p in reversed(self.pieces) if p.role != "assistant" and p.covers)

    @property
    def unanswered(self) -> bool:
        return self.pieces[-1].role == "user"

    @property
    def repaired(self) -> bool:
        """Whether the model was asked to put its answer right, and nothing was said since."""
        return self.unanswered and not self.pieces[-1].covers

    @property
    def new(self) -> tuple[Piece, ...]:
        return self.pieces[len(self.pieces) - self.fresh :]

    def tokens(self) -> int:
        """About how long its prompt is: as the vendor counted the last one, and what was said since."""
        length = 0
        for piece in reversed(self.pieces):
            counted = piece.covers.get(TOKENS)
            if isinstance(counted, int):
                return counted + length
            length += estimate(piece.content)
        return length

    def kept(self, pieces: int) -> Conversation:
        """So many more of the fresh ones were stored."""
        return replace(self, fresh=self.fresh - pieces)

    def saying(self, role: str, blocks: Sequence[Json], covers: Json | None = None) -> Conversation:
        content = fit(json.dumps(list(blocks), ensure_ascii=False, separators=(",", ":")))
        piece = Piece(self.upto + 1, role, content, covers or {})
        return replace(self, pieces=(*self.pieces, piece), fresh=self.fresh + 1)


def stored(chapter: Chapter) -> Conversation:
    return Conversation(chapter.number, chapter.messages)


def begun(number: int, system: Sequence[Json], covers: Json, kept: Sequence[Piece] = ()) -> Conversation:
    """A new chapter, nothing of it stored; `kept` goes on in it word for word."""
    content = fit(json.dumps(list(system), ensure_ascii=False, separators=(",", ":")))
    first = Piece(0, "system", content, covers)
    moved = (replace(piece, number=at) for at, piece in enumerate(kept, start=1))
    pieces = (first, *(_uncounted(piece) for piece in moved))
    return Conversation(number, pieces, len(pieces))


def _uncounted(piece: Piece) -> Piece:
    """What the vendor counted belongs to the chapter before."""
    return replace(piece, covers={name: v for name, v in piece.covers.items() if name != TOKENS})


def answer_blocks(raw: str) -> list[Json]:
    """The model's own words as they came; the vendor takes no empty ones back."""
    return [{"type": "text", "text": raw if raw.strip() else "{}"}]


# ── The request ─────────────────────────────────────────────────────────────────────────────────────────────


def pictures_in(conversation: Conversation) -> tuple[UUID, ...]:
    """The pictures it names, whose bytes are put in when it is sent."""
    if not any('"picture"' in piece.content for piece in conversation.pieces):
        return ()
    found = (b.get("id") for p in conversation.pieces[1:] for b in json.loads(p.content) if _is_picture(b))
    return tuple(UUID(str(each)) for each in found)


def request(
    conversation: Conversation, pictures: Mapping[UUID, tuple[str, bytes]], *, cache: bool
) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
    """System and messages as they are sent. `pictures`: media type and bytes; one that is gone is said to be.

    Without the cache nothing is marked for it, and nothing else changes.
    """
    system = json.loads(conversation.pieces[0].content)
    if not cache:
        system = [{name: v for name, v in block.items() if name != "cache_control"} for block in system]
    messages = tuple(
        {
            "role": piece.role,
            "content": [_sent(block, pictures) for block in json.loads(piece.content)],
        }
        for piece in conversation.pieces[1:]
    )
    return tuple(system), messages


def _is_picture(block: Json) -> bool:
    return block.get("type") == "picture"


def _sent(block: Json, pictures: Mapping[UUID, tuple[str, bytes]]) -> Json:
    if not _is_picture(block):
        return block
    found = pictures.get(UUID(str(block["id"])))
    if found is None:
        return {"type": "text", "text": "(The picture is no longer there.)"}
    media_type, content = found
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode("ascii")}
    return {"type": "image", "source": source}
