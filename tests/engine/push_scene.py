"""A resolved Session on a ticket of a watched PSA, and a way to push what it owes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from engine.effects import Lane, Post
from engine.events import PushRetried
from engine.ports import OwedPost
from engine.psa import (
    Board,
    BoardStatus,
    Member,
    NoteWrite,
    PsaUnreachable,
    Ref,
    Ticket,
    carries,
    marker_for,
)
from tests.conftest import Database
from tests.contracts.fake_psa import FakePsa
from tests.fakes import FakeDoor, Fate, Office, Room, Stopwatch, office, room

T = TypeVar("T")
TICKET = Ticket(4711, "Printer", board=Ref(21, "Service"), status=Ref(1, "New"))
DONE, OPEN = BoardStatus(17, "Completed", 21, closed=True), BoardStatus(16, "Waiting", 21)
SETTLE, RETRY = timedelta(seconds=46), timedelta(minutes=5, seconds=1)
LOST = PsaUnreachable("No answer within 20 seconds.", outcome="unknown")
NOTE = {"text": "Restarted the spooler.", "visibility": "internal", "member_id": 9, "technician": ""}
TIME = {
    "member_id": 9, "start": datetime(2026, 3, 2, 9, tzinfo=UTC).isoformat(), "notes": "Fixed the printer.",
    "end": datetime(2026, 3, 2, 9, 23, tzinfo=UTC).isoformat(), "internal_notes": "Spooler",
}  # fmt: skip


class WatchedPsa(FakePsa):
    """Counts its boundaries, keeps the deadlines of notes, and lets nothing leave after one."""

    def __init__(self, ticket: Ticket = TICKET) -> None:
        member = Member(9, "anna", "Anna")
        super().__init__((ticket,), (member,), (Board(21, "Service"),), (DONE, OPEN))
        self.fate = Fate()
        self.deadlines: list[float | None] = []

    async def add_note(self, write: NoteWrite, *, deadline: float | None = None) -> int:
        self.deadlines.append(deadline)
        if deadline is not None and deadline <= 0:
            raise PsaUnreachable("It was too late to send it.", outcome="not_done")
        return await super().add_note(write, deadline=deadline)

    def _do(self, method: str, act: Callable[[], T]) -> T:
        self.fate.cross()
        done = super()._do(method, act)
        self.fate.cross()
        return done

    def notes_of(self, post: UUID) -> int:
        return sum(carries(note.text, marker_for(post)) for note in self.saved_notes.values())


@dataclass
class Scene:
    """A resolved Session on ticket 4711, and what is owed of it."""

    place: Office
    session: UUID
    psa: WatchedPsa = field(default_factory=WatchedPsa)
    watch: Stopwatch = field(default_factory=Stopwatch)
    door: FakeDoor = field(default_factory=FakeDoor)

    def room(self, **more: Any) -> Room:
        return room(self.place, door=self.door, watch=self.watch, **more)

    async def owe(self, kind: str = "note", **content: Any) -> UUID:
        base = {"note": NOTE, "time": TIME}.get(kind, {})
        given = {"ticket_id": 4711, "record_type": "ServiceTicket", **base, **content}
        async with self.place.store.transaction(self.place.account) as unit:
            post = await unit.posts.owe(
                self.session,
                f"{kind}:{uuid4()}",
                kind,
                "resolution",
                self.place.anna.id,
                None,
                4711,
                given,
                None,
            )
            assert post is not None
            await unit.outbox.owe(self.session, (Post(post_id=post.id),))
        return post.id

    async def push(self, after: timedelta = timedelta(), **more: Any) -> int:
        self.place.store.offset += after
        work = self.room(**more)
        return await asyncio.wait_for(work.desk.deliver(self.place.account, self.session, Lane.WORK), 20)

    async def post(self, post: UUID) -> OwedPost:
        async with self.place.store.transaction(self.place.account) as unit:
            found = await unit.posts.get(post)
        assert found is not None
        return found

    async def state(self, post: UUID) -> str:
        return (await self.post(post)).state.value

    async def retry(self, *, closing: bool = False) -> None:
        await self.place.apply(self.room().desk, self.session, PushRetried(self.place.anna, closing))
        await self.push()

    async def happened(self) -> list[str]:
        rows = await self.place.rows(
            "select event from session_log where session_id = :s and event like 'Push%' order by id",
            s=self.session,
        )
        return [row.event for row in rows]

    async def told(self) -> list[str]:
        rows = await self.place.rows(
            "select args->>'what' as what from outbox where subject_id = :s and verb = 'Tell'", s=self.session
        )
        return [row.what for row in rows]


@asynccontextmanager
async def scene_in(database: Database) -> AsyncIterator[Scene]:
    async with office(database.app_url, pool_size=4) as place:
        session = uuid4()
        async with place.store.transaction(place.account) as unit:
            connection = await unit.accounts.connect("api.example", "msp", {})
            resolved = place.blank(session, unit.now, "resolved")
            await unit.sessions.save(None, replace(resolved, ticket_id=4711, ticket=TICKET.to_json()))
        scene = Scene(place, session)
        scene.door.psa, scene.door.connection = scene.psa, connection
        yield scene
