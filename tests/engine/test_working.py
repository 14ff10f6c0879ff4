"""The lifecycle while a Session is worked on, told as dialogues."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.effects import (
    Announce,
    AskGuide,
    CollapseStep,
    ReadTicket,
    RemindIdle,
    ShowCard,
    ShowForm,
    ShowStep,
    WriteDraft,
)
from engine.events import (
    AnswerCorrected,
    DraftWritten,
    EvidenceAdded,
    GuideAsked,
    GuideFailed,
    GuideReplied,
    GuideReply,
    Paused,
    SessionStarted,
    StepAnswered,
)
from engine.session import (
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Manner,
    NoteKind,
    Option,
    Outcome,
    Status,
    StepKind,
    Tier,
    WaitingFor,
)
from tests.engine.playbook import (
    ACCOUNT,
    ANNA,
    BEN,
    LEA,
    MONDAY,
    SESSION,
    asks,
    minutes,
    started,
    two_steps,
    working,
)

BUNDLE = timedelta(seconds=3)
FIXED = asks(
    kind=StepKind.RESOLUTION_SUGGESTION,
    options=(Option("fixed", "That fixed it"), Option("not_fixed", "Not fixed")),
)


# ── Start ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_starts_by_showing_its_card_and_asking_the_guide() -> None:
    story = started().only(AskGuide(turn=1), RemindIdle(number=1, epoch=0, due=MONDAY + timedelta(days=3)))
    assert story.status is Status.ACTIVE
    assert story.it.owner_id == ANNA.id


def test_a_ticket_is_read_before_the_guide_is_asked() -> None:
    story = started("#4711", ticket=4711)
    kinds = [type(effect) for effect in story.owed]
    assert kinds.index(ReadTicket) < kinds.index(AskGuide)


def test_a_repeated_start_scolds_nobody() -> None:
    story = working() >> SessionStarted(SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT))
    story.only(ShowCard)
    assert story.table is not None


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_collapses_its_step_and_asks_the_guide() -> None:
    story = working().after(minutes(1)).answer("yes")
    story.only(CollapseStep(step=1), AskGuide(turn=2), RemindIdle)
    assert story.steps[1].outcome == Outcome(Manner.ANSWERED, "", ANNA.id, MONDAY + minutes(1), "yes")


def test_a_late_button_never_counts_for_another_step() -> None:
    story = two_steps() >> StepAnswered(ANNA, 1, option="no")
    story.only(ShowCard)
    assert story.steps[1].outcome is not None
    assert story.steps[1].outcome.option == "yes"
    assert story.table is not None
    assert story.table.number == 2


def test_a_second_click_does_nothing_twice() -> None:
    story = working().answer("yes").answer("no")
    story.only(ShowCard)
    assert story.steps[1].outcome is not None
    assert story.steps[1].outcome.option == "yes"


def test_another_technician_cannot_answer_but_a_lead_can() -> None:
    working().answer("yes", by=BEN).refuses(BEN, "refused.not_owner")
    story = working().answer("yes", by=LEA)
    story << AskGuide(turn=2)
    assert story.steps[1].outcome is not None
    assert story.steps[1].outcome.by == LEA.id


def test_a_leads_answer_leaves_the_clock_with_the_owner() -> None:
    story = working().after(minutes(2)).answer("yes", by=LEA)
    assert story.it.clock is not None
    assert story.it.clock.engineer == ANNA.id
    assert story.it.intervals == ()


def test_an_answer_to_a_paused_session_is_told_why_it_has_to_wait() -> None:
    story = working() >> Paused(ANNA, WaitingFor.VENDOR)
    (story >> StepAnswered(ANNA, 1, option="yes")).refuses(ANNA, "refused.while_paused")
    assert story.table is not None


def test_fixed_opens_the_resolve_form_and_asks_the_guide_nothing() -> None:
    story = started().guide(FIXED).answer("fixed")
    story.only(CollapseStep(step=1), ShowForm(to=ANNA.id, form="resolve"), WriteDraft(step=1), RemindIdle)
    assert story.status is Status.ACTIVE


def test_the_texts_of_the_resolution_form_are_worded_ahead_once_a_step() -> None:
    story = started().guide(FIXED)
    assert WriteDraft(step=1) in story.owed
    story >> DraftWritten(1, {"step_count": 1, "fix": []})
    assert story.it.draft == {"step_count": 1, "fix": []}
    assert WriteDraft(step=1) not in story.answer("fixed").owed


def test_a_draft_for_a_step_that_is_gone_is_dropped() -> None:
    story = started().guide(FIXED).answer("not_fixed") >> DraftWritten(1, {"step_count": 1, "fix": []})
    assert story.it.draft is None


def test_a_reply_under_way_when_it_is_fixed_brings_no_further_step() -> None:
    story = started().guide(FIXED) >> EvidenceAdded(BEN, "The light is green")
    late = story.turn
    (story >> GuideAsked(late)).answer("fixed")
    (story >> GuideReplied(late, GuideReply(asks("Anything else?")))).only()
    assert story.it.step_count == 1


def test_not_fixed_goes_on() -> None:
    started().guide(FIXED).answer("not_fixed").owes(AskGuide)
    story = started().guide(FIXED).answer("not_fixed")
    story.only(CollapseStep(step=1), AskGuide(turn=2), RemindIdle)


def test_the_escalate_option_opens_the_form_and_leaves_the_step_on_the_table() -> None:
    story = started().guide(asks(options=(Option("escalate", "Escalate"), Option("words", "Go on"))))
    story.answer("escalate").only(ShowForm(to=ANNA.id, form="escalate"))
    assert story.table is not None


# ── Turns ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_messages_within_three_seconds_are_one_turn() -> None:
    story = working().answer(None, text="It is on", bundled=True)
    story << AskGuide(turn=2, due=MONDAY + BUNDLE)
    story.after(timedelta(seconds=2)).answer(None, text="and it blinks", bundled=True)
    story << AskGuide(turn=2, due=MONDAY + timedelta(seconds=5))
    assert story.steps[1].result == "It is on\nand it blinks"


def test_evidence_before_the_turn_left_joins_it() -> None:
    story = working().answer("yes", bundled=True) >> EvidenceAdded(BEN, "Event 7031 in the log")
    story << AskGuide(turn=2)
    assert story.notes[0].kind is NoteKind.EVIDENCE
    assert story.notes[0].by == BEN.id


def test_what_arrives_while_the_guide_works_joins_the_next_turn() -> None:
    story = working().answer("yes") >> GuideAsked(2)
    (story >> EvidenceAdded(ANNA, "Event 7031 in the log", bundled=True)).only(ShowCard, RemindIdle)
    story.answer(None, text="and the fan is loud", bundled=True).only(ShowCard, RemindIdle)
    assert [note.text for note in story.notes] == ["Event 7031 in the log", "and the fan is loud"]
    assert story.steps[1].result == "Yes"
    story.guide(asks("Next?")) << ShowStep(step=2)
    story.answer("yes") << AskGuide(turn=3)


def test_an_answer_given_while_the_guide_reads_evidence_makes_its_reply_void() -> None:
    story = working() >> EvidenceAdded(BEN, "Event 7031")
    story >> GuideAsked(2)
    story.answer("no") << AskGuide(turn=3)
    (story >> GuideReplied(2, GuideReply(asks("Too late")))).only()
    assert story.it.step_count == 1
    story.guide(asks("In time")) << ShowStep(step=2)


def test_a_reply_that_comes_twice_proposes_once() -> None:
    story = started()
    reply = GuideReplied(1, GuideReply(asks()))
    (story >> reply) << ShowStep(step=1)
    (story >> reply).only()
    assert story.it.step_count == 1


def test_evidence_may_leave_the_step_standing() -> None:
    story = working() >> EvidenceAdded(BEN, "A photo of the switch")
    story.guide(None).only(ShowStep(step=1))
    assert story.table is not None
    assert story.table.number == 1


def test_a_new_step_withdraws_the_unanswered_one() -> None:
    story = working() >> EvidenceAdded(BEN, "A photo of the switch")
    story.guide(asks("Which port?")).only(CollapseStep(step=1), ShowStep(step=2))
    assert story.steps[1].outcome is not None
    assert story.steps[1].outcome.manner is Manner.WITHDRAWN
    assert not story.steps[1].counts


def test_a_guide_that_fails_loses_nothing() -> None:
    story = working().answer("yes") >> GuideFailed(2, "E-17")
    story.only(Announce(what="guide_failed"))
    (story >> GuideFailed(2, "E-17")).only()
    (story >> EvidenceAdded(ANNA, "Still there")) << AskGuide(turn=3)
    story.guide(asks("Next?"), learned=(Fact("It is on", 9),)) << ShowStep(step=2)
    assert story.steps[1].learned == (Fact("It is on", 1),)


def test_what_an_answer_taught_stands_on_its_step() -> None:
    story = two_steps()
    assert story.steps[1].learned == (Fact("The printer is on", 1),)
    assert story.it.confidence == 0.5
    assert story.it.tier is Tier.EXPLORING


def test_checks_tried_before_get_numbers_of_their_own() -> None:
    before = asks("Restart the spooler", learned=(Fact("Spooler restarts", 0),))
    before = replace(before, outcome=Outcome(Manner.ALREADY_TRIED, "restarted it", ANNA.id, MONDAY, "no"))
    story = started().guide(asks("Look at the port"), tried=(before,))
    story << ShowStep(step=2)
    assert story.steps[1].learned == (Fact("Spooler restarts", 1),)
    assert story.steps[1].counts


# ── Undo ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_undo_asks_the_last_answered_step_again() -> None:
    story = two_steps() >> AnswerCorrected(ANNA, 1)
    story.only(CollapseStep(step=1), CollapseStep(step=2), ShowStep(step=3), RemindIdle)
    assert story.table is not None
    assert (story.table.number, story.table.text) == (3, "Is the printer on?")
    assert story.it.stand == {"asked": "Is the printer on?"}


def test_undo_rewrites_nothing() -> None:
    story = two_steps() >> AnswerCorrected(ANNA)
    corrected = story.steps[1]
    assert corrected.corrected_by == 3
    assert corrected.outcome is not None
    assert corrected.outcome.option == "yes"
    assert not corrected.counts
    assert story.history().facts == ()


def test_undo_takes_back_what_rested_on_the_answer() -> None:
    resting = Hypothesis("Cable", HypothesisState.RULED_OUT, (Fact("First", 1), Fact("Second", 2)))
    alone = Hypothesis("Toner", HypothesisState.OPEN, (Fact("Second", 2),))
    other = Hypothesis("Driver", HypothesisState.RULED_OUT, (Fact("First", 1),))
    story = two_steps().answer("no")
    story.guide(asks("Third?"), hypotheses=(resting, alone, other), confidence=0.9) >> AnswerCorrected(ANNA)
    assert story.it.hypotheses == (Hypothesis("Cable", HypothesisState.OPEN, (Fact("First", 1),)), other)
    assert story.it.confidence == story.steps[2].confidence


def test_undo_before_the_guide_replied_makes_the_reply_void() -> None:
    story = working().answer("no") >> GuideAsked(2)
    (story >> AnswerCorrected(ANNA)) << ShowStep(step=2)
    (story >> GuideReplied(2, GuideReply(asks("Too late")))).only()
    assert story.it.step_count == 2
    story.answer("yes") << AskGuide(turn=4)


def test_undo_ends_when_the_next_step_is_answered() -> None:
    story = two_steps().answer("yes")
    (story >> AnswerCorrected(ANNA, 1)).refuses(ANNA, "refused.undo_too_late")
    (story >> AnswerCorrected(ANNA, 2)) << ShowStep(step=3)


def test_undo_goes_back_one_step_only() -> None:
    story = two_steps() >> AnswerCorrected(ANNA)
    (story >> AnswerCorrected(ANNA)).refuses(ANNA, "refused.nothing_to_undo")


def test_there_is_nothing_to_undo_before_the_first_answer() -> None:
    (working() >> AnswerCorrected(ANNA)).refuses(ANNA, "refused.nothing_to_undo")
    (started() >> AnswerCorrected(ANNA)).refuses(ANNA, "refused.nothing_to_undo")


def test_undo_asks_for_the_result_of_a_check_wrongly_recognised_as_tried() -> None:
    tried = asks("Cable?", outcome=Outcome(Manner.ALREADY_TRIED, "swapped it", ANNA.id, MONDAY, "no"))
    story = started().guide(asks("Next?"), tried=(tried,)) >> AnswerCorrected(ANNA)
    assert story.table is not None
    assert (story.table.number, story.table.text) == (3, "Cable?")
    assert story.steps[1].corrected_by == 3


def test_a_step_put_in_another_ones_place_ends_the_undo() -> None:
    story = two_steps() >> EvidenceAdded(BEN, "A photo")
    (story.guide(asks("Which port?")) >> AnswerCorrected(ANNA)).refuses(ANNA, "refused.nothing_to_undo")


def test_only_the_owner_or_a_lead_undoes() -> None:
    (two_steps() >> AnswerCorrected(BEN)).refuses(BEN, "refused.not_owner")
    (two_steps() >> AnswerCorrected(LEA)) << ShowStep(step=3)
