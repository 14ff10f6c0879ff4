"""The table of moves itself: where each event may lead, and what happens where it may not."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from engine import events
from engine.effects import ShowCard, Tell
from engine.events import Event
from engine.lifecycle import MOVES, advance, diagram
from engine.session import (
    FINAL,
    GUIDED,
    OPEN,
    Intake,
    IntakeType,
    Manner,
    Status,
    StepKind,
    Target,
    Tier,
    WaitingFor,
    tier_of,
)
from tests.engine.playbook import (
    ACCOUNT,
    ANNA,
    BEN,
    FRESH,
    LEA,
    MONDAY,
    SESSION,
    Playbook,
    asks,
    in_every_status,
)

SAYINGS: tuple[Event, ...] = (
    events.SessionStarted(SESSION, ACCOUNT, LEA, Intake(IntakeType.FREE_TEXT)),
    events.StepAnswered(LEA, 2, option="yes"),
    events.AnswerCorrected(LEA),
    events.EvidenceAdded(LEA, "A log"),
    events.NoteAdded(LEA, "A note"),
    events.TicketLinked(LEA, 4711),
    events.Paused(LEA, WaitingFor.ME),
    events.Resumed(LEA),
    events.TakenOver(LEA, "Urgent"),
    events.EscalationRequested(LEA, "Stuck", Target()),
    events.EscalationWithdrawn(LEA),
    events.AdviceGiven(LEA, "Look at port 12"),
    events.PickedUp(LEA),
    events.PickedUp(LEA, fresh_session_id=FRESH),
    events.PickupPostponed(LEA, MONDAY + timedelta(days=1)),
    events.PickupDeclined(LEA, "On leave"),
    events.Resolved(LEA, "Printer offline", "Restarted it"),
    events.Abandoned(LEA),
    events.Rated(LEA, 5),
    events.PushRetried(LEA),
    events.TimeConfirmed(LEA, MONDAY, count=True),
)


def test_every_event_has_its_place_in_the_table() -> None:
    assert {event for _, event in MOVES} == set(get_args(Event))


def test_final_statuses_lead_nowhere_else() -> None:
    for (source, _), move in MOVES.items():
        if source in FINAL:
            assert move.to == {source}


def test_every_status_can_be_reached_from_the_start() -> None:
    reached: set[Status] = set()
    waiting: list[Status | None] = [None]
    while waiting:
        source = waiting.pop()
        for target in {
            to for (start, _), move in MOVES.items() if start == source for to in move.to
        } - reached:
            reached.add(target)
            waiting.append(target)
    assert reached == set(Status)


def test_every_open_status_has_a_way_to_an_end() -> None:
    for status in OPEN:
        assert any(move.to & FINAL for (source, _), move in MOVES.items() if source is status)


@pytest.mark.parametrize(("status", "event"), list(product(Status, SAYINGS)))
def test_an_event_leads_where_its_row_says_or_nowhere(status: Status, event: Event) -> None:
    story = in_every_status()[status]()
    before = story.it
    story >> event
    move = MOVES.get((status, type(event)))
    if move is None:
        assert story.it == before
        assert {type(effect) for effect in story.owed} <= {ShowCard, Tell}
    elif any(isinstance(effect, Tell) and effect.what.startswith("refused.") for effect in story.owed):
        assert story.it == before
    else:
        assert story.status in move.to


@pytest.mark.parametrize("status", list(Status))
def test_a_refusal_leaves_everything_as_it_was(status: Status) -> None:
    story = in_every_status()[status]()
    before = story.it
    for event in (events.PushRetried(BEN), events.Paused(BEN, WaitingFor.ME), events.TakenOver(BEN, "Mine")):
        story >> event
        assert story.it == before
        assert any(isinstance(effect, Tell) and effect.to == BEN.id for effect in story.owed)


def test_an_event_for_a_session_that_does_not_exist_does_nothing() -> None:
    assert advance(None, events.Resumed(ANNA), MONDAY) == (None, ())


def test_a_stale_button_of_an_answered_step_only_refreshes_the_card() -> None:
    story = in_every_status()[Status.ACTIVE]() >> events.StepAnswered(ANNA, 1, option="no")
    story.only(ShowCard)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
def test_an_answer_that_the_status_does_not_take_is_refused_with_its_reason(status: Status) -> None:
    story = in_every_status()[status]() >> events.StepAnswered(ANNA, 2, option="no")
    story.refuses(ANNA, "refused.ended" if status in FINAL else f"refused.while_{status}")


def test_a_machines_late_word_scolds_nobody() -> None:
    story = in_every_status()[Status.RESOLVED]()
    (story >> events.GuideReplied(2, events.GuideReply(asks()))).only(ShowCard)
    (story >> events.PackageWritten({})).only(ShowCard)


def test_the_diagram_is_drawn_from_the_table() -> None:
    drawn = diagram()
    assert drawn.startswith("stateDiagram-v2\n")
    assert "    requesting_escalation --> escalated: PickedUp\n" in drawn
    assert "    [*] --> active: SessionStarted\n" in drawn
    assert all(f"    {status} --> [*]" in drawn for status in FINAL)
    assert "active --> active" not in drawn


def test_tiers_begin_at_eight_and_four_tenths() -> None:
    given = [tier_of(c) for c in (1.0, GUIDED, 0.79, 0.4, 0.39, 0.0)]
    assert given == [Tier.GUIDED] * 2 + [Tier.EXPLORING] * 2 + [Tier.DISCOVERY] * 2


def test_one_whole_story() -> None:
    story = Playbook() >> events.SessionStarted(
        SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT, "Offline")
    )
    story.guide(asks("Is it on?")).answer("yes").guide(asks("Does it ping?")).answer("no")
    story >> events.EscalationRequested(ANNA, "Dead port", Target(user=BEN.id, name="Ben"))
    story >> events.PickedUp(BEN)
    story >> events.BriefingWritten(story.turn, "Two checks were made")
    story.answer("have_it", by=BEN).guide(asks("Swap the port", StepKind.ACTION))
    story.answer("yes", by=BEN, manner=Manner.ANSWERED).guide(asks(kind=StepKind.RESOLUTION_SUGGESTION))
    story >> events.Resolved(BEN, "Printer offline", "Moved it to port 13")
    assert story.status is Status.RESOLVED
    assert [step.number for step in story.history().done] == [1, 2, 3, 4]
    assert story.it.owner_id == BEN.id
