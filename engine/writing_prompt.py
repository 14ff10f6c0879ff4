"""What the model reads when it words a text: the record of a Session, or a ticket that is too long to be read each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.guide_quoting import Quoting
from engine.guide_sources import newest_first, ticket_block
from engine.guide_text import READ_BACK
from engine.history import History
from engine.model import Purpose
from engine.note_text import one_line
from engine.psa import Ticket, TicketNote
from engine.session import Json, Manner, Note, NoteKind, Step, StepKind
from engine.writing_text import system_text

Masked = Callable[[str], str]
REPORT = 6_000
DIGEST = 4_000
ANSWER = 1_200
NOTES = 15
WHOLE_STEPS = 40
"""So many of the newest Steps are told in full; the ones before in one line each."""
TICKET_TEXT = 40_000
DESCRIPTION = 10_000
TICKET_NOTE = 8_000
"""Characters of a ticket, of its description and of one note that are summarised. Text that is longer than 48,000
characters at a time would be cut before it is masked.
"""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`text` is the whole of what is asked, for comparing one request with another."""

    system: tuple[Json, ...]
    messages: tuple[Json, ...]

    @property
    def text(self) -> str:
        return "\n".join(str(block["text"]) for block in self._blocks())

    def _blocks(self) -> Iterator[Json]:
        yield from self.system
        for message in self.messages:
            content = message["content"]
            assert isinstance(content, list)  # noqa: S101 - made below
            yield from content


def prompt(purpose: Purpose, record: str) -> Prompt:
    return Prompt(
        ({"type": "text", "text": system_text(purpose)},),
        ({"role": "user", "content": [{"type": "text", "text": record}]},),
    )


# ── A record ────────────────────────────────────────────────────────────────────────────────────────────────


def record(history: History, ticket: Ticket | None, tag: str, masked: Masked) -> str:
    """All that a package, a briefing or a note may rest on; the same record gives the same text."""
    quoting = Quoting(tag, masked)
    session = history.session
    parts = [
        f"# The record\n\nText from outside stands in blocks named untrusted-{tag}.",
        _under("What was reported at the start (0):", quoting.block("report", session.intake.text, REPORT)),
        _under("Tried before (0):", quoting.block("tried", "\n".join(session.intake.tried), 2_000)),
        _under("Of the log (0):", quoting.block("log digest", session.intake.log_digest, DIGEST)),
        f"(0) {ticket_block(ticket, quoting)}" if ticket is not None else "No ticket is linked.",
        *_steps(history, quoting),
        _known(history, quoting),
        *(_note(note, history, quoting) for note in _notes(history)),
        _request(history, quoting),
    ]
    return "\n\n".join(part for part in parts if part)


def _steps(history: History, quoting: Quoting) -> Iterator[str]:
    done = [step for step in history.done if step.kind is not StepKind.BRIEFING]
    early, late = done[:-WHOLE_STEPS], done[-WHOLE_STEPS:]
    if early:
        yield quoting.block("earlier steps", "\n".join(map(_short, early)), 200 * len(early))
    for step in late:
        yield _told(step, quoting)
    current = history.session.current
    if current is not None and current.outcome is None and not current.beside:
        yield f"{_asked(current, quoting)}\nNot answered yet."


def _short(step: Step) -> str:
    return f"Step {step.number}: “{one_line(step.text, 90)}”: {one_line(step.result, 90)}"


def _asked(step: Step, quoting: Quoting) -> str:
    """What was read in a screenshot comes from outside."""
    if "saw" not in step.stand:
        return f"Step {step.number} ({step.kind.value}): “{quoting.line(step.text, 400)}”"
    asked = f"Step {step.number} ({step.kind.value}): “{READ_BACK}”"
    return _under(asked, quoting.block("screenshot", str(step.stand["saw"]), 700))


def _told(step: Step, quoting: Quoting) -> str:
    said = step.outcome
    label = quoting.line(step.label_of(said.option), 100) if said else ""
    lines = [
        _asked(step, quoting),
        _MANNERS[said.manner] + (f": [{label}]" if label else "") if said else "",
        quoting.block("answer", said.text, ANSWER) if said else "",
    ]
    return "\n".join(line for line in lines if line)


_MANNERS = {
    Manner.ANSWERED: "Answered",
    Manner.ALREADY_TRIED: "Was tried before already",
    Manner.CANNOT_DO: "Could not be done, says the technician",
    Manner.WITHDRAWN: "Was not answered",
}


def _known(history: History, quoting: Quoting) -> str:
    lines = [f"Confirmed (step {fact.step}): {one_line(fact.text)}" for fact in history.facts]
    lines += [f"Ruled out (step {fact.step}): {one_line(fact.text, 200)}" for fact in history.ruled_out]
    for each in history.open_hypotheses:
        because = "; ".join(f"step {f.step}: {one_line(f.text, 200)}" for f in each.evidence)
        lines.append(f"Possible cause: {one_line(each.cause, 200)} ({because or 'no evidence yet'})")
    return quoting.block("known", "\n".join(lines), 400 * len(lines) + 1_000)


def _notes(history: History) -> tuple[Note, ...]:
    return tuple(note for note in history.notes if note.kind is not NoteKind.CHATTER)[-NOTES:]


def _note(note: Note, history: History, quoting: Quoting) -> str:
    words = quoting.block(note.kind.value, note.text or note.log_digest, ANSWER)
    return _under(f"Said beside step {note.step} by {quoting.line(history.name(note.by), 60)}:", words)


def _request(history: History, quoting: Quoting) -> str:
    asked = history.session.escalation
    if asked is None:
        return ""
    told = (("reason", asked.reason), ("blocked by", asked.blockers), ("promised", asked.promised))
    return _under(
        "The request for help (0):",
        "\n".join(block for name, text in told if (block := quoting.block(name, text, 1_000))),
    )


def _under(opening: str, text: str) -> str:
    return f"{opening}\n{text}" if text else ""


# ── A ticket ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ReadNotes:
    """What of a ticket is read: `described` characters, and so many of its newest notes; `cut`: not all to their end."""

    described: int
    notes: tuple[TicketNote, ...]
    of: int
    cut: bool


def read_of(ticket: Ticket) -> ReadNotes:
    described = min(len(ticket.description or ""), DESCRIPTION)
    newest, room, kept = newest_first(ticket), TICKET_TEXT - described, 0
    for note in newest:
        room -= min(len(note.text), TICKET_NOTE)
        if room < 0:
            break
        kept += 1
    notes = tuple(newest[:kept])
    return ReadNotes(described, notes, len(newest), any(len(note.text) > TICKET_NOTE for note in notes))


def long_ticket(ticket: Ticket, tag: str, masked: Masked) -> str:
    """The description and as many notes as are read, newest first, each with its writer and its time."""
    quoting, seen = Quoting(tag, masked), read_of(ticket)
    parts = [
        f"# The ticket\n\nText from outside stands in blocks named untrusted-{tag}.",
        quoting.block("ticket summary", ticket.summary, 1_000),
        quoting.block("ticket description", ticket.description or "", DESCRIPTION),
        f"The newest {len(seen.notes)} of {seen.of} notes, newest first." if seen.of else "",
    ]
    for note in seen.notes:
        at = f"{note.at:%Y-%m-%d %H:%M}" if note.at else ""
        told = f"{at} {note.author or 'somebody'}:\n{note.text}".strip()
        parts.append(quoting.block("ticket note", told, TICKET_NOTE + 100))
    return "\n\n".join(part for part in parts if part)
