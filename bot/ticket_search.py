"""Ticket suggestions while somebody types: one search at a time for the same words, remembered for a minute."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

from bot.words import say
from engine.note_text import one_line
from engine.ports import PsaView
from engine.psa import TicketHit

FRESH_SECONDS = 60.0
MOST_REMEMBERED = 500
MOST_AT_ONCE = 32
SHORTEST = 2
"""Letters. One alone finds half the board, but a digit may be a ticket's number."""
LABEL = 75

Found = tuple[tuple[int, str], ...]
Knows = Callable[[str, str, str], Awaitable[tuple[UUID, UUID] | None]]


class OpensPsa(Protocol):
    async def open(self, account: UUID, connection_id: UUID | None) -> PsaView: ...


class TooMany(Exception):
    """More searches are under way than the PSA should be asked at once."""


class Searching:
    """Whoever gives up waiting leaves his search running: the next letter may find it done."""

    def __init__(
        self, platform: str, knows: Knows, doors: OpensPsa, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._platform = platform
        self._knows = knows
        self._doors = doors
        self._clock = clock
        self._asked: OrderedDict[tuple[UUID, UUID | None, str], tuple[float, asyncio.Task[Found]]] = (
            OrderedDict()
        )

    async def __call__(self, team: str, user: str, words: str) -> Sequence[tuple[int, str]]:
        """Nothing for somebody unknown. His own open tickets where he typed nothing. Raises what the PSA raises."""
        # Asked each time: who has lost his access finds nothing from this moment on.
        known = await self._knows(self._platform, team, user)
        words = words.strip().lstrip("#").casefold()
        if known is None or (len(words) < SHORTEST and words and not words.isdecimal()):
            return ()
        account, person = known
        key = (account, None if words else person, words)
        began, task = self._asked.get(key, (0.0, None))
        if task is None or self._clock() - began >= FRESH_SECONDS or _failed(task):
            task = self._begin(key, account, person, words)
        return await asyncio.shield(task)

    async def close(self) -> None:
        running = [task for _, task in self._asked.values() if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _begin(
        self, key: tuple[UUID, UUID | None, str], account: UUID, person: UUID, words: str
    ) -> asyncio.Task[Found]:
        if sum(not task.done() for _, task in self._asked.values()) >= MOST_AT_ONCE:
            raise TooMany
        task = asyncio.create_task(self._find(account, person, words), name="ticket suggestions")
        task.add_done_callback(_seen)
        self._asked[key] = (self._clock(), task)
        self._asked.move_to_end(key)
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)[1][1].cancel()
        return task

    async def _find(self, account: UUID, person: UUID, words: str) -> Found:
        view = await self._doors.open(account, None)
        if view.psa is None:
            return ()
        hits: Sequence[TicketHit] = ()
        if words:
            hits = await view.psa.search(words)
        elif person in view.members:
            hits = await view.psa.my_open(view.members[person][0])
        return tuple((hit.id, _label(hit)) for hit in hits)


def _label(hit: TicketHit) -> str:
    return one_line(say("link.option", ticket=hit.id, summary=one_line(hit.summary, LABEL)), LABEL)


def _failed(task: asyncio.Task[Found]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _seen(task: asyncio.Task[Found]) -> None:
    """A failure nobody waited for was still looked at: whoever types on asks anew."""
    if not task.cancelled():
        task.exception()
