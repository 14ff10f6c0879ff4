"""Handing a Session to another engineer, told as dialogues."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.effects import (
    Announce,
    AskGuide,
    CollapseStep,
    MakeOwner,
    OpenFresh,
    RemindIdle,
    RemindUnclaimed,
    ShowCard,
    ShowEscalation,
    ShowStep,
    Tell,
    WriteBriefing,
    WritePackage,
    WriteUp,
)
from engine.events import (
    AdviceDeclined,
    AdviceGiven,
    AdviceTaken,
    AnswerCorrected,
    BriefingWritten,
    EscalationWithdrawn,
    EvidenceAdded,
    GuideFailed,
    NoteAdded,
    PackageWritten,
    Paused,
    PickedUp,
    SessionStarted,
    StepAnswered,
    TakenOver,
)
from engine.session import (
    Fact,
    Intake,
    IntakeType,
    Interval,
    Manner,
    NoteKind,
    Person,
    Status,
    StepKind,
    Target,
    WaitingFor,
)
from tests.engine.playbook import (
    ACCOUNT,
    ANNA,
    BEN,
    CARA,
    FRESH,
    LEA,
    LEO,
    MONDAY,
    NETWORK_TEAM,
    Playbook,
    asks,
    briefed,
    escalated,
    minutes,
    request,
    two_steps,
)

ASKED_AT = MONDAY + minutes(2)
TO_BEN = Target(user=BEN.id, name="Ben", user_teams=frozenset({NETWORK_TEAM}))
TO_NETWORK = Target(team=NETWORK_TEAM, name="Network")
TEAMMATE = Person(CARA.id, "Cara", team_ids=frozenset({NETWORK_TEAM}))


# ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_escalation_owes_the_package_the_time_and_a_reminder() -> None:
    story = escalated().only(
        Announce(what="escalation_requested"),
        ShowStep(step=2),
        WritePackage(),
        WriteUp(occasion="escalation", engineer=ANNA.id, epoch=1),
        RemindUnclaimed(number=1, epoch=1, due=ASKED_AT + minutes(15)),
    )
    assert story.status is Status.REQUESTING_ESCALATION
    assert story.it.owner_id == ANNA.id
    assert story.it.clock is None
    assert story.it.intervals == (Interval(ANNA.id, MONDAY, ASKED_AT),)


def test_nobody_escalates_to_himself() -> None:
    request(two_steps(), Target(user=ANNA.id)).refuses(ANNA, "refused.self_escalation")
    request(two_steps(), Target(user=LEA.id), LEA).refuses(LEA, "refused.self_escalation")
    request(two_steps(), Target(user=ANNA.id), LEA).refuses(LEA, "refused.self_escalation")


def test_only_the_owner_or_a_lead_escalates() -> None:
    request(two_steps(), by=BEN).refuses(BEN, "refused.not_owner")
    assert request(two_steps(), by=LEA).it.requester_id == LEA.id


def test_a_paused_session_is_escalated_without_counting_the_pause() -> None:
    story = two_steps() >> Paused(ANNA, WaitingFor.PARTS)
    request(story.after(timedelta(hours=3)))
    assert story.status is Status.REQUESTING_ESCALATION
    assert story.it.pause is None
    assert [i.length for i in story.it.intervals] == [minutes(2)]


def test_escalating_twice_is_told_to_the_one_who_did() -> None:
    request(escalated()).refuses(ANNA, "refused.while_requesting_escalation")


def test_the_written_package_shows_the_escalation() -> None:
    story = escalated() >> PackageWritten({"situation": "Printer offline"})
    story.only(ShowEscalation)
    assert story.it.package == {"situation": "Printer offline"}


def test_a_package_written_too_late_changes_nothing() -> None:
    story = escalated() >> EscalationWithdrawn(ANNA)
    (story >> PackageWritten({"situation": "Printer offline"})).only(ShowCard)
    assert story.it.package is None


@pytest.mark.parametrize("word", [EvidenceAdded(CARA, "The switch log"), NoteAdded(CARA, "Call after two")])
def test_evidence_and_notes_are_kept_while_it_waits_and_no_guide_is_asked(
    word: EvidenceAdded | NoteAdded,
) -> None:
    story = escalated() >> word
    assert not story.owes(AskGuide)
    assert story.notes[-1].by == CARA.id


def test_buttons_of_the_step_on_the_table_rest_while_it_waits() -> None:
    story = escalated() >> StepAnswered(ANNA, 2, option="yes")
    story.refuses(ANNA, "refused.while_requesting_escalation")
    assert story.steps[2].outcome is None


def test_the_open_step_is_drawn_again_when_work_goes_on_while_the_guide_is_still_asked() -> None:
    story = request(two_steps() >> EvidenceAdded(ANNA, "A log"))
    story << ShowStep(step=2)
    (story >> EscalationWithdrawn(ANNA)) << (ShowStep(step=2), AskGuide)


# ── Withdrawing and advice ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("person", [ANNA, LEO])
def test_the_requester_or_a_lead_withdraws_and_the_step_is_shown_again(person: Person) -> None:
    story = escalated() >> EscalationWithdrawn(person)
    said = Announce(what="escalation_withdrawn", about=person.id)
    story.only(said, ShowEscalation, ShowStep(step=2), RemindIdle)
    assert story.status is Status.ACTIVE
    assert story.it.owner_id == ANNA.id


def test_another_technician_withdraws_nothing() -> None:
    (escalated() >> EscalationWithdrawn(BEN)).refuses(BEN, "refused.not_requester")


def test_a_withdrawal_by_a_lead_does_not_put_the_owner_to_work() -> None:
    assert (escalated() >> EscalationWithdrawn(LEA)).it.clock is None
    back = (escalated() >> EscalationWithdrawn(ANNA)).it.clock
    assert back is not None
    assert back.engineer == ANNA.id


def test_an_answer_the_guide_still_owed_is_asked_for_after_a_withdrawal() -> None:
    story = request(two_steps().answer("no")) >> EscalationWithdrawn(ANNA)
    story << AskGuide(turn=3)


def test_advice_goes_to_the_requester_and_the_escalation_stays() -> None:
    story = escalated() >> AdviceGiven(BEN, "Look at port 12")
    told = Tell(to=ANNA.id, what="advice", about=BEN.id)
    story.only(told, Announce(what="advice_given", about=BEN.id), ShowEscalation)
    assert story.status is Status.REQUESTING_ESCALATION
    assert (story.notes[-1].kind, story.notes[-1].by) == (NoteKind.ADVICE, BEN.id)


def test_the_requester_gives_himself_no_advice() -> None:
    (escalated() >> AdviceGiven(ANNA, "Try harder")).refuses(ANNA, "refused.own_escalation")


def test_with_the_advice_the_requester_carries_on() -> None:
    story = escalated() >> AdviceGiven(BEN, "Look at port 12")
    (story >> AdviceTaken(BEN)).refuses(BEN, "refused.not_requester")
    story >> AdviceTaken(ANNA)
    story.only(Announce(what="advice_taken", about=ANNA.id), ShowEscalation, ShowStep(step=2), RemindIdle)
    assert story.status is Status.ACTIVE


def test_a_requester_who_still_needs_somebody_says_so_once() -> None:
    story = escalated() >> AdviceGiven(BEN, "Look at port 12")
    (story >> AdviceDeclined(ANNA)).only(Announce(what="advice_declined", about=ANNA.id), ShowEscalation)
    (story >> AdviceDeclined(ANNA)).only(ShowCard)
    assert story.status is Status.REQUESTING_ESCALATION


# ── Picking up ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pickup_continues_with_a_briefing_under_a_new_owner() -> None:
    story = escalated().after(minutes(5)) >> PickedUp(BEN)
    story.only(
        Announce(what="picked_up", about=BEN.id),
        Tell(to=ANNA.id, what="picked_up", about=BEN.id),
        CollapseStep(step=2),
        WriteBriefing(turn=3),
        ShowEscalation,
        RemindIdle,
    )
    assert (story.status, story.it.owner_id) == (Status.ACTIVE, BEN.id)
    assert story.steps[2].outcome is not None
    assert story.steps[2].outcome.manner is Manner.WITHDRAWN
    assert story.it.hypotheses != ()


def test_the_receiver_may_be_made_owner_in_the_psa() -> None:
    (escalated() >> PickedUp(BEN, make_owner=True)) << MakeOwner(engineer=BEN.id)
    assert not (escalated() >> PickedUp(BEN)).owes(MakeOwner)


def test_the_briefing_is_confirmed_before_the_diagnosis_goes_on() -> None:
    story = briefed(escalated() >> PickedUp(BEN)).only(ShowStep(step=3))
    assert story.table is not None
    assert story.table.kind is StepKind.BRIEFING
    (story >> AnswerCorrected(BEN)).refuses(BEN, "refused.nothing_to_undo")
    story.answer("have_it", by=ANNA).refuses(ANNA, "refused.not_owner")
    story.answer("have_it", by=BEN) << AskGuide(turn=4)


def test_what_a_briefing_brought_outlives_the_guides_next_reply() -> None:
    story = briefed(escalated() >> PickedUp(BEN)).answer("have_it", by=BEN)
    story.guide(asks("Which port?"), learned=(Fact("Ben knows the switch", 0),))
    assert [fact.text for fact in story.steps[3].learned] == ["It is on", "Ben knows the switch"]
    assert story.steps[3].ruled_out == ("Toner",)


def test_the_answers_of_the_one_before_cannot_be_undone_by_the_receiver() -> None:
    story = escalated() >> PickedUp(BEN)
    (story >> AnswerCorrected(BEN)).refuses(BEN, "refused.nothing_to_undo")
    briefed(story).answer("have_it", by=BEN)
    (story >> AnswerCorrected(BEN)).refuses(BEN, "refused.nothing_to_undo")
    story.guide(asks("Which port?"))
    (story >> AnswerCorrected(BEN)).refuses(BEN, "refused.nothing_to_undo")


def test_evidence_while_the_briefing_is_written_waits_for_it() -> None:
    story = escalated() >> PickedUp(BEN)
    (story >> EvidenceAdded(ANNA, "One more thing", bundled=True)).only(ShowCard, RemindIdle)
    briefed(story) << ShowStep(step=3)


def test_a_briefing_of_an_earlier_hand_over_is_void() -> None:
    story = escalated() >> PickedUp(BEN)
    late = story.turn
    story >> TakenOver(LEA, "Ben is ill")
    (story >> BriefingWritten(late, "For Ben")).only()
    assert story.table is None


def test_a_briefing_that_fails_is_announced_and_the_next_word_goes_on() -> None:
    story = escalated() >> PickedUp(BEN)
    (story >> GuideFailed(story.turn, "E-3")).only(Announce(what="guide_failed"))
    (story >> EvidenceAdded(BEN, "I am here")) << AskGuide(turn=4)


def test_a_fresh_pickup_ends_this_session_and_opens_another() -> None:
    story = escalated() >> PickedUp(BEN, fresh_session_id=FRESH)
    story.only(
        CollapseStep(step=2),
        OpenFresh(session_id=FRESH, by=BEN.id),
        Announce(what="picked_up_fresh", about=BEN.id),
        Tell(to=ANNA.id, what="picked_up_fresh", about=BEN.id),
        WriteUp(occasion="escalated", engineer=ANNA.id, epoch=2),
        ShowEscalation,
    )
    assert (story.status, story.it.owner_id) == (Status.ESCALATED, ANNA.id)


def test_a_fresh_session_starts_from_facts_and_ruled_out_causes_without_the_hypotheses() -> None:
    intake = Intake(IntakeType.FREE_TEXT, "The printer is offline")
    story = Playbook() >> SessionStarted(
        FRESH, ACCOUNT, BEN, intake, parent_id=escalated().it.id, briefed=True
    )
    story << WriteBriefing(turn=1)
    assert not story.owes(AskGuide)
    briefed(story) << ShowStep(step=1)
    story.answer("have_it", by=BEN) << AskGuide(turn=2)
    assert story.it.hypotheses == ()
    assert [fact.text for fact in story.history().facts] == ["It is on"]
    assert [fact.text for fact in story.history().ruled_out] == ["Toner"]
