"""Sessions come back as they went in, are saved by one at a time, and their steps stay countable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine import session as nouns
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Interval,
    Manner,
    Note,
    NoteKind,
    Outcome,
    Pause,
    Risk,
    RunningClock,
    Script,
    Session,
    Status,
    Step,
    StepKind,
    Target,
    Turn,
    WaitingFor,
)
from storage.sessions import SessionMoved
from tests.conftest import Database
from tests.fakes import YES_NO, Office, office, question

MOMENT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def save(place: Office, before: Session | None, after: Session) -> None:
    async with place.store.transaction(place.account) as unit:
        await unit.sessions.save(before, after)


def answered(place: Office, number: int) -> Step:
    outcome = Outcome(Manner.ANSWERED, "it was", place.ben.id, MOMENT, "yes")
    return replace(
        question(number), number=number, outcome=outcome, learned=(Fact("It is on", number),),
        ruled_out=("Power",), script=Script("powershell", "Get-Printer", Risk.READ_ONLY, "none"),
        flow_node="printer.power", stand={"node": "printer.power", "seen": [1, 2]}, confidence=0.5,
    )  # fmt: skip


async def full(place: Office) -> Session:
    """A Session with every field set to something that is not its default."""
    async with place.store.transaction(place.account) as unit:
        team = await unit.accounts.add_team("Network")
        connection = await unit.accounts.connect("api.example", "msp", {"private_key": "x"})
    parent = await place.start()
    to = Target(team, place.lea.id, "Lea", frozenset({team}))
    first, second = answered(place, 1), replace(question(2), number=2)
    return Session(
        id=uuid4(), account_id=place.account, owner_id=place.anna.id,
        intake=Intake(IntakeType.COMBINED, "broken – é 🖨", ("a.png",), "full log", "digest", 4711, ("reboot",)),
        status=Status.REQUESTING_ESCALATION, created_at=MOMENT, updated_at=MOMENT, team_id=team, parent_id=parent,
        problem_summary="Printer offline", problem_domain="printing", confidence=0.45, flow_id="printer",
        match_score=0.7, stand={"node": "x", "deep": {"list": [1, None, "two"]}},
        hypotheses=(Hypothesis("Cable", HypothesisState.RULED_OUT, (Fact("It is on", 1),)),),
        step_count=2, current=second, previous=first, turn=Turn(3, True, True, False), ticket_id=4711,
        connection_id=connection, ticket={"id": 4711}, ticket_problem="It is away",
        clock=RunningClock(place.anna.id, MOMENT, MOMENT),
        intervals=(Interval(place.anna.id, MOMENT, MOMENT + timedelta(minutes=3), None),),
        pause=Pause(WaitingFor.VENDOR, "parts", MOMENT, MOMENT),
        escalation=Escalation(
            place.ben.id, MOMENT, "stuck", to, "no rights", "by noon", True,
            frozenset({place.lea.id}), place.lea.id, MOMENT, True,
        ),
        package={"summary": "s"}, documentation={"fix": "f"}, draft={"step_count": 2}, resolution_summary="rs", resolution_action="ra",
        rating=4, feedback="good", resolved_at=MOMENT, epoch=5, time_box_offered=True, touched=(first, second),
    )  # fmt: skip


async def test_every_field_comes_back_as_it_was(place: Office) -> None:
    wanted = await full(place)
    defaults = {f.name: f.default for f in fields(Session)}
    untouched = [name for name, default in defaults.items() if getattr(wanted, name) == default]
    assert set(untouched) <= {"version", "notes"}, "Give the new field a value here."
    await save(place, None, wanted)
    found = await place.session(wanted.id)
    # The log itself stays where it is; what was appended does not travel.
    intake = replace(wanted.intake, log_content="")
    assert found == replace(wanted, intake=intake, touched=())
    assert set(nouns.__dict__) >= {type(found.turn).__name__}


async def test_the_history_has_every_step_and_note_in_order(place: Office) -> None:
    session = await place.start()
    for number in (2, 3, 4):
        before = await place.session(session)
        step = replace(question(number), number=number)
        note = Note(NoteKind.EVIDENCE, f"note {number}", place.ben.id, MOMENT, number, "digest", "log")
        await save(
            place, before, replace(before, step_count=number, current=step, touched=(step,), notes=(note,))
        )
    async with place.store.transaction(place.account) as unit:
        history = await unit.sessions.history(session)
        assert history is not None
        assert await unit.sessions.step(session, 3) == history.steps[2]
        assert await unit.sessions.step(session, 5) is None
        assert await unit.sessions.history(uuid4()) is None
    assert [step.number for step in history.steps] == [1, 2, 3, 4]
    assert [(note.text, note.log_content) for note in history.notes] == [
        ("note 2", "log"), ("note 3", "log"), ("note 4", "log"),
    ]  # fmt: skip
    assert history.name(place.anna.id) == "Anna"
    assert history.session.current == history.steps[3]


async def test_only_what_counts_is_the_step_before(place: Office) -> None:
    session = await place.start()
    before = await place.session(session)
    second = replace(question(2), number=2)
    await save(place, before, replace(before, step_count=2, current=second, touched=(second,)))
    assert (await place.session(session)).previous is None
    before = await place.session(session)
    assert before.version == 1
    await save(place, before, replace(before, touched=(answered(place, 1),)))
    found = await place.session(session)
    assert found.previous == answered(place, 1)
    assert found.current == second


async def test_a_session_saved_by_somebody_else_meanwhile_is_not_overwritten(place: Office) -> None:
    session = await place.start()
    mine, theirs = await place.session(session), await place.session(session)
    await save(place, theirs, replace(theirs, problem_summary="theirs"))
    with pytest.raises(SessionMoved):
        await save(place, mine, replace(mine, problem_summary="mine", touched=(answered(place, 1),)))
    found = await place.session(session)
    assert (found.problem_summary, found.version) == ("theirs", 1)
    assert found.current is not None
    assert found.current.outcome is None


async def test_whoever_locks_a_session_is_alone_with_it(place: Office) -> None:
    session = await place.start()

    async def count_up() -> None:
        async with place.store.transaction(place.account) as unit:
            before = await unit.sessions.get(session, lock=True)
            assert before is not None
            await unit.sessions.save(before, replace(before, epoch=before.epoch + 1))

    await asyncio.gather(*(count_up() for _ in range(15)))
    found = await place.session(session)
    assert (found.epoch, found.version) == (15, 15)


async def test_what_was_written_once_never_changes(place: Office) -> None:
    session = await full(place)
    await save(place, None, session)
    before = await place.session(session.id)
    await save(place, before, replace(before, problem_summary="new"))
    rows = await place.rows(
        "select intake_content->>'log_content' as log from ai_sessions where id = :s", s=session.id
    )
    assert rows[0].log == "full log"


async def test_an_interval_decided_later_keeps_its_time_entry(place: Office) -> None:
    session = await place.start()
    before = await place.session(session)
    spans = tuple(Interval(place.anna.id, MOMENT + timedelta(hours=n), MOMENT + timedelta(hours=n, minutes=5))
                  for n in range(3))  # fmt: skip
    await save(place, before, replace(before, intervals=spans))
    post = uuid4()
    async with place.store.transaction(place.account) as unit:
        await unit.posts.bind_intervals(session, place.anna.id, post)
    before = await place.session(session)
    decided = (*before.intervals[:2], replace(before.intervals[2], confirmed=False))
    await save(place, before, replace(before, intervals=decided))
    assert (await place.session(session)).intervals == decided
    rows = await place.rows(
        "select distinct post_id from ai_session_intervals where session_id = :s", s=session
    )
    assert [row.post_id for row in rows] == [post]


async def test_text_a_database_refuses_does_not_stop_the_work(place: Office) -> None:
    """NULs from a binary log, and half an emoji cut off by somebody's editor."""
    bad = "a\x00b \ud83d c – é"
    good = "ab ? c – é"
    session = place.blank(uuid4(), MOMENT)
    first = replace(question(1), number=1, text=bad, stand={"said": [bad]})
    note = Note(NoteKind.EVIDENCE, bad, place.anna.id, MOMENT, 1, bad, bad)
    intake = Intake(IntakeType.FREE_TEXT, bad, log_content=bad)
    await save(
        place, None,
        replace(session, intake=intake, problem_summary=bad, current=first, touched=(first,), notes=(note,),
                ticket={"summary": bad}, stand={"said": bad}),
    )  # fmt: skip
    async with place.store.transaction(place.account) as unit:
        history = await unit.sessions.history(session.id)
    assert history is not None
    found = history.session
    said: list[Any] = [
        found.intake.text,
        found.problem_summary,
        history.steps[0].text,
        history.notes[0].log_content,
    ]
    assert said == [good] * 4
    assert found.ticket == {"summary": good}
    assert (found.stand, history.steps[0].stand) == ({"said": good}, {"said": [good]})


async def test_lists_of_sessions_name_the_right_ones_in_the_right_order(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        made = []
        for number, status in enumerate(
            ("active", "resolved", "requesting_escalation", "requesting_escalation")
        ):
            session = place.blank(uuid4(), MOMENT + timedelta(minutes=number), status)
            asked = Escalation(place.anna.id, MOMENT - timedelta(minutes=number), "stuck", Target())
            waiting = status == "requesting_escalation"
            await unit.sessions.save(
                None, replace(session, ticket_id=number % 2 or None, escalation=asked if waiting else None)
            )
            made.append(session.id)
        active, resolved, first, second = made
        assert await unit.sessions.of(place.anna.id) == (second, first, active)
        assert await unit.sessions.of(place.ben.id) == ()
        assert await unit.sessions.queue() == (second, first)
        assert await unit.sessions.on_ticket(1) == (second, resolved)


async def test_the_time_list_has_where_somebody_worked_and_where_he_is_at_it(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        old, recent, running = (place.blank(uuid4(), MOMENT + timedelta(minutes=n)) for n in range(3))
        day = timedelta(days=1)
        await unit.sessions.save(
            None, replace(old, intervals=(Interval(place.ben.id, MOMENT - day, MOMENT - day),))
        )
        await unit.sessions.save(
            None, replace(recent, intervals=(Interval(place.ben.id, MOMENT - day, MOMENT),))
        )
        await unit.sessions.save(
            None, replace(running, clock=RunningClock(place.ben.id, MOMENT - day, MOMENT - day))
        )
        assert await unit.sessions.with_work_since(place.ben.id, MOMENT) == (running.id, recent.id)


async def test_the_audit_only_grows_and_knows_when_somebody_was_here(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        for minute in (0, 5):
            at = MOMENT + timedelta(minutes=minute)
            await unit.sessions.log(session, at, place.anna.id, "StepAnswered", {"step": 1})
        await unit.sessions.log(session, MOMENT + timedelta(hours=1), None, "GuideReplied", {})
        assert await unit.sessions.last_seen(session, place.anna.id) == MOMENT + timedelta(minutes=5)
        assert await unit.sessions.last_seen(session, place.ben.id) is None


async def test_a_card_is_told_the_last_steps_and_those_that_taught_something(place: Office) -> None:
    session = await place.start()
    before = await place.session(session)
    steps = [replace(question(n), number=n) for n in range(2, 13)]
    steps[0] = answered(place, 2)
    await save(place, before, replace(before, step_count=12, current=steps[-1], touched=tuple(steps)))
    async with place.store.transaction(place.account) as unit:
        found = await unit.sessions.for_card(session)
    assert found is not None
    assert [step.number for step in found.steps] == [2, 9, 10, 11, 12]


async def test_whoever_waits_for_a_session_reads_its_steps_as_they_were_left(place: Office) -> None:
    """The statement that waits began before the other one's commit, and sees the steps of before."""
    session = await place.start()
    before = await place.session(session)
    later = replace(
        before,
        step_count=2,
        current=replace(question(2), number=2),
        touched=(answered(place, 1), replace(question(2), number=2)),
        intervals=(Interval(place.anna.id, MOMENT, MOMENT + timedelta(minutes=5), True),),
    )

    async def reads() -> Session | None:
        async with place.store.transaction(place.account) as unit:
            return await unit.sessions.get(session, lock=True)

    async with place.store.transaction(place.account) as unit:
        assert await unit.sessions.get(session, lock=True) is not None
        task = asyncio.create_task(reads())
        await place.until_somebody_waits(task)
        await unit.sessions.save(before, later)
    found = await task
    assert found is not None
    assert found.current == later.current
    assert found.previous == answered(place, 1)
    assert found.intervals == later.intervals


async def test_a_locked_session_is_read_once_until_it_is_saved(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        first = await unit.sessions.get(session, lock=True)
        assert first is not None
        assert await unit.sessions.get(session, lock=True) is first
        await unit.sessions.save(first, replace(first, problem_summary="A printer"))
        again = await unit.sessions.get(session)
    assert again is not None
    assert (again.problem_summary, again.version) == ("A printer", first.version + 1)


async def test_a_card_speaks_of_the_connection_in_use_or_of_the_sessions_own(place: Office) -> None:
    """As `Accounts.connection` chooses, whatever became of the others."""
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        bound = await unit.accounts.connect("bound.example", "msp", {})
    before = await place.session(session)
    other = await place.start()
    await save(place, before, replace(before, connection_id=bound))
    for state in ("checking", "connected", "failed", "connected"):
        async with place.store.transaction(place.account) as unit:
            await unit.accounts.connect(f"{uuid4()}.example", "msp", {})
            known = (await unit.accounts.connections())[-1]
            await unit.accounts.change_connection(
                known.id, state=state, flowpilot_settings={"n": str(known.id)}
            )
            if state == "connected":
                await unit.accounts.map_member(known.id, place.anna.id, 7, "Anna", "admin")
            used, own = await unit.accounts.connection(), await unit.accounts.connection(bound)
            free, tied = await unit.sessions.for_card(other), await unit.sessions.for_card(session)
            assert used is not None and own is not None and free is not None and tied is not None
            assert (free.connection, tied.connection) == (used.settings, own.settings)
            assert free.owner_mapped is (place.anna.id in await unit.accounts.members(used.id))
            assert not tied.owner_mapped


async def test_the_kinds_of_steps_and_their_options_survive(place: Office) -> None:
    session = await place.start()
    before = await place.session(session)
    steps = tuple(replace(question(n), number=n, kind=kind) for n, kind in enumerate(StepKind, start=2))
    await save(place, before, replace(before, step_count=8, current=steps[-1], touched=steps))
    async with place.store.transaction(place.account) as unit:
        history = await unit.sessions.history(session)
    assert history is not None
    assert history.steps[1:] == steps
    assert all(step.options == YES_NO for step in history.steps)
