"""A slow Guide, a platform that only takes notes, and a Session whose next Step is being worked out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from bot.live import Keep, Pace, Sign, Watched, Watching
from engine.effects import Lane
from engine.events import (
    Event,
    GuideReply,
    StepAnswered,
)
from engine.history import History
from engine.ports import Answered, Live
from engine.psa import Ticket
from storage.places import Place
from storage.store import Store, Unit
from tests.fakes import FakeGuide, Office, Room, question, room

AT_ONCE = Pace(shown=0.0, look=0.01, after_failure=0.01)


class SlowGuide(FakeGuide):
    """Says `first` and then thinks until it is told to go on; `cancelled` counts the calls that were ended early."""

    def __init__(self, first: str = "The log ") -> None:
        super().__init__()
        self.first = first
        self.asked, self.go_on, self.ended_early = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.cancelled = 0
        self.stubborn: Exception | None = None
        self.answers_anyway = False

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered:
        self.calls += 1
        self.asked.set()
        try:
            await live.say(self.first)
            await self.go_on.wait()
            await live.say("says why.")
        except asyncio.CancelledError:
            self.cancelled += 1
            self.ended_early.set()
            if self.stubborn is not None:
                raise self.stubborn from None
            if not self.answers_anyway:
                raise
        if self.fails:
            raise self.fails.pop(0)
        return Answered(GuideReply(question(len(history.done) + 1)))


@dataclass
class FakeSign:
    """Keeps what it was given; `breaks` fails at every call, `stuck` is waited for at the end."""

    place: Place
    watched: Watched
    keep: Keep
    texts: list[str] = field(default_factory=list)
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    ended: int = 0
    breaks: bool = False
    stuck: asyncio.Event | None = None

    async def draw(self, elapsed: float, text: str) -> float:
        assert elapsed >= 0
        self.texts.append(text)
        self.drawn.set()
        if self.breaks:
            raise ConnectionError("the platform is away")
        return 0.01

    async def end(self) -> None:
        if self.stuck is not None:
            await self.stuck.wait()
        self.ended += 1
        if self.breaks:
            raise ConnectionError("the platform is away")


@dataclass
class FakeLives:
    signs: list[FakeSign] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    not_yet: int = 0
    breaks: bool = False
    stuck: asyncio.Event | None = None

    def begin(self, place: Place, watched: Watched, keep: Keep) -> Sign | None:
        if self.not_yet:
            self.not_yet -= 1
            return None
        sign = FakeSign(place, watched, keep, breaks=self.breaks, stuck=self.stuck)
        self.signs.append(sign)
        self.begun.set()
        return sign

    async def shown(self) -> FakeSign:
        async with asyncio.timeout(10):
            await self.begun.wait()
            await self.signs[-1].drawn.wait()
        return self.signs[-1]


@dataclass
class Scene:
    """A Session of Anna's in a Slack thread whose Step 1 she answered; the Guide is slow about the next one."""

    office: Office
    session: UUID
    guide: SlowGuide
    lives: FakeLives
    watching: Watching
    work: Room

    def deliver(self) -> asyncio.Task[int]:
        return asyncio.create_task(self.work.desk.deliver(self.office.account, self.session, Lane.WORK))

    async def asked(self) -> asyncio.Task[int]:
        """The call, under way."""
        task = self.deliver()
        async with asyncio.timeout(10):
            await self.guide.asked.wait()
        return task

    async def happens(self, event: Event) -> None:
        """In another worker."""
        await self.office.apply(room(self.office).desk, self.session, event)

    async def owed(self) -> list[str]:
        return [state for verb, state in await self.office.owed(self.session) if verb == "AskGuide"]


async def scene(place: Office, pace: Pace = AT_ONCE, lives: FakeLives | None = None) -> Scene:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        await unit.accounts.add_identity(place.anna.id, "slack", "T1", f"U{session.hex[:8]}")
        await unit.places.ensure("thread", "slack", "T1", f"C{session.hex[:8]}", "17.1", session)
    shown, guide = lives or FakeLives(), SlowGuide()
    watching = Watching(place.store, {"slack": shown}, pace)
    work = room(place, guide=guide, live=watching)
    made = Scene(place, session, guide, shown, watching, work)
    await made.happens(StepAnswered(place.anna, 1, option="yes"))
    return made


async def done(task: asyncio.Task[int]) -> int:
    async with asyncio.timeout(10):
        return await task


class Held:
    """A store that is not asked before `gate` is open."""

    def __init__(self, store: Store, gate: asyncio.Event) -> None:
        self._store = store
        self._gate = gate

    @asynccontextmanager
    async def transaction(self, account: UUID) -> AsyncIterator[Unit]:
        await self._gate.wait()
        async with self._store.transaction(account) as unit:
            yield unit


class Broken:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_twice = asyncio.Event()

    def transaction(self, account: UUID) -> None:
        self.asked += 1
        if self.asked == 2:
            self.asked_twice.set()
        raise ConnectionError(f"no database for {uuid4()}")
