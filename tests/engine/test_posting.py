"""Writes to the PSA, exactly once: whatever is lost, refused or delayed on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.desk import Limits
from engine.ports import PostState
from engine.posting import PostLimits, SettleTooShort
from engine.psa import (
    PsaBusy,
    PsaForbidden,
    PsaRefused,
    Ref,
    marker_for,
)
from tests.conftest import Database
from tests.engine.push_scene import LOST, RETRY, TICKET, Scene, scene_in


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        yield opened


async def test_a_note_is_written_once_with_its_marker_and_the_card_hears_of_it(scene: Scene) -> None:
    post = await scene.owe()
    assert await scene.push() == 1
    assert await scene.state(post) == "posted"
    [(number, note)] = scene.psa.saved_notes.items()
    assert note.text == f"Restarted the spooler.\n{marker_for(post)}"
    assert (await scene.post(post)).external_id == str(number)
    assert await scene.happened() == ["PushPosted"]
    assert ("ShowCard", "owed") in await scene.place.owed(scene.session)
    assert scene.psa.deadlines == [20.0]


async def test_a_lost_reply_is_waited_out_looked_up_and_not_sent_again(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    post = await scene.owe()
    await scene.push()
    known = await scene.post(post)
    assert (known.state, known.problem) == (PostState.SENDING, LOST.sentence)
    assert await scene.push(RETRY) == 1
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)
    assert (await scene.post(post)).external_id == str(next(iter(scene.psa.saved_notes)))
    assert await scene.happened() == ["PushFailed", "PushPosted"]


async def test_what_surely_is_absent_is_sent_then(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST)
    post = await scene.owe()
    await scene.push()
    assert scene.psa.notes_of(post) == 0
    await scene.push(RETRY)
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_three_retries_then_parked_with_the_psas_own_sentence(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaBusy("Record in use by Bob.", outcome="not_done"), times=9)
    post = await scene.owe()
    await scene.push()
    for _ in range(3):
        assert await scene.state(post) == "pending"
        assert await scene.push(timedelta(minutes=4)) == 0
        assert await scene.push(timedelta(minutes=1, seconds=1)) == 1
    known = await scene.post(post)
    assert (known.state, known.attempts, known.problem) == (PostState.FAILED, 4, "Record in use by Bob.")
    assert await scene.told() == ["push_parked"]
    assert await scene.push(timedelta(days=1)) == 0
    assert scene.psa.saved_notes == {}


async def test_a_wait_the_psa_asks_for_is_kept(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaBusy("Too many requests.", retry_after=900, outcome="not_done"))
    post = await scene.owe()
    await scene.push()
    assert await scene.push(timedelta(minutes=14)) == 0
    assert await scene.push(timedelta(minutes=2)) == 1
    assert await scene.state(post) == "posted"


async def test_what_will_not_heal_is_parked_at_once(scene: Scene) -> None:
    scene.psa.fail("add_note", PsaRefused("The period is closed."))
    post = await scene.owe()
    await scene.push()
    assert (await scene.state(post), (await scene.post(post)).problem) == ("failed", "The period is closed.")
    assert await scene.told() == ["push_parked"]
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_what_cannot_be_looked_up_is_unknown_and_a_retry_looks_again(scene: Scene) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    scene.psa.fail("find_note", PsaForbidden("No right to read notes."), times=4)
    post = await scene.owe()
    await scene.push()
    for _ in range(3):
        assert await scene.state(post) == "sending"
        await scene.push(RETRY)
    assert (await scene.state(post), (await scene.post(post)).problem) == (
        "unknown",
        "No right to read notes.",
    )
    await scene.retry()
    assert await scene.state(post) == "sending", "it may have been sent, so it is not called failed"
    await scene.retry()
    await scene.push(RETRY)
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_a_merged_ticket_is_pointed_out_and_nothing_is_written(scene: Scene) -> None:
    scene.psa.tickets[4711] = replace(TICKET, merged_into=4800)
    post = await scene.owe()
    await scene.push()
    assert await scene.state(post) == "failed"
    assert "#4800" in (await scene.post(post)).problem
    assert scene.psa.saved_notes == {}


async def test_a_status_waits_for_time_that_is_tried_again(scene: Scene) -> None:
    """Both are due at the same moment, and the status stands first: it must let the time by."""
    scene.psa.fail("add_time", PsaBusy("In use.", outcome="not_done"))
    time = await scene.owe("time")
    status = await scene.owe("status", status_id=16, closing=False, confirmed=False)
    await scene.push()
    assert (await scene.state(time), await scene.state(status)) == ("pending", "pending")
    assert scene.psa.tickets[4711].status == Ref(1, "New")
    await scene.push(RETRY)
    await scene.push(timedelta(seconds=6))
    assert (await scene.state(time), await scene.state(status)) == ("posted", "posted")
    assert scene.psa.tickets[4711].status == Ref(16, "Waiting")


async def test_a_status_that_turned_out_to_close_waits_for_a_tick(scene: Scene) -> None:
    status = await scene.owe("status", status_id=17, closing=False, confirmed=False)
    await scene.push()
    assert (await scene.post(status)).held_because == "closing_unconfirmed"
    await scene.retry()
    assert (await scene.post(status)).held_because == "closing_unconfirmed"
    assert not scene.psa.tickets[4711].closed
    await scene.retry(closing=True)
    assert (await scene.state(status), scene.psa.tickets[4711].closed) == ("posted", True)


async def test_a_status_the_board_no_longer_has_is_refused_before_writing(scene: Scene) -> None:
    status = await scene.owe("status", status_id=99, closing=False, confirmed=False)
    await scene.push()
    assert await scene.state(status) == "failed"
    assert "no such status" in (await scene.post(status)).problem


async def test_what_was_on_its_way_when_the_connection_went_is_looked_up_when_it_is_back(
    scene: Scene,
) -> None:
    scene.psa.fail("add_note", LOST, stored=True)
    post = await scene.owe()
    await scene.push()
    scene.door.psa = None
    await scene.push(RETRY)
    assert (await scene.post(post)).held_because == "no_connection"
    scene.door.psa = scene.psa
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


async def test_a_part_the_desk_gives_up_says_so_and_is_found_by_retry(scene: Scene) -> None:
    post = await scene.owe()
    await scene.place.rows("update psa_post_log set content = content - 'visibility' where id = :p", p=post)
    await scene.push(limits=Limits(tries=1))
    known = await scene.post(post)
    assert (known.state, known.problem) == (PostState.FAILED, "E1")
    assert (await scene.happened(), await scene.told()) == (["PushFailed"], ["push_parked"])
    await scene.place.rows(
        """update psa_post_log set content = content || '{"visibility": "internal"}' where id = :p""", p=post
    )
    await scene.retry()
    assert (await scene.state(post), scene.psa.notes_of(post)) == ("posted", 1)


@pytest.mark.parametrize(("deadline", "settle"), [(20, 20), (20, 22), (45, 45), (60, 30)])
def test_a_settle_time_that_a_late_write_could_outlast_is_refused(deadline: int, settle: int) -> None:
    with pytest.raises(SettleTooShort, match="must be longer"):
        PostLimits(deadline=timedelta(seconds=deadline), settle=timedelta(seconds=settle))
    assert PostLimits(deadline=timedelta(seconds=20), settle=timedelta(seconds=23)).retries == 3
