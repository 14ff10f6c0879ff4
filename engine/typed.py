"""What people wrote into a record: where a password may stand that no text for the PSA may hold."""

from __future__ import annotations

from collections.abc import Sequence

from engine.history import History
from engine.psa import Ticket
from engine.redact_values import secret_values

LOOKED_AT = 30_000
"""Characters of one text: no note shows more of it."""
_SHORTEST = 8
"""A text that names a password and says which is no shorter."""


def typed(history: History, ticket: Ticket | None) -> tuple[str, ...]:
    """Never a flow's own text, which may name a password's place."""
    session, asked = history.session, history.session.escalation
    return (
        *(step.outcome.text for step in history.done if step.outcome),
        *(note.text for note in history.notes),
        session.intake.text,
        session.resolution_summary,
        session.resolution_action,
        *((asked.reason, asked.blockers, asked.promised) if asked else ()),
        *((ticket.summary, ticket.description or "") if ticket else ()),
    )


def secrets_of(history: History, ticket: Ticket | None, known: Sequence[str] = ()) -> tuple[str, ...]:
    """The `known` ones and those found by rule: what one answer names a password is one in every text."""
    texts = (text[:LOOKED_AT] for text in dict.fromkeys(typed(history, ticket)) if len(text) >= _SHORTEST)
    return tuple(dict.fromkeys((*known, *secret_values(texts))))
