"""The private summary for somebody who enters a thread or comes back: made by code from the record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from engine.history import History
from engine.note_text import capped, labelled, one_line, problem_of, result_of, sentence, subject_of
from engine.psa import Ticket
from engine.session import Note, NoteKind, Status

LAST_STEPS = 6
LAST_NOTES = 5
MOST_KNOWN = 6

_STATES = {
    Status.ACTIVE: "being worked on",
    Status.PAUSED: "paused",
    Status.REQUESTING_ESCALATION: "waiting for another engineer",
    Status.ESCALATED: "handed on, another engineer started afresh",
    Status.RESOLVED: "solved",
    Status.ABANDONED: "ended without a fix",
}


def catch_up(
    history: History, ticket: Ticket | None, now: datetime, reader: UUID | None = None
) -> tuple[str, ...]:
    """One line each: problem, state, known, ruled out, tried with the latest first, on the table, waiting for,
    and what others said since the reader was last active here (all of it for somebody who never was).
    """
    lines = (
        labelled("Problem", [sentence(problem_of(history, ticket) or "not said yet")]),
        _state(history, ticket, now),
        labelled("Known", capped([sentence(f.text, 200) for f in history.facts], MOST_KNOWN)),
        labelled("Ruled out", capped([sentence(f.text, 160) for f in history.ruled_out], MOST_KNOWN)),
        labelled("Tried, latest first", _tried(history)),
        labelled("On the table", [_on_the_table(history)]),
        labelled("Waiting for", [_waiting(history, now)]),
        labelled("New from others", _new_notes(history, now, reader)),
    )
    return tuple(line for line in lines if line)


def _state(history: History, ticket: Ticket | None, now: datetime) -> str:
    session = history.session
    number = session.ticket_id or (ticket.id if ticket else None)
    where = f"#{number}, {one_line(ticket.status.name, 50)}" if number and ticket and ticket.status else ""
    owner = one_line(history.name(session.owner_id), 80)
    parts = [f"{_STATES[session.status]}, owner {owner}, last change {ago(session.updated_at, now)}"]
    return labelled(
        "State", [sentence(parts[0]), sentence(f"Ticket {where or f'#{number}'}") if number else ""]
    )


def _tried(history: History) -> tuple[str, ...]:
    done = history.done
    latest = [
        sentence(f"Step {step.number}, {subject_of(step, 90)}: {result_of(step, 120)}", 260)
        for step in reversed(done[-LAST_STEPS:])
    ]
    more = len(done) - len(latest)
    return (*latest, *((f"And {more} earlier {'one' if more == 1 else 'ones'}.",) if more else ()))


def _on_the_table(history: History) -> str:
    step = history.session.current
    if step is None or step.outcome is not None:
        return "FlowPilot is working on the next step." if history.session.turn.open else ""
    return sentence(f"Step {step.number}, {one_line(step.text, 240)}", 280)


def _waiting(history: History, now: datetime) -> str:
    session = history.session
    if session.status is Status.PAUSED and session.pause:
        who = (
            "its owner"
            if session.pause.waiting_for.value == "me"
            else f"the {session.pause.waiting_for.value}"
        )
        who = "parts" if who == "the parts" else who
        why = f": {one_line(session.pause.reason, 200)}" if session.pause.reason else ""
        return sentence(f"{who}, since {ago(session.pause.at, now)}{why}")
    if session.status is Status.REQUESTING_ESCALATION and session.escalation:
        asked = session.escalation
        reason = f": {one_line(asked.reason, 200)}" if asked.reason else ""
        return sentence(f"{one_line(asked.to.name, 80)}, asked {ago(asked.requested_at, now)}{reason}")
    return ""


def _new_notes(history: History, now: datetime, reader: UUID | None) -> tuple[str, ...]:
    since = _last_active(history, reader) if reader else None
    new = [
        note
        for note in history.notes
        if note.kind is not NoteKind.CHATTER and note.by != reader and (since is None or note.at > since)
    ]
    shown = [_note_line(history, note, now) for note in reversed(new[-LAST_NOTES:])]
    more = len(new) - len(shown)
    return (*shown, *((f"And {more} more.",) if more else ()))


def _note_line(history: History, note: Note, now: datetime) -> str:
    said = one_line(note.text, 200) or "added a log"
    advice = " advised" if note.kind is NoteKind.ADVICE else ""
    return sentence(f"{one_line(history.name(note.by), 60)}{advice}, {ago(note.at, now)}: {said}", 320)


def _last_active(history: History, reader: UUID) -> datetime | None:
    """When the reader last answered, noted or worked here."""
    return max(_activity(history, reader), default=None)


def _activity(history: History, reader: UUID) -> Iterable[datetime]:
    yield from (s.outcome.at for s in history.steps if s.outcome and s.outcome.by == reader)
    yield from (n.at for n in history.notes if n.by == reader)
    yield from (i.end for i in history.session.intervals if i.engineer == reader and i.confirmed)
    clock = history.session.clock
    # A clock that has only just begun is his coming back, not something he did.
    if clock is not None and clock.engineer == reader and clock.last_activity > clock.start:
        yield clock.last_activity


def ago(moment: datetime, now: datetime) -> str:
    """`5 min ago`, in the largest unit that fits; the future counts as just now."""
    passed = max(timedelta(), now - moment)
    minutes = passed // timedelta(minutes=1)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{passed.days} days ago"
