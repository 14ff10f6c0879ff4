"""The form that starts a Session: what happened, a ticket, what was tried, and files, in any mix."""

from __future__ import annotations

from collections.abc import Sequence

from bot.card import Card, Field
from bot.cards_forms import form_card, long_text, ticket_field
from bot.cards_parts import texts
from bot.words import say
from engine.psa import TicketHit


def start_form(hits: Sequence[TicketHit] = (), *, connected: bool = True, problem: str = "") -> Card:
    """Submitting it is `start` with `text`, `ticket`, `tried` and `files`. `problem`: why no tickets are offered."""
    ticket = [ticket_field(say("start.ticket"), hits, say("start.ticket_hint"))] if connected else []
    inputs = [
        long_text("text", say("start.text"), hint=say("start.text_hint")),
        *ticket,
        long_text("tried", say("start.tried"), hint=say("start.tried_hint")),
        Field("files", say("start.files"), "file", hint=say("start.files_hint")),
    ]
    away = problem if connected else say("start.no_psa")
    blocks = (*texts(say("start.intro")), *texts(away, tone="muted"))
    return form_card(say("start.title"), "start", None, say("start.submit"), inputs, blocks)
