"""A process that dies anywhere in a turn: the next one brings the same step, and nothing is told or booked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count, pairwise
from typing import Any
from uuid import uuid4

import pytest

from engine.effects import Lane
from engine.model import DEAF, Hearing, Model, ModelCall, ModelReply, Usage
from storage.conversations import CallState
from storage.store import Store
from tests.bot.claude.claude_scene import Scene, acted, steps
from tests.conftest import Database
from tests.fakes import VAULT, Fate, Killed

TEXTS = ["Since when does it happen?", "What changed on that day?", "Is another user affected?"]


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        made.practice.script(*steps(*TEXTS))
        yield made


@dataclass
class Mortal:
    """A model in a process that may die before it asks, when the answer begins, in the middle, or after it."""

    model: Model
    fate: Fate

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        async def started(message_id: str, usage: Usage) -> None:
            self.fate.cross()
            assert hearing.started is not None
            await hearing.started(message_id, usage)

        async def text(words: str) -> None:
            # The whole answer is one boundary, or there would be hundreds.
            if not heard:
                self.fate.cross()
            heard.append(words)
            assert hearing.text is not None
            await hearing.text(words)

        heard: list[str] = []
        self.fate.cross()
        reply = await self.model.ask(call, Hearing(started, text))
        self.fate.cross()
        return reply

    async def close(self) -> None: ...


async def dies_at(scene: Scene, boundary: int, work: Any) -> bool:
    """Another process works until it dies; False where it lived."""
    fate = Fate(boundary)
    assert scene.store is None
    store = Store(scene.place.store.url, VAULT, pool_size=2)
    fate.rule(store)
    mortal = scene.other(store=store, model=Mortal(scene.model, fate))
    try:
        with suppress(Killed):
            await work(mortal)
        await gone(mortal)
        return fate.crossed >= boundary
    finally:
        await store.close()


async def gone(worker: Scene) -> None:
    """Nothing of it goes on in the background."""
    calls = worker.guide._calls
    beside = [*calls._beside, *(f.task for f in calls._flights.values() if f.task is not None)]
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


async def seen_whole(scene: Scene) -> None:
    """Three turns ended as they would have without a death."""
    shown = await scene.transcript()
    assert [text for text, _, _ in shown] == TEXTS
    assert {guide for _, _, guide in shown} == {"claude"}
    calls = await scene.calls()
    assert len([c for c in calls if c.used]) == 3
    assert len([c for c in calls if c.state is CallState.UNKNOWN]) <= 1
    assert not [c for c in calls if c.state is CallState.IN_FLIGHT]


def bodies_of(scene: Scene, after: int) -> list[bytes]:
    return [entry.raw[entry.raw.index(b'"messages":[') :] for entry in scene.asked[after:]]


async def test_a_death_at_any_boundary_of_a_turn_changes_nothing_in_the_end(scene: Scene) -> None:
    # So that the beginning of the answer is noted before its end comes.
    scene.practice.settings = replace(scene.practice.settings, event_seconds=0.001)
    died = 0
    for boundary in count(1):
        scene.session, before = uuid4(), len(scene.asked)
        await scene.start()
        await scene.says("Since Monday")

        async def turn(mortal: Scene) -> None:
            await mortal.deliver()

        dead = await dies_at(scene, boundary, turn)
        died += dead
        await scene.place.expire_leases()
        await scene.deliver()
        await scene.answer("A new printer came")
        await seen_whole(scene)
        for first, then in pairwise(bodies_of(scene, before)):
            assert then.startswith(first[: first.index(b'],"model"')])
        if not dead:
            break
    assert died >= 7


async def test_a_death_in_the_first_turn_leaves_one_beginning_and_one_vault(scene: Scene) -> None:
    for boundary in count(1):
        scene.session, before = uuid4(), len(scene.asked)

        async def turn(mortal: Scene) -> None:
            await mortal.start()

        dead = await dies_at(scene, boundary, turn)
        await scene.place.expire_leases()
        if not await scene.place.rows("select 1 from ai_sessions where id = :s", s=scene.session):
            continue
        await scene.deliver()
        await scene.answer("Since Monday")
        await scene.answer("A new printer came")
        await seen_whole(scene)
        systems = {entry.raw[entry.raw.index(b'"system":') :] for entry in scene.asked[before:]}
        assert len(systems) == 1
        if not dead:
            break


class Cut:
    """Drives a piece of work and cancels it at its nth pause, as the end of a worker does."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self._work = work
        self._at = at
        self.paused = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._work.__await__()
        given: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                waits = inner.send(given) if thrown is None else inner.throw(thrown)
            except StopIteration as ended:
                return ended.value
            self.paused += 1
            if self.paused == self._at and (task := asyncio.current_task()) is not None:
                task.cancel()
            given, thrown = None, None
            try:
                given = yield waits
            except BaseException as error:  # noqa: BLE001 - it is thrown on at once
                thrown = error


async def cut_at(worker: Scene, pause: int) -> bool:
    """False where the work ended before."""
    cut = Cut(worker.work.desk.deliver(worker.place.account, worker.session, Lane.WORK), pause)

    async def work() -> None:
        await cut

    with suppress(asyncio.CancelledError):
        await asyncio.create_task(work())
    await gone(worker)
    return cut.paused >= pause


async def test_a_turn_cancelled_at_any_pause_ends_the_same(scene: Scene) -> None:
    for pause in count(1, 3):
        scene.session = uuid4()
        await scene.start()
        await scene.says("Since Monday")
        cut = await cut_at(scene.other(), pause)
        await scene.place.expire_leases()
        await scene.deliver()
        await scene.answer("A new printer came")
        await seen_whole(scene)
        if not cut:
            break
    assert pause > 30


@dataclass
class Dying(Mortal):
    """The process dies when the whole answer is there: it was paid for and is lost."""

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        await self.model.ask(call, hearing)
        self.fate.at = 0
        raise Killed

    async def close(self) -> None: ...


async def test_two_attempts_that_nobody_knows_of_leave_the_turn_to_the_offline_guide(scene: Scene) -> None:
    await scene.start()
    await scene.says("Since Monday")
    for _ in range(2):
        fate, store = Fate(), Store(scene.place.store.url, VAULT, pool_size=2)
        fate.rule(store)
        dying = scene.other(store=store, model=Dying(scene.model, fate))
        with suppress(Killed):
            await dying.deliver()
        await gone(dying)
        await store.close()
        await scene.place.expire_leases()
    assert len(scene.asked) == 3
    step = await scene.deliver()
    calls = await scene.calls()
    assert [c.state for c in calls if c.turn == 2] == [CallState.UNKNOWN] * 2
    assert (step.guide, step.aside) == ("offline", "guide_away")
    assert all(c.usage.total > 0 and c.cost > 0 for c in calls)
    assert (await scene.answer("It began after an update")).guide == "claude"
