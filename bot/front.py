"""Understands what came in: each platform's reader says who did what, and this says what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bot import saying, verbs
from bot.inbound import Inbound
from bot.picture_keeping import WantsPictures, also_saving, is_copy, keeping, prepare, with_pictures
from bot.voices import UNOPENED
from engine.effects import Owed, Show
from engine.events import SessionStarted
from engine.ports import Act, Fetch, Received
from storage.store import Unit

MOST_MISSING = 16


class Reader(Protocol):
    async def read(self, received: Received, unit: Unit) -> Inbound | Sequence[Act] | None:
        """What a person did, or what follows from what happened; None where nothing does. Raises Fetch."""

    async def fetch(self, received: Received, wanted: object) -> object:
        """What `read` asked for. Raises PutOff."""


class Front:
    """Reads every platform's payloads. What nobody is known for is dropped without an answer."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = readers

    async def understand(self, received: Received, unit: Unit) -> Sequence[Act]:
        inbound = await self._reader(received).read(received, unit)
        if inbound is None:
            return ()
        if not isinstance(inbound, Inbound):
            return inbound
        came = bool(inbound.files)
        inbound = _without_praise(await with_pictures(received, inbound))
        acts = await _acts(inbound, came=came)
        answers = (inbound.person.id, inbound.via) if inbound.via else None
        return [_whole(inbound, replace(act, answers=answers)) for act in (*acts, *inbound.also)]

    async def fetch(self, received: Received, wanted: object) -> object:
        if isinstance(wanted, WantsPictures):
            return await prepare(wanted)
        return await self._reader(received).fetch(received, wanted)

    async def apologise(self, received: Received, unit: Unit, error_id: str) -> Sequence[Act]:
        """Tell the person that his words could not be worked on, if he can be made out."""
        try:
            inbound = await self._without(received, unit)
        except ValueError:
            return ()
        if not isinstance(inbound, Inbound):
            return ()
        shown = Show(to=inbound.person.id, what=f"error:{error_id}", place=inbound.place.id)
        answers = (inbound.person.id, inbound.via) if inbound.via else None
        return (Act(inbound.person.id, effects=(shown,), answers=answers),)

    async def _without(self, received: Received, unit: Unit) -> Inbound | Sequence[Act] | None:
        """Who it was, as far as that can be said without what could not be fetched."""
        missing = dict(received.fetched)
        for _ in range(MOST_MISSING):
            try:
                return await self._reader(received).read(replace(received, fetched=missing), unit)
            except Fetch as wanted:
                missing[wanted.wanted] = None
        return None

    def _reader(self, received: Received) -> Reader:
        reader = self._readers.get(received.platform)
        if reader is None:
            raise ValueError(f"nobody reads {received.platform}")
        return reader


def _without_praise(inbound: Inbound) -> Inbound:
    """Where nothing of an addition could be taken, nobody says that it was kept."""
    if inbound.verb != "evidence" or inbound.files or inbound.fields.get("text", "").strip():
        return inbound
    also = tuple(act for act in inbound.also if not any(_praises(effect) for effect in act.effects))
    return replace(inbound, also=also)


def _praises(effect: Owed) -> bool:
    return isinstance(effect, Show) and effect.what == "notice:evidence_kept"


async def _acts(inbound: Inbound, *, came: bool) -> Sequence[Act]:
    """`came`: it had files. Where no picture among them could be taken and there are no words, why is all that follows."""
    if inbound.kind != "say":
        return await verbs.acts(inbound)
    if (came and not inbound.files and not inbound.text.strip()) or await is_copy(inbound):
        return ()
    return await saying.acts(inbound)


def _whole(inbound: Inbound, act: Act) -> Act:
    return keeping(inbound, _opening(inbound, act))


def _opening(inbound: Inbound, act: Act) -> Act:
    """A Session lives where it was started; its first message opens the thread there."""
    if inbound.home is None or not isinstance(act.event, SessionStarted):
        return act
    platform, workspace, channel = inbound.home
    session_id = act.event.session_id
    unopened = str(session_id) if platform == "console" else f"{UNOPENED}{session_id}"

    async def save(unit: Unit) -> None:
        place = await unit.places.ensure(
            "thread", platform, workspace, channel, inbound.home_thread or unopened, session_id
        )
        if place.session_id != session_id:  # another Session lives in that thread
            await unit.places.ensure("thread", platform, workspace, channel, unopened, session_id)

    return also_saving(act, save)
