"""Every token the vendor counted stands in the books once, over everything a Session can ask a model for."""

from __future__ import annotations

from dataclasses import replace

from engine.events import EscalationRequested, PickedUp, Resolved, StepAnswered
from engine.model import Purpose, StopReason, Usage
from engine.pricing import cost
from engine.psa import TicketNote
from engine.session import Target
from storage.conversations import CallState
from tests.bot.claude.attack_scene import LOG, Case, case_in, plain_ticket
from tests.bot.claude.claude_scene import said, steps, told
from tests.conftest import Database

SOLVED = said(say="Then it is solved.", kind="resolution_suggestion")
LONG = plain_ticket(
    notes=tuple(TicketNote(n, f"Call {n}: the odd service stopped again. " * 30, "Ben") for n in range(9))
)


async def mixed(case: Case) -> None:
    """Turns, one put right, one cut by max_tokens, one broken off, one that failed, and every text beside them."""
    scene, practice, place = case.scene, case.scene.practice, case.scene.place
    practice.script(*steps(*(f"Question {n}, which nobody asked before?" for n in range(9))))
    await case.begin(log=LOG)
    for fault in (
        {"kind": "malformed"},
        {"kind": "max_tokens"},
        {"kind": "cut", "after": 6},
        {"kind": "error_event", "after": 5},
        {"kind": "status", "status": 500},
        {"kind": "refusal"},
    ):
        practice.faults.add(**fault)
        await scene.answer(f"Nothing of note, {fault}")
    await case.writer.shortened(await scene.history(), LONG)
    await scene.happens(EscalationRequested(place.anna, "I am stuck", Target()))
    await case.work()
    await scene.happens(PickedUp(place.ben))
    await scene.deliver()
    practice.script(*[SOLVED] * 40)
    await scene.happens(StepAnswered(place.ben, (await scene.now()).step_count, text="Understood"))
    await scene.deliver()
    await case.drafted()
    await scene.happens(Resolved(place.ben, "The machine was odd", "Replaced the odd service"))
    await case.work()


async def test_what_is_booked_over_a_whole_story_is_what_the_vendor_counted(database: Database) -> None:
    async with case_in(database.app_url) as case:
        await mixed(case)
        calls = await case.scene.calls()
        counted, booked = Usage(), Usage()
        for entry in case.scene.asked:
            counted += told(entry)
        for call in calls:
            booked += call.usage
        [row] = await case.scene.place.rows(
            "select total_input_tokens, total_cache_read_tokens, total_cache_write_tokens, total_output_tokens "
            "from ai_sessions where id = :s",
            s=case.scene.session,
        )
    assert {call.purpose for call in calls} == set(Purpose) - {Purpose.CHECK}
    assert len(calls) == len(case.scene.asked)
    assert not [call for call in calls if call.state in (CallState.IN_FLIGHT, CallState.UNKNOWN)]
    stops = {call.stop_reason for call in calls}
    assert {StopReason.END_TURN, StopReason.MAX_TOKENS, StopReason.REFUSAL} <= stops
    assert booked == counted
    assert tuple(row) == (counted.input, counted.cache_read, counted.cache_write, counted.output)
    assert all(call.cost == cost(call.model, call.usage) for call in calls)


async def test_each_call_is_booked_with_what_the_vendor_counted_for_it(database: Database) -> None:
    async with case_in(database.app_url) as case:
        await mixed(case)
        calls = await case.scene.calls()
        entries = {entry.message_id: told(entry) for entry in case.scene.asked if entry.message_id}
    named = [call for call in calls if call.message_id]
    assert len(named) >= 10
    assert [(c.purpose, c.usage) for c in named] == [(c.purpose, entries[c.message_id]) for c in named]
    short = [call for call in calls if call.stop_reason is StopReason.MAX_TOKENS]
    again = [call for call in calls if call.max_tokens > short[0].max_tokens]
    assert [(c.turn, c.max_tokens) for c in again] == [(short[0].turn, short[0].max_tokens * 2)]
    assert all(replace(call.usage, output=0) != Usage() for call in named)
