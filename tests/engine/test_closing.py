"""Ending a Session and what comes after, told as dialogues."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from engine.effects import (
    Announce,
    CollapseStep,
    RemindIdle,
    RemindUnposted,
    RetryPosts,
    ShowCard,
    ShowEscalation,
    ShowForm,
    Tell,
    WriteUp,
)
from engine.events import (
    Abandoned,
    EvidenceAdded,
    GuideReplied,
    GuideReply,
    PickedUp,
    PushFailed,
    PushPosted,
    PushRetried,
    Rated,
    Reminded,
    Resolved,
    StepAnswered,
    TakenOver,
    TicketLinked,
    TimeConfirmed,
)
from engine.session import FINAL, Interval, Manner, Status
from tests.engine.playbook import (
    ANNA,
    BEN,
    CARA,
    LEA,
    LEO,
    MONDAY,
    Playbook,
    asks,
    escalated,
    in_every_status,
    minutes,
    started,
    two_steps,
    working,
)

POST = UUID(int=77)
FIXED = Resolved(ANNA, "Printer offline", "Restarted the switch port")


# ── Resolved ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resolution_owes_the_documentation_and_asks_for_a_rating_last() -> None:
    story = two_steps().after(minutes(4)) >> FIXED
    at = MONDAY + minutes(6)
    story.only(
        CollapseStep(step=2),
        Announce(what="resolved", about=ANNA.id),
        WriteUp(occasion="resolution", engineer=ANNA.id, epoch=1),
        ShowForm(to=ANNA.id, form="rate"),
        RemindUnposted(epoch=1, due=at),
    )
    assert (story.status, story.it.resolved_at) == (Status.RESOLVED, at)
    assert story.it.resolution_action == "Restarted the switch port"
    assert story.it.intervals == (Interval(ANNA.id, MONDAY, at),)
    assert story.steps[2].outcome is not None
    assert story.steps[2].outcome.manner is Manner.WITHDRAWN


def test_what_a_lead_resolves_is_documented_for_its_owner() -> None:
    story = two_steps() >> Resolved(LEA, "Printer offline", "Replaced it")
    story << (
        WriteUp(occasion="resolution", engineer=ANNA.id, epoch=1),
        Announce(what="resolved", about=LEA.id),
    )


def test_another_technician_neither_resolves_nor_abandons() -> None:
    (two_steps() >> Resolved(BEN, "x", "y")).refuses(BEN, "refused.not_owner")
    (two_steps() >> Abandoned(BEN)).refuses(BEN, "refused.not_owner")
    (escalated() >> Resolved(BEN, "x", "y")).refuses(BEN, "refused.not_requester")
    (escalated() >> Abandoned(BEN)).refuses(BEN, "refused.not_requester")


def test_the_requester_or_a_lead_resolves_what_waits_for_a_pickup() -> None:
    for person in (ANNA, LEO):
        story = escalated() >> Resolved(person, "Printer offline", "It came back")
        story << (ShowEscalation, WriteUp(occasion="resolution", engineer=ANNA.id, epoch=2))
        assert story.status is Status.RESOLVED


def test_a_reply_after_the_end_is_not_shown() -> None:
    story = two_steps().answer("yes")
    turn = story.turn
    story >> FIXED
    (story >> GuideReplied(turn, GuideReply(asks("Late")))).only(ShowCard)
    assert story.it.step_count == 2


# ── Abandoned ───────────────────────────────────────────────────────────────────────────────────────────────


def test_abandoned_work_owes_a_write_up_so_that_it_never_vanishes() -> None:
    story = two_steps() >> Abandoned(ANNA, "Customer called it off")
    story.only(
        CollapseStep(step=2),
        Announce(what="abandoned", about=ANNA.id),
        WriteUp(occasion="abandoned", engineer=ANNA.id, epoch=1),
        RemindUnposted(epoch=1, due=MONDAY + minutes(2)),
    )
    assert story.it.resolution_summary == "Customer called it off"


@pytest.mark.parametrize(
    "story",
    [
        working().answer("no"),
        working().after(minutes(5)) >> EvidenceAdded(ANNA, "Half the log"),
        two_steps(),
    ],
)
def test_one_answer_or_one_piece_of_evidence_is_work(story: Playbook) -> None:
    (story >> Abandoned(ANNA)) << WriteUp


def test_a_session_started_by_mistake_owes_nothing() -> None:
    story = working().after(minutes(1)) >> Abandoned(ANNA, "Wrong ticket")
    story.only(CollapseStep(step=1), Announce(what="abandoned", about=ANNA.id))
    (started() >> Abandoned(ANNA)).only(Announce(what="abandoned", about=ANNA.id))


def test_idle_time_is_no_gap_that_somebody_might_count() -> None:
    story = two_steps().after(timedelta(days=14)) >> Abandoned(None)
    story << (Announce(what="abandoned"), WriteUp(occasion="abandoned", engineer=ANNA.id, epoch=1))
    assert story.it.intervals == (Interval(ANNA.id, MONDAY, MONDAY + minutes(2)),)
    assert story.it.resolution_summary == "idle"


def test_what_waits_for_a_pickup_is_not_ended_by_idleness() -> None:
    story = escalated() >> Abandoned(None)
    story.only(ShowCard)
    assert story.status is Status.REQUESTING_ESCALATION


# ── Idle ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_is_asked_after_3_days_a_lead_told_after_7_and_it_ends_after_14() -> None:
    story = started()
    dues = [MONDAY + timedelta(days=3)]
    story << RemindIdle(number=1, epoch=0, due=dues[0])
    for number in (1, 2):
        story.now = dues[-1]
        story >> Reminded("RemindIdle", number)
        due = story.one(RemindIdle).due
        assert due is not None
        dues.append(due)
    assert [(due - MONDAY).days for due in dues] == [3, 7, 14]
    story.now = dues[-1]
    (story >> Reminded("RemindIdle", 3)).only()
    assert (story >> Abandoned(None)).status is Status.ABANDONED


def test_the_idle_question_rests_while_an_escalation_waits() -> None:
    (escalated() >> Reminded("RemindIdle", 1)).only()


# ── After the end ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", sorted(FINAL))
def test_after_the_end_only_what_comes_after_still_happens(status: Status) -> None:
    story = in_every_status()[status]()
    (story >> PushPosted(POST, "note")).only(ShowCard)
    (story >> PushRetried(ANNA)).only(RetryPosts())
    (story >> Rated(ANNA, 5, "Thanks")).only(Tell(to=ANNA.id, what="rated"))
    (story >> Resolved(ANNA, "x", "y")).refuses(ANNA, "refused.ended")
    (story >> EvidenceAdded(BEN, "Too late")).refuses(BEN, "refused.ended")
    (story >> StepAnswered(ANNA, 2, option="yes")).refuses(ANNA, "refused.ended")
    (story >> Abandoned(None)).only(ShowCard)
    assert story.status is status


def test_a_ticket_can_be_linked_after_the_end() -> None:
    story = (two_steps() >> FIXED) >> TicketLinked(ANNA, 4711)
    assert story.it.ticket_id == 4711
    assert story.status is Status.RESOLVED


def test_a_rating_is_one_to_five() -> None:
    story = two_steps() >> FIXED
    for wrong in (0, 6):
        (story >> Rated(ANNA, wrong)).refuses(ANNA, "refused.rating")
    story >> Rated(ANNA, 4, "Quick")
    assert (story.it.rating, story.it.feedback) == (4, "Quick")
    (story >> Rated(BEN, 1)).refuses(BEN, "refused.not_owner")


def test_a_push_is_heard_of_once_it_is_parked() -> None:
    story = two_steps() >> FIXED
    (story >> PushFailed(POST, "note", "ConnectWise does not answer", parked=False)).only(ShowCard)
    (story >> PushFailed(POST, "note", "Period closed", parked=True)).only(
        Tell(to=ANNA.id, what="push_parked", about=POST)
    )


def test_only_the_owner_or_a_lead_retries_a_push() -> None:
    story = two_steps() >> FIXED
    (story >> PushRetried(BEN)).refuses(BEN, "refused.not_owner")
    (story >> PushRetried(LEA)) << RetryPosts()


def test_who_worked_on_it_retries_his_own_push_after_another_one_took_over() -> None:
    """Anna asked for help, Ben goes on: her time is still hers to send again."""
    story = escalated() >> PushRetried(ANNA)
    story << RetryPosts()
    story >> PickedUp(BEN)
    assert story.it.owner_id == BEN.id
    (story >> PushRetried(ANNA)) << RetryPosts()
    (story >> PushRetried(CARA)).refuses(CARA, "refused.not_owner")


def test_a_parked_push_is_told_to_its_engineer_and_the_owner_once_each() -> None:
    story = two_steps()
    told = [Tell(to=person.id, what="push_parked", about=POST) for person in (ANNA, BEN)]
    (story >> PushFailed(POST, "time", "Period closed.", True, BEN.id)).only(*told)
    (story >> PushFailed(POST, "time", "Period closed.", True, ANNA.id)).only(told[0])


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_a_gap() -> Playbook:
    """Anna worked 2 minutes, was silent for 40, and answered again."""
    return two_steps().after(minutes(40)).answer("yes")


GAP = MONDAY + minutes(2)


@pytest.mark.parametrize("count", [True, False])
def test_an_engineer_counts_or_drops_his_own_gap(count: bool) -> None:
    story = _with_a_gap() >> TimeConfirmed(ANNA, GAP, count)
    story.only(Tell(to=ANNA.id, what="time_counted" if count else "time_dropped"))
    assert story.it.intervals[1].confirmed is count


def test_nobody_decides_about_another_ones_gap_and_none_is_decided_twice() -> None:
    story = _with_a_gap()
    (story >> TimeConfirmed(LEA, GAP, count=True)).refuses(LEA, "refused.no_such_gap")
    story >> TimeConfirmed(ANNA, GAP, count=False)
    (story >> TimeConfirmed(ANNA, GAP, count=True)).refuses(ANNA, "refused.no_such_gap")


def test_time_counted_after_the_end_is_owed() -> None:
    story = (_with_a_gap() >> FIXED) >> TimeConfirmed(ANNA, GAP, count=True)
    story << WriteUp(occasion="time", engineer=ANNA.id, epoch=1)


def test_time_counted_after_his_part_ended_is_owed_while_another_one_works() -> None:
    story = _with_a_gap() >> TakenOver(LEA, "Urgent")
    (story >> TimeConfirmed(ANNA, GAP, count=True)) << WriteUp(occasion="time", engineer=ANNA.id, epoch=1)
    assert story.it.owner_id == LEA.id


def test_time_counted_while_at_work_is_owed_when_his_part_ends() -> None:
    assert not (_with_a_gap() >> TimeConfirmed(ANNA, GAP, count=True)).owes(WriteUp)


def test_work_before_the_session_may_be_added_and_is_never_counted_twice() -> None:
    story = two_steps() >> TimeConfirmed(ANNA, MONDAY - minutes(10), count=True, started_earlier=True)
    story.only(Tell(to=ANNA.id, what="time_counted"))
    story >> TimeConfirmed(ANNA, MONDAY - minutes(20), count=True, started_earlier=True)
    earlier = [i for i in story.it.intervals if i.end <= MONDAY]
    assert sum((i.length for i in earlier), timedelta()) == minutes(20)
    dropped = TimeConfirmed(ANNA, MONDAY - minutes(30), count=False, started_earlier=True)
    (story >> dropped).refuses(ANNA, "refused.no_such_gap")
    late = TimeConfirmed(ANNA, MONDAY + minutes(1), count=True, started_earlier=True)
    (story >> late).refuses(ANNA, "refused.no_such_gap")


def test_each_engineers_time_is_his_own() -> None:
    story = escalated().after(minutes(30)) >> PickedUp(BEN)
    story.after(minutes(10)) >> Resolved(BEN, "Printer offline", "Replaced the switch")
    assert story.it.intervals == (
        Interval(ANNA.id, MONDAY, MONDAY + minutes(2)),
        Interval(BEN.id, MONDAY + minutes(32), MONDAY + minutes(42)),
    )
