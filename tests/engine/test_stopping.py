"""Stopping the Guide and asking it again, told as dialogues."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.effects import Announce, AskGuide, CollapseStep, RemindIdle, ShowCard, ShowStep
from engine.events import (
    AnswerCorrected,
    EvidenceAdded,
    GuideAsked,
    GuideAskedAgain,
    GuideFailed,
    GuideReplied,
    GuideReply,
    GuideStopped,
    Paused,
    Resolved,
    Resumed,
    TakenOver,
)
from engine.session import Status, WaitingFor
from tests.engine.playbook import ANNA, BEN, LEA, Playbook, asks, briefed, started, working


def thinking() -> Playbook:
    """Anna answered Step 1, and the Guide was asked."""
    story = working().answer("yes")
    return story >> GuideAsked(story.turn)


def stopped() -> Playbook:
    story = thinking()
    return story >> GuideStopped(ANNA, story.turn)


def test_a_stop_closes_the_turn_without_a_step_and_says_so() -> None:
    story = stopped()
    story.only(Announce(what="guide_stopped", about=ANNA.id), RemindIdle)
    assert (story.status, story.it.step_count, story.table) == (Status.ACTIVE, 1, None)
    assert (story.it.turn.open, story.it.turn.in_flight, story.it.turn.stopped) == (False, False, True)


def test_what_was_answered_before_the_stop_is_kept() -> None:
    story = stopped()
    assert story.it.current is not None
    assert story.it.current.outcome is not None
    assert story.it.current.outcome.option == "yes"


def test_a_reply_that_comes_after_the_stop_is_not_shown() -> None:
    story = stopped()
    before = story.it
    (story >> GuideReplied(story.turn, GuideReply(asks("Too late?")))).only()
    assert story.it == before


def test_a_failure_that_comes_after_the_stop_is_not_told() -> None:
    story = stopped()
    (story >> GuideFailed(story.turn, "E-1")).only()
    assert story.it.turn.stopped


def test_the_next_words_open_a_new_turn() -> None:
    story = stopped()
    before = story.turn
    story >> EvidenceAdded(ANNA, "It prints now from another computer")
    story.only(AskGuide(turn=before + 1), RemindIdle)
    assert not story.it.turn.stopped
    (story.guide(asks("From which one?"))).only(ShowStep(step=2))


def test_ask_again_opens_a_new_turn_on_the_same_evidence_once() -> None:
    story = stopped()
    before, notes = story.turn, list(story.notes)
    (story >> GuideAskedAgain(ANNA)).only(AskGuide(turn=before + 1), RemindIdle)
    (story >> GuideAskedAgain(ANNA)).only()
    assert (story.turn, story.notes) == (before + 1, notes)


def test_ask_again_also_helps_after_a_failure() -> None:
    story = thinking()
    story >> GuideFailed(story.turn, "E-1")
    (story >> GuideAskedAgain(ANNA)).only(AskGuide(turn=story.turn), RemindIdle)


def test_ask_again_asks_nothing_while_a_step_waits_for_its_answer() -> None:
    story = working()
    (story >> GuideAskedAgain(ANNA)).only()
    assert not story.it.turn.open


def test_a_step_that_waits_stays_on_the_table_when_the_thinking_about_new_evidence_is_stopped() -> None:
    story = working() >> EvidenceAdded(ANNA, "The light blinks")
    story >> GuideStopped(ANNA, story.turn)
    assert story.table is not None
    before = story.turn
    story.answer("no")
    story << (CollapseStep(step=1), AskGuide(turn=before + 1))


def test_the_very_first_turn_can_be_stopped() -> None:
    story = started()
    (story >> GuideStopped(ANNA, 1)).only(Announce(what="guide_stopped", about=ANNA.id), RemindIdle)
    story >> EvidenceAdded(ANNA, "It is the one on the second floor")
    story << AskGuide(turn=2)


def test_words_that_wait_for_more_are_stopped_too_and_the_effect_asks_nothing_then() -> None:
    story = working().answer(None, text="no light", bundled=True)
    turn = story.turn
    story >> GuideStopped(ANNA, turn)
    (story >> GuideAsked(turn)).only()
    assert not story.it.turn.in_flight


@pytest.mark.parametrize("late", [0, 1])
def test_a_stop_that_comes_too_late_changes_nothing_and_says_so(late: int) -> None:
    story = thinking()
    story.guide(asks("And now?"))
    before = story.it
    (story >> GuideStopped(ANNA, story.turn - late)).refuses(ANNA, "refused.nothing_to_stop")
    assert story.it == before


def test_a_second_stop_says_that_there_is_nothing_to_stop() -> None:
    story = stopped()
    (story >> GuideStopped(ANNA, story.turn)).refuses(ANNA, "refused.nothing_to_stop")


def test_a_lead_may_stop_and_ask_again_and_a_colleague_may_not() -> None:
    story = thinking()
    (story >> GuideStopped(BEN, story.turn)).refuses(BEN, "refused.not_owner")
    story >> GuideStopped(LEA, story.turn)
    assert story.it.turn.stopped
    (story >> GuideAskedAgain(BEN)).refuses(BEN, "refused.not_owner")
    story >> GuideAskedAgain(LEA)
    assert story.it.turn.open


def test_a_briefing_is_not_stopped() -> None:
    story = working() >> TakenOver(LEA, "Urgent")
    (story >> GuideStopped(LEA, story.turn)).refuses(LEA, "refused.nothing_to_stop")
    assert briefed(story).table is not None


def test_undo_after_a_stop_asks_the_answered_step_again() -> None:
    story = stopped()
    story >> AnswerCorrected(ANNA)
    assert story.table is not None
    assert not story.it.turn.stopped


def test_a_session_that_was_stopped_and_paused_asks_when_it_is_resumed() -> None:
    story = stopped() >> Paused(ANNA, WaitingFor.CUSTOMER)
    (story >> GuideAskedAgain(ANNA)).refuses(ANNA, "refused.while_paused")
    story.after(timedelta(hours=1)) >> Resumed(ANNA)
    story << (AskGuide(turn=story.turn), ShowCard)


def test_a_session_that_was_stopped_can_be_resolved() -> None:
    assert (stopped() >> Resolved(ANNA, "Cable", "Swapped")).status is Status.RESOLVED
