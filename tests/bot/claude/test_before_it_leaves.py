"""What is shown and decided before anything goes to the model: the preview, the budget, and nothing unmasked ever."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.cards_steps import step_card
from engine.effects import AskGuide
from engine.events import AnswerCorrected, NoteAdded, StepAnswered, TakenOver
from engine.session import Intake, IntakeType, Step, Turn
from storage.library import packaged_libraries
from storage.pictures import PictureState
from storage.store import Store
from storage.vault import Vault, new_key
from tests.bot.card_views import view, words
from tests.bot.claude.claude_scene import ODD, QUICK, Scene, acted, ahead, asks, steps
from tests.conftest import Database

SECRET = "Zq7!vX2p-rare"
PASTED = f"""The mail of jane.miller@contoso.example stopped.
password: {SECRET}
ping 10.20.30.40 says connection refused
the other one, 10.20.30.41, works
"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TEXTS = ["Since when does it happen?", "What changed on that day?", "Is another user affected?"]


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        made.practice.script(*steps(*TEXTS))
        yield made


def options(step: Step) -> list[str]:
    return [option.id for option in step.options]


# ── The preview ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_pasted_text_is_shown_masked_before_the_first_call(scene: Scene) -> None:
    step = await scene.start(PASTED)
    assert scene.asked == []
    assert (step.beside, step.stand["at"], options(step)) == (True, "preview", ["go_on", "offline"])
    assert "1 e-mail address" in step.text and "2 IP addresses" in step.text and "1 secret" in step.text
    assert "⟦" in step.text and SECRET not in step.text and "jane.miller" not in step.text


async def test_who_agrees_gets_the_models_step_and_is_not_asked_again(scene: Scene) -> None:
    await scene.start(PASTED)
    step = await scene.answer(option="go_on")
    assert (step.text, step.guide, step.number) == (TEXTS[0], "claude", 2)
    [prompt] = scene.prompts()
    for value in (SECRET, "jane.miller", "10.20.30.40", "10.20.30.41"):
        assert value not in prompt
    assert "masked before this goes" not in prompt
    last = await scene.answer("Since Monday")
    assert (last.text, last.beside) == (TEXTS[1], False)


ANOTHER = "\n".join(f"line {n} of another log, at 10.9.9.{n}" for n in range(9))


async def test_what_is_pasted_later_is_shown_before_it_leaves_too(scene: Scene) -> None:
    await scene.start()
    shown = await scene.answer(ANOTHER)
    assert (shown.beside, len(scene.asked)) == (True, 1)
    assert "9 IP addresses" in shown.text and "line 0 of another log" in shown.text
    step = await scene.answer(option="go_on")
    assert (step.text, len(scene.asked)) == (TEXTS[1], 2)
    assert "line 8 of another log" in scene.prompts()[1]
    assert not (await scene.answer("Since Monday")).beside
    assert (await scene.adds("a log", digest="one line")).beside


async def test_what_was_agreed_to_once_is_not_asked_again_when_an_answer_is_taken_back(scene: Scene) -> None:
    await scene.start()
    await scene.answer(ANOTHER)
    await scene.answer(option="go_on")
    await scene.happens(AnswerCorrected(scene.place.anna))
    await scene.deliver()
    assert not (await scene.answer("Since Monday")).beside


async def test_who_keeps_a_later_paste_to_himself_goes_on_without_the_model(scene: Scene) -> None:
    await scene.start()
    await scene.answer(ANOTHER)
    step = await scene.answer(option="offline")
    assert (step.aside, len(scene.asked)) == ("guide_offline", 1)


async def test_words_typed_are_masked_too_and_shown_once_more(scene: Scene) -> None:
    await scene.start(f"{PASTED}\nProject Bluebird failed on rack seven")
    again = await scene.answer("Bluebird, rack seven")
    assert (again.beside, again.number) == (True, 2)
    assert "3 secrets" in again.text and again.text.startswith("Masked too.")
    step = await scene.answer(option="go_on")
    assert step.guide == "claude"
    assert "Bluebird" not in scene.prompts()[0] and "rack seven" not in scene.prompts()[0]


@pytest.mark.parametrize("words", ["y", "OK.", "yes please", "go on please", "Go ahead", "Ask Claude"])
async def test_a_yes_in_words_goes_on_and_is_no_value(scene: Scene, words: str) -> None:
    await scene.start(PASTED)
    assert (await scene.answer(words)).guide == "claude"


@pytest.mark.parametrize("words", ["no", "Don’t send it", "don't send it."])
async def test_a_no_in_words_keeps_it_here(scene: Scene, words: str) -> None:
    await scene.start(PASTED)
    assert (await scene.answer(words)).aside == "guide_offline"


async def test_a_value_that_stands_nowhere_is_said_to_be_missing(scene: Scene) -> None:
    await scene.start(f"{PASTED}\nProject BLUEBIRD, and its blue, berry rack")
    shown = await scene.answer("Tessler")
    assert shown.text.startswith("Not found in the text") and "1 secret" in shown.text
    shown = await scene.answer("bluebird, Tessler")
    assert shown.text.startswith("Of the 2 values you wrote, 1 cannot be found")
    shown = await scene.answer("“blue, berry”")
    assert shown.text.startswith("Masked too.") and "3 secrets" in shown.text
    assert (await scene.answer("ab")).text.startswith("Nothing more was masked")
    assert (await scene.answer('"ok"')).text.startswith("Nothing more was masked")
    await scene.answer("yes")
    assert "BLUEBIRD" not in scene.prompts()[0] and "berry" not in scene.prompts()[0]


async def test_what_is_masked_later_is_not_sent_again_with_what_was_said_before(scene: Scene) -> None:
    await scene.start(f"{ODD} on the Bluebird server")
    await scene.answer(ANOTHER)
    await scene.answer("Bluebird")
    await scene.answer(option="go_on")
    assert ["Bluebird" in prompt for prompt in scene.prompts()] == [True, False]
    await scene.answer("Since Monday")
    assert "Bluebird" not in scene.prompts()[-1]


async def test_the_text_of_a_flow_of_ours_is_nothing_to_be_masked(database: Database) -> None:
    async with acted(database.app_url, packaged_libraries()) as scene:
        step = await scene.start("The printer is offline\nand nothing prints\nsince Monday\nfor all of us")
        assert step.beside and "Nothing was found here" in step.text


async def test_ask_claude_counts_from_the_owner_or_a_lead_and_only_once(scene: Scene) -> None:
    place = scene.place
    await scene.start(PASTED)
    await scene.answer(option="offline")
    await scene.happens(NoteAdded(place.ben, "ask Claude"))
    assert (await scene.answer("since this morning")).aside == "guide_offline"
    await scene.happens(NoteAdded(place.lea, "Ask Claude"))
    assert (await scene.answer("nothing changed")).beside
    assert (await scene.answer(option="offline")).aside == "guide_offline"
    assert (await scene.answer("still the same")).aside == "guide_offline"
    assert scene.asked == []


async def test_a_vault_that_no_key_opens_leaves_the_turn_to_the_offline_guide(
    scene: Scene, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.start(f"{ODD}, says a.b@contoso.example")
    store = Store(database.app_url, Vault([new_key()]), pool_size=4)
    try:
        other = scene.other(store=store)
        step = await other.answer("Since Monday")
        await other.guide.close()
    finally:
        await store.close()
    assert (step.guide, step.aside, len(scene.asked)) == ("offline", "guide_locked", 1)
    assert "KeysUnusable" in caplog.text
    assert "encryption keys" in words(step_card(view(), step))


async def test_who_takes_over_while_a_picture_waits_finds_the_place_in_the_flow(database: Database) -> None:
    async with acted(database.app_url, packaged_libraries()) as scene:
        lea = scene.place.lea
        flows = [{"move": "follow", "node": node, "reason": ""} for node in ("scope", "panel", "panel")]
        scene.practice.script(*(asks(f"At {flow['node']}?", flow=flow) for flow in flows))
        await scene.start("The printer is offline and nothing prints")
        before = await scene.answer(option="one_printer")
        async with scene.place.store.transaction(scene.place.account) as unit:
            await unit.pictures.add(scene.session, scene.place.anna.id, "a.png", "image/png", 8, 8, PNG)
        assert (await scene.adds("see the screenshot")).beside
        await scene.happens(TakenOver(lea, "because"))
        briefing = await scene.deliver()
        assert (await scene.now()).stand == before.stand
        await scene.happens(StepAnswered(lea, briefing.number, option="have_it"))
        preview = await scene.deliver()
        assert preview.stand["under"] == before.stand
        await scene.happens(StepAnswered(lea, preview.number, option="keep_pictures"))
        assert (await scene.deliver()).flow_node == "panel"


async def test_who_does_not_want_it_sent_goes_on_without_the_model_until_he_asks_for_it(scene: Scene) -> None:
    await scene.start(PASTED)
    step = await scene.answer(option="offline")
    assert (step.guide, step.aside, scene.asked) == ("offline", "guide_offline", [])
    step = await scene.answer("since this morning")
    assert (step.guide, step.aside, scene.asked) == ("offline", "guide_offline", [])
    assert (await scene.answer("Ask Claude")).beside
    step = await scene.answer(option="go_on")
    assert (step.guide, len(scene.asked)) == ("claude", 1)
    assert "since this morning" in scene.prompts()[0]


async def test_more_that_is_pasted_while_the_preview_waits_is_in_the_next_one(scene: Scene) -> None:
    await scene.start(PASTED)
    step = await scene.adds("and 10.20.30.42 as well\n" * 5)
    assert step.beside and "3 IP addresses" in step.text


async def test_the_answer_before_a_preview_is_learned_from(scene: Scene) -> None:
    fact = {"text": "The accounting computer alone is slow", "step": 1}
    scene.practice.script(*steps(TEXTS[0])[:1], asks(TEXTS[1]))
    scene.practice.script(asks(TEXTS[1], facts=[fact]), when="accounting computer alone")
    scene.practice.faults.add(kind="status", status=401, times=1)
    first = await scene.start(ODD)
    assert first.guide == "offline"
    scene.watch.seconds += 61
    # The first call failed before anything was told: the next one is still the first.
    shown = await scene.answer("The accounting computer alone is slow\n" + "a pasted line\n" * 9)
    if shown.beside:
        await scene.answer(option="go_on")
    assert "The accounting computer alone is slow" in [f.text for f in (await scene.history()).facts]


async def with_picture(scene: Scene, text: str = ODD) -> Step:
    async with scene.place.store.transaction(scene.place.account) as unit:
        await unit.pictures.add(scene.session, scene.place.anna.id, "screen.png", "image/png", 8, 8, PNG)
        session = replace(scene.place.blank(scene.session, unit.now), step_count=0, current=None, touched=())
        intake = Intake(IntakeType.SCREENSHOT, text, ("https://files.example/screen.png",))
        await unit.sessions.save(None, replace(session, intake=intake, turn=Turn(1, open=True)))
        await unit.outbox.owe(scene.session, (AskGuide(turn=1),))
    return await scene.deliver()


async def test_a_picture_is_asked_about_because_it_cannot_be_masked(scene: Scene) -> None:
    step = await with_picture(scene)
    assert "cannot be masked" in step.text
    assert options(step) == ["go_on", "keep_pictures", "offline"]
    assert scene.asked == []


async def test_a_picture_that_was_agreed_to_goes_out_and_is_read_back(scene: Scene) -> None:
    scene.practice.script(asks("I look at it", saw="0x8000ffff in Outlook"))
    await with_picture(scene)
    step = await scene.answer(option="go_on")
    assert options(step) == ["right", "wrong"] and "0x8000ffff" in step.text
    kinds = [b["type"] for b in scene.asked[0].body["messages"][0]["content"]]
    assert kinds == ["text", "image"]
    async with scene.place.store.transaction(scene.place.account) as unit:
        [picture] = await unit.pictures.of_session(scene.session)
    assert (picture.state, picture.saw) == (PictureState.AGREED, "")


async def test_without_the_picture_only_the_words_go_out(scene: Scene) -> None:
    await with_picture(scene)
    step = await scene.answer(option="keep_pictures")
    assert step.guide == "claude"
    assert '"image"' not in scene.prompts()[0]


# ── Nothing unmasked ────────────────────────────────────────────────────────────────────────────────────────


async def test_no_secret_and_no_words_of_a_session_stand_in_the_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    heard = io.StringIO()
    caplog.set_level(logging.DEBUG)
    logging.getLogger().addHandler(logging.StreamHandler(heard))
    await scene.start(PASTED)
    scene.practice.faults.add(kind="status", status=500, times=1)
    scene.practice.faults.add(kind="malformed", times=1, skip=1)
    await scene.answer(option="go_on")
    await scene.answer(f"It says {SECRET} again")
    ours = "\n".join(
        r.getMessage() for r in caplog.records if r.name.startswith(("flowpilot", "anthropic", "httpx"))
    )
    for value in (SECRET, "jane.miller", "connection refused", TEXTS[0]):
        assert value not in ours
    assert "flowpilot.claude" in {r.name for r in caplog.records}


async def test_the_technician_reads_real_values_but_never_a_secret(scene: Scene) -> None:
    await scene.start(PASTED)
    scene.practice.script(asks("Ping ⟦IP_1 private⟧ and ask for ⟦SECRET_1⟧ at ⟦EMAIL_1⟧"))
    step = await scene.answer(option="go_on")
    assert step.text == "Ping 10.20.30.40 and ask for ⟦SECRET_1⟧ at jane.miller@contoso.example"


# ── The budget ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_budget_that_is_used_up_leaves_the_turns_to_the_offline_guide_until_midnight(
    database: Database,
) -> None:
    async with acted(database.app_url, rules=replace(QUICK, daily_tokens=10)) as scene:
        scene.practice.script(*steps(*TEXTS))
        store = scene.place.store
        noon = datetime.now(UTC).replace(hour=12, minute=0) + timedelta(days=1)
        store.offset = noon - datetime.now(UTC)
        assert (await scene.start()).guide == "claude"
        step = await scene.answer("Since Monday")
        assert (step.guide, step.aside, len(scene.asked)) == ("offline", "guide_budget:10", 1)
        card = words(step_card(view(), replace(step, number=1)))
        assert "10 tokens" in card and "until midnight" in card
        await ahead(scene, timedelta(hours=12, minutes=1))
        step = await scene.answer("A new printer came")
        assert (step.guide, len(scene.asked)) == ("claude", 2)
        assert "Since Monday" in scene.prompts()[-1]


async def test_a_raised_limit_brings_the_model_back_at_once(database: Database) -> None:
    async with acted(database.app_url, rules=replace(QUICK, daily_tokens=10)) as scene:
        scene.practice.script(*steps(*TEXTS))
        await scene.start()
        assert (await scene.answer("Since Monday")).aside == "guide_budget:10"
        async with scene.place.store.transaction(scene.place.account) as unit:
            await unit.accounts.change_settings({"daily_tokens": 10_000_000})
        assert (await scene.answer("A new printer came")).guide == "claude"
