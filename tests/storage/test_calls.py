"""Calls to the model: one at a time for a turn, every attempt kept, and counted exactly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from engine.model import Failure, Purpose, Usage
from storage.conversations import CallState, CallUnderWay, ConversationMoved, Piece, Standing
from storage.retention import Retention
from storage.sessions import SessionMoved
from tests.conftest import Database
from tests.fakes import office
from tests.storage.talking import ASKED, REPLY, SAID, SYSTEM, Talk


@pytest.fixture
async def talk(database: Database) -> AsyncIterator[Talk]:
    async with office(database.app_url) as place:
        yield Talk(place, await place.start(), database.owner_url)


# ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_turn_is_opened_and_closed_in_one_round_trip_each(talk: Talk) -> None:
    with talk.counting() as sent:
        call = await talk.opened()
    assert len(sent) == 1
    row = await talk.only()
    assert (row.id, row.state, row.attempt, row.used, row.masked) == (
        call,
        CallState.IN_FLIGHT,
        1,
        False,
        {"IP": ["⟦IP_1⟧", "⟦IP_2⟧"]},
    )
    assert (row.purpose, row.turn, row.chapter, row.upto, row.as_reply()) == (Purpose.TURN, 1, 1, 1, None)
    with talk.counting() as sent:
        await talk.do("close_turn", call, REPLY, 7, SAID, {"steps": 1})
    assert len(sent) == 1
    row = await talk.only()
    assert (row.state, row.used, row.cost, row.usage) == (CallState.ANSWERED, True, 7, REPLY.usage)
    assert row.as_reply() == REPLY
    assert row.ended_at is not None
    assert (await talk.chapter()).messages == (SYSTEM, ASKED, Piece(2, "assistant", SAID, {"steps": 1}))
    assert talk.totals() == REPLY.usage


async def test_a_call_of_a_turn_is_in_flight_only_once(talk: Talk) -> None:
    call = await talk.opened()
    with pytest.raises(CallUnderWay):
        await talk.do("begin", talk.call(upto=3))
    await talk.do("begin", talk.call(purpose=Purpose.NOTE, turn=1, chapter=0, upto=0))
    await talk.do("failed", call, Failure.BUSY, 429)
    await talk.do("begin", talk.call())
    attempts = await talk.do("of_turn", talk.session, Purpose.TURN, 1)
    assert [(row.attempt, row.state) for row in attempts] == [
        (1, CallState.FAILED),
        (2, CallState.IN_FLIGHT),
    ]
    assert (attempts[0].failure, attempts[0].status) == (Failure.BUSY, 429)


async def test_of_two_who_begin_at_once_one_is_told(talk: Talk) -> None:
    async with talk.place.store.transaction(talk.place.account) as first:
        await first.conversations.begin(talk.call())
        second = asyncio.create_task(talk.do("begin", talk.call()))
        await talk.place.until_somebody_waits(second)
    with pytest.raises(CallUnderWay):
        await second
    assert len(await talk.rows()) == 1


async def test_another_message_is_not_another_attempt(talk: Talk) -> None:
    await talk.do("answered", await talk.opened(), REPLY, 7)
    repaired = (Piece(2, "assistant", SAID), Piece(3, "user", '[{"type":"text","text":"invalid because"}]'))
    await talk.do("open_turn", talk.call(upto=3), repaired)
    assert [(row.upto, row.attempt) for row in await talk.rows()] == [(1, 1), (3, 1)]
    assert (await talk.chapter()).last == 3


async def test_a_reply_that_was_kept_is_taken_up_once(talk: Talk) -> None:
    call = await talk.opened()
    assert await talk.do("answered", call, REPLY, 7)
    await talk.do("close_turn", call, REPLY, 7, SAID)
    for again in ("close_turn", "take_up"):
        given = (REPLY, 7, SAID) if again == "close_turn" else (SAID,)
        with pytest.raises(ConversationMoved):
            await talk.do(again, call, *given)
    assert talk.totals() == REPLY.usage
    assert (await talk.chapter()).last == 2
    assert (await talk.only()).used


async def test_a_reply_whose_place_is_taken_is_kept_in_a_new_transaction(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("append", talk.session, 1, "assistant", "[]", {})
    with pytest.raises(ConversationMoved):
        await talk.do("close_turn", call, REPLY, 7, SAID)
    assert talk.totals() == Usage()
    assert await talk.do("answered", call, REPLY, 7)
    row = await talk.only()
    assert (row.state, row.used, talk.totals()) == (CallState.ANSWERED, False, REPLY.usage)


async def test_a_text_made_from_a_reply_is_marked(talk: Talk) -> None:
    call = await talk.do("begin", talk.call(purpose=Purpose.PACKAGE, chapter=0, upto=0))
    await talk.do("answered", call, REPLY, 7)
    await talk.do("used", call)
    assert (await talk.only()).used


async def test_what_was_sent_of_pictures_is_what_stands_in_a_message(talk: Talk) -> None:
    shots = [uuid4() for _ in range(3)]
    seen = [
        json.dumps([{"type": "text", "text": "⚠"}, {"type": "picture", "id": str(each)}]) for each in shots
    ]
    await talk.do("open_turn", talk.call(), (SYSTEM, Piece(1, "user", seen[0])))
    assert await talk.do("pictures_sent", talk.session) == {shots[0]}
    await talk.do("append", talk.session, 1, "assistant", seen[2], {})
    for chapter in (1, 2):
        await talk.do("append", talk.session, chapter, "system" if chapter == 2 else "user", seen[1], {})
    await talk.do("append", talk.session, 2, "user", seen[1], {})
    assert await talk.do("pictures_sent", talk.session) == set(shots[:2])
    assert await talk.do("pictures_sent", uuid4()) == frozenset()


# ── What it cost ────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_comes_twice_counts_once(talk: Talk) -> None:
    call = await talk.opened()
    assert await talk.do("answered", call, REPLY, 7)
    assert not await talk.do("answered", call, replace(REPLY, usage=Usage(9, 9, 9, 9)), 9)
    assert not await talk.do("failed", call, Failure.SILENT, usage=Usage(9, 9, 9, 9))
    assert talk.totals() == REPLY.usage
    assert (await talk.only()).usage == REPLY.usage


async def test_a_late_answer_takes_the_place_of_what_was_booked(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("started", call, Usage(10, 200, 3000, 1), "msg_1")
    assert talk.totals() == Usage()
    assert await talk.do("failed", call, None, unknown=True)
    assert talk.totals() == Usage(10, 200, 3000, 1)
    assert not await talk.do("failed", call, None, usage=Usage(5), unknown=True)
    assert (await talk.only()).message_id == "msg_1"
    assert await talk.do("answered", call, REPLY, 7)
    assert talk.totals() == REPLY.usage
    row = await talk.only()
    assert (row.state, row.failure, row.cost) == (CallState.ANSWERED, None, 7)


async def test_an_unknown_call_that_failed_gives_back_what_was_booked(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("failed", call, None, usage=Usage(100, 0, 0, 50), cost=3, unknown=True)
    assert talk.totals() == Usage(100, 0, 0, 50)
    assert await talk.do("failed", call, Failure.OVERLOADED, 529, Usage(), request_id="req_9")
    assert talk.totals() == Usage()
    row = await talk.only()
    assert (row.state, row.failure, row.cost, row.request_id) == (
        CallState.FAILED,
        Failure.OVERLOADED,
        0,
        "req_9",
    )
    assert not await talk.do("answered", call, REPLY, 7)


async def test_what_a_failed_call_had_begun_to_cost_is_counted(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("started", call, Usage(10, 200, 3000, 1), "msg_1")
    await talk.do("failed", call, Failure.SILENT, cost=5)
    await talk.do("started", call, Usage(1, 1, 1, 1), "late")
    assert talk.totals() == (await talk.only()).usage == Usage(10, 200, 3000, 1)


async def test_a_call_that_failed_costs_what_it_had_begun_to_cost(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("started", call, Usage(10, 200, 3000, 1), "msg_1", 6)
    await talk.do("failed", call, None, unknown=True)
    assert (await talk.only()).cost == 6
    await talk.do("failed", call, Failure.OVERLOADED, 529, Usage())
    row = await talk.only()
    assert (row.cost, row.usage, talk.totals()) == (0, Usage(), Usage())


async def test_a_call_whose_process_died_is_booked_as_it_began_after_an_hour(talk: Talk) -> None:
    calls = [await talk.do("begin", talk.call(turn=turn)) for turn in range(4)]
    for call in calls[1:3]:
        await talk.do("started", call, Usage(10, 200, 3000, 1), "msg_1", 6)
    old = "update ai_calls set created_at = now() - interval '61 minutes' where id = any(%s)"
    talk.ask(old, calls[:3])
    retention = Retention(talk.place.store)
    await retention.clean()
    rows = {row.turn: row for row in await talk.rows()}
    assert [rows[turn].state for turn in range(4)] == [CallState.UNKNOWN] * 3 + [CallState.IN_FLIGHT]
    assert [rows[turn].cost for turn in range(4)] == [0, 6, 6, 0]
    assert rows[0].ended_at is not None
    await retention.clean()
    assert talk.totals() == Usage(20, 400, 6000, 2)
    assert await talk.do("answered", calls[1], REPLY, 7), "its late answer takes the place of what was booked"
    assert talk.totals() == Usage(10, 200, 3000, 1) + REPLY.usage


async def test_a_session_at_work_is_not_waited_for_when_calls_are_booked(talk: Talk) -> None:
    call = await talk.opened()
    talk.ask("update ai_calls set created_at = now() - interval '61 minutes' where id = %s", call)
    async with talk.place.store.transaction(talk.place.account) as unit:
        await unit.sessions.get(talk.session, lock=True)
        await Retention(talk.place.store).clean()
        assert (await talk.only()).state is CallState.IN_FLIGHT
    await Retention(talk.place.store).clean()
    assert (await talk.only()).state is CallState.UNKNOWN


async def test_many_who_end_one_call_at_once_count_it_once(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("failed", call, None, usage=Usage(500, 0, 0, 500), unknown=True)
    ends = [talk.do("answered", call, replace(REPLY, usage=Usage(n, n, n, n)), n) for n in range(1, 7)]
    ends += [talk.do("failed", call, Failure.CONNECTION, usage=Usage(90, 0, 0, 9)) for _ in range(3)]
    assert sum(await asyncio.gather(*ends)) == 1
    assert talk.totals() == (await talk.only()).usage


async def test_calls_that_end_at_once_add_up(talk: Talk) -> None:
    calls = [await talk.do("begin", talk.call(turn=turn)) for turn in range(8)]
    await asyncio.gather(*(talk.do("answered", call, REPLY, 7) for call in calls))
    total = sum((REPLY.usage for _ in calls), Usage())
    assert talk.totals() == total


async def test_the_version_of_the_session_stays_and_a_save_does_not_undo_the_totals(talk: Talk) -> None:
    before = await talk.place.session(talk.session)
    await talk.do("close_turn", await talk.opened(), REPLY, 7, SAID)
    await talk.do("project", talk.session)
    async with talk.place.store.transaction(talk.place.account) as unit:
        after = replace(before, version=before.version + 1, problem_summary="New", problem_domain="m365")
        await unit.sessions.save(before, after)
    assert talk.totals() == REPLY.usage
    with pytest.raises(SessionMoved):
        async with talk.place.store.transaction(talk.place.account) as unit:
            await unit.sessions.save(before, after)
    [(kept,)] = talk.ask(
        "select jsonb_array_length(conversation_messages) from ai_sessions where id = %s", talk.session
    )
    assert kept == 3


async def test_an_answer_and_a_saved_session_are_one_transaction(talk: Talk) -> None:
    call = await talk.opened()
    with pytest.raises(ZeroDivisionError):
        async with talk.place.store.transaction(talk.place.account) as unit:
            before = await unit.sessions.get(talk.session, lock=True)
            assert before is not None
            await unit.conversations.close_turn(call, REPLY, 7, SAID)
            await unit.sessions.save(before, replace(before, version=before.version + 1, feedback="x"))
            raise ZeroDivisionError
    assert (await talk.only()).state is CallState.IN_FLIGHT
    assert talk.totals() == Usage()
    assert (await talk.chapter()).last == 1


async def test_the_account_knows_what_it_spent_since(talk: Talk) -> None:
    now = (await talk.place.rows("select now() as now"))[0].now
    assert await talk.do("spent_since", now) == Usage()
    call = await talk.opened()
    await talk.do("answered", call, REPLY, 7)
    await talk.do("started", await talk.do("begin", talk.call(turn=2)), Usage(1, 2, 3, 4), "msg_2")
    assert await talk.do("spent_since", now) == REPLY.usage + Usage(1, 2, 3, 4)
    assert await talk.do("spent_since", now + timedelta(hours=1)) == Usage()
    await talk.do("started", await talk.do("begin", talk.call(turn=3)), Usage(1), "msg_3", 4)
    assert [await talk.do("paid_since", now + timedelta(hours=hours)) for hours in (0, 1)] == [11, 0]


async def test_the_last_three_answered_turns_have_their_times(talk: Talk) -> None:
    for turn in range(4):
        await talk.do("answered", await talk.do("begin", talk.call(turn=turn)), REPLY, 7)
    await talk.do("failed", await talk.do("begin", talk.call(turn=5)), Failure.BUSY)
    await talk.do("answered", await talk.do("begin", talk.call(purpose=Purpose.NOTE)), REPLY, 7)
    sent = [row.created_at for row in await talk.rows() if row.turn < 4 and row.purpose is Purpose.TURN]
    assert await talk.do("last_times", talk.session) == tuple(reversed(sent[1:]))


async def test_what_a_turn_has_to_know_comes_in_one_round_trip_and_is_the_same(talk: Talk) -> None:
    now = (await talk.place.rows("select now() as now"))[0].now
    assert await talk.do("standing", talk.session, 1, now) == Standing(None, (), (), Usage())
    await talk.do("close_turn", await talk.opened(), REPLY, 7, SAID, {"steps": 1})
    await talk.do("started", await talk.do("begin", talk.call(turn=2, upto=2)), Usage(1, 2, 3, 4), "msg_2")
    await talk.do("answered", await talk.do("begin", talk.call(purpose=Purpose.NOTE)), REPLY, 7)
    for turn in (1, 2, 3):
        with talk.counting() as sent:
            found = await talk.do("standing", talk.session, turn, now)
        assert len(sent) == 1
        assert found == Standing(
            await talk.do("chapter", talk.session),
            await talk.do("of_turn", talk.session, Purpose.TURN, turn),
            await talk.do("last_times", talk.session),
            await talk.do("spent_since", now),
        )
    later = now + timedelta(hours=1)
    assert (await talk.do("standing", talk.session, 1, later)).spent == Usage()


async def test_a_kept_answer_and_a_turn_that_takes_it_up_do_not_wait_for_each_other_forever(
    talk: Talk,
) -> None:
    """The one holds the Session and the other its call, in the same order."""
    call = await talk.opened()

    async def turn() -> None:
        async with talk.place.store.transaction(talk.place.account) as unit:
            await unit.sessions.get(talk.session, lock=True)
            await unit.conversations.close_turn(call, REPLY, 7, SAID)

    ends = (turn(), talk.do("answered", call, REPLY, 7), talk.do("answered", call, REPLY, 7))
    await asyncio.gather(*ends)
    assert talk.totals() == REPLY.usage
    assert (await talk.only()).used
