"""What the model reads when it words a text: the record of a Session, or a ticket that is too long to be read each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.guide_quoting import Quoting
from engine.guide_sources import ticket_block
from engine.history import History
from engine.model import Purpose
from engine.note_text import one_line
from engine.psa import Ticket
from engine.session import Json, Manner, Note, NoteKind, Step, StepKind
from engine.writing_text import system_text

Masked = Callable[[str], str]
REPORT = 6_000
DIGEST = 4_000
ANSWER = 1_200
NOTES = 15
WHOLE_STEPS = 40
"""So many of the newest Steps are told in full; the ones before in one line each."""
TICKET_TEXT = 60_000
"""Characters of a ticket that are summarised."""


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
        yield f"Step {current.number} ({current.kind.value}): “{quoting.line(current.text, 400)}”\nNot answered yet."


def _short(step: Step) -> str:
    return f"Step {step.number}: “{one_line(step.text, 90)}”: {one_line(step.result, 90)}"


def _told(step: Step, quoting: Quoting) -> str:
    said = step.outcome
    label = quoting.line(step.label_of(said.option), 100) if said else ""
    lines = [
        f"Step {step.number} ({step.kind.value}): “{quoting.line(step.text, 400)}”",
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


def long_ticket(ticket: Ticket, tag: str, masked: Masked) -> str:
    """The description and every note of a ticket, oldest first, each with its writer and its time."""
    quoting = Quoting(tag, masked)
    notes = sorted(ticket.notes, key=lambda note: (note.at is not None, note.at, note.id))
    lines = [f"Summary: {ticket.summary}", f"Description:\n{ticket.description or ''}"]
    for note in notes:
        at = f"{note.at:%Y-%m-%d %H:%M}" if note.at else ""
        lines.append(f"{at} {note.author or 'somebody'}:\n{note.text}".strip())
    block = quoting.block("ticket", "\n\n".join(lines), TICKET_TEXT)
    return f"# The ticket\n\nText from outside stands in blocks named untrusted-{tag}.\n\n{block}"
