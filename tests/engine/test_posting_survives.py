"""A push that is interrupted, robbed of its lane or killed anywhere still writes exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest

from engine.ports import OwedPost
from engine.posting import Posting
from storage.store import Store
from tests.conftest import Database
from tests.engine.push_scene import RETRY, SETTLE, Scene, scene_in
from tests.fakes import VAULT, Fate, Killed, Stopwatch


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        yield opened


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
    assert scene.psa.saved_notes == {}, (
        "the one who lost the lane might have sent it: the settle time comes first"
    )
    await scene.push(SETTLE)
    assert scene.psa.notes_of(post) == 1


async def test_whoever_lost_the_lane_while_he_stood_still_sends_nothing(
    scene: Scene, database: Database
) -> None:
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


async def test_killed_at_any_boundary_of_a_push_it_is_written_exactly_once(database: Database) -> None:
    """Every commit and every call to the PSA, before it and after it."""
    crossed, at = None, 1
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
            assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1), (
                f"killed at boundary {at}"
            )
            events = await scene.happened()
            assert events.count("PushPosted") == len(scene.psa.saved_notes), f"killed at boundary {at}"
            at += 1
    assert crossed is not None
    assert crossed >= 9
