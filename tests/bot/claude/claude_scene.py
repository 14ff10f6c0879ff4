"""A Session whose Guide asks the practice model over HTTP, with the real desk and database around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from bot.claude.breaker import Breaker
from bot.claude.calls import Schedule
from bot.claude.guide import ClaudeGuide
from bot.claude.opening import Rules
from bot.guiding import OfflineGuide
from bot.live import Pace, Watching
from demo.model import PracticeModel, practice_model
from demo.model_room import Entry
from engine.clients.claude import Claude
from engine.effects import Lane
from engine.events import Event, EvidenceAdded, SessionStarted, StepAnswered
from engine.history import History
from engine.model import Model, Usage
from engine.session import Intake, IntakeType, Session, Step
from storage.conversations import CallRow
from storage.library import Libraries
from storage.store import Store
from tests.fakes import VAULT, FakeGuide, Office, Room, Stopwatch, move_in, room

ODD = "Something odd happens on this machine and nobody knows why, zq"
SOON = Schedule(
    waits=(0.01, 0.01, 0.02), jitter=0.0, busiest=2.0, longest=5.0, handed=5.0, patience=2.0, saving=(0.01,)
)
QUICK = Rules(seconds=60.0, silence=20.0)
LOOKS = Pace(shown=60.0, look=0.02)


@dataclass
class Scene:
    """One worker with its own guide; `other()` is a worker that comes after it."""

    place: Office
    practice: PracticeModel
    model: Model
    libraries: Libraries
    rules: Rules = QUICK
    schedule: Schedule = SOON
    watch: Stopwatch = field(default_factory=Stopwatch)
    session: UUID = field(default_factory=uuid4)
    store: Store | None = None

    def __post_init__(self) -> None:
        store = self.store or self.place.store
        self.guide = ClaudeGuide(
            OfflineGuide(store, self.libraries),
            store,
            self.model,
            self.rules,
            self.schedule,
            Breaker(self.watch),
        )
        self.work: Room = room(self.place, guide=cast(FakeGuide, self.guide), live=Watching(store, {}, LOOKS))

    def other(self, **changed: Any) -> Scene:
        """Another process on the same database, with the same Session."""
        return replace(self, watch=Stopwatch(), **changed)

    # ── What happens ──────────────────────────────────────────────────────────────────────────────────────────

    async def happens(self, event: Event) -> None:
        await self.place.apply(self.work.desk, self.session, event)

    async def start(self, text: str = ODD, *, digest: str = "", images: Sequence[str] = ()) -> Step:
        kind = IntakeType.LOG_PASTE if digest else IntakeType.FREE_TEXT
        intake = Intake(kind, text, tuple(images), log_digest=digest)
        await self.happens(SessionStarted(self.session, self.place.account, self.place.anna, intake))
        return await self.deliver()

    async def answer(self, text: str = "", option: str | None = None) -> Step:
        await self.says(text, option)
        return await self.deliver()

    async def says(self, text: str = "", option: str | None = None) -> None:
        """The answer to the Step on the table, without what follows."""
        number = (await self.now()).step_count
        await self.happens(StepAnswered(self.place.anna, number, option=option, text=text))

    async def adds(self, text: str, digest: str = "") -> Step:
        await self.happens(EvidenceAdded(self.place.anna, text, log_digest=digest))
        return await self.deliver()

    async def deliver(self) -> Step:
        """What the work lane owes, and the Step that is on the table then."""
        async with asyncio.timeout(30):
            await self.work.desk.deliver(self.place.account, self.session, Lane.WORK)
        for what, failure in self.work.trouble.noted:
            raise AssertionError(what) from failure
        return await self.step()

    def delivering(self) -> asyncio.Task[int]:
        return asyncio.create_task(self.work.desk.deliver(self.place.account, self.session, Lane.WORK))

    # ── What is there ─────────────────────────────────────────────────────────────────────────────────────────

    async def now(self) -> Session:
        return await self.place.session(self.session)

    async def step(self) -> Step:
        step = (await self.now()).current
        assert step is not None, [str(failure) for _, failure in self.work.trouble.noted]
        return step

    async def history(self) -> History:
        async with self.place.store.transaction(self.place.account) as unit:
            found = await unit.sessions.history(self.session)
        assert found is not None
        return found

    async def calls(self) -> tuple[CallRow, ...]:
        async with self.place.store.transaction(self.place.account) as unit:
            return await unit.conversations.of_session(self.session)

    async def transcript(self) -> list[tuple[str, str, str]]:
        """What a person sees of the Session: each Step with its answer."""
        return [(s.text, s.result, s.guide) for s in (await self.history()).steps]

    async def spent(self) -> Usage:
        total = Usage()
        for call in await self.calls():
            total += call.usage
        return total

    @property
    def asked(self) -> list[Entry]:
        return self.practice.asked

    def prompts(self) -> list[str]:
        """Everything that was sent, as text."""
        return [entry.raw.decode() for entry in self.asked]


def told(entry: Entry) -> Usage:
    usage = entry.usage
    return Usage(usage.input, usage.read, usage.written, usage.output)


def said(**fields: Any) -> dict[str, Any]:
    """A whole answer of the model, for its script."""
    whole: dict[str, Any] = {
        "say": "Who else is affected?",
        "kind": "question",
        "why": "One person or many point to different causes.",
        "rests_on": "intake",
        "say_to_user": "",
        "options": [
            {"label": "Only this user", "means": "yes"},
            {"label": "Several users", "means": "no"},
        ],
        "script": {"language": "", "text": "", "risk": "", "rollback": ""},
        "facts": [],
        "ruled_out": [],
        "hypotheses": [],
        "confidence": 30,
        "problem_summary": "",
        "problem_domain": "",
        "flow": {"move": "none", "node": "", "reason": ""},
        "saw": "",
        "asks_interface": False,
    }
    return {**whole, **fields}


def asks(text: str, **fields: Any) -> dict[str, Any]:
    return said(say=text, **fields)


def steps(*texts: str) -> list[dict[str, Any]]:
    first = {"problem_summary": "Something odd on one machine", "problem_domain": "endpoint"}
    return [asks(text, **(first if at == 0 else {})) for at, text in enumerate(texts)]


@asynccontextmanager
async def acted(
    url: str, libraries: Libraries | None = None, rules: Rules = QUICK, schedule: Schedule = SOON, **more: Any
) -> AsyncIterator[Scene]:
    """An Account, the practice model and one worker. `more` goes to the Scene."""
    store = Store(url, VAULT, pool_size=6)
    async with practice_model() as practice:
        model = Claude(practice.key, base_url=practice.url, now=lambda: datetime.now(UTC))
        scene = Scene(
            await move_in(store), practice, model, libraries or Libraries((), ()), rules, schedule, **more
        )
        try:
            yield scene
        finally:
            await scene.guide.close()
            await model.close()
            await store.close()


async def ahead(scene: Scene, by: timedelta) -> None:
    """Time goes by for the database and for the vendor."""
    scene.place.store.offset += by
    scene.practice.clock.forward(by.total_seconds())


def shared(first: bytes, then: bytes) -> tuple[list[Any], list[Any]]:
    """The messages of two requests."""
    return json.loads(first)["messages"], json.loads(then)["messages"]
