"""The moves while a Session is worked on: start, answer, undo, evidence, tickets, the Guide, pause and resume."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from engine import drafting, inheriting, timekeeping
from engine.effects import (
    Announce,
    AskGuide,
    CollapseStep,
    Owed,
    ReadTicket,
    RemindIdle,
    RemindPaused,
    ShowCard,
    ShowForm,
    ShowStep,
    Tell,
    WriteBriefing,
)
from engine.events import (
    AnswerCorrected,
    BriefingWritten,
    EvidenceAdded,
    GuideAsked,
    GuideFailed,
    GuideReplied,
    GuideReply,
    NoteAdded,
    Paused,
    Resumed,
    SessionStarted,
    StepAnswered,
    StepJumped,
    TicketLinked,
    TicketRead,
    TicketUnreadable,
)
from engine.session import (
    Fact,
    Manner,
    Note,
    NoteKind,
    Option,
    Outcome,
    Pause,
    Session,
    Status,
    Step,
    StepKind,
    Tier,
    Turn,
    last_done,
    propose,
    with_step,
    without_step,
)

Moved = tuple[Session, tuple[Owed, ...]]

BUNDLE = timedelta(seconds=3)
"""Messages of one person within this time are one Turn."""
IDLE = (timedelta(days=3), timedelta(days=7), timedelta(days=14))
PLAN_BY = timedelta(minutes=30)
FIXED_BY = timedelta(minutes=60)
ESCALATE = "escalate"
"""The id of the option that opens the escalation form, on whichever Step it stands."""


def start(session: Session | None, event: SessionStarted, now: datetime) -> Moved:
    """A new Session: read its ticket if it has one, and ask the Guide; a fresh pickup begins with its briefing."""
    begun = Session(
        id=event.session_id,
        account_id=event.account_id,
        owner_id=event.by.id,
        intake=event.intake,
        status=Status.ACTIVE,
        created_at=now,
        updated_at=now,
        parent_id=event.parent_id,
        ticket_id=event.intake.ticket_id,
        stand=event.stand,
        turn=Turn(1, open=True, briefing=event.briefed),
    )
    begun = timekeeping.touch(begun, event.by.id, now)
    ticket = event.intake.ticket_id
    first: tuple[Owed, ...] = (ReadTicket(ticket_id=ticket),) if ticket else ()
    asked: Owed = WriteBriefing(turn=1) if event.briefed else AskGuide(turn=1)
    return begun, (ShowCard(), *first, asked, idle_timer(begun, now))


def idle_timer(session: Session, now: datetime) -> RemindIdle:
    return RemindIdle(number=1, epoch=session.epoch, due=now + IDLE[0])


def worked(session: Session, by: UUID, now: datetime) -> Moved:
    """Somebody did something here: idleness counts anew, and the clock runs if it was the owner.

    A Lead who lends a hand is not the engineer at work: his click neither stops the owner's clock nor starts
    one of his own.
    """
    if by == session.owner_id:
        session = timekeeping.touch(session, by, now)
    return session, (idle_timer(session, now),)


def ask(session: Session, due: datetime | None = None) -> Moved:
    """Open a Turn, or leave the open one and only move its time.

    One that already left is void: its reply would not know what was said since.
    """
    turn = session.turn
    if not turn.open or turn.in_flight:
        turn = Turn(turn.number + 1, open=True)
        session = replace(session, turn=turn)
    if turn.briefing:
        return session, ()
    return session, (AskGuide(turn=turn.number, due=due),)


def answer(session: Session, event: StepAnswered, now: datetime) -> Moved:
    """Only the Step on the table can be answered; later words of the same Turn are added to its answer."""
    step = session.current
    if step is None or step.number != event.step:
        if event.bundled and event.text:
            # A word typed for a Step that is gone is still a word.
            return add_evidence(session, EvidenceAdded(event.by, event.text, bundled=True), now)
        return session, (ShowCard(),)
    if step.outcome is not None:
        return _more(session, step, event, now)
    if event.option == ESCALATE:
        # The form decides, not the button: a closed form leaves the Step where it was.
        return session, (ShowForm(to=event.by.id, form="escalate"), ShowCard())
    session, idle = worked(session, event.by.id, now)
    outcome = Outcome(event.manner, event.text, event.by.id, now, event.option)
    session = with_step(session, replace(step, outcome=outcome))
    collapse = CollapseStep(step=step.number)
    if step.kind is StepKind.RESOLUTION_SUGGESTION and event.option == "fixed":
        # A reply still on its way would ask for more of what is done.
        session = replace(session, turn=Turn(session.turn.number))
        form = ShowForm(to=event.by.id, form="resolve")
        return session, (collapse, ShowCard(), form, *drafting.owed(session), *idle)
    session, asked = ask(session, now + BUNDLE if event.bundled else None)
    session, boxed = _time_box(session, now)
    return session, (collapse, ShowCard(), *asked, *boxed, *idle)


def _more(session: Session, step: Step, event: StepAnswered, now: datetime) -> Moved:
    """Words after the answer: part of it while its giver goes on and the Turn has not left, evidence after that."""
    if not event.bundled or not event.text:
        return session, (ShowCard(),)
    joins = step.outcome is not None and step.outcome.by == event.by.id
    if session.turn.in_flight or not session.turn.open or step.outcome is None or not joins:
        said = EvidenceAdded(event.by, event.text, bundled=True)
        return add_evidence(session, said, now)
    session, idle = worked(session, event.by.id, now)
    text = f"{step.outcome.text}\n{event.text}".strip()
    session = with_step(session, replace(step, outcome=replace(step.outcome, text=text)))
    session, asked = ask(session, now + BUNDLE)
    return session, (CollapseStep(step=step.number), ShowCard(), *asked, *idle)


def _time_box(session: Session, now: datetime) -> Moved:
    """No plan after 30 active minutes, or no fix after 60: offer the escalation, once."""
    worked = timekeeping.active(session, now)
    late = worked >= FIXED_BY or (worked >= PLAN_BY and session.tier is Tier.DISCOVERY)
    if session.time_box_offered or not late:
        return session, ()
    return replace(session, time_box_offered=True), (Announce(what="time_box"),)


def undo(session: Session, event: AnswerCorrected, now: datetime) -> Moved:
    """Ask the last answered Step again. What was answered stays on record, marked as corrected."""
    step = session.current
    answered = step if step and step.counts else session.previous
    open_step = step if step and step.outcome is None else None
    briefed = session.turn.briefing or (open_step is not None and open_step.kind is StepKind.BRIEFING)
    if step is None or answered is None or briefed or answered.kind is StepKind.BRIEFING:
        return session, (Tell(to=event.by.id, what="refused.nothing_to_undo"),)
    if event.step is not None and event.step != answered.number:
        return session, (Tell(to=event.by.id, what="refused.undo_too_late"),)
    number = session.step_count + 1
    session, idle = worked(session, event.by.id, now)
    session = with_step(session, replace(answered, corrected_by=number))
    collapse: tuple[Owed, ...] = (CollapseStep(step=answered.number),)
    if open_step is not None:
        gone = Outcome(Manner.WITHDRAWN, "", event.by.id, now)
        session = with_step(session, replace(open_step, outcome=gone))
        collapse += (CollapseStep(step=open_step.number),)
    again = replace(
        answered, number=number, proposed_at=now, outcome=None, learned=(), ruled_out=(), corrected_by=None
    )
    # A reply that is still on its way answers a Turn that is over.
    turn = Turn(session.turn.number + 1)
    session = replace(
        propose(session, again),
        previous=None,
        stand={**answered.stand, **inheriting.kept(session)},
        confidence=answered.confidence,
        hypotheses=without_step(session.hypotheses, answered.number),
        turn=turn,
    )
    return session, (*collapse, ShowStep(step=number), ShowCard(), *idle)


def jump(session: Session, event: StepJumped, now: datetime) -> Moved:
    """The Step on the table is left, and the Guide goes on from the named node."""
    session, idle = worked(session, event.by.id, now)
    session = replace(session, stand={**session.stand, "jump": event.node})
    session, asked = ask(session)
    return session, (ShowCard(), *asked, *idle)


def add_evidence(session: Session, event: EvidenceAdded, now: datetime) -> Moved:
    """Evidence is kept under its giver's name; while active it is shown to the Guide."""
    step = session.current.number if session.current else 0
    note = Note(NoteKind.EVIDENCE, event.text, event.by.id, now, step, event.log_digest, event.log_content)
    session = replace(session, notes=(*session.notes, note))
    if session.status is not Status.ACTIVE:
        return session, (ShowCard(),)
    session, idle = worked(session, event.by.id, now)
    if session.turn.in_flight:
        return session, (ShowCard(), *idle)
    session, asked = ask(session, now + BUNDLE if event.bundled else None)
    return session, (ShowCard(), *asked, *idle)


def add_note(session: Session, event: NoteAdded, now: datetime) -> Moved:
    kind = NoteKind.CHATTER if event.chatter else NoteKind.NOTE
    step = session.current.number if session.current else 0
    session = replace(session, notes=(*session.notes, Note(kind, event.text, event.by.id, now, step)))
    idle: tuple[Owed, ...] = ()
    if session.status is Status.ACTIVE:
        session, idle = worked(session, event.by.id, now)
    if event.chatter:
        return session, ()
    return session, (ShowCard(), Tell(to=event.by.id, what="note_kept"), *idle)


def link_ticket(session: Session, event: TicketLinked, now: datetime) -> Moved:
    session = replace(session, ticket_id=event.ticket_id, ticket=None, ticket_problem="")
    if event.connection_id is not None:
        session = replace(session, connection_id=event.connection_id)
    return session, (ReadTicket(ticket_id=event.ticket_id), ShowCard())


def ticket_read(session: Session, event: TicketRead, now: datetime) -> Moved:
    if session.ticket_id != event.ticket_id:
        return session, ()
    session = replace(session, ticket=event.ticket, connection_id=event.connection_id, ticket_problem="")
    step = session.current
    waiting = session.status is Status.ACTIVE and not session.turn.open and step and step.outcome is None
    if waiting and session.flow_id is None:
        session, asked = ask(session)
        return session, (ShowCard(), *asked)
    return session, (ShowCard(),)


def ticket_unreadable(session: Session, event: TicketUnreadable, now: datetime) -> Moved:
    """The Session goes on from what was said; an unknown ticket is let go so that it can be linked rightly."""
    if session.ticket_id != event.ticket_id:
        return session, ()
    said: tuple[Owed, ...] = () if session.ticket_problem else (Announce(what="ticket_unreadable"),)
    session = replace(session, ticket_problem=event.problem)
    if event.unknown:
        session = replace(session, ticket_id=None)
    return session, (ShowCard(), *said)


def guide_asked(session: Session, event: GuideAsked, now: datetime) -> Moved:
    """The Turn left for the Guide: what is said from now on joins the next one."""
    if event.turn != session.turn.number or not session.turn.open:
        return session, ()
    return replace(session, turn=replace(session.turn, in_flight=True)), ()


def guide_replied(session: Session, event: GuideReplied, now: datetime) -> Moved:
    """Put the proposed Step on the table.

    A reply to a Turn that is over is dropped; one that finds the Session paused too: the Guide is asked again
    when the work goes on.
    """
    if event.turn != session.turn.number or not session.turn.open:
        return session, ()
    if session.status is not Status.ACTIVE:
        return replace(session, turn=replace(session.turn, in_flight=False)), ()
    reply = event.reply
    session = _take_over_reply(session, event)
    if reply.step is None:
        return session, (ShowCard(), *open_step(session))
    collapsed: tuple[Owed, ...] = ()
    last = session.current
    if last is not None and last.outcome is None:
        gone = Outcome(Manner.WITHDRAWN, "", session.owner_id, now)
        session = with_step(session, replace(last, outcome=gone))
        collapsed = (CollapseStep(step=last.number),)
    for step in (*reply.tried, reply.step):
        session = propose(session, _numbered(step, session.step_count + 1, now))
    return session, (*collapsed, ShowStep(step=session.step_count), ShowCard(), *drafting.owed(session))


def _numbered(step: Step, number: int, now: datetime) -> Step:
    learned = tuple(Fact(fact.text, number) for fact in step.learned)
    return replace(step, number=number, proposed_at=now, learned=learned)


def _taught(step: Step, reply: GuideReply) -> Step:
    """The answered Step with what it taught, beside what it held before: a briefing brings its parent's facts."""
    new = tuple(Fact(fact.text, step.number) for fact in reply.learned)
    return replace(
        step,
        learned=tuple(dict.fromkeys((*step.learned, *new))),
        ruled_out=tuple(dict.fromkeys((*step.ruled_out, *reply.ruled_out))),
    )


def _take_over_reply(session: Session, event: GuideReplied) -> Session:
    reply, last = event.reply, last_done(session)
    if last is not None:
        session = with_step(session, _taught(last, reply))
    return replace(
        session,
        turn=Turn(event.turn),
        confidence=reply.confidence,
        hypotheses=reply.hypotheses,
        problem_summary=reply.problem_summary or session.problem_summary,
        problem_domain=reply.problem_domain or session.problem_domain,
        flow_id=reply.flow_id,
        match_score=reply.match_score,
        stand={**reply.stand, **inheriting.lasting(session.stand)},
    )


def guide_failed(session: Session, event: GuideFailed, now: datetime) -> Moved:
    """Nothing was lost: the Turn is closed and the next word opens another."""
    if event.turn != session.turn.number or not session.turn.open:
        return session, ()
    session = replace(session, turn=Turn(event.turn))
    return session, (Announce(what="guide_failed"), ShowCard())


def briefing_written(session: Session, event: BriefingWritten, now: datetime) -> Moved:
    """The receiver reads what was done and confirms it before the diagnosis goes on."""
    if event.turn != session.turn.number or not session.turn.briefing:
        return session, ()
    step = Step(
        number=session.step_count + 1,
        kind=StepKind.BRIEFING,
        text=event.text,
        proposed_at=now,
        options=(Option("have_it", "I have it"),),
        stand=session.stand,
        learned=event.learned,
        ruled_out=event.ruled_out,
    )
    session = replace(propose(session, step), turn=Turn(event.turn))
    return session, (ShowStep(step=step.number), ShowCard())


def pause(session: Session, event: Paused, now: datetime) -> Moved:
    session = timekeeping.stop(timekeeping.touch(session, session.owner_id, now), now)
    session = replace(
        session,
        status=Status.PAUSED,
        epoch=session.epoch + 1,
        pause=Pause(event.waiting_for, event.reason, now, event.remind_at),
    )
    at = event.remind_at
    timer = (RemindPaused(epoch=session.epoch, due=at),) if at else ()
    said = (Announce(what="paused"), *open_step(session), ShowCard())
    return session, (*said, *timer, idle_timer(session, max(now, at or now)))


def resume(session: Session, event: Resumed, now: datetime) -> Moved:
    session = replace(session, status=Status.ACTIVE, epoch=session.epoch + 1, pause=None)
    session = timekeeping.touch(session, event.by.id, now)
    session, shown = back_to_work(session)
    caught_up = Tell(to=event.by.id, what="catch_up")
    return session, (caught_up, *shown, ShowCard(), idle_timer(session, now))


def back_to_work(session: Session) -> Moved:
    """Show the Step on the table again; where the Guide still owes one, ask it."""
    step = session.current
    if session.turn.open and session.turn.briefing:
        return session, (WriteBriefing(turn=session.turn.number),)
    if session.turn.open or step is None or step.outcome is not None:
        shown = open_step(session)
        session, asked = ask(session)
        return session, (*shown, *asked)
    return session, open_step(session)


def open_step(session: Session) -> tuple[ShowStep, ...]:
    """The Step on the table drawn anew: what can be pressed there hangs on the status."""
    step = session.current
    return (ShowStep(step=step.number),) if step is not None and step.outcome is None else ()
