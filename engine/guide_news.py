"""What the model has not been told yet: worked out from the record and from what its last user message covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.flows import Flow
from engine.history import History
from engine.psa import Ticket
from engine.session import Json, Manner, Note, NoteKind, Step


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the id it is stored under. `name` is what its sender called the file."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What one user turn has to tell. `covers` is what will have been told when it was sent.

    `steps` came to an outcome, whoever proposed them; `gone` were left without one. `taken_back` were told and have
    been corrected since. `waiting` is the Step on the table that something was said beside.
    """

    steps: tuple[Step, ...] = ()
    gone: tuple[Step, ...] = ()
    taken_back: tuple[int, ...] = ()
    waiting: Step | None = None
    notes: tuple[Note, ...] = ()
    ticket: Ticket | None = None
    flow: Flow | None = None
    pictures: tuple[Picture, ...] = ()
    covers: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """What is true only now; it stands at the end of the new user turn and nowhere else.

    `legal` are the nodes of the flow followed that may be asked now, each with its text. `interface` is empty until
    the question was put, then `asked`, `gui`, `cli` or `either`.
    """

    now: datetime
    active_minutes: int
    next_step: int
    flow: Flow | None = None
    legal: tuple[tuple[str, str], ...] = ()
    may_detour: bool = True
    interface: str = ""
    first: bool = False


def whole(history: History) -> History:
    """The record with the two Steps that travel with the Session in it, as they stand now."""
    session = history.session
    steps = {step.number: step for step in history.steps}
    steps |= {step.number: step for step in (session.previous, session.current) if step is not None}
    return replace(history, steps=tuple(step for _, step in sorted(steps.items())))


def told_at_start(history: History, ticket: Ticket | None, flow: Flow | None) -> Json:
    """What a session snapshot covers: message number 0."""
    return {
        "steps": 0,
        "notes": 0,
        "ticket": ticket.id if ticket else None,
        "flow": flow.id if flow else None,
        "pictures": [],
        "back": [],
    }


def news(
    history: History,
    ticket: Ticket | None,
    flow: Flow | None,
    covers: Json,
    pictures: Sequence[Picture] = (),
) -> News:
    """Everything since `covers`. `pictures` are all of the Session, in the order they came."""
    steps = {step.number: step for step in whole(history).steps}
    told = _number(covers.get("steps"))
    since = [step for number, step in steps.items() if number > told and not step.beside]
    answered = [step for step in since if step.outcome is not None]
    back = _numbers(covers.get("back"))
    newly_back = tuple(
        step.number
        for step in steps.values()
        if step.number <= told
        and step.corrected_by is not None
        and step.number not in back
        and not step.beside
    )
    shown = _names(covers.get("pictures"))
    new_pictures = tuple(picture for picture in pictures if picture.id not in shown)
    current = history.session.current
    return News(
        steps=tuple(step for step in answered if not _withdrawn(step)),
        gone=tuple(step for step in answered if _withdrawn(step)),
        taken_back=newly_back,
        waiting=current if current is not None and current.outcome is None and not current.beside else None,
        notes=tuple(
            n for n in history.notes[_number(covers.get("notes")) :] if n.kind is not NoteKind.CHATTER
        ),
        ticket=ticket if ticket is not None and ticket.id != covers.get("ticket") else None,
        flow=flow if flow is not None and flow.id != covers.get("flow") else None,
        pictures=new_pictures,
        covers={
            "steps": max([told, *(number for number, step in steps.items() if step.outcome is not None)]),
            "notes": len(history.notes),
            "ticket": ticket.id if ticket is not None else covers.get("ticket"),
            "flow": flow.id if flow is not None else covers.get("flow"),
            "pictures": [*shown, *(picture.id for picture in new_pictures)],
            "back": sorted({*back, *newly_back, *(s.number for s in answered if s.corrected_by is not None)}),
        },
    )


def _withdrawn(step: Step) -> bool:
    return step.outcome is not None and step.outcome.manner is Manner.WITHDRAWN


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _numbers(value: object) -> list[int]:
    return [v for v in value if isinstance(v, int)] if isinstance(value, list | tuple) else []


def _names(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []
