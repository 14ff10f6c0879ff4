"""With flows and against them, what is seen while an answer grows, long conversations, and the cache after a pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from bot.claude.opening import cached
from engine.events import StepJumped
from engine.model import DEAF, Hearing, Model, ModelCall, ModelReply, StopReason, Usage
from engine.session import Step, StepKind
from storage.conversations import Chapter
from storage.library import packaged_libraries
from tests.bot.claude.claude_scene import ODD, Scene, acted, ahead, asks, steps, told
from tests.conftest import Database

PRINTER = "The printer is offline and nothing prints"
BLUE = "The server is odd.\nProject Bluebird failed\non rack seven\nsince Monday"
UNSURE = "VPN connects but no network drives"
TEXTS = [f"Question number {n}, which nobody asked before?" for n in range(1, 13)]


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        made.practice.script(*steps(*TEXTS))
        yield made


@pytest.fixture
async def library(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url, packaged_libraries()) as made:
        yield made


# ── Flows ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_flow_that_matches_well_is_followed_in_the_models_words(library: Scene) -> None:
    library.practice.script(
        asks("Is it you alone who cannot print?", flow={"move": "follow", "node": "scope", "reason": ""})
    )
    step = await library.start(PRINTER)
    assert (step.text, step.guide, step.flow_node) == ("Is it you alone who cannot print?", "claude", "scope")
    assert [option.id for option in step.options] == ["one_user", "one_printer", "all"]
    session = await library.now()
    assert (session.flow_id, session.stand["at"], session.problem_domain) == (
        "printer-offline",
        "node",
        "printing",
    )


async def test_flows_that_may_fit_are_offered_without_asking_the_model(library: Scene) -> None:
    step = await library.start(UNSURE)
    assert (step.stand["at"], library.asked) == ("offer", [])
    library.practice.script(asks("Which drives are missing?"))
    step = await library.answer(option="none")
    assert (step.text, step.guide, step.flow_node) == ("Which drives are missing?", "claude", None)


async def test_an_expert_who_jumps_gets_the_step_at_once(library: Scene) -> None:
    library.practice.script(asks("Is it you alone?", flow={"move": "follow", "node": "scope", "reason": ""}))
    await library.start(PRINTER)
    await library.happens(StepJumped(library.place.anna, "panel"))
    step = await library.deliver()
    assert (step.flow_node, step.guide, len(library.asked)) == ("panel", "offline", 1)
    assert "jump" not in (await library.now()).stand


async def test_the_offline_guide_takes_a_flow_over_where_the_model_left_it(library: Scene) -> None:
    library.practice.script(asks("Is it you alone?", flow={"move": "follow", "node": "scope", "reason": ""}))
    await library.start(PRINTER)
    library.practice.faults.add(kind="status", status=500, times=None)
    step = await library.answer(option="one_printer")
    assert (step.guide, step.aside, step.flow_node) == ("offline", "guide_away", "panel")


# ── While it grows ──────────────────────────────────────────────────────────────────────────────────────────


class Shown:
    def __init__(self) -> None:
        self.text = ""
        self.waits: list[float] = []

    async def say(self, delta: str) -> None:
        self.text += delta

    async def anew(self, waits: float = 0.0) -> None:
        self.waits.append(waits)
        self.text = ""


async def shown_in(scene: Scene) -> Shown:
    """The open turn, heard by somebody."""
    live = Shown()
    await scene.guide.reply(await scene.history(), None, live)
    return live


async def opened(scene: Scene) -> None:
    await scene.start()
    await scene.says("Since Monday, says Jane Miller of 10.1.2.3, reached at jane@contoso.example")


async def test_what_is_shown_while_it_grows_is_what_the_step_will_say(scene: Scene) -> None:
    scene.practice.script(asks(TEXTS[0]), asks("Ask again at ⟦EMAIL_1⟧ and wait."))
    await opened(scene)
    assert (await shown_in(scene)).text == "Ask again at jane@contoso.example and wait."


async def test_an_answer_that_breaks_off_is_shown_from_its_beginning_again(scene: Scene) -> None:
    await opened(scene)
    scene.practice.faults.add(kind="cut", after=12, times=1)
    live = await shown_in(scene)
    assert live.waits == [pytest.approx(0.01)]
    assert live.text == TEXTS[1]


# ── The cache after a pause ─────────────────────────────────────────────────────────────────────────────────


async def test_one_long_pause_leaves_the_cache_on(scene: Scene) -> None:
    await scene.start()
    for minutes in (5, 70, 5, 70, 5):
        await ahead(scene, timedelta(minutes=minutes))
        await scene.answer("Seen")
    assert [c.cached for c in await scene.calls()] == [True] * 6
    usages = [told(entry) for entry in scene.asked]
    assert usages[3].cache_read >= 0.95 * usages[2].prompt


async def test_after_two_long_pauses_the_cache_is_left_alone_until_somebody_is_quick_again(
    scene: Scene,
) -> None:
    await scene.start()
    for minutes in (70, 70, 61, 5, 5, 70):
        await ahead(scene, timedelta(minutes=minutes))
        await scene.answer("Seen")
    assert [c.cached for c in await scene.calls()] == [True, True, False, False, True, True, True]
    usages = [told(entry) for entry in scene.asked]
    for alone in usages[2:4]:
        assert (alone.cache_read, alone.cache_write) == (0, 0)
    assert not any("cache_control" in block for block in scene.asked[2].body["system"])
    assert usages[4].cache_write > 0
    assert usages[5].cache_read >= 0.95 * usages[4].prompt


@pytest.mark.parametrize(
    ("gaps", "on"),
    [
        ((), True),
        ((60,), True),
        ((70,), True),
        ((70, 70), False),
        ((70, 60), True),
        ((60, 70), True),
        ((70, 70, 1), False),
    ],
)
def test_what_is_kept_by_the_vendor_hangs_on_the_last_two_pauses(gaps: tuple[int, ...], on: bool) -> None:
    """Minutes, the newest first."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    times = [now - timedelta(minutes=sum(gaps[: n + 1])) for n in range(len(gaps))]
    assert cached(now, times) is on


# ── Long conversations ──────────────────────────────────────────────────────────────────────────────────────


async def chapter(scene: Scene) -> Chapter:
    async with scene.place.store.transaction(scene.place.account) as unit:
        found = await unit.conversations.chapter(scene.session)
    assert found is not None
    return found


class Counting:
    """Says what a long prompt would have cost."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.prompt = 0

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        reply = await self.model.ask(call, hearing)
        if not self.prompt:
            return reply
        usage = Usage(cache_read=self.prompt, output=reply.usage.output)
        return ModelReply(
            reply.text, StopReason.END_TURN, usage, reply.message_id, reply.request_id, reply.model
        )

    async def close(self) -> None: ...


async def test_before_ninety_thousand_tokens_a_new_chapter_begins_with_what_stands(scene: Scene) -> None:
    counting = Counting(scene.model)
    long = scene.other(model=counting)
    await long.start()
    for number in range(1, 7):
        await long.answer(f"Answer {number} of the technician")
    counting.prompt = 84_900
    await long.answer("Answer 7 of the technician")
    before = await chapter(long)
    counting.prompt = 0
    step = await long.answer("Answer 8 of the technician " + "with words " * 30)
    after = await chapter(long)
    assert (before.number, after.number, step.guide) == (1, 2, "claude")
    kept = [piece.content for piece in before.messages][-8:]
    assert [piece.content for piece in after.messages][1:9] == kept
    system = after.messages[0].content
    assert "Answer 2 of the technician" in system and ODD in system
    assert after.messages[0].covers["tag"] == before.messages[0].covers["tag"]
    last = await long.answer("Answer 9 of the technician")
    assert last.guide == "claude"
    assert long.asked[-1].raw.count(b"Answer 8 of the technician") == 1


async def test_a_vault_that_expired_ends_the_chapter_its_placeholders_stand_in(scene: Scene) -> None:
    await scene.start(f"{ODD} at 10.1.2.3")
    await scene.answer("Since Monday")
    await scene.place.rows("update session_vaults set expires_at = now() - interval '1 day'")
    step = await scene.answer("It is 10.9.9.9 now")
    assert step.guide == "claude"
    found = await chapter(scene)
    assert found.number == 2
    text = "".join(piece.content for piece in found.messages)
    assert "Since Monday" in text and "10.9.9.9" not in text


async def test_a_vault_that_expired_is_said_and_what_was_masked_by_hand_can_be_masked_again(
    scene: Scene,
) -> None:
    await scene.start(BLUE)
    await scene.answer("Bluebird")
    await scene.answer(option="go_on")
    await ahead(scene, timedelta(days=31))
    shown = await scene.answer("Since Monday")
    assert shown.beside and "deleted after 30 days" in shown.text and len(scene.asked) == 1
    again = await scene.answer("bluebird")
    assert again.beside and again.text.count("Masked too.") == 1
    step = await scene.answer(option="go_on")
    assert (step.guide, (await chapter(scene)).number) == ("claude", 2)
    assert not any("Bluebird" in prompt for prompt in scene.prompts())
    assert not (await scene.answer("On Tuesday")).beside
    assert (await chapter(scene)).number == 2


async def test_a_vault_lives_on_with_every_call(scene: Scene) -> None:
    await scene.start(BLUE)
    await scene.answer("Bluebird")
    await scene.answer(option="go_on")
    for _ in range(3):
        await ahead(scene, timedelta(days=20))
        assert not (await scene.answer("Bluebird is odd")).beside
    assert (len(scene.asked), (await chapter(scene)).number) == (4, 1)
    assert not any("Bluebird" in prompt for prompt in scene.prompts())


async def test_a_password_named_later_is_not_sent_again_with_what_was_said_before(scene: Scene) -> None:
    await scene.start()
    await scene.answer("He tried Sunshine12! and it failed")
    await scene.answer("the password is Sunshine12! for the box")
    assert ["Sunshine12!" in prompt for prompt in scene.prompts()] == [False, True, False]
    assert "He tried" in scene.prompts()[-1]
    await scene.answer("Since Monday")
    assert ((await chapter(scene)).number, "Sunshine12!" in scene.prompts()[-1]) == (2, False)


# ── More than one thing at once ─────────────────────────────────────────────────────────────────────────────


async def test_sessions_of_one_account_do_not_get_into_each_others_way(scene: Scene) -> None:
    others: list[Any] = [scene.other() for _ in range(6)]
    for each in others:
        each.session = uuid4()
    found: list[Step] = await asyncio.gather(*(each.start(f"{ODD} {n}") for n, each in enumerate(others)))
    assert {(step.text, step.kind) for step in found} == {(TEXTS[0], StepKind.QUESTION)}
    for number, each in enumerate(others):
        mine = [entry for entry in scene.asked if f"{ODD} {number}\\n".encode() in entry.raw]
        assert len(mine) == 1
        assert (await each.calls())[0].usage == told(mine[0])
