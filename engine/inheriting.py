"""What a Session keeps of the one it goes on from: what may leave, and whose eyes are fresh."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.fresh_eyes import tells_something, without_beliefs
from engine.psa import Ticket, ticket_from_json
from engine.session import Intake, Json, Session

FRESH = "fresh"
OFFLINE = "offline"
AGREED = "agreed"
UNDER = "under"
"""In a Session's stand. A preview keeps the stand it came upon under the last of them."""

_OURS = re.compile(r"\[fp:[0-9a-f]{8}\]")
_BETWEEN = re.compile(r"[\s\\\u200b\u200c\u200d\ufeff]+")


def inherited(parent: Session) -> Json:
    """What was said about sending anything to the model: that nothing may, or which texts somebody agreed to."""
    stands = stands_of(parent)
    kept: dict[str, object] = {OFFLINE: True} if _refused(parent, stands) else {}
    said = [stand[AGREED] for stand in stands if isinstance(stand.get(AGREED), list | tuple)]
    return {**kept, AGREED: said[0]} if said and said[0] else kept


def _refused(parent: Session, stands: tuple[Json, ...]) -> bool:
    """He said so, if only a moment ago: his answer to the preview on the table counts before the Guide has read it."""
    step = parent.current
    preview = step is not None and step.beside and UNDER in step.stand
    said = step.outcome.option if step is not None and step.outcome is not None and preview else None
    return said == OFFLINE or any(stand.get(OFFLINE) for stand in stands)


def stands_of(session: Session) -> tuple[Json, ...]:
    """Where a Session stands, and what lies beneath that."""
    return tuple(_downwards(session.stand))


def _downwards(stand: object) -> Iterator[Json]:
    while isinstance(stand, Mapping):
        yield stand
        stand = stand.get(UNDER)


# ── Fresh eyes ──────────────────────────────────────────────────────────────────────────────────────────────


def lasting(stand: Json) -> Json:
    """What no reply of a Guide takes away."""
    return {FRESH: True} if stand.get(FRESH) else {}


def kept(session: Session) -> Json:
    """What stays when a Step is asked again from where the Session stood then."""
    return {**inherited(session), **lasting(session.stand)}


def is_fresh(session: Session) -> bool:
    """Whether it was picked up by somebody who is not to see what was believed before him."""
    return session.parent_id is not None and bool(session.stand.get(FRESH))


def intake_of(parent: Session) -> Intake:
    """The report as it came, without the causes that the parent was after; the log is nobody's belief."""
    without = without_beliefs(parent)

    def told(text: str) -> str:
        said = without(text)
        return said if tells_something(said) else text

    given = parent.intake
    tried = tuple(map(told, given.tried))
    return replace(given, text=told(given.text), tried=tried, ticket_id=parent.ticket_id)


def is_ours(text: str) -> bool:
    """Whether a text of a ticket is one that FlowPilot posted, however it was stored there."""
    plain = html.unescape(html.unescape(text))
    return _OURS.search(_BETWEEN.sub("", plain).casefold()) is not None


def readable(session: Session, *, fresh: bool = False) -> Ticket | None:
    """The ticket as a Guide or a Writer reads it: to fresh eyes our own notes would tell what was believed."""
    ticket = ticket_from_json(session.ticket) if session.ticket else None
    return without_ours(ticket) if ticket is not None and (fresh or is_fresh(session)) else ticket


def without_ours(ticket: Ticket) -> Ticket:
    """The ticket without the texts of FlowPilot's own notes. Their authors stay: they are masked wherever they stand."""
    notes = tuple(replace(note, text="") if is_ours(note.text) else note for note in ticket.notes)
    return replace(ticket, notes=notes)
