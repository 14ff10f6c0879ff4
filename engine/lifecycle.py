"""The lifecycle: one table of moves, and `advance`, which looks an event up in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine import closing, events, handover, rules, stopping, working
from engine.effects import Owed, ShowCard, Tell
from engine.events import Event
from engine.session import FINAL, Person, Session, Status

A, P, Q, E, R, X = (
    Status.ACTIVE,
    Status.PAUSED,
    Status.REQUESTING_ESCALATION,
    Status.ESCALATED,
    Status.RESOLVED,
    Status.ABANDONED,
)


@dataclass(frozen=True, slots=True)
class Move:
    """One row: who may do it, where it may lead, and the function that decides."""

    who: rules.Rule
    to: frozenset[Status]
    decide: Callable[[Any, Any, datetime], working.Moved]


Table = dict[tuple[Status | None, type[Event]], Move]


def _rows(
    sources: Iterable[Status | None],
    event: type[Event],
    who: rules.Rule,
    to: Iterable[Status] | None,
    decide: Callable[[Any, Any, datetime], working.Moved],
) -> Table:
    """`to` None: the status stays."""
    return {
        (source, event): Move(who, frozenset(to) if to else frozenset({source} if source else ()), decide)
        for source in sources
    }


MOVES: Table = {
    **_rows([None], events.SessionStarted, rules.anyone, [A], working.start),
    **_rows([A], events.StepAnswered, rules.owner_or_lead, None, working.answer),
    **_rows([A], events.AnswerCorrected, rules.owner_or_lead, None, working.undo),
    **_rows([A], events.StepJumped, rules.owner_or_lead, None, working.jump),
    **_rows([A, P, Q], events.EvidenceAdded, rules.anyone, None, working.add_evidence),
    **_rows([A, P, Q], events.NoteAdded, rules.anyone, None, working.add_note),
    **_rows([A, P, Q, R, X, E], events.TicketLinked, rules.owner_or_lead, None, working.link_ticket),
    **_rows([A, P, Q, R, X, E], events.TicketRead, rules.anyone, None, working.ticket_read),
    **_rows([A, P, Q, R, X, E], events.TicketUnreadable, rules.anyone, None, working.ticket_unreadable),
    **_rows([A], events.GuideAsked, rules.anyone, None, working.guide_asked),
    **_rows([A, P, Q], events.GuideReplied, rules.anyone, None, working.guide_replied),
    **_rows([A, P, Q], events.GuideFailed, rules.anyone, None, working.guide_failed),
    **_rows([A], events.GuideStopped, rules.owner_or_lead, None, stopping.stop),
    **_rows([A], events.GuideAskedAgain, rules.owner_or_lead, None, stopping.ask_again),
    **_rows([A], events.BriefingWritten, rules.anyone, None, working.briefing_written),
    **_rows([A, P], events.DraftWritten, rules.anyone, None, closing.draft_written),
    **_rows([A], events.Paused, rules.owner_or_lead, [P], working.pause),
    **_rows([P], events.Resumed, rules.owner_only, [A], working.resume),
    **_rows([A, P], events.TakenOver, rules.lead_not_owner, [A], handover.take_over),
    **_rows([A, P], events.EscalationRequested, rules.owner_or_lead, [Q], handover.request),
    **_rows([Q], events.PackageWritten, rules.anyone, None, handover.package_written),
    **_rows([Q], events.EscalationWithdrawn, rules.requester_or_lead, [A], handover.withdraw),
    **_rows([Q], events.AdviceGiven, rules.not_requester, None, handover.advise),
    **_rows([Q], events.AdviceTaken, rules.requester_only, [A], handover.take_advice),
    **_rows([Q], events.AdviceDeclined, rules.requester_only, None, handover.decline_advice),
    **_rows([Q], events.PickedUp, rules.may_pick_up, [A, E], handover.pick_up),
    **_rows([Q], events.PickupPostponed, rules.may_pick_up, None, handover.postpone),
    **_rows([Q], events.PickupDeclined, rules.not_requester, None, handover.decline),
    **_rows([A, P], events.Resolved, rules.owner_or_lead, [R], closing.resolve),
    **_rows([Q], events.Resolved, rules.requester_or_lead, [R], closing.resolve),
    **_rows([A, P], events.Abandoned, rules.owner_or_lead, [X], closing.abandon),
    **_rows([Q], events.Abandoned, rules.requester_or_lead, [X], closing.abandon),
    **_rows([R, X, E], events.Rated, rules.owner_or_lead, None, closing.rate),
    **_rows(Status, events.PushPosted, rules.anyone, None, closing.push_posted),
    **_rows(Status, events.PushFailed, rules.anyone, None, closing.push_failed),
    **_rows(Status, events.PushRetried, rules.worked_or_lead, None, closing.retry_push),
    **_rows(Status, events.TimeConfirmed, rules.anyone, None, closing.confirm_time),
    **_rows([A, P, Q], events.Reminded, rules.anyone, None, closing.reminded),
}
"""(status, event) → move. What is not here changes nothing: whoever asked for it is told why, and the card is drawn anew."""


def advance(session: Session | None, event: Event, now: datetime) -> tuple[Session | None, tuple[Owed, ...]]:
    """The Session after the event, and what must be done. Times are aware, in UTC.

    A refusal leaves the Session alone and tells the person who asked why.
    """
    move = MOVES.get((session.status if session else None, type(event)))
    if move is None:
        return session, _no_move(session, event)
    by: Person | None = getattr(event, "by", None)
    if session is not None and by is not None:
        refusal = move.who(session, by, now)
        if refusal is not None:
            return session, (Tell(to=by.id, what=refusal), ShowCard())
    moved, effects = move.decide(session, event, now)
    # A late click that changes nothing must not look like work in the record.
    return (session if moved is session else replace(moved, updated_at=now)), effects


def refusal(session: Session, event_type: type[Event], by: Person, now: datetime) -> str | None:
    """Why this person could not bring such an event about now; None where he could.

    The same keys as `advance` tells, known before anything is filled in. What hangs on the event's own values
    (a time gone by, a rating out of range) is not looked at.
    """
    move = MOVES.get((session.status, event_type))
    return _no_row(session) if move is None else move.who(session, by, now)


def _no_row(session: Session) -> str:
    return "refused.ended" if session.status in FINAL else f"refused.while_{session.status}"


def _no_move(session: Session | None, event: Event) -> tuple[Owed, ...]:
    if session is None:
        return ()
    by: Person | None = getattr(event, "by", None)
    if by is None or isinstance(event, events.SessionStarted):
        return (ShowCard(),)
    return Tell(to=by.id, what=_no_row(session)), ShowCard()


def diagram() -> str:
    """The lifecycle as a Mermaid state diagram, drawn from the table."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (source, event), move in MOVES.items():
        for target in move.to:
            if target != source:
                edges.setdefault((source or "[*]", target), []).append(event.__name__)
    lines = [f"    {a} --> {b}: {', '.join(sorted(names))}" for (a, b), names in sorted(edges.items())]
    ends = [f"    {status} --> [*]" for status in sorted(FINAL)]
    return "\n".join(["stateDiagram-v2", *lines, *ends]) + "\n"
