"""Whole stories with a language model that answers, is slow, is cut off and goes away; nothing waits, is lost or doubled."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.play_case import Expect, Submit
from bot.words import say
from demo.model_room import Settings
from engine.session import Status
from storage.calls import CallRow, CallState
from tests.bot.waiting import until
from tests.conftest import Database
from tests.journeys.model_desk import ModelDesk, model_desk

SOON = 25.0
SLOW_SECONDS = 5.0
FIX = "Removed the stale MicrosoftOffice16 entries in Credential Manager."
RESOLVED = Submit(
    verb="resolve",
    fields={"summary": "It asked for the password again and again.", "fix": FIX, "status_confirmed": "yes"},
)
REASON = "I have no access to that server."
STOPS = {
    "anna": Submit(verb="pause"),
    "ben": Submit(verb="escalate", fields={"reason": REASON}),
    "carla": RESOLVED,
}
PRIVATE = (
    *("Jane", "Doe", "jdoe", "555-0141", "jane.doe@harborpine.example", "Harbor Pine"),
    *("HPL-LT-014", "10.20.1.114", "harborpine", "Keller", "Mendes"),
)
"""What the practice ConnectWise says of ticket #4711 and of who works on it."""


@pytest.fixture
async def desk(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[ModelDesk]:
    async with model_desk(empty_database, redis_url, tmp_path) as one:
        yield one


async def test_a_session_is_guided_by_the_model_to_one_note_and_nothing_left_unmasked(
    desk: ModelDesk,
) -> None:
    anna = desk.people["anna"]
    await anna.say("#4711")
    for answer in (
        "Only this user",
        "Mail opens",
        "Same address",
        "Prompt is gone",
        "Connected and no prompt",
    ):
        await anna.answer(answer, SOON)
    await anna.expect(Expect(card="step", contains="Is it solved?"), SOON)
    await anna.click("receipt", SOON)
    await anna.expect(Expect(contains="What left"), SOON)
    calls = await desk.calls("anna")
    assert [call.turn for call in calls] == [1, 2, 3, 4, 5, 6]
    assert all(call.state is CallState.ANSWERED and call.used for call in calls)
    told = [entry.usage.prompt + entry.usage.output for entry in desk.requests]
    assert [call.usage.total for call in calls] == told
    receipt = desk.on_screen("anna").partition("What left")[2]
    every = await desk.calls("anna", None)
    assert f"In all: {len(every)} calls, {sum(call.usage.prompt for call in every):,} tokens in" in receipt
    assert "3 names of people" in receipt, "named in the ticket summary and in the turns, counted once"

    await anna.click("resolve", SOON)
    await anna.submit(RESOLVED, SOON)
    await until(lambda: _status(desk, "anna", Status.RESOLVED), "the session is resolved")
    await until(lambda: bool(_posted(desk, 4711)), "the note is in ConnectWise")
    assert len(_posted(desk, 4711)) == 1
    assert all(step.guide == "claude" for step in (await desk.history("anna")).steps)
    sent = "\n".join(entry.raw.decode() for entry in desk.requests)
    assert [word for word in PRIVATE if re.search(rf"\b{re.escape(word)}\b", sent, re.IGNORECASE)] == []


async def test_while_the_model_thinks_pause_escalate_and_resolve_take_effect_and_late_replies_are_kept(
    desk: ModelDesk,
) -> None:
    for who, ticket in (("anna", 4711), ("ben", 4712), ("carla", 4714)):
        await desk.people[who].say(f"#{ticket}")
        await desk.step(who, 1)
    desk.model.settings = Settings(latency_seconds=SLOW_SECONDS)
    before = len(desk.requests)
    for person in desk.people.values():
        await person.answer("1", SOON)
    await until(lambda: len(desk.requests) == before + 3, "the model is asked three times")
    asked = desk.requests[before:]

    for who, form in STOPS.items():
        await desk.people[who].click(form.verb, SOON)
    for who, form in STOPS.items():
        await desk.people[who].submit(form, SOON)
    for who, shown in (("anna", "Paused"), ("ben", "Asking for help"), ("carla", "Resolved")):
        await desk.people[who].expect(Expect(card="session", contains=shown), SOON)
    assert {entry.ended for entry in asked} == {"open"}, "the model was waited for"
    desk.model.settings = Settings()

    await desk.people["anna"].expect(Expect(place="escalations", contains=REASON), SOON)
    await until(lambda: bool(_posted(desk, 4714)), "the note is in ConnectWise")

    await until(lambda: all(entry.answered for entry in asked), "the late replies are there")
    for who in desk.people:
        late = await _kept(desk, who, 2)
        assert late.reply
        assert not late.used
        assert [step.number for step in (await desk.history(who)).steps] == [1]

    await desk.people["anna"].click("resume", SOON)
    step = await desk.step("anna", 2)
    assert step.guide == "claude"
    assert [call.used for call in await desk.calls("anna")] == [True, True]
    assert len(desk.requests) == before + 3, "nothing new was said, and it was asked again"


async def test_a_worker_killed_in_the_middle_of_an_answer_costs_one_call_and_no_step(desk: ModelDesk) -> None:
    await desk.people["anna"].say("#4711")
    await desk.step("anna", 1)
    desk.model.faults.add(kind="stall", after=8, seconds=60)
    await desk.people["anna"].answer("Only this user", SOON)
    await until(lambda: _started(desk, "anna", 2), "an answer has begun")
    await desk.programs["worker"].kill()
    await desk.programs["worker"].start()
    step = await desk.step("anna", 2)
    assert step.guide == "claude"
    await desk.people["anna"].answer("Mail opens", SOON)
    await desk.step("anna", 3)
    calls = await desk.calls("anna")
    assert [(call.turn, call.state, call.used) for call in calls] == [
        (1, CallState.ANSWERED, True),
        (2, CallState.UNKNOWN, False),
        (2, CallState.ANSWERED, True),
        (3, CallState.ANSWERED, True),
    ]
    assert calls[1].usage.total > 0
    assert [each.number for each in (await desk.history("anna")).steps] == [1, 2, 3]
    killed, again = desk.requests[1:3]
    assert killed.raw == again.raw
    assert len(desk.requests) == 4


async def test_where_the_model_is_away_the_offline_guide_takes_the_turn_and_the_model_the_next(
    desk: ModelDesk,
) -> None:
    anna = desk.people["anna"]
    overloaded = desk.model.faults.add(kind="status", status=529, times=None)
    await anna.say("#4711")
    assert (await desk.step("anna", 1)).guide == "offline"
    await anna.expect(Expect(card="step", contains=say("aside.guide_away")), SOON)
    assert overloaded.hits > 1
    desk.model.faults.clear()
    await anna.answer("Only this user", SOON)
    assert (await desk.step("anna", 2)).guide == "claude"

    await desk.model_goes()
    await anna.answer("Mail opens", SOON)
    third = await desk.step("anna", 3)
    assert (third.guide, third.aside) == ("offline", "guide_away")
    await desk.model_comes_back()
    await anna.answer("Same address", SOON)
    assert (await desk.step("anna", 4)).guide == "claude"
    assert "Mail opens" in desk.requests[0].raw.decode(), "what was answered meanwhile was not told"
    assert {call.state for call in await desk.calls("anna")} == {CallState.FAILED, CallState.ANSWERED}


async def _status(desk: ModelDesk, who: str, status: Status) -> bool:
    return (await desk.history(who)).session.status is status


def _posted(desk: ModelDesk, ticket: int) -> list[str]:
    """Our notes on it."""
    return [note["text"] for note in desk.psa.records("notes", ticket) if FIX in note["text"]]


async def _started(desk: ModelDesk, who: str, turn: int) -> bool:
    return any(call.turn == turn and call.started_at for call in await desk.calls(who))


async def _kept(desk: ModelDesk, who: str, turn: int) -> CallRow:
    async def kept() -> CallRow | None:
        found = [call for call in await desk.calls(who) if call.turn == turn]
        return next((call for call in found if call.state is CallState.ANSWERED), None)

    return await desk.found(kept, f"{who}'s late reply")
