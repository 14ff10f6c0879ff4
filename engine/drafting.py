"""The draft of a resolution note, worded ahead of the form: when it is wanted, and what of it the record carries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.customer_text import concerns, private_words
from engine.effects import WriteDraft
from engine.evidence import Support, stands_in
from engine.history import History
from engine.note_text import BAD, GOOD, came_out, problem_of, sentence
from engine.psa import Ticket
from engine.session import Manner, Session, Status, Step, StepKind
from engine.terms import terms

_DOINGS = frozenset({StepKind.ACTION, StepKind.SCRIPT})
_SEEN = frozenset({StepKind.VERIFICATION, StepKind.RESOLUTION_SUGGESTION})
# Said of anything that was solved, so they prove nothing and need no proof.
_OF_COURSE = re.compile(
    r"\b(?:your?|we|request|problem|issue|(?:has|have) been|is|was|solved|fixed|resolved|works?|working|again|now"
    r"|checked|verified|confirmed|together|colleagues?|with|everything|properly|normally)\b",
    re.IGNORECASE,
)
_CHECKED = re.compile(r"\b(?:check|verif|confirm|test)\w*", re.IGNORECASE)
MOST = 4
CUSTOMER = 600


@dataclass(frozen=True, slots=True)
class Draft:
    """What may stand in a form; empty where it may not. `customer` belongs to this fix and to no other."""

    fix: str = ""
    verification: str = ""
    customer: str = ""


NONE = Draft()


def owed(session: Session) -> tuple[WriteDraft, ...]:
    """The draft for the Step on the table, where that may end the Session and none was made for it."""
    step = session.step_count
    return (WriteDraft(step=step),) if wanted(session, step) else ()


def wanted(session: Session, step: int) -> bool:
    """Whether this Step still stands as the one that is going to end the Session, and has no draft."""
    stands = session.status in (Status.ACTIVE, Status.PAUSED) and session.step_count == step
    return stands and _ends(session) and (session.draft is None or session.draft.get("step_count") != step)


def _ends(session: Session) -> bool:
    """The Step on the table says that it is solved, and nobody said no to it."""
    step = session.current
    if step is None or step.kind is not StepKind.RESOLUTION_SUGGESTION:
        return False
    said = step.outcome
    return said is None or said.manner is Manner.WITHDRAWN or came_out(step) == "fixed"


def draft_of(session: Session, said: Mapping[str, object]) -> dict[str, Any]:
    """What is kept with the Session, unchecked: the record may still change. Bounded, whatever was said."""
    step, customer = session.current, said.get("customer")
    return {
        "step_count": session.step_count,
        "answered": step is not None and step.outcome is not None,
        "fix": _rows(said.get("fix")),
        "verification": _rows(said.get("verification")),
        "customer": sentence(customer, CUSTOMER) if isinstance(customer, str) else "",
    }


def kept(history: History, ticket: Ticket | None) -> Draft:
    """The Session's draft as far as the record carries it; nothing where a Step was counted since."""
    session, stored = history.session, history.session.draft
    if stored is None or stored.get("step_count") != session.step_count or not _ends(session):
        return NONE
    support = Support(history, ticket)
    done = {step.number: step for step in history.done}
    fix = _carried(stored.get("fix"), support, done, _did)
    if not fix:
        return NONE
    verification = _carried(stored.get("verification"), support, done, _saw)
    # What was said to the suggestion after the draft was written is told by the rules.
    if session.current in history.done and not stored.get("answered"):
        verification = ""
    return Draft(fix, verification, _customer(history, ticket, support, stored.get("customer"), verification))


def _rows(given: object) -> list[dict[str, Any]]:
    rows = given if isinstance(given, list) else []
    return [
        {"text": sentence(row["text"], 400), "cites": [n for n in row["cites"] if type(n) is int][:20]}
        for row in rows[:MOST]
        if isinstance(row, Mapping)
        and isinstance(row.get("text"), str)
        and isinstance(row.get("cites"), list)
    ]


def _carried(given: object, support: Support, done: Mapping[int, Step], shows: Any) -> str:
    """The sentences that rest on what was done, one of whose Steps shows it and none of which says the opposite."""
    said = []
    for row in _rows(given):
        steps = [done[n] for n in row["cites"] if n in done]
        carried = len(steps) == len(row["cites"]) and support.carries(row["text"], row["cites"])
        if carried and any(shows(s) for s in steps) and not any(_failed(s) for s in steps):
            said.append(row["text"])
    return " ".join(dict.fromkeys(said))


def _failed(step: Step) -> bool:
    return step.outcome is None or step.outcome.manner is Manner.CANNOT_DO or came_out(step) in BAD


def _did(step: Step) -> bool:
    return step.kind in _DOINGS


def _saw(step: Step) -> bool:
    return came_out(step) in GOOD and (step.kind in _SEEN or came_out(step) == "fixed")


def _customer(
    history: History, ticket: Ticket | None, support: Support, given: object, verification: str
) -> str:
    """All of it or nothing: each sentence must stand in what was done, and all of them may be read by a customer."""
    text = sentence(given, CUSTOMER) if isinstance(given, str) else ""
    private = private_words(ticket, history.session.hypotheses)
    if (
        not text
        or text.endswith("…")
        or concerns(text, private)
        or (_CHECKED.search(text) and not verification)
    ):
        return ""
    everything: Sequence[int] = [0, *(step.number for step in history.done)]
    # A ticket's own text is not enough: whoever wrote it must not write to customers through us.
    done = "\n".join([problem_of(history, ticket), *(f"{step.text}\n{step.result}" for step in history.done)])
    parts = [_OF_COURSE.sub(" ", part) for part in re.split(r"(?<=[.!?])\s+", text)]
    told = (part for part in parts if terms(part))
    return text if all(stands_in(part, done) and support.carries(part, everything) for part in told) else ""
