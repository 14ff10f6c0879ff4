"""What follows a Session into the one that goes on from it, and a long ticket that waits for the preview."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from bot.claude.writer import ClaudeWriter
from engine.events import EscalationRequested, PickedUp, Resolved, SessionStarted, StepAnswered
from engine.model import Purpose
from engine.psa import Ticket, TicketNote
from engine.redact import Mask, MaskKind
from engine.session import Intake, IntakeType, Step, Target
from tests.bot.claude.claude_scene import QUICK, Scene, acted, asks, steps
from tests.bot.saying_scene import clicked
from tests.conftest import Database

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PASTED = "The server is odd.\nproject Bluebird failed on rack seven\nthird line\nfourth"
CAUSE = "Corrupt spooler registry"
LONG = Ticket(
    4711,
    "Cannot print",
    description="The project Bluebird is odd. " + "Something odd happened in the office today. " * 200,
    notes=(TicketNote(1, "Rebooted it.", "Philippa Quist"),),
)


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with acted(database.app_url) as made:
        yield made


async def picked_up_fresh(scene: Scene) -> None:
    """Ben takes it over with fresh eyes; the scene goes on with his Session."""
    child = uuid4()
    await scene.happens(EscalationRequested(scene.place.anna, "stuck", Target()))
    await scene.deliver()
    await scene.happens(PickedUp(scene.place.ben, fresh_session_id=child))
    await scene.deliver()
    scene.session = child


async def has_it(scene: Scene) -> Step:
    briefing = await scene.deliver()
    await scene.happens(StepAnswered(scene.place.ben, briefing.number, option="have_it"))
    return await scene.deliver()


async def with_a_picture(scene: Scene, text: str = "See the picture") -> Step:
    intake = Intake(IntakeType.FREE_TEXT, text)
    await scene.happens(SessionStarted(scene.session, scene.place.account, scene.place.anna, intake))
    async with scene.place.store.transaction(scene.place.account) as unit:
        await unit.pictures.add(scene.session, scene.place.anna.id, "a.png", "image/png", 8, 8, PNG)
    return await scene.deliver()


async def link(scene: Scene, ticket: Ticket) -> None:
    async with scene.place.store.transaction(scene.place.account) as unit:
        before = await unit.sessions.get(scene.session, lock=True)
        assert before is not None
        await unit.sessions.save(before, replace(before, ticket=ticket.to_json(), ticket_id=ticket.id))


async def test_what_was_masked_by_hand_stays_masked_after_a_fresh_pickup(scene: Scene) -> None:
    scene.practice.script(*steps("Since when?", "What changed?", "Next?"))
    await scene.start(PASTED)
    await scene.answer("Bluebird")
    await scene.answer(option="go_on")
    await scene.answer("monday, the thing sits in Bluebird")
    parent = await scene.history()
    await picked_up_fresh(scene)
    writer = ClaudeWriter(scene.place.store, scene.model, QUICK)
    await writer.write(Purpose.BRIEFING, await scene.now(), parent, None, fresh=True)
    await writer.close()
    await has_it(scene)
    assert len(scene.asked) == 4
    assert not any("bluebird" in prompt.casefold() for prompt in scene.prompts())


async def test_a_value_masked_in_the_parent_after_the_child_began_is_masked_in_its_briefing(
    scene: Scene,
) -> None:
    scene.practice.script(*steps("Since when?"))
    await scene.start("Odd since Zanzibar moved, mail jane.miller@contoso.example")
    parent = scene.session
    await picked_up_fresh(scene)
    theirs = Mask("⟦EMAIL_1⟧", MaskKind.EMAIL, "other@contoso.example")
    secret = Mask("⟦SECRET_1⟧", MaskKind.SECRET, "Zanzibar")
    async with scene.place.store.transaction(scene.place.account) as unit:
        [own] = await unit.masks.read(scene.session)
        await unit.masks.write(parent, (theirs, secret), timedelta(days=1))
        source = await unit.sessions.history(parent)
    assert source is not None
    sent = len(scene.asked)
    writer = ClaudeWriter(scene.place.store, scene.model, QUICK)
    await writer.write(Purpose.BRIEFING, await scene.now(), source, None, fresh=True)
    await writer.close()
    [prompt] = scene.prompts()[sent:]
    assert "Zanzibar" not in prompt
    assert "jane.miller" not in prompt
    async with scene.place.store.transaction(scene.place.account) as unit:
        kept = await unit.masks.read(scene.session)
    assert kept[0] == own
    assert {"Zanzibar", "other@contoso.example"} < {mask.value for mask in kept}
    assert len({mask.placeholder for mask in kept}) == len(kept)


async def test_who_picks_up_fresh_sends_nothing_where_nothing_was_to_be_sent(scene: Scene) -> None:
    await with_a_picture(scene)
    await scene.answer(option="offline")
    await scene.answer("a private answer")
    await picked_up_fresh(scene)
    step = await has_it(scene)
    assert (step.guide, step.aside, scene.asked) == ("offline", "guide_offline", [])


async def test_a_follow_up_inherits_it_too_and_the_masks(scene: Scene) -> None:
    scene.practice.script(*steps("Since when?"))
    await scene.start(PASTED)
    await scene.answer("Bluebird")
    await scene.answer(option="offline")
    await scene.happens(Resolved(scene.place.anna, "went away", "nothing"))
    before = await scene.now()
    (act,) = await clicked(scene.place, before, "follow_up")
    assert isinstance(act.event, SessionStarted)
    assert act.event.stand["offline"] is True
    scene.session = act.subject
    await scene.happens(act.event)
    async with scene.place.store.transaction(scene.place.account) as unit:
        assert act.save is not None
        await act.save(unit)
        assert "Bluebird" in [mask.value for mask in await unit.masks.read(scene.session)]
    step = await scene.deliver()
    assert (step.aside, scene.asked) == ("guide_offline", [])


async def test_fresh_eyes_are_told_no_cause_by_our_own_note_nor_by_the_report(scene: Scene) -> None:
    believes = [{"cause": CAUSE, "state": "open", "evidence": []}]
    scene.practice.script(
        asks("Since when?", problem_summary="Odd", problem_domain="endpoint", hypotheses=believes),
        asks("What changed?", hypotheses=believes),
        asks("Next?"),
    )
    await scene.start(f"It is odd, zq. Anna bets on a {CAUSE.lower()}.")
    await scene.answer("monday")
    await picked_up_fresh(scene)
    note = TicketNote(1, f"Possible, without evidence yet: {CAUSE}.\n[fp:12ab34cd]", "Quentin Api")
    other = TicketNote(2, "Quentin called back, the fan is loud.", "Mia Klein")
    await link(scene, Ticket(4711, "Odd machine", notes=(note, other)))
    assert (await has_it(scene)).guide == "claude"
    prompt = scene.prompts()[-1]
    assert CAUSE.casefold() not in prompt.casefold()
    assert "without evidence yet" not in prompt
    assert "the fan is loud" in prompt
    assert "Quentin" not in prompt


async def test_a_long_ticket_is_not_summarised_before_the_preview_was_answered(scene: Scene) -> None:
    writer = ClaudeWriter(scene.place.store, scene.model, QUICK)
    scene.guide._tickets = writer.shortened
    await scene.happens(
        SessionStarted(
            scene.session, scene.place.account, scene.place.anna, Intake(IntakeType.FREE_TEXT, PASTED)
        )
    )
    await link(scene, LONG)
    assert (await scene.deliver()).beside
    assert (await scene.answer("Bluebird")).beside
    assert scene.asked == []
    scene.practice.script(
        {"problem": "Something odd happened in the office today.", "said": []}, purpose="ticket"
    )
    scene.practice.script(*steps("Since when?", "What changed?"))
    assert (await scene.answer(option="go_on")).guide == "claude"
    await scene.answer("Philippa rebooted it")
    await writer.close()
    assert len(scene.asked) == 3
    for value in ("Bluebird", "Philippa"):
        assert not any(value in prompt for prompt in scene.prompts())


async def test_who_does_not_want_it_sent_keeps_a_long_ticket_too(scene: Scene) -> None:
    writer = ClaudeWriter(scene.place.store, scene.model, QUICK)
    scene.guide._tickets = writer.shortened
    await with_a_picture(scene)
    await link(scene, LONG)
    await scene.answer(option="offline")
    await writer.close()
    assert scene.asked == []
