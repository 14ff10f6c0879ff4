"""How a lane is let go: what comes in at that moment is delivered, and what was closed stays closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.desk import Desk
from engine.effects import Lane, Owed, ShowCard, ShowStep
from engine.ports import Done, Later, Lease, LeaseLost, OwedRow, Performed, StillOurs
from tests.conftest import Database
from tests.fakes import Office, RecordingPerformer, office, room

TALK = Lane.TALK


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def owe(place: Office, subject: UUID, *effects: Owed) -> None:
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(subject, effects)


def steps(performer: RecordingPerformer) -> list[int]:
    return [effect.step for effect in performer.performed if isinstance(effect, ShowStep)]


class Interrupted(Desk):
    """Between its last look, with which it lets go of the lane, and the commit of both, something happens."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def _go_on(self, unit: Any, lease: Lease) -> Any:
        following = await super()._go_on(unit, lease)
        if following.row is None and self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        return following


async def test_what_is_owed_between_the_last_look_and_the_release_is_delivered(place: Office) -> None:
    """Its ring comes while the lane is held: whoever is woken waits for the lane instead of going away."""
    subject = uuid4()
    work = room(place, kind=Interrupted)
    assert isinstance(work.desk, Interrupted)
    woken: list[asyncio.Task[int]] = []

    async def one_more() -> None:
        await owe(place, subject, ShowStep(step=2))
        woken.append(asyncio.create_task(work.desk.deliver(place.account, subject, TALK)))
        await place.until_somebody_waits(woken[0])

    work.desk.happens = one_more
    await owe(place, subject, ShowStep(step=1))
    assert await work.desk.deliver(place.account, subject, TALK) == 1
    assert await woken[0] == 1
    assert steps(work.talk) == [1, 2]


class Slow(Desk):
    """While the transaction of its last look is under way, but not yet at its fence, something happens."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def _end(self, unit: Any, *given: Any) -> bool:
        if self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        return await super()._end(unit, *given)


async def test_what_is_owed_before_the_last_look_but_after_its_transaction_began_is_delivered(
    place: Office,
) -> None:
    """By the transaction's time it is not due yet, and its ring found the lane held."""
    subject = uuid4()
    work = room(place, kind=Slow)
    assert isinstance(work.desk, Slow)

    async def one_more() -> None:
        await owe(place, subject, ShowStep(step=2))
        assert await work.desk.deliver(place.account, subject, TALK) == 0

    work.desk.happens = one_more
    await owe(place, subject, ShowStep(step=1))
    assert await work.desk.deliver(place.account, subject, TALK) == 2
    assert steps(work.talk) == [1, 2]


async def test_a_verb_nobody_knows_does_not_undo_what_was_closed_before_it(place: Office) -> None:
    """Or the effect before it would be performed again and again."""
    subject = uuid4()
    work = room(place)
    await owe(place, subject, ShowStep(step=1), ShowStep(step=2))
    await place.rows("update outbox set verb = 'Unheard' where args->>'step' = '2'")
    for _ in range(2):
        with pytest.raises(KeyError):
            await work.desk.deliver(place.account, subject, TALK)
    assert steps(work.talk) == [1]
    assert await place.owed(subject) == [("ShowStep", "done"), ("Unheard", "owed")]


async def test_whoever_is_stopped_in_the_middle_gives_the_lane_back(place: Office) -> None:
    subject = uuid4()
    at_it = asyncio.Event()

    class Endless(RecordingPerformer):
        async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
            at_it.set()
            await asyncio.Event().wait()
            return Done()

    await owe(place, subject, ShowCard())
    task = asyncio.create_task(room(place, talk=Endless()).desk.deliver(place.account, subject, TALK))
    await at_it.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await room(place).desk.deliver(place.account, subject, TALK) == 1


async def test_the_right_to_write_can_be_asked_for_in_the_middle(place: Office) -> None:
    subject = uuid4()
    answers: list[Any] = []

    class Asking(RecordingPerformer):
        async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
            await still_ours()
            answers.append("ours")
            await place.expire_leases()
            with pytest.raises(LeaseLost):
                await still_ours()
            answers.append("lost")
            return Later(row.created_at)

    await owe(place, subject, ShowCard())
    assert await room(place, talk=Asking()).desk.deliver(place.account, subject, TALK) == 0
    assert answers == ["ours", "lost"]
