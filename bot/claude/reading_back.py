"""What was read in a screenshot, and what became of it: kept beside the picture once a person said that it is right.

The first picture of a Session asks whether the model may see it (`preview`); later ones follow what was chosen then. What
the model reads in one it asks back (`engine.guide`), and the Step that asks names the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from bot.claude.conversation import Conversation
from bot.claude.rendering import pictures_of
from engine.events import GuideReply
from engine.guide import RIGHT
from engine.history import History
from engine.ports import Answered
from engine.session import Step
from storage.store import Unit

IN = "saw_in"
"""In the stand of a Step that asks what was read: the ids of the pictures it was read in."""


def unread(conversation: Conversation) -> tuple[UUID, ...]:
    """The pictures that no answer which held has read: also of messages before the last one, where the model was away."""
    found: tuple[UUID, ...] = ()
    sent_back = False
    for piece in reversed(conversation.pieces[1:]):
        if piece.role == "assistant" and not sent_back:
            break
        sent_back = piece.role == "user" and not piece.covers
        found = (*pictures_of(piece), *found)
    return found


def asked_of(reply: GuideReply, pictures: Sequence[UUID]) -> GuideReply:
    """The same reply; a Step that reads something back says in which pictures it was."""
    step = reply.step
    if step is None or not pictures or not isinstance(step.stand.get("saw"), str):
        return reply
    stand = {**step.stand, IN: [str(each) for each in pictures]}
    return replace(reply, step=replace(step, stand=stand))


def remembering(record: History, answered: Answered) -> Answered:
    """With the next Step it is remembered whether the last one's reading was right; a wrong one is forgotten."""
    read = _read(record.session.current)
    if read is None:
        return answered
    (saw, pictures), before = read, answered.save

    async def save(unit: Unit) -> None:
        if before is not None:
            await before(unit)
        for each in pictures:
            await unit.pictures.keep_saw(each, saw)

    return replace(answered, save=save)


def _read(step: Step | None) -> tuple[str, tuple[UUID, ...]] | None:
    """What is to be kept as read, and of which pictures; None where the last Step did not ask or is not answered."""
    if step is None or step.outcome is None or not step.counts:
        return None
    saw, pictures = step.stand.get("saw"), step.stand.get(IN)
    if not isinstance(saw, str) or not isinstance(pictures, list | tuple):
        return None
    right = step.outcome.option == RIGHT.id
    return saw if right else "", tuple(UUID(str(each)) for each in pictures)
