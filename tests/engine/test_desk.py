"""The desk: what came in is done once, whatever dies on the way, and what is given up is seen by people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.desk import Limits
from engine.effects import Lane, Post, ReadTicket, ShowStep
from engine.events import EvidenceAdded, GuideFailed, NoteAdded, StepAnswered, TicketLinked
from engine.ports import Act, Done, OwedRow, Performed, Raw
from engine.psa import PsaUnreachable, Ticket
from engine.session import Manner, Person
from storage.receiving import Receiving
from storage.store import Store
from tests.conftest import Database
from tests.contracts.fake_psa import FakePsa
from tests.fakes import (
    VAULT,
    FakeDoor,
    FakeGuide,
    Fate,
    Killed,
    Office,
    RecordingPerformer,
    Room,
    ScriptedFront,
    office,
    receiving,
    room,
)

TALK, WORK = Lane.TALK, Lane.WORK


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


def answer(by: Person, step: int, option: str = "yes") -> StepAnswered:
    return StepAnswered(by, step, option=option)


def script(place: Office, session: UUID, steps: int = 3) -> dict[str, Any]:
    """`start`, and `answer n`: Anna's words about one Session."""

    def answering(number: int) -> Any:
        return lambda unit: (Act(session, answer(place.anna, number)),)

    answers = {f"answer {number}": answering(number) for number in range(1, steps + 1)}
    return {"start": lambda unit: (Act(session, place.started(session)),), **answers}


def raw(place: Office, line: str, session: UUID, unique_key: str = "") -> Raw:
    return Raw("console", unique_key or str(uuid4()), str(session), place.says(line))


async def events(place: Office, session: UUID) -> list[str]:
    rows = await place.rows("select event from session_log where session_id = :s order by id", s=session)
    return [row.event for row in rows]


# ── From a word to what people see ──────────────────────────────────────────────────────────────────────────


async def test_a_word_is_remembered_understood_and_answered(place: Office, receives: Receiving) -> None:
    session = uuid4()
    work = room(place, receives, front=ScriptedFront(script(place, session)))
    assert await work.desk.receive(raw(place, "start", session))
    assert work.bell.inbox == [str(session)]
    assert await work.desk.handle(str(session)) == 1
    assert {(subject, lane) for subject, lane, after in work.bell.lanes if not after} == {
        (session, TALK),
        (session, WORK),
    }
    await work.deliver(session)
    found = await place.session(session)
    assert (found.step_count, found.turn.open, work.guide.calls) == (1, False, 1)
    assert ShowStep(step=1) in [type(e)(step=e.step) for e in work.talk.performed if isinstance(e, ShowStep)]
    assert await events(place, session) == ["SessionStarted", "GuideReplied"]


async def test_what_a_delivery_owes_to_the_other_lane_is_rung_for(place: Office) -> None:
    session = await place.start()
    work = room(place)
    await place.apply(work.desk, session, answer(place.anna, 1))
    work.bell.lanes.clear()
    await work.desk.deliver(place.account, session, WORK)
    assert (session, TALK, timedelta()) in work.bell.lanes


# ── Killed anywhere ─────────────────────────────────────────────────────────────────────────────────────────


async def story(work: Room, session: UUID, lines: Sequence[str]) -> None:
    """Each word is received, handled and delivered; whoever repeats it uses the same unique key."""
    for line in lines:
        await work.desk.receive(raw(work.office, line, session, f"{session} {line}"))
        await work.desk.handle(str(session))
        await work.desk.deliver(work.office.account, session, TALK)
        await work.desk.deliver(work.office.account, session, WORK)
        await work.desk.deliver(work.office.account, session, TALK)


async def test_killed_at_any_boundary_the_story_ends_the_same(
    place: Office, receives: Receiving, database: Database
) -> None:
    """Every commit and every call of a performer or the Guide, before it and after it."""
    at, crossed = 1, None
    lines = ("answer 1",)
    while crossed is None or at <= crossed:
        session, fate = await place.start(), Fate(at)
        doomed = Store(database.app_url, VAULT, pool_size=2)
        fate.rule(doomed)
        front, guide, talk = ScriptedFront(script(place, session)), FakeGuide(), RecordingPerformer()
        guide.fate = talk.fate = fate
        dying = room(place, receives, memory=doomed, front=front, guide=guide, talk=talk)
        try:
            await story(dying, session, lines)
            crossed = fate.crossed
        except Killed:
            pass
        await doomed.close()
        guide.fate = talk.fate = Fate()
        after = room(place, receives, front=front, guide=guide, talk=talk)
        await place.expire_leases()
        await story(after, session, lines)
        found = await place.session(session)
        assert (found.step_count, found.turn.open) == (2, False), f"killed at boundary {at}"
        assert await events(place, session) == ["StepAnswered", "GuideReplied"], f"killed at boundary {at}"
        owed = [verb for verb, state in await place.owed(session) if state == "owed"]
        assert owed == ["RemindIdle"], f"killed at boundary {at}"
        shown = {effect.step for effect in talk.performed if isinstance(effect, ShowStep)}
        assert shown == {2}, f"killed at boundary {at}"
        assert guide.calls <= 2, "only the call that was under way may be made again"
        at += 1
    assert crossed > 20


# ── Given up ────────────────────────────────────────────────────────────────────────────────────────────────


async def given_up(place: Office, work: Room, session: UUID, lane: Lane) -> None:
    for _ in range(3):
        await work.desk.deliver(place.account, session, lane)
        place.store.offset += timedelta(minutes=3)


async def test_a_guide_that_fails_and_fails_is_given_up_where_people_see_it(place: Office) -> None:
    session = await place.start()
    work = room(place, limits=Limits(tries=3))
    work.guide.fails = [ConnectionError("the model is away")] * 3
    await place.apply(work.desk, session, answer(place.anna, 1))
    await given_up(place, work, session, WORK)
    assert work.guide.calls == 3
    assert ("AskGuide", "parked") in await place.owed(session)
    assert (await events(place, session))[-1] == GuideFailed.__name__
    assert not (await place.session(session)).turn.open
    assert (session, TALK, timedelta()) in work.bell.lanes
    said = await place.rows(
        "select args->>'what' as what from outbox where verb = 'Announce' and subject_id = :s", s=session
    )
    assert [row.what for row in said] == ["guide_failed"]
    [row] = await place.rows("select problem from outbox where state = 'parked'")
    assert row.problem == "E3"


async def test_what_is_behind_a_parked_effect_is_delivered(place: Office) -> None:
    subject = uuid4()
    work = room(place, limits=Limits(tries=3))
    work.talk.fails = [ConnectionError("chat refuses it")] * 3
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(subject, (ShowStep(step=1), ShowStep(step=2)))
    await given_up(place, work, subject, TALK)
    assert await place.owed(subject) == [("ShowStep", "parked"), ("ShowStep", "done")]


async def test_an_outcome_that_cannot_be_saved_counts_as_a_failure(place: Office) -> None:
    """Or the model would be asked, and paid, again and again without an end."""
    session = await place.start()
    work = room(place, limits=Limits(tries=2))
    work.guide.domain = "longer than its column " * 3
    await place.apply(work.desk, session, answer(place.anna, 1))
    await given_up(place, work, session, WORK)
    assert work.guide.calls == 2
    assert ("AskGuide", "parked") in await place.owed(session)


async def test_a_post_that_is_given_up_twice_is_told_once(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        post = await unit.posts.owe(session, "k", "note", "resolution", place.anna.id, None, 1, {}, None)
        assert post is not None
        await unit.outbox.owe(session, (Post(post_id=post.id), Post(post_id=post.id)))
    failing = RecordingPerformer()
    failing.fails = [OSError("no"), OSError("no")]
    await room(place, work=failing, limits=Limits(tries=1)).desk.deliver(place.account, session, WORK)
    assert await events(place, session) == ["PushFailed"]


# ── Clicks ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_as_many_double_clicks_as_steps_are_no_more_steps(
    place: Office, receives: Receiving, pytestconfig: pytest.Config
) -> None:
    """Two deliveries of each click, handled by two desks at once, and a guide that always has one more question."""
    clicks = int(pytestconfig.getoption("--clicks"))
    session = uuid4()
    front = ScriptedFront(script(place, session, clicks))
    desks = [room(place, receives, front=front), room(place, receives, front=front)]
    await desks[0].desk.receive(raw(place, "start", session))
    await desks[0].desk.handle(str(session))
    await desks[0].desk.deliver(place.account, session, WORK)
    for number in range(1, clicks):
        for each in desks:
            await each.desk.receive(raw(place, f"answer {number}", session))
        await asyncio.gather(*(each.desk.handle(str(session)) for each in desks))
        await asyncio.gather(*(each.desk.deliver(place.account, session, WORK) for each in desks))
    found = await place.session(session)
    assert found.step_count == clicks
    [row] = await place.rows("select count(*) as n, count(answered_at) as done from ai_session_steps")
    assert (row.n, row.done) == (clicks, clicks - 1)
    assert sum(each.guide.calls for each in desks) == clicks


async def test_two_people_who_click_different_options_at_once_are_one_decision(
    place: Office, receives: Receiving
) -> None:
    session = await place.start()
    front = ScriptedFront(
        {
            "anna": lambda unit: (Act(session, answer(place.anna, 1, "yes")),),
            "lea": lambda unit: (Act(session, answer(place.lea, 1, "no")),),
        }
    )
    first, second = room(place, receives, front=front), room(place, receives, front=front)
    await first.desk.receive(Raw("console", str(uuid4()), f"{session} anna", place.says("anna")))
    await second.desk.receive(Raw("console", str(uuid4()), f"{session} lea", place.says("lea")))
    await asyncio.gather(first.desk.handle(f"{session} anna"), second.desk.handle(f"{session} lea"))
    found = await place.session(session)
    assert found.current is not None
    assert found.current.outcome is not None
    chosen = (found.current.outcome.option, found.current.outcome.by)
    assert chosen in {("yes", place.anna.id), ("no", place.lea.id)}
    assert [verb for verb, _ in await place.owed(session)].count("AskGuide") == 1
    rows = await place.rows(
        "select detail->>'changed' as changed, by_id from session_log where session_id = :s", s=session
    )
    assert len(rows) == 2


async def test_a_late_button_never_counts_for_another_step(place: Office) -> None:
    session = await place.start()
    work = room(place)
    await place.apply(work.desk, session, answer(place.anna, 1))
    await work.deliver(session)
    await place.apply(work.desk, session, answer(place.anna, 1, "no"))
    await place.apply(work.desk, session, answer(place.anna, 3, "no"))
    found = await place.session(session)
    assert found.previous is not None
    assert found.previous.outcome is not None
    assert (found.previous.outcome.option, found.previous.outcome.manner) == ("yes", Manner.ANSWERED)
    assert found.current is not None
    assert (found.current.number, found.current.outcome) == (2, None)
    assert work.guide.calls == 1


async def test_what_is_said_while_the_guide_thinks_is_not_lost(place: Office) -> None:
    """Its answer would not know of it, so it is asked again and the first answer is dropped."""
    session = await place.start()
    work = room(place)

    async def meanwhile() -> None:
        work.guide.pause = None
        await place.apply(work.desk, session, EvidenceAdded(place.ben, "The cable is cut."))
        await place.apply(work.desk, session, NoteAdded(place.lea, "I am near."))

    work.guide.pause = meanwhile
    await place.apply(work.desk, session, answer(place.anna, 1))
    await work.deliver(session)
    async with place.store.transaction(place.account) as unit:
        history = await unit.sessions.history(session)
    assert history is not None
    assert [note.text for note in history.notes] == ["The cable is cut.", "I am near."]
    assert (history.session.step_count, history.session.turn.open) == (2, False)


# ── Two transactions that want the same things ──────────────────────────────────────────────────────────────


async def test_a_ticket_linked_while_another_is_being_read_is_read_too(place: Office) -> None:
    """The first reading failed and wants to be put off; the second must not be taken for it."""
    session = await place.start()
    psa = FakePsa((Ticket(1, "first"), Ticket(2, "second")))
    psa.fail("ticket", PsaUnreachable("No answer."))

    class LinksMeanwhile(FakeDoor):
        async def open(self, account: UUID, connection_id: UUID | None) -> Any:
            view = await super().open(account, connection_id)
            if not linked:
                linked.append(True)
                await place.apply(work.desk, session, TicketLinked(place.anna, 2))
            return view

    linked: list[bool] = []
    async with place.store.transaction(place.account) as unit:
        connection = await unit.accounts.connect("api.example", "msp", {})
    work = room(place, door=LinksMeanwhile(psa, connection))
    await place.apply(work.desk, session, TicketLinked(place.anna, 1))
    await work.desk.deliver(place.account, session, WORK)
    found = await place.session(session)
    assert (found.ticket_id, (found.ticket or {}).get("summary")) == (2, "second")
    waiting = [
        row.args
        for row in await place.rows("select args from outbox where verb = 'ReadTicket' and state = 'owed'")
    ]
    assert waiting == []


async def test_a_delivery_and_a_click_take_their_locks_in_the_same_order(place: Office) -> None:
    """The click holds the Session and wants the row of an effect; the delivery must not hold that row and want
    the Session."""
    session = await place.start()
    hour = timedelta(hours=1)

    class Owes(RecordingPerformer):
        async def perform(self, row: OwedRow, lease: Any, still_ours: Any) -> Performed:
            async def save(unit: Any) -> None:
                await unit.outbox.owe(session, (ReadTicket(ticket_id=1, due=unit.now + hour),))

            return Done((GuideFailed(99, "E1"),), save)

    work = room(place, work=Owes())
    async with place.store.transaction(place.account) as unit:
        await unit.outbox.owe(session, (ReadTicket(ticket_id=2, due=unit.now + hour), Post(post_id=uuid4())))
    async with place.store.transaction(place.account) as unit:
        assert await unit.sessions.get(session, lock=True) is not None
        delivery = asyncio.create_task(work.desk.deliver(place.account, session, WORK))
        await place.until_somebody_waits(delivery)
        await unit.outbox.owe(session, (ReadTicket(ticket_id=3, due=unit.now + hour),))
    assert await delivery == 1
    assert work.trouble.noted == []
