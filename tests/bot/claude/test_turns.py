"""Turns with the practice model over HTTP: the step, the shared bytes, the cache, and the books."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from engine.events import Paused
from engine.model import Usage
from engine.session import WaitingFor
from tests.bot.claude.claude_scene import ODD, Scene, acted, asks, steps, told
from tests.conftest import Database


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        yield made


TEN = [f"Question number {n}, which nobody asked before: what do you see there?" for n in range(1, 11)]


async def test_a_turn_brings_the_models_step_with_its_reason(scene: Scene) -> None:
    scene.practice.script(*steps("Since when does it happen?"))
    step = await scene.start()
    assert (step.text, step.guide, step.aside) == ("Since when does it happen?", "claude", "")
    assert step.why.endswith("Rests on what was reported.")
    assert [option.id for option in step.options] == ["o1", "o2"]
    session = await scene.now()
    assert (session.problem_summary, session.problem_domain) == ("Something odd on one machine", "endpoint")
    [call] = await scene.calls()
    assert (call.used, call.turn, call.attempt) == (True, 1, 1)
    assert step.stand["call"] == str(call.id)


async def test_what_is_told_is_told_once_and_every_request_begins_with_the_one_before(scene: Scene) -> None:
    scene.practice.script(*steps(*TEN))
    await scene.start()
    for number in range(1, 10):
        await scene.answer(f"Answer {number} of the technician")
    bodies = [entry.raw for entry in scene.asked]
    assert len(bodies) == 10
    for before, after in pairwise(bodies):
        start = before.index(b'"messages":[')
        end = before.index(b'],"model"', start)
        assert after[start:].startswith(before[start:end])
        assert json.loads(before)["system"] == json.loads(after)["system"]
    assert bodies[-1].count(b"Answer 3 of the technician") == 1


async def test_each_turn_reads_nearly_all_of_the_prompt_before_from_the_cache(scene: Scene) -> None:
    scene.practice.script(*steps(*TEN))
    await scene.start()
    for number in range(1, 10):
        await scene.answer(f"Answer {number} of the technician")
    usages = [told(entry) for entry in scene.asked]
    for before, after in pairwise(usages):
        assert after.cache_read >= 0.95 * before.prompt


async def test_what_is_booked_is_what_the_vendor_counted(scene: Scene) -> None:
    scene.practice.script(*steps(*TEN))
    await scene.start()
    for number in range(1, 5):
        await scene.answer(f"Answer {number}")
    total = Usage()
    for entry in scene.asked:
        total += told(entry)
    assert await scene.spent() == total
    rows = await scene.place.rows(
        "select total_input_tokens, total_cache_read_tokens, total_cache_write_tokens, total_output_tokens "
        "from ai_sessions where id = :s",
        s=scene.session,
    )
    assert tuple(rows[0]) == (total.input, total.cache_read, total.cache_write, total.output)
    assert all(call.cost > 0 for call in await scene.calls())


async def test_what_was_pasted_in_the_intake_stands_in_the_prompt_between_tags_of_its_own(
    scene: Scene,
) -> None:
    await scene.start()
    [prompt] = scene.prompts()
    assert ODD in prompt
    tag = json.loads(prompt)["system"][1]["text"].partition("untrusted-")[2][:8]
    assert f'<untrusted-{tag} source=\\"report\\">' in prompt


async def test_a_session_that_rests_has_its_conversation_in_its_row(scene: Scene) -> None:
    scene.practice.script(*steps(*TEN))
    await scene.start()
    await scene.answer("Since Monday")
    await scene.happens(Paused(scene.place.anna, WaitingFor.CUSTOMER))
    [row] = await scene.place.rows(
        "select system_prompt_snapshot as system, conversation_messages as said from ai_sessions where id = :s",
        s=scene.session,
    )
    assert "You are the guide inside FlowPilot" in row.system
    assert [message["role"] for message in row.said] == ["system", "user", "assistant", "user", "assistant"]
    assert "Since Monday" in row.said[3]["content"][0]["text"]


async def test_an_answer_that_was_learned_from_is_in_the_record(scene: Scene) -> None:
    learned = asks("And since when?", facts=[{"text": "Only the accounting computer is slow", "step": 1}])
    scene.practice.script(steps("Who is affected?")[0], learned)
    await scene.start()
    await scene.answer("Only the accounting computer is slow, the others work")
    assert [fact.text for fact in (await scene.history()).facts] == ["Only the accounting computer is slow"]
