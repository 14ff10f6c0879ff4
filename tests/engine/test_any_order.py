"""Any events by anybody in any order and at any time: what must hold whatever people and machines do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine import events
from engine.effects import (
    AskGuide,
    ReadTicket,
    RemindIdle,
    RemindUnclaimed,
    ShowCard,
    Tell,
    WriteBriefing,
    WritePackage,
)
from engine.events import Event
from engine.lifecycle import MOVES
from engine.session import (
    FINAL,
    Fact,
    Hypothesis,
    Intake,
    IntakeType,
    Interval,
    Manner,
    Option,
    Outcome,
    Person,
    Session,
    Status,
    Step,
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
    NETWORK_TEAM,
    SESSION,
    Playbook,
    asks,
)

PEOPLE = (ANNA, BEN, CARA, LEA, LEO)
TARGETS = (
    Target(),
    Target(team=NETWORK_TEAM),
    *(Target(user=p.id, user_teams=p.team_ids) for p in PEOPLE),
)
FIXED = (Option("fixed", "That fixed it"), Option("not_fixed", "Not fixed"), Option("escalate", "Escalate"))

Say = Callable[[Playbook, Person, int], Event]


def _step(story: Playbook, pick: int) -> int:
    """Mostly the Step on the table, sometimes an older or a future one."""
    return max(1, story.it.step_count + (0, 0, 0, -1, 1, -2)[pick % 6])


def _option(pick: int) -> str | None:
    return ("yes", "no", "fixed", "not_fixed", "have_it", "escalate", None)[pick % 7]


def _answered(story: Playbook, by: Person, pick: int) -> Event:
    manner = (Manner.ANSWERED, Manner.ALREADY_TRIED, Manner.CANNOT_DO)[pick % 3]
    text = "" if pick % 2 else "no change"
    return events.StepAnswered(by, _step(story, pick), text, _option(pick), manner, bundled=pick % 4 == 0)


def _time(story: Playbook, by: Person, pick: int) -> Event:
    if pick % 3 == 0:
        start = story.it.created_at - timedelta(minutes=pick)
        return events.TimeConfirmed(by, start, count=bool(pick % 2), started_earlier=True)
    gaps = [i.start for i in story.it.intervals if i.confirmed is None] or [story.now]
    return events.TimeConfirmed(by, gaps[pick % len(gaps)], count=bool(pick % 2))


SAYINGS: dict[str, Say] = {
    "start": lambda s, by, n: events.SessionStarted(SESSION, ACCOUNT, by, Intake(IntakeType.FREE_TEXT)),
    "answer": _answered,
    "answer more": lambda s, by, n: _answered(s, by, n + 3),
    "undo": lambda s, by, n: events.AnswerCorrected(by, _step(s, n) if n % 2 else None),
    "jump": lambda s, by, n: events.StepJumped(by, "node"),
    "stop": lambda s, by, n: events.GuideStopped(by, s.turn - (n % 4 == 0)),
    "ask again": lambda s, by, n: events.GuideAskedAgain(by),
    "evidence": lambda s, by, n: events.EvidenceAdded(by, f"log {n}", bundled=bool(n % 2)),
    "note": lambda s, by, n: events.NoteAdded(by, f"note {n}", chatter=bool(n % 2)),
    "link": lambda s, by, n: events.TicketLinked(by, 4700 + n % 3),
    "pause": lambda s, by, n: events.Paused(
        by, WaitingFor.ME, "", s.now + timedelta(hours=n) if n % 2 else None
    ),
    "resume": lambda s, by, n: events.Resumed(by),
    "take over": lambda s, by, n: events.TakenOver(by, "Urgent"),
    "escalate": lambda s, by, n: events.EscalationRequested(
        by, "Stuck", TARGETS[n % len(TARGETS)], leads_only=n % 5 == 0
    ),
    "withdraw": lambda s, by, n: events.EscalationWithdrawn(by),
    "advise": lambda s, by, n: events.AdviceGiven(by, "Try port 12"),
    "take advice": lambda s, by, n: events.AdviceTaken(by),
    "decline advice": lambda s, by, n: events.AdviceDeclined(by),
    "pick up": lambda s, by, n: events.PickedUp(by, FRESH if n % 3 == 0 else None, make_owner=bool(n % 2)),
    "postpone": lambda s, by, n: events.PickupPostponed(by, s.now + timedelta(minutes=n - 3)),
    "decline": lambda s, by, n: events.PickupDeclined(by, "On leave"),
    "resolve": lambda s, by, n: events.Resolved(by, "Offline", "Restarted"),
    "abandon": lambda s, by, n: events.Abandoned(by if n % 3 else None),
    "rate": lambda s, by, n: events.Rated(by, n % 7),
    "pushed": lambda s, by, n: events.PushPosted(by.id, "note"),
    "not pushed": lambda s, by, n: events.PushFailed(by.id, "note", "Period closed", parked=bool(n % 2)),
    "retry": lambda s, by, n: events.PushRetried(by),
    "count time": _time,
}


def _outcomes(story: Playbook, pick: int) -> Event | None:
    """What comes of something owed at any time: in time, late, or once more."""
    machines = (AskGuide, WriteBriefing, ReadTicket, WritePackage, RemindUnclaimed, RemindIdle)
    owed = [effect for effect in story.all_owed if isinstance(effect, machines)]
    if not owed:
        return None
    match owed[-1 - pick % min(4, len(owed))]:
        case AskGuide(turn=turn):
            return _guides_word(story, turn, pick)
        case WriteBriefing(turn=turn):
            if pick % 5 == 0:
                return events.GuideFailed(turn, "E-1")
            return events.BriefingWritten(turn, "Read this", (Fact("It is on", 0),), ("Toner",))
        case ReadTicket(ticket_id=ticket):
            if pick % 3 == 0:
                return events.TicketUnreadable(ticket, "No answer", unknown=bool(pick % 2))
            return events.TicketRead(ticket, {"summary": "Printer"}, ACCOUNT)
        case WritePackage():
            return events.PackageWritten({"situation": "Offline"})
        case RemindUnclaimed(number=number):
            return events.Reminded("RemindUnclaimed", number)
        case RemindIdle(number=number):
            return events.Reminded("RemindIdle", number)


def _guides_word(story: Playbook, turn: int, pick: int) -> Event:
    if pick % 7 == 0:
        return events.GuideFailed(turn, "E-1")
    if pick % 7 in (1, 2):
        return events.GuideAsked(turn)
    current = story.it.current
    if pick % 7 == 3 and current is not None and current.outcome is None:
        return events.GuideReplied(turn, events.GuideReply(None, confidence=0.5))
    tried = asks(
        "Cable?", outcome=Outcome(Manner.ALREADY_TRIED, "swapped", ANNA.id, story.it.created_at, "no")
    )
    ends = pick % 5 == 0
    step = asks(
        "Next?",
        StepKind.RESOLUTION_SUGGESTION if ends else StepKind.QUESTION,
        options=FIXED if ends else (Option("yes", "Yes"), Option("no", "No")),
    )
    number = story.it.step_count
    return events.GuideReplied(
        turn,
        events.GuideReply(
            step,
            tried=(tried,) if pick % 4 == 0 else (),
            learned=(Fact(f"fact {pick}", number),),
            hypotheses=(Hypothesis("Cable", evidence=(Fact("seen", number),)),),
            confidence=(pick % 10) / 10,
        ),
    )


ENDINGS = ("resolve", "abandon")
# Endings are rare, so that most stories go far; what is owed is answered often, or nothing would move.
OFTEN = (*(("outcome",) * 40), *(("answer",) * 12), *(("undo", "escalate", "pick up", "stop") * 4))
MOMENTS = some.tuples(
    some.sampled_from((*OFTEN, *(name for name in SAYINGS if name not in ENDINGS), *SAYINGS)),
    some.sampled_from((ANNA, ANNA, *PEOPLE)),
    some.sampled_from((0.0, 0.02, 1.0, 5.0, 14.0, 16.0, 70.0, 60.0 * 24)),
    some.integers(0, 59),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.lists(MOMENTS, min_size=15, max_size=80))
def test_whatever_happens_the_rules_hold(moments: Sequence[tuple[str, Person, float, int]]) -> None:
    story = Playbook() >> events.SessionStarted(
        SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT, "Offline")
    )
    for what, by, minutes, pick in moments:
        event = _outcomes(story, pick) if what == "outcome" else SAYINGS[what](story, by, pick)
        if event is None:
            continue
        before, steps = story.it, dict(story.steps)
        # What was asked for is answered by whoever is at work, so that stories go somewhere.
        if isinstance(event, events.StepAnswered | events.Resumed) and pick % 2:
            event = replace(event, by=replace(by, id=before.owner_id))
        story.after(timedelta(minutes=minutes)) >> event
        _holds(story, before, steps, event)


def _holds(story: Playbook, before: Session, steps: dict[int, Step], event: Event) -> None:
    now = story.it
    _status_holds(story, before, event)
    assert now.epoch >= before.epoch
    if (now.status, now.owner_id) != (before.status, before.owner_id):
        assert now.epoch > before.epoch
    assert now.owner_id in {person.id for person in PEOPLE}
    if isinstance(event, events.PickedUp) and event.by.id == before.requester_id:
        assert now == replace(before, updated_at=now.updated_at)
    assert now.turn.number >= before.turn.number
    # One that was stopped is closed, and stays so: nothing but another Turn brings a Step.
    assert not (now.turn.stopped and (now.turn.open or now.turn.in_flight))
    if before.turn.stopped and now.turn.number == before.turn.number:
        assert not now.turn.open
    if before.turn.stopped and isinstance(event, events.GuideReplied | events.GuideFailed):
        assert now == before
    _steps_hold(story, before, steps)
    _time_holds(now)
    for effect in story.owed:
        if isinstance(effect, RemindIdle | RemindUnclaimed):
            assert effect.epoch == now.epoch


def _status_holds(story: Playbook, before: Session, event: Event) -> None:
    now, move = story.it, MOVES.get((before.status, type(event)))
    if before.status in FINAL:
        assert now.status is before.status
    if now.status is not before.status:
        assert move is not None
        assert now.status in move.to
    if move is None:
        assert now == before
        assert {type(effect) for effect in story.owed} <= {ShowCard, Tell}
    if any(isinstance(effect, Tell) and effect.what.startswith("refused.") for effect in story.owed):
        assert now == replace(before, updated_at=now.updated_at)


def _steps_hold(story: Playbook, before: Session, steps: dict[int, Step]) -> None:
    now = story.it
    assert sorted(story.steps) == list(range(1, now.step_count + 1))
    assert now.step_count >= before.step_count
    unanswered = [step for step in story.steps.values() if step.outcome is None]
    assert unanswered in ([], [now.current])
    if now.status in FINAL:
        assert not unanswered
    for number, step in steps.items():
        after = story.steps[number]
        assert after.text == step.text
        if step.outcome is not None:
            assert after.outcome is not None
            assert (after.outcome.option, after.outcome.by) == (step.outcome.option, step.outcome.by)
            assert after.outcome.text.startswith(step.outcome.text)
            assert set(step.learned) <= set(after.learned)
        if step.corrected_by is not None:
            assert after.corrected_by == step.corrected_by
    for step in story.steps.values():
        assert all(fact.step == step.number for fact in step.learned if step.kind is not StepKind.BRIEFING)


def _time_holds(session: Session) -> None:
    for engineer in {interval.engineer for interval in session.intervals}:
        mine = sorted((i for i in session.intervals if i.engineer == engineer), key=_start)
        assert all(interval.end > interval.start for interval in mine)
        kept = [interval for interval in mine if interval.confirmed is not False]
        assert all(one.end <= other.start for one, other in pairwise(kept))
        clock = session.clock
        if clock is not None and clock.engineer == engineer:
            assert all(interval.end <= clock.start for interval in mine)
    if session.status is not Status.ACTIVE:
        assert session.clock is None


def _start(interval: Interval) -> Any:
    return interval.start
