"""The moves that end a Session and what comes after: documentation, time, pushes, rating, reminders."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine import timekeeping
from engine.drafting import wanted
from engine.effects import (
    Announce,
    CollapseStep,
    Owed,
    RemindIdle,
    RemindUnclaimed,
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
    DraftWritten,
    PushFailed,
    PushPosted,
    PushRetried,
    Rated,
    Reminded,
    Resolved,
    TimeConfirmed,
)
from engine.handover import REMINDERS
from engine.session import Manner, Outcome, Session, Status, Turn, with_step
from engine.working import IDLE, Moved


def resolve(session: Session, event: Resolved, now: datetime) -> Moved:
    """The problem is solved: what was done becomes documentation, and the owner may rate it last."""
    session, collapsed = _end(session, Status.RESOLVED, now)
    session = replace(
        session,
        resolved_at=now,
        resolution_summary=event.summary,
        resolution_action=event.action,
        documentation=event.documentation,
    )
    return session, (
        *collapsed,
        Announce(what="resolved", about=event.by.id),
        WriteUp(occasion="resolution", engineer=session.owner_id, epoch=session.epoch),
        ShowCard(),
        ShowForm(to=session.owner_id, form="rate"),
        RemindUnposted(epoch=session.epoch, due=now),
    )


def abandon(session: Session, event: Abandoned, now: datetime) -> Moved:
    """Nobody goes on with it. If anything was done, an internal note is owed, so work never vanishes."""
    if event.by is None and session.status is Status.REQUESTING_ESCALATION:
        return session, (ShowCard(),)
    worked = _anything_done(session)
    if event.by is None and session.clock is not None:
        # Nobody came back, so the silence is no gap that somebody might have worked through.
        session = timekeeping.stop(session, session.clock.last_activity)
    session, collapsed = _end(session, Status.ABANDONED, now)
    reason = event.reason or ("idle" if event.by is None else "")
    session = replace(session, resolution_summary=session.resolution_summary or reason)
    owed: tuple[Owed, ...] = ()
    if worked:
        owed = (
            WriteUp(occasion="abandoned", engineer=session.owner_id, epoch=session.epoch),
            RemindUnposted(epoch=session.epoch, due=now),
        )
    about = event.by.id if event.by else None
    return session, (*collapsed, Announce(what="abandoned", about=about), *owed, ShowCard())


def _anything_done(session: Session) -> bool:
    step, clock = session.current, session.clock
    answered = session.step_count > 1 or (step is not None and step.counts)
    busy = clock is not None and clock.last_activity > clock.start
    return answered or busy or any(i.confirmed for i in session.intervals)


def _end(session: Session, status: Status, now: datetime) -> tuple[Session, tuple[Owed, ...]]:
    if session.status is Status.ACTIVE and session.clock and status is Status.RESOLVED:
        session = timekeeping.touch(session, session.clock.engineer, now)
    session = timekeeping.stop(session, now)
    # Whoever reads the escalation channel sees how it ended, also after it was picked up.
    shown: tuple[Owed, ...] = (ShowEscalation(),) if session.escalation is not None else ()
    step = session.current
    if step is not None and step.outcome is None:
        gone = Outcome(Manner.WITHDRAWN, "", session.owner_id, now)
        session = with_step(session, replace(step, outcome=gone))
        shown = (CollapseStep(step=step.number), *shown)
    turn = Turn(session.turn.number)
    return replace(session, status=status, epoch=session.epoch + 1, turn=turn, pause=None), shown


def draft_written(session: Session, event: DraftWritten, now: datetime) -> Moved:
    """Nobody sees it before a form is opened; one for a Step that is gone is dropped."""
    if not wanted(session, event.step):
        return session, ()
    return replace(session, draft=event.draft), ()


def rate(session: Session, event: Rated, now: datetime) -> Moved:
    if not 1 <= event.rating <= 5:
        return session, (Tell(to=event.by.id, what="refused.rating"),)
    session = replace(session, rating=event.rating, feedback=event.feedback)
    return session, (Tell(to=event.by.id, what="rated"), ShowCard())


def push_posted(session: Session, event: PushPosted, now: datetime) -> Moved:
    return session, (ShowCard(),)


def push_failed(session: Session, event: PushFailed, now: datetime) -> Moved:
    """The owner and whose work it is hear of it once it is parked; before that the card shows that it is tried again."""
    if not event.parked:
        return session, (ShowCard(),)
    people = dict.fromkeys((session.owner_id, event.engineer or session.owner_id))
    told = (Tell(to=person, what="push_parked", about=event.post_id) for person in people)
    return session, (*told, ShowCard())


def retry_push(session: Session, event: PushRetried, now: datetime) -> Moved:
    return session, (RetryPosts(closing=event.closing), ShowCard())


def confirm_time(session: Session, event: TimeConfirmed, now: datetime) -> Moved:
    """Each engineer decides about his own time."""
    if event.started_earlier and event.count:
        changed = timekeeping.begin_earlier(session, event.by.id, event.start)
    else:
        changed = timekeeping.decide(session, event.by.id, event.start, event.count)
    if changed == session:
        return session, (Tell(to=event.by.id, what="refused.no_such_gap"),)
    told = Tell(to=event.by.id, what="time_counted" if event.count else "time_dropped")
    owed: tuple[Owed, ...] = ()
    # Whoever had his part here earlier owes his time already, even while another one works on.
    if session.status not in (Status.ACTIVE, Status.PAUSED) or event.by.id != session.owner_id:
        owed = (WriteUp(occasion="time", engineer=event.by.id, epoch=session.epoch),)
    return changed, (told, *owed, ShowCard())


def reminded(session: Session, event: Reminded, now: datetime) -> Moved:
    """Owe the next reminder of its kind, if there is one; one that spoke of an epoch gone by owes nothing."""
    if event.epoch not in (None, session.epoch):
        return session, ()
    if event.what == "RemindUnclaimed" and session.escalation is not None:
        if session.status is not Status.REQUESTING_ESCALATION or event.number >= len(REMINDERS):
            return session, ()
        silent_until = session.escalation.postponed_until or now
        due = max(now, silent_until, session.escalation.requested_at + REMINDERS[event.number])
        return session, (RemindUnclaimed(number=event.number + 1, epoch=session.epoch, due=due),)
    resting = session.status in (Status.ACTIVE, Status.PAUSED)
    if event.what == "RemindIdle" and resting and event.number < len(IDLE):
        due = now + IDLE[event.number] - IDLE[event.number - 1]
        return session, (RemindIdle(number=event.number + 1, epoch=session.epoch, due=due),)
    return session, ()
