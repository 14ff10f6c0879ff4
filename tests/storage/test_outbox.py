"""The outbox and its lanes: one holder at a time, a fence that counts, and the order in which things are owed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.desk import Limits
from engine.effects import AskGuide, Lane, Owed, Post, ReadTicket, ShowCard, ShowStep
from engine.ports import Done, Lease, OwedRow, Performed, StillOurs
from storage.store import Unit
from tests.conftest import Database
from tests.fakes import Office, RecordingPerformer, office, room

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TALK, WORK = Lane.TALK, Lane.WORK


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def take(
    place: Office, subject: UUID, lane: Lane = TALK, holder: str = "me", length: timedelta = HOUR
) -> Lease:
    async with place.store.transaction(place.account) as unit:
        lease = await unit.outbox.take(subject, lane, holder, length)
    assert lease is not None
    return lease


async def owe(place: Office, subject: UUID, *effects: Owed) -> None:
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(subject, effects)


async def begin(place: Office, lease: Lease) -> OwedRow | None:
    async with place.store.transaction(place.account) as unit:
        return await unit.outbox.next_owed(lease)


async def fenced(place: Office, lease: Lease) -> bool:
    async with place.store.transaction(place.account) as unit:
        return await unit.outbox.fence(lease)


# ── The lease ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_of_many_who_want_a_lane_one_gets_it(place: Office) -> None:
    subject = uuid4()

    async def wants(name: str) -> Lease | None:
        async with place.store.transaction(place.account) as unit:
            return await unit.outbox.take(subject, TALK, name, HOUR)

    taken = [lease for lease in await asyncio.gather(*(wants(str(n)) for n in range(12))) if lease]
    assert len(taken) == 1
    assert taken[0].version == 1


async def test_a_lease_ends_by_the_databases_time_and_the_next_holder_has_a_new_version(
    place: Office,
) -> None:
    subject = uuid4()
    gone = await take(place, subject, holder="first", length=timedelta(seconds=-1))
    again = await take(place, subject, holder="second")
    assert (gone.version, again.version) == (1, 2)
    assert not await fenced(place, gone)
    assert await fenced(place, again)


async def test_what_ended_cannot_be_renewed_nor_released(place: Office) -> None:
    subject = uuid4()
    gone = await take(place, subject, length=timedelta(seconds=-1))
    async with place.store.transaction(place.account) as unit:
        assert not await unit.outbox.renew(gone, HOUR)
        assert not await unit.outbox.release(gone)
    again = await take(place, subject)
    async with place.store.transaction(place.account) as unit:
        assert not await unit.outbox.release(gone)
        assert await unit.outbox.renew(again, HOUR)
        assert await unit.outbox.release(again)
    assert (await take(place, subject)).version == 3


async def test_a_lease_that_ends_while_a_transaction_waits_is_not_renewed_by_its_old_clock(
    place: Office,
) -> None:
    """now() is the beginning of a transaction; the fence goes by the time it is."""
    subject = uuid4()
    lease = await take(place, subject, length=timedelta(milliseconds=300))
    async with place.store.transaction(place.account) as unit:
        await unit.connection.execute(text("select pg_sleep(0.4)"))
        assert not await unit.outbox.fence(lease)


async def test_the_fence_and_the_outcome_stand_or_fall_together(place: Office) -> None:
    """A holder who lost his lane meanwhile closes nothing, whatever he had in hand."""
    subject = uuid4()
    stolen = []

    class Stolen(RecordingPerformer):
        async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
            await place.expire_leases()
            stolen.append(await take(place, subject, holder="thief"))

            async def save(unit: Unit) -> None:
                await unit.accounts.add_team("must not be kept")

            return Done((), save)

    await owe(place, subject, ShowCard())
    slow = room(place, talk=Stolen())
    assert await slow.desk.deliver(place.account, subject, TALK) == 0
    assert await place.owed(subject) == [("ShowCard", "owed")]
    async with place.store.transaction(place.account) as unit:
        assert await unit.accounts.teams() == {}
    assert await fenced(place, stolen[0])


async def test_the_two_lanes_of_a_subject_know_nothing_of_each_other(place: Office) -> None:
    subject = uuid4()
    await owe(place, subject, AskGuide(turn=1), ShowCard())
    thinking = await take(place, subject, WORK)
    assert (await begin(place, thinking)) is not None
    work = room(place)
    assert await work.desk.deliver(place.account, subject, WORK) == 0
    assert await work.desk.deliver(place.account, subject, TALK) == 1
    assert work.talk.performed == [ShowCard(due=work.talk.performed[0].due)]


# ── The order ───────────────────────────────────────────────────────────────────────────────────────────────


def steps(performer: RecordingPerformer) -> list[int]:
    return [effect.step for effect in performer.performed if isinstance(effect, ShowStep)]


async def test_when_the_first_fails_the_ones_behind_it_wait(place: Office) -> None:
    subject = uuid4()
    work = room(place)
    work.talk.fails = [ConnectionError("chat is away")]
    await owe(place, subject, *(ShowStep(step=n) for n in (1, 2, 3)))
    assert await work.desk.deliver(place.account, subject, TALK) == 0
    assert steps(work.talk) == []
    place.store.offset += MINUTE
    assert await work.desk.deliver(place.account, subject, TALK) == 3
    assert steps(work.talk) == [1, 2, 3]


async def test_a_lane_held_up_by_a_failure_rests_until_it_is_due(place: Office) -> None:
    """What is due behind it must not make the desk take the lane again and again."""
    subject = uuid4()
    work = room(place, limits=Limits(backoff=(40,)))
    work.talk.fails = [ConnectionError("chat is away")]
    await owe(place, subject, ShowStep(step=1), ShowStep(step=2))
    await asyncio.wait_for(work.desk.deliver(place.account, subject, TALK), 10)
    [(_, lane, after)] = work.bell.lanes
    assert lane is TALK
    assert timedelta(seconds=30) < after <= timedelta(seconds=40)
    [(versions,)] = await place.rows("select version from lanes where subject_id = :s", s=subject)
    assert versions == 1


async def test_the_sweep_leaves_held_up_lanes_out_and_finds_the_others(empty_database: Database) -> None:
    async with office(empty_database.app_url) as place:
        stuck, free, held, later = uuid4(), uuid4(), uuid4(), uuid4()
        work = room(place, limits=Limits(backoff=(40,)))
        work.talk.fails = [ConnectionError("chat is away")]
        await owe(place, stuck, ShowStep(step=1), ShowStep(step=2))
        await work.desk.deliver(place.account, stuck, TALK)
        for subject in (free, held):
            await owe(place, subject, ShowCard())
        await take(place, held)
        async with place.store.transaction(place.account) as unit:
            await unit.outbox.owe(later, (ShowCard(due=unit.now + HOUR),))
        found = await place.store.rows("select account_id, subject_id, lane from fp_due_lanes(1)")
        assert [tuple(row) for row in found] == [(place.account, free, "talk")]


async def test_a_timer_of_the_future_and_what_is_put_off_hold_nobody_up(place: Office) -> None:
    subject = uuid4()
    lease = await take(place, subject)
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(
            subject, (ShowStep(step=1, due=unit.now + HOUR), ShowStep(step=2), ShowStep(step=3))
        )
    put_off = await begin(place, lease)
    assert put_off is not None
    assert put_off.effect.step == 2  # type: ignore[union-attr]
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.again(put_off.id, unit.now + HOUR, failed=False)
    following = await begin(place, lease)
    assert following is not None
    assert following.effect.step == 3  # type: ignore[union-attr]
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.end(following.id)
    assert await begin(place, lease) is None
    place.store.offset += 2 * HOUR
    due = await begin(place, lease)
    assert due is not None
    assert (due.effect.step, due.attempts) == (1, 1)  # type: ignore[union-attr]


async def test_what_a_dead_process_had_in_hand_comes_first_again(place: Office) -> None:
    subject = uuid4()
    await owe(place, subject, ShowStep(step=1), ShowStep(step=2))
    assert await begin(place, await take(place, subject, length=timedelta(seconds=5))) is not None
    await place.expire_leases()
    again = await begin(place, await take(place, subject))
    assert again is not None
    assert (again.effect.step, again.attempts) == (1, 2)  # type: ignore[union-attr]


# ── Coalescing ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_card_owed_twice_is_drawn_once_with_the_newest_time(place: Office) -> None:
    subject = uuid4()
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(
            subject, (AskGuide(turn=1, due=unit.now + HOUR), AskGuide(turn=2), AskGuide(turn=3))
        )
        await unit.outbox.owe(uuid4(), (AskGuide(turn=9),))
    rows = await place.rows("select args, due_at from outbox where subject_id = :s", s=subject)
    assert [row.args for row in rows] == [{"turn": 3}]
    assert (await begin(place, await take(place, subject, WORK))) is not None


async def test_steps_are_never_one(place: Office) -> None:
    subject = uuid4()
    await owe(
        place, subject, ShowStep(step=1), ShowStep(step=1), Post(post_id=uuid4()), Post(post_id=uuid4())
    )
    assert len(await place.owed(subject)) == 4


async def test_what_is_owed_while_an_attempt_is_under_way_is_owed_anew(place: Office) -> None:
    """The attempt may have read the old state already."""
    subject = uuid4()
    await owe(place, subject, ShowCard())
    lease = await take(place, subject)
    under_way = await begin(place, lease)
    await owe(place, subject, ShowCard(), ShowCard())
    assert under_way is not None
    assert await place.owed(subject) == [("ShowCard", "owed"), ("ShowCard", "owed")]
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.end(under_way.id)
    assert await begin(place, lease) is not None


async def test_an_attempt_and_a_renewal_at_the_same_moment_lose_nothing(place: Office) -> None:
    """The attempt counts itself but has not committed; the renewal waits for it and then owes the card anew."""
    subject = uuid4()
    await owe(place, subject, ShowCard())
    lease = await take(place, subject)
    async with place.store.transaction(place.account) as unit:
        assert await unit.outbox.next_owed(lease) is not None
        renewal = asyncio.create_task(owe(place, subject, ShowCard()))
        await place.until_somebody_waits(renewal)
    await renewal
    assert len(await place.owed(subject)) == 2


async def test_an_attempt_does_not_begin_what_was_just_put_off(place: Office) -> None:
    subject = uuid4()
    await owe(place, subject, AskGuide(turn=1))
    lease = await take(place, subject, WORK)
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(subject, (AskGuide(turn=1, due=unit.now + HOUR),))
        attempt = asyncio.create_task(begin(place, lease))
        await place.until_somebody_waits(attempt)
    assert await attempt is None


async def test_a_verb_and_its_arguments_come_back_as_they_were(place: Office) -> None:
    subject, post = uuid4(), uuid4()
    await owe(place, subject, Post(post_id=post), ReadTicket(ticket_id=4711))
    lease = await take(place, subject, WORK)
    row = await begin(place, lease)
    assert row is not None
    assert row.effect == Post(post_id=post, due=row.effect.due)


async def test_whoever_owes_knows_when_each_lane_can_go_on(place: Office) -> None:
    """As a look afterwards would say: behind a failed effect nothing goes on before it, a renewed one counts anew."""
    subject = uuid4()
    async with place.store.transaction(place.account) as unit:
        now = unit.now
    told = (
        (AskGuide(turn=1, due=now + HOUR), ShowCard(due=now + HOUR), ShowStep(step=1)),
        (AskGuide(turn=2, due=now + MINUTE),),
        (ShowStep(step=2), ShowCard(), AskGuide(turn=3), ShowStep(step=3)),
        (),
    )
    for round_, effects in enumerate(told):
        async with place.store.transaction(place.account) as unit:
            await unit.outbox.owe(subject, effects)
            known = unit.outbox.wakes.get(subject, [])
            assert set(known) == (set(await unit.outbox.waiting(subject)) if effects else set())
        if round_ == 1:
            row = await begin(place, await take(place, subject))
            assert row is not None
            async with place.store.transaction(place.account) as unit:
                await unit.outbox.again(row.id, now + HOUR, "E1")
    assert [verb for verb, _ in await place.owed(subject)] == [
        "AskGuide", "ShowCard", "ShowStep", "ShowStep", "ShowStep",
    ]  # fmt: skip
