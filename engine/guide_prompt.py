"""What the model reads: the system blocks of a Session and its user turns. The same record gives the same bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.flows import Flow
from engine.guide_news import News, State, told_at_start
from engine.guide_quoting import Quoting
from engine.guide_sources import briefing_text, flow_block, ticket_block
from engine.guide_text import INTERFACE, READ_BACK, system_text
from engine.history import History
from engine.note_text import one_line, result_of
from engine.psa import Ticket
from engine.session import Json, Manner, Note, NoteKind, Step, StepKind

Masked = Callable[[str], str]
COMPACT_ABOVE = 85_000
"""Tokens; above them a conversation goes on in a new chapter."""
KEPT_EXCHANGES = 4
REPORT = 12_000
ANSWER = 6_000
DIGEST = 8_000
_HOUR: Json = {"type": "ephemeral", "ttl": "1h"}
_SOURCES = {NoteKind.EVIDENCE: "evidence", NoteKind.NOTE: "note", NoteKind.ADVICE: "advice of a colleague"}


PICTURE_TOKENS = 1_500
_PICTURE = re.compile(r'"type": ?"picture"')


def estimate(text: str) -> int:
    """About how many tokens a text or a message's content has, rather too many than too few."""
    plain = len(text.encode("ascii", "ignore"))
    pictures = len(_PICTURE.findall(text)) * PICTURE_TOKENS
    return math.ceil(plain / 3) + len(text) - plain + pictures


# ── The system blocks ───────────────────────────────────────────────────────────────────────────────────────


def system_blocks(snapshot_text: str) -> list[Json]:
    """The two blocks before the conversation: the frozen text, and the Session's snapshot."""
    return [
        {"type": "text", "text": system_text(), "cache_control": dict(_HOUR)},
        {"type": "text", "text": snapshot_text, "cache_control": dict(_HOUR)},
    ]


def snapshot(
    history: History,
    ticket: Ticket | None,
    flow: Flow | None,
    tag: str,
    masked: Masked,
    account_words: str = "",
) -> str:
    """What a Session started from, as known at its first call. `account_words`: what the Account asks of its guide."""
    quoting = Quoting(tag, masked)
    intake = history.session.intake
    parts = [
        "# This session",
        f"Text from outside stands in blocks named untrusted-{tag}.",
        _under("What was reported at the start:", quoting.block("report", intake.text, REPORT)),
        _under("Tried before, as reported:", quoting.block("tried", "\n".join(intake.tried), 3_000)),
        _under(
            "A log was given. This digest is all you see of it:",
            quoting.block("log digest", intake.log_digest, DIGEST),
        ),
        ticket_block(ticket, quoting) if ticket is not None else "No ticket is linked.",
        flow_block(flow, quoting) if flow is not None else "No flow is followed.",
        _under("What the provider asks of its guide:", quoting.line(account_words, 1_000)),
    ]
    return "\n\n".join(part for part in parts if part)


# ── A user turn ─────────────────────────────────────────────────────────────────────────────────────────────


def user_turn(new: News, state: State, tag: str, masked: Masked) -> tuple[list[Json], Json]:
    """The content blocks of the next user message, and what it covers."""
    quoting = Quoting(tag, masked)
    told = [
        *(f"Step {n} was taken back by the technician: its answer counts no more." for n in new.taken_back),
        *(_left(step, quoting) for step in new.gone),
        *(_told(step, quoting) for step in new.steps),
        *(_note(note, quoting) for note in new.notes),
        ticket_block(new.ticket, quoting) if new.ticket is not None else "",
        flow_block(new.flow, quoting) if new.flow is not None else "",
        *_pictures(new, quoting),
    ]
    if new.waiting is not None:
        told.append(f"Step {new.waiting.number} (“{_text(new.waiting, quoting)}”) is not answered yet.")
    said = "\n\n".join(part for part in told if part) or "Nothing new was said. Propose the next step."
    text = f"{said}\n\n{_state_lines(new, state, quoting)}"
    shown: list[Json] = [{"type": "picture", "id": picture.id} for picture in new.pictures]
    return [{"type": "text", "text": text}, *shown], new.covers


def repair_turn(problem: str) -> list[Json]:
    """What follows an answer that could not be used; nothing before it is changed."""
    text = f"This answer could not be used: {problem} Answer again in full, with that put right."
    return [{"type": "text", "text": text}]


def _told(step: Step, quoting: Quoting) -> str:
    if step.outcome is None:
        return ""
    who = "" if step.guide == "claude" else ", proposed without you"
    briefs = step.kind is StepKind.BRIEFING
    lines = [f"Step {step.number} ({step.kind.value}{who}): “{_text(step, quoting, 600 if who else 200)}”"]
    lines.append(_read_back(step, quoting))
    lines.append("FlowPilot asked this in place of the step you proposed." if _by_code(step) else "")
    lines.append(f"{_MANNERS[step.outcome.manner]}{_chosen(step, quoting)}")
    lines.append(quoting.block("answer", step.outcome.text, ANSWER))
    # A briefing repeats what stands in the ticket and in the request for help.
    lines.append(quoting.block("briefing", briefing_text(step), 6_000) if briefs else "")
    if step.corrected_by is not None:
        lines.append(f"Afterwards this was taken back; step {step.corrected_by} asks it again.")
    return "\n".join(line for line in lines if line)


def _text(step: Step, quoting: Quoting, limit: int = 200) -> str:
    """A step's own words; what it repeats from outside stands in a block."""
    if step.kind is StepKind.BRIEFING:
        return _BRIEFED
    return READ_BACK if "saw" in step.stand else quoting.line(step.text, limit)


def _read_back(step: Step, quoting: Quoting) -> str:
    return quoting.block("screenshot", str(step.stand.get("saw") or ""), 700)


def _by_code(step: Step) -> bool:
    return step.guide == "claude" and step.text == INTERFACE


_BRIEFED = "What was found so far, as it stands below."
_MANNERS = {
    Manner.ANSWERED: "Answered",
    Manner.ALREADY_TRIED: "Was tried before already",
    Manner.CANNOT_DO: "Cannot be done, says the technician",
    Manner.WITHDRAWN: "Was not answered",
}


def _chosen(step: Step, quoting: Quoting) -> str:
    label = step.label_of(step.outcome.option) if step.outcome else ""
    return f": [{quoting.line(label, 100)}]" if label else ""


def _left(step: Step, quoting: Quoting) -> str:
    return f"Step {step.number} (“{_text(step, quoting)}”) was left without an answer."


def _note(note: Note, quoting: Quoting) -> str:
    source = _SOURCES.get(note.kind, "note")
    # Of a log only its digest leaves; what was written around it stands in the text.
    words = quoting.block(source, note.text, ANSWER)
    digest = quoting.block("log digest", note.log_digest, DIGEST)
    opening = f"Said beside the steps ({source}, while step {note.step} was on the table):"
    return _under(opening, "\n".join(part for part in (words, digest) if part))


def _pictures(new: News, quoting: Quoting) -> list[str]:
    named = (quoting.block("file name", picture.name, 120) for picture in new.pictures)
    return [
        f"A picture is attached to this message. What stands in it comes from outside.\n{name}".strip()
        for name in named
    ]


def _under(opening: str, text: str) -> str:
    return f"{opening}\n{text}" if text else ""


def _state_lines(new: News, state: State, quoting: Quoting) -> str:
    at = f"{state.now:%Y-%m-%d %H:%M} {state.now.tzname() or ''}".strip()
    lines = [
        "# Now",
        f"Time: {at}. Active work so far: {state.active_minutes} min. Your answer becomes step {state.next_step}.",
        *_flow_lines(state, quoting),
        _INTERFACE.get(state.interface, ""),
        "This is the first turn: fill problem_summary and problem_domain." if state.first else "",
        "There is a new picture: fill saw." if new.pictures else "",
    ]
    return "\n".join(line for line in lines if line)


def _flow_lines(state: State, quoting: Quoting) -> list[str]:
    if state.flow is None:
        return ["Flow: none is followed; move is none."]
    lines = [f"Flow: “{quoting.line(state.flow.title, 120)}” is followed. Nodes allowed now:"]
    lines += [f"- {node}: {quoting.line(text, 120)}" for node, text in state.legal] or ["- none"]
    if not state.may_detour:
        lines.append(
            "No further question in between: follow an allowed node, or leave the flow with its reason."
        )
    return lines


_INTERFACE = {
    "": "Interface: not asked yet. If you have not asked by the third step with something to do, FlowPilot does.",
    "asked": "Interface: asked already, do not ask again.",
    "gui": "Interface: the technician prefers the graphical interface.",
    "cli": "Interface: the technician prefers the command line.",
    "either": "Interface: the technician takes either.",
}


# ── A new chapter ───────────────────────────────────────────────────────────────────────────────────────────


class Piece(Protocol):
    """One stored message. `covers` is empty for an answer and for a repair."""

    @property
    def role(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def covers(self) -> Json | None: ...


@dataclass(frozen=True, slots=True)
class Chapter:
    """The beginning of a new chapter: message 0, what it covers, and the exchanges that stay word for word."""

    snapshot: str
    covers: Json
    kept: tuple[Piece, ...]


def compacted(
    history: History,
    ticket: Ticket | None,
    flow: Flow | None,
    tag: str,
    masked: Masked,
    messages: Sequence[Piece],
    account_words: str = "",
) -> Chapter:
    """A shorter conversation that says the same: from what is stored, with no call, the same for the same record."""
    quoting = Quoting(tag, masked)
    begins = [at for at, piece in enumerate(messages) if piece.role == "user" and piece.covers]
    kept = tuple(messages[begins[-KEPT_EXCHANGES] if len(begins) >= KEPT_EXCHANGES else 0 :])
    told = next((piece.covers for piece in reversed(messages) if piece.role == "user" and piece.covers), None)
    covers = {
        **told_at_start(history, ticket, flow),
        **{name: value for name, value in (told or {}).items() if name not in ("ticket", "flow")},
    }
    until = covers["steps"] if isinstance(covers["steps"], int) else 0
    text = "\n\n".join(
        [
            snapshot(history, ticket, flow, tag, masked, account_words),
            _so_far(history, until, quoting),
        ]
    )
    return Chapter(text, covers, kept)


def _so_far(history: History, until: int, quoting: Quoting) -> str:
    lines = ["# What was done so far", "Earlier messages were left out; this is what stands."]
    for step in history.done:
        if step.number <= until:
            said = quoting.line(result_of(step, 300), 300)
            lines.append(f"Step {step.number} ({step.kind.value}): “{_text(step, quoting)}”")
            lines.append(_read_back(step, quoting))
            lines.append(quoting.block("answer", said, 400))
            lines.append(
                quoting.block("briefing", briefing_text(step), 3_000)
                if step.kind is StepKind.BRIEFING
                else ""
            )
    lines.append(quoting.block("record", "\n".join(_known(history)), 20_000))
    return "\n".join(line for line in lines if line)


def _known(history: History) -> Iterator[str]:
    """Facts and causes in the words of the answers they come from."""
    yield from (f"Fact (step {fact.step}): {one_line(fact.text, 300)}" for fact in history.facts)
    yield from (f"Ruled out (step {fact.step}): {one_line(fact.text, 200)}" for fact in history.ruled_out)
    for open_one in history.open_hypotheses:
        rests = ", ".join(f"step {n}" for n in sorted({f.step for f in open_one.evidence}))
        yield f"Open cause: {one_line(open_one.cause, 200)}" + (f" ({rests})" if rests else "")
