"""The moves that hand a Session to another engineer: escalate, advise, pick up, take over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from engine import timekeeping
from engine.effects import (
    Announce,
    CollapseStep,
    MakeOwner,
    OpenFresh,
    Owed,
    RemindUnclaimed,
    ShowCard,
    ShowEscalation,
    Tell,
    WriteBriefing,
    WritePackage,
    WriteUp,
)
from engine.events import (
    AdviceDeclined,
    AdviceGiven,
    AdviceTaken,
    EscalationRequested,
    EscalationWithdrawn,
    PackageWritten,
    PickedUp,
    PickupDeclined,
    PickupPostponed,
    TakenOver,
)
from engine.session import (
    Escalation,
    Json,
    Manner,
    Note,
    NoteKind,
    Outcome,
    Session,
    Status,
    Turn,
    with_step,
)
from engine.working import Moved, back_to_work, idle_timer, open_step

REMINDERS = (timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=90), timedelta(minutes=150))
"""When an unclaimed escalation is mentioned again, counted from the request: the thread, the target, then hourly."""


def request(session: Session, event: EscalationRequested, now: datetime) -> Moved:
    """Ask for another engineer. The part of the one who asks ends here, and his time is owed."""
    if event.to.user is not None and event.to.user in (event.by.id, session.owner_id):
        return session, (Tell(to=event.by.id, what="refused.self_escalation"),)
    if session.status is Status.ACTIVE:
        session = timekeeping.touch(session, session.owner_id, now)
    session = timekeeping.stop(session, now)
    escalation = Escalation(
        requested_by=event.by.id,
        requested_at=now,
        reason=event.reason,
        to=event.to,
        blockers=event.blockers,
        promised=event.promised,
        leads_only=event.leads_only,
    )
    session = replace(
        session,
        status=Status.REQUESTING_ESCALATION,
        epoch=session.epoch + 1,
        escalation=escalation,
        package=None,
        pause=None,
        documentation={**event.documentation, "occasion": "escalation"}
        if event.documentation is not None
        else None,
    )
    return session, (
        Announce(what="escalation_requested"),
        *open_step(session),
        ShowCard(),
        WritePackage(),
        WriteUp(occasion="escalation", engineer=session.owner_id, epoch=session.epoch),
        RemindUnclaimed(number=1, epoch=session.epoch, due=now + REMINDERS[0]),
    )


def package_written(session: Session, event: PackageWritten, now: datetime) -> Moved:
    return replace(session, package=event.package), (ShowEscalation(), ShowCard())


def withdraw(session: Session, event: EscalationWithdrawn, now: datetime) -> Moved:
    session = replace(session, status=Status.ACTIVE, epoch=session.epoch + 1)
    said = Announce(what="escalation_withdrawn", about=event.by.id)
    return _carry_on(session, event.by.id, now, (said,))


def _carry_on(session: Session, by: UUID, now: datetime, first: tuple[Owed, ...]) -> Moved:
    if by == session.owner_id:
        session = timekeeping.touch(session, by, now)
    session, shown = back_to_work(session)
    return session, (*first, ShowEscalation(), *shown, ShowCard(), idle_timer(session, now))


def advise(session: Session, event: AdviceGiven, now: datetime) -> Moved:
    """Advice goes to the requester, who decides whether it is enough."""
    if session.escalation is None:
        return session, (ShowCard(),)
    step = session.current.number if session.current else 0
    note = Note(NoteKind.ADVICE, event.text, event.by.id, now, step)
    escalation = replace(session.escalation, advice_open=True)
    session = replace(session, notes=(*session.notes, note), escalation=escalation)
    told = Tell(to=escalation.requested_by, what="advice", about=event.by.id)
    return session, (told, Announce(what="advice_given", about=event.by.id), ShowEscalation(), ShowCard())


def take_advice(session: Session, event: AdviceTaken, now: datetime) -> Moved:
    session = replace(session, status=Status.ACTIVE, epoch=session.epoch + 1)
    said = Announce(what="advice_taken", about=event.by.id)
    return _carry_on(session, event.by.id, now, (said,))


def decline_advice(session: Session, event: AdviceDeclined, now: datetime) -> Moved:
    if session.escalation is None or not session.escalation.advice_open:
        return session, (ShowCard(),)
    session = replace(session, escalation=replace(session.escalation, advice_open=False))
    return session, (Announce(what="advice_declined", about=event.by.id), ShowEscalation(), ShowCard())


def pick_up(session: Session, event: PickedUp, now: datetime) -> Moved:
    """`continue`: the receiver owns this Session and begins with a briefing. `fresh`: this one ends as
    escalated and a new one starts from facts and ruled-out causes, its hypotheses left behind.
    """
    requester = session.requester_id or session.owner_id
    how = "picked_up" if event.fresh_session_id is None else "picked_up_fresh"
    told = Tell(to=requester, what=how, about=event.by.id)
    owner: tuple[Owed, ...] = (MakeOwner(engineer=event.by.id),) if event.make_owner else ()
    if event.fresh_session_id is not None:
        previous = session.owner_id
        session, collapsed = _close_table(session, now)
        session = replace(
            session, status=Status.ESCALATED, epoch=session.epoch + 1, turn=Turn(session.turn.number)
        )
        return session, (
            *collapsed,
            OpenFresh(session_id=event.fresh_session_id, by=event.by.id),
            Announce(what="picked_up_fresh", about=event.by.id),
            told,
            *owner,
            WriteUp(occasion="escalated", engineer=previous, epoch=session.epoch),
            ShowEscalation(),
            ShowCard(),
        )
    session, briefed = _hand_to(session, event.by.id, now)
    return session, (
        Announce(what="picked_up", about=event.by.id),
        told,
        *owner,
        *briefed,
        ShowEscalation(),
    )


def take_over(session: Session, event: TakenOver, now: datetime) -> Moved:
    """A Lead takes the Session; the time of the one who had it ends here and he is told."""
    previous = session.owner_id
    session = timekeeping.stop(session, now)
    note = Note(NoteKind.NOTE, f"Taken over: {event.reason}", event.by.id, now, session.step_count)
    session = replace(session, notes=(*session.notes, note), pause=None)
    session, briefed = _hand_to(session, event.by.id, now)
    return session, (
        Announce(what="taken_over", about=event.by.id),
        Tell(to=previous, what="taken_over_from_you", about=event.by.id),
        WriteUp(occasion="handover", engineer=previous, epoch=session.epoch),
        *briefed,
    )


def _hand_to(session: Session, engineer: UUID, now: datetime) -> Moved:
    session, collapsed = _close_table(session, now)
    session = replace(
        session,
        status=Status.ACTIVE,
        owner_id=engineer,
        epoch=session.epoch + 1,
        turn=Turn(session.turn.number + 1, open=True, briefing=True),
    )
    session = timekeeping.touch(session, engineer, now)
    briefing = WriteBriefing(turn=session.turn.number)
    return session, (*collapsed, briefing, ShowCard(), idle_timer(session, now))


def _close_table(session: Session, now: datetime) -> Moved:
    """The Step on the table is withdrawn; the Guide proposes it again from where it stands."""
    session = replace(session, stand=_beneath(session.stand))
    step = session.current
    if step is None or step.outcome is not None:
        return session, ()
    gone = Outcome(Manner.WITHDRAWN, "", session.owner_id, now)
    return with_step(session, replace(step, outcome=gone)), (CollapseStep(step=step.number),)


def _beneath(stand: Json) -> Json:
    """The place in the work that a preview of FlowPilot's own was laid over; previews may lie on previews."""
    while stand.get("at") == "preview" and isinstance(under := stand.get("under"), Mapping):
        stand = dict(under)
    return stand


def postpone(session: Session, event: PickupPostponed, now: datetime) -> Moved:
    """I'll take it at …: reminders are silent until then, and the requester knows."""
    if session.escalation is None or event.until <= now:
        return session, (Tell(to=event.by.id, what="refused.time_has_passed"),)
    escalation = replace(session.escalation, postponed_by=event.by.id, postponed_until=event.until)
    told = Tell(to=escalation.requested_by, what="pickup_postponed", about=event.by.id)
    return replace(session, escalation=escalation), (told, ShowEscalation(), ShowCard())


def decline(session: Session, event: PickupDeclined, now: datetime) -> Moved:
    """Declined by the one who was named; from anyone else it asks for more first."""
    if session.escalation is None:
        return session, (ShowCard(),)
    named = session.escalation.to.user == event.by.id
    escalation = replace(session.escalation, declined_by=session.escalation.declined_by | {event.by.id})
    if escalation.postponed_by == event.by.id:
        escalation = replace(escalation, postponed_by=None, postponed_until=None)
    step = session.current.number if session.current else 0
    word = "Declined" if named else "Needs more first"
    note = Note(NoteKind.NOTE, f"{word}: {event.reason}", event.by.id, now, step)
    session = replace(session, escalation=escalation, notes=(*session.notes, note))
    what = "pickup_declined" if named else "more_needed"
    told = Tell(to=escalation.requested_by, what=what, about=event.by.id)
    said = Announce(what=what, about=event.by.id)
    return session, (told, said, ShowEscalation(), ShowCard())
