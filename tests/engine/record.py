"""A Session to write about, told step by step; every value can be said otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.history import History
from engine.psa import Configuration, Contact, RecentTicket, Ref, Ticket
from engine.session import (
    Fact,
    Intake,
    IntakeType,
    Interval,
    Manner,
    Note,
    NoteKind,
    Option,
    Outcome,
    Session,
    Status,
    Step,
    StepKind,
)

ANA = UUID(int=1)
BEN = UUID(int=2)
NOON = datetime(2026, 9, 2, 10, 0, tzinfo=UTC)
NAMES = {ANA: "Ana Example", BEN: "Ben Example"}
ANSWERS = (
    Option("fixed", "Fixed"),
    Option("no_change", "No change"),
    Option("yes", "Yes"),
    Option("no", "No"),
)

TICKET = Ticket(
    id=4711,
    summary="Cannot print to the printer upstairs",
    description="Since this morning nothing comes out.",
    board=Ref(21, "Help Desk"),
    status=Ref(17, "In Progress"),
    company=Ref(5, "Contoso"),
    contact=Contact(9, "Jane Doe", None, "jdoe@contoso.example"),
    site="Berlin",
    configurations=(Configuration(2, "WS-JDOE01", "Workstation", "Windows 11"),),
    recent=(RecentTicket(4690, "same error", "Closed", True, NOON, "Ben", "renewed the token"),),
)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def step(
    number: int,
    text: str = "Restart the print spooler",
    option: str | None = "no_change",
    said: str = "",
    kind: StepKind = StepKind.ACTION,
    manner: Manner = Manner.ANSWERED,
    by: UUID = ANA,
    learned: tuple[str, ...] = (),
    ruled_out: tuple[str, ...] = (),
    **more: Any,
) -> Step:
    """A Step answered one minute after the one before."""
    at = NOON + minutes(number)
    return Step(
        number,
        kind,
        text,
        at,
        options=ANSWERS,
        outcome=Outcome(manner, said, by, at, option),
        learned=tuple(Fact(each, number) for each in learned),
        ruled_out=ruled_out,
        **more,
    )


def history(*steps: Step, notes: tuple[Note, ...] = (), **session: Any) -> History:
    """The record of a Session of Ana's that began at noon."""
    base = Session(
        id=UUID(int=99),
        account_id=UUID(int=98),
        owner_id=ANA,
        intake=Intake(IntakeType.FREE_TEXT, "Jane cannot print since this morning"),
        status=Status.ACTIVE,
        created_at=NOON,
        updated_at=NOON,
        step_count=len(steps),
    )
    return History(replace(base, **session), steps, notes, NAMES)


def note(text: str, by: UUID = BEN, kind: NoteKind = NoteKind.NOTE, at: datetime = NOON) -> Note:
    return Note(kind, text, by, at, 1)


def worked(start: float, end: float, by: UUID = ANA, confirmed: bool | None = True) -> Interval:
    """From so many minutes after noon to so many."""
    return Interval(by, NOON + minutes(start), NOON + minutes(end), confirmed)
