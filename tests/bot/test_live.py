"""The watch over a Turn on a real database: what is shown while the Guide works, and how its call ends early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.live import Pace, Watched, Watching
from engine.events import (
    EscalationRequested,
    Event,
    EvidenceAdded,
    GuideAskedAgain,
    GuideStopped,
    Paused,
    Resolved,
    Resumed,
)
from engine.session import Status, Target, WaitingFor
from tests.bot.live_scene import AT_ONCE, Broken, FakeLives, Held, done, scene
from tests.conftest import Database
from tests.fakes import Killed, Office, office


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


# ── What is shown ───────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_shown_of_a_guide_that_answers_at_once(place: Office) -> None:
    at = await scene(place, Pace(shown=60.0, look=60.0))
    at.guide.go_on.set()
    await done(at.deliver())
    assert at.lives.signs == []
    assert (await place.session(at.session)).step_count == 2


async def test_what_the_guide_says_is_shown_as_it_grows_and_taken_away_at_the_end(place: Office) -> None:
    at = await scene(place)
    task = await at.asked()
    sign = await at.lives.shown()
    assert sign.texts[-1] == "The log "
    assert sign.place.thread == "17.1"
    assert sign.watched == Watched(at.session, 1, f"U{at.session.hex[:8]}")
    assert sign.ended == 0
    at.guide.go_on.set()
    await done(task)
    assert sign.ended == 1
    assert (await place.session(at.session)).step_count == 2


async def test_a_failed_call_leaves_nothing_on_the_screen(place: Office) -> None:
    at = await scene(place)
    at.guide.fails = [ConnectionError("the model is away")]
    task = await at.asked()
    sign = await at.lives.shown()
    at.guide.go_on.set()
    await done(task)
    assert sign.ended == 1
    assert await at.owed() == ["owed"]


async def test_a_worker_that_is_told_to_end_takes_it_away_and_the_guide_is_asked_again(place: Office) -> None:
    at = await scene(place)
    task = await at.asked()
    sign = await at.lives.shown()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await done(task)
    assert (sign.ended, at.guide.cancelled) == (1, 1)
    assert await at.owed() == ["owed"]
    at.guide.go_on.set()
    await done(at.deliver())
    assert (await place.session(at.session)).step_count == 2


async def test_a_process_that_dies_in_the_call_leaves_it_owed(place: Office) -> None:
    at = await scene(place)
    at.guide.fails = [Killed()]  # type: ignore[list-item]
    at.guide.go_on.set()
    with pytest.raises(Killed):
        await done(at.deliver())
    assert await at.owed() == ["owed"]
    await place.expire_leases()
    await done(at.deliver())
    assert (await place.session(at.session)).step_count == 2


async def test_a_platform_that_fails_disturbs_nothing(place: Office) -> None:
    at = await scene(place, lives=FakeLives(breaks=True))
    task = await at.asked()
    sign = await at.lives.shown()
    at.guide.go_on.set()
    await done(task)
    assert sign.ended == 1
    assert at.work.trouble.noted == []
    assert (await place.session(at.session)).step_count == 2


async def test_a_thread_that_is_not_opened_yet_is_asked_for_again(place: Office) -> None:
    at = await scene(place, lives=FakeLives(not_yet=2))
    task = await at.asked()
    assert (await at.lives.shown()).watched.turn == 1
    at.guide.go_on.set()
    await done(task)


async def test_what_cannot_be_taken_away_at_once_does_not_hold_up_the_answer(place: Office) -> None:
    stuck = asyncio.Event()
    at = await scene(place, Pace(shown=0.0, look=0.01, patience=0.01), lives=FakeLives(stuck=stuck))
    task = await at.asked()
    sign = await at.lives.shown()
    at.guide.go_on.set()
    await done(task)
    assert ((await place.session(at.session)).step_count, sign.ended) == (2, 0)
    stuck.set()
    await at.watching.close()
    assert sign.ended == 1


async def test_the_next_call_hears_of_the_message_that_a_dead_process_left(place: Office) -> None:
    at = await scene(place)
    task = await at.asked()
    sign = await at.lives.shown()
    assert sign.watched.left == ""
    await sign.keep("C1:18.1")
    task.cancel()
    await asyncio.wait({task})
    at.lives.begun.clear()
    at.guide.asked.clear()
    again = await at.asked()
    assert (await at.lives.shown()).watched.left == "C1:18.1"
    at.guide.go_on.set()
    await done(again)


# ── Stop ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_stop_in_another_worker_ends_the_call_and_the_next_words_are_taken(place: Office) -> None:
    at = await scene(place)
    task = await at.asked()
    sign = await at.lives.shown()
    await at.happens(GuideStopped(place.anna, 1))
    await done(task)
    assert (at.guide.cancelled, sign.ended) == (1, 1)
    stopped = await place.session(at.session)
    assert (stopped.step_count, stopped.turn.stopped, stopped.turn.open) == (1, True, False)
    assert await at.owed() == ["done"]
    assert at.work.trouble.noted == []
    at.guide.go_on.set()
    await at.happens(EvidenceAdded(place.anna, "It prints from another computer"))
    await done(at.deliver())
    after = await place.session(at.session)
    assert (after.step_count, after.turn.number, after.turn.stopped) == (2, 2, False)


async def test_words_and_ask_again_right_after_the_stop_do_not_wait_for_the_call_that_was_stopped(
    place: Office,
) -> None:
    at, gate = await scene(place), asyncio.Event()
    # Both happen before the watch looks; a call that was ended between them would have nobody to go on from.
    at.watching.store = Held(place.store, gate)  # type: ignore[assignment]
    task = await at.asked()
    at.guide.asked.clear()  # before anything can make it ask again
    await at.happens(GuideStopped(place.anna, 1))
    await at.happens(GuideAskedAgain(place.anna))
    gate.set()
    async with asyncio.timeout(10):
        await at.guide.asked.wait()
    at.guide.go_on.set()
    await done(task)
    assert (at.guide.calls, at.guide.cancelled) == (2, 1)
    assert (await place.session(at.session)).step_count == 2


@pytest.mark.parametrize("how", ["a failure", "an answer"])
async def test_a_guide_that_makes_of_its_cancellation_something_else_was_stopped_all_the_same(
    place: Office, how: str
) -> None:
    at = await scene(place)
    at.guide.stubborn = ConnectionError("cancelled") if how == "a failure" else None
    at.guide.answers_anyway = True
    task = await at.asked()
    await at.happens(GuideStopped(place.anna, 1))
    await done(task)
    assert (await place.session(at.session)).step_count == 1
    assert await at.owed() == ["done"]
    assert at.work.trouble.noted == []


async def test_a_worker_told_to_end_while_a_stop_is_under_way_ends(place: Office) -> None:
    at = await scene(place)
    task = await at.asked()
    await at.happens(GuideStopped(place.anna, 1))
    async with asyncio.timeout(10):
        await at.guide.ended_early.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await done(task)
    await place.expire_leases()
    await done(at.deliver())
    assert await at.owed() == ["done"]
    assert (at.guide.calls, (await place.session(at.session)).step_count) == (1, 1)


@pytest.mark.parametrize("what", ["paused", "escalated", "resolved"])
async def test_work_that_goes_on_without_the_answer_ends_the_call(place: Office, what: str) -> None:
    anna = place.anna
    happened: dict[str, Event] = {
        "paused": Paused(anna, WaitingFor.CUSTOMER),
        "escalated": EscalationRequested(anna, "Stuck", Target()),
        "resolved": Resolved(anna, "Cable", "Swapped"),
    }
    at = await scene(place)
    task = await at.asked()
    await at.happens(happened[what])
    async with asyncio.timeout(10):
        await at.guide.ended_early.wait()
    at.guide.go_on.set()
    task.cancel()
    await asyncio.wait({task})
    assert (await place.session(at.session)).step_count == 1
    assert at.work.trouble.noted == []


async def test_a_session_that_was_paused_while_the_guide_thought_asks_it_when_it_is_resumed(
    place: Office,
) -> None:
    at = await scene(place)
    task = await at.asked()
    await at.happens(Paused(place.anna, WaitingFor.CUSTOMER))
    await done(task)
    at.guide.go_on.set()
    await at.happens(Resumed(place.anna))
    await done(at.deliver())
    after = await place.session(at.session)
    assert (after.status, after.step_count) == (Status.ACTIVE, 2)


async def test_a_database_that_is_away_for_a_moment_does_not_end_the_call(place: Office) -> None:
    at = await scene(place)
    broken = Broken()
    watching = Watching(broken, {}, AT_ONCE)  # type: ignore[arg-type]
    session = await place.session(at.session)
    async with watching.working(place.account, session, 1), asyncio.timeout(10):
        await broken.asked_twice.wait()
