"""What the engine asks of the world: a memory, a guide, a PSA, a voice, a bell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.effects import Lane, Owed
from engine.events import Event, GuideReply
from engine.history import History
from engine.model import Purpose
from engine.psa import Psa, Ticket
from engine.psa_settings import PsaSettings
from engine.session import Interval, Json, Session


class PostState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    POSTED = "posted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OwedPost:
    """One part owed to the PSA. `held_because`: it waits for a person and is not tried by itself."""

    id: UUID
    session_id: UUID
    connection_id: UUID | None
    key: str
    kind: str
    occasion: str
    engineer: UUID | None
    ticket_id: int | None
    content: Mapping[str, Any]
    state: PostState
    held_because: str | None
    attempts: int
    next_attempt_at: datetime | None
    sending_since: datetime | None
    external_id: str | None
    problem: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Raw:
    """A verified payload as it came in. `unique_key` tells a repeat; `order_key` keeps what belongs together in order."""

    platform: str
    unique_key: str
    order_key: str
    payload: bytes


Save = Callable[[Any], Awaitable[None]]
"""Writes that go into the transaction at hand; given the UnitPort."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an inbox row asks for: an event for a Session, or effects owed to a subject outside of one.

    `answers`: the person who asked and the way back to him (see `effects.by_way_of`). `save`: what to remember once
    the event is applied.
    """

    subject: UUID
    event: Event | None = None
    effects: tuple[Owed, ...] = ()
    answers: tuple[UUID, str] | None = None
    save: Save | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One inbox row. `payload` is the verified raw body; `attempts` failed before this one.

    `fetched`: what was asked for with `Fetch` so far.
    """

    id: int
    platform: str
    payload: bytes
    received_at: datetime
    attempts: int
    fetched: Mapping[Hashable, Any] = field(default_factory=dict)


class Fetch(Exception):
    """A row cannot be understood without something from outside; it is fetched while no transaction is open."""

    def __init__(self, wanted: Hashable) -> None:
        super().__init__("something from outside is needed first")
        self.wanted = wanted


class PutOff(Exception):
    """What is needed from outside is away for now; the row waits in its place. `seconds` from now."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds
        self.log_safe = why


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver one lane of one subject, until it expires; `version` is the fence."""

    account: UUID
    subject: UUID
    lane: Lane
    version: int
    holder: str


@dataclass(frozen=True, slots=True)
class OwedRow:
    """One outbox row. `attempts` counts this one. `held`: the one before certainly sent nothing."""

    id: int
    effect: Owed
    attempts: int
    created_at: datetime
    held: bool = False

    @property
    def repeated(self) -> bool:
        """Whether an attempt before this one may have sent something."""
        return self.attempts > 1 and not self.held


class Unreadable(Exception):
    """What came in cannot be opened with the keys we have; `received` is the row without its payload."""

    def __init__(self, received: Received) -> None:
        super().__init__(f"inbox {received.id} cannot be opened")
        self.received = received


class LeaseLost(Exception):
    """Somebody else delivers this lane now; what was in hand must not be saved or sent."""


class SessionsPort(Protocol):
    async def get(self, session_id: UUID, *, lock: bool = False) -> Session | None: ...
    async def save(self, before: Session | None, after: Session, entry: Any = None) -> None: ...
    async def history(self, session_id: UUID) -> History | None: ...
    async def log(
        self, session_id: UUID, at: datetime, by: UUID | None, event: str, detail: dict[str, Any]
    ) -> None: ...


class InboxPort(Protocol):
    async def claim(self, order_key: str) -> Received | None: ...
    async def done(self, row_id: int, account: UUID | None) -> None: ...
    async def failed(self, row_id: int, problem: str, *, park: bool) -> bool: ...
    async def put_off(self, row_id: int, seconds: float) -> None: ...


class NextPort(Protocol):
    """What `go_on` found; it is read once the transaction has ended."""

    def read(self) -> OwedRow | None: ...


class OutboxPort(Protocol):
    """`wakes`: to whom something was owed in this transaction, and when each of his lanes can go on."""

    wakes: dict[UUID, list[tuple[Lane, datetime]]]

    async def owe(self, subject: UUID, effects: Sequence[Owed]) -> None: ...
    async def take(self, subject: UUID, lane: Lane, holder: str, length: timedelta) -> Lease | None: ...
    async def renew(self, lease: Lease, length: timedelta) -> bool: ...
    async def release(self, lease: Lease) -> bool: ...
    async def fence(self, lease: Lease) -> bool: ...
    async def go_on(self, lease: Lease) -> NextPort: ...
    async def close(
        self, lease: Lease, row_id: int, state: str = "done", problem: str = ""
    ) -> tuple[bool, bool]: ...
    async def again(
        self, row_id: int, due: datetime, problem: str = "", *, failed: bool = True, hold: Hold = ""
    ) -> None: ...


class PostsPort(Protocol):
    async def owe(
        self,
        session_id: UUID,
        key: str,
        kind: str,
        occasion: str,
        engineer: UUID | None,
        connection_id: UUID | None,
        ticket_id: int | None,
        content: Mapping[str, Any],
        held_because: str | None,
    ) -> OwedPost | None: ...
    async def get(self, post_id: UUID, *, lock: bool = False) -> OwedPost | None: ...
    async def of_session(self, session_id: UUID) -> tuple[OwedPost, ...]: ...
    async def change(self, post_id: UUID, **values: Any) -> None: ...
    async def give_up(self, post_id: UUID, problem: str) -> str | None: ...
    async def bind_intervals(self, session_id: UUID, engineer: UUID, post_id: UUID) -> None: ...
    async def unbound_intervals(self, session_id: UUID, engineer: UUID) -> set[datetime]: ...
    async def on_ticket(self, ticket_id: int) -> tuple[OwedPost, ...]: ...
    async def elsewhere(self, session_id: UUID, engineer: UUID, since: datetime) -> tuple[Interval, ...]: ...


class PlacesPort(Protocol):
    async def link_of(self, session_id: UUID) -> str: ...


class UnitPort(Protocol):
    """One transaction of one Account; it commits as a whole or not at all. `now` is aware, in UTC."""

    now: datetime
    account: UUID | None

    @property
    def sessions(self) -> SessionsPort: ...
    @property
    def inbox(self) -> InboxPort: ...
    @property
    def outbox(self) -> OutboxPort: ...
    @property
    def posts(self) -> PostsPort: ...
    @property
    def places(self) -> PlacesPort: ...


class Memory(Protocol):
    def transaction(self, account: UUID | None = None) -> AbstractAsyncContextManager[Any]:
        """A UnitPort (typed as Any: each room sees the part of it that it needs)."""


class Remembers(Protocol):
    async def remember(self, platform: str, unique_key: str, order_key: str, payload: bytes) -> bool: ...


class Front(Protocol):
    """Understands what came in: who sent it and what it asks for."""

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        """Raises Fetch for what it needs from outside first."""

    async def fetch(self, received: Received, wanted: Any) -> Any:
        """What `understand` wanted. No transaction is open. Raises PutOff while the outside is away."""

    async def apologise(self, received: Received, unit: Any, error_id: str) -> Sequence[Act]: ...


@dataclass(frozen=True, slots=True)
class Done:
    """It was performed; `events` are what came of it, `save` what to remember with it."""

    events: tuple[Event, ...] = ()
    save: Save | None = None


Hold = Literal["", "unsent", "unsure"]


@dataclass(frozen=True, slots=True)
class Later:
    """Not yet: it is owed again at `due`, and nothing failed. With `hold` what stands behind it waits too, because
    the outside is away: it was certainly `unsent`, or nobody can be sure (`unsure`).
    """

    due: datetime
    save: Save | None = None
    hold: Hold = ""


Performed = Done | Later
StillOurs = Callable[[], Awaitable[None]]
"""Raises LeaseLost unless the lease is still ours by the database's time."""


class Performer(Protocol):
    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed: ...


@dataclass(frozen=True, slots=True)
class PsaView:
    """What is known of the Account's PSA for one Session; `psa` None where none is connected."""

    connection_id: UUID | None
    settings: PsaSettings
    members: Mapping[UUID, tuple[int, str]]
    zone: ZoneInfo
    psa: Psa | None


class PsaDoor(Protocol):
    """Opens the PSA of an Account: the named connection, or its first."""

    async def open(self, account: UUID, connection_id: UUID | None) -> PsaView: ...


class TurnOver(Exception):
    """Nobody waits for this Turn any more: it was stopped, or the Session went on without its answer."""


class Live(Protocol):
    """Where a Guide at work is seen. What it is told is shown while it lasts, and never kept."""

    async def say(self, delta: str) -> None:
        """More of the text that a person reads, as it grows."""

    async def anew(self, waits: float = 0.0) -> None:
        """What was said counts no more: the answer begins anew, in so many seconds."""


class Watch(Protocol):
    """Shows that the Guide works, and ends the block where its Turn is over."""

    def working(self, account: UUID, session: Session, turn: int) -> AbstractAsyncContextManager[Live]:
        """The block is cancelled when the Turn is over, and left by TurnOver."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the Guide proposes, and what is remembered in the transaction that applies it."""

    reply: GuideReply
    save: Save | None = None


class Guide(Protocol):
    """What proposes the next Step. It may be cancelled at any await; asked again, it asks for nothing twice that was
    answered already.
    """

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered: ...


@dataclass(frozen=True, slots=True)
class Worded:
    """What a model wrote: whole, with the names in it, and not checked against the record yet.

    `state` "rules": it was not asked, "unavailable": it gave no usable answer in time. `again`: it is still at it,
    and can be asked for the same then. `save`: what is remembered in the transaction that applies it.
    """

    state: Literal["rules", "unavailable", "model"] = "rules"
    said: Json | None = None
    save: Save | None = None
    again: datetime | None = None


class Writer(Protocol):
    """What words a text from a record. It never raises because a model is away, and keeps to its own time limits;
    asked for the same again, it asks for nothing twice that was answered already.
    """

    async def write(
        self,
        purpose: Purpose,
        about: Session,
        history: History,
        ticket: Ticket | None,
        *,
        fresh: bool = False,
    ) -> Worded:
        """`about`: the Session it is written for and booked on; `history` may be of the one it was picked up from.

        `fresh`: for eyes that must not see what anybody believes.
        """


class Bell(Protocol):
    """Wakes a worker. It may lose every ring: what is owed stands in the memory."""

    def ring(self, account: UUID, subject: UUID, lane: Lane, after: timedelta = ...) -> None: ...

    def ring_inbox(self, order_key: str) -> None: ...
