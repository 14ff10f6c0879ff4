"""Resolution notes worded ahead of their form, and long tickets told by a summary that is asked for once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.claude.guide import ClaudeGuide
from bot.claude.opening import Rules
from bot.claude.writer import Patience
from bot.guiding import OfflineGuide
from engine.documentation import compose
from engine.effects import WriteDraft
from engine.events import StepAnswered
from engine.model import Purpose
from engine.performing import Unwatched
from engine.psa import Ticket, TicketNote
from engine.session import Turn
from storage.conversations import CallState
from storage.library import Libraries
from tests.bot.claude.claude_scene import told
from tests.bot.claude.writer_scene import TICKET, Scene, says, writing
from tests.bot.waiting import until
from tests.conftest import Database

NOTE = {
    "fix": [says("The print spooler of ⟦DEVICE_1⟧ was restarted", 1), says("The driver was replaced", 1)],
    "verification": [says("Print a test page: Yes", 2)],
    "customer": "The problem has been solved. We restarted the print spooler.",
}
LONG = replace(
    TICKET,
    description="Since Monday the scanner on the second floor stops with error 0x80070035. " * 60,
    notes=(
        TicketNote(
            1,
            f"Jane Doe: {'the network cable was replaced, no change. ' * 50}",
            "Bob Marlowe",
            at=datetime(2026, 9, 2, tzinfo=UTC),
        ),
    ),
)
SUMMARY = {
    "problem": "The scanner on the second floor stops with error 0x80070035 since Monday.",
    "said": [
        {"when": "2026-09-02", "who": "⟦PERSON_1⟧", "text": "The network cable was replaced, no change."},
        {"when": "", "who": "", "text": "The server room burned down."},
    ],
}


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with writing(database.app_url) as made:
        yield made


async def landed(scene: Scene) -> None:
    """The draft's call has ended, and it is time to look again."""

    async def ended() -> bool:
        return all(call.state is not CallState.IN_FLIGHT for call in await scene.calls())

    await until(ended, "the call has ended")
    scene.place.store.offset += timedelta(seconds=5)


# ── The note ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_note_is_drafted_ahead_and_fills_the_form_as_far_as_it_holds(scene: Scene) -> None:
    await scene.nearly_done()
    scene.answers(Purpose.NOTE, NOTE)
    session = await scene.owes(WriteDraft(step=3))
    assert session.draft is None
    assert await scene.place.owed(scene.session) == [("WriteDraft", "owed")]
    await landed(scene)
    session = await scene.deliver()
    assert session.draft is not None
    doc = compose(await scene.history(), TICKET, "resolution")
    assert doc.fix == "The print spooler of WS-JDOE01 was restarted."
    assert doc.verification == "Print a test page: Yes."
    assert doc.customer == NOTE["customer"]
    [call] = await scene.calls()
    assert (call.purpose, call.state, call.used) == (Purpose.NOTE, CallState.ANSWERED, True)
    assert call.model == Rules().models.note
    assert call.usage == told(scene.practice.asked[0]) == await scene.totals()
    assert "WS-JDOE01" not in scene.prompts()[0]


async def test_a_draft_under_way_holds_nobody_up(scene: Scene) -> None:
    await scene.nearly_done()
    scene.answers(Purpose.NOTE, NOTE)
    await scene.owes(WriteDraft(step=3))
    await scene.happens(StepAnswered(scene.place.anna, 3, option="not_fixed"))
    assert scene.guide.calls == 1
    await landed(scene)
    session = await scene.deliver()
    assert session.draft is None
    assert ("WriteDraft", "owed") not in await scene.place.owed(scene.session)
    [call] = await scene.calls()
    assert (call.state, call.used) == (CallState.ANSWERED, False)


async def test_a_draft_that_stands_is_not_asked_for_again_when_it_was_fixed(scene: Scene) -> None:
    await scene.nearly_done()
    scene.answers(Purpose.NOTE, NOTE)
    await scene.owes(WriteDraft(step=3))
    await landed(scene)
    await scene.deliver()
    await scene.happens(StepAnswered(scene.place.anna, 3, option="fixed"))
    assert len(scene.practice.asked) == 1
    doc = compose(await scene.history(), TICKET, "resolution")
    assert doc.fix == "The print spooler of WS-JDOE01 was restarted."
    assert doc.verification == "Print a test page: Yes. Anna reported: Yes, it works"


async def test_a_draft_that_fails_leaves_the_form_to_the_rules_and_nothing_owed(scene: Scene) -> None:
    await scene.nearly_done()
    scene.practice.faults.add(kind="status", status=529)
    before = compose(await scene.history(), TICKET, "resolution")
    await scene.owes(WriteDraft(step=3))
    await landed(scene)
    session = await scene.deliver()
    assert session.draft is None
    assert await scene.place.owed(scene.session) == [("WriteDraft", "done")]
    assert compose(await scene.history(), TICKET, "resolution") == before
    assert len(scene.practice.asked) == 1


async def test_without_budget_nothing_is_asked_and_the_effect_ends_at_once(scene: Scene) -> None:
    await scene.nearly_done()
    scene.answers(Purpose.NOTE, NOTE)
    await scene.owes(WriteDraft(step=3))
    await landed(scene)
    poor = scene.other(rules=Rules(daily_tokens=1))
    await poor.happens(StepAnswered(scene.place.anna, 3, option="fixed"))
    assert len(scene.practice.asked) == 1
    assert ("WriteDraft", "owed") not in await scene.place.owed(scene.session)


# ── The ticket ──────────────────────────────────────────────────────────────────────────────────────────────


async def short(scene: Scene, ticket: Ticket = LONG) -> Ticket:
    found = await scene.writer.shortened(await scene.history(), ticket)
    assert found is not None
    return found


async def test_a_long_ticket_is_told_by_a_masked_summary_that_is_asked_for_once(scene: Scene) -> None:
    await scene.put(scene.step(1, "Look", "no_change"), ticket=LONG.to_json())
    scene.answers(Purpose.TICKET, SUMMARY)
    first = await short(scene)
    assert (first.description or "").split("\n")[1:] == [
        "The scanner on the second floor stops with error 0x80070035 since Monday.",
        "2026-09-02, Jane Doe: The network cable was replaced, no change.",
    ]
    assert not any(note.text for note in first.notes)
    assert await short(scene) == first
    assert await short(scene.other()) == first
    [entry] = scene.practice.asked
    [call] = await scene.calls()
    assert (call.purpose, call.used, call.model) == (Purpose.TICKET, True, Rules().models.ticket)
    assert call.usage == told(entry) == await scene.totals()
    for name in ("Jane Doe", "Bob Marlowe", "jdoe"):
        assert name not in entry.raw.decode()
        assert name not in call.reply


async def test_another_snapshot_of_the_ticket_is_summarised_anew(scene: Scene) -> None:
    await scene.put(scene.step(1, "Look", "no_change"), ticket=LONG.to_json())
    scene.answers(Purpose.TICKET, SUMMARY)
    await short(scene)
    longer = replace(LONG, description=f"{LONG.description} It smells of smoke.")
    assert "characters of description" in ((await short(scene, longer)).description or "")
    assert len(scene.practice.asked) == 2


async def test_a_short_ticket_and_none_are_told_as_they_are(scene: Scene) -> None:
    await scene.put(scene.step(1, "Look", "no_change"))
    assert await short(scene, TICKET) == TICKET
    assert await scene.writer.shortened(await scene.history(), None) is None
    assert scene.practice.asked == []


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 529}, {"kind": "malformed"}, {"kind": "refusal"}]
)
async def test_a_summary_that_fails_leaves_the_ticket_whole_and_is_not_asked_for_again(
    scene: Scene, fault: dict[str, Any]
) -> None:
    await scene.put(scene.step(1, "Look", "no_change"), ticket=LONG.to_json())
    scene.practice.faults.add(**fault)
    assert await short(scene) == LONG
    assert await short(scene) == LONG
    assert len(scene.practice.asked) == 1


async def test_a_summary_is_not_waited_for_beyond_its_limit(database: Database) -> None:
    patience = Patience({**Patience().limits, Purpose.TICKET: 0.05}, beyond=10.0)
    async with writing(database.app_url, patience=patience) as scene:
        await scene.put(scene.step(1, "Look", "no_change"), ticket=LONG.to_json())
        scene.answers(Purpose.TICKET, SUMMARY)
        scene.practice.settings = replace(scene.practice.settings, latency_seconds=0.4)
        assert await short(scene) == LONG
        await landed(scene)
        assert not any(note.text for note in (await short(scene)).notes)
        assert len(scene.practice.asked) == 1


async def test_the_guide_reads_the_summary_in_place_of_the_long_text(scene: Scene) -> None:
    await scene.put(
        scene.step(1, "Look", "no_change"), ticket=LONG.to_json(), turn=Turn(1, open=True, in_flight=True)
    )
    scene.answers(Purpose.TICKET, SUMMARY)
    store = scene.place.store
    offline = OfflineGuide(store, Libraries((), ()))
    guide = ClaudeGuide(offline, store, scene.model, tickets=scene.writer.shortened)
    await guide.reply(await scene.history(), LONG, Unwatched())
    await guide.close()
    summary, turn = scene.prompts()
    assert summary.count("stops with error 0x80070035") == 60
    assert turn.count("stops with error 0x80070035") == 1
    assert "The network cable was replaced, no change." in turn
    assert "burned down" not in turn
    assert "Jane Doe" not in turn
