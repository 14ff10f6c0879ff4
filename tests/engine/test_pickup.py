"""Who may pick up an escalation, reminders, and taking over, told as dialogues."""

from __future__ import annotations

from datetime import timedelta

from engine.effects import (
    Announce,
    AskGuide,
    CollapseStep,
    RemindIdle,
    RemindUnclaimed,
    ShowEscalation,
    Tell,
    WriteBriefing,
    WriteUp,
)
from engine.events import (
    EscalationRequested,
    EscalationWithdrawn,
    EvidenceAdded,
    Paused,
    PickedUp,
    PickupDeclined,
    PickupPostponed,
    Reminded,
    Resumed,
    TakenOver,
)
from engine.session import (
    Fact,
    Hypothesis,
    Interval,
    Person,
    Role,
    Status,
    Target,
    WaitingFor,
)
from tests.engine.playbook import (
    ANNA,
    BEN,
    CARA,
    FRESH,
    LEA,
    LEO,
    MONDAY,
    NETWORK_TEAM,
    asks,
    briefed,
    escalated,
    minutes,
    two_steps,
    working,
)

ASKED_AT = MONDAY + minutes(2)
TO_BEN = Target(user=BEN.id, name="Ben", user_teams=frozenset({NETWORK_TEAM}))
TO_NETWORK = Target(team=NETWORK_TEAM, name="Network")
TEAMMATE = Person(CARA.id, "Cara", team_ids=frozenset({NETWORK_TEAM}))


# ── Who may pick up ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_requester_never_picks_up_his_own() -> None:
    (escalated() >> PickedUp(ANNA)).refuses(ANNA, "refused.own_escalation")
    (escalated(by=LEA) >> PickedUp(LEA)).refuses(LEA, "refused.own_escalation")


def test_the_owner_does_not_pick_up_what_a_lead_escalated_for_him() -> None:
    (escalated(by=LEA) >> PickedUp(ANNA)).refuses(ANNA, "refused.own_escalation")


def test_any_technician_picks_up_what_is_for_anyone() -> None:
    assert (escalated() >> PickedUp(CARA)).it.owner_id == CARA.id


def test_a_leads_only_channel_lets_only_leads_pick_up() -> None:
    (escalated(leads_only=True) >> PickedUp(CARA)).refuses(CARA, "refused.leads_only")
    assert (escalated(leads_only=True) >> PickedUp(LEA)).it.owner_id == LEA.id


def test_a_teams_escalation_is_for_its_members_and_leads() -> None:
    (escalated(TO_NETWORK) >> PickedUp(CARA)).refuses(CARA, "refused.other_team")
    assert (escalated(TO_NETWORK) >> PickedUp(BEN)).it.owner_id == BEN.id
    assert (escalated(TO_NETWORK) >> PickedUp(LEO)).it.owner_id == LEO.id


def test_a_named_persons_escalation_is_for_him_and_leads() -> None:
    assert (escalated(TO_BEN) >> PickedUp(BEN)).it.owner_id == BEN.id
    assert (escalated(TO_BEN) >> PickedUp(LEA)).it.owner_id == LEA.id
    (escalated(TO_BEN) >> PickedUp(CARA)).refuses(CARA, "refused.named_other")


def test_his_team_may_help_after_thirty_minutes() -> None:
    early = escalated(TO_BEN).after(minutes(29))
    (early >> PickedUp(TEAMMATE)).refuses(TEAMMATE, "refused.named_team_later")
    assert (early.after(minutes(1)) >> PickedUp(TEAMMATE)).it.owner_id == TEAMMATE.id


def test_his_team_may_help_at_once_when_he_declined() -> None:
    story = escalated(TO_BEN) >> PickupDeclined(BEN, "On leave")
    assert (story >> PickedUp(TEAMMATE)).it.owner_id == TEAMMATE.id


def test_others_of_no_shared_team_may_not_even_then() -> None:
    story = (escalated(TO_BEN) >> PickupDeclined(BEN, "On leave")).after(minutes(60))
    (story >> PickedUp(CARA)).refuses(CARA, "refused.named_other")


def test_the_second_to_pick_up_is_told_that_it_is_gone() -> None:
    story = escalated() >> PickedUp(BEN)
    (story >> PickedUp(CARA)).refuses(CARA, "refused.while_active")
    ended = escalated() >> PickedUp(BEN, fresh_session_id=FRESH)
    (ended >> PickedUp(CARA)).refuses(CARA, "refused.ended")


# ── Later, or not at all ────────────────────────────────────────────────────────────────────────────────────


def test_a_postponed_pickup_tells_the_requester_and_silences_the_reminders_until_then() -> None:
    story = escalated().after(minutes(5))
    until = story.now + timedelta(hours=2)
    (story >> PickupPostponed(BEN, until)).only(
        Tell(to=ANNA.id, what="pickup_postponed", about=BEN.id), ShowEscalation
    )
    assert story.status is Status.REQUESTING_ESCALATION
    story.after(minutes(10)) >> Reminded("RemindUnclaimed", 1)
    story.only(RemindUnclaimed(number=2, epoch=1, due=until))


def test_a_pickup_is_not_postponed_into_the_past() -> None:
    (escalated() >> PickupPostponed(BEN, MONDAY)).refuses(BEN, "refused.time_has_passed")


def test_only_those_who_may_pick_up_may_postpone() -> None:
    story = escalated(TO_NETWORK)
    (story >> PickupPostponed(CARA, MONDAY + timedelta(hours=1))).refuses(CARA, "refused.other_team")


def test_the_named_one_declines_and_anybody_else_needs_more_first() -> None:
    story = escalated(TO_BEN) >> PickupDeclined(BEN, "On leave")
    told = Tell(to=ANNA.id, what="pickup_declined", about=BEN.id)
    story.only(told, Announce(what="pickup_declined", about=BEN.id), ShowEscalation)
    assert story.notes[-1].text == "Declined: On leave"
    story >> PickupDeclined(CARA, "Which switch?")
    told = Tell(to=ANNA.id, what="more_needed", about=CARA.id)
    story.only(told, Announce(what="more_needed", about=CARA.id), ShowEscalation)
    assert story.notes[-1].text == "Needs more first: Which switch?"
    assert story.status is Status.REQUESTING_ESCALATION


def test_the_requester_cannot_decline_his_own() -> None:
    (escalated() >> PickupDeclined(ANNA, "No")).refuses(ANNA, "refused.own_escalation")


def test_declining_ends_ones_own_postponement() -> None:
    story = escalated() >> PickupPostponed(BEN, MONDAY + timedelta(days=1))
    story >> PickupDeclined(BEN, "Cannot after all")
    story.after(minutes(15)) >> Reminded("RemindUnclaimed", 1)
    story.only(RemindUnclaimed(number=2, epoch=1, due=ASKED_AT + minutes(30)))


# ── Reminders ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unclaimed_escalation_reminds_after_15_and_30_minutes_then_hourly_and_four_times_at_most() -> None:
    story = escalated()
    first = story.one(RemindUnclaimed)
    dues = [first.due]
    for number in (1, 2, 3):
        story.now = dues[-1] or story.now
        story >> Reminded("RemindUnclaimed", number)
        dues.append(story.one(RemindUnclaimed).due)
    assert dues == [ASKED_AT + minutes(m) for m in (15, 30, 90, 150)]
    (story >> Reminded("RemindUnclaimed", 4)).only()


def test_a_reminder_never_follows_a_pickup() -> None:
    story = escalated() >> PickedUp(BEN)
    (story >> Reminded("RemindUnclaimed", 1)).only()
    assert story.it.epoch > 1


def test_every_change_of_status_or_owner_makes_older_timers_void() -> None:
    story = escalated()
    epochs = [story.it.epoch]
    for event in (
        EscalationWithdrawn(ANNA),
        EscalationRequested(ANNA, "Again", Target()),
        PickedUp(BEN),
        TakenOver(LEA, "Mine now"),
        Paused(LEA, WaitingFor.ME),
        Resumed(LEA),
    ):
        story >> event
        epochs.append(story.it.epoch)
    assert epochs == sorted(set(epochs))


# ── Taking over ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lead_takes_over_with_a_briefing_and_the_one_before_is_told_and_paid() -> None:
    story = two_steps().after(minutes(3)) >> TakenOver(LEA, "Anna is ill")
    story.only(
        Announce(what="taken_over", about=LEA.id),
        Tell(to=ANNA.id, what="taken_over_from_you", about=LEA.id),
        WriteUp(occasion="handover", engineer=ANNA.id, epoch=1),
        CollapseStep(step=2),
        WriteBriefing(turn=3),
        RemindIdle,
    )
    assert story.it.owner_id == LEA.id
    assert story.it.intervals == (Interval(ANNA.id, MONDAY, MONDAY + minutes(5)),)
    assert story.it.clock is not None
    assert story.it.clock.engineer == LEA.id
    assert story.notes[-1].text == "Taken over: Anna is ill"


def test_a_paused_session_is_taken_over_into_work() -> None:
    story = two_steps() >> Paused(ANNA, WaitingFor.CUSTOMER)
    assert (story >> TakenOver(LEA, "Urgent")).status is Status.ACTIVE
    assert story.it.pause is None


def test_nobody_but_a_lead_takes_over_and_never_his_own() -> None:
    (two_steps() >> TakenOver(BEN, "Please")).refuses(BEN, "refused.leads_take_over")
    story = two_steps() >> TakenOver(LEA, "Urgent")
    (story >> TakenOver(LEA, "Again")).refuses(LEA, "refused.own_session")
    anna_leads = Person(ANNA.id, "Anna", frozenset({Role.LEAD}))
    (working() >> TakenOver(anna_leads, "Mine")).refuses(anna_leads, "refused.own_session")


def test_what_waits_for_a_pickup_is_not_taken_over() -> None:
    (escalated() >> TakenOver(LEA, "Urgent")).refuses(LEA, "refused.while_requesting_escalation")


def test_the_former_owner_may_still_add_evidence_but_not_answer() -> None:
    story = briefed(escalated() >> PickedUp(BEN)).answer("have_it", by=BEN).guide(asks("Which port?"))
    story.answer("yes", by=ANNA).refuses(ANNA, "refused.not_owner")
    (story >> EvidenceAdded(ANNA, "It was port 12")) << AskGuide
    assert story.notes[-1].by == ANNA.id


def test_a_hypothesis_survives_a_continued_pickup() -> None:
    story = briefed(escalated() >> PickedUp(BEN))
    assert story.it.hypotheses == (Hypothesis("Cable", evidence=(Fact("The printer is on", 1),)),)
