"""A reply that comes when nobody waits any more: the lane is free at once, and what was paid for is kept and used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from engine.events import (
    Abandoned,
    EscalationRequested,
    Event,
    EvidenceAdded,
    GuideAskedAgain,
    GuideStopped,
    Paused,
    Resolved,
    Resumed,
)
from engine.model import DEAF, Hearing, Model, ModelCall, ModelReply, Usage
from engine.pricing import cost
from engine.session import Status, Target, WaitingFor
from storage.conversations import CallRow, CallState
from tests.bot.claude.claude_scene import Scene, acted, steps, told
from tests.bot.waiting import until
from tests.conftest import Database

TEXTS = ["Since when does it happen?", "What changed on that day?", "Is another user affected?"]


@dataclass
class Slow:
    """Answers when it may."""

    model: Model
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        self.calls += 1
        self.asked.set()
        await self.go_on.wait()
        return await self.model.ask(call, hearing)

    async def close(self) -> None: ...


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        made.practice.script(*steps(*TEXTS))
        await made.start()
        slow = Slow(made.model)
        thinking = made.other(model=slow)
        try:
            yield thinking
        finally:
            slow.go_on.set()
            await thinking.guide.close()


def slow_of(scene: Scene) -> Slow:
    assert isinstance(scene.model, Slow)
    return scene.model


async def thinks(scene: Scene) -> asyncio.Task[int]:
    """The second turn, while the model works on it."""
    await scene.says("Since Monday")
    task = scene.delivering()
    async with asyncio.timeout(10):
        await slow_of(scene).asked.wait()
    return task


async def ends(task: asyncio.Task[int]) -> None:
    async with asyncio.timeout(10):
        await task


async def kept(scene: Scene) -> CallRow:
    """The reply of the second turn, once it stands beside its call."""
    found: list[CallRow] = []

    async def there() -> bool:
        found[:] = [c for c in await scene.calls() if c.turn == 2 and c.state is CallState.ANSWERED]
        return bool(found)

    slow_of(scene).go_on.set()
    await until(there, "the late reply was kept")
    return found[0]


async def stops(scene: Scene) -> Event:
    return GuideStopped(scene.place.anna, (await scene.now()).turn.number)


async def pauses(scene: Scene) -> Event:
    return Paused(scene.place.anna, WaitingFor.CUSTOMER)


async def escalates(scene: Scene) -> Event:
    return EscalationRequested(scene.place.anna, "I am stuck", Target())


async def resolves(scene: Scene) -> Event:
    return Resolved(scene.place.anna, "It went away", "Nothing")


async def abandons(scene: Scene) -> Event:
    return Abandoned(scene.place.anna)


Happens = Callable[[Scene], Awaitable[Event]]


@pytest.mark.parametrize("happens", [stops, pauses, escalates, resolves, abandons])
async def test_the_lane_is_free_at_once_and_the_reply_is_kept_but_not_shown(
    scene: Scene, happens: Happens
) -> None:
    task = await thinks(scene)
    await scene.happens(await happens(scene))
    await ends(task)
    assert not slow_of(scene).go_on.is_set()
    call = await kept(scene)
    assert (call.used, call.usage) == (False, told(scene.asked[-1]))
    assert [s.text for s in (await scene.history()).steps] == TEXTS[:1]


async def test_a_session_that_goes_on_with_no_news_takes_the_kept_reply_without_a_new_call(
    scene: Scene,
) -> None:
    task = await thinks(scene)
    await scene.happens(await pauses(scene))
    await ends(task)
    await kept(scene)
    await scene.happens(Resumed(scene.place.anna))
    step = await scene.deliver()
    assert (step.text, step.guide, slow_of(scene).calls) == (TEXTS[1], "claude", 1)
    assert [c.used for c in await scene.calls()] == [True, True]
    last = await scene.answer("A new printer came")
    assert (last.text, len(scene.asked)) == (TEXTS[2], 3)


async def test_another_process_takes_the_kept_reply_as_well(scene: Scene) -> None:
    task = await thinks(scene)
    await scene.happens(await stops(scene))
    await ends(task)
    await kept(scene)
    other = scene.other()
    await other.happens(GuideAskedAgain(scene.place.anna))
    assert (await other.deliver()).text == TEXTS[1]
    assert len(scene.asked) == 2


async def test_who_asks_again_while_the_model_still_thinks_waits_for_the_same_call(scene: Scene) -> None:
    task = await thinks(scene)
    await scene.happens(await stops(scene))
    await ends(task)
    await scene.happens(GuideAskedAgain(scene.place.anna))
    again = scene.delivering()
    slow_of(scene).go_on.set()
    await ends(again)
    assert ((await scene.step()).text, slow_of(scene).calls) == (TEXTS[1], 1)
    assert [c.used for c in await scene.calls()] == [True, True]


async def test_a_session_that_goes_on_with_news_asks_anew_and_leaves_the_reply(scene: Scene) -> None:
    task = await thinks(scene)
    await scene.happens(await pauses(scene))
    await ends(task)
    await kept(scene)
    await scene.happens(EvidenceAdded(scene.place.anna, "It also beeps"))
    await scene.happens(Resumed(scene.place.anna))
    step = await scene.deliver()
    assert (step.guide, slow_of(scene).calls) == ("claude", 2)
    assert "It also beeps" in scene.prompts()[-1]
    assert "Since Monday" in scene.prompts()[-1]
    assert [c.used for c in await scene.calls()] == [True, False, True]


async def test_a_reply_whose_turn_ends_while_it_is_saved_is_kept_beside_the_conversation(
    scene: Scene,
) -> None:
    task = await thinks(scene)
    # Without the watch: the answer comes to its end and finds the Session paused.
    await scene.happens(await pauses(scene))
    slow_of(scene).go_on.set()
    await ends(task)
    await kept(scene)
    assert (await scene.now()).status is Status.PAUSED
    async with scene.place.store.transaction(scene.place.account) as unit:
        chapter = await unit.conversations.chapter(scene.session)
    assert chapter is not None
    assert [piece.role for piece in chapter.messages] == ["system", "user", "assistant", "user"]


async def test_at_the_end_of_the_process_what_is_under_way_gets_a_last_chance(scene: Scene) -> None:
    task = await thinks(scene)
    await scene.happens(await stops(scene))
    await ends(task)
    closing = asyncio.create_task(scene.guide.close())
    slow_of(scene).go_on.set()
    await closing
    assert [c.state for c in await scene.calls()] == [CallState.ANSWERED, CallState.ANSWERED]


async def test_a_process_that_ends_without_the_reply_leaves_it_to_be_counted(scene: Scene) -> None:
    scene = scene.other(schedule=replace(scene.schedule, patience=0.01))
    task = await thinks(scene)
    await scene.happens(await stops(scene))
    await ends(task)
    await scene.guide.close()
    assert [c.state for c in await scene.calls()] == [CallState.ANSWERED, CallState.IN_FLIGHT]


async def test_what_the_vendor_had_begun_when_the_process_ended_is_booked(scene: Scene) -> None:
    class Begins(Slow):
        async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
            assert hearing.started is not None
            await hearing.started("msg_9", Usage(10, 200, 3_000, 1))
            return await super().ask(call, hearing)

    scene = scene.other(
        model=Begins(scene.model), schedule=replace(scene.schedule, patience=0.5)
    )  # its row is written meanwhile
    task = await thinks(scene)
    await scene.happens(await stops(scene))
    await ends(task)
    await scene.guide.close()
    first, last = await scene.calls()
    assert (first.state, last.state) == (CallState.ANSWERED, CallState.UNKNOWN)
    assert (last.usage, last.cost) == (Usage(10, 200, 3_000, 1), cost(last.model, last.usage))


class Lost(Exception):
    """The transaction that would have saved everything did not come to its end."""


async def test_a_reply_that_could_not_be_saved_is_used_when_the_turn_is_tried_again(scene: Scene) -> None:
    """The reply is in the memory of the process, so nobody pays for it twice."""
    slow_of(scene).go_on.set()
    apply: Any = scene.work.desk.apply
    failures = [Lost()]

    async def breaks(*given: Any) -> Any:
        found = await apply(*given)
        if failures and type(given[2]).__name__ == "GuideReplied":
            raise failures.pop()
        return found

    desk: Any = scene.work.desk
    desk.apply = breaks
    await scene.says("Since Monday")
    await ends(scene.delivering())
    assert not failures
    await scene.place.rows("update outbox set due_at = now() where state = 'owed'")
    scene.work.trouble.noted.clear()
    step = await scene.deliver()
    assert (step.text, slow_of(scene).calls) == (TEXTS[1], 1)
    assert [c.used for c in await scene.calls()] == [True, True]
