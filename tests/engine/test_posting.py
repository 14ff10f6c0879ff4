"""Writes to the PSA, exactly once: whatever is lost, refused, delayed or killed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import psycopg
import pytest

from engine.desk import Limits
from engine.effects import Lane, Post
from engine.events import PushRetried
from engine.ports import OwedPost, PostState
from engine.posting import Posting, PostLimits, SettleTooShort
from engine.psa import (
    Board,
    BoardStatus,
    Member,
    NoteWrite,
    PsaBusy,
    PsaForbidden,
    PsaRefused,
    PsaUnreachable,
    Ref,
    Ticket,
    carries,
    marker_for,
)
from storage.store import Store
from tests.conftest import Database
from tests.contracts.fake_psa import FakePsa
from tests.fakes import VAULT, FakeDoor, Fate, Killed, Office, Room, Stopwatch, office, room

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
                self.session, f"{kind}:{uuid4()}", kind, "resolution", self.place.anna.id, None, 4711, given, None
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
            "select event from session_log where session_id = :s and event like 'Push%' order by id", s=self.session
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


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        yield opened


async def test_a_note_is_written_once_with_its_marker_and_the_card_hears_of_it(scene: Scene) -> None:
    post = await scene.owe()
    assert await scene.push() == 1
    assert await scene.state(post) == "posted"
    [(number, note)] = scene.psa.saved_notes.items()
    assert note.text == f"Restarted the spooler.\n{marker_for(post)}"
    assert (await scene.post(post)).external_id == str(number)
    assert await scene.happened() == ["PushPosted"]
    assert ("ShowCard", "owed") in await scene.place.owed(scene.session)
    assert scene.psa.deadlines == [20.0]


async def test_a_lost_reply_is_waited_out_looked_up_and_not_sent_again(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    post = await scene.owe()
    await scene.push()
    known = await scene.post(post)
    assert (known.state, known.problem) == (PostState.SENDING, LOST.sentence)
    assert await scene.push(RETRY) == 1
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)
    assert (await scene.post(post)).external_id == str(next(iter(scene.psa.saved_notes)))
    assert await scene.happened() == ["PushFailed", "PushPosted"]


async def test_what_surely_is_absent_is_sent_then(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST)
    post = await scene.owe()
    await scene.push()
    assert scene.psa.notes_of(post) == 0
    await scene.push(RETRY)
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_three_retries_then_parked_with_the_psas_own_sentence(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaBusy("Record in use by Bob.", outcome="not_done"), times=9)
    post = await scene.owe()
    await scene.push()
    for _ in range(3):
        assert await scene.state(post) == "pending"
        assert await scene.push(timedelta(minutes=4)) == 0
        assert await scene.push(timedelta(minutes=1, seconds=1)) == 1
    known = await scene.post(post)
    assert (known.state, known.attempts, known.problem) == (PostState.FAILED, 4, "Record in use by Bob.")
    assert await scene.told() == ["push_parked"]
    assert await scene.push(timedelta(days=1)) == 0
    assert scene.psa.saved_notes == {}


async def test_a_wait_the_psa_asks_for_is_kept(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaBusy("Too many requests.", retry_after=900, outcome="not_done"))
    post = await scene.owe()
    await scene.push()
    assert await scene.push(timedelta(minutes=14)) == 0
    assert await scene.push(timedelta(minutes=2)) == 1
    assert await scene.state(post) == "posted"


async def test_what_will_not_heal_is_parked_at_once(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaRefused("The period is closed."))
    post = await scene.owe()
    await scene.push()
    assert (await scene.state(post), (await scene.post(post)).problem) == ("failed", "The period is closed.")
    assert await scene.told() == ["push_parked"]
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_what_cannot_be_looked_up_is_unknown_and_a_retry_looks_again(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    scene.psa.fail("find_note", PsaForbidden("No right to read notes."), times=4)
    post = await scene.owe()
    await scene.push()
    for _ in range(3):
        assert await scene.state(post) == "sending"
        await scene.push(RETRY)
    assert (await scene.state(post), (await scene.post(post)).problem) == ("unknown", "No right to read notes.")
    await scene.retry()
    assert await scene.state(post) == "sending", "it may have been sent, so it is not called failed"
    await scene.retry()
    await scene.push(RETRY)
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_a_merged_ticket_is_pointed_out_and_nothing_is_written(scene: Scene) -> None:
    scene.psa.tickets[4711] = replace(TICKET, merged_into=4800)
    post = await scene.owe()
    await scene.push()
    assert await scene.state(post) == "failed"
    assert "#4800" in (await scene.post(post)).problem
    assert scene.psa.saved_notes == {}


async def test_a_status_waits_for_time_that_is_tried_again(scene: Scene) -> None:
    """Both are due at the same moment, and the status stands first: it must let the time by."""
    scene.psa.fail("add_time", PsaBusy("In use.", outcome="not_done"))
    time = await scene.owe("time")
    status = await scene.owe("status", status_id=16, closing=False, confirmed=False)
    await scene.push()
    assert (await scene.state(time), await scene.state(status)) == ("pending", "pending")
    assert scene.psa.tickets[4711].status == Ref(1, "New")
    await scene.push(RETRY)
    await scene.push(timedelta(seconds=6))
    assert (await scene.state(time), await scene.state(status)) == ("posted", "posted")
    assert scene.psa.tickets[4711].status == Ref(16, "Waiting")


async def test_a_status_that_turned_out_to_close_waits_for_a_tick(scene: Scene) -> None:
    status = await scene.owe("status", status_id=17, closing=False, confirmed=False)
    await scene.push()
    assert (await scene.post(status)).held_because == "closing_unconfirmed"
    await scene.retry()
    assert (await scene.post(status)).held_because == "closing_unconfirmed"
    assert not scene.psa.tickets[4711].closed
    await scene.retry(closing=True)
    assert (await scene.state(status), scene.psa.tickets[4711].closed) == ("posted", True)


async def test_a_status_the_board_no_longer_has_is_refused_before_writing(scene: Scene) -> None:
    status = await scene.owe("status", status_id=99, closing=False, confirmed=False)
    await scene.push()
    assert await scene.state(status) == "failed"
    assert "no such status" in (await scene.post(status)).problem


async def test_what_was_on_its_way_when_the_connection_went_is_looked_up_when_it_is_back(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    post = await scene.owe()
    await scene.push()
    scene.door.psa = None
    await scene.push(RETRY)
    assert (await scene.post(post)).held_because == "no_connection"
    scene.door.psa = scene.psa
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_a_part_the_desk_gives_up_says_so_and_is_found_by_retry(scene: Scene) -> None:
    post = await scene.owe()
    await scene.place.rows("update psa_post_log set content = content - 'visibility' where id = :p", p=post)
    await scene.push(limits=Limits(tries=1))
    known = await scene.post(post)
    assert (known.state, known.problem) == (PostState.FAILED, "E1")
    assert (await scene.happened(), await scene.told()) == (["PushFailed"], ["push_parked"])
    await scene.place.rows(
        """update psa_post_log set content = content || '{"visibility": "internal"}' where id = :p""", p=post
    )
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


# ── Standing still, losing the lease, dying ─────────────────────────────────────────────────────────────────


class Paused(Stopwatch):
    """Stands still for some seconds when it is read for the n-th time; the database's time goes on too."""

    def __init__(
        self, store: Store, at: int, seconds: float, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.store, self.at, self.pause, self.read, self.meanwhile = store, at, seconds, 0, meanwhile

    def __call__(self) -> float:
        self.read += 1
        if self.read == self.at:
            self.seconds += self.pause
            self.store.offset += timedelta(seconds=self.pause)
            self.meanwhile()
        return self.seconds


class Counting(Posting):
    """Keeps which intents were saved."""

    saved: ClassVar[list[UUID]] = []

    async def _intend(self, post: OwedPost, lease: Any) -> float:
        self.saved.append(post.id)
        return await super()._intend(post, lease)


@pytest.mark.parametrize(("seconds", "intents"), [(1.9, 1), (2.1, 2), (30, 2)])
async def test_a_process_that_stood_still_saves_its_intent_anew(
    scene: Scene, seconds: float, intents: int
) -> None:
    """Read first when the intent is saved, again right before the write."""
    scene.watch = Paused(scene.place.store, 2, seconds)
    post = await scene.owe()
    async with scene.place.store.transaction(scene.place.account) as unit:
        begun = unit.now
    await scene.push(posting_kind=Counting)
    assert (Counting.saved.count(post), scene.psa.notes_of(post)) == (intents, 1)
    since = (await scene.post(post)).sending_since
    assert since is not None
    assert (since - begun > timedelta(seconds=2)) is (intents == 2)


async def test_what_stood_still_longer_than_a_write_may_take_does_not_leave(scene: Scene) -> None:
    """Right before the write: the deadline counts from the intent, so the client refuses to send."""
    scene.watch = Paused(scene.place.store, 3, 25)
    post = await scene.owe()
    await scene.push()
    assert (await scene.state(post), scene.psa.saved_notes) == ("pending", {})
    assert scene.psa.deadlines == [-5.0]
    await scene.push(RETRY)
    assert scene.psa.notes_of(post) == 1


class Robbed(Posting):
    """Somebody else takes the lane right after the intent was saved."""

    async def _intend(self, post: OwedPost, lease: Any) -> float:
        saved = await super()._intend(post, lease)
        async with self._memory.transaction(lease.account) as unit:
            await unit.outbox.release(lease)
        async with self._memory.transaction(lease.account) as unit:
            assert await unit.outbox.take(lease.subject, lease.lane, "thief", timedelta(minutes=1))
        return saved


async def test_whoever_lost_the_lane_before_the_write_sends_nothing(scene: Scene) -> None:
    post = await scene.owe()
    assert await scene.push(posting_kind=Robbed) == 0
    assert (await scene.state(post), scene.psa.saved_notes) == ("sending", {})
    await scene.place.expire_leases()
    await scene.push()
    assert scene.psa.saved_notes == {}, "the one who lost the lane might have sent it: the settle time comes first"
    await scene.push(SETTLE)
    assert scene.psa.notes_of(post) == 1


async def test_whoever_lost_the_lane_while_he_stood_still_sends_nothing(scene: Scene, database: Database) -> None:
    """The check was passed, then the process slept: the intent it saves anew is fenced too."""

    def rob() -> None:
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("update lanes set version = version + 1 where subject_id = %s", (scene.session,))

    scene.watch = Paused(scene.place.store, 2, 30, rob)
    post = await scene.owe()
    assert await scene.push() == 0
    assert (await scene.state(post), scene.psa.saved_notes) == ("sending", {})


async def pushed_in_spite_of(scene: Scene, post: UUID) -> None:
    """Somebody starts the process again, and again, until the part has ended."""
    for _ in range(8):
        await scene.place.expire_leases()
        await scene.push(SETTLE)
        if await scene.state(post) in {"posted", "failed", "unknown"}:
            return


@pytest.mark.parametrize("part", range(3))
async def test_killed_at_any_boundary_of_a_push_it_is_written_exactly_once(database: Database, part: int) -> None:
    """Every statement, every commit and every call to the PSA, before it and after it."""
    crossed, at = None, part + 1
    async with scene_in(database) as scene:
        while crossed is None or at <= crossed:
            fate = Fate(at)
            doomed = Store(database.app_url, VAULT, pool_size=2)
            doomed.offset = scene.place.store.offset
            fate.rule(doomed)
            post = await scene.owe()
            scene.psa.fate = fate
            try:
                await scene.push(memory=doomed)
                crossed = fate.crossed  # it got to the end: there is no boundary of this number
            except Killed:
                pass
            await doomed.close()
            scene.psa.fate = Fate()
            await pushed_in_spite_of(scene, post)
            assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1), f"killed at boundary {at}"
            events = await scene.happened()
            assert events.count("PushPosted") == len(scene.psa.saved_notes), f"killed at boundary {at}"
            at += 3
    assert crossed is not None
    assert crossed > 30


@pytest.mark.parametrize(("deadline", "settle"), [(20, 20), (20, 22), (45, 45), (60, 30)])
def test_a_settle_time_that_a_late_write_could_outlast_is_refused(deadline: int, settle: int) -> None:
    with pytest.raises(SettleTooShort, match="must be longer"):
        PostLimits(deadline=timedelta(seconds=deadline), settle=timedelta(seconds=settle))
    assert PostLimits(deadline=timedelta(seconds=20), settle=timedelta(seconds=23)).retries == 3
