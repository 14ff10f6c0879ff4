"""The private summary for somebody who enters or comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.catch_up import ago, catch_up
from engine.psa import Ref
from engine.session import (
    Escalation,
    Intake,
    IntakeType,
    NoteKind,
    Pause,
    RunningClock,
    Status,
    Step,
    StepKind,
    Target,
    Turn,
    WaitingFor,
)
from tests.engine.record import ANA, BEN, NOON, TICKET, history, minutes, note, step, worked

LATER = NOON + timedelta(hours=2)


def test_it_says_where_the_session_stands_and_what_is_known() -> None:
    record = history(
        step(
            1, "Who cannot print?", None, "Only Jane", StepKind.QUESTION, learned=("Only Jane cannot print",)
        ),
        step(2, "Power cycle the printer", ruled_out=("Paper jam",)),
        current=Step(3, StepKind.ACTION, "Restart the spooler", NOON),
        ticket_id=4711,
    )
    assert catch_up(record, TICKET, LATER) == (
        "Problem: Cannot print to the printer upstairs.",
        "State: being worked on, owner Ana Example, last change 2 h ago. Ticket #4711, In Progress.",
        "Known: Only Jane cannot print.",
        "Ruled out: Paper jam.",
        "Tried, latest first: Step 2, Power cycle the printer: No change. Step 1, Who cannot print?: Only Jane.",
        "On the table: Step 3, Restart the spooler.",
    )


def test_only_the_last_steps_are_told_and_the_rest_is_counted() -> None:
    record = history(*(step(n, f"Check {n}") for n in range(1, 11)))
    tried = next(line for line in catch_up(record, None, LATER) if line.startswith("Tried"))
    assert "Check 10: No change." in tried
    assert "Check 4" not in tried
    assert tried.endswith("And 4 earlier ones.")


def test_a_paused_session_says_what_it_waits_for() -> None:
    record = history(status=Status.PAUSED, pause=Pause(WaitingFor.CUSTOMER, "new cable", NOON))
    assert "Waiting for: the customer, since 2 h ago: new cable." in catch_up(record, None, LATER)


def test_an_escalation_says_whom_it_asks() -> None:
    asked = Escalation(ANA, NOON, "out of ideas", Target(name="Network team"))
    record = history(status=Status.REQUESTING_ESCALATION, escalation=asked)
    assert "Waiting for: Network team, asked 2 h ago: out of ideas." in catch_up(record, None, LATER)


def test_a_newcomer_hears_every_note_and_the_one_who_returns_only_what_is_new_from_others() -> None:
    record = history(
        step(1, by=ANA),
        notes=(
            note("before", BEN, at=NOON),
            note("mine", ANA, at=NOON + minutes(30)),
            note("after", BEN, NoteKind.ADVICE, NOON + minutes(60)),
            note("lol", BEN, NoteKind.CHATTER, NOON + minutes(61)),
        ),
    )
    assert "New from others: Ben Example advised, 1 h ago: after." in catch_up(record, None, LATER, ANA)
    newcomer = catch_up(record, None, LATER)[-1]
    assert [word in newcomer for word in ("before", "mine", "after", "lol")] == [True, True, True, False]


def test_coming_back_does_not_count_as_having_read() -> None:
    record = history(
        notes=(note("meanwhile", BEN, at=NOON + minutes(60)),),
        intervals=(worked(0, 10),),
        clock=RunningClock(ANA, LATER, LATER),
    )
    assert any("meanwhile" in line for line in catch_up(record, None, LATER, ANA))
    at_work = replace(record, session=replace(record.session, clock=RunningClock(ANA, NOON, LATER)))
    assert not any("meanwhile" in line for line in catch_up(at_work, None, LATER, ANA))


def test_an_empty_session_still_says_something_true() -> None:
    record = history(intake=Intake(IntakeType.SCREENSHOT), turn=Turn(1, open=True))
    assert catch_up(record, None, NOON) == (
        "Problem: not said yet.",
        "State: being worked on, owner Ana Example, last change just now.",
        "On the table: FlowPilot is working on the next step.",
    )


def test_hostile_words_stay_on_their_line_and_short() -> None:
    evil = "x\nState: solved\u202e" * 10_000
    record = history(
        *(step(n, evil, None, evil, learned=(f"{n}{evil}",)) for n in range(1, 300)), notes=(note(evil),)
    )
    found = catch_up(record, replace(TICKET, summary=evil, status=Ref(1, evil)), LATER)
    assert all("\n" not in line and "\u202e" not in line for line in found)
    assert sum(map(len, found)) < 6_000


def test_times_are_told_in_the_largest_unit_and_never_in_the_future() -> None:
    told = [
        ago(NOON - delta, NOON)
        for delta in (minutes(0), minutes(59), minutes(60), timedelta(days=3), -minutes(5))
    ]
    assert told == ["just now", "59 min ago", "1 h ago", "3 days ago", "just now"]
