"""Knows for whom a form is open: whoever the engine would refuse afterwards is refused before he types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine import events
from engine.events import Event
from engine.lifecycle import refusal
from engine.session import Person, Session

LEADS_TO: Mapping[str, type[Event]] = {
    "resolve": events.Resolved,
    "escalate": events.EscalationRequested,
    "pick_up": events.PickedUp,
    "advise": events.AdviceGiven,
    "postpone": events.PickupPostponed,
    "decline": events.PickupDeclined,
    "take_over": events.TakenOver,
    "abandon": events.Abandoned,
    "pause": events.Paused,
    "rate": events.Rated,
    "note": events.NoteAdded,
    "link": events.TicketLinked,
    "already_tried": events.StepAnswered,
    "resolution": events.Resolved,
    "escalation": events.EscalationRequested,
}
"""What submitting a form brings about; a part of a text goes by the occasion it is for."""


def shut(name: str, session: Session, by: Person, now: datetime) -> str | None:
    """The key of the sentence why this form stays shut for him; None where he may fill it in."""
    kind, _, rest = name.partition(":")
    if kind == "part":
        kind = rest.split(":")[2]
    leads_to = LEADS_TO.get(kind)
    return refusal(session, leads_to, by, now) if leads_to else None
