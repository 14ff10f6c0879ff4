"""Starts a Session from what a person gave, after a look at who already works on the same ticket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from bot.inbound import Inbound
from bot.picture_keeping import also_saving, brought_back, put_aside
from engine.effects import Show, Tell
from engine.events import SessionStarted
from engine.inheriting import inherited
from engine.intake import Reading
from engine.ports import Act, Save
from engine.session import Intake, IntakeType, Session
from engine.tried import split_tried
from storage.store import Unit


async def begin(said: Inbound, reading: Reading, tried: str = "") -> Sequence[Act]:
    """Start at once, or offer what fits where the ticket has a Session already."""
    refused = tuple(Tell(to=said.person.id, what=f"file:{why}") for _, why in reading.refused)
    words, listed = _tried_in(reading.text)
    content = _content(reading, words, [*split_tried(tried), *listed])
    if not (words or reading.log or reading.images or reading.ticket_id):
        shown = Show(to=said.person.id, what="help", place=said.place.id)
        return (Act(said.person.id, effects=(*refused, shown)),)
    if reading.ticket_id and (known := await said.unit.sessions.on_ticket(reading.ticket_id)):
        draft = await _kept(said, content)
        offer = Show(
            to=said.person.id, what="duplicate_ticket", place=said.place.id, draft=draft, session=known[0]
        )
        return (Act(said.person.id, effects=(*refused, offer)),)
    return (*_told(said, refused), start(said, content))


async def keep_for_follow_up(said: Inbound, ended: Session, reading: Reading) -> Sequence[Act]:
    """Words for a Session that has ended are kept, and a follow-up that starts from them is offered."""
    refused = tuple(Tell(to=said.person.id, what=f"file:{why}") for _, why in reading.refused)
    words, listed = _tried_in(reading.text)
    content = _content(reading, words, listed)
    if reading.ticket_id is None and ended.ticket_id is not None:
        content |= {"type": IntakeType.COMBINED.value, "ticket_id": ended.ticket_id}
    draft = await _kept(said, content)
    offer = Show(
        to=said.person.id, what="duplicate_ticket", place=said.place.id, draft=draft, session=ended.id
    )
    return (Act(said.person.id, effects=(*refused, offer)),)


async def _kept(said: Inbound, content: dict[str, Any]) -> UUID:
    """The words wait for his choice, and his pictures with them."""
    whole = {**content, "pictures": await put_aside(said)}
    return await said.unit.drafts.keep(said.person.id, "start", whole)


def _told(said: Inbound, refused: tuple[Tell, ...]) -> tuple[Act, ...]:
    return (Act(said.person.id, effects=refused),) if refused else ()


def started_by(origin: str) -> UUID:
    """The id of the Session that this message starts, however often it arrives."""
    return uuid5(NAMESPACE_URL, f"flowpilot:{origin}")


def start(said: Inbound, content: dict[str, Any], parent: Session | None = None) -> Act:
    """The event that starts a Session from stored or fresh content."""
    session_id = started_by(said.origin) if said.origin else uuid4()
    intake = Intake(
        type=IntakeType(content["type"]),
        text=content["text"],
        image_urls=tuple(content["images"]),
        log_content=content["log"],
        log_digest=content["digest"],
        ticket_id=content["ticket_id"],
        tried=tuple(content["tried"]),
    )
    if said.unit.account is None:
        raise ValueError("a session starts within an account")
    before = parent.id if parent is not None else None
    stand = inherited(parent) if parent is not None else {}
    started = SessionStarted(session_id, said.unit.account, said.person, intake, before, stand=stand)
    act = Act(session_id, started, save=brought_back(session_id, said.person.id, content.get("pictures", ())))
    return also_saving(act, _handing_down(before, session_id)) if before is not None else act


def _handing_down(parent: UUID, child: UUID) -> Save:
    async def save(unit: Unit) -> None:
        await unit.masks.hand_down(parent, child)

    return save


def _content(reading: Reading, words: str, tried: Sequence[str]) -> dict[str, Any]:
    return {
        "type": reading.type,
        "text": words,
        "images": list(reading.images),
        "log": reading.log or "",
        "digest": reading.digest.as_text() if reading.digest else "",
        "ticket_id": reading.ticket_id,
        "tried": list(tried),
    }


def _tried_in(text: str) -> tuple[str, list[str]]:
    """The words without their "already tried:" part, and that part as a list."""
    low = text.casefold()
    for cue in ("already tried:", "already tried -", "tried so far:", "tried already:"):
        at = low.find(cue)
        if at >= 0:
            return text[:at].strip(), list(split_tried(text[at + len(cue) :]))
    return text, []
