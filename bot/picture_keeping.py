"""Keeps the pictures of a message with the Session it belongs to, once each, in the transaction of what it says."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from bot import pictures
from bot.inbound import Inbound
from bot.pictures import Prepared, Sorted
from bot.words import say
from engine.effects import Tell
from engine.events import EvidenceAdded, SessionStarted
from engine.intake import Attachment
from engine.ports import Act, Fetch, Received, Save
from engine.session import OPEN
from storage.store import Unit

MOST_OF_A_SESSION = 20
ASIDE = "picture"
"""The kind of draft in which a picture waits for a choice, one in each."""


@dataclass(frozen=True, slots=True)
class WantsPictures:
    """These files' pictures, prepared while no transaction is open: it takes longer than one may stand still."""

    files: tuple[Attachment, ...]


async def prepare(wanted: WantsPictures) -> Sorted:
    return await asyncio.to_thread(pictures.sort, wanted.files)


async def with_pictures(received: Received, inbound: Inbound) -> Inbound:
    """The same with its pictures prepared; why others are not taken goes with it. Raises Fetch."""
    if not any(pictures.is_picture(file) for file in inbound.files):
        return inbound
    wanted = WantsPictures(inbound.files)
    if wanted not in received.fetched:
        raise Fetch(wanted)
    found: Sorted = await _within(inbound, received.fetched[wanted])
    told = tuple(Tell(to=inbound.person.id, what=f"file:{why}") for why in found.refused)
    also = (*inbound.also, Act(inbound.person.id, effects=told)) if told else inbound.also
    return replace(inbound, files=found.files, pictures=found.pictures, also=also)


async def _within(inbound: Inbound, found: Sorted) -> Sorted:
    """Without those for which the Session has no room left."""
    if inbound.session is None or not found.pictures:
        return found
    known = await _known(inbound.unit, inbound.session.id)
    new = [each for each in found.pictures if picture_id(inbound.session.id, each) not in known]
    over = new[max(0, MOST_OF_A_SESSION - len(known)) :]
    if not over:
        return found
    return pictures.without(found, over, say("picture.full", most=MOST_OF_A_SESSION, count=len(over)))


async def is_copy(inbound: Inbound) -> bool:
    """Whether nothing came but pictures that its Session has: where we are mentioned a message comes twice."""
    if inbound.session is None or inbound.text.strip() or not inbound.pictures or inbound.kind != "say":
        return False
    known = await _known(inbound.unit, inbound.session.id)
    named = {each.key.encode() for each in inbound.pictures}
    only = all(file.content in named for file in inbound.files)
    return only and all(picture_id(inbound.session.id, each) in known for each in inbound.pictures)


async def _known(unit: Unit, session_id: UUID) -> set[UUID]:
    return {each.id for each in await unit.pictures.of_session(session_id)}


def picture_id(session_id: UUID, picture: Prepared) -> UUID:
    """The same file in the same Session is the same picture, however often and by whatever way it comes."""
    return uuid5(session_id, picture.key)


def keeping(inbound: Inbound, act: Act) -> Act:
    """The event that the pictures came with saves them too."""
    if not inbound.pictures or not isinstance(act.event, SessionStarted | EvidenceAdded):
        return act
    return also_saving(act, _save(act.subject, inbound.person.id, inbound.pictures))


def also_saving(act: Act, save: Save) -> Act:
    """The act with one more thing to remember, after those it has."""
    before = act.save

    async def both(unit: Unit) -> None:
        if before is not None:
            await before(unit)
        await save(unit)

    return replace(act, save=both)


def _save(session_id: UUID, by: UUID, found: Sequence[Prepared]) -> Save:
    async def save(unit: Unit) -> None:
        session = await unit.sessions.get(session_id)
        if session is None or session.status not in OPEN:
            return  # what was refused leaves nothing behind
        for number, each in enumerate(found):
            await unit.pictures.add(
                session_id,
                by,
                each.name,
                each.media_type,
                each.width,
                each.height,
                each.content,
                link=each.link,
                picture_id=picture_id(session_id, each),
                number=number,
            )

    return save


# ── Until somebody has chosen ───────────────────────────────────────────────────────────────────────────────


async def put_aside(inbound: Inbound) -> list[str]:
    """Each picture as a draft of its own, so that the words' draft stays small; their ids."""
    kept = [
        await inbound.unit.drafts.keep(inbound.person.id, ASIDE, _to_json(each)) for each in inbound.pictures
    ]
    return [str(draft_id) for draft_id in kept]


def brought_back(session_id: UUID, by: UUID, drafts: Sequence[str]) -> Save | None:
    """Keeps what was put aside with the Session that was chosen; None where nothing was."""
    if not drafts:
        return None

    async def save(unit: Unit) -> None:
        found = [await unit.drafts.get(UUID(each), by) for each in drafts]
        await _save(session_id, by, [_from_json(each) for each in found if each is not None])(unit)

    return save


def _to_json(picture: Prepared) -> dict[str, Any]:
    return {
        "name": picture.name,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "content": base64.b64encode(picture.content).decode("ascii"),
        "key": picture.key,
        "link": picture.link,
    }


def _from_json(stored: dict[str, Any]) -> Prepared:
    return Prepared(**{**stored, "content": base64.b64decode(stored["content"])})
