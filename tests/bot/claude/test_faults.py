"""Everything that can go wrong with the model: the turn ends in a defined state, and the model is back on the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.model import Failure, StopReason
from engine.session import Role
from storage.conversations import CallState
from tests.bot.claude.claude_scene import SOON, Scene, acted, ahead, steps, told
from tests.conftest import Database

TEXTS = ["Since when does it happen?", "What changed on that day?", "Is another user affected?"]
EVERY = len(SOON.waits) + 1


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        made.practice.script(*steps(*TEXTS))
        yield made


async def spoilt(scene: Scene, **fault: Any) -> Any:
    """The second turn under a fault; its Step."""
    await scene.start()
    scene.practice.faults.add(**fault)
    return await scene.answer("Since Monday")


async def comes_back(scene: Scene) -> None:
    """The next turn is the model's, and nothing was lost or doubled on the way."""
    scene.practice.faults.clear()
    back = await scene.answer("A new printer came")
    assert (back.guide, back.aside, back.number) == ("claude", "", 3)
    assert "Since Monday" in scene.prompts()[-1]
    assert [s.number for s in (await scene.history()).steps] == [1, 2, 3]
    assert not [c for c in await scene.calls() if c.state is CallState.IN_FLIGHT]


PASSING = [
    {"kind": "status", "status": 429, "retry_after": 0.05},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 529},
    {"kind": "html", "status": 502},
    {"kind": "error_event", "after": 3},
    {"kind": "reset", "after": 0},
    {"kind": "reset", "after": 4},
    {"kind": "cut", "after": 5},
    {"kind": "cut_body"},
    {"kind": "stall", "after": 4, "seconds": 60},
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f"{f['kind']}-{f.get('status', f.get('after', ''))}")
async def test_what_passes_is_tried_again_by_our_own_schedule(scene: Scene, fault: dict[str, Any]) -> None:
    if fault["kind"] == "stall":
        scene = scene.other(rules=replace(scene.rules, silence=2.0))
    step = await spoilt(scene, **fault, times=1)
    assert (step.text, step.guide, step.aside, step.number) == (TEXTS[1], "claude", "", 2)
    calls = [c for c in await scene.calls() if c.turn == 2]
    assert [c.attempt for c in calls] == [1, 2]
    assert (calls[0].state, calls[1].used) == (CallState.FAILED, True)
    await comes_back(scene)


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f"{f['kind']}-{f.get('status', f.get('after', ''))}")
async def test_what_does_not_pass_leaves_the_turn_to_the_offline_guide(
    scene: Scene, fault: dict[str, Any]
) -> None:
    if fault["kind"] == "stall":
        scene = scene.other(rules=replace(scene.rules, silence=0.1))
    step = await spoilt(scene, **fault, times=None)
    assert (step.guide, step.aside, step.number) == ("offline", "guide_away", 2)
    assert len([c for c in await scene.calls() if c.turn == 2]) == EVERY
    await comes_back(scene)


@pytest.mark.parametrize(
    ("status", "failure", "aside"),
    [
        (400, Failure.REJECTED, "guide_away"),
        (401, Failure.KEY_REFUSED, "guide_closed"),
        (402, Failure.UNPAID, "guide_closed"),
        (403, Failure.FORBIDDEN, "guide_closed"),
        (413, Failure.TOO_LARGE, "guide_away"),
    ],
)
async def test_what_no_waiting_heals_is_not_repeated(
    scene: Scene, status: int, failure: Failure, aside: str
) -> None:
    step = await spoilt(scene, kind="status", status=status, times=None)
    assert (step.guide, step.aside, step.number) == ("offline", aside, 2)
    [call] = [c for c in await scene.calls() if c.turn == 2]
    assert (call.state, call.failure, call.status) == (CallState.FAILED, failure, status)
    await comes_back(scene)


async def test_a_vendor_that_asks_for_too_long_a_wait_is_not_waited_for(scene: Scene) -> None:
    step = await spoilt(scene, kind="status", status=429, retry_after=90, times=None)
    assert (step.guide, step.aside) == ("offline", "guide_away")
    assert len([c for c in await scene.calls() if c.turn == 2]) == 1
    await comes_back(scene)


async def test_a_refusal_is_paid_for_and_the_offline_guide_takes_the_turn(scene: Scene) -> None:
    step = await spoilt(scene, kind="refusal", times=None)
    assert (step.guide, step.aside) == ("offline", "guide_refused")
    [call] = [c for c in await scene.calls() if c.turn == 2]
    assert (call.stop_reason, call.used) == (StopReason.REFUSAL, False)
    assert call.usage == told(scene.asked[-1])
    await comes_back(scene)


async def test_an_answer_that_was_too_long_is_asked_for_once_more_with_double_the_room(scene: Scene) -> None:
    step = await spoilt(scene, kind="max_tokens", times=1)
    assert (step.text, step.guide) == (TEXTS[1], "claude")
    short, whole = [c for c in await scene.calls() if c.turn == 2]
    assert whole.max_tokens == 2 * short.max_tokens
    assert scene.asked[-1].raw.partition(b'"messages"')[2] == scene.asked[-2].raw.partition(b'"messages"')[2]


async def test_an_answer_that_stays_too_long_is_given_up(scene: Scene) -> None:
    step = await spoilt(scene, kind="max_tokens", times=None)
    assert (step.guide, step.aside) == ("offline", "guide_unclear")
    assert len([c for c in await scene.calls() if c.turn == 2]) == 2
    await comes_back(scene)


async def test_an_answer_that_does_not_hold_is_sent_back_once_with_its_reason(scene: Scene) -> None:
    step = await spoilt(scene, kind="malformed", times=1)
    assert step.guide == "claude"
    first, again = scene.asked[-2:]
    assert len(again.body["messages"]) == len(first.body["messages"]) + 2
    assert "could not be used" in again.body["messages"][-1]["content"][0]["text"]
    assert again.body["messages"][:-2] == first.body["messages"]
    assert [c.used for c in await scene.calls() if c.turn == 2] == [False, True]


@pytest.mark.parametrize("fault", [{"kind": "malformed"}, {"kind": "hostile"}], ids=lambda f: f["kind"])
async def test_an_answer_that_does_not_hold_twice_is_given_up(scene: Scene, fault: dict[str, Any]) -> None:
    step = await spoilt(scene, **fault, times=None)
    assert (step.guide, step.aside) == ("offline", "guide_unclear")
    assert "@U0" not in step.text
    await comes_back(scene)


@pytest.mark.parametrize("kind", ["unknown_block", "thinking_first", "json_to_stream"])
async def test_what_is_only_strange_is_an_answer_all_the_same(scene: Scene, kind: str) -> None:
    step = await spoilt(scene, kind=kind, times=None)
    assert (step.text, step.guide) == (TEXTS[1], "claude")


async def test_usage_is_booked_also_where_an_answer_broke_off(scene: Scene) -> None:
    await spoilt(scene, kind="cut", after=5, times=1)
    broken = next(c for c in await scene.calls() if c.state is CallState.FAILED)
    assert broken.usage.prompt == told(scene.asked[1]).prompt > 0
    assert broken.cost > 0


# ── The breaker and the Admins ──────────────────────────────────────────────────────────────────────────────


async def test_after_three_failed_turns_the_model_is_left_alone_for_a_minute(scene: Scene) -> None:
    scene.practice.faults.add(kind="status", status=401, times=None)
    await scene.start()
    for answer in ("Since Monday", "A printer", "Nobody else"):
        await scene.answer(answer)
    asked = len(scene.asked)
    assert asked == 3
    step = await scene.answer("Still nothing")
    assert (step.guide, len(scene.asked)) == ("offline", asked)
    scene.practice.faults.clear()
    scene.watch.seconds += 61
    assert (await scene.answer("Still")).guide == "claude"


async def told_to(scene: Scene, person: object) -> list[str]:
    rows = await scene.place.rows(
        "select args ->> 'what' as what from outbox where subject_id = :p and verb = 'Tell' order by id",
        p=person,
    )
    return [row.what for row in rows]


@pytest.mark.parametrize(
    ("status", "what"),
    [(401, "model_key_refused"), (402, "model_unpaid"), (403, "model_forbidden")],
)
async def test_admins_hear_of_it_once_an_hour(scene: Scene, status: int, what: str) -> None:
    async with scene.place.store.transaction(scene.place.account) as unit:
        await unit.accounts.set_roles(scene.place.lea.id, [Role.LEAD, Role.ADMIN])
    await scene.start()
    scene.practice.faults.add(kind="status", status=status, times=None)
    await scene.answer("Since Monday")
    await scene.answer("A printer")
    assert await told_to(scene, scene.place.lea.id) == [what]
    assert await told_to(scene, scene.place.anna.id) == []
    await ahead(scene, timedelta(minutes=61))
    await scene.answer("Nobody else")
    assert await told_to(scene, scene.place.lea.id) == [what, what]
