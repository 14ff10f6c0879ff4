"""Understands what came in: each platform's reader says who did what, and this says what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bot import saying, verbs
from bot.inbound import Inbound
from bot.voices import UNOPENED
from engine.effects import Show
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
        acts = await (saying.acts(inbound) if inbound.kind == "say" else verbs.acts(inbound))
        answers = (inbound.person.id, inbound.via) if inbound.via else None
        return [_opening(inbound, replace(act, answers=answers)) for act in (*acts, *inbound.also)]

    async def fetch(self, received: Received, wanted: object) -> object:
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


def _opening(inbound: Inbound, act: Act) -> Act:
    """A Session lives where it was started; its first message opens the thread there."""
    if inbound.home is None or not isinstance(act.event, SessionStarted):
        return act
    platform, workspace, channel = inbound.home
    session_id = act.event.session_id
    thread = str(session_id) if platform == "console" else f"{UNOPENED}{session_id}"

    async def save(unit: Unit) -> None:
        await unit.places.ensure("thread", platform, workspace, channel, thread, session_id)

    return replace(act, save=save)
