"""Evidence, notes, tickets, pauses and time, told as dialogues."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.effects import (
    Announce,
    AskGuide,
    ReadTicket,
    RemindIdle,
    RemindPaused,
    ShowCard,
    ShowStep,
    Tell,
    WriteBriefing,
)
from engine.events import (
    EvidenceAdded,
    GuideAsked,
    GuideReplied,
    GuideReply,
    NoteAdded,
    Paused,
    Resumed,
    SessionStarted,
    TicketLinked,
    TicketRead,
    TicketUnreadable,
)
from engine.session import (
    Intake,
    IntakeType,
    NoteKind,
    Option,
    Status,
    StepKind,
    WaitingFor,
)
from tests.engine.playbook import (
    ACCOUNT,
    ANNA,
    BEN,
    LEA,
    MONDAY,
    SESSION,
    Playbook,
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


# ── Evidence, notes, tickets ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bundled", [True, False])
def test_evidence_of_anybody_is_kept_under_his_name_and_shown_to_the_guide(bundled: bool) -> None:
    story = working() >> EvidenceAdded(BEN, "error 7031", "digest", "the whole log", bundled)
    story << AskGuide(turn=2, due=MONDAY + BUNDLE if bundled else None)
    note = story.notes[0]
    assert (note.by, note.log_digest, note.log_content, note.step) == (BEN.id, "digest", "the whole log", 1)
    assert story.it.clock is not None
    assert story.it.clock.engineer == ANNA.id


def test_evidence_for_a_paused_session_is_kept_and_wakes_nobody() -> None:
    story = working() >> Paused(ANNA, WaitingFor.CUSTOMER)
    (story >> EvidenceAdded(BEN, "The customer wrote")).only(ShowCard)
    assert story.notes[-1].text == "The customer wrote"


def test_a_note_is_kept_and_the_guide_is_left_alone() -> None:
    (working() >> NoteAdded(BEN, "Call after 14:00")).only(Tell(to=BEN.id, what="note_kept"), RemindIdle)


def test_chatter_is_kept_and_not_answered() -> None:
    story = working() >> NoteAdded(ANNA, "brb", chatter=True)
    assert story.owed == []
    assert story.notes[0].kind is NoteKind.CHATTER


def test_a_linked_ticket_is_read_and_shown_to_the_guide_while_no_flow_is_followed() -> None:
    story = working() >> TicketLinked(ANNA, 4711)
    story.only(ReadTicket(ticket_id=4711))
    (story >> TicketRead(4711, {"summary": "Printer"}, ACCOUNT)).only(AskGuide(turn=2))
    assert story.it.ticket == {"summary": "Printer"}


def test_a_linked_ticket_leaves_a_flow_alone_and_a_solved_problem_too() -> None:
    on_a_flow = started().guide(asks(), flow_id="printer-offline")
    solved = started().guide(FIXED).answer("fixed")
    for story in (on_a_flow, solved):
        story >> TicketLinked(ANNA, 4711)
        (story >> TicketRead(4711, {"summary": "Printer"}, ACCOUNT)).only(ShowCard)


def test_a_reading_of_a_ticket_that_was_replaced_changes_nothing() -> None:
    story = working() >> TicketLinked(ANNA, 4711)
    story >> TicketLinked(ANNA, 4712)
    (story >> TicketRead(4711, {"summary": "Old"}, ACCOUNT)).only()
    assert story.it.ticket is None


def test_an_unreadable_ticket_stops_nothing_and_an_unknown_one_is_let_go() -> None:
    story = started("#4711", ticket=4711) >> TicketUnreadable(4711, "ConnectWise does not answer.")
    story.only(Announce(what="ticket_unreadable"))
    assert (story.it.ticket_id, story.it.ticket_problem) == (4711, "ConnectWise does not answer.")
    story >> TicketUnreadable(4711, "There is no ticket 4711.", unknown=True)
    assert story.it.ticket_id is None
    story.guide(asks()) << ShowStep(step=1)


def test_only_the_owner_or_a_lead_links_a_ticket() -> None:
    (working() >> TicketLinked(BEN, 4711)).refuses(BEN, "refused.not_owner")


# ── Pause and resume ────────────────────────────────────────────────────────────────────────────────────────


def test_a_pause_reminds_when_it_was_asked_to() -> None:
    tomorrow = MONDAY + timedelta(days=1)
    story = working() >> Paused(ANNA, WaitingFor.VENDOR, "RMA", tomorrow)
    story.only(
        Announce(what="paused"),
        ShowStep(step=1),
        RemindPaused(epoch=1, due=tomorrow),
        RemindIdle(number=1, epoch=1, due=tomorrow + timedelta(days=3)),
    )
    assert story.status is Status.PAUSED
    assert story.it.clock is None


def test_only_the_same_engineer_resumes() -> None:
    story = working() >> Paused(ANNA, WaitingFor.ME)
    (story >> Resumed(LEA)).refuses(LEA, "refused.same_engineer")
    story >> Resumed(ANNA)
    story.only(Tell(to=ANNA.id, what="catch_up"), ShowStep(step=1), RemindIdle)
    assert story.status is Status.ACTIVE


def test_a_pause_counts_no_time() -> None:
    story = working().after(minutes(10)) >> Paused(ANNA, WaitingFor.CUSTOMER)
    story.after(timedelta(hours=5)) >> Resumed(ANNA)
    assert [i.length for i in story.it.intervals] == [minutes(10)]


def test_a_reply_that_finds_the_session_paused_is_asked_for_again() -> None:
    story = working().answer("yes") >> GuideAsked(2)
    story >> Paused(ANNA, WaitingFor.CUSTOMER)
    (story >> GuideReplied(2, GuideReply(asks("Late")))).only()
    assert story.it.step_count == 1
    (story >> Resumed(ANNA)) << AskGuide(turn=2)


def test_what_was_owed_to_the_guide_when_it_was_paused_is_asked_again() -> None:
    story = working().answer("yes") >> GuideAsked(2)
    story >> Paused(ANNA, WaitingFor.CUSTOMER)
    (story >> Resumed(ANNA)) << AskGuide(turn=3)
    (story >> GuideReplied(2, GuideReply(asks("Of the void turn")))).only()


def test_pausing_twice_is_told_to_the_one_who_did() -> None:
    story = working() >> Paused(ANNA, WaitingFor.ME)
    (story >> Paused(ANNA, WaitingFor.ME)).refuses(ANNA, "refused.while_paused")


def test_only_the_owner_or_a_lead_pauses() -> None:
    (working() >> Paused(BEN, WaitingFor.ME)).refuses(BEN, "refused.not_owner")
    assert (working() >> Paused(LEA, WaitingFor.ME)).status is Status.PAUSED


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silence_over_fifteen_minutes_is_an_unconfirmed_gap() -> None:
    story = two_steps().after(minutes(16)).answer("yes")
    worked, gap = story.it.intervals
    assert (worked.length, worked.confirmed) == (minutes(2), True)
    assert (gap.length, gap.confirmed) == (minutes(16), None)


def test_after_a_gap_the_clock_starts_anew() -> None:
    story = two_steps().after(minutes(16)).answer("yes").after(minutes(5))
    story >> Paused(ANNA, WaitingFor.ME)
    assert [(i.start - MONDAY, i.end - MONDAY) for i in story.it.intervals] == [
        (minutes(0), minutes(2)),
        (minutes(2), minutes(18)),
        (minutes(18), minutes(23)),
    ]


def test_a_silence_of_fifteen_minutes_is_work() -> None:
    assert two_steps().after(minutes(15)).answer("yes").it.intervals == ()


def _busy(story: Playbook, until: int, confidence: float) -> Playbook:
    """Somebody answers every ten minutes."""
    for _ in range(0, until, 10):
        story.after(minutes(10)).answer("no")
        if not story.owes(Announce):
            story.guide(asks(), confidence=confidence)
    return story


def test_no_plan_after_thirty_active_minutes_offers_the_escalation_once() -> None:
    story = _busy(working(), 30, confidence=0.1)
    story << Announce(what="time_box")
    story.guide(asks(), confidence=0.1).after(minutes(10)).answer("no")
    assert not story.owes(Announce)


def test_with_a_plan_the_offer_comes_after_sixty_minutes() -> None:
    assert not _busy(working(), 50, confidence=0.6).owes(Announce)
    _busy(working(), 60, confidence=0.6) << Announce(what="time_box")


def test_every_sign_of_work_puts_the_idle_question_off() -> None:
    story = working().after(timedelta(days=2)).answer("yes")
    story << RemindIdle(number=1, epoch=0, due=MONDAY + timedelta(days=5))
    story >> EvidenceAdded(BEN, "A photo")
    story << RemindIdle(number=1, epoch=0, due=MONDAY + timedelta(days=5))


def test_a_briefing_asked_for_while_paused_is_written_when_work_goes_on() -> None:
    story = Playbook() >> SessionStarted(SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT), briefed=True)
    story << WriteBriefing(turn=1)
    story >> Paused(ANNA, WaitingFor.ME)
    (story >> Resumed(ANNA)) << WriteBriefing(turn=1)
