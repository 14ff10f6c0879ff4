"""Small stand-ins for the ports, and an office to work in: one Account with three people on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from sqlalchemy import event, text

from engine.desk import Desk, Limits
from engine.effects import Lane
from engine.events import Event, GuideReply, SessionStarted
from engine.history import History
from engine.performing import Work
from engine.ports import (
    Act,
    Answered,
    Done,
    Lease,
    Live,
    OwedRow,
    Performed,
    Performer,
    PsaView,
    Received,
    StillOurs,
    Watch,
)
from engine.posting import Posting, PostLimits
from engine.psa import Psa, Ticket
from engine.psa_settings import PsaSettings
from engine.session import Intake, IntakeType, Option, Person, Role, Session, Step, StepKind
from storage.receiving import Receiving
from storage.store import Store, Unit
from storage.vault import Vault

KEY = Fernet.generate_key().decode()
VAULT = Vault([KEY])
YES_NO = (Option("yes", "Yes"), Option("no", "No"))


class Killed(BaseException):
    """The process is dead: nothing it does from here on has an effect."""


@dataclass
class Fate:
    """Counts the boundaries a piece of work crosses; dies at number `at` and stays dead."""

    at: int | None = None
    crossed: int = 0

    def cross(self, *_: Any, **__: Any) -> None:
        self.crossed += 1
        if self.at is not None and self.crossed >= self.at:
            raise Killed

    def rule(self, store: Store) -> None:
        """Every commit of this store is a boundary: to die between two statements of one transaction is to die
        before its commit, and to die after it is to die before the next one."""
        event.listen(store.engine.sync_engine, "commit", self.cross)
        event.listen(store.engine.sync_engine, "before_cursor_execute", self._stay_dead)

    def _stay_dead(self, *_: Any, **__: Any) -> None:
        if self.at is not None and self.crossed >= self.at:
            raise Killed


class Bell:
    """Remembers who was rung for."""

    def __init__(self) -> None:
        self.lanes: list[tuple[UUID, Lane, timedelta]] = []
        self.inbox: list[str] = []

    def ring(self, account: UUID, subject: UUID, lane: Lane, after: timedelta = timedelta()) -> None:
        self.lanes.append((subject, lane, after))

    def ring_inbox(self, order_key: str) -> None:
        self.inbox.append(order_key)


class Trouble:
    """Gives error ids E1, E2 … and keeps what they stand for."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, BaseException]] = []

    def note(self, what: str, failure: BaseException) -> str:
        self.noted.append((what, failure))
        return f"E{len(self.noted)}"


class NoRenewal:
    def keeping(self, lease: Lease) -> Any:
        return nullcontext()


class ScriptedFront:
    """A payload names its account and a line of the script, which gives the acts."""

    def __init__(self, script: Mapping[str, Callable[[Unit], Sequence[Act]]] | None = None) -> None:
        self.script = dict(script or {})
        self.understood: list[str] = []
        self.apologies: list[str] = []
        self.speechless = False

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        said = json.loads(received.payload)
        await unit.enter(UUID(said["account"]))
        acts = self.script[said["line"]](unit)
        self.understood.append(said["line"])
        return acts

    async def fetch(self, received: Received, wanted: Any) -> Any:
        raise TypeError("the script needs nothing from outside")

    async def apologise(self, received: Received, unit: Any, error_id: str) -> Sequence[Act]:
        if self.speechless:
            raise LookupError("nobody to apologise to")
        self.apologies.append(error_id)
        return ()


class FakeGuide:
    """Asks question after question; `fails` are raised first, `pause` runs while it thinks."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails: list[Exception] = []
        self.pause: Callable[[], Awaitable[None]] | None = None
        self.domain = ""
        self.fate = Fate()

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered:
        self.fate.cross()
        self.calls += 1
        if self.fails:
            raise self.fails.pop(0)
        if self.pause is not None:
            await self.pause()
        self.fate.cross()
        return Answered(GuideReply(question(len(history.done) + 1), problem_domain=self.domain))


class RecordingPerformer:
    """Performs by writing down; `fails` are raised first."""

    def __init__(self) -> None:
        self.performed: list[Any] = []
        self.fails: list[BaseException] = []
        self.fate = Fate()
        self.outcome: Performed = Done()

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        self.fate.cross()
        if self.fails:
            raise self.fails.pop(0)
        self.performed.append(row.effect)
        self.fate.cross()
        return self.outcome


@dataclass
class FakeDoor:
    """Opens always the same PSA; None is no connection."""

    psa: Psa | None = None
    connection: UUID | None = None
    settings: PsaSettings = field(default_factory=PsaSettings)
    members: Mapping[UUID, tuple[int, str]] = field(default_factory=dict)

    async def open(self, account: UUID, connection_id: UUID | None) -> PsaView:
        known = self.connection if self.psa else None
        return PsaView(known, self.settings, self.members, ZoneInfo("UTC"), self.psa)


class Stopwatch:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def question(number: int) -> Step:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    return Step(0, StepKind.QUESTION, f"Question {number}?", moment, options=YES_NO)


@dataclass
class Office:
    """An Account on a real database, and a way to look at it without the application's eyes."""

    store: Store
    account: UUID
    anna: Person
    ben: Person
    lea: Person

    async def session(self, session_id: UUID) -> Session:
        async with self.store.transaction(self.account) as unit:
            found = await unit.sessions.get(session_id)
        assert found is not None
        return found

    async def start(self, session_id: UUID | None = None, *, status: str = "active") -> UUID:
        """A Session of Anna's with Step 1 on the table, straight into the tables."""
        given = session_id or uuid4()
        async with self.store.transaction(self.account) as unit:
            await unit.sessions.save(None, self.blank(given, unit.now, status))
        return given

    def blank(self, session_id: UUID, now: datetime, status: str = "active") -> Session:
        from engine.session import Status  # noqa: PLC0415 - beside its only use

        first = replace(question(1), number=1)
        intake = Intake(IntakeType.FREE_TEXT, "The printer is offline")
        return Session(
            session_id, self.account, self.anna.id, intake, Status(status), now, now,
            step_count=1, current=first, touched=(first,),
        )  # fmt: skip

    async def apply(self, desk: Desk, session_id: UUID, happened: Event) -> None:
        """An event straight to the desk, in a transaction of its own, with what it owes."""
        async with self.store.transaction(self.account) as unit:
            await unit.outbox.owe(session_id, await desk.apply(unit, session_id, happened))

    async def rows(self, query: str, **given: Any) -> list[Any]:
        """Rows of this Account as the application's role sees them."""
        async with self.store.transaction(self.account) as unit:
            found = await unit.connection.execute(text(query), given)
            return list(found.all()) if found.returns_rows else []

    async def until_somebody_waits(self, task: asyncio.Task[Any]) -> None:
        """Until the database makes somebody wait for a lock, or the task is done without."""
        waits = (
            "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(20):
            while not (task.done() or await self.rows(waits)):  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.005)

    async def expire_leases(self) -> None:
        await self.rows(
            "update lanes set leased_until = now() - interval '1 second' where leased_until is not null"
        )

    async def owed(self, subject: UUID) -> list[tuple[str, str]]:
        """(verb, state) of the subject's effects, in order."""
        found = await self.rows("select verb, state from outbox where subject_id = :s order by id", s=subject)
        return [(row.verb, row.state) for row in found]

    def started(self, session_id: UUID, ticket: int | None = None) -> SessionStarted:
        kind = IntakeType.PSA_TICKET if ticket else IntakeType.FREE_TEXT
        return SessionStarted(
            session_id, self.account, self.anna, Intake(kind, "It is broken", ticket_id=ticket)
        )

    def says(self, line: str) -> bytes:
        return json.dumps({"account": str(self.account), "line": line}).encode()


@asynccontextmanager
async def office(url: str, *, pool_size: int = 10, vault: Vault = VAULT) -> AsyncIterator[Office]:
    """A new Account with Anna and Ben, technicians, and Lea, a lead."""
    store = Store(url, vault, pool_size=pool_size)
    try:
        yield await move_in(store)
    finally:
        await store.close()


async def move_in(store: Store) -> Office:
    account = uuid4()
    async with store.transaction(account) as unit:
        await unit.accounts.create(f"MSP {account}")
        people = [
            Person(await unit.accounts.add_user(name, None, roles), name, frozenset(roles))
            for name, roles in (
                ("Anna", (Role.TECHNICIAN,)),
                ("Ben", (Role.TECHNICIAN,)),
                ("Lea", (Role.TECHNICIAN, Role.LEAD)),
            )
        ]
    return Office(store, account, *people)


@asynccontextmanager
async def receiving(url: str, *, size: int = 4) -> AsyncIterator[Receiving]:
    opened = Receiving(url, VAULT, size=size)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@dataclass
class Room:
    """A desk with everything around it that a test may look at."""

    office: Office
    desk: Desk
    front: ScriptedFront
    guide: FakeGuide
    talk: RecordingPerformer
    bell: Bell
    trouble: Trouble

    async def deliver(self, subject: UUID, *lanes: Lane) -> int:
        """Both lanes until nothing more is delivered; how many effects were closed."""
        total = 0
        while closed := sum(
            [await self.desk.deliver(self.office.account, subject, lane) for lane in lanes or tuple(Lane)]
        ):
            total += closed
        return total


def room(
    place: Office,
    receives: Any = None,
    *,
    memory: Store | None = None,
    front: ScriptedFront | None = None,
    guide: FakeGuide | None = None,
    talk: RecordingPerformer | None = None,
    work: Performer | None = None,
    door: FakeDoor | None = None,
    watch: Callable[[], float] | None = None,
    post_limits: PostLimits | None = None,
    limits: Limits | None = None,
    kind: type[Desk] = Desk,
    posting_kind: type[Posting] = Posting,
    live: Watch | None = None,
) -> Room:
    """Put a desk together; the work lane is the real one with a fake guide and a fake PSA."""
    store = memory or place.store
    front, guide, talk = front or ScriptedFront(), guide or FakeGuide(), talk or RecordingPerformer()
    bell, trouble, opens = Bell(), Trouble(), door or FakeDoor()
    posting = posting_kind(store, opens, watch or Stopwatch(), post_limits)
    performers: dict[Lane, Performer] = {
        Lane.TALK: talk,
        Lane.WORK: work or Work(store, guide, opens, posting, RecordingPerformer(), watch=live),
    }
    desk = kind(store, receives, front, performers, bell, NoRenewal(), trouble, f"desk {uuid4()}", limits)
    return Room(place, desk, front, guide, talk, bell, trouble)
