"""A Session at its end or handed over, whose texts the practice model words over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from bot.claude.breaker import Breaker
from bot.claude.calls import Schedule
from bot.claude.opening import Rules
from bot.claude.writer import ClaudeWriter, Patience
from demo.model import PracticeModel, practice_model
from engine.clients.claude import Claude
from engine.effects import Lane, Owed
from engine.events import Event
from engine.history import History
from engine.model import Model, Purpose, Usage
from engine.performing import Work
from engine.posting import Posting
from engine.psa import Configuration, Contact, Ticket
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Manner,
    Option,
    Outcome,
    Session,
    Status,
    Step,
    StepKind,
    Target,
)
from storage.conversations import CallRow
from storage.store import Store
from tests.fakes import VAULT, FakeDoor, FakeGuide, Office, RecordingPerformer, Room, Stopwatch, move_in, room

SOON = Schedule(handed=5.0, patience=2.0, saving=(0.01,))
PATIENT = Patience({purpose: seconds and 30.0 for purpose, seconds in Patience().limits.items()})
"""A busy machine is no slow model."""
ANSWERS = (Option("fixed", "Fixed"), Option("no_change", "No change"), Option("yes", "Yes"))
TICKET = Ticket(
    4711,
    "Jane Doe cannot print upstairs",
    contact=Contact(9, "Jane Doe", None, "jdoe@contoso.example"),
    configurations=(Configuration(2, "WS-JDOE01"),),
)
SECRET = "Winter2026!"
CAUSE = "Broken driver"


@dataclass
class Scene:
    """One worker with its own writer; `other()` is a worker that comes after it."""

    place: Office
    practice: PracticeModel
    model: Model
    rules: Rules = field(default_factory=Rules)
    patience: Patience = PATIENT
    watch: Stopwatch = field(default_factory=Stopwatch)
    session: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        store, door = self.place.store, FakeDoor()
        self.breaker = Breaker(self.watch)
        self.writer = ClaudeWriter(store, self.model, self.rules, self.patience, self.breaker, SOON)
        self.guide = FakeGuide()
        work = Work(
            store,
            self.guide,
            door,
            Posting(store, door, Stopwatch()),
            RecordingPerformer(),
            writer=self.writer,
        )
        self.room: Room = room(self.place, guide=self.guide, work=work)

    def other(self, **changed: Any) -> Scene:
        return replace(self, watch=Stopwatch(), **changed)

    # ── What happens ──────────────────────────────────────────────────────────────────────────────────────────

    async def stuck(self, **changed: Any) -> Session:
        """Three Steps were done, one could not be, and help was asked for."""
        asked = Escalation(
            self.place.anna.id,
            datetime.now(UTC),
            "Out of ideas",
            Target(),
            blockers="no firewall rights",
            promised="call Jane Doe back by five",
        )
        given = {
            "status": Status.REQUESTING_ESCALATION,
            "escalation": asked,
            "hypotheses": (
                Hypothesis(CAUSE, evidence=(Fact("Only Jane cannot print", 1),)),
                Hypothesis("Paper jam", HypothesisState.RULED_OUT),
            ),
            **changed,
        }
        return await self.put(
            self.step(1, "Who cannot print?", said="Only Jane cannot print", kind=StepKind.QUESTION),
            replace(self.step(2, "Power cycle the printer", "no_change"), ruled_out=("Paper jam",)),
            self.step(3, f"Restart the print spooler of WS-JDOE01 with password: {SECRET}", "no_change"),
            self.step(4, "Open the firewall", said="no rights", manner=Manner.CANNOT_DO),
            **given,
        )

    async def nearly_done(self) -> Session:
        """Restarting the spooler helped, and the Guide asks whether it is solved."""
        ends = Step(
            3,
            StepKind.RESOLUTION_SUGGESTION,
            "Did the user confirm that it works?",
            datetime.now(UTC),
            options=(Option("fixed", "Yes, it works"), Option("not_fixed", "Not yet")),
        )
        return await self.put(
            self.step(1, "Restart the print spooler of WS-JDOE01", "fixed"),
            self.step(2, "Print a test page", "yes", kind=StepKind.VERIFICATION),
            ends,
        )

    def step(
        self,
        number: int,
        text: str,
        option: str | None = None,
        said: str = "",
        kind: StepKind = StepKind.ACTION,
        manner: Manner = Manner.ANSWERED,
    ) -> Step:
        at = datetime.now(UTC)
        outcome = Outcome(manner, said, self.place.anna.id, at, option)
        return Step(number, kind, text, at, options=ANSWERS, outcome=outcome)

    async def put(self, *steps: Step, **changed: Any) -> Session:
        async with self.place.store.transaction(self.place.account) as unit:
            base = Session(
                self.session,
                self.place.account,
                self.place.anna.id,
                Intake(IntakeType.FREE_TEXT, "Jane cannot print since this morning"),
                Status.ACTIVE,
                unit.now,
                unit.now,
                ticket_id=TICKET.id,
                ticket=TICKET.to_json(),
                step_count=len(steps),
                current=steps[-1],
                touched=steps,
            )
            await unit.sessions.save(None, replace(base, **changed))
        return await self.now()

    async def owes(self, effect: Owed) -> Session:
        """The effect is owed and delivered, with all that is due after it."""
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.outbox.owe(self.session, (effect,))
        return await self.deliver()

    async def deliver(self) -> Session:
        async with asyncio.timeout(30):
            await self.room.desk.deliver(self.place.account, self.session, Lane.WORK)
        for what, failure in self.room.trouble.noted:
            raise AssertionError(what) from failure
        return await self.now()

    async def happens(self, event: Event) -> Session:
        await self.place.apply(self.room.desk, self.session, event)
        return await self.deliver()

    # ── What is there ─────────────────────────────────────────────────────────────────────────────────────────

    async def now(self) -> Session:
        return await self.place.session(self.session)

    async def history(self) -> History:
        async with self.place.store.transaction(self.place.account) as unit:
            found: History | None = await unit.sessions.history(self.session)
        assert found is not None
        return found

    async def calls(self, purpose: Purpose | None = None) -> tuple[CallRow, ...]:
        async with self.place.store.transaction(self.place.account) as unit:
            found = await unit.conversations.of_session(self.session)
        return tuple(call for call in found if purpose in (None, call.purpose))

    async def totals(self) -> Usage:
        [row] = await self.place.rows(
            "select total_input_tokens, total_cache_read_tokens, total_cache_write_tokens, total_output_tokens"
            " from ai_sessions where id = :s",
            s=self.session,
        )
        return Usage(*row)

    def prompts(self) -> list[str]:
        """Everything that was sent, as text."""
        return [entry.raw.decode() for entry in self.practice.asked]

    def answers(self, purpose: Purpose, answer: dict[str, Any], when: str = "") -> None:
        """What the practice model says to each request for such a text."""
        self.practice.script(answer, when=when, purpose=purpose.value)


@asynccontextmanager
async def writing(url: str, **more: Any) -> AsyncIterator[Scene]:
    store = Store(url, VAULT, pool_size=6)
    async with practice_model() as practice:
        model = Claude(practice.key, base_url=practice.url, now=lambda: datetime.now(UTC))
        await model.open()
        scene = Scene(await move_in(store), practice, model, **more)
        try:
            yield scene
        finally:
            await scene.writer.close()
            await model.close()
            await store.close()


def says(text: str, *cites: int) -> dict[str, Any]:
    return {"text": text, "cites": list(cites)}


def package(**parts: Any) -> dict[str, Any]:
    return {"situation": [], "background": [], "assessment": [], "recommendation": [], **parts}
