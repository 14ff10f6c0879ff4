"""Each guard taken out in turn: what it promises then breaks, and holds with the guard in place.

Without these a guard could be idle, and every other test still green.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.effects import Lane, ShowStep
from engine.events import NoteAdded
from engine.ports import Act, Done, Lease, OwedRow, Performed, Raw, StillOurs
from engine.posting import PostLimits
from engine.psa import NoteWrite
from storage.outbox import Outbox
from storage.receiving import Receiving
from storage.store import Store, Unit
from tests.conftest import Database
from tests.engine.push_scene import LOST, RETRY, SETTLE, Scene, WatchedPsa, scene_in
from tests.fakes import VAULT, Killed, Office, RecordingPerformer, ScriptedFront, office, room

TALK = Lane.TALK
guarded = pytest.mark.parametrize(("guard", "wanted"), [(True, 1), (False, 2)], ids=["guarded", "without"])


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def notes(place: Office, session: UUID) -> int:
    async with place.store.transaction(place.account) as unit:
        history = await unit.sessions.history(session)
    assert history is not None
    return len(history.notes)


# ── The unique key of the inbox ─────────────────────────────────────────────────────────────────────────────


class TakesEverything(Receiving):
    """Every delivery is a new one."""

    async def remember(self, platform: str, unique_key: str, order_key: str, payload: bytes) -> bool:
        return await super().remember(platform, f"{unique_key} {uuid4()}", order_key, payload)


@guarded
async def test_without_the_unique_key_a_word_delivered_twice_is_kept_twice(
    place: Office, database: Database, guard: bool, wanted: int
) -> None:
    session = await place.start()
    receives = (Receiving if guard else TakesEverything)(database.app_url, VAULT, size=1)
    await receives.open()
    said = Act(session, NoteAdded(place.anna, "The cable is cut."))
    work = room(place, receives, front=ScriptedFront({"note": lambda unit: (said,)}))
    delivery = Raw("console", str(uuid4()), str(session), place.says("note"))
    for _ in range(2):
        await work.desk.receive(delivery)
        await work.desk.handle(delivery.order_key)
    await receives.close()
    assert await notes(place, session) == wanted


# ── Lease and fence ─────────────────────────────────────────────────────────────────────────────────────────


class LaxStore(Store):
    """Its transactions have another outbox."""

    outbox: type[Outbox] = Outbox

    @asynccontextmanager
    async def transaction(self, account: UUID | None = None) -> AsyncIterator[Unit]:
        async with super().transaction(account) as unit:
            if account is not None:
                unit.outbox = self.outbox(unit.connection, account, unit.now)
            yield unit


class SharedLease(Outbox):
    """Whoever asks for a lane has it, with everybody else."""

    async def take(self, subject: UUID, lane: Lane, holder: str, length: timedelta) -> Lease | None:
        return await super().take(subject, lane, holder, length) or Lease(
            self._account, subject, lane, 1, holder
        )


class OpenFence(Outbox):
    """Lets everybody through."""

    async def fence(self, lease: Lease) -> bool:
        return True

    async def close(
        self, lease: Lease, row_id: int, state: str = "done", problem: str = ""
    ) -> tuple[bool, bool]:
        return True, await self.end(row_id, state, problem)


@dataclass
class Meanwhile(RecordingPerformer):
    """While the Step is shown for the first time, something else happens."""

    happens: Callable[[], Awaitable[Any]]
    outcome: Performed

    def __post_init__(self) -> None:
        self.performed: list[Any] = []

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        if not isinstance(row.effect, ShowStep):
            return Done()
        self.performed.append(row.effect)
        if len(self.performed) == 1:
            await self.happens()
        return self.outcome


@asynccontextmanager
async def lax(place: Office, database: Database, kind: type[Outbox]) -> AsyncIterator[LaxStore]:
    store = LaxStore(database.app_url, VAULT, pool_size=2)
    store.outbox = kind
    yield store
    await store.close()


@guarded
async def test_without_the_lease_two_perform_the_same_effect(
    place: Office, database: Database, guard: bool, wanted: int
) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(session, (ShowStep(step=1),))
    async with lax(place, database, Outbox if guard else SharedLease) as store:

        async def another() -> None:
            await room(place, memory=store, talk=talk).desk.deliver(place.account, session, TALK)

        talk = Meanwhile(another, Done())
        await room(place, memory=store, talk=talk).desk.deliver(place.account, session, TALK)
    assert len(talk.performed) == wanted


@guarded
async def test_without_the_fence_an_outcome_is_saved_by_one_who_lost_his_lane(
    place: Office, database: Database, guard: bool, wanted: int
) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(session, (ShowStep(step=1),))
    async with lax(place, database, Outbox if guard else OpenFence) as store:

        async def lane_is_lost_and_delivered_by_another() -> None:
            await place.expire_leases()
            await room(place, memory=store, talk=talk).desk.deliver(place.account, session, TALK)

        talk = Meanwhile(
            lane_is_lost_and_delivered_by_another, Done((NoteAdded(place.anna, "It was drawn."),))
        )
        await room(place, memory=store, talk=talk).desk.deliver(place.account, session, TALK)
    assert len(talk.performed) == 2
    assert await notes(place, session) == wanted


# ── Settle time and marker ──────────────────────────────────────────────────────────────────────────────────


class Hasty(PostLimits):
    """Does not refuse a settle time that is too short."""

    def __post_init__(self) -> None:
        pass


class SlowPsa(WatchedPsa):
    """The first note is on its way when the process dies, and is stored later."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: list[NoteWrite] = []
        self.lost = False

    async def add_note(self, write: NoteWrite, *, deadline: float | None = None) -> int:
        if not self.lost:
            self.lost = True
            self.under_way.append(write)
            raise Killed
        return await super().add_note(write, deadline=deadline)

    async def arrives(self) -> None:
        await super().add_note(self.under_way.pop())


class BlindPsa(WatchedPsa):
    """Finds no marker."""

    async def find_note(self, write: NoteWrite) -> int | None:
        return None


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        yield opened


@guarded
async def test_without_the_settle_time_a_late_write_is_taken_for_absent(
    scene: Scene, guard: bool, wanted: int
) -> None:
    psa = SlowPsa()
    scene.door.psa = psa
    limits = PostLimits() if guard else Hasty(settle=timedelta())
    post = await scene.owe()
    with pytest.raises(Killed):
        await scene.push(post_limits=limits)
    await scene.place.expire_leases()
    await scene.push(timedelta(seconds=1), post_limits=limits)
    await psa.arrives()
    await scene.push(SETTLE, post_limits=limits)
    assert await scene.state(post) == "posted"
    assert psa.notes_of(post) == wanted


@guarded
async def test_without_the_marker_a_lost_reply_is_sent_again(scene: Scene, guard: bool, wanted: int) -> None:
    psa = WatchedPsa() if guard else BlindPsa()
    psa.fail("add_note", LOST, stored=True)
    scene.door.psa = psa
    post = await scene.owe()
    await scene.push()
    await scene.push(RETRY)
    assert await scene.state(post) == "posted"
    assert psa.notes_of(post) == wanted
